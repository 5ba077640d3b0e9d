/* tokenizer.json: the vocabulary and the merges. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "text/token_table.h"
#include "text/tokenizer_internal.h"
#include "text/utf8.h"

static bool model_options(const cJSON *model, const char *where, struct bpe_options *options, struct error *error)
{
    static const char *const refused[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    const char *type = NULL;
    double dropout = 0;
    if (!json_get_string(model, where, "type", &type, error) ||
        !json_get_double(model, where, "dropout", &dropout, error) ||
        !json_get_string(model, where, "unk_token", &options->unknown, error) ||
        !json_get_bool(model, where, "byte_fallback", &options->byte_fallback, error) ||
        !json_get_bool(model, where, "fuse_unk", &options->fuse_unknown, error) ||
        !json_get_bool(model, where, "ignore_merges", &options->ignore_merges, error))
        return false;
    if (type && strcmp(type, "BPE") != 0)
        return error_set(error, "%s: model type \"%.100s\" is not supported; assay reads BPE", where, type);
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

/* Copies the vocabulary into `tokens`, and makes the map from token to id, whose keys are the copies. */
static bool vocab_load(struct tokenizer *tokenizer, const cJSON *vocab, struct map *map, struct error *error)
{
    const char *where = tokenizer->where;
    const cJSON *item = NULL;
    size_t count = 0, size = 1;
    if (!cJSON_IsObject(vocab))
        return error_set(error, "%s: the model has no object \"vocab\"", where);
    cJSON_ArrayForEach(item, vocab)
    {
        count++;
        size += strlen(item->string) + 1;
    }
    tokenizer->tokens = calloc(count + 1, sizeof *tokenizer->tokens);
    tokenizer->strings = malloc(size);
    if (!tokenizer->tokens || !tokenizer->strings)
        return error_memory(error, where);
    char *at = tokenizer->strings;
    cJSON_ArrayForEach(item, vocab)
    {
        uint64_t id = 0;
        size_t length = strlen(item->string), found = MAP_ABSENT;
        if (!json_uint64(item, &id) || id >= INT_MAX)
            return error_set(error, "%s: the id of token \"%.100s\" should be a whole number from 0 to %d", where,
                             item->string, INT_MAX - 1);
        memcpy(at, item->string, length + 1);
        if (!map_add(map, at, length, (size_t)id, &found))
            return error_memory(error, where);
        if (found != MAP_ABSENT)
            return error_set(error, "%s: token \"%.100s\" is in the vocabulary twice, with ids %zu and %zu", where, at,
                             found, (size_t)id);
        tokenizer->tokens[tokenizer->token_count++] = (struct token){.id = (int)id, .text = at};
        at += length + 1;
    }
    return tokenizer_sort(tokenizer, error);
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

static bool merge_load(struct tokenizer *tokenizer, const cJSON *item, size_t index, const struct map *vocab,
                       struct buffer *joined, struct error *error)
{
    const char *parts[2];
    size_t sizes[2];
    if (!merge_parts(item, parts, sizes))
        return error_set(error, "%s: merge %zu should be two tokens, as \"a b\" or [\"a\", \"b\"]", tokenizer->where,
                         index);
    joined->size = 0;
    if (!buffer_append(joined, parts[0], sizes[0]) || !buffer_append(joined, parts[1], sizes[1]))
        return error_memory(error, tokenizer->where);
    size_t left = map_find(vocab, parts[0], sizes[0]), right = map_find(vocab, parts[1], sizes[1]);
    size_t merged = map_find(vocab, joined->data, joined->size);
    if (left != MAP_ABSENT && right != MAP_ABSENT && merged != MAP_ABSENT)
        return bpe_merge(tokenizer->bpe, (int)left, (int)right, (int)merged, error);
    const char *absent = left == MAP_ABSENT ? parts[0] : right == MAP_ABSENT ? parts[1] : joined->data;
    size_t size = left == MAP_ABSENT ? sizes[0] : right == MAP_ABSENT ? sizes[1] : joined->size;
    return error_set(error, "%s: merge %zu: token \"%.*s\" is not in the vocabulary", tokenizer->where, index,
                     (int)(size > 100 ? 100 : size), absent);
}

static bool merges_load(struct tokenizer *tokenizer, const cJSON *merges, const struct map *vocab, struct error *error)
{
    struct buffer joined = {0};
    const cJSON *item = NULL;
    size_t index = 0;
    bool good = true;
    cJSON_ArrayForEach(item, merges)
    {
        if (cJSON_IsString(item) && strncmp(item->valuestring, "#version", 8) == 0)
            continue;
        good = merge_load(tokenizer, item, index++, vocab, &joined, error);
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

static bool whole_load(struct tokenizer *tokenizer, struct error *error)
{
    size_t size = 1;
    for (size_t i = 0; i < tokenizer->token_count; i++)
        size += strlen(tokenizer->tokens[i].text);
    bool bytes = tokenizer->pretokenizer.byte_level;
    char *at = tokenizer->whole = malloc(size);
    if (!at)
        return error_memory(error, tokenizer->where);
    for (size_t i = 0; i < tokenizer->token_count; i++) {
        const char *text = tokenizer->tokens[i].text;
        size_t length = bytes ? whole_bytes(text, at) : strlen(text);
        if (!bytes)
            memcpy(at, text, length);
        if (length && !bpe_whole(tokenizer->bpe, at, length, tokenizer->tokens[i].id, error))
            return false;
        at += length;
    }
    return true;
}

static bool characters_load(struct tokenizer *tokenizer, struct error *error)
{
    for (size_t i = 0; i < tokenizer->token_count; i++) {
        const char *text = tokenizer->tokens[i].text;
        size_t length = utf8_single(text);
        if (length && !bpe_character(tokenizer->bpe, text, length, tokenizer->tokens[i].id, error))
            return false;
    }
    return true;
}

static bool model_load(struct tokenizer *tokenizer, const cJSON *model, struct map *vocab, struct error *error)
{
    struct bpe_options options = {.where = tokenizer->where, .vocab = vocab};
    const cJSON *merges = json_member(model, "merges");
    if (!cJSON_IsObject(model))
        return error_set(error, "%s: no object \"model\"", tokenizer->where);
    if (!model_options(model, tokenizer->where, &options, error))
        return false;
    if (!cJSON_IsArray(merges))
        return error_set(error, "%s: the model has no list \"merges\"", tokenizer->where);
    if (!vocab_load(tokenizer, json_member(model, "vocab"), vocab, error))
        return false;
    options.merges = (size_t)cJSON_GetArraySize(merges);
    options.alphabet = tokenizer->pretokenizer.byte_level ? BPE_BYTES : BPE_CHARACTERS;
    tokenizer->bpe = bpe_new(&options, error);
    return tokenizer->bpe && (options.alphabet == BPE_BYTES || characters_load(tokenizer, error)) &&
           merges_load(tokenizer, merges, vocab, error) && (!options.ignore_merges || whole_load(tokenizer, error));
}

/* The original looks whence the first character of a word came, which its normalizers carry along. */
static bool origin_kept(const struct tokenizer *tokenizer, struct error *error)
{
    const char *moves = normalizer_moves(&tokenizer->normalizer);
    return !tokenizer->pretokenizer.first || !moves ||
           error_set(
               error,
               "%s: a pre-tokenizer Metaspace with \"prepend_scheme\" \"first\" behind normalizer %s is not supported",
               tokenizer->where, moves);
}

bool tokenizer_load(struct tokenizer *tokenizer, const cJSON *json, struct error *error)
{
    const char *where = tokenizer->where, *version = NULL;
    struct map vocab = {0};
    if (!cJSON_IsObject(json))
        return error_set(error, "%s: should be a JSON object", where);
    if (!json_get_string(json, where, "version", &version, error))
        return false;
    if (version && strcmp(version, "1.0") != 0)
        return error_set(error, "%s: version \"%.100s\", expected \"1.0\"", where, version);
    bool good = normalizer_load(&tokenizer->normalizer, where, json_member(json, "normalizer"), error) &&
                pretokenizer_load(&tokenizer->pretokenizer, where, json_member(json, "pre_tokenizer"), error) &&
                origin_kept(tokenizer, error) && model_load(tokenizer, json_member(json, "model"), &vocab, error) &&
                tokenizer_load_added(tokenizer, json_member(json, "added_tokens"),
                                     cJSON_IsTrue(json_member(json, SPLIT_SPECIAL)), &vocab, error) &&
                tokenizer_load_template(tokenizer, json_member(json, "post_processor"), error) &&
                decoder_load(&tokenizer->decoder, where, json_member(json, "decoder"), error);
    map_free(&vocab);
    return good;
}
