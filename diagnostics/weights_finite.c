/* Every number of the text model read once: is it one? */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/progress.h"
#include "diagnostics/inventory.h"
#include "math/kernels.h"

#define CHUNK_VALUES 65536
#define PLACES_MAX 256

struct scan {
    const struct store *store;
    size_t *bad;     /* values that are not finite, for each tensor */
    uint64_t *first; /* index of the first of them */
    pthread_mutex_t lock;
    struct progress progress;
    size_t done;
    struct error error;
};

/* True for an exponent of all ones, in the stored dtype. */
static size_t count_bad(const float *values, size_t count, uint64_t before, uint64_t *first, size_t found)
{
    size_t bad = 0;
    for (size_t i = 0; i < count; i++) {
        if (isfinite(values[i]))
            continue;
        if (!found && !bad)
            *first = before + i;
        bad++;
    }
    return bad;
}

static bool scan_tensor(struct scan *scan, size_t index, struct error *error)
{
    const struct tensor *tensor = store_at(scan->store, index);
    size_t columns = (size_t)tensor->columns;
    if (!dtype_computes(tensor->dtype) || !columns)
        return true;
    uint64_t some = CHUNK_VALUES / columns ? CHUNK_VALUES / columns : 1;
    void *raw = malloc((size_t)some * dtype_row_bytes(tensor->dtype, columns));
    float *wide = malloc((size_t)some * columns * sizeof *wide);
    bool good = (raw && wide) || error_memory(error, tensor->name);
    for (uint64_t row = 0; good && row < tensor->rows; row += some) {
        uint64_t rows = tensor->rows - row < some ? tensor->rows - row : some;
        good = store_read_rows(scan->store, tensor, row, rows, raw, error);
        if (!good)
            break;
        widen(tensor->dtype, raw, wide, (size_t)rows * columns);
        scan->bad[index] +=
            count_bad(wide, (size_t)rows * columns, row * tensor->columns, &scan->first[index], scan->bad[index]);
    }
    free(raw);
    free(wide);
    return good;
}

static void scan_task(void *context, size_t task, int thread)
{
    (void)thread;
    struct scan *scan = context;
    struct error error = {0};
    bool good = scan_tensor(scan, task, &error);
    pthread_mutex_lock(&scan->lock);
    progress_step(&scan->progress, ++scan->done);
    if (!good && !scan->error.text)
        scan->error = error;
    else
        error_clear(&error);
    pthread_mutex_unlock(&scan->lock);
}

static bool scan_place(const struct tensor *tensor, size_t bad, uint64_t first, struct findings *findings)
{
    struct finding *place = findings_add(findings, "weights.finite");
    if (!place)
        return false;
    place->summary = false;
    place->verdict = VERDICT_FAIL;
    where_set(&place->where.tensor, tensor->name);
    where_set(&place->where.file, tensor->file ? tensor->file : "");
    tensor_place(tensor, &place->where.layer, &place->where.expert);
    finding_measured(place, (double)bad, "values");
    finding_limit(place, 0, "a weight is a finite number");
    const char *part = strstr(tensor->name, ".experts.");
    bool fused = part && !strstr(tensor->disk_name, part); /* or another spelling of the same */
    finding_message(place,
                    "%s: tensor '%s'%s%s%s holds %zu value%s that %s NaN or infinite, the first at row %llu, column "
                    "%llu.",
                    tensor->file ? tensor->file : "an overlay", tensor->disk_name, fused ? " (" : "",
                    fused ? part + 1 : "", fused ? ")" : "", bad, bad > 1 ? "s" : "", bad > 1 ? "are" : "is",
                    (unsigned long long)(first / tensor->columns), (unsigned long long)(first % tensor->columns));
    return true;
}

static bool scan_report(const struct scan *scan, size_t count, struct findings *findings)
{
    size_t tensors = 0, summary_at = findings->count;
    struct finding *finding = findings_add(findings, "weights.finite");
    if (!finding)
        return false;
    for (size_t i = 0; i < count; i++)
        if (scan->bad[i] && tensors++ < PLACES_MAX &&
            !scan_place(store_at(scan->store, i), scan->bad[i], scan->first[i], findings))
            return false;
    finding = &findings->items[summary_at];
    finding_measured(finding, (double)tensors, "tensors");
    finding_limit(finding, 0, "a weight is a finite number");
    finding_judge(finding);
    if (!tensors)
        finding_message(finding, "All values of %s%zu tensor%s are finite.", count == 1 ? "" : "all ", count,
                        count == 1 ? "" : "s");
    else
        finding_message(finding, "%zu tensor%s NaN or infinities; the first: %s", tensors,
                        tensors > 1 ? "s hold" : " holds",
                        findings->items[summary_at + 1].message ? findings->items[summary_at + 1].message : "");
    return true;
}

bool weights_check_finite(const struct store *store, struct pool *pool, struct findings *findings, struct error *error)
{
    size_t count = store_text_count(store);
    struct scan scan = {.store = store, .progress = progress_begin("weights", "tensors", count)};
    scan.bad = calloc(count + 1, sizeof *scan.bad);
    scan.first = calloc(count + 1, sizeof *scan.first);
    bool good = (scan.bad && scan.first) || error_memory(error, "weights");
    if (good) {
        pthread_mutex_init(&scan.lock, NULL);
        pool_run(pool, count, scan_task, &scan);
        pthread_mutex_destroy(&scan.lock);
        progress_end(&scan.progress);
        good = !scan.error.text;
        if (!good)
            *error = scan.error;
    }
    if (good)
        good = scan_report(&scan, count, findings) || error_memory(error, "weights");
    free(scan.bad);
    free(scan.first);
    return good;
}
