#include "math/reference.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static float half_value(uint16_t half)
{
    int exponent = half >> 10 & 31, fraction = half & 1023;
    double sign = half & 0x8000 ? -1 : 1;
    if (exponent == 31)
        return fraction ? NAN : (float)(sign * INFINITY);
    if (exponent == 0)
        return (float)(sign * ldexp(fraction, -24));
    return (float)(sign * ldexp(1024 + fraction, exponent - 25));
}

float reference_widen(enum dtype dtype, const void *value)
{
    float wide = NAN;
    uint16_t half;
    uint32_t bits;
    if (dtype == DTYPE_F32) {
        memcpy(&wide, value, sizeof wide);
        return wide;
    }
    memcpy(&half, value, sizeof half);
    if (dtype == DTYPE_F16)
        return half_value(half);
    bits = (uint32_t)half << 16;
    memcpy(&wide, &bits, sizeof wide);
    return wide;
}

void reference_rms_norm(const float *x, const float *gain, double epsilon, float *out, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)x[i] * (double)x[i];
    for (size_t i = 0; i < count; i++)
        out[i] = (float)((double)gain[i] * (double)x[i] / sqrt(sum / (double)count + epsilon));
}

void reference_softmax(float *x, size_t count)
{
    double largest = -INFINITY, sum = 0;
    for (size_t i = 0; i < count; i++)
        largest = (double)x[i] > largest ? (double)x[i] : largest;
    for (size_t i = 0; i < count; i++)
        sum += exp((double)x[i] - largest);
    for (size_t i = 0; i < count; i++)
        x[i] = (float)(exp((double)x[i] - largest) / sum);
}

void reference_silu_multiply(float *gate, const float *up, size_t count)
{
    for (size_t i = 0; i < count; i++)
        gate[i] = (float)((double)gate[i] / (1 + exp(-(double)gate[i])) * (double)up[i]);
}

void reference_product(const float *a, const float *b, float *c, size_t m, size_t n, size_t k)
{
    for (size_t row = 0; row < m; row++) {
        for (size_t column = 0; column < n; column++) {
            double sum = 0;
            for (size_t i = 0; i < k; i++)
                sum += (double)a[row * k + i] * (double)b[column * k + i];
            c[row * n + column] = (float)sum;
        }
    }
}
