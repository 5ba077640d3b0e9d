/* The proof of OpenBLAS refuses a library that computes wrong results, in whichever way: the library is wrapped by one
 * that does. */
#include <cblas.h>
#include <criterion/criterion.h>
#include <string.h>

#include "math/blas.h"

enum fault {
    FAULT_NONE,
    FAULT_TRANSPOSED, /* products with a transposed matrix */
    FAULT_PLAIN,      /* those without */
    FAULT_LDC,        /* rows of the result where no gaps would be */
    FAULT_GAP,        /* something written between them */
    FAULT_EDGE        /* the last of an odd number of columns */
};

static enum fault fault;
static bool in_double;

void __real_cblas_sgemm(CBLAS_LAYOUT order, CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, blasint m, blasint n, blasint k,
                        float alpha, const float *a, blasint lda, const float *b, blasint ldb, float beta, float *c,
                        blasint ldc);
void __real_cblas_dgemm(CBLAS_LAYOUT order, CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, blasint m, blasint n, blasint k,
                        double alpha, const double *a, blasint lda, const double *b, blasint ldb, double beta,
                        double *c, blasint ldc);
void __wrap_cblas_sgemm(CBLAS_LAYOUT order, CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, blasint m, blasint n, blasint k,
                        float alpha, const float *a, blasint lda, const float *b, blasint ldb, float beta, float *c,
                        blasint ldc);
void __wrap_cblas_dgemm(CBLAS_LAYOUT order, CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, blasint m, blasint n, blasint k,
                        double alpha, const double *a, blasint lda, const double *b, blasint ldb, double beta,
                        double *c, blasint ldc);

static bool wrong_result(CBLAS_TRANSPOSE tb, blasint n)
{
    return (fault == FAULT_TRANSPOSED && tb == CblasTrans) || (fault == FAULT_PLAIN && tb == CblasNoTrans) ||
           (fault == FAULT_EDGE && n % 2 && n > 1);
}

void __wrap_cblas_sgemm(CBLAS_LAYOUT order, CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, blasint m, blasint n, blasint k,
                        float alpha, const float *a, blasint lda, const float *b, blasint ldb, float beta, float *c,
                        blasint ldc)
{
    bool broken = !in_double;
    __real_cblas_sgemm(order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, broken && fault == FAULT_LDC ? n : ldc);
    if (broken && wrong_result(tb, n))
        c[n - 1] += 1;
    if (broken && fault == FAULT_GAP && ldc > n && m > 1)
        c[n] = 0;
}

void __wrap_cblas_dgemm(CBLAS_LAYOUT order, CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, blasint m, blasint n, blasint k,
                        double alpha, const double *a, blasint lda, const double *b, blasint ldb, double beta,
                        double *c, blasint ldc)
{
    __real_cblas_dgemm(order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    if (in_double && wrong_result(tb, n))
        c[n - 1] += 1;
}

/* Every way to be wrong is refused, and a library that is right is not. */
Test(blas, a_wrong_library_is_refused)
{
    static const struct {
        const char *what;
        enum fault fault;
        bool in_double;
    } rows[] = {
        {"transposed", FAULT_TRANSPOSED, false},
        {"transposed, in double", FAULT_TRANSPOSED, true},
        {"plain", FAULT_PLAIN, false},
        {"plain, in double", FAULT_PLAIN, true},
        {"rows at wrong places", FAULT_LDC, false},
        {"writes between the rows", FAULT_GAP, false},
        {"an edge", FAULT_EDGE, false},
        {"an edge, in double", FAULT_EDGE, true},
    };
    struct error error = {0};
    cr_assert(blas_prove(&error), "%s", error_text(&error));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fault = rows[i].fault;
        in_double = rows[i].in_double;
        cr_expect_not(blas_prove(&error), "%s", rows[i].what);
        cr_expect(strstr(error_text(&error), "computes wrong products"), "%s: %s", rows[i].what, error_text(&error));
        error_clear(&error);
    }
}
