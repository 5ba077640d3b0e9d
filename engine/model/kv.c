#include <stdlib.h>

#include "base/numbers.h"
#include "model/model_internal.h"

struct kv {
    size_t capacity;
    size_t length;
    size_t whole;        /* tokens of the sequence, as it said */
    size_t layer_floats; /* kv_heads * capacity * head_dim, or of latents */
    size_t parts;        /* keys and values, or latents alone */
    float *floats;       /* layer by layer: [parts][layer_floats], or a state */
    size_t state;        /* floats of one; there are two, of which one is written while the other counts */
    bool second;         /* which counts */
    size_t *begins;      /* [layers + 1]: where a layer's begin */
};

static uint64_t state_floats(const struct model_config *config)
{
    uint64_t state =
        (uint64_t)config->linear.heads * (uint64_t)config->linear.key_dim * (uint64_t)config->linear.value_dim;
    return state + (uint64_t)(config->linear.taps - 1) * config_dimension(config, DIM_LINEAR_QKV);
}

struct kv *kv_new(const struct model_config *config, size_t capacity, struct error *error)
{
    uint64_t floats = 0, total = 0;
    if (config->both_directions) {
        config_writes(config, error);
        return NULL;
    }
    struct kv *kv = calloc(1, sizeof *kv);
    uint64_t token = config->latent ? (uint64_t)(config->latent + config->rotary_dim)
                                    : (uint64_t)config->kv_heads * (uint64_t)config->head_dim;
    size_t parts = config->latent ? 1 : 2;
    bool fits = kv && multiply_u64(token, capacity, &floats) && multiply_u64(floats, parts, &floats);
    if (fits)
        kv->begins = calloc((size_t)config->layers + 1, sizeof *kv->begins);
    for (int layer = 0; fits && kv->begins && layer < config->layers; layer++) {
        fits = add_u64(total, config->is_linear[layer] ? 2 * state_floats(config) : floats, &total) &&
               total < SIZE_MAX / sizeof(float);
        kv->begins[layer + 1] = (size_t)total;
    }
    if (kv && kv->begins && fits) {
        kv->capacity = capacity;
        kv->layer_floats = (size_t)(floats / parts);
        kv->parts = parts;
        kv->state = (size_t)state_floats(config);
        kv->floats = malloc((size_t)(total ? total : 1) * sizeof(float));
    }
    if (kv && kv->floats)
        return kv;
    kv_free(kv);
    error_set(error, "out of memory: keys and values of %zu tokens", capacity);
    return NULL;
}

void kv_free(struct kv *kv)
{
    if (!kv)
        return;
    free(kv->floats);
    free(kv->begins);
    free(kv);
}

size_t kv_length(const struct kv *kv)
{
    return kv->length;
}

size_t kv_room(const struct kv *kv)
{
    return kv->capacity - kv->length;
}

size_t kv_whole(const struct kv *kv)
{
    return kv->whole;
}

void kv_advance(struct kv *kv, size_t count, size_t whole)
{
    kv->length += count;
    kv->second = !kv->second;
    kv->whole = whole;
}

void kv_clear(struct kv *kv)
{
    kv->length = kv->whole = 0;
}

struct kv_view kv_layer(struct kv *kv, int layer)
{
    float *floats = kv->floats + kv->begins[layer];
    return (struct kv_view){.keys = floats,
                            .values = kv->parts > 1 ? floats + kv->layer_floats : NULL,
                            .capacity = kv->capacity,
                            .length = kv->length};
}

float *kv_state(struct kv *kv, int layer, bool next)
{
    return kv->floats + kv->begins[layer] + (kv->second != next ? kv->state : 0);
}
