/* Linear layers over weights that stay in their stored dtype, in memory or in their file. */
#ifndef ASSAY_MATH_LINEAR_H
#define ASSAY_MATH_LINEAR_H

#include "base/pool.h"
#include "math/blas.h"
#include "store/store.h"

/* A weight matrix [rows, columns]: `values` in memory, or, when that is NULL, read from the store as it is used; with
 * `tensor` NULL too it is absent and counts as zeros. */
struct matrix {
    const struct store *store;
    const struct tensor *tensor;
    const void *values;
    enum dtype dtype;
    size_t rows;
    size_t columns;
};

/* The threads, and memory that they reuse. One at a time may compute with it. */
struct workspace;
struct workspace *workspace_new(int threads, struct error *error);
void workspace_free(struct workspace *workspace);
struct pool *workspace_pool(struct workspace *workspace);

/* Products and sums in double from now on, each output rounded to float32 once: half as fast, and the engine's own
 * rounding is then smaller than that of a float32 original. Off at first. */
void workspace_exact(struct workspace *workspace, bool exact);

/* `count` floats that belong to `thread` until it asks again for the same slot (0 .. WORKSPACE_SLOTS-1). NULL: no
 * memory. */
#define WORKSPACE_SLOTS 6
#define WORKSPACE_DOUBLES 5 /* the slot that workspace_product uses */
float *workspace_floats(struct workspace *workspace, int thread, int slot, size_t count);

/* One product within a task of the pool, float32 or exact as the workspace says. False: out of memory. */
bool workspace_product(struct workspace *workspace, int thread, enum product kind, const float *a, size_t lda,
                       const float *b, size_t ldb, float *c, size_t ldc, size_t m, size_t n, size_t k);

/* One linear layer: out[m, rows] = a[m, columns] * weight^T + bias; rows of out lie ldo floats apart; bias may be NULL.
 */
struct linear_part {
    struct matrix weight;
    const float *bias;
    float *out;
    size_t ldo;
};
#define LINEAR_PARTS_MAX 4

/* Several layers of the same input and number of columns; rows of a lie lda floats apart. Every weight is read once,
 * widened stripe by stripe, and the work is cut the same way for any number of threads. */
bool linear(struct workspace *workspace, const float *a, size_t lda, size_t m, const struct linear_part *parts,
            size_t count, struct error *error);

/* One layer within one task of the pool, on thread `thread`: uses slots 0, 1 and 5 of that thread. */
bool linear_here(struct workspace *workspace, int thread, const float *a, size_t lda, size_t m,
                 const struct matrix *weight, const float *bias, float *out, size_t ldo, struct error *error);

/* Rows `ids` of an embedding, widened: out[count, columns]. Ids are checked by the caller. */
bool matrix_rows(const struct matrix *weight, const int *ids, size_t count, float *out, struct error *error);

#endif
