/* Is every expert the one that its router row asks for? From scan->affinity. */
#ifndef ASSAY_HEALTH_HEALTH_EXPERTS_H
#define ASSAY_HEALTH_HEALTH_EXPERTS_H

#include "health/scan.h"

#define EXPERT_NONE (-1)

/* How the experts of a layer and the rows of its router belong together. */
struct layer_match {
    int told; /* experts of whom it can be told: each the best of one row, which is the best for it, by far */
    int own;  /* of them, those whose best row is their own */
    int wrong;
    int *row; /* [config->experts]: the row that an expert at the wrong one belongs to; EXPERT_NONE: it is not wrong.
               Owned */
};

/* One layer. `claims` is set when so many experts can be told that training has tied them to their rows; a layer
 * without a table has none. Wrong are experts that closed a circle of rows, each at the place of the next, and where
 * hardly one is at its own row, all that can be told: single ones seem to belong elsewhere in any model. */
bool experts_match(const struct scan *scan, int layer, struct layer_match *match, bool *claims, struct error *error);

#endif
