/* The plain twins of the fast kernels, in double: slow, short, and what they are tested against. */
#ifndef ASSAY_MATH_REFERENCE_H
#define ASSAY_MATH_REFERENCE_H

#include <stddef.h>

#include "values/dtype.h"

float reference_widen(enum dtype dtype, const void *value);
void reference_rms_norm(const float *x, const float *gain, double epsilon, float *out, size_t count);
void reference_softmax(float *x, size_t count);
void reference_silu_multiply(float *gate, const float *up, size_t count);

/* C[m, n] = A[m, k] * B[n, k]^T, all dense and row-major. */
void reference_product(const float *a, const float *b, float *c, size_t m, size_t n, size_t k);

#endif
