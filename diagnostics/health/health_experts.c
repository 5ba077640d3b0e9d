#include "health/health_experts.h"

#include <math.h>
#include <stdlib.h>

#include "health/affinity.h"

/* Deviations above the other rows from which on a row is an expert's. Of the 12 carrying layers of the reference model
 * half of the experts and more reach it with their own row, a tenth with another. */
#define STRONG 4.0
#define CHANCE_SHARE 0.2 /* of experts that chance alone may give such a row: fewer than TOLD_SHARE */
#define TOLD_LEAST 8     /* experts of a layer that can be told, */
#define TOLD_SHARE 0.35  /* and their share: 0.46 and more in carrying layers, 0.23 and less in others */

/* Two experts each fit the other's row better than their own: by so many deviations together. In the 12 carrying layers
 * of the reference model no two of 97,536 pairs reach 5.5; of two that were exchanged, two thirds exceed 7. */
#define EXCHANGED 7.0
#define EXCHANGED_EACH 1.5

/* Of so many rows the best is an expert's by chance with a probability of CHANCE_SHARE from so many deviations on: what
 * lies along a row is a sum of `neurons` squares (Wilson and Hilferty). STRONG at least. */
static double strong_from(size_t experts, size_t neurons)
{
    double low = 0, high = 10, k = (double)neurons;
    for (int i = 0; i < 50; i++) {
        double middle = (low + high) / 2;
        *(0.5 * erfc(middle / sqrt(2)) * (double)experts > CHANCE_SHARE ? &low : &high) = middle;
    }
    double root = 1 - 2 / (9 * k) + low * sqrt(2 / (9 * k));
    return fmax(STRONG, k * (root * root * root - 1) / sqrt(2 * k));
}

/* Takes mean and deviation away, along `count` values `step` apart. */
static void standardise(double *values, size_t count, size_t step)
{
    double sum = 0, squares = 0, known = 0;
    for (size_t i = 0; i < count; i++) {
        double value = values[i * step];
        if (isfinite(value))
            sum += value, squares += value * value, known += 1;
    }
    double mean = sum / known, deviation = sqrt(fmax(squares / known - mean * mean, 0));
    for (size_t i = 0; i < count; i++)
        values[i * step] = deviation > 0 ? (values[i * step] - mean) / deviation : NAN;
}

/* Index of the largest of `count` values `step` apart. */
static size_t largest(const double *values, size_t count, size_t step)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        if (values[i * step] > values[best * step] || isnan(values[best * step]))
            best = i;
    return best;
}

/* Does the circle of rows that begins at the expert come back to it? */
static bool in_circle(const int *row, size_t expert, size_t experts)
{
    size_t at = expert;
    for (size_t i = 0; i < experts && row[at] != EXPERT_NONE && row[at] != (int)at; i++) {
        at = (size_t)row[at];
        if (at == expert)
            return true;
    }
    return false;
}

static void match_wrong(struct layer_match *match, size_t expert, size_t row)
{
    match->wrong += match->row[expert] == EXPERT_NONE;
    match->row[expert] = (int)row;
}

static void find_exchanged(const double *values, size_t experts, double strong, struct layer_match *match)
{
    double limit = EXCHANGED * strong / STRONG;
    for (size_t a = 0; a < experts; a++)
        for (size_t b = a + 1; b < experts; b++) {
            double there = values[a * experts + b], here = values[b * experts + a];
            double own = values[a * experts + a] + values[b * experts + b];
            if (there > EXCHANGED_EACH && here > EXCHANGED_EACH && there + here - own > limit) {
                match_wrong(match, a, b);
                match_wrong(match, b, a);
            }
        }
}

bool experts_match(const struct scan *scan, int layer, struct layer_match *match, bool *claims, struct error *error)
{
    size_t experts = (size_t)scan->config->experts;
    const float *table = scan->affinity[layer];
    const int neurons = scan->config->moe_intermediate;
    const double strong = strong_from(experts, neurons < AFFINITY_NEURONS ? (size_t)neurons : AFFINITY_NEURONS);
    *match = (struct layer_match){.row = malloc((experts + 1) * sizeof *match->row)};
    *claims = false;
    double *values = table ? malloc(experts * experts * sizeof *values) : NULL;
    int *row_of = malloc((experts + 1) * sizeof *row_of);
    if (!match->row || !row_of || (table && !values)) {
        free(values);
        free(row_of);
        return error_memory(error, "weights");
    }
    for (size_t i = 0; i < experts; i++)
        match->row[i] = row_of[i] = EXPERT_NONE;
    for (size_t i = 0; values && i < experts * experts; i++)
        values[i] = (double)table[i];
    for (size_t i = 0; values && i < experts; i++)
        standardise(values + i, experts, experts); /* a row that all experts lie along tells nothing */
    for (size_t i = 0; values && i < experts; i++)
        standardise(values + i * experts, experts, 1);
    for (size_t expert = 0; values && expert < experts; expert++) {
        size_t row = largest(values + expert * experts, experts, 1);
        if (!(values[expert * experts + row] > strong) || largest(values + row, experts, experts) != expert)
            continue;
        row_of[expert] = (int)row;
        match->told++;
        match->own += row == expert;
    }
    *claims = match->told >= TOLD_LEAST && match->told > (int)(TOLD_SHARE * (double)experts);
    for (size_t expert = 0; *claims && expert < experts; expert++) {
        bool elsewhere = row_of[expert] != EXPERT_NONE && row_of[expert] != (int)expert;
        if (!elsewhere || !(2 * match->own < match->told || in_circle(row_of, expert, experts)))
            continue;
        match_wrong(match, expert, (size_t)row_of[expert]);
    }
    if (*claims)
        find_exchanged(values, experts, strong, match);
    free(values);
    free(row_of);
    return true;
}
