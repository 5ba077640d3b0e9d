#include "math/gemv.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

typedef __m512 lanes;
typedef __m512i whole;
typedef __m512 every;
typedef uint32_t naturals __attribute__((vector_size(64)));

struct pair {
    every first, second;
};

INLINE uint16_t two_bytes(const uint8_t *at)
{
    uint16_t two;
    memcpy(&two, at, sizeof two);
    return two;
}

INLINE every every_of(float value)
{
    return _mm512_set1_ps(value);
}

INLINE every every_half(const uint8_t *half)
{
    return _mm512_cvtph_ps(_mm256_set1_epi16((short)two_bytes(half)));
}

/* Two halves, the first everywhere and the second. */
INLINE struct pair pair_halves(const uint8_t *halves)
{
    int bits;
    memcpy(&bits, halves, sizeof bits);
    every both = _mm512_cvtph_ps(_mm256_set1_epi32(bits)); /* in turn */
    return (struct pair){_mm512_moveldup_ps(both), _mm512_movehdup_ps(both)};
}

INLINE lanes lanes_zero(void)
{
    return _mm512_setzero_ps();
}

INLINE lanes lanes_load(const float *from)
{
    return _mm512_loadu_ps(from);
}

INLINE void lanes_store(float *to, lanes values)
{
    _mm512_storeu_ps(to, values);
}

INLINE lanes lanes_bf16(const uint8_t *from)
{
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)from));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}

INLINE lanes lanes_f16(const uint8_t *from)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const void *)from));
}

INLINE lanes lanes_fma(lanes a, lanes b, lanes sum)
{
    return _mm512_fmadd_ps(a, b, sum);
}

INLINE lanes lanes_add(lanes a, lanes b)
{
    return _mm512_add_ps(a, b);
}

INLINE float lanes_sum(lanes values)
{
    __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(values), _mm512_extractf32x8_ps(values, 1));
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

INLINE whole whole_u8(const uint8_t *from)
{
    return _mm512_cvtepu8_epi32(_mm_loadu_si128((const void *)from));
}

INLINE whole whole_s8(const uint8_t *from)
{
    return _mm512_cvtepi8_epi32(_mm_loadu_si128((const void *)from));
}

INLINE whole whole_and(whole values, int with)
{
    return _mm512_and_si512(values, _mm512_set1_epi32(with));
}

/* The values, and the bits of `mask` that `others` have. */
INLINE whole whole_join(whole values, whole others, int mask)
{
    return _mm512_ternarylogic_epi32(others, _mm512_set1_epi32(mask), values, 0xEA); /* (a & b) | c */
}

INLINE whole whole_plus(whole values, int number)
{
    return _mm512_add_epi32(values, _mm512_set1_epi32(number));
}

INLINE whole whole_minus(whole values)
{
    return _mm512_sub_epi32(_mm512_setzero_si512(), values);
}

/* To the left; to the right where `places` is negative. */
INLINE whole whole_shift(whole values, int places)
{
    return places < 0 ? (whole)((naturals)values >> -places) : (whole)((naturals)values << places);
}

/* The values, with the bits of `mask` where the bit of the two bytes is set, from the lowest on. */
INLINE whole whole_bits(whole values, const uint8_t *bytes, int mask)
{
    return _mm512_mask_or_epi32(values, two_bytes(bytes), values, _mm512_set1_epi32(mask));
}

INLINE lanes lanes_scaled(whole values, every scale)
{
    return _mm512_mul_ps(_mm512_cvtepi32_ps(values), scale);
}

INLINE lanes lanes_moved(whole values, every scale, every move)
{
    return _mm512_fmadd_ps(_mm512_cvtepi32_ps(values), scale, move);
}

/* (q - zero) * scale + move for each q of four bits. */
struct nibbles {
    lanes table;
};

INLINE struct nibbles nibbles_of(every scale, every move, int zero)
{
    const whole all = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return (struct nibbles){lanes_moved(whole_plus(all, -zero), scale, move)};
}

/* Of the lower half of bytes, and of the upper one. */
INLINE lanes nibbles_low(struct nibbles nibbles, whole bytes)
{
    return _mm512_permutexvar_ps(bytes, nibbles.table); /* looks at four bits */
}

INLINE lanes nibbles_high(struct nibbles nibbles, whole bytes)
{
    return _mm512_permutexvar_ps(whole_shift(bytes, -4), nibbles.table);
}

/* The same for five bits. */
struct fives {
    lanes low, high;
};

INLINE struct fives fives_of(every scale, every move, int zero)
{
    return (struct fives){nibbles_of(scale, move, zero).table, nibbles_of(scale, move, zero - 16).table};
}

INLINE lanes fives_pick(struct fives fives, whole numbers)
{
    return _mm512_permutex2var_ps(fives.low, numbers, fives.high);
}

/* Rows of the weight that meet one row of a, two and four at once, and rows of a that meet one. */
#define MEET_ONE 4
#define MEET_TWO 4
#define MEET_FOUR 2
#define MEET_MOST 8

#include "math/gemv_body.h"

static bool avx512_runs(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx2") &&
           __builtin_cpu_supports("fma");
}

const struct gemv_level gemv_avx512 = {.name = "AVX-512", .runs = avx512_runs, .of = GEMV_TABLE};

#endif
