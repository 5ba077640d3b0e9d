#include "golden/last_state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SAME 1e-2     /* relative L2: bfloat16 loses less, and two states are further apart */
#define UNIT 2e-3     /* a root mean square of 1 is known to this, in bfloat16 and with any epsilon of a norm */
#define HEAD 5e-3     /* relative L2 of logits: of bfloat16 too, for what the head took is known as it was */
#define ROWS_MAX 64   /* of a state that are looked at */
#define LOGITS_MAX 64 /* of a row */

const struct golden_tensor *state_find(const struct golden *golden, size_t case_index, const char *path)
{
    for (size_t i = 0; i < golden->tensor_count; i++)
        if (golden->tensors[i].case_index == case_index && strcmp(golden->tensors[i].path, path) == 0)
            return &golden->tensors[i];
    return NULL;
}

/* ||a - b|| / ||b||; NaN for two that are nothing but zeros. */
static double distance(const float *a, const float *b, size_t count)
{
    double error = 0, square = 0;
    for (size_t i = 0; i < count; i++) {
        error += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        square += (double)b[i] * (double)b[i];
    }
    return sqrt(error / square);
}

/* So many rows of a state; NULL: out of memory, or they cannot be read. */
static float *read_rows(const struct golden *golden, const struct golden_tensor *tensor, size_t first, size_t count,
                        struct error *error)
{
    float *values = malloc((count * tensor->width + 1) * sizeof *values);
    if (values && golden_read_rows(golden, tensor, first, count, values, error))
        return values;
    if (!values)
        error_memory(error, tensor->path);
    free(values);
    return NULL;
}

static size_t some_rows(const struct golden_tensor *tensor)
{
    return tensor->rows < ROWS_MAX ? tensor->rows : ROWS_MAX;
}

bool states_same(const struct golden *golden, const struct golden_tensor *a, const struct golden *other,
                 const struct golden_tensor *b, bool *same, struct error *error)
{
    *same = a->kind == GOLDEN_VALUES && b->kind == GOLDEN_VALUES && a->width == b->width && a->rows == b->rows &&
            a->first == b->first;
    if (!*same)
        return true;
    float *mine = read_rows(golden, a, 0, some_rows(a), error);
    float *theirs = mine ? read_rows(other, b, 0, some_rows(a), error) : NULL;
    if (theirs)
        *same = distance(mine, theirs, some_rows(a) * a->width) <= SAME;
    bool good = theirs;
    free(mine);
    free(theirs);
    return good;
}

/* A row of a matrix, or a vector, widened; NULL on failure. */
static float *weight_row(const struct store *store, const struct tensor *tensor, uint64_t row, struct error *error)
{
    size_t bytes = dtype_row_bytes(tensor->dtype, tensor->columns);
    float *values = malloc((tensor->columns + 1) * sizeof *values);
    char *raw = malloc(bytes + 1);
    bool good = (values && raw) || error_memory(error, tensor->name);
    good = good && store_read_wide(store, tensor, row, 1, raw, values, error);
    free(raw);
    if (good)
        return values;
    free(values);
    return NULL;
}

static const struct tensor *weight_of(const struct store *store, const char *name, size_t width)
{
    const struct tensor *tensor = store_find(store, name);
    return tensor && dtype_computes(tensor->dtype) && tensor->columns == width ? tensor : NULL;
}

bool state_is_embedding(const struct golden *golden, const struct golden_tensor *state, const struct store *store,
                        bool *tested, bool *is, struct error *error)
{
    const struct tensor *embedding = weight_of(store, "model.embed_tokens.weight", state->width);
    const int *ids = golden->cases[state->case_index].public.ids;
    size_t rows = some_rows(state), same = 0;
    *tested = embedding;
    *is = false;
    float *values = embedding ? read_rows(golden, state, 0, rows, error) : NULL;
    bool good = !embedding || values;
    for (size_t row = 0; good && embedding && row < rows; row++) {
        uint64_t id = (uint64_t)ids[state->first + row];
        float *mine = id < embedding->rows ? weight_row(store, embedding, id, error) : NULL;
        good = mine || id >= embedding->rows;
        if (mine)
            same += distance(values + row * state->width, mine, state->width) <=
                    SAME + 2 * dtype_rounding(embedding->dtype);
        free(mine);
    }
    *is = embedding && 2 * same > rows;
    free(values);
    return good;
}

/* Every row has a root mean square of 1 once the gain is taken out. */
static bool is_unit(const float *values, const float *gain, size_t rows, size_t width)
{
    for (size_t row = 0; row < rows; row++) {
        double square = 0;
        for (size_t i = 0; i < width; i++) {
            double bare = (double)values[row * width + i] / (double)gain[i];
            square += bare * bare;
        }
        if (!(fabs(sqrt(square / (double)width) - 1) <= UNIT))
            return false;
    }
    return true;
}

static bool by_gain(const struct golden *golden, const struct golden_tensor *state, const struct store *store, bool *is,
                    struct error *error)
{
    const struct tensor *norm = weight_of(store, "model.norm.weight", state->width);
    if (!norm)
        return true;
    float *values = read_rows(golden, state, 0, some_rows(state), error);
    float *gain = values ? weight_row(store, norm, 0, error) : NULL;
    bool good = gain;
    *is = good && is_unit(values, gain, some_rows(state), state->width);
    free(values);
    free(gain);
    return good;
}

/* What the head makes of some rows of the state beside gold's logits of them. */
struct head {
    const struct store *store;
    const struct tensor *matrix;
    size_t step;  /* between the rows of the matrix that are taken, */
    size_t count; /* so many */
    double error, square;
};

static bool head_add(struct head *head, const float *state, const float *logits, size_t rows, size_t vocabulary,
                     struct error *error)
{
    size_t width = head->matrix->columns;
    for (size_t i = 0; i < head->count; i++) {
        size_t id = i * head->step;
        float *weights = weight_row(head->store, head->matrix, id, error);
        if (!weights)
            return false;
        for (size_t row = 0; row < rows; row++) {
            double sum = 0, gold = (double)logits[row * vocabulary + id];
            for (size_t k = 0; k < width; k++)
                sum += (double)weights[k] * (double)state[row * width + k];
            head->error += (sum - gold) * (sum - gold);
            head->square += gold * gold;
        }
        free(weights);
    }
    return true;
}

static bool by_head(const struct golden *golden, const struct golden_tensor *state, const struct store *store, bool *is,
                    struct error *error)
{
    const struct golden_tensor *logits = state_find(golden, state->case_index, "lm_head");
    const struct tensor *matrix = weight_of(store, "lm_head.weight", state->width);
    if (!matrix)
        matrix = weight_of(store, "model.embed_tokens.weight", state->width);
    if (!matrix || !logits || logits->kind != GOLDEN_VALUES || logits->width != matrix->rows || state->first ||
        logits->first >= state->rows)
        return true;
    size_t rows = logits->rows < state->rows - logits->first ? logits->rows : state->rows - logits->first;
    rows = rows < 4 ? rows : 4;
    struct head head = {.store = store, .matrix = matrix, .step = 1, .count = matrix->rows};
    if (matrix->rows > LOGITS_MAX) {
        head.step = matrix->rows / LOGITS_MAX;
        head.count = LOGITS_MAX;
    }
    float *values = read_rows(golden, state, logits->first, rows, error);
    float *gold = values ? read_rows(golden, logits, 0, rows, error) : NULL;
    bool good = gold && head_add(&head, values, gold, rows, logits->width, error);
    *is = good && sqrt(head.error / head.square) <= HEAD;
    free(values);
    free(gold);
    return good;
}

static bool by_dump(const struct golden *golden, const struct golden_tensor *state, const struct golden *other,
                    bool *is, struct error *error)
{
    size_t at = golden_same_case(other, &golden->cases[state->case_index].public);
    const struct golden_tensor *norm = at == SIZE_MAX ? NULL : state_find(other, at, "model.norm");
    const struct golden_tensor *layer = at == SIZE_MAX ? NULL : state_find(other, at, state->path);
    bool same = false;
    if (!norm || !states_same(golden, state, other, norm, is, error))
        return !norm;
    if (*is && layer && !states_same(golden, state, other, layer, &same, error))
        return false;
    *is = *is && !same;
    return true;
}

bool state_is_normed(const struct golden *golden, const struct golden_tensor *state, const struct golden_beside *beside,
                     bool *is, const char **why, struct error *error)
{
    const struct golden_tensor *norm = state_find(golden, state->case_index, "model.norm");
    *is = false;
    if (norm) { /* gold says what it is, unless whoever made it left the norm out */
        *why = "gold's model.norm is the same";
        bool same = false, unit = true;
        bool good = states_same(golden, state, golden, norm, &same, error) &&
                    (!same || !beside->store || by_gain(golden, state, beside->store, &unit, error));
        *is = same && unit;
        return good;
    }
    if (beside->store && !by_gain(golden, state, beside->store, is, error))
        return false;
    if (*is) {
        *why = "its rows, divided by the gain of model.norm, have a root mean square of 1";
        return true;
    }
    if (beside->store && !by_head(golden, state, beside->store, is, error))
        return false;
    if (*is) {
        *why = "lm_head gives gold's logits for it";
        return true;
    }
    *why = "model.norm of the other dump is the same, and its last layer is not";
    return !beside->other || by_dump(golden, state, beside->other, is, error);
}
