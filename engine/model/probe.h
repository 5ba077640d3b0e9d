/* A probe sees every named activation, may change it, and the forward pass knows none of them. */
#ifndef ASSAY_MODEL_PROBE_H
#define ASSAY_MODEL_PROBE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "model/config.h"
#include "model/weights.h"

/* What the columns of the table of points (store/architecture.h) may say. */
enum point_place { PLACE_BEFORE_LAYERS, PLACE_IN_LAYER, PLACE_BEHIND_LAYERS };
enum point_step { STEP_SUM, STEP_ATTENTION, STEP_MLP, STEP_NORM, STEP_OWN, STEP_COUNT };
enum point_values { VALUES_NONE, VALUES_STREAM, VALUES_NORMED, VALUES_BLOCK, VALUES_COUNT };

/* Where the forward pass calls its probes, in the order of the pass. */
struct point_row {
    const char *path;
    enum point_place place;
    enum weight weight; /* WEIGHT_NONE */
    enum dimension width;
    enum point_step step;
    enum point_values to;
    unsigned also; /* bits of points, and of POINT_BEFORE */
    const char *tensors, *curve;
};
extern const struct point_row point_rows[POINT_COUNT];
#define POINT_BEFORE POINT_COUNT

/* How a step of a layer is taken, in a model of that configuration. */
struct point_flow {
    bool sum; /* the block's output that waits is added to the residual stream first */
    enum point_values from, to;
    unsigned inputs; /* bits of points, and of POINT_BEFORE: what is shown here is computed from those that exist */
};

/* Of all points of one layer, in `out`. A norm reads the residual stream, or the output of the block before it where
 * the configuration says so; a block reads what was normed since the one before it, or the stream where nothing was,
 * or, where both blocks stand side by side, what attention read. The output of a block waits until somebody reads the
 * stream, or until another block has its own. */
void point_flows(const struct model_config *config, int layer, struct point_flow out[POINT_COUNT]);

/* Bits of what a point is computed from, besides weights: points of its layer (-1: outside layers), and POINT_BEFORE.
 */
unsigned point_inputs(const struct model_config *config, enum point point, int layer);

/* The norm whose gain a weight reads through in the layers of that configuration: what `through` of its row stands for
 * in this family. WEIGHT_NONE: none, its input is not normed. */
enum weight weight_through(const struct model_config *config, enum weight weight, int layer);

/* Which token a row is. */
struct row {
    int sequence; /* index into the sequences of this pass */
    int token;    /* index into the ids of that sequence in this pass */
};

/* `values` may be changed in place: the pass goes on with what it finds there. Valid during the call only. */
struct activation {
    enum point point;
    int layer; /* -1: none */
    const char *path;
    float *values;
    size_t rows;
    size_t heads; /* 0: rows x width; else rows x heads x (width / heads) */
    size_t width; /* floats in one row */
    const struct row *row_of;
};

struct probe {
    /* False ends the pass with the error. */
    bool (*see)(void *context, const struct activation *activation, struct error *error);
    void *context;
    const struct probe *next; /* called after this one; NULL: none */
};

/* The path as a PyTorch forward hook would name it; `path` holds at least POINT_PATH bytes. Returns it. */
#define POINT_PATH 96
const char *point_path(enum point point, int layer, char *path);

/* What the first layer reads is not what the embedding puts out: it was multiplied, or positions were added. */
bool input_is_apart(const struct model_config *config);

/* True when the configuration has that point in that layer (-1 for points outside layers). */
bool point_exists(const struct model_config *config, enum point point, int layer);

/* Floats in one row, and heads (0: not per head). */
size_t point_width(const struct model_config *config, enum point point, size_t *heads);

bool point_in_layer(enum point point);

/* The point that the weight alone makes; POINT_COUNT: none. */
enum point weight_point(enum weight weight);

#endif
