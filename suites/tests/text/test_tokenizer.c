/* The tokenizer's rung of the parity ladder: ids and texts must be those of Hugging Face tokenizers, which made the
 * files in suites/data/tokens (scripts/make_token_cases.py). */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/map.h"
#include "text/bpe.h"
#include "text/pattern.h"
#include "text/script.h"
#include "text/tokenizer.h"
#include "text/unicode_form.h"
#include "text/utf8.h"

#define DATA ASSAY_SOURCE_DIR "/suites/data/tokens"
#define NANO ASSAY_SOURCE_DIR "/golden/nano/qwen3"
#define FILE_MOST ((size_t)64 << 20)

/* Helpers */

/* xorshift: the same numbers everywhere. */
static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

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

/* Every pre-tokenizer, template and flag of added tokens, and vocab.json with merges.txt. */
Test(tokenizer, variants_agree_with_the_original)
{
    struct error error = {0};
    struct names names = {0};
    cr_assert(folder_list(DATA "/variants", &names, &error), "%s", error_text(&error));
    cr_expect_geq(names.count, 10);
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
        buffer_free(&lines.text);
        tokenizer_free(tokenizer);
        free(folder);
        free(cases);
    }
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

/* A megabyte of each; quadratic work would take minutes. */
Test(tokenizer, no_text_is_quadratic, .timeout = 100)
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
                                        "<|im_start|>"};
    struct tokenizer *tokenizer = open_or_fail(NANO);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        struct buffer text = {0};
        struct error error = {0};
        struct ids ids = {0};
        while (text.size < 1000000)
            buffer_text(&text, units[i]);
        cr_expect(tokenizer_encode(tokenizer, text.data, text.size, false, &ids, &error), "%s", error_text(&error));
        cr_expect_gt(ids.count, 0);
        ids_free(&ids);
        buffer_free(&text);
    }
    tokenizer_free(tokenizer);
}

/* Malformed files */

#define BYTE_LEVEL "{\"type\": \"ByteLevel\", \"add_prefix_space\": false}"
#define MODEL(vocab, merges) "\"model\": {\"type\": \"BPE\", \"vocab\": {" vocab "}, \"merges\": [" merges "]}"
#define REST "\"pre_tokenizer\": " BYTE_LEVEL ", \"decoder\": " BYTE_LEVEL
#define ADDED(id, content)                                                                                             \
    "{\"id\": " #id ", \"content\": \"" content "\", \"single_word\": false, \"lstrip\": false, "                      \
    "\"rstrip\": false, \"normalized\": false, \"special\": true}"
#define PLAIN MODEL("\"a\": 0, \"b\": 1, \"ab\": 2", "\"a b\"")
#define SPLIT(regex)                                                                                                   \
    "{" PLAIN ", \"decoder\": " BYTE_LEVEL ", \"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": ["        \
    "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"" regex "\"}, \"behavior\": \"Isolated\", "                      \
    "\"invert\": false}, " BYTE_LEVEL "]}}"

static const struct {
    const char *json;
    const char *error; /* NULL: opens */
} malformed[] = {
    {"{" REST ", " PLAIN "}", NULL},
    {"", "malformed JSON"},
    {"{", "malformed JSON"},
    {"[]", "should be a JSON object"},
    {"{\"version\": \"2.0\"}", "version \"2.0\""},
    {"{" REST "}", "no object \"model\""},
    {"{" REST ", \"model\": {\"type\": \"Unigram\"}}", "model type \"Unigram\""},
    {"{" REST ", \"model\": {\"vocab\": {}}}", "no list \"merges\""},
    {"{" REST ", \"model\": {\"merges\": []}}", "no object \"vocab\""},
    {"{" REST ", \"model\": {\"vocab\": [1], \"merges\": []}}", "no object \"vocab\""},
    {"{" REST ", \"model\": {\"dropout\": 0.1}}", "\"dropout\" 0.1"},
    {"{" REST ", \"model\": {\"end_of_word_suffix\": \"</w>\"}}", "end_of_word_suffix"},
    {"{" REST ", " MODEL("\"a\": 0, \"b\": 0", "") "}", "id 0 belongs to two tokens"},
    {"{" REST ", " MODEL("\"a\": 0, \"a\": 1", "") "}", "\"a\" occurs twice"},
    {"{" REST ", " MODEL("\"a\": -1", "") "}", "the id of token \"a\""},
    {"{" REST ", " MODEL("\"a\": 2147483648", "") "}", "the id of token \"a\""},
    {"{" REST ", " MODEL("\"a\": 0.5", "") "}", "the id of token \"a\""},
    {"{" REST ", " MODEL("\"a\": \"0\"", "") "}", "the id of token \"a\""},
    {"{" REST ", " MODEL("\"a\": 0", "\"a b\"") "}", "merge 0: token \"b\" is not in the vocabulary"},
    {"{" REST ", " MODEL("\"a\": 0, \"b\": 1", "[\"a\", \"b\"]") "}", "merge 0: token \"ab\" is not in the vocabulary"},
    {"{" REST ", " MODEL("\"a\": 0", "\"a\"") "}", "merge 0 should be two tokens"},
    {"{" REST ", " MODEL("\"a\": 0", "[\"a\", \"a\", \"a\"]") "}", "merge 0 should be two tokens"},
    {"{" REST ", " MODEL("\"a\": 0", "7") "}", "merge 0 should be two tokens"},
    {"{" REST ", " PLAIN ", \"normalizer\": {\"type\": \"Nmt\"}}", "normalizer type \"Nmt\""},
    {"{" REST ", " PLAIN ", \"normalizer\": 3}", "a normalizer without a \"type\""},
    {"{" REST ", " PLAIN ", \"normalizer\": {\"type\": \"Replace\", \"content\": \"\"}}", "\"pattern\" should be"},
    {"{" PLAIN "}", "no pre-tokenizer ByteLevel"},
    {"{" PLAIN ", \"pre_tokenizer\": {\"type\": \"Metaspace\"}}", "pre-tokenizer type \"Metaspace\""},
    {"{" PLAIN ", \"pre_tokenizer\": {\"type\": \"ByteLevel\"}}", "has no \"add_prefix_space\""},
    {"{" PLAIN ", \"pre_tokenizer\": {\"type\": \"Split\", \"behavior\": \"Joined\"}}", "split behavior \"Joined\""},
    {SPLIT("a"), NULL},
    {SPLIT("(a"), "without its \\\")\\\""},
    {SPLIT("a)"), "without its \\\"(\\\""},
    {SPLIT("[a"), "a class without its end"},
    {SPLIT("*"), "pattern \"*\""},
    {SPLIT("\\\\p{Nothing}"), "pattern"},
    {SPLIT("(?~a)"), "this kind of group"},
    {SPLIT("\\\\Ka"), "this escape"},
    {SPLIT("[a[^b]]"), "a complement united with more"},
    {SPLIT("[[:alpha:]]"), "a POSIX class"},
    {SPLIT("(*NO_JIT)a"), "this kind of group"},
    {SPLIT("a(*SKIP)b"), "this kind of group"},
    {SPLIT("a(?i)b|([\\\\p{Lu}])"), "a letter's case inside a class under (?i)"},
    {"{" REST ", " PLAIN ", \"added_tokens\": [" ADDED(7, "x") ", " ADDED(7, "y") "]}",
     "id 7 belongs to two added tokens"},
    {"{" REST ", " PLAIN ", \"added_tokens\": [" ADDED(7, "x") ", " ADDED(8, "x") "]}", "\"x\" is there twice"},
    {"{" REST ", " PLAIN ", \"added_tokens\": [" ADDED(-7, "x") "]}", "should be a whole number"},
    {"{" REST ", " PLAIN ", \"added_tokens\": [{\"content\": \"x\"}]}", "has no \"single_word\""},
    {"{" REST ", " PLAIN ", \"added_tokens\": 1}", "should be a list"},
    {"{" REST ", " MODEL("\"a\": 0, \"b\": 2", "") ", \"added_tokens\": [" ADDED(2, "x") "]}",
     "id 2 belongs to two tokens"},
    {"{" REST ", " PLAIN ", \"post_processor\": {\"type\": \"BertProcessing\"}}",
     "post-processor type \"BertProcessing\""},
    {"{" REST ", " PLAIN
     ", \"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": {\"id\": \"<s>\"}}]"
     "}}",
     "token \"<s>\" has no \"ids\""},
    {"{" REST ", " PLAIN
     ", \"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": [{\"Sequence\": {\"id\": \"B\"}}]}}",
     "a piece of the template"},
    {"{" PLAIN ", \"pre_tokenizer\": " BYTE_LEVEL ", \"decoder\": {\"type\": \"WordPiece\"}}",
     "decoder type \"WordPiece\""},
};

/* A file of this process with the content; the caller frees the name and removes the file. */
static char *write_file(const char *content, size_t size)
{
    struct error error = {0};
    char *path = NULL;
    cr_assert(asprintf(&path, "/tmp/assay-test-tokenizer-%ld.json", (long)getpid()) > 0);
    cr_assert(file_write(path, content, size, &error), "%s", error_text(&error));
    return path;
}

Test(tokenizer, malformed_files_are_named_errors)
{
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        struct error error = {0};
        char *path = write_file(malformed[i].json, strlen(malformed[i].json));
        struct tokenizer *tokenizer = tokenizer_open(path, &error);
        cr_expect_eq(tokenizer != NULL, malformed[i].error == NULL, "row %zu: %s", i, error_text(&error));
        if (malformed[i].error) {
            struct buffer wanted = {0}; /* the table spells quotes as JSON does */
            for (const char *at = malformed[i].error; *at; at++)
                if (*at != '\\')
                    buffer_char(&wanted, *at);
            cr_expect(strstr(error_text(&error), wanted.data), "row %zu: \"%s\" is not in: %s", i, wanted.data,
                      error_text(&error));
            cr_expect(strstr(error_text(&error), path), "row %zu names no file: %s", i, error_text(&error));
            buffer_free(&wanted);
        }
        tokenizer_free(tokenizer);
        error_clear(&error);
        unlink(path);
        free(path);
    }
    struct error error = {0};
    cr_expect_null(tokenizer_open("/nonexistent/tokenizer.json", &error));
    cr_expect(strstr(error_text(&error), "/nonexistent/tokenizer.json"));
    error_clear(&error);
    cr_expect_null(tokenizer_open(DATA, &error));
    cr_expect(strstr(error_text(&error), "neither tokenizer.json nor vocab.json"));
    error_clear(&error);
}

/* Bytes of a good file changed, removed and doubled: whatever opens must also work. */
Test(tokenizer, damaged_files_do_no_harm, .timeout = 100)
{
    struct error error = {0};
    struct buffer good = {0};
    cr_assert(file_read(DATA "/variants/added-tokens/tokenizer.json", FILE_MOST, &good, &error));
    uint32_t random = 7;
    size_t opened = 0;
    for (int round = 0; round < 600; round++) {
        struct buffer bad = {0};
        size_t at = next_random(&random) % good.size, length = 1 + next_random(&random) % 20;
        length = length > good.size - at ? good.size - at : length;
        buffer_append(&bad, good.data, at);
        if (round % 3 == 0)
            buffer_char(&bad, "0123456789\"{}[],:\\ ae\x80"[next_random(&random) % 22]);
        if (round % 3 == 1)
            buffer_append(&bad, good.data + at, length);
        buffer_append(&bad,
                      good.data + at +
                          (round % 3 == 1 ? 0
                           : round % 3    ? length
                                          : 1),
                      good.size - at -
                          (round % 3 == 1 ? 0
                           : round % 3    ? length
                                          : 1));
        char *path = write_file(bad.data, bad.size);
        struct tokenizer *tokenizer = tokenizer_open(path, &error);
        cr_expect_eq(tokenizer == NULL, error.text != NULL);
        opened += tokenizer != NULL;
        struct ids ids = {0};
        struct buffer text = {0};
        static const char sample[] =
            "The <left> quick  <both> fox's 1234 \xC3\xA9\xCC\x81 \xE4\xB8\xAD\n\n\xFF <plain>";
        if (tokenizer && tokenizer_encode(tokenizer, sample, sizeof sample - 1, true, &ids, &error))
            tokenizer_decode(tokenizer, ids.data, ids.count, true, &text, &error);
        tokenizer_free(tokenizer);
        ids_free(&ids);
        buffer_free(&text);
        buffer_free(&bad);
        error_clear(&error);
        unlink(path);
        free(path);
    }
    cr_expect(opened > 20 && opened < 580, "%zu of 600 opened", opened);
    buffer_free(&good);
}

/* Parts */

/* The way for short words, with its cache, against the heap. */
Test(tokenizer, short_and_long_words_merge_alike)
{
    struct map vocab = {0};
    char tokens[4][16][5]; /* every word of 1 to 4 letters a and b */
    int id = 0;
    struct error error = {0};
    for (size_t length = 1; length <= 4; length++) {
        for (size_t bits = 0; bits < (size_t)1 << length; bits++, id++) {
            char *token = tokens[length - 1][bits];
            for (size_t i = 0; i < length; i++)
                token[i] = bits >> i & 1 ? 'b' : 'a';
            cr_assert(map_add(&vocab, token, length, (size_t)id, NULL));
        }
    }
    struct bpe_options options = {.where = "test", .vocab = &vocab};
    struct bpe *bpe = bpe_new(&options, &error);
    cr_assert(bpe, "%s", error_text(&error));
    uint32_t random = 5;
    for (int merge = 0; merge < 25; merge++) {
        size_t left = 1 + next_random(&random) % 2, right = 1 + next_random(&random) % 2;
        char joined[5];
        memcpy(joined, tokens[left - 1][next_random(&random) % ((size_t)1 << left)], left);
        memcpy(joined + left, tokens[right - 1][next_random(&random) % ((size_t)1 << right)], right);
        cr_assert(bpe_merge(bpe, (int)map_find(&vocab, joined, left), (int)map_find(&vocab, joined + left, right),
                            (int)map_find(&vocab, joined, left + right), &error));
    }
    for (int round = 0; round < 20000; round++) {
        char word[24];
        size_t size = 1 + next_random(&random) % (round % 2 ? 24 : 6);
        for (size_t i = 0; i < size; i++)
            word[i] = next_random(&random) % 2 ? 'b' : 'a';
        struct ids first = {0}, second = {0};
        cr_assert(bpe_encode(bpe, word, size, &first, &error) && bpe_encode_long(bpe, word, size, &second, &error));
        cr_assert(first.count == second.count && memcmp(first.data, second.data, first.count * sizeof *first.data) == 0,
                  "%.*s", (int)size, word);
        ids_free(&first);
        ids_free(&second);
    }
    bpe_free(bpe);
    map_free(&vocab);
}

/* Oniguruma's meaning where PCRE2's differs. The matches are joined with "|". */
Test(tokenizer, patterns_mean_what_oniguruma_means)
{
    static const struct {
        const char *regex, *text, *matches;
    } rows[] = {
        {"\\s+", "a \xE1\xA0\x8E\t b", " |\t "}, /* U+180E is no space */
        {"\\S", "\xE1\xA0\x8E ", "\xE1\xA0\x8E"},
        {"[\\S]", "\xE1\xA0\x8E ", "\xE1\xA0\x8E"},
        {"\\w+", "e\xCC\x81_\xE2\x80\xBF 1-x", "e\xCC\x81_\xE2\x80\xBF|1|x"}, /* marks and connectors */
        {"\\w", "-\xC2\xB2", "\xC2\xB2"}, /* a superscript digit is a word character */
        {"[\\w]+|[^\\w]+", "a-\xC2\xBD\xC2\xB2z", "a|-\xC2\xBD\xC2\xB2|z"}, /* but not in a class */
        {"[\\p{Word}]+", "a\xC2\xB9z", "a|z"},
        {"\\p{Alpha}+", "a\xCD\xA3-", "a\xCD\xA3"}, /* U+0363 */
        {"(?i:[a-z])[\\p{Lu}]", "aAaa", "aA"},
        {"(?i)a(?-i:[\\p{Lu}])", "AaAB", "aA"},
        {"\\bb",
         "b e\xCC\x81"
         "b -b",
         "b|b"},
        {"\\h+", "xyz12fG", "12f"},
        {"\\p{L}+",
         "a\xF0\xB1\x8D\x90"
         "1",
         "a\xF0\xB1\x8D\x90"}, /* U+31350, of Unicode 15 */
        {"\\P{L}+",
         "1\xF0\xB1\x8D\x90"
         "2",
         "1|2"},
        {"[^\\p{N}]+",
         "1\xF0\x96\x84\xB0"
         "a",
         "a"}, /* U+16130, a digit of Unicode 16 */
        {"a{1,2}+", "aaaaa", "aaaaa"},
        {"a{,2}b", "aaab", "aab"},
        {"a{2}?b", "aab", "aab"},
        {"a{x}", "a{x}", "a{x}"},
        {"^b|c$", "a\nb\nc\nd", "b|c"},
        {"(?m:a.b)", "a\nb", "a\nb"},
        {"a(?i)b|c", "aC aB", "aC|aB"},
        {"(?i:'s|'t)", "x'S y'\xC5\xBF", "'S|'\xC5\xBF"},
        {"[a-c[x-z]]+", "bxzd", "bxz"},
        {"[(\\s|[.,])]+", "a( .,|)b", "( .,|)"},
        {"[a-z&&[^aeiou]]+", "hello", "h|ll"},
        {"[^a-z&&l-p]+", "xlmz", "x|z"},
        {"[\\d-x]+", "1-x", "1-x"},
        {"\\x41\\x{e9}\\u0042",
         "A\xC3\xA9"
         "B",
         "A\xC3\xA9"
         "B"},
        {"x*", "axb", "|x|"}, /* no empty match right behind a match */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = {0};
        struct buffer matches = {0};
        struct pattern *pattern = pattern_new("test", rows[i].regex, false, &error);
        cr_assert(pattern, "%s", error_text(&error));
        struct pattern_cursor cursor = {.pattern = pattern, .text = rows[i].text, .size = strlen(rows[i].text)};
        for (size_t start, end, count = 0; pattern_next(&cursor, &start, &end, &error) > 0; count++) {
            if (count)
                buffer_char(&matches, '|');
            buffer_append(&matches, rows[i].text + start, end - start);
        }
        cr_expect_str_eq(matches.data ? matches.data : "", rows[i].matches, "%s", rows[i].regex);
        buffer_free(&matches);
        pattern_free(pattern);
    }
}

/* A pattern that backtracks without end is stopped, not waited for. */
Test(tokenizer, a_hopeless_pattern_is_an_error, .timeout = 60)
{
    struct error error = {0};
    struct pattern *pattern = pattern_new("test", "(?:a|aa)+[bc](?<=zz.)|(?:a+)+b", false, &error);
    cr_assert(pattern, "%s", error_text(&error));
    static const char text[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac";
    struct pattern_cursor cursor = {.pattern = pattern, .text = text, .size = sizeof text - 1};
    size_t start = 0, end = 0;
    cr_expect_eq(pattern_next(&cursor, &start, &end, &error), -1);
    cr_expect(strstr(error_text(&error), "limit"), "%s", error_text(&error));
    error_clear(&error);
    pattern_free(pattern);
}

Test(tokenizer, normal_forms)
{
    static const struct {
        enum unicode_form form;
        const char *text, *expected; /* NULL: unchanged */
    } rows[] = {
        {FORM_NFC, "plain", NULL},
        {FORM_NFC, "e\xCC\x81", "\xC3\xA9"},
        {FORM_NFC, "\xC3\xA9", NULL},
        {FORM_NFD, "\xC3\xA9", "e\xCC\x81"},
        {FORM_NFC, "a\xCC\x81\xCC\xA3", "\xE1\xBA\xA1\xCC\x81"},            /* marks are put in order first */
        {FORM_NFC, "\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8", "\xEA\xB0\x81"}, /* Hangul */
        {FORM_NFD, "\xEA\xB0\x81", "\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8"},
        {FORM_NFC, "\xCD\x84", "\xCC\x88\xCC\x81"}, /* U+0344 */
        {FORM_NFKC, "\xEF\xAC\x81\xC2\xA0", "fi "},
        {FORM_NFKD, "\xC2\xBD",
         "1\xE2\x81\x84"
         "2"},
        {FORM_NFC, "a\xE0\xA3\x93\xCC\xA3", NULL}, /* U+08D3 is of Unicode 11: no mark to the original */
    };
    struct unicode_scratch *scratch = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buffer out = {0};
        struct error error = {0};
        bool changed = false;
        cr_assert(
            unicode_normalize(rows[i].form, &scratch, rows[i].text, strlen(rows[i].text), &out, &changed, &error));
        cr_expect_eq(changed && strcmp(out.data, rows[i].text) != 0, rows[i].expected != NULL, "row %zu", i);
        if (rows[i].expected)
            cr_expect_str_eq(out.data, rows[i].expected, "row %zu", i);
        buffer_free(&out);
    }
    unicode_scratch_free(scratch);
}

Test(script, of_a_text)
{
    static const struct {
        const char *text, *script;
    } rows[] = {
        {"", "none"},
        {" Paris", "Latin"},
        {"e\xCC\x81t\xC3\xA9", "Latin"},
        {"12", "Common"},
        {" ,\n", "Common"},
        {"北京", "Han"},
        {"北京2", "Han"},
        {"дом", "Cyrillic"},
        {"dом", "mixed"},
        {"かな", "Hiragana"},
        {"日本の", "mixed"},
        {"السلام", "Arabic"},
        {"\xEF\xBF\xBD", "bytes"},
        {"\xEF\xBF\xBD京", "Han"},
        {" \xEF\xBF\xBD", "bytes"},
        {"\xEF\xBF\xBD,", "Common"},
        {"\xF0\x9F\x98\x80", "Common"},
        {"\xF0\xA0\x80\x80", "Han"},
        {"한국", "Hangul"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect_str_eq(script_of(rows[i].text, strlen(rows[i].text)), rows[i].script, "row %zu", i);
}
