/* How much memory the engine takes, and what it does when there is none. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "activations/greedy.h"
#include "base/progress.h"
#include "fixtures.h"
#include "model/model.h"
#include "run/run.h"

/* Under the sanitizers memory that was freed stays held for a while, so peaks say nothing. */
#if defined(__SANITIZE_ADDRESS__)
#define PEAKS_COUNT false
#else
#define PEAKS_COUNT true
#endif

/* A model of random weights that fits no nano folder, written to the scratch folder. */
struct shape {
    int hidden, vocabulary, experts, chosen, inner;
    bool tied, stored_head;
};

struct wide {
    struct store *store;
    struct model_config *config;
    struct model *model;
    struct plain_tensor tensors[64];
    size_t count;
};

static void wide_add(struct wide *wide, const char *name, size_t rows, size_t columns)
{
    static unsigned state = 1;
    size_t count = rows * (columns ? columns : 1);
    float *values = malloc(count * sizeof *values);
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = columns ? (float)(state >> 8) / 8388608.0f - 1.0f : 1;
    }
    char *shape = malloc(64), *own = strdup(name);
    snprintf(shape, 64, columns ? "[%zu,%zu]" : "[%zu]", rows, columns);
    wide->tensors[wide->count++] = (struct plain_tensor){
        .name = own, .dtype = "F32", .shape = shape, .data = values, .bytes = count * sizeof *values};
}

static void wide_weights(struct wide *wide, const struct shape *shape)
{
    size_t hidden = (size_t)shape->hidden, inner = (size_t)shape->inner;
    char name[128];
    wide_add(wide, "model.embed_tokens.weight", (size_t)shape->vocabulary, hidden);
    wide_add(wide, "model.norm.weight", hidden, 0);
    if (shape->stored_head)
        wide_add(wide, "lm_head.weight", (size_t)shape->vocabulary, hidden);
    wide_add(wide, "model.layers.0.input_layernorm.weight", hidden, 0);
    wide_add(wide, "model.layers.0.post_attention_layernorm.weight", hidden, 0);
    wide_add(wide, "model.layers.0.self_attn.q_norm.weight", 4, 0);
    wide_add(wide, "model.layers.0.self_attn.k_norm.weight", 4, 0);
    wide_add(wide, "model.layers.0.self_attn.q_proj.weight", 4, hidden);
    wide_add(wide, "model.layers.0.self_attn.k_proj.weight", 4, hidden);
    wide_add(wide, "model.layers.0.self_attn.v_proj.weight", 4, hidden);
    wide_add(wide, "model.layers.0.self_attn.o_proj.weight", hidden, 4);
    wide_add(wide, "model.layers.0.mlp.gate.weight", (size_t)shape->experts, hidden);
    for (int expert = 0; expert < shape->experts; expert++)
        for (int part = 0; part < 3; part++) {
            static const char *const parts[] = {"gate_proj", "up_proj", "down_proj"};
            snprintf(name, sizeof name, "model.layers.0.mlp.experts.%d.%s.weight", expert, parts[part]);
            wide_add(wide, name, part < 2 ? inner : hidden, part < 2 ? hidden : inner);
        }
}

static void wide_load(struct wide *wide, const struct model_options *options)
{
    struct error error = {0};
    model_free(wide->model);
    wide->model = model_open(wide->store, wide->config, options, &error);
    cr_assert(wide->model, "%s", error_text(&error));
}

static struct wide wide_open(const struct shape *shape, const struct model_options *options)
{
    struct wide wide = {0};
    struct error error = {0};
    char text[1024];
    cr_assert(blas_prove(&error), "%s", error_text(&error));
    scratch_make();
    wide_weights(&wide, shape);
    write_tensors(scratch("model.safetensors"), wide.tensors, wide.count, NULL);
    for (size_t i = 0; i < wide.count; i++) {
        free((void *)(uintptr_t)wide.tensors[i].name);
        free((void *)(uintptr_t)wide.tensors[i].shape);
        free((void *)(uintptr_t)wide.tensors[i].data);
    }
    snprintf(text, sizeof text,
             "{\"model_type\":\"qwen3_moe\",\"hidden_size\":%d,\"vocab_size\":%d,\"num_hidden_layers\":1,"
             "\"num_attention_heads\":1,\"num_key_value_heads\":1,\"head_dim\":4,\"num_experts\":%d,"
             "\"num_experts_per_tok\":%d,\"moe_intermediate_size\":%d,\"norm_topk_prob\":true,"
             "\"tie_word_embeddings\":%s}",
             shape->hidden, shape->vocabulary, shape->experts, shape->chosen, shape->inner,
             shape->tied ? "true" : "false");
    cJSON *root = cJSON_Parse(text);
    wide.config = config_parse("config", root, &error);
    cr_assert(wide.config, "%s", error_text(&error));
    cJSON_Delete(root);
    wide.store = store_open(scratch("model.safetensors"), &error);
    cr_assert(wide.store, "%s", error_text(&error));
    wide_load(&wide, options);
    return wide;
}

static void wide_close(struct wide *wide)
{
    model_free(wide->model);
    store_free(wide->store);
    free(wide->config);
    scratch_remove();
}

/* Activations of many rows */

#define BATCH 64
#define TOKENS 128

struct seen {
    float *alone; /* [TOKENS, hidden]: the layer's output of the sequence by itself; filled when `first` */
    bool first;
    double worst; /* relative difference of any row from it */
};

static bool layer_see(void *context, const struct activation *activation, struct error *error)
{
    struct seen *seen = context;
    (void)error;
    for (size_t row = 0; activation->point == POINT_LAYER && row < activation->rows; row++) {
        float *alone = seen->alone + (size_t)activation->row_of[row].token * activation->width;
        const float *values = activation->values + row * activation->width;
        double sum = 0, difference = 0;
        for (size_t i = 0; i < activation->width; i++) {
            alone[i] = seen->first ? values[i] : alone[i];
            sum += (double)alone[i] * (double)alone[i];
            difference += pow((double)values[i] - (double)alone[i], 2);
        }
        seen->worst = fmax(seen->worst, sqrt(difference / sum));
    }
    return true;
}

/* 8,192 rows with eight experts each: what the experts add to them would be 268 MB, the rows of one expert 22 MB for
 * each thread and twice that in doubles. What the pass holds must not grow with the rows times the experts. */
Test(memory, many_rows_of_experts_take_little)
{
    static const struct shape shape = {1024, 16, 12, 8, 16, .stored_head = true};
    struct wide wide = wide_open(&shape, &(struct model_options){.threads = 2, .exact = true});
    struct error error = {0};
    struct seen seen = {.alone = malloc(TOKENS * (size_t)shape.hidden * sizeof(float)), .first = true};
    struct probe probe = {.see = layer_see, .context = &seen};
    struct sequence sequences[BATCH];
    int ids[TOKENS];
    for (int i = 0; i < TOKENS; i++)
        ids[i] = i * 7 % shape.vocabulary;
    for (size_t i = 0; i < BATCH; i++)
        sequences[i] = (struct sequence){.ids = ids, .count = TOKENS, .logits_from = TOKENS - 1};
    cr_assert(model_forward(wide.model, sequences, 1, &probe, &error), "%s", error_text(&error));
    seen.first = false;
    cr_assert(model_forward(wide.model, sequences, BATCH, &probe, &error), "%s", error_text(&error));
    cr_expect(seen.worst <= 1e-6, "a row differs by %.3g from the same row by itself", seen.worst);
    cr_expect(!PEAKS_COUNT || memory_peak() < 300e6, "%.0f MB", memory_peak() / 1e6);
    free(seen.alone);
    wide_close(&wide);
}

/* Cases that no pass can hold all at once */

#define MANY 128
#define LONG 1024

static bool rider_see(void *context, size_t which, const struct part *part, struct error *error)
{
    (void)which, (void)error;
    *(size_t *)context += part->point == POINT_LAYER ? part->rows : 0;
    return true;
}

Test(memory, runs_go_in_groups)
{
    static const struct shape shape = {1024, 16, 2, 1, 16, .stored_head = true};
    static int ids[LONG];
    struct wide wide = wide_open(&shape, &(struct model_options){.threads = 2});
    struct error error = {0};
    size_t seen = 0;
    struct run *run = run_new(wide.model, &error);
    for (size_t i = 0; i < MANY; i++)
        cr_assert(run_add(run, ids, LONG, LONG, (struct rider){.see = rider_see, .context = &seen}, &error));
    cr_assert(run_execute(run, "run", 0, &error), "%s", error_text(&error));
    cr_expect_eq(seen, MANY * LONG);
    cr_expect(!PEAKS_COUNT || memory_peak() < 600e6, "%.0f MB", memory_peak() / 1e6);
    run_free(run);
    wide_close(&wide);
}

/* Caches count where they are held: rows of a piece are few, but all of a sequence's keys and values stay. */
Test(memory, what_a_sequence_holds)
{
    static const struct shape shape = {1024, 16, 2, 1, 16, .stored_head = true};
    struct wide wide = wide_open(&shape, &(struct model_options){.threads = 2});
    uint64_t row = run_bytes(wide.config, 1, 0), token = run_bytes(wide.config, 0, 1);
    cr_expect(row >= (3 * 1024 + 4 + 1024) * sizeof(float), "%zu", (size_t)row);
    cr_expect_eq(token, 2 * 4 * sizeof(float));
    cr_expect_eq(run_bytes(wide.config, 5, 7), 5 * row + 7 * token);
    wide_close(&wide);
}

static struct golden *golden_of(size_t cases, size_t count)
{
    struct error error = {0};
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    fprintf(file, "{\"assay.golden\":\"1\",\"producer\":\"test\",\"dtype\":\"float32\",\"cases\":\"[");
    for (size_t i = 0; i < cases; i++) {
        fprintf(file, "%s{\\\"id\\\":\\\"case-%zu\\\",\\\"greedy\\\":[0,0],\\\"ids\\\":[1", i ? "," : "", i);
        for (size_t token = 1; token < count; token++)
            fprintf(file, ",1");
        fprintf(file, "]}");
    }
    fprintf(file, "]\"}");
    fclose(file);
    write_tensors(scratch("gold.safetensors"), NULL, 0, text);
    free(text);
    struct golden *golden = golden_open(scratch("gold.safetensors"), &error);
    cr_assert(golden, "%s", error_text(&error));
    return golden;
}

Test(memory, continuations_go_in_groups)
{
    static const struct shape shape = {1024, 16, 2, 1, 16, .stored_head = true};
    struct wide wide = wide_open(&shape, &(struct model_options){.threads = 2});
    struct subject subject = {.store = wide.store, .config = wide.config, .model = wide.model};
    struct golden *golden = golden_of(MANY, LONG);
    struct findings findings = {0};
    struct limits limits;
    struct error error = {0};
    cr_assert(limits_init(&limits, &error));
    cr_assert(greedy_check(&subject, golden, &limits, &findings, &error), "%s", error_text(&error));
    for (size_t i = 0; i < findings.items[0].fact_count; i++)
        if (strcmp(findings.items[0].facts[i].name, "tokens") == 0)
            cr_expect(findings.items[0].facts[i].number >= 2 * MANY && findings.items[0].facts[i].number <= 2 * MANY);
    cr_expect(!PEAKS_COUNT || memory_peak() < 600e6, "%.0f MB", memory_peak() / 1e6);
    findings_free(&findings);
    limits_free(&limits);
    golden_free(golden);
    wide_close(&wide);
}

/* Weights that are kept */

static size_t watched_size; /* of allocations; 0: none */
static bool watched_fail;
static atomic_int watched_count;

void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    if (size != watched_size)
        return __real_aligned_alloc(alignment, size);
    watched_count++;
    return watched_fail ? NULL : __real_aligned_alloc(alignment, size);
}

/* What a kept matrix takes; an expert takes the sum of its three. */
static size_t kept_size(size_t rows, size_t columns)
{
    return (rows * columns * sizeof(float) + 63) / 64 * 64 + 64;
}

static bool logits_see(void *context, const struct activation *activation, struct error *error)
{
    (void)error;
    if (activation->point == POINT_HEAD)
        memcpy(context, activation->values, activation->width * sizeof(float));
    return true;
}

/* Logits of the last of three tokens, fed one by one with weights kept. */
static void kept_logits(struct wide *wide, float *logits)
{
    static const int ids[] = {3, 1, 4};
    struct error error = {0};
    struct probe probe = {.see = logits_see, .context = logits};
    struct kv *kv = kv_new(wide->config, 3, &error);
    model_keep_weights(wide->model, true);
    for (size_t i = 0; i < 3; i++)
        cr_assert(
            model_forward(wide->model, &(struct sequence){.ids = ids + i, .count = 1, .kv = kv}, 1, &probe, &error),
            "%s", error_text(&error));
    kv_free(kv);
}

/* The head is kept once, whether it is the embedding or not; the embedding, of which a pass looks up few rows, is not.
 */
Test(memory, no_embedding_is_kept_for_look_ups)
{
    static const struct {
        const char *what;
        bool tied, stored;
    } rows[] = {{"own head", false, true}, {"tied head", true, false}, {"tied head, stored all the same", true, true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct shape shape = {48, 3000, 2, 1, 16, .tied = rows[i].tied, .stored_head = rows[i].stored};
        struct wide wide = wide_open(&shape, &(struct model_options){.threads = 2});
        float logits[3000];
        watched_size = kept_size(3000, 48);
        watched_count = 0;
        kept_logits(&wide, logits);
        cr_expect_eq(watched_count, 1, "%s: %d matrices of that size kept", rows[i].what, watched_count);
        watched_size = 0;
        wide_close(&wide);
    }
}

/* A weight that finds no memory is read as it is used. */
Test(memory, weights_that_find_none_are_read)
{
    static const struct shape shape = {48, 3000, 2, 1, 16, .stored_head = true};
    const struct {
        const char *what;
        size_t size;
    } rows[] = {{"the head", kept_size(3000, 48)},
                {"queries, keys and values", kept_size(4, 48)},
                {"experts", 3 * kept_size(16, 48)}};
    struct wide wide = wide_open(&shape, &(struct model_options){.threads = 2});
    float expected[3000], found[3000];
    kept_logits(&wide, expected);
    watched_fail = true;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        wide_load(&wide, &(struct model_options){.threads = 2});
        watched_size = rows[i].size;
        watched_count = 0;
        kept_logits(&wide, found);
        cr_expect(watched_count > 0 && memcmp(found, expected, sizeof found) == 0, "%s", rows[i].what);
    }
    watched_size = 0;
    wide_close(&wide);
}
