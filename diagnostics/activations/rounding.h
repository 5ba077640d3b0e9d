/* What few bits cost. Gold that was computed in bfloat16 or float16, as on a GPU, or of which only so many bits were
 * kept, is off by more than the noise of float32; so is a subject whose weights were rounded to them. How much that is
 * at a place is measured on the subject itself: each case of gold is computed once more with that much chance in every
 * step (sequence.rounding), beside the run that is compared, and the two are held against each other. */
#ifndef ASSAY_ACTIVATIONS_ROUNDING_H
#define ASSAY_ACTIVATIONS_ROUNDING_H

#include "findings/diagnostic.h"
#include "golden/golden.h"
#include "limits/limits.h"
#include "run/run.h"

/* How finely the subject can be compared with gold at a place. `tensor` NULL: at none in particular. `alone`: with
 * golden input. */
struct accuracy gold_accuracy(const struct golden *golden, const struct golden_tensor *tensor, bool alone);

/* The relative error (root mean square) of rounding to the type that golden_dtype names; 0: nothing that matters. */
double gold_rounding(const struct golden *golden);

/* What few bits cost the logits, end to end: of the case that they cost most, relative L2. NaN: not measured. */
double gold_logits_rounding(const struct golden *golden);

/* Few bits make ties: is the choice of `k` experts by these router logits of gold one that the original may have made
 * otherwise, so near are the last that it takes, chosen[k - 1], and the best that it leaves, chosen[k]? `chosen`: room
 * for k + 1; k < experts. */
bool gold_routing_unsure(const struct golden *golden, const float *logits, int experts, int k, int *chosen);

struct rounding;

/* Twins of a case: what few bits cost is the root mean square over them. One would not do: through which experts a
 * token goes changes in a few runs of many, and then much. */
#define ROUNDING_DRAWS 4

/* `goldens` and `config` are borrowed; what is measured is set in the former. */
struct rounding *rounding_new(struct golden *const *goldens, size_t count, const struct model_config *config,
                              struct error *error);
void rounding_free(struct rounding *rounding);

/* A part of the pass over a rounded seat, or of its twin, which comes behind it. Isolated and rounded: puts gold's
 * values there, rounded by chance once more, for what gold's own rounding does to what follows. End to end and rounded:
 * where gold's choice of experts is unsure, makes it otherwise, for what that does to what follows. */
bool rounding_see(struct rounding *rounding, const struct seat *seat, const struct part *part, struct error *error);

#endif
