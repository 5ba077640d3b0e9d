/* The original's values in other places. */
#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"
#include "health/relation_internal.h"
#include "values/values.h"

bool relation_transposed(const struct related *related, struct buffer *out)
{
    size_t rows = related->rows, columns = related->columns;
    if (related->mine->rank != 2)
        return false;
    for (size_t row = 0; row < rows; row++)
        for (size_t column = 0; column < columns; column++)
            related->scratch[column * rows + row] = related->b[row * columns + column];
    bool same = values_equal(related->a, related->scratch, rows * columns);
    if (same)
        buffer_text(out, "is the original's transposed");
    return same;
}

/* --- permutations --- */

/* Rows or columns of a matrix: element k of line i lies at i * line + k * step. */
struct lines {
    size_t count, length, line, step;
};

static uint64_t line_hash(const float *values, const struct lines *lines, size_t index)
{
    uint64_t hash = 0;
    for (size_t k = 0; k < lines->length; k++) {
        float value = values[index * lines->line + k * lines->step] + 0.0f;
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        hash = mix_u64(hash ^ bits);
    }
    return hash;
}

struct hashed {
    uint64_t hash;
    size_t index;
};

static int by_hash(const void *left, const void *right)
{
    const struct hashed *a = left, *b = right;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

/* from[i]: the original's line that line i holds, each once; false: some line is none of them. */
static bool find_order(const struct related *related, const struct lines *lines, size_t *from)
{
    struct hashed *mine = malloc((lines->count + 1) * sizeof *mine),
                  *original = malloc((lines->count + 1) * sizeof *original);
    bool same = mine && original;
    for (size_t i = 0; same && i < lines->count; i++) {
        mine[i] = (struct hashed){line_hash(related->a, lines, i), i};
        original[i] = (struct hashed){line_hash(related->b, lines, i), i};
    }
    if (same) {
        qsort(mine, lines->count, sizeof *mine, by_hash);
        qsort(original, lines->count, sizeof *original, by_hash);
    }
    for (size_t i = 0; same && i < lines->count; i++) {
        same = mine[i].hash == original[i].hash;
        from[mine[i].index] = original[i].index;
    }
    free(mine);
    free(original);
    return same;
}

static bool is_shift(const size_t *from, size_t count, size_t shift)
{
    for (size_t i = 0; i < count; i++)
        if (from[i] != (i + shift) % count)
            return false;
    return true;
}

/* `back`: rows that were laid for rotation by neighbours are laid as halves. */
static bool is_by_heads(const size_t *from, size_t count, size_t head, bool back)
{
    if (!head || head % 2 || count % head)
        return false;
    for (size_t i = 0; i < count; i++) {
        size_t in = i % head, half = head / 2;
        size_t of = back ? (in < half ? 2 * in : 2 * (in - half) + 1) : in % 2 * half + in / 2;
        if (from[i] != i - in + of)
            return false;
    }
    return true;
}

static void order_text(const size_t *from, size_t count, size_t head, const char *what, struct buffer *out)
{
    size_t moved = 0, first = 0, last = 0;
    for (size_t i = 0; i < count; i++)
        if (from[i] != i) {
            first = moved++ ? first : i;
            last = i;
        }
    if (is_by_heads(from, count, head, false))
        buffer_format(out, "has the %ss of each head in the order for rotation of neighbours (--fault pair-heads)",
                      what);
    else if (is_by_heads(from, count, head, true))
        buffer_format(out,
                      "has the %ss of each head in the order for rotation of halves, although they were in it before "
                      "(--fault halve-heads)",
                      what);
    else if (is_shift(from, count, count / 2) && count % 2 == 0)
        buffer_format(out, "has its two halves of %ss exchanged", what);
    else if (is_shift(from, count, from[0]))
        buffer_format(out, "has its %ss shifted: %s 0 is the original's %s %zu", what, what, what, from[0]);
    else if (moved == 2)
        buffer_format(out, "has %ss %zu and %zu exchanged", what, first, last);
    else
        buffer_format(out, "has %zu of its %zu %ss in another order", moved, count, what);
}

static bool is_reordered(const struct related *related, const struct lines *lines, const char *what, struct buffer *out)
{
    size_t *from = malloc((lines->count + 1) * sizeof *from);
    bool found = from && lines->count > 1 && find_order(related, lines, from);
    if (found)
        order_text(from, lines->count, related->head, what, out);
    free(from);
    return found;
}

bool relation_rows(const struct related *related, struct buffer *out)
{
    const struct lines lines = {
        .count = related->rows, .length = related->columns, .line = related->columns, .step = 1};
    return is_reordered(related, &lines, related->mine->rank < 2 ? "value" : "row", out);
}

bool relation_columns(const struct related *related, struct buffer *out)
{
    const struct lines lines = {
        .count = related->columns, .length = related->rows, .line = 1, .step = related->columns};
    return related->columns > 1 && is_reordered(related, &lines, "column", out);
}

/* --- a part --- */

/* Only some values are others, in one piece with at most as many in between that are the original's. */
bool relation_part(const struct related *related, struct buffer *out)
{
    size_t count = related->rows * related->columns, first = count, last = 0, differ = 0, zeros = 0;
    for (size_t i = 0; i < count; i++) {
        if (values_equal(&related->a[i], &related->b[i], 1))
            continue;
        first = differ++ ? first : i;
        last = i;
        zeros += related->a[i] == 0;
    }
    size_t piece = last - first + 1, width = related->mine->bytes && count ? (size_t)(related->mine->bytes / count) : 0;
    if (!differ || 4 * piece > 3 * count)
        return false;
    buffer_format(out, "differs in %zu of %zu values only, those of ", differ, count);
    if (related->mine->rank >= 2 && piece >= related->columns)
        buffer_format(out, "rows %zu to %zu", first / related->columns, last / related->columns);
    else if (related->mine->rank >= 2)
        buffer_format(out, "row %zu from column %zu on", first / related->columns, first % related->columns);
    else
        buffer_format(out, "elements %zu to %zu", first, last);
    if (zeros == differ)
        buffer_text(out, ", which are zeros");
    if (width && zeros == differ)
        buffer_format(out, " (%zu bytes from byte %zu of the tensor on)", piece * width, first * width);
    return true;
}
