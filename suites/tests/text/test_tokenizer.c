/* The tokenizer's rung of the parity ladder: ids and texts must be those of Hugging Face tokenizers, which made the
 * files in suites/data/tokens (scripts/make_token_cases.py). */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "text/tokenizer.h"
#include "text/utf8.h"
#include "tokenizer_fixture.h"

#define NANO ASSAY_SOURCE_DIR "/golden/nano/qwen3"

/* Helpers */

static struct tokenizer *open_or_fail(const char *path)
{
    struct error error = {0};
    struct tokenizer *tokenizer = tokenizer_open(path, &error);
    cr_assert(tokenizer, "%s", error_text(&error));
    return tokenizer;
}

/* Skips the test, and says so, where the Qwen3 tokenizer is not on this machine. */
static struct tokenizer *open_qwen3(void)
{
    const char *folder = getenv("ASSAY_QWEN3_TOKENIZER");
    folder = folder ? folder : ASSAY_SOURCE_DIR "/../shared/tokenizers/qwen3";
    if (!file_is_folder(folder)) {
        fprintf(stderr, "SKIPPED: no Qwen3 tokenizer at %s\n",
                folder); /* a warning of Criterion's would fail the run */
        cr_skip_test("no Qwen3 tokenizer at %s (ASSAY_QWEN3_TOKENIZER names another place)", folder);
    }
    return open_or_fail(folder);
}

struct lines {
    struct buffer text;
    const char *name;
    size_t at;
    size_t number;
};

static struct lines lines_open(const char *path)
{
    struct error error = {0};
    struct lines lines = {.name = path};
    cr_assert(file_read(path, FILE_MOST, &lines.text, &error), "%s", error_text(&error));
    return lines;
}

/* The JSON of the next line, NULL at the end. */
static cJSON *lines_next(struct lines *lines)
{
    if (lines->at >= lines->text.size)
        return NULL;
    const char *line = lines->text.data + lines->at;
    size_t size = strcspn(line, "\n");
    lines->at += size + 1;
    lines->number++;
    struct error error = {0};
    cJSON *json = json_parse(lines->name, line, size, &error);
    cr_assert(json, "line %zu: %s", lines->number, error_text(&error));
    return json;
}

/* True when the ids are those of the list; else says where they part. */
static bool ids_agree(const struct ids *found, const cJSON *expected, struct buffer *message)
{
    size_t index = 0;
    const cJSON *item = expected ? expected->child : NULL;
    while (item && index < found->count && item->valueint == found->data[index]) {
        item = item->next;
        index++;
    }
    if (cJSON_IsArray(expected) && !item && index == found->count)
        return true;
    buffer_format(message, "id %zu of %zu: expected ", index, found->count);
    item ? buffer_format(message, "%d", item->valueint) : buffer_text(message, "the end");
    index < found->count ? buffer_format(message, ", found %d", found->data[index])
                         : buffer_text(message, ", found the end");
    return false;
}

static bool text_agrees(const struct buffer *found, const cJSON *expected, struct buffer *message)
{
    const char *text = found->data ? found->data : "";
    if (cJSON_IsString(expected) && strlen(expected->valuestring) == found->size &&
        memcmp(text, expected->valuestring, found->size) == 0)
        return true;
    buffer_format(message, "expected text \"%s\", found \"%s\"",
                  cJSON_IsString(expected) ? expected->valuestring : "(none)", text);
    return false;
}

/* One case: the text must give the ids, and these the decoded text where one is given. */
static bool case_agrees(struct tokenizer *tokenizer, const char *text, size_t size, const cJSON *ids,
                        const cJSON *decoded, struct buffer *message)
{
    struct error error = {0};
    struct ids found = {0};
    struct buffer back = {0};
    bool good = tokenizer_encode(tokenizer, text, size, true, &found, &error) &&
                tokenizer_decode(tokenizer, found.data, found.count, false, &back, &error);
    if (!good)
        buffer_text(message, error_text(&error));
    good = good && ids_agree(&found, ids, message) && (!decoded || text_agrees(&back, decoded, message));
    ids_free(&found);
    buffer_free(&back);
    error_clear(&error);
    return good;
}

/* Counts and reports; says the first disagreements only. */
static void tally(bool agrees, const struct lines *lines, struct buffer *message, size_t *bad)
{
    *bad += !agrees;
    if (!agrees && *bad <= 10)
        cr_log_error("%s:%zu: %s", lines->name, lines->number, message->data);
    buffer_free(message);
}

/* Strings, and their ids on the same line of another file. */
static void check_strings(struct tokenizer *tokenizer, const char *ids_path, size_t at_least)
{
    struct lines strings = lines_open(DATA "/strings.jsonl"), ids = lines_open(ids_path);
    cJSON *text, *expected;
    size_t bad = 0;
    while ((text = lines_next(&strings)) && (expected = lines_next(&ids))) {
        struct buffer message = {0};
        const char *string = text->valuestring;
        tally(case_agrees(tokenizer, string, strlen(string), expected, NULL, &message), &strings, &message, &bad);
        cJSON_Delete(text);
        cJSON_Delete(expected);
    }
    cr_assert(!text && !(expected = lines_next(&ids)), "%s and strings.jsonl differ in length", ids_path);
    cr_expect_eq(bad, 0, "%zu of %zu strings disagree", bad, strings.number);
    cr_expect_geq(strings.number, at_least);
    buffer_free(&strings.text);
    buffer_free(&ids.text);
}

static size_t hex_bytes(const char *hex, char *out, size_t most)
{
    size_t size = 0;
    for (unsigned byte = 0; size < most && sscanf(hex + 2 * size, "%2x", &byte) == 1; size++)
        out[size] = (char)byte;
    return size;
}

/* Byte strings that are not UTF-8. */
static void check_bytes(struct tokenizer *tokenizer, const char *key)
{
    struct lines lines = lines_open(DATA "/bytes.jsonl");
    size_t bad = 0;
    for (cJSON *line; (line = lines_next(&lines)); cJSON_Delete(line)) {
        struct buffer message = {0};
        char bytes[1024];
        size_t size = hex_bytes(json_member(line, "hex")->valuestring, bytes, sizeof bytes);
        tally(case_agrees(tokenizer, bytes, size, json_member(line, key), json_member(line, "text"), &message), &lines,
              &message, &bad);
    }
    cr_expect_eq(bad, 0, "%zu of %zu byte strings disagree", bad, lines.number);
    buffer_free(&lines.text);
}

static void check_decode(struct tokenizer *tokenizer, const char *path)
{
    struct lines lines = lines_open(path);
    size_t bad = 0;
    for (cJSON *line; (line = lines_next(&lines)); cJSON_Delete(line)) {
        struct buffer message = {0}, text = {0};
        struct error error = {0};
        struct ids ids = {0};
        const cJSON *item = NULL;
        cJSON_ArrayForEach(item, json_member(line, "ids")) ids_push(&ids, item->valueint);
        bool good = tokenizer_decode(tokenizer, ids.data, ids.count, false, &text, &error);
        tally(good && text_agrees(&text, json_member(line, "text"), &message), &lines, &message, &bad);
        buffer_free(&text);
        ids_free(&ids);
        error_clear(&error);
    }
    cr_expect_eq(bad, 0, "%zu of %zu id lists disagree", bad, lines.number);
    buffer_free(&lines.text);
}

/* Parity */

Test(tokenizer, bundled_agrees_with_the_original)
{
    struct tokenizer *tokenizer = open_or_fail(NANO);
    check_strings(tokenizer, DATA "/ids-nano.jsonl", 2000);
    check_bytes(tokenizer, "ids-nano");
    check_decode(tokenizer, DATA "/decode-nano.jsonl");
    tokenizer_free(tokenizer);
}

Test(tokenizer, qwen3_agrees_with_the_original)
{
    struct tokenizer *tokenizer = open_qwen3();
    check_strings(tokenizer, DATA "/ids-qwen3.jsonl", 2000);
    check_bytes(tokenizer, "ids-qwen3");
    check_decode(tokenizer, DATA "/decode-qwen3.jsonl");
    cr_expect_eq(tokenizer_size(tokenizer), 151669);
    tokenizer_free(tokenizer);
}

/* Every model, normalizer, pre-tokenizer, template, decoder and flag of added tokens, and vocab.json with merges.txt.
 */
Test(tokenizer, variants_agree_with_the_original)
{
    struct error error = {0};
    struct names names = {0};
    cr_assert(folder_list(DATA "/variants", &names, &error), "%s", error_text(&error));
    cr_expect_geq(names.count, 21);
    size_t decoded = 0;
    for (size_t i = 0; i < names.count; i++) {
        char *folder = path_join(DATA "/variants", names.items[i]), *cases = path_join(folder, "cases.jsonl");
        struct tokenizer *tokenizer = open_or_fail(folder);
        struct lines lines = lines_open(cases);
        size_t bad = 0;
        for (cJSON *line; (line = lines_next(&lines)); cJSON_Delete(line)) {
            struct buffer message = {0};
            const char *text = json_member(line, "text")->valuestring;
            tally(case_agrees(tokenizer, text, strlen(text), json_member(line, "ids"), json_member(line, "decoded"),
                              &message),
                  &lines, &message, &bad);
        }
        cr_expect_eq(bad, 0, "%s: %zu of %zu cases disagree", names.items[i], bad, lines.number);
        char *lists = path_join(folder, "decode.jsonl");
        if (file_exists(lists)) {
            check_decode(tokenizer, lists);
            decoded++;
        }
        free(lists);
        buffer_free(&lines.text);
        tokenizer_free(tokenizer);
        free(folder);
        free(cases);
    }
    cr_expect_geq(decoded, 11);
    names_free(&names);
}

/* What the tests above rest on: a wrong expectation is seen, and named. */
Test(tokenizer, a_wrong_expectation_is_reported)
{
    static const struct {
        const char *ids, *text, *message;
    } rows[] = {
        {"[0, 1, 2]", NULL, NULL},
        {"[0, 1, 3]", NULL, "id 2 of 3: expected 3, found 2"},
        {"[0, 1]", NULL, "id 2 of 3: expected the end, found 2"},
        {"[0, 1, 2, 3]", NULL, "id 3 of 3: expected 3, found the end"},
        {"7", NULL, "id 0 of 3"},
        {"[0, 1, 2]", "\"!\\\"$\"", "expected text \"!\"$\", found \"!\"#\""},
    };
    struct tokenizer *tokenizer = open_or_fail(NANO);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buffer message = {0};
        cJSON *ids = cJSON_Parse(rows[i].ids), *text = rows[i].text ? cJSON_Parse(rows[i].text) : NULL;
        bool agrees = case_agrees(tokenizer, "!\"#", 3, ids, text, &message);
        cr_expect_eq(agrees, rows[i].message == NULL, "row %zu: %s", i, message.data);
        if (rows[i].message)
            cr_expect(message.data && strstr(message.data, rows[i].message), "row %zu: %s", i, message.data);
        buffer_free(&message);
        cJSON_Delete(ids);
        cJSON_Delete(text);
    }
    tokenizer_free(tokenizer);
}

/* Contracts */

Test(tokenizer, tokens_sizes_and_special_ids)
{
    struct tokenizer *tokenizer = open_or_fail(DATA "/variants/bos-and-eos");
    struct error error = {0};
    struct ids ids = {0};
    struct buffer text = {0};
    cr_expect_eq(strlen(tokenizer_sha256(tokenizer)), 64);
    cr_expect_eq(tokenizer_size(tokenizer), 382);
    cr_expect_str_eq(tokenizer_token(tokenizer, 380), "<s>");
    cr_expect_str_eq(tokenizer_token(tokenizer, 220), "\xC4\xA0");
    cr_expect_null(tokenizer_token(tokenizer, 382));
    cr_expect_null(tokenizer_token(tokenizer, -1));
    cr_assert_eq(tokenizer_count(tokenizer), 382);
    struct tokenizer_entry space = tokenizer_at(tokenizer, 220), begin = tokenizer_at(tokenizer, 380);
    cr_expect(space.id == 220 && strcmp(space.text, "\xC4\xA0") == 0 && !space.added);
    cr_expect(begin.id == 380 && strcmp(begin.text, "<s>") == 0 && begin.added);
    cr_assert(tokenizer_encode(tokenizer, "a", 1, true, &ids, &error));
    cr_assert_eq(ids.count, 3);
    cr_assert(tokenizer_decode(tokenizer, ids.data, ids.count, true, &text, &error));
    cr_expect_str_eq(text.data, "a");
    cr_assert(tokenizer_encode(tokenizer, "</s>", 4, false, &ids, &error));
    cr_expect(ids.count == 4 && ids.data[3] == 381, "a special token inside the text, behind what was there");
    const int outside[] = {64, 382}, negative[] = {-1};
    cr_expect_not(tokenizer_decode(tokenizer, outside, 2, false, &text, &error));
    cr_expect(strstr(error_text(&error), "id 382 at position 1"), "%s", error_text(&error));
    cr_expect_str_eq(text.data, "a", "as it was");
    error_clear(&error);
    cr_expect_not(tokenizer_decode(tokenizer, negative, 1, false, &text, &error));
    error_clear(&error);
    buffer_free(&text);
    ids_free(&ids);
    tokenizer_free(tokenizer);
    tokenizer_free(NULL);
    tokenizer = open_or_fail(DATA "/variants/vocab-and-merges");
    cr_expect_str_eq(tokenizer_sha256(tokenizer), "");
    tokenizer_free(tokenizer);
}

/* Bytes in, ids, text out, ids again: the second round finds what the first left. */
Test(tokenizer, random_bytes_survive_a_round_trip)
{
    struct tokenizer *tokenizer = open_or_fail(DATA "/variants/no-normalizer");
    uint32_t random = 1;
    for (int round = 0; round < 500; round++) {
        char bytes[200];
        size_t size = next_random(&random) % sizeof bytes;
        for (size_t i = 0; i < size; i++)
            bytes[i] = (char)(next_random(&random) % (round % 2 ? 256 : 128));
        struct error error = {0};
        struct ids ids = {0}, again = {0};
        struct buffer text = {0}, lossy = {0};
        cr_assert(tokenizer_encode(tokenizer, bytes, size, false, &ids, &error), "%s", error_text(&error));
        cr_assert(tokenizer_decode(tokenizer, ids.data, ids.count, false, &text, &error), "%s", error_text(&error));
        cr_assert(utf8_lossy(bytes, size, &lossy));
        cr_assert(text.size == lossy.size && (!text.size || memcmp(text.data, lossy.data, text.size) == 0), "round %d",
                  round);
        cr_assert(round % 2 || lossy.size == size);
        cr_assert(tokenizer_encode(tokenizer, text.data, text.size, false, &again, &error), "%s", error_text(&error));
        cr_assert(ids.count == again.count &&
                  (!ids.count || memcmp(ids.data, again.data, ids.count * sizeof *ids.data) == 0));
        ids_free(&ids);
        ids_free(&again);
        buffer_free(&text);
        buffer_free(&lossy);
    }
    tokenizer_free(tokenizer);
}

/* 400 kB of each; quadratic work would take minutes. Without a pre-tokenizer all of it is one word. */
static void expect_fast(const char *path)
{
    static const char *const units[] = {"a",
                                        " ",
                                        "\n",
                                        "a1",
                                        "\r\n",
                                        "!",
                                        "7",
                                        "\xCC\x81\xCC\xA3",
                                        "<|im_star",
                                        " \n",
                                        "\xE1\x84\x80",
                                        "\xE1\x85\xA1\xCC\x81",
                                        "\xF0\x9F\x91\xA9\xE2\x80\x8D",
                                        "\xFF",
                                        "<|im_start|>",
                                        "the ",
                                        "\xE2\x96\x81"};
    struct tokenizer *tokenizer = open_or_fail(path);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        struct buffer text = {0};
        struct error error = {0};
        struct ids ids = {0};
        while (text.size < 400000)
            buffer_text(&text, units[i]);
        cr_expect(tokenizer_encode(tokenizer, text.data, text.size, true, &ids, &error), "%s", error_text(&error));
        cr_expect_gt(ids.count, 0);
        ids_free(&ids);
        buffer_free(&text);
    }
    tokenizer_free(tokenizer);
}

Test(tokenizer, no_text_is_quadratic, .timeout = 100)
{
    expect_fast(NANO);
    expect_fast(DATA "/variants/llama2");
    expect_fast(DATA "/variants/gemma");
    expect_fast(DATA "/variants/unigram-bytes");
    expect_fast(DATA "/variants/xlm-roberta");
    expect_fast(DATA "/variants/bert");
}
