#include "health/measure.h"

#include <math.h>
#include <string.h>

#include "base/clones.h"
#include "math/kernels.h"
#include "values/values.h"

#define LANES 16
#define SOME_ROWS 64 /* summed in float32 before they go to the double sums */

/* One row, sums in lanes of float32. */
struct line {
    float sum, absolute, squares, fourth, smallest, largest;
    uint32_t zeros;
};

struct lanes {
    float sum[LANES], absolute[LANES], squares[LANES], fourth[LANES], smallest[LANES], largest[LANES];
    uint32_t zeros[LANES];
};

static inline __attribute__((always_inline)) void lane_add(struct lanes *lanes, size_t lane, float value)
{
    float square = value * value;
    lanes->sum[lane] += value;
    lanes->absolute[lane] += fabsf(value);
    lanes->squares[lane] += square;
    lanes->fourth[lane] += square * square;
    lanes->smallest[lane] = value < lanes->smallest[lane] ? value : lanes->smallest[lane];
    lanes->largest[lane] = value > lanes->largest[lane] ? value : lanes->largest[lane];
    lanes->zeros[lane] += value == 0.0f;
}

CLONES static void line_measure(const float *restrict x, size_t count, struct line *line)
{
    struct lanes lanes = {0};
    size_t i = 0;
    for (size_t k = 0; k < LANES; k++)
        lanes.smallest[k] = INFINITY, lanes.largest[k] = -INFINITY;
    for (; i + LANES <= count; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            lane_add(&lanes, k, x[i + k]);
    for (size_t k = 0; i < count; i++, k++)
        lane_add(&lanes, k, x[i]);
    *line = (struct line){.smallest = INFINITY, .largest = -INFINITY};
    for (size_t k = 0; k < LANES; k++) {
        line->sum += lanes.sum[k];
        line->absolute += lanes.absolute[k];
        line->squares += lanes.squares[k];
        line->fourth += lanes.fourth[k];
        line->smallest = lanes.smallest[k] < line->smallest ? lanes.smallest[k] : line->smallest;
        line->largest = lanes.largest[k] > line->largest ? lanes.largest[k] : line->largest;
        line->zeros += lanes.zeros[k];
    }
}

CLONES static void squares_add(const float *restrict x, size_t count, float *restrict column)
{
    for (size_t i = 0; i < count; i++)
        column[i] += x[i] * x[i];
}

#define BLOCK 32

/* Of one row. */
struct equal {
    uint32_t values; /* that equal the one before them */
    uint32_t zeros;  /* among them */
    uint32_t blocks; /* aligned blocks of BLOCK values that hold nothing else: a run of two blocks' length covers one */
};

CLONES static void count_equals(const float *x, size_t count, struct equal *equal)
{
    uint32_t all = 0, zeros = 0, full = 0;
    size_t i = BLOCK;
    for (size_t k = 1; k < count && k < BLOCK; k++) {
        all += x[k] == x[k - 1];
        zeros += (x[k] == x[k - 1]) & (x[k] == 0.0f);
    }
    full += all == BLOCK - 1;
    for (; i + BLOCK <= count; i += BLOCK) {
        uint32_t equals = 0;
        for (size_t k = 0; k < BLOCK; k++) {
            equals += x[i + k] == x[i + k - 1];
            zeros += (x[i + k] == x[i + k - 1]) & (x[i + k] == 0.0f);
        }
        all += equals;
        full += equals >= BLOCK - 1;
    }
    for (; i < count; i++) {
        all += x[i] == x[i - 1];
        zeros += (x[i] == x[i - 1]) & (x[i] == 0.0f);
    }
    *equal = (struct equal){.values = all, .zeros = zeros, .blocks = full};
}

size_t gauge_bytes(size_t columns)
{
    return columns * (sizeof(double) + 2 * sizeof(float));
}

void gauge_begin(struct gauge *gauge, enum dtype dtype, uint64_t rows, uint64_t columns, uint64_t first,
                 struct measure *measure, void *memory)
{
    double *column = memory;
    memset(memory, 0, gauge_bytes((size_t)columns));
    *measure = (struct measure){.rows = rows,
                                .columns = columns,
                                .smallest = INFINITY,
                                .largest = -INFINITY,
                                .gain_correlation = NAN,
                                .effective_squares = NAN};
    uint64_t most = rows * columns / 16 < MEASURE_SAMPLE ? rows * columns / 16 : MEASURE_SAMPLE;
    most = most < MEASURE_LEAST ? MEASURE_LEAST : most;
    *gauge = (struct gauge){.dtype = dtype,
                            .measure = measure,
                            .column = column,
                            .some = (float *)(column + columns),
                            .before = (float *)(column + columns) + columns,
                            .row = first,
                            .begin = first * columns,
                            .sample_row = rows ? (size_t)((most + rows - 1) / rows) : 1,
                            .sample_every = rows / most + 1};
    if (gauge->sample_row > columns)
        gauge->sample_row = (size_t)columns;
}

/* --- the bytes, read otherwise --- */

/* Log2 |value|, its fraction taken for linear: at most 0.09 too small. */
static void sample_value(struct sampled *sampled, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t exponent = bits >> 23 & 255;
    if (exponent == 255 || !(bits & 0x7fffffff)) {
        sampled->lost++;
        return;
    }
    double log = (double)exponent - 127 + (double)(bits & 0x7fffff) * 0x1p-23;
    sampled->count++;
    sampled->inside += log > -16 && log < 5;
    sampled->sum += log;
    sampled->squares += log * log;
}

static float value_read(enum dtype dtype, const unsigned char *bytes, size_t width, enum reading reading)
{
    unsigned char turned[sizeof(float)];
    float value = 0;
    enum dtype as = dtype;
    for (size_t i = 0; i < width; i++)
        turned[i] = bytes[reading == READING_SWAPPED ? width - 1 - i : i];
    if (reading == READING_OTHER_16)
        as = dtype == DTYPE_BF16 ? DTYPE_F16 : DTYPE_BF16;
    widen(as, turned, &value, 1);
    return value;
}

static void sample_line(struct gauge *gauge, const unsigned char *raw, const float *wide)
{
    struct measure *measure = gauge->measure;
    size_t width = dtype_width(gauge->dtype), columns = (size_t)measure->columns;
    if (gauge->row % gauge->sample_every)
        return;
    for (size_t i = 0; i < gauge->sample_row; i++) {
        /* another column in every row */
        size_t at = (size_t)((i * columns / gauge->sample_row + gauge->row * 7) % columns);
        sample_value(&measure->sampled[READING_STORED], wide[at]);
        for (int reading = READING_SWAPPED; width && reading < READING_COUNT; reading++)
            if (reading != READING_OTHER_16 || width == 2)
                sample_value(&measure->sampled[reading],
                             value_read(gauge->dtype, raw + at * width, width, (enum reading)reading));
    }
}

/* --- rows --- */

#define FOURTH_LEAST 1e-28f

/* The lanes neither overflowed nor met what is not finite, nor lost fourth powers that are too small for float32. */
static bool line_holds(const struct line *line)
{
    return isfinite(line->fourth) && (line->fourth > FOURTH_LEAST || !(line->absolute > 0));
}

/* Exactly, where the lanes are of no use; a value that is not finite becomes 0. */
static bool line_exact(struct gauge *gauge, float *x, size_t count, double *row_squares)
{
    struct measure *measure = gauge->measure;
    bool finite = true;
    *row_squares = 0;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(x[i])) {
            if (!measure->nonfinite++)
                measure->first_nonfinite = gauge->row * measure->columns + i;
            x[i] = 0;
            finite = false;
            continue;
        }
        double v = (double)x[i], s = v * v;
        measure->sum += v;
        measure->absolute += fabs(v);
        measure->squares += s;
        measure->fourth += s * s;
        measure->smallest = v < measure->smallest ? v : measure->smallest;
        measure->largest = v > measure->largest ? v : measure->largest;
        measure->zeros += v == 0;
        gauge->column[i] += s;
        *row_squares += s;
    }
    return finite;
}

static void columns_fold(struct gauge *gauge)
{
    for (size_t i = 0; i < gauge->measure->columns; i++) {
        gauge->column[i] += (double)gauge->some[i];
        gauge->some[i] = 0;
    }
    gauge->some_rows = 0;
}

static void line_take(struct gauge *gauge, const struct line *line, double *row_squares)
{
    struct measure *measure = gauge->measure;
    measure->sum += (double)line->sum;
    measure->absolute += (double)line->absolute;
    measure->squares += (double)line->squares;
    measure->fourth += (double)line->fourth;
    measure->smallest = (double)line->smallest < measure->smallest ? (double)line->smallest : measure->smallest;
    measure->largest = (double)line->largest > measure->largest ? (double)line->largest : measure->largest;
    measure->zeros += line->zeros;
    *row_squares = (double)line->squares;
}

static void peak_take(struct gauge *gauge, const float *x, size_t count)
{
    struct measure *measure = gauge->measure;
    double most = fmax(fabs(measure->smallest), fabs(measure->largest));
    if (!(most > measure->peak))
        return;
    for (size_t i = 0; i < count; i++)
        if (fabs((double)x[i]) > measure->peak) {
            measure->peak = fabs((double)x[i]);
            measure->peak_at = gauge->row * measure->columns + i;
        }
}

static void run_close(struct gauge *gauge)
{
    struct measure *measure = gauge->measure;
    if (gauge->run && gauge->run_at == gauge->begin) {
        measure->first_run = gauge->run;
        measure->first_value = gauge->run_value;
    }
    if (gauge->run > measure->run) {
        measure->run = gauge->run;
        measure->run_at = gauge->run_at;
        measure->run_value = gauge->run_value;
    }
}

/* Values from .. to - 1 of a row. */
static void run_follow(struct gauge *gauge, const float *x, size_t from, size_t to)
{
    uint64_t at = gauge->row * gauge->measure->columns;
    for (size_t i = from; i < to; i++) {
        if (gauge->run && x[i] == gauge->run_value) {
            gauge->run++;
            continue;
        }
        run_close(gauge);
        gauge->run = 1;
        gauge->run_at = at + i;
        gauge->run_value = x[i];
    }
}

/* Runs of equal values go on from row to row. In most rows of a trained matrix there is none that counts: without a
 * full block those inside of it are shorter than MEASURE_RUN, and only the ends of the row matter, for a run that goes
 * through them may be long. */
static void run_take(struct gauge *gauge, const float *x, size_t count, uint32_t blocks)
{
    size_t first = 1, last = count - 1;
    if (blocks || count < 2 * BLOCK) {
        run_follow(gauge, x, 0, count);
        return;
    }
    while (first < count && x[first] == x[0])
        first++;
    while (last > first && x[last - 1] == x[count - 1])
        last--;
    run_follow(gauge, x, 0, first);
    if (last > first) {
        run_close(gauge);
        gauge->run = 0;
    }
    run_follow(gauge, x, last > first ? last : first, count);
}

#define NEIGHBOUR_LEAST 1e-30 /* sums of squares below it: float32 does not hold the products */

static void neighbour_take(struct gauge *gauge, const float *x, size_t count, double row_squares)
{
    struct measure *measure = gauge->measure;
    if (gauge->has_before && gauge->before_squares > NEIGHBOUR_LEAST && row_squares > NEIGHBOUR_LEAST) {
        double product = (double)dot(x, gauge->before, count);
        double cosine = product * product / (gauge->before_squares * row_squares);
        if (isfinite(cosine)) {
            measure->neighbours += cosine;
            measure->neighbour_count++;
        }
    }
    if (measure->rows > 1)
        memcpy(gauge->before, x, count * sizeof *x);
    gauge->before_squares = row_squares;
    gauge->has_before = true;
}

void gauge_rows(struct gauge *gauge, const void *raw, float *wide, size_t rows, float *rms)
{
    struct measure *measure = gauge->measure;
    size_t columns = (size_t)measure->columns;
    size_t bytes = dtype_row_bytes(gauge->dtype, columns);
    for (size_t row = 0; row < rows; row++, gauge->row++) {
        float *x = wide + row * columns;
        struct line line;
        double row_squares = 0;
        bool finite = true;
        sample_line(gauge, (const unsigned char *)raw + row * bytes, x);
        line_measure(x, columns, &line);
        if (line_holds(&line)) {
            line_take(gauge, &line, &row_squares);
            squares_add(x, columns, gauge->some);
        } else {
            finite = line_exact(gauge, x, columns, &row_squares);
        }
        struct equal equal;
        count_equals(x, columns, &equal);
        measure->equals += equal.values;
        measure->zero_equals += equal.zeros;
        measure->count += columns;
        peak_take(gauge, x, columns);
        run_take(gauge, x, columns, equal.blocks);
        neighbour_take(gauge, x, columns, row_squares);
        if (finite) {
            measure->row_squares += row_squares;
            measure->row_fourth += row_squares * row_squares;
            measure->row_count++;
        }
        if (rms)
            rms[row] = finite ? (float)sqrt(row_squares / (double)columns) : NAN;
        if (++gauge->some_rows == SOME_ROWS)
            columns_fold(gauge);
    }
}

void gauge_end(struct gauge *gauge)
{
    run_close(gauge);
    gauge->measure->last_run = gauge->run;
    gauge->measure->last_value = gauge->run_value;
    columns_fold(gauge);
}

static void run_longer(struct measure *measure, uint64_t run, uint64_t at, float value)
{
    if (run <= measure->run)
        return;
    measure->run = run;
    measure->run_at = at;
    measure->run_value = value;
}

/* Also through the cut. A strip begins where the ones before it end: the first at 0, as whole tensors do. */
static void runs_join(struct measure *measure, const struct measure *later)
{
    bool through = measure->last_run && later->first_run && measure->last_value == later->first_value;
    if (through)
        run_longer(measure, measure->last_run + later->first_run, measure->count - measure->last_run,
                   measure->last_value);
    run_longer(measure, later->run, later->run_at, later->run_value);
    if (through && measure->first_run == measure->count) /* one run so far */
        measure->first_run += later->first_run;
    if (through && later->last_run == later->count)
        measure->last_run += later->last_run;
    else if (later->count)
        measure->last_run = later->last_run;
    if (later->count)
        measure->last_value = later->last_value;
}

void measure_add(struct measure *measure, const struct measure *later)
{
    if (!measure->nonfinite)
        measure->first_nonfinite = later->first_nonfinite;
    runs_join(measure, later);
    measure->count += later->count;
    measure->nonfinite += later->nonfinite;
    measure->zeros += later->zeros;
    measure->sum += later->sum;
    measure->absolute += later->absolute;
    measure->squares += later->squares;
    measure->fourth += later->fourth;
    measure->smallest = fmin(measure->smallest, later->smallest);
    measure->largest = fmax(measure->largest, later->largest);
    if (later->peak > measure->peak) {
        measure->peak = later->peak;
        measure->peak_at = later->peak_at;
    }
    measure->equals += later->equals;
    measure->zero_equals += later->zero_equals;
    measure->row_squares += later->row_squares;
    measure->row_fourth += later->row_fourth;
    measure->row_count += later->row_count;
    measure->neighbours += later->neighbours;
    measure->neighbour_count += later->neighbour_count;
    for (int i = 0; i < READING_COUNT; i++) {
        measure->sampled[i].count += later->sampled[i].count;
        measure->sampled[i].lost += later->sampled[i].lost;
        measure->sampled[i].inside += later->sampled[i].inside;
        measure->sampled[i].sum += later->sampled[i].sum;
        measure->sampled[i].squares += later->sampled[i].squares;
    }
}

/* Pearson's correlation of log sqrt(column) and log |gain|. */
static double gain_correlation(const double *column, const float *gain, size_t count)
{
    double x = 0, y = 0, xx = 0, yy = 0, xy = 0, n = 0;
    for (size_t i = 0; i < count; i++) {
        if (!(column[i] > 0) || gain[i] == 0 || !isfinite(gain[i]) || !isfinite(column[i]))
            continue;
        double a = 0.5 * log(column[i]), b = log(fabs((double)gain[i]));
        x += a, y += b, xx += a * a, yy += b * b, xy += a * b, n += 1;
    }
    double covariance = xy - x * y / n, left = xx - x * x / n, right = yy - y * y / n;
    return n >= 8 && left > 1e-12 * n && right > 1e-12 * n ? covariance / sqrt(left * right) : NAN;
}

void measure_finish(struct measure *measure, const double *column, const float *gain)
{
    for (size_t i = 0; i < measure->columns; i++) {
        measure->column_squares += column[i];
        measure->column_fourth += column[i] * column[i];
        measure->zero_columns += !(column[i] > 0);
    }
    if (!gain)
        return;
    measure->gain_correlation = gain_correlation(column, gain, (size_t)measure->columns);
    measure->effective_squares = 0;
    for (size_t i = 0; i < measure->columns; i++)
        measure->effective_squares += column[i] * (double)gain[i] * (double)gain[i];
}

double measure_rms(const struct measure *measure)
{
    uint64_t finite = measure->count - measure->nonfinite;
    return finite ? sqrt(measure->squares / (double)finite) : NAN;
}

double sampled_mean(const struct sampled *sampled)
{
    return sampled->count > sampled->lost ? sampled->sum / (double)sampled->count : NAN;
}

double sampled_deviation(const struct sampled *sampled)
{
    double mean = sampled_mean(sampled), square = sampled->squares / (double)sampled->count - mean * mean;
    return isnan(mean) ? NAN : sqrt(fmax(square, 0));
}

double measure_kurtosis(const struct measure *measure)
{
    double finite = (double)(measure->count - measure->nonfinite);
    return measure->squares > 0 ? measure->fourth * finite / (measure->squares * measure->squares) : NAN;
}

/* `count` sums of `length` squares each. */
static double structure(double sum, double squares, uint64_t count, uint64_t length, double kurtosis)
{
    double mean = sum / (double)count, variance = squares / (double)count - mean * mean;
    double chance = (kurtosis - 1) / (double)length;
    return count >= 4 && length >= 4 && mean > 0 && chance > 0 ? fmax(variance, 0) / (mean * mean) / chance : NAN;
}

double measure_row_structure(const struct measure *measure)
{
    return structure(measure->row_squares, measure->row_fourth, measure->row_count, measure->columns,
                     measure_kurtosis(measure));
}

double measure_column_structure(const struct measure *measure)
{
    return structure(measure->column_squares, measure->column_fourth, measure->columns, measure->rows,
                     measure_kurtosis(measure));
}

double measure_neighbours(const struct measure *measure)
{
    return measure->neighbour_count >= 3
               ? measure->neighbours / (double)measure->neighbour_count * (double)measure->columns
               : NAN;
}
