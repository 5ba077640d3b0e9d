/* Which tensors of a folder are the source's. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/progress.h"
#include "extraction/repair_internal.h"
#include "values/values.h"

/* Rounding to a dtype, whichever way, moves a value by less than one step between its neighbours there: its power of
 * two divided by 2 to the `bits` of a fraction, and at least that of the smallest values. A type that is not listed
 * holds the values of the others as they are. */
static const struct step_row {
    enum dtype dtype;
    int bits;
    double least;
} step_rows[] = {
    {DTYPE_F16, 10, 0x1p-24},
    {DTYPE_BF16, 7, 0x1p-133},
};

static const struct step_row *step_of(enum dtype dtype)
{
    for (size_t i = 0; i < sizeof step_rows / sizeof *step_rows; i++)
        if (step_rows[i].dtype == dtype)
            return &step_rows[i];
    return NULL;
}

/* A NaN is one that the source has too. Half a step is told without the power of two: it is at most the value divided
 * by 2 to the bits and one more. */
static bool rounds_to(const float *mine, const float *source, size_t count, const struct step_row *step)
{
    double half = step ? ldexp(1, -step->bits - 1) : 0;
    for (size_t i = 0; i < count; i++) {
        double a = (double)mine[i], b = (double)source[i], error = fabs(a - b);
        if (a == b || (isnan(a) && isnan(b)) || (isfinite(b) && error <= half * fabs(b)))
            continue;
        if (!step || !isnormal(b) || !(error < fmax(ldexp(1, ilogb(b) - step->bits), step->least)))
            return false;
    }
    return true;
}

/* A tensor of the folder beside the source's, chunk after chunk. */
struct pairing {
    struct repair *repair;
    struct held_tensor *held;
    const struct tensor *source;
    struct sha256 *mine_sha, *source_sha;
    void *mine;     /* a chunk, grown as needed */
    float *wide[2]; /* of a conversion */
    size_t room;    /* bytes of `mine` */
    enum match match;
};

static bool pairing_room(struct pairing *pairing, size_t rows, struct error *error)
{
    const struct tensor *tensor = pairing->held->tensor;
    size_t count = rows * (size_t)tensor->columns, bytes = rows * (size_t)(tensor->bytes / tensor->rows);
    if (bytes <= pairing->room)
        return true;
    free(pairing->mine);
    pairing->mine = malloc(bytes);
    bool good = pairing->mine;
    for (int i = 0; good && pairing->match == MATCH_CONVERTED && i < 2; i++) {
        free(pairing->wide[i]);
        good = (pairing->wide[i] = malloc(count * sizeof(float)));
    }
    pairing->room = good ? bytes : 0;
    return good || error_memory(error, tensor->name);
}

/* Ends the walk, without an error, by returning false when the values are others. */
static bool pair_chunk(void *context, uint64_t offset, const void *values, size_t size, struct error *error)
{
    struct pairing *pairing = context;
    const struct tensor *tensor = pairing->held->tensor, *source = pairing->source;
    uint64_t width = source->bytes / source->rows, first = offset / width, rows = size / width;
    struct error unread = {0};
    if (!pairing_room(pairing, (size_t)rows, error))
        return false;
    bool read = store_read_rows(pairing->repair->store, tensor, first, rows, pairing->mine, &unread);
    error_clear(&unread);
    size_t bytes = (size_t)(rows * (tensor->bytes / tensor->rows)), count = (size_t)(rows * tensor->columns);
    if (!read) {
        pairing->match = MATCH_UNREAD;
    } else if (pairing->match == MATCH_SAME) {
        if (bytes != size || memcmp(pairing->mine, values, size) != 0)
            pairing->match = MATCH_VALUES;
    } else {
        widen(tensor->dtype, pairing->mine, pairing->wide[0], count);
        widen(source->dtype, values, pairing->wide[1], count);
        if (!rounds_to(pairing->wide[0], pairing->wide[1], count, step_of(tensor->dtype)))
            pairing->match = MATCH_VALUES;
    }
    if (pairing->match != MATCH_SAME && pairing->match != MATCH_CONVERTED)
        return false;
    return (sha256_update(pairing->source_sha, values, size) &&
            (pairing->match == MATCH_SAME || sha256_update(pairing->mine_sha, pairing->mine, bytes))) ||
           error_set(error, "SHA-256 failed");
}

struct comparing {
    struct repair *repair;
    size_t *tasks; /* held tensors */
    size_t count;
    pthread_mutex_t lock;
    struct progress progress;
    uint64_t done;
    struct error error;
};

static bool pair_finish(struct pairing *pairing)
{
    struct held_tensor *held = pairing->held;
    unsigned char digest[SHA256_BYTES];
    if (!sha256_take(pairing->source_sha, digest))
        return false;
    sha256_text(digest, held->source_sha256);
    if (pairing->match == MATCH_CONVERTED && !sha256_take(pairing->mine_sha, digest))
        return false;
    sha256_text(digest, held->sha256);
    return true;
}

static bool pair_compare(struct repair *repair, struct held_tensor *held, struct error *error)
{
    const struct planned_tensor *planned = &repair->planned[held->planned];
    const struct extract_tensor *wanted = &repair->plan.files[planned->file].tensors[planned->index];
    struct pairing pairing = {.repair = repair,
                              .held = held,
                              .source = wanted->tensor,
                              .match = held->tensor->dtype == wanted->tensor->dtype ? MATCH_SAME : MATCH_CONVERTED,
                              .mine_sha = sha256_new(error),
                              .source_sha = sha256_new(error)};
    bool good = pairing.mine_sha && pairing.source_sha;
    if (good && !tensor_each(wanted->store, wanted->tensor, pair_chunk, &pairing, error))
        good = pairing.match != MATCH_SAME && pairing.match != MATCH_CONVERTED && !error->text;
    else if (good)
        good = pair_finish(&pairing) || error_set(error, "SHA-256 failed");
    held->match = pairing.match;
    sha256_free(pairing.mine_sha);
    sha256_free(pairing.source_sha);
    free(pairing.mine);
    free(pairing.wide[0]);
    free(pairing.wide[1]);
    return good;
}

static void compare_task(void *context, size_t task, int thread)
{
    struct comparing *comparing = context;
    struct held_tensor *held = &comparing->repair->tensors[comparing->tasks[task]];
    struct error error = {0};
    (void)thread;
    bool good = pair_compare(comparing->repair, held, &error);
    pthread_mutex_lock(&comparing->lock);
    comparing->done += held->tensor->bytes;
    progress_step(&comparing->progress, comparing->done);
    if (!good && !comparing->error.text)
        comparing->error = error;
    else
        error_clear(&error);
    pthread_mutex_unlock(&comparing->lock);
}

/* What can be told without its values: true when they have to be read. */
static bool needs_values(const struct repair *repair, struct held_tensor *held)
{
    if (held->planned == NONE)
        return false;
    const struct planned_tensor *planned = &repair->planned[held->planned];
    const struct tensor *wanted = repair->plan.files[planned->file].tensors[planned->index].tensor,
                        *mine = held->tensor;
    held->match = MATCH_SHAPE;
    if (!tensor_same_shape(mine, wanted))
        return false;
    held->match = MATCH_PLACE;
    if (tensor_is_misfiled(mine))
        return false;
    held->match = MATCH_DTYPE;
    return mine->dtype == wanted->dtype || (dtype_width(mine->dtype) && dtype_width(wanted->dtype));
}

/* Size and header of the files that may stay. */
static bool measure_files(struct repair *repair, struct error *error)
{
    bool good = true;
    for (size_t i = 0; good && i < repair->file_count; i++) {
        struct held_file *file = &repair->files[i];
        if (!file->count)
            continue;
        uint64_t header = UINT64_MAX;
        for (size_t k = 0; k < file->count; k++) {
            uint64_t begin = repair->tensors[file->tensors[k]].tensor->offset;
            header = begin < header ? begin : header;
        }
        char *path = path_join(repair->request->extract.folder, file->path);
        struct file_state state = {0};
        int descriptor = path ? file_open(path, &state, error) : -1;
        file->size = state.size;
        good = (path || error_memory(error, file->path)) && descriptor >= 0 &&
               header_hash(descriptor, path, header, file->header_sha256, error);
        if (descriptor >= 0)
            close(descriptor);
        free(path);
    }
    return good;
}

bool repair_compare(struct repair *repair, struct error *error)
{
    struct comparing comparing = {.repair = repair, .tasks = calloc(repair->tensor_count + 1, sizeof *comparing.tasks)};
    uint64_t total = 0;
    if (!comparing.tasks)
        return error_memory(error, "repair");
    for (size_t i = 0; i < repair->tensor_count; i++) {
        if (!needs_values(repair, &repair->tensors[i]))
            continue;
        comparing.tasks[comparing.count++] = i;
        total += repair->tensors[i].tensor->bytes;
    }
    pthread_mutex_init(&comparing.lock, NULL);
    comparing.progress = progress_begin("compare", "bytes", total);
    pool_run(repair->request->extract.pool, comparing.count, compare_task, &comparing);
    progress_end(&comparing.progress);
    pthread_mutex_destroy(&comparing.lock);
    bool good = !comparing.error.text || error_take(error, &comparing.error);
    free(comparing.tasks);
    return good && measure_files(repair, error);
}
