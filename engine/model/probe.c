#include "model/probe.h"

#include <stdio.h>

static const struct point_row {
    const char *name; /* below model.layers.N, or whole */
    bool in_layer;
} point_rows[POINT_COUNT] = {
    [POINT_EMBEDDING] = {"model.embed_tokens", false},
    [POINT_INPUT_NORM] = {".input_layernorm", true},
    [POINT_Q_NORM] = {".self_attn.q_norm", true},
    [POINT_K_NORM] = {".self_attn.k_norm", true},
    [POINT_ATTENTION] = {".self_attn", true},
    [POINT_POST_NORM] = {".post_attention_layernorm", true},
    [POINT_ROUTER] = {".mlp.gate", true},
    [POINT_MLP] = {".mlp", true},
    [POINT_LAYER] = {"", true},
    [POINT_FINAL_NORM] = {"model.norm", false},
    [POINT_HEAD] = {"lm_head", false},
};

bool point_in_layer(enum point point)
{
    return point_rows[point].in_layer;
}

const char *point_path(enum point point, int layer, char *path)
{
    if (point_rows[point].in_layer)
        snprintf(path, POINT_PATH, "model.layers.%d%s", layer, point_rows[point].name);
    else
        snprintf(path, POINT_PATH, "%s", point_rows[point].name);
    return path;
}

bool point_exists(const struct model_config *config, enum point point, int layer)
{
    if (point_rows[point].in_layer != (layer >= 0) || layer >= config->layers)
        return false;
    if (point == POINT_Q_NORM || point == POINT_K_NORM)
        return config->qk_norm;
    return point != POINT_ROUTER || config->sparse[layer];
}

size_t point_width(const struct model_config *config, enum point point, size_t *heads)
{
    size_t count = point == POINT_Q_NORM ? (size_t)config->heads : point == POINT_K_NORM ? (size_t)config->kv_heads : 0;
    if (heads)
        *heads = count;
    if (count)
        return count * (size_t)config->head_dim;
    return (size_t)(point == POINT_ROUTER ? config->experts
                    : point == POINT_HEAD ? config->vocabulary
                                          : config->hidden);
}
