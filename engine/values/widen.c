/* The stored dtypes to float32. */
#include <stdint.h>
#include <string.h>

#include "base/clones.h"
#include "values/dequantise.h"
#include "values/values.h"

/* Aligned values of one type. */
typedef void widen_values(const void *values, float *out, size_t count);

CLONES static void widen_bf16(const void *from, float *out, size_t count)
{
    const uint16_t *values = from;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = (uint32_t)values[i] << 16;
        memcpy(&out[i], &bits, sizeof bits);
    }
}

/* Moves exponent and fraction into place and scales by 2^112, which also makes subnormal halves exact; infinities and
 * NaN need their exponent filled up. */
CLONES static void widen_f16(const void *from, float *out, size_t count)
{
    const uint16_t *values = from;
    for (size_t i = 0; i < count; i++) {
        uint32_t half = values[i];
        uint32_t bits = (half & 0x7FFF) << 13;
        float scaled;
        memcpy(&scaled, &bits, sizeof bits);
        scaled *= 0x1p112f;
        memcpy(&bits, &scaled, sizeof bits);
        bits |= (half & 0x7C00) == 0x7C00 ? 0x7F800000u : 0;
        bits |= (half & 0x8000) << 16;
        memcpy(&out[i], &bits, sizeof bits);
    }
}

CLONES static void widen_f64(const void *from, float *out, size_t count)
{
    const double *values = from;
    for (size_t i = 0; i < count; i++)
        out[i] = (float)values[i];
}

/* Four bits of exponent, 2^-7 at zero, three of fraction; no infinities: the NaN is where the largest number would be.
 * As a half, scaled by 2^120. */
CLONES static void widen_f8_e4m3(const void *from, float *out, size_t count)
{
    const uint8_t *values = from;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = (uint32_t)(values[i] & 0x7F) << 20;
        float scaled;
        memcpy(&scaled, &bits, sizeof scaled);
        scaled *= 0x1p120f;
        memcpy(&bits, &scaled, sizeof bits);
        bits = (values[i] & 0x7F) == 0x7F ? 0x7FC00000u : bits;
        bits |= (uint32_t)(values[i] & 0x80) << 24;
        memcpy(&out[i], &bits, sizeof bits);
    }
}

/* The upper half of a half. */
CLONES static void widen_f8_e5m2(const void *from, float *out, size_t count)
{
    const uint8_t *values = from;
    for (size_t i = 0; i < count; i++) {
        uint16_t half = (uint16_t)(values[i] << 8);
        widen_f16(&half, &out[i], 1);
    }
}

/* An exponent alone: 2^(value - 127), the last a NaN. */
static void widen_f8_e8m0(const void *from, float *out, size_t count)
{
    const uint8_t *values = from;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = values[i] == 0xFF ? 0x7FC00000u : values[i] ? (uint32_t)values[i] << 23 : 0x00400000u;
        memcpy(&out[i], &bits, sizeof bits);
    }
}

#define SOME 512 /* values that are aligned at a time */

void widen(enum dtype dtype, const void *values, float *out, size_t count)
{
    static widen_values *const kinds[DTYPE_SAFETENSORS] = {
        [DTYPE_F16] = widen_f16,         [DTYPE_BF16] = widen_bf16,       [DTYPE_F64] = widen_f64,
        [DTYPE_F8_E4M3] = widen_f8_e4m3, [DTYPE_F8_E5M2] = widen_f8_e5m2, [DTYPE_F8_E8M0] = widen_f8_e8m0};
    double aligned[SOME];
    size_t width = dtype_bits(dtype) / 8;
    if (dtype == DTYPE_F32) {
        memcpy(out, values, count * sizeof *out);
        return;
    }
    if (dtype_block(dtype) > 1) {
        dequantise(dtype, values, out, count);
        return;
    }
    for (size_t done = 0; done < count;) {
        size_t some = count - done < SOME ? count - done : SOME;
        memcpy(aligned, (const char *)values + done * width, some * width);
        kinds[dtype](aligned, out + done, some);
        done += some;
    }
}

CLONES void to_doubles(const float *from, double *to, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] = (double)from[i];
}

CLONES void to_floats(const double *from, float *to, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] = (float)from[i];
}
