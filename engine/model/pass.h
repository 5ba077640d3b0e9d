/* One pass through the model, and the steps that its parts have in common. */
#ifndef ASSAY_MODEL_PASS_H
#define ASSAY_MODEL_PASS_H

#include "model/model_internal.h"

/* The activations of one pass. Rows are the tokens of all sequences, one after the other. */
struct pass {
    struct model *model;
    const struct sequence *sequences;
    size_t count;
    size_t *first; /* row of each sequence's first token; count + 1 of them */
    size_t rows;
    struct row *row_of;
    const struct probe *probe;
    float *x;       /* [rows, hidden]: the residual stream */
    float *normed;  /* [rows, hidden] */
    float *block;   /* [rows, hidden]: output of attention or experts */
    float *cosines; /* [rows, rotary_dim / 2], one table behind the other */
    float *sines;
    size_t of_queries;  /* where those of queries begin: 0, unless a switch gives them positions of their own */
    size_t of_local;    /* where those of layers begin that are rotated locally */
    uint64_t roundings; /* so far: each has its own chance */
};

/* Rounds values [rows, width] of the sequences that ask for it, as `steps` steps of the original round them. */
void pass_round(struct pass *pass, float *values, size_t width, int steps);
/* The same for values of one sequence in a task of the pool; `which` tells values of the same pass apart. */
void pass_round_here(const struct pass *pass, int sequence, float *values, size_t count, int steps, uint64_t which);

/* Shows an activation to the probes. `rows` rows, which are those of `row_of`. */
bool pass_show(const struct pass *pass, enum point point, int layer, float *values, size_t rows,
               const struct row *row_of, struct error *error);

/* Linear layers of one input, by their slots: out[rows, weight's rows] = in[rows, weight's columns] * weight^T + bias,
 * packed. */
struct projection {
    enum weight weight;
    enum weight bias; /* WEIGHT_COUNT: none */
    float *out;
};
bool pass_linear(struct pass *pass, int layer, const float *in, const struct projection *projections, size_t count,
                 struct error *error);

/* The model's norm over rows of `width` floats, `rows` of them: out may be in. A gain of `period` floats is repeated.
 */
bool pass_norm(struct pass *pass, enum weight gain, int layer, const float *in, float *out, size_t rows, size_t width,
               size_t period, struct error *error);

#endif
