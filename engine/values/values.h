/* Numbers as they are stored, to float32 and back. */
#ifndef ASSAY_VALUES_VALUES_H
#define ASSAY_VALUES_VALUES_H

#include <stddef.h>
#include <stdint.h>

#include "values/dtype.h"

/* out[i] = values[i], widened from any type that dtype_computes; exact, but for F64, which is rounded to nearest, ties
 * to even. `count` is whole blocks. The source need not be aligned. */
void widen(enum dtype dtype, const void *values, float *out, size_t count);

/* out[i] = the number first + i of those of `bits` bits (1 to 8) that follow each other without gaps, from the lowest
 * bit of the first byte on. */
void unpack(const void *values, unsigned bits, size_t first, size_t count, uint8_t *out);

/* The reverse of widen for F32, F16 and BF16, rounded to nearest, ties to even; what is too large becomes infinite, and
 * a NaN stays one. */
void narrow(enum dtype dtype, const float *values, void *out, size_t count);

/* out[i] = values[i] rounded to F32, F16 or BF16, as narrow does it, and widened again; out may be values. */
void round_values(enum dtype dtype, const float *values, float *out, size_t count);

/* Value by value; a NaN is equal to a NaN, and -0 to 0. */
bool values_equal(const float *a, const float *b, size_t count);

/* Between float32 and double. */
void to_doubles(const float *from, double *to, size_t count);
void to_floats(const double *from, float *to, size_t count);

#endif
