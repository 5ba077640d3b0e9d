#include "math/blas.h"

#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "math/kernels.h"
#include "math/reference.h"

void product(enum product kind, const float *a, size_t lda, const float *b, size_t ldb, float *c, size_t ldc, size_t m,
             size_t n, size_t k)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, kind == PRODUCT_TRANSPOSED ? CblasTrans : CblasNoTrans, (blasint)m,
                (blasint)n, (blasint)k, 1, a, (blasint)lda, b, (blasint)ldb, 0, c, (blasint)ldc);
}

/* An exact product goes tile by tile, so that its doubles stay few however large it is. Sums over k are never cut. */
#define EXACT_TILE ((size_t)512)

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t product_exact_doubles(size_t m, size_t n, size_t k)
{
    m = least(m, EXACT_TILE);
    n = least(n, EXACT_TILE);
    return m * k + n * k + m * n;
}

/* One tile of rows of a and c, with the tile of b that is in doubles already. */
static void product_exact_tile(bool transposed, const float *a, size_t lda, const double *wide_b, float *c, size_t ldc,
                               size_t m, size_t n, size_t k, double *wide_a)
{
    double *wide_c = wide_a + m * k;
    for (size_t row = 0; row < m; row++)
        to_doubles(a + row * lda, wide_a + row * k, k);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, transposed ? CblasTrans : CblasNoTrans, (blasint)m, (blasint)n, (blasint)k,
                1, wide_a, (blasint)k, wide_b, (blasint)(transposed ? k : n), 0, wide_c, (blasint)n);
    for (size_t row = 0; row < m; row++)
        to_floats(wide_c + row * n, c + row * ldc, n);
}

void product_exact(enum product kind, const float *a, size_t lda, const float *b, size_t ldb, float *c, size_t ldc,
                   size_t m, size_t n, size_t k, double *scratch)
{
    bool transposed = kind == PRODUCT_TRANSPOSED;
    for (size_t column = 0; column < n; column += EXACT_TILE) {
        size_t wide = least(n - column, EXACT_TILE), rows = transposed ? wide : k, columns = transposed ? k : wide;
        const float *from = transposed ? b + column * ldb : b + column;
        for (size_t row = 0; row < rows; row++)
            to_doubles(from + row * ldb, scratch + row * columns, columns);
        for (size_t row = 0; row < m; row += EXACT_TILE)
            product_exact_tile(transposed, a + row * lda, lda, scratch, c + row * ldc + column, ldc,
                               least(m - row, EXACT_TILE), wide, k, scratch + wide * k);
    }
}

/* Odd sizes, so that the kernels for the edges are met too, and one larger than a block. */
static const size_t prove_shapes[][3] = {{1, 1, 1},    {1, 17, 33},  {3, 5, 7},     {16, 16, 16},
                                         {31, 33, 65}, {64, 64, 64}, {65, 127, 70}, {129, 67, 500}};

static bool blas_prove_shape(size_t m, size_t n, size_t k, struct error *error)
{
    float *a = malloc((m * k + n * k + 2 * m * n) * sizeof *a);
    double *scratch = malloc((m * k + n * k + m * n) * sizeof *scratch);
    if (!a || !scratch) {
        free(a);
        free(scratch);
        return error_memory(error, "proof of OpenBLAS");
    }
    float *b = a + m * k, *found = b + n * k, *expected = found + m * n;
    unsigned seed = 1;
    for (size_t i = 0; i < m * k + n * k; i++) {
        seed = seed * 1664525u + 1013904223u;
        a[i] = (float)(seed >> 8) / 8388608.0f - 1.0f;
    }
    reference_product(a, b, expected, m, n, k);
    bool good = true;
    for (int exact = 0; exact < 2 && good; exact++) {
        if (exact)
            product_exact(PRODUCT_TRANSPOSED, a, k, b, k, found, n, m, n, k, scratch);
        else
            product(PRODUCT_TRANSPOSED, a, k, b, k, found, n, m, n, k);
        for (size_t i = 0; good && i < m * n; i++)
            good = fabsf(found[i] - expected[i]) <= 1e-5f * sqrtf((float)k);
    }
    free(a);
    free(scratch);
    if (good)
        return true;
    return error_set(error,
                     "%s computes wrong products on this processor ([%zu, %zu] x [%zu, %zu]); "
                     "set OPENBLAS_CORETYPE=Haswell to choose another kernel",
                     blas_name(), m, k, k, n);
}

bool blas_prove(struct error *error)
{
    openblas_set_num_threads(1);
    for (size_t i = 0; i < sizeof prove_shapes / sizeof *prove_shapes; i++)
        if (!blas_prove_shape(prove_shapes[i][0], prove_shapes[i][1], prove_shapes[i][2], error))
            return false;
    return true;
}

const char *blas_name(void)
{
    static char name[128];
    if (!*name)
        snprintf(name, sizeof name, "OpenBLAS %s", openblas_get_corename());
    return name;
}
