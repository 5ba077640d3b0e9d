/* What values are to those of the original, each to its own. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"
#include "health/relation_internal.h"
#include "values/values.h"

static size_t count_of(const struct related *related)
{
    return related->rows * related->columns;
}

bool relation_constant(const struct related *related, struct buffer *out)
{
    size_t count = count_of(related), other = 0, finite = 0;
    for (size_t i = 0; i < count; i++) {
        other += related->a[i] != related->a[0];
        finite += isfinite(related->a[i]) != 0;
    }
    if (!finite)
        buffer_text(out, "holds nothing finite");
    else if (!other)
        buffer_format(out, "holds %.6g and nothing else", (double)related->a[0]);
    return !finite || !other;
}

/* Half a step of the type at that value, and what computing in float32 before it was rounded may cost. */
static double step_of(enum dtype dtype, double value)
{
    double relative = dtype == DTYPE_BF16 ? 0x1p-8 : dtype == DTYPE_F16 ? 0x1p-11 : 0x1p-22;
    return fabs(value) * relative + (dtype == DTYPE_F16 ? 0x1p-24 : 1e-37);
}

bool relation_factor(const struct related *related, struct buffer *out)
{
    double products = 0, squares = 0;
    size_t count = count_of(related);
    for (size_t i = 0; i < count; i++) {
        products += (double)related->a[i] * (double)related->b[i];
        squares += (double)related->b[i] * (double)related->b[i];
    }
    double factor = products / squares;
    if (!isfinite(factor) || fabs(factor - 1) < 1e-6 || !(fabs(factor) > 1e-9))
        return false;
    for (size_t i = 0; i < count; i++) {
        double expected = factor * (double)related->b[i];
        if (!(fabs((double)related->a[i] - expected) <= 1.01 * step_of(related->mine->dtype, expected)))
            return false;
    }
    buffer_format(out, "is %.5g times the original's", factor);
    return true;
}

bool relation_offset(const struct related *related, struct buffer *out)
{
    double sum = 0;
    size_t count = count_of(related);
    for (size_t i = 0; i < count; i++)
        sum += (double)related->a[i] - (double)related->b[i];
    double offset = sum / (double)count, nice = round(offset * 1024) / 1024;
    offset = fabs(offset - nice) < 1e-2 * fabs(offset) ? nice : offset;
    if (!isfinite(offset) || fabs(offset) < 1e-6)
        return false;
    for (size_t i = 0; i < count; i++) {
        double expected = (double)related->b[i] + offset;
        if (!(fabs((double)related->a[i] - expected) <=
              1.01 * step_of(related->mine->dtype, fmax(fabs(expected), fabs(offset)))))
            return false;
    }
    buffer_format(out, "is the original's with %.5g added to every value", offset);
    return true;
}

bool relation_rounded(const struct related *related, struct buffer *out)
{
    static const enum dtype dtypes[] = {DTYPE_BF16, DTYPE_F16};
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        round_values(dtypes[i], related->b, related->scratch, count_of(related));
        if (values_equal(related->a, related->scratch, count_of(related))) {
            buffer_format(out, "is the original's rounded to %s", dtype_name(dtypes[i]));
            return true;
        }
    }
    return false;
}

/* The original's bytes, each value's in the other order, read as the type that they are of. */
bool relation_bytes(const struct related *related, struct buffer *out)
{
    enum dtype dtype = related->original->dtype;
    size_t width = dtype_width(dtype), count = count_of(related);
    char *bytes = width ? malloc(count * width + 1) : NULL;
    if (!bytes)
        return false;
    narrow(dtype, related->b, bytes, count);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < width / 2; k++) {
            char byte = bytes[i * width + k];
            bytes[i * width + k] = bytes[i * width + width - 1 - k];
            bytes[i * width + width - 1 - k] = byte;
        }
    widen(dtype, bytes, related->scratch, count);
    free(bytes);
    bool same = values_equal(related->a, related->scratch, count);
    if (same)
        buffer_text(out, "is the original's with the bytes of every value in reverse order");
    return same;
}

bool relation_misread(const struct related *related, struct buffer *out)
{
    static const enum dtype types[][2] = {{DTYPE_BF16, DTYPE_F16}, {DTYPE_F16, DTYPE_BF16}};
    size_t count = count_of(related);
    char *bytes = malloc(2 * count + 1);
    bool same = false;
    for (size_t i = 0; bytes && !same && i < 2; i++) {
        narrow(types[i][0], related->b, bytes, count);
        widen(types[i][1], bytes, related->scratch, count);
        same = values_equal(related->a, related->scratch, count);
        if (same)
            buffer_format(out, "is the original's %s read as %s", dtype_name(types[i][0]), dtype_name(types[i][1]));
    }
    free(bytes);
    return same;
}

/* --- a difference of low rank --- */

#define RANK_MOST 16

static double difference(const struct related *related, size_t i)
{
    return (double)related->a[i] - (double)related->b[i];
}

/* Takes the parts along the first `count` vectors [length] away from the next one, and makes it one long; false: there
 * is nothing left of it. */
static bool orthogonal(double *vectors, size_t count, size_t length, double least)
{
    double *next = vectors + count * length, norm = 0;
    for (int twice = 0; twice < 2; twice++)
        for (size_t v = 0; v < count; v++) {
            double part = 0;
            for (size_t i = 0; i < length; i++)
                part += vectors[v * length + i] * next[i];
            for (size_t i = 0; i < length; i++)
                next[i] -= part * vectors[v * length + i];
        }
    for (size_t i = 0; i < length; i++)
        norm += next[i] * next[i];
    norm = sqrt(norm);
    for (size_t i = 0; i < length; i++)
        next[i] /= norm > 0 ? norm : 1;
    return norm > least;
}

/* What is left of the difference without its parts along the vectors, over what rounding leaves anyway; squares. */
static double left_over(const struct related *related, const double *vectors, size_t count, double *rounding)
{
    double left = 0;
    *rounding = 0;
    for (size_t row = 0; row < related->rows; row++) {
        double squares = 0;
        for (size_t i = 0; i < related->columns; i++) {
            double step = step_of(related->mine->dtype, (double)related->a[row * related->columns + i]);
            squares +=
                difference(related, row * related->columns + i) * difference(related, row * related->columns + i);
            *rounding += step * step / 3;
        }
        for (size_t v = 0; v < count; v++) {
            double part = 0;
            for (size_t i = 0; i < related->columns; i++)
                part += difference(related, row * related->columns + i) * vectors[v * related->columns + i];
            squares -= part * part;
        }
        left += fmax(squares, 0);
    }
    return left;
}

/* next += D^T weights, over the rows of the difference D. */
static void mix_rows(const struct related *related, const double *weights, double *next)
{
    for (size_t row = 0; row < related->rows; row++)
        for (size_t i = 0; i < related->columns; i++)
            next[i] += weights[row] * difference(related, row * related->columns + i);
}

/* A random mixture of rows, then D^T D of it: what rounding adds fades against what is there. */
static void mixture(const struct related *related, uint64_t seed, double *weights, double *next)
{
    for (size_t row = 0; row < related->rows; row++)
        weights[row] = (double)(mix_u64(seed * MIX_STEP + row) >> 11) * 0x1p-52 - 1;
    for (int twice = 0; twice < 2; twice++) {
        for (size_t row = 0; twice && row < related->rows; row++) {
            weights[row] = 0;
            for (size_t i = 0; i < related->columns; i++)
                weights[row] += next[i] * difference(related, row * related->columns + i);
        }
        memset(next, 0, related->columns * sizeof *next);
        mix_rows(related, weights, next);
    }
}

/* Rows of a random mixture span the rows of the difference, where its rank is low (Halko, Martinsson, Tropp: Finding
 * structure with randomness, 2011). */
bool relation_adapter(const struct related *related, struct buffer *out)
{
    size_t columns = related->columns, smaller = related->rows < columns ? related->rows : columns;
    double *vectors = calloc((RANK_MOST + 1) * columns + 1, sizeof *vectors), rounding = 0;
    double *weights = malloc((related->rows + 1) * sizeof *weights);
    bool found = false, room = vectors && weights && smaller >= 2 * RANK_MOST;
    double all = room ? left_over(related, vectors, 0, &rounding) : 0;
    for (size_t rank = 1; room && !found && rank <= RANK_MOST; rank++) {
        double *next = vectors + (rank - 1) * columns;
        mixture(related, rank, weights, next);
        if (!orthogonal(vectors, rank - 1, columns, 1e-12))
            break;
        double left = left_over(related, vectors, rank, &rounding);
        found = isfinite(left) && left < all / 16 && left < 4 * rounding;
        if (found)
            buffer_format(out, "differs from the original's by a matrix of rank %zu: as a merged adapter does", rank);
    }
    free(vectors);
    free(weights);
    return found;
}

/* How much of the original is left: correlation of the values. */
bool relation_unrelated(const struct related *related, struct buffer *out)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < count_of(related); i++) {
        ab += (double)related->a[i] * (double)related->b[i];
        aa += (double)related->a[i] * (double)related->a[i];
        bb += (double)related->b[i] * (double)related->b[i];
    }
    double correlation = ab / sqrt(aa * bb), noise = 4 / sqrt((double)count_of(related));
    if (!isfinite(correlation))
        buffer_text(out, "holds values that are not finite");
    else if (fabs(correlation) < fmax(noise, 0.02))
        buffer_format(out, "has nothing in common with the original's (correlation %.2g)", correlation);
    else
        buffer_format(
            out, "differs from the original's by %.2g (relative L2), in no way that is known here (correlation %.4g)",
            sqrt(fmax(aa + bb - 2 * ab, 0) / bb), correlation);
    return true;
}
