/* Words that are there with and without a blank before them: training makes their rows alike, so they tell whether a
 * table lies where the vocabulary says. */
#ifndef ASSAY_HEALTH_VOCABULARY_KIN_H
#define ASSAY_HEALTH_VOCABULARY_KIN_H

#include "health/vocabulary_internal.h"

struct kin {
    int rows;              /* that the rows of tokens lie behind (+) or before their places; 0: in them, or not known */
    double own, elsewhere; /* mean cosine of the pairs' rows, less what all rows share: in their places, and there */
    size_t pairs;          /* 0: nothing was compared */
};

/* Looks up to eight rows away. It takes 32 pairs, and of SmolLM2 their cosine is 0.60 in their places and 0.01 a row
 * beside; a table counts as moved where it is 0.2 or more in one other place, and a quarter of that or less in all
 * others. */
bool vocabulary_kin(const struct vocabulary *vocabulary, const struct row_profile *table, struct kin *kin);

#endif
