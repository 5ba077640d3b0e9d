/* Anomalies that a tensor shows beside its peers: its size, and what training leaves in its rows and columns. */
#include "health/judge_internal.h"

#include <math.h>

#include "health/judge_words.h"

/* --- magnitude --- */

#define MAGNITUDE_LEAST 0.9 /* log2 */
#define MAGNITUDE_SPREADS 8

/* The gain that it is read through is one value everywhere: what a norm and a matrix share lies in the matrix alone. */
static bool holds_gain(const struct scan *scan, size_t tensor)
{
    size_t gain = scan_gain_of(scan, &scan->tensors[tensor]);
    return gain != PAIR_NONE && measure_is_constant(&scan->tensors[gain].measure);
}

/* log2: what chance alone makes of the magnitude of so few values that lie about 0, as those of a bias do. */
static double chance_spread(const struct examined *examined)
{
    bool few = weight_rows[examined->weight].part == PART_BIAS && examined->measure.count;
    return few ? M_LOG2E / sqrt(2 * (double)examined->measure.count) : 0;
}

double magnitude_limit(const struct ranks *ranks, size_t tensor, enum feature feature)
{
    struct peers peers = peers_of(ranks, tensor, feature);
    if (feature == FEATURE_MAGNITUDE && holds_gain(ranks->scan, tensor))
        feature = FEATURE_EFFECTIVE;
    double least = feature == FEATURE_EFFECTIVE ? EFFECTIVE_LEAST : MAGNITUDE_LEAST;
    double limit = fmax(least, MAGNITUDE_SPREADS * fmax(peers.spread, chance_spread(&ranks->scan->tensors[tensor])));
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
double magnitude_apart(const struct ranks *ranks, size_t tensor, enum feature feature)
{
    double limit = magnitude_limit(ranks, tensor, feature);
    double apart = ranks->features[tensor][feature] - peers_of(ranks, tensor, feature).location;
    if (!(fabs(apart) > limit) || (fabs(apart) <= MAGNITUDE_SURE && has_kin(ranks, tensor, feature)))
        return 0;
    return apart;
}

bool judge_magnitude(const struct judging *judging, size_t tensor, struct anomaly *anomaly)
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
    anomaly->alone = anomaly->unsure = true;
    /* alone: what no weight that is known goes beyond; it may be a model that is not known */
    const struct measure *measure = &examined->measure;
    if (!(measure->squares > 0)) /* the squares of all are too small for a float */
        anomaly->number = measure->absolute / (double)measure->count;
    return isnan(magnitude_limit(ranks, tensor, FEATURE_MAGNITUDE)) && examined_is_matrix(examined) &&
           measure->absolute > 0 && (value > 4.5 || value < -12);
}

/* "about 128 times (2^7, or a lost scale of 127)" */
static void put_factor(struct buffer *out, double factor)
{
    static const double scales[] = {127, 255, 1.0 / 127, 1.0 / 255};
    double power = round(log2(factor));
    buffer_format(out, "%.3g times as large as its peers", factor);
    const char *joint = " (";
    if (fabs(log2(factor) - power) < 0.15 && fabs(power) > 0) {
        buffer_format(out, "%sas if times 2^%.0f", joint, power);
        joint = ", or ";
    }
    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++)
        if (fabs(log2(factor / scales[i])) < 0.15) {
            buffer_format(out, "%sa scale of %s%.0f that was lost or applied twice", joint, scales[i] < 1 ? "1/" : "",
                          scales[i] < 1 ? 1 / scales[i] : scales[i]);
            joint = ", or ";
        }
    if (*joint == ',')
        buffer_char(out, ')');
}

void say_magnitude(struct buffer *out, const struct judging *judging, size_t tensor, const struct anomaly *anomaly)
{
    (void)judging, (void)tensor;
    buffer_text(out, ": its values are ");
    if (anomaly->alone)
        buffer_format(out, "%.3g on average, larger than any known weight", anomaly->number);
    else
        put_factor(out, anomaly->number);
}

#define PEAK_MOST 12 /* log2 of the largest value over the root mean square of the others */

bool judge_peak(const struct judging *judging, size_t tensor, struct anomaly *anomaly)
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

void say_peak(struct buffer *out, const struct judging *judging, size_t tensor, const struct anomaly *anomaly)
{
    buffer_format(out, " holds the value %g at ", anomaly->number);
    say_place(out, &judging->ranks->scan->tensors[tensor], anomaly->from);
    buffer_text(out, ", thousands of times beyond all others: a damaged exponent");
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

bool judge_initialised(const struct judging *judging, size_t tensor, struct anomaly *anomaly)
{
    const struct ranks *ranks = judging->ranks;
    const struct examined *examined = &ranks->scan->tensors[tensor];
    const struct measure *measure = &examined->measure;
    anomaly->number = measure_rms(measure);
    if (!examined_is_matrix(examined) || !gaussian(measure))
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

void say_initialised(struct buffer *out, const struct judging *judging, size_t tensor, const struct anomaly *anomaly)
{
    (void)judging, (void)tensor;
    buffer_format(out,
                  ": Gaussian values of standard deviation %.3g without the structure of its peers: a framework "
                  "initialised it, and nothing was loaded into it",
                  anomaly->number);
}

bool judge_transposed(const struct judging *judging, size_t tensor, struct anomaly *anomaly)
{
    (void)anomaly;
    return judging->transposed[tensor];
}

void say_transposed(struct buffer *out, const struct judging *judging, size_t tensor, const struct anomaly *anomaly)
{
    (void)judging, (void)tensor, (void)anomaly;
    buffer_text(out, " is transposed: with rows and columns exchanged it is like its peers");
}

bool judge_shuffled(const struct judging *judging, size_t tensor, struct anomaly *anomaly)
{
    size_t lost;
    anomaly->by_gain =
        structure_claims(judging->ranks, tensor, &lost) == 1 && feature_claims(judging->ranks, tensor, FEATURE_GAIN);
    return structure_lost(judging->ranks, tensor);
}

void say_shuffled(struct buffer *out, const struct judging *judging, size_t tensor, const struct anomaly *anomaly)
{
    (void)judging, (void)tensor, (void)anomaly;
    buffer_text(
        out, ": its rows and columns differ no more than if its values were shuffled, and those of all its peers do");
}

void say_gain(struct buffer *out, const struct judging *judging, size_t tensor, const struct anomaly *anomaly)
{
    (void)judging, (void)tensor, (void)anomaly;
    buffer_text(out, ": this gain does not fit the matrices that read through it, as those of other layers do: its "
                     "values are in another order, or another layer's");
}

/* --- neurons --- */

bool pairs_lost(const struct ranks *ranks, size_t tensor)
{
    return feature_claims(ranks, tensor, FEATURE_PAIRS) && feature_lost(ranks, tensor, FEATURE_PAIRS);
}

static bool block_lost(const struct ranks *ranks, size_t tensor)
{
    return feature_claims(ranks, tensor, FEATURE_PAIRS_LEAST) && feature_lost(ranks, tensor, FEATURE_PAIRS_LEAST);
}

bool judge_pairs(const struct judging *judging, size_t tensor, struct anomaly *anomaly)
{
    const struct ranks *ranks = judging->ranks;
    const struct examined *examined = &ranks->scan->tensors[tensor];
    anomaly->other = examined->pairing.with;
    anomaly->number = examined->pairing.mean;
    /* heads that are of no use have nothing in common with their partner either */
    anomaly->unsure = weight_rows[examined->weight].module == MODULE_ATTENTION;
    if (pairs_lost(ranks, tensor))
        return true;
    anomaly->number = examined->pairing.least;
    anomaly->from = examined->pairing.least_at;
    anomaly->count = examined->pairing.least_count;
    return block_lost(ranks, tensor);
}

void say_pairs(struct buffer *out, const struct judging *judging, size_t tensor, const struct anomaly *anomaly)
{
    (void)tensor;
    if (anomaly->count)
        buffer_format(out, ": of neurons %llu to %llu the rows do not fit", (unsigned long long)anomaly->from,
                      (unsigned long long)(anomaly->from + anomaly->count - 1));
    else
        buffer_text(out, ": its rows do not fit");
    buffer_format(out,
                  " '%s', with which they were trained: mean cos^2 times length is %.3g, 1 being what strangers have. "
                  "One of the two has its rows in another order, or is another layer's or expert's",
                  anomaly_other(judging, anomaly), anomaly->number);
}
