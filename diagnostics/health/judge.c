/* The table of anomalies, and what it needs to know of all tensors first. */
#include "health/judge_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"
#include "health/examine.h"
#include "health/judge_words.h"

/* By the word of a configuration: that of a GGUF file follows from whether there is a head. */
static bool is_untied(const struct scan *scan)
{
    return scan->config->family && !scan->config->tied && store_kind(scan->store) != STORE_GGUF;
}

bool judge_copy(const struct judging *judging, size_t tensor, struct anomaly *anomaly)
{
    size_t twin = judging->twins[tensor];
    const struct examined *tensors = judging->ranks->scan->tensors;
    if (twin == PAIR_NONE)
        return false;
    /* the head of a tied model that is stored all the same */
    enum weight a = tensors[tensor].weight, b = tensors[twin].weight;
    anomaly->other = twin;
    if (!judging->ranks->scan->config->family) { /* any two tensors outside layers may be tied */
        anomaly->unsure = tensors[tensor].kin != tensors[twin].kin || !examined_is_matrix(&tensors[tensor]);
        return tensors[tensor].layer >= 0 || tensors[twin].layer >= 0;
    }
    anomaly->unsure = a == WEIGHT_HEAD && b == WEIGHT_EMBEDDING && is_untied(judging->ranks->scan);
    return anomaly->unsure ||
           !((a == WEIGHT_EMBEDDING && b == WEIGHT_HEAD) || (a == WEIGHT_HEAD && b == WEIGHT_EMBEDDING));
}

void say_copy(struct buffer *out, const struct judging *judging, size_t tensor, const struct anomaly *anomaly)
{
    const struct scan *scan = judging->ranks->scan;
    buffer_format(out, " holds the very values of '%s'", anomaly_other(judging, anomaly));
    if (scan->config->family && scan->tensors[tensor].weight == WEIGHT_HEAD &&
        scan->tensors[anomaly->other].weight == WEIGHT_EMBEDDING)
        buffer_text(out, ", and the configuration says that they are not tied: the head was lost, or "
                         "tie_word_embeddings is stale");
}

const struct anomaly_row anomaly_rows[ANOMALY_COUNT] = {
#define JUDGE_SEEN(id) judge_##id
#define JUDGE_FOLLOWS(id) NULL
#define PROVES_ARCHITECTURE true
#define PROVES_FAMILY false
#define AS_ROW(ID, id, when, check_, proves, fault_, takes_, what_)                                                    \
    [ANOMALY_##ID] = {.check = CHECK_##check_,                                                                         \
                      .fault = fault_,                                                                                 \
                      .takes = TAKES_##takes_,                                                                         \
                      .what = what_,                                                                                   \
                      .anywhere = PROVES_##proves,                                                                     \
                      .judge = JUDGE_##when(id),                                                                       \
                      .say = say_##id},
    ANOMALY_ROWS(AS_ROW)
#undef AS_ROW
};

#define CHECK_BIT(ID, ...) | 1u << CHECK_##ID
#define CHECK_OF_ANOMALY(ID, id, when, check, ...) | 1u << CHECK_##check
_Static_assert((0u CHECK_ROWS(CHECK_BIT)) == (0u ANOMALY_ROWS(CHECK_OF_ANOMALY)), "a check for which nothing looks");

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

static bool find_twins(struct judging *judging)
{
    const struct scan *scan = judging->ranks->scan;
    struct twin *twins = malloc((scan->count + 1) * sizeof *twins);
    size_t count = 0;
    for (size_t i = 0; twins && i < scan->count; i++)
        if (scan->tensors[i].read && scan->tensors[i].measure.count >= COPY_LEAST &&
            !measure_is_constant(&scan->tensors[i].measure))
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

/* More than half of the tensors of that kind, in all layers, have a twin. */
static bool copies_everywhere(const struct judging *judging, const size_t *twins, uint64_t kin)
{
    const struct scan *scan = judging->ranks->scan;
    size_t count = 0, have = 0;
    for (size_t i = 0; i < scan->count; i++)
        if (scan->tensors[i].kin == kin) {
            count++;
            have += twins[i] != PAIR_NONE;
        }
    return 2 * have > count;
}

/* Where more than half of a tensor's peers are twins of each other, the model was made of copies (experts of a dense
 * layer, layers that were doubled): that is told and no fault. Experts of one layer that are another layer's are one,
 * unless most layers have such. */
static bool excuse_twins(struct judging *judging, struct error *error)
{
    const struct ranks *ranks = judging->ranks;
    size_t *twins = malloc((ranks->scan->count + 1) * sizeof *twins); /* before any was excused */
    if (!twins)
        return error_memory(error, "weights");
    memcpy(twins, judging->twins, ranks->scan->count * sizeof *twins);
    for (size_t first = 0; first < ranks->scan->count; first++) {
        size_t tensor = ranks->order[first], size = ranks->size[tensor], have = 0, within = 0;
        if (ranks->place[tensor] || size < (ranks->scan->config->family ? 3 : 2))
            continue;
        for (size_t i = 0; i < size; i++) {
            size_t twin = twins[ranks->order[first + i]];
            have += twin != PAIR_NONE;
            within += twin != PAIR_NONE && ranks->group[twin] == ranks->group[tensor];
        }
        if (2 * have <= size ||
            (2 * within <= size && !copies_everywhere(judging, twins, ranks->scan->tensors[tensor].kin)))
            continue;
        for (size_t i = 0; i < size; i++) {
            judging->copies += judging->twins[ranks->order[first + i]] != PAIR_NONE;
            judging->twins[ranks->order[first + i]] = PAIR_NONE;
        }
    }
    free(twins);
    return true;
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
            qsort(values, count, sizeof *values, double_order);
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
        if (!examined_is_matrix(&ranks->scan->tensors[i]) || !ranks->size[i] || fits[i])
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
    return good && excuse_twins(judging, error) && find_transposed(judging, error) && find_turned_pairs(judging, error);
}

void judging_free(struct judging *judging)
{
    free(judging->twins);
    free(judging->transposed);
    free(judging->tails);
    *judging = (struct judging){0};
}
