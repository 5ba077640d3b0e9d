#include "math/kernels.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/clones.h"
#include "base/numbers.h"

typedef float lanes __attribute__((vector_size(64), aligned(4), may_alias));
typedef float half_lanes __attribute__((vector_size(32), aligned(4), may_alias));
typedef double double_lanes __attribute__((vector_size(64)));
#define DOUBLES 8
#define LANES 16

CLONES float dot(const float *a, const float *b, size_t count)
{
    lanes sums[4] = {0};
    size_t i = 0;
    for (; i + 4 * LANES <= count; i += 4 * LANES)
        for (size_t k = 0; k < 4; k++)
            sums[k] += *(const lanes *)(a + i + k * LANES) * *(const lanes *)(b + i + k * LANES);
    for (; i + LANES <= count; i += LANES)
        sums[0] += *(const lanes *)(a + i) * *(const lanes *)(b + i);
    lanes all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    float sum = 0;
    for (; i < count; i++)
        sum += a[i] * b[i];
    for (size_t k = 0; k < LANES; k++)
        sum += all[k];
    return sum;
}

CLONES float dot_exact(const float *a, const float *b, size_t count)
{
    double_lanes sums[4] = {0};
    size_t i = 0;
    for (; i + 4 * DOUBLES <= count; i += 4 * DOUBLES)
        for (size_t k = 0; k < 4; k++)
            sums[k] += __builtin_convertvector(*(const half_lanes *)(a + i + k * DOUBLES), double_lanes) *
                       __builtin_convertvector(*(const half_lanes *)(b + i + k * DOUBLES), double_lanes);
    double_lanes all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    double sum = 0;
    for (; i < count; i++)
        sum += (double)a[i] * (double)b[i];
    for (size_t k = 0; k < DOUBLES; k++)
        sum += all[k];
    return (float)sum;
}

CLONES bool all_finite(const float *x, size_t count)
{
    uint32_t broken = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        broken |= (bits & 0x7F800000u) == 0x7F800000u;
    }
    return !broken;
}

CLONES void add_scaled(float *out, const float *x, float scale, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] += scale * x[i];
}

/* exp(x) = 2^k * exp(r), |r| <= ln(2) / 2, ln(2) in two parts, exp(r) by its Taylor polynomial of degree 7 (error 5e-9
 * relative at the ends). Without a branch, so that the loop around it becomes vector code. */
static inline __attribute__((always_inline)) float exponential_one(float v)
{
    float shifted = v * 1.44269504088896341f + 12582912.0f; /* 1.5 * 2^23: rounds to the nearest whole number */
    float k = shifted - 12582912.0f;
    float r = v - k * 0.693145751953125f;
    r = r - k * 1.42860682030941723e-6f;
    float p = r * (1.0f / 5040) + (1.0f / 720);
    p = p * r + (1.0f / 120);
    p = p * r + (1.0f / 24);
    p = p * r + (1.0f / 6);
    p = p * r + 0.5f;
    p = p * r * r + r + 1.0f;
    uint32_t bits;
    float scale;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits - 0x4B400000u + 126u) << 23; /* 2^(k-1), which is representable up to the largest k */
    memcpy(&scale, &bits, sizeof scale);
    float result = p * scale * 2.0f;
    result = v < -86.5f ? 0.0f : result;
    result = v > 88.72283f ? INFINITY : result;
    return v != v ? v : result;
}

CLONES void exponential(float *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        x[i] = exponential_one(x[i]);
}

CLONES static float largest_of(const float *x, size_t count)
{
    float lanes_largest[LANES], largest = -INFINITY;
    size_t i = 0;
    for (size_t k = 0; k < LANES; k++)
        lanes_largest[k] = -INFINITY;
    for (; i + LANES <= count; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            lanes_largest[k] = x[i + k] > lanes_largest[k] ? x[i + k] : lanes_largest[k];
    for (; i < count; i++)
        largest = x[i] > largest ? x[i] : largest;
    for (size_t k = 0; k < LANES; k++)
        largest = lanes_largest[k] > largest ? lanes_largest[k] : largest;
    return largest;
}

CLONES static double sum_of(const float *x, size_t count)
{
    double sums[LANES] = {0}, sum = 0;
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            sums[k] += (double)x[i + k];
    for (; i < count; i++)
        sum += (double)x[i];
    for (size_t k = 0; k < LANES; k++)
        sum += sums[k];
    return sum;
}

CLONES void softmax(float *x, size_t count)
{
    float largest = largest_of(x, count);
    for (size_t i = 0; i < count; i++)
        x[i] = exponential_one(x[i] - largest);
    float scale = (float)(1 / sum_of(x, count));
    for (size_t i = 0; i < count; i++)
        x[i] *= scale;
}

CLONES void softmax_sink(float *x, size_t count, float sink)
{
    float largest = largest_of(x, count);
    largest = sink > largest ? sink : largest;
    for (size_t i = 0; i < count; i++)
        x[i] = exponential_one(x[i] - largest);
    float scale = (float)(1 / (sum_of(x, count) + exp((double)(sink - largest))));
    for (size_t i = 0; i < count; i++)
        x[i] *= scale;
}

CLONES void silu_multiply(float *gate, const float *up, size_t count)
{
    for (size_t i = 0; i < count; i++)
        gate[i] = gate[i] / (1.0f + exponential_one(-gate[i])) * up[i];
}

void dither(float *x, size_t count, double relative, uint64_t seed)
{
    const float most = (float)(relative * sqrt(3));
    for (size_t i = 0; i < count; i++) {
        float u = (float)(int64_t)mix_u64(seed + i * MIX_STEP) * 0x1p-63f;
        x[i] += x[i] * (most * u);
    }
}
