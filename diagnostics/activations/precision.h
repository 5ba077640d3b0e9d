/* How finely can this subject and this gold be compared at all? Decided before anything is computed, told after. */
#ifndef ASSAY_ACTIVATIONS_PRECISION_H
#define ASSAY_ACTIVATIONS_PRECISION_H

#include "findings/finding.h"
#include "golden/golden.h"
#include "limits/limits.h"
#include "run/subject.h"

/* The subject's weights beside those that gold was computed from. */
enum weights_beside {
    WEIGHTS_AS_GOLD,  /* or not known */
    WEIGHTS_ROUNDED,  /* gold's, rounded to bfloat16 or float16: what that costs is measured (rounding.h) */
    WEIGHTS_QUANTISED /* gold's, in blocks that share a scale: what that costs is for a suite to say */
};

/* Measures how many bits gold's values have and what became of its weights in the subject, as far as the rows of the
 * embedding tell that gold holds, else the hash of the weights. Coarsens gold accordingly. */
bool precision_settle(struct golden *golden, const struct subject *subject, enum weights_beside *weights,
                      struct error *error);

/* Fits the dumps to the subject (gold_fit), without a word of it, and settles them: for who only computes with them. */
bool precision_fit(struct golden *const *goldens, size_t count, const struct subject *subject, struct error *error);

/* Adds gold.precision where gold has few bits, and weights.precision where the weights were rounded. */
bool precision_report(const struct golden *golden, const struct subject *subject, enum weights_beside weights,
                      const struct limits *limits, struct findings *findings, struct error *error);

#endif
