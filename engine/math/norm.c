/* Compiled without fused multiply-add: every product and sum below is rounded by itself, as in the original. */
#include <math.h>
#include <string.h>

#include "math/kernels.h"

/* The mean of squares is summed in float32 in the very order of PyTorch's inner reduction
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

static void partial_add_squares(struct partial *to, const float *x)
{
    for (int k = 0; k < SIDE; k++) {
        lanes value = *(const lanes *)(x + k * LANES);
        to->sums[k] += value * value;
    }
}

/* Sum of the squares of `rows` rows of SIDE x LANES values. */
static struct partial cascade(const float *x, size_t rows)
{
    struct partial levels[LEVELS];
    memset(levels, 0, sizeof levels);
    size_t log = 0;
    while (((size_t)1 << log) < rows)
        log++;
    size_t power = log / LEVELS > 4 ? log / LEVELS : 4, step = (size_t)1 << power, i = 0;
    while (i + step <= rows) {
        for (size_t j = 0; j < step; j++, i++)
            partial_add_squares(&levels[0], x + i * SIDE * LANES);
        for (size_t level = 1; level < LEVELS; level++) {
            partial_add(&levels[level], &levels[level - 1]);
            memset(&levels[level - 1], 0, sizeof levels[0]);
            if (i & ((step - 1) << (level * power)))
                break;
        }
    }
    for (; i < rows; i++)
        partial_add_squares(&levels[0], x + i * SIDE * LANES);
    for (size_t level = 1; level < LEVELS; level++)
        partial_add(&levels[0], &levels[level]);
    return levels[0];
}

/* Fewer than LANES values: the same scheme with a single lane. */
static float sum_short(const float *x, size_t count)
{
    float sums[SIDE] = {0};
    size_t whole = count / SIDE * SIDE;
    for (size_t i = 0; i < whole; i++)
        sums[i % SIDE] += x[i] * x[i];
    for (size_t i = whole; i < count; i++)
        sums[0] += x[i] * x[i];
    for (int k = 1; k < SIDE; k++)
        sums[0] += sums[k];
    return sums[0];
}

static float sum_of_squares(const float *x, size_t count)
{
    if (count < LANES)
        return sum_short(x, count);
    size_t vectors = count / LANES, rows = vectors / SIDE;
    struct partial partial = cascade(x, rows);
    for (size_t i = rows * SIDE; i < vectors; i++) {
        lanes value = *(const lanes *)(x + i * LANES);
        partial.sums[0] += value * value;
    }
    for (int k = 1; k < SIDE; k++)
        partial.sums[0] += partial.sums[k];
    float sum = 0;
    for (size_t i = vectors * LANES; i < count; i++)
        sum += x[i] * x[i];
    for (int k = 0; k < LANES; k++)
        sum += partial.sums[0][k];
    return sum;
}

void rms_norm(const float *x, const float *gain, double epsilon, float *out, size_t count)
{
    float scale = 1.0f / sqrtf(sum_of_squares(x, count) / (float)count + (float)epsilon);
    for (size_t i = 0; i < count; i++)
        out[i] = x[i] * scale * gain[i];
}
