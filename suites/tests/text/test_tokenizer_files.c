/* Files of tokenizers that are malformed or damaged. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "text/tokenizer.h"
#include "tokenizer_fixture.h"

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

#define CHARSMAP(base64)                                                                                               \
    "{" REST ", " PLAIN ", \"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"" base64 "\"}}"
#define UNIGRAM(vocab) "\"model\": {\"type\": \"Unigram\", \"vocab\": [" vocab "]}"
#define METASPACE "{\"type\": \"Metaspace\", \"replacement\": \"_\"}"
#define FIRST "{\"type\": \"Metaspace\", \"replacement\": \"_\", \"prepend_scheme\": \"first\"}"
#define SEQUENCE(list) "{\"type\": \"Sequence\", \"pretokenizers\": [" list "]}"

static const struct {
    const char *json;
    const char *error; /* NULL: opens */
} malformed[] = {
    {"{" REST ", " PLAIN "}", NULL},
    {"", "is empty"},
    {"{", "malformed JSON"},
    {"[]", "should be a JSON object"},
    {"{\"version\": \"2.0\"}", "version \"2.0\""},
    {"{" REST "}", "no object \"model\""},
    {"{" REST ", \"model\": {\"type\": \"Unigram\"}}", "\"Unigram\" behind a pre-tokenizer ByteLevel"},
    {"{" REST ", \"model\": {\"type\": \"Other\"}}", "model type \"Other\""},
    {"{" REST ", \"model\": {\"vocab\": {}}}", "no list \"merges\""},
    {"{" REST ", \"model\": {\"merges\": []}}", "no object \"vocab\""},
    {"{" REST ", \"model\": {\"vocab\": [1], \"merges\": []}}", "no object \"vocab\""},
    {"{" REST ", \"model\": {\"vocab\": {}, \"dropout\": 0.1}}", "\"dropout\" 0.1"},
    {"{" REST ", \"model\": {\"vocab\": {}, \"end_of_word_suffix\": \"</w>\"}}", "end_of_word_suffix"},
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
    {"{" REST ", " PLAIN ", \"normalizer\": {\"type\": \"Other\"}}", "normalizer type \"Other\""},
    {CHARSMAP(""), "has 0 bytes, and a trie of 0"},
    {CHARSMAP("AAAA"), "has 3 bytes, and a trie of 0"},
    {CHARSMAP("AAA"), "is not base64"},
    {CHARSMAP("A=AA"), "is not base64"},
    {CHARSMAP("AA*A"), "is not base64"},
    {CHARSMAP("/////wAAAAA="), "a trie of 4294967295"},
    {CHARSMAP("AwAAAAAAAAA="), "a trie of 3"},
    {CHARSMAP("BAAAAAAAAAD//w=="), "are not UTF-8"},
    {CHARSMAP("BAAAAAAAAABhAA=="), NULL},
    {"{" REST ", " PLAIN ", \"normalizer\": {\"type\": \"Strip\", \"strip_left\": true}}",
     "normalizer Strip has no \"strip_right\""},
    {"{" REST ", " PLAIN ", \"normalizer\": 3}", "a normalizer without a \"type\""},
    {"{" REST ", " PLAIN ", \"normalizer\": {\"type\": \"Replace\", \"content\": \"\"}}", "\"pattern\" should be"},
    {"{" PLAIN "}", NULL},
    {"{" PLAIN ", \"pre_tokenizer\": {\"type\": \"Metaspace\"}}", "\"replacement\" of pre-tokenizer Metaspace"},
    {"{" PLAIN ", \"pre_tokenizer\": " METASPACE "}", NULL},
    {"{" PLAIN ", \"pre_tokenizer\": {\"type\": \"Metaspace\", \"replacement\": \"ab\"}}",
     "\"replacement\" of pre-tokenizer Metaspace"},
    {"{" PLAIN ", \"pre_tokenizer\": {\"type\": \"Metaspace\", \"replacement\": \"_\", \"prepend_scheme\": \"last\"}}",
     "\"prepend_scheme\" \"last\""},
    {"{" PLAIN ", \"pre_tokenizer\": {\"type\": \"Metaspace\", \"replacement\": \"_\", \"add_prefix_space\": false}}",
     "\"add_prefix_space\" false"},
    {"{" PLAIN ", \"pre_tokenizer\": " SEQUENCE(METASPACE ", " METASPACE) "}", "Metaspace behind a Metaspace"},
    {"{" PLAIN ", \"pre_tokenizer\": " SEQUENCE(BYTE_LEVEL ", " METASPACE) "}", "Metaspace behind a ByteLevel"},
    {"{" PLAIN ", \"pre_tokenizer\": " SEQUENCE("{\"type\": \"Whitespace\"}, " METASPACE) "}", NULL},
    {"{" PLAIN ", \"pre_tokenizer\": " SEQUENCE("{\"type\": \"Whitespace\"}, " FIRST) "}", NULL},
    {"{" PLAIN ", \"normalizer\": {\"type\": \"NFC\"}, \"pre_tokenizer\": " FIRST "}",
     "\"first\" behind normalizer NFC"},
    {"{" PLAIN ", \"normalizer\": {\"type\": \"Replace\", \"pattern\": {\"String\": \" \"}, \"content\": \"_\"}, "
     "\"pre_tokenizer\": " FIRST "}",
     NULL},
    {"{" PLAIN ", \"normalizer\": {\"type\": \"Replace\", \"pattern\": {\"Regex\": \" \"}, \"content\": \"_\"}, "
     "\"pre_tokenizer\": " FIRST "}",
     "\"first\" behind normalizer Replace"},
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
    {"{" REST ", " PLAIN ", \"post_processor\": {\"type\": \"Other\"}}", "post-processor type \"Other\""},
    {"{" REST ", " PLAIN ", \"post_processor\": {\"type\": \"BertProcessing\"}}", "\"cls\" of the post-processor"},
    {"{" REST ", " PLAIN
     ", \"post_processor\": {\"type\": \"RobertaProcessing\", \"cls\": [\"a\", 0], \"sep\": [\"b\"]}}",
     "\"sep\" of the post-processor"},
    {"{" REST ", " PLAIN
     ", \"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": {\"id\": \"<s>\"}}]"
     "}}",
     "token \"<s>\" has no \"ids\""},
    {"{" REST ", " PLAIN
     ", \"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": [{\"Sequence\": {\"id\": \"B\"}}]}}",
     "a piece of the template"},
    {"{" PLAIN ", \"pre_tokenizer\": " BYTE_LEVEL ", \"decoder\": {\"type\": \"Other\"}}", "decoder type \"Other\""},
    {"{" PLAIN ", \"pre_tokenizer\": " BYTE_LEVEL ", \"decoder\": {\"type\": \"WordPiece\"}}",
     "decoder WordPiece has no \"prefix\""},
    {"{" UNIGRAM("[\"a\", -1], [\"b\", -2.5]") "}", NULL},
    {"{" UNIGRAM("") "}", NULL},
    {"{" UNIGRAM("[\"a\", -1]") ", \"pre_tokenizer\": " BYTE_LEVEL "}", "\"Unigram\" behind a pre-tokenizer ByteLevel"},
    {"{\"model\": {\"type\": \"Unigram\", \"vocab\": {\"a\": 0}}}", "no list \"vocab\""},
    {"{" UNIGRAM("[\"a\", 1e999]") "}", "token 0 of the vocabulary should be [token, score]"},
    {"{" UNIGRAM("[\"a\", \"b\"]") "}", "token 0 of the vocabulary should be [token, score]"},
    {"{" UNIGRAM("[\"a\", 0], [\"b\"]") "}", "token 1 of the vocabulary should be [token, score]"},
    {"{" UNIGRAM("[\"a\", 0, 0]") "}", "token 0 of the vocabulary should be [token, score]"},
    {"{" UNIGRAM("[\"a\", 0], [\"a\", -1]") "}", "token \"a\" is in the vocabulary twice"},
    {"{\"model\": {\"type\": \"Unigram\", \"unk_id\": 1, \"vocab\": [[\"a\", 0]]}}", "\"unk_id\" 1 is beyond"},
    {"{\"model\": {\"type\": \"Unigram\", \"unk_id\": -1, \"vocab\": [[\"a\", 0]]}}", "\"unk_id\" should be"},
    {"{\"model\": {\"type\": \"WordPiece\", \"vocab\": []}}", "no object \"vocab\""},
    {"{\"model\": {\"type\": \"WordPiece\", \"max_input_chars_per_word\": -1, \"vocab\": {}}}",
     "should be a whole number"},
    {"{\"model\": {\"type\": \"WordLevel\", \"vocab\": {\"a\": 0}}}", NULL},
    {"{" PLAIN ", \"decoder\": {}}", "a decoder without a \"type\""},
    {"{" PLAIN ", \"decoder\": {\"type\": \"Sequence\"}}", "has no list \"decoders\""},
    {"{" PLAIN ", \"decoder\": {\"type\": \"Strip\", \"content\": \" \", \"start\": 1}}",
     "decoder Strip has no \"stop\""},
    {"{" PLAIN ", \"decoder\": {\"type\": \"Strip\", \"content\": \"\", \"start\": 1, \"stop\": 0}}",
     "\"content\" of decoder Strip"},
    {"{" PLAIN ", \"decoder\": {\"type\": \"Strip\", \"content\": \" \", \"start\": -1, \"stop\": 0}}",
     "\"start\" should be"},
    {"{" PLAIN ", \"decoder\": {\"type\": \"Replace\", \"content\": \" \"}}", "\"pattern\" should be"},
    {"{" PLAIN ", \"decoder\": {\"type\": \"Metaspace\", \"replacement\": \"\"}}",
     "\"replacement\" of decoder Metaspace"},
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

#define SCORED(vocab) "{\"model\": {\"type\": \"ScoredBPE\", \"vocab\": [" vocab "]}}"
/* Files that open, and a text that they have no token for, or whose normalizer fails. */
static const struct {
    const char *json, *text;
    const char *error; /* NULL: it has ids */
} textless[] = {
    {CHARSMAP("BAAAAAAAAABhAA=="), "x", "leads outside"},
    {"{" UNIGRAM("[\"a\", 0]") "}", "a", NULL},
    {"{" UNIGRAM("[\"a\", 0]") "}", "ab", "the character at byte 1 of \"ab\" has no token, and there is no unk_id"},
    {"{" UNIGRAM("") "}", "a", "the character at byte 0"},
    {"{" UNIGRAM("[\"\", 0]") "}", "a", "the character at byte 0"},
    {"{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"a\": 0}}}", "b", "unk_token \"[UNK]\" is no token either"},
    {"{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"\": 0, \"##\": 1, \"a\": 2}}}", "ab",
     "unk_token \"[UNK]\" is no token"},
    {"{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"a\": 0, \"##b\": 1}}}", "abb", NULL},
    {"{\"model\": {\"type\": \"WordLevel\", \"vocab\": {\"a\": 0}}}", "b", "unk_token \"<unk>\" is no token either"},
    {SCORED("[\"a\", 0], [\"<0x62>\", 0]"), "ab", NULL},
    {SCORED("[\"a\", 0], [\"<0x62>\", 0]"), "ac", "byte 0x63 has no token, and there is no <0x63>"},
};

Test(tokenizer, texts_without_tokens_are_named_errors)
{
    for (size_t i = 0; i < sizeof textless / sizeof *textless; i++) {
        struct error error = {0};
        struct ids ids = {0};
        struct tokenizer *tokenizer = tokenizer_parse("test", textless[i].json, strlen(textless[i].json), &error);
        cr_assert(tokenizer, "row %zu: %s", i, error_text(&error));
        bool good = tokenizer_encode(tokenizer, textless[i].text, strlen(textless[i].text), true, &ids, &error);
        cr_expect_eq(good, textless[i].error == NULL, "row %zu: %s", i, error_text(&error));
        if (textless[i].error)
            cr_expect(strstr(error_text(&error), textless[i].error), "row %zu: %s", i, error_text(&error));
        error_clear(&error);
        ids_free(&ids);
        tokenizer_free(tokenizer);
    }
}

/* What files ask of a text of 50 kB: bounded by the text, whatever the file says, and given to a file that asks for
 * little. */
#define CUT_BY(regex)                                                                                                  \
    "{\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": \"" regex                                      \
    "\"}, \"behavior\": \"Isolated\", \"invert\": false}, " LETTERS "}"
#define LETTERS UNIGRAM("[\"a\", 0], [\"b\", 0]")
#define TWICE "{\"type\": \"Replace\", \"pattern\": {\"String\": \"a\"}, \"content\": \"aa\"}"
#define OTHER(from, to) "{\"type\": \"Replace\", \"pattern\": {\"String\": \"" from "\"}, \"content\": \"" to "\"}"
#define TO_AND_FRO OTHER("a", "b") ", " OTHER("b", "a") ", "
#define TO_AND_FRO_8 TO_AND_FRO TO_AND_FRO TO_AND_FRO TO_AND_FRO
#define STEPS(steps) "{\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [" steps "]}, " LETTERS "}"
#define TEXT_ITSELF "{\"Sequence\": {\"id\": \"A\"}}"
#define TEMPLATE(pieces)                                                                                               \
    "{\"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": [" pieces "]}, " LETTERS "}"
static const struct {
    const char *json;
    size_t count; /* of ids, where there is no error */
    const char *error;
} dear[] = {
    {CUT_BY("a+b|a"), 0, "match limit"},
    {CUT_BY("(?:a|aa){1,15}b|a"), 0, "match limit"},
    {CUT_BY("a{1,3}(?=(?:a{3})*(?:b|$))|a"), 0, "match limit"},
    {CUT_BY("a{1,500}b|a{1,20}"), 50000, NULL},
    {STEPS(TWICE ", " TWICE ", " TWICE), 400000, NULL},
    {STEPS(TWICE ", " TWICE ", " TWICE ", " TWICE ", " TWICE), 0, "grows to more than"},
    {STEPS(TO_AND_FRO_8 TWICE), 100000, NULL},
    {STEPS(TWICE ", " TWICE ", " TWICE ", " TO_AND_FRO_8 TWICE), 0, "grows to more than"},
    {TEMPLATE(TEXT_ITSELF ", " TEXT_ITSELF), 100000, NULL},
    {TEMPLATE(TEXT_ITSELF ", " TEXT_ITSELF ", " TEXT_ITSELF ", " TEXT_ITSELF ", " TEXT_ITSELF ", " TEXT_ITSELF
                          ", " TEXT_ITSELF ", " TEXT_ITSELF ", " TEXT_ITSELF),
     0, "names the text more than 8 times"},
};

Test(tokenizer, no_file_takes_too_much_of_a_text)
{
    struct buffer text = {0};
    while (text.size < 50000)
        buffer_char(&text, 'a');
    for (size_t i = 0; i < sizeof dear / sizeof *dear; i++) {
        struct error error = {0};
        struct ids ids = {0};
        struct tokenizer *tokenizer = tokenizer_parse("test", dear[i].json, strlen(dear[i].json), &error);
        bool good = tokenizer && tokenizer_encode(tokenizer, text.data, text.size, true, &ids, &error);
        cr_expect_eq(good, !dear[i].error, "row %zu: %s", i, error_text(&error));
        cr_expect_eq(ids.count, dear[i].count, "row %zu: %zu ids", i, ids.count);
        cr_expect(!dear[i].error || strstr(error_text(&error), dear[i].error), "row %zu: %s", i, error_text(&error));
        error_clear(&error);
        ids_free(&ids);
        tokenizer_free(tokenizer);
    }
    buffer_free(&text);
}

/* Bytes of a good file changed, removed and doubled: whatever opens must also work. */
static void damage(const char *name)
{
    struct error error = {0};
    struct buffer good = {0};
    cr_assert(file_read(name, FILE_MOST, &good, &error), "%s", error_text(&error));
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
            "The <left> quick  <both> fox's 1234 \xC3\xA9\xCC\x81 \xE4\xB8\xAD\n\n\xFF <plain></s>\xE2\x96\x81";
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
    cr_expect(opened > 20 && opened < 580, "%s: %zu of 600 opened", name, opened);
    buffer_free(&good);
}

Test(tokenizer, damaged_files_do_no_harm, .timeout = 200)
{
    static const char *const kinds[] = {"added-tokens",  "llama2", "metaspace-first", "metaspace-always", "xlm-roberta",
                                        "unigram-bytes", "bert"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char name[512];
        snprintf(name, sizeof name, DATA "/variants/%s/tokenizer.json", kinds[i]);
        damage(name);
    }
}
