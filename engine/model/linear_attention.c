/* Attention whose layers keep a state in the place of keys and values: the gated delta rule behind a short convolution
 * (https://arxiv.org/abs/2412.06464, section 3; as qwen3_next has it).
 *
 * Of each head the state S is [key_dim, value_dim]. With the decay g, the strength b, and keys k and queries q of
 * length one: S = g S; S = S + k (b (v - k S)); what comes out is q S / sqrt(key_dim). */
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "math/activation.h"
#include "math/kernels.h"
#include "model/pass.h"

#define LENGTH_EPSILON 1e-6 /* beside the squares of a query or key */

struct linear_attention {
    struct pass *pass;
    int layer;
    size_t heads, value_dim, key_heads, key_dim, taps;
    size_t group;        /* heads of values that a head of keys serves */
    size_t keys, values; /* all heads' */
    size_t channels;     /* queries, keys, values */
    float *packed;       /* [rows]: of each head of keys its query, key, values, and gates of these */
    float *strengths;    /* [rows]: of each head of keys the strengths of its values, and steps */
    float *mixed;        /* [rows, channels]: queries, keys and values of all heads, convolved */
    float *out;          /* [rows, heads, value_dim] */
    float *loose;        /* a state, of a sequence that keeps none: [sequences] */
    size_t state, held;  /* floats of a state, and with the inputs of the convolution */
    const float *decays, *steps, *gain;
    const float *taps_of; /* [taps, channels] */
    atomic_bool failed;
};

static bool linear_allocate(struct linear_attention *l, struct error *error)
{
    size_t rows = l->pass->rows;
    l->packed = malloc(rows * 2 * (l->keys + l->values) * sizeof *l->packed);
    l->strengths = malloc(rows * 2 * l->heads * sizeof *l->strengths);
    l->mixed = malloc(rows * l->channels * sizeof *l->mixed);
    l->out = malloc(rows * l->values * sizeof *l->out);
    l->loose = malloc(l->pass->count * l->held * sizeof *l->loose);
    return (l->packed && l->strengths && l->mixed && l->out && l->loose) || error_memory(error, "linear attention");
}

static void linear_free(struct linear_attention *l, float *taps)
{
    free(l->packed);
    free(l->strengths);
    free(l->mixed);
    free(l->out);
    free(l->loose);
    free(taps);
}

/* Of a row, the packed values of a head of keys. */
static const float *packed_head(const struct linear_attention *l, size_t row, size_t head)
{
    return l->packed + row * 2 * (l->keys + l->values) + head * 2 * (l->key_dim + l->group * l->value_dim);
}

/* Queries, keys and values one behind the other, as the convolution takes them. */
static void unpack(const struct linear_attention *l, size_t row, float *out)
{
    size_t key = l->key_dim, each = l->group * l->value_dim;
    for (size_t head = 0; head < l->key_heads; head++) {
        const float *from = packed_head(l, row, head);
        memcpy(out + head * key, from, key * sizeof *out);
        memcpy(out + l->keys + head * key, from + key, key * sizeof *out);
        memcpy(out + 2 * l->keys + head * each, from + 2 * key, each * sizeof *out);
    }
}

/* That of the pass before, and `next` that of this one. */
static float *state_of(const struct linear_attention *l, size_t sequence, bool next)
{
    struct kv *kv = l->pass->sequences[sequence].kv;
    return kv ? kv_state(kv, l->layer, next) : l->loose + sequence * l->held;
}

static bool is_fresh(const struct linear_attention *l, size_t sequence)
{
    const struct kv *kv = l->pass->sequences[sequence].kv;
    return !kv || !kv_length(kv);
}

struct convolution {
    struct linear_attention *l;
    const float *line; /* [past + tokens, channels] */
    size_t first, count;
};

#define CONVOLUTION_TOKENS 16

/* Each channel over the last `taps` tokens, and its activation. */
static void convolution_task(void *context, size_t task, int thread)
{
    const struct convolution *job = context;
    struct linear_attention *l = job->l;
    size_t begin = task * CONVOLUTION_TOKENS, end = begin + CONVOLUTION_TOKENS, channels = l->channels;
    double *sums = malloc(channels * sizeof *sums);
    (void)thread;
    if (!sums) {
        l->failed = true;
        return;
    }
    for (size_t token = begin; token < end && token < job->count; token++) {
        float *out = l->mixed + (job->first + token) * channels;
        for (size_t c = 0; c < channels; c++)
            sums[c] = 0;
        for (size_t tap = 0; tap < l->taps; tap++)
            for (size_t c = 0; c < channels; c++)
                sums[c] += (double)l->taps_of[tap * channels + c] * (double)job->line[(token + tap) * channels + c];
        for (size_t c = 0; c < channels; c++)
            out[c] = (float)sums[c];
        activate((enum activation_function)l->pass->model->config->switches.activation, out, NULL, channels);
    }
    free(sums);
}

/* Of a sequence. What came before is kept behind the state. */
static bool convolve(struct linear_attention *l, size_t sequence, struct error *error)
{
    size_t count = l->pass->sequences[sequence].count, first = l->pass->first[sequence], past = l->taps - 1;
    const float *kept = state_of(l, sequence, false) + l->state;
    float *line = malloc((past + count) * l->channels * sizeof *line + 1);
    if (!line)
        return error_memory(error, "linear attention");
    if (is_fresh(l, sequence))
        memset(line, 0, past * l->channels * sizeof *line);
    else
        memcpy(line, kept, past * l->channels * sizeof *line);
    for (size_t token = 0; token < count; token++)
        unpack(l, first + token, line + (past + token) * l->channels);
    struct convolution job = {l, line, first, count};
    pool_run(workspace_pool(l->pass->model->workspace), (count + CONVOLUTION_TOKENS - 1) / CONVOLUTION_TOKENS,
             convolution_task, &job);
    memcpy(state_of(l, sequence, true) + l->state, line + count * l->channels, past * l->channels * sizeof *line);
    free(line);
    return !l->failed || error_memory(error, "linear attention");
}

/* As long as one; queries shorter by the root of their size. */
static void to_length(const float *x, size_t count, double times, double *out)
{
    double squares = 0;
    for (size_t i = 0; i < count; i++)
        squares += (double)x[i] * (double)x[i];
    for (size_t i = 0; i < count; i++)
        out[i] = (double)x[i] / sqrt(squares + LENGTH_EPSILON) * times;
}

/* One token of one head: what comes out, and the state behind it. */
static void delta(const struct linear_attention *l, size_t row, size_t head, double *state, double *scratch, float *out)
{
    size_t keys = l->key_dim, values = l->value_dim, served = head / l->group;
    const float *mixed = l->mixed + row * l->channels, *value = mixed + 2 * l->keys + head * values;
    const float *pair = l->strengths + row * 2 * l->heads + served * 2 * l->group + head % l->group;
    double *query = scratch, *key = query + keys, *change = key + keys;
    double strength = 1 / (1 + exp(-(double)pair[0])), step = (double)pair[l->group] + (double)l->steps[head];
    double decay = exp(-exp((double)l->decays[head]) * (step > 20 ? step : log1p(exp(step))));
    to_length(mixed + served * keys, keys, 1 / sqrt((double)keys), query);
    to_length(mixed + l->keys + served * keys, keys, 1, key);
    for (size_t v = 0; v < values; v++)
        change[v] = 0;
    for (size_t k = 0; k < keys; k++)
        for (size_t v = 0; v < values; v++) {
            state[k * values + v] *= decay;
            change[v] += key[k] * state[k * values + v];
        }
    double *sum = change + values;
    for (size_t v = 0; v < values; v++) {
        change[v] = ((double)value[v] - change[v]) * strength;
        sum[v] = 0;
    }
    for (size_t k = 0; k < keys; k++)
        for (size_t v = 0; v < values; v++) {
            state[k * values + v] += key[k] * change[v];
            sum[v] += query[k] * state[k * values + v];
        }
    for (size_t v = 0; v < values; v++)
        out[v] = (float)sum[v];
}

/* The norm of a head's output, times what it is multiplied by: silu of its gate. */
static void gate_norm(const struct linear_attention *l, size_t row, size_t head, float *out)
{
    size_t values = l->value_dim;
    const float *gates =
        packed_head(l, row, head / l->group) + 2 * l->key_dim + l->group * values + head % l->group * values;
    rms_norm(out, l->gain, 0, l->pass->model->config->norm_epsilon, out, values);
    for (size_t v = 0; v < values; v++)
        out[v] = (float)((double)out[v] * ((double)gates[v] / (1 + exp(-(double)gates[v]))));
}

/* A head of a sequence, token by token. */
static void linear_task(void *context, size_t task, int thread)
{
    struct linear_attention *l = context;
    size_t sequence = task / l->heads, head = task % l->heads, size = l->key_dim * l->value_dim;
    const float *kept = state_of(l, sequence, false) + head * size;
    float *next = state_of(l, sequence, true) + head * size;
    bool fresh = is_fresh(l, sequence);
    double *state = malloc((size + 2 * (l->key_dim + l->value_dim)) * sizeof *state);
    (void)thread;
    if (!state) {
        l->failed = true;
        return;
    }
    for (size_t i = 0; i < size; i++)
        state[i] = fresh ? 0 : (double)kept[i];
    for (size_t row = l->pass->first[sequence]; row < l->pass->first[sequence + 1]; row++) {
        float *out = l->out + row * l->values + head * l->value_dim;
        delta(l, row, head, state, state + size, out);
        gate_norm(l, row, head, out);
    }
    for (size_t i = 0; i < size; i++)
        next[i] = (float)state[i];
    free(state);
}

static bool linear_weights(struct linear_attention *l, float **taps, struct error *error)
{
    struct model *model = l->pass->model;
    struct matrix conv;
    if (!model_vector(model, WEIGHT_LINEAR_DECAY, l->layer, &l->decays, error) ||
        !model_vector(model, WEIGHT_LINEAR_STEP, l->layer, &l->steps, error) ||
        !model_vector(model, WEIGHT_LINEAR_NORM, l->layer, &l->gain, error) ||
        !model_matrix(model, WEIGHT_LINEAR_CONV, l->layer, &conv, error))
        return false;
    float *rows = malloc(l->channels * l->taps * sizeof *rows);
    int *ids = malloc(l->channels * sizeof *ids);
    *taps = malloc(l->channels * l->taps * sizeof **taps);
    bool good = (*taps && rows && ids) || error_memory(error, "linear attention");
    for (size_t i = 0; good && i < l->channels; i++)
        ids[i] = (int)i;
    good = good && matrix_rows(&conv, ids, l->channels, rows, error);
    for (size_t c = 0; good && c < l->channels; c++)
        for (size_t tap = 0; tap < l->taps; tap++)
            (*taps)[tap * l->channels + c] = rows[c * l->taps + tap];
    free(rows);
    l->taps_of = *taps;
    free(ids);
    return good;
}

static bool linear_run(struct linear_attention *l, struct error *error)
{
    struct pass *pass = l->pass;
    for (size_t i = 0; i < pass->count; i++)
        if (!convolve(l, i, error))
            return false;
    pass_round(pass, l->mixed, l->channels, 2);
    pool_run(workspace_pool(pass->model->workspace), pass->count * l->heads, linear_task, l);
    if (l->failed)
        return error_memory(error, "linear attention");
    pass_round(pass, l->out, l->values, 4);
    return pass_show(pass, POINT_LINEAR_NORM, l->layer, l->out, pass->rows, pass->row_of, error);
}

bool linear_attention_forward(struct pass *pass, int layer, const float *in, struct error *error)
{
    const struct model_config *config = pass->model->config;
    struct linear_attention l = {.pass = pass,
                                 .layer = layer,
                                 .heads = (size_t)config->linear.heads,
                                 .value_dim = (size_t)config->linear.value_dim,
                                 .key_heads = (size_t)config->linear.key_heads,
                                 .key_dim = (size_t)config->linear.key_dim,
                                 .taps = (size_t)config->linear.taps};
    l.group = l.heads / l.key_heads;
    l.keys = l.key_heads * l.key_dim;
    l.values = l.heads * l.value_dim;
    l.channels = 2 * l.keys + l.values;
    l.state = l.heads * l.key_dim * l.value_dim;
    l.held = l.state + (l.taps - 1) * l.channels;
    float *taps = NULL;
    bool good = linear_allocate(&l, error) && linear_weights(&l, &taps, error);
    const struct projection inwards[] = {{WEIGHT_LINEAR_QKVZ, WEIGHT_COUNT, l.packed},
                                         {WEIGHT_LINEAR_BA, WEIGHT_COUNT, l.strengths}};
    const struct projection outwards = {WEIGHT_LINEAR_OUT, WEIGHT_COUNT, pass->block};
    good = good && pass_linear(pass, layer, in, inwards, 2, error) && linear_run(&l, error) &&
           pass_linear(pass, layer, l.out, &outwards, 1, error);
    linear_free(&l, taps);
    return good;
}
