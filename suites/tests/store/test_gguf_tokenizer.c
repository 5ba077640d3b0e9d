/* The tokenizer in a GGUF file, against what the `tokenizers` library does (scripts/make_gguf_cases.py). */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "store_fixtures.h"
#include "text/tokenizer.h"

#define DATA ASSAY_SOURCE_DIR "/suites/data/gguf/"
#define NANO ASSAY_SOURCE_DIR "/golden/nano/"

static void make(void)
{
    scratch_make();
}

TestSuite(gguf_tokenizer, .init = make, .fini = scratch_remove, .timeout = 120);

static struct tokenizer *document_tokenizer(const struct store *store)
{
    struct error error = {0};
    const char *text = store_document(store, "tokenizer.json");
    cr_assert(text, "%s", store_path(store));
    struct tokenizer *tokenizer = tokenizer_parse(store_path(store), text, strlen(text), &error);
    cr_assert(tokenizer, "%s", error_text(&error));
    return tokenizer;
}

static void check_ids(struct tokenizer *tokenizer, const char *kind, const char *text, const cJSON *expected)
{
    struct error error = {0};
    struct ids ids = {0};
    const cJSON *item;
    cr_assert(tokenizer_encode(tokenizer, text, strlen(text), true, &ids, &error), "%s", error_text(&error));
    size_t at = 0;
    bool same = (size_t)cJSON_GetArraySize(expected) == ids.count;
    cJSON_ArrayForEach(item, expected) same = same && ids.data[at++] == (int)item->valuedouble;
    cr_expect(same, "%s: \"%s\"", kind, text);
    ids_free(&ids);
}

/* One line: {"kind", "text", "ids"}. */
static void check_text(const cJSON *json, const char *kind, struct tokenizer *tokenizer, size_t *checked)
{
    if (strcmp(json_member(json, "kind")->valuestring, kind) != 0)
        return;
    check_ids(tokenizer, kind, json_member(json, "text")->valuestring, json_member(json, "ids"));
    ++*checked;
}

Test(gguf_tokenizer, every_kind_of_pre_tokenizer_encodes_as_the_original)
{
    static const char *const kinds[] = {"gpt-2", "smollm", "llama-bpe", "default"};
    size_t size, checked = 0;
    char *lines = read_bytes(DATA "vocab.jsonl", &size);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char path[256];
        snprintf(path, sizeof path, DATA "vocab-%s.gguf", kinds[i]);
        struct store *store = open_store(path);
        struct tokenizer *tokenizer = document_tokenizer(store);
        cr_expect_str_eq(tokenizer_sha256(tokenizer), "");
        for (size_t at = 0, length; at < size; at += length + 1) {
            const char *end = memchr(lines + at, '\n', size - at);
            length = end ? (size_t)(end - lines) - at : size - at;
            struct error error = {0};
            cJSON *json = json_parse("vocab.jsonl", lines + at, length, &error);
            cr_assert(json, "%s", error_text(&error));
            check_text(json, kinds[i], tokenizer, &checked);
            cJSON_Delete(json);
        }
        tokenizer_free(tokenizer);
        store_free(store);
    }
    cr_expect_eq(checked, 4 * 17);
    free(lines);
}

/* One line: {"kind", "text", "ids"} and, where it is UTF-8, {"inner", "decoded"}. */
static void check_scored(const cJSON *json, const char *kind, struct tokenizer *tokenizer, size_t *checked)
{
    struct error error = {0};
    struct ids ids = {0};
    struct buffer text = {0};
    const cJSON *item, *decoded = json_member(json, "decoded");
    check_text(json, kind, tokenizer, checked);
    if (!decoded || strcmp(json_member(json, "kind")->valuestring, kind) != 0)
        return;
    cJSON_ArrayForEach(item, json_member(json, "inner")) ids_push(&ids, item->valueint);
    cr_assert(tokenizer_decode(tokenizer, ids.data, ids.count, false, &text, &error), "%s", error_text(&error));
    cr_expect_str_eq(text.data ? text.data : "", decoded->valuestring, "%s: \"%s\"", kind,
                     json_member(json, "text")->valuestring);
    ids_free(&ids);
    buffer_free(&text);
}

/* llama.cpp itself made these (scripts/make_sentencepiece_cases.py). */
Test(gguf_tokenizer, scores_and_words_are_as_in_llama_cpp)
{
    static const char *const kinds[] = {"llama", "llama-ties", "bert"};
    size_t size, checked = 0;
    char *lines = read_bytes(DATA "scored.jsonl", &size);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char path[256];
        snprintf(path, sizeof path, DATA "vocab-%s.gguf", kinds[i]);
        struct store *store = open_store(path);
        struct tokenizer *tokenizer = document_tokenizer(store);
        for (size_t at = 0, length; at < size; at += length + 1) {
            const char *end = memchr(lines + at, '\n', size - at);
            length = end ? (size_t)(end - lines) - at : size - at;
            struct error error = {0};
            cJSON *json = json_parse("scored.jsonl", lines + at, length, &error);
            cr_assert(json, "%s", error_text(&error));
            check_scored(json, kinds[i], tokenizer, &checked);
            cJSON_Delete(json);
        }
        tokenizer_free(tokenizer);
        store_free(store);
    }
    cr_expect_eq(checked, 2 * 103 + 97);
    free(lines);
}

/* A copy of the file with `value` in the place of the first score. */
static const char *copy_with_score(float value)
{
    static const char key[] = "tokenizer.ggml.scores";
    size_t size;
    char *bytes = read_bytes(DATA "vocab-llama.gguf", &size), *at = memmem(bytes, size, key, strlen(key));
    cr_assert(at);
    memcpy(at + strlen(key) + 4 + 4 + 8, &value, sizeof value); /* its type, that of the items, how many */
    const char *path = scratch("scored.gguf");
    write_bytes(path, bytes, size);
    free(bytes);
    return path;
}

Test(gguf_tokenizer, a_score_that_is_no_number_is_named)
{
    static const float values[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct store *store = open_store(copy_with_score(values[i]));
        cr_expect_null(store_document(store, "tokenizer.json"));
        cr_assert_geq(store_problem_count(store), 1);
        cr_expect(
            strstr(store_problem(store, store_problem_count(store) - 1), "'tokenizer.ggml.scores' that of token 0 is"),
            "%s", store_problem(store, 0));
        store_free(store);
    }
}

/* A copy of the file under another kind of pre-tokenizer. */
static const char *copy_as_kind(const char *from, const char *kind)
{
    static const char key[] = "tokenizer.ggml.pre";
    size_t size;
    struct buffer copy = {0};
    char *bytes = read_bytes(from, &size), *at = memmem(bytes, size, key, strlen(key));
    cr_assert(at);
    at += strlen(key) + 4; /* its type */
    uint64_t old = 0, length = strlen(kind);
    memcpy(&old, at, sizeof old);
    buffer_append(&copy, bytes, (size_t)(at - bytes));
    buffer_append(&copy, &length, sizeof length);
    buffer_text(&copy, kind);
    at += sizeof old + old;
    buffer_append(&copy, at, size - (size_t)(at - bytes));
    const char *path = scratch("%s.gguf", kind);
    write_bytes(path, copy.data, copy.size);
    buffer_free(&copy);
    free(bytes);
    return path;
}

Test(gguf_tokenizer, every_kind_cuts_texts_as_the_patterns_of_llama_cpp)
{
    struct error error = {0};
    cJSON *cases = json_read(DATA "cuts.json", 1 << 20, &error);
    cr_assert(cases, "%s", error_text(&error));
    const cJSON *texts = json_member(cases, "texts"), *kind, *text;
    size_t checked = 0;
    cJSON_ArrayForEach(kind, json_member(cases, "kinds"))
    {
        struct store *store = open_store(copy_as_kind(DATA "vocab-cuts.gguf", kind->string));
        struct tokenizer *tokenizer = document_tokenizer(store);
        const cJSON *expected = kind->child;
        cJSON_ArrayForEach(text, texts)
        {
            check_ids(tokenizer, kind->string, text->valuestring, expected);
            expected = expected->next;
            checked++;
        }
        tokenizer_free(tokenizer);
        store_free(store);
    }
    cr_expect_eq(checked, 30 * 20);
    cJSON_Delete(cases);
}

Test(gguf_tokenizer, qwen2_is_the_tokenizer_that_the_nano_models_have)
{
    static const char *const texts[] = {"The cat's 12 e\xcc\x81t\xc3\xa9  <|im_start|>the\r\n\n", "", "DON'T 3.14 ",
                                        "\xe4\xbd\xa0"};
    struct store *store = open_store(DATA "llama-f32.gguf");
    struct error error = {0};
    struct tokenizer *here = document_tokenizer(store), *there = tokenizer_open(NANO "llama", &error);
    cr_expect_eq(tokenizer_size(here), 408, "a token for each row");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct ids a = {0}, b = {0};
        cr_assert(tokenizer_encode(here, texts[i], strlen(texts[i]), true, &a, &error) &&
                  tokenizer_encode(there, texts[i], strlen(texts[i]), true, &b, &error));
        cr_expect(a.count == b.count && (!a.count || memcmp(a.data, b.data, a.count * sizeof *a.data) == 0), "\"%s\"",
                  texts[i]);
        ids_free(&a);
        ids_free(&b);
    }
    tokenizer_free(here);
    tokenizer_free(there);
    store_free(store);
}
