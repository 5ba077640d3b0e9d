/* Weights that gold determines: from what goes into a module and what comes out of it. A gain is one unknown for each
 * channel, and every token an equation; of a router or a head every row has as many unknowns as it is wide; what the
 * embedding gives for a token is its row. A bias, and the gate of a shared expert, show only in what their module
 * makes: there the values are sought that make it gold's. Of a matrix within a module only that can be found by which
 * factor it is off. */
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
    double until; /* what clock_seconds says when experiments are to end, with an error; 0: never */
};

enum solved_state {
    SOLVED_NOT,   /* gold does not determine it: `why` */
    SOLVED_UNFIT, /* what its module makes is wrong, and nothing that it alone could hold makes that right: `why` */
    SOLVED_RIGHT, /* what it alone makes is what gold holds: nothing was solved for */
    SOLVED_CLEAR, /* nothing says that it is wrong: its module is right, or wrong by what is absent in it */
    SOLVED        /* determined: `values` */
};

struct solved {
    enum solved_state state;
    float *values;    /* [rows, columns] as the tensor would hold them, rounded to `dtype`; owned */
    uint64_t *rows;   /* the only ones that `values` holds, ascending; owned. NULL: all */
    size_t row_count; /* of them, */
    size_t rows_seen; /* of so many that gold shows, in all */
    enum dtype dtype; /* the tensor's own; of one that is absent, what its like in other layers have */
    size_t moved;     /* so many rows of what is stored lie at other places; 0: none */
    double factor;    /* what is stored is multiplied by it; 0: it is not */
    size_t equations; /* for each unknown */
    double spread;    /* what gold leaves open of a value, over their root mean square; 0: not measured */
    bool exact;       /* ... but it was: nothing is left open of what is stored */
    double ratio;     /* the largest error of the module's output with them, over its limit */
    enum point point; /* that output; POINT_COUNT: gold shows none */
    char why[256];    /* a sentence that goes on behind "gold does not determine it: " */
};

/* Is a weight of that sort one that gold could determine, where it is `there`, or where it is not? */
bool weight_is_solvable(enum weight weight, bool there);

/* Does it show only in what its module makes, of which it is one part of several? */
bool weight_is_within(enum weight weight);
/* ... and can gold determine more of it than a factor? */
bool weight_is_sought(enum weight weight);

/* Is the tensor of that name within what the point of that layer shows, as self_attn.q_norm shows q_proj too? */
bool point_covers(enum point point, int layer, const char *name);

struct solver;

/* The request's members are borrowed until solver_free, and the store does not change. */
struct solver *solver_new(const struct solve_request *request, struct error *error);
void solver_free(struct solver *solver);

/* Solves for it and runs its block alone with the result: determined only if what it makes then equals gold within its
 * limit, if gold leaves open next to nothing of any value, and if no other weight of the module would explain what is
 * wrong as well. `solved` is to be freed by solved_free either way. */
bool weight_solve(struct solver *solver, const struct expected *expected, struct solved *solved, struct error *error);

/* Puts what was solved for in the weight's place, in its dtype. */
bool solved_lay(struct store *overlay, const struct expected *expected, const struct solved *solved,
                struct error *error);
void solved_free(struct solved *solved);

#endif
