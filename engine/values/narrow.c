/* Float32 to the stored dtypes. */
#include <math.h>
#include <string.h>

#include "values/values.h"

/* float32 keeps the upper 16 of its bits. */
static uint16_t narrow_bf16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (isnan(value))
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

static uint16_t narrow_f16(float value)
{
    uint16_t sign = signbit(value) ? 0x8000 : 0;
    double size = fabs((double)value);
    if (isnan(value))
        return sign | 0x7E00;
    if (size >= 65520) /* halfway between the largest half, 65504, and the next that there would be */
        return sign | 0x7C00;
    if (size < 0x1p-14) /* subnormal: a multiple of 2^-24; a carry into bit 10 is the smallest normal half */
        return (uint16_t)(sign | (uint16_t)nearbyint(ldexp(size, 24)));
    int exponent;
    frexp(size, &exponent);
    int steps = (int)nearbyint(ldexp(size, 11 - exponent)); /* 1024 to 2048: 11 bits, ties to even */
    return (uint16_t)(sign | (uint16_t)(((exponent + 14) << 10) + (steps - 1024)));
}

void narrow(enum dtype dtype, const float *values, void *out, size_t count)
{
    if (dtype == DTYPE_F32) {
        memcpy(out, values, count * sizeof *values);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint16_t half = dtype == DTYPE_F16 ? narrow_f16(values[i]) : narrow_bf16(values[i]);
        memcpy((char *)out + i * sizeof half, &half, sizeof half);
    }
}

void round_values(enum dtype dtype, const float *values, float *out, size_t count)
{
    float narrowed[64];
    for (size_t at = 0, some; at < count; at += some) {
        some = count - at < 64 ? count - at : 64;
        narrow(dtype, values + at, narrowed, some);
        widen(dtype, narrowed, out + at, some);
    }
}

bool values_equal(const float *a, const float *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (isless(a[i], b[i]) || isgreater(a[i], b[i]) || isnan(a[i]) != isnan(b[i]))
            return false;
    return true;
}
