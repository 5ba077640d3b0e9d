/* Linear least squares in double precision, and how far the data determine what they give. */
#ifndef ASSAY_ACTIVATIONS_LEAST_SQUARES_H
#define ASSAY_ACTIVATIONS_LEAST_SQUARES_H

#include <stdbool.h>

#include "base/error.h"

/* min |A X - B| over X, by QR: A is [rows, columns], rows >= columns, and B [rows, sides], both column by column. X
 * lies in the first `columns` of each side of B, and behind it, squared and summed, what is left of it; A holds its
 * triangle.
 * `*full`: A is of full rank, else neither is there. */
bool least_squares(double *a, double *b, int rows, int columns, int sides, bool *full, struct error *error);

/* Of the triangle that least_squares left: out[i], the standard error of unknown i, over that of one equation. Infinite
 * where nothing determines it. The triangle is lost. */
void least_squares_spread(double *triangle, int rows, int columns, double *out);

#endif
