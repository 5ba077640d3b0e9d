/* What of this gold is for this model? */
#include <fnmatch.h>
#include <limits.h>
#include <math.h>
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
    config->norms = UINT64_MAX;
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
        const char *module = tensor->path + used;
        int width = tensor->width <= 1 << 24 ? (int)tensor->width : 0;
        if (strcmp(module, ".mlp.gate") == 0)
            config->sparse[layer] = true;
        if (strcmp(module, point_rows[POINT_Q_LATENT_NORM].path) == 0)
            config->query_latent = width;
        if (strcmp(module, point_rows[POINT_KV_LATENT_NORM].path) == 0)
            config->latent = width;
        if (strcmp(module, point_rows[POINT_LINEAR_NORM].path) == 0) {
            config->is_linear[layer] = true;
            config->linear.heads = 1;
            config->linear.value_dim = width;
        }
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

bool golden_records_config(const struct golden *golden)
{
    return golden->config;
}

/* Tensors of modules that the engine has no probe for (a dump may hold any) are not compared, and are no error. */
static bool shapes_fit(const struct golden *golden, const struct model_config *config, struct error *error)
{
    for (size_t i = 0; i < golden->tensor_count; i++) {
        const struct golden_tensor *tensor = &golden->tensors[i];
        enum point point;
        if (!path_point(config, tensor->path, &point))
            continue;
        size_t width = point_width(config, point, NULL);
        if (width && tensor->width != width) /* 0: a configuration from tensors that do not show it */
            return error_set(error,
                             "%s: tensor '%s' has %zu values for each token, but the configuration calls for %zu",
                             golden->path, golden->places[i].name, tensor->width, width);
    }
    return true;
}

bool golden_ids_fit(const struct golden *golden, int vocabulary, struct error *error)
{
    for (size_t i = 0; i < golden->case_count; i++) {
        const struct golden_case *golden_case = &golden->cases[i].public;
        for (size_t k = 0; k < golden_case->count + golden_case->greedy_count; k++) {
            int id = k < golden_case->count ? golden_case->ids[k] : golden_case->greedy[k - golden_case->count];
            if (id >= vocabulary)
                return error_set(
                    error,
                    "%s: case '%s' has the token id %d, outside the vocabulary of %d tokens: gold is of another model",
                    golden->path, golden_case->id, id, vocabulary);
        }
    }
    return true;
}

bool golden_fits(const struct golden *golden, const struct model_config *config, struct error *error)
{
    return golden_ids_fit(golden, config->vocabulary, error) && shapes_fit(golden, config, error);
}

/* --- what of it can be compared with another configuration --- */

/* What is left out of a dump. */
struct left_out {
    int layers;      /* of gold, where some lie behind the subject's last; else 0 */
    size_t cases;    /* with ids outside the vocabulary */
    const char *one; /* name of the first of them */
    size_t logits;   /* of ids behind the subject's last: how many of each token */
    size_t tensors[POINT_COUNT], there[POINT_COUNT], here[POINT_COUNT]; /* how many, and their widths */
};

static bool case_fits(struct golden_case_data *data, int vocabulary)
{
    for (size_t i = 0; i < data->public.count; i++)
        if (vocabulary && data->public.ids[i] >= vocabulary) /* 0: not known */
            return false;
    size_t fit = 0;
    while (fit < data->public.greedy_count && (!vocabulary || data->public.greedy[fit] < vocabulary))
        fit++;
    data->public.greedy_count = fit; /* what it continues with there, this model has no token for */
    return true;
}

/* The tensor as far as the subject has what it holds; false: not at all. */
static bool tensor_fits(struct golden_tensor *tensor, struct golden_place *place, const struct model_config *config,
                        struct left_out *left)
{
    enum point point;
    int layer = -1, used = 0;
    if (sscanf(tensor->path, "model.layers.%d%n", &layer, &used) == 1 && used && layer >= config->layers &&
        layer < CONFIG_LAYERS_MAX)
        left->layers = layer + 1 > left->layers ? layer + 1 : left->layers;
    if (!path_point(config, tensor->path, &point))
        return true; /* nothing is looked up there */
    size_t width = point_width(config, point, NULL);
    if (!width || tensor->width == width)
        return true;
    if (point == POINT_HEAD && tensor->kind == GOLDEN_VALUES) { /* a row for each token id */
        if (tensor->width > width) {
            left->logits = tensor->width - width;
            place->stored_width = tensor->width;
            tensor->width = width;
        }
        return true;
    }
    left->tensors[point]++;
    left->there[point] = tensor->width;
    left->here[point] = width;
    return false;
}

/* Drops the cases that do not fit: cases, tensors and maps hold the others, and the tensors know their new indices. */
static bool drop_cases(struct golden *golden, const bool *drop)
{
    size_t cases = 0, tensors = 0, *moved = calloc(golden->case_count + 1, sizeof *moved);
    bool good = moved;
    for (size_t i = 0; good && i < golden->case_count; i++)
        moved[i] = drop[i] ? cases : cases++;
    for (size_t i = 0; good && i < golden->tensor_count; i++) {
        struct golden_tensor tensor = golden->tensors[i];
        if (drop[tensor.case_index]) {
            golden_place_free(&golden->places[i]);
            continue;
        }
        tensor.case_index = moved[tensor.case_index];
        golden->places[tensors] = golden->places[i];
        golden->tensors[tensors++] = tensor;
    }
    for (size_t i = 0; good && i < golden->case_count; i++) {
        if (drop[i])
            golden_case_free(&golden->cases[i]);
        else
            golden->cases[moved[i]] = golden->cases[i];
    }
    if (good) {
        golden->case_count = cases;
        golden->tensor_count = tensors;
    }
    free(moved);
    return good;
}

/* golden_find finds those that `lost` does not mark. */
static bool find_again(struct golden *golden, const bool *lost)
{
    map_free(&golden->tensor_of);
    golden->tensor_of = (struct map){0};
    for (size_t i = 0; i < golden->tensor_count; i++) {
        const char *name = golden->places[i].name;
        if (!lost[i] && !map_add(&golden->tensor_of, name, strlen(name), i, NULL))
            return false;
    }
    return true;
}

/* The next of a list. */
static struct buffer *next(struct buffer *list)
{
    buffer_text(list, list->size ? ", " : "");
    return list;
}

static void left_out_text(const struct left_out *left, const struct model_config *config, struct buffer *list)
{
    if (config->family && left->layers > config->layers + 1)
        buffer_format(next(list), "gold's layers %d to %d", config->layers, left->layers - 1);
    else if (config->family && left->layers)
        buffer_format(next(list), "gold's layer %d", config->layers);
    if (left->cases)
        buffer_format(next(list), "%zu case%s of gold with token ids that this model does not have ('%s'%s)",
                      left->cases, left->cases > 1 ? "s" : "", left->one, left->cases > 1 ? " ..." : "");
    if (left->logits)
        buffer_format(next(list), "gold's logits of token ids from %d to %zu, and its perplexities over all of them",
                      config->vocabulary, (size_t)config->vocabulary + left->logits - 1);
    size_t count = 0;
    int first = POINT_COUNT;
    for (int point = 0; point < POINT_COUNT; point++) {
        first = left->tensors[point] && first == POINT_COUNT ? point : first;
        count += left->tensors[point];
    }
    if (count)
        buffer_format(next(list),
                      "%zu tensor%s of another width ('%s' has %zu values for each token in gold, %zu here)", count,
                      count > 1 ? "s" : "", point_rows[first].path + (*point_rows[first].path == '.'),
                      left->there[first], left->here[first]);
}

static bool like_any(const char *id, const char *const *globs, size_t count)
{
    bool like = false;
    for (size_t i = 0; i < count; i++)
        like = like || fnmatch(globs[i], id, 0) == 0;
    return like;
}

bool golden_choose(struct golden *golden, const char *const *globs, size_t count, struct error *error)
{
    bool *drop = calloc(golden->case_count + 1, sizeof *drop), *lost = calloc(golden->tensor_count + 1, sizeof *lost);
    for (size_t i = 0; drop && i < golden->case_count; i++)
        drop[i] = !like_any(golden->cases[i].id, globs, count);
    bool good = drop && lost && drop_cases(golden, drop) && find_again(golden, lost);
    free(drop);
    free(lost);
    return good || error_memory(error, golden->path);
}

bool golden_restrict(struct golden *golden, const struct model_config *config, struct buffer *list, bool *other,
                     struct error *error)
{
    struct left_out left = {0};
    bool *drop = calloc(golden->case_count + 1, sizeof *drop), *lost = NULL;
    struct buffer one = {0};
    for (size_t i = 0; drop && i < golden->case_count; i++) {
        drop[i] = !case_fits(&golden->cases[i], config->vocabulary);
        if (drop[i] && !left.cases++)
            buffer_text(&one, golden->cases[i].id);
    }
    left.one = one.data;
    bool good =
        drop && (!left.cases || drop_cases(golden, drop)) && (lost = calloc(golden->tensor_count + 1, sizeof *lost));
    for (size_t i = 0; good && i < golden->tensor_count; i++)
        lost[i] = !tensor_fits(&golden->tensors[i], &golden->places[i], config, &left);
    good = good && find_again(golden, lost);
    for (size_t i = 0; left.logits && i < golden->case_count; i++)
        golden->cases[i].public.perplexity = NAN;
    golden->has_text = golden->has_text && !left.logits;
    golden->deeper = left.layers > 0;
    if (good)
        left_out_text(&left, config, list);
    *other = false;
    for (int point = 0; point < POINT_COUNT; point++)
        *other = *other || (left.tensors[point] && point != POINT_ROUTER && point != POINT_HEAD);
    buffer_free(&one);
    free(drop);
    free(lost);
    return good || error_memory(error, golden->path);
}

bool golden_is_deeper(const struct golden *golden)
{
    return golden->deeper;
}

const char *golden_tokenizer_sha256(const struct golden *golden)
{
    return golden->tokenizer_sha256;
}

const char *golden_weights_sha256(const struct golden *golden)
{
    return golden->weights_sha256;
}
