/* Experts in memory: the same bits whatever fits, what is counted, and files that change under a running model. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixtures.h"
#include "math/blas.h"
#include "model/model.h"
#include "model/routing.h"
#include "store/overlay.h"

/* Reads, watched and made to fail. */

enum mishap { MISHAP_NONE, MISHAP_ERROR, MISHAP_END, MISHAP_CHANGE };

static enum mishap mishap;
static atomic_long mishap_in; /* reads until it happens */
static atomic_ullong bytes_read;

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

/* Allocations of the size of an expert: how many there are, and were at most. */

#define LIVE_MOST 4096

static pthread_mutex_t live_lock = PTHREAD_MUTEX_INITIALIZER;
static size_t live_size; /* 0: not watched */
static void *live[LIVE_MOST];
static size_t live_count, live_peak;

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

/* A model and what is fed to it */

struct subject {
    const char *name;
    struct store *store;
    struct model_config *config;
    const struct store *weights; /* the store, or an overlay of the test */
};

static struct subject subject_at(const char *path, const char *config)
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

#define GOLDEN(path) ASSAY_SOURCE_DIR "/golden/" path
#define SUBJECT(path) subject_at(GOLDEN(path), GOLDEN(path) "/config.json")

static void subject_close(struct subject *subject)
{
    store_free(subject->store);
    free(subject->config);
}

static struct model *model_with(const struct subject *subject, const struct model_options *options)
{
    struct error error = {0};
    struct model *model = model_open(subject->weights, subject->config, options, &error);
    cr_assert(model, "%s: %s", subject->name, error_text(&error));
    return model;
}

static uint64_t room(uint64_t bytes)
{
    return (bytes + 63) / 64 * 64 + 64;
}

/* What one expert takes in memory, and all matrices that are none's. */
static uint64_t expert_room(const struct subject *subject)
{
    const struct model_config *config = subject->config;
    const struct tensor *tensor = NULL;
    for (size_t i = 0; !tensor && i < store_text_count(subject->store); i++)
        if (strstr(store_at(subject->store, i)->name, ".experts."))
            tensor = store_at(subject->store, i);
    cr_assert(tensor);
    return 3 * room((uint64_t)config->hidden * (uint64_t)config->moe_intermediate * dtype_bits(tensor->dtype) / 8);
}

static uint64_t others_room(const struct subject *subject)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < store_text_count(subject->store); i++) {
        const struct tensor *tensor = store_at(subject->store, i);
        if (tensor->rank == 2 && !strstr(tensor->name, ".experts.") && !strstr(tensor->name, "embed_tokens"))
            sum += room(tensor->bytes);
    }
    return sum;
}

#define PROMPTS 3
#define STEPS 6
#define ROUNDS 2
#define PASSES (ROUNDS * STEPS)

static const size_t lengths[PROMPTS] = {23, 1, 9};

/* What a story has given so far: the output of every layer and the logits, in order. */
struct record {
    const struct subject *subject;
    struct model *model;
    float *values;
    size_t count, capacity;
    int best[PROMPTS];
    size_t pass;
    struct use *uses; /* NULL: not wanted */
    size_t use_count;
    size_t experts_most; /* never more of them */
    uint64_t bytes_most;
};

/* An expert at work, in the order in which a layer's experts come. */
struct use {
    size_t pass;
    int layer, expert;
};

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

static bool record_see(void *context, const struct activation *activation, struct error *error)
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

static int id_of(const struct subject *subject, size_t round, size_t prompt, size_t token)
{
    return (int)((round * 977 + prompt * 211 + token * 7919 + 5) % (size_t)subject->config->vocabulary);
}

/* Prompts of different lengths are prefilled together and continued greedily, all but the first of them to the end of
 * the round; then other prompts follow. False: a pass failed. */
static bool story_round(struct record *record, size_t round, struct error *error)
{
    const struct subject *subject = record->subject;
    struct probe probe = {.see = record_see, .context = record};
    struct kv *kv[PROMPTS];
    int ids[PROMPTS][64];
    bool good = true;
    for (size_t i = 0; i < PROMPTS; i++) {
        kv[i] = kv_new(subject->config, lengths[i] + STEPS, error);
        for (size_t token = 0; token < lengths[i]; token++)
            ids[i][token] = id_of(subject, round, i, token);
    }
    for (size_t step = 0; good && step < STEPS; step++, record->pass++) {
        struct sequence sequences[PROMPTS];
        size_t count = 0;
        for (size_t i = step > 2 ? 1 : 0; i < PROMPTS; i++) {
            if (step)
                ids[i][0] = record->best[i - (step > 3 ? 1 : 0)];
            sequences[count++] =
                (struct sequence){.ids = ids[i], .count = step ? 1 : lengths[i], .kv = kv[i], .logits_from = 0};
        }
        good = model_forward(record->model, sequences, count, &probe, error);
    }
    for (size_t i = 0; i < PROMPTS; i++)
        kv_free(kv[i]);
    return good;
}

static struct record record_of(const struct subject *subject, struct model *model)
{
    return (struct record){.subject = subject, .model = model, .experts_most = SIZE_MAX, .bytes_most = UINT64_MAX};
}

/* The whole story with these options; weights are kept when `keep`. Values are the caller's. */
static struct record story(const struct subject *subject, const struct model_options *options, bool keep)
{
    struct error error = {0};
    struct record record = record_of(subject, model_with(subject, options));
    model_keep_weights(record.model, keep);
    record.experts_most = options->cache_experts ? options->cache_experts : SIZE_MAX;
    record.bytes_most = options->memory ? options->memory : UINT64_MAX;
    for (size_t round = 0; round < ROUNDS; round++)
        cr_assert(story_round(&record, round, &error), "%s", error_text(&error));
    model_free(record.model);
    record.model = NULL;
    return record;
}

static bool same_bits(const struct record *a, const struct record *b)
{
    return a->count == b->count && memcmp(a->values, b->values, a->count * sizeof(float)) == 0;
}

/* The same bits */

static void any_size_gives_the_same_bits(struct subject subject, bool exact)
{
    uint64_t others = others_room(&subject), one = expert_room(&subject);
    const struct {
        size_t experts;
        uint64_t memory;
    } rows[] = {{0, 0},
                {6144, 0},
                {512, 0},
                {64, 0},
                {7, 0},
                {1, 0},
                {0, 1},
                {0, others / 2},
                {0, others + one - 1},
                {0, others + one},
                {0, others + 40 * one},
                {30, others + 20 * one},
                {20, others + 30 * one}};
    static const int threads[] = {1, 2, 5};
    struct record expected = story(&subject, &(struct model_options){.threads = 1, .exact = exact}, false);
    cr_assert(expected.count > 10000);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct model_options options = {
            .threads = threads[i % 3], .memory = rows[i].memory, .cache_experts = rows[i].experts, .exact = exact};
        struct record found = story(&subject, &options, true);
        cr_expect(same_bits(&found, &expected), "%s: other bits with %zu experts, %zu bytes, %d threads", subject.name,
                  rows[i].experts, (size_t)rows[i].memory, options.threads);
        free(found.values);
    }
    free(expected.values);
    subject_close(&subject);
}

Test(expert_cache, any_size_gives_the_same_bits_of_48_layers)
{
    any_size_gives_the_same_bits(SUBJECT("thinker-48"), false);
}

Test(expert_cache, any_size_gives_the_same_bits)
{
    for (int exact = 0; exact < 2; exact++) {
        any_size_gives_the_same_bits(SUBJECT("nano/thinker"), exact);
        any_size_gives_the_same_bits(SUBJECT("nano/qwen3_moe"), exact);
        any_size_gives_the_same_bits(SUBJECT("nano/qwen2_moe"), exact);
        any_size_gives_the_same_bits(SUBJECT("nano/mixtral"), exact);
    }
}

/* The right counts: a plain model of the cache, by the words of its header. */

struct plain {
    int layers, experts;
    size_t most;
    size_t *used;      /* [layers, experts]: number of the last use; 0: not in memory */
    size_t *used_pass; /* its pass */
    struct expert_counts *counts;
    size_t uses;
};

static size_t plain_kept(const struct plain *plain)
{
    size_t kept = 0;
    for (int i = 0; i < plain->layers * plain->experts; i++)
        kept += plain->used[i] > 0;
    return kept;
}

static void plain_use(struct plain *plain, const struct use *use)
{
    int at = use->layer * plain->experts + use->expert;
    plain->used[at] = ++plain->uses;
    plain->used_pass[at] = use->pass;
}

/* Has the layer come by since, without the expert? */
static bool plain_passed_by(const struct plain *plain, int at, const struct use *now)
{
    size_t since = now->pass - plain->used_pass[at];
    return since > 1 || (since == 1 && at / plain->experts <= now->layer);
}

static void plain_miss(struct plain *plain, const struct use *use)
{
    int oldest = -1;
    plain->counts[use->layer].misses++;
    for (int i = 0; i < plain->layers * plain->experts; i++)
        if (plain->used[i] && (oldest < 0 || plain->used[i] < plain->used[oldest]))
            oldest = i;
    if (plain_kept(plain) == plain->most) {
        if (!plain_passed_by(plain, oldest, use))
            return;
        plain->used[oldest] = 0;
        plain->counts[oldest / plain->experts].evicted++;
    }
    plain_use(plain, use);
}

/* The uses of one layer in one pass. */
static void plain_layer(struct plain *plain, const struct use *uses, size_t count)
{
    bool *hit = calloc(count, sizeof *hit);
    for (size_t i = 0; i < count; i++) {
        hit[i] = plain->used[uses[i].layer * plain->experts + uses[i].expert] > 0;
        plain->counts[uses[i].layer].hits += hit[i];
        if (hit[i])
            plain_use(plain, &uses[i]);
    }
    for (size_t i = 0; i < count; i++)
        if (!hit[i])
            plain_miss(plain, &uses[i]);
    free(hit);
}

/* What each layer comes to; the caller's. */
static struct expert_counts *plain_counts(const struct subject *subject, size_t most, const struct use *uses,
                                          size_t count)
{
    struct plain plain = {.layers = subject->config->layers, .experts = subject->config->experts, .most = most};
    size_t all = (size_t)plain.layers * (size_t)plain.experts;
    plain.used = calloc(all, sizeof *plain.used);
    plain.used_pass = calloc(all, sizeof *plain.used_pass);
    plain.counts = calloc((size_t)plain.layers, sizeof *plain.counts);
    for (size_t first = 0, end; first < count; first = end) {
        for (end = first; end < count && uses[end].layer == uses[first].layer && uses[end].pass == uses[first].pass;)
            end++;
        plain_layer(&plain, uses + first, end - first);
    }
    for (size_t i = 0; i < all; i++)
        plain.counts[i / (size_t)plain.experts].kept += plain.used[i] > 0;
    free(plain.used);
    free(plain.used_pass);
    return plain.counts;
}

static void expect_counts(const struct record *record, const struct expert_counts *counts, const char *what)
{
    const struct subject *subject = record->subject;
    struct expert_counts sum = {0};
    for (int layer = 0; layer < subject->config->layers; layer++) {
        const struct expert_counts found = model_expert_counts(record->model, layer), *expected = &counts[layer];
        cr_expect(found.hits == expected->hits && found.misses == expected->misses &&
                      found.evicted == expected->evicted && found.kept == expected->kept,
                  "%s, %s, layer %d: %zu hits, %zu misses, %zu evicted, %zu kept; not %zu, %zu, %zu, %zu",
                  subject->name, what, layer, (size_t)found.hits, (size_t)found.misses, (size_t)found.evicted,
                  (size_t)found.kept, (size_t)expected->hits, (size_t)expected->misses, (size_t)expected->evicted,
                  (size_t)expected->kept);
        cr_expect_eq(found.experts, subject->config->sparse[layer] ? (uint64_t)subject->config->experts : 0);
        sum.hits += found.hits;
        sum.read += found.read;
        sum.kept_bytes += found.kept_bytes;
    }
    const struct expert_counts all = model_expert_counts(record->model, -1);
    cr_expect(all.hits == sum.hits && all.read == sum.read && all.kept_bytes == sum.kept_bytes);
    cr_expect_eq(all.kept_bytes, all.kept * expert_room(subject));
}

static void live_watch(size_t size)
{
    live_count = live_peak = 0;
    live_size = size;
}

/* Allocations of an expert's size that are none: those of a story in which none is kept. */
static size_t live_others(const struct subject *subject)
{
    struct model_options options = {.threads = 4};
    live_watch((size_t)expert_room(subject));
    free(story(subject, &options, false).values);
    live_size = 0;
    return live_peak;
}

static void counts_are_right(struct subject subject, const size_t *sizes, size_t count)
{
    struct error error = {0};
    size_t all = (size_t)subject.config->layers * (size_t)subject.config->experts;
    size_t others = live_others(&subject);
    struct use *uses = calloc(PASSES * all, sizeof *uses);
    for (size_t i = 0; i < 2 * count; i++) {
        size_t most = sizes[i / 2] < all ? sizes[i / 2] : all;
        struct model_options options = {.threads = i % 4 == 0 ? 1 : 4, .cache_experts = most};
        if (i % 2)
            options = (struct model_options){.threads = options.threads,
                                             .memory = others_room(&subject) + most * expert_room(&subject) + 63};
        struct record record = record_of(&subject, model_with(&subject, &options));
        record.uses = uses;
        record.experts_most = most;
        live_watch(most + others <= LIVE_MOST ? (size_t)expert_room(&subject) : 0);
        model_keep_weights(record.model, true);
        for (size_t round = 0; round < ROUNDS; round++)
            cr_assert(story_round(&record, round, &error), "%s", error_text(&error));
        struct expert_counts *counts = plain_counts(&subject, most, uses, record.use_count);
        char what[64];
        snprintf(what, sizeof what, "%zu experts by %s", most, i % 2 ? "memory" : "number");
        expect_counts(&record, counts, what);
        cr_expect(live_peak <= most + others, "%s: %zu allocations at once", what, live_peak);
        model_free(record.model);
        cr_expect_eq(live_count, 0, "%s: %zu allocations left", what, live_count);
        live_size = 0;
        free(counts);
        free(record.values);
    }
    free(uses);
    subject_close(&subject);
}

Test(expert_cache, counts_are_those_of_a_plain_model)
{
    static const size_t sizes[] = {1, 2, 5, 11, 12, 17, 40, 60, 1000};
    counts_are_right(SUBJECT("nano/thinker"), sizes, sizeof sizes / sizeof *sizes);
    counts_are_right(SUBJECT("nano/qwen3_moe"), sizes, sizeof sizes / sizeof *sizes);
}

Test(expert_cache, counts_of_48_layers)
{
    static const size_t sizes[] = {64, 700, 6144};
    counts_are_right(SUBJECT("thinker-48"), sizes, sizeof sizes / sizeof *sizes);
}

/* Only experts are read anew once the rest is kept, and the rows of the embedding: counted at the files. */
Test(expert_cache, the_bytes_read_are_those_of_the_files)
{
    struct subject subject = SUBJECT("nano/thinker");
    const struct tensor *embedding = store_find(subject.store, "model.embed_tokens.weight");
    static const size_t sizes[] = {1, 9, 25, 60};
    struct error error = {0};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct model *model = model_with(&subject, &(struct model_options){.threads = 3, .cache_experts = sizes[i]});
        struct record record = record_of(&subject, model);
        model_keep_weights(model, true);
        cr_assert(story_round(&record, 0, &error), "%s", error_text(&error));
        uint64_t before = model_expert_counts(model, -1).read, tokens = 0;
        bytes_read = 0;
        cr_assert(story_round(&record, 0, &error), "%s", error_text(&error));
        for (size_t prompt = 0; prompt < PROMPTS; prompt++)
            tokens += lengths[prompt] + (prompt ? STEPS - 1 : 2);
        cr_expect_eq(bytes_read, model_expert_counts(model, -1).read - before + tokens * embedding->stride,
                     "%zu experts: %zu bytes", sizes[i], (size_t)bytes_read);
        cr_expect((model_expert_counts(model, -1).read == before) == (sizes[i] == 60));
        free(record.values);
        model_free(model);
    }
    subject_close(&subject);
}

Test(expert_cache, nothing_is_kept_unless_asked)
{
    struct subject subject = SUBJECT("nano/thinker");
    struct record record = record_of(&subject, model_with(&subject, &(struct model_options){.threads = 2}));
    struct error error = {0};
    cr_assert(story_round(&record, 0, &error));
    struct expert_counts off = model_expert_counts(record.model, -1);
    cr_expect(off.kept == 0 && off.hits == 0 && off.misses > 0 && off.read > 0);
    model_keep_weights(record.model, true);
    cr_assert(story_round(&record, 0, &error));
    struct expert_counts on = model_expert_counts(record.model, -1);
    cr_expect(on.kept > 0 && on.misses == off.misses + on.kept);
    model_keep_weights(record.model, false);
    cr_assert(story_round(&record, 0, &error));
    struct expert_counts again = model_expert_counts(record.model, -1);
    cr_expect(again.kept == on.kept && again.misses == on.misses && again.hits > on.hits, "what is there is used");
    free(record.values);
    model_free(record.model);
    subject_close(&subject);
}

Test(expert_cache, a_dense_model_has_none)
{
    struct subject subject = SUBJECT("nano/llama");
    struct model *model = model_with(&subject, &(struct model_options){.threads = 1, .cache_experts = 3});
    struct record record = record_of(&subject, model);
    struct error error = {0};
    model_keep_weights(model, true);
    cr_assert(story_round(&record, 0, &error));
    struct expert_counts counts = model_expert_counts(model, -1), none = {0};
    cr_expect_eq(memcmp(&counts, &none, sizeof none), 0);
    free(record.values);
    model_free(model);
    subject_close(&subject);
}

/* An expert that is absent, or half of it, as `missing` wants it. */
Test(expert_cache, absent_experts_are_neither_hit_nor_missed)
{
    struct subject subject = SUBJECT("nano/thinker");
    struct error error = {0};
    struct store *overlay = overlay_new(subject.store, &error);
    static const char *const parts[] = {"gate", "up", "down"};
    for (int layer = 0; layer < subject.config->layers; layer++)
        for (int expert = 0; expert < subject.config->experts; expert++)
            for (int part = 0; part < 3; part++) {
                char name[128];
                snprintf(name, sizeof name, "model.layers.%d.mlp.experts.%d.%s_proj.weight", layer, expert,
                         parts[part]);
                if (layer == 1 || (layer == 2 && expert % 3 == part))
                    cr_assert(overlay_drop(overlay, name, &error), "%s", error_text(&error));
            }
    subject.weights = overlay;
    struct model_options options = {.threads = 2, .missing = MISSING_DEFAULT};
    struct record expected = story(&subject, &options, false);
    for (size_t most = 0; most < 20; most += 9) {
        options.cache_experts = most;
        struct record found = story(&subject, &options, true);
        cr_expect(same_bits(&found, &expected), "%zu experts", most);
        free(found.values);
    }
    struct record record = record_of(&subject, model_with(&subject, &options));
    model_keep_weights(record.model, true);
    cr_assert(story_round(&record, 0, &error));
    struct expert_counts absent = model_expert_counts(record.model, 1), half = model_expert_counts(record.model, 2);
    cr_expect(absent.hits + absent.misses + absent.read + absent.kept == 0 && absent.experts == 12);
    cr_expect_eq(half.read * 3,
                 half.misses * 2 *
                     (model_expert_counts(record.model, 3).read / model_expert_counts(record.model, 3).misses),
                 "two thirds of each");
    free(record.values);
    free(expected.values);
    model_free(record.model);
    store_free(overlay);
    subject_close(&subject);
}

/* Files that change under a running model */

#define VICTIM "experts/thinker_expert_007_layer_03.safetensors"
#define VICTIM_TENSOR "thinker.model.layers.3.mlp.experts.7."

/* A copy of the extraction that may be harmed. */
static struct subject extraction_copy(void)
{
    char command[512];
    scratch_make();
    snprintf(command, sizeof command, "cp -r '%s' '%s'", GOLDEN("nano/thinker-extraction"), scratch("copy"));
    cr_assert_eq(system(command), 0);
    return subject_at(scratch("copy"), GOLDEN("nano/thinker") "/config.json");
}

static void victim_truncate(const char *path)
{
    cr_assert_eq(truncate(path, 100), 0);
}

static void victim_cut_last_byte(const char *path)
{
    struct stat status;
    cr_assert(stat(path, &status) == 0 && truncate(path, status.st_size - 1) == 0);
}

static void victim_replace(const char *path)
{
    size_t size = 0;
    char *bytes = read_bytes(path, &size);
    write_bytes(scratch("other"), bytes, size);
    free(bytes);
    cr_assert_eq(rename(scratch("other"), path), 0);
}

static void victim_remove(const char *path)
{
    cr_assert_eq(unlink(path), 0);
}

static void victim_make_folder(const char *path)
{
    cr_assert(unlink(path) == 0 && mkdir(path, 0777) == 0);
}

static void victim_write(const char *path)
{
    int descriptor = open(path, O_WRONLY);
    struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}}; /* two writes within a tick have one time */
    cr_assert(descriptor >= 0 && pwrite(descriptor, "xx", 2, 2000) == 2 && futimens(descriptor, times) == 0);
    close(descriptor);
}

static const struct harm {
    const char *what;
    void (*harm)(const char *path);
    const char *says;
} harms[] = {
    {"truncated", victim_truncate, "shrunk"},        {"cut by a byte", victim_cut_last_byte, "shrunk"},
    {"replaced", victim_replace, "taken its place"}, {"removed", victim_remove, VICTIM},
    {"made a folder", victim_make_folder, VICTIM},   {"written to", victim_write, "written to"},
};

static void expect_named(const struct error *error, const char *what, const char *says)
{
    cr_expect(strstr(error_text(error), VICTIM) && strstr(error_text(error), VICTIM_TENSOR) &&
                  strstr(error_text(error), says),
              "%s: %s", what, error_text(error));
}

#define TOKENS 400 /* reads as many rows of the embedding, before all else */

/* One pass over many tokens, in which every expert of the nano model has some. */
static bool pass_all(struct record *record, struct error *error)
{
    struct probe probe = {.see = record_see, .context = record};
    int ids[TOKENS];
    for (size_t i = 0; i < TOKENS; i++)
        ids[i] = id_of(record->subject, 3, 3, i);
    struct sequence sequence = {.ids = ids, .count = TOKENS, .logits_from = TOKENS - 1};
    record->count = 0;
    return model_forward(record->model, &sequence, 1, &probe, error);
}

/* A cache too small to hold the victim: the next pass reads its file, and says what became of it. */
Test(expert_cache, a_file_that_changes_between_passes_is_an_error_that_names_it)
{
    for (size_t i = 0; i < sizeof harms / sizeof *harms; i++)
        for (size_t most = 1; most < 36; most += 29) { /* 30: all of two layers before it */
            struct subject subject = extraction_copy();
            struct error error = {0};
            struct record record =
                record_of(&subject, model_with(&subject, &(struct model_options){.threads = 4, .cache_experts = most}));
            model_keep_weights(record.model, true);
            cr_assert(pass_all(&record, &error), "%s", error_text(&error));
            cr_assert(model_expert_counts(record.model, -1).kept == most &&
                      model_expert_counts(record.model, 3).kept == 0);
            harms[i].harm(scratch("copy/" VICTIM));
            cr_expect_not(pass_all(&record, &error), "%s", harms[i].what);
            expect_named(&error, harms[i].what, harms[i].says);
            error_clear(&error);
            cr_expect_eq(model_expert_counts(record.model, -1).kept, most);
            free(record.values);
            model_free(record.model);
            subject_close(&subject);
            scratch_remove();
        }
}

/* What was read whole from the file as it was goes on: it is what the model was opened with. */
Test(expert_cache, an_expert_in_memory_outlives_its_file)
{
    for (size_t i = 0; i < sizeof harms / sizeof *harms; i++) {
        struct subject subject = extraction_copy();
        struct error error = {0};
        struct record record = record_of(&subject, model_with(&subject, &(struct model_options){.threads = 4}));
        model_keep_weights(record.model, true);
        cr_assert(pass_all(&record, &error), "%s", error_text(&error));
        cr_assert_eq(model_expert_counts(record.model, 3).kept, 12);
        struct record before = record;
        record.values = NULL;
        record.capacity = 0;
        harms[i].harm(scratch("copy/" VICTIM));
        cr_expect(pass_all(&record, &error), "%s: %s", harms[i].what, error_text(&error));
        cr_expect(same_bits(&record, &before), "%s", harms[i].what);
        free(before.values);
        free(record.values);
        model_free(record.model);
        subject_close(&subject);
        scratch_remove();
    }
}

/* A read that fails, wherever in the pass: an error that names a file, and nothing half read stays. */
static void reads_fail(enum mishap which, const char *says)
{
    struct error error = {0};
    struct subject subject = extraction_copy();
    struct record expected = record_of(&subject, model_with(&subject, &(struct model_options){.threads = 1}));
    cr_assert(pass_all(&expected, &error), "%s", error_text(&error));
    uint64_t one = model_expert_counts(expected.model, -1).read / model_expert_counts(expected.model, -1).misses;
    for (long at = TOKENS; at < TOKENS + 220; at += 13)
        for (size_t most = 0; most < 25; most += 8) {
            struct model_options options = {.threads = 4, .cache_experts = most};
            struct record record = record_of(&subject, model_with(&subject, &options));
            model_keep_weights(record.model, true);
            mishap_in = at;
            mishap = which;
            bool good = pass_all(&record, &error);
            mishap = MISHAP_NONE;
            cr_expect_not(good, "read %ld fails", at);
            cr_expect(strstr(error_text(&error), scratch("copy")) && strstr(error_text(&error), says), "%s",
                      error_text(&error));
            error_clear(&error);
            struct expert_counts before = model_expert_counts(record.model, -1);
            cr_expect(pass_all(&record, &error), "%s", error_text(&error));
            struct expert_counts after = model_expert_counts(record.model, -1);
            cr_expect_eq(after.read - before.read, (after.misses - before.misses) * one, "what a hit found was there");
            cr_expect(same_bits(&record, &expected), "other bits after read %ld failed, %zu experts", at, most);
            free(record.values);
            model_free(record.model);
        }
    free(expected.values);
    model_free(expected.model);
    subject_close(&subject);
    scratch_remove();
}

Test(expert_cache, a_read_that_fails_is_an_error_and_leaves_nothing_half_read)
{
    reads_fail(MISHAP_ERROR, "Input/output error");
    reads_fail(MISHAP_END, "short of what its header promised");
}

/* After the check, before the end of the read: also of the last read of a file, behind which no check would come. */
Test(expert_cache, a_file_that_changes_while_it_is_read_is_an_error)
{
    for (long at = TOKENS + 20; at < TOKENS + 50; at++) {
        struct subject subject = extraction_copy();
        struct error error = {0};
        struct record record = record_of(&subject, model_with(&subject, &(struct model_options){.threads = 1}));
        model_keep_weights(record.model, true);
        mishap_in = at;
        mishap = MISHAP_CHANGE;
        cr_expect_not(pass_all(&record, &error), "read %ld", at);
        mishap = MISHAP_NONE;
        cr_expect(strstr(error_text(&error), scratch("copy")) && strstr(error_text(&error), "written to"), "%s",
                  error_text(&error));
        error_clear(&error);
        cr_expect_not(pass_all(&record, &error), "nothing of it is kept, and the file is still another");
        error_clear(&error);
        free(record.values);
        model_free(record.model);
        subject_close(&subject);
        scratch_remove();
    }
}
