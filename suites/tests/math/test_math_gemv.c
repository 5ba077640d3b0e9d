/* The arithmetic rung: products of few rows with weights as they are stored, on every level of this processor. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "math/gemv.h"
#include "math/reference.h"
#include "math_fixture.h"
#include "values/values.h"

#define GAP 3 /* floats between rows, which stay what they are */

typedef void level_judge(const struct gemv_level *level, enum dtype dtype);

/* Calls it for every kernel that runs here. */
static void each_kernel(level_judge *judge)
{
    if (!gemv_fastest())
        cr_skip_test("no kernel runs on this processor");
    for (size_t i = 0; gemv_levels[i]; i++)
        for (int dtype = 0; dtype < DTYPE_COUNT && gemv_levels[i]->runs(); dtype++)
            if (gemv_levels[i]->of[dtype])
                judge(gemv_levels[i], (enum dtype)dtype);
}

Test(arithmetic, every_level_has_the_same_kernels)
{
    for (size_t i = 0; gemv_levels[i]; i++) {
        cr_expect(gemv_levels[i]->of[DTYPE_F32], "%s has none for what is widened", gemv_levels[i]->name);
        for (int dtype = 0; dtype < DTYPE_COUNT; dtype++)
            cr_expect(!gemv_levels[i]->of[dtype] == !gemv_levels[0]->of[dtype], "%s, %s", gemv_levels[i]->name,
                      dtype_name((enum dtype)dtype));
    }
}

/* Bytes at an odd address that end where memory does: what reads beyond them is seen by the sanitizers. Any bits, also
 * scales that are not finite; of floats only those of about the size 1. */
static unsigned char *random_weight(enum dtype dtype, size_t bytes)
{
    unsigned char *weight = (unsigned char *)malloc(bytes + 1) + 1;
    uint32_t state = (uint32_t)bytes;
    for (size_t i = 0; i < bytes; i++) {
        next_value(&state);
        weight[i] = (unsigned char)(state >> 24);
    }
    size_t width = dtype_block(dtype) > 1 ? 0 : dtype_row_bytes(dtype, 1);
    for (size_t i = width; width && dtype != DTYPE_F16 && i <= bytes; i += width)
        weight[i - 1] = (unsigned char)(0x3E | (weight[i - 1] & 0x81));
    return weight;
}

/* The same bits as the plain twin's, and nothing written between the rows. */
static void kernel_is_plain(const struct gemv_level *level, enum dtype dtype, size_t rows, size_t columns, size_t m)
{
    unsigned char *weight = random_weight(dtype, rows * dtype_row_bytes(dtype, columns));
    size_t lda = columns + GAP, ldo = rows + GAP;
    float *a = random_values((uint32_t)(columns + m), m * lda, 1), *out = random_values(1, m * ldo, 1),
          *plain = random_values(1, m * ldo, 1);
    level->of[dtype](weight, rows, columns, a, lda, m, out, ldo);
    gemv_plain(dtype, weight, rows, columns, a, lda, m, plain, ldo);
    for (size_t i = 0; i < m * ldo; i++)
        cr_assert(isnan(plain[i]) ? isnan(out[i]) : bits_of(out[i]) == bits_of(plain[i]),
                  "%s, %s [%zu, %zu], %zu rows: output %zu of row %zu is %a, not %a", level->name, dtype_name(dtype),
                  rows, columns, m, i % ldo, i / ldo, (double)out[i], (double)plain[i]);
    free(weight - 1);
    free(a);
    free(out);
    free(plain);
}

/* Every number of rows; columns that are no whole number of lanes, where the type has no blocks, and more than a
 * stretch of them. */
static void kernel_is_plain_in_all_sizes(const struct gemv_level *level, enum dtype dtype)
{
    static const size_t some[] = {1, 2, 15, 16, 17, 40, 63, 1024, 1025, 2100};
    size_t block = dtype_block(dtype);
    for (size_t m = 1; m <= GEMV_ROWS; m++) {
        for (size_t i = 0; i < sizeof some / sizeof *some; i++)
            kernel_is_plain(level, dtype, 1 + (i + m) % 10, (some[i] + block - 1) / block * block, m);
        for (size_t rows = 1; rows < 10; rows++)
            kernel_is_plain(level, dtype, rows, block > 1 ? block : 37, m);
    }
}

Test(arithmetic, products_of_few_rows_have_the_bits_of_the_plain_ones, .timeout = 120)
{
    each_kernel(kernel_is_plain_in_all_sizes);
}

/* A row that is 1 in one column and 0 elsewhere takes that column out of the weight: the values of gguf. */
static void kernel_has_the_values(const struct gemv_level *level, enum dtype dtype)
{
    if (dtype_block(dtype) == 1)
        return;
    struct block_cases cases = block_cases_read(dtype);
    size_t columns = dtype_block(dtype), seen = 0;
    float *a = calloc(GEMV_ROWS * columns, sizeof *a), *out = malloc(GEMV_ROWS * cases.count * sizeof *out);
    for (size_t first = 0; first < columns; first += GEMV_ROWS) {
        memset(a, 0, GEMV_ROWS * columns * sizeof *a);
        for (size_t i = 0; i < GEMV_ROWS; i++)
            a[i * columns + first + i] = 1;
        level->of[dtype](cases.blocks, cases.count, columns, a, columns, GEMV_ROWS, out, cases.count);
        for (size_t i = 0; i < GEMV_ROWS * cases.count; i++) {
            const float *values = cases.values + i % cases.count * columns, right = values[first + i / cases.count];
            bool finite = true;
            for (size_t k = 0; k < columns; k++)
                finite = finite && isfinite(values[k]);
            cr_assert(!finite || values_equal(&out[i], &right, 1), "%s, %s, block %zu, element %zu: %a, but %a in gguf",
                      level->name, dtype_name(dtype), i % cases.count, first + i / cases.count, (double)out[i],
                      (double)right);
            seen += finite;
        }
    }
    cr_expect(seen * 2 > cases.count * columns, "%s: only %zu values of %zu", dtype_name(dtype), seen,
              cases.count * columns);
    free(a);
    free(out);
    block_cases_free(&cases);
}

Test(arithmetic, products_of_few_rows_see_the_values_of_gguf)
{
    each_kernel(kernel_has_the_values);
}

/* The plain one against sums in double, of as many columns as large models have. */
Test(arithmetic, the_plain_product_of_few_rows_is_a_product)
{
    static const size_t counts[] = {1, 16, 37, 576, 4096, 28672};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        size_t columns = counts[i], rows = 5, m = 3;
        float *weight = random_values(3, rows * columns, 0.5f), *a = random_values(4, m * columns, 1);
        float out[15], right[15];
        gemv_plain(DTYPE_F32, weight, rows, columns, a, columns, m, out, rows);
        reference_product(a, weight, right, m, rows, columns);
        for (size_t k = 0; k < m * rows; k++)
            cr_expect(fabsf(out[k] - right[k]) <= FLT_EPSILON * (sqrtf((float)columns) + 1),
                      "%zu columns, output %zu: %.9g, not %.9g", columns, k, (double)out[k], (double)right[k]);
        free(weight);
        free(a);
    }
}
