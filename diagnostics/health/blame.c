/* A fault that shows in several tensors is laid to the one that explains the others. */
#include "health/judge_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"

static bool judge_tensor(const struct judging *judging, size_t tensor, struct anomaly *anomaly)
{
    for (size_t i = 0; judging->ranks->scan->tensors[tensor].read && i < ANOMALY_COUNT; i++) {
        *anomaly = (struct anomaly){.row = &anomaly_rows[i], .other = PAIR_NONE};
        if (!anomaly_rows[i].judge || !anomaly_rows[i].judge(judging, tensor, anomaly))
            continue;
        anomaly->unsure = anomaly->unsure || (!anomaly_rows[i].anywhere && !judging->ranks->scan->config->family);
        return true;
    }
    *anomaly = (struct anomaly){.other = PAIR_NONE};
    return false;
}

static bool is_kind(const struct anomaly *anomaly, enum anomaly_kind kind)
{
    return anomaly->row == &anomaly_rows[kind];
}

/* The other matrix whose neurons belong to the same partner; PAIR_NONE. */
static size_t companion_of(const struct ranks *ranks, size_t tensor)
{
    const struct examined *examined = &ranks->scan->tensors[tensor];
    enum weight partner = weight_rows[examined->weight].partner;
    for (int weight = 0; weight < WEIGHT_COUNT && partner != WEIGHT_NONE; weight++)
        if (weight_rows[weight].partner == partner && (enum weight)weight != examined->weight)
            return scan_sibling(ranks->scan, examined, (enum weight)weight);
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
    qsort(gains, count, sizeof *gains, double_order);
    qsort(scales, count, sizeof *scales, double_order);
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
    *anomaly = (struct anomaly){.row = &anomaly_rows[uncorrelated ? ANOMALY_GAIN : ANOMALY_MAGNITUDE],
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
        else if (gain != PAIR_NONE && !ranks->place[tensor] && weight_rows[scan->tensors[tensor].weight].tells)
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
