/* The factor by which a tensor is too large or too small, by experiment. */
#ifndef ASSAY_CAUSES_FACTOR_H
#define ASSAY_CAUSES_FACTOR_H

#include <stdbool.h>

/* How far from gold its module is with the tensor multiplied by `factor`; 0 where nothing tells it from gold, infinite
 * where that cannot be computed. False: the search is to end. */
typedef bool factor_distance(void *context, double factor, double *distance);

/* Looks from 1/64 to 64 for the factor that brings nearest, which is 1 where none brings nearer than an eighth of
 * what it is without. Squared distances of what a module computes linearly are a parabola, which three values give: so
 * it takes about twenty experiments. `*fell`: the distance there, over that of factor 1. False: ended. */
bool factor_search(factor_distance *distance, void *context, double *factor, double *fell);

#endif
