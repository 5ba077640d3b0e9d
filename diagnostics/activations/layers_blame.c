/* Who is to blame for a bad place of an isolated run: what it was fed with, and which experts its bad rows went
 * through. */
#include <stdint.h>
#include <stdlib.h>

#include "activations/layers_internal.h"

static bool is_fed(const struct layers *layers, size_t case_index, enum point point, int layer)
{
    return layers_cell(layers, MODE_ISOLATED, case_index, place_of(layers->config, point, layer))->fed;
}

/* What a place is fed with: the point `input` of its own block, or, for POINT_BEFORE, what the block before put out:
 * the embeddings, or a layer. */
static bool is_input(const struct model_config *config, int input, int layer, enum point point, int at)
{
    int before = layer < 0 ? config->layers - 1 : layer - 1;
    if (input != POINT_BEFORE)
        return (int)point == input && at == layer;
    return before < 0 ? point_rows[point].place == PLACE_BEFORE_LAYERS && point != POINT_INPUT
                      : point == POINT_LAYER && at == before;
}

/* Any of the inputs that the configuration has is not gold's. */
static bool is_unfed(const struct layers *layers, size_t case_index, int input, int layer)
{
    int before = layer < 0 ? layers->config->layers - 1 : layer - 1, at = input == POINT_BEFORE ? before : layer;
    bool begins = input == POINT_BEFORE && before < 0 && point_exists(layers->config, POINT_INPUT, -1);
    if (begins && is_fed(layers, case_index, POINT_INPUT, -1))
        return false;
    for (int point = 0; point < POINT_COUNT; point++)
        if (is_input(layers->config, input, layer, (enum point)point, at) &&
            point_exists(layers->config, (enum point)point, at) && !is_fed(layers, case_index, (enum point)point, at))
            return true;
    return false;
}

bool place_fed_directly(const struct layers *layers, size_t case_index, enum point point, int layer)
{
    unsigned inputs = point_inputs(layers->config, point, layer);
    for (int input = 0; input <= POINT_BEFORE; input++)
        if (inputs >> input & 1 && is_unfed(layers, case_index, input, layer))
            return false;
    return true;
}

struct fed place_fed(const struct layers *layers, size_t case_index, enum point point, int layer)
{
    struct fed fed = {.from_start = true, .layer = -1};
    fed.directly = place_fed_directly(layers, case_index, point, layer);
    for (size_t index = place_of(layers->config, point, layer); index-- > 0 && fed.from_start;) {
        enum point earlier = (enum point)(index % POINT_COUNT);
        int at = point_in_layer(earlier) ? (int)(index / POINT_COUNT) - 1 : -1;
        if (layers_cell(layers, MODE_ISOLATED, case_index, index)->fed) {
            fed.from_start = false;
            fed.point = earlier;
            fed.layer = at;
        }
    }
    return fed;
}

/* A token of an isolated run whose experts are known. */
struct routed_row {
    const int *experts; /* [experts_per_token] */
    bool bad;
    bool explained;
};

/* Those of all cases. Returns how many, SIZE_MAX when memory ran out; `*rows` is the caller's. */
static size_t routed_rows(const struct layers *layers, int layer, struct routed_row **rows)
{
    size_t count = 0, all = 0;
    for (size_t i = 0; i < golden_case_count(layers->golden); i++)
        all += golden_case_at(layers->golden, i)->count;
    *rows = malloc((all ? all : 1) * sizeof **rows);
    for (size_t i = 0; *rows && i < golden_case_count(layers->golden); i++) {
        const struct routed *routed = layers_routed(layers, i, layer);
        for (size_t token = 0; routed->states && token < golden_case_at(layers->golden, i)->count; token++)
            if (routed->states[token] >= ROW_GOOD)
                (*rows)[count++] =
                    (struct routed_row){.experts = routed->experts + token * (size_t)layers->config->experts_per_token,
                                        .bad = routed->states[token] == ROW_BAD};
    }
    return *rows ? count : SIZE_MAX;
}

static bool row_has(const struct layers *layers, const struct routed_row *row, int expert)
{
    for (int i = 0; i < layers->config->experts_per_token; i++)
        if (row->experts[i] == expert)
            return true;
    return false;
}

/* Bad rows that went through the expert and are not explained yet; 0 when a good one did too. */
static size_t expert_explains(const struct layers *layers, const struct routed_row *rows, size_t count, int expert)
{
    size_t bad = 0;
    for (size_t row = 0; row < count; row++) {
        if (!row_has(layers, &rows[row], expert))
            continue;
        if (!rows[row].bad)
            return 0;
        bad += !rows[row].explained;
    }
    return bad;
}

/* The expert that explains most. */
static size_t best_expert(const struct layers *layers, const struct routed_row *rows, size_t count, int *best)
{
    size_t most = 0;
    for (int expert = 0; expert < layers->config->experts; expert++) {
        size_t explains = expert_explains(layers, rows, count, expert);
        if (explains > most) {
            most = explains;
            *best = expert;
        }
    }
    return most;
}

size_t blame_experts(const struct layers *layers, int layer, int *out, size_t most)
{
    struct routed_row *rows;
    size_t all = routed_rows(layers, layer, &rows), count = 0, left = 0, explains = 1;
    for (size_t row = 0; all != SIZE_MAX && row < all; row++)
        left += rows[row].bad;
    if (all == SIZE_MAX || left == all) /* no good row tells the experts apart */
        explains = 0;
    while (explains && left && count < most) {
        int expert = -1;
        if (!(explains = best_expert(layers, rows, all, &expert)))
            break;
        out[count++] = expert;
        left -= explains;
        for (size_t row = 0; row < all; row++)
            rows[row].explained |= rows[row].bad && row_has(layers, &rows[row], expert);
    }
    free(rows);
    return left ? 0 : count;
}
