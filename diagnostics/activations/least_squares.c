#include "activations/least_squares.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

/* LAPACK: min |A X - B| over X, by QR; A is [m, n] and B [m, nrhs], column by column; B is overwritten with X. */
void dgels_(const char *trans, const int *m, const int *n, const int *nrhs, double *a, const int *lda, double *b,
            const int *ldb, double *work, const int *lwork, int *info, size_t trans_length);
/* The inverse of a triangle, in its place. */
void dtrtri_(const char *uplo, const char *diag, const int *n, double *a, const int *lda, int *info, size_t uplo_length,
             size_t diag_length);

bool least_squares(double *a, double *b, int rows, int columns, int sides, bool *full, struct error *error)
{
    int query = -1, info = 0;
    double best = 0;
    dgels_("N", &rows, &columns, &sides, a, &rows, b, &rows, &best, &query, &info, 1);
    int size = info ? 0 : (int)best;
    double *work = malloc(((size_t)size + 1) * sizeof *work);
    if (!work)
        return error_memory(error, "least squares");
    if (!info)
        dgels_("N", &rows, &columns, &sides, a, &rows, b, &rows, work, &size, &info, 1);
    free(work);
    *full = !info;
    return true;
}

void least_squares_spread(double *triangle, int rows, int columns, double *out)
{
    int info = 0;
    dtrtri_("U", "N", &columns, triangle, &rows, &info, 1, 1);
    for (int i = 0; i < columns; i++) {
        double square = 0;
        for (int k = i; k < columns; k++) {
            double value = triangle[(size_t)k * (size_t)rows + (size_t)i];
            square += value * value;
        }
        out[i] = info || !isfinite(square) ? INFINITY : sqrt(square);
    }
}
