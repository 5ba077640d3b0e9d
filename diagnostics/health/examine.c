#include "health/examine.h"

#include <math.h>
#include <stdlib.h>

#include "math/kernels.h"

#define CHUNK_VALUES 65536u
#define SPREAD_LEAST 0.15

/* Squared distances from the peers in those features that turning changes. */
static double distance(const struct ranks *ranks, size_t tensor, const double values[FEATURE_COUNT], double *worst)
{
    static const enum feature turned[] = {FEATURE_ROWS, FEATURE_COLUMNS, FEATURE_GAIN};
    double sum = 0;
    *worst = 0;
    for (size_t i = 0; i < sizeof turned / sizeof *turned; i++) {
        double least = turned[i] == FEATURE_GAIN ? 0.05 : SPREAD_LEAST;
        double steps = peers_distance(ranks, tensor, turned[i], values[turned[i]], least);
        if (!isfinite(steps))
            continue;
        sum += steps * steps;
        *worst = fmax(*worst, fabs(steps));
    }
    return sum;
}

bool examine_asymmetric(const struct ranks *ranks, size_t tensor)
{
    double worst;
    if (peers_of(ranks, tensor, FEATURE_ROWS).count < 6)
        return false;
    distance(ranks, tensor, ranks->features[tensor], &worst);
    return worst > 5;
}

#define LARGE 32

bool examine_large(const struct scan *scan, size_t tensor)
{
    const struct tensor *stored = scan->tensors[tensor].tensor;
    return stored->rows >= LARGE && stored->columns >= LARGE;
}

struct turned {
    uint64_t rows, columns;
    double *row, *column; /* sums of squares */
    uint64_t at;          /* values seen */
};

/* Value `at` of the file is element (at % rows, at / rows) of the matrix whose transpose lies there. */
static void turned_take(struct turned *turned, const float *values, size_t count)
{
    uint64_t row = turned->at % turned->rows, column = turned->at / turned->rows;
    for (size_t i = 0; i < count; i++) {
        double square = (double)values[i] * (double)values[i];
        turned->row[row] += square;
        turned->column[column] += square;
        if (++row == turned->rows) {
            row = 0;
            column++;
        }
    }
    turned->at += count;
}

static bool turned_read(const struct ranks *ranks, size_t tensor, struct turned *turned, struct error *error)
{
    const struct tensor *stored = ranks->scan->tensors[tensor].tensor;
    size_t columns = (size_t)stored->columns;
    uint64_t some = CHUNK_VALUES / columns ? CHUNK_VALUES / columns : 1;
    void *raw = malloc((size_t)some * dtype_row_bytes(stored->dtype, columns) + 1);
    float *wide = malloc((size_t)some * columns * sizeof *wide + 1);
    bool good = (raw && wide) || error_memory(error, stored->name);
    for (uint64_t row = 0; good && row < stored->rows; row += some) {
        uint64_t rows = stored->rows - row < some ? stored->rows - row : some;
        good = store_read_rows(ranks->scan->store, stored, row, rows, raw, error);
        if (!good)
            break;
        widen(stored->dtype, raw, wide, (size_t)rows * columns);
        turned_take(turned, wide, (size_t)rows * columns);
    }
    free(raw);
    free(wide);
    return good;
}

/* The measures of the turned matrix, as far as turning changes them. */
static void turned_measure(const struct ranks *ranks, size_t tensor, const struct turned *turned,
                           double values[FEATURE_COUNT])
{
    const struct examined *examined = &ranks->scan->tensors[tensor];
    struct measure measure = examined->measure;
    measure.row_squares = measure.row_fourth = measure.column_squares = measure.column_fourth = 0;
    for (uint64_t row = 0; row < turned->rows; row++) {
        measure.row_squares += turned->row[row];
        measure.row_fourth += turned->row[row] * turned->row[row];
    }
    measure.row_count = turned->rows;
    float *gain = scan_gain(ranks->scan, examined);
    measure_finish(&measure, turned->column, gain);
    free(gain);
    values[FEATURE_ROWS] = log(measure_row_structure(&measure));
    values[FEATURE_COLUMNS] = log(measure_column_structure(&measure));
    values[FEATURE_GAIN] = gain ? measure.gain_correlation : NAN;
}

bool examine_transposed(const struct ranks *ranks, size_t tensor, bool *transposed, struct error *error)
{
    const struct tensor *stored = ranks->scan->tensors[tensor].tensor;
    struct turned turned = {.rows = stored->rows,
                            .columns = stored->columns,
                            .row = calloc((size_t)stored->rows + 1, sizeof *turned.row),
                            .column = calloc((size_t)stored->columns + 1, sizeof *turned.column)};
    double values[FEATURE_COUNT], worst, worst_turned;
    bool good = ((turned.row && turned.column) || error_memory(error, stored->name)) &&
                turned_read(ranks, tensor, &turned, error);
    if (good) {
        turned_measure(ranks, tensor, &turned, values);
        double as_is = distance(ranks, tensor, ranks->features[tensor], &worst);
        *transposed = distance(ranks, tensor, values, &worst_turned) + 16 < as_is && worst_turned < 4.5 && worst > 4.5;
    }
    free(turned.row);
    free(turned.column);
    return good;
}
