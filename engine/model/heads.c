#include "model/heads.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/activation.h"
#include "math/kernels.h"

#define QUERY_BLOCK 64
#define SCORE_STEPS 2 /* roundings of the original: product and scale */

/* A block of queries of one sequence under one key/value head. */
struct heads_task {
    int sequence;
    int kv_head;
    size_t first; /* token of this pass */
    size_t count;
};

/* The keys that a block of queries meets: `length` of them from key `base` on. */
struct heads_keys {
    size_t position; /* of the first query */
    size_t total;    /* tokens that have keys */
    size_t base;
    size_t length;
    bool shared; /* all rows are heads of one token, else they are tokens */
};

/* Some of the keys: begin .. end - 1. */
struct heads_span {
    size_t begin;
    size_t end;
};

/* Those that a token sees, of `total`. */
static struct heads_span token_span(const struct heads *a, size_t position, size_t total)
{
    size_t rest = total - position - 1;
    return (struct heads_span){.begin = position > a->before ? position - a->before : 0,
                               .end = position + !(a->blind && position) + (rest < a->behind ? rest : a->behind)};
}

static struct heads_span row_span(const struct heads *a, const struct heads_keys *keys, size_t row)
{
    struct heads_span span = token_span(a, keys->position + (keys->shared ? 0 : row), keys->total);
    return (struct heads_span){.begin = span.begin - keys->base, .end = span.end - keys->base};
}

static struct heads_keys task_keys(const struct heads *a, const struct heads_task *task, bool shared)
{
    size_t length = a->views[task->sequence].length, position = length + task->first;
    struct heads_keys keys = {
        .position = position, .total = length + a->pass->sequences[task->sequence].count, .shared = shared};
    keys.base = token_span(a, position, keys.total).begin;
    keys.length = token_span(a, position + task->count - 1, keys.total).end - keys.base;
    return keys;
}

/* One row of scores, the query `which` of the pass: scaled, masked outside its span, made probabilities. */
static void heads_weights(const struct heads *a, int sequence, uint64_t which, float *scores, size_t length,
                          struct heads_span span)
{
    for (size_t i = span.begin; i < span.end; i++)
        scores[i] *= a->scale;
    soft_cap(scores + span.begin, a->cap, span.end - span.begin);
    memset(scores, 0, span.begin * sizeof *scores);
    pass_round_here(a->pass, sequence, scores + span.begin, span.end - span.begin, SCORE_STEPS, 2 * which);
    if (a->sinks)
        softmax_sink(scores + span.begin, span.end - span.begin, a->sinks[which % a->heads]);
    else
        softmax(scores + span.begin, span.end - span.begin);
    pass_round_here(a->pass, sequence, scores + span.begin, span.end - span.begin, 1, 2 * which + 1);
    memset(scores + span.end, 0, (length - span.end) * sizeof *scores);
}

/* out[m, value_dim] = scores[m, length] * values[length, value_dim]. A masked value has a weight of 0, but 0 times one
 * that is not finite is NaN: then every row is multiplied by itself, with the values that it sees. */
static bool heads_values(const struct heads *a, const struct heads_keys *keys, int thread, const float *scores,
                         const float *values, float *out, size_t lda, size_t m)
{
    struct workspace *workspace = a->pass->model->workspace;
    bool good = workspace_product(workspace, thread, PRODUCT_PLAIN, scores, keys->length, values, a->value_pitch, out,
                                  lda, m, a->value_dim, keys->length);
    bool finite = good;
    for (size_t row = 0; finite && row < m; row++)
        finite = all_finite(out + row * lda, a->value_dim);
    for (size_t row = 0; good && !finite && row < m; row++) {
        struct heads_span span = row_span(a, keys, row);
        good = workspace_product(workspace, thread, PRODUCT_PLAIN, scores + row * keys->length + span.begin,
                                 keys->length, values + span.begin * a->value_pitch, a->value_pitch, out + row * lda,
                                 lda, 1, a->value_dim, span.end - span.begin);
    }
    return good;
}

/* Where rows of queries lie, and where what they find goes: `step` heads apart. */
struct heads_rows {
    size_t head; /* of all heads of all rows, the first */
    size_t count, step;
    bool shared; /* all rows are heads of one token, else they are tokens */
};

/* Rows of queries over the same keys. */
static bool heads_block(const struct heads *a, const struct heads_task *task, int thread, const struct heads_rows *rows,
                        float *scores)
{
    const struct head_view *view = &a->views[task->sequence];
    const struct heads_keys keys = task_keys(a, task, rows->shared);
    size_t at = (size_t)task->kv_head * view->capacity + keys.base;
    if (!workspace_product(a->pass->model->workspace, thread, PRODUCT_TRANSPOSED, a->q + rows->head * a->key_dim,
                           rows->step * a->key_dim, view->keys + at * a->key_pitch, a->key_pitch, scores, keys.length,
                           rows->count, keys.length, a->key_dim))
        return false;
    for (size_t row = 0; row < rows->count; row++)
        heads_weights(a, task->sequence, rows->head + row * rows->step, scores + row * keys.length, keys.length,
                      row_span(a, &keys, row));
    return heads_values(a, &keys, thread, scores, view->values + at * a->value_pitch,
                        a->out + rows->head * a->value_dim, rows->step * a->value_dim, rows->count);
}

static void heads_task_run(void *context, size_t index, int thread)
{
    struct heads *a = context;
    const struct heads_task *task = &a->tasks[index];
    size_t group = a->heads / a->kv_heads, most = task->count > group ? task->count : group;
    float *scores =
        workspace_floats(a->pass->model->workspace, thread, 0, most * task_keys(a, task, task->count == 1).length);
    size_t at = (a->pass->first[task->sequence] + task->first) * a->heads + (size_t)task->kv_head * a->group_at;
    bool good = scores;
    if (good && task->count == 1)
        good = heads_block(a, task, thread, &(struct heads_rows){at, group, a->head_at, true}, scores);
    for (size_t head = 0; good && task->count > 1 && head < group; head++) {
        const struct heads_rows rows = {at + head * a->head_at, task->count, a->heads, false};
        good = heads_block(a, task, thread, &rows, scores);
    }
    if (!good)
        a->failed = true;
}

static double heads_scale(const struct model_config *config)
{
    switch (config->switches.scale) {
    case SCALE_NONE:
        return 1;
    case SCALE_TWICE:
        return 1 / (double)config->head_dim;
    case SCALE_HIDDEN:
        return 1 / sqrt((double)config->hidden);
    default:
        return config->attention_multiplier > 0 ? config->attention_multiplier : 1 / sqrt((double)config->head_dim);
    }
}

/* Who sees whom. */
static void heads_mask(struct heads *a, const struct model_config *config, int layer)
{
    const struct switches *switches = &config->switches;
    int tokens = switches->window ? switches->window : config->window[layer];
    bool windowed = tokens > 0, both = config->both_directions || switches->mask == MASK_NONE;
    size_t window = windowed ? (size_t)tokens : SIZE_MAX;
    a->before = windowed && !both ? window - 1 : window;
    a->behind = both ? window : switches->mask == MASK_AHEAD;
    a->blind = switches->mask == MASK_BEHIND;
}

bool heads_begin(struct heads *heads, struct pass *pass, int layer, struct error *error)
{
    const struct model_config *config = pass->model->config;
    bool tiled = config->switches.groups == GROUPS_TILED;
    *heads = (struct heads){.pass = pass,
                            .heads = (size_t)config->heads,
                            .kv_heads = (size_t)config->kv_heads,
                            .key_dim = (size_t)config->head_dim,
                            .value_dim = (size_t)config->value_dim,
                            .key_pitch = (size_t)config->head_dim,
                            .value_pitch = (size_t)config->value_dim,
                            .group_at = tiled ? 1 : (size_t)(config->heads / config->kv_heads),
                            .head_at = tiled ? (size_t)config->kv_heads : 1,
                            .scale = (float)heads_scale(config),
                            .cap = config->attention_cap};
    heads_mask(heads, config, layer);
    heads->views = calloc(pass->count, sizeof *heads->views);
    return (heads->views || error_memory(error, "attention")) &&
           (config->switches.no_sinks || model_vector(pass->model, WEIGHT_SINKS, layer, &heads->sinks, error));
}

void heads_end(struct heads *heads)
{
    free(heads->views);
}

bool heads_attend(struct heads *heads, size_t first_sequence, size_t end, struct error *error)
{
    const struct pass *pass = heads->pass;
    size_t most = 0;
    for (size_t i = first_sequence; i < end; i++)
        most += heads->kv_heads * ((pass->sequences[i].count + QUERY_BLOCK - 1) / QUERY_BLOCK);
    heads->tasks = malloc(most * sizeof *heads->tasks);
    heads->task_count = 0;
    if (!heads->tasks)
        return error_memory(error, "attention");
    for (size_t i = first_sequence; i < end; i++) {
        size_t count = pass->sequences[i].count;
        for (size_t first = 0; first < count; first += QUERY_BLOCK)
            for (size_t head = 0; head < heads->kv_heads; head++)
                heads->tasks[heads->task_count++] =
                    (struct heads_task){.sequence = (int)i,
                                        .kv_head = (int)head,
                                        .first = first,
                                        .count = count - first < QUERY_BLOCK ? count - first : QUERY_BLOCK};
    }
    pool_run(workspace_pool(pass->model->workspace), heads->task_count, heads_task_run, heads);
    free(heads->tasks);
    heads->tasks = NULL;
    return !heads->failed || error_memory(error, "attention scores");
}
