/* Blocks of 32 have a scale in half precision, with an offset where the name ends in _1. Blocks of 256 (the K types)
 * have a scale of a few bits for every 16 or 32 elements besides.
 *
 * The layouts are those of ggml's ggml-common.h (block_q4_0 ...). Every product of scales and quanta is exact in
 * float32, so that only the last sum rounds, whatever the order. */
#include "values/dequantise.h"

#include "base/clones.h"

#define BLOCK 32
#define HALF (BLOCK / 2)
#define BLOCK_K 256
#define PART 16 /* elements of a K block with one scale, or two such parts */
#define PARTS (BLOCK_K / PART)

/* Becomes one vector operation; unrolled, as it would be, it becomes sixteen scalar ones. */
#define VECTOR_LOOP(i, count) _Pragma("GCC unroll 1") for (int i = 0; i < (count); i++)

CLONES static void widen_q8_0(const uint8_t *restrict block, float *restrict out, size_t blocks)
{
    for (; blocks--; block += 34, out += BLOCK) {
        float scale = half_at(block);
        const int8_t *quanta = (const int8_t *)block + 2;
        VECTOR_LOOP (i, BLOCK)
            out[i] = (float)quanta[i] * scale;
    }
}

CLONES static void widen_q4_0(const uint8_t *restrict block, float *restrict out, size_t blocks)
{
    for (; blocks--; block += 18, out += BLOCK) {
        float scale = half_at(block);
        const uint8_t *quanta = block + 2;
        VECTOR_LOOP (i, HALF) {
            out[i] = scale * (float)((quanta[i] & 15) - 8);
            out[i + HALF] = scale * (float)((quanta[i] >> 4) - 8);
        }
    }
}

CLONES static void widen_q4_1(const uint8_t *restrict block, float *restrict out, size_t blocks)
{
    for (; blocks--; block += 20, out += BLOCK) {
        float scale = half_at(block), offset = half_at(block + 2);
        const uint8_t *quanta = block + 4;
        VECTOR_LOOP (i, HALF) {
            out[i] = scale * (float)(quanta[i] & 15) + offset;
            out[i + HALF] = scale * (float)(quanta[i] >> 4) + offset;
        }
    }
}

/* Bit i of the bytes, at the place of the fifth bit. */
static inline int fifth_bit(const uint8_t *at, int i)
{
    return ((int)at[0] | (int)at[1] << 8) >> i << 4 & 16;
}

CLONES static void widen_q5_0(const uint8_t *restrict block, float *restrict out, size_t blocks)
{
    for (; blocks--; block += 22, out += BLOCK) {
        float scale = half_at(block);
        const uint8_t *high = block + 2, *quanta = block + 6;
        VECTOR_LOOP (i, HALF) {
            out[i] = scale * (float)(((quanta[i] & 15) | fifth_bit(high, i)) - 16);
            out[i + HALF] = scale * (float)((quanta[i] >> 4 | fifth_bit(high + 2, i)) - 16);
        }
    }
}

CLONES static void widen_q5_1(const uint8_t *restrict block, float *restrict out, size_t blocks)
{
    for (; blocks--; block += 24, out += BLOCK) {
        float scale = half_at(block), offset = half_at(block + 2);
        const uint8_t *high = block + 4, *quanta = block + 8;
        VECTOR_LOOP (i, HALF) {
            out[i] = scale * (float)((quanta[i] & 15) | fifth_bit(high, i)) + offset;
            out[i + HALF] = scale * (float)(quanta[i] >> 4 | fifth_bit(high + 2, i)) + offset;
        }
    }
}

/* Quanta of a K block: the parts 2g and 2g + 1 are a pair, in 32 successive bytes. Where a quantum has two bits there,
 * four pairs share the bytes, where it has four, two do: the first in the lowest bits. */

/* scales [16], quanta [64] of two bits, scale, scale of the minima */
CLONES static void widen_q2_k(const uint8_t *restrict block, float *restrict out, size_t blocks)
{
    for (; blocks--; block += 84, out += BLOCK_K) {
        float scale = half_at(block + 80), least = half_at(block + 82);
        for (int part = 0; part < PARTS; part++) {
            const uint8_t *quanta = block + 16 + part / 8 * 32 + part % 2 * PART;
            float d = scale * (float)(block[part] & 15), m = least * (float)(block[part] >> 4);
            float *to = out + part * PART;
            int shift = part / 2 % 4 * 2;
            VECTOR_LOOP (i, PART)
                to[i] = d * (float)(quanta[i] >> shift & 3) - m;
        }
    }
}

/* The third bits [32] (eight pairs share these), quanta [64] of two bits, scales [12] of six bits, scale. */
CLONES static void widen_q3_k(const uint8_t *restrict block, float *restrict out, size_t blocks)
{
    for (; blocks--; block += 110, out += BLOCK_K) {
        const uint8_t *scales = block + 96;
        float scale = half_at(block + 108);
        for (int part = 0; part < PARTS; part++) {
            const uint8_t *third = block + part % 2 * PART, *quanta = block + 32 + part / 8 * 32 + part % 2 * PART;
            int low = part < 8 ? scales[part] & 15 : scales[part - 8] >> 4;
            int high = scales[8 + part % 4] >> part / 4 * 2 & 3;
            float d = scale * (float)((low | high << 4) - 32), *to = out + part * PART;
            int shift = part / 2 % 4 * 2, pair = part / 2;
            VECTOR_LOOP (i, PART)
                to[i] = d * (float)(((quanta[i] >> shift & 3) | (third[i] >> pair & 1) << 2) - 4);
        }
    }
}

/* Scale and minimum of a pair, six bits each in 12 bytes. */
static inline void six_bits(const uint8_t *at, int pair, int *scale, int *least)
{
    if (pair < 4) {
        *scale = at[pair] & 63;
        *least = at[pair + 4] & 63;
    } else {
        *scale = (at[pair + 4] & 15) | (at[pair - 4] >> 6 << 4);
        *least = at[pair + 4] >> 4 | (at[pair] >> 6 << 4);
    }
}

/* scale, scale of the minima, scales and minima [12], quanta [128] of four bits */
CLONES static void widen_q4_k(const uint8_t *restrict block, float *restrict out, size_t blocks)
{
    for (; blocks--; block += 144, out += BLOCK_K) {
        float scale = half_at(block), least = half_at(block + 2);
        for (int pair = 0; pair < PARTS / 2; pair++) {
            const uint8_t *quanta = block + 16 + pair / 2 * 32;
            int shift = pair % 2 * 4, s, m;
            six_bits(block + 4, pair, &s, &m);
            float d = scale * (float)s, offset = least * (float)m, *to = out + pair * 32;
            VECTOR_LOOP (i, 32)
                to[i] = d * (float)(quanta[i] >> shift & 15) - offset;
        }
    }
}

/* scale, scale of the minima, scales and minima [12], the fifth bits [32], quanta [128] of four bits */
CLONES static void widen_q5_k(const uint8_t *restrict block, float *restrict out, size_t blocks)
{
    for (; blocks--; block += 176, out += BLOCK_K) {
        float scale = half_at(block), least = half_at(block + 2);
        const uint8_t *fifth = block + 16;
        for (int pair = 0; pair < PARTS / 2; pair++) {
            const uint8_t *quanta = block + 48 + pair / 2 * 32;
            int shift = pair % 2 * 4, s, m;
            six_bits(block + 4, pair, &s, &m);
            float d = scale * (float)s, offset = least * (float)m, *to = out + pair * 32;
            VECTOR_LOOP (i, 32)
                to[i] = d * (float)((quanta[i] >> shift & 15) | (fifth[i] >> pair & 1) << 4) - offset;
        }
    }
}

/* The low four bits [128] (of these the pairs 0 and 2, 1 and 3 ... share bytes), the high two [64], scales [16], scale.
 */
CLONES static void widen_q6_k(const uint8_t *restrict block, float *restrict out, size_t blocks)
{
    for (; blocks--; block += 210, out += BLOCK_K) {
        const int8_t *scales = (const int8_t *)block + 192;
        float scale = half_at(block + 208);
        for (int part = 0; part < PARTS; part++) {
            int pair = part / 2, shift = pair / 2 % 2 * 4, high_shift = pair % 4 * 2;
            const uint8_t *low = block + pair / 4 * 64 + part % 4 * PART;
            const uint8_t *high = block + 128 + pair / 4 * 32 + part % 2 * PART;
            float d = scale * (float)scales[part], *to = out + part * PART;
            VECTOR_LOOP (i, PART)
                to[i] = d * (float)(((low[i] >> shift & 15) | (high[i] >> high_shift & 3) << 4) - 32);
        }
    }
}

void dequantise(enum dtype dtype, const void *values, float *out, size_t count)
{
    static widen_blocks *const kinds[DTYPE_COUNT] = {
        [DTYPE_Q4_0] = widen_q4_0,       [DTYPE_Q4_1] = widen_q4_1,     [DTYPE_Q5_0] = widen_q5_0,
        [DTYPE_Q5_1] = widen_q5_1,       [DTYPE_Q8_0] = widen_q8_0,     [DTYPE_Q2_K] = widen_q2_k,
        [DTYPE_Q3_K] = widen_q3_k,       [DTYPE_Q4_K] = widen_q4_k,     [DTYPE_Q5_K] = widen_q5_k,
        [DTYPE_Q6_K] = widen_q6_k,       [DTYPE_IQ1_S] = widen_iq1_s,   [DTYPE_IQ1_M] = widen_iq1_m,
        [DTYPE_IQ2_XXS] = widen_iq2_xxs, [DTYPE_IQ2_XS] = widen_iq2_xs, [DTYPE_IQ2_S] = widen_iq2_s,
        [DTYPE_IQ3_XXS] = widen_iq3_xxs, [DTYPE_IQ3_S] = widen_iq3_s,   [DTYPE_IQ4_NL] = widen_iq4_nl,
        [DTYPE_IQ4_XS] = widen_iq4_xs,   [DTYPE_TQ1_0] = widen_tq1_0,   [DTYPE_TQ2_0] = widen_tq2_0,
        [DTYPE_MXFP4] = widen_mxfp4,
    };
    kinds[dtype](values, out, count / dtype_block(dtype));
}
