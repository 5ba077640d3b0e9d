#include "model/model.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/wording.h"
#include "math/kernels.h"
#include "model/expert_cache.h"
#include "model/model_internal.h"

struct slot *model_slot(struct model *model, enum weight weight, int layer, int expert)
{
    if (expert >= 0)
        return &model->experts[((size_t)layer * (size_t)model->config->experts + (size_t)expert) *
                                   (size_t)expert_weights(model->config) +
                               (size_t)(weight - WEIGHT_EXPERT_GATE)];
    return &model->slots[(size_t)weight * (size_t)model->config->layers + (size_t)(layer < 0 ? 0 : layer)];
}

/* Looks every expected tensor up; those that are absent, or cannot be computed with, go into the lists. */
struct lookup {
    struct model *model;
    struct expected_list absent;
    struct buffer refused;
    bool memory;
};

static bool lookup_visit(void *context, const struct expected *expected)
{
    struct lookup *lookup = context;
    struct slot *slot = model_slot(lookup->model, expected->weight, expected->layer, expected->expert);
    const struct tensor *tensor = weights_find(lookup->model->store, expected);
    struct error refusal = {0};
    slot->rows = expected->rank == 2 ? (size_t)expected->shape[0] : 1;
    slot->columns = (size_t)expected->shape[expected->rank - 1];
    slot->matrix = expected->rank == 2;
    if (!tensor && expected->optional)
        return true;
    if (!tensor) {
        lookup->memory = lookup->memory || !expected_list_add(&lookup->absent, expected);
        return true;
    }
    if (weight_fits(expected, tensor, &refusal))
        slot->tensor = tensor;
    else
        buffer_format(&lookup->refused, "%s%s", lookup->refused.size ? "; " : "", error_text(&refusal));
    error_clear(&refusal);
    return true;
}

static bool lookup_judge(struct lookup *lookup, struct error *error)
{
    const struct store *store = lookup->model->store;
    if (lookup->memory)
        return error_memory(error, "tensors");
    if (lookup->model->options.missing != MISSING_FAIL || (!lookup->absent.count && !lookup->refused.size))
        return true;
    struct buffer text = {0};
    if (lookup->absent.count) {
        buffer_format(&text, "%zu tensor%s that the configuration calls for %s absent: ", lookup->absent.count,
                      text_plural(lookup->absent.count), lookup->absent.count == 1 ? "is" : "are");
        expected_list_text(&lookup->absent, &text);
    }
    if (lookup->refused.size)
        buffer_format(&text, "%s%s", text.size ? "; " : "", lookup->refused.data);
    for (size_t i = 0; i < store_problem_count(store); i++)
        buffer_format(&text, "; %s", store_problem(store, i));
    for (size_t i = 0; i < store_note_count(store); i++)
        buffer_format(&text, "; %s", store_note(store, i));
    error_set(error, "%s: %s", store_path(store), text.data ? text.data : "tensors are absent");
    buffer_free(&text);
    return false;
}

static bool model_look_up(struct model *model, struct error *error)
{
    struct lookup lookup = {.model = model};
    const struct model_options *options = &model->options;
    int layers = model->config->layers, first = 0, end = layers;
    if (options->missing != MISSING_FAIL) { /* what no pass runs need not be there */
        first = options->first_block > 0 ? options->first_block - 1 : 0;
        end = options->end_block - 1 < layers ? options->end_block - 1 : layers;
    }
    weights_each_in(model->config, first, end, lookup_visit, &lookup);
    bool good = lookup_judge(&lookup, error);
    expected_list_free(&lookup.absent);
    buffer_free(&lookup.refused);
    return good;
}

static uint64_t memory_default(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGE_SIZE);
    uint64_t third = pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size / 3 : MODEL_MEMORY_DEFAULT;
    return third < MODEL_MEMORY_DEFAULT ? third : MODEL_MEMORY_DEFAULT;
}

bool embedding_is_head(struct model *model)
{
    return model->config->tied && !model_slot(model, WEIGHT_HEAD, -1, -1)->tensor;
}

/* What the matrices that are no expert's will take; all of `memory` if they do not fit. */
static uint64_t room_of_others(struct model *model)
{
    const struct slot *embedding = model_slot(model, WEIGHT_EMBEDDING, -1, -1);
    uint64_t room = 0;
    for (size_t i = 0; i < WEIGHT_COUNT * (size_t)model->config->layers; i++) {
        const struct slot *slot = &model->slots[i];
        if (!slot->tensor || !slot->matrix || (slot == embedding && !embedding_is_head(model)))
            continue;
        if (kept_room(slot->tensor->bytes) > model->options.memory - room)
            return model->options.memory;
        room += kept_room(slot->tensor->bytes);
    }
    return room;
}

/* Experts get what the others leave. */
static bool model_open_experts(struct model *model, struct error *error)
{
    if (!model->experts)
        return true;
    model->cache = expert_cache_new(model->store, model->experts, (size_t)expert_weights(model->config),
                                    model->config->layers, model->config->experts,
                                    model->options.memory - room_of_others(model), model->options.cache_experts, error);
    return model->cache;
}

struct model *model_open(const struct store *store, const struct model_config *config,
                         const struct model_options *options, struct error *error)
{
    if (!config_computes(config, store_path(store), error))
        return NULL;
    struct model *model = calloc(1, sizeof *model);
    size_t layers = (size_t)config->layers, experts = (size_t)config->experts;
    if (!model) {
        error_memory(error, "model");
        return NULL;
    }
    model->store = store;
    model->config = config;
    model->options = *options;
    if (!model->options.memory)
        model->options.memory = memory_default();
    if (!model->options.end_block)
        model->options.end_block = MODEL_BLOCKS(config);
    model->workspace = workspace_new(options->threads, error);
    if (model->workspace)
        workspace_exact(model->workspace, options->exact);
    model->slots = calloc(WEIGHT_COUNT * layers, sizeof *model->slots);
    model->experts = experts ? calloc(layers * experts * (size_t)expert_weights(config), sizeof *model->experts) : NULL;
    if (!model->slots || (experts && !model->experts))
        error_memory(error, "model");
    else if (model->workspace && model_look_up(model, error) && model_open_experts(model, error))
        return model;
    model_free(model);
    return NULL;
}

static void slots_free(struct slot *slots, size_t count)
{
    for (size_t i = 0; slots && i < count; i++) {
        free(slots[i].values);
        free(slots[i].vector);
    }
    free(slots);
}

void model_free(struct model *model)
{
    if (!model)
        return;
    size_t layers = (size_t)model->config->layers;
    slots_free(model->slots, WEIGHT_COUNT * layers);
    expert_cache_free(model->cache);
    slots_free(model->experts, layers * (size_t)model->config->experts * (size_t)expert_weights(model->config));
    workspace_free(model->workspace);
    free(model);
}

const struct model_config *model_config_of(const struct model *model)
{
    return model->config;
}

int model_layers(const struct model *model)
{
    int first = model->options.first_block, end = model->options.end_block, layers = model->config->layers;
    first = first < 1 ? 1 : first;
    end = end > layers + 1 ? layers + 1 : end;
    return end > first ? end - first : 0;
}

struct expert_counts model_expert_counts(const struct model *model, int layer)
{
    struct expert_counts counts = {0};
    if (model->cache)
        counts = expert_cache_counts(model->cache, layer);
    for (int i = 0; i < model->config->layers; i++)
        if ((layer < 0 || i == layer) && model->config->sparse[i])
            counts.experts += (uint64_t)model->config->experts;
    return counts;
}

struct workspace *model_workspace(struct model *model)
{
    return model->workspace;
}

void model_keep_weights(struct model *model, bool keep)
{
    model->keep = keep;
}

/* Weights that are no expert's are kept first come, first served, and never dropped: a pass uses all of them in turn,
 * so replacing the least recently used would always replace the next one needed. What does not fit, or finds no memory,
 * is read as it is used. */
static bool slot_keep(struct model *model, struct slot *slot, struct error *error)
{
    uint64_t room = kept_room(slot->tensor->bytes);
    if (room > model->options.memory || model->kept > model->options.memory - room)
        return true;
    void *values = aligned_alloc(64, (size_t)room);
    if (!values)
        return true;
    if (!store_read(model->store, slot->tensor, values, error)) {
        free(values);
        return false;
    }
    slot->values = values;
    model->kept += room;
    return true;
}

bool model_matrix(struct model *model, enum weight weight, int layer, struct matrix *out, struct error *error)
{
    struct slot *slot = model_slot(model, weight, layer, -1);
    if (model->keep && slot->tensor && !slot->values && !slot_keep(model, slot, error))
        return false;
    *out = slot_matrix(model->store, slot);
    return true;
}

struct matrix model_embedding(struct model *model)
{
    return slot_matrix(model->store, model_slot(model, WEIGHT_EMBEDDING, -1, -1));
}

bool model_vector(struct model *model, enum weight weight, int layer, const float **out, struct error *error)
{
    return model_expert_vector(model, weight, layer, -1, out, error);
}

bool model_expert_vector(struct model *model, enum weight weight, int layer, int expert, const float **out,
                         struct error *error)
{
    struct slot *slot = model_slot(model, weight, layer, expert);
    *out = slot->vector;
    if (slot->vector || !slot->columns)
        return true;
    float *vector = malloc(slot->columns * sizeof *vector);
    if (!vector)
        return error_memory(error, weight_class(weight));
    bool ones = weight_rows[weight].part == PART_GAIN && model->options.missing != MISSING_ZERO;
    for (size_t i = 0; i < slot->columns; i++)
        vector[i] = (float)(ones ? 1 - weight_gain_offset(model->config, weight) : 0);
    struct matrix matrix = slot_matrix(model->store, slot);
    int row = 0;
    if (slot->tensor && !matrix_rows(&matrix, &row, 1, vector, error)) {
        free(vector);
        return false;
    }
    *out = slot->vector = vector;
    return true;
}
