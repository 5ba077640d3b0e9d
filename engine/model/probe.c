#include "model/probe.h"

#include <stdio.h>

#define OF(id) (1u << POINT_##id)

const struct point_row point_rows[POINT_COUNT] = {
#define AS_ROW(id, path_, place_, weight_, width_, step_, to_, also_, tensors_, curve_)                                \
    [POINT_##id] = {.path = path_,                                                                                     \
                    .place = PLACE_##place_,                                                                           \
                    .weight = WEIGHT_##weight_,                                                                        \
                    .width = DIM_##width_,                                                                             \
                    .step = STEP_##step_,                                                                              \
                    .to = VALUES_##to_,                                                                                \
                    .also = also_,                                                                                     \
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
#define ALSO(id, path, place, weight, width, step, to, also, ...) | (also)
#define POINT_BIT(id, ...) | OF(id)
/* What a step of a layer makes is read by the steps behind it; the others must be named. */
#define OF_A_STEP(id, path, place, weight, width, step, ...)                                                           \
    | (PLACE_##place == PLACE_IN_LAYER && STEP_##step != STEP_OWN ? OF(id) : 0)
/* A norm that is a step of the layer has a gain, as wide as what it norms. */
#define NORM_WITHOUT_GAIN(id, path, place, weight, width, step, ...)                                                   \
    | (STEP_##step == STEP_NORM && (WEIGHT_##weight == WEIGHT_NONE || DIM_##width != DIM_HIDDEN) ? OF(id) : 0)
#define STEP_WITHOUT_VALUES(id, path, place, weight, width, step, to, ...)                                             \
    | ((STEP_##step != STEP_OWN) == (VALUES_##to == VALUES_NONE) ? OF(id) : 0)
#define WITHOUT_CURVE(id, path, place, weight, width, step, to, also, tensors, curve)                                  \
    | (sizeof(tensors) == 1 || (PLACE_##place == PLACE_IN_LAYER && sizeof(curve) == 1) ? OF(id) : 0)

_Static_assert(POINT_COUNT < 32, "sets of points are 32 bits");
_Static_assert(!((UINT64_C(0) WEIGHT_ROWS(GAIN_OF)) & ~(UINT64_C(0) POINT_ROWS(SHOWN))), "a norm that no point shows");
_Static_assert(((0u POINT_ROWS(ALSO)) | (0u POINT_ROWS(OF_A_STEP)) | OF(INPUT) | OF(HEAD)) ==
                   ((0u POINT_ROWS(POINT_BIT)) | OF(BEFORE)),
               "a point of which nothing is computed: another row should name it");
_Static_assert(!(0u POINT_ROWS(NORM_WITHOUT_GAIN)), "a norm without a gain as wide as what it norms");
_Static_assert(!(0u POINT_ROWS(STEP_WITHOUT_VALUES)), "a step that does not say where to, or what is no step and does");
_Static_assert(!(0u POINT_ROWS(WITHOUT_CURVE)), "a point without words for people");

bool point_in_layer(enum point point)
{
    return point_rows[point].place == PLACE_IN_LAYER;
}

enum point weight_point(enum weight weight)
{
    for (int point = 0; weight != WEIGHT_NONE && point < POINT_COUNT; point++)
        if (point_rows[point].weight == weight)
            return (enum point)point;
    return POINT_COUNT;
}

const char *point_path(enum point point, int layer, char *path)
{
    if (point_in_layer(point))
        snprintf(path, POINT_PATH, "model.layers.%d%s", layer, point_rows[point].path);
    else
        snprintf(path, POINT_PATH, "%s", point_rows[point].path);
    return path;
}

bool input_is_apart(const struct model_config *config)
{
    return config->position_table || config->embedding_multiplier < 1 || config->embedding_multiplier > 1;
}

bool point_exists(const struct model_config *config, enum point point, int layer)
{
    enum weight weight = point_rows[point].weight;
    return point_in_layer(point) == (layer >= 0) && layer < config->layers &&
           (weight == WEIGHT_NONE ? point != POINT_INPUT || input_is_apart(config)
                                  : config_calls_for(config, weight, layer));
}

size_t point_width(const struct model_config *config, enum point point, size_t *heads)
{
    enum dimension width = point_rows[point].width;
    if (heads)
        *heads = (size_t)(width == DIM_Q              ? config->heads
                          : width == DIM_KV           ? config->kv_heads
                          : width == DIM_LINEAR_VALUE ? config->linear.heads
                                                      : 0);
    return (size_t)config_dimension(config, width);
}

/* While the steps of a layer are gone through: of which points each of the values is made. */
struct flowing {
    unsigned stream, normed, block; /* normed 0: nothing since the last block */
    bool waits;                     /* the block's output is not in the stream yet */
};

static void flow_add(struct flowing *flowing)
{
    flowing->stream |= flowing->block;
    flowing->waits = false;
}

static struct point_flow flow_of(const struct model_config *config, const struct point_row *row,
                                 struct flowing *flowing)
{
    bool block = row->step == STEP_ATTENTION || row->step == STEP_MLP, parallel = config->parallel_blocks;
    struct point_flow flow = {.from = VALUES_STREAM, .to = row->to};
    if (row->step == STEP_NORM && config->block_norms & WEIGHT_BIT(row->weight))
        flow.from = flow.to = VALUES_BLOCK;
    else if (row->step == STEP_OWN || (block && flowing->normed))
        flow.from = flowing->normed ? VALUES_NORMED : VALUES_STREAM;
    flow.sum = flowing->waits && row->step != STEP_OWN &&
               (row->step == STEP_SUM || block || (!parallel && flow.from == VALUES_STREAM));
    if (flow.sum)
        flow_add(flowing);
    const unsigned of[VALUES_COUNT] = {
        [VALUES_STREAM] = flowing->stream, [VALUES_NORMED] = flowing->normed, [VALUES_BLOCK] = flowing->block};
    flow.inputs = of[flow.from] | row->also;
    return flow;
}

void point_flows(const struct model_config *config, int layer, struct point_flow out[POINT_COUNT])
{
    struct flowing flowing = {.stream = OF(BEFORE)};
    for (int point = 0; point < POINT_COUNT; point++) {
        const struct point_row *row = &point_rows[point];
        out[point] = (struct point_flow){.to = row->to, .inputs = row->also};
        if (!point_in_layer((enum point)point) || !point_exists(config, (enum point)point, layer))
            continue;
        out[point] = flow_of(config, row, &flowing);
        if (out[point].to == VALUES_NORMED)
            flowing.normed = 1u << point;
        if (out[point].to == VALUES_BLOCK) {
            flowing.block = 1u << point;
            flowing.waits = true;
            flowing.normed = config->parallel_blocks ? flowing.normed : 0;
        }
    }
}

unsigned point_inputs(const struct model_config *config, enum point point, int layer)
{
    struct point_flow flows[POINT_COUNT];
    if (!point_in_layer(point))
        return point_rows[point].also;
    point_flows(config, layer, flows);
    return flows[point].inputs;
}

enum weight weight_through(const struct model_config *config, enum weight weight, int layer)
{
    enum weight through = weight_rows[weight].through;
    if (through != WEIGHT_INPUT_NORM && through != WEIGHT_POST_NORM)
        return through;
    struct point_flow flows[POINT_COUNT];
    point_flows(config, layer < 0 ? 0 : layer, flows);
    unsigned inputs = flows[through == WEIGHT_INPUT_NORM ? POINT_ATTENTION : POINT_MLP].inputs;
    for (int point = 0; point < POINT_COUNT; point++)
        if (inputs >> point & 1 && point_rows[point].step == STEP_NORM)
            return flows[point].to == VALUES_NORMED ? point_rows[point].weight : WEIGHT_NONE;
    return WEIGHT_NONE;
}
