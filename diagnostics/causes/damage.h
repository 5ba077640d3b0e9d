/* What causes cost: the divergence of the logits from gold's, with some of them undone and the others not. */
#ifndef ASSAY_CAUSES_DAMAGE_H
#define ASSAY_CAUSES_DAMAGE_H

#include "causes/hunt.h"

struct damage {
    double whole;             /* nats, with nothing undone; NaN: gold holds no logits */
    double left;              /* with everything undone */
    double alone[PROOFS_MAX]; /* of whole - left, what is gone when only this one is undone */
    double share[PROOFS_MAX]; /* of whole - left: Shapley's value over all orders of undoing them (Shapley: A value for
                                 n-person games, 1953); they sum to 1. NaN: it cannot be told, where a divergence is
                                 infinite */
};

/* Every subset of the proofs is measured: 2^proof_count runs. */
bool damage_shares(const struct hunt_request *request, const struct hunt *hunt, struct damage *damage,
                   struct error *error);

#endif
