/* Faults that lose tensors. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "faults/fault_catalogue.h"

/* Whether the fault takes the tensor. */
typedef bool tensor_test(void *context, const struct tensor *tensor, int layer, int expert);

static bool drop_where(struct fault_site *site, tensor_test *takes, void *context, struct error *error)
{
    size_t count = store_text_count(site->below), dropped = 0;
    const char **names = malloc((count + 1) * sizeof *names);
    if (!names)
        return error_memory(error, site->spec);
    for (size_t i = 0; i < count; i++) {
        const struct tensor *tensor = store_at(site->below, i);
        int layer, expert;
        tensor_place(tensor, &layer, &expert);
        if (takes(context, tensor, layer, expert))
            names[dropped++] = tensor->name;
    }
    site->changed += dropped;
    bool good = overlay_drop_all(site->overlay, names, dropped, error);
    free(names);
    return good;
}

struct shards {
    const struct store *files;            /* the store that knows the shards */
    const char *first[CONFIG_LAYERS_MAX]; /* file in which each layer begins */
};

static void shards_see(struct shards *shards, const struct tensor *tensor)
{
    int layer, expert;
    tensor_place(tensor, &layer, &expert);
    if (layer < 0 || layer >= CONFIG_LAYERS_MAX || !tensor->file)
        return;
    if (!shards->first[layer] || strcmp(path_base(tensor->file), path_base(shards->first[layer])) < 0)
        shards->first[layer] = tensor->file;
}

static bool in_later_shard(void *context, const struct tensor *tensor, int layer, int expert)
{
    const struct shards *shards = context;
    (void)expert;
    const struct tensor *original = store_find(shards->files, tensor->name);
    return layer >= 0 && layer < CONFIG_LAYERS_MAX && original && original->file && shards->first[layer] &&
           strcmp(path_base(original->file), path_base(shards->first[layer])) != 0;
}

/* An extraction knows no shards; its source does. */
static bool lay_one_shard_per_layer(struct fault_site *site, const struct fault_arguments *arguments,
                                    struct error *error)
{
    struct shards shards = {.files = site->below};
    struct store *source = NULL;
    (void)arguments;
    if (store_kind(site->below) != STORE_CHECKPOINT) {
        if (!site->means.source)
            return error_set(error,
                             "fault %s: %s is no checkpoint with shards; name the one that it came from with --source",
                             site->spec, store_path(site->below));
        if (!(source = store_open(site->means.source, error)))
            return false;
        shards.files = source;
    }
    for (size_t i = 0; i < store_text_count(shards.files); i++)
        shards_see(&shards, store_at(shards.files, i));
    bool good = drop_where(site, in_later_shard, &shards, error);
    store_free(source);
    return good;
}

const struct fault_kind fault_one_shard_per_layer = {
    {"one-shard-per-layer", "",
     "Loses every tensor of a layer that lies in a later shard of the checkpoint than the layer's first: an extractor "
     "that opens one shard for each layer",
     "gaps in every layer, norms first; everything loads, nothing crashes, gibberish",
     "an extractor that opens one shard for a layer, and takes what is not in it for absent"},
    lay_one_shard_per_layer};

struct selection {
    bool layers[CONFIG_LAYERS_MAX];
    bool *experts;      /* [expert_count] of the configuration; NULL: not looked at */
    int expert_count;   /* a tensor whose name counts further stays: no list can name it */
    const char *except; /* a projection that stays */
};

static bool is_norm(void *context, const struct tensor *tensor, int layer, int expert)
{
    const struct selection *selection = context;
    (void)expert;
    return layer >= 0 && layer < CONFIG_LAYERS_MAX && selection->layers[layer] && strstr(tensor->name, "_layernorm.");
}

static bool is_expert(void *context, const struct tensor *tensor, int layer, int expert)
{
    const struct selection *selection = context;
    assert(selection->experts);
    return layer >= 0 && layer < CONFIG_LAYERS_MAX && selection->layers[layer] && expert >= 0 &&
           expert < selection->expert_count && selection->experts[expert] &&
           (!selection->except || !strstr(tensor->name, selection->except));
}

static bool lay_missing_norms(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    struct selection selection = {0};
    return fault_layers(site, arguments->text, selection.layers, error) && drop_where(site, is_norm, &selection, error);
}

const struct fault_kind fault_missing_norms = {
    {"missing-norms", "LAYERS", "Loses both norms of the layers (1,5,9-12)",
     "values grow or shrink from that layer on; gibberish with many languages",
     "a loader that leaves a gain at ones where its tensor is absent, and says nothing"},
    lay_missing_norms};

static bool drop_experts(struct fault_site *site, struct selection *selection, struct error *error)
{
    bool good = drop_where(site, is_expert, selection, error);
    free(selection->experts);
    return good;
}

static bool lay_missing_experts(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    int experts = site->config->experts;
    struct selection selection = {.experts = calloc((size_t)experts + 1, sizeof *selection.experts),
                                  .expert_count = experts};
    const char *end = selection.experts
                          ? fault_indices(site, arguments->text, "layer", site->config->layers, selection.layers, error)
                          : NULL;
    if (end && *end != '/') {
        error_set(error, "fault %s: LAYERS/EXPERTS was expected, as 1,5/76-127", site->spec);
        end = NULL;
    }
    if (end)
        end = fault_indices(site, end + 1, "expert", experts, selection.experts, error);
    if (end && !*end)
        return drop_experts(site, &selection, error);
    free(selection.experts);
    return end ? error_set(error, "fault %s: '%s' after the list of experts", site->spec, end) : false;
}

const struct fault_kind fault_missing_experts = {
    {"missing-experts", "LAYERS/EXPERTS", "Loses the experts in the layers (1,5/76-127)",
     "tokens that are routed there lose what the expert adds; rare words suffer first",
     "an extraction that stopped, a shard that was not opened, a numbering that ended early"},
    lay_missing_experts};

static bool lay_incomplete_expert(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    struct selection selection = {.experts = calloc((size_t)site->config->experts + 1, sizeof *selection.experts),
                                  .expert_count = site->config->experts,
                                  .except = ".gate_proj."};
    if (!selection.experts)
        return error_memory(error, site->spec);
    assert(arguments->layer < site->config->layers && arguments->expert < site->config->experts);
    selection.layers[arguments->layer] = selection.experts[arguments->expert] = true;
    return drop_experts(site, &selection, error);
}

const struct fault_kind fault_incomplete_expert = {
    {"incomplete-expert", "LAYER,EXPERT", "Loses up_proj and down_proj of one expert",
     "the expert adds nothing, or what an uninitialised matrix makes of it",
     "a file that was cut, or a pattern of names that fits one of three matrices"},
    lay_incomplete_expert};

static bool lay_missing_tensor(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    site->changed = 1;
    return overlay_drop(site->overlay, arguments->tensor->name, error);
}

const struct fault_kind fault_missing_tensor = {{"missing", "TENSOR", "Loses one tensor",
                                                 "what the module does is missing; with a gain, scales are wrong",
                                                 "a name that the loader does not map"},
                                                lay_missing_tensor};
