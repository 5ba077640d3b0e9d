/* Sizes, and values that are the same everywhere, for the tests of the arithmetic. */
#ifndef ASSAY_TESTS_MATH_FIXTURE_H
#define ASSAY_TESTS_MATH_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

/* Uniform in [-1, 1), the same numbers everywhere; scripts that make expected values repeat it. */
float next_value(uint32_t *state);
float *random_values(uint32_t seed, size_t count, float scale);
uint32_t bits_of(float value);

#endif
