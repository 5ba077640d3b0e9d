#include "activations/rounding.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "limits/comparator.h"
#include "math/kernels.h"
#include "model/routing.h"

#define HELD_FLOATS ((size_t)8 << 20) /* of one activation: of logits of many tokens the first will do */

/* What was measured is itself chance, and so is gold's own rounding: each is known to a few over the square root of
 * twice the number of values that carry it (comparison_carriers): where one of 48 is most of a token, there is one. And
 * who computes a float32 model in bfloat16 rounds its weights as well, which is as much again (a factor of sqrt(2)).
 * Where `multiple` times the cost is allowed, the rest is left for chance, and of few carriers it is not enough: alone,
 * of fewer than 200. */
static double chance(double multiple, double carriers)
{
    return fmax(1, sqrt(2) / multiple * (1 + 6 / sqrt(carriers)));
}

struct accuracy gold_accuracy(const struct golden *golden, const struct golden_tensor *tensor, bool alone)
{
    struct accuracy accuracy = {.noise = NAN, .rounding = NAN, .alone = alone, .dtype = golden_dtype(golden)};
    if (tensor) {
        accuracy.noise = tensor->noise;
        accuracy.rounding = alone ? tensor->rounding_alone : tensor->rounding;
    }
    return accuracy;
}

double gold_rounding(const struct golden *golden)
{
    /* root mean square over Gaussian values; half the width of a step, over sqrt(3), at values of all sizes */
    static const struct {
        const char *dtype;
        double relative;
    } rows[] = {{"bfloat16", 1.66e-3}, {"float16", 2.08e-4}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(golden_dtype(golden), rows[i].dtype) == 0)
            return rows[i].relative;
    return 0;
}

double gold_logits_rounding(const struct golden *golden)
{
    double most = NAN;
    for (size_t i = 0; i < golden_case_count(golden); i++) {
        const struct golden_tensor *tensor = golden_find(golden, i, "lm_head");
        most = tensor ? fmax(most, tensor->rounding) : most;
    }
    return most;
}

bool gold_routing_unsure(const struct golden *golden, const float *logits, int experts, int k, int *chosen)
{
    /* half a step up and half a step down, of the larger; steps are at most sqrt(6) times their root mean square */
    double step = gold_rounding(golden) * sqrt(6);
    if (!(step > 0))
        return false;
    routing_choose(logits, experts, k + 1, chosen);
    double taken = (double)logits[chosen[k - 1]], left = (double)logits[chosen[k]];
    return taken - left <= step * fmax(fabs(taken), fabs(left));
}

/* How far the rounded run is from the other, of one tensor. */
struct distance {
    struct comparison sum;
    double shared; /* sum over rows of error^2 squared / carriers */
};

/* Of one gold, by tensor: end to end and alone. */
struct distances {
    struct distance *whole, *alone;
};

static void distance_add(struct distance *distance, const float *rounded, const float *values, size_t rows,
                         size_t width)
{
    for (size_t row = 0; row < rows; row++) {
        struct comparison one = {0};
        comparison_add(&one, rounded + row * width, values + row * width, width);
        distance->shared += one.error2 > 0 ? one.error2 * one.error2 / comparison_carriers(&one) : 0;
        comparison_merge(&distance->sum, &one);
    }
}

/* Independent values that the error lies in: rows are. */
static double distance_carriers(const struct distance *distance)
{
    double error2 = distance->sum.error2;
    return distance->shared > 0 ? error2 * error2 / distance->shared : (double)distance->sum.count;
}

/* The rounded values that the twin is still to come for: tokens first .. first + rows - 1 of one activation. */
struct held {
    struct seat seat;
    enum point point;
    int layer;
    size_t first, rows, width;
    float *values;
    size_t capacity;
};

struct rounding {
    struct golden *const *goldens;
    size_t count;
    struct distances *distances; /* [count] */
    const struct model_config *config;
    struct held held[ROUNDING_DRAWS];
    float *gold; /* scratch: a router's row */
    int *chosen; /* scratch: experts_per_token + 1 */
};

struct rounding *rounding_new(struct golden *const *goldens, size_t count, const struct model_config *config,
                              struct error *error)
{
    struct rounding *rounding = calloc(1, sizeof *rounding);
    bool good = rounding && (rounding->distances = calloc(count + 1, sizeof *rounding->distances)) &&
                (rounding->gold = malloc(((size_t)config->experts + 1) * sizeof *rounding->gold)) &&
                (rounding->chosen = malloc(((size_t)config->experts_per_token + 1) * sizeof *rounding->chosen));
    for (size_t i = 0; good && i < count; i++) {
        struct distances *distances = &rounding->distances[rounding->count++];
        distances->whole = calloc(golden_tensor_count(goldens[i]) + 1, sizeof *distances->whole);
        distances->alone = calloc(golden_tensor_count(goldens[i]) + 1, sizeof *distances->alone);
        good = distances->whole && distances->alone;
    }
    if (good) {
        rounding->goldens = goldens;
        rounding->config = config;
        return rounding;
    }
    error_memory(error, "rounding");
    rounding_free(rounding);
    return NULL;
}

void rounding_free(struct rounding *rounding)
{
    if (!rounding)
        return;
    for (size_t i = 0; i < rounding->count; i++) {
        free(rounding->distances[i].whole);
        free(rounding->distances[i].alone);
    }
    free(rounding->distances);
    for (int i = 0; i < ROUNDING_DRAWS; i++)
        free(rounding->held[i].values);
    free(rounding->gold);
    free(rounding->chosen);
    free(rounding);
}

static bool floats_reserve(float **floats, size_t *have, size_t count)
{
    if (count <= *have)
        return true;
    float *more = realloc(*floats, count * sizeof *more);
    *floats = more ? more : *floats;
    *have = more ? count : *have;
    return more;
}

/* The same activation of the same case in the same mode. */
static bool is_held(const struct held *held, const struct seat *seat, const struct part *part)
{
    return held->rows && held->seat.gold == seat->gold && held->seat.case_index == seat->case_index &&
           held->seat.isolated == seat->isolated && held->point == part->point && held->layer == part->layer;
}

static bool hold(struct held *held, const struct seat *seat, const struct part *part, struct error *error)
{
    if (!is_held(held, seat, part) || held->first + held->rows != part->first) {
        held->seat = *seat;
        held->point = part->point;
        held->layer = part->layer;
        held->first = part->first;
        held->rows = 0;
        held->width = part->width;
    }
    size_t room = HELD_FLOATS / (part->width ? part->width : 1), rows = room > held->rows ? room - held->rows : 0;
    rows = rows < part->rows ? rows : part->rows;
    if (!floats_reserve(&held->values, &held->capacity, (held->rows + rows) * part->width))
        return error_memory(error, part->path);
    memcpy(held->values + held->rows * part->width, part->values, rows * part->width * sizeof *part->values);
    held->rows += rows;
    return true;
}

/* What gold knows of the part; NULL: nothing. `*within` are the rows that it has. */
static const struct golden_tensor *known(const struct golden *golden, const struct seat *seat, const struct part *part,
                                         struct part *within)
{
    const struct golden_tensor *tensor = golden_find(golden, seat->case_index, part->path);
    bool any = tensor && tensor->kind != GOLDEN_STATISTICS && tensor->width == part->width &&
               part_within(part, tensor->first, tensor->rows, within);
    return any ? tensor : NULL;
}

/* Gold's values in place of the rounded ones, and rounded once more. A router's stay: which experts it chooses is not
 * to change. */
static bool splice(struct rounding *rounding, const struct seat *seat, const struct part *part, struct error *error)
{
    const struct golden *golden = rounding->goldens[seat->gold];
    struct part within;
    const struct golden_tensor *tensor = known(golden, seat, part, &within);
    if (!tensor || tensor->kind != GOLDEN_VALUES)
        return true;
    if (!golden_read_rows(golden, tensor, within.first - tensor->first, within.rows, within.values, error))
        return false;
    uint64_t seed = ((uint64_t)seat->draw << 48) + ((uint64_t)part->point << 40) + ((uint64_t)(part->layer + 1) << 20) +
                    within.first;
    if (part->point != POINT_ROUTER)
        dither(within.values, within.rows * within.width, gold_rounding(golden), seed);
    return true;
}

/* Where gold's choice is unsure: its logits, the last that it takes and the best that it leaves exchanged. */
static bool choose_otherwise(struct rounding *rounding, const struct seat *seat, const struct part *part,
                             struct error *error)
{
    const struct golden *golden = rounding->goldens[seat->gold];
    int experts = rounding->config->experts, k = rounding->config->experts_per_token, *chosen = rounding->chosen;
    struct part within;
    const struct golden_tensor *tensor = known(golden, seat, part, &within);
    for (size_t row = 0; tensor && k < experts && row < within.rows; row++) {
        float *gold = rounding->gold;
        if (!golden_read_rows(golden, tensor, within.first - tensor->first + row, 1, gold, error))
            return false;
        /* where more than the logits decides, theirs exchanged would not be the choice exchanged */
        if (rounding->config->switches.scores == SCORES_SIGMOID ||
            !gold_routing_unsure(golden, gold, experts, k, chosen))
            continue;
        float taken = gold[chosen[k - 1]];
        gold[chosen[k - 1]] = gold[chosen[k]];
        gold[chosen[k]] = nextafterf(taken, INFINITY);
        memcpy(within.values + row * within.width, gold, within.width * sizeof *gold);
    }
    return true;
}

/* Logits row by row: another choice of experts costs one token much. */
static bool compare_logits(struct rounding *rounding, struct golden *golden, const struct golden_tensor *tensor,
                           const struct part *within, struct error *error)
{
    for (size_t row = 0; row < within->rows; row++) {
        struct comparison distance = {0};
        for (int i = 0; i < ROUNDING_DRAWS; i++) {
            const struct held *held = &rounding->held[i];
            comparison_add(&distance, held->values + (within->first - held->first + row) * within->width,
                           within->values + row * within->width, within->width);
        }
        if (!golden_set_row_rounding(golden, tensor, within->first - tensor->first + row,
                                     comparison_relative(&distance), error))
            return false;
    }
    return true;
}

static bool compare(struct rounding *rounding, const struct seat *seat, const struct part *part, struct error *error)
{
    struct golden *golden = rounding->goldens[seat->gold];
    struct part within;
    const struct golden_tensor *tensor = known(golden, seat, part, &within);
    for (int i = 0; tensor && i < ROUNDING_DRAWS; i++) {
        const struct held *held = &rounding->held[i];
        if (!is_held(held, seat, part) || !part_within(&within, held->first, held->rows, &within))
            return true;
    }
    if (!tensor)
        return true;
    size_t index = (size_t)(tensor - golden_tensor_at(golden, 0));
    struct distances *distances = &rounding->distances[seat->gold];
    struct distance *distance = &(seat->isolated ? distances->alone : distances->whole)[index];
    for (int i = 0; i < ROUNDING_DRAWS; i++) {
        const struct held *held = &rounding->held[i];
        distance_add(distance, held->values + (within.first - held->first) * held->width, within.values, within.rows,
                     within.width);
    }
    double carriers = distance_carriers(distance);
    double relative = comparison_relative(&distance->sum) * (1 + 2 / sqrt(carriers)); /* luck of few values */
    relative *=
        chance(limit_default(seat->isolated ? LIMIT_ROUNDING_ALONE : LIMIT_ROUNDING), carriers / ROUNDING_DRAWS);
    golden_set_rounding(golden, tensor, seat->isolated, isfinite(relative) ? relative : NAN);
    return seat->isolated || part->point != POINT_HEAD || compare_logits(rounding, golden, tensor, &within, error);
}

bool rounding_see(struct rounding *rounding, const struct seat *seat, const struct part *part, struct error *error)
{
    if (!seat->rounded)
        return compare(rounding, seat, part, error);
    if (!hold(&rounding->held[seat->draw], seat, part, error))
        return false;
    if (seat->isolated)
        return splice(rounding, seat, part, error);
    return part->point != POINT_ROUTER || choose_otherwise(rounding, seat, part, error);
}
