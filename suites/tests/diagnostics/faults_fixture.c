#include "faults_fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "faults/fault.h"
#include "store_fixtures.h"
#include "values/values.h"

const char *const types[] = {"f32", "f16", "bf16"};
struct store *base;
struct model_config *config;

const char *counted(enum dtype dtype, int first, size_t count)
{
    static char bytes[TENSORS][ELEMENTS * 4];
    static int used;
    char *out = bytes[used++ % TENSORS];
    for (size_t i = 0; i < count; i++) {
        float value = (float)first + (float)i;
        narrow(dtype, &value, out + i * dtype_width(dtype), 1);
    }
    return out;
}

struct store *broken(const char *const *specs, size_t count)
{
    struct error error = {0};
    struct store *faults = faults_over(base, config, &(struct fault_means){0}, specs, count, &error);
    cr_assert(faults, "%s", error_text(&error));
    return faults;
}

float *widened(const struct store *store, const char *name)
{
    const struct tensor *tensor = store_find(store, name);
    cr_assert(tensor, "%s", name);
    size_t count = (size_t)(tensor->rows * tensor->columns);
    unsigned char *raw = values_of(store, name);
    float *values = calloc(count + 1, sizeof *values);
    widen(tensor->dtype, raw, values, count);
    free(raw);
    return values;
}

void expect_others_same(const struct store *store, const char *a, const char *b)
{
    cr_expect_eq(store_count(store), store_count(base));
    for (size_t i = 0; i < store_text_count(base); i++) {
        const struct tensor *tensor = store_at(base, i);
        if ((a && strcmp(tensor->name, a) == 0) || (b && strcmp(tensor->name, b) == 0))
            continue;
        unsigned char *expected = values_of(base, tensor->name);
        cr_expect(store_find(store, tensor->name)->dtype == tensor->dtype);
        expect_values(store, tensor->name, expected, (size_t)tensor->bytes);
        cr_expect_not(store_altered(store, store_find(store, tensor->name)), "%s", tensor->name);
        free(expected);
    }
}

void expect_cuts_agree(const struct store *store, const char *name)
{
    const struct tensor *tensor = store_find(store, name);
    unsigned char *whole = values_of(store, name), *part = malloc((size_t)tensor->bytes + 1);
    size_t row = dtype_row_bytes(tensor->dtype, (size_t)tensor->columns);
    struct error error = {0};
    for (uint64_t first = 0; first < tensor->rows; first++)
        for (uint64_t count = 1; count <= tensor->rows - first; count++) {
            cr_assert(store_read_rows(store, tensor, first, count, part, &error), "%s", error_text(&error));
            cr_expect(memcmp(part, whole + first * row, count * row) == 0);
        }
    free(part);
    free(whole);
}

const struct share shares[] = {{"", 6, 7},     {",1", 6, 7},    {",0.5", 3, 4},  {",0.51", 4, 4},
                               {",0.9", 6, 7}, {",0.01", 1, 1}, {",1e-9", 1, 1}, {",0.1666666666666667", 1, 2}};
