/* Patterns of routers: experts that are absent where the router has no row for them were taken out on purpose. */
#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"
#include "inventory/gaps_internal.h"

/* The experts of each layer that are there, whole or in part; beyond those that the configuration calls for too. */
struct experts_there {
    size_t counts[CONFIG_LAYERS_MAX];
    bool behind[CONFIG_LAYERS_MAX]; /* one that is there has a number behind the last row of the router */
    bool first[CONFIG_LAYERS_MAX];  /* expert 0 is: they are not counted from 1 */
};

static uint64_t router_rows(const struct census *census, int layer)
{
    const struct census_item *item =
        census->config->sparse[layer] ? census_find(census, WEIGHT_ROUTER, layer, -1) : NULL;
    return item && item->tensor && item->tensor->rank == 2 ? item->tensor->shape[0] : 0;
}

static void count_there(const struct census *census, int layer, int expert, struct experts_there *there)
{
    there->counts[layer]++;
    there->first[layer] = there->first[layer] || expert == 0;
    there->behind[layer] = there->behind[layer] || (uint64_t)expert >= router_rows(census, layer);
}

static void take_there(const struct census *census, struct experts_there *there)
{
    int layer, expert;
    *there = (struct experts_there){0};
    for (size_t i = 0; i < census->unit_count; i++) {
        const struct census_unit *unit = &census->units[i];
        if (unit->expert >= 0 && !unit_whole(unit))
            count_there(census, unit->layer, unit->expert, there);
    }
    for (size_t i = 0; i < store_text_count(census->store); i++) { /* by its first tensor */
        const char *rest = NULL;
        tensor_place(store_at(census->store, i), &layer, &expert);
        if (layer >= 0 && layer < census->config->layers && expert >= census->config->experts)
            rest = name_behind_expert(store_at(census->store, i)->name, expert);
        if (rest && strcmp(rest, weight_rows[WEIGHT_EXPERT_GATE].name) == 0)
            count_there(census, layer, expert, there);
    }
}

/* Layers with as many experts as their router has rows, of which some that are called for are absent: those whose
 * numbers lie `behind` the rows, or the others. */
static void offer_routers(struct search *search, const struct experts_there *there, bool behind, bool *lost)
{
    const struct census *census = search->census;
    int layers[CONFIG_LAYERS_MAX];
    size_t count = 0, rows = 0;
    for (int layer = 0; layer < census->config->layers; layer++)
        if (there->counts[layer] && there->counts[layer] == router_rows(census, layer) && there->first[layer] &&
            there->behind[layer] == behind && (!count || there->counts[layer] == rows)) {
            rows = there->counts[layer];
            layers[count++] = layer;
        }
    for (size_t i = 0; i < census->count; i++) {
        const struct census_item *item = &census->items[i];
        lost[i] = false;
        for (size_t k = 0; item->absent && item->expected->expert >= 0 && k < count; k++)
            lost[i] = lost[i] || (item->expected->layer == layers[k] && unit_whole(&census->units[item->unit]));
    }
    struct buffer text = {0}, numbers = {0};
    numbers_ranges(&numbers, layers, count);
    buffer_format(&text, "the router%s of layer%s %s ha%s %zu rows, and %zu experts are there%s: they were pruned, %s",
                  count > 1 ? "s" : "", count > 1 ? "s" : "", numbers.data ? numbers.data : "", count > 1 ? "ve" : "s",
                  rows, rows, count > 1 ? " in each" : "",
                  behind ? "and not numbered anew" : "and the configuration was not made so");
    if (count && text.data)
        search_offer_seen(search, "pruned", lost, text.data, true);
    buffer_free(&text);
    buffer_free(&numbers);
}

void gaps_try_routers(struct search *search)
{
    const struct census *census = search->census;
    struct experts_there *there = malloc(sizeof *there);
    bool *lost = malloc(census->count * sizeof *lost);
    if (there && lost && census->config->experts) {
        take_there(census, there);
        offer_routers(search, there, false, lost);
        offer_routers(search, there, true, lost);
    }
    search->memory = search->memory || !there || !lost;
    free(there);
    free(lost);
}
