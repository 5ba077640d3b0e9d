/* What goes into a module and what comes out of it, of gold's tokens that have both. */
#ifndef ASSAY_ACTIVATIONS_SOLVE_PAIRS_H
#define ASSAY_ACTIVATIONS_SOLVE_PAIRS_H

#include "activations/solve.h"

/* Start with the first five; `in` POINT_COUNT: what goes in is what the module makes itself. */
struct pairs {
    const struct solve_request *request;
    enum point in, out;
    size_t width_in, width_out;
    size_t *begins; /* [golden_count + 1] of tokens; cases in order within */
    size_t tokens;
    float *inputs, *outputs; /* [tokens, width] */
    bool *has_in, *has_out;  /* [tokens] */
};

/* To be freed either way. */
bool pairs_make(struct pairs *pairs, struct error *error);
void pairs_free(struct pairs *pairs);

/* Runs the block, fed gold's inputs, with the weights of `store`. */
bool pairs_run(struct pairs *pairs, const struct store *store, int block, struct error *error);

/* Moves the tokens that have both to the front; how many there are. */
size_t pairs_pack(struct pairs *pairs);

#endif
