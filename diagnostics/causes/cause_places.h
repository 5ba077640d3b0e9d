/* Where the weights lie that are a cause: for a reader who wants to see the place, not only how it is undone. */
#ifndef ASSAY_CAUSES_CAUSE_PLACES_H
#define ASSAY_CAUSES_CAUSE_PLACES_H

#include "causes/hunt.h"
#include "model/weights.h"

/* Adds to the finding the series CAUSE_SERIES, whose labels are the tensors: "model.layers.2.mlp.gate.weight", those of
 * experts as "model.layers.2.mlp.experts.4-7"; and to its place what they have in common, of one its name and the file
 * that holds it. Nothing of an empty list. False: out of memory. */
#define CAUSE_SERIES "cause"
bool cause_places_add(const struct store *store, const struct expected_list *list, struct finding *finding);

/* The same of the tensors that the hypothesis changes; of what it takes from the original, those that are not the
 * original's by `differing` (NULL: all). Nothing of one that changes no weights. */
bool cause_places_of(const struct hunt_request *request, const struct hypothesis *hypothesis,
                     const struct differing *differing, struct finding *finding);

#endif
