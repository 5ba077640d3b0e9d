#include "inventory/census.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static size_t *slot(const struct census *census, enum weight weight, int layer, int expert)
{
    size_t at = layer < 0 ? 0 : (size_t)layer;
    if (expert >= 0)
        return &census->experts[(at * (size_t)census->config->experts + (size_t)expert) *
                                    (size_t)expert_weights(census->config) +
                                (size_t)(weight - WEIGHT_EXPERT_GATE)];
    return &census->weights[at * WEIGHT_COUNT + weight];
}

const struct census_item *census_find(const struct census *census, enum weight weight, int layer, int expert)
{
    size_t found = *slot(census, weight, layer, expert);
    return found ? &census->items[found - 1] : NULL;
}

/* Files of an extraction, and in them what is there of the tensors that belong into them. */
static void take_units(struct census *census)
{
    census->unit_count = census->set.file_count;
    for (size_t i = 0; i < census->unit_count; i++) {
        const struct expected_file *file = &census->set.files[i];
        assert(file->layer < census->config->layers && file->expert < census->config->experts); /* both index tables */
        census->units[i] = (struct census_unit){.path = file->path,
                                                .block = file->block,
                                                .layer = file->layer,
                                                .expert = file->expert,
                                                .items = file->required};
    }
    for (size_t i = 0; i < census->count; i++)
        census->units[census->items[i].unit].absent += census->items[i].absent;
}

static void take_items(struct census *census)
{
    census->count = census->set.list.count;
    census->required = census->set.required;
    for (size_t i = 0; i < census->count; i++) {
        const struct expected *expected = &census->set.list.items[i];
        struct census_item *item = &census->items[i];
        *item = (struct census_item){
            .expected = expected, .tensor = weights_find(census->store, expected), .unit = census->set.file_of[i]};
        item->quantised = quantised_holds(&census->quantised, expected);
        item->absent = !item->tensor && !expected->optional && !item->quantised;
        item->placed = census->origin && origin_find(census->origin, expected->name, &item->place);
        census->absent += item->absent;
        *slot(census, expected->weight, expected->layer, expected->expert) = i + 1;
    }
}

static void take_dtypes(struct census *census)
{
    size_t counts[WEIGHT_COUNT][DTYPE_COUNT] = {0};
    census->stated = dtype_of_torch(census->config->dtype);
    for (size_t i = 0; i < census->count; i++)
        if (census->items[i].tensor && !census->items[i].quantised)
            counts[census->items[i].expected->weight][census->items[i].tensor->dtype]++;
    for (int weight = 0; weight < WEIGHT_COUNT; weight++) {
        census->common[weight] = DTYPE_COUNT;
        for (int dtype = 0, most = 0; dtype < DTYPE_COUNT; dtype++)
            if (counts[weight][dtype] > (size_t)most) {
                most = (int)counts[weight][dtype];
                census->common[weight] = (enum dtype)dtype;
            }
    }
}

static void take_bytes(struct census *census)
{
    for (size_t i = 0; i < census->count; i++) {
        struct census_item *item = &census->items[i];
        enum dtype dtype = census->stated < DTYPE_COUNT ? census->stated : census->common[item->expected->weight];
        uint64_t columns = item->expected->shape[item->expected->rank - 1];
        uint64_t rows = item->expected->rank == 2 ? item->expected->shape[0] : 1;
        if (dtype < DTYPE_COUNT && columns % dtype_block(dtype) == 0)
            item->bytes = rows * dtype_row_bytes(dtype, (size_t)columns);
    }
}

bool census_take(const struct store *store, const struct model_config *config, const struct origin *origin,
                 struct census *census, struct error *error)
{
    size_t layers = config->layers > 0 ? (size_t)config->layers : 1;
    *census = (struct census){.store = store, .config = config, .origin = origin};
    census->weights = calloc(layers * WEIGHT_COUNT, sizeof *census->weights);
    census->experts =
        calloc(layers * (size_t)config->experts * (size_t)expert_weights(config) + 1, sizeof *census->experts);
    if (expected_set_take(config, &census->set)) {
        census->items = malloc((census->set.list.count + 1) * sizeof *census->items);
        census->units = malloc((census->set.file_count + 1) * sizeof *census->units);
    }
    if (!census->weights || !census->experts || !census->items || !census->units ||
        !quantised_take(store, config, &census->quantised))
        return error_memory(error, "inventory");
    take_items(census);
    take_units(census);
    take_dtypes(census);
    take_bytes(census);
    return true;
}

void census_free(struct census *census)
{
    free(census->units);
    free(census->items);
    free(census->experts);
    free(census->weights);
    quantised_free(&census->quantised);
    expected_set_free(&census->set);
    *census = (struct census){0};
}

bool census_text(const struct census *census, const bool *chosen, struct buffer *out)
{
    struct expected_list list = {0};
    bool good = true;
    for (size_t i = 0; good && i < census->count; i++)
        if (census->items[i].absent && (!chosen || chosen[i]))
            good = expected_list_add(&list, census->items[i].expected);
    if (good && list.count)
        expected_list_text(&list, out);
    expected_list_free(&list);
    return good;
}

static const struct block_words {
    const char *one, *many, *of; /* "the norms of layer 3" */
} block_words[BLOCK_COUNT] = {
    [BLOCK_EMBEDDINGS] = {"embedding", "embeddings", "the embedding"},
    [BLOCK_ATTENTION] = {"attention", "attentions", "the attention"},
    [BLOCK_ROUTERS] = {"router", "routers", "the router"},
    [BLOCK_EXPERTS] = {"expert", "experts", "expert"},
    [BLOCK_MLP] = {"MLP", "MLPs", "the MLP"},
    [BLOCK_NORMS] = {"pair of norms", "pairs of norms", "the norms"},
    [BLOCK_FINAL_NORM] = {"final norm", "final norms", "the final norm"},
    [BLOCK_LM_HEAD] = {"head", "heads", "the head"},
};

void census_unit_text(const struct census_unit *unit, struct buffer *out)
{
    buffer_text(out, block_words[unit->block].of);
    if (unit->expert >= 0)
        buffer_format(out, " %d", unit->expert);
    if (unit->layer >= 0)
        buffer_format(out, " of layer %d", unit->layer);
}

void census_count_text(const struct census *census, struct buffer *out)
{
    static const enum block order[BLOCK_COUNT] = {BLOCK_EXPERTS, BLOCK_NORMS,      BLOCK_ATTENTION,  BLOCK_ROUTERS,
                                                  BLOCK_MLP,     BLOCK_EMBEDDINGS, BLOCK_FINAL_NORM, BLOCK_LM_HEAD};
    size_t counts[2][BLOCK_COUNT] = {0}, left = 0;
    for (size_t i = 0; i < census->unit_count; i++) {
        const struct census_unit *unit = &census->units[i];
        if (unit->absent)
            left += counts[unit->absent < unit->items][unit->block]++ == 0;
    }
    const char *comma = "";
    for (size_t half = 0; half < 2; half++) {
        for (size_t i = 0; i < BLOCK_COUNT; i++) {
            const struct block_words *words = &block_words[order[i]];
            size_t count = counts[half][order[i]];
            if (!count)
                continue;
            buffer_format(out, "%s%s%zu %s", comma, half ? "parts of " : "", count,
                          count > 1 ? words->many : words->one);
            comma = --left == 1 ? " and " : ", ";
        }
    }
}
