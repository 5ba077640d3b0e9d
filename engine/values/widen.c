/* The stored dtypes to float32. */
#include <stdint.h>
#include <string.h>

#include "base/clones.h"
#include "values/dequantise.h"
#include "values/values.h"

CLONES static void widen_bf16(const uint16_t *values, float *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = (uint32_t)values[i] << 16;
        memcpy(&out[i], &bits, sizeof bits);
    }
}

/* Moves exponent and fraction into place and scales by 2^112, which also makes subnormal halves exact; infinities and
 * NaN need their exponent filled up. */
CLONES static void widen_f16(const uint16_t *values, float *out, size_t count)
{
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

void widen(enum dtype dtype, const void *values, float *out, size_t count)
{
    uint16_t halves[512];
    if (dtype == DTYPE_F32) {
        memcpy(out, values, count * sizeof *out);
        return;
    }
    if (dtype_block(dtype) > 1) {
        dequantise(dtype, values, out, count);
        return;
    }
    for (size_t done = 0; done < count;) {
        size_t some = count - done < 512 ? count - done : 512;
        memcpy(halves, (const char *)values + done * sizeof *halves, some * sizeof *halves);
        if (dtype == DTYPE_BF16)
            widen_bf16(halves, out + done, some);
        else
            widen_f16(halves, out + done, some);
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
