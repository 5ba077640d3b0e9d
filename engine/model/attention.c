/* Self-attention with grouped key/value heads, causal or in both directions. */
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "math/activation.h"
#include "math/kernels.h"
#include "model/pass.h"

#define QUERY_BLOCK 64

/* Roundings of the original: products with cosine and sine and their sum; of scores, product and scale. */
#define ROTATION_STEPS 3
#define SCORE_STEPS 2

/* A block of queries of one sequence under one key/value head. */
struct attention_task {
    int sequence;
    int kv_head;
    size_t first; /* token of this pass */
    size_t count;
};

struct attention {
    struct pass *pass;
    size_t before, behind; /* a token sees so many before it and behind it, and itself; SIZE_MAX: all */
    bool blind;            /* not itself, where there is one before it */
    size_t heads, kv_heads, head_dim;
    size_t group_at, head_at; /* query heads from the first of one key/value head to that of the next; within it */
    float scale;              /* of scores */
    double cap;               /* that they are bounded by, softly; 0: none */
    const float *sinks;       /* [heads]; NULL: none */
    float *q;                 /* [rows, heads, head_dim] */
    float *k;                 /* [rows, kv_heads, head_dim] */
    float *v;
    float *out;   /* [rows, heads, head_dim] */
    float *loose; /* keys, then values, of sequences without a cache: [kv_heads][count][head_dim] each */
    struct kv_view *views;
    struct attention_task *tasks;
    size_t task_count;
    atomic_bool failed;
};

static bool attention_allocate(struct attention *a, struct error *error)
{
    size_t rows = a->pass->rows, q = a->heads * a->head_dim, kv = a->kv_heads * a->head_dim, tasks = 0;
    for (size_t i = 0; i < a->pass->count; i++)
        tasks += a->kv_heads * ((a->pass->sequences[i].count + QUERY_BLOCK - 1) / QUERY_BLOCK);
    a->q = malloc(rows * q * sizeof *a->q);
    a->k = malloc(rows * kv * sizeof *a->k);
    a->v = malloc(rows * kv * sizeof *a->v);
    a->out = malloc(rows * q * sizeof *a->out);
    a->loose = malloc(2 * rows * kv * sizeof *a->loose);
    a->views = malloc(a->pass->count * sizeof *a->views);
    a->tasks = malloc(tasks * sizeof *a->tasks);
    return (a->q && a->k && a->v && a->out && a->loose && a->views && a->tasks) || error_memory(error, "attention");
}

static void attention_free(struct attention *a)
{
    free(a->q);
    free(a->k);
    free(a->v);
    free(a->out);
    free(a->loose);
    free(a->views);
    free(a->tasks);
}

static bool attention_project(struct attention *a, int layer, const float *in, struct error *error)
{
    struct pass *pass = a->pass;
    const struct projection projections[] = {
        {WEIGHT_Q, WEIGHT_Q_BIAS, a->q}, {WEIGHT_K, WEIGHT_K_BIAS, a->k}, {WEIGHT_V, WEIGHT_V_BIAS, a->v}};
    return pass_linear(pass, layer, in, projections, 3, error);
}

/* Of queries or keys, head by head, or over all of them. */
static bool attention_norm(struct attention *a, enum weight gain, enum point point, int layer, float *values,
                           size_t heads, struct error *error)
{
    struct pass *pass = a->pass;
    int how = pass->model->config->switches.head_norm;
    bool wide = pass->model->config->head_gains_wide;
    size_t together = wide || how == HEAD_NORM_WIDE ? heads : 1;
    return (how == HEAD_NORM_NONE || pass_norm(pass, gain, layer, values, values, pass->rows * heads / together,
                                               together * a->head_dim, (wide ? heads : 1) * a->head_dim, error)) &&
           pass_show(pass, point, layer, values, pass->rows, pass->row_of, error);
}

static bool attention_norms(struct attention *a, int layer, struct error *error)
{
    return !config_calls_for(a->pass->model->config, WEIGHT_Q_NORM, layer) ||
           (attention_norm(a, WEIGHT_Q_NORM, POINT_Q_NORM, layer, a->q, a->heads, error) &&
            attention_norm(a, WEIGHT_K_NORM, POINT_K_NORM, layer, a->k, a->kv_heads, error));
}

static void attention_rotate(struct attention *a, int layer)
{
    struct pass *pass = a->pass;
    if (pass->model->config->rotation[layer] == ROTATED_NOT)
        return;
    rope_rotate(pass, layer, a->q, a->heads, true);
    rope_rotate(pass, layer, a->k, a->kv_heads, false);
    pass_round(pass, a->q, a->heads * a->head_dim, ROTATION_STEPS);
    pass_round(pass, a->k, a->kv_heads * a->head_dim, ROTATION_STEPS);
}

/* Queries and keys as they meet. */
static bool attention_place(struct attention *a, int layer, struct error *error)
{
    bool after = a->pass->model->config->switches.head_norm == HEAD_NORM_AFTER;
    if (!after && !attention_norms(a, layer, error))
        return false;
    attention_rotate(a, layer);
    return !after || attention_norms(a, layer, error);
}

/* Lays the new keys and values behind those of earlier passes, head by head. */
static void attention_store(struct attention *a, int layer)
{
    const struct pass *pass = a->pass;
    size_t kv = a->kv_heads * a->head_dim;
    for (size_t i = 0; i < pass->count; i++) {
        const struct sequence *sequence = &pass->sequences[i];
        float *loose = a->loose + 2 * pass->first[i] * kv;
        struct kv_view view = {.keys = loose, .values = loose + sequence->count * kv, .capacity = sequence->count};
        if (sequence->kv)
            view = kv_layer(sequence->kv, layer);
        a->views[i] = view;
        for (size_t token = 0; token < sequence->count; token++) {
            const float *k = a->k + (pass->first[i] + token) * kv, *v = a->v + (pass->first[i] + token) * kv;
            for (size_t head = 0; head < a->kv_heads; head++) {
                size_t to = (head * view.capacity + view.length + token) * a->head_dim;
                memcpy(view.keys + to, k + head * a->head_dim, a->head_dim * sizeof *k);
                memcpy(view.values + to, v + head * a->head_dim, a->head_dim * sizeof *v);
            }
        }
        for (size_t first = 0; first < sequence->count; first += QUERY_BLOCK)
            for (size_t head = 0; head < a->kv_heads; head++)
                a->tasks[a->task_count++] = (struct attention_task){
                    .sequence = (int)i,
                    .kv_head = (int)head,
                    .first = first,
                    .count = sequence->count - first < QUERY_BLOCK ? sequence->count - first : QUERY_BLOCK};
    }
}

/* The keys that a block of queries meets: `length` of them from key `base` on. */
struct attention_keys {
    size_t position; /* of the first query */
    size_t total;    /* tokens that have keys */
    size_t base;
    size_t length;
    bool shared; /* all rows are heads of one token, else they are tokens */
};

/* Some of the keys: begin .. end - 1. */
struct attention_span {
    size_t begin;
    size_t end;
};

/* Those that a token sees, of `total`. */
static struct attention_span token_span(const struct attention *a, size_t position, size_t total)
{
    size_t rest = total - position - 1;
    return (struct attention_span){.begin = position > a->before ? position - a->before : 0,
                                   .end = position + !(a->blind && position) + (rest < a->behind ? rest : a->behind)};
}

static struct attention_span row_span(const struct attention *a, const struct attention_keys *keys, size_t row)
{
    struct attention_span span = token_span(a, keys->position + (keys->shared ? 0 : row), keys->total);
    return (struct attention_span){.begin = span.begin - keys->base, .end = span.end - keys->base};
}

static struct attention_keys task_keys(const struct attention *a, const struct attention_task *task, bool shared)
{
    size_t length = a->views[task->sequence].length, position = length + task->first;
    struct attention_keys keys = {
        .position = position, .total = length + a->pass->sequences[task->sequence].count, .shared = shared};
    keys.base = token_span(a, position, keys.total).begin;
    keys.length = token_span(a, position + task->count - 1, keys.total).end - keys.base;
    return keys;
}

/* One row of scores, the query `which` of the pass: scaled, masked outside its span, made probabilities. */
static void attention_weights(const struct attention *a, int sequence, uint64_t which, float *scores, size_t length,
                              struct attention_span span)
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

/* out[m, head_dim] = scores[m, length] * values[length, head_dim]. A masked value has a weight of 0, but 0 times one
 * that is not finite is NaN: then every row is multiplied by itself, with the values that it sees. */
static bool attention_values(const struct attention *a, const struct attention_keys *keys, int thread,
                             const float *scores, const float *values, float *out, size_t lda, size_t m)
{
    struct workspace *workspace = a->pass->model->workspace;
    bool good = workspace_product(workspace, thread, PRODUCT_PLAIN, scores, keys->length, values, a->head_dim, out, lda,
                                  m, a->head_dim, keys->length);
    bool finite = good;
    for (size_t row = 0; finite && row < m; row++)
        finite = all_finite(out + row * lda, a->head_dim);
    for (size_t row = 0; good && !finite && row < m; row++) {
        struct attention_span span = row_span(a, keys, row);
        good = workspace_product(workspace, thread, PRODUCT_PLAIN, scores + row * keys->length + span.begin,
                                 keys->length, values + span.begin * a->head_dim, a->head_dim, out + row * lda, lda, 1,
                                 a->head_dim, span.end - span.begin);
    }
    return good;
}

/* `m` rows of queries, `lda` floats apart, over the same keys. When `shared` they all are heads of one token, else
 * tokens. */
static bool attention_block(const struct attention *a, const struct attention_task *task, int thread, const float *q,
                            float *out, size_t lda, size_t m, bool shared, float *scores)
{
    const struct kv_view *view = &a->views[task->sequence];
    const struct attention_keys keys = task_keys(a, task, shared);
    size_t head = ((size_t)task->kv_head * view->capacity + keys.base) * a->head_dim;
    if (!workspace_product(a->pass->model->workspace, thread, PRODUCT_TRANSPOSED, q, lda, view->keys + head,
                           a->head_dim, scores, keys.length, m, keys.length, a->head_dim))
        return false;
    for (size_t row = 0; row < m; row++)
        attention_weights(a, task->sequence, (uint64_t)(q - a->q) / a->head_dim + row * lda / a->head_dim,
                          scores + row * keys.length, keys.length, row_span(a, &keys, row));
    return attention_values(a, &keys, thread, scores, view->values + head, out, lda, m);
}

static void attention_run(void *context, size_t index, int thread)
{
    struct attention *a = context;
    const struct attention_task *task = &a->tasks[index];
    size_t group = a->heads / a->kv_heads, width = a->heads * a->head_dim;
    size_t rows = task->count > group ? task->count : group;
    float *scores =
        workspace_floats(a->pass->model->workspace, thread, 0, rows * task_keys(a, task, task->count == 1).length);
    size_t at =
        (a->pass->first[task->sequence] + task->first) * width + (size_t)task->kv_head * a->group_at * a->head_dim;
    bool good = scores;
    if (good && task->count == 1)
        good = attention_block(a, task, thread, a->q + at, a->out + at, a->head_at * a->head_dim, group, true, scores);
    for (size_t head = 0; good && task->count > 1 && head < group; head++) {
        size_t from = at + head * a->head_at * a->head_dim;
        good = attention_block(a, task, thread, a->q + from, a->out + from, width, task->count, false, scores);
    }
    if (!good)
        a->failed = true;
}

static double attention_scale(const struct model_config *config)
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
static void attention_mask(struct attention *a, const struct model_config *config, int layer)
{
    const struct switches *switches = &config->switches;
    int tokens = switches->window ? switches->window : config->window[layer];
    bool windowed = tokens > 0, both = config->both_directions || switches->mask == MASK_NONE;
    size_t window = windowed ? (size_t)tokens : SIZE_MAX;
    a->before = windowed && !both ? window - 1 : window;
    a->behind = both ? window : switches->mask == MASK_AHEAD;
    a->blind = switches->mask == MASK_BEHIND;
}

bool attention_forward(struct pass *pass, int layer, const float *in, struct error *error)
{
    const struct model_config *config = pass->model->config;
    bool tiled = config->switches.groups == GROUPS_TILED;
    struct attention a = {.pass = pass,
                          .heads = (size_t)config->heads,
                          .kv_heads = (size_t)config->kv_heads,
                          .head_dim = (size_t)config->head_dim,
                          .group_at = tiled ? 1 : (size_t)(config->heads / config->kv_heads),
                          .head_at = tiled ? (size_t)config->kv_heads : 1,
                          .scale = (float)attention_scale(config),
                          .cap = config->attention_cap};
    attention_mask(&a, config, layer);
    if (!config->switches.no_sinks && !model_vector(pass->model, WEIGHT_SINKS, layer, &a.sinks, error))
        return false;
    bool good =
        attention_allocate(&a, error) && attention_project(&a, layer, in, error) && attention_place(&a, layer, error);
    if (good) {
        attention_store(&a, layer);
        pool_run(workspace_pool(pass->model->workspace), a.task_count, attention_run, &a);
        good = !a.failed || error_memory(error, "attention scores");
    }
    if (good)
        pass_round(pass, a.out, a.heads * a.head_dim, 1);
    const struct projection output = {WEIGHT_O, WEIGHT_O_BIAS, pass->block};
    good = good && pass_linear(pass, layer, a.out, &output, 1, error);
    attention_free(&a);
    return good;
}
