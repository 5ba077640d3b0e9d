/* What the ways to solve for a weight share. */
#ifndef ASSAY_ACTIVATIONS_SOLVE_INTERNAL_H
#define ASSAY_ACTIVATIONS_SOLVE_INTERNAL_H

#include "activations/solve.h"

/* Within a module, weights that are absent are solved for together: each takes a stretch of the unknowns. */
#define SOLVE_TOGETHER 8

struct solve_task {
    const struct solve_request *request;
    const struct expected *expected[SOLVE_TOGETHER]; /* the first is what is asked for */
    enum dtype dtypes[SOLVE_TOGETHER];
    size_t begins[SOLVE_TOGETHER + 1]; /* of the values of each */
    double spreads[SOLVE_TOGETHER];    /* of each, as in solved.spread, where there are several */
    size_t count;                      /* weights */
    int block;
    enum point point;      /* what shows them */
    bool fits;             /* something was found that makes the module right, whether gold determines it or not */
    float *values;         /* [begins[count]]: what is stored, or 0; what is solved for, not rounded */
    struct solved *solved; /* of the first; where it is not determined, `why` is set */
};

/* Half a step of bfloat16: gold may leave open no more of a value, over their root mean square. */
#define SPREAD_MOST (1.0 / 512)
/* Standard errors that are allowed for: what float32 costs is not all by chance, and values that are known to be right
 * were found up to ten off. */
#define SPREAD_ERRORS 16

typedef bool solve_method(struct solve_task *task, struct error *error);

/* What goes in and what comes out are known: an equation for each token. */
solve_method solve_gain, solve_matrix, solve_offset, solve_rows, solve_order;
/* By experiment. */
solve_method solve_values, solve_factor;

/* The values of the weights, as F32, in the place of what is there. NULL on failure. */
struct store *solve_lay(const struct solve_task *task, const float *values, struct error *error);

#endif
