/* Experts in memory: the same bits whatever fits, and what is counted. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "expert_cache_fixture.h"
#include "model/model.h"
#include "store/overlay.h"

/* A model and what is fed to it */

#define SUBJECT(path) subject_at(GOLDEN(path), GOLDEN(path) "/config.json")

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

#define STEPS 6
#define ROUNDS 2
#define PASSES (ROUNDS * STEPS)

static const size_t lengths[PROMPTS] = {23, 1, 9};

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
