#include "activations/solve.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "math/blas.h"
#include "model/model.h"
#include "model/probe.h"
#include "store/overlay.h"
#include "values/values.h"

#define EQUATIONS_LEAST 3 /* for each unknown of a gain: one more than would always fit */
#define SPARE_LEAST 8     /* the same of a matrix: tokens beyond its columns */

/* What goes in and what comes out, of gold's tokens that have both. */
struct pairs {
    enum point in, out; /* POINT_COUNT: the weight is a gain, and what goes in is what comes out with ones for it */
    size_t *begins;     /* [golden_count + 1] of tokens; cases in order within */
    const struct solve_request *request;
    size_t tokens, width_in, width_out;
    float *inputs, *outputs; /* [tokens, width] */
    bool *has_in, *has_out;  /* [tokens] */
};

/* The point that the weight alone makes; POINT_COUNT: none. */
static enum point point_of_weight(enum weight weight)
{
    for (int point = 0; point < POINT_COUNT; point++)
        if (point_rows[point].weight == weight)
            return (enum point)point;
    return POINT_COUNT;
}

bool weight_is_solvable(enum weight weight)
{
    return weight_rows[weight].part == PART_GAIN ? point_of_weight(weight) != POINT_COUNT
                                                 : weight == WEIGHT_ROUTER || weight == WEIGHT_HEAD;
}

static size_t token_of(const struct pairs *pairs, size_t gold, size_t case_index, size_t token)
{
    size_t at = pairs->begins[gold] + token;
    for (size_t i = 0; i < case_index; i++)
        at += golden_case_at(pairs->request->goldens[gold], i)->count;
    return at;
}

static void keep_rows(size_t at, const struct part *part, const float *values, float *to, bool *has)
{
    memcpy(to + at * part->width, values, part->rows * part->width * sizeof *to);
    for (size_t row = 0; row < part->rows; row++)
        has[at + row] = true;
}

static void watch(void *context, size_t gold, size_t case_index, const struct part *part, const float *values)
{
    const struct pairs *pairs = context;
    size_t at = token_of(pairs, gold, case_index, part->first);
    if (part->point == pairs->out && part->width == pairs->width_out)
        keep_rows(at, part, values, pairs->outputs, pairs->has_out);
    if (part->point == pairs->out && pairs->in == POINT_COUNT && part->width == pairs->width_in)
        keep_rows(at, part, part->values, pairs->inputs, pairs->has_in);
    if (part->point == pairs->in && part->width == pairs->width_in)
        keep_rows(at, part, values, pairs->inputs, pairs->has_in);
}

static bool pairs_make(struct pairs *pairs, struct error *error)
{
    const struct solve_request *request = pairs->request;
    pairs->begins = calloc(request->golden_count + 1, sizeof *pairs->begins);
    for (size_t i = 0; pairs->begins && i < request->golden_count; i++) {
        pairs->begins[i + 1] = pairs->begins[i];
        for (size_t k = 0; k < golden_case_count(request->goldens[i]); k++)
            pairs->begins[i + 1] += golden_case_at(request->goldens[i], k)->count;
    }
    pairs->tokens = pairs->begins ? pairs->begins[request->golden_count] : 0;
    pairs->inputs = calloc(pairs->tokens * pairs->width_in + 1, sizeof *pairs->inputs);
    pairs->outputs = calloc(pairs->tokens * pairs->width_out + 1, sizeof *pairs->outputs);
    pairs->has_in = calloc(pairs->tokens + 1, sizeof *pairs->has_in);
    pairs->has_out = calloc(pairs->tokens + 1, sizeof *pairs->has_out);
    return (pairs->begins && pairs->inputs && pairs->outputs && pairs->has_in && pairs->has_out) ||
           error_memory(error, "gold");
}

static void pairs_free(struct pairs *pairs)
{
    free(pairs->begins);
    free(pairs->inputs);
    free(pairs->outputs);
    free(pairs->has_in);
    free(pairs->has_out);
}

/* Moves the tokens that have both to the front; how many there are. */
static size_t pairs_pack(struct pairs *pairs)
{
    size_t count = 0;
    for (size_t token = 0; token < pairs->tokens; token++) {
        if (!pairs->has_in[token] || !pairs->has_out[token])
            continue;
        memmove(pairs->inputs + count * pairs->width_in, pairs->inputs + token * pairs->width_in,
                pairs->width_in * sizeof(float));
        memmove(pairs->outputs + count * pairs->width_out, pairs->outputs + token * pairs->width_out,
                pairs->width_out * sizeof(float));
        count++;
    }
    return count;
}

static int block_of(const struct solve_request *request, const struct expected *expected)
{
    return expected->layer >= 0 ? expected->layer + 1 : MODEL_BLOCKS(request->config) - 1;
}

/* Runs the weight's block, fed gold's inputs, with these values in its place. */
static bool run_with(const struct solve_request *request, const struct expected *expected, const float *values,
                     struct pairs *pairs, struct isolated_result *result, struct error *error)
{
    struct store *laid = values ? overlay_new(request->store, error) : NULL;
    isolated_watch(request->isolated, pairs ? watch : NULL, pairs);
    bool good =
        (!values ||
         (laid && overlay_replace(laid, expected->name, DTYPE_F32, expected->rank, expected->shape, values, error))) &&
        isolated_try(request->isolated, laid ? laid : request->store, request->config, block_of(request, expected),
                     result, error);
    isolated_watch(request->isolated, NULL, NULL);
    store_free(laid);
    return good;
}

/* --- gains --- */

static bool solve_gain(const struct pairs *pairs, size_t count, size_t unknowns, float *values, struct solved *solved)
{
    solved->equations = count * (pairs->width_out / unknowns);
    if (solved->equations < EQUATIONS_LEAST) {
        snprintf(solved->why, sizeof solved->why, "it holds %zu token%s of what comes out", count,
                 count == 1 ? "" : "s");
        return false;
    }
    for (size_t i = 0; i < unknowns; i++) {
        double products = 0, squares = 0;
        for (size_t at = i; at < count * pairs->width_out; at += unknowns) {
            products += (double)pairs->inputs[at] * (double)pairs->outputs[at];
            squares += (double)pairs->inputs[at] * (double)pairs->inputs[at];
        }
        if (!(squares > 0)) {
            snprintf(solved->why, sizeof solved->why, "nothing flows through channel %zu", i);
            return false;
        }
        values[i] = (float)(products / squares);
    }
    return true;
}

/* --- matrices --- */

/* LAPACK: min |A X - B| over X, by QR; A is [m, n] and B [m, nrhs], column by column; B is overwritten with X. */
void dgels_(const char *trans, const int *m, const int *n, const int *nrhs, double *a, const int *lda, double *b,
            const int *ldb, double *work, const int *lwork, int *info, size_t trans_length);

static bool solve_columns(double *a, double *b, int tokens, int columns, int rows, struct error *error)
{
    int query = -1, info = 0;
    double best = 0;
    dgels_("N", &tokens, &columns, &rows, a, &tokens, b, &tokens, &best, &query, &info, 1);
    int size = info ? 0 : (int)best;
    double *work = malloc(((size_t)size + 1) * sizeof *work);
    if (!work)
        return error_memory(error, "gold");
    if (!info)
        dgels_("N", &tokens, &columns, &rows, a, &tokens, b, &tokens, work, &size, &info, 1);
    free(work);
    if (info) /* of less than full rank: then not all of it is determined */
        b[0] = NAN;
    return true;
}

static bool solve_matrix(const struct pairs *pairs, size_t count, float *values, struct solved *solved,
                         struct error *error)
{
    size_t columns = pairs->width_in, rows = pairs->width_out;
    double *a = malloc((count * columns + 1) * sizeof *a), *b = malloc((count * rows + 1) * sizeof *b);
    bool good = (a && b) || error_memory(error, "gold");
    for (size_t token = 0; good && token < count; token++) {
        for (size_t i = 0; i < columns; i++)
            a[i * count + token] = (double)pairs->inputs[token * columns + i];
        for (size_t i = 0; i < rows; i++)
            b[i * count + token] = (double)pairs->outputs[token * rows + i];
    }
    good = good && solve_columns(a, b, (int)count, (int)columns, (int)rows, error);
    for (size_t row = 0; good && row < rows; row++)
        for (size_t i = 0; i < columns; i++)
            values[row * columns + i] = (float)b[row * count + i];
    solved->equations = count / columns;
    free(a);
    free(b);
    return good;
}

/* --- both --- */

/* The weight's values, before they are rounded; `solved->why` is set where there are none. */
static bool solve_values(const struct solve_request *request, const struct expected *expected, float *values,
                         struct solved *solved, struct error *error)
{
    bool gain = weight_rows[expected->weight].part == PART_GAIN;
    size_t unknowns = (size_t)expected->shape[0], heads = 0;
    struct isolated_result result;
    struct pairs pairs = {.request = request, .out = point_of_weight(expected->weight), .in = POINT_COUNT};
    pairs.width_out = point_width(request->config, pairs.out, &heads);
    pairs.width_in = pairs.width_out;
    for (size_t i = 0; gain && i < unknowns; i++)
        values[i] = 1;
    if (!gain) {
        pairs.in = expected->weight == WEIGHT_ROUTER ? POINT_POST_NORM : POINT_FINAL_NORM;
        pairs.width_in = (size_t)expected->shape[1];
    }
    bool good = pairs_make(&pairs, error) && run_with(request, expected, gain ? values : NULL, &pairs, &result, error);
    size_t count = good ? pairs_pack(&pairs) : 0;
    if (good && gain)
        solve_gain(&pairs, count, unknowns, values, solved);
    else if (good && count < pairs.width_in + SPARE_LEAST)
        snprintf(solved->why, sizeof solved->why, "it holds %zu tokens, and each row has %zu values", count,
                 pairs.width_in);
    else if (good)
        good = solve_matrix(&pairs, count, values, solved, error);
    pairs_free(&pairs);
    return good;
}

/* Of the tensor, or of the next like it. */
static enum dtype dtype_for(const struct solve_request *request, const struct expected *expected)
{
    const struct tensor *tensor = store_find(request->store, expected->name);
    for (int layer = 0; !tensor && expected->layer >= 0 && layer < request->config->layers; layer++) {
        char name[sizeof expected->name];
        if (expected_name(expected->weight, layer, -1, name, sizeof name))
            tensor = store_find(request->store, name);
    }
    for (size_t i = 0; !tensor && i < store_text_count(request->store); i++)
        tensor = store_at(request->store, i);
    return tensor && dtype_width(tensor->dtype) ? tensor->dtype : DTYPE_F32;
}

static size_t value_count(const struct expected *expected)
{
    return (size_t)(expected->shape[0] * (expected->rank > 1 ? expected->shape[1] : 1));
}

bool weight_solve(const struct solve_request *request, const struct expected *expected, struct solved *solved,
                  struct error *error)
{
    *solved = (struct solved){.dtype = dtype_for(request, expected)};
    size_t count = value_count(expected);
    enum point point = point_of_weight(expected->weight);
    struct isolated_result result = {0};
    if (!weight_is_solvable(expected->weight)) {
        snprintf(solved->why, sizeof solved->why, "what it makes is not shown by itself");
        return true;
    }
    float *values = calloc(count + 1, sizeof *values);
    bool good =
        (values || error_memory(error, expected->name)) && run_with(request, expected, NULL, NULL, &result, error);
    solved->right = good && result.compared_points >> point & 1 && !(result.bad_points >> point & 1);
    good = good && (solved->right || solve_values(request, expected, values, solved, error));
    if (good && !solved->right && !*solved->why) {
        round_values(solved->dtype, values, values, count);
        good = run_with(request, expected, values, NULL, &result, error);
        solved->ratio = result.ratios[point];
        if (good && !(result.compared_points >> point & 1))
            snprintf(solved->why, sizeof solved->why, "it does not hold what comes out");
        else if (good && result.bad_points >> point & 1)
            snprintf(solved->why, sizeof solved->why,
                     "with what fits it best, the error is %.3g of what it may be: something else is wrong there",
                     solved->ratio);
    }
    if (good && !solved->right && !*solved->why)
        solved->values = values;
    else
        free(values);
    return good;
}

bool solved_lay(struct store *overlay, const struct expected *expected, const struct solved *solved,
                struct error *error)
{
    size_t count = value_count(expected);
    void *stored = malloc(count * dtype_width(solved->dtype) + 1);
    bool good = stored || error_memory(error, expected->name);
    if (good)
        narrow(solved->dtype, solved->values, stored, count);
    good =
        good && overlay_replace(overlay, expected->name, solved->dtype, expected->rank, expected->shape, stored, error);
    free(stored);
    return good;
}

void solved_free(struct solved *solved)
{
    free(solved->values);
    *solved = (struct solved){0};
}
