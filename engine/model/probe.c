#include "model/probe.h"

#include <stdio.h>

#define OF(id) (1u << POINT_##id)

const struct point_row point_rows[POINT_COUNT] = {
#define AS_ROW(id, path_, place_, weight_, width_, step_, from_, to_, inputs_, tensors_, curve_)                       \
    [POINT_##id] = {.path = path_,                                                                                     \
                    .place = PLACE_##place_,                                                                           \
                    .weight = WEIGHT_##weight_,                                                                        \
                    .width = DIM_##width_,                                                                             \
                    .step = STEP_##step_,                                                                              \
                    .from = VALUES_##from_,                                                                            \
                    .to = VALUES_##to_,                                                                                \
                    .inputs = inputs_,                                                                                 \
                    .tensors = tensors_,                                                                               \
                    .curve = curve_},
    POINT_ROWS(AS_ROW)
#undef AS_ROW
};

/* --- what holds the table together --- */

#define GAIN_OF(id, scope, name, gguf, order, rows, columns, when, part, ...)                                          \
    | (PART_##part == PART_GAIN ? WEIGHT_BIT(WEIGHT_##id) : 0)
#define SHOWN(id, path, place, weight, ...)                                                                            \
    | (WEIGHT_##weight == WEIGHT_NONE ? 0 : WEIGHT_BIT(WEIGHT_##weight % WEIGHT_COUNT))
#define INPUTS(id, path, place, weight, width, step, from, to, inputs, ...) | (inputs)
#define POINT_BIT(id, ...) | OF(id)
/* A norm that is a step of the layer has a gain, as wide as what it norms. */
#define NORM_WITHOUT_GAIN(id, path, place, weight, width, step, ...)                                                   \
    | (STEP_##step == STEP_NORM && (WEIGHT_##weight == WEIGHT_NONE || DIM_##width != DIM_HIDDEN) ? OF(id) : 0)
#define STEP_WITHOUT_VALUES(id, path, place, weight, width, step, from, to, ...)                                       \
    | (STEP_##step != STEP_OWN && (VALUES_##from == VALUES_NONE || VALUES_##to == VALUES_NONE) ? OF(id) : 0)
#define WITHOUT_CURVE(id, path, place, weight, width, step, from, to, inputs, tensors, curve)                          \
    | (sizeof(tensors) == 1 || (PLACE_##place == PLACE_IN_LAYER && sizeof(curve) == 1) ? OF(id) : 0)

_Static_assert(POINT_COUNT < 32, "sets of points are 32 bits");
_Static_assert(!((0u WEIGHT_ROWS(GAIN_OF)) & ~(0u POINT_ROWS(SHOWN))), "a norm that no point shows");
_Static_assert(((0u POINT_ROWS(INPUTS)) | OF(EMBEDDING) | OF(LAYER) | OF(HEAD)) ==
                   ((0u POINT_ROWS(POINT_BIT)) | OF(BEFORE)),
               "a point of which nothing is computed: it is missing among the inputs of another");
_Static_assert(!(0u POINT_ROWS(NORM_WITHOUT_GAIN)), "a norm without a gain as wide as what it norms");
_Static_assert(!(0u POINT_ROWS(STEP_WITHOUT_VALUES)), "a step that does not say of what, or where to");
_Static_assert(!(0u POINT_ROWS(WITHOUT_CURVE)), "a point without words for people");

bool point_in_layer(enum point point)
{
    return point_rows[point].place == PLACE_IN_LAYER;
}

const char *point_path(enum point point, int layer, char *path)
{
    if (point_in_layer(point))
        snprintf(path, POINT_PATH, "model.layers.%d%s", layer, point_rows[point].path);
    else
        snprintf(path, POINT_PATH, "%s", point_rows[point].path);
    return path;
}

bool point_exists(const struct model_config *config, enum point point, int layer)
{
    enum weight weight = point_rows[point].weight;
    return point_in_layer(point) == (layer >= 0) && layer < config->layers &&
           (weight == WEIGHT_NONE || config_calls_for(config, weight, layer));
}

size_t point_width(const struct model_config *config, enum point point, size_t *heads)
{
    enum dimension width = point_rows[point].width;
    if (heads)
        *heads = (size_t)(width == DIM_Q ? config->heads : width == DIM_KV ? config->kv_heads : 0);
    return (size_t)config_dimension(config, width);
}
