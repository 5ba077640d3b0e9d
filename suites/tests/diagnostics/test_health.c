/* What weight health measures of a matrix, against naive sums in double. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fixtures.h"
#include "health/measure.h"
#include "health_fixture.h"
#include "values/dtype.h"

static void make(void)
{
    scratch_make();
}

TestSuite(health, .init = make, .fini = scratch_remove, .timeout = 300);

/* --- a gauge and its naive twin --- */

static const size_t shapes[][2] = {{1, 1},    {1, 1000}, {1000, 1}, {7, 13}, {64, 64},
                                   {3, 1000}, {200, 96}, {0, 0},    {0, 5},  {129, 33}};
#define SHAPES (sizeof shapes / sizeof *shapes)
#define DTYPES (sizeof dtypes / sizeof *dtypes)

static float *gains(size_t count)
{
    float *gain = malloc((count + 1) * sizeof *gain);
    for (size_t i = 0; i < count; i++)
        gain[i] = (float)((i % 2 ? -1 : 1) * exp(0.5 * gaussian()));
    return gain;
}

static void try_matrix(enum dtype dtype, size_t rows, size_t columns, const float *values)
{
    struct grid grid = grid_of(dtype, rows, columns, values);
    float *gain = gains(columns);
    for (size_t some = 1; some <= 7; some += 3) {
        struct measure measure = measure_of(&grid, rows + 1, some, some == 1 ? NULL : gain, NULL);
        expect_measure(&grid, &measure, some == 1 ? NULL : gain, false);
    }
    for (size_t strip = 1; strip < rows; strip = strip * 3 + 2) {
        struct measure measure = measure_of(&grid, strip, 5, gain, NULL);
        expect_measure(&grid, &measure, gain, true);
    }
    free(gain);
    grid_free(&grid);
}

Test(health, measures_are_what_naive_sums_give)
{
    for (size_t d = 0; d < DTYPES; d++)
        for (size_t s = 0; s < SHAPES; s++) {
            size_t rows = shapes[s][0], columns = shapes[s][1];
            if (columns % dtype_block(dtypes[d]))
                continue;
            float *values = gaussians(rows * columns, 0.3);
            for (size_t i = 0; i < rows * columns; i += 11)
                values[i] = 0;
            try_matrix(dtypes[d], rows, columns, values);
            free(values);
        }
}

Test(health, what_is_no_number_is_counted_and_left_out)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t d = 0; d < 3; d++)
        for (size_t s = 0; s < SHAPES; s++) {
            size_t rows = shapes[s][0], columns = shapes[s][1], count = rows * columns;
            float *values = gaussians(count, 0.3);
            for (size_t i = 0, at = count / 3; at < count; at += 1 + 97 * ++i)
                values[at] = bad[i % 3];
            try_matrix(dtypes[d], rows, columns, values);
            free(values);
        }
}

/* Squares and fourth powers that no float32 holds: too large, and too small. */
Test(health, sums_reach_beyond_float32)
{
    static const double scales[] = {1e30, 1e12, 3e9, 1e-9, 1e-12, 1e-20, 1e-30};
    for (size_t k = 0; k < sizeof scales / sizeof *scales; k++)
        for (size_t s = 0; s < SHAPES; s++) {
            struct grid grid;
            float *values = gaussians(shapes[s][0] * shapes[s][1], scales[k]);
            grid = grid_of(DTYPE_F32, shapes[s][0], shapes[s][1], values);
            struct measure measure = measure_of(&grid, 10000, 7, NULL, NULL), *m = &measure;
            struct naive naive = naive_of(&grid, NULL);
            expect_near("squares", m->squares, naive.squares, 1e-5 * naive.squares);
            expect_near("fourth", m->fourth, naive.fourth, 1e-5 * naive.fourth);
            expect_near("column squares", m->column_squares, naive.column_squares, 1e-5 * naive.squares);
            expect_near("row squares", m->row_squares, naive.row_squares, 1e-5 * naive.squares);
            cr_expect(m->nonfinite == 0 && m->peak == naive.peak && m->row_count == naive.row_count);
            grid_free(&grid);
            free(values);
        }
}

Test(health, rows_have_their_root_mean_square)
{
    float *values = gaussians(50 * 33, 0.1), rms[50];
    values[7 * 33 + 5] = NAN;
    memset(values + 9 * 33, 0, 33 * sizeof *values);
    struct grid grid = grid_of(DTYPE_F32, 50, 33, values);
    measure_of(&grid, 11, 4, NULL, rms);
    for (size_t row = 0; row < 50; row++) {
        double squares = 0;
        for (size_t i = 0; i < 33; i++)
            squares += (double)values[row * 33 + i] * (double)values[row * 33 + i];
        expect_near("row rms", (double)rms[row], sqrt(squares / 33), 1e-6);
    }
    grid_free(&grid);
    free(values);
}

/* --- runs --- */

/* Runs at `at` of that length in a matrix without others, but for one of `decoy` values at the beginning. */
static void try_run(size_t columns, size_t at, size_t length, size_t decoy, size_t strip)
{
    size_t rows = (at + length) / columns + 3, count = rows * columns;
    float *values = malloc(count * sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(1 + i % 5);
    for (size_t i = 0; i < decoy; i++)
        values[i] = -8;
    for (size_t i = at; i < at + length; i++)
        values[i] = 0.5f;
    struct grid grid = {DTYPE_F32, rows, columns, values, values};
    struct measure measure = measure_of(&grid, strip ? strip : rows, 3, NULL, NULL);
    struct naive naive = naive_of(&grid, NULL);
    if (naive.run >= MEASURE_RUN)
        cr_expect(measure.run == naive.run && measure.run_at == naive.run_at &&
                      (double)measure.run_value == naive.run_value,
                  "%zu columns, strips of %zu, %zu from %zu on, %zu before: a run of %zu at %zu", columns, strip,
                  length, at, decoy, (size_t)measure.run, (size_t)measure.run_at);
    else
        cr_expect(measure.run <= naive.run);
    free(values);
}

Test(health, no_run_is_missed)
{
    static const size_t widths[] = {1, 3, 31, 63, 64, 65, 96, 100, 127, 160, 333};
    static const size_t lengths[] = {95, 96, 97, 128, 200};
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
            for (size_t at = 0; at < (widths[w] < 32 ? 70 : 2 * widths[w]); at++)
                for (size_t strip = 0; strip < 3; strip++)
                    try_run(widths[w], at, lengths[l], 0, strip);
}

/* Neither the end of the first strip nor the begin of the second is the longest of its strip. */
Test(health, a_run_through_a_cut_counts_whole)
{
    for (size_t before = 1; before < 100; before += 7) {
        try_run(200, 2 * 200 - before, 150, 99, 2);
        try_run(200, 2 * 200 - before, 500, 99, 2);
        try_run(200, 2 * 200 - before, 1000, 120, 1);
    }
}

/* --- bytes, read otherwise --- */

static struct measure sample_of(enum dtype dtype, double (*draw)(void), double scale)
{
    float *values = malloc(128 * 256 * sizeof *values);
    for (size_t i = 0; i < 128 * 256; i++)
        values[i] = (float)(scale * draw());
    struct grid grid = grid_of(dtype, 128, 256, values);
    struct measure measure = measure_of(&grid, 128, 9, NULL, NULL);
    grid_free(&grid);
    free(values);
    return measure;
}

/* What judge.c tells right readings from wrong ones by. */
Test(health, wrong_readings_scatter_as_is_claimed)
{
    for (size_t d = 0; d < 3; d++) {
        struct measure measure = sample_of(dtypes[d], gaussian, 0.02);
        uint64_t seen = measure.sampled[READING_STORED].count;
        cr_expect(seen >= 900 && seen <= 2 * MEASURE_SAMPLE, "%zu", (size_t)seen);
        expect_near("bell-shaped", sampled_deviation(&measure.sampled[READING_STORED]), 1.6, 0.2);
        double swapped = sampled_deviation(&measure.sampled[READING_SWAPPED]);
        cr_expect(swapped > (dtypes[d] == DTYPE_F16 ? 8 : 20), "%s: %g", dtype_name(dtypes[d]), swapped);
        measure = sample_of(dtypes[d], uniform, 0.02);
        expect_near("uniform", sampled_deviation(&measure.sampled[READING_STORED]), 1.4, 0.2);
    }
    struct measure brain = sample_of(DTYPE_BF16, gaussian, 0.02), half = sample_of(DTYPE_F16, gaussian, 0.02),
                   full = sample_of(DTYPE_F32, gaussian, 0.02);
    expect_near("BF16 as F16", sampled_deviation(&brain.sampled[READING_OTHER_16]), 0.3, 0.15);
    expect_near("F16 as BF16", sampled_deviation(&half.sampled[READING_OTHER_16]), 13, 3);
    cr_expect(full.sampled[READING_OTHER_16].count == 0);
    cr_expect(isnan(sampled_deviation(&full.sampled[READING_OTHER_16])));
}
