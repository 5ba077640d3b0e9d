/* What weight health measures against naive sums in double, and to whom it lays a fault. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diagnostics/subject.h"
#include "fixtures.h"
#include "health/experts.h"
#include "health/health.h"
#include "health/judge.h"
#include "health/pairing.h"
#include "math/kernels.h"

static void make(void)
{
    scratch_make();
}

TestSuite(health, .init = make, .fini = scratch_remove, .timeout = 300);

static double uniform(void)
{
    static uint64_t state = 0x2545f4914f6cdd1d;
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return ((double)((state * 0x2545f4914f6cdd1d) >> 11) + 0.5) * 0x1p-53;
}

static double gaussian(void)
{
    return sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform());
}

static float *gaussians(size_t count, double deviation)
{
    float *values = malloc((count + 1) * sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(deviation * gaussian());
    return values;
}

static void expect_near(const char *what, double value, double expected, double tolerance)
{
    bool same = (isnan(value) && isnan(expected)) || fabs(value - expected) <= tolerance;
    cr_expect(same, "%s is %.17g, not %.17g", what, value, expected);
}

/* --- a gauge and its naive twin --- */

struct grid {
    enum dtype dtype;
    size_t rows, columns;
    void *raw;
    float *values; /* what the bytes come to */
};

static struct grid grid_of(enum dtype dtype, size_t rows, size_t columns, const float *values)
{
    size_t count = rows * columns;
    struct grid grid = {dtype, rows, columns, calloc(1, rows * dtype_row_bytes(dtype, columns) + 1),
                            malloc((count + 1) * sizeof(float))};
    if (dtype_width(dtype)) {
        narrow(dtype, values, grid.raw, count);
    } else { /* Q8_0: a half for the scale, 32 signed bytes */
        cr_assert(dtype == DTYPE_Q8_0 && columns % 32 == 0);
        unsigned char *block = grid.raw;
        for (size_t i = 0; i < count; i += 32, block += 34) {
            float scale = 0.0078125f;
            narrow(DTYPE_F16, &scale, block, 1);
            for (size_t k = 0; k < 32; k++)
                block[2 + k] = (unsigned char)(signed char)fmax(-127, fmin(127, round((double)values[i + k] / scale)));
        }
    }
    if (count)
        widen(dtype, grid.raw, grid.values, count);
    return grid;
}

static void grid_free(struct grid *grid)
{
    free(grid->raw);
    free(grid->values);
}

/* A strip of rows, some at a time. Malloc'd sums of the columns. */
static double *strip_take(const struct grid *grid, size_t first, size_t rows, size_t some, struct measure *measure,
                          float *rms)
{
    struct gauge gauge;
    double *memory = malloc(gauge_bytes(grid->columns) + 1);
    size_t row_bytes = dtype_row_bytes(grid->dtype, grid->columns);
    gauge_begin(&gauge, grid->dtype, grid->rows, grid->columns, first, measure, memory);
    for (size_t row = 0; row < rows; row += some) {
        size_t count = rows - row < some ? rows - row : some;
        float *wide = malloc((count * grid->columns + 1) * sizeof *wide);
        memcpy(wide, grid->values + (first + row) * grid->columns, count * grid->columns * sizeof *wide);
        gauge_rows(&gauge, (char *)grid->raw + (first + row) * row_bytes, wide, count, rms ? rms + first + row : NULL);
        for (size_t i = 0; i < count * grid->columns; i++)
            cr_assert(isfinite(wide[i]));
        free(wide);
    }
    gauge_end(&gauge);
    return memory;
}

/* In strips of `strip` rows. */
static struct measure measure_of(const struct grid *grid, size_t strip, size_t some, const float *gain, float *rms)
{
    struct measure measure;
    size_t first = grid->rows < strip ? grid->rows : strip;
    double *column = strip_take(grid, 0, first, some, &measure, rms);
    for (; first < grid->rows; first += strip) {
        struct measure later;
        size_t rows = grid->rows - first < strip ? grid->rows - first : strip;
        double *more = strip_take(grid, first, rows, some, &later, rms);
        measure_add(&measure, &later);
        for (size_t i = 0; i < grid->columns; i++)
            column[i] += more[i];
        free(more);
    }
    measure_finish(&measure, column, gain);
    free(column);
    return measure;
}

struct naive {
    double sum, absolute, squares, fourth, smallest, largest, peak, row_squares, row_fourth, neighbours, effective;
    double column_squares, column_fourth;
    uint64_t nonfinite, first_nonfinite, zeros, equals, run, run_at, row_count, neighbour_count, peak_at;
    double run_value, correlation;
};

static double naive_correlation(const double *column, const float *gain, size_t count)
{
    double a = 0, b = 0, aa = 0, bb = 0, ab = 0, n = 0;
    for (size_t i = 0; i < count; i++)
        n += column[i] > 0;
    for (size_t i = 0; i < count; i++) {
        a += column[i] > 0 ? log(sqrt(column[i])) / n : 0;
        b += column[i] > 0 ? log(fabs((double)gain[i])) / n : 0;
    }
    for (size_t i = 0; i < count; i++) {
        double x = log(sqrt(column[i])) - a, y = log(fabs((double)gain[i])) - b;
        if (column[i] > 0)
            aa += x * x, bb += y * y, ab += x * y;
    }
    if (n < 8)
        return NAN;
    return ab / sqrt(aa * bb);
}

static void naive_row(struct naive *naive, const double *x, const double *before, size_t columns, bool finite)
{
    double squares = 0, above = 0, product = 0;
    for (size_t i = 0; i < columns; i++) {
        squares += x[i] * x[i];
        above += before ? before[i] * before[i] : 0;
        product += before ? before[i] * x[i] : 0;
    }
    if (finite) {
        naive->row_squares += squares;
        naive->row_fourth += squares * squares;
        naive->row_count++;
    }
    if (squares > 0 && above > 0) {
        naive->neighbours += product * product / (squares * above);
        naive->neighbour_count++;
    }
}

static struct naive naive_of(const struct grid *grid, const float *gain)
{
    struct naive naive = {.smallest = INFINITY, .largest = -INFINITY, .effective = gain ? 0 : NAN, .correlation = NAN};
    size_t columns = grid->columns, run = 0;
    double *x = malloc((grid->rows * columns + 1) * sizeof *x), *column = calloc(columns + 1, sizeof *column);
    for (size_t row = 0; row < grid->rows; row++) {
        bool finite = true;
        for (size_t i = 0; i < columns; i++) {
            size_t at = row * columns + i;
            double v = x[at] = (double)grid->values[at];
            if (!isfinite(v)) {
                naive.first_nonfinite = naive.nonfinite++ ? naive.first_nonfinite : at;
                v = x[at] = 0;
                finite = false;
            } else {
                naive.smallest = fmin(naive.smallest, v);
                naive.largest = fmax(naive.largest, v);
                naive.zeros += v == 0;
            }
            naive.sum += v, naive.absolute += fabs(v), naive.squares += v * v, naive.fourth += v * v * v * v;
            naive.peak_at = fabs(v) > naive.peak ? at : naive.peak_at;
            naive.peak = fmax(naive.peak, fabs(v));
            naive.equals += i && x[at - 1] == v;
            column[i] += v * v;
            run = at && x[at - 1] == v ? run + 1 : 1;
            if (run > naive.run)
                naive.run = run, naive.run_at = at + 1 - run, naive.run_value = v;
        }
        naive_row(&naive, x + row * columns, row ? x + (row - 1) * columns : NULL, columns, finite);
    }
    for (size_t i = 0; i < columns; i++) {
        naive.column_squares += column[i], naive.column_fourth += column[i] * column[i];
        naive.effective += gain ? column[i] * (double)gain[i] * (double)gain[i] : 0;
    }
    if (gain && columns >= 8 && grid->rows)
        naive.correlation = naive_correlation(column, gain, columns);
    free(x);
    free(column);
    return naive;
}

#define NEAR(field, reference, tolerance)                                                                              \
    expect_near(#field, measure->field, naive->reference, 2e-5 * fabs(tolerance))
#define SAME(field, reference)                                                                                         \
    cr_expect(measure->field == naive->reference, #field " is %llu, not %llu", (unsigned long long)measure->field,     \
              (unsigned long long)naive->reference)

static void expect_structure(const struct grid *grid, const struct measure *measure, const struct naive *naive)
{
    double finite = (double)(grid->rows * grid->columns - naive->nonfinite);
    double kurtosis = naive->fourth * finite / (naive->squares * naive->squares);
    double rows = (double)naive->row_count, columns = (double)grid->columns;
    expect_near("kurtosis", measure_kurtosis(measure), kurtosis, 1e-4 * kurtosis);
    expect_near("rms", measure_rms(measure), sqrt(naive->squares / finite), 1e-5 * sqrt(naive->squares / finite));
    if (rows < 4 || columns < 4 || grid->rows < 4) {
        cr_expect(isnan(measure_row_structure(measure)) || rows >= 4);
        return;
    }
    double mean = naive->row_squares / rows, chance = (kurtosis - 1) / columns;
    double structure = (naive->row_fourth / rows / (mean * mean) - 1) / chance;
    expect_near("row structure", measure_row_structure(measure), structure, 2e-3 * (1 + structure) + 1e-4 / chance);
    mean = naive->column_squares / columns, chance = (kurtosis - 1) / (double)grid->rows;
    structure = (naive->column_fourth / columns / (mean * mean) - 1) / chance;
    expect_near("column structure", measure_column_structure(measure), structure,
                2e-3 * (1 + structure) + 1e-4 / chance);
    if (naive->neighbour_count >= 3)
        expect_near("mean neighbours", measure_neighbours(measure),
                    naive->neighbours / (double)naive->neighbour_count * columns, 1e-4 * columns);
}

static void expect_measure(const struct grid *grid, const struct measure *measure, const float *gain, bool cut)
{
    struct naive all = naive_of(grid, gain), *naive = &all;
    cr_expect(measure->count == grid->rows * grid->columns);
    SAME(nonfinite, nonfinite);
    if (naive->nonfinite)
        SAME(first_nonfinite, first_nonfinite);
    SAME(zeros, zeros);
    SAME(equals, equals);
    SAME(row_count, row_count);
    SAME(peak_at, peak_at);
    NEAR(sum, sum, naive->absolute);
    NEAR(absolute, absolute, naive->absolute);
    NEAR(squares, squares, naive->squares);
    NEAR(fourth, fourth, naive->fourth);
    cr_expect(measure->smallest == naive->smallest && measure->largest == naive->largest);
    cr_expect(measure->peak == naive->peak);
    NEAR(row_squares, row_squares, naive->row_squares);
    NEAR(row_fourth, row_fourth, naive->row_fourth);
    NEAR(column_squares, column_squares, naive->column_squares);
    NEAR(column_fourth, column_fourth, naive->column_fourth);
    NEAR(effective_squares, effective, naive->effective);
    expect_near("gain correlation", measure->gain_correlation, naive->correlation, 1e-4);
    if (!cut) {
        SAME(neighbour_count, neighbour_count);
        expect_near("neighbours", measure->neighbours, naive->neighbours, 1e-4 * (1 + naive->neighbours));
        expect_structure(grid, measure, naive);
    }
    if (naive->run >= MEASURE_RUN) {
        SAME(run, run);
        SAME(run_at, run_at);
        cr_expect((double)measure->run_value == naive->run_value);
    } else {
        cr_expect(measure->run <= naive->run);
    }
}

static const size_t shapes[][2] = {{1, 1},    {1, 1000}, {1000, 1}, {7, 13},  {64, 64},
                                   {3, 1000}, {200, 96}, {0, 0},    {0, 5},   {129, 33}};
#define SHAPES (sizeof shapes / sizeof *shapes)
static const enum dtype dtypes[] = {DTYPE_F32, DTYPE_F16, DTYPE_BF16, DTYPE_Q8_0};
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
