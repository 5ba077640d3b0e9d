/* Self-attention with grouped key/value heads, causal or in both directions. */
#include <stdlib.h>
#include <string.h>

#include "math/activation.h"
#include "model/heads.h"

#define ROTATION_STEPS 3 /* roundings of the original: products with cosine and sine and their sum */

struct attention {
    struct pass *pass;
    struct heads heads;
    size_t head_dim;
    float *gates; /* [rows, heads, head_dim], before their sigmoid; NULL: there are none */
    float *q;     /* [rows, heads, head_dim] */
    float *k;     /* [rows, kv_heads, head_dim] */
    float *v;
    float *loose; /* keys, then values, of sequences without a cache: [kv_heads][count][head_dim] each */
};

static bool attention_allocate(struct attention *a, struct error *error)
{
    size_t rows = a->pass->rows, q = a->heads.heads * a->head_dim, kv = a->heads.kv_heads * a->head_dim;
    bool gated = a->pass->model->config->gated_heads;
    a->q = malloc((gated ? 2 : 1) * rows * q * sizeof *a->q);
    a->gates = gated ? malloc(rows * q * sizeof *a->gates) : NULL;
    a->k = malloc(rows * kv * sizeof *a->k);
    a->v = malloc(rows * kv * sizeof *a->v);
    a->heads.out = malloc(rows * q * sizeof *a->heads.out);
    a->loose = malloc(2 * rows * kv * sizeof *a->loose);
    a->heads.q = a->q;
    return (a->q && (a->gates || !gated) && a->k && a->v && a->heads.out && a->loose) ||
           error_memory(error, "attention");
}

static void attention_free(struct attention *a)
{
    free(a->q);
    free(a->gates);
    free(a->k);
    free(a->v);
    free(a->heads.out);
    free(a->loose);
    heads_end(&a->heads);
}

static bool attention_project(struct attention *a, int layer, const float *in, struct error *error)
{
    struct pass *pass = a->pass;
    const struct projection projections[] = {
        {WEIGHT_Q, WEIGHT_Q_BIAS, a->q}, {WEIGHT_K, WEIGHT_K_BIAS, a->k}, {WEIGHT_V, WEIGHT_V_BIAS, a->v}};
    if (!pass_linear(pass, layer, in, projections, 3, error))
        return false;
    size_t heads = pass->rows * a->heads.heads, each = a->head_dim;
    for (size_t head = 0; a->gates && head < heads; head++) { /* a head's gate lies behind its query */
        memcpy(a->gates + head * each, a->q + (2 * head + 1) * each, each * sizeof *a->q);
        memmove(a->q + head * each, a->q + 2 * head * each, each * sizeof *a->q);
    }
    return true;
}

static void attention_gate(struct attention *a)
{
    size_t count = a->pass->rows * a->heads.heads * a->head_dim;
    if (!a->gates)
        return;
    activate(ACTIVATION_SIGMOID, a->gates, a->heads.out, count);
    memcpy(a->heads.out, a->gates, count * sizeof *a->gates);
    pass_round(a->pass, a->heads.out, a->heads.heads * a->head_dim, 1);
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
           (attention_norm(a, WEIGHT_Q_NORM, POINT_Q_NORM, layer, a->q, a->heads.heads, error) &&
            attention_norm(a, WEIGHT_K_NORM, POINT_K_NORM, layer, a->k, a->heads.kv_heads, error));
}

static void attention_rotate(struct attention *a, int layer)
{
    struct pass *pass = a->pass;
    if (pass->model->config->rotation[layer] == ROTATED_NOT)
        return;
    rope_rotate(pass, layer, a->q, a->heads.heads, a->head_dim, true);
    rope_rotate(pass, layer, a->k, a->heads.kv_heads, a->head_dim, false);
    pass_round(pass, a->q, a->heads.heads * a->head_dim, ROTATION_STEPS);
    pass_round(pass, a->k, a->heads.kv_heads * a->head_dim, ROTATION_STEPS);
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
    size_t heads = a->heads.kv_heads, kv = heads * a->head_dim;
    for (size_t i = 0; i < pass->count; i++) {
        const struct sequence *sequence = &pass->sequences[i];
        float *loose = a->loose + 2 * pass->first[i] * kv;
        struct kv_view view = {.keys = loose, .values = loose + sequence->count * kv, .capacity = sequence->count};
        if (sequence->kv)
            view = kv_layer(sequence->kv, layer);
        a->heads.views[i] = (struct head_view){
            .keys = view.keys, .values = view.values, .capacity = view.capacity, .length = view.length};
        for (size_t token = 0; token < sequence->count; token++) {
            const float *k = a->k + (pass->first[i] + token) * kv, *v = a->v + (pass->first[i] + token) * kv;
            for (size_t head = 0; head < heads; head++) {
                size_t to = (head * view.capacity + view.length + token) * a->head_dim;
                memcpy(view.keys + to, k + head * a->head_dim, a->head_dim * sizeof *k);
                memcpy(view.values + to, v + head * a->head_dim, a->head_dim * sizeof *v);
            }
        }
    }
}

static bool attention_whole(struct pass *pass, int layer, const float *in, struct error *error)
{
    struct attention a = {.pass = pass, .head_dim = (size_t)pass->model->config->head_dim};
    bool good = heads_begin(&a.heads, pass, layer, error) && attention_allocate(&a, error) &&
                attention_project(&a, layer, in, error) && attention_place(&a, layer, error);
    if (good) {
        attention_store(&a, layer);
        good = heads_attend(&a.heads, 0, pass->count, error);
    }
    if (good)
        pass_round(pass, a.heads.out, a.heads.heads * a.head_dim, 1);
    if (good)
        attention_gate(&a);
    const struct projection output = {WEIGHT_O, WEIGHT_O_BIAS, pass->block};
    good = good && pass_linear(pass, layer, a.heads.out, &output, 1, error);
    attention_free(&a);
    return good;
}

bool attention_forward(struct pass *pass, int layer, const float *in, struct error *error)
{
    const struct model_config *config = pass->model->config;
    return (config->is_linear[layer] ? linear_attention_forward
            : config->latent         ? latent_forward
                                     : attention_whole)(pass, layer, in, error);
}
