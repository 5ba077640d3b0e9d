/* Matrix products, through OpenBLAS with its own threads off. */
#ifndef ASSAY_MATH_BLAS_H
#define ASSAY_MATH_BLAS_H

#include <stddef.h>

#include "base/error.h"

enum product { PRODUCT_TRANSPOSED, PRODUCT_PLAIN };

/* PRODUCT_TRANSPOSED: C[m, n] = A[m, k] * B[n, k]^T; PRODUCT_PLAIN: C[m, n] = A[m, k] * B[k, n]. lda, ldb, ldc: floats
 * from row to row. Runs on the calling thread. */
void product(enum product kind, const float *a, size_t lda, const float *b, size_t ldb, float *c, size_t ldc, size_t m,
             size_t n, size_t k);

/* The same with products and sums in double, rounded once at the end: half as fast. `scratch` holds
 * product_exact_doubles(m, n, k), which grows with k but not with m or n beyond a tile. */
size_t product_exact_doubles(size_t m, size_t n, size_t k);
void product_exact(enum product kind, const float *a, size_t lda, const float *b, size_t ldb, float *c, size_t ldc,
                   size_t m, size_t n, size_t k, double *scratch);

/* Turns the library's threads off and proves its kernels on this processor: products of both kinds, of several shapes,
 * with gaps between the rows, float32 and exact, against plain C. An error means that this build of OpenBLAS computes
 * wrong results here (setting OPENBLAS_CORETYPE=Haswell in the environment chooses an older kernel). */
bool blas_prove(struct error *error);

/* An OpenBLAS that is older than the processor does not know it, and falls back to kernels of 2004. Then this starts
 * the program again, with OPENBLAS_CORETYPE naming newer ones that the processor runs; once, and not where the
 * environment names some already. Before any work: `argv` as main has it. */
void blas_choose(char *const argv[]);

/* "OpenBLAS 0.3.21 SkylakeX" or the like. Borrowed. */
const char *blas_name(void);

#endif
