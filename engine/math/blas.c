#include "math/blas.h"

#include <cblas.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "math/reference.h"
#include "values/values.h"

void product(enum product kind, const float *a, size_t lda, const float *b, size_t ldb, float *c, size_t ldc, size_t m,
             size_t n, size_t k)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, kind == PRODUCT_TRANSPOSED ? CblasTrans : CblasNoTrans, (blasint)m,
                (blasint)n, (blasint)k, 1, a, (blasint)lda, b, (blasint)ldb, 0, c, (blasint)ldc);
}

/* An exact product goes tile by tile, so that its doubles stay few however large it is. Sums over k are never cut. */
#define EXACT_ROWS ((size_t)1024)
#define EXACT_COLUMNS ((size_t)512)

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t product_exact_doubles(size_t m, size_t n, size_t k)
{
    m = least(m, EXACT_ROWS);
    n = least(n, EXACT_COLUMNS);
    return m * k + n * k + m * n;
}

/* Columns of c, by as many of b, for the rows of a that are in doubles already. */
static void product_exact_tile(bool transposed, const double *wide_a, const float *b, size_t ldb, float *c, size_t ldc,
                               size_t m, size_t n, size_t k, double *wide_b)
{
    size_t rows = transposed ? n : k, columns = transposed ? k : n;
    double *wide_c = wide_b + n * k;
    for (size_t row = 0; row < rows; row++)
        to_doubles(b + row * ldb, wide_b + row * columns, columns);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, transposed ? CblasTrans : CblasNoTrans, (blasint)m, (blasint)n, (blasint)k,
                1, wide_a, (blasint)k, wide_b, (blasint)columns, 0, wide_c, (blasint)n);
    for (size_t row = 0; row < m; row++)
        to_floats(wide_c + row * n, c + row * ldc, n);
}

void product_exact(enum product kind, const float *a, size_t lda, const float *b, size_t ldb, float *c, size_t ldc,
                   size_t m, size_t n, size_t k, double *scratch)
{
    bool transposed = kind == PRODUCT_TRANSPOSED;
    for (size_t first = 0; first < m; first += EXACT_ROWS) {
        size_t rows = least(m - first, EXACT_ROWS);
        for (size_t row = 0; row < rows; row++)
            to_doubles(a + (first + row) * lda, scratch + row * k, k);
        for (size_t column = 0; column < n; column += EXACT_COLUMNS)
            product_exact_tile(transposed, scratch, b + column * (transposed ? ldb : 1), ldb, c + first * ldc + column,
                               ldc, rows, least(n - column, EXACT_COLUMNS), k, scratch + rows * k);
    }
}

/* Odd sizes, so that the kernels for the edges are met too, and one larger than a block. */
static const size_t prove_shapes[][3] = {{1, 1, 1},    {1, 17, 33},  {3, 5, 7},     {16, 16, 16},
                                         {31, 33, 65}, {64, 64, 64}, {65, 127, 70}, {129, 67, 500}};

/* Floats between the rows of what is proved: attention and stripes of weights lie so. */
#define PROVE_GAP 3

struct proof {
    size_t m, n, k;
    float *a, *b, *c; /* [m, k], [n, k], [m, n], with gaps */
    float *dense;     /* [m, k], [n, k] and [m, n] without, for the reference */
    double *scratch;
};

static void prove_fill(const struct proof *proof)
{
    unsigned seed = 1;
    for (size_t i = 0; i < proof->m * proof->k + proof->n * proof->k; i++) {
        seed = seed * 1664525u + 1013904223u;
        proof->dense[i] = (float)(seed >> 8) / 8388608.0f - 1.0f;
    }
}

/* One product against what the reference expects of it; NaN between the rows must stay, and must not be read. */
static bool prove_product(const struct proof *proof, enum product kind, bool exact)
{
    size_t m = proof->m, n = proof->n, k = proof->k, lda = k + PROVE_GAP, ldc = n + PROVE_GAP;
    bool transposed = kind == PRODUCT_TRANSPOSED;
    size_t ldb = (transposed ? k : n) + PROVE_GAP;
    const float *dense_b = proof->dense + m * k, *expected = dense_b + n * k;
    for (size_t i = 0; i < m * lda; i++)
        proof->a[i] = i % lda < k ? proof->dense[i / lda * k + i % lda] : NAN;
    for (size_t i = 0; i < (transposed ? n : k) * ldb; i++)
        proof->b[i] = i % ldb >= ldb - PROVE_GAP ? NAN
                      : transposed               ? dense_b[i / ldb * k + i % ldb]
                                                 : dense_b[i % ldb * k + i / ldb];
    for (size_t i = 0; i < m * ldc; i++)
        proof->c[i] = NAN;
    if (exact)
        product_exact(kind, proof->a, lda, proof->b, ldb, proof->c, ldc, m, n, k, proof->scratch);
    else
        product(kind, proof->a, lda, proof->b, ldb, proof->c, ldc, m, n, k);
    bool good = true;
    for (size_t i = 0; i < m * ldc; i++) {
        float found = proof->c[i];
        good = good &&
               (i % ldc < n ? fabsf(found - expected[i / ldc * n + i % ldc]) <= 1e-5f * sqrtf((float)k) : isnan(found));
    }
    return good;
}

static bool blas_prove_shape(size_t m, size_t n, size_t k, struct error *error)
{
    size_t b = n * (k + PROVE_GAP) > k * (n + PROVE_GAP) ? n * (k + PROVE_GAP) : k * (n + PROVE_GAP);
    struct proof proof = {.m = m, .n = n, .k = k};
    proof.a = malloc(m * (k + PROVE_GAP) * sizeof *proof.a);
    proof.b = malloc(b * sizeof *proof.b);
    proof.c = malloc(m * (n + PROVE_GAP) * sizeof *proof.c);
    proof.dense = malloc((m * k + n * k + m * n) * sizeof *proof.dense);
    proof.scratch = malloc(product_exact_doubles(m, n, k) * sizeof *proof.scratch);
    bool memory = proof.a && proof.b && proof.c && proof.dense && proof.scratch, good = memory;
    if (memory) {
        prove_fill(&proof);
        reference_product(proof.dense, proof.dense + m * k, proof.dense + m * k + n * k, m, n, k);
    }
    for (int way = 0; good && way < 4; way++)
        good = prove_product(&proof, way & 1 ? PRODUCT_PLAIN : PRODUCT_TRANSPOSED, way & 2);
    free(proof.a);
    free(proof.b);
    free(proof.c);
    free(proof.dense);
    free(proof.scratch);
    if (!memory)
        return error_memory(error, "proof of OpenBLAS");
    return good || error_set(error,
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

void blas_choose(char *const argv[])
{
#ifdef __x86_64__
    const char *oldest[] = {"Prescott", "Core2", "Generic"}, *core = openblas_get_corename();
    bool old = false, wide, wider;
    __builtin_cpu_init();
    wide = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    wider = wide && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    for (size_t i = 0; i < sizeof oldest / sizeof *oldest; i++)
        old = old || strcasecmp(core, oldest[i]) == 0;
    if (!old || !wide || getenv("OPENBLAS_CORETYPE") ||
        setenv("OPENBLAS_CORETYPE", wider ? "SkylakeX" : "Haswell", 1) != 0)
        return;
    char path[PATH_MAX]; /* its own name, which is also that of the process */
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    execv(path, argv); /* where that fails, it is slow and right */
#else
    (void)argv;
#endif
}

const char *blas_name(void)
{
    static char name[128];
    if (!*name)
        snprintf(name, sizeof name, "OpenBLAS %s", openblas_get_corename());
    return name;
}
