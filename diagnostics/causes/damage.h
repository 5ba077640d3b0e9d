/* What causes cost: the divergence of the logits from gold's, with some of them undone and the others not. */
#ifndef ASSAY_CAUSES_DAMAGE_H
#define ASSAY_CAUSES_DAMAGE_H

#include "causes/hunt.h"

struct damage {
    double whole;             /* nats, with nothing undone; NaN: gold holds no logits */
    double left;              /* with everything undone */
    double alone[PROOFS_MAX]; /* nats that are gone when only this one is undone */
    double share[PROOFS_MAX]; /* of whole: Shapley's value over all orders of undoing them (Shapley: A value for
                                 n-person games, 1953); they sum to 1 - left / whole. NaN: it cannot be told: a
                                 divergence is infinite, or time is up */
};

/* Mean Kullback-Leibler divergence from gold over all positions, in nats, of the ground with these departures, run end
 * to end; NaN: gold holds no logits. */
bool damage_measure(const struct hunt_request *request, const struct hypothesis *hypotheses, size_t count, double *nats,
                    struct error *error);

/* Every subset of the proofs is measured: 2^proof_count runs, fewer where the budget is spent. `damage->whole` may be
 * known already; NaN: it is not. */
bool damage_shares(const struct hunt_request *request, const struct hunt *hunt, struct damage *damage,
                   struct error *error);

#endif
