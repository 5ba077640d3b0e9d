#include "math/linear.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "math/kernels.h"

#define STRIPE_FLOATS ((size_t)4 << 20) /* of widened weights held at once: 16 MB */
#define TILE_ROWS 64                    /* of weights that one task widens, or multiplies when few rows meet them */
#define TILE_M 256
#define TILE_N 192
#define FEW_ROWS 6 /* up to here a dot product for each output beats packing for a matrix product */

struct scratch {
    float *floats[WORKSPACE_SLOTS];
    size_t counts[WORKSPACE_SLOTS];
};

struct workspace {
    struct pool *pool;
    struct scratch *scratch; /* one for each thread */
    float *stripe;
    size_t stripe_count;
    bool exact;
};

struct workspace *workspace_new(int threads, struct error *error)
{
    struct workspace *workspace = calloc(1, sizeof *workspace);
    if (!workspace) {
        error_memory(error, "workspace");
        return NULL;
    }
    workspace->pool = pool_new(threads, error);
    if (workspace->pool)
        workspace->scratch = calloc((size_t)pool_threads(workspace->pool), sizeof *workspace->scratch);
    if (workspace->scratch)
        return workspace;
    error_memory(error, "workspace");
    workspace_free(workspace);
    return NULL;
}

void workspace_free(struct workspace *workspace)
{
    if (!workspace)
        return;
    int threads = workspace->scratch ? pool_threads(workspace->pool) : 0;
    for (int thread = 0; thread < threads; thread++)
        for (int slot = 0; slot < WORKSPACE_SLOTS; slot++)
            free(workspace->scratch[thread].floats[slot]);
    free(workspace->scratch);
    free(workspace->stripe);
    pool_free(workspace->pool);
    free(workspace);
}

struct pool *workspace_pool(struct workspace *workspace)
{
    return workspace->pool;
}

void workspace_exact(struct workspace *workspace, bool exact)
{
    workspace->exact = exact;
}

static float *floats_grow(float **floats, size_t *have, size_t count)
{
    if (count <= *have)
        return *floats;
    free(*floats);
    *floats = NULL;
    *have = 0;
    if (count > SIZE_MAX / sizeof **floats - 64)
        return NULL;
    *floats = aligned_alloc(64, (count * sizeof **floats + 63) / 64 * 64);
    *have = *floats ? count : 0;
    return *floats;
}

float *workspace_floats(struct workspace *workspace, int thread, int slot, size_t count)
{
    struct scratch *scratch = &workspace->scratch[thread];
    return floats_grow(&scratch->floats[slot], &scratch->counts[slot], count ? count : 1);
}

bool workspace_product(struct workspace *workspace, int thread, enum product kind, const float *a, size_t lda, const float *b,
                       size_t ldb, float *c, size_t ldc, size_t m, size_t n, size_t k)
{
    if (!workspace->exact) {
        product(kind, a, lda, b, ldb, c, ldc, m, n, k);
        return true;
    }
    float *doubles = workspace_floats(workspace, thread, WORKSPACE_DOUBLES, 2 * (m * k + n * k + m * n));
    if (doubles)
        product_exact(kind, a, lda, b, ldb, c, ldc, m, n, k, (double *)(void *)doubles);
    return doubles;
}

/* Rows first .. first + count - 1 of the weight, widened into `out`. `raw` holds the stored bytes meanwhile. */
static bool matrix_widen(const struct matrix *weight, size_t first, size_t count, float *raw, float *out,
                         struct error *error)
{
    size_t width = dtype_width(weight->dtype), values = count * weight->columns;
    if (weight->values) {
        widen(weight->dtype, (const char *)weight->values + first * weight->columns * width, out, values);
        return true;
    }
    void *target = weight->dtype == DTYPE_F32 ? (void *)out : (void *)raw;
    if (!store_read_rows(weight->store, weight->tensor, first, count, target, error))
        return false;
    if (weight->dtype != DTYPE_F32)
        widen(weight->dtype, raw, out, values);
    return true;
}

struct linear_job {
    struct workspace *workspace;
    const float *a;
    size_t lda;
    size_t m;
    const struct matrix *weight;
    const float *bias;
    float *out;
    size_t ldo;
    size_t first; /* row of the weight at which the stripe begins */
    size_t count;
    const float *stripe; /* [count, columns] */
    float *stripe_out;   /* the same, while it is filled */
    pthread_mutex_t lock;
    struct error error;
};

static void job_fail(struct linear_job *job, struct error *error)
{
    pthread_mutex_lock(&job->lock);
    if (!job->error.text) {
        job->error = *error;
        error->text = NULL;
    }
    pthread_mutex_unlock(&job->lock);
    error_clear(error);
}

static void widen_task(void *context, size_t task, int thread)
{
    struct linear_job *job = context;
    size_t columns = job->weight->columns;
    size_t first = task * TILE_ROWS, count = job->count - first < TILE_ROWS ? job->count - first : TILE_ROWS;
    float *raw = workspace_floats(job->workspace, thread, 0, count * columns);
    struct error error = {0};
    if (!raw)
        error_memory(&error, "weights");
    if (!raw || !matrix_widen(job->weight, job->first + first, count, raw, job->stripe_out + first * columns, &error))
        job_fail(job, &error);
}

static void add_bias(float *out, size_t ldo, size_t m, const float *bias, size_t count)
{
    for (size_t row = 0; bias && row < m; row++)
        add_scaled(out + row * ldo, bias, 1, count);
}

static void product_task(void *context, size_t task, int thread)
{
    struct linear_job *job = context;
    size_t across = (job->count + TILE_N - 1) / TILE_N, columns = job->weight->columns;
    size_t row = task / across * TILE_M, column = task % across * TILE_N;
    size_t m = job->m - row < TILE_M ? job->m - row : TILE_M;
    size_t n = job->count - column < TILE_N ? job->count - column : TILE_N;
    float *out = job->out + row * job->ldo + job->first + column;
    struct error error = {0};
    if (!workspace_product(job->workspace, thread, PRODUCT_TRANSPOSED, job->a + row * job->lda, job->lda,
                           job->stripe + column * columns, columns, out, job->ldo, m, n, columns)) {
        error_memory(&error, "product");
        job_fail(job, &error);
        return;
    }
    add_bias(out, job->ldo, m, job->bias ? job->bias + job->first + column : NULL, n);
}

/* Few rows of a: every weight row is widened into the cache and meets them all there. */
static void few_rows(const struct linear_job *job, const float *rows, size_t first, size_t count)
{
    size_t columns = job->weight->columns;
    float (*dot_of)(const float *, const float *, size_t) = job->workspace->exact ? dot_exact : dot;
    for (size_t i = 0; i < count; i++)
        for (size_t row = 0; row < job->m; row++)
            job->out[row * job->ldo + first + i] =
                dot_of(rows + i * columns, job->a + row * job->lda, columns) + (job->bias ? job->bias[first + i] : 0);
}

static void few_rows_task(void *context, size_t task, int thread)
{
    struct linear_job *job = context;
    const struct matrix *weight = job->weight;
    size_t first = task * TILE_ROWS, count = weight->rows - first < TILE_ROWS ? weight->rows - first : TILE_ROWS;
    struct error error = {0};
    if (weight->values && weight->dtype == DTYPE_F32) {
        few_rows(job, (const float *)weight->values + first * weight->columns, first, count);
        return;
    }
    size_t some = weight->values ? 1 : count; /* from memory row by row, from a file all at once */
    float *raw = workspace_floats(job->workspace, thread, 0, some * weight->columns);
    float *wide = workspace_floats(job->workspace, thread, 1, some * weight->columns);
    bool good = raw && wide;
    if (!good)
        error_memory(&error, "weights");
    for (size_t i = 0; good && i < count; i += some) {
        good = matrix_widen(weight, first + i, some, raw, wide, &error);
        if (good)
            few_rows(job, wide, first + i, some);
    }
    if (!good)
        job_fail(job, &error);
}

static void linear_zero(const struct linear_job *job)
{
    for (size_t row = 0; row < job->m; row++) {
        memset(job->out + row * job->ldo, 0, job->weight->rows * sizeof(float));
        add_bias(job->out + row * job->ldo, job->ldo, 1, job->bias, job->weight->rows);
    }
}

static bool job_end(struct linear_job *job, struct error *error)
{
    pthread_mutex_destroy(&job->lock);
    if (!job->error.text)
        return true;
    if (!error->text)
        *error = job->error;
    else
        error_clear(&job->error);
    return false;
}

static size_t stripe_rows(const struct matrix *weight)
{
    size_t rows = STRIPE_FLOATS / (weight->columns ? weight->columns : 1) / TILE_ROWS * TILE_ROWS;
    rows = rows ? rows : TILE_ROWS;
    return rows < weight->rows ? rows : weight->rows;
}

bool linear(struct workspace *workspace, const float *a, size_t lda, size_t m, const struct matrix *weight,
            const float *bias, float *out, size_t ldo, struct error *error)
{
    struct linear_job job = {.workspace = workspace, .a = a, .lda = lda, .m = m, .weight = weight, .bias = bias, .out = out,
                             .ldo = ldo};
    if (!weight->values && !weight->tensor) {
        linear_zero(&job);
        return true;
    }
    pthread_mutex_init(&job.lock, NULL);
    if (m <= FEW_ROWS) {
        pool_run(workspace->pool, (weight->rows + TILE_ROWS - 1) / TILE_ROWS, few_rows_task, &job);
        return job_end(&job, error);
    }
    bool direct = weight->values && weight->dtype == DTYPE_F32;
    size_t rows = stripe_rows(weight);
    if (!direct && !floats_grow(&workspace->stripe, &workspace->stripe_count, rows * weight->columns))
        error_memory(&job.error, "weights");
    for (size_t first = 0; first < weight->rows && !job.error.text; first += rows) {
        job.first = first;
        job.count = weight->rows - first < rows ? weight->rows - first : rows;
        job.stripe_out = workspace->stripe;
        job.stripe = direct ? (const float *)weight->values + first * weight->columns : workspace->stripe;
        if (!direct)
            pool_run(workspace->pool, (job.count + TILE_ROWS - 1) / TILE_ROWS, widen_task, &job);
        size_t tiles = ((m + TILE_M - 1) / TILE_M) * ((job.count + TILE_N - 1) / TILE_N);
        if (!job.error.text)
            pool_run(workspace->pool, tiles, product_task, &job);
    }
    return job_end(&job, error);
}

bool linear_here(struct workspace *workspace, int thread, const float *a, size_t lda, size_t m, const struct matrix *weight,
                 const float *bias, float *out, size_t ldo, struct error *error)
{
    struct linear_job job = {.workspace = workspace, .a = a, .lda = lda, .m = m, .weight = weight, .bias = bias, .out = out,
                             .ldo = ldo};
    if (!weight->values && !weight->tensor) {
        linear_zero(&job);
        return true;
    }
    bool direct = weight->values && weight->dtype == DTYPE_F32;
    size_t rows = stripe_rows(weight);
    float *raw = direct ? NULL : workspace_floats(workspace, thread, 0, rows * weight->columns);
    float *wide = direct ? NULL : workspace_floats(workspace, thread, 1, rows * weight->columns);
    if (!direct && (!raw || !wide))
        return error_memory(error, "weights");
    for (size_t first = 0; first < weight->rows; first += rows) {
        size_t count = weight->rows - first < rows ? weight->rows - first : rows;
        if (!direct && !matrix_widen(weight, first, count, raw, wide, error))
            return false;
        const float *stripe = direct ? (const float *)weight->values + first * weight->columns : wide;
        if (m <= FEW_ROWS) {
            few_rows(&job, stripe, first, count);
            continue;
        }
        if (!workspace_product(workspace, thread, PRODUCT_TRANSPOSED, a, lda, stripe, weight->columns, out + first, ldo, m,
                               count, weight->columns))
            return error_memory(error, "product");
        add_bias(out + first, ldo, m, bias ? bias + first : NULL, count);
    }
    return true;
}

bool matrix_rows(const struct matrix *weight, const int *ids, size_t count, float *out, struct error *error)
{
    size_t columns = weight->columns;
    if (!weight->values && !weight->tensor) {
        memset(out, 0, count * columns * sizeof *out);
        return true;
    }
    float *raw = malloc((columns ? columns : 1) * sizeof *raw);
    bool good = raw || error_memory(error, "embedding");
    for (size_t i = 0; good && i < count; i++)
        good = matrix_widen(weight, (size_t)ids[i], 1, raw, out + i * columns, error);
    free(raw);
    return good;
}
