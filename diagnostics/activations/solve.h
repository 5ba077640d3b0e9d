/* Weights that gold determines: from what goes into a module and what comes out of it. A gain is one unknown for each
 * channel, and every token an equation; of a router or a head every row has as many unknowns as it is wide. */
#ifndef ASSAY_ACTIVATIONS_SOLVE_H
#define ASSAY_ACTIVATIONS_SOLVE_H

#include "activations/isolated.h"
#include "model/weights.h"

/* All borrowed. */
struct solve_request {
    const struct store *store; /* all other weights of the module are taken from it as they are */
    const struct model_config *config;
    struct isolated *isolated;     /* of that configuration and these dumps */
    struct golden *const *goldens; /* fit for it (gold_fit) */
    size_t golden_count;
};

struct solved {
    float *values; /* [rows, columns] as the tensor would hold them, rounded to `dtype`; owned. NULL: not determined */
    enum dtype dtype; /* the tensor's own; of one that is absent, what its like in other layers have */
    bool right;       /* what is there makes what gold holds: nothing was solved for */
    size_t equations; /* for each unknown */
    double ratio;     /* the largest error of the module's output with them, over its limit */
    char why[160];    /* it is not determined: a sentence that goes on behind "gold does not determine it: " */
};

/* Is a weight of that sort one that gold could determine? */
bool weight_is_solvable(enum weight weight);

/* Solves it, least squares over gold's tokens, and runs its block alone with the result: determined only if what it
 * makes then equals gold within its limit. `solved` is to be freed by solved_free either way. */
bool weight_solve(const struct solve_request *request, const struct expected *expected, struct solved *solved,
                  struct error *error);
/* Puts what was solved for in the weight's place, in its dtype. */
bool solved_lay(struct store *overlay, const struct expected *expected, const struct solved *solved,
                struct error *error);
void solved_free(struct solved *solved);

#endif
