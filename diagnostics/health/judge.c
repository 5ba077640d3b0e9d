/* What is wrong with which tensor, from the measures of all. */
#include "health/judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "health/examine.h"

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

static bool is_matrix(const struct examined *examined)
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
    double least = is_matrix(&ranks->scan->tensors[tensor]) ? 1.0 : 0.4;
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
    if (is_matrix(examined))
        return (unnatural(examined) || !whole(stored)) && natural(sampled_deviation(other));
    double apart = fabs(mean - peers_of(ranks, tensor, FEATURE_BYTES).location);
    bool nearer = !isfinite(mean) || fabs(turned - peers_of(ranks, tensor, FEATURE_BYTES).location) < apart / 2;
    bool steadier = sampled_deviation(other) < 3.5;
    bool wild = sampled_deviation(stored) > WILD; /* of any bits of F16 the mean is near that of gains */
    return steadier &&
           (wild || far(ranks, tensor, mean) || (reading == READING_OTHER_16 && odd_dtype(ranks, tensor) && nearer));
}

static bool judge_swapped(const struct judging *judging, size_t tensor, struct anomaly *anomaly)
{
    (void)anomaly;
    return read_otherwise(judging->ranks, tensor, READING_SWAPPED);
}

static bool judge_misread(const struct judging *judging, size_t tensor, struct anomaly *anomaly)
{
    (void)anomaly;
    return read_otherwise(judging->ranks, tensor, READING_OTHER_16);
}

/* --- constants --- */

static bool all_equal(const struct measure *measure)
{
    return measure->count > 1 && !measure->nonfinite && !(measure->largest > measure->smallest);
}

static bool is_gain(enum weight weight)
{
    static const enum weight gains[] = {WEIGHT_INPUT_NORM, WEIGHT_POST_NORM, WEIGHT_Q_NORM, WEIGHT_K_NORM,
                                        WEIGHT_FINAL_NORM};
    for (size_t i = 0; i < sizeof gains / sizeof *gains; i++)
        if (gains[i] == weight)
            return true;
    return false;
}

/* More than half of its peers - of a gain, of all gains of the model - are so as well: then it is how the model was
 * made. */
static bool constant_among_peers(const struct judging *judging, size_t tensor)
{
    const struct ranks *ranks = judging->ranks;
    size_t group = ranks->group[tensor], size = ranks->size[tensor], same = 0, step = size > 256 ? size / 256 : 1;
    size_t looked = 0;
    if (is_gain(ranks->scan->tensors[tensor].weight))
        return judging->constant_gains;
    for (size_t i = 0; i < size; i += step, looked++)
        same += all_equal(&ranks->scan->tensors[ranks->order[group + i]].measure);
    return size > 2 && 2 * same > looked;
}

static bool gains_are_constant(const struct scan *scan)
{
    size_t gains = 0, constant = 0;
    for (size_t i = 0; i < scan->count; i++) {
        bool gain = is_gain(scan->tensors[i].weight);
        gains += gain;
        constant += gain && all_equal(&scan->tensors[i].measure);
    }
    return gains && 2 * constant > gains;
}

static bool judge_zeros(const struct judging *judging, size_t tensor, struct anomaly *anomaly)
{
    const struct examined *examined = &judging->ranks->scan->tensors[tensor];
    (void)anomaly;
    return all_equal(&examined->measure) && examined->measure.zeros &&
           (is_matrix(examined) || !constant_among_peers(judging, tensor));
}

static bool judge_constant(const struct judging *judging, size_t tensor, struct anomaly *anomaly)
{
    const struct measure *measure = &judging->ranks->scan->tensors[tensor].measure;
    anomaly->number = measure->largest;
    return all_equal(measure) && !measure->zeros && !constant_among_peers(judging, tensor);
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
    static const enum weight readers[][2] = {
        {WEIGHT_Q, WEIGHT_O},
        {WEIGHT_K, WEIGHT_O},
        {WEIGHT_V, WEIGHT_O},
        {WEIGHT_GATE, WEIGHT_DOWN},
        {WEIGHT_UP, WEIGHT_DOWN},
        {WEIGHT_SHARED_GATE, WEIGHT_SHARED_DOWN},
        {WEIGHT_SHARED_UP, WEIGHT_SHARED_DOWN},
        {WEIGHT_EXPERT_GATE, WEIGHT_EXPERT_DOWN},
        {WEIGHT_EXPERT_UP, WEIGHT_EXPERT_DOWN},
    };
    const struct examined *examined = &scan->tensors[tensor];
    const struct measure *measure = &examined->measure;
    if (measure->zeros < measure->run || measure->run % measure->columns || measure->run_at % measure->columns)
        return false;
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        size_t reader = readers[i][0] == examined->weight ? scan_sibling(scan, examined, readers[i][1]) : PAIR_NONE;
        if (reader != PAIR_NONE)
            return scan->tensors[reader].measure.zero_columns >= measure->zeros / measure->columns;
    }
    return false;
}

/* A run that chance does not make: equal neighbours have the share p, so a run of r is found in n values n p^r times.
 */
static bool judge_run(const struct judging *judging, size_t tensor, struct anomaly *anomaly)
{
    const struct scan *scan = judging->ranks->scan;
    const struct measure *measure = &scan->tensors[tensor].measure;
    if (measure->run < RUN_LEAST || measure->run >= measure->count)
        return false;
    double others = (double)(measure->equals > measure->run ? measure->equals - measure->run : 0);
    double share = fmax(others / (double)(measure->count - measure->run), 1e-3);
    bool rows = measure->run_at % measure->columns == 0 && measure->run % measure->columns == 0;
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

/* --- copies --- */

static bool judge_copy(const struct judging *judging, size_t tensor, struct anomaly *anomaly)
{
    size_t twin = judging->twins[tensor];
    const struct examined *tensors = judging->ranks->scan->tensors;
    if (twin == PAIR_NONE)
        return false;
    /* the head of a tied model that is stored all the same */
    enum weight a = tensors[tensor].weight, b = tensors[twin].weight;
    anomaly->other = twin;
    return !((a == WEIGHT_EMBEDDING && b == WEIGHT_HEAD) || (a == WEIGHT_HEAD && b == WEIGHT_EMBEDDING));
}

/* --- magnitude --- */

#define MAGNITUDE_LEAST 0.9 /* log2 */
#define EFFECTIVE_LEAST 1.5 /* what a norm and a matrix share between them shifts a little from layer to layer */
#define MAGNITUDE_SPREADS 8

/* The gain that it is read through is one value everywhere: what a norm and a matrix share lies in the matrix alone. */
static bool holds_gain(const struct scan *scan, size_t tensor)
{
    size_t gain = scan_gain_of(scan, &scan->tensors[tensor]);
    return gain != PAIR_NONE && all_equal(&scan->tensors[gain].measure);
}

double magnitude_limit(const struct ranks *ranks, size_t tensor, enum feature feature)
{
    struct peers peers = peers_of(ranks, tensor, feature);
    if (feature == FEATURE_MAGNITUDE && holds_gain(ranks->scan, tensor))
        feature = FEATURE_EFFECTIVE;
    double least = feature == FEATURE_EFFECTIVE ? EFFECTIVE_LEAST : MAGNITUDE_LEAST;
    double limit = fmax(least, MAGNITUDE_SPREADS * peers.spread);
    if (peers.count < 5 || (feature == FEATURE_EFFECTIVE && tensor_is_edge(ranks->scan, tensor)))
        return NAN;
    return tensor_is_edge(ranks->scan, tensor) ? 2 * fmax(limit, 1.5) : limit;
}

#define KIN_APART 0.5      /* log2: tensors so near to each other in magnitude are of a kind */
#define MAGNITUDE_SURE 6.0 /* log2: beyond it even several of a kind are no accident */

/* Some peers are just like it: layers that were trained otherwise, not one tensor that lost its scale. */
static bool has_kin(const struct ranks *ranks, size_t tensor, enum feature feature)
{
    size_t group = ranks->group[tensor], size = ranks->size[tensor], kin = 0;
    for (size_t i = 0; i < size; i++)
        kin += fabs(ranks->features[ranks->order[group + i]][feature] - ranks->features[tensor][feature]) < KIN_APART;
    return kin > 1 + size / 20;
}

/* How many times larger than its peers it is, as log2; 0: no more than they differ among themselves. */
static double magnitude_apart(const struct ranks *ranks, size_t tensor, enum feature feature)
{
    double limit = magnitude_limit(ranks, tensor, feature);
    double apart = ranks->features[tensor][feature] - peers_of(ranks, tensor, feature).location;
    if (!(fabs(apart) > limit) || (fabs(apart) <= MAGNITUDE_SURE && has_kin(ranks, tensor, feature)))
        return 0;
    return apart;
}

static bool judge_magnitude(const struct judging *judging, size_t tensor, struct anomaly *anomaly)
{
    const struct ranks *ranks = judging->ranks;
    const struct examined *examined = &ranks->scan->tensors[tensor];
    double value = ranks->features[tensor][FEATURE_MAGNITUDE];
    double apart = magnitude_apart(ranks, tensor, FEATURE_MAGNITUDE);
    anomaly->number = exp2(apart);
    if (fabs(apart) > 0)
        return true;
    apart = magnitude_apart(ranks, tensor, FEATURE_EFFECTIVE);
    anomaly->number = exp2(apart);
    anomaly->by_gain = true;
    if (fabs(apart) > 0)
        return true;
    anomaly->number = exp2(value);
    anomaly->by_gain = false;
    anomaly->alone = true;
    /* alone: what no weight that is known goes beyond */
    const struct measure *measure = &examined->measure;
    if (!(measure->squares > 0)) /* the squares of all are too small for a float */
        anomaly->number = measure->absolute / (double)measure->count;
    return isnan(magnitude_limit(ranks, tensor, FEATURE_MAGNITUDE)) && is_matrix(examined) && measure->absolute > 0 &&
           (value > 4.5 || value < -12);
}

#define PEAK_MOST 12 /* log2 of the largest value over the root mean square of the others */

static bool judge_peak(const struct judging *judging, size_t tensor, struct anomaly *anomaly)
{
    const struct measure *measure = &judging->ranks->scan->tensors[tensor].measure;
    double others = measure->squares - measure->peak * measure->peak;
    uint64_t finite = measure->count - measure->nonfinite;
    if (finite < 16 || !(measure->peak > 0))
        return false;
    double rms = sqrt(fmax(others, 0) / (double)(finite - 1));
    /* sums lose what is small beside a huge value; the mean magnitude of the others keeps it */
    double mean = fmax(measure->absolute - measure->peak, 0) / (double)(finite - 1);
    double least = measure->peak * 0x1p-24 * sqrt((double)finite);
    anomaly->number = measure->peak;
    anomaly->from = measure->peak_at;
    return log2(measure->peak / fmax(fmax(rms, mean), least * 0x1p-12)) > PEAK_MOST;
}

/* --- structure --- */

/* Of the matrix itself, then what it has with its partner. */
static const enum feature structures[] = {FEATURE_ROWS, FEATURE_COLUMNS, FEATURE_NEIGHBOURS, FEATURE_GAIN,
                                          FEATURE_PAIRS};
#define STRUCTURES (sizeof structures / sizeof *structures)

static size_t claims_of(const struct ranks *ranks, size_t tensor, size_t kinds, size_t *lost)
{
    size_t claims = 0;
    *lost = 0;
    for (size_t i = 0; i < kinds; i++) {
        bool claimed = feature_claims(ranks, tensor, structures[i]);
        claims += claimed;
        *lost += claimed && feature_lost(ranks, tensor, structures[i]);
    }
    return claims;
}

size_t structure_claims(const struct ranks *ranks, size_t tensor, size_t *lost)
{
    return claims_of(ranks, tensor, STRUCTURES, lost);
}

/* Every kind of structure that all peers have is gone, not only that with the partner, who may be to blame. */
static bool structure_lost(const struct ranks *ranks, size_t tensor)
{
    size_t own, lost, claims;
    bool alone = claims_of(ranks, tensor, STRUCTURES - 1, &own) && own;
    claims = structure_claims(ranks, tensor, &lost);
    return alone && lost == claims;
}

/* Gaussian values have a kurtosis of 3, sampled with a deviation of sqrt(24 / n). */
static bool gaussian(const struct measure *measure)
{
    return fabs(measure_kurtosis(measure) - 3) < fmax(0.05, 4 * sqrt(24 / (double)measure->count));
}

#define INITIAL 0.02 /* the deviation with which transformers initialises, initializer_range */

static bool initial_deviation(const struct measure *measure)
{
    return fabs(measure_rms(measure) / INITIAL - 1) < fmax(0.01, 4 / sqrt(2 * (double)measure->count));
}

/* Hardly any of the peers is so. */
static bool alone_so(const struct ranks *ranks, size_t tensor)
{
    size_t group = ranks->group[tensor], size = ranks->size[tensor], same = 0;
    for (size_t i = 0; i < size; i++) {
        const struct measure *measure = &ranks->scan->tensors[ranks->order[group + i]].measure;
        same += gaussian(measure) && fabs(measure_rms(measure) / INITIAL - 1) < 0.1;
    }
    return size > 4 && same * 20 < size + 19;
}

static bool judge_initialised(const struct judging *judging, size_t tensor, struct anomaly *anomaly)
{
    const struct ranks *ranks = judging->ranks;
    const struct examined *examined = &ranks->scan->tensors[tensor];
    const struct measure *measure = &examined->measure;
    anomaly->number = measure_rms(measure);
    if (!is_matrix(examined) || !gaussian(measure))
        return false;
    double kurtosis = measure_kurtosis(measure);
    bool chance = feature_chance(ranks->scan, tensor, FEATURE_ROWS, ranks->features[tensor][FEATURE_ROWS]) < 4 &&
                  feature_chance(ranks->scan, tensor, FEATURE_COLUMNS, ranks->features[tensor][FEATURE_COLUMNS]) < 4;
    if (initial_deviation(measure) && chance && measure->count >= 256 && alone_so(ranks, tensor) &&
        fabs(peers_distance(ranks, tensor, FEATURE_MAGNITUDE, ranks->features[tensor][FEATURE_MAGNITUDE], 0.05)) > 5)
        return true;
    /* Gaussian where the peers are not, and nothing learned */
    double usual_tail = judging->tails[ranks->group[tensor]];
    return structure_lost(ranks, tensor) && fabs(usual_tail - kurtosis) > 0.3;
}

static bool judge_transposed(const struct judging *judging, size_t tensor, struct anomaly *anomaly)
{
    (void)anomaly;
    return judging->transposed[tensor];
}

static bool judge_shuffled(const struct judging *judging, size_t tensor, struct anomaly *anomaly)
{
    size_t lost;
    anomaly->by_gain =
        structure_claims(judging->ranks, tensor, &lost) == 1 && feature_claims(judging->ranks, tensor, FEATURE_GAIN);
    return structure_lost(judging->ranks, tensor);
}

/* --- neurons --- */

static bool pairs_lost(const struct ranks *ranks, size_t tensor)
{
    return feature_claims(ranks, tensor, FEATURE_PAIRS) && feature_lost(ranks, tensor, FEATURE_PAIRS);
}

static bool block_lost(const struct ranks *ranks, size_t tensor)
{
    return feature_claims(ranks, tensor, FEATURE_PAIRS_LEAST) && feature_lost(ranks, tensor, FEATURE_PAIRS_LEAST);
}

static bool judge_pairs(const struct judging *judging, size_t tensor, struct anomaly *anomaly)
{
    const struct ranks *ranks = judging->ranks;
    const struct examined *examined = &ranks->scan->tensors[tensor];
    anomaly->other = examined->pairing.with;
    anomaly->number = examined->pairing.mean;
    if (pairs_lost(ranks, tensor))
        return true;
    anomaly->number = examined->pairing.least;
    anomaly->from = examined->pairing.least_at;
    anomaly->count = examined->pairing.least_count;
    return block_lost(ranks, tensor);
}

/* --- all of them --- */

/* The first row that fits names what is wrong with a tensor. */
const struct anomaly_row anomaly_rows[] = {
    {ANOMALY_SWAPPED, "weights.bytes", "the bytes of every value are in reverse order", judge_swapped},
    {ANOMALY_MISREAD, "weights.bytes", "the 16 bits of every value belong to the other 16-bit type", judge_misread},
    {ANOMALY_ZEROS, "weights.constant", "all zero", judge_zeros},
    {ANOMALY_CONSTANT, "weights.constant", "all one value", judge_constant},
    {ANOMALY_RUN, "weights.constant", "a run of one value", judge_run},
    {ANOMALY_COPY, "weights.identical", "the very values of another tensor", judge_copy},
    {ANOMALY_PEAK, "weights.magnitude", "one value is out of all proportion", judge_peak},
    {ANOMALY_INITIALISED, "weights.initialised", "random, as a framework initialises", judge_initialised},
    {ANOMALY_TRANSPOSED, "weights.structure", "transposed", judge_transposed},
    {ANOMALY_SHUFFLED, "weights.structure", "without the structure that all its peers have", judge_shuffled},
    {ANOMALY_MAGNITUDE, "weights.magnitude", "larger or smaller than its peers", judge_magnitude},
    {ANOMALY_GAIN, "weights.structure", "a gain that does not fit the matrices that read through it", NULL},
    {ANOMALY_PAIRS, "weights.pairs", "rows do not fit those of the matrix that works on the same neurons", judge_pairs},
};
const size_t anomaly_row_count = sizeof anomaly_rows / sizeof *anomaly_rows;

struct twin {
    const struct measure *measure;
    const struct tensor *tensor;
    size_t index;
};

static int twin_order(const struct twin *a, const struct twin *b)
{
    for (int i = 0; i < 2; i++)
        if (a->measure->hash[i] != b->measure->hash[i])
            return a->measure->hash[i] < b->measure->hash[i] ? -1 : 1;
    if (a->tensor->rank != b->tensor->rank)
        return a->tensor->rank - b->tensor->rank;
    for (int i = 0; i < a->tensor->rank; i++)
        if (a->tensor->shape[i] != b->tensor->shape[i])
            return a->tensor->shape[i] < b->tensor->shape[i] ? -1 : 1;
    return 0;
}

static int by_twin(const void *left, const void *right)
{
    const struct twin *a = left, *b = right;
    int order = twin_order(a, b);
    return order ? order : a->index < b->index ? -1 : 1;
}

#define COPY_LEAST 32 /* values; fewer may agree by chance, as rounded gains do */

/* Where more than half of the tensors of a weight have a twin, the model was made of copies (experts of a dense layer):
 * that is told and no fault. */
static bool find_twins(struct judging *judging)
{
    const struct scan *scan = judging->ranks->scan;
    struct twin *twins = malloc((scan->count + 1) * sizeof *twins);
    size_t count = 0;
    for (size_t i = 0; twins && i < scan->count; i++)
        if (scan->tensors[i].read && scan->tensors[i].measure.count >= COPY_LEAST &&
            !all_equal(&scan->tensors[i].measure))
            twins[count++] =
                (struct twin){.measure = &scan->tensors[i].measure, .tensor = scan->tensors[i].tensor, .index = i};
    if (twins && count)
        qsort(twins, count, sizeof *twins, by_twin);
    for (size_t first = 0, end; twins && first < count; first = end) {
        for (end = first + 1; end < count && twin_order(&twins[first], &twins[end]) == 0;)
            end++;
        for (size_t i = first; end - first > 1 && i < end; i++)
            judging->twins[twins[i].index] = twins[i == first ? first + 1 : first].index;
    }
    free(twins);
    return twins;
}

static void excuse_twins(struct judging *judging)
{
    const struct ranks *ranks = judging->ranks;
    for (size_t first = 0; first < ranks->scan->count; first++) {
        size_t tensor = ranks->order[first], size = ranks->size[tensor], have = 0;
        if (ranks->place[tensor] || size < 3)
            continue;
        for (size_t i = 0; i < size; i++)
            have += judging->twins[ranks->order[first + i]] != PAIR_NONE;
        for (size_t i = 0; 2 * have > size && i < size; i++) {
            judging->copies += judging->twins[ranks->order[first + i]] != PAIR_NONE;
            judging->twins[ranks->order[first + i]] = PAIR_NONE;
        }
    }
}

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

static bool find_tails(struct judging *judging)
{
    const struct ranks *ranks = judging->ranks;
    double *values = malloc((ranks->scan->count + 1) * sizeof *values);
    for (size_t first = 0; values && first < ranks->scan->count; first++) {
        size_t tensor = ranks->order[first], count = 0;
        if (ranks->place[tensor])
            continue;
        for (size_t i = 0; i < ranks->size[tensor]; i++) {
            double tail = measure_kurtosis(&ranks->scan->tensors[ranks->order[first + i]].measure);
            if (isfinite(tail))
                values[count++] = tail;
        }
        if (count)
            qsort(values, count, sizeof *values, by_value);
        judging->tails[first] = count ? values[count / 2] : NAN;
    }
    free(values);
    return values;
}

#define FIT 10.0 /* deviations from chance */

/* Rows fit those of the partner, about as those of the peers do: a matrix whose rows are columns has none that fit. */
static bool fits_partner(const struct ranks *ranks, size_t tensor)
{
    double value = ranks->features[tensor][FEATURE_PAIRS];
    return feature_chance(ranks->scan, tensor, FEATURE_PAIRS, value) > FIT &&
           2 * value > peers_of(ranks, tensor, FEATURE_PAIRS).location;
}

/* Those that cannot be transposed, whatever their norms are like, and their partners. */
static bool *find_fitting(const struct ranks *ranks)
{
    bool *fits = calloc(ranks->scan->count + 1, sizeof *fits);
    for (size_t i = 0; fits && i < ranks->scan->count; i++)
        if (ranks->scan->tensors[i].pairing.with != PAIR_NONE && fits_partner(ranks, i))
            fits[i] = fits[ranks->scan->tensors[i].pairing.with] = true;
    return fits;
}

#define SUSPECTS_MAX 64 /* that are read a second time */

/* A second look at those that lost structure: are they right when they are turned? */
static bool find_transposed(struct judging *judging, struct error *error)
{
    const struct ranks *ranks = judging->ranks;
    size_t looked = 0;
    bool *fits = find_fitting(ranks), good = fits || error_memory(error, "weights");
    for (size_t i = 0; good && i < ranks->scan->count && looked < SUSPECTS_MAX; i++) {
        size_t lost;
        if (!is_matrix(&ranks->scan->tensors[i]) || !ranks->size[i] || fits[i])
            continue;
        structure_claims(ranks, i, &lost);
        if (!lost && !(examine_large(ranks->scan, i) && examine_asymmetric(ranks, i)))
            continue;
        looked++;
        good = examine_transposed(ranks, i, &judging->transposed[i], error);
    }
    free(fits);
    return good;
}

/* The same of those that lost what they have in common with their partner. */
static bool find_turned_pairs(struct judging *judging, struct error *error)
{
    const struct ranks *ranks = judging->ranks;
    size_t looked = 0;
    for (size_t i = 0; i < ranks->scan->count && looked < SUSPECTS_MAX; i++) {
        size_t with = ranks->scan->tensors[i].pairing.with;
        bool mine, others;
        if (with == PAIR_NONE || judging->transposed[i] || judging->transposed[with] || !pairs_lost(ranks, i))
            continue;
        looked++;
        if (!examine_turned_pair(ranks, i, &mine, &others, error))
            return false;
        judging->transposed[i] = mine;
        judging->transposed[with] = others;
    }
    return true;
}

bool judging_new(const struct ranks *ranks, struct judging *judging, struct error *error)
{
    size_t count = ranks->scan->count;
    *judging = (struct judging){.ranks = ranks,
                                .twins = malloc((count + 1) * sizeof *judging->twins),
                                .transposed = calloc(count + 1, sizeof *judging->transposed),
                                .tails = calloc(count + 1, sizeof *judging->tails),
                                .constant_gains = gains_are_constant(ranks->scan)};
    bool good = judging->twins && judging->transposed && judging->tails;
    for (size_t i = 0; good && i < count; i++)
        judging->twins[i] = PAIR_NONE;
    good = (good && find_twins(judging) && find_tails(judging)) || error_memory(error, "weights");
    if (good)
        excuse_twins(judging);
    return good && find_transposed(judging, error) && find_turned_pairs(judging, error);
}

void judging_free(struct judging *judging)
{
    free(judging->twins);
    free(judging->transposed);
    free(judging->tails);
    *judging = (struct judging){0};
}

/* --- who is to blame --- */

static bool judge_tensor(const struct judging *judging, size_t tensor, struct anomaly *anomaly)
{
    for (size_t i = 0; judging->ranks->scan->tensors[tensor].read && i < anomaly_row_count; i++) {
        *anomaly = (struct anomaly){.row = &anomaly_rows[i], .other = PAIR_NONE};
        if (anomaly_rows[i].judge && anomaly_rows[i].judge(judging, tensor, anomaly))
            return true;
    }
    *anomaly = (struct anomaly){.other = PAIR_NONE};
    return false;
}

static bool is_kind(const struct anomaly *anomaly, enum anomaly_kind kind)
{
    return anomaly->row && anomaly->row->kind == kind;
}

static const struct anomaly_row *row_of(enum anomaly_kind kind)
{
    size_t i = 0;
    while (anomaly_rows[i].kind != kind)
        i++;
    return &anomaly_rows[i];
}

/* The other matrix whose neurons belong to the same partner; PAIR_NONE. */
static size_t companion_of(const struct ranks *ranks, size_t tensor)
{
    static const enum weight pairs[][2] = {
        {WEIGHT_UP, WEIGHT_GATE}, {WEIGHT_SHARED_UP, WEIGHT_SHARED_GATE}, {WEIGHT_EXPERT_UP, WEIGHT_EXPERT_GATE}};
    const struct examined *examined = &ranks->scan->tensors[tensor];
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        for (int k = 0; k < 2; k++)
            if (examined->weight == pairs[i][k])
                return scan_sibling(ranks->scan, examined, pairs[i][1 - k]);
    return PAIR_NONE;
}

/* Rows that fit no more: a fault of the partner's where it has one, or where both of its companions say so. */
static void blame_pairs(const struct judging *judging, size_t tensor, struct anomaly *anomalies)
{
    struct anomaly *anomaly = &anomalies[tensor];
    if (!is_kind(anomaly, ANOMALY_PAIRS) || anomaly->other == PAIR_NONE)
        return;
    size_t partner = anomaly->other, companion = companion_of(judging->ranks, tensor);
    if (anomalies[partner].row && !is_kind(&anomalies[partner], ANOMALY_PAIRS)) {
        anomaly->row = NULL;
    } else if (companion != PAIR_NONE && is_kind(&anomalies[companion], ANOMALY_PAIRS)) {
        anomalies[partner] = *anomaly;
        anomalies[partner].other = tensor;
        anomaly->row = anomalies[companion].row = NULL;
    }
}

/* What the matrices behind a norm tell of its gain. */
struct readers {
    size_t all, uncorrelated,
        scaled;   /* how many there are, and how many are unlike their peers in what it gives them */
    double scale; /* of the last one that is scaled */
};

static void readers_add(const struct ranks *ranks, size_t tensor, struct readers *readers)
{
    double apart = magnitude_apart(ranks, tensor, FEATURE_EFFECTIVE);
    readers->all += isfinite(ranks->features[tensor][FEATURE_GAIN]);
    readers->uncorrelated += feature_claims(ranks, tensor, FEATURE_GAIN) && feature_lost(ranks, tensor, FEATURE_GAIN);
    readers->scaled += fabs(apart) > 0;
    if (fabs(apart) > 0)
        readers->scale = exp2(apart);
}

/* The experts of a layer are each other's peers, so what befell all of them shows beside other layers only: they count
 * as one reader. */
static void readers_add_experts(const struct ranks *ranks, size_t first, struct readers *readers)
{
    const struct examined *examined = &ranks->scan->tensors[ranks->order[first]];
    double gains[CONFIG_LAYERS_MAX], scales[CONFIG_LAYERS_MAX];
    size_t count = 0;
    for (size_t at = 0; at < ranks->scan->count && count < CONFIG_LAYERS_MAX; at++) {
        const struct examined *other = &ranks->scan->tensors[ranks->order[at]];
        if (ranks->place[ranks->order[at]] || other->weight != examined->weight || other->layer == examined->layer)
            continue;
        gains[count] = ranks->facts[at][FEATURE_GAIN].location;
        scales[count++] = ranks->facts[at][FEATURE_EFFECTIVE].location;
    }
    if (count < 5)
        return;
    double gain = ranks->facts[first][FEATURE_GAIN].location, scale = ranks->facts[first][FEATURE_EFFECTIVE].location;
    qsort(gains, count, sizeof *gains, by_value);
    qsort(scales, count, sizeof *scales, by_value);
    readers->all++;
    readers->uncorrelated += fabs(gain) < 0.5 * fmin(fabs(gains[0]), fabs(gains[count - 1]));
    bool scaled = fabs(scale - scales[count / 2]) > EFFECTIVE_LEAST;
    readers->scaled += scaled;
    if (scaled)
        readers->scale = exp2(scale - scales[count / 2]);
}

static void blame_gain(const struct readers *readers, struct anomaly *anomaly)
{
    if (anomaly->row || readers->all < 2)
        return;
    bool uncorrelated = 2 * readers->uncorrelated > readers->all, scaled = 2 * readers->scaled > readers->all;
    if (!uncorrelated && !scaled)
        return;
    *anomaly = (struct anomaly){.row = row_of(uncorrelated ? ANOMALY_GAIN : ANOMALY_MAGNITUDE),
                                .other = PAIR_NONE,
                                .number = uncorrelated ? 0 : readers->scale,
                                .by_gain = true};
}

/* What most of the matrices behind a norm tell is the norm's fault. */
static bool blame_gains(const struct judging *judging, struct anomaly *anomalies)
{
    const struct ranks *ranks = judging->ranks;
    const struct scan *scan = ranks->scan;
    struct readers *readers = calloc(scan->count + 1, sizeof *readers);
    for (size_t i = 0; readers && i < scan->count; i++) {
        size_t tensor = ranks->order[i], gain = scan_gain_of(scan, &scan->tensors[tensor]);
        bool expert = scan->tensors[tensor].expert >= 0;
        if (gain != PAIR_NONE && !expert)
            readers_add(ranks, tensor, &readers[gain]);
        else if (gain != PAIR_NONE && !ranks->place[tensor] && scan->tensors[tensor].weight == WEIGHT_EXPERT_UP)
            readers_add_experts(ranks, i, &readers[gain]);
    }
    for (size_t i = 0; readers && i < scan->count; i++)
        blame_gain(&readers[i], &anomalies[i]);
    for (size_t i = 0; readers && i < scan->count; i++) {
        size_t gain = anomalies[i].row && anomalies[i].by_gain ? scan_gain_of(scan, &scan->tensors[i]) : PAIR_NONE;
        if (gain != PAIR_NONE && anomalies[gain].row)
            anomalies[i].row = NULL;
    }
    free(readers);
    return readers;
}

bool judge_all(const struct judging *judging, struct anomaly *anomalies, struct error *error)
{
    size_t count = judging->ranks->scan->count;
    for (size_t i = 0; i < count; i++)
        judge_tensor(judging, i, &anomalies[i]);
    if (!blame_gains(judging, anomalies))
        return error_memory(error, "weights");
    for (size_t i = 0; i < count; i++)
        blame_pairs(judging, i, anomalies);
    return true;
}
