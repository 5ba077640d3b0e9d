/* Weights whose module makes known what they alone do: one equation, or one for each channel, for each token. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "activations/least_squares.h"
#include "activations/rounding.h"
#include "activations/solve_internal.h"
#include "activations/solve_pairs.h"
#include "model/probe.h"
#include "values/values.h"

#define EQUATIONS_LEAST 3 /* for each unknown of a gain: one more than would always fit */
#define SPARE_LEAST 8     /* the same of a matrix: tokens beyond its columns */

static size_t width_of(const struct solve_task *task)
{
    size_t heads = 0;
    return point_width(task->request->config, task->point, &heads);
}

/* Runs the block with `values`, NULL: as it is; how many tokens there are is in `*count`. */
static bool run_pairs(const struct solve_task *task, const float *values, struct pairs *pairs, size_t *count,
                      struct error *error)
{
    struct store *laid = values ? solve_lay(task, values, error) : NULL;
    bool good = (!values || laid) && pairs_make(pairs, error) &&
                pairs_run(pairs, laid ? laid : task->request->store, task->block, error);
    *count = good ? pairs_pack(pairs) : 0;
    store_free(laid);
    return good;
}

/* --- gains --- */

static double mean_of(const float *values, size_t first, size_t end, size_t step)
{
    double sum = 0;
    size_t count = 0;
    for (size_t at = first; at < end; at += step, count++)
        sum += (double)values[at];
    return count ? sum / (double)count : 0;
}

/* What a norm multiplies by is `offset` and its gain. `added`: it adds a bias, too, which is no part of the slope. */
static void gain_of(const struct pairs *pairs, size_t count, size_t unknowns, int offset, bool added, float *values,
                    struct solved *solved)
{
    size_t end = count * pairs->width_out;
    for (size_t i = 0; i < unknowns; i++) {
        double products = 0, squares = 0;
        double in = added ? mean_of(pairs->inputs, i, end, unknowns) : 0,
               out = added ? mean_of(pairs->outputs, i, end, unknowns) : 0;
        for (size_t at = i; at < end; at += unknowns) {
            products += ((double)pairs->inputs[at] - in) * ((double)pairs->outputs[at] - out);
            squares += ((double)pairs->inputs[at] - in) * ((double)pairs->inputs[at] - in);
        }
        if (!(squares > 0)) {
            snprintf(solved->why, sizeof solved->why, "the input of channel %zu is always %s", i,
                     added ? "the same" : "zero");
            return;
        }
        values[i] = (float)(products / squares - offset);
    }
}

static bool too_few(struct solved *solved, size_t count)
{
    if (solved->equations >= EQUATIONS_LEAST)
        return false;
    snprintf(solved->why, sizeof solved->why, "gold holds the output of its module for only %zu token%s", count,
             count == 1 ? "" : "s");
    return true;
}

bool solve_gain(struct solve_task *task, struct error *error)
{
    size_t unknowns = task->begins[1], count = 0, width = width_of(task);
    const struct model_config *config = task->request->config;
    enum weight bias = norm_bias(task->expected[0]->weight);
    bool added = bias != WEIGHT_NONE && config_calls_for(config, bias, task->expected[0]->layer);
    int offset = weight_gain_offset(config, point_rows[task->point].weight);
    struct pairs pairs = {task->request, POINT_COUNT, task->point, width, width, NULL, 0, NULL, NULL, NULL, NULL};
    for (size_t i = 0; i < unknowns; i++)
        task->values[i] = (float)(1 - offset); /* then what comes out is what goes in */
    bool good = run_pairs(task, task->values, &pairs, &count, error);
    task->solved->equations = count * (width / unknowns);
    if (good && !too_few(task->solved, count))
        gain_of(&pairs, count, unknowns, offset, added, task->values, task->solved);
    pairs_free(&pairs);
    return good;
}

/* --- what is added to all that the module makes --- */

static void offset_of(const struct pairs *pairs, size_t count, float *values, struct solved *solved)
{
    size_t width = pairs->width_out;
    double most = 0, squares = 0;
    for (size_t i = 0; i < width; i++) {
        double sum = 0, square = 0;
        for (size_t at = i; at < count * width; at += width) {
            double more = (double)pairs->outputs[at] - (double)pairs->inputs[at];
            sum += more;
            square += more * more;
        }
        double mean = sum / (double)count;
        double deviation = sqrt(fmax(square - mean * sum, 0) / (double)(count - 1) / (double)count);
        most = fmax(most, deviation);
        values[i] = (float)((double)values[i] + mean);
        squares += (double)values[i] * (double)values[i];
    }
    solved->spread = SPREAD_ERRORS * most / sqrt(squares / (double)width);
}

bool solve_offset(struct solve_task *task, struct error *error)
{
    if (task->count > 1)
        return solve_values(task, error);
    size_t count = 0, width = width_of(task);
    struct pairs pairs = {task->request, POINT_COUNT, task->point, width, width, NULL, 0, NULL, NULL, NULL, NULL};
    bool good = run_pairs(task, NULL, &pairs, &count, error);
    task->solved->equations = count;
    if (good && !too_few(task->solved, count))
        offset_of(&pairs, count, task->values, task->solved);
    pairs_free(&pairs);
    return good;
}

/* --- matrices --- */

/* `b` is what least_squares left of [count, rows]. */
static void matrix_take(const double *b, size_t count, size_t rows, size_t columns, const double *spreads,
                        float *values, struct solved *solved)
{
    double most = 0, left = 0, squares = 0;
    for (size_t i = 0; i < columns; i++)
        most = fmax(most, spreads[i]);
    for (size_t row = 0; row < rows; row++) {
        double rest = 0;
        for (size_t i = 0; i < columns; i++) {
            values[row * columns + i] = (float)b[row * count + i];
            squares += b[row * count + i] * b[row * count + i];
        }
        for (size_t i = columns; i < count; i++)
            rest += b[row * count + i] * b[row * count + i];
        left = fmax(left, rest);
    }
    double error = sqrt(left / (double)(count - columns));
    solved->spread = SPREAD_ERRORS * most * error / sqrt(squares / (double)(rows * columns));
}

static bool matrix_of(const struct pairs *pairs, size_t count, float *values, struct solved *solved,
                      struct error *error)
{
    size_t columns = pairs->width_in, rows = pairs->width_out;
    double *a = malloc((count * columns + 1) * sizeof *a), *b = malloc((count * rows + 1) * sizeof *b),
           *spreads = malloc((columns + 1) * sizeof *spreads);
    bool full = false, good = (a && b && spreads) || error_memory(error, "gold");
    for (size_t token = 0; good && token < count; token++) {
        for (size_t i = 0; i < columns; i++)
            a[i * count + token] = (double)pairs->inputs[token * columns + i];
        for (size_t i = 0; i < rows; i++)
            b[i * count + token] = (double)pairs->outputs[token * rows + i];
    }
    good = good && least_squares(a, b, (int)count, (int)columns, (int)rows, &full, error);
    if (good && full) {
        least_squares_spread(a, (int)count, (int)columns, spreads);
        matrix_take(b, count, rows, columns, spreads, values, solved);
    } else if (good)
        snprintf(solved->why, sizeof solved->why, "the inputs that gold holds do not determine all of its columns");
    solved->equations = count / columns;
    free(a);
    free(b);
    free(spreads);
    return good;
}

bool solve_matrix(struct solve_task *task, struct error *error)
{
    const struct expected *expected = task->expected[0];
    size_t count = 0, columns = (size_t)expected->shape[1];
    enum weight gain = weight_through(task->request->config, expected->weight, expected->layer);
    enum point in = weight_point(gain);
    struct pairs pairs = {task->request, in, task->point, columns, width_of(task), NULL, 0, NULL, NULL, NULL, NULL};
    bool good = run_pairs(task, NULL, &pairs, &count, error), few = count < columns + SPARE_LEAST;
    if (good && few)
        snprintf(task->solved->why, sizeof task->solved->why, "gold holds %zu tokens, too few for rows of %zu values",
                 count, columns);
    else if (good)
        good = matrix_of(&pairs, count, task->values, task->solved, error);
    pairs_free(&pairs);
    return good;
}

/* --- rows of the embedding --- */

/* Of gold's tokens in their order: the row that it shows of each id, or of each position, by the first token that has
 * it. */
struct rows {
    const struct pairs *pairs; /* not packed */
    size_t *tokens;            /* [vocabulary]: 1 + the token; 0: none */
    size_t vocabulary;
    bool differ; /* two tokens of one id do */
};

static void rows_note(struct rows *rows, enum dtype dtype, size_t token, int id)
{
    const struct pairs *pairs = rows->pairs;
    size_t width = pairs->width_out, bytes = width * sizeof(float);
    if (!pairs->has_out[token] || !pairs->has_in[token] || id < 0 || (size_t)id >= rows->vocabulary)
        return;
    round_values(dtype, pairs->outputs + token * width, pairs->outputs + token * width, width);
    if (!rows->tokens[id])
        rows->tokens[id] = token + 1;
    else if (memcmp(pairs->outputs + (rows->tokens[id] - 1) * width, pairs->outputs + token * width, bytes) != 0)
        rows->differ = true;
}

static void rows_find(struct rows *rows, enum weight weight, enum dtype dtype)
{
    const struct solve_request *request = rows->pairs->request;
    size_t token = 0;
    for (size_t gold = 0; gold < request->golden_count; gold++)
        for (size_t i = 0; i < golden_case_count(request->goldens[gold]); i++) {
            const struct golden_case *golden_case = golden_case_at(request->goldens[gold], i);
            for (size_t k = 0; k < golden_case->count; k++)
                rows_note(rows, dtype, token++, weight == WEIGHT_POSITIONS ? (int)k : golden_case->ids[k]);
        }
}

#define ROW_ALIKE 1e-6  /* relative L2: what is only looked up is the same */
#define ROW_ROUNDINGS 8 /* ... but where gold was rounded, so many times what that costs */

/* The model's row is not gold's. */
static bool row_differs(const struct pairs *pairs, size_t token, double tolerance)
{
    double error = 0, square = 0;
    for (size_t at = token * pairs->width_out; at < (token + 1) * pairs->width_out; at++) {
        double gold = (double)pairs->outputs[at], more = (double)pairs->inputs[at] - gold;
        error += more * more;
        square += gold * gold;
    }
    return !(error <= tolerance * tolerance * square);
}

static void rows_take(const struct rows *rows, double tolerance, float *values, struct solved *solved)
{
    size_t width = rows->pairs->width_out;
    for (size_t id = 0; id < rows->vocabulary; id++) {
        if (!rows->tokens[id])
            continue;
        solved->rows_seen++;
        size_t token = rows->tokens[id] - 1;
        if (!row_differs(rows->pairs, token, tolerance))
            continue;
        memcpy(values + solved->row_count * width, rows->pairs->outputs + token * width, width * sizeof *values);
        solved->rows[solved->row_count++] = id;
    }
}

bool solve_rows(struct solve_task *task, struct error *error)
{
    struct solved *solved = task->solved;
    size_t width = width_of(task), vocabulary = (size_t)task->expected[0]->shape[0];
    struct pairs pairs = {task->request, POINT_COUNT, task->point, width, width, NULL, 0, NULL, NULL, NULL, NULL};
    struct rows rows = {&pairs, calloc(vocabulary + 1, sizeof *rows.tokens), vocabulary, false};
    solved->rows = calloc(vocabulary + 1, sizeof *solved->rows);
    double tolerance = ROW_ALIKE;
    bool good = (rows.tokens && solved->rows) || error_memory(error, "gold");
    for (size_t i = 0; i < task->request->golden_count; i++)
        tolerance = fmax(tolerance, ROW_ROUNDINGS * gold_rounding(task->request->goldens[i]));
    good = good && pairs_make(&pairs, error) && pairs_run(&pairs, task->request->store, task->block, error);
    if (good) {
        rows_find(&rows, task->expected[0]->weight, task->dtypes[0]);
        rows_take(&rows, tolerance, task->values, solved);
    }
    if (good && rows.differ)
        snprintf(solved->why, sizeof solved->why, "gold shows different rows for the same token");
    solved->equations = 1;
    pairs_free(&pairs);
    free(rows.tokens);
    return good;
}
