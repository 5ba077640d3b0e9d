/* The model BPE of a tokenizer.json. */
#include <stdlib.h>
#include <string.h>

#include "text/bpe.h"
#include "text/tokenizer_internal.h"
#include "text/utf8.h"
#include "text/word_model.h"

struct bpe_words {
    struct bpe *bpe;
    char *whole; /* the bytes of the tokens, for ignore_merges */
};

static bool model_options(const cJSON *model, const char *where, struct bpe_options *options, struct error *error)
{
    static const char *const refused[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    double dropout = 0;
    if (!json_get_double(model, where, "dropout", &dropout, error) ||
        !json_get_string(model, where, "unk_token", &options->unknown, error) ||
        !json_get_bool(model, where, "byte_fallback", &options->byte_fallback, error) ||
        !json_get_bool(model, where, "fuse_unk", &options->fuse_unknown, error) ||
        !json_get_bool(model, where, "ignore_merges", &options->ignore_merges, error))
        return false;
    if (dropout != 0)
        return error_set(error, "%s: \"dropout\" %g is not supported", where, dropout);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const char *text = NULL;
        if (!json_get_string(model, where, refused[i], &text, error))
            return false;
        if (text && *text)
            return error_set(error, "%s: \"%s\" \"%.100s\" is not supported", where, refused[i], text);
    }
    return true;
}

/* Splits a merge, "a b" or ["a", "b"]. */
static bool merge_parts(const cJSON *item, const char *parts[2], size_t sizes[2])
{
    if (cJSON_IsString(item)) {
        const char *space = strchr(item->valuestring, ' ');
        if (!space || strchr(space + 1, ' '))
            return false;
        parts[0] = item->valuestring;
        sizes[0] = (size_t)(space - item->valuestring);
        parts[1] = space + 1;
        sizes[1] = strlen(parts[1]);
        return true;
    }
    const cJSON *left = cJSON_IsArray(item) ? item->child : NULL, *right = left ? left->next : NULL;
    if (!cJSON_IsString(left) || !cJSON_IsString(right) || right->next)
        return false;
    parts[0] = left->valuestring;
    parts[1] = right->valuestring;
    sizes[0] = strlen(parts[0]);
    sizes[1] = strlen(parts[1]);
    return true;
}

static bool merge_load(const struct word_source *source, struct bpe_words *words, const cJSON *item, size_t index,
                       struct buffer *joined, struct error *error)
{
    const char *parts[2];
    size_t sizes[2];
    if (!merge_parts(item, parts, sizes))
        return error_set(error, "%s: merge %zu should be two tokens, as \"a b\" or [\"a\", \"b\"]", source->where,
                         index);
    joined->size = 0;
    if (!buffer_append(joined, parts[0], sizes[0]) || !buffer_append(joined, parts[1], sizes[1]))
        return error_memory(error, source->where);
    size_t left = map_find(source->vocab, parts[0], sizes[0]), right = map_find(source->vocab, parts[1], sizes[1]);
    size_t merged = map_find(source->vocab, joined->data, joined->size);
    if (left != MAP_ABSENT && right != MAP_ABSENT && merged != MAP_ABSENT)
        return bpe_merge(words->bpe, (int)left, (int)right, (int)merged, error);
    const char *absent = left == MAP_ABSENT ? parts[0] : right == MAP_ABSENT ? parts[1] : joined->data;
    size_t size = left == MAP_ABSENT ? sizes[0] : right == MAP_ABSENT ? sizes[1] : joined->size;
    return error_set(error, "%s: merge %zu: token \"%.*s\" is not in the vocabulary", source->where, index,
                     (int)(size > 100 ? 100 : size), absent);
}

static bool merges_load(const struct word_source *source, struct bpe_words *words, const cJSON *merges,
                        struct error *error)
{
    struct buffer joined = {0};
    const cJSON *item = NULL;
    size_t index = 0;
    bool good = true;
    cJSON_ArrayForEach(item, merges)
    {
        if (cJSON_IsString(item) && strncmp(item->valuestring, "#version", 8) == 0)
            continue;
        good = merge_load(source, words, item, index++, &joined, error);
        if (!good)
            break;
    }
    buffer_free(&joined);
    return good;
}

/* Writes the bytes that a token stands for; 0 where it is no sequence of bytes. */
static size_t whole_bytes(const char *text, char *out)
{
    size_t used = 0;
    for (size_t at = 0; text[at];) {
        int byte = byte_level_byte(utf8_next(text, &at));
        if (byte < 0)
            return 0;
        out[used++] = (char)byte;
    }
    return used;
}

static bool whole_load(const struct word_source *source, struct bpe_words *words, struct error *error)
{
    size_t size = 1;
    for (size_t i = 0; i < source->count; i++)
        size += strlen(source->tokens[i].text);
    bool bytes = source->bytes;
    char *at = words->whole = malloc(size);
    if (!at)
        return error_memory(error, source->where);
    for (size_t i = 0; i < source->count; i++) {
        const char *text = source->tokens[i].text;
        size_t length = bytes ? whole_bytes(text, at) : strlen(text);
        if (!bytes)
            memcpy(at, text, length);
        if (length && !bpe_whole(words->bpe, at, length, source->tokens[i].id, error))
            return false;
        at += length;
    }
    return true;
}

static bool characters_load(const struct word_source *source, struct bpe_words *words, struct error *error)
{
    for (size_t i = 0; i < source->count; i++) {
        const char *text = source->tokens[i].text;
        size_t length = utf8_single(text);
        if (length && !bpe_character(words->bpe, text, length, source->tokens[i].id, error))
            return false;
    }
    return true;
}

static void words_free(void *model)
{
    struct bpe_words *words = model;
    if (!words)
        return;
    bpe_free(words->bpe);
    free(words->whole);
    free(words);
}

static bool words_fill(struct bpe_words *words, const struct word_source *source, struct error *error)
{
    struct bpe_options options = {.where = source->where, .vocab = source->vocab};
    const cJSON *merges = json_member(source->json, "merges");
    if (!model_options(source->json, source->where, &options, error))
        return false;
    if (!cJSON_IsArray(merges))
        return error_set(error, "%s: the model has no list \"merges\"", source->where);
    options.merges = (size_t)cJSON_GetArraySize(merges);
    options.alphabet = source->bytes ? BPE_BYTES : BPE_CHARACTERS;
    words->bpe = bpe_new(&options, error);
    return words->bpe && (options.alphabet == BPE_BYTES || characters_load(source, words, error)) &&
           merges_load(source, words, merges, error) && (!options.ignore_merges || whole_load(source, words, error));
}

static void *words_load(const struct word_source *source, struct error *error)
{
    struct bpe_words *words = calloc(1, sizeof *words);
    if (!words) {
        error_memory(error, source->where);
        return NULL;
    }
    if (words_fill(words, source, error))
        return words;
    words_free(words);
    return NULL;
}

static bool words_encode(void *model, const char *word, size_t size, struct ids *out, struct error *error)
{
    return bpe_encode(((struct bpe_words *)model)->bpe, word, size, out, error);
}

const struct word_model_type bpe_model = {
    .name = "BPE", .bytes = true, .load = words_load, .encode = words_encode, .free = words_free};
