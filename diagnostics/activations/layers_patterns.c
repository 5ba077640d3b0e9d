/* What the cells of layers.c hold, for patterns.c. */
#include <stdlib.h>

#include "activations/layers_internal.h"

/* Was anything compared there, in any case? */
static bool is_compared(const struct layers *layers, enum mode mode, size_t index)
{
    for (size_t i = 0; i < golden_case_count(layers->golden); i++)
        if (layers_cell(layers, mode, i, index)->comparison.count)
            return true;
    return false;
}

/* Is there attention between the place and the last one before it that was compared? */
static bool attends_since(const struct layers *layers, enum mode mode, size_t index)
{
    size_t layers_end = ((size_t)layers->config->layers + 1) * POINT_COUNT;
    for (size_t at = index + 1; at-- > POINT_COUNT && (at == index || !is_compared(layers, mode, at));)
        if (at < layers_end && at % POINT_COUNT == POINT_ATTENTION)
            return true;
    return false;
}

bool layers_pattern(const struct layers *layers, enum mode mode, enum point point, int layer, bool fed,
                    struct pattern *pattern)
{
    size_t index = place_of(layers->config, point, layer), heads = 0;
    struct seen_case *cases = calloc(golden_case_count(layers->golden) + 1, sizeof *cases);
    point_width(layers->config, point, &heads);
    struct seen_place place = {.cases = cases,
                               .heads = layers_heads(layers, mode, index),
                               .head_count = layers->head_count ? heads : 0,
                               .routed = point == POINT_MLP && layers->config->sparse[layer],
                               .attends = attends_since(layers, mode, index),
                               .attention = point == POINT_ATTENTION};
    for (size_t i = 0; cases && i < golden_case_count(layers->golden); i++) {
        const struct cell *cell = layers_cell(layers, mode, i, index);
        if (cell->comparison.count && (!fed || place_fed_directly(layers, i, point, layer)))
            cases[place.count++] = (struct seen_case){&cell->comparison, &cell->rows};
    }
    bool found = cases && pattern_find(&place, pattern);
    free(cases);
    return found;
}
