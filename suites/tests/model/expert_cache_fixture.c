#include "expert_cache_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "math/blas.h"
#include "model/model.h"
#include "model/routing.h"

enum mishap mishap;
atomic_long mishap_in;
atomic_ullong bytes_read;

ssize_t __real_pread64(int descriptor, void *out, size_t size, off_t offset);
ssize_t __wrap_pread64(int descriptor, void *out, size_t size, off_t offset);

ssize_t __wrap_pread64(int descriptor, void *out, size_t size, off_t offset)
{
    static const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    bool now = mishap != MISHAP_NONE && mishap_in-- == 0;
    if (now && mishap == MISHAP_ERROR) {
        errno = EIO;
        return -1;
    }
    if (now && mishap == MISHAP_END)
        return 0;
    ssize_t got = __real_pread64(descriptor, out, size, offset);
    if (now && mishap == MISHAP_CHANGE)
        futimens(descriptor, times);
    bytes_read += got > 0 ? (unsigned long long)got : 0;
    return got;
}

static pthread_mutex_t live_lock = PTHREAD_MUTEX_INITIALIZER;
size_t live_size;
static void *live[LIVE_MOST];
size_t live_count, live_peak;

void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *memory);
void __wrap_free(void *memory);

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    void *memory = __real_aligned_alloc(alignment, size);
    if (!live_size || size != live_size)
        return memory;
    pthread_mutex_lock(&live_lock);
    live[live_count++] = memory;
    live_peak = live_count > live_peak ? live_count : live_peak;
    pthread_mutex_unlock(&live_lock);
    return memory;
}

void __wrap_free(void *memory)
{
    if (live_size) {
        pthread_mutex_lock(&live_lock);
        for (size_t i = 0; i < live_count; i++)
            if (live[i] == memory) {
                live[i] = live[--live_count];
                break;
            }
        pthread_mutex_unlock(&live_lock);
    }
    __real_free(memory);
}

struct subject subject_at(const char *path, const char *config)
{
    struct subject subject = {.name = path};
    struct error error = {0};
    cr_assert(blas_prove(&error), "%s", error_text(&error));
    subject.store = store_open(path, &error);
    cr_assert(subject.store, "%s", error_text(&error));
    subject.config = config_read(config, &error);
    cr_assert(subject.config, "%s", error_text(&error));
    subject.weights = subject.store;
    return subject;
}

void subject_close(struct subject *subject)
{
    store_free(subject->store);
    free(subject->config);
}

struct model *model_with(const struct subject *subject, const struct model_options *options)
{
    struct error error = {0};
    struct model *model = model_open(subject->weights, subject->config, options, &error);
    cr_assert(model, "%s: %s", subject->name, error_text(&error));
    return model;
}

static void record_values(struct record *record, const struct activation *activation)
{
    size_t count = activation->rows * activation->width;
    if (record->count + count > record->capacity) {
        record->capacity = 2 * (record->count + count);
        record->values = realloc(record->values, record->capacity * sizeof(float));
    }
    memcpy(record->values + record->count, activation->values, count * sizeof(float));
    record->count += count;
}

static void record_best(struct record *record, const struct activation *activation)
{
    for (size_t row = 0; row < activation->rows; row++) {
        const float *logits = activation->values + row * activation->width;
        int best = 0;
        for (size_t id = 1; id < activation->width; id++)
            best = logits[id] > logits[best] ? (int)id : best;
        record->best[activation->row_of[row].sequence] = best;
    }
}

/* Those with most rows first, the lower index first among equals. */
static void record_uses(struct record *record, const struct activation *activation)
{
    int experts = (int)activation->width, k = record->subject->config->experts_per_token, chosen[64];
    size_t *rows = calloc(activation->width, sizeof *rows);
    for (size_t row = 0; row < activation->rows; row++) {
        routing_choose(activation->values + row * activation->width, experts, k, chosen);
        for (int i = 0; i < k; i++)
            rows[chosen[i]]++;
    }
    for (size_t most = activation->rows; most; most--)
        for (int expert = 0; expert < experts; expert++)
            if (rows[expert] == most)
                record->uses[record->use_count++] =
                    (struct use){.pass = record->pass, .layer = activation->layer, .expert = expert};
    free(rows);
}

bool record_see(void *context, const struct activation *activation, struct error *error)
{
    struct record *record = context;
    const struct expert_counts counts = model_expert_counts(record->model, -1);
    (void)error;
    cr_assert(counts.kept <= record->experts_most && counts.kept_bytes <= record->bytes_most,
              "%zu experts of %zu, %zu bytes of %zu", (size_t)counts.kept, record->experts_most,
              (size_t)counts.kept_bytes, (size_t)record->bytes_most);
    if (activation->point == POINT_LAYER || activation->point == POINT_HEAD)
        record_values(record, activation);
    if (activation->point == POINT_HEAD)
        record_best(record, activation);
    if (activation->point == POINT_ROUTER && record->uses)
        record_uses(record, activation);
    return true;
}

int id_of(const struct subject *subject, size_t round, size_t prompt, size_t token)
{
    return (int)((round * 977 + prompt * 211 + token * 7919 + 5) % (size_t)subject->config->vocabulary);
}

struct record record_of(const struct subject *subject, struct model *model)
{
    return (struct record){.subject = subject, .model = model, .experts_most = SIZE_MAX, .bytes_most = UINT64_MAX};
}

bool same_bits(const struct record *a, const struct record *b)
{
    return a->count == b->count && memcmp(a->values, b->values, a->count * sizeof(float)) == 0;
}
