/* What the engine promises besides right numbers: absent and unusable tensors, fused experts, bad input, an unharmed
 * cache. */
#include "engine_fixture.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/overlay.h"
#include "store/safetensors.h"

/* A checkpoint in the making: tensors that a test may change before it writes them to a file. */
struct shelf {
    struct safetensors_entry *entries;
    unsigned char **values;
    size_t count;
};

static size_t entry_bytes(const struct safetensors_entry *entry)
{
    size_t bits = dtype_bits(entry->dtype);
    for (int i = 0; i < entry->rank; i++)
        bits *= (size_t)entry->shape[i];
    return bits / 8;
}

/* Adds a tensor of zeros; returns its values. */
static unsigned char *shelf_add(struct shelf *shelf, const char *name, enum dtype dtype, int rank,
                                const uint64_t *shape)
{
    shelf->entries = realloc(shelf->entries, (shelf->count + 1) * sizeof *shelf->entries);
    shelf->values = realloc(shelf->values, (shelf->count + 1) * sizeof *shelf->values);
    struct safetensors_entry *entry = &shelf->entries[shelf->count];
    *entry = (struct safetensors_entry){.name = strdup(name), .dtype = dtype, .rank = rank};
    memcpy(entry->shape, shape, (size_t)rank * sizeof *shape);
    shelf->values[shelf->count] = calloc(entry_bytes(entry) + 1, 1);
    return shelf->values[shelf->count++];
}

/* Copies the tensors of the text model, under their canonical names, that `wanted` (NULL: all) accepts. */
static struct shelf shelf_of(const struct store *store, bool (*wanted)(const char *name))
{
    struct shelf shelf = {0};
    struct error error = {0};
    for (size_t i = 0; i < store_count(store); i++) {
        const struct tensor *tensor = store_at(store, i);
        if (tensor->other || (wanted && !wanted(tensor->name)))
            continue;
        unsigned char *values = shelf_add(&shelf, tensor->name, tensor->dtype, tensor->rank, tensor->shape);
        cr_assert(store_read(store, tensor, values, &error), "%s", error_text(&error));
    }
    return shelf;
}

/* Writes the shelf to a new temporary file, opens that as a store, and empties the shelf. `path` holds 64 bytes. */
static struct store *shelf_store(struct shelf *shelf, char *path)
{
    struct error error = {0};
    snprintf(path, 64, "/tmp/assay-engine-%ld.safetensors", (long)getpid());
    struct safetensors_writer *writer = safetensors_create(path, shelf->entries, shelf->count, NULL, &error);
    cr_assert(writer, "%s", error_text(&error));
    for (size_t i = 0; i < shelf->count; i++) {
        cr_assert(safetensors_put(writer, i, 0, shelf->values[i], entry_bytes(&shelf->entries[i]), &error), "%s",
                  error_text(&error));
        free(shelf->entries[i].name);
        free(shelf->values[i]);
    }
    free(shelf->entries);
    free(shelf->values);
    *shelf = (struct shelf){0};
    cr_assert(safetensors_commit(writer, &error), "%s", error_text(&error));
    struct store *store = store_open(path, &error);
    cr_assert(store, "%s", error_text(&error));
    return store;
}

/* Absent tensors */

static void drop(struct store *overlay, const char *name)
{
    struct error error = {0};
    cr_assert(overlay_drop(overlay, name, &error), "%s", error_text(&error));
}

/* Puts `value` everywhere into a tensor that the store below has. */
static void fill(struct store *overlay, const struct store *below, const char *name, float value)
{
    struct error error = {0};
    const struct tensor *tensor = store_find(below, name);
    cr_assert(tensor, "%s", name);
    size_t count = (size_t)(tensor->rows * tensor->columns);
    float *values = malloc(count * sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = value;
    cr_assert(overlay_replace(overlay, name, DTYPE_F32, tensor->rank, tensor->shape, values, &error), "%s",
              error_text(&error));
    free(values);
}

/* One of every kind of weight. */
static const struct lost {
    const char *model;
    const char *name;
    bool norm;
} losses[] = {
    {"qwen3_moe", "model.embed_tokens.weight", false},
    {"qwen3_moe", "model.layers.1.input_layernorm.weight", true},
    {"qwen3_moe", "model.layers.0.self_attn.q_norm.weight", true},
    {"qwen3_moe", "model.layers.4.self_attn.k_norm.weight", true},
    {"qwen3_moe", "model.layers.3.post_attention_layernorm.weight", true},
    {"qwen3_moe", "model.norm.weight", true},
    {"qwen3_moe", "lm_head.weight", false},
    {"qwen3_moe", "model.layers.2.self_attn.q_proj.weight", false},
    {"qwen3_moe", "model.layers.2.self_attn.o_proj.weight", false},
    {"qwen3_moe", "model.layers.2.mlp.up_proj.weight", false},
    {"qwen3_moe", "model.layers.1.mlp.gate.weight", false},
    {"qwen3_moe", "model.layers.1.mlp.experts.5.gate_proj.weight", false},
    {"qwen3_moe", "model.layers.1.mlp.experts.7.down_proj.weight", false},
    {"llama", "model.layers.1.self_attn.k_proj.bias", false},
    {"llama", "model.layers.1.self_attn.o_proj.bias", false},
    {"llama", "model.layers.4.mlp.down_proj.bias", false},
    {"qwen2_moe", "model.layers.1.mlp.shared_expert.up_proj.weight", false},
    {"qwen2_moe", "model.layers.1.mlp.shared_expert_gate.weight", false},
};

/* Without `lost`, by `missing`, the model computes what it does with `value` in all of it. */
static void absence_equals(const struct lost *lost, enum missing missing, float value)
{
    struct error error = {0};
    struct bench bench = bench_open(lost->model, lost->model);
    struct store *without = overlay_new(bench.store, &error), *filled = overlay_new(bench.store, &error);
    drop(without, lost->name);
    fill(filled, bench.store, lost->name, value);
    bench.weights = filled;
    bench_load(&bench);
    struct trace *expected = bench_run(&bench, (struct feed){0});
    bench.weights = without;
    bench.options.missing = missing;
    bench_load(&bench);
    struct trace *found = bench_run(&bench, (struct feed){0});
    cr_expect(trace_equal(&bench, found, expected), "%s without %s is not the same as with %g in it", lost->model,
              lost->name, (double)value);
    trace_free(found);
    trace_free(expected);
    bench_close(&bench);
    store_free(without);
    store_free(filled);
}

Test(engine, an_absent_tensor_by_default_is_ones_or_adds_nothing)
{
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++)
        absence_equals(&losses[i], MISSING_DEFAULT, losses[i].norm ? 1 : 0);
}

Test(engine, an_absent_tensor_may_be_zeros)
{
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++)
        absence_equals(&losses[i], MISSING_ZERO, 0);
}

/* Opens the model on `weights` and expects a refusal that holds all of `parts`. */
static void expect_refusal(struct bench *bench, const struct store *weights, const char *const *parts)
{
    struct error error = {0};
    bench->options.missing = MISSING_FAIL;
    struct model *model = model_open(weights, bench->config, &bench->options, &error);
    cr_expect_null(model, "%s was opened", bench->name);
    for (; *parts; parts++)
        cr_expect(strstr(error_text(&error), *parts), "\"%s\" is not in: %s", *parts, error_text(&error));
    error_clear(&error);
    model_free(model);
}

Test(engine, absent_tensors_are_all_listed_in_groups)
{
    struct error error = {0};
    struct bench bench = bench_open("thinker-extraction", "thinker");
    struct store *without = overlay_new(bench.store, &error);
    static const char *const norms[] = {"model.layers.1.input_layernorm.weight",
                                        "model.layers.3.input_layernorm.weight",
                                        "model.layers.4.input_layernorm.weight",
                                        "model.layers.3.post_attention_layernorm.weight",
                                        "lm_head.weight",
                                        "model.layers.0.self_attn.q_norm.weight"};
    for (size_t i = 0; i < sizeof norms / sizeof *norms; i++)
        drop(without, norms[i]);
    for (int expert = 7; expert < 12; expert++) {
        char name[128];
        snprintf(name, sizeof name, "model.layers.1.mlp.experts.%d.gate_proj.weight", expert);
        drop(without, name);
    }
    drop(without, "model.layers.2.mlp.experts.3.down_proj.weight");
    expect_refusal(&bench, without,
                   (const char *const[]){
                       "golden/nano/thinker-extraction", "12 tensors", "absent",
                       "input_layernorm.weight of layers 1, 3, 4", "post_attention_layernorm.weight of layer 3",
                       "self_attn.q_norm.weight of layer 0", "mlp.experts.gate_proj.weight of layer 1: experts 7-11",
                       "mlp.experts.down_proj.weight of layer 2: expert 3", "lm_head.weight", NULL});
    store_free(without);
    bench_close(&bench);
}

/* Unusable tensors */

static bool no_norm_of_layer_2(const char *name)
{
    return strcmp(name, "model.layers.2.input_layernorm.weight") != 0;
}

Test(engine, a_tensor_of_another_shape_or_dtype_is_refused_by_file_and_name)
{
    struct bench bench = bench_open("qwen3", "qwen3");
    char path[64];
    static const struct {
        enum dtype dtype;
        int rank;
        uint64_t shape[2];
        const char *says[2];
    } rows[] = {
        {DTYPE_I8, 1, {32}, {"I8", "F32, F16, BF16, F64"}},
        {DTYPE_I16, 1, {32}, {"I16", "F32, F16, BF16, F64"}},
        {DTYPE_F32, 1, {33}, {"[33]", "[32]"}},
        {DTYPE_F32, 1, {31}, {"[31]", "[32]"}},
        {DTYPE_F32, 2, {1, 32}, {"[1, 32]", "[32]"}},
        {DTYPE_F32, 2, {32, 1}, {"[32, 1]", "[32]"}},
        {DTYPE_F32, 1, {0}, {"[0]", "[32]"}},
        {DTYPE_F32, 0, {0}, {"[]", "[32]"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct shelf shelf = shelf_of(bench.store, no_norm_of_layer_2);
        shelf_add(&shelf, "model.layers.2.input_layernorm.weight", rows[i].dtype, rows[i].rank, rows[i].shape);
        struct store *store = shelf_store(&shelf, path);
        expect_refusal(&bench, store,
                       (const char *const[]){path, "model.layers.2.input_layernorm.weight", rows[i].says[0],
                                             rows[i].says[1], NULL});
        store_free(store);
    }
    unlink(path);
    bench_close(&bench);
}

Test(engine, unusable_and_absent_tensors_are_reported_together)
{
    struct error error = {0};
    struct bench bench = bench_open("qwen3", "qwen3");
    struct store *overlay = overlay_new(bench.store, &error);
    uint64_t shape[] = {3, 4};
    cr_assert(overlay_replace(overlay, "model.layers.0.self_attn.q_proj.weight", DTYPE_F32, 2, shape, (float[12]){0},
                              &error));
    cr_assert(
        overlay_replace(overlay, "model.layers.1.self_attn.q_proj.weight", DTYPE_I8, 2, shape, (float[12]){0}, &error));
    drop(overlay, "model.layers.4.mlp.up_proj.weight");
    expect_refusal(&bench, overlay,
                   (const char *const[]){"model.layers.0.self_attn.q_proj.weight", "[3, 4]",
                                         "model.layers.1.self_attn.q_proj.weight", "mlp.up_proj.weight of layer 4",
                                         NULL});
    store_free(overlay);
    bench_close(&bench);
}

/* Other spellings of the same weights compute the same bits. */

static void same_bits_from(struct bench *bench, struct shelf *shelf, const char *what)
{
    char path[64];
    bench->options.exact = false;
    bench_load(bench);
    struct trace *expected = bench_run(bench, (struct feed){0}),
                 *expected_pieces = bench_run(bench, (struct feed){.chunk = 2});
    struct store *store = shelf_store(shelf, path);
    bench->weights = store;
    for (int keep = 0; keep < 2; keep++) {
        bench_load(bench);
        model_keep_weights(bench->model, keep);
        struct trace *found = bench_run(bench, (struct feed){0}), *pieces = bench_run(bench, (struct feed){.chunk = 2});
        cr_expect(trace_same_bits(bench, found, expected), "%s, %s: other bits", bench->name, what);
        cr_expect(trace_same_bits(bench, pieces, expected_pieces), "%s, %s: other bits in pieces", bench->name, what);
        trace_free(found);
        trace_free(pieces);
    }
    trace_free(expected);
    trace_free(expected_pieces);
    store_free(store);
    unlink(path);
    bench->weights = bench->store;
    bench_load(bench);
}

static bool no_expert(const char *name)
{
    return !strstr(name, ".mlp.experts.");
}

/* Puts [rows, columns] into a part of a fused tensor, at row `first` of its expert (column `first`, when transposed).
 */
static void fuse(unsigned char *out, size_t first, size_t all, const unsigned char *values, size_t rows, size_t columns,
                 size_t width, bool transposed)
{
    for (size_t row = 0; row < rows; row++)
        for (size_t column = 0; column < columns; column++)
            memcpy(out + (transposed ? column * all + first + row : (first + row) * columns + column) * width,
                   values + (row * columns + column) * width, width);
}

/* All experts of a layer in two tensors. */
static void shelf_add_fused(struct shelf *shelf, const struct bench *bench, int layer, bool transposed)
{
    static const char *const parts[] = {"gate", "up", "down"};
    struct error error = {0};
    char name[128];
    size_t experts = (size_t)bench->config->experts, inner = (size_t)bench->config->moe_intermediate,
           hidden = (size_t)bench->config->hidden;
    snprintf(name, sizeof name, "model.layers.%d.mlp.experts.0.gate_proj.weight", layer);
    enum dtype dtype = store_find(bench->store, name)->dtype;
    size_t width = dtype_width(dtype);
    uint64_t gate_up[] = {experts, 2 * inner, hidden}, gate_up_t[] = {experts, hidden, 2 * inner};
    uint64_t down[] = {experts, hidden, inner}, down_t[] = {experts, inner, hidden};
    snprintf(name, sizeof name, "model.layers.%d.mlp.experts.gate_up_proj", layer);
    unsigned char *to_gate_up = shelf_add(shelf, name, dtype, 3, transposed ? gate_up_t : gate_up);
    snprintf(name, sizeof name, "model.layers.%d.mlp.experts.down_proj", layer);
    unsigned char *to_down = shelf_add(shelf, name, dtype, 3, transposed ? down_t : down);
    unsigned char *values = malloc(inner * hidden * width);
    for (size_t expert = 0; expert < experts; expert++) {
        for (size_t part = 0; part < 3; part++) {
            snprintf(name, sizeof name, "model.layers.%d.mlp.experts.%zu.%s_proj.weight", layer, expert, parts[part]);
            cr_assert(store_read(bench->store, store_find(bench->store, name), values, &error), "%s",
                      error_text(&error));
            if (part < 2)
                fuse(to_gate_up + expert * 2 * inner * hidden * width, part * inner, 2 * inner, values, inner, hidden,
                     width, transposed);
            else
                fuse(to_down + expert * inner * hidden * width, 0, hidden, values, hidden, inner, width, transposed);
        }
    }
    free(values);
}

static void fused_agrees(const char *weights, const char *model)
{
    struct bench bench = bench_open(weights, model);
    for (int transposed = 0; transposed < 2; transposed++) {
        struct shelf shelf = shelf_of(bench.store, no_expert);
        for (int layer = 0; layer < bench.config->layers; layer++)
            if (bench.config->sparse[layer])
                shelf_add_fused(&shelf, &bench, layer, transposed);
        same_bits_from(&bench, &shelf, transposed ? "experts fused, input first" : "experts fused, output first");
    }
    bench_close(&bench);
}

Test(engine, fused_experts_compute_the_same_bits)
{
    fused_agrees("thinker", "thinker");
    fused_agrees("qwen3_moe", "qwen3_moe");
    fused_agrees("qwen2_moe", "qwen2_moe");
    fused_agrees("mixtral", "mixtral");
}

/* As save_pretrained writes a thinker without the talker: no "thinker." before the names, other towers beside them. */
Test(engine, a_thinker_saved_alone_computes_the_same_bits)
{
    struct bench bench = bench_open("thinker", "thinker");
    struct shelf shelf = shelf_of(bench.store, NULL);
    shelf_add(&shelf, "audio_tower.layers.0.self_attn.q_proj.weight", DTYPE_F32, 2, (uint64_t[]){2, 3});
    shelf_add(&shelf, "visual.blocks.0.norm1.weight", DTYPE_BF16, 1, (uint64_t[]){8});
    same_bits_from(&bench, &shelf, "saved alone");
    bench_close(&bench);
}

Test(engine, an_extraction_computes_the_bits_of_its_source)
{
    struct bench source = bench_open("thinker", "thinker"), extraction = bench_open("thinker-extraction", "thinker");
    struct trace *expected = bench_run(&source, (struct feed){0}), *found = bench_run(&extraction, (struct feed){0});
    cr_expect(trace_same_bits(&source, found, expected));
    trace_free(expected);
    trace_free(found);
    bench_close(&source);
    bench_close(&extraction);
}

/* Bad input, and a cache that it leaves as it was */

struct last {
    float *logits; /* of the last row */
    int fail_at;   /* layer at whose end the probe fails; -1: never */
};

static bool last_see(void *context, const struct activation *activation, struct error *error)
{
    struct last *last = context;
    if (activation->point == POINT_LAYER && activation->layer == last->fail_at)
        return error_set(error, "the probe has seen enough");
    if (activation->point == POINT_HEAD)
        memcpy(last->logits, activation->values + (activation->rows - 1) * activation->width,
               activation->width * sizeof(float));
    return true;
}

/* One pass over ids[first .. first + count - 1]; the logits of its last token go to `logits`. */
static bool pass(const struct bench *bench, struct kv *kv, const int *ids, size_t count, int fail_at, float *logits,
                 struct error *error)
{
    struct last last = {.logits = logits, .fail_at = fail_at};
    struct probe probe = {.see = last_see, .context = &last};
    struct sequence sequence = {.ids = ids, .count = count, .kv = kv};
    return model_forward(bench->model, &sequence, 1, &probe, error);
}

/* A cache of five tokens that has seen three; every kind of failing pass must leave it so, and the fourth and fifth
 * token then give the logits that they always do. */
Test(engine, a_failed_pass_leaves_the_cache_as_it_was)
{
    FOR_EACH_NANO(bench)
    {
        const int *ids = golden_case_at(bench.golden, bench.cases - 1)->ids;
        int vocabulary = bench.config->vocabulary;
        const struct {
            const char *what;
            int ids[4];
            size_t count;
            int fail_at;
            const char *says;
        } rows[] = {
            {"an id below 0", {1, -1}, 2, -1, "-1"},
            {"an id above the vocabulary", {1, vocabulary}, 2, -1, "vocabulary"},
            {"an id far above it", {0x7FFFFFFF}, 1, -1, "2147483647"},
            {"no tokens", {0}, 0, -1, "empty"},
            {"one token too many", {1, 2, 3}, 3, -1, "room for 2"},
            {"a probe that fails early", {5, 6}, 2, 0, "seen enough"},
            {"a probe that fails late", {5, 6}, 2, bench.config->layers - 1, "seen enough"},
        };
        struct error error = {0};
        size_t width = (size_t)vocabulary;
        float *expected = calloc(width, sizeof *expected), *found = calloc(width, sizeof *found);
        struct kv *fresh = kv_new(bench.config, 5, &error), *kv = kv_new(bench.config, 5, &error);
        cr_assert(pass(&bench, fresh, ids, 3, -1, expected, &error) &&
                  pass(&bench, fresh, ids + 3, 2, -1, expected, &error));
        cr_assert(pass(&bench, kv, ids, 3, -1, found, &error));
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            cr_expect_not(pass(&bench, kv, rows[i].ids, rows[i].count, rows[i].fail_at, found, &error), "%s",
                          rows[i].what);
            cr_expect(strstr(error_text(&error), rows[i].says), "%s: %s", rows[i].what, error_text(&error));
            cr_expect_eq(kv_length(kv), 3, "%s changed the length to %zu", rows[i].what, kv_length(kv));
            error_clear(&error);
        }
        cr_assert(pass(&bench, kv, ids + 3, 2, -1, found, &error), "%s", error_text(&error));
        cr_expect(memcmp(found, expected, width * sizeof *found) == 0, "%s: other logits after failed passes",
                  bench.name);
        cr_expect_not(pass(&bench, kv, ids, 1, -1, found, &error), "a sixth token in a cache of five");
        error_clear(&error);
        kv_free(kv);
        kv_free(fresh);
        free(expected);
        free(found);
    }
}

/* Keys of a sequence that one token more rotates otherwise are of no use to it; cleared, the cache takes it as a whole.
 */
Test(engine, a_cache_of_another_length_is_refused)
{
    static const char *const models[] = {"longrope", "dynamic"};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        struct bench bench = bench_open(models[i], models[i]);
        const int *ids = golden_case_at(bench.golden, bench.cases - 1)->ids;
        struct error error = {0};
        size_t width = (size_t)bench.config->vocabulary;
        float *logits = calloc(width, sizeof *logits), *again = calloc(width, sizeof *again);
        struct kv *kv = kv_new(bench.config, 17, &error);
        cr_expect(pass(&bench, kv, ids, 15, -1, logits, &error) && pass(&bench, kv, ids + 15, 1, -1, logits, &error));
        cr_expect_not(pass(&bench, kv, ids + 16, 1, -1, logits, &error), "%s", models[i]);
        cr_expect(strstr(error_text(&error), "of a sequence of 16 tokens"), "%s", error_text(&error));
        error_clear(&error);
        kv_clear(kv);
        cr_expect(pass(&bench, kv, ids, 17, -1, logits, &error) && pass(&bench, NULL, ids, 17, -1, again, &error));
        cr_expect(memcmp(logits, again, width * sizeof *logits) == 0, "%s", models[i]);
        kv_free(kv);
        free(logits);
        free(again);
        bench_close(&bench);
    }
}

/* One bad sequence fails the pass, and the caches of the others stay as they were too. */
Test(engine, a_bad_sequence_harms_no_other)
{
    struct bench bench = bench_open("qwen3", "qwen3");
    struct error error = {0};
    float *logits = calloc((size_t)bench.config->vocabulary, sizeof *logits);
    struct kv *good = kv_new(bench.config, 4, &error), *full = kv_new(bench.config, 1, &error);
    static const int ids[] = {3, 4, 5, 6}, bad[] = {3, 4, 4000, 6};
    struct sequence overflow[] = {{.ids = ids, .count = 2, .kv = good}, {.ids = ids, .count = 2, .kv = full}};
    struct sequence foreign[] = {{.ids = ids, .count = 2, .kv = good}, {.ids = bad, .count = 4}};
    cr_expect_not(model_forward(bench.model, overflow, 2, NULL, &error));
    cr_expect(strstr(error_text(&error), "sequence 1"), "%s", error_text(&error));
    error_clear(&error);
    cr_expect_not(model_forward(bench.model, foreign, 2, NULL, &error));
    cr_expect(strstr(error_text(&error), "token 2 of sequence 1") && strstr(error_text(&error), "4000"), "%s",
              error_text(&error));
    error_clear(&error);
    cr_expect(kv_length(good) == 0 && kv_length(full) == 0);
    cr_expect(pass(&bench, good, ids, 4, -1, logits, &error), "%s", error_text(&error));
    kv_free(good);
    kv_free(full);
    free(logits);
    bench_close(&bench);
}

/* Asking for logits from the end on gives none, and the rest of the pass is the same. */
struct rows_seen {
    size_t head, norm;
};

static bool count_see(void *context, const struct activation *activation, struct error *error)
{
    (void)error;
    struct rows_seen *seen = context;
    seen->head += activation->point == POINT_HEAD ? activation->rows : 0;
    seen->norm += activation->point == POINT_FINAL_NORM ? activation->rows : 0;
    return true;
}

Test(engine, logits_only_where_they_are_wanted)
{
    struct bench bench = bench_open("llama", "llama");
    static const int ids[] = {3, 4, 5, 6, 7};
    static const struct {
        size_t from[3], expected;
    } rows[] = {{{0, 0, 0}, 15}, {{5, 5, 5}, 0}, {{4, 4, 4}, 3}, {{5, 2, 9}, 3}, {{0, 5, 4}, 6}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = {0};
        struct rows_seen seen = {0};
        struct probe probe = {.see = count_see, .context = &seen};
        struct sequence sequences[3];
        for (size_t k = 0; k < 3; k++)
            sequences[k] = (struct sequence){.ids = ids, .count = 5, .logits_from = rows[i].from[k]};
        cr_assert(model_forward(bench.model, sequences, 3, &probe, &error), "%s", error_text(&error));
        cr_expect(seen.head == rows[i].expected && seen.norm == 15, "row %zu: %zu rows of logits", i, seen.head);
    }
    bench_close(&bench);
}

/* NaN from one token on: no earlier token may see it. */

struct break_at {
    enum point point; /* what it goes in with: the norm before attention, or where there is none the layer before */
    int layer;
    size_t token;
    size_t passed; /* tokens of earlier passes */
    bool *finite;  /* of each token, after the attention of that layer */
};

static bool break_see(void *context, const struct activation *activation, struct error *error)
{
    struct break_at *broken = context;
    (void)error;
    int from = broken->layer - (broken->point == POINT_LAYER);
    for (size_t row = 0; row < activation->rows; row++) {
        size_t token = broken->passed + (size_t)activation->row_of[row].token;
        float *values = activation->values + row * activation->width;
        if (activation->point == broken->point && activation->layer == from && token == broken->token)
            values[0] = NAN;
        if (activation->point != POINT_ATTENTION || activation->layer != broken->layer)
            continue;
        broken->finite[token] = true;
        for (size_t i = 0; i < activation->width; i++)
            broken->finite[token] = broken->finite[token] && isfinite(values[i]);
    }
    return true;
}

/* Which tokens of a sequence that breaks at one of them come out finite, fed `chunk` tokens at a time. */
static void broken_tokens(const struct bench *bench, const int *ids, size_t count, size_t chunk, size_t at,
                          bool *finite)
{
    struct error error = {0};
    int layer = bench->config->layers - 1;
    struct break_at broken = {.layer = layer, .token = at, .finite = finite};
    broken.point = point_exists(bench->config, POINT_INPUT_NORM, layer) ? POINT_INPUT_NORM : POINT_LAYER;
    struct probe probe = {.see = break_see, .context = &broken};
    struct kv *kv = kv_new(bench->config, count, &error);
    for (; broken.passed < count; broken.passed += chunk) {
        struct sequence sequence = {.ids = ids + broken.passed, .count = chunk, .kv = kv, .whole = count};
        if (count - broken.passed < chunk)
            sequence.count = count - broken.passed;
        cr_assert(model_forward(bench->model, &sequence, 1, &probe, &error), "%s", error_text(&error));
    }
    kv_free(kv);
}

Test(engine, more_tokens_than_positions_are_embedded_are_refused)
{
    struct bench bench = bench_open("gpt2", "gpt2");
    struct error error = {0};
    size_t context = (size_t)bench.config->context;
    int *ids = calloc(context + 1, sizeof *ids);
    struct kv *kv = kv_new(bench.config, context + 1, &error);
    struct sequence sequence = {.ids = ids, .count = context + 1, .logits_from = context + 1};
    cr_expect(!model_forward(bench.model, &sequence, 1, NULL, &error));
    cr_expect(strstr(error_text(&error), "has 161 tokens") && strstr(error_text(&error), "of 160 positions"), "%s",
              error_text(&error));
    error_clear(&error);
    sequence = (struct sequence){.ids = ids, .count = context, .kv = kv, .logits_from = context};
    cr_expect(model_forward(bench.model, &sequence, 1, NULL, &error), "%s", error_text(&error));
    sequence = (struct sequence){.ids = ids, .count = 1, .kv = kv, .logits_from = 1};
    cr_expect(!model_forward(bench.model, &sequence, 1, NULL, &error), "one more behind a cache");
    error_clear(&error);
    kv_free(kv);
    free(ids);
    bench_close(&bench);
}

Test(engine, nan_of_a_later_token_is_not_seen)
{
    enum { COUNT = 100 };
    static const size_t places[] = {0, 5, 63, 64, 99}, chunks[] = {1, 7, 64, COUNT};
    FOR_EACH_NANO(bench)
    {
        size_t window = (size_t)bench.config->window[bench.config->layers - 1];
        int ids[COUNT];
        for (int i = 0; i < COUNT; i++)
            ids[i] = i * 7 % bench.config->vocabulary;
        for (int exact = 0; exact < 2; exact++) {
            bench.options.exact = exact;
            bench_load(&bench);
            for (size_t i = 0; i < sizeof places / sizeof *places; i++)
                for (size_t k = 0; k < sizeof chunks / sizeof *chunks; k++) {
                    bool finite[COUNT] = {false};
                    broken_tokens(&bench, ids, COUNT, chunks[k], places[i], finite);
                    for (size_t token = 0; token < COUNT; token++) {
                        bool sees = token >= places[i] && (!window || token < places[i] + window);
                        cr_assert_neq(finite[token], sees, "%s: token %zu, NaN in %zu, %zu at a time", bench.name,
                                      token, places[i], chunks[k]);
                    }
                }
        }
    }
}

/* The lens behind the last layer is the head: the same bits, alone or among the rows of other layers. */

struct kept_rows {
    float *logits;
    size_t width, rows;
};

static bool keep_rows(void *context, size_t first, size_t rows, float *logits, struct error *error)
{
    struct kept_rows *kept = context;
    (void)error;
    memcpy(kept->logits + first * kept->width, logits, rows * kept->width * sizeof *logits);
    kept->rows += rows;
    return true;
}

static size_t differing(const float *a, const float *b, size_t count)
{
    size_t different = 0;
    for (size_t i = 0; i < count; i++)
        different += memcmp(&a[i], &b[i], sizeof *a) != 0;
    return different;
}

Test(engine, the_lens_at_the_last_layer_is_the_head)
{
    FOR_EACH_NANO(bench)
    {
        struct trace *trace = bench_run(&bench, (struct feed){0});
        struct error error = {0};
        int layers = bench.config->layers;
        size_t rows = bench.first[bench.cases], hidden = (size_t)bench.config->hidden;
        size_t width = (size_t)bench.config->vocabulary;
        const float *head = trace->values[place_of(POINT_HEAD, -1)];
        float *residuals = malloc(2 * rows * hidden * sizeof *residuals);
        struct kept_rows kept = {.logits = malloc(2 * rows * width * sizeof(float)), .width = width};
        for (size_t i = 0; i < 2; i++)
            memcpy(residuals + i * rows * hidden, trace->values[place_of(POINT_LAYER, layers - 1 - (int)i)],
                   rows * hidden * sizeof *residuals);
        cr_assert(model_lens(bench.model, residuals, rows, keep_rows, &kept, &error), "%s", error_text(&error));
        cr_expect(kept.rows == rows && !differing(kept.logits, head, rows * width), "%s", bench.name);
        kept.rows = 0;
        cr_assert(model_lens(bench.model, residuals, 2 * rows, keep_rows, &kept, &error), "%s", error_text(&error));
        cr_expect(kept.rows == 2 * rows && !differing(kept.logits, head, rows * width), "%s: among others", bench.name);
        cr_expect(differing(kept.logits + rows * width, head, rows * width) > rows * width / 2, "another layer");
        for (size_t row = 0; row < rows; row += 7) {
            cr_assert(model_lens(bench.model, residuals + row * hidden, 1, keep_rows, &kept, &error));
            cr_expect(!differing(kept.logits, head + row * width, width), "%s: row %zu alone", bench.name, row);
        }
        cr_expect(model_lens(bench.model, residuals, 0, keep_rows, &kept, &error), "no rows, no logits");
        free(residuals);
        free(kept.logits);
        trace_free(trace);
    }
}
