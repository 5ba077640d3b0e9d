/* Attention whose keys and values are made of a latent of each token, which is all that is cached (multi-head latent
 * attention; DeepSeek-V2, https://arxiv.org/abs/2405.04434, section 2.1). */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "model/heads.h"

#define ROTATION_STEPS 3 /* roundings of the original: products with cosine and sine and their sum */
#define ABSORBED_MOST 16 /* new tokens of a sequence for which past keys and values are not made anew */

struct latent {
    struct pass *pass;
    int layer;
    struct heads heads;              /* over keys and values */
    size_t width;                    /* of a latent */
    size_t rotated, unrotated, held; /* of a key; of a cached token: the latent, and what is rotated */
    size_t queries, expanded;        /* all heads' queries; and their keys, without what is rotated, with
                                        their values */
    float *query_latent, *q, *packed, *latent, *turned; /* of each row: ...; what kv_a makes, and its two parts */
    float *loose;                                       /* what would be cached, of sequences that cache nothing */
    struct head_view *cached;                           /* [sequences] */
    bool *absorbed;                                     /* [sequences]: over the latents themselves */
};

static bool latent_allocate(struct latent *l, struct error *error)
{
    const struct model_config *config = l->pass->model->config;
    size_t rows = l->pass->rows, count = l->pass->count;
    l->query_latent = malloc((rows * (size_t)config->query_latent + 1) * sizeof *l->query_latent);
    l->q = malloc(rows * l->queries * sizeof *l->q);
    l->packed = malloc(rows * l->held * sizeof *l->packed);
    l->latent = malloc(rows * l->width * sizeof *l->latent);
    l->turned = malloc(rows * l->rotated * sizeof *l->turned);
    l->loose = malloc(rows * l->held * sizeof *l->loose);
    l->cached = calloc(count, sizeof *l->cached);
    l->absorbed = calloc(count, sizeof *l->absorbed);
    l->heads.out = malloc(rows * l->heads.heads * l->heads.value_dim * sizeof *l->heads.out);
    return (l->query_latent && l->q && l->packed && l->latent && l->turned && l->loose && l->cached && l->absorbed &&
            l->heads.out) ||
           error_memory(error, "attention");
}

static void latent_free(struct latent *l)
{
    free(l->query_latent);
    free(l->q);
    free(l->packed);
    free(l->latent);
    free(l->turned);
    free(l->loose);
    free(l->cached);
    free(l->absorbed);
    free(l->heads.out);
    heads_end(&l->heads);
}

static bool latent_norm(struct latent *l, enum weight gain, enum point point, float *values, size_t width,
                        struct error *error)
{
    return pass_norm(l->pass, gain, l->layer, values, values, l->pass->rows, width, width, error) &&
           pass_show(l->pass, point, l->layer, values, l->pass->rows, l->pass->row_of, error);
}

/* Queries, latents, and what of a key is rotated. */
static bool latent_project(struct latent *l, const float *in, struct error *error)
{
    struct pass *pass = l->pass;
    size_t query_latent = (size_t)pass->model->config->query_latent;
    const struct projection down[] = {{WEIGHT_KV_LATENT, WEIGHT_KV_LATENT_BIAS, l->packed},
                                      query_latent
                                          ? (struct projection){WEIGHT_Q_LATENT, WEIGHT_Q_LATENT_BIAS, l->query_latent}
                                          : (struct projection){WEIGHT_Q, WEIGHT_COUNT, l->q}};
    const struct projection up = {WEIGHT_Q_UP, WEIGHT_COUNT, l->q};
    if (!pass_linear(pass, l->layer, in, down, 2, error) ||
        (query_latent &&
         (!latent_norm(l, WEIGHT_Q_LATENT_NORM, POINT_Q_LATENT_NORM, l->query_latent, query_latent, error) ||
          !pass_linear(pass, l->layer, l->query_latent, &up, 1, error))))
        return false;
    for (size_t row = 0; row < pass->rows; row++) {
        memcpy(l->latent + row * l->width, l->packed + row * l->held, l->width * sizeof *l->latent);
        memcpy(l->turned + row * l->rotated, l->packed + row * l->held + l->width, l->rotated * sizeof *l->turned);
    }
    return latent_norm(l, WEIGHT_KV_LATENT_NORM, POINT_KV_LATENT_NORM, l->latent, l->width, error);
}

static void latent_rotate(struct latent *l)
{
    struct pass *pass = l->pass;
    if (pass->model->config->rotation[l->layer] == ROTATED_NOT)
        return;
    rope_rotate(pass, l->layer, l->q, l->heads.heads, l->heads.key_dim, true);
    rope_rotate(pass, l->layer, l->turned, 1, l->rotated, false);
    pass_round(pass, l->q, l->queries, ROTATION_STEPS);
    pass_round(pass, l->turned, l->rotated, ROTATION_STEPS);
}

/* Lays what is new behind what was cached, and decides what is done with either. */
static void latent_store(struct latent *l)
{
    const struct pass *pass = l->pass;
    for (size_t i = 0; i < pass->count; i++) {
        const struct sequence *sequence = &pass->sequences[i];
        struct kv_view view = {.keys = l->loose + pass->first[i] * l->held, .capacity = sequence->count};
        if (sequence->kv)
            view = kv_layer(sequence->kv, l->layer);
        for (size_t token = 0; token < sequence->count; token++) {
            float *to = view.keys + (view.length + token) * l->held;
            size_t row = pass->first[i] + token;
            memcpy(to, l->latent + row * l->width, l->width * sizeof *to);
            memcpy(to + l->width, l->turned + row * l->rotated, l->rotated * sizeof *to);
        }
        l->cached[i] = (struct head_view){.keys = view.keys, .values = view.keys, .length = view.length};
        l->absorbed[i] = view.length && sequence->count <= ABSORBED_MOST;
    }
}

/* --- keys and values as they are --- */

/* keys [heads][tokens][key_dim] and values [heads][tokens][value_dim] of latents: each head's key is what is made of
 * the latent, and what is rotated, which all heads share. */
static void spread(const struct latent *l, const float *made, const float *cached, size_t tokens, float *keys,
                   float *values)
{
    size_t key = l->heads.key_dim, value = l->heads.value_dim, each = l->unrotated + value;
    for (size_t head = 0; head < l->heads.heads; head++)
        for (size_t token = 0; token < tokens; token++) {
            const float *from = made + token * l->expanded + head * each;
            float *to = keys + (head * tokens + token) * key;
            memcpy(to, from, l->unrotated * sizeof *to);
            memcpy(to + l->unrotated, cached + token * l->held + l->width, l->rotated * sizeof *to);
            memcpy(values + (head * tokens + token) * value, from + l->unrotated, value * sizeof *to);
        }
}

static bool attend_whole(struct latent *l, size_t sequence, struct error *error)
{
    struct pass *pass = l->pass;
    const struct head_view *cached = &l->cached[sequence];
    size_t tokens = cached->length + pass->sequences[sequence].count, key = l->heads.heads * l->heads.key_dim;
    float *made = malloc(tokens * l->expanded * sizeof *made), *keys = malloc(tokens * key * sizeof *keys);
    float *values = malloc(tokens * l->heads.heads * l->heads.value_dim * sizeof *values);
    struct linear_part up = {.out = made, .ldo = l->expanded};
    bool good = (made && keys && values) || error_memory(error, "attention");
    good = good && model_matrix(pass->model, WEIGHT_KV_UP, l->layer, &up.weight, error) &&
           linear(pass->model->workspace, cached->keys, l->held, tokens, &up, 1, error);
    if (good) {
        pass_round_here(pass, (int)sequence, made, tokens * l->expanded, 1, (uint64_t)l->layer);
        spread(l, made, cached->keys, tokens, keys, values);
        l->heads.views[sequence] =
            (struct head_view){.keys = keys, .values = values, .capacity = tokens, .length = cached->length};
        l->heads.q = l->q;
        good = heads_attend(&l->heads, sequence, sequence + 1, error);
    }
    free(made);
    free(keys);
    free(values);
    return good;
}

/* --- over the latents themselves --- */

/* Few new tokens behind many: what makes keys of latents is applied to queries, and what makes values to what was
 * found, so that neither is made of all that is cached. */
struct absorbing {
    const struct latent *l;
    size_t first, end; /* rows */
    struct matrix up;
    float *q;     /* [rows, heads, held] */
    float *found; /* [rows, heads, width] */
    bool behind;  /* queries are done, and what they found comes next */
    pthread_mutex_t lock;
    struct error error;
};

/* One head. */
static bool absorb(const struct absorbing *absorbing, size_t head, int thread, struct error *error)
{
    const struct latent *l = absorbing->l;
    struct workspace *workspace = l->pass->model->workspace;
    size_t heads = l->heads.heads, value = l->heads.value_dim, key = l->heads.key_dim, row = absorbing->first;
    size_t count = absorbing->behind ? value : l->unrotated, begin = absorbing->behind ? l->unrotated : 0;
    float *up = workspace_floats(workspace, thread, 2, count * l->width);
    int *ids = malloc(count * sizeof *ids);
    bool good = (up && ids) || error_memory(error, "attention");
    for (size_t i = 0; good && i < count; i++)
        ids[i] = (int)(head * (l->unrotated + value) + begin + i);
    good = good && matrix_rows(&absorbing->up, ids, count, up, error);
    free(ids);
    if (!good)
        return false;
    size_t at = row * heads + head, rows = absorbing->end - row;
    if (absorbing->behind)
        return workspace_product(workspace, thread, PRODUCT_TRANSPOSED, absorbing->found + at * l->width,
                                 heads * l->width, up, l->width, l->heads.out + at * value, heads * value, rows, value,
                                 l->width) ||
               error_memory(error, "attention");
    for (size_t i = 0; i < rows; i++)
        memcpy(absorbing->q + (at + i * heads) * l->held + l->width, l->q + (at + i * heads) * key + l->unrotated,
               l->rotated * sizeof *l->q);
    return workspace_product(workspace, thread, PRODUCT_PLAIN, l->q + at * key, heads * key, up, l->width,
                             absorbing->q + at * l->held, heads * l->held, rows, l->width, l->unrotated) ||
           error_memory(error, "attention");
}

static void absorb_task(void *context, size_t head, int thread)
{
    struct absorbing *absorbing = context;
    struct error error = {0};
    if (absorb(absorbing, head, thread, &error))
        return;
    pthread_mutex_lock(&absorbing->lock);
    if (!absorbing->error.text)
        absorbing->error = error;
    else
        error_clear(&error);
    pthread_mutex_unlock(&absorbing->lock);
}

static bool absorb_all(struct absorbing *absorbing, bool behind, struct error *error)
{
    absorbing->behind = behind;
    pool_run(workspace_pool(absorbing->l->pass->model->workspace), absorbing->l->heads.heads, absorb_task, absorbing);
    if (!absorbing->error.text)
        return true;
    *error = absorbing->error;
    return false;
}

/* As many groups of heads as work at a time: whatever the number of threads, for sums depend on it. */
static size_t groups_of(size_t heads)
{
    size_t groups = 8;
    while (heads % groups)
        groups--;
    return groups;
}

/* Of sequences first .. end - 1. */
static bool attend_absorbed(struct latent *l, size_t first, size_t end, struct error *error)
{
    struct pass *pass = l->pass;
    struct heads over = l->heads; /* over one key, the latent and what is rotated, whose value is the latent */
    struct absorbing absorbing = {.l = l, .first = pass->first[first], .end = pass->first[end]};
    size_t all = pass->first[end] * l->heads.heads;
    absorbing.q = malloc(all * l->held * sizeof *absorbing.q);
    absorbing.found = malloc(all * l->width * sizeof *absorbing.found);
    over.kv_heads = groups_of(over.heads);
    over.group_at = over.heads / over.kv_heads;
    over.head_at = 1;
    over.key_dim = over.key_pitch = over.value_pitch = l->held;
    over.value_dim = l->width;
    over.views = l->cached;
    over.q = absorbing.q;
    over.out = absorbing.found;
    pthread_mutex_init(&absorbing.lock, NULL);
    bool good = (absorbing.q && absorbing.found) || error_memory(error, "attention");
    good = good && model_matrix(pass->model, WEIGHT_KV_UP, l->layer, &absorbing.up, error) &&
           absorb_all(&absorbing, false, error) && heads_attend(&over, first, end, error) &&
           absorb_all(&absorbing, true, error);
    pthread_mutex_destroy(&absorbing.lock);
    free(absorbing.q);
    free(absorbing.found);
    return good;
}

static bool latent_attend(struct latent *l, struct error *error)
{
    size_t count = l->pass->count;
    bool good = true;
    for (size_t i = 0, end; good && i < count; i = end) {
        end = i + 1;
        while (l->absorbed[i] && end < count && l->absorbed[end])
            end++;
        good = l->absorbed[i] ? attend_absorbed(l, i, end, error) : attend_whole(l, i, error);
    }
    return good;
}

bool latent_forward(struct pass *pass, int layer, const float *in, struct error *error)
{
    const struct model_config *config = pass->model->config;
    struct latent l = {.pass = pass,
                       .layer = layer,
                       .width = (size_t)config->latent,
                       .rotated = (size_t)config->rotary_dim,
                       .unrotated = (size_t)(config->head_dim - config->rotary_dim),
                       .held = (size_t)(config->latent + config->rotary_dim),
                       .queries = (size_t)config->heads * (size_t)config->head_dim,
                       .expanded =
                           (size_t)config->heads * (size_t)(config->head_dim - config->rotary_dim + config->value_dim)};
    bool good =
        heads_begin(&l.heads, pass, layer, error) && latent_allocate(&l, error) && latent_project(&l, in, error);
    if (good) {
        latent_rotate(&l);
        latent_store(&l);
    }
    good = good && latent_attend(&l, error);
    if (good)
        pass_round(pass, l.heads.out, l.heads.heads * l.heads.value_dim, 1);
    const struct projection output = {WEIGHT_O, WEIGHT_O_BIAS, pass->block};
    good = good && pass_linear(pass, layer, l.heads.out, &output, 1, error);
    latent_free(&l);
    return good;
}
