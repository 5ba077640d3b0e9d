/* Is this gold for this model? */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden/golden_internal.h"
#include "model/probe.h"

/* The point that a path names, by trying all of them. */
static bool path_point(const struct model_config *config, const char *path, enum point *point)
{
    int layer = -1, used = 0;
    if (sscanf(path, "model.layers.%d%n", &layer, &used) == 1 && used && (layer < 0 || layer >= config->layers))
        return false;
    for (int i = 0; i < POINT_COUNT; i++) {
        char expected[POINT_PATH];
        int at = point_in_layer((enum point)i) ? layer : -1;
        if (point_exists(config, (enum point)i, at) && strcmp(point_path((enum point)i, at, expected), path) == 0) {
            *point = (enum point)i;
            return true;
        }
    }
    return false;
}

/* The size that a point's width decides. Heads of one value each: a dump tells only how many values all heads have. */
static void config_take_width(struct model_config *config, enum point point, int width)
{
    int *size = point == POINT_Q_NORM   ? &config->heads
                : point == POINT_K_NORM ? &config->kv_heads
                : point == POINT_ROUTER ? &config->experts
                : point == POINT_HEAD   ? &config->vocabulary
                                        : &config->hidden;
    if (!*size)
        *size = width;
}

/* Layers, and which have experts, then the sizes: each from the first tensor that shows it; golden_fits holds the
 * others against them. */
static struct model_config *config_from_tensors(const struct golden *golden, struct error *error)
{
    struct model_config *config = calloc(1, sizeof *config);
    if (!config) {
        error_memory(error, golden->path);
        return NULL;
    }
    config->norms = ~0u;
    config->layers = 1;
    config->head_dim = 1;
    config->experts_per_token = 1;
    for (size_t i = 0; i < golden->tensor_count; i++) {
        const struct golden_tensor *tensor = &golden->tensors[i];
        int layer = -1, used = 0;
        if (sscanf(tensor->path, "model.layers.%d%n", &layer, &used) != 1 || !used || layer < 0 ||
            layer >= CONFIG_LAYERS_MAX)
            continue;
        config->layers = layer >= config->layers ? layer + 1 : config->layers;
        if (strcmp(tensor->path + used, ".mlp.gate") == 0)
            config->sparse[layer] = true;
    }
    for (size_t i = 0; i < golden->tensor_count; i++) {
        enum point point;
        if (path_point(config, golden->tensors[i].path, &point) && golden->tensors[i].width <= INT_MAX)
            config_take_width(config, point, (int)golden->tensors[i].width);
    }
    if (!config->vocabulary)
        config->vocabulary = INT_MAX; /* no logits: nothing is looked up by an id */
    return config;
}

struct model_config *golden_config(const struct golden *golden, struct error *error)
{
    if (!golden->config)
        return config_from_tensors(golden, error);
    cJSON *json = json_parse(golden->path, golden->config, strlen(golden->config), error);
    struct model_config *config = json ? config_parse(golden->path, json, error) : NULL;
    cJSON_Delete(json);
    if (!config)
        error_context(error, "metadata \"config\"");
    if (!config || config->family)
        return config;
    /* it says nothing of the tensors */
    struct model_config *shown = config_from_tensors(golden, error);
    if (shown)
        memcpy(shown->model_type, config->model_type, sizeof shown->model_type);
    free(config);
    return shown;
}

static bool config_compatible(const struct golden *golden, const struct model_config *config, struct error *error)
{
    if (!golden->config)
        return true;
    struct model_config *gold = golden_config(golden, error);
    if (!gold)
        return false;
    struct buffer differences = {0};
    config_differences(config, gold, &differences);
    bool good = !differences.size ||
                error_set(error, "%s was made for another configuration: %s", golden->path, differences.data);
    buffer_free(&differences);
    free(gold);
    return good;
}

static bool tokenizer_compatible(const struct golden *golden, const char *sha256, struct error *error)
{
    if (!golden->tokenizer_sha256 || !*sha256 || strcmp(golden->tokenizer_sha256, sha256) == 0)
        return true;
    return error_set(
        error, "%s was made with another tokenizer: SHA-256 of tokenizer.json is %.16s... here and %.16s... there",
        golden->path, sha256, golden->tokenizer_sha256);
}

/* Tensors of modules that the engine has no probe for (a dump may hold any) are not compared, and are no error. */
static bool shapes_compatible(const struct golden *golden, const struct model_config *config, struct error *error)
{
    for (size_t i = 0; i < golden->tensor_count; i++) {
        const struct golden_tensor *tensor = &golden->tensors[i];
        enum point point;
        if (!path_point(config, tensor->path, &point))
            continue;
        size_t width = point_width(config, point, NULL);
        if (width && tensor->width != width) /* 0: a configuration from tensors that do not show it */
            return error_set(error, "%s: tensor '%s' has %zu values for each token; the configuration makes %zu",
                             golden->path, golden->places[i].name, tensor->width, width);
    }
    return true;
}

static bool ids_compatible(const struct golden *golden, const struct model_config *config, struct error *error)
{
    for (size_t i = 0; i < golden->case_count; i++) {
        const struct golden_case *golden_case = &golden->cases[i].public;
        for (size_t k = 0; k < golden_case->count + golden_case->greedy_count; k++) {
            int id = k < golden_case->count ? golden_case->ids[k] : golden_case->greedy[k - golden_case->count];
            if (id >= config->vocabulary)
                return error_set(error, "%s: case '%s' has the token id %d, outside the vocabulary of %d", golden->path,
                                 golden_case->id, id, config->vocabulary);
        }
    }
    return true;
}

bool golden_fits(const struct golden *golden, const struct model_config *config, struct error *error)
{
    return ids_compatible(golden, config, error) && shapes_compatible(golden, config, error);
}

bool golden_compatible(const struct golden *golden, const struct model_config *config, const char *tokenizer_sha256,
                       struct error *error)
{
    return config_compatible(golden, config, error) && tokenizer_compatible(golden, tokenizer_sha256, error) &&
           (!config->family || golden_fits(golden, config, error)); /* with what is not computed nothing is compared */
}

const char *golden_weights_sha256(const struct golden *golden)
{
    return golden->weights_sha256;
}
