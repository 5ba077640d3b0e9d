/* The GGUF reader, against files that the official package wrote (scripts/make_gguf_cases.py) and against files that
 * are broken on purpose. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "activations/tokens.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "model/config_difference.h"
#include "run/subject.h"
#include "store/overlay.h"
#include "store_fixtures.h"
#include "values/values.h"

#define DATA ASSAY_SOURCE_DIR "/suites/data/gguf/"
#define NANO ASSAY_SOURCE_DIR "/golden/nano/"

static void make(void)
{
    scratch_make();
}

TestSuite(gguf, .init = make, .fini = scratch_remove, .timeout = 120);

/* --- what is right --- */

static const struct twin {
    const char *gguf, *folder;
} twins[] = {
    {DATA "llama-f32.gguf", NANO "llama"},
    {DATA "qwen3moe-f16.gguf", NANO "qwen3_moe"},
    {DATA "qwen2moe-bf16-00001-of-00003.gguf", NANO "qwen2_moe"},
    {DATA "qwen2moe-bf16-00003-of-00003.gguf", NANO "qwen2_moe"},
};
#define TWINS (sizeof twins / sizeof *twins)

Test(gguf, the_tensors_are_those_of_the_original)
{
    for (size_t i = 0; i < TWINS; i++) {
        struct store *here = open_store(twins[i].gguf), *there = open_store(twins[i].folder);
        cr_expect_str_eq(store_format(here), "gguf");
        cr_expect_eq(store_problem_count(here), 0, "%s", store_problem_count(here) ? store_problem(here, 0) : "");
        cr_expect_eq(store_text_count(here), store_text_count(there));
        for (size_t k = 0; k < store_text_count(there); k++) {
            const struct tensor *expected = store_at(there, k), *found = store_find(here, expected->name);
            cr_assert(found, "%s: no '%s'", twins[i].gguf, expected->name);
            cr_assert(found->dtype == expected->dtype && found->rank == expected->rank &&
                          memcmp(found->shape, expected->shape, (size_t)found->rank * sizeof *found->shape) == 0,
                      "%s: '%s'", twins[i].gguf, expected->name);
            unsigned char *values = values_of(there, expected->name);
            expect_values(here, expected->name, values, expected->bytes);
            free(values);
        }
        store_free(here);
        store_free(there);
    }
}

Test(gguf, rows_come_in_any_cut)
{
    struct store *store = open_store(DATA "llama-f32.gguf");
    struct error error = {0};
    const struct tensor *tensor = store_find(store, "model.layers.1.self_attn.q_proj.weight");
    cr_assert(tensor && tensor->interleaved == 12);
    unsigned char *whole = values_of(store, tensor->name), *some = malloc(tensor->bytes);
    for (uint64_t first = 0; first < tensor->rows; first += 5)
        for (uint64_t count = 0; first + count <= tensor->rows; count += 7) {
            cr_assert(store_read_rows(store, tensor, first, count, some, &error), "%s", error_text(&error));
            cr_assert(memcmp(some, whole + first * tensor->stride, count * tensor->stride) == 0, "%llu rows from %llu",
                      (unsigned long long)count, (unsigned long long)first);
        }
    free(whole);
    free(some);
    store_free(store);
}

Test(gguf, every_block_type_holds_what_the_package_says)
{
    struct store *store = open_store(DATA "quantised.gguf");
    struct error error = {0};
    cJSON *hashes = json_read(DATA "quantised.json", 1 << 20, &error);
    cr_assert(hashes);
    const cJSON *item;
    cJSON_ArrayForEach(item, hashes)
    {
        const struct tensor *tensor = NULL;
        for (size_t i = 0; i < store_text_count(store); i++)
            if (strcmp(store_at(store, i)->disk_name, item->string) == 0)
                tensor = store_at(store, i);
        cr_assert(tensor && tensor->dtype >= DTYPE_SAFETENSORS, "%s", item->string);
        unsigned char *raw = values_of(store, tensor->name);
        size_t count = tensor->rows * tensor->columns;
        float *wide = malloc(count * sizeof *wide);
        widen(tensor->dtype, raw, wide, count);
        char hex[65];
        struct sha256 *sha = sha256_new(&error);
        cr_assert(sha256_update(sha, wide, count * sizeof *wide) && sha256_finish(sha, hex));
        cr_expect_str_eq(hex, item->valuestring, "%s", item->string);
        free(raw);
        free(wide);
    }
    cJSON_Delete(hashes);
    store_free(store);
}

Test(gguf, an_overlay_widens)
{
    struct store *store = open_store(DATA "quantised.gguf");
    struct error error = {0};
    static const char name[] = "model.layers.0.self_attn.k_proj.weight";
    struct store *overlay = overlay_new(store, &error);
    cr_assert(overlay_widen(overlay, name, &error), "%s", error_text(&error));
    cr_expect(!overlay_widen(overlay, name, &error) && strstr(error_text(&error), name));
    error_clear(&error);
    const struct tensor *tensor = store_find(overlay, name);
    unsigned char *raw = values_of(store, name);
    float *wide = malloc(tensor->bytes);
    widen(store_find(store, name)->dtype, raw, wide, tensor->rows * tensor->columns);
    cr_expect(tensor->dtype == DTYPE_F32 && tensor->held == store_find(store, name)->bytes);
    expect_values(overlay, name, wide, tensor->rows * tensor->columns * sizeof *wide);
    free(raw);
    free(wide);
    store_free(overlay);
    store_free(store);
}

static struct model_config *document_config(const struct store *store)
{
    struct error error = {0};
    const char *text = store_document(store, "config.json");
    cr_assert(text, "%s", store_path(store));
    cJSON *json = json_parse("document", text, strlen(text), &error);
    struct model_config *config = json ? config_parse("document", json, &error) : NULL;
    cr_assert(config, "%s", error_text(&error));
    cJSON_Delete(json);
    return config;
}

Test(gguf, the_configuration_is_that_of_the_original)
{
    for (size_t i = 0; i < TWINS; i++) {
        struct store *store = open_store(twins[i].gguf);
        struct error error = {0};
        char path[256];
        snprintf(path, sizeof path, "%s/config.json", twins[i].folder);
        struct model_config *here = document_config(store), *there = config_read(path, &error);
        struct config_difference differences[CONFIG_DIFFERENCES_MAX];
        cr_expect_eq(config_differences(here, there, differences), 0, "%s: %s", twins[i].gguf, differences[0].name);
        free(here);
        free(there);
        store_free(store);
    }
}

/* --- files written byte by byte --- */

struct writing {
    struct buffer bytes;
};

static void put(struct writing *w, uint64_t value, size_t width)
{
    buffer_append(&w->bytes, &value, width);
}

static void put_text(struct writing *w, const char *text)
{
    put(w, strlen(text), 8);
    buffer_text(&w->bytes, text);
}

static struct writing begin(uint64_t tensors, uint64_t values)
{
    struct writing w = {0};
    buffer_text(&w.bytes, "GGUF");
    put(&w, 3, 4);
    put(&w, tensors, 8);
    put(&w, values, 8);
    return w;
}

static void put_u32(struct writing *w, const char *key, uint32_t value)
{
    put_text(w, key);
    put(w, 4, 4);
    put(w, value, 4);
}

static void put_f32(struct writing *w, const char *key, float value)
{
    put_text(w, key);
    put(w, 6, 4);
    buffer_append(&w->bytes, &value, sizeof value);
}

/* --- a copy with some bytes exchanged --- */

static const char *copy_replaced(const char *from, const char *find, const char *replace, size_t length)
{
    size_t size;
    char *bytes = read_bytes(from, &size);
    char *at = memmem(bytes, size, find, length);
    cr_assert(at, "no '%s' in %s", find, from);
    memcpy(at, replace, length);
    const char *path = scratch("%s", path_base(from));
    write_bytes(path, bytes, size);
    free(bytes);
    return path;
}

static struct subject open_subject(const char *path)
{
    struct subject subject;
    struct error error = {0};
    cr_assert(subject_open(&(struct subject_options){.model = path, .engine = {.threads = 1}}, &subject, &error), "%s",
              error_text(&error));
    return subject;
}

Test(gguf, an_unknown_pre_tokenizer_is_told)
{
    struct subject subject = open_subject(copy_replaced(DATA "llama-f32.gguf", "qwen2\x15", "qwen9\x15", 6));
    struct error error = {0};
    struct findings findings = {0};
    cr_expect(!subject.tokenizer && subject.tokenizer_document);
    cr_expect(strstr(subject.tokenizer_problem, "\"qwen9 (of tokenizer.ggml.pre)\""), "%s", subject.tokenizer_problem);
    struct golden *golden = golden_open(NANO "llama.golden.safetensors", &error);
    cr_assert(golden, "%s", error_text(&error));
    cr_assert(tokens_check(&subject, golden, &findings, &error));
    cr_expect(findings.count == 1 && findings.items[0].verdict == VERDICT_WARN);
    cr_expect(strstr(findings.items[0].message, "qwen9"));
    golden_free(golden);
    findings_free(&findings);
    subject_free(&subject);
}

/* It opens, and only computing it is refused, for that reason. */
static void expect_uncomputed(const char *path, const char *why)
{
    struct error error = {0};
    struct subject subject = open_subject(path);
    cr_expect(!subject_load(&subject, &error));
    cr_expect(strstr(error_text(&error), why), "%s", error_text(&error));
    error_clear(&error);
    subject_free(&subject);
}

Test(gguf, another_architecture_is_not_computed_and_named)
{
    expect_uncomputed(copy_replaced(DATA "qwen3moe-f16.gguf", "qwen3moe", "qwen9moe", 8), "qwen9moe");
}

/* A header without tensors whose metadata is complete, and one value more. */
static struct writing begin_config(void)
{
    static const char *const sizes[] = {"block_count", "embedding_length", "attention.head_count",
                                        "feed_forward_length", "vocab_size"};
    struct writing w = begin(0, 8);
    put_text(&w, "general.architecture");
    put(&w, 8, 4);
    put_text(&w, "llama");
    for (size_t i = 0; i < 5; i++) {
        char name[64];
        snprintf(name, sizeof name, "llama.%s", sizes[i]);
        put_u32(&w, name, 4);
    }
    put_f32(&w, "llama.attention.layer_norm_rms_epsilon", 1e-5f);
    return w;
}

/* What the configuration says of the value. */
static void end_config(struct writing *w, const char *key, const char *problem, const char *words)
{
    write_bytes(scratch("config.gguf"), w->bytes.data, w->bytes.size);
    buffer_free(&w->bytes);
    struct store *store = open_store(scratch("config.gguf"));
    if (problem)
        expect_problem(store, key, problem, NULL);
    else
        cr_expect(strstr(store_document(store, "config.json"), words), "%s", store_document(store, "config.json"));
    store_free(store);
}

static void expect_config(const char *key, float value, const char *problem, const char *words)
{
    struct writing w = begin_config();
    put_f32(&w, key, value);
    end_config(&w, key, problem, words);
}

/* The same of a list of two numbers of 32 bits. */
static void expect_config_list(uint32_t first, uint32_t second, const char *problem, const char *words)
{
    static const char key[] = "llama.attention.head_count_kv";
    struct writing w = begin_config();
    put_text(&w, key);
    put(&w, 9, 4); /* an array, of 32 bits without sign */
    put(&w, 4, 4);
    put(&w, 2, 8);
    put(&w, first, 4);
    put(&w, second, 4);
    end_config(&w, key, problem, words);
}

Test(gguf, a_number_for_each_layer_is_one_where_they_are_the_same)
{
    expect_config_list(2, 2, NULL, "\"num_key_value_heads\":\t2");
    expect_config_list(2, 4, "the same for every layer", NULL);
}

Test(gguf, what_changes_the_computation_is_said_or_refused)
{
    expect_config("llama.rope.freq_base", 500000, NULL, "\"rope_theta\":\t500000");
    expect_config("llama.rope.scale_linear", 4, NULL, "\"rope_type\":\t\"linear\"");
    expect_config("llama.rope.scaling.factor", 4, NULL, "\"rope_type\":\t\"linear\",\n\t\t\"factor\":\t4");
    expect_config("llama.rope.scaling.factor", 0, NULL, "\"rope_type\":\t\"default\"");
    expect_config("llama.rope.scaling.attn_factor", 1.5f, NULL,
                  "assay does not compute the metadata 'llama.rope.scaling.attn_factor', which is 1.5");
    expect_config("llama.logit_scale", 2, NULL, "assay does not compute the metadata 'llama.logit_scale', which is 2");
    expect_config("llama.logit_scale", 1, NULL, "\"rope_type\":\t\"default\"");
    expect_config("llama.attention.head_count_kv", 2, "whole number", NULL);
}

Test(gguf, heads_that_are_rotated_in_part_are_not_computed)
{
    static const char whole[] = "rope.dimension_count\4\0\0\0\14", part[] = "rope.dimension_count\4\0\0\0\10";
    expect_uncomputed(copy_replaced(DATA "llama-f32.gguf", whole, part, sizeof whole - 1),
                      "'llama.rope.dimension_count', which is 8");
}

/* --- split files --- */

static void copy_parts(unsigned mask)
{
    for (unsigned part = 1; part <= 3; part++) {
        char path[256];
        size_t size;
        snprintf(path, sizeof path, DATA "qwen2moe-bf16-%05u-of-00003.gguf", part);
        char *bytes = read_bytes(path, &size);
        if (mask & 1u << part)
            write_bytes(scratch("m-%05u-of-00003.gguf", part), bytes, size);
        free(bytes);
    }
}

Test(gguf, an_absent_part_is_a_problem)
{
    copy_parts(2 | 8);
    struct store *store = open_store(scratch("m-00001-of-00003.gguf"));
    expect_problem(store, "m-00002-of-00003.gguf", "absent", "part 2 of 3");
    store_free(store);
}

Test(gguf, a_part_in_another_s_place_is_a_problem)
{
    copy_parts(2 | 4 | 8);
    cr_assert_eq(rename(scratch("m-00003-of-00003.gguf"), scratch("m-00002-of-00003.gguf")), 0);
    copy_parts(8);
    struct store *store = open_store(scratch("m-00001-of-00003.gguf"));
    expect_problem(store, "m-00002-of-00003.gguf", "says that it is part 3 of 3", NULL);
    store_free(store);
}

static void expect_refused(const char *path, const char *word)
{
    struct error error = {0};
    struct store *store = store_open(path, &error);
    cr_expect(!store, "%s was read", word);
    cr_expect(strstr(error_text(&error), word) && strstr(error_text(&error), path_base(path)), "\"%s\" is not in: %s",
              word, error_text(&error));
    error_clear(&error);
    store_free(store);
}

Test(gguf, a_part_needs_its_first)
{
    copy_parts(4);
    struct error error = {0};
    cr_expect(!store_open(scratch("m-00002-of-00003.gguf"), &error));
    cr_expect(strstr(error_text(&error), "m-00001-of-00003.gguf"), "%s", error_text(&error));
    error_clear(&error);
    cr_assert_eq(rename(scratch("m-00002-of-00003.gguf"), scratch("second.gguf")), 0);
    expect_refused(scratch("second.gguf"), "part 2 of 3");
}

/* --- what is broken --- */

static void put_tensor(struct writing *w, const char *name, uint64_t columns, uint64_t rows, uint32_t type,
                       uint64_t offset)
{
    put_text(w, name);
    put(w, 2, 4);
    put(w, columns, 8);
    put(w, rows, 8);
    put(w, type, 4);
    put(w, offset, 8);
}

/* As the files of the first mixtures have them. */
Test(gguf, experts_one_by_one_are_those_of_the_original)
{
    static const char *const kinds[] = {"gate", "up", "down"};
    struct writing w = begin(6, 0);
    char name[80];
    for (unsigned i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "blk.7.ffn_%s.%u.weight", kinds[i / 2], i % 2);
        put_tensor(&w, name, 8, 1, 0, 32 * i);
    }
    while (w.bytes.size % 32)
        buffer_char(&w.bytes, '\0');
    for (unsigned i = 0; i < 48; i++)
        put(&w, i, 4);
    write_bytes(scratch("single.gguf"), w.bytes.data, w.bytes.size);
    struct store *store = open_store(scratch("single.gguf"));
    for (unsigned i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "model.layers.7.mlp.experts.%u.%s_proj.weight", i % 2, kinds[i / 2]);
        expect_values(store, name, (const unsigned char *)w.bytes.data + w.bytes.size - 192 + 32 * (size_t)i, 32);
    }
    buffer_free(&w.bytes);
    store_free(store);
}

/* Pads to the data, adds that many bytes of it, and expects the word in the refusal; NULL: it opens. */
static void expect_end(struct writing *w, size_t data, const char *word)
{
    while (data && w->bytes.size % 32)
        buffer_char(&w->bytes, '\0');
    for (size_t i = 0; i < data; i++)
        buffer_char(&w->bytes, (char)i);
    write_bytes(scratch("broken.gguf"), w->bytes.data, w->bytes.size);
    buffer_free(&w->bytes);
    if (word)
        expect_refused(scratch("broken.gguf"), word);
    else
        store_free(open_store(scratch("broken.gguf")));
}

Test(gguf, the_start_is_checked)
{
    static const struct {
        uint32_t version;
        uint64_t tensors, values;
        const char *word;
    } cases[] = {
        {1, 0, 0, "version 1"},          {4, 0, 0, "version 4"},          {0x03000000, 0, 0, "big-endian"},
        {3, UINT64_MAX, 0, "announces"}, {3, 0, UINT64_MAX, "announces"}, {3, 1 << 20, 0, "announces"},
        {3, 0, 2, "announces"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct writing w = begin(cases[i].tensors, cases[i].values);
        memcpy(w.bytes.data + 4, &cases[i].version, 4);
        expect_end(&w, 0, cases[i].word);
    }
    for (size_t size = 4; size < 24; size++) {
        struct writing w = begin(0, 0);
        w.bytes.size = size;
        expect_end(&w, 0, "truncated");
    }
}

Test(gguf, metadata_is_checked)
{
    struct writing w = begin(0, 2);
    put_u32(&w, "a", 1);
    put_u32(&w, "a", 1);
    expect_end(&w, 0, "'a' occurs twice");
    w = begin(0, 1);
    put(&w, UINT64_MAX - 7, 8);
    put(&w, 0, 8);
    expect_end(&w, 0, "truncated");
    w = begin(0, 1);
    put_u32(&w, "a\xff", 1);
    expect_end(&w, 0, "UTF-8");
    w = begin(0, 1);
    put_u32(&w, "", 1);
    expect_end(&w, 0, "0 bytes");
    w = begin(0, 1);
    put_text(&w, "key");
    put(&w, 13, 4);
    expect_end(&w, 0, "unknown type 13");
    w = begin(0, 1);
    put_text(&w, "key");
    put(&w, 8, 4);
    put(&w, 1ull << 60, 8);
    expect_end(&w, 0, "truncated");
    for (uint32_t item = 0; item < 13; item++) {
        w = begin(0, 1);
        put_text(&w, "key");
        put(&w, 9, 4);
        put(&w, item, 4);
        put(&w, UINT64_MAX / 4, 8);
        expect_end(&w, 0, "truncated");
    }
    w = begin(0, 1);
    put_text(&w, "deep");
    for (int i = 0; i < 100; i++) {
        put(&w, 9, 4);
        if (i)
            put(&w, 1, 8);
    }
    expect_end(&w, 0, "deep");
    w = begin(0, 1);
    put_u32(&w, "general.alignment", 3);
    expect_end(&w, 0, "no power of two");
    w = begin(0, 1);
    put_u32(&w, "general.alignment", 0);
    expect_end(&w, 0, "no power of two");
    w = begin(0, 1);
    put_text(&w, "general.alignment");
    put(&w, 6, 4);
    put(&w, 0, 4);
    expect_end(&w, 0, "whole number");
}

/* One tensor of that type and shape at that offset, with that much data. */
static void expect_tensor(uint64_t columns, uint64_t rows, uint32_t type, uint64_t offset, size_t data,
                          const char *word)
{
    struct writing w = begin(1, 0);
    put_tensor(&w, "t", columns, rows, type, offset);
    expect_end(&w, data, word);
}

Test(gguf, tensors_are_checked)
{
    expect_tensor(8, 4, 0, 0, 128, NULL);
    expect_tensor(8, 4, 0, 0, 127, "truncated");
    expect_tensor(8, 4, 0, 0, 129, "follow");
    expect_tensor(8, 4, 0, 32, 160, "a hole");
    expect_tensor(8, 4, 0, UINT64_MAX - 31, 128, "truncated");
    expect_tensor(8, 4, 4, 0, 128, "unknown type 4");
    expect_tensor(8, 4, UINT32_MAX, 0, 128, "unknown type");
    expect_tensor(1ull << 62, 4, 0, 0, 128, "overflows");
    expect_tensor(1ull << 32, 1ull << 32, 0, 0, 128, "overflows");
    expect_tensor(33, 1, 2, 0, 18, "whole blocks of 32");
    expect_tensor(32, 1, 2, 0, 18, NULL);
    expect_tensor(256, 1, 15, 0, 292, NULL);
    struct writing w = begin(2, 0);
    put_tensor(&w, "a", 8, 4, 0, 0);
    put_tensor(&w, "a", 8, 4, 0, 128);
    expect_end(&w, 256, "'a' occurs twice");
    w = begin(2, 0);
    put_tensor(&w, "a", 8, 4, 0, 0);
    put_tensor(&w, "b", 8, 4, 0, 96);
    expect_end(&w, 256, "an overlap");
    w = begin(2, 0);
    put_tensor(&w, "b", 8, 4, 0, 128);
    put_tensor(&w, "a", 8, 4, 0, 0);
    expect_end(&w, 256, NULL);
    w = begin(1, 0);
    put_text(&w, "t");
    put(&w, 5, 4);
    for (int i = 0; i < 5; i++)
        put(&w, 0, 8);
    expect_end(&w, 0, "5 dimensions");
}

/* A file with that many tokens, and tables of four rows. */
static struct store *open_listed(const char *model, uint64_t tokens)
{
    struct writing w = begin(2, 2);
    put_text(&w, "tokenizer.ggml.model");
    put(&w, 8, 4);
    put_text(&w, model);
    put_text(&w, "tokenizer.ggml.tokens");
    put(&w, 9, 4);
    put(&w, 8, 4);
    put(&w, tokens, 8);
    for (uint64_t i = 0; i < tokens; i++)
        put_text(&w, (char[]){(char)('a' + i), '\0'});
    put_tensor(&w, "token_embd.weight", 8, 4, 0, 0);
    put_tensor(&w, "output.weight", 8, 4, 0, 128);
    expect_end(&w, 256, NULL);
    return open_store(scratch("broken.gguf"));
}

/* Does a problem of the store have these words? */
static bool has_problem(const struct store *store, const char *words)
{
    for (size_t i = 0; i < store_problem_count(store); i++)
        if (strstr(store_problem(store, i), words))
            return true;
    return false;
}

/* llama.cpp: "token_embd.weight has wrong shape". */
Test(gguf, there_is_a_token_for_each_row)
{
    for (uint64_t tokens = 3; tokens <= 5; tokens++) {
        char words[80];
        struct store *store = open_listed("llama", tokens);
        snprintf(words, sizeof words, "lists %llu tokens, but tensor 'token_embd.weight' has 4 rows",
                 (unsigned long long)tokens);
        cr_expect_eq(has_problem(store, words), tokens != 4, "%llu tokens", (unsigned long long)tokens);
        cr_expect_eq(has_problem(store, "tensor 'output.weight' has 4 rows"), tokens != 4);
        store_free(store);
    }
    struct store *store = open_listed("none", 3); /* says that it has no tokenizer, and the list is not read */
    cr_expect(!has_problem(store, "tokens, but tensor"));
    store_free(store);
}

Test(gguf, a_type_that_is_not_computed_with_is_listed)
{
    expect_tensor(256, 1, 15, 0, 292, NULL);
    struct store *store = open_store(scratch("broken.gguf"));
    cr_expect_eq(store_count(store), 1);
    cr_expect_str_eq(dtype_name(store_at(store, 0)->dtype), "Q8_K");
    cr_expect(!dtype_computes(store_at(store, 0)->dtype));
    store_free(store);
}

/* Opens and uses whatever can be opened. True: it opened. */
static bool survive(const char *path)
{
    struct error error = {0};
    struct store *store = store_open(path, &error);
    if (!store) {
        cr_assert(error.text && *error.text);
        error_clear(&error);
        return false;
    }
    for (size_t i = 0; i < store_count(store); i++) {
        const struct tensor *tensor = store_at(store, i);
        void *values = malloc(tensor->bytes + 1);
        if (!store_read(store, tensor, values, &error))
            error_clear(&error);
        free(values);
    }
    const char *text = store_document(store, "tokenizer.json");
    struct tokenizer *tokenizer = text ? tokenizer_parse("document", text, strlen(text), &error) : NULL;
    tokenizer_free(tokenizer);
    error_clear(&error);
    text = store_document(store, "tokenizer_config.json");
    cJSON_Delete(text ? json_parse("document", text, strlen(text), &error) : NULL);
    error_clear(&error);
    text = store_document(store, "config.json");
    cJSON *json = text ? json_parse("document", text, strlen(text), &error) : NULL;
    free(json ? config_parse("document", json, &error) : NULL);
    error_clear(&error);
    cJSON_Delete(json);
    store_free(store);
    return true;
}

Test(gguf, a_header_cut_anywhere_is_refused)
{
    size_t size;
    char *bytes = read_bytes(DATA "vocab-smollm.gguf", &size);
    const char *path = scratch("cut.gguf");
    write_bytes(path, bytes, size);
    cr_expect(survive(path));
    for (size_t cut = size - 1; cut > 3; cut--) {
        cr_assert_eq(truncate(path, (off_t)cut), 0);
        /* the last bytes are padding */
        cr_expect(!survive(path) || size - cut < 32, "%zu of %zu bytes were read", cut, size);
    }
    free(bytes);
}

Test(gguf, flipped_bytes_do_no_harm)
{
    static const char *const files[] = {DATA "quantised.gguf", DATA "vocab-llama-bpe.gguf",
                                        DATA "qwen2moe-bf16-00001-of-00003.gguf"};
    uint64_t seed = 20240611;
    size_t opened = 0;
    for (size_t i = 0; i < 400; i++) {
        size_t size;
        char *bytes = read_bytes(files[i % 3], &size);
        size_t header = size < 16000 ? size : i % 2 ? 16000 : 1200; /* half of them where the numbers are */
        for (size_t flips = 0; flips < 1 + i % 3; flips++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            bytes[(seed >> 33) % header] ^= (char)(1 << (seed >> 29) % 8);
        }
        write_bytes(scratch("flipped.gguf"), bytes, size);
        opened += survive(scratch("flipped.gguf"));
        free(bytes);
    }
    cr_expect(opened > 20 && opened < 380, "%zu of 400 opened", opened);
}
