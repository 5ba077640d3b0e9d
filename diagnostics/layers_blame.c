/* Who is to blame for a bad place of an isolated run: what it was fed with, and which experts its bad rows went
 * through. */
#include <stdlib.h>

#include "diagnostics/layers_internal.h"

/* What each point is computed from, besides weights. BEFORE is the output of the layer before, or the embedding. */
#define BEFORE POINT_COUNT
#define INPUTS_MAX 3

static const struct inputs_row {
    int count;
    int points[INPUTS_MAX];
} inputs_rows[POINT_COUNT] = {
    [POINT_EMBEDDING] = {0, {0}},
    [POINT_INPUT_NORM] = {1, {BEFORE}},
    [POINT_Q_NORM] = {1, {POINT_INPUT_NORM}},
    [POINT_K_NORM] = {1, {POINT_INPUT_NORM}},
    [POINT_ATTENTION] = {3, {POINT_INPUT_NORM, POINT_Q_NORM, POINT_K_NORM}},
    [POINT_POST_NORM] = {2, {BEFORE, POINT_ATTENTION}},
    [POINT_ROUTER] = {1, {POINT_POST_NORM}},
    [POINT_MLP] = {2, {POINT_POST_NORM, POINT_ROUTER}},
    [POINT_LAYER] = {3, {BEFORE, POINT_ATTENTION, POINT_MLP}},
    [POINT_FINAL_NORM] = {1, {BEFORE}},
    [POINT_HEAD] = {1, {POINT_FINAL_NORM}},
};

static bool is_fed(const struct layers *layers, size_t case_index, enum point point, int layer)
{
    return layers_cell(layers, MODE_ISOLATED, case_index, place_of(layers->config, point, layer))->comparison.count > 0;
}

/* The input of a place at `layer` (-1: outside layers); false when the configuration has none of that kind. */
static bool input_of(const struct model_config *config, int input, int layer, enum point *point, int *at)
{
    int before = layer < 0 ? config->layers - 1 : layer - 1;
    *point = input == BEFORE ? (before < 0 ? POINT_EMBEDDING : POINT_LAYER) : (enum point)input;
    *at = input == BEFORE ? before : layer;
    return point_exists(config, *point, *at);
}

struct fed place_fed(const struct layers *layers, size_t case_index, enum point point, int layer)
{
    const struct inputs_row *row = &inputs_rows[point];
    struct fed fed = {.directly = true, .from_start = true, .layer = -1};
    for (int i = 0; i < row->count; i++) {
        enum point input;
        int at;
        if (input_of(layers->config, row->points[i], layer, &input, &at) && !is_fed(layers, case_index, input, at))
            fed.directly = false;
    }
    for (size_t index = place_of(layers->config, point, layer); index-- > 0 && fed.from_start;) {
        enum point earlier = (enum point)(index % POINT_COUNT);
        int at = point_in_layer(earlier) ? (int)(index / POINT_COUNT) - 1 : -1;
        if (layers_cell(layers, MODE_ISOLATED, case_index, index)->comparison.count) {
            fed.from_start = false;
            fed.point = earlier;
            fed.layer = at;
        }
    }
    return fed;
}

static int count_bad_rows(const struct layers *layers, const struct routed *routed, int expert, const bool *explained,
                          size_t *good)
{
    size_t k = (size_t)layers->config->experts_per_token;
    int bad = 0;
    *good = 0;
    for (size_t row = 0; row < routed->seen; row++) {
        for (size_t i = 0; i < k; i++) {
            if (routed->experts[row * k + i] != expert)
                continue;
            if (!routed->bad[row])
                ++*good;
            else if (!explained[row])
                bad++;
        }
    }
    return bad;
}

size_t blame_experts(const struct layers *layers, int layer, int *out, size_t most)
{
    const struct routed *routed = &layers->routed[layer];
    size_t k = (size_t)layers->config->experts_per_token, count = 0, left = 0;
    bool *explained = calloc(routed->seen ? routed->seen : 1, sizeof *explained);
    for (size_t row = 0; explained && row < routed->seen; row++)
        left += routed->bad[row];
    if (left == routed->seen) { /* no good row tells the experts apart */
        free(explained);
        return 0;
    }
    while (explained && left && count < most) {
        int best = -1, best_rows = 0;
        for (int expert = 0; expert < layers->config->experts; expert++) {
            size_t good;
            int rows = count_bad_rows(layers, routed, expert, explained, &good);
            if (!good && rows > best_rows) {
                best = expert;
                best_rows = rows;
            }
        }
        if (best < 0)
            break;
        out[count++] = best;
        for (size_t row = 0; row < routed->seen; row++)
            for (size_t i = 0; i < k; i++)
                if (routed->experts[row * k + i] == best && routed->bad[row] && !explained[row]) {
                    explained[row] = true;
                    left--;
                }
    }
    free(explained);
    return left ? 0 : count;
}
