/* A matrix whose rows lie in another order: then so do the channels that they make, in every token. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "activations/solve_internal.h"
#include "activations/solve_pairs.h"
#include "base/numbers.h"
#include "model/probe.h"

#define TOKENS_LEAST 2
#define NEIGHBOURS 16 /* that noise may have put another in the place of */

/* A channel by one number, the same weights over tokens for all. */
struct key {
    double value;
    size_t channel;
};

struct order {
    const struct pairs *pairs;
    size_t tokens, channels;
    const float *rows; /* [channels, columns], as they are stored */
    size_t columns;
    float *bias;             /* [channels] */
    struct key *gold, *ours; /* [channels], by their numbers */
    bool *taken;             /* [channels] of `ours` */
    size_t *from;            /* [channels]: the row of ours that makes gold's channel */
    size_t moved;
};

static int key_order(const void *a, const void *b)
{
    return double_order(&((const struct key *)a)->value, &((const struct key *)b)->value);
}

static void keys_make(const struct order *order, const float *values, struct key *keys)
{
    for (size_t i = 0; i < order->channels; i++)
        keys[i] = (struct key){0, i};
    for (size_t token = 0; token < order->tokens; token++) {
        double weight = 1 + (double)(mix_u64(token * MIX_STEP) >> 11) / 0x1p53;
        for (size_t i = 0; i < order->channels; i++)
            keys[i].value += weight * ((double)values[token * order->channels + i] - (double)order->bias[i]);
    }
    qsort(keys, order->channels, sizeof *keys, key_order);
}

/* The squared distance of gold's channel from one of ours, and in `*size` gold's own square. */
static double distance(const struct order *order, size_t gold, size_t ours, double *size)
{
    double error = 0;
    *size = 0;
    for (size_t token = 0; token < order->tokens; token++) {
        size_t row = token * order->channels;
        double wanted = (double)order->pairs->outputs[row + gold] - (double)order->bias[gold];
        double more = (double)order->pairs->inputs[row + ours] - (double)order->bias[ours] - wanted;
        error += more * more;
        *size += wanted * wanted;
    }
    return error;
}

/* The nearest of ours among those whose number is near; false: another, whose row is another, is about as near. */
static bool match(struct order *order, size_t place)
{
    size_t first = place > NEIGHBOURS ? place - NEIGHBOURS : 0, gold = order->gold[place].channel, best = 0;
    size_t end = place + NEIGHBOURS + 1 < order->channels ? place + NEIGHBOURS + 1 : order->channels;
    double far[2 * NEIGHBOURS + 1] = {INFINITY}, size = 0, next = INFINITY;
    for (size_t i = first; i < end; i++) {
        far[i - first] = order->taken[i] ? INFINITY : distance(order, gold, order->ours[i].channel, &size);
        best = far[i - first] < far[best] ? i - first : best;
    }
    size_t row = order->ours[first + best].channel;
    for (size_t i = first; i < end; i++)
        if (far[i - first] < next &&
            memcmp(order->rows + row * order->columns, order->rows + order->ours[i].channel * order->columns,
                   order->columns * sizeof *order->rows) != 0)
            next = far[i - first];
    order->taken[first + best] = true;
    order->from[gold] = row;
    order->moved += row != gold;
    double noise = fmax(far[best], FLT_EPSILON * FLT_EPSILON * size);
    return next > SPREAD_ERRORS * SPREAD_ERRORS * noise;
}

/* What is stored of the bias that is added to what the rows make; zeros where there is none. */
static bool bias_read(const struct solve_task *task, float *bias, struct error *error)
{
    static const enum weight biases[WEIGHT_COUNT] = {[WEIGHT_O] = WEIGHT_O_BIAS, [WEIGHT_DOWN] = WEIGHT_DOWN_BIAS};
    const struct expected *expected = task->expected[0];
    struct expected of = {.weight = biases[expected->weight], .layer = expected->layer, .expert = -1, .rank = 1};
    if (!of.weight || !expected_name(of.weight, of.layer, -1, of.name, sizeof of.name))
        return true;
    const struct tensor *tensor = store_find(task->request->store, of.name);
    if (!tensor || !dtype_computes(tensor->dtype) || tensor->rows * tensor->columns != expected->shape[0])
        return true;
    void *raw = malloc((size_t)tensor->bytes + 1);
    bool good = (raw || error_memory(error, of.name)) &&
                store_read_wide(task->request->store, tensor, 0, tensor->rows, raw, bias, error);
    free(raw);
    return good;
}

static void order_free(struct order *order)
{
    free(order->bias);
    free(order->gold);
    free(order->ours);
    free(order->taken);
    free(order->from);
}

static bool order_make(struct order *order, const struct solve_task *task, struct error *error)
{
    size_t channels = order->channels;
    order->bias = calloc(channels + 1, sizeof *order->bias);
    order->gold = calloc(channels + 1, sizeof *order->gold);
    order->ours = calloc(channels + 1, sizeof *order->ours);
    order->taken = calloc(channels + 1, sizeof *order->taken);
    order->from = calloc(channels + 1, sizeof *order->from);
    if (!order->bias || !order->gold || !order->ours || !order->taken || !order->from)
        return error_memory(error, "gold");
    return bias_read(task, order->bias, error);
}

static bool order_find(struct order *order, struct solved *solved)
{
    keys_make(order, order->pairs->outputs, order->gold);
    keys_make(order, order->pairs->inputs, order->ours);
    for (size_t place = 0; place < order->channels; place++)
        if (!match(order, place)) {
            snprintf(solved->why, sizeof solved->why, "no order of its rows fits clearly better than all others");
            return false;
        }
    if (!order->moved)
        snprintf(solved->why, sizeof solved->why, "its rows are already in the order that fits best");
    solved->moved = order->moved;
    return order->moved;
}

/* Puts the rows where they belong, round by round. */
static void rows_move(const struct order *order, float *values, float *row)
{
    size_t columns = order->columns, bytes = columns * sizeof *values;
    memset(order->taken, 0, order->channels * sizeof *order->taken);
    for (size_t first = 0; first < order->channels; first++) {
        size_t to = first;
        memcpy(row, values + first * columns, bytes);
        for (; !order->taken[to]; to = order->from[to]) {
            order->taken[to] = true;
            if (order->from[to] != first)
                memcpy(values + to * columns, values + order->from[to] * columns, bytes);
            else
                memcpy(values + to * columns, row, bytes);
        }
    }
}

bool solve_order(struct solve_task *task, struct error *error)
{
    const struct expected *expected = task->expected[0];
    size_t heads = 0, width = point_width(task->request->config, task->point, &heads);
    struct pairs pairs = {.request = task->request, .in = POINT_COUNT, .out = task->point};
    struct order order = {.pairs = &pairs, .channels = width, .rows = task->values};
    float *row = malloc(((size_t)expected->shape[1] + 1) * sizeof *row);
    order.columns = (size_t)expected->shape[1];
    pairs.width_in = pairs.width_out = width;
    bool good = (row || error_memory(error, expected->name)) && pairs_make(&pairs, error) &&
                pairs_run(&pairs, task->request->store, task->block, error) && order_make(&order, task, error);
    order.tokens = good ? pairs_pack(&pairs) : 0;
    task->solved->equations = order.tokens;
    if (good && (order.tokens < TOKENS_LEAST || expected->shape[0] != width))
        snprintf(task->solved->why, sizeof task->solved->why, "gold holds the output of its module for only %zu tokens",
                 order.tokens);
    else if (good && order_find(&order, task->solved))
        rows_move(&order, task->values, row);
    free(row);
    order_free(&order);
    pairs_free(&pairs);
    return good;
}
