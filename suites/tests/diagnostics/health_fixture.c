#include "health_fixture.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "faults/fault.h"
#include "fixtures.h"
#include "health/scan.h"
#include "run/subject.h"
#include "values/values.h"

double uniform(void)
{
    static uint64_t state = 0x2545f4914f6cdd1d;
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return ((double)((state * 0x2545f4914f6cdd1d) >> 11) + 0.5) * 0x1p-53;
}

double gaussian(void)
{
    return sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform());
}

float *gaussians(size_t count, double deviation)
{
    float *values = malloc((count + 1) * sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(deviation * gaussian());
    return values;
}

void expect_near(const char *what, double value, double expected, double tolerance)
{
    bool same = (isnan(value) && isnan(expected)) || fabs(value - expected) <= tolerance;
    cr_expect(same, "%s is %.17g, not %.17g", what, value, expected);
}

struct grid grid_of(enum dtype dtype, size_t rows, size_t columns, const float *values)
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

void grid_free(struct grid *grid)
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

struct measure measure_of(const struct grid *grid, size_t strip, size_t some, const float *gain, float *rms)
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

struct naive naive_of(const struct grid *grid, const float *gain)
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

void expect_measure(const struct grid *grid, const struct measure *measure, const float *gain, bool cut)
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

const enum dtype dtypes[] = {DTYPE_F32, DTYPE_F16, DTYPE_BF16, DTYPE_Q8_0};

struct pool *threads(int count)
{
    struct error error = {0};
    struct pool *pool = pool_new(count, &error);
    cr_assert(pool, "%s", error_text(&error));
    return pool;
}

struct subject open_model(const char *path, const char *const *faults, size_t count)
{
    struct error error = {0};
    struct subject subject = {0};
    struct subject_options options = {.model = path};
    cr_assert(subject_open(&options, &subject, &error) && faults_lay(&subject, NULL, 0, faults, count, &error), "%s",
              error_text(&error));
    return subject;
}

struct store *store_under(const char *path, const struct plain_tensor *tensors, size_t count,
                          struct model_config **config)
{
    struct error error = {0};
    write_tensors(scratch("model.safetensors"), tensors, count, NULL);
    struct store *store = store_open(scratch("model.safetensors"), &error);
    *config = config_read(path, &error);
    cr_assert(store && *config, "%s", error_text(&error));
    return store;
}

struct store *odd_store(const struct plain_tensor *tensors, size_t count, struct model_config **config)
{
    return store_under(MODEL("nano/thinker/config.json"), tensors, count, config);
}

const struct examined *examined_of(const struct scan *scan, const char *name)
{
    for (size_t i = 0; i < scan->count; i++)
        if (strcmp(scan->tensors[i].tensor->name, name) == 0)
            return &scan->tensors[i];
    cr_assert_fail("%s", name);
    abort();
}
