#include "math/linear.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "math/gemv.h"
#include "math/kernels.h"
#include "values/values.h"

#define STRIPE_FLOATS ((size_t)4 << 20) /* of widened weights held at once: 16 MB */
#define TILE_ROWS 64                    /* of weights that one task widens, or multiplies when few rows meet them */
#define TILE_M 512
#define TILE_N 288
#define FEW_ROWS GEMV_ROWS /* up to here a dot product for each output beats packing for a matrix product */

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

bool workspace_product(struct workspace *workspace, int thread, enum product kind, const float *a, size_t lda,
                       const float *b, size_t ldb, float *c, size_t ldc, size_t m, size_t n, size_t k)
{
    if (!workspace->exact) {
        product(kind, a, lda, b, ldb, c, ldc, m, n, k);
        return true;
    }
    float *doubles = workspace_floats(workspace, thread, WORKSPACE_DOUBLES, 2 * product_exact_doubles(m, n, k));
    if (doubles)
        product_exact(kind, a, lda, b, ldb, c, ldc, m, n, k, (double *)(void *)doubles);
    return doubles;
}

/* Floats that hold as many rows of the weight as they are stored. */
static size_t raw_floats(const struct matrix *weight, size_t rows)
{
    return (rows * dtype_row_bytes(weight->dtype, weight->columns) + sizeof(float) - 1) / sizeof(float);
}

/* Rows first .. first + count - 1 of the weight as they are stored: where they are in memory, or read into `raw`. NULL:
 * an error. */
static const void *matrix_stored(const struct matrix *weight, size_t first, size_t count, float *raw,
                                 struct error *error)
{
    if (weight->values)
        return (const char *)weight->values + first * dtype_row_bytes(weight->dtype, weight->columns);
    return store_read_rows(weight->store, weight->tensor, first, count, raw, error) ? raw : NULL;
}

/* The same widened into `out`. `raw` holds the stored bytes meanwhile. */
static bool matrix_widen(const struct matrix *weight, size_t first, size_t count, float *raw, float *out,
                         struct error *error)
{
    const void *stored = matrix_stored(weight, first, count, weight->dtype == DTYPE_F32 ? out : raw, error);
    if (stored && stored != out)
        widen(weight->dtype, stored, out, count * weight->columns);
    return stored;
}

/* Some rows of one part's weight, widened or as they are. */
struct segment {
    const struct linear_part *part;
    size_t first; /* row of the weight */
    size_t count;
    const float *rows; /* [count, columns] */
    float *fill;       /* the same, where it has to be widened; else NULL */
    size_t first_task; /* of the run under way */
    size_t tasks;
};

/* A stripe holds as many segments as fit; parts rarely need more than one each. */
#define SEGMENTS_MAX (2 * LINEAR_PARTS_MAX)

struct linear_job {
    struct workspace *workspace;
    const float *a;
    size_t lda;
    size_t m;
    size_t columns;
    struct segment segments[SEGMENTS_MAX];
    size_t count;
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

/* The segment of a task; `*task` becomes the task within it. */
static const struct segment *job_segment(const struct linear_job *job, size_t *task)
{
    const struct segment *segment = job->segments;
    while (*task >= segment->first_task + segment->tasks)
        segment++;
    *task -= segment->first_task;
    return segment;
}

static void job_run(struct linear_job *job, size_t (*tasks_of)(const struct linear_job *, const struct segment *),
                    pool_task *task)
{
    size_t total = 0;
    for (size_t i = 0; i < job->count; i++) {
        job->segments[i].first_task = total;
        job->segments[i].tasks = tasks_of(job, &job->segments[i]);
        total += job->segments[i].tasks;
    }
    pool_run(job->workspace->pool, total, task, job);
}

static size_t row_tasks(const struct linear_job *job, const struct segment *segment)
{
    (void)job;
    return (segment->count + TILE_ROWS - 1) / TILE_ROWS;
}

static size_t widen_tasks(const struct linear_job *job, const struct segment *segment)
{
    return segment->fill ? row_tasks(job, segment) : 0;
}

static void widen_task(void *context, size_t task, int thread)
{
    struct linear_job *job = context;
    const struct segment *segment = job_segment(job, &task);
    size_t first = task * TILE_ROWS, left = segment->count - first, count = left < TILE_ROWS ? left : TILE_ROWS;
    float *raw = workspace_floats(job->workspace, thread, 0, raw_floats(&segment->part->weight, count));
    struct error error = {0};
    if (!raw)
        error_memory(&error, "weights");
    if (!raw || !matrix_widen(&segment->part->weight, segment->first + first, count, raw,
                              segment->fill + first * job->columns, &error))
        job_fail(job, &error);
}

static void add_bias(float *out, size_t ldo, size_t m, const float *bias, size_t count)
{
    for (size_t row = 0; bias && row < m; row++)
        add_scaled(out + row * ldo, bias, 1, count);
}

/* A length cut into equal tiles of at most `most`, each a multiple of 16. */
static size_t tile_size(size_t length, size_t most)
{
    size_t tiles = (length + most - 1) / most;
    return ((length + tiles - 1) / tiles + 15) / 16 * 16;
}

static size_t tiles_across(size_t length, size_t most)
{
    size_t size = tile_size(length, most);
    return (length + size - 1) / size;
}

static size_t product_tasks(const struct linear_job *job, const struct segment *segment)
{
    return tiles_across(job->m, TILE_M) * tiles_across(segment->count, TILE_N);
}

static void product_run(void *context, size_t task, int thread)
{
    struct linear_job *job = context;
    const struct segment *segment = job_segment(job, &task);
    const struct linear_part *part = segment->part;
    size_t high = tile_size(job->m, TILE_M), wide = tile_size(segment->count, TILE_N);
    size_t across = tiles_across(segment->count, TILE_N);
    size_t row = task / across * high, column = task % across * wide;
    size_t m = job->m - row < high ? job->m - row : high;
    size_t n = segment->count - column < wide ? segment->count - column : wide;
    float *out = part->out + row * part->ldo + segment->first + column;
    struct error error = {0};
    if (!workspace_product(job->workspace, thread, PRODUCT_TRANSPOSED, job->a + row * job->lda, job->lda,
                           segment->rows + column * job->columns, job->columns, out, part->ldo, m, n, job->columns)) {
        error_memory(&error, "product");
        job_fail(job, &error);
        return;
    }
    add_bias(out, part->ldo, m, part->bias ? part->bias + segment->first + column : NULL, n);
}

/* Few rows of a meet widened rows of the weight. */
static void few_dots(const struct linear_job *job, const struct linear_part *part, const float *rows, size_t first,
                     size_t count)
{
    float (*dot_of)(const float *, const float *, size_t) = job->workspace->exact ? dot_exact : dot;
    for (size_t i = 0; i < count; i++)
        for (size_t row = 0; row < job->m; row++)
            part->out[row * part->ldo + first + i] =
                dot_of(rows + i * job->columns, job->a + row * job->lda, job->columns);
}

#define AHEAD_BYTES 2048
#define LINE_BYTES 64

/* Asks for the row that lies AHEAD_BYTES behind this one: what is widened is used too slowly for the processor to see
 * far enough ahead by itself. */
static void row_prefetch(const struct matrix *weight, size_t row)
{
    size_t bytes = dtype_row_bytes(weight->dtype, weight->columns), ahead = row + AHEAD_BYTES / (bytes + 1) + 1;
    const char *values = (const char *)weight->values + ahead * bytes;
    for (size_t at = 0; ahead < weight->rows && at < bytes; at += LINE_BYTES)
        __builtin_prefetch(values + at);
}

/* Few rows of a meet rows first .. first + count - 1 of the weight: as they are stored, where there is a kernel for it,
 * else each of them widened into the cache. */
static bool few_rows(const struct linear_job *job, const struct linear_part *part, size_t first, size_t count,
                     int thread, struct error *error)
{
    const struct matrix *weight = &part->weight;
    const struct gemv_level *level = job->workspace->exact ? NULL : gemv_fastest();
    gemv *own = level ? level->of[weight->dtype] : NULL, *kernel = level && !own ? level->of[DTYPE_F32] : own;
    bool widens = !own && weight->dtype != DTYPE_F32;
    size_t some = weight->values && widens ? 1 : count; /* from memory row by row, from a file all at once */
    float *raw = workspace_floats(job->workspace, thread, 0, weight->values ? 0 : raw_floats(weight, some));
    float *values = workspace_floats(job->workspace, thread, 1, widens ? some * job->columns : 0);
    if (!raw || !values)
        return error_memory(error, "weights");
    for (size_t i = 0; i < count; i += some) {
        const void *rows = matrix_stored(weight, first + i, some, raw, error);
        if (!rows)
            return false;
        if (widens && weight->values)
            row_prefetch(weight, first + i);
        if (widens) {
            widen(weight->dtype, rows, values, some * job->columns);
            rows = values;
        }
        if (kernel)
            kernel(rows, some, job->columns, job->a, job->lda, job->m, part->out + first + i, part->ldo);
        else
            few_dots(job, part, rows, first + i, some);
    }
    add_bias(part->out + first, part->ldo, job->m, part->bias ? part->bias + first : NULL, count);
    return true;
}

static void few_rows_run(void *context, size_t task, int thread)
{
    struct linear_job *job = context;
    const struct segment *segment = job_segment(job, &task);
    size_t first = task * TILE_ROWS, left = segment->count - first, count = left < TILE_ROWS ? left : TILE_ROWS;
    struct error error = {0};
    if (!few_rows(job, segment->part, first, count, thread, &error))
        job_fail(job, &error);
}

static bool part_absent(const struct linear_part *part)
{
    return !part->weight.values && !part->weight.tensor;
}

static void part_zero(const struct linear_part *part, size_t m)
{
    for (size_t row = 0; row < m; row++)
        memset(part->out + row * part->ldo, 0, part->weight.rows * sizeof(float));
    add_bias(part->out, part->ldo, m, part->bias, part->weight.rows);
}

/* The values of a weight where they can be used as they are. */
static const float *part_direct(const struct linear_part *part)
{
    return part->weight.dtype == DTYPE_F32 ? part->weight.values : NULL;
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

static void job_few_rows(struct linear_job *job, const struct linear_part *parts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!part_absent(&parts[i]))
            job->segments[job->count++] = (struct segment){.part = &parts[i], .count = parts[i].weight.rows};
    job_run(job, row_tasks, few_rows_run);
}

static size_t stripe_rows(size_t columns)
{
    size_t rows = STRIPE_FLOATS / (columns ? columns : 1) / TILE_ROWS * TILE_ROWS;
    return rows ? rows : TILE_ROWS;
}

/* Fills the job with the next segments that fit a stripe, from row `*row` of part `*at` on. */
static void job_fill(struct linear_job *job, const struct linear_part *parts, size_t count, size_t *at, size_t *row)
{
    size_t room = stripe_rows(job->columns), used = 0;
    job->count = 0;
    while (*at < count && job->count < SEGMENTS_MAX) {
        const struct linear_part *part = &parts[*at];
        const float *direct = part_direct(part);
        size_t left = part_absent(part) ? 0 : part->weight.rows - *row;
        size_t rows = direct || left < room - used ? left : room - used;
        if (left && !rows)
            return;
        if (rows) {
            float *fill = direct ? NULL : job->workspace->stripe + used * job->columns;
            job->segments[job->count++] = (struct segment){.part = part,
                                                           .first = *row,
                                                           .count = rows,
                                                           .fill = fill,
                                                           .rows = direct ? direct + *row * job->columns : fill};
            used += direct ? 0 : rows;
        }
        *row += rows;
        if (rows == left) {
            ++*at;
            *row = 0;
        }
    }
}

/* Floats of the stripe that the parts need at most. */
static size_t stripe_need(const struct linear_part *parts, size_t count, size_t columns)
{
    size_t rows = 0, most = stripe_rows(columns);
    for (size_t i = 0; i < count; i++)
        rows += part_absent(&parts[i]) || part_direct(&parts[i]) ? 0 : parts[i].weight.rows;
    return (rows < most ? rows : most) * columns;
}

bool linear(struct workspace *workspace, const float *a, size_t lda, size_t m, const struct linear_part *parts,
            size_t count, struct error *error)
{
    struct linear_job job = {.workspace = workspace, .a = a, .lda = lda, .m = m, .columns = parts[0].weight.columns};
    pthread_mutex_init(&job.lock, NULL);
    for (size_t i = 0; i < count; i++)
        if (part_absent(&parts[i]))
            part_zero(&parts[i], m);
    if (m <= FEW_ROWS) {
        job_few_rows(&job, parts, count);
        return job_end(&job, error);
    }
    size_t need = stripe_need(parts, count, job.columns), at = 0, row = 0;
    if (need && !floats_grow(&workspace->stripe, &workspace->stripe_count, need))
        error_memory(&job.error, "weights");
    while (at < count && !job.error.text) {
        job_fill(&job, parts, count, &at, &row);
        job_run(&job, widen_tasks, widen_task);
        if (!job.error.text)
            job_run(&job, product_tasks, product_run);
    }
    return job_end(&job, error);
}

bool linear_here(struct workspace *workspace, int thread, const float *a, size_t lda, size_t m,
                 const struct matrix *weight, const float *bias, float *out, size_t ldo, struct error *error)
{
    struct linear_job job = {.workspace = workspace, .a = a, .lda = lda, .m = m, .columns = weight->columns};
    struct linear_part part = {.weight = *weight, .bias = bias, .out = out, .ldo = ldo};
    const float *direct = part_direct(&part);
    if (part_absent(&part)) {
        part_zero(&part, m);
        return true;
    }
    size_t rows = stripe_rows(weight->columns) < weight->rows ? stripe_rows(weight->columns) : weight->rows;
    if (m <= FEW_ROWS) {
        bool good = true;
        for (size_t first = 0; good && first < weight->rows; first += rows)
            good =
                few_rows(&job, &part, first, weight->rows - first < rows ? weight->rows - first : rows, thread, error);
        return good;
    }
    float *raw = direct ? NULL : workspace_floats(workspace, thread, 0, raw_floats(weight, rows));
    float *wide = direct ? NULL : workspace_floats(workspace, thread, 1, rows * weight->columns);
    if (!direct && (!raw || !wide))
        return error_memory(error, "weights");
    for (size_t first = 0; first < weight->rows; first += rows) {
        size_t count = weight->rows - first < rows ? weight->rows - first : rows;
        if (!direct && !matrix_widen(weight, first, count, raw, wide, error))
            return false;
        const float *stripe = direct ? direct + first * weight->columns : wide;
        if (!workspace_product(workspace, thread, PRODUCT_TRANSPOSED, a, lda, stripe, weight->columns, out + first, ldo,
                               m, count, weight->columns))
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
    float *raw = malloc((raw_floats(weight, 1) + 1) * sizeof *raw);
    bool good = raw || error_memory(error, "embedding");
    for (size_t i = 0; good && i < count; i++)
        good = matrix_widen(weight, (size_t)ids[i], 1, raw, out + i * columns, error);
    free(raw);
    return good;
}
