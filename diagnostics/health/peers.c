#include "health/peers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"

#define PEERS_LEAST 6
#define NEAREST 4      /* layers on either side */
#define STRUCTURED 5.0 /* deviations from chance that prove structure */
#define LOST 3.5       /* within so many of chance there is none */

static double measured(const struct examined *examined, enum feature feature)
{
    const struct measure *measure = &examined->measure;
    switch (feature) {
    case FEATURE_MAGNITUDE:
        return log2(measure_rms(measure));
    case FEATURE_EFFECTIVE:
        return log2(measure->effective_squares / (double)measure->count) / 2;
    case FEATURE_BYTES:
        return sampled_mean(&measure->sampled[READING_STORED]);
    case FEATURE_ROWS:
        return log(measure_row_structure(measure));
    case FEATURE_COLUMNS:
        return log(measure_column_structure(measure));
    case FEATURE_NEIGHBOURS:
        return log(measure_neighbours(measure));
    case FEATURE_GAIN:
        return measure->gain_correlation;
    case FEATURE_PAIRS:
        return log(examined->pairing.mean);
    case FEATURE_PAIRS_LEAST:
        return log(examined->pairing.least);
    default:
        return NAN;
    }
}

/* qsort has no context. */
static _Thread_local const struct examined *sorting;

static int group_order(const struct examined *a, const struct examined *b)
{
    if (a->kin != b->kin)
        return a->kin < b->kin ? -1 : 1;
    if (a->expert >= 0 && a->layer != b->layer)
        return a->layer < b->layer ? -1 : 1;
    return 0;
}

static int by_group(const void *left, const void *right)
{
    const struct examined *a = &sorting[*(const size_t *)left], *b = &sorting[*(const size_t *)right];
    int order = group_order(a, b);
    if (order)
        return order;
    if (a->layer != b->layer)
        return a->layer < b->layer ? -1 : 1;
    return a->expert < b->expert ? -1 : a->expert > b->expert;
}

void ranks_free(struct ranks *ranks)
{
    free(ranks->features);
    free(ranks->order);
    free(ranks->group);
    free(ranks->size);
    free(ranks->place);
    free(ranks->facts);
    *ranks = (struct ranks){0};
}

/* The median of the layers beside place `at` of the group, without it. */
static double nearby(const struct ranks *ranks, size_t group, size_t size, size_t at, enum feature feature)
{
    double values[2 * NEAREST];
    size_t count = 0, first = at > NEAREST ? at - NEAREST : 0;
    if (first + 2 * NEAREST >= size)
        first = size > 2 * NEAREST ? size - 1 - 2 * NEAREST : 0;
    for (size_t i = first; i < size && i <= first + 2 * NEAREST; i++) {
        double value = ranks->features[ranks->order[group + i]][feature];
        if (i != at && isfinite(value) && count < 2 * NEAREST)
            values[count++] = value;
    }
    return doubles_median(values, count);
}

static bool follows_layers(const struct ranks *ranks, size_t tensor, enum feature feature)
{
    return ranks->scan->tensors[tensor].expert < 0 && feature <= FEATURE_BYTES;
}

/* Of the group of which `tensor` is the first. */
static void facts_take(struct ranks *ranks, size_t tensor, enum feature feature, double *scratch)
{
    size_t group = ranks->group[tensor], size = ranks->size[tensor];
    struct group_facts *facts = &ranks->facts[group][feature];
    bool layers = follows_layers(ranks, tensor, feature);
    *facts = (struct group_facts){.location = NAN, .spread = NAN};
    for (size_t i = 0; i < size; i++) {
        size_t member = ranks->order[group + i];
        double value = ranks->features[member][feature];
        if (!isfinite(value))
            continue;
        scratch[facts->count++] = layers ? fabs(value - nearby(ranks, group, size, i, feature)) : value;
        if (tensor_is_edge(ranks->scan, member))
            continue;
        facts->inner++;
        facts->without += !(feature_chance(ranks->scan, member, feature, value) > STRUCTURED);
    }
    facts->location = doubles_median(scratch, facts->count);
    for (size_t i = 0; !layers && i < facts->count; i++)
        scratch[i] = fabs(scratch[i] - facts->location);
    facts->spread = 1.4826 * (layers ? facts->location : doubles_median(scratch, facts->count));
}

struct peers peers_of(const struct ranks *ranks, size_t tensor, enum feature feature)
{
    size_t group = ranks->group[tensor], size = ranks->size[tensor];
    const struct group_facts *facts = &ranks->facts[group][feature];
    struct peers peers = {.count = size ? facts->count : 0, .location = NAN, .spread = NAN};
    if (!peers.count)
        return peers;
    peers.spread = facts->spread;
    peers.location = follows_layers(ranks, tensor, feature) ? nearby(ranks, group, size, ranks->place[tensor], feature)
                                                            : facts->location;
    return peers;
}

double peers_distance(const struct ranks *ranks, size_t tensor, enum feature feature, double value, double least)
{
    struct peers peers = peers_of(ranks, tensor, feature);
    return (value - peers.location) / fmax(peers.spread, least);
}

bool tensor_is_edge(const struct scan *scan, size_t tensor)
{
    const struct examined *examined = &scan->tensors[tensor];
    return examined->expert < 0 && (examined->layer < 2 || examined->layer >= scan->layers - 2);
}

double feature_chance(const struct scan *scan, size_t tensor, enum feature feature, double value)
{
    const struct measure *measure = &scan->tensors[tensor].measure;
    double rows = (double)measure->rows, columns = (double)measure->columns, tail = measure_kurtosis(measure);
    double pairs = (double)scan->tensors[tensor].pairing.count;
    tail *= tail;
    switch (feature) {
    case FEATURE_ROWS: /* a variance of `rows` sums; of few and heavy-tailed values they scatter more */
        return value / sqrt((2 + tail / columns) / rows);
    case FEATURE_COLUMNS:
        return value / sqrt((2 + tail / rows) / columns);
    case FEATURE_NEIGHBOURS: /* cos^2 times columns is chi-squared of one degree */
        return value / sqrt(2 / (double)measure->neighbour_count);
    case FEATURE_GAIN:
        return fabs(value) * sqrt(columns - 3);
    case FEATURE_PAIRS:
        return value / sqrt(2 / pairs);
    case FEATURE_PAIRS_LEAST:
        return value / sqrt(2.0 / PAIR_BLOCK);
    default:
        return NAN;
    }
}

#define NEARLY_LOST 12.0 /* deviations: rows of the same matrices in another order still have something in common */
#define FAR_BELOW 6.0    /* spreads */

bool feature_lost(const struct ranks *ranks, size_t tensor, enum feature feature)
{
    double value = ranks->features[tensor][feature], chance = feature_chance(ranks->scan, tensor, feature, value);
    bool pairs = feature == FEATURE_PAIRS || feature == FEATURE_PAIRS_LEAST;
    return chance < LOST ||
           (pairs && chance < NEARLY_LOST && peers_distance(ranks, tensor, feature, value, 0.25) < -FAR_BELOW);
}

bool feature_claims(const struct ranks *ranks, size_t tensor, enum feature feature)
{
    double value = ranks->features[tensor][feature];
    if (!ranks->size[tensor] || !isfinite(value) || tensor_is_edge(ranks->scan, tensor))
        return false;
    const struct group_facts *facts = &ranks->facts[ranks->group[tensor]][feature];
    bool itself = !(feature_chance(ranks->scan, tensor, feature, value) > STRUCTURED);
    size_t others = facts->inner - 1, without = facts->without - itself;
    if (others + 1 < PEERS_LEAST || without > others / 10)
        return false;
    double side = facts->location < 0 ? -1 : 1;
    double low = facts->location - side * 3 * facts->spread;
    return low * side > 0 && feature_chance(ranks->scan, tensor, feature, low) > LOST;
}

static void find_groups(struct ranks *ranks)
{
    const struct scan *scan = ranks->scan;
    size_t count = scan->count;
    sorting = scan->tensors;
    qsort(ranks->order, count, sizeof *ranks->order, by_group);
    for (size_t first = 0, end; first < count; first = end) {
        for (end = first + 1;
             end < count && group_order(&scan->tensors[ranks->order[first]], &scan->tensors[ranks->order[end]]) == 0;)
            end++;
        bool known = scan->tensors[ranks->order[first]].kin != KIN_NONE;
        for (size_t i = first; i < end; i++) {
            ranks->group[ranks->order[i]] = first;
            ranks->place[ranks->order[i]] = i - first;
            ranks->size[ranks->order[i]] = known ? end - first : 0;
        }
    }
}

bool ranks_new(const struct scan *scan, struct ranks *ranks, struct error *error)
{
    size_t count = scan->count;
    double *scratch = malloc((count + 1) * sizeof *scratch);
    *ranks = (struct ranks){.scan = scan,
                            .features = calloc(count + 1, sizeof *ranks->features),
                            .order = calloc(count + 1, sizeof *ranks->order),
                            .group = calloc(count + 1, sizeof *ranks->group),
                            .size = calloc(count + 1, sizeof *ranks->size),
                            .place = calloc(count + 1, sizeof *ranks->place),
                            .facts = calloc(count + 1, sizeof *ranks->facts)};
    bool good =
        scratch && ranks->features && ranks->order && ranks->group && ranks->size && ranks->place && ranks->facts;
    for (size_t i = 0; good && i < count; i++) {
        ranks->order[i] = i;
        for (int feature = 0; feature < FEATURE_COUNT; feature++)
            ranks->features[i][feature] =
                scan->tensors[i].read ? measured(&scan->tensors[i], (enum feature)feature) : NAN;
    }
    if (good && count)
        find_groups(ranks);
    for (size_t i = 0; good && i < count; i++)
        for (int feature = 0; ranks->place[i] == 0 && feature < FEATURE_COUNT; feature++)
            facts_take(ranks, i, (enum feature)feature, scratch);
    free(scratch);
    if (good)
        return true;
    ranks_free(ranks);
    return error_memory(error, "weights");
}
