/* Anomalies that single values show: how they are read, and that they do not differ. */
#include "health/judge_internal.h"

#include <math.h>

#include "health/judge_words.h"
#include "health/zeros.h"

/* --- bytes --- */

/* log2 |value| of anything bell-shaped scatters by about 1.6, of uniform values by 1.4; of 16 bits read as the other
 * type by 0.3 or by 13, of bytes in reverse order by 70, of F16 by 9. */
static bool natural(double deviation)
{
    return deviation > 1.0 && deviation < 3.5;
}

#define WILD 5.5

/* Most values, not only some of them, lie where no weights do, or all of them lie too close together. In F16, whose
 * exponents are few, two thirds of any bits lie where weights do. */
static bool unnatural(const struct examined *examined)
{
    const struct sampled *sampled = &examined->measure.sampled[READING_STORED];
    double deviation = sampled_deviation(sampled);
    bool elsewhere = examined->tensor->dtype == DTYPE_F16 || 2 * sampled->inside < sampled->count + sampled->lost;
    return deviation < 0.8 || (!(deviation < WILD) && elsewhere);
}

bool examined_is_matrix(const struct examined *examined)
{
    return examined->tensor->rank >= 2 && examined->measure.rows > 1;
}

/* Is the mean log2 |value| of a reading what it is among the peers, or, of one alone, what weights have at all? */
static bool usual(const struct ranks *ranks, size_t tensor, double mean)
{
    struct peers peers = peers_of(ranks, tensor, FEATURE_BYTES);
    if (peers.count < 4)
        return mean > -11 && mean < 3;
    /* gains are nearer to each other than what 16 bits read wrongly comes to */
    double least = examined_is_matrix(&ranks->scan->tensors[tensor]) ? 1.0 : 0.4;
    return fabs(mean - peers.location) < fmax(least, 4 * peers.spread);
}

static bool far(const struct ranks *ranks, size_t tensor, double mean)
{
    struct peers peers = peers_of(ranks, tensor, FEATURE_BYTES);
    if (!isfinite(mean))
        return true;
    if (peers.count < 4)
        return mean < -24 || mean > 10;
    return fabs(mean - peers.location) > fmax(1.5, 6 * peers.spread);
}

/* Most peers have another dtype. */
static bool odd_dtype(const struct ranks *ranks, size_t tensor)
{
    size_t group = ranks->group[tensor], size = ranks->size[tensor], same = 0;
    enum dtype dtype = ranks->scan->tensors[tensor].tensor->dtype;
    if (size < 4)
        return false;
    size_t step = size > 64 ? size / 64 : 1, looked = 0;
    for (size_t i = 0; i < size; i += step, looked++)
        same += ranks->scan->tensors[ranks->order[group + i]].tensor->dtype == dtype;
    return same * 4 < looked;
}

/* As few or as many values are lost in a reading as in a right one: zeros only. */
static bool whole(const struct sampled *sampled)
{
    return sampled->count > 8 * sampled->lost;
}

static bool read_otherwise(const struct ranks *ranks, size_t tensor, enum reading reading)
{
    const struct examined *examined = &ranks->scan->tensors[tensor];
    const struct sampled *stored = &examined->measure.sampled[READING_STORED],
                         *other = &examined->measure.sampled[reading];
    double mean = sampled_mean(stored), turned = sampled_mean(other);
    if (!isfinite(turned) || !whole(other) || !usual(ranks, tensor, turned))
        return false;
    if (examined_is_matrix(examined))
        return (unnatural(examined) || !whole(stored)) && natural(sampled_deviation(other));
    double apart = fabs(mean - peers_of(ranks, tensor, FEATURE_BYTES).location);
    bool nearer = !isfinite(mean) || fabs(turned - peers_of(ranks, tensor, FEATURE_BYTES).location) < apart / 2;
    bool steadier = sampled_deviation(other) < 3.5;
    bool wild = sampled_deviation(stored) > WILD; /* of any bits of F16 the mean is near that of gains */
    return steadier &&
           (wild || far(ranks, tensor, mean) || (reading == READING_OTHER_16 && odd_dtype(ranks, tensor) && nearer));
}

bool judge_swapped(const struct judging *judging, size_t tensor, struct anomaly *anomaly)
{
    (void)anomaly;
    return read_otherwise(judging->ranks, tensor, READING_SWAPPED);
}

void say_swapped(struct buffer *out, const struct judging *judging, size_t tensor, const struct anomaly *anomaly)
{
    (void)judging, (void)tensor, (void)anomaly;
    buffer_text(
        out,
        ": the bytes of every value are in reverse order; read the other way its values are like those of its peers");
}

bool judge_misread(const struct judging *judging, size_t tensor, struct anomaly *anomaly)
{
    (void)anomaly;
    return read_otherwise(judging->ranks, tensor, READING_OTHER_16);
}

void say_misread(struct buffer *out, const struct judging *judging, size_t tensor, const struct anomaly *anomaly)
{
    bool half = judging->ranks->scan->tensors[tensor].tensor->dtype == DTYPE_F16;
    (void)anomaly;
    buffer_format(out, ": its bytes are %s that are read as %s; read so, its values are like those of its peers",
                  half ? "BF16" : "F16", half ? "F16" : "BF16");
}

/* --- constants --- */

bool measure_is_constant(const struct measure *measure)
{
    return measure->count > 1 && !measure->nonfinite && !(measure->largest > measure->smallest);
}

/* More than half of its peers - of a gain, of all gains of the model - are so as well: then it is how the model was
 * made. */
static bool constant_among_peers(const struct judging *judging, size_t tensor)
{
    const struct ranks *ranks = judging->ranks;
    size_t group = ranks->group[tensor], size = ranks->size[tensor], same = 0, step = size > 256 ? size / 256 : 1;
    size_t looked = 0;
    if (weight_rows[ranks->scan->tensors[tensor].weight].part == PART_GAIN)
        return judging->constant_gains;
    for (size_t i = 0; i < size; i += step, looked++)
        same += measure_is_constant(&ranks->scan->tensors[ranks->order[group + i]].measure);
    return size > 2 && 2 * same > looked;
}

/* The same of a family that is not known, whose vectors may be made so, and where two layers tell of each other. */
static bool constant_by_design(const struct judging *judging, size_t tensor)
{
    const struct ranks *ranks = judging->ranks;
    size_t group = ranks->group[tensor], size = ranks->size[tensor], same = 0;
    for (size_t i = 0; i < size; i++)
        same += measure_is_constant(&ranks->scan->tensors[ranks->order[group + i]].measure);
    return size < 3 && !examined_is_matrix(&ranks->scan->tensors[tensor]) ? true : size > 1 && 2 * same > size;
}

bool gains_are_constant(const struct scan *scan)
{
    size_t gains = 0, constant = 0;
    for (size_t i = 0; i < scan->count; i++) {
        bool gain = weight_rows[scan->tensors[i].weight].part == PART_GAIN;
        gains += gain;
        constant += gain && measure_is_constant(&scan->tensors[i].measure);
    }
    return gains && 2 * constant > gains;
}

bool judge_zeros(const struct judging *judging, size_t tensor, struct anomaly *anomaly)
{
    const struct examined *examined = &judging->ranks->scan->tensors[tensor];
    if (!measure_is_constant(&examined->measure) || !examined->measure.zeros)
        return false;
    if (!judging->ranks->scan->config->family) {
        anomaly->unsure = judging->ranks->size[tensor] < 3;
        return !constant_by_design(judging, tensor);
    }
    return zeros_are_wrong(examined->tensor, constant_among_peers(judging, tensor) ? PEERS_CONSTANT : PEERS_OTHER);
}

void say_zeros(struct buffer *out, const struct judging *judging, size_t tensor, const struct anomaly *anomaly)
{
    (void)judging, (void)tensor, (void)anomaly;
    zeros_text(out);
}

bool judge_constant(const struct judging *judging, size_t tensor, struct anomaly *anomaly)
{
    const struct measure *measure = &judging->ranks->scan->tensors[tensor].measure;
    anomaly->number = measure->largest;
    bool known = judging->ranks->scan->config->family;
    return measure_is_constant(measure) && !measure->zeros &&
           !(known ? constant_among_peers(judging, tensor) : constant_by_design(judging, tensor));
}

void say_constant(struct buffer *out, const struct judging *judging, size_t tensor, const struct anomaly *anomaly)
{
    bool one = !(anomaly->number < 1) && !(anomaly->number > 1);
    buffer_format(out, " is %g everywhere: %s", anomaly->number,
                  judging->ranks->scan->tensors[tensor].tensor->rank == 1 && one
                      ? "what a loader puts for a gain that it did not find"
                      : "it was never loaded");
}

#define RUN_LEAST MEASURE_RUN

#define SCATTERED_LEAST 64 /* zeros are many from one in so many values on, */
#define SCATTERED_RUN 32   /* and scattered where the mean length of their runs is less than this */

/* Zeros are many, and lie everywhere: values that were pruned, or rounded to few steps. Some rows have far more of them
 * than others, so no run of them proves anything. */
static bool zeros_are_scattered(const struct measure *measure)
{
    bool zero = !(measure->run_value > 0) && !(measure->run_value < 0);
    uint64_t zeros = measure->zeros - (zero ? measure->run : 0);
    uint64_t runs = measure->zeros > measure->zero_equals ? measure->zeros - measure->zero_equals : 1;
    return zero && zeros > measure->count / SCATTERED_LEAST && zeros < SCATTERED_RUN * runs;
}

/* A neuron or a head that was taken out leaves zeros on both sides: in the rows of this matrix, and in as many columns
 * of that which reads what it writes. */
static bool neurons_are_out(const struct scan *scan, size_t tensor)
{
    const struct examined *examined = &scan->tensors[tensor];
    const struct measure *measure = &examined->measure;
    if (measure->zeros < measure->run || measure->run % measure->columns || measure->run_at % measure->columns)
        return false;
    size_t reader = scan_sibling(scan, examined, weight_rows[examined->weight].reader);
    return reader != PAIR_NONE && scan->tensors[reader].measure.zero_columns >= measure->zeros / measure->columns;
}

/* Of a family that is not known: rows of a table outside layers, of tokens or of positions, or what most of the peers
 * hold as well. */
static bool run_by_design(const struct ranks *ranks, size_t tensor, bool rows)
{
    size_t group = ranks->group[tensor], size = ranks->size[tensor], same = 0;
    const struct measure *measure = &ranks->scan->tensors[tensor].measure;
    for (size_t i = 0; i < size; i++) {
        const struct measure *peer = &ranks->scan->tensors[ranks->order[group + i]].measure;
        same += peer->run == measure->run && peer->run_at == measure->run_at;
    }
    return (rows && ranks->scan->tensors[tensor].layer < 0) || (size > 1 && 2 * same > size);
}

/* A run that chance does not make: equal neighbours have the share p, so a run of r is found in n values n p^r times.
 */
bool judge_run(const struct judging *judging, size_t tensor, struct anomaly *anomaly)
{
    const struct scan *scan = judging->ranks->scan;
    const struct measure *measure = &scan->tensors[tensor].measure;
    if (measure->run < RUN_LEAST || measure->run >= measure->count)
        return false;
    double others = (double)(measure->equals > measure->run ? measure->equals - measure->run : 0);
    double share = fmax(others / (double)(measure->count - measure->run), 1e-3);
    bool rows = measure->run_at % measure->columns == 0 && measure->run % measure->columns == 0;
    if (!scan->config->family && run_by_design(judging->ranks, tensor, rows))
        return false;
    if (rows &&
        (scan->tensors[tensor].tensor == scan->embedding.tensor || scan->tensors[tensor].tensor == scan->head.tensor))
        return false; /* rows of tokens that nobody uses; weights.embedding_rows looks at them */
    if (zeros_are_scattered(measure) || neurons_are_out(scan, tensor))
        return false;
    anomaly->number = (double)measure->run_value;
    anomaly->from = measure->run_at;
    anomaly->count = measure->run;
    return (double)measure->run * log2(1 / fmin(share, 0.999)) > 40 + log2((double)measure->count);
}

void say_run(struct buffer *out, const struct judging *judging, size_t tensor, const struct anomaly *anomaly)
{
    const struct examined *examined = &judging->ranks->scan->tensors[tensor];
    buffer_format(out, " holds %llu times the value %g, one after the other, from ", (unsigned long long)anomaly->count,
                  anomaly->number);
    say_place(out, examined, anomaly->from);
    uint64_t width = examined->tensor->rows ? examined->tensor->bytes / examined->tensor->rows : 0;
    uint64_t bytes = anomaly->count * width / (examined->measure.columns ? examined->measure.columns : 1);
    buffer_format(out, " on: %llu bytes that were never written, or a hole in the file", (unsigned long long)bytes);
}
