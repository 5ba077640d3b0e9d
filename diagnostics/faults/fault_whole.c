/* Faults that need a whole tensor at once, and hold it in memory: what is read at one place lies at another. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"
#include "faults/fault_catalogue.h"
#include "faults/fault_held.h"
#include "values/values.h"

static void swap_memory(char *a, char *b, size_t bytes)
{
    while (bytes--) {
        char byte = *a;
        *a++ = *b;
        *b++ = byte;
    }
}

/* --- another order --- */

/* Puts the span's parts of `each` values in an order in which none is where it was: one cycle through all of them
 * (Sattolo: An algorithm to generate a random cyclic permutation, 1986). */
static void span_reorder(struct held *held, struct fault_span span, size_t each)
{
    uint64_t seed = fault_seed(held->tensor), count = span.count / each;
    size_t bytes = each * held->width;
    for (uint64_t i = count; i-- > 1;) {
        uint64_t to = (span.first + i * each) % held->count, from = mix_u64(seed + i * MIX_STEP) % i;
        from = (span.first + from * each) % held->count;
        swap_memory(held->values + to * held->width, held->values + from * held->width, bytes);
    }
}

static bool shuffle(struct held *held, const struct fault_arguments *arguments, struct error *error)
{
    (void)error;
    span_reorder(held, fault_share(held->tensor, arguments->share), 1);
    return true;
}

static bool lay_shuffle(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    return held_changed(site, arguments->tensor, arguments, shuffle, error);
}

const struct fault_kind fault_shuffle = {{"shuffle", "TENSOR[,SHARE]", "Puts the values of a tensor in a random order",
                                          "the module wrong, its statistics as they were",
                                          "a reshape in the wrong order"},
                                         lay_shuffle};

static bool permute_rows(struct held *held, const struct fault_arguments *arguments, struct error *error)
{
    (void)error;
    if (held->count)
        span_reorder(held, fault_share(held->tensor, arguments->share), held_row(held->tensor));
    return true;
}

static bool lay_permute_rows(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    return held_changed(site, arguments->tensor, arguments, permute_rows, error);
}

const struct fault_kind fault_permute_rows = {
    {"permute-rows", "TENSOR[,SHARE]", "Puts the rows of a tensor in another order, each row whole",
     "the module's channels are in another order than its reader's", "a permutation applied on one side only"},
    lay_permute_rows};

/* Of values that are [rows, columns]. */
static bool turn(struct held *held, size_t rows, size_t columns, struct error *error)
{
    size_t width = held->width;
    char *copy = held_copy(held, error);
    if (!copy)
        return false;
    for (size_t row = 0; row < rows; row++)
        for (size_t column = 0; column < columns; column++)
            memcpy(held->values + (column * rows + row) * width, copy + (row * columns + column) * width, width);
    free(copy);
    return true;
}

static bool transpose(struct held *held, const struct fault_arguments *arguments, struct error *error)
{
    (void)arguments;
    return turn(held, (size_t)held->tensor->rows, (size_t)held->tensor->columns, error);
}

static bool is_matrix(const struct fault_site *site, const struct tensor *tensor, struct error *error)
{
    char shape[TENSOR_SHAPE_TEXT];
    return tensor->rank == 2 || error_set(error, "fault %s: tensor '%s' has shape %s and is no matrix", site->spec,
                                          tensor->name, shape_text(tensor->shape, tensor->rank, shape));
}

static bool lay_transpose(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    return is_matrix(site, arguments->tensor, error) &&
           held_changed(site, arguments->tensor, arguments, transpose, error);
}

const struct fault_kind fault_transpose = {
    {"transpose", "TENSOR", "Puts the values of the transposed matrix under the shape of the original",
     "the module wrong, its statistics as they were", "x W in the place of x W^T: Conv1D's or JAX' layout"},
    lay_transpose};

/* The inverse: what lies there has as many rows as the tensor has columns. */
static bool transpose_back(struct held *held, const struct fault_arguments *arguments, struct error *error)
{
    (void)arguments;
    return turn(held, (size_t)held->tensor->columns, (size_t)held->tensor->rows, error);
}

static bool lay_transpose_back(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    return is_matrix(site, arguments->tensor, error) &&
           held_changed(site, arguments->tensor, arguments, transpose_back, error);
}

const struct fault_kind fault_transpose_back = {
    {"transpose-back", "TENSOR", "Undoes transpose, also of a matrix that is not square",
     "the module wrong, its statistics as they were", "x W in the place of x W^T: Conv1D's or JAX' layout"},
    lay_transpose_back};

static bool shift_rows(struct held *held, const struct fault_arguments *arguments, struct error *error)
{
    size_t bytes = held->count * held->width, row = held_row(held->tensor) * held->width;
    long long rows = row ? (long long)(bytes / row) : 0;
    if (!rows)
        return true;
    char *copy = held_copy(held, error);
    if (!copy)
        return false;
    size_t from = (size_t)((arguments->shift % rows + rows) % rows) * row;
    memcpy(held->values, copy + from, bytes - from);
    memcpy(held->values + bytes - from, copy, from);
    free(copy);
    return true;
}

static bool lay_shift_rows(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    return held_changed(site, arguments->tensor, arguments, shift_rows, error);
}

const struct fault_kind fault_shift_rows = {
    {"shift-rows", "TENSOR,N",
     "Gives every row the values of the row N further on: an embedding whose vocabulary was shifted",
     "every token is taken for a neighbour: fluent nonsense, or none",
     "a vocabulary with a token more or less in front, or a cut header"},
    lay_shift_rows};

static bool lay_resize_rows(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    const struct tensor *tensor = arguments->tensor;
    uint64_t rows = arguments->numbers[0], shape[TENSOR_RANK_MAX];
    struct held held = {0};
    if (tensor->rank < 2 || !rows || rows > 4 * tensor->rows)
        return error_set(error, "fault %s: '%s' has %llu rows; from 1 to four times as many were expected", site->spec,
                         tensor->name, (unsigned long long)tensor->rows);
    bool good = held_read(site, tensor, &held, error);
    size_t bytes = (size_t)(rows * tensor->columns) * held.width, had = held.count * held.width;
    char *resized = good ? calloc(1, bytes + 1) : NULL;
    good = good && (resized || error_memory(error, tensor->name));
    if (good)
        memcpy(resized, held.values, bytes < had ? bytes : had);
    memcpy(shape, tensor->shape, sizeof shape);
    shape[0] = rows;
    good = good && (overlay_replace(site->overlay, tensor->name, held.dtype, tensor->rank, shape, resized, error) ||
                    error_context(error, "fault %s", site->spec));
    site->changed += rows != tensor->rows;
    free(held.values);
    free(resized);
    return good;
}

const struct fault_kind fault_resize_rows = {
    {"resize-rows", "TENSOR,ROWS", "Cuts a tensor to its first ROWS rows, or pads it with rows of zeros",
     "tokens at the end cannot be read or written; other readers refuse the shape",
     "a vocabulary padded to a multiple of 64, or added tokens that were not saved"},
    lay_resize_rows};

/* --- exchanges --- */

static bool swap_two_rows(struct held *held, const struct fault_arguments *arguments, struct error *error)
{
    size_t row = (size_t)held->tensor->columns * held->width;
    (void)error;
    swap_memory(held->values + arguments->numbers[0] * row, held->values + arguments->numbers[1] * row, row);
    return true;
}

static bool lay_swap_router_rows(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    char name[FAULT_TEXT];
    snprintf(name, sizeof name, "model.layers.%d.mlp.gate.weight", arguments->layer);
    const struct tensor *router = store_find(site->below, name);
    if (!router)
        return error_set(error, "fault %s: %s has no tensor '%s'", site->spec, store_path(site->below), name);
    return fault_are_two(site, arguments, router->rows, "rows of the router", error) &&
           held_changed(site, router, arguments, swap_two_rows, error);
}

const struct fault_kind fault_swap_router_rows = {
    {"swap-router-rows", "LAYER,A,B", "Exchanges two rows of the router of a layer, but not their experts",
     "tokens of each of two experts are answered by the other; short texts hardly show it",
     "experts numbered anew, the router not"},
    lay_swap_router_rows};

static bool same_kind(const struct fault_site *site, const struct tensor *a, const struct tensor *b,
                      struct error *error)
{
    return tensor_same_kind(a, b) ||
           error_set(error, "fault %s: tensors '%s' and '%s' differ in shape or dtype", site->spec, a->name, b->name);
}

static void exchange_span(struct held *a, struct held *b, struct fault_span span)
{
    uint64_t first = span.first, count = span.count;
    uint64_t until_end = a->count - first < count ? a->count - first : count;
    swap_memory(a->values + first * a->width, b->values + first * a->width, until_end * a->width);
    swap_memory(a->values, b->values, (count - until_end) * a->width);
}

static bool lay_exchange_rows(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    const struct tensor *tensor = arguments->tensor, *other = arguments->other;
    struct held a = {0}, b = {0};
    bool good = same_kind(site, tensor, other, error) && held_read(site, tensor, &a, error) &&
                held_read(site, other, &b, error);
    if (good)
        exchange_span(&a, &b, fault_share(tensor, arguments->share));
    good = good && held_put(site, &a, error) && held_put(site, &b, error) && fault_count_change(site, tensor, error) &&
           fault_count_change(site, other, error);
    free(a.values);
    free(b.values);
    return good;
}

const struct fault_kind fault_exchange_rows = {
    {"exchange-rows", "TENSOR,OTHER[,SHARE]", "Exchanges rows of two tensors of one shape and dtype",
     "a part of two modules is the other's", "tensor-parallel parts put together in the wrong order"},
    lay_exchange_rows};

/* --- another type --- */

/* Bits that a reader takes for another 16-bit type than their writer meant. */
static void misread(struct held *held)
{
    enum dtype written = held->dtype == DTYPE_F32 ? DTYPE_BF16 : held->dtype;
    if (written != held->dtype)
        for (size_t i = 0; i < held->count; i++) {
            float value;
            memcpy(&value, held->values + i * sizeof value, sizeof value);
            narrow(written, &value, held->values + i * dtype_width(written), 1);
        }
    held->dtype = written == DTYPE_BF16 ? DTYPE_F16 : DTYPE_BF16;
    held->width = dtype_width(held->dtype);
}

static bool lay_misread(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    const struct tensor *tensor = arguments->tensor;
    struct held held;
    if (!dtype_width(tensor->dtype))
        return error_set(error, "fault %s: tensor '%s' has dtype %s, whose values are not of 16 or 32 bits each",
                         site->spec, tensor->name, dtype_name(tensor->dtype));
    bool good = held_read(site, tensor, &held, error);
    if (good)
        misread(&held);
    good = good && held_put(site, &held, error);
    free(held.values);
    site->changed++; /* the dtype, whatever the values */
    return good;
}

const struct fault_kind fault_misread = {
    {"misread", "TENSOR",
     "Takes the 16 bits of every value for the other 16-bit type: BF16 for F16, F16 for BF16, F32 rounded to BF16 for "
     "F16",
     "values of any size, most of them tiny; NaN, or the same text for ever",
     "BF16 read as F16, or the reverse: both have 16 bits"},
    lay_misread};
