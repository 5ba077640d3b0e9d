#include "health/scan.h"

#include <math.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/map.h"
#include "base/progress.h"
#include "health/affinity.h"
#include "health/pairing.h"
#include "model/quantised.h"
#include "values/values.h"

#define STRIP_BYTES ((uint64_t)8 << 20)
#define STRIPS_MAX 4096u
/* Of a kept matrix. Not by the number of threads, on which no result may depend; so few tasks at a time keep any. */
#define KEPT_BYTES ((size_t)6 << 20)
#define KEEPERS_MOST 12
#define KEPT_MOST 2

/* What one task reads: a strip of one tensor, or kept tensors and then their partner. */
struct unit {
    enum weight_unit fits;  /* what of the partner fits a row of those that are kept; UNIT_NONE: a strip */
    size_t kept[KEPT_MOST]; /* the first of a strip is its tensor; PAIR_NONE: there is none */
    size_t partner;
    uint64_t first, rows;   /* the strip */
    uint32_t strip, strips; /* which of how many */
};

/* What the strips of a tensor leave until the last one is there. */
struct partial {
    struct measure measure;
    double *column;
    uint64_t hash[2];
};

struct work {
    struct scan *scan;
    struct affinity *affinity;
    struct unit *units;
    size_t unit_count;
    size_t unit_capacity;
    struct partial **partials; /* [tensors]; NULL until the first strip */
    uint32_t *left;            /* [tensors]: strips that are not done */
    sem_t keepers;
    pthread_mutex_t lock;
    struct progress progress;
    uint64_t bytes;
    struct error error;
    atomic_bool failed;
};

/* --- what belongs together --- */

struct naming {
    struct scan *scan;
    bool memory;
};

static bool name_weight(void *context, const struct expected *expected)
{
    struct naming *naming = context;
    const struct tensor *tensor = store_find(naming->scan->store, expected->name);
    if (!tensor)
        return true;
    struct examined *examined = &naming->scan->tensors[tensor - store_at(naming->scan->store, 0)];
    bool fits = tensor_same_shape(tensor, expected);
    if (fits) /* one of another shape has no peers and no partners */
        examined->weight = expected->weight;
    return true;
}

static bool unit_add(struct work *work, const struct unit *unit)
{
    return array_push(work->units, work->unit_count, work->unit_capacity, *unit);
}

/* Rows of a strip. */
static uint64_t strip_rows(const struct tensor *tensor)
{
    uint64_t row = tensor->rows ? tensor->bytes / tensor->rows : 0, rows = row ? STRIP_BYTES / row : 0;
    rows = rows ? rows : 1;
    return tensor->rows / rows > STRIPS_MAX ? tensor->rows / STRIPS_MAX + 1 : rows;
}

static bool add_strips(struct work *work, size_t index)
{
    const struct tensor *tensor = work->scan->tensors[index].tensor;
    uint64_t rows = strip_rows(tensor);
    uint32_t strips = (uint32_t)((tensor->rows + rows - 1) / rows);
    work->left[index] = strips;
    for (uint32_t strip = 0; strip < strips; strip++) {
        struct unit unit = {
            .kept = {index, PAIR_NONE}, .partner = PAIR_NONE, .first = strip * rows, .strip = strip, .strips = strips};
        unit.rows = tensor->rows - unit.first < rows ? tensor->rows - unit.first : rows;
        if (!unit_add(work, &unit))
            return false;
    }
    return true;
}

/* The matrices whose partner it is: how many. */
static size_t unit_keep(const struct scan *scan, const struct examined *partner, struct unit *unit)
{
    size_t there = 0;
    for (int k = 0; k < KEPT_MOST; k++)
        unit->kept[k] = PAIR_NONE;
    for (int weight = 0; weight < WEIGHT_COUNT && partner->weight != WEIGHT_NONE && there < KEPT_MOST; weight++) {
        size_t kept = weight_rows[weight].partner == partner->weight ? scan_sibling(scan, partner, (enum weight)weight)
                                                                     : PAIR_NONE;
        /* between the queries of gated heads lie their gates */
        if (kept == PAIR_NONE || (weight_rows[weight].unit == UNIT_HEAD_ROWS && scan->config->gated_heads))
            continue;
        unit->fits = weight_rows[weight].unit;
        unit->kept[there++] = kept;
    }
    return there;
}

/* Partners with what they belong to are units of their own; the other tensors are cut into strips. */
static bool plan_units(struct work *work, struct error *error)
{
    struct scan *scan = work->scan;
    bool *taken = calloc(scan->count + 1, sizeof *taken);
    bool good = taken;
    for (size_t i = 0; good && i < scan->count; i++) {
        const struct examined *examined = &scan->tensors[i];
        struct unit unit = {.partner = i};
        size_t there = examined->read ? unit_keep(scan, examined, &unit) : 0;
        if (!there)
            continue;
        for (size_t k = 0; k < there; k++)
            taken[unit.kept[k]] = true;
        taken[i] = true;
        good = unit_add(work, &unit);
    }
    for (size_t i = 0; good && i < scan->count; i++)
        if (!taken[i] && scan->tensors[i].read)
            good = add_strips(work, i);
    free(taken);
    return good || error_memory(error, "weights");
}

/* In the order of the store, so that a disk is read forwards. */
static int by_place(const void *left, const void *right)
{
    const struct unit *a = left, *b = right;
    if (a->kept[0] != b->kept[0])
        return a->kept[0] < b->kept[0] ? -1 : 1;
    return a->strip < b->strip ? -1 : a->strip > b->strip;
}

/* --- reading --- */

/* What else sees the rows of a tensor while it is read. */
struct seat {
    struct kept *kept;                   /* keeps them; NULL */
    struct partner *partners[KEPT_MOST]; /* pair them, or their columns; NULL */
    bool by_column;
    float *rms; /* of each row of the strip; NULL */
};

static void seat_see(const struct seat *seat, uint64_t first, const float *wide, size_t rows)
{
    if (seat->kept)
        kept_take(seat->kept, first, wide, rows);
    for (int i = 0; i < KEPT_MOST && seat->partners[i]; i++)
        (seat->by_column ? partner_columns : partner_rows)(seat->partners[i], first, wide, rows);
}

/* Chains a chunk onto the hash. */
static void hash_add(uint64_t hash[2], const void *data, size_t size)
{
    XXH128_hash_t next = XXH3_128bits_withSeed(data, size, hash[0] ^ (hash[1] * 3));
    hash[0] = next.low64;
    hash[1] = next.high64;
}

/* A strip's hash joins those before it, the same whether strips are read one by one or in one go. */
static void strip_hash(uint64_t whole[2], uint64_t strip[2], bool only)
{
    if (only)
        memcpy(whole, strip, 2 * sizeof *whole);
    else
        hash_add(whole, strip, 2 * sizeof *strip);
}

static void *work_buffers(size_t columns, size_t rows, size_t row_bytes, void **raw, float **wide)
{
    size_t gauge = (gauge_bytes(columns) + 63) / 64 * 64, wides = (rows * columns * sizeof(float) + 63) / 64 * 64;
    char *memory = aligned_alloc(64, gauge + wides + (rows * row_bytes + 64) / 64 * 64);
    if (memory) {
        *wide = (float *)(memory + gauge);
        *raw = memory + gauge + wides;
    }
    return memory;
}

/* Rows first .. first + count - 1 of a tensor. The caller frees `*memory`, which begins with the sums of squares of the
 * columns. */
static bool read_rows(const struct work *work, const struct tensor *tensor, uint64_t first, uint64_t count,
                      const struct seat *seat, struct partial *partial, void **memory, struct error *error)
{
    size_t columns = (size_t)tensor->columns, row_bytes = dtype_row_bytes(tensor->dtype, columns);
    uint64_t some = CHUNK_VALUES / columns / KEPT_TILE * KEPT_TILE;
    some = some ? some : columns > CHUNK_VALUES ? 1 : KEPT_TILE;
    some = some < count ? some : count;
    void *raw;
    float *wide;
    struct gauge gauge;
    if (!(*memory = work_buffers(columns, (size_t)some, row_bytes, &raw, &wide)))
        return error_memory(error, tensor->name);
    uint64_t strip = strip_rows(tensor), hash[2] = {(uint64_t)tensor->dtype, 0};
    gauge_begin(&gauge, tensor->dtype, tensor->rows, tensor->columns, first, &partial->measure, *memory);
    for (uint64_t row = 0, rows; row < count; row += rows) {
        rows = count - row < some ? count - row : some;
        rows = rows < strip - row % strip ? rows : strip - row % strip;
        if (!store_read_rows(work->scan->store, tensor, first + row, rows, raw, error))
            return false;
        hash_add(hash, raw, (size_t)rows * row_bytes);
        if ((row + rows) % strip == 0 || row + rows == count) {
            strip_hash(partial->hash, hash, row < strip);
            hash[0] = (uint64_t)tensor->dtype;
            hash[1] = 0;
        }
        widen(tensor->dtype, raw, wide, (size_t)rows * columns);
        gauge_rows(&gauge, raw, wide, (size_t)rows, seat->rms ? seat->rms + row : NULL);
        seat_see(seat, first + row, wide, (size_t)rows);
    }
    gauge_end(&gauge);
    partial->column = gauge.column;
    return true;
}

static bool tensor_finish(struct work *work, size_t index, const struct partial *partial, struct error *error)
{
    struct examined *examined = &work->scan->tensors[index];
    float *gain;
    if (!scan_gain(work->scan, examined, &gain, error))
        return false;
    examined->measure = partial->measure;
    memcpy(examined->measure.hash, partial->hash, sizeof partial->hash);
    measure_finish(&examined->measure, partial->column, gain);
    free(gain);
    return true;
}

static void progress_add(struct work *work, uint64_t bytes)
{
    pthread_mutex_lock(&work->lock);
    work->bytes += bytes;
    progress_step(&work->progress, work->bytes);
    pthread_mutex_unlock(&work->lock);
}

static struct row_profile *profile_of(struct scan *scan, const struct tensor *tensor)
{
    return tensor == scan->embedding.tensor ? &scan->embedding : tensor == scan->head.tensor ? &scan->head : NULL;
}

/* Adds the strips up, in order, once all of them are there. */
static bool strips_join(struct work *work, size_t index, struct partial *partials, uint32_t count, struct error *error)
{
    struct partial *whole = &partials[0];
    size_t columns = (size_t)work->scan->tensors[index].tensor->columns;
    for (uint32_t i = 1; i < count; i++) {
        measure_add(&whole->measure, &partials[i].measure);
        for (size_t k = 0; k < columns; k++)
            whole->column[k] += partials[i].column[k];
        strip_hash(whole->hash, partials[i].hash, false);
    }
    bool good = tensor_finish(work, index, whole, error);
    for (uint32_t i = 0; i < count; i++)
        free(partials[i].column);
    free(partials);
    return good;
}

/* The place for the strip's sums; NULL: out of memory. */
static struct partial *strip_place(struct work *work, const struct unit *unit)
{
    pthread_mutex_lock(&work->lock);
    if (!work->partials[unit->kept[0]])
        work->partials[unit->kept[0]] = calloc(unit->strips, sizeof **work->partials);
    struct partial *partials = work->partials[unit->kept[0]];
    pthread_mutex_unlock(&work->lock);
    return partials ? &partials[unit->strip] : NULL;
}

static bool read_strip(struct work *work, const struct unit *unit, struct error *error)
{
    const struct tensor *tensor = work->scan->tensors[unit->kept[0]].tensor;
    struct row_profile *profile = profile_of(work->scan, tensor);
    struct seat seat = {.rms = profile ? profile->rms + unit->first : NULL};
    struct partial *partial = strip_place(work, unit);
    void *memory = NULL;
    bool good = partial || error_memory(error, tensor->name);
    good = good && read_rows(work, tensor, unit->first, unit->rows, &seat, partial, &memory, error);
    if (good) {
        double *column = malloc((size_t)tensor->columns * sizeof *column + 1);
        if (column)
            memcpy(column, partial->column, (size_t)tensor->columns * sizeof *column);
        partial->column = column;
        good = column || error_memory(error, tensor->name);
    } else if (partial) {
        partial->column = NULL;
    }
    free(memory);
    pthread_mutex_lock(&work->lock);
    bool last = good && --work->left[unit->kept[0]] == 0;
    struct partial *partials = work->partials[unit->kept[0]];
    if (last)
        work->partials[unit->kept[0]] = NULL;
    pthread_mutex_unlock(&work->lock);
    return good && (!last || strips_join(work, unit->kept[0], partials, unit->strips, error));
}

static bool read_whole(struct work *work, size_t index, const struct seat *seat, struct error *error)
{
    const struct tensor *tensor = work->scan->tensors[index].tensor;
    struct partial partial = {0};
    void *memory = NULL;
    bool good = read_rows(work, tensor, 0, tensor->rows, seat, &partial, &memory, error);
    for (int i = 0; good && seat->by_column && i < KEPT_MOST && seat->partners[i]; i++)
        partner_column_squares(seat->partners[i], partial.column);
    good = good && tensor_finish(work, index, &partial, error);
    free(memory);
    return good;
}

static bool read_kept(struct work *work, size_t index, struct kept *kept, struct error *error)
{
    const struct examined *examined = &work->scan->tensors[index];
    struct seat seat = {.kept = kept};
    if (!kept_begin(kept, examined->tensor->rows, examined->tensor->columns, KEPT_BYTES, error) ||
        !read_whole(work, index, &seat, error))
        return false;
    return examined->weight != WEIGHT_EXPERT_UP ||
           affinity_add(work->affinity, examined->layer, examined->expert, kept, error);
}

static bool read_partner(struct work *work, const struct unit *unit, struct kept kept[KEPT_MOST], struct error *error)
{
    const struct model_config *config = work->scan->config;
    const struct tensor *tensor = work->scan->tensors[unit->partner].tensor;
    struct partner partners[KEPT_MOST] = {0};
    struct seat seat = {.by_column = unit_by_column(unit->fits)};
    uint64_t head = unit_by_heads(unit->fits) ? (uint64_t)config->head_dim : 1;
    uint64_t group = unit_by_heads(unit->fits) ? (uint64_t)(config->heads / config->kv_heads) : 1;
    uint64_t pairs = seat.by_column ? tensor->columns : tensor->rows;
    bool good = true;
    for (int i = 0; good && i < KEPT_MOST && unit->kept[i] != PAIR_NONE; i++) {
        seat.partners[i] = &partners[i];
        good = partner_begin(&partners[i], &kept[i], pairs, head, group, error);
    }
    good = good && read_whole(work, unit->partner, &seat, error);
    for (int i = 0; i < KEPT_MOST && seat.partners[i]; i++) {
        struct pairing *pairing = &work->scan->tensors[unit->kept[i]].pairing;
        if (good) {
            partner_end(&partners[i], pairing);
            pairing->with = unit->partner;
        }
        partner_free(&partners[i]);
    }
    return good;
}

static bool read_unit(struct work *work, const struct unit *unit, struct error *error)
{
    struct kept kept[KEPT_MOST] = {0};
    bool good = true;
    while (sem_wait(&work->keepers) != 0) /* a signal came */
        ;
    for (int i = 0; good && i < KEPT_MOST && unit->kept[i] != PAIR_NONE; i++)
        good = read_kept(work, unit->kept[i], &kept[i], error);
    good = good && read_partner(work, unit, kept, error);
    for (int i = 0; i < KEPT_MOST; i++)
        kept_free(&kept[i]);
    sem_post(&work->keepers);
    return good;
}

static uint64_t unit_bytes(const struct work *work, const struct unit *unit)
{
    const struct examined *tensors = work->scan->tensors;
    const struct tensor *tensor = tensors[unit->kept[0]].tensor;
    if (unit->fits == UNIT_NONE)
        return tensor->rows ? tensor->bytes / tensor->rows * unit->rows : 0;
    uint64_t bytes = tensors[unit->partner].tensor->bytes;
    for (int i = 0; i < KEPT_MOST && unit->kept[i] != PAIR_NONE; i++)
        bytes += tensors[unit->kept[i]].tensor->bytes;
    return bytes;
}

static void unit_task(void *context, size_t task, int thread)
{
    struct work *work = context;
    const struct unit *unit = &work->units[task];
    struct error error = {0};
    (void)thread;
    if (work->failed) /* what was read so far counts for nothing */
        return;
    bool good = unit->fits != UNIT_NONE ? read_unit(work, unit, &error) : read_strip(work, unit, &error);
    if (good) {
        progress_add(work, unit_bytes(work, unit));
        return;
    }
    pthread_mutex_lock(&work->lock);
    work->failed = true;
    if (!work->error.text)
        work->error = error;
    else
        error_clear(&error);
    pthread_mutex_unlock(&work->lock);
}

static bool profile_begin(struct scan *scan, struct row_profile *profile, enum weight weight)
{
    char name[160];
    const struct tensor *tensor =
        expected_name(weight, -1, -1, name, sizeof name) ? store_find(scan->store, name) : NULL;
    if (!tensor || tensor->rank != 2 || !scan->tensors[tensor - store_at(scan->store, 0)].read)
        return true;
    *profile = (struct row_profile){
        .tensor = tensor, .rms = calloc((size_t)tensor->rows + 1, sizeof *profile->rms), .rows = tensor->rows};
    return profile->rms;
}

static bool scan_begin(struct scan *scan, const struct store *store, const struct model_config *config,
                       struct error *error)
{
    *scan = (struct scan){.store = store, .config = config, .count = store_text_count(store)};
    scan->layers = config->family ? config->layers : 0;
    scan->tensors = calloc(scan->count + 1, sizeof *scan->tensors);
    scan->affinity = calloc((size_t)config->layers + 1, sizeof *scan->affinity);
    struct quantised quantised = {0};
    if (!scan->tensors || !scan->affinity || !quantised_take(store, config, &quantised)) {
        quantised_free(&quantised);
        return error_memory(error, "weights");
    }
    for (size_t i = 0; i < scan->count; i++) {
        struct examined *examined = &scan->tensors[i];
        *examined = (struct examined){.tensor = store_at(store, i),
                                      .weight = WEIGHT_COUNT,
                                      .pairing = {.with = PAIR_NONE, .mean = NAN, .least = NAN}};
        tensor_place(examined->tensor, &examined->layer, &examined->expert);
        examined->read = dtype_computes(examined->tensor->dtype) && examined->tensor->bytes > 0 &&
                         !tensor_is_ignored(examined->tensor) && !quantised_part(&quantised, examined->tensor);
        if (!config->family && examined->layer >= scan->layers)
            scan->layers = examined->layer + 1;
        examined->measure.gain_correlation = examined->measure.effective_squares = NAN;
    }
    quantised_free(&quantised);
    struct naming naming = {.scan = scan};
    weights_each(config, name_weight, &naming);
    for (size_t i = 0; i < scan->count; i++)
        scan->tensors[i].kin = tensor_kin(scan, &scan->tensors[i]);
    return (profile_begin(scan, &scan->embedding, WEIGHT_EMBEDDING) && profile_begin(scan, &scan->head, WEIGHT_HEAD)) ||
           error_memory(error, "weights");
}

bool scan_weights(const struct store *store, const struct model_config *config, struct pool *pool, struct scan *scan,
                  struct error *error)
{
    struct work work = {.scan = scan};
    if (!scan_begin(scan, store, config, error))
        return false;
    work.partials = calloc(scan->count + 1, sizeof *work.partials);
    work.left = calloc(scan->count + 1, sizeof *work.left);
    work.affinity = affinity_new(scan, error);
    bool good =
        work.affinity && ((work.partials && work.left) || error_memory(error, "weights")) && plan_units(&work, error);
    if (good) {
        uint64_t bytes = 0;
        if (work.unit_count)
            qsort(work.units, work.unit_count, sizeof *work.units, by_place);
        for (size_t i = 0; i < work.unit_count; i++)
            bytes += unit_bytes(&work, &work.units[i]);
        work.progress = progress_begin("weights", "bytes", bytes);
        pthread_mutex_init(&work.lock, NULL);
        sem_init(&work.keepers, 0, KEEPERS_MOST);
        pool_run(pool, work.unit_count, unit_task, &work);
        pthread_mutex_destroy(&work.lock);
        sem_destroy(&work.keepers);
        progress_end(&work.progress);
        if (work.error.text)
            good = error_set(error, "%s", work.error.text);
    }
    error_clear(&work.error);
    for (size_t i = 0; work.partials && i < work.unit_count; i++) {
        struct partial *partials = work.partials[work.units[i].kept[0]];
        for (uint32_t k = 0; partials && k < work.units[i].strips; k++)
            free(partials[k].column);
        free(partials);
        work.partials[work.units[i].kept[0]] = NULL;
    }
    affinity_free(work.affinity);
    free(work.partials);
    free(work.left);
    free(work.units);
    return good;
}

void scan_free(struct scan *scan)
{
    for (int layer = 0; scan->affinity && layer < scan->config->layers; layer++)
        free(scan->affinity[layer]);
    free(scan->affinity);
    free(scan->tensors);
    free(scan->embedding.rms);
    free(scan->head.rms);
    *scan = (struct scan){0};
}
