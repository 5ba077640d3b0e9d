/* SentencePiece models and vocabularies with ranks that are malformed or damaged. What whole ones make of texts:
 * suites/tests/cli/readers.sh. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "text/tokenizer.h"
#include "tokenizer_fixture.h"

#define SEEDS ASSAY_SOURCE_DIR "/suites/fuzz/corpora/pieces/"

static const struct {
    const char *seed;
    const char *error; /* NULL: it has ids */
} malformed[] = {
    {"bpe", NULL},
    {"unigram", NULL},
    {"empty", "has no pieces"},
    {"no_piece", "has no pieces"},
    {"cut", "a field of the SentencePiece model is malformed, or cut off"},
    {"cut_piece", "is malformed, or cut off"},
    {"length_huge", "is malformed, or cut off"},
    {"varint_endless", "is malformed, or cut off"},
    {"field_zero", "is malformed, or cut off"},
    {"group", "is malformed, or cut off"},
    {"empty_piece", "piece 0 of the SentencePiece model has no text"},
    {"score_nan", "piece 0 of the SentencePiece model has no finite score"},
    {"score_inf", "piece 0 of the SentencePiece model has no finite score"},
    {"nul", "should be UTF-8 of 4096 bytes at most"},
    {"not_utf8", "should be UTF-8 of 4096 bytes at most"},
    {"long_piece", "should be UTF-8 of 4096 bytes at most"},
    {"twice", "piece \"a\" is there twice, as 0 and 1"},
    {"kind_word", "is of kind 3"},
    {"unk_beyond", "\"unk_id\" 999 is beyond the vocabulary"},
    {"unk_negative", "has no token, and there is no unk_id"},
    {"map_short", "\"precompiled_charsmap\" has 3 bytes"},
    {"map_outside", "leads outside"},
    {"tiktoken", NULL},
    {"tiktoken_gap", NULL},
    {"tiktoken_twice", "ranks 0 and 1 have the same token"},
    {"tiktoken_rank_twice", "two tokens have the rank 0"},
    {"tiktoken_rank_huge", "the token of rank 99999999999 should be"},
    {"tiktoken_no_rank", "tokenizer.model:2: should be a token as base64, a space, and its rank"},
    {"tiktoken_no_base64", "the token of rank 1 should be base64"},
    {"tiktoken_empty", "the token of rank 1 should be base64"},
    {"tekken", NULL},
    {"tekken_old", NULL},
    {"tekken_no_pattern", "\"config\" should have a \"pattern\""},
    {"tekken_small", "room for 2 special tokens in \"default_num_special_tokens\" (1)"},
    {"tekken_special_gap", "\"special_tokens\" should have a \"token_str\" for each \"rank\""},
    {"tekken_no_vocab", "has no list \"vocab\""},
    {"tekken_no_bytes", "entry 0 of \"vocab\" has no \"token_bytes\""},
    {"tekken_pattern", "pattern \"(a\""},
    {"words", NULL},
    {"words_cr", NULL},
    {"words_twice", "vocab.txt:5: token \"a\" is there twice, as 3 and 4"},
    {"words_no_end", "\"[SEP]\", with which a text ends, is in no line"},
    {"words_nul", "is not UTF-8 text"},
    {"tekken_same", "token \"a\" is in the vocabulary twice"},
};

/* The folder of this process with the file, which is made anew. */
static char *lay(const char *name, const char *data, size_t size)
{
    struct error error = {0};
    char *folder = NULL, *path;
    cr_assert(asprintf(&folder, "/tmp/assay-test-pieces-%ld", (long)getpid()) > 0);
    cr_assert(folder_make(folder, &error), "%s", error_text(&error));
    cr_assert((path = path_join(folder, name)));
    cr_assert(file_write(path, data, size, &error), "%s", error_text(&error));
    free(path);
    return folder;
}

static void lift(char *folder, const char *name)
{
    char *path = path_join(folder, name), *config = path_join(folder, "config.json");
    unlink(path);
    unlink(config);
    rmdir(folder);
    free(path);
    free(config);
    free(folder);
}

/* The ids of a text, when it opens. */
static bool works(const char *folder, struct error *error)
{
    static const char text[] = "aall the<sep>b \xE6\xBC\xA2\xEF\xBC\x91";
    struct ids ids = {0};
    struct buffer back = {0};
    struct tokenizer *tokenizer = tokenizer_open(folder, error);
    bool good = tokenizer && tokenizer_encode(tokenizer, text, sizeof text - 1, true, &ids, error) &&
                tokenizer_decode(tokenizer, ids.data, ids.count, false, &back, error);
    tokenizer_free(tokenizer);
    ids_free(&ids);
    buffer_free(&back);
    return good;
}

Test(tokenizer, malformed_vocabularies_are_named_errors)
{
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        struct error error = {0};
        struct buffer data = {0};
        char *path = path_join(SEEDS, malformed[i].seed);
        cr_assert(file_read(path, FILE_MOST, &data, &error), "%s", error_text(&error));
        const char *name = strncmp(malformed[i].seed, "tekken", 6) == 0  ? "tekken.json"
                           : strncmp(malformed[i].seed, "words", 5) == 0 ? "vocab.txt"
                                                                         : "tokenizer.model";
        char *folder = lay(name, data.data ? data.data : "", data.size);
        free(strcmp(name, "vocab.txt") == 0 ? lay("config.json", "{\"model_type\": \"bert\"}", 22) : NULL);
        bool good = works(folder, &error);
        cr_expect_eq(good, malformed[i].error == NULL, "%s: %s", malformed[i].seed, error_text(&error));
        if (malformed[i].error) {
            cr_expect(strstr(error_text(&error), malformed[i].error), "%s: %s", malformed[i].seed, error_text(&error));
            cr_expect(strstr(error_text(&error), name), "%s: %s", malformed[i].seed, error_text(&error));
        }
        lift(folder, name);
        buffer_free(&data);
        error_clear(&error);
        free(path);
    }
}

/* Bytes of a good model changed, and its end cut off: whatever opens must also work, or say what is wrong. */
Test(tokenizer, damaged_vocabularies_do_no_harm, .timeout = 100)
{
    static const char *const names[] = {"bpe.model", "unigram.model", "ranks.tiktoken"};
    uint32_t random = 3;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct error error = {0};
        struct buffer data = {0};
        char *path = path_join(DATA "/pieces", names[i]);
        size_t opened = 0;
        cr_assert(file_read(path, FILE_MOST, &data, &error), "%s", error_text(&error));
        for (int round = 0; round < 60; round++) {
            size_t at = next_random(&random) % data.size;
            char was = data.data[at];
            data.data[at] = (char)next_random(&random);
            char *folder = lay("tokenizer.model", data.data, round % 3 ? data.size : at + 1);
            bool good = works(folder, &error);
            cr_expect_eq(good, error.text == NULL);
            opened += good;
            data.data[at] = was;
            lift(folder, "tokenizer.model");
            error_clear(&error);
        }
        cr_expect(opened > 0 && opened < 60, "%s: %zu of 60 opened", names[i], opened);
        buffer_free(&data);
        free(path);
    }
}
