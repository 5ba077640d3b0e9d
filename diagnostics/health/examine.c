#include "health/examine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "health/pairing.h"
#include "values/values.h"

#define SPREAD_LEAST 0.15
#define SURE 10.0 /* deviations from chance */

/* A step is what the peers differ among themselves, but no less than what chance alone makes of one: of few peers, and
 * of few rows, the spread may be far too small. */
static double step_least(const struct scan *scan, size_t tensor, enum feature feature)
{
    double least = feature == FEATURE_GAIN ? 0.05 : SPREAD_LEAST;
    return fmax(least, 1 / feature_chance(scan, tensor, feature, 1));
}

/* Squared distances from the peers in those features that turning changes. */
static double distance(const struct ranks *ranks, size_t tensor, const double values[FEATURE_COUNT], double *worst)
{
    static const enum feature turned[] = {FEATURE_ROWS, FEATURE_COLUMNS, FEATURE_GAIN};
    double sum = 0;
    *worst = 0;
    for (size_t i = 0; i < sizeof turned / sizeof *turned; i++) {
        double steps =
            peers_distance(ranks, tensor, turned[i], values[turned[i]], step_least(ranks->scan, tensor, turned[i]));
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
    uint64_t some = chunk_rows(columns);
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
static bool turned_measure(const struct ranks *ranks, size_t tensor, const struct turned *turned,
                           double values[FEATURE_COUNT], struct error *error)
{
    const struct examined *examined = &ranks->scan->tensors[tensor];
    struct measure measure = examined->measure;
    measure.row_squares = measure.row_fourth = measure.column_squares = measure.column_fourth = 0;
    for (uint64_t row = 0; row < turned->rows; row++) {
        measure.row_squares += turned->row[row];
        measure.row_fourth += turned->row[row] * turned->row[row];
    }
    measure.row_count = turned->rows;
    float *gain;
    if (!scan_gain(ranks->scan, examined, &gain, error))
        return false;
    measure_finish(&measure, turned->column, gain);
    values[FEATURE_ROWS] = log(measure_row_structure(&measure));
    values[FEATURE_COLUMNS] = log(measure_column_structure(&measure));
    values[FEATURE_GAIN] = gain ? measure.gain_correlation : NAN;
    free(gain);
    return true;
}

/* Spreads. Turned back, a matrix that was transposed is within 0.6 of its peers in all that turning changes; one that
 * is unlike them for another reason, an expert that was asked more than the others, may come nearer when it is turned,
 * but not nearer than 3. */
#define LIKE_PEERS 2.5
#define UNLIKE_PEERS 4.5

bool examine_transposed(const struct ranks *ranks, size_t tensor, bool *transposed, struct error *error)
{
    const struct tensor *stored = ranks->scan->tensors[tensor].tensor;
    struct turned turned = {.rows = stored->rows,
                            .columns = stored->columns,
                            .row = calloc((size_t)stored->rows + 1, sizeof *turned.row),
                            .column = calloc((size_t)stored->columns + 1, sizeof *turned.column)};
    double values[FEATURE_COUNT], worst, worst_turned;
    bool good = ((turned.row && turned.column) || error_memory(error, stored->name)) &&
                turned_read(ranks, tensor, &turned, error) && turned_measure(ranks, tensor, &turned, values, error);
    if (good) {
        double as_is = distance(ranks, tensor, ranks->features[tensor], &worst);
        *transposed = distance(ranks, tensor, values, &worst_turned) + 16 < as_is && worst_turned < LIKE_PEERS &&
                      worst > UNLIKE_PEERS;
    }
    free(turned.row);
    free(turned.column);
    return good;
}

/* --- with the partner --- */

/* The values of a tensor in the order of the file, cut into rows of another width. */
typedef void row_take(void *context, uint64_t row, const float *values, size_t width);

static bool recut(const struct scan *scan, const struct tensor *tensor, size_t width, row_take *take, void *context,
                  struct error *error)
{
    size_t columns = (size_t)tensor->columns, held = 0;
    uint64_t some = chunk_rows(columns), at = 0;
    void *raw = malloc((size_t)some * dtype_row_bytes(tensor->dtype, columns) + 1);
    float *wide = malloc(((size_t)some * columns + width) * sizeof *wide);
    bool good = (raw && wide) || error_memory(error, tensor->name);
    for (uint64_t row = 0; good && row < tensor->rows; row += some) {
        uint64_t rows = tensor->rows - row < some ? tensor->rows - row : some;
        if (!(good = store_read_rows(scan->store, tensor, row, rows, raw, error)))
            break;
        widen(tensor->dtype, raw, wide + held, (size_t)rows * columns);
        held += (size_t)rows * columns;
        size_t used = 0;
        for (; held - used >= width; used += width)
            take(context, at++, wide + used, width);
        memmove(wide, wide + used, (held - used) * sizeof *wide);
        held -= used;
    }
    free(raw);
    free(wide);
    return good;
}

static void keep_row(void *context, uint64_t row, const float *values, size_t width)
{
    (void)width;
    kept_take(context, row, values, 1);
}

static void keep_column(void *context, uint64_t row, const float *values, size_t width)
{
    struct kept *kept = context;
    for (size_t i = 0; i < width; i++) {
        if (kept->slot[i] < 0)
            continue;
        kept->values[row * kept->count + (size_t)kept->slot[i]] = values[i];
        kept->squares[kept->slot[i]] += (double)values[i] * (double)values[i];
    }
}

static void pair_row(void *context, uint64_t row, const float *values, size_t width)
{
    (void)width;
    partner_rows(context, row, values, 1);
}

static void pair_column(void *context, uint64_t row, const float *values, size_t width)
{
    struct partner *partner = context;
    partner_columns(partner, row, values, 1);
    for (size_t i = 0; i < width; i++)
        partner->squares[i] += (double)values[i] * (double)values[i];
}

#define KEPT_BYTES ((size_t)32 << 20)

/* How kept matrix and partner fit when one of them is turned. */
static bool pair_again(const struct scan *scan, const struct tensor *mine, const struct tensor *other, bool by_column,
                       bool heads, bool turn_mine, struct pairing *pairing, struct error *error)
{
    const struct model_config *config = scan->config;
    uint64_t head = heads ? (uint64_t)config->head_dim : 1;
    uint64_t group = heads ? (uint64_t)(config->heads / config->kv_heads) : 1;
    uint64_t pairs = by_column ? other->columns : other->rows;
    bool columns = turn_mine ? by_column : !by_column; /* a turned partner shows the other side of its rows */
    struct kept kept;
    struct partner partner = {0};
    bool good = kept_begin(&kept, mine->rows, mine->columns, KEPT_BYTES, error) &&
                recut(scan, mine, (size_t)(turn_mine ? mine->rows : mine->columns), turn_mine ? keep_column : keep_row,
                      &kept, error) &&
                partner_begin(&partner, &kept, pairs, head, group, error) &&
                recut(scan, other, (size_t)(columns ? pairs : mine->columns), columns ? pair_column : pair_row,
                      &partner, error);
    if (good)
        partner_end(&partner, pairing);
    partner_free(&partner);
    kept_free(&kept);
    return good;
}

bool examine_turned_pair(const struct ranks *ranks, size_t tensor, bool *mine, bool *others, struct error *error)
{
    const struct scan *scan = ranks->scan;
    const struct examined *examined = &scan->tensors[tensor];
    const struct tensor *other = scan->tensors[examined->pairing.with].tensor;
    enum weight_unit unit = weight_rows[examined->weight].unit;
    bool heads = unit_by_heads(unit), by_column = unit_by_column(unit);
    for (int turn_mine = 0; turn_mine < 2; turn_mine++) {
        struct pairing pairing;
        if (!pair_again(scan, examined->tensor, other, by_column, heads, turn_mine, &pairing, error))
            return false;
        double value = log(pairing.mean);
        *(turn_mine ? mine : others) = feature_chance(scan, tensor, FEATURE_PAIRS, value) > SURE &&
                                       peers_distance(ranks, tensor, FEATURE_PAIRS, value, SPREAD_LEAST) > -4;
    }
    return true;
}
