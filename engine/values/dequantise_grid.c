/* GGUF's types whose quanta are points of a grid: a code for 8 or 4 elements at once, signs, and a scale of a few bits
 * for every 16 or 32 elements under the half-precision scale of the block of 256. Layouts: ggml-common.h (block_iq2_xxs
 * ...); arithmetic: the gguf package's quants.py. Every product is exact in float32. */
#include "values/dequantise.h"
#include "values/grids.h"

#define BLOCK_K 256
#define OCTET 8

static const float coordinates_2[4] = {0x08, 0x19, 0x2b, 0};
static const float coordinates_3xxs[8] = {0x04, 0x0c, 0x14, 0x1c, 0x24, 0x2c, 0x34, 0x3e};
static const float coordinates_3s[8] = {1, 3, 5, 7, 9, 11, 13, 15};

static inline uint32_t word_at(const uint8_t *at, int bytes)
{
    uint32_t word = 0;
    for (int i = 0; i < bytes; i++)
        word |= (uint32_t)at[i] << 8 * i;
    return word;
}

/* The eighth sign makes their number even. */
static inline uint32_t eighth_sign(uint32_t seven)
{
    return seven | (uint32_t)(__builtin_popcount(seven) & 1) << 7;
}

/* out[8] = scale * coordinate, negative where the sign's bit is set. */
static void octet_2(uint32_t point, uint32_t signs, float scale, float *out)
{
    for (int i = 0; i < OCTET; i++)
        out[i] = scale * coordinates_2[point >> 2 * i & 3] * (signs >> i & 1 ? -1.0f : 1.0f);
}

static void octet_3(const float coordinates[8], uint32_t low, uint32_t high, uint32_t signs, float scale, float *out)
{
    uint32_t points = low | high << 16;
    for (int i = 0; i < OCTET; i++)
        out[i] = scale * coordinates[points >> 4 * i & 7] * (signs >> i & 1 ? -1.0f : 1.0f);
}

/* Coordinates -1, 0 and 1, moved by an eighth. */
static void octet_1(uint32_t point, float delta, float scale, float *out)
{
    for (int i = 0; i < OCTET; i++)
        out[i] = scale * ((float)((int)(point >> 2 * i & 3) - 1) + delta);
}

/* scale, for every 32 elements four codes [4] and, in a word, four times seven signs and a scale of four bits */
void widen_iq2_xxs(const uint8_t *restrict block, float *restrict out, size_t blocks)
{
    for (; blocks--; block += 66, out += BLOCK_K)
        for (int part = 0; part < 8; part++) {
            const uint8_t *codes = block + 2 + 8 * part;
            uint32_t word = word_at(codes + 4, 4);
            float scale = half_at(block) * (0.5f + (float)(word >> 28)) * 0.25f;
            for (int i = 0; i < 4; i++)
                octet_2(grid_2xxs[codes[i]], eighth_sign(word >> 7 * i & 127), scale, out + 32 * part + OCTET * i);
        }
}

/* scale, for every 8 elements a code of nine bits and seven signs [64], scales [8] of four bits for every 16 */
void widen_iq2_xs(const uint8_t *restrict block, float *restrict out, size_t blocks)
{
    for (; blocks--; block += 74, out += BLOCK_K)
        for (int i = 0; i < 32; i++) {
            uint32_t code = word_at(block + 2 + 2 * i, 2);
            float scale = half_at(block) * (0.5f + (float)(block[66 + i / 4] >> i / 2 % 2 * 4 & 15)) * 0.25f;
            octet_2(grid_2xs[code & 511], eighth_sign(code >> 9), scale, out + OCTET * i);
        }
}

/* scale, codes [32], signs [32], high bits [8] of the codes, two each, scales [8] */
void widen_iq2_s(const uint8_t *restrict block, float *restrict out, size_t blocks)
{
    for (; blocks--; block += 82, out += BLOCK_K)
        for (int i = 0; i < 32; i++) {
            uint32_t code = block[2 + i] | (uint32_t)(block[66 + i / 4] >> i % 4 * 2 & 3) << 8;
            float scale = half_at(block) * (0.5f + (float)(block[74 + i / 4] >> i / 2 % 2 * 4 & 15)) * 0.25f;
            octet_2(grid_2s[code], block[34 + i], scale, out + OCTET * i);
        }
}

/* scale, codes [64] of four elements, and for every 32 a word [8] as in IQ2_XXS */
void widen_iq3_xxs(const uint8_t *restrict block, float *restrict out, size_t blocks)
{
    for (; blocks--; block += 98, out += BLOCK_K)
        for (int i = 0; i < 32; i++) {
            const uint8_t *codes = block + 2 + 2 * i;
            uint32_t word = word_at(block + 66 + i / 4 * 4, 4);
            float scale = half_at(block) * (0.5f + (float)(word >> 28)) * 0.5f;
            octet_3(coordinates_3xxs, grid_3xxs[codes[0]], grid_3xxs[codes[1]], eighth_sign(word >> i % 4 * 7 & 127),
                    scale, out + OCTET * i);
        }
}

/* scale, codes [64], the ninth bits [8] of the codes, signs [32], scales [4] of four bits for every 32 */
void widen_iq3_s(const uint8_t *restrict block, float *restrict out, size_t blocks)
{
    for (; blocks--; block += 110, out += BLOCK_K)
        for (int i = 0; i < 32; i++) {
            const uint8_t *codes = block + 2 + 2 * i;
            uint32_t ninth = (uint32_t)block[66 + i / 4] >> i % 4 * 2;
            float scale = half_at(block) * (float)(1 + 2 * (block[106 + i / 8] >> i / 4 % 2 * 4 & 15));
            octet_3(coordinates_3s, grid_3s[codes[0] | (ninth & 1) << 8], grid_3s[codes[1] | (ninth >> 1 & 1) << 8],
                    block[74 + i], scale, out + OCTET * i);
        }
}

/* scale, codes [32], for every 32 elements a word [8] of two bytes: four times three bits of the codes, a scale of
 * three bits, the sign of the eighth */
void widen_iq1_s(const uint8_t *restrict block, float *restrict out, size_t blocks)
{
    for (; blocks--; block += 50, out += BLOCK_K)
        for (int i = 0; i < 32; i++) {
            uint32_t word = word_at(block + 34 + i / 4 * 2, 2);
            uint32_t code = block[2 + i] | (word >> i % 4 * 3 & 7) << 8;
            float scale = half_at(block) * (float)(2 * (word >> 12 & 7) + 1);
            octet_1(grid_1s[code], word & 0x8000 ? -0.125f : 0.125f, scale, out + OCTET * i);
        }
}

/* codes [32], for every 8 elements three bits of the code and the sign of the eighth [16], scales [8] of three bits for
 * every 16, four in a word of two bytes, whose highest four bits are a quarter of the block's scale */
void widen_iq1_m(const uint8_t *restrict block, float *restrict out, size_t blocks)
{
    for (; blocks--; block += 56, out += BLOCK_K) {
        const uint8_t *scales = block + 48;
        uint8_t half[2] = {(uint8_t)(scales[1] >> 4 | (scales[3] & 0xF0)),
                           (uint8_t)(scales[5] >> 4 | (scales[7] & 0xF0))};
        for (int i = 0; i < 32; i++) {
            uint32_t high = (uint32_t)block[32 + i / 2] >> i % 2 * 4, code = block[i] | (high & 7) << 8;
            uint32_t word = word_at(scales + i / 8 * 2, 2);
            float scale = half_at(half) * (float)(2 * (word >> i / 2 % 4 * 3 & 7) + 1);
            octet_1(grid_1s[code], high & 8 ? -0.125f : 0.125f, scale, out + OCTET * i);
        }
    }
}
