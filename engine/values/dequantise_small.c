/* GGUF's types whose quanta are numbers of a table, or of three values. Layouts: ggml-common.h (block_iq4_nl ...);
 * arithmetic: the gguf package's quants.py. Every product is exact in float32. */
#include "values/dequantise.h"

static const float table_iq4[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
/* E2M1, doubled */
static const float table_fp4[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

/* out[2 * bytes]: the lower halves of the bytes, then the upper. */
static inline void halves(const float table[16], const uint8_t *quanta, int bytes, float scale, float *out)
{
    for (int i = 0; i < bytes; i++) {
        out[i] = scale * table[quanta[i] & 15];
        out[i + bytes] = scale * table[quanta[i] >> 4];
    }
}

/* scale, quanta [16] */
void widen_iq4_nl(const uint8_t *restrict block, float *restrict out, size_t blocks)
{
    for (; blocks--; block += 18, out += 32)
        halves(table_iq4, block + 2, 16, half_at(block), out);
}

/* scale, high bits of the scales [2], low bits of them [4], quanta [128] */
void widen_iq4_xs(const uint8_t *restrict block, float *restrict out, size_t blocks)
{
    for (; blocks--; block += 136, out += 256)
        for (int part = 0; part < 8; part++) {
            int low = block[4 + part / 2] >> part % 2 * 4 & 15, high = block[2 + part / 4] >> part % 4 * 2 & 3;
            halves(table_iq4, block + 8 + 16 * part, 16, half_at(block) * (float)((low | high << 4) - 32),
                   out + 32 * part);
        }
}

/* exponent, quanta [16] */
void widen_mxfp4(const uint8_t *restrict block, float *restrict out, size_t blocks)
{
    for (; blocks--; block += 17, out += 32) {
        uint32_t bits = block[0] < 2 ? (uint32_t)0x00200000 << block[0] : (uint32_t)(block[0] - 1) << 23;
        float scale;
        memcpy(&scale, &bits, sizeof scale);
        halves(table_fp4, block + 1, 16, scale, out);
    }
}

/* Three values, five in a byte or in the last four bytes four: as a fraction of 256 it is the base-3 number 0.abcde. */
static inline float trit(uint8_t byte, int nth)
{
    static const uint8_t powers[5] = {1, 3, 9, 27, 81};
    uint8_t turned = (uint8_t)(byte * powers[nth]);
    return (float)((turned * 3 >> 8) - 1);
}

/* quanta [48] of five, of four [4], scale */
void widen_tq1_0(const uint8_t *restrict block, float *restrict out, size_t blocks)
{
    static const struct {
        int begin, bytes, each;
    } runs[] = {{0, 32, 5}, {32, 16, 5}, {48, 4, 4}};
    for (; blocks--; block += 54) {
        float scale = half_at(block + 52);
        for (int run = 0; run < 3; run++)
            for (int nth = 0; nth < runs[run].each; nth++)
                for (int i = 0; i < runs[run].bytes; i++)
                    *out++ = scale * trit(block[runs[run].begin + i], nth);
    }
}

/* quanta [64] of two bits, scale */
void widen_tq2_0(const uint8_t *restrict block, float *restrict out, size_t blocks)
{
    for (; blocks--; block += 66) {
        float scale = half_at(block + 64);
        for (int half = 0; half < 2; half++)
            for (int shift = 0; shift < 8; shift += 2)
                for (int i = 0; i < 32; i++)
                    *out++ = scale * (float)((block[32 * half + i] >> shift & 3) - 1);
    }
}
