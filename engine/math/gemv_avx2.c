#include "math/gemv.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

typedef struct {
    __m256 low, high;
} lanes;
typedef struct {
    __m256i low, high;
} whole;
typedef __m256 every;
typedef uint32_t naturals __attribute__((vector_size(32)));

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
    return _mm256_set1_ps(value);
}

INLINE every every_half(const uint8_t *half)
{
    return _mm256_cvtph_ps(_mm_set1_epi16((short)two_bytes(half)));
}

/* Two halves, the first everywhere and the second. */
INLINE struct pair pair_halves(const uint8_t *halves)
{
    int bits;
    memcpy(&bits, halves, sizeof bits);
    every both = _mm256_cvtph_ps(_mm_set1_epi32(bits)); /* in turn */
    return (struct pair){_mm256_moveldup_ps(both), _mm256_movehdup_ps(both)};
}

INLINE lanes lanes_zero(void)
{
    return (lanes){_mm256_setzero_ps(), _mm256_setzero_ps()};
}

INLINE lanes lanes_load(const float *from)
{
    return (lanes){_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)};
}

INLINE void lanes_store(float *to, lanes values)
{
    _mm256_storeu_ps(to, values.low);
    _mm256_storeu_ps(to + 8, values.high);
}

INLINE __m256 eight_bf16(const uint8_t *from)
{
    __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const void *)from));
    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}

INLINE lanes lanes_bf16(const uint8_t *from)
{
    return (lanes){eight_bf16(from), eight_bf16(from + 16)};
}

INLINE lanes lanes_f16(const uint8_t *from)
{
    return (lanes){_mm256_cvtph_ps(_mm_loadu_si128((const void *)from)),
                   _mm256_cvtph_ps(_mm_loadu_si128((const void *)(from + 16)))};
}

INLINE lanes lanes_fma(lanes a, lanes b, lanes sum)
{
    return (lanes){_mm256_fmadd_ps(a.low, b.low, sum.low), _mm256_fmadd_ps(a.high, b.high, sum.high)};
}

INLINE lanes lanes_add(lanes a, lanes b)
{
    return (lanes){_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}

INLINE float lanes_sum(lanes values)
{
    __m256 eight = _mm256_add_ps(values.low, values.high);
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

INLINE whole whole_u8(const uint8_t *from)
{
    return (whole){_mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)from)),
                   _mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)(from + 8)))};
}

INLINE whole whole_s8(const uint8_t *from)
{
    return (whole){_mm256_cvtepi8_epi32(_mm_loadl_epi64((const void *)from)),
                   _mm256_cvtepi8_epi32(_mm_loadl_epi64((const void *)(from + 8)))};
}

INLINE whole whole_and(whole values, int with)
{
    const __m256i mask = _mm256_set1_epi32(with);
    return (whole){_mm256_and_si256(values.low, mask), _mm256_and_si256(values.high, mask)};
}

/* The values, and the bits of `mask` that `others` have. */
INLINE whole whole_join(whole values, whole others, int mask)
{
    others = whole_and(others, mask);
    return (whole){_mm256_or_si256(values.low, others.low), _mm256_or_si256(values.high, others.high)};
}

INLINE whole whole_plus(whole values, int number)
{
    const __m256i all = _mm256_set1_epi32(number);
    return (whole){_mm256_add_epi32(values.low, all), _mm256_add_epi32(values.high, all)};
}

INLINE whole whole_minus(whole values)
{
    const __m256i zero = _mm256_setzero_si256();
    return (whole){_mm256_sub_epi32(zero, values.low), _mm256_sub_epi32(zero, values.high)};
}

INLINE __m256i eight_shift(__m256i values, int places)
{
    return places < 0 ? (__m256i)((naturals)values >> -places) : (__m256i)((naturals)values << places);
}

/* To the left; to the right where `places` is negative. */
INLINE whole whole_shift(whole values, int places)
{
    return (whole){eight_shift(values.low, places), eight_shift(values.high, places)};
}

/* The values, with the bits of `mask` where the bit of the two bytes is set, from the lowest on. */
INLINE whole whole_bits(whole values, const uint8_t *bytes, int mask)
{
    const __m256i low = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128), high = _mm256_slli_epi32(low, 8);
    const __m256i all = _mm256_set1_epi16((short)two_bytes(bytes));
    whole set = {_mm256_cmpeq_epi32(_mm256_and_si256(all, low), low),
                 _mm256_cmpeq_epi32(_mm256_and_si256(all, high), high)};
    return whole_join(values, set, mask);
}

INLINE lanes lanes_scaled(whole values, every scale)
{
    return (lanes){_mm256_mul_ps(_mm256_cvtepi32_ps(values.low), scale),
                   _mm256_mul_ps(_mm256_cvtepi32_ps(values.high), scale)};
}

INLINE lanes lanes_moved(whole values, every scale, every move)
{
    return (lanes){_mm256_fmadd_ps(_mm256_cvtepi32_ps(values.low), scale, move),
                   _mm256_fmadd_ps(_mm256_cvtepi32_ps(values.high), scale, move)};
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
#define MEET_ONE 4
#define MEET_TWO 2
#define MEET_FOUR 1
#define MEET_MOST 4

#include "math/gemv_body.h"

/* Not every compiler knows it by name. */
static bool has_f16c(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && c & bit_F16C;
}

static bool avx2_runs(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
}

const struct gemv_level gemv_avx2 = {.name = "AVX2", .runs = avx2_runs, .of = GEMV_TABLE};

#endif
