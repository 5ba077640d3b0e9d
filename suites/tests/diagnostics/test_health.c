/* What weight health measures against naive sums in double, and to whom it lays a fault. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faults/fault.h"
#include "fixtures.h"
#include "health/health.h"
#include "health/health_experts.h"
#include "health/judge.h"
#include "health/pairing.h"
#include "run/subject.h"
#include "values/values.h"

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

#define NEAR(field, reference, tolerance) expect_near(#field, measure->field, naive->reference, 2e-5 * fabs(tolerance))
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

static const size_t shapes[][2] = {{1, 1},    {1, 1000}, {1000, 1}, {7, 13}, {64, 64},
                                   {3, 1000}, {200, 96}, {0, 0},    {0, 5},  {129, 33}};
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

/* --- pairs --- */

struct pair_case {
    size_t rows, columns, head, group, budget; /* bytes; 0: enough for all */
};

/* Means over the pairs whose row is kept: of all, and the least of blocks of PAIR_BLOCK, with where it begins. */
static struct pairing naive_pairing(const struct pair_case *sizes, const struct kept *kept, const float *mine,
                                    const float *other)
{
    struct pairing naive = {.mean = 0, .least = NAN};
    double block = 0;
    size_t pairs = sizes->rows * sizes->group, in_block = 0, begin = 0;
    for (size_t pair = 0; pair < pairs; pair++) {
        size_t row = pair / (sizes->head * sizes->group) * sizes->head + pair % sizes->head;
        const float *a = mine + row * sizes->columns, *b = other + pair * sizes->columns;
        double ab = 0, aa = 0, bb = 0;
        for (size_t i = 0; i < sizes->columns; i++)
            ab += (double)a[i] * (double)b[i], aa += (double)a[i] * (double)a[i], bb += (double)b[i] * (double)b[i];
        if (kept->slot[row] < 0 || !(aa * bb > 0))
            continue;
        begin = in_block ? begin : pair;
        naive.count++;
        naive.mean += ab * ab / (aa * bb) * (double)sizes->columns;
        block += ab * ab / (aa * bb) * (double)sizes->columns / PAIR_BLOCK;
        if (++in_block < PAIR_BLOCK)
            continue;
        if (!(block >= naive.least))
            naive.least = block, naive.least_at = begin, naive.least_count = pair + 1 - begin;
        block = 0;
        in_block = 0;
    }
    naive.mean = naive.count ? naive.mean / (double)naive.count : NAN;
    naive.least = naive.count < 2 * PAIR_BLOCK ? NAN : naive.least;
    return naive;
}

static void try_pairs(const struct pair_case *sizes, const float *mine, const float *other, size_t some)
{
    struct error error = {0};
    struct kept kept;
    struct partner partner;
    struct pairing pairing;
    size_t pairs = sizes->rows * sizes->group, columns = sizes->columns;
    float *turned = malloc((pairs * columns + 1) * sizeof *turned);
    double *squares = calloc(pairs + 1, sizeof *squares);
    for (size_t pair = 0; pair < pairs; pair++)
        for (size_t i = 0; i < columns; i++) {
            turned[i * pairs + pair] = other[pair * columns + i];
            squares[pair] += (double)other[pair * columns + i] * (double)other[pair * columns + i];
        }
    cr_assert(kept_begin(&kept, sizes->rows, columns, sizes->budget ? sizes->budget : SIZE_MAX / 2, &error));
    cr_expect(sizes->budget || kept.count == sizes->rows);
    for (size_t row = 0; row < sizes->rows; row += some)
        kept_take(&kept, row, mine + row * columns, sizes->rows - row < some ? sizes->rows - row : some);
    struct pairing naive = naive_pairing(sizes, &kept, mine, other);
    for (int by_column = 0; by_column < 2; by_column++) {
        size_t count = by_column ? columns : pairs, width = by_column ? pairs : columns;
        cr_assert(partner_begin(&partner, &kept, pairs, sizes->head, sizes->group, &error));
        for (size_t row = 0; row < count; row += some)
            (by_column ? partner_columns : partner_rows)(&partner, row, (by_column ? turned : other) + row * width,
                                                         count - row < some ? count - row : some);
        if (by_column)
            partner_column_squares(&partner, squares);
        partner_end(&partner, &pairing);
        cr_expect(pairing.count == naive.count, "%zu pairs, not %zu", pairing.count, naive.count);
        expect_near("mean", pairing.mean, naive.mean, 1e-4 * (1 + naive.mean));
        expect_near("least", pairing.least, naive.least, 1e-4 * (1 + naive.least));
        if (isfinite(naive.least))
            cr_expect(pairing.least_at == naive.least_at && pairing.least_count == naive.least_count,
                      "%zu rows kept of %zu: at %zu, not %zu", kept.count, sizes->rows, (size_t)pairing.least_at,
                      (size_t)naive.least_at);
        partner_free(&partner);
    }
    kept_free(&kept);
    free(turned);
    free(squares);
}

static const struct pair_case pair_cases[] = {
    {0, 5, 1, 1, 0},
    {1, 1, 1, 1, 0},
    {7, 13, 1, 1, 0},
    {16, 40, 1, 1, 0},
    {45, 33, 5, 3, 0}, /* three query heads of five for each key head */
    {128, 24, 16, 2, 0},
    {300, 21, 1, 1, 0},
    {300, 21, 1, 1, 1}, /* one tile */
    {300, 21, 1, 1, 100 * 21 * 4},
    {1000, 8, 10, 4, 333 * 8 * 4},
    {1000, 8, 1, 1, 500 * 8 * 4},
};

Test(health, pairs_are_what_naive_cosines_give)
{
    for (size_t k = 0; k < sizeof pair_cases / sizeof *pair_cases; k++) {
        const struct pair_case *sizes = &pair_cases[k];
        size_t pairs = sizes->rows * sizes->group, columns = sizes->columns;
        float *mine = gaussians(sizes->rows * columns, 0.1), *other = gaussians(pairs * columns, 3);
        for (size_t pair = 0; pair < pairs; pair++) { /* some in common, and now and then nothing at all */
            size_t row = pair / (sizes->head * sizes->group) * sizes->head + pair % sizes->head;
            for (size_t i = 0; i < columns; i++)
                other[pair * columns + i] =
                    pair % 29 == 3 ? 0 : other[pair * columns + i] + 40 * mine[row * columns + i];
        }
        for (size_t row = 0; row < sizes->rows; row += 17)
            memset(mine + row * columns, 0, columns * sizeof *mine);
        try_pairs(sizes, mine, other, 1);
        try_pairs(sizes, mine, other, 23);
        try_pairs(sizes, mine, other, 64);
        free(mine);
        free(other);
    }
}

Test(health, few_rows_are_kept_of_a_small_budget)
{
    struct error error = {0};
    for (size_t budget = 16 * 40 * 4; budget < 400 * 40 * 4; budget += 3000) {
        struct kept kept;
        size_t slots = 0;
        cr_assert(kept_begin(&kept, 333, 40, budget, &error));
        cr_expect(kept.count * 40 * 4 <= budget && kept.count >= 13);
        for (size_t row = 0; row < 333; row++)
            cr_expect(kept.slot[row] < 0 || kept.slot[row] == (int)slots++);
        cr_expect(slots == kept.count);
        kept_free(&kept);
    }
}

Test(health, strangers_have_one)
{
    struct error error = {0};
    struct kept kept;
    struct partner partner;
    struct pairing pairing;
    float *mine = gaussians(2000 * 64, 0.02), *other = gaussians(2000 * 64, 1);
    cr_assert(kept_begin(&kept, 2000, 64, SIZE_MAX / 2, &error));
    kept_take(&kept, 0, mine, 2000);
    cr_assert(partner_begin(&partner, &kept, 2000, 1, 1, &error));
    partner_rows(&partner, 0, other, 2000);
    partner_end(&partner, &pairing);
    expect_near("mean", pairing.mean, 1, 5 * sqrt(2.0 / 2000));
    cr_expect(pairing.with == PAIR_NONE && pairing.least < 1 && pairing.least > 0.3);
    partner_free(&partner);
    kept_free(&kept);
    free(mine);
    free(other);
}

/* --- experts --- */

#define EXPERTS 64

/* What the layer with that table tells; the row of expert e is rows[e]. Without `rows`: noise. */
static struct layer_match match_of(const int *rows, double strength, bool *claims)
{
    struct error error = {0};
    struct model_config *config = calloc(1, sizeof *config);
    float *table = malloc(EXPERTS * EXPERTS * sizeof *table);
    struct scan scan = {.config = config, .affinity = &table};
    struct layer_match match;
    config->layers = 1;
    config->experts = EXPERTS;
    for (size_t i = 0; i < EXPERTS * EXPERTS; i++)
        table[i] = (float)(0.02 + 0.002 * gaussian());
    for (size_t i = 0; rows && i < EXPERTS; i++) {
        table[i * EXPERTS + (size_t)rows[i]] += (float)strength;
        table[i * EXPERTS + 5] += 0.01f; /* all lie along one row, which tells nothing */
    }
    for (size_t i = 0; i < EXPERTS; i++)
        table[11 * EXPERTS + i] = NAN; /* absent */
    cr_assert(experts_match(&scan, 0, &match, claims, &error), "%s", error_text(&error));
    free(table);
    free(config);
    return match;
}

static void expect_match(const int *rows, int own, int wrong)
{
    bool claims;
    struct layer_match match = match_of(rows, 0.03, &claims);
    cr_expect(claims && match.told == EXPERTS - 1 && match.own == own && match.wrong == wrong,
              "%d told, %d at their own row, %d wrong", match.told, match.own, match.wrong);
    for (int i = 0; i < EXPERTS; i++)
        cr_expect(match.row[i] == (rows[i] == i || i == 11 ? EXPERT_NONE : rows[i]), "expert %d: row %d", i,
                  match.row[i]);
    free(match.row);
}

Test(health, experts_are_at_their_rows)
{
    int rows[EXPERTS];
    bool claims;
    for (int i = 0; i < EXPERTS; i++)
        rows[i] = i;
    expect_match(rows, EXPERTS - 1, 0);
    rows[3] = 40, rows[40] = 3;
    expect_match(rows, EXPERTS - 3, 2);
    rows[3] = 40, rows[40] = 60, rows[60] = 3;
    expect_match(rows, EXPERTS - 4, 3);
    for (int i = 0; i < EXPERTS; i++)
        rows[i] = (i + 1) % EXPERTS;
    expect_match(rows, 0, EXPERTS - 1);
    struct layer_match match = match_of(NULL, 0, &claims);
    cr_expect(!claims && !match.wrong && match.told < EXPERTS / 8);
    free(match.row);
}

/* One that seems to belong elsewhere, whose place nobody else takes, is said of any model. */
Test(health, one_expert_elsewhere_is_no_fault)
{
    int rows[EXPERTS];
    bool claims;
    for (int i = 0; i < EXPERTS; i++)
        rows[i] = i;
    rows[20] = 11; /* whose expert is absent */
    struct layer_match match = match_of(rows, 0.03, &claims);
    cr_expect(claims && match.wrong == 0 && match.own == EXPERTS - 2);
    free(match.row);
}

Test(health, a_layer_without_a_table_claims_nothing)
{
    struct error error = {0};
    struct model_config *config = calloc(1, sizeof *config);
    float *none = NULL;
    struct scan scan = {.config = config, .affinity = &none};
    struct layer_match match;
    bool claims = true;
    config->experts = 8;
    cr_assert(experts_match(&scan, 0, &match, &claims, &error));
    cr_expect(!claims && !match.told && !match.wrong && match.row[7] == EXPERT_NONE);
    free(match.row);
    free(config);
}

/* --- one read of a model --- */

#define MODEL(name) ASSAY_SOURCE_DIR "/golden/" name

static struct pool *threads(int count)
{
    struct error error = {0};
    struct pool *pool = pool_new(count, &error);
    cr_assert(pool, "%s", error_text(&error));
    return pool;
}

static struct subject open_model(const char *path, const char *const *faults, size_t count)
{
    struct error error = {0};
    struct subject subject = {0};
    struct subject_options options = {.model = path};
    cr_assert(subject_open(&options, &subject, &error) && faults_lay(&subject, faults, count, &error), "%s",
              error_text(&error));
    return subject;
}

/* Fields, for there is padding between them. */
static const struct field {
    const char *name;
    size_t at, size;
} fields[] = {
#define FIELD(name)                                                                                                    \
    {                                                                                                                  \
#name, offsetof(struct measure, name), sizeof((struct measure *)NULL)->name                                    \
    }
    FIELD(rows),
    FIELD(columns),
    FIELD(count),
    FIELD(nonfinite),
    FIELD(first_nonfinite),
    FIELD(zeros),
    FIELD(sum),
    FIELD(absolute),
    FIELD(squares),
    FIELD(fourth),
    FIELD(smallest),
    FIELD(largest),
    FIELD(peak),
    FIELD(peak_at),
    FIELD(equals),
    FIELD(run),
    FIELD(run_at),
    FIELD(run_value),
    FIELD(row_squares),
    FIELD(row_fourth),
    FIELD(row_count),
    FIELD(neighbours),
    FIELD(neighbour_count),
    FIELD(column_squares),
    FIELD(column_fourth),
    FIELD(gain_correlation),
    FIELD(effective_squares),
    FIELD(sampled),
    FIELD(hash),
};

static void expect_same_scan(const struct scan *a, const struct scan *b)
{
    size_t experts = (size_t)a->config->experts;
    cr_assert(a->count == b->count && a->count > 0);
    for (size_t i = 0; i < a->count; i++) {
        const char *one = (const char *)&a->tensors[i].measure, *other = (const char *)&b->tensors[i].measure;
        for (size_t f = 0; f < sizeof fields / sizeof *fields; f++)
            cr_expect(memcmp(one + fields[f].at, other + fields[f].at, fields[f].size) == 0, "%s of %s", fields[f].name,
                      a->tensors[i].tensor->name);
        const struct pairing *left = &a->tensors[i].pairing, *right = &b->tensors[i].pairing;
        cr_expect(left->with == right->with && left->count == right->count && left->least_at == right->least_at &&
                  memcmp(&left->mean, &right->mean, sizeof left->mean) == 0 &&
                  memcmp(&left->least, &right->least, sizeof left->least) == 0);
    }
    for (int layer = 0; layer < a->config->layers; layer++) {
        cr_assert(!a->affinity[layer] == !b->affinity[layer]);
        if (a->affinity[layer])
            cr_expect(memcmp(a->affinity[layer], b->affinity[layer], experts * experts * sizeof(float)) == 0,
                      "the experts of layer %d", layer);
    }
    cr_expect(memcmp(a->embedding.rms, b->embedding.rms, (size_t)a->embedding.rows * sizeof(float)) == 0);
}

Test(health, threads_change_no_measure)
{
    static const char *const models[] = {MODEL("thinker-48"), MODEL("nano/qwen2_moe")};
    static const int counts[] = {1, 2, 3, 5};
    for (size_t m = 0; m < 2; m++) {
        struct error error = {0};
        struct subject subject = open_model(models[m], NULL, 0);
        struct scan scans[4] = {0};
        for (size_t i = 0; i < 4; i++) {
            struct pool *pool = threads(counts[i]);
            cr_assert(scan_weights(subject.store, subject.config, pool, &scans[i], &error), "%s", error_text(&error));
            pool_free(pool);
            expect_same_scan(&scans[0], &scans[i]);
        }
        for (size_t i = 0; i < 4; i++)
            scan_free(&scans[i]);
        subject_free(&subject);
    }
}

/* A model of odd tensors: `tensors` in one file, under that configuration. */
static struct store *store_under(const char *path, const struct plain_tensor *tensors, size_t count,
                                 struct model_config **config)
{
    struct error error = {0};
    write_tensors(scratch("model.safetensors"), tensors, count, NULL);
    struct store *store = store_open(scratch("model.safetensors"), &error);
    *config = config_read(path, &error);
    cr_assert(store && *config, "%s", error_text(&error));
    return store;
}

static struct store *odd_store(const struct plain_tensor *tensors, size_t count, struct model_config **config)
{
    return store_under(MODEL("nano/thinker/config.json"), tensors, count, config);
}

static const struct examined *examined_of(const struct scan *scan, const char *name)
{
    for (size_t i = 0; i < scan->count; i++)
        if (strcmp(scan->tensors[i].tensor->name, name) == 0)
            return &scan->tensors[i];
    cr_assert_fail("%s", name);
    abort();
}

Test(health, a_file_that_ends_too_early_is_an_error)
{
    struct error error = {0};
    size_t size;
    char *bytes = read_bytes(MODEL("nano/qwen2/model.safetensors"), &size);
    for (int count = 1; count <= 3; count += 2) {
        struct scan scan = {0};
        struct pool *pool = threads(count);
        write_bytes(scratch("model.safetensors"), bytes, size);
        struct store *store = store_open(scratch("model.safetensors"), &error);
        struct model_config *config = config_read(MODEL("nano/qwen2/config.json"), &error);
        cr_assert(store && config, "%s", error_text(&error));
        cr_assert(truncate(scratch("model.safetensors"), (off_t)(size / 2)) == 0);
        cr_expect_not(scan_weights(store, config, pool, &scan, &error));
        cr_expect(strstr(error_text(&error), "model.safetensors") && strstr(error_text(&error), "tensor '"), "%s",
                  error_text(&error));
        scan_free(&scan);
        error_clear(&error);
        store_free(store);
        free(config);
        pool_free(pool);
    }
    free(bytes);
}

Test(health, what_cannot_be_widened_is_passed_over)
{
    struct error error = {0};
    struct scan scan = {0};
    struct findings findings = {0};
    struct model_config *config;
    struct pool *pool = threads(2);
    float *values = gaussians(408 * 40, 0.02);
    values[3 * 40 + 7] = NAN;
    struct plain_tensor tensors[] = {
        {"model.embed_tokens.weight", "F32", "[408, 40]", values, 408 * 40 * 4},
        {"model.layers.0.input_layernorm.weight", "I64", "[40]", NULL, 320},
        {"model.layers.0.self_attn.q_proj.weight", "F32", "[96, 40]", values + 400, 96 * 40 * 4},
        {"model.layers.0.self_attn.k_proj.weight", "I64", "[32, 40]", NULL, 32 * 40 * 8},
        {"model.layers.1.mlp.gate.weight", "F32", "[0, 40]", NULL, 0},
        {"model.layers.1.empty.weight", "F32", "[40, 0]", NULL, 0},
        {"model.layers.1.single.weight", "F32", "[]", values, 4},
    };
    struct store *store = odd_store(tensors, sizeof tensors / sizeof *tensors, &config);
    cr_assert(scan_weights(store, config, pool, &scan, &error), "%s", error_text(&error));
    cr_expect(scan.count == sizeof tensors / sizeof *tensors);
    cr_expect_not(examined_of(&scan, tensors[1].name)->read || examined_of(&scan, tensors[3].name)->read);
    cr_expect_not(examined_of(&scan, tensors[4].name)->read || examined_of(&scan, tensors[5].name)->read);
    cr_expect(examined_of(&scan, tensors[2].name)->read && examined_of(&scan, tensors[6].name)->read);
    cr_expect(isnan(examined_of(&scan, tensors[2].name)->measure.gain_correlation));
    cr_expect(examined_of(&scan, tensors[0].name)->measure.first_nonfinite == 3 * 40 + 7);
    for (size_t row = 0; row < 408; row++) {
        double squares = 0;
        for (size_t i = 0; i < 40; i++)
            squares += (double)values[row * 40 + i] * (double)values[row * 40 + i];
        expect_near("row profile", (double)scan.embedding.rms[row], sqrt(squares / 40), 1e-6);
    }
    cr_assert(health_report(&scan, &findings, &error), "%s", error_text(&error));
    findings_free(&findings);
    scan_free(&scan);
    store_free(store);
    free(config);
    free(values);
    pool_free(pool);
}

/* Eight megabytes and more: the sums, a run and the rows are those of one pass. */
Test(health, strips_of_a_large_tensor_come_to_the_whole)
{
    struct error error = {0};
    struct model_config *config;
    enum { ROWS = 60000, COLUMNS = 40, CUT = (8 << 20) / (COLUMNS * 4) };
    float *values = gaussians(ROWS * COLUMNS, 0.02), *rms = malloc(ROWS * sizeof *rms);
    for (size_t i = CUT * COLUMNS - 123; i < CUT * COLUMNS + 200; i++)
        values[i] = 0.25f;
    for (size_t i = 777; i < 777 + 250; i++)
        values[i] = -0.25f;
    values[59999 * COLUMNS + 3] = NAN;
    struct plain_tensor tensors[] = {
        {"model.embed_tokens.weight", "F32", "[60000, 40]", values, ROWS * COLUMNS * sizeof *values}};
    struct store *store = odd_store(tensors, 1, &config);
    struct grid grid = {DTYPE_F32, ROWS, COLUMNS, values, values};
    struct naive naive = naive_of(&grid, NULL);
    measure_of(&grid, ROWS, 100, NULL, rms);
    for (int count = 1; count <= 3; count++) {
        struct scan scan = {0};
        struct pool *pool = threads(count);
        cr_assert(scan_weights(store, config, pool, &scan, &error), "%s", error_text(&error));
        const struct measure *measure = &scan.tensors[0].measure;
        expect_measure(&grid, measure, NULL, true);
        cr_expect(measure->run == 323 && measure->run_at == CUT * COLUMNS - 123 && naive.run == 323);
        cr_expect(measure->neighbour_count == naive.neighbour_count - 1); /* rows beside the cut do not meet */
        cr_expect(memcmp(scan.embedding.rms, rms, ROWS * sizeof *rms) == 0);
        scan_free(&scan);
        pool_free(pool);
    }
    store_free(store);
    free(config);
    free(values);
    free(rms);
}

Test(health, of_no_tensors_nothing_is_told)
{
    struct error error = {0};
    struct scan scan = {0};
    struct findings findings = {0};
    struct model_config *config;
    struct pool *pool = threads(2);
    struct plain_tensor tensors[] = {{"visual.v", "F32", "[4]", NULL, 16}};
    struct store *store = odd_store(tensors, 1, &config);
    cr_assert(scan_weights(store, config, pool, &scan, &error), "%s", error_text(&error));
    cr_expect(scan.count == 0 && !scan.embedding.tensor);
    cr_assert(health_report(&scan, &findings, &error), "%s", error_text(&error));
    for (size_t i = 0; i < findings.count; i++)
        cr_expect(findings.items[i].verdict != VERDICT_FAIL);
    findings_free(&findings);
    scan_free(&scan);
    store_free(store);
    free(config);
    pool_free(pool);
}

/* The index of the twin, PAIR_NONE: none. */
static size_t twin_of(const struct judging *judging, const struct scan *scan, const char *name)
{
    return judging->twins[examined_of(scan, name) - scan->tensors];
}

Test(health, the_same_bytes_in_another_shape_are_no_twin)
{
    struct error error = {0};
    struct scan scan = {0};
    struct ranks ranks = {0};
    struct judging judging = {0};
    struct model_config *config;
    struct pool *pool = threads(2);
    float *values = gaussians(64, 0.02);
    struct plain_tensor tensors[] = {
        {"model.a", "F32", "[4, 16]", values, 256},  {"model.b", "F32", "[16, 4]", values, 256},
        {"model.c", "F32", "[64]", values, 256},     {"model.d", "F32", "[1, 64]", values, 256},
        {"model.e", "BF16", "[8, 16]", values, 256}, {"model.f", "F16", "[8, 16]", values, 256},
        {"model.g", "F32", "[2, 32]", values, 256},  {"model.h", "F32", "[2, 32]", values, 256},
        {"model.i", "F32", "[5, 5]", values, 100},   {"model.j", "F32", "[5, 5]", values, 100},
    };
    struct store *store = odd_store(tensors, sizeof tensors / sizeof *tensors, &config);
    cr_assert(scan_weights(store, config, pool, &scan, &error), "%s", error_text(&error));
    cr_assert(ranks_new(&scan, &ranks, &error) && judging_new(&ranks, &judging, &error), "%s", error_text(&error));
    for (size_t i = 0; i < 6; i++)
        cr_expect(twin_of(&judging, &scan, tensors[i].name) == PAIR_NONE, "%s", tensors[i].name);
    cr_expect(twin_of(&judging, &scan, "model.g") == (size_t)(examined_of(&scan, "model.h") - scan.tensors));
    cr_expect(twin_of(&judging, &scan, "model.h") == (size_t)(examined_of(&scan, "model.g") - scan.tensors));
    cr_expect(twin_of(&judging, &scan, "model.i") == PAIR_NONE); /* 25 values may agree by chance */
    judging_free(&judging);
    ranks_free(&ranks);
    scan_free(&scan);
    store_free(store);
    free(config);
    free(values);
    pool_free(pool);
}

/* --- who is to blame --- */

#define FAULTS_MAX 64

struct told {
    struct findings findings;
    char *specs[FAULTS_MAX];
    size_t count;
};

static void fault_put(struct told *told, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void fault_put(struct told *told, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    cr_assert(told->count < FAULTS_MAX && vasprintf(&told->specs[told->count++], format, arguments) >= 0);
    va_end(arguments);
}

/* With all the faults that were put; frees them. */
static void tell(struct told *told, const char *model)
{
    struct error error = {0};
    struct scan scan = {0};
    struct pool *pool = threads(2);
    struct subject subject = open_model(model, (const char *const *)told->specs, told->count);
    cr_assert(scan_weights(subject.store, subject.config, pool, &scan, &error) &&
                  health_report(&scan, &told->findings, &error),
              "%s", error_text(&error));
    scan_free(&scan);
    subject_free(&subject);
    pool_free(pool);
    for (size_t i = 0; i < told->count; i++)
        free(told->specs[i]);
    told->count = 0;
}

static const struct finding *summary_of(const struct told *told, const char *check)
{
    for (size_t i = 0; i < told->findings.count; i++)
        if (told->findings.items[i].summary && strcmp(told->findings.items[i].check, check) == 0)
            return &told->findings.items[i];
    cr_assert_fail("%s", check);
    abort();
}

/* Places by the check (NULL: any) at that tensor (NULL: anywhere). */
static size_t places(const struct told *told, const char *check, const char *tensor)
{
    size_t count = 0;
    for (size_t i = 0; i < told->findings.count; i++) {
        const struct finding *finding = &told->findings.items[i];
        count += !finding->summary && (!check || strcmp(finding->check, check) == 0) &&
                 (!tensor || (finding->where.tensor && strcmp(finding->where.tensor, tensor) == 0));
    }
    return count;
}

Test(health, a_norm_is_named_and_not_what_reads_through_it)
{
    static const struct {
        const char *fault, *tensor, *check;
    } rows[] = {
        {"scale:%s,8", "model.layers.20.input_layernorm.weight", "weights.magnitude"},
        {"scale:%s,0.1", "model.layers.30.post_attention_layernorm.weight", "weights.magnitude"},
        {"shuffle:%s", "model.layers.20.input_layernorm.weight", "weights.structure"},
        {"initialise:%s", "model.layers.9.post_attention_layernorm.weight", "weights.constant"},
        {"nan:%s", "model.layers.20.input_layernorm.weight", "weights.finite"},
        {"byte-swap:%s", "model.layers.20.input_layernorm.weight", "weights.bytes"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct told told = {0};
        char fault[200];
        const char *mark = strstr(rows[i].fault, "%s");
        snprintf(fault, sizeof fault, "%.*s%s%s", (int)(mark - rows[i].fault), rows[i].fault, rows[i].tensor, mark + 2);
        fault_put(&told, "%s", fault);
        tell(&told, MODEL("thinker-48"));
        cr_expect(places(&told, rows[i].check, rows[i].tensor) == 1 && places(&told, NULL, NULL) == 1,
                  "%s: %zu places, %zu at it", fault, places(&told, NULL, NULL), places(&told, NULL, rows[i].tensor));
        findings_free(&told.findings);
    }
}

static void expect_no_claims(const struct told *told, const char *model)
{
    for (int i = 0; i < 2; i++) {
        const struct series *series = summary_of(told, i ? "weights.structure" : "weights.pairs")->series;
        cr_assert(series && strcmp(series->curves[1].name, "judged by their peers") == 0);
        for (size_t p = 0; p < series->points; p++)
            cr_expect(series->curves[1].values[p] == 0, "%s: %s", model, series->labels[p]);
    }
}

/* Random values are random in any order: nothing can be told of them, and nothing is. */
Test(health, of_a_model_without_structure_nothing_is_claimed)
{
    static const char *const models[] = {MODEL("nano/qwen2"), MODEL("nano/llama"), MODEL("nano/qwen3")};
    for (size_t m = 0; m < 3; m++) {
        struct told told = {0};
        fault_put(&told, "shuffle:model.layers.1.mlp.up_proj.weight");
        tell(&told, models[m]);
        cr_expect(places(&told, NULL, NULL) == 0, "%s", models[m]);
        expect_no_claims(&told, models[m]);
        findings_free(&told.findings);
    }
}

/* Nor are peers enough by themselves, of which there are many here. */
Test(health, of_many_random_layers_nothing_is_claimed)
{
    enum { FIRST = 2, LAYERS = 40 };
    static const struct {
        const char *name;
        bool rows_heads;
        bool key;
    } weights[] = {{"q_proj", true, false}, {"k_proj", true, true}, {"v_proj", true, true}, {"o_proj", false, false}};
    struct error error = {0};
    struct told told = {0};
    struct scan scan = {0};
    struct model_config *config = config_read(MODEL("thinker-48/config.json"), &error);
    struct plain_tensor tensors[4 * LAYERS];
    static char shapes_of[4][32];
    struct pool *pool = threads(2);
    cr_assert(config && config->layers >= FIRST + LAYERS + 2);
    for (int i = 0; i < 4 * LAYERS; i++) {
        size_t kind = (size_t)i % 4, heads = (size_t)(weights[kind].key ? config->kv_heads : config->heads);
        size_t inner = heads * (size_t)config->head_dim, hidden = (size_t)config->hidden;
        snprintf(shapes_of[kind], sizeof *shapes_of, "[%zu, %zu]", weights[kind].rows_heads ? inner : hidden,
                 weights[kind].rows_heads ? hidden : inner);
        char *name = NULL;
        cr_assert(asprintf(&name, "model.layers.%d.self_attn.%s.weight", FIRST + i / 4, weights[kind].name) > 0);
        tensors[i] = (struct plain_tensor){name, "F32", shapes_of[kind], gaussians(inner * hidden, 0.03),
                                           inner * hidden * sizeof(float)};
    }
    free(config);
    struct store *store = store_under(MODEL("thinker-48/config.json"), tensors, 4 * LAYERS, &config);
    cr_assert(scan_weights(store, config, pool, &scan, &error) && health_report(&scan, &told.findings, &error), "%s",
              error_text(&error));
    cr_expect(examined_of(&scan, tensors[0].name)->weight == WEIGHT_Q);
    cr_expect(places(&told, NULL, NULL) == 0);
    expect_no_claims(&told, "random layers");
    for (int i = 0; i < 4 * LAYERS; i++) {
        free((char *)tensors[i].name);
        free((void *)tensors[i].data);
    }
    findings_free(&told.findings);
    scan_free(&scan);
    store_free(store);
    free(config);
    pool_free(pool);
}

Test(health, copies_of_most_are_excused_and_one_pair_is_named)
{
    struct told told = {0};
    for (int expert = 1; expert < 12; expert++)
        fault_put(&told,
                  "copy:model.layers.2.mlp.experts.%d.gate_proj.weight,"
                  "model.layers.2.mlp.experts.0.gate_proj.weight",
                  expert);
    tell(&told, MODEL("nano/thinker"));
    cr_expect(places(&told, "weights.identical", NULL) == 0);
    const struct finding *excused = summary_of(&told, "weights.identical");
    cr_expect(excused->verdict == VERDICT_PASS);
    cr_assert(excused->fact_count == 1 && strcmp(excused->facts[0].name, "copies_by_design") == 0);
    cr_expect(excused->facts[0].number == 12);
    findings_free(&told.findings);
    told = (struct told){0};
    fault_put(&told, "copy:model.layers.2.mlp.experts.4.gate_proj.weight,"
                     "model.layers.2.mlp.experts.0.gate_proj.weight");
    tell(&told, MODEL("nano/thinker"));
    cr_expect(places(&told, "weights.identical", "model.layers.2.mlp.experts.4.gate_proj.weight") == 1);
    cr_expect(places(&told, "weights.identical", "model.layers.2.mlp.experts.0.gate_proj.weight") == 1);
    cr_expect(places(&told, NULL, NULL) == 2 && summary_of(&told, "weights.identical")->verdict == VERDICT_FAIL);
    findings_free(&told.findings);
}

/* The gains of the first `layers` layers, and where `final` is set the last one, become ones. */
static void ones_in(struct told *told, int layers, bool final)
{
    for (int layer = 0; layer < layers; layer++) {
        fault_put(told, "constant:model.layers.%d.input_layernorm.weight,1", layer);
        fault_put(told, "constant:model.layers.%d.post_attention_layernorm.weight,1", layer);
    }
    if (final)
        fault_put(told, "constant:model.norm.weight,1");
    tell(told, MODEL("nano/qwen2"));
}

Test(health, ones_in_all_gains_warn_and_in_some_fail)
{
    struct error error = {0};
    struct model_config *config = config_read(MODEL("nano/qwen2/config.json"), &error);
    struct told all = {0}, one = {0};
    ones_in(&all, config->layers, true);
    cr_expect(summary_of(&all, "weights.constant")->verdict == VERDICT_WARN && places(&all, NULL, NULL) == 0);
    ones_in(&one, 1, false);
    cr_expect(summary_of(&one, "weights.constant")->verdict == VERDICT_FAIL);
    cr_expect(places(&one, "weights.constant", "model.layers.0.input_layernorm.weight") == 1);
    cr_expect(places(&one, "weights.constant", "model.layers.0.post_attention_layernorm.weight") == 1);
    cr_expect(places(&one, NULL, NULL) == 2);
    findings_free(&all.findings);
    findings_free(&one.findings);
    free(config);
}

/* Turns the bytes of every value around. */
static void bytes_turn(const struct grid *grid)
{
    size_t width = dtype_width(grid->dtype);
    unsigned char *raw = grid->raw;
    for (size_t i = 0; i < grid->rows * grid->columns * width; i += width)
        for (size_t k = 0; k < width / 2; k++) {
            unsigned char byte = raw[i + k];
            raw[i + k] = raw[i + width - 1 - k];
            raw[i + width - 1 - k] = byte;
        }
}

#define LIKE 5

/* One of that many tensors of a kind, in layer 2, holds its bytes in reverse order. */
static void try_turned(enum dtype dtype, size_t rows, const char *shape, const char *weight)
{
    struct error error = {0};
    struct told told = {0};
    struct scan scan = {0};
    struct model_config *config;
    struct pool *pool = threads(2);
    struct plain_tensor tensors[LIKE];
    struct grid grids[LIKE];
    for (int i = 0; i < LIKE; i++) {
        float *values = gaussians(rows * 40, rows > 1 ? 0.03 : 0.2);
        for (size_t k = 0; rows == 1 && k < 40; k++)
            values[k] += 1;
        const char *name = scratch("model.layers.%d.%s.weight", i, weight);
        grids[i] = grid_of(dtype, rows, 40, values);
        tensors[i] = (struct plain_tensor){strrchr(name, '/') + 1, dtype_name(dtype), shape, grids[i].raw,
                                           rows * 40 * dtype_width(dtype)};
        free(values);
    }
    bytes_turn(&grids[2]);
    struct store *store = odd_store(tensors, LIKE, &config);
    cr_assert(scan_weights(store, config, pool, &scan, &error) && health_report(&scan, &told.findings, &error), "%s",
              error_text(&error));
    cr_expect(places(&told, "weights.bytes", tensors[2].name) == 1 &&
                  places(&told, NULL, NULL) == places(&told, NULL, tensors[2].name),
              "%s of %s", dtype_name(dtype), weight);
    for (int i = 0; i < LIKE; i++)
        grid_free(&grids[i]);
    findings_free(&told.findings);
    scan_free(&scan);
    store_free(store);
    free(config);
    pool_free(pool);
}

/* Any order of the bits of an F16 gives a number of a common size, so its exponents tell less than those of others. */
Test(health, bytes_in_reverse_order_are_named_in_every_dtype)
{
    for (size_t d = 0; d < 3; d++) {
        try_turned(dtypes[d], 96, "[96, 40]", "self_attn.q_proj");
        try_turned(dtypes[d], 1, "[40]", "input_layernorm");
    }
}
