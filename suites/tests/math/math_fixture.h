/* Sizes, and values that are the same everywhere, for the tests of the arithmetic. */
#ifndef ASSAY_TESTS_MATH_FIXTURE_H
#define ASSAY_TESTS_MATH_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

/* Uniform in [-1, 1), the same numbers everywhere; scripts that make expected values repeat it. */
float next_value(uint32_t *state);
float *random_values(uint32_t seed, size_t count, float scale);
uint32_t bits_of(float value);

/* scripts/make_gguf_cases.py: blocks, and what the `gguf` Python package makes of them. */
struct block_cases {
    struct store *store;
    unsigned char *blocks;
    float *values;
    size_t count, bytes; /* of blocks; of them all */
};

struct block_cases block_cases_read(enum dtype dtype);
void block_cases_free(struct block_cases *cases);

#endif
