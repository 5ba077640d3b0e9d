#include <stdlib.h>

#include "base/numbers.h"
#include "model/model_internal.h"

struct kv {
    size_t capacity;
    size_t length;
    size_t whole;        /* tokens of the sequence, as it said */
    size_t layer_floats; /* kv_heads * capacity * head_dim, or of latents */
    size_t parts;        /* keys and values, or latents alone */
    float *floats;       /* [layers][parts][layer_floats] */
};

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
    bool fits = multiply_u64(token, capacity, &floats) &&
                multiply_u64(floats, parts * (uint64_t)config->layers, &total) && total < SIZE_MAX / sizeof(float);
    if (kv && fits) {
        kv->capacity = capacity;
        kv->layer_floats = (size_t)floats;
        kv->parts = parts;
        kv->floats = malloc((size_t)(total ? total : 1) * sizeof(float));
    }
    if (kv && kv->floats)
        return kv;
    free(kv);
    error_set(error, "out of memory: keys and values of %zu tokens", capacity);
    return NULL;
}

void kv_free(struct kv *kv)
{
    if (!kv)
        return;
    free(kv->floats);
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
    kv->whole = whole;
}

void kv_clear(struct kv *kv)
{
    kv->length = kv->whole = 0;
}

struct kv_view kv_layer(struct kv *kv, int layer)
{
    float *floats = kv->floats + (size_t)layer * kv->parts * kv->layer_floats;
    return (struct kv_view){.keys = floats,
                            .values = kv->parts > 1 ? floats + kv->layer_floats : NULL,
                            .capacity = kv->capacity,
                            .length = kv->length};
}
