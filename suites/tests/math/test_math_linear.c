/* The arithmetic rung: linear layers in every type of weights, and blocks against the bits of gguf. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "math/linear.h"
#include "math/reference.h"
#include "math_fixture.h"
#include "store/safetensors.h"
#include "values/values.h"

/* A weight matrix in one dtype: in memory, and in a file of its own. */
struct weight {
    enum dtype dtype;
    size_t rows, columns;
    unsigned char *values;
    float *wide;
    struct store *store;
    char path[64];
};

static struct weight weight_new(enum dtype dtype, size_t rows, size_t columns)
{
    struct weight weight = {.dtype = dtype, .rows = rows, .columns = columns};
    struct error error = {0};
    size_t width = dtype_width(dtype), count = rows * columns;
    float *values = random_values((uint32_t)(rows * 31 + columns), count, 0.5f);
    weight.values = malloc(count * width + 1);
    weight.wide = malloc((count + 1) * sizeof *weight.wide);
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = bits_of(values[i]);
        uint16_t half =
            (uint16_t)(dtype == DTYPE_BF16 ? bits >> 16 : (bits >> 31) << 15 | 0x2800 | (bits >> 13 & 0x07FF));
        memcpy(weight.values + i * width, width == 4 ? (const void *)&values[i] : (const void *)&half, width);
        weight.wide[i] = reference_widen(dtype, weight.values + i * width);
    }
    free(values);
    static int made;
    snprintf(weight.path, sizeof weight.path, "/tmp/assay-math-%ld-%d.safetensors", (long)getpid(), made++);
    struct safetensors_entry entries[] = {{.name = "before", .dtype = DTYPE_U8, .rank = 1, .shape = {3}},
                                          {.name = "weight", .dtype = dtype, .rank = 2, .shape = {rows, columns}}};
    struct safetensors_writer *writer = safetensors_create(weight.path, entries, 2, NULL, &error);
    cr_assert(writer && safetensors_put(writer, 0, 0, "abc", 3, &error) &&
                  safetensors_put(writer, 1, 0, weight.values, count * width, &error) &&
                  safetensors_commit(writer, &error),
              "%s", error_text(&error));
    weight.store = store_open(weight.path, &error);
    cr_assert(weight.store, "%s", error_text(&error));
    return weight;
}

static struct matrix weight_matrix(const struct weight *weight, bool in_memory)
{
    return (struct matrix){.store = weight->store,
                           .tensor = store_find(weight->store, "weight"),
                           .dtype = weight->dtype,
                           .values = in_memory ? weight->values : NULL,
                           .rows = weight->rows,
                           .columns = weight->columns};
}

static void weight_free(struct weight *weight)
{
    store_free(weight->store);
    unlink(weight->path);
    free(weight->values);
    free(weight->wide);
}

static struct workspace *workspace_of(int threads, bool exact)
{
    struct error error = {0};
    cr_assert(blas_prove(&error), "%s", error_text(&error));
    struct workspace *workspace = workspace_new(threads, &error);
    cr_assert(workspace, "%s", error_text(&error));
    workspace_exact(workspace, exact);
    return workspace;
}

static bool linear_one(struct workspace *workspace, const float *a, size_t lda, size_t m, const struct matrix *weight,
                       const float *bias, float *out, size_t ldo, struct error *error)
{
    struct linear_part part = {.weight = *weight, .bias = bias, .out = out, .ldo = ldo};
    return linear(workspace, a, lda, m, &part, 1, error);
}

/* Workspaces of 1, 2, 3 and 8 threads. */
#define WORKSPACES 4
static void workspaces_open(struct workspace **workspaces)
{
    static const int threads[WORKSPACES] = {1, 2, 3, 8};
    for (size_t i = 0; i < WORKSPACES; i++)
        workspaces[i] = workspace_of(threads[i], false);
}

static void workspaces_close(struct workspace **workspaces)
{
    for (size_t i = 0; i < WORKSPACES; i++)
        workspace_free(workspaces[i]);
}

/* out against the plain product plus bias, and that nothing was written between its rows. */
static void judge_linear(const struct weight *weight, const float *out, size_t ldo, const float *expected,
                         const float *bias, size_t m, bool exact)
{
    for (size_t i = 0; i < m * ldo; i++) {
        size_t row = i / ldo, column = i % ldo;
        if (column >= weight->rows) {
            cr_assert(out[i] >= 77 && out[i] <= 77, "wrote between the rows");
            continue;
        }
        double right = (double)expected[row * weight->rows + column] + (bias ? (double)bias[column] : 0);
        double limit =
            exact ? 1.5 * FLT_EPSILON * fmax(1, fabs(right)) : 4 * FLT_EPSILON * (sqrt((double)weight->columns) + 1);
        cr_assert(fabs((double)out[i] - right) <= limit,
                  "%s [%zu, %zu], exact %d: output %zu of row %zu of %zu is %.9g, not %.9g", dtype_name(weight->dtype),
                  weight->rows, weight->columns, exact, column, row, m, (double)out[i], right);
    }
}

/* a [m, columns] times the weight's transpose plus bias, against the plain product, in memory and from the file, on any
 * number of threads and within a task: the same bits. Rows of a and out lie apart. */
static void linear_agrees(struct workspace **workspaces, const struct weight *weight, size_t m, bool with_bias,
                          bool exact)
{
    size_t rows = weight->rows, columns = weight->columns, lda = columns + 2, ldo = rows + 3, floats = m * ldo;
    float *a = random_values((uint32_t)m, m * lda, 1), *bias = random_values(12, rows, 1),
          *dense = malloc((m * columns + 1) * sizeof *a);
    float *expected = malloc((m * rows + 1) * sizeof *a), *out = malloc(floats * sizeof *out),
          *first = malloc(floats * sizeof *out);
    struct error error = {0};
    for (size_t row = 0; row < m; row++)
        memcpy(dense + row * columns, a + row * lda, columns * sizeof *a);
    reference_product(dense, weight->wide, expected, m, rows, columns);
    for (size_t way = 0; way < 2 * (WORKSPACES + 1); way++) {
        bool here = way / 2 == WORKSPACES;
        struct workspace *workspace = workspaces[here ? 0 : way / 2];
        struct matrix matrix = weight_matrix(weight, way % 2);
        for (size_t i = 0; i < floats; i++)
            out[i] = 77;
        workspace_exact(workspace, exact);
        cr_assert(here ? linear_here(workspace, 0, a, lda, m, &matrix, with_bias ? bias : NULL, out, ldo, &error)
                       : linear_one(workspace, a, lda, m, &matrix, with_bias ? bias : NULL, out, ldo, &error),
                  "%s", error_text(&error));
        judge_linear(weight, out, ldo, expected, with_bias ? bias : NULL, m, exact);
        if (way == 0 || (here && way % 2 == 0)) /* a task cuts the work otherwise, so its last bits may be others */
            memcpy(first, out, floats * sizeof *out);
        cr_assert(memcmp(first, out, floats * sizeof *out) == 0,
                  "%s [%zu, %zu], %zu rows, exact %d: way %zu gives other bits", dtype_name(weight->dtype), rows,
                  columns, m, exact, way);
    }
    free(a);
    free(bias);
    free(dense);
    free(expected);
    free(out);
    free(first);
}

static void linear_of(enum dtype dtype)
{
    static const size_t matrices[][2] = {{1, 1}, {3, 5}, {64, 64}, {65, 33}, {200, 129}, {193, 40}, {408, 36}};
    static const size_t counts[] = {1, 2, 5, 8, 9, 64, 300};
    struct workspace *workspaces[WORKSPACES];
    workspaces_open(workspaces);
    for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++) {
        struct weight weight = weight_new(dtype, matrices[i][0], matrices[i][1]);
        for (size_t k = 0; k < sizeof counts / sizeof *counts; k++)
            for (int exact = 0; exact < 2; exact++)
                linear_agrees(workspaces, &weight, counts[k], (i + k) % 2, exact);
        weight_free(&weight);
    }
    workspaces_close(workspaces);
}

Test(arithmetic, linear_float32, .timeout = 120)
{
    linear_of(DTYPE_F32);
}

Test(arithmetic, linear_float16, .timeout = 120)
{
    linear_of(DTYPE_F16);
}

Test(arithmetic, linear_bfloat16, .timeout = 120)
{
    linear_of(DTYPE_BF16);
}

/* More than one stripe: 1300 rows of 6,000. */
Test(arithmetic, linear_in_stripes, .timeout = 120)
{
    struct weight weight = weight_new(DTYPE_BF16, 1300, 6000);
    struct workspace *workspaces[WORKSPACES];
    workspaces_open(workspaces);
    linear_agrees(workspaces, &weight, 1, true, false);
    linear_agrees(workspaces, &weight, 9, true, false);
    workspaces_close(workspaces);
    weight_free(&weight);
}

/* Several layers of one input give what each gives alone, bit for bit: files and memory, three dtypes, an absent one
 * between, and more than fits one stripe. */
static void parts_agree(size_t columns, size_t m, bool exact)
{
    static const enum dtype dtypes[] = {DTYPE_F16, DTYPE_F32, DTYPE_F32, DTYPE_BF16};
    static const size_t heights[] = {70, 33, 5, 129};
    struct weight weights[4];
    struct linear_part parts[4];
    struct error error = {0};
    struct workspace *workspace = workspace_of(3, exact);
    float *a = random_values(15, m * columns, 1), *bias = random_values(16, 129, 1);
    for (size_t i = 0; i < 4; i++) {
        weights[i] = weight_new(dtypes[i], heights[i], columns);
        parts[i] = (struct linear_part){.weight = weight_matrix(&weights[i], i % 2),
                                        .bias = i % 2 ? bias : NULL,
                                        .out = calloc(m * 130, sizeof(float)),
                                        .ldo = 130};
    }
    parts[2].weight.values = NULL;
    parts[2].weight.tensor = NULL;
    cr_assert(linear(workspace, a, columns, m, parts, 4, &error), "%s", error_text(&error));
    for (size_t i = 0; i < 4; i++) {
        float *alone = calloc(m * 130, sizeof *alone);
        cr_assert(linear_one(workspace, a, columns, m, &parts[i].weight, parts[i].bias, alone, 130, &error), "%s",
                  error_text(&error));
        cr_expect(memcmp(alone, parts[i].out, m * 130 * sizeof *alone) == 0,
                  "[%zu] columns, %zu rows, exact %d: part %zu has other bits", columns, m, exact, i);
        free(alone);
        free(parts[i].out);
        weight_free(&weights[i]);
    }
    free(a);
    free(bias);
    workspace_free(workspace);
}

Test(arithmetic, layers_together_are_the_layers_alone, .timeout = 120)
{
    static const size_t counts[] = {1, 8, 9, 70};
    for (size_t i = 0; i < 4; i++)
        for (int exact = 0; exact < 2; exact++)
            parts_agree(37, counts[i], exact);
    parts_agree(60000, 9, true);
}

Test(arithmetic, an_absent_weight_is_zeros)
{
    struct workspace *workspace = workspace_of(2, false);
    struct error error = {0};
    struct matrix absent = {.rows = 5, .columns = 3, .dtype = DTYPE_F32};
    static const float bias[] = {1, 2, 3, 4, 5};
    float a[9 * 3], out[9 * 6];
    for (size_t i = 0; i < 27; i++)
        a[i] = 3;
    for (int with_bias = 0; with_bias < 2; with_bias++) {
        for (int here = 0; here < 2; here++) {
            for (size_t i = 0; i < 54; i++)
                out[i] = NAN;
            cr_assert(here ? linear_here(workspace, 0, a, 3, 9, &absent, with_bias ? bias : NULL, out, 6, &error)
                           : linear_one(workspace, a, 3, 9, &absent, with_bias ? bias : NULL, out, 6, &error));
            for (size_t i = 0; i < 54; i++)
                cr_expect(i % 6 == 5
                              ? isnan(out[i])
                              : out[i] >= (with_bias ? bias[i % 6] : 0) && out[i] <= (with_bias ? bias[i % 6] : 0),
                          "value %zu is %g", i, (double)out[i]);
        }
    }
    static const int ids[] = {4, 0};
    cr_assert(matrix_rows(&absent, ids, 2, out, &error));
    for (size_t i = 0; i < 6; i++)
        cr_expect(out[i] >= 0 && out[i] <= 0);
    workspace_free(workspace);
}

Test(arithmetic, rows_of_an_embedding)
{
    static const enum dtype dtypes[] = {DTYPE_F32, DTYPE_F16, DTYPE_BF16};
    static const int ids[] = {6, 0, 6, 3, 12};
    for (size_t d = 0; d < 3; d++) {
        struct weight weight = weight_new(dtypes[d], 13, 7);
        for (int in_memory = 0; in_memory < 2; in_memory++) {
            struct matrix matrix = weight_matrix(&weight, in_memory);
            struct error error = {0};
            float out[5 * 7];
            cr_assert(matrix_rows(&matrix, ids, 5, out, &error), "%s", error_text(&error));
            for (size_t i = 0; i < 35; i++)
                cr_expect(bits_of(out[i]) == bits_of(weight.wide[(size_t)ids[i / 7] * 7 + i % 7]), "%s, value %zu",
                          dtype_name(dtypes[d]), i);
        }
        weight_free(&weight);
    }
}

/* A NaN in one row of the input, and one in one row of the weight, reach the outputs that depend on them and no other.
 */
Test(arithmetic, a_nan_shows_where_it_belongs_and_nowhere_else)
{
    static const size_t counts[] = {1, 8, 9, 64, 300};
    static const float bad[] = {NAN, INFINITY};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        for (int way = 0; way < 8; way++) { /* exact or not, all threads or within a task, NaN or infinity */
            size_t m = counts[c], rows = 70, columns = 37, bad_row = m / 2, bad_output = 66;
            struct weight weight = weight_new(DTYPE_F32, rows, columns);
            struct matrix matrix = weight_matrix(&weight, true);
            struct workspace *workspace = workspace_of(2, way & 1);
            struct error error = {0};
            float *a = random_values(13, m * columns, 1), *out = calloc(m * rows, sizeof *out);
            a[bad_row * columns + 36] = bad[way >> 2];
            memcpy(weight.values + (bad_output * columns + 2) * sizeof(float), &bad[way >> 2], sizeof(float));
            cr_assert(way & 2 ? linear_here(workspace, 0, a, columns, m, &matrix, NULL, out, rows, &error)
                              : linear_one(workspace, a, columns, m, &matrix, NULL, out, rows, &error));
            for (size_t i = 0; i < m * rows; i++)
                cr_expect(!isfinite(out[i]) == (i / rows == bad_row || i % rows == bad_output),
                          "%zu rows, way %d: output %zu of row %zu is %g", m, way, i % rows, i / rows, (double)out[i]);
            workspace_free(workspace);
            weight_free(&weight);
            free(a);
            free(out);
        }
    }
}

/* A file that shrank since it was opened is an error that names it, on every path. */
Test(arithmetic, a_weight_that_cannot_be_read_is_an_error)
{
    static const size_t counts[] = {1, 9};
    struct weight weight = weight_new(DTYPE_F16, 300, 20);
    struct matrix matrix = weight_matrix(&weight, false);
    struct workspace *workspace = workspace_of(2, false);
    float *a = random_values(14, 9 * 20, 1), *out = calloc(9 * 300, sizeof *out);
    cr_assert(truncate(weight.path, 1000) == 0);
    for (int way = 0; way < 4; way++) {
        struct error error = {0};
        size_t m = counts[way / 2];
        cr_expect_not(way % 2 ? linear_here(workspace, 0, a, 20, m, &matrix, NULL, out, 300, &error)
                              : linear_one(workspace, a, 20, m, &matrix, NULL, out, 300, &error));
        cr_expect(strstr(error_text(&error), weight.path), "%s", error_text(&error));
        error_clear(&error);
    }
    workspace_free(workspace);
    weight_free(&weight);
    free(a);
    free(out);
}

static void block_type_is_right(enum dtype dtype)
{
    struct block_cases cases = block_cases_read(dtype);
    size_t values = cases.count * dtype_block(dtype);
    float *found = malloc(values * sizeof *found);
    unsigned char *shifted = malloc(cases.bytes + 3);
    for (size_t shift = 0; shift < 4; shift++) {
        memcpy(shifted + shift, cases.blocks, cases.bytes);
        memset(found, 0xA5, values * sizeof *found);
        widen(dtype, shifted + shift, found, values);
        for (size_t i = 0; i < values; i++)
            cr_assert(memcmp(&found[i], &cases.values[i], sizeof *found) == 0,
                      "%s, block %zu, element %zu: %.9g, but %.9g in gguf", dtype_name(dtype), i / dtype_block(dtype),
                      i % dtype_block(dtype), found[i], cases.values[i]);
    }
    free(shifted);
    free(found);
    block_cases_free(&cases);
}

Test(arithmetic, block_types_have_the_bits_of_gguf)
{
    size_t types = 0;
    for (int i = DTYPE_SAFETENSORS; i < DTYPE_COUNT; i++) {
        if (!dtype_computes((enum dtype)i))
            continue;
        block_type_is_right((enum dtype)i);
        types++;
    }
    cr_expect_eq(types, 22);
}

/* A matrix in blocks, by few rows and by many, in memory: what the widened matrix gives. */
Test(arithmetic, linear_over_blocks, .timeout = 120)
{
    struct block_cases cases = block_cases_read(DTYPE_Q4_1);
    struct error error = {0};
    size_t rows = cases.count / 2, columns = 2 * dtype_block(DTYPE_Q4_1), most = 9;
    float *a = malloc(most * columns * sizeof *a),
          *out[2] = {malloc(most * rows * sizeof *a), malloc(most * rows * sizeof *a)};
    for (size_t i = 0; i < most * columns; i++)
        a[i] = (float)((int)(i * 37 % 101) - 50) / 64;
    struct workspace *workspace = workspace_new(2, &error);
    cr_assert(workspace);
    for (size_t m = 1; m <= most; m += 8) {
        struct matrix wide = {.values = cases.values, .dtype = DTYPE_F32, .rows = rows, .columns = columns};
        struct matrix blocks = {.values = cases.blocks, .dtype = DTYPE_Q4_1, .rows = rows, .columns = columns};
        struct linear_part parts[2] = {{.weight = wide, .out = out[0], .ldo = rows},
                                       {.weight = blocks, .out = out[1], .ldo = rows}};
        cr_assert(linear(workspace, a, columns, m, &parts[0], 1, &error));
        cr_assert(linear(workspace, a, columns, m, &parts[1], 1, &error));
        cr_expect(memcmp(out[0], out[1], m * rows * sizeof(float)) == 0, "%zu rows", m);
    }
    const int ids[] = {3, 0, (int)rows - 1};
    struct matrix blocks = {.values = cases.blocks, .dtype = DTYPE_Q4_1, .rows = rows, .columns = columns};
    cr_assert(matrix_rows(&blocks, ids, 3, a, &error));
    for (size_t i = 0; i < 3; i++)
        cr_expect(memcmp(a + i * columns, cases.values + (size_t)ids[i] * columns, columns * sizeof *a) == 0);
    workspace_free(workspace);
    free(a);
    free(out[0]);
    free(out[1]);
    block_cases_free(&cases);
}
