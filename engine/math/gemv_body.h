/* The kernels of one level, over the words of its file: `lanes` are sixteen floats, `whole` sixteen integers, `every`
 * is one float in as many places as an instruction takes.
 *
 * The layouts of blocks are told in values/dequantise.c, and the values are bit for bit those that it makes: every
 * product of a scale and a quantum is exact, so that fma rounds where it rounds. */
#ifndef ASSAY_MATH_GEMV_BODY_H
#define ASSAY_MATH_GEMV_BODY_H

#include <stdint.h>
#include <string.h>

#define LANES ((size_t)16)
#define SUMS 8           /* of a tile at once, so that no addition waits for the one before */
#define AHEAD_BYTES 8192 /* at most, from what is read to what is asked for */
#define LINE_BYTES 64
#define ROW_BYTES_MOST 64 /* of LANES columns, where these are a block */

/* The rows of `a` that a row of the weight meets, and its sums with them. */
struct meeting {
    const float *a[SUMS];
    lanes sums[SUMS];   /* of the stretch of columns under way */
    lanes totals[SUMS]; /* of those before */
    int m;
};

/* Sixteen values of the weight, from column `column` on. */
INLINE void meet(struct meeting *meeting, size_t column, lanes values)
{
#pragma GCC unroll 8
    for (int i = 0; i < meeting->m; i++)
        meeting->sums[i] = lanes_fma(values, lanes_load(meeting->a[i] + column), meeting->sums[i]);
}

/* Makes the values of a block, which begins with column `column`. */
typedef void gemv_block(const uint8_t *block, struct meeting *meeting, size_t column);

INLINE void block_f32(const uint8_t *block, struct meeting *meeting, size_t column)
{
    meet(meeting, column, lanes_load((const float *)(const void *)block));
}

INLINE void block_bf16(const uint8_t *block, struct meeting *meeting, size_t column)
{
    meet(meeting, column, lanes_bf16(block));
}

INLINE void block_f16(const uint8_t *block, struct meeting *meeting, size_t column)
{
    meet(meeting, column, lanes_f16(block));
}

INLINE void block_q8_0(const uint8_t *block, struct meeting *meeting, size_t column)
{
    every scale = every_half(block);
    meet(meeting, column, lanes_scaled(whole_s8(block + 2), scale));
    meet(meeting, column + LANES, lanes_scaled(whole_s8(block + 2 + LANES), scale));
}

INLINE void block_q4_0(const uint8_t *block, struct meeting *meeting, size_t column)
{
    struct nibbles nibbles = nibbles_of(every_half(block), every_of(0), 8);
    whole quanta = whole_u8(block + 2);
    meet(meeting, column, nibbles_low(nibbles, quanta));
    meet(meeting, column + LANES, nibbles_high(nibbles, quanta));
}

INLINE void block_q4_1(const uint8_t *block, struct meeting *meeting, size_t column)
{
    struct pair pair = pair_halves(block);
    struct nibbles nibbles = nibbles_of(pair.first, pair.second, 0);
    whole quanta = whole_u8(block + 4);
    meet(meeting, column, nibbles_low(nibbles, quanta));
    meet(meeting, column + LANES, nibbles_high(nibbles, quanta));
}

/* Sixteen bytes of lower bits, and the bit above them of each. */
INLINE void meet_fives(struct meeting *meeting, size_t column, struct fives fives, const uint8_t *fifth,
                       const uint8_t *low)
{
    whole quanta = whole_u8(low);
    meet(meeting, column, fives_pick(fives, whole_bits(whole_and(quanta, 15), fifth, 16)));
    meet(meeting, column + LANES, fives_pick(fives, whole_bits(whole_shift(quanta, -4), fifth + 2, 16)));
}

INLINE void block_q5_0(const uint8_t *block, struct meeting *meeting, size_t column)
{
    meet_fives(meeting, column, fives_of(every_half(block), every_of(0), 16), block + 2, block + 6);
}

INLINE void block_q5_1(const uint8_t *block, struct meeting *meeting, size_t column)
{
    struct pair pair = pair_halves(block);
    meet_fives(meeting, column, fives_of(pair.first, pair.second, 0), block + 4, block + 8);
}

/* The scales of the pairs of a K block, and what is added to them. */
struct pairs {
    float scales[LANES]; /* the first eight */
    float moves[LANES];  /* the last eight */
};

/* From the beginning of Q4_K and Q5_K: scale, scale of the minima, scales and minima of six bits. */
INLINE void pairs_of(const uint8_t *block, struct pairs *pairs)
{
    const uint32_t low = 0x3F3F3F3F, four = 0x0F0F0F0F, two = 0x03030303;
    uint32_t packed[3], six[4];
    memcpy(packed, block + 4, sizeof packed);
    six[0] = packed[0] & low;
    six[1] = (packed[2] & four) | (packed[0] >> 6 & two) << 4;
    six[2] = packed[1] & low;
    six[3] = (packed[2] >> 4 & four) | (packed[1] >> 6 & two) << 4;
    whole numbers = whole_u8((const uint8_t *)six);
    lanes_store(pairs->scales, lanes_scaled(numbers, every_half(block)));
    lanes_store(pairs->moves, lanes_scaled(whole_minus(numbers), every_half(block + 2)));
}

INLINE void block_q4_k(const uint8_t *block, struct meeting *meeting, size_t column)
{
    struct pairs pairs;
    pairs_of(block, &pairs);
#pragma GCC unroll 4
    for (size_t two = 0; two < 4; two++) { /* pairs, in the same bytes */
        const float *scales = pairs.scales + 2 * two, *moves = pairs.moves + LANES / 2 + 2 * two;
        struct nibbles first = nibbles_of(every_of(scales[0]), every_of(moves[0]), 0);
        struct nibbles second = nibbles_of(every_of(scales[1]), every_of(moves[1]), 0);
        whole left = whole_u8(block + 16 + 32 * two), right = whole_u8(block + 16 + 32 * two + LANES);
        size_t at = column + 64 * two;
        meet(meeting, at, nibbles_low(first, left));
        meet(meeting, at + LANES, nibbles_low(first, right));
        meet(meeting, at + 2 * LANES, nibbles_high(second, left));
        meet(meeting, at + 3 * LANES, nibbles_high(second, right));
    }
}

INLINE void block_q5_k(const uint8_t *block, struct meeting *meeting, size_t column)
{
    struct pairs pairs;
    pairs_of(block, &pairs);
    whole fifth[2] = {whole_u8(block + 16), whole_u8(block + 16 + LANES)};
#pragma GCC unroll 8
    for (int pair = 0; pair < 8; pair++) {
        struct fives fives = fives_of(every_of(pairs.scales[pair]), every_of(pairs.moves[LANES / 2 + (size_t)pair]), 0);
        const uint8_t *quanta = block + 48 + pair / 2 * 32;
#pragma GCC unroll 2
        for (size_t part = 0; part < 2; part++) {
            whole four = whole_and(whole_shift(whole_u8(quanta + part * LANES), pair % 2 * -4), 15);
            whole five = whole_join(four, whole_shift(fifth[part], 4 - pair), 16);
            meet(meeting, column + 32 * (size_t)pair + part * LANES, fives_pick(fives, five));
        }
    }
}

INLINE void block_q6_k(const uint8_t *block, struct meeting *meeting, size_t column)
{
    float scales[LANES];
    lanes_store(scales, lanes_scaled(whole_s8(block + 192), every_half(block + 208)));
#pragma GCC unroll 16
    for (int part = 0; part < 16; part++) {
        int pair = part / 2;
        const uint8_t *low = block + pair / 4 * 64 + part % 4 * (int)LANES;
        const uint8_t *high = block + 128 + pair / 4 * 32 + part % 2 * (int)LANES;
        whole four = whole_and(whole_shift(whole_u8(low), pair / 2 % 2 * -4), 15);
        whole six = whole_join(four, whole_shift(whole_u8(high), 4 - pair % 4 * 2), 48);
        meet(meeting, column + (size_t)part * LANES, lanes_scaled(whole_plus(six, -32), every_of(scales[part])));
    }
}

/* A matrix, and what it meets. */
struct gemv_job {
    gemv_block *block;
    size_t block_bytes, block_columns;
    const uint8_t *weight;
    size_t rows, columns, row_bytes;
    const float *a;
    size_t lda, m;
    float *out;
    size_t ldo;
};

/* The columns behind the last whole block, of a dtype that has no blocks: as if zeros followed them. */
INLINE void meet_rest(const struct gemv_job *job, struct meeting *meeting, const uint8_t *weight, size_t column)
{
    uint8_t block[ROW_BYTES_MOST] = {0};
    float values[SUMS][LANES] = {0};
    size_t rest = job->columns - column;
    struct meeting ending = *meeting;
    memcpy(block, weight + column / job->block_columns * job->block_bytes, rest * job->block_bytes / LANES);
    for (int i = 0; i < meeting->m; i++) {
        memcpy(values[i], meeting->a[i] + column, rest * sizeof **values);
        ending.a[i] = values[i];
    }
    job->block(block, &ending, 0);
    for (int i = 0; i < meeting->m; i++)
        meeting->sums[i] = ending.sums[i];
}

/* The row of the weight, and rows of a from `first` on. */
INLINE void meeting_begin(const struct gemv_job *job, struct meeting *meeting, size_t first, int m)
{
    meeting->m = m;
#pragma GCC unroll 8
    for (int i = 0; i < m; i++) {
        meeting->a[i] = job->a + (first + (size_t)i < job->m ? first + (size_t)i : job->m - 1) * job->lda;
        meeting->sums[i] = meeting->totals[i] = lanes_zero();
    }
}

INLINE void meeting_fold(struct meeting *meeting)
{
#pragma GCC unroll 8
    for (int i = 0; i < meeting->m; i++) {
        meeting->totals[i] = lanes_add(meeting->totals[i], meeting->sums[i]);
        meeting->sums[i] = lanes_zero();
    }
}

/* Whole blocks of `n` rows of the weight, columns begin .. end - 1. */
INLINE void gemv_stretch(const struct gemv_job *job, const uint8_t *const *weights, struct meeting *meetings, int n,
                         size_t begin, size_t end)
{
    size_t span = (size_t)n * job->row_bytes, ahead = span < AHEAD_BYTES ? span : AHEAD_BYTES;
    size_t at = begin / job->block_columns * job->block_bytes;
    for (size_t column = begin; column < end; column += job->block_columns, at += job->block_bytes) {
#pragma GCC unroll 8
        for (int k = 0; k < n; k++) {
            for (size_t line = 0; line < job->block_bytes; line += LINE_BYTES)
                __builtin_prefetch((const void *)((uintptr_t)(weights[k] + at + line) + ahead));
            job->block(weights[k] + at, &meetings[k], column);
        }
    }
}

/* `n` rows of the weight from `row` on, and `m` of a from `first` on. Where there are fewer the last stands for them.
 */
INLINE void gemv_tile(const struct gemv_job *job, size_t row, int n, size_t first, int m)
{
    struct meeting meetings[SUMS];
    const uint8_t *weights[SUMS];
#pragma GCC unroll 8
    for (int k = 0; k < n; k++) {
        size_t at = row + (size_t)k < job->rows ? row + (size_t)k : job->rows - 1;
        weights[k] = job->weight + at * job->row_bytes;
        meeting_begin(job, &meetings[k], first, m);
    }
    for (size_t column = 0; column < job->columns; column += GEMV_STRETCH) {
        size_t left = job->columns - column, some = left < GEMV_STRETCH ? left : GEMV_STRETCH;
        size_t whole_blocks = some / job->block_columns * job->block_columns;
        gemv_stretch(job, weights, meetings, n, column, column + whole_blocks);
#pragma GCC unroll 8
        for (int k = 0; k < n; k++) {
            if (job->block_columns == LANES && whole_blocks < some)
                meet_rest(job, &meetings[k], weights[k], column + whole_blocks);
            meeting_fold(&meetings[k]);
        }
    }
#pragma GCC unroll 8
    for (int k = 0; k < n; k++) {
#pragma GCC unroll 8
        for (int i = 0; i < m; i++)
            if (row + (size_t)k < job->rows && first + (size_t)i < job->m)
                job->out[(first + (size_t)i) * job->ldo + row + (size_t)k] = lanes_sum(meetings[k].totals[i]);
    }
}

INLINE void gemv_tiles(const struct gemv_job *job, int n, int m)
{
    for (size_t row = 0; row < job->rows; row += (size_t)n)
        for (size_t first = 0; first < job->m; first += (size_t)m)
            gemv_tile(job, row, n, first, m);
}

INLINE void gemv_run(const struct gemv_job *job)
{
    if (job->m == 1)
        gemv_tiles(job, MEET_ONE, 1);
    else if (job->m == 2)
        gemv_tiles(job, MEET_TWO, 2);
    else if (job->m <= 4)
        gemv_tiles(job, MEET_FOUR, 4);
    else
        gemv_tiles(job, 1, MEET_MOST);
}

#define GEMV_OF(name, bytes, length)                                                                                   \
    static void gemv_##name(const void *weight, size_t rows, size_t columns, const float *a, size_t lda, size_t m,     \
                            float *out, size_t ldo)                                                                    \
    {                                                                                                                  \
        const struct gemv_job job = {.block = block_##name,                                                            \
                                     .block_bytes = (bytes),                                                           \
                                     .block_columns = (length),                                                        \
                                     .weight = weight,                                                                 \
                                     .rows = rows,                                                                     \
                                     .columns = columns,                                                               \
                                     .row_bytes =                                                                      \
                                         (length) > LANES ? columns / (length) * (bytes) : columns * (bytes) / LANES,  \
                                     .a = a,                                                                           \
                                     .lda = lda,                                                                       \
                                     .m = m,                                                                           \
                                     .out = out,                                                                       \
                                     .ldo = ldo};                                                                      \
        gemv_run(&job);                                                                                                \
    }

GEMV_OF(f32, 64, LANES)
GEMV_OF(bf16, 32, LANES)
GEMV_OF(f16, 32, LANES)
GEMV_OF(q8_0, 34, 32)
GEMV_OF(q4_0, 18, 32)
GEMV_OF(q4_1, 20, 32)
GEMV_OF(q5_0, 22, 32)
GEMV_OF(q5_1, 24, 32)
GEMV_OF(q4_k, 144, 256)
GEMV_OF(q5_k, 176, 256)
GEMV_OF(q6_k, 210, 256)

#define GEMV_TABLE                                                                                                     \
    {                                                                                                                  \
        [DTYPE_F32] = gemv_f32, [DTYPE_BF16] = gemv_bf16, [DTYPE_F16] = gemv_f16, [DTYPE_Q8_0] = gemv_q8_0,            \
        [DTYPE_Q4_0] = gemv_q4_0, [DTYPE_Q4_1] = gemv_q4_1, [DTYPE_Q5_0] = gemv_q5_0, [DTYPE_Q5_1] = gemv_q5_1,        \
        [DTYPE_Q4_K] = gemv_q4_k, [DTYPE_Q5_K] = gemv_q5_k, [DTYPE_Q6_K] = gemv_q6_k                                   \
    }

#endif
