/* Compiled without fused multiply-add: every product and sum below is rounded by itself, as in the original. */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "math/kernels.h"

/* The mean (of squares) is summed in float32 in the very order of PyTorch's inner reduction
 * (ATen/native/cpu/SumKernel.cpp, row_sum and multi_row_sum): lanes of 8, four rows of lanes side by side, and four
 * levels of partial sums. The original takes this sum in float32 even in its float64 runs, so its rounding is part of
 * what gold says; a more exact sum would differ from gold by several times the noise that gold records. */
#define LANES 8
#define SIDE 4
#define LEVELS 4

typedef float lanes __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

struct partial {
    lanes sums[SIDE];
};

static void partial_add(struct partial *to, const struct partial *from)
{
    for (int k = 0; k < SIDE; k++)
        to->sums[k] += from->sums[k];
}

/* What is summed: values, or their squares. */
static inline void add_term(lanes *to, const float *x, bool squared)
{
    lanes value = *(const lanes *)x;
    if (squared)
        value *= value;
    *to += value;
}

static void partial_add_terms(struct partial *to, const float *x, bool squared)
{
    for (int k = 0; k < SIDE; k++)
        add_term(&to->sums[k], x + k * LANES, squared);
}

/* Sum of `rows` rows of SIDE x LANES values. */
static struct partial cascade(const float *x, size_t rows, bool squared)
{
    struct partial levels[LEVELS];
    memset(levels, 0, sizeof levels);
    size_t log = 0;
    while (((size_t)1 << log) < rows)
        log++;
    size_t power = log / LEVELS > 4 ? log / LEVELS : 4, step = (size_t)1 << power, i = 0;
    while (i + step <= rows) {
        for (size_t j = 0; j < step; j++, i++)
            partial_add_terms(&levels[0], x + i * SIDE * LANES, squared);
        for (size_t level = 1; level < LEVELS; level++) {
            partial_add(&levels[level], &levels[level - 1]);
            memset(&levels[level - 1], 0, sizeof levels[0]);
            if (i & ((step - 1) << (level * power)))
                break;
        }
    }
    for (; i < rows; i++)
        partial_add_terms(&levels[0], x + i * SIDE * LANES, squared);
    for (size_t level = 1; level < LEVELS; level++)
        partial_add(&levels[0], &levels[level]);
    return levels[0];
}

/* Fewer than LANES values: the same scheme with a single lane. */
static float sum_short(const float *x, size_t count, bool squared)
{
    float sums[SIDE] = {0};
    size_t whole = count / SIDE * SIDE;
    for (size_t i = 0; i < whole; i++)
        sums[i % SIDE] += squared ? x[i] * x[i] : x[i];
    for (size_t i = whole; i < count; i++)
        sums[0] += squared ? x[i] * x[i] : x[i];
    for (int k = 1; k < SIDE; k++)
        sums[0] += sums[k];
    return sums[0];
}

static float sum_of(const float *x, size_t count, bool squared)
{
    if (count < LANES)
        return sum_short(x, count, squared);
    size_t vectors = count / LANES, rows = vectors / SIDE;
    struct partial partial = cascade(x, rows, squared);
    for (size_t i = rows * SIDE; i < vectors; i++)
        add_term(&partial.sums[0], x + i * LANES, squared);
    for (int k = 1; k < SIDE; k++)
        partial.sums[0] += partial.sums[k];
    float sum = 0;
    for (size_t i = vectors * LANES; i < count; i++)
        sum += squared ? x[i] * x[i] : x[i];
    for (int k = 0; k < LANES; k++)
        sum += partial.sums[0][k];
    return sum;
}

void rms_norm(const float *x, const float *gain, float offset, double epsilon, float *out, size_t count)
{
    float scale = 1.0f / sqrtf(sum_of(x, count, true) / (float)count + (float)epsilon);
    if (offset != 0)
        for (size_t i = 0; i < count; i++)
            out[i] = x[i] * scale * (offset + gain[i]);
    else
        for (size_t i = 0; i < count; i++)
            out[i] = x[i] * scale * gain[i];
}

void layer_norm(const float *x, const float *gain, double epsilon, float *out, size_t count)
{
    float mean = sum_of(x, count, false) / (float)count;
    for (size_t i = 0; i < count; i++)
        out[i] = x[i] - mean;
    float scale = 1.0f / sqrtf(sum_of(out, count, true) / (float)count + (float)epsilon);
    for (size_t i = 0; i < count; i++)
        out[i] = gain[i] * (out[i] * scale);
}

void layer_norm_biased(const float *x, const float *gain, const float *bias, double epsilon, float *out, size_t count)
{
    double mean = 0, squares = 0;
    for (size_t i = 0; i < count; i++)
        mean += (double)x[i];
    mean /= (double)count;
    for (size_t i = 0; i < count; i++)
        squares += ((double)x[i] - mean) * ((double)x[i] - mean);
    double scale = 1 / sqrt(squares / (double)count + epsilon);
    for (size_t i = 0; i < count; i++)
        out[i] = (float)(((double)x[i] - mean) * scale * (double)gain[i] + (double)bias[i]);
}
