/* The product of few rows with a matrix as it is stored: its values are made in registers, where they meet all of the
 * rows, and nowhere else. */
#ifndef ASSAY_MATH_GEMV_H
#define ASSAY_MATH_GEMV_H

#include <stdbool.h>
#include <stddef.h>

#include "values/dtype.h"

#define GEMV_ROWS ((size_t)8)       /* of `a` at most */
#define GEMV_STRETCH ((size_t)1024) /* columns; whole blocks of every dtype */

/* out[m, rows] = a[m, columns] * weight^T, rows of a and of out `lda` and `ldo` floats apart. The weight is stored
 * without gaps, at any address. Each output is a sum of its own: in each stretch of columns sixteen lanes, of which
 * lane i takes the columns i, i + 16 ... one after the other, each product and sum rounded once (fma); the stretches
 * are added lane by lane, and at last the lanes are halved until one is left. So its bits depend on its row of a and on
 * the values of its row of the weight, not on m, on rows, on the dtype or on the processor. */
typedef void gemv(const void *weight, size_t rows, size_t columns, const float *a, size_t lda, size_t m, float *out,
                  size_t ldo);

/* One for each dtype, NULL where there is none, for processors that `runs`. F32 has one. */
struct gemv_level {
    const char *name;
    bool (*runs)(void);
    gemv *of[DTYPE_COUNT];
};

extern const struct gemv_level gemv_avx512, gemv_avx2, gemv_neon;

/* The levels that this program has, the fastest first, then NULL. */
extern const struct gemv_level *const gemv_levels[];

/* The fastest that this processor runs; NULL: none. A dtype that has no kernel there is widened, and then an F32. */
const struct gemv_level *gemv_fastest(void);

/* The plain twin, of every dtype that widen knows: slow. */
void gemv_plain(enum dtype dtype, const void *weight, size_t rows, size_t columns, const float *a, size_t lda, size_t m,
                float *out, size_t ldo);

#endif
