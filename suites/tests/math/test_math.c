/* The arithmetic rung: every kernel against its plain twin, and the norm against the bits of PyTorch. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "math/blas.h"
#include "math/kernels.h"
#include "math/reference.h"
#include "math_fixture.h"
#include "values/values.h"

/* Sizes around every width that the kernels work in. */
static const size_t sizes[] = {0,  1,  2,  3,  5,   7,   8,   9,   15,  16,  17,   31,  32,
                               33, 63, 64, 65, 127, 128, 129, 511, 512, 513, 1000, 4097};
#define SIZES (sizeof sizes / sizeof *sizes)
#define MOST 4097

/* Steps of float32 between the two; huge when only one is finite. */
static double steps_between(float a, float b)
{
    if (isnan(a) || isnan(b))
        return isnan(a) && isnan(b) ? 0 : INFINITY;
    int32_t x = (int32_t)bits_of(a), y = (int32_t)bits_of(b);
    int64_t wide_x = x < 0 ? INT32_MIN - (int64_t)x : x, wide_y = y < 0 ? INT32_MIN - (int64_t)y : y;
    return fabs((double)(wide_x - wide_y));
}

/* widen */

/* All halves and all bfloat16, from an odd address: the same bits as the plain twin; any NaN for a NaN. */
static void widen_all(enum dtype dtype)
{
    unsigned char *raw = malloc(2 * 65536 + 1);
    float *wide = malloc(65536 * sizeof *wide);
    for (int aligned = 0; aligned < 2; aligned++) {
        unsigned char *at = raw + !aligned;
        for (unsigned i = 0; i < 65536; i++)
            memcpy(at + 2 * i, &(uint16_t){(uint16_t)i}, 2);
        widen(dtype, at, wide, 65536);
        for (unsigned i = 0; i < 65536; i++) {
            float expected = reference_widen(dtype, at + 2 * i);
            cr_assert(isnan(expected) ? isnan(wide[i]) : bits_of(wide[i]) == bits_of(expected), "%s %04x is %a, not %a",
                      dtype_name(dtype), i, (double)wide[i], (double)expected);
        }
    }
    free(raw);
    free(wide);
}

Test(arithmetic, widen_every_half)
{
    widen_all(DTYPE_F16);
}

Test(arithmetic, widen_every_bfloat16)
{
    widen_all(DTYPE_BF16);
}

/* The number that sign, exponent and fraction of eight bits stand for. */
static double small_float(unsigned code, int fraction_bits, int bias)
{
    int exponent = (int)(code & 0x7F) >> fraction_bits, fraction = (int)code & ((1 << fraction_bits) - 1);
    double value = exponent ? ldexp((1 << fraction_bits) + fraction, exponent - bias - fraction_bits)
                            : ldexp(fraction, 1 - bias - fraction_bits);
    return code & 0x80 ? -value : value;
}

Test(arithmetic, widen_every_float_of_8_bits)
{
    for (unsigned code = 0; code < 256; code++) {
        uint8_t byte = (uint8_t)code;
        float e4m3, e5m2, e8m0;
        widen(DTYPE_F8_E4M3, &byte, &e4m3, 1);
        widen(DTYPE_F8_E5M2, &byte, &e5m2, 1);
        widen(DTYPE_F8_E8M0, &byte, &e8m0, 1);
        if ((code & 0x7F) == 0x7F)
            cr_expect(isnan(e4m3) && isnan(e5m2));
        else
            cr_expect(bits_of(e4m3) == bits_of((float)small_float(code, 3, 7)), "E4M3 %02x is %a", code, (double)e4m3);
        if ((code & 0x7F) > 0x7C)
            cr_expect(isnan(e5m2), "E5M2 %02x is %a", code, (double)e5m2);
        else if ((code & 0x7F) == 0x7C)
            cr_expect(isinf(e5m2) && (e5m2 < 0) == (code > 0x7F));
        else
            cr_expect(bits_of(e5m2) == bits_of((float)small_float(code, 2, 15)), "E5M2 %02x is %a", code, (double)e5m2);
        if (code == 255)
            cr_expect(isnan(e8m0));
        else
            cr_expect(bits_of(e8m0) == bits_of((float)ldexp(1, (int)code - 127)), "E8M0 %02x is %a", code,
                      (double)e8m0);
    }
}

/* To nearest, ties to even, from any address. */
Test(arithmetic, widen_doubles)
{
    static const struct {
        double value;
        float wide;
    } rows[] = {{1, 1},
                {-0.0, -0.0f},
                {1 + 0x1p-24, 1},
                {1 + 3 * 0x1p-24, 1 + 0x1p-22f},
                {1 + 0x1p-24 + 0x1p-50, 1 + 0x1p-23f},
                {0x1p-150, 0},
                {0x1.8p-149, 0x1p-148f},
                {1e300, INFINITY},
                {-INFINITY, -INFINITY}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned char raw[sizeof(double) + 1];
        float wide;
        memcpy(raw + 1, &rows[i].value, sizeof(double));
        widen(DTYPE_F64, raw + 1, &wide, 1);
        cr_expect(bits_of(wide) == bits_of(rows[i].wide), "%a became %a", rows[i].value, (double)wide);
    }
}

/* What a half is, by hand. */
Test(arithmetic, the_plain_widening_is_right)
{
    static const struct {
        enum dtype dtype;
        uint16_t half;
        float value;
    } rows[] = {
        {DTYPE_F16, 0x0000, 0.0f},
        {DTYPE_F16, 0x8000, -0.0f},
        {DTYPE_F16, 0x0001, 0x1p-24f},
        {DTYPE_F16, 0x03FF, 0x3FFp-24f},
        {DTYPE_F16, 0x0400, 0x1p-14f},
        {DTYPE_F16, 0x3C00, 1.0f},
        {DTYPE_F16, 0x3C01, 1.0f + 0x1p-10f},
        {DTYPE_F16, 0xC000, -2.0f},
        {DTYPE_F16, 0x7BFF, 65504.0f},
        {DTYPE_F16, 0x7C00, INFINITY},
        {DTYPE_F16, 0xFC00, -INFINITY},
        {DTYPE_BF16, 0x3F80, 1.0f},
        {DTYPE_BF16, 0xC000, -2.0f},
        {DTYPE_BF16, 0x0001, 0x1p-133f},
        {DTYPE_BF16, 0x7F80, INFINITY},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect(bits_of(reference_widen(rows[i].dtype, &rows[i].half)) == bits_of(rows[i].value), "row %zu", i);
}

/* Every half and bfloat16 comes back, and what lies between two goes to the nearer one, ties to the even. */
static void narrow_all(enum dtype dtype)
{
    for (uint32_t bits = 0; bits < 0x7FFF; bits++) {
        uint16_t half = (uint16_t)bits, next = (uint16_t)(bits + 1), out;
        float value = reference_widen(dtype, &half), above = reference_widen(dtype, &next);
        if (isnan(value))
            continue;
        narrow(dtype, &value, &out, 1);
        cr_assert_eq(out, half, "%#x became %#x", half, out);
        value = -value;
        narrow(dtype, &value, &out, 1);
        cr_assert_eq(out, half | 0x8000, "-%#x became %#x", half, out);
        if (!isfinite(above))
            continue;
        float middle = (float)(((double)reference_widen(dtype, &half) + (double)above) / 2);
        float nearer[2] = {nextafterf(middle, 0), nextafterf(middle, INFINITY)};
        narrow(dtype, &middle, &out, 1);
        cr_assert_eq(out, half % 2 ? next : half, "the middle above %#x became %#x", half, out);
        for (int i = 0; i < 2; i++) {
            narrow(dtype, &nearer[i], &out, 1);
            cr_assert_eq(out, i ? next : half, "beside the middle above %#x: %#x", half, out);
        }
    }
}

Test(arithmetic, narrow_every_half)
{
    static const float large[] = {65519.996f, 65520, INFINITY, NAN};
    uint16_t out[4];
    narrow_all(DTYPE_F16);
    narrow(DTYPE_F16, large, out, 4);
    cr_expect(out[0] == 0x7BFF && out[1] == 0x7C00 && out[2] == 0x7C00 && (out[3] & 0x7FFF) > 0x7C00);
}

Test(arithmetic, narrow_every_bfloat16)
{
    static const float special[] = {INFINITY, NAN, 3.4e38f};
    uint16_t out[3];
    float same[2] = {1.5f, -2}, copy[2];
    narrow_all(DTYPE_BF16);
    narrow(DTYPE_BF16, special, out, 3);
    cr_expect(out[0] == 0x7F80 && (out[1] & 0x7FFF) > 0x7F80 && out[2] == 0x7F80);
    narrow(DTYPE_F32, same, copy, 2);
    cr_expect(memcmp(same, copy, sizeof same) == 0);
}

Test(arithmetic, widen_any_count)
{
    static const enum dtype dtypes[] = {DTYPE_F32, DTYPE_F16, DTYPE_BF16};
    for (size_t s = 0; s < SIZES; s++) {
        for (size_t d = 0; d < 3; d++) {
            size_t width = dtype_width(dtypes[d]), count = sizes[s];
            unsigned char *raw = malloc(count * width + 4);
            uint32_t state = (uint32_t)s;
            for (size_t i = 0; i < count * width + 4; i++)
                raw[i] = (unsigned char)(next_value(&state) * 127);
            for (size_t shift = 0; shift < 4; shift++) {
                float *wide = malloc((count + 1) * sizeof *wide);
                wide[count] = 42;
                widen(dtypes[d], raw + shift, wide, count);
                for (size_t i = 0; i < count; i++) {
                    float expected = reference_widen(dtypes[d], raw + shift + i * width);
                    cr_assert(steps_between(wide[i], expected) <= 0, "%s, count %zu, value %zu", dtype_name(dtypes[d]),
                              count, i);
                }
                cr_assert(wide[count] >= 42 && wide[count] <= 42, "%s, count %zu: wrote behind the end",
                          dtype_name(dtypes[d]), count);
                free(wide);
            }
            free(raw);
        }
    }
}

/* dot, add_scaled */

Test(arithmetic, dot)
{
    for (size_t s = 0; s < SIZES; s++) {
        for (size_t shift = 0; shift < 3; shift++) {
            size_t count = sizes[s];
            float *a = random_values(1, count + shift, 2), *b = random_values(2, count + shift, 2);
            double sum = 0, magnitude = 0;
            for (size_t i = 0; i < count; i++) {
                sum += (double)a[i + shift] * (double)b[i];
                magnitude += fabs((double)a[i + shift] * (double)b[i]);
            }
            float fast = dot(a + shift, b, count), exact = dot_exact(a + shift, b, count);
            cr_expect(fabs((double)fast - sum) <=
                          2 * sqrt((double)count) * FLT_EPSILON * magnitude / sqrt((double)count + 1) + FLT_MIN,
                      "count %zu: %.9g, not %.9g", count, (double)fast, sum);
            cr_expect(steps_between(exact, (float)sum) <= 1, "count %zu: %.9g, not %.9g", count, (double)exact, sum);
            free(a);
            free(b);
        }
    }
}

/* 2^24 + 1 - 2^24: what a sum in float32 loses and one in double keeps. */
Test(arithmetic, the_exact_dot_keeps_what_float32_loses)
{
    for (size_t count = 3; count < 100; count += 7) {
        float a[100] = {0}, b[100];
        for (size_t i = 0; i < 100; i++)
            b[i] = 1;
        a[0] = 0x1p24f;
        a[count / 2] = 1;
        a[count - 1] = -0x1p24f;
        cr_expect(dot_exact(a, b, count) >= 1 && dot_exact(a, b, count) <= 1, "count %zu", count);
    }
}

Test(arithmetic, add_scaled)
{
    for (size_t s = 0; s < SIZES; s++) {
        size_t count = sizes[s];
        float *out = random_values(3, count + 1, 1), *x = random_values(4, count + 1, 1),
              *before = random_values(3, count + 1, 1);
        add_scaled(out + 1, x, 0.75f, count);
        for (size_t i = 0; i < count; i++)
            cr_assert(fabs((double)out[i + 1] - ((double)before[i + 1] + 0.75 * (double)x[i])) <= FLT_EPSILON,
                      "count %zu, value %zu", count, i);
        add_scaled(before, x, 1, 1);
        cr_expect(bits_of(before[0]) == bits_of(out[0] + x[0]), "a scale of 1 is a plain sum");
        free(out);
        free(x);
        free(before);
    }
}

/* Root mean square norm */

/* What transformers' Qwen3RMSNorm returns on a processor (torch 2.15; the same with AVX-512, AVX2 and neither) for
 * three rows of `next_value` times 3, seeds 1000 * count + row, and a gain of `next_value` + 1.5, seed count + 77: the
 * bits of the first and the last value, and FNV-1a over the bytes of all three rows. */
static const struct norm_row {
    size_t count;
    double epsilon;
    uint32_t first, last, hash;
} norm_rows[] = {
    {1, 1e-05, 0x3f842bbb, 0x3f842bbd, 0x2893f9f6},    {2, 1e-06, 0xbfaed1d6, 0x3f972c96, 0xdd0a94a9},
    {3, 1e-05, 0xbec6173f, 0xc01c762f, 0x5a52554a},    {4, 1e-06, 0x3f8513e9, 0x3fd587f2, 0xcd021d13},
    {5, 1e-05, 0xbfaa2613, 0xbf301baa, 0x143c0d03},    {7, 1e-05, 0x3fe1e197, 0xbe2333a3, 0x3dbb4907},
    {8, 1e-06, 0xbf1c00d5, 0x3f8c9af6, 0x52716407},    {12, 1e-06, 0x3fa41cab, 0x400a4fc1, 0x4c4964a7},
    {28, 1e-06, 0xbfaa750e, 0xbf2cac08, 0x9dd98f6a},   {31, 1e-05, 0xbf7c2ad6, 0xc010655d, 0x001a9942},
    {32, 1e-06, 0x3f0128c8, 0xbff9fc42, 0x9f273be4},   {33, 1e-05, 0xbfd74f78, 0x3ee164a8, 0x003278c7},
    {40, 1e-06, 0x3f56186e, 0x3ed0e48c, 0x71ba55dc},   {64, 1e-06, 0xbfde2354, 0x3ee2b53b, 0xf6218fec},
    {96, 1e-06, 0xbe6d90af, 0x4040f4e9, 0x5c8138b9},   {100, 1e-06, 0x3fee1f6e, 0x3f39f8ff, 0x51caa9d9},
    {128, 1e-06, 0x3faae4f5, 0xbf3e5fb8, 0x3cd85efd},  {255, 1e-05, 0xbfee18fd, 0xbfbb99d9, 0x3ef1629e},
    {512, 1e-06, 0x3f50acf8, 0xbf60f4d4, 0x05f2748d},  {576, 1e-06, 0xbe338d5f, 0xbdc45662, 0xc4c63ddc},
    {1000, 1e-06, 0x3fec0f1f, 0x3f678b03, 0x4cb228b3}, {2048, 1e-06, 0x3f736f24, 0x3fca9f27, 0x7e6cbb97},
    {4096, 1e-06, 0x3f921996, 0x3f1b4fde, 0xcf2d7952}, {5120, 1e-06, 0x3c7eaf1f, 0xbffd288b, 0xa8fbe549},
};

static float *norm_gain(size_t count)
{
    float *gain = random_values((uint32_t)count + 77, count, 1);
    for (size_t i = 0; i < count; i++)
        gain[i] += 1.5f;
    return gain;
}

Test(arithmetic, rms_norm_has_the_bits_of_pytorch)
{
    for (size_t i = 0; i < sizeof norm_rows / sizeof *norm_rows; i++) {
        const struct norm_row *row = &norm_rows[i];
        float *gain = norm_gain(row->count), *out = malloc(3 * row->count * sizeof *out);
        uint32_t hash = 2166136261u;
        for (size_t k = 0; k < 3; k++) {
            float *x = random_values((uint32_t)(1000 * row->count + k), row->count, 3);
            rms_norm(x, gain, 0, row->epsilon, out + k * row->count, row->count);
            free(x);
        }
        for (size_t k = 0; k < 3 * row->count * sizeof *out; k++)
            hash = (hash ^ ((unsigned char *)out)[k]) * 16777619u;
        cr_expect(bits_of(out[0]) == row->first && bits_of(out[3 * row->count - 1]) == row->last && hash == row->hash,
                  "count %zu: %08x ... %08x, %08x", row->count, bits_of(out[0]), bits_of(out[3 * row->count - 1]),
                  hash);
        free(gain);
        free(out);
    }
}

Test(arithmetic, rms_norm_against_its_twin)
{
    for (size_t s = 1; s < SIZES; s++) {
        size_t count = sizes[s];
        float *x = random_values(5, count + 1, 10), *gain = norm_gain(count), *out = malloc(count * sizeof *out),
              *twin = malloc(count * sizeof *twin);
        rms_norm(x + 1, gain, 0, 1e-5, out, count);
        reference_rms_norm(x + 1, gain, 1e-5, twin, count);
        for (size_t i = 0; i < count; i++)
            cr_assert(fabs((double)out[i] - (double)twin[i]) <= 4e-7 * fabs((double)twin[i]), "count %zu, value %zu",
                      count, i);
        rms_norm(x + 1, gain, 0, 1e-5, x + 1, count); /* in place */
        cr_expect(memcmp(x + 1, out, count * sizeof *out) == 0, "count %zu: in place is different", count);
        free(x);
        free(gain);
        free(out);
        free(twin);
    }
}

Test(arithmetic, rms_norm_of_small_values_is_ruled_by_epsilon)
{
    float x[] = {1e-20f, -1e-20f, 0, 1e-20f}, gain[] = {1, 1, 1, 1}, out[4], twin[4];
    rms_norm(x, gain, 0, 1e-6, out, 4);
    reference_rms_norm(x, gain, 1e-6, twin, 4);
    for (size_t i = 0; i < 4; i++)
        cr_expect(fabs((double)out[i] - (double)twin[i]) <= 1e-24, "value %zu: %g", i, (double)out[i]);
    for (size_t i = 0; i < 4; i++)
        x[i] = 0;
    rms_norm(x, gain, 0, 1e-6, out, 4);
    cr_expect(out[0] >= 0 && out[0] <= 0, "zeros stay zeros");
}

/* exp, softmax, silu */

Test(arithmetic, exponential_within_two_steps)
{
    enum { BLOCK = 1000 };
    double worst = 0;
    for (int block = -881; block < 888; block++) {
        float x[BLOCK], in[BLOCK];
        for (int i = 0; i < BLOCK; i++)
            in[i] = x[i] = (float)((block + (double)i / BLOCK) / 10);
        exponential(x, BLOCK);
        for (int i = 0; i < BLOCK; i++) {
            float expected = (float)exp((double)in[i]);
            if (in[i] < -86.5f || (double)expected < 3e-38) {
                cr_assert((double)x[i] <= 3.1e-38 && x[i] >= 0, "exp(%.9g) is %g", (double)in[i], (double)x[i]);
                continue;
            }
            worst = fmax(worst, steps_between(x[i], expected));
        }
    }
    cr_expect(worst <= 2, "%g steps", worst);
}

Test(arithmetic, exponential_at_the_edges)
{
    static const struct {
        float x, expected;
    } rows[] = {{0, 1},           {-0.0f, 1}, {INFINITY, INFINITY}, {-INFINITY, 0},
                {1000, INFINITY}, {-1000, 0}, {1e30f, INFINITY},    {-1e30f, 0},
                {89, INFINITY},   {-87, 0},   {0x1p-40f, 1},        {FLT_MAX, INFINITY}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t count = 1; count < 40; count += 19) {
            float x[40];
            for (size_t k = 0; k < count; k++)
                x[k] = rows[i].x;
            exponential(x, count);
            for (size_t k = 0; k < count; k++)
                cr_expect(bits_of(x[k]) == bits_of(rows[i].expected), "exp(%g) is %g", (double)rows[i].x, (double)x[k]);
        }
    }
    float edges[] = {NAN, 88.72283f, 88.72f};
    exponential(edges, 3);
    cr_expect(isnan(edges[0]) && edges[1] > 3.4e38f && isfinite(edges[2]));
}

Test(arithmetic, softmax)
{
    static const float scales[] = {0, 1, 20, 1000};
    for (size_t s = 1; s < SIZES; s++) {
        for (size_t k = 0; k < 4; k++) {
            size_t count = sizes[s];
            float *x = random_values(6, count + 1, scales[k]), *twin = random_values(6, count + 1, scales[k]);
            double sum = 0, limit = 5e-7 + 2 * FLT_EPSILON * (double)scales[k]; /* x - max is rounded to float32 */
            softmax(x + 1, count);
            reference_softmax(twin + 1, count);
            for (size_t i = 1; i <= count; i++) {
                sum += (double)x[i];
                cr_assert(fabs((double)x[i] - (double)twin[i]) <= limit * (double)twin[i] + 1e-37,
                          "count %zu, value %zu: %g, not %g", count, i, (double)x[i], (double)twin[i]);
            }
            cr_expect(fabs(sum - 1) <= 1e-6, "count %zu: the sum is %.9g", count, sum);
            free(x);
            free(twin);
        }
    }
}

/* As if one value more stood beside the others. */
Test(arithmetic, softmax_beside_a_sink)
{
    static const float sinks[] = {-40, -1, 0.5f, 3, 60};
    for (size_t s = 1; s < SIZES; s++)
        for (size_t k = 0; k < sizeof sinks / sizeof *sinks; k++) {
            size_t count = sizes[s];
            float *x = random_values(6, count, 4), *twin = random_values(6, count + 1, 4);
            twin[count] = sinks[k];
            softmax_sink(x, count, sinks[k]);
            reference_softmax(twin, count + 1);
            for (size_t i = 0; i < count; i++)
                cr_assert(fabs((double)x[i] - (double)twin[i]) <=
                              (5e-7 + 2 * FLT_EPSILON * (20 + fabs((double)sinks[k]))) * (double)twin[i] + 1e-37,
                          "count %zu, sink %g, value %zu: %g, not %g", count, (double)sinks[k], i, (double)x[i],
                          (double)twin[i]);
            free(x);
            free(twin);
        }
    float nothing[] = {-INFINITY, -INFINITY}, poisoned[] = {NAN, 1};
    softmax_sink(nothing, 2, 0);
    softmax_sink(poisoned, 2, 0);
    cr_expect(nothing[0] <= 0 && nothing[1] <= 0 && isnan(poisoned[0]) && isnan(poisoned[1]));
}

Test(arithmetic, softmax_of_what_is_not_finite)
{
    for (size_t count = 1; count < 70; count += 17) {
        float masked[70], nothing[70], poisoned[70];
        for (size_t i = 0; i < count; i++) {
            masked[i] = i ? -INFINITY : 3;
            nothing[i] = -INFINITY;
            poisoned[i] = i == count / 2 ? NAN : 1;
        }
        softmax(masked, count);
        softmax(nothing, count);
        softmax(poisoned, count);
        for (size_t i = 0; i < count; i++)
            cr_expect((i ? masked[i] <= 0 : masked[i] >= 1) && isnan(nothing[i]) && isnan(poisoned[i]),
                      "count %zu, value %zu", count, i);
    }
    softmax(NULL, 0);
}

Test(arithmetic, silu_multiply)
{
    static const float scales[] = {1, 30, 200};
    for (size_t s = 0; s < SIZES; s++) {
        for (size_t k = 0; k < 3; k++) {
            size_t count = sizes[s];
            float *gate = random_values(7, count + 1, scales[k]), *up = random_values(8, count + 1, 3),
                  *twin = random_values(7, count + 1, scales[k]);
            silu_multiply(gate + 1, up, count);
            reference_silu_multiply(twin + 1, up, count);
            for (size_t i = 1; i <= count; i++)
                cr_assert(fabs((double)gate[i] - (double)twin[i]) <= 6e-7 * fabs((double)twin[i]) + 1e-35,
                          "count %zu, value %zu: %g, not %g", count, i, (double)gate[i], (double)twin[i]);
            free(gate);
            free(up);
            free(twin);
        }
    }
    float gate[] = {NAN, INFINITY, -1000, 1}, up[] = {1, 1, 1, NAN};
    silu_multiply(gate, up, 4);
    cr_expect(isnan(gate[0]) && isinf(gate[1]) && gate[2] <= 0 && gate[2] >= 0 && isnan(gate[3]));
}

/* Products */

struct shape {
    size_t m, n, k;
};

static const struct shape shapes[] = {{1, 1, 1},     {1, 17, 33},    {2, 3, 1},     {3, 5, 7},    {5, 64, 64},
                                      {16, 16, 16},  {17, 1, 40},    {31, 33, 65},  {64, 64, 64}, {70, 130, 9},
                                      {65, 127, 70}, {129, 67, 500}, {1030, 9, 40}, {3, 700, 33}, {530, 520, 6}};

static void products_agree(enum product kind, bool exact)
{
    cr_assert(blas_prove(NULL));
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        size_t m = shapes[s].m, n = shapes[s].n, k = shapes[s].k;
        bool transposed = kind == PRODUCT_TRANSPOSED;
        size_t lda = k + 3, b_rows = transposed ? n : k, b_columns = transposed ? k : n, ldb = b_columns + 2,
               ldc = n + 1;
        float *a = random_values(9, m * lda, 1), *b = random_values(10, b_rows * ldb, 1),
              *c = random_values(11, m * ldc, 1);
        float *dense_a = malloc(m * k * sizeof *a), *dense_b = malloc(n * k * sizeof *b),
              *expected = malloc(m * n * sizeof *c);
        double *scratch = malloc(product_exact_doubles(m, n, k) * sizeof *scratch);
        for (size_t row = 0; row < m; row++)
            memcpy(dense_a + row * k, a + row * lda, k * sizeof *a);
        for (size_t row = 0; row < n; row++)
            for (size_t i = 0; i < k; i++)
                dense_b[row * k + i] = transposed ? b[row * ldb + i] : b[i * ldb + row];
        reference_product(dense_a, dense_b, expected, m, n, k);
        if (exact)
            product_exact(kind, a, lda, b, ldb, c, ldc, m, n, k, scratch);
        else
            product(kind, a, lda, b, ldb, c, ldc, m, n, k);
        for (size_t row = 0; row < m; row++)
            for (size_t column = 0; column < n; column++) {
                float found = c[row * ldc + column], right = expected[row * n + column];
                cr_assert(exact ? steps_between(found, right) <= 1
                                : fabs((double)found - (double)right) <= 8 * FLT_EPSILON * sqrt((double)k),
                          "[%zu, %zu, %zu] at %zu, %zu: %.9g, not %.9g", m, n, k, row, column, (double)found,
                          (double)right);
            }
        uint32_t untouched = 11;
        for (size_t i = 0; i < m * ldc; i++) {
            float before = next_value(&untouched);
            cr_assert(i % ldc < n || bits_of(c[i]) == bits_of(before), "[%zu, %zu, %zu]: wrote between the rows", m, n,
                      k);
        }
        free(a);
        free(b);
        free(c);
        free(dense_a);
        free(dense_b);
        free(expected);
        free(scratch);
    }
}

Test(arithmetic, one_value_that_is_not_finite_is_found)
{
    static const float bad[] = {NAN, -NAN, INFINITY, -INFINITY}, good[] = {0, -0.0f, FLT_MAX, -FLT_MAX, 1e-45f};
    float values[70];
    for (size_t count = 0; count <= 70; count++)
        for (size_t at = 0; at < count; at++) {
            for (size_t i = 0; i < count; i++)
                values[i] = good[i % 5];
            cr_assert(all_finite(values, count), "%zu", count);
            for (size_t i = 0; i < 4; i++) {
                values[at] = bad[i];
                cr_assert(!all_finite(values, count) && all_finite(values, at), "%zu of %zu", at, count);
            }
        }
}

Test(arithmetic, product_by_a_transpose)
{
    products_agree(PRODUCT_TRANSPOSED, false);
}

Test(arithmetic, product_plain)
{
    products_agree(PRODUCT_PLAIN, false);
}

Test(arithmetic, product_exact_by_a_transpose)
{
    products_agree(PRODUCT_TRANSPOSED, true);
}

Test(arithmetic, product_exact_plain)
{
    products_agree(PRODUCT_PLAIN, true);
}

Test(arithmetic, product_exact_needs_little_for_many_rows)
{
    cr_expect_eq(product_exact_doubles(3, 5, 7), 3 * 7 + 5 * 7 + 3 * 5);
    cr_expect_eq(product_exact_doubles(1 << 20, 1 << 20, 64), product_exact_doubles(1 << 10, 1 << 10, 64));
}
