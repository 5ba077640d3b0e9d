#include "math/gemv.h"

#include <math.h>

#include "values/values.h"

const struct gemv_level *const gemv_levels[] = {
#if defined(__x86_64__)
    &gemv_avx512, &gemv_avx2,
#elif defined(__aarch64__)
    &gemv_neon,
#endif
    NULL};

const struct gemv_level *gemv_fastest(void)
{
    size_t level = 0;
    while (gemv_levels[level] && !gemv_levels[level]->runs())
        level++;
    return gemv_levels[level];
}

#define LANES 16

static float lanes_total(float *lanes)
{
    for (size_t left = LANES / 2; left; left /= 2)
        for (size_t i = 0; i < left; i++)
            lanes[i] += lanes[i + left];
    return lanes[0];
}

static float row_product(enum dtype dtype, const char *weight, size_t columns, const float *a)
{
    float totals[LANES] = {0}, values[GEMV_STRETCH];
    for (size_t first = 0; first < columns; first += GEMV_STRETCH) {
        size_t some = columns - first < GEMV_STRETCH ? columns - first : GEMV_STRETCH;
        float lanes[LANES] = {0};
        widen(dtype, weight + dtype_row_bytes(dtype, first), values, some);
        for (size_t i = 0; i < some; i++)
            lanes[i % LANES] = fmaf(values[i], a[first + i], lanes[i % LANES]);
        for (size_t i = 0; i < LANES; i++)
            totals[i] += lanes[i];
    }
    return lanes_total(totals);
}

void gemv_plain(enum dtype dtype, const void *weight, size_t rows, size_t columns, const float *a, size_t lda, size_t m,
                float *out, size_t ldo)
{
    size_t bytes = dtype_row_bytes(dtype, columns);
    for (size_t row = 0; row < rows; row++)
        for (size_t i = 0; i < m; i++)
            out[i * ldo + row] = row_product(dtype, (const char *)weight + row * bytes, columns, a + i * lda);
}
