/* To how many bits are the values of a dump known? A run on a GPU computes in bfloat16 or float16, and its values are
 * mostly stored as float32: the bits tell. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "golden/golden_internal.h"
#include "values/values.h"

#define SOME_VALUES                                                                                                    \
    ((size_t)4096) /* of a tensor: a float32 value looks like a shorter one once in thousands of times */

/* The types that a value may have been rounded to, the shortest first. */
static const enum dtype shorter[] = {DTYPE_BF16, DTYPE_F16};
#define SHORTER (sizeof shorter / sizeof *shorter)

/* Does the type hold all of these values? */
static bool holds_all(enum dtype dtype, const float *values, size_t count)
{
    float rounded[64];
    for (size_t at = 0; at < count; at += 64) {
        size_t some = count - at < 64 ? count - at : 64;
        round_values(dtype, values + at, rounded, some);
        if (!values_equal(rounded, values + at, some))
            return false;
    }
    return true;
}

/* Small whole numbers are no sign of anything: a value that tells has more than 4 bits. */
static bool tells(const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int exponent;
        float scaled = 16 * frexpf(values[i], &exponent);
        if (isfinite(values[i]) && isgreater(fabsf(scaled - rintf(scaled)), 0))
            return true;
    }
    return false;
}

/* Into which of `shorter` all values of the tensor go; SHORTER: into none. */
static bool tensor_fits(const struct golden *golden, const struct golden_tensor *tensor, float *values, size_t *fits,
                        bool *told, struct error *error)
{
    size_t rows = SOME_VALUES / (tensor->width ? tensor->width : 1) + 1;
    rows = rows < tensor->rows ? rows : tensor->rows;
    if (!golden_read_rows(golden, tensor, 0, rows, values, error))
        return false;
    *told = tells(values, rows * tensor->width);
    for (*fits = 0; *fits < SHORTER && !holds_all(shorter[*fits], values, rows * tensor->width); ++*fits)
        ;
    return true;
}

/* The embedding's rows are as short as the weights are, in any arithmetic. */
static bool is_computed(const struct golden_tensor *tensor)
{
    return tensor->kind == GOLDEN_VALUES && strcmp(tensor->path, "model.embed_tokens") != 0;
}

bool golden_measure_precision(struct golden *golden, struct error *error)
{
    size_t counts[SHORTER + 1] = {0}, all = 0, widest = 0;
    for (size_t i = 0; i < golden->tensor_count; i++)
        widest = golden->tensors[i].width > widest ? golden->tensors[i].width : widest;
    float *values = malloc((SOME_VALUES + 2 * widest + 1) * sizeof *values);
    bool good = values || error_memory(error, golden->path);
    for (size_t i = 0; good && i < golden->tensor_count; i++) {
        size_t fits;
        bool told;
        if (!is_computed(&golden->tensors[i]))
            continue;
        good = tensor_fits(golden, &golden->tensors[i], values, &fits, &told, error);
        all += good && told;
        counts[fits] += good && told;
    }
    free(values);
    /* some points of a run of few bits are float32 all the same: routers, logits */
    for (size_t i = 0; good && i < SHORTER; i++)
        if (2 * counts[i] > all)
            golden->rounded = dtype_torch(shorter[i]);
    if (golden->rounded)
        golden_coarsen(golden, golden->rounded);
    return good;
}

const char *golden_rounded(const struct golden *golden)
{
    return golden->rounded;
}

/* What rounding to the type loses; -1: it is none that is known. */
static double loss_of(const char *torch)
{
    enum dtype dtype = dtype_of_torch(torch);
    return dtype < DTYPE_COUNT ? dtype_rounding(dtype) : -1;
}

const char *golden_dtype(const struct golden *golden)
{
    return golden->coarsest ? golden->coarsest : golden->dtype;
}

const char *golden_arithmetic(const struct golden *golden)
{
    return golden->dtype;
}

void golden_coarsen(struct golden *golden, const char *dtype)
{
    if (loss_of(dtype) > loss_of(golden_dtype(golden)))
        golden->coarsest = dtype;
}

void golden_set_rounding(struct golden *golden, const struct golden_tensor *tensor, bool alone, double relative)
{
    struct golden_tensor *own = &golden->tensors[tensor - golden->tensors];
    *(alone ? &own->rounding_alone : &own->rounding) = relative;
}

bool golden_set_row_rounding(struct golden *golden, const struct golden_tensor *tensor, size_t row, double relative,
                             struct error *error)
{
    double **rows = &golden->places[tensor - golden->tensors].row_rounding;
    if (!*rows) {
        *rows = malloc(tensor->rows * sizeof **rows);
        for (size_t i = 0; *rows && i < tensor->rows; i++)
            (*rows)[i] = NAN;
    }
    if (!*rows)
        return error_memory(error, golden->path);
    (*rows)[row] = relative;
    return true;
}

double golden_row_rounding(const struct golden *golden, const struct golden_tensor *tensor, size_t row)
{
    const double *rows = golden->places[tensor - golden->tensors].row_rounding;
    return rows ? rows[row] : NAN;
}
