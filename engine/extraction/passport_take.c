/* The passport of a store, and a passport held against the files that it is of. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/progress.h"
#include "extraction/extract_internal.h"
#include "extraction/passport.h"

#define CHUNK_BYTES ((size_t)1 << 20) /* stays in a core's second cache between reading and hashing */

/* Tasks of very different sizes: the largest first, so that no thread is left alone with one at the end. */
struct task {
    size_t index;
    uint64_t bytes;
};

static int task_order(const void *left, const void *right)
{
    const struct task *a = left, *b = right;
    if (a->bytes != b->bytes)
        return a->bytes > b->bytes ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* What all tasks share. */
struct work {
    struct task *tasks;
    size_t count;
    pthread_mutex_t lock;
    struct progress progress;
    uint64_t done;
    struct error error; /* the first */
};

static void work_step(struct work *work, uint64_t bytes)
{
    pthread_mutex_lock(&work->lock);
    work->done += bytes;
    progress_step(&work->progress, work->done);
    pthread_mutex_unlock(&work->lock);
}

static void work_fail(struct work *work, struct error *error)
{
    pthread_mutex_lock(&work->lock);
    if (!work->error.text)
        work->error = *error;
    else
        error_clear(error);
    pthread_mutex_unlock(&work->lock);
}

/* Sorts and runs the tasks, and frees them. */
static bool work_run(struct work *work, const char *title, struct pool *pool, pool_task *task, void *context,
                     struct error *error)
{
    uint64_t total = 0;
    for (size_t i = 0; i < work->count; i++)
        total += work->tasks[i].bytes;
    if (work->count)
        qsort(work->tasks, work->count, sizeof *work->tasks, task_order);
    pthread_mutex_init(&work->lock, NULL);
    work->progress = progress_begin(title, "bytes", total);
    pool_run(pool, work->count, task, context);
    progress_end(&work->progress);
    pthread_mutex_destroy(&work->lock);
    free(work->tasks);
    return !work->error.text || error_take(error, &work->error);
}

/* --- of a store --- */

struct taking {
    struct work work; /* a task is a tensor of the passport */
    const struct store *store;
    struct passport *passport;
};

struct hashing {
    struct work *work;
    struct sha256 *sha;
};

static bool hash_chunk(void *context, uint64_t offset, const void *values, size_t size, struct error *error)
{
    const struct hashing *hashing = context;
    (void)offset;
    work_step(hashing->work, size);
    return sha256_update(hashing->sha, values, size) || error_set(error, "SHA-256 failed");
}

static void take_tensor(void *context, size_t task, int thread)
{
    struct taking *taking = context;
    struct passport_tensor *row = &taking->passport->tensors[taking->work.tasks[task].index];
    const struct tensor *tensor = store_find(taking->store, row->name);
    struct error error = {0};
    struct hashing hashing = {.work = &taking->work, .sha = sha256_new(&error)};
    (void)thread;
    bool good = hashing.sha && tensor_each(taking->store, tensor, hash_chunk, &hashing, &error);
    if (hashing.sha && !sha256_finish(hashing.sha, row->sha256) && good)
        good = error_set(&error, "SHA-256 failed");
    if (!good)
        work_fail(&taking->work, &error);
}

bool passport_take_companions(const struct companion *companions, size_t count, struct passport *passport,
                              struct error *error)
{
    bool good = true;
    for (size_t i = 0; good && i < count; i++) {
        struct buffer text = {0};
        struct passport_companion *row = NULL;
        struct sha256 *sha = NULL;
        good = companion_read(&companions[i], &text, error);
        if (good && text.data) {
            row = passport_add_companion(passport, companions[i].name);
            good = (row || error_memory(error, companions[i].name)) && (sha = sha256_new(error));
        }
        if (sha) {
            row->size = text.size;
            good = sha256_update(sha, text.data, text.size);
            good = (sha256_finish(sha, row->sha256) && good) || error_set(error, "SHA-256 failed");
        }
        buffer_free(&text);
    }
    return good;
}

bool passport_take(const struct store *store, const struct companion *companions, size_t companion_count,
                   struct pool *pool, struct passport *passport, struct error *error)
{
    struct taking taking = {.store = store, .passport = passport};
    size_t count = store_text_count(store);
    *passport = (struct passport){.complete = true, .follows = true};
    taking.work.tasks = calloc(count + 1, sizeof *taking.work.tasks);
    bool good = taking.work.tasks || error_memory(error, store_path(store));
    for (size_t i = 0; good && i < count; i++) {
        const struct tensor *tensor = store_at(store, i);
        if (store_find(store, tensor->name) != tensor)
            continue;
        good = passport_add_tensor(passport, tensor->name, tensor->dtype, tensor->rank, tensor->shape) ||
               error_memory(error, store_path(store));
        taking.work.tasks[taking.work.count] = (struct task){taking.work.count, tensor->bytes};
        taking.work.count++;
    }
    if (good)
        good = work_run(&taking.work, "hash", pool, take_tensor, &taking, error);
    else
        free(taking.work.tasks);
    good = good && passport_take_companions(companions, companion_count, passport, error) &&
           passport_finish(passport, store_path(store), error);
    if (!good)
        passport_free(passport);
    return good;
}

/* --- held against the files --- */

struct holding {
    struct work work; /* a task is a file of the passport */
    const char *folder;
    const struct passport *passport;
    struct passport_reading *reading;
};

/* `size` bytes from `begin` on; `hex` stays "" where the file ends before. */
static bool hash_range(struct holding *holding, int descriptor, const char *path, uint64_t begin, uint64_t size,
                       struct sha256 *sha, char *chunk, char hex[SHA256_TEXT])
{
    unsigned char digest[SHA256_BYTES];
    struct error unread = {0};
    bool good = true;
    for (uint64_t at = 0; good && at < size; at += CHUNK_BYTES) {
        size_t some = size - at < CHUNK_BYTES ? (size_t)(size - at) : CHUNK_BYTES;
        good = file_read_at(descriptor, path, begin + at, chunk, some, &unread) && sha256_update(sha, chunk, some);
        if (good)
            work_step(&holding->work, some);
    }
    error_clear(&unread);
    if (sha256_take(sha, digest) && good)
        sha256_text(digest, hex);
    return good;
}

static bool row_is(const struct passport_tensor *row, const struct tensor *tensor)
{
    return tensor && tensor_same_kind(tensor, row) && tensor->offset == row->begin && !tensor_lies_apart(tensor);
}

/* What a reader makes of the header, against the rows; the text names what is otherwise. */
static enum passport_state header_read(const struct holding *holding, const struct passport_file *file,
                                       struct error *text)
{
    enum passport_state state = PASSPORT_UNREADABLE;
    const char *path = file->path;
    struct store *store = store_open_files(holding->folder, &path, 1, text);
    if (store) {
        state = store_count(store) == file->count ? PASSPORT_GOOD : PASSPORT_OTHER;
        if (state != PASSPORT_GOOD)
            error_set(text, "it holds %zu tensors, where the passport lists %zu", store_count(store), file->count);
        for (size_t i = file->first; state == PASSPORT_GOOD && i < file->first + file->count; i++) {
            const struct passport_tensor *row = &holding->passport->tensors[i];
            if (row_is(row, store_find(store, row->name)))
                continue;
            state = PASSPORT_OTHER;
            error_set(text, "its header gives tensor '%s' another dtype, shape or place than the passport does",
                      row->name);
        }
    }
    store_free(store);
    return state;
}

/* The file's state, and what was found. */
static void hold_there(struct holding *holding, size_t index, const char *path, struct sha256 *sha, char *chunk)
{
    const struct passport_file *file = &holding->passport->files[index];
    struct passport_reading *reading = holding->reading;
    struct file_state state;
    struct error text = {0};
    char *header = reading->headers[index];
    int descriptor = file_open(path, &state, &text);
    if (descriptor < 0) {
        reading->files[index] = PASSPORT_UNREADABLE;
        reading->texts[index] = text.text ? strdup(text.text) : NULL;
        error_clear(&text);
        return;
    }
    reading->sizes[index] = state.size;
    hash_range(holding, descriptor, path, 0, file->header, sha, chunk, header);
    for (size_t i = file->first; i < file->first + file->count; i++) {
        const struct passport_tensor *row = &holding->passport->tensors[i];
        hash_range(holding, descriptor, path, row->begin, row->bytes, sha, chunk, reading->tensors[i]);
    }
    if (state.size != file->size)
        reading->files[index] = PASSPORT_SIZE;
    else if (strcmp(header, file->sha256) != 0)
        reading->files[index] = PASSPORT_HEADER;
    else
        reading->files[index] = header_read(holding, file, &text);
    close(descriptor);
    reading->texts[index] = text.text ? strdup(text.text) : NULL;
    error_clear(&text);
}

static void hold_file(void *context, size_t task, int thread)
{
    struct holding *holding = context;
    size_t index = holding->work.tasks[task].index;
    const struct passport_file *file = &holding->passport->files[index];
    struct error error = {0};
    struct sha256 *sha = sha256_new(&error);
    char *path = path_join(holding->folder, file->path), *chunk = malloc(CHUNK_BYTES);
    (void)thread;
    if (!sha || !path || !chunk) {
        error_memory(&error, file->path);
        work_fail(&holding->work, &error);
    } else if (!file_exists(path)) {
        holding->reading->files[index] = PASSPORT_ABSENT;
    } else {
        hold_there(holding, index, path, sha, chunk);
    }
    sha256_free(sha);
    free(path);
    free(chunk);
}

bool passport_hold(const char *folder, const struct passport *passport, struct pool *pool,
                   struct passport_reading *reading, struct error *error)
{
    struct holding holding = {.folder = folder, .passport = passport, .reading = reading};
    size_t files = passport->file_count + 1;
    *reading = (struct passport_reading){.files = calloc(files, sizeof *reading->files),
                                         .texts = calloc(files, sizeof *reading->texts),
                                         .sizes = calloc(files, sizeof *reading->sizes),
                                         .headers = calloc(files, sizeof *reading->headers),
                                         .tensors = calloc(passport->tensor_count + 1, sizeof *reading->tensors)};
    holding.work.tasks = calloc(files, sizeof *holding.work.tasks);
    if (!reading->files || !reading->texts || !reading->sizes || !reading->headers || !reading->tensors ||
        !holding.work.tasks) {
        free(holding.work.tasks);
        return error_memory(error, folder);
    }
    for (; holding.work.count < passport->file_count; holding.work.count++)
        holding.work.tasks[holding.work.count] =
            (struct task){holding.work.count, passport->files[holding.work.count].size};
    bool good = work_run(&holding.work, "verify", pool, hold_file, &holding, error);
    reading->bytes = holding.work.done;
    return good;
}

void passport_reading_free(const struct passport *passport, struct passport_reading *reading)
{
    for (size_t i = 0; reading->texts && i < passport->file_count; i++)
        free(reading->texts[i]);
    free(reading->files);
    free(reading->texts);
    free(reading->sizes);
    free(reading->headers);
    free(reading->tensors);
    *reading = (struct passport_reading){0};
}
