#include "math_fixture.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

float next_value(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)(*state >> 8) / 8388608.0f - 1.0f;
}

float *random_values(uint32_t seed, size_t count, float scale)
{
    float *values = malloc((count + 1) * sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = next_value(&seed) * scale;
    return values;
}

uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

struct block_cases block_cases_read(enum dtype dtype)
{
    struct block_cases cases = {0};
    struct error error = {0};
    char name[2][32];
    snprintf(name[0], sizeof name[0], "%s.blocks", dtype_name(dtype));
    snprintf(name[1], sizeof name[1], "%s.values", dtype_name(dtype));
    cases.store = store_open(ASSAY_SOURCE_DIR "/suites/data/gguf/blocks.safetensors", &error);
    cr_assert(cases.store, "%s", error_text(&error));
    const struct tensor *blocks = store_find(cases.store, name[0]), *values = store_find(cases.store, name[1]);
    cr_assert(blocks && values && blocks->rows == values->rows, "%s", dtype_name(dtype));
    cr_assert_eq(blocks->columns, dtype_row_bytes(dtype, dtype_block(dtype)));
    cr_assert_eq(values->columns, dtype_block(dtype));
    cases.count = blocks->rows;
    cases.bytes = blocks->bytes;
    cases.blocks = malloc(blocks->bytes);
    cases.values = malloc(values->bytes);
    cr_assert(store_read(cases.store, blocks, cases.blocks, &error) &&
              store_read(cases.store, values, cases.values, &error));
    return cases;
}

void block_cases_free(struct block_cases *cases)
{
    free(cases->blocks);
    free(cases->values);
    store_free(cases->store);
}
