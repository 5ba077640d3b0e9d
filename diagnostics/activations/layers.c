#include "activations/layers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "activations/layers_internal.h"
#include "activations/rounding.h"
#include "model/routing.h"

/* What gold holds, in the order of the pass: how much noise, and how far it reaches. An error that was made once is
 * carried on by everything that follows. How much of it shows at one place in the one run that gold records is luck,
 * the more so the fewer values there are. */
static void survey_gold(struct layers *layers)
{
    for (size_t i = 0; i < golden_case_count(layers->golden); i++) {
        double most = NAN;
        layers->rounded[i] = NAN;
        layers->reach[i] = golden_find(layers->golden, i, "lm_head") ? layers->config->layers - 1 : -1;
        for (size_t place = 0; place < layers->places; place++) {
            enum point point = (enum point)(place % POINT_COUNT);
            int layer = point_in_layer(point) ? (int)(place / POINT_COUNT) - 1 : -1;
            char path[POINT_PATH];
            if (!point_exists(layers->config, point, layer) || place_of(layers->config, point, layer) != place)
                continue;
            const struct golden_tensor *tensor = golden_find(layers->golden, i, point_path(point, layer, path));
            most = fmax(most, tensor ? tensor->noise : NAN);
            int reach = layer >= 0                                       ? layer - (point < POINT_MLP)
                        : point_rows[point].place == PLACE_BEFORE_LAYERS ? -1
                                                                         : layers->config->layers - 1;
            if (tensor && reach > layers->reach[i])
                layers->reach[i] = reach;
            layers->carried[i * layers->places + place] = most;
        }
    }
}

static bool holds_values(const struct golden *golden)
{
    for (size_t i = 0; i < golden_tensor_count(golden); i++)
        if (golden_tensor_at(golden, i)->kind == GOLDEN_VALUES)
            return true;
    return false;
}

struct layers *layers_new(const struct golden *golden, const struct model_config *config, const struct limits *limits,
                          struct error *error)
{
    struct layers *layers = calloc(1, sizeof *layers);
    if (!layers) {
        error_memory(error, "layers");
        return NULL;
    }
    layers->golden = golden;
    layers->config = config;
    layers->limits = limits;
    /* thousands of windows that hold nothing but distributions have no places */
    layers->places = holds_values(golden) ? place_count(config) : 0;
    size_t cells = MODE_COUNT * golden_case_count(golden) * layers->places;
    layers->cells = calloc(cells + 1, sizeof *layers->cells);
    layers->head_count = config->head_dim > 1 ? (size_t)config->heads : 0;
    layers->heads = calloc(MODE_COUNT * layers->places * layers->head_count + 1, sizeof *layers->heads);
    layers->routed = calloc(golden_case_count(golden) * (size_t)config->layers, sizeof *layers->routed);
    layers->chosen = calloc(2 * (size_t)config->experts_per_token + 1, sizeof *layers->chosen);
    layers->scores = calloc(2 * (size_t)config->experts + 1, sizeof *layers->scores);
    layers->carried = calloc(golden_case_count(golden) * layers->places + 1, sizeof *layers->carried);
    layers->rounded = calloc(golden_case_count(golden) + 1, sizeof *layers->rounded);
    layers->reach = calloc(golden_case_count(golden), sizeof *layers->reach);
    layers->ties = calloc((size_t)config->layers + 1, sizeof *layers->ties);
    if (layers->cells && layers->heads && layers->routed && layers->chosen && layers->scores && layers->carried &&
        layers->rounded && layers->reach && layers->ties) {
        survey_gold(layers);
        return layers;
    }
    error_memory(error, "layers");
    layers_free(layers);
    return NULL;
}

void layers_free(struct layers *layers)
{
    if (!layers)
        return;
    size_t routed = golden_case_count(layers->golden) * (size_t)layers->config->layers;
    for (size_t i = 0; layers->routed && i < routed; i++) {
        free(layers->routed[i].states);
        free(layers->routed[i].experts);
    }
    free(layers->routed);
    free(layers->cells);
    free(layers->heads);
    free(layers->carried);
    free(layers->rounded);
    free(layers->reach);
    free(layers->chosen);
    free(layers->scores);
    free(layers->ties);
    free(layers->gold);
    free(layers);
}

size_t place_count(const struct model_config *config)
{
    return ((size_t)config->layers + 2) * POINT_COUNT;
}

/* Places lie in the order of the forward pass: the embedding, layer after layer, then norm and head. */
size_t place_of(const struct model_config *config, enum point point, int layer)
{
    size_t block = point_rows[point].place == PLACE_BEFORE_LAYERS ? 0
                   : point_in_layer(point)                        ? (size_t)layer + 1
                                                                  : (size_t)config->layers + 1;
    return block * POINT_COUNT + (size_t)point;
}

const struct cell *layers_cell(const struct layers *layers, enum mode mode, size_t case_index, size_t place)
{
    return &layers->cells[((size_t)mode * golden_case_count(layers->golden) + case_index) * layers->places + place];
}

struct head_tally *layers_heads(const struct layers *layers, enum mode mode, size_t place)
{
    return &layers->heads[((size_t)mode * layers->places + place) * layers->head_count];
}

int layers_reach(const struct layers *layers, size_t case_index)
{
    return layers->reach[case_index];
}

struct routed *layers_routed(const struct layers *layers, size_t case_index, int layer)
{
    return &layers->routed[case_index * (size_t)layers->config->layers + (size_t)layer];
}

static float *gold_rows(struct layers *layers, size_t count)
{
    if (count > layers->gold_count) {
        free(layers->gold);
        layers->gold = malloc(count * sizeof *layers->gold);
        layers->gold_count = layers->gold ? count : 0;
    }
    return layers->gold;
}

/* Notes which experts gold chose for the rows of an isolated run, to name the expert behind a bad row later. */
static bool note_routing(struct layers *layers, size_t case_index, const struct part *part, const float *gold,
                         struct error *error)
{
    struct routed *routed = layers_routed(layers, case_index, part->layer);
    size_t k = (size_t)layers->config->experts_per_token, tokens = golden_case_at(layers->golden, case_index)->count;
    if (!routed->experts) {
        routed->experts = calloc(tokens * k, sizeof *routed->experts);
        routed->states = calloc(tokens, 1);
    }
    if (!routed->experts || !routed->states)
        return error_memory(error, "routing");
    int experts = layers->config->experts;
    for (size_t row = 0; row < part->rows; row++) {
        float *scores = layers->scores;
        routing_of(layers->config, part->layer, gold + row * part->width, scores,
                   routed->experts + (part->first + row) * k);
        bool unsure = (int)k < experts && gold_routing_unsure(layers->golden, scores, experts, (int)k, layers->chosen);
        routed->states[part->first + row] = unsure ? ROW_UNSURE : ROW_ROUTED;
    }
    return true;
}

static void note_rows(struct layers *layers, size_t case_index, const struct part *part, const float *gold,
                      double tolerance)
{
    struct routed *routed = layers_routed(layers, case_index, part->layer);
    for (size_t row = 0; routed->states && row < part->rows; row++) {
        struct comparison comparison = {0};
        comparison_add(&comparison, part->values + row * part->width, gold + row * part->width, part->width);
        if (routed->states[part->first + row] == ROW_ROUTED)
            routed->states[part->first + row] = comparison_within(&comparison, tolerance) ? ROW_GOOD : ROW_BAD;
    }
}

/* Gold's rows; NULL on failure. */
static float *read_gold(struct layers *layers, const struct golden_tensor *tensor, const struct part *part,
                        struct error *error)
{
    size_t count = part->rows * part->width;
    if (tensor->width != part->width) {
        error_set(error, "%s: '%s' has %zu values for each token, the subject %zu", golden_path(layers->golden),
                  part->path, tensor->width, part->width);
        return NULL;
    }
    float *gold = gold_rows(layers, count);
    if (!gold) {
        error_memory(error, part->path);
        return NULL;
    }
    if (!golden_read_rows(layers->golden, tensor, part->first - tensor->first, part->rows, gold, error))
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (isfinite(gold[i]))
            continue;
        error_set(error, "%s: '%s/%s' holds a value that is not finite, at token %zu: such gold proves nothing",
                  golden_path(layers->golden), golden_case_at(layers->golden, tensor->case_index)->id, part->path,
                  part->first + i / part->width);
        return NULL;
    }
    return gold;
}

/* End to end, what was lost once is carried on: the most that is known up to the place. */
static struct accuracy place_accuracy(struct layers *layers, enum mode mode, size_t case_index, size_t place,
                                      const struct golden_tensor *tensor)
{
    struct accuracy accuracy = gold_accuracy(layers->golden, tensor, mode == MODE_ISOLATED);
    if (mode == MODE_ISOLATED)
        return accuracy;
    if (!isnan(accuracy.noise))
        accuracy.noise = layers->carried[case_index * layers->places + place];
    double *most = &layers->rounded[case_index];
    *most = fmax(*most, accuracy.rounding);
    accuracy.rounding = *most;
    return accuracy;
}

/* For patterns. */
static void note_row(struct layers *layers, enum mode mode, struct cell *cell, const struct part *part, size_t row,
                     const float *gold)
{
    const float *subject = part->values + row * part->width;
    size_t heads = 0, place = place_of(layers->config, part->point, part->layer);
    rows_add(&cell->rows, part->first + row, subject, gold, part->width, cell->tolerance);
    if (layers->head_count && point_width(layers->config, part->point, &heads) == part->width && heads)
        heads_add(layers_heads(layers, mode, place), heads, subject, gold, part->width, cell->tolerance);
}

/* The input that gold has for it is of another layer than the one that it was computed from. */
static bool is_fed_otherwise(const struct layers *layers, enum mode mode, enum point point)
{
    return mode == MODE_ISOLATED && point == POINT_FINAL_NORM && golden_is_deeper(layers->golden);
}

/* Of experts fed with gold's routing: that is unsure of this row, so that gold may have gone through others. */
static bool is_unsure(const struct layers *layers, enum mode mode, size_t case_index, const struct part *part,
                      size_t row)
{
    bool chosen = mode == MODE_ISOLATED && part->point == POINT_MLP && layers->config->sparse[part->layer];
    const unsigned char *states = chosen ? layers_routed(layers, case_index, part->layer)->states : NULL;
    return states && states[part->first + row] == ROW_UNSURE;
}

static void compare_rows(struct layers *layers, enum mode mode, size_t case_index, const struct part *part,
                         const float *gold, struct cell *cell)
{
    for (size_t row = 0; row < part->rows; row++) {
        if (is_unsure(layers, mode, case_index, part, row))
            continue;
        comparison_add(&cell->comparison, part->values + row * part->width, gold + row * part->width, part->width);
        note_row(layers, mode, cell, part, row, gold + row * part->width);
    }
}

/* In stretches of rows that gold is sure of. */
static void watch_rows(const struct layers *layers, size_t case_index, const struct part *part, const float *gold)
{
    for (size_t row = 0, end; layers->watcher && row < part->rows; row = end + 1) {
        struct part within;
        for (end = row; end < part->rows && !is_unsure(layers, MODE_ISOLATED, case_index, part, end);)
            end++;
        if (end > row && part_within(part, part->first + row, end - row, &within))
            layers->watcher(layers->watching, layers->which, case_index, &within, gold + row * part->width);
    }
}

bool layers_see(struct layers *layers, enum mode mode, size_t case_index, const struct part *all, struct error *error)
{
    const struct golden_tensor *tensor = golden_find(layers->golden, case_index, all->path);
    struct part within, *part = &within;
    if (!tensor || tensor->kind != GOLDEN_VALUES || all->log_probabilities ||
        !part_within(all, tensor->first, tensor->rows, part))
        return true;
    const float *gold = read_gold(layers, tensor, part, error);
    if (!gold)
        return false;
    size_t place = place_of(layers->config, part->point, part->layer);
    struct cell *cell =
        &layers->cells[((size_t)mode * golden_case_count(layers->golden) + case_index) * layers->places + place];
    cell->width = part->width;
    cell->first = tensor->first;
    struct accuracy accuracy = place_accuracy(layers, mode, case_index, place, tensor);
    cell->noise = isnan(accuracy.rounding) ? tensor->noise : accuracy.rounding;
    cell->precision = limits_precision(&accuracy);
    cell->tolerance = limits_activation(layers->limits, &accuracy, &cell->cause);
    if (!is_fed_otherwise(layers, mode, part->point))
        compare_rows(layers, mode, case_index, part, gold, cell);
    if (mode == MODE_PROPAGATED) {
        if (part->point == POINT_ROUTER)
            ties_force(layers, part, gold, cell->precision);
        return true;
    }
    watch_rows(layers, case_index, part, gold);
    if (part->point == POINT_ROUTER && !note_routing(layers, case_index, part, gold, error))
        return false;
    if (part->point == POINT_MLP && layers->config->sparse[part->layer])
        note_rows(layers, case_index, part, gold, cell->tolerance);
    memcpy(part->values, gold, part->rows * part->width * sizeof *gold);
    cell->fed = true;
    return true;
}

/* Of all tokens of the case; NULL: gold does not hold it so. */
static const struct golden_tensor *whole_gold(const struct layers *layers, size_t case_index, const char *path)
{
    const struct golden_tensor *tensor = golden_find(layers->golden, case_index, path);
    bool whole = tensor && tensor->kind == GOLDEN_VALUES && !tensor->first &&
                 tensor->rows == golden_case_at(layers->golden, case_index)->count;
    return whole ? tensor : NULL;
}

bool layers_can_feed(const struct layers *layers, size_t case_index, int block)
{
    char path[POINT_PATH], input[POINT_PATH];
    point_path(block > 1 ? POINT_LAYER : POINT_EMBEDDING, block > 1 ? block - 2 : -1, path);
    point_path(POINT_INPUT, -1, input);
    bool apart = block == 1 && point_exists(layers->config, POINT_INPUT, -1) && whole_gold(layers, case_index, input);
    return !block || (layers->places && (apart || whole_gold(layers, case_index, path)));
}

/* What block `block` of the pass (model_options) goes on from. */
static bool is_input(int block, const struct part *part)
{
    bool first = point_rows[part->point].place == PLACE_BEFORE_LAYERS;
    return block > 1 ? part->point == POINT_LAYER && part->layer == block - 2 : block == 1 && first;
}

bool layers_see_block(struct layers *layers, size_t case_index, int block, const struct part *part, struct error *error)
{
    if (!is_input(block, part))
        return layers_see(layers, MODE_ISOLATED, case_index, part, error);
    const struct golden_tensor *tensor = whole_gold(layers, case_index, part->path);
    const float *gold = tensor ? read_gold(layers, tensor, part, error) : NULL;
    if (!gold)
        return !tensor;
    memcpy(part->values, gold, part->rows * part->width * sizeof *gold);
    layers
        ->cells[((size_t)MODE_ISOLATED * golden_case_count(layers->golden) + case_index) * layers->places +
                place_of(layers->config, part->point, part->layer)]
        .fed = true;
    return true;
}

void layers_watch(struct layers *layers, layers_watcher *watcher, void *context, size_t gold)
{
    layers->watcher = watcher;
    layers->watching = context;
    layers->which = gold;
}

void layers_forget(struct layers *layers, int block)
{
    size_t cases = layers->places ? golden_case_count(layers->golden) : 0;
    if (cases)
        memset(layers_heads(layers, MODE_ISOLATED, (size_t)block * POINT_COUNT), 0,
               POINT_COUNT * layers->head_count * sizeof *layers->heads);
    for (size_t i = 0; i < cases; i++) {
        struct cell *cells = &layers->cells[((size_t)MODE_ISOLATED * cases + i) * layers->places];
        for (size_t place = 0; place < POINT_COUNT; place++)
            cells[(size_t)block * POINT_COUNT + place] =
                (struct cell){.fed = cells[(size_t)block * POINT_COUNT + place].fed};
    }
}

void layers_compared(const struct layers *layers, bool *marks)
{
    for (size_t i = 0; i < golden_case_count(layers->golden); i++) {
        for (size_t index = 0; index < layers->places; index++) {
            enum point point = (enum point)(index % POINT_COUNT);
            int layer = point_in_layer(point) ? (int)(index / POINT_COUNT) - 1 : -1;
            char path[POINT_PATH];
            size_t compared = layers_cell(layers, MODE_PROPAGATED, i, index)->comparison.count;
            if (!compared)
                continue;
            const struct golden_tensor *tensor = golden_find(layers->golden, i, point_path(point, layer, path));
            if (tensor && compared == tensor->rows * tensor->width)
                marks[tensor - golden_tensor_at(layers->golden, 0)] = true;
        }
    }
}
