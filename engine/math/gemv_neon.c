#include "math/gemv.h"

#if defined(__aarch64__)

#include <arm_neon.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define FOURS 4 /* of them are sixteen */

typedef struct {
    float32x4_t of[FOURS];
} lanes;
typedef struct {
    int32x4_t of[FOURS];
} whole;
typedef float32x4_t every;

#define EACH_FOUR _Pragma("GCC unroll 4") for (int i = 0; i < FOURS; i++)

INLINE every every_of(float value)
{
    return vdupq_n_f32(value);
}

INLINE every every_half(const uint8_t *half)
{
    uint16_t bits;
    memcpy(&bits, half, sizeof bits);
    return vcvt_f32_f16(vreinterpret_f16_u16(vdup_n_u16(bits)));
}

struct pair {
    every first, second;
};

/* Two halves, the first everywhere and the second. */
INLINE struct pair pair_halves(const uint8_t *halves)
{
    return (struct pair){every_half(halves), every_half(halves + 2)};
}

INLINE lanes lanes_zero(void)
{
    lanes zero;
    EACH_FOUR
    zero.of[i] = vdupq_n_f32(0);
    return zero;
}

INLINE lanes lanes_load(const float *from)
{
    lanes values;
    EACH_FOUR
    values.of[i] = vld1q_f32(from + 4 * i);
    return values;
}

INLINE void lanes_store(float *to, lanes values)
{
    EACH_FOUR
    vst1q_f32(to + 4 * i, values.of[i]);
}

INLINE lanes lanes_bf16(const uint8_t *from)
{
    lanes values;
    EACH_FOUR
    values.of[i] = vreinterpretq_f32_u32(vshll_n_u16(vreinterpret_u16_u8(vld1_u8(from + 8 * i)), 16));
    return values;
}

INLINE lanes lanes_f16(const uint8_t *from)
{
    lanes values;
    EACH_FOUR
    values.of[i] = vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(from + 8 * i)));
    return values;
}

INLINE lanes lanes_fma(lanes a, lanes b, lanes sum)
{
    EACH_FOUR
    sum.of[i] = vfmaq_f32(sum.of[i], a.of[i], b.of[i]);
    return sum;
}

INLINE lanes lanes_add(lanes a, lanes b)
{
    EACH_FOUR
    a.of[i] = vaddq_f32(a.of[i], b.of[i]);
    return a;
}

INLINE float lanes_sum(lanes values)
{
    float32x4_t four = vaddq_f32(vaddq_f32(values.of[0], values.of[2]), vaddq_f32(values.of[1], values.of[3]));
    float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}

INLINE whole whole_u8(const uint8_t *from)
{
    uint8x16_t bytes = vld1q_u8(from);
    uint16x8_t low = vmovl_u8(vget_low_u8(bytes)), high = vmovl_u8(vget_high_u8(bytes));
    return (whole){
        {vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(low))), vreinterpretq_s32_u32(vmovl_u16(vget_high_u16(low))),
         vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(high))), vreinterpretq_s32_u32(vmovl_u16(vget_high_u16(high)))}};
}

INLINE whole whole_s8(const uint8_t *from)
{
    int8x16_t bytes = vreinterpretq_s8_u8(vld1q_u8(from));
    int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_s8(vget_high_s8(bytes));
    return (whole){{vmovl_s16(vget_low_s16(low)), vmovl_s16(vget_high_s16(low)), vmovl_s16(vget_low_s16(high)),
                    vmovl_s16(vget_high_s16(high))}};
}

INLINE whole whole_and(whole values, int with)
{
    EACH_FOUR
    values.of[i] = vandq_s32(values.of[i], vdupq_n_s32(with));
    return values;
}

/* The values, and the bits of `mask` that `others` have. */
INLINE whole whole_join(whole values, whole others, int mask)
{
    EACH_FOUR
    values.of[i] = vorrq_s32(values.of[i], vandq_s32(others.of[i], vdupq_n_s32(mask)));
    return values;
}

INLINE whole whole_plus(whole values, int number)
{
    EACH_FOUR
    values.of[i] = vaddq_s32(values.of[i], vdupq_n_s32(number));
    return values;
}

INLINE whole whole_minus(whole values)
{
    EACH_FOUR
    values.of[i] = vnegq_s32(values.of[i]);
    return values;
}

/* To the left; to the right where `places` is negative. No value here is negative. */
INLINE whole whole_shift(whole values, int places)
{
    EACH_FOUR
    values.of[i] = vshlq_s32(values.of[i], vdupq_n_s32(places));
    return values;
}

/* The values, with the bits of `mask` where the bit of the two bytes is set, from the lowest on. */
INLINE whole whole_bits(whole values, const uint8_t *bytes, int mask)
{
    static const int32_t bits[2][4] = {{1, 2, 4, 8}, {16, 32, 64, 128}};
    whole set;
    EACH_FOUR
    set.of[i] = vreinterpretq_s32_u32(vtstq_s32(vdupq_n_s32(bytes[i / 2]), vld1q_s32(bits[i % 2])));
    return whole_join(values, set, mask);
}

INLINE lanes lanes_scaled(whole values, every scale)
{
    lanes scaled;
    EACH_FOUR
    scaled.of[i] = vmulq_f32(vcvtq_f32_s32(values.of[i]), scale);
    return scaled;
}

INLINE lanes lanes_moved(whole values, every scale, every move)
{
    lanes moved;
    EACH_FOUR
    moved.of[i] = vfmaq_f32(move, vcvtq_f32_s32(values.of[i]), scale);
    return moved;
}

/* (q - zero) * scale + move for each q of four bits. */
struct nibbles {
    every scale, move;
    int zero;
};

INLINE struct nibbles nibbles_of(every scale, every move, int zero)
{
    return (struct nibbles){scale, move, zero};
}

/* Of the lower half of bytes, and of the upper one. */
INLINE lanes nibbles_low(struct nibbles nibbles, whole bytes)
{
    return lanes_moved(whole_plus(whole_and(bytes, 15), -nibbles.zero), nibbles.scale, nibbles.move);
}

INLINE lanes nibbles_high(struct nibbles nibbles, whole bytes)
{
    return lanes_moved(whole_plus(whole_shift(bytes, -4), -nibbles.zero), nibbles.scale, nibbles.move);
}

/* The same for five bits. */
struct fives {
    every scale, move;
    int zero;
};

INLINE struct fives fives_of(every scale, every move, int zero)
{
    return (struct fives){scale, move, zero};
}

INLINE lanes fives_pick(struct fives fives, whole numbers)
{
    return lanes_moved(whole_plus(numbers, -fives.zero), fives.scale, fives.move);
}

/* Rows of the weight that meet one row of a, two and four at once, and rows of a that meet one. */
#define MEET_ONE 2
#define MEET_TWO 2
#define MEET_FOUR 1
#define MEET_MOST 4

#include "math/gemv_body.h"

static bool neon_runs(void)
{
    return true;
}

const struct gemv_level gemv_neon = {.name = "NEON", .runs = neon_runs, .of = GEMV_TABLE};

#endif
