/* tokenizer.json: the vocabulary and the model. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "text/token_table.h"
#include "text/tokenizer_internal.h"

/* Room for the tokens and, behind each other, for their texts. */
static bool tokens_reserve(struct tokenizer *tokenizer, size_t count, size_t size, struct error *error)
{
    tokenizer->tokens = calloc(count + 1, sizeof *tokenizer->tokens);
    tokenizer->strings = malloc(size + 1);
    return (tokenizer->tokens && tokenizer->strings) || error_memory(error, tokenizer->where);
}

/* `*at`: where the texts go on. */
static bool token_add(struct tokenizer *tokenizer, const char *text, size_t id, char **at, struct error *error)
{
    size_t length = strlen(text), found = MAP_ABSENT;
    memcpy(*at, text, length + 1);
    if (!map_add(&tokenizer->vocab, *at, length, id, &found))
        return error_memory(error, tokenizer->where);
    if (found != MAP_ABSENT)
        return error_set(error, "%s: token \"%.100s\" is in the vocabulary twice, with ids %zu and %zu",
                         tokenizer->where, text, found, id);
    tokenizer->tokens[tokenizer->token_count++] = (struct token){.id = (int)id, .text = *at};
    tokenizer->longest = length > tokenizer->longest ? length : tokenizer->longest;
    *at += length + 1;
    return true;
}

/* {token: id}. */
static bool vocab_load(struct tokenizer *tokenizer, const cJSON *vocab, struct error *error)
{
    const char *where = tokenizer->where;
    const cJSON *item = NULL;
    size_t count = 0, size = 0;
    if (!cJSON_IsObject(vocab))
        return error_set(error, "%s: the model has no object \"vocab\"", where);
    cJSON_ArrayForEach(item, vocab)
    {
        count++;
        size += strlen(item->string) + 1;
    }
    if (!tokens_reserve(tokenizer, count, size, error))
        return false;
    char *at = tokenizer->strings;
    cJSON_ArrayForEach(item, vocab)
    {
        uint64_t id = 0;
        if (!json_uint64(item, &id) || id >= INT_MAX)
            return error_set(error, "%s: the id of token \"%.100s\" should be a whole number from 0 to %d", where,
                             item->string, INT_MAX - 1);
        if (!token_add(tokenizer, item->string, (size_t)id, &at, error))
            return false;
    }
    return tokenizer_sort(tokenizer, error);
}

/* [[token, score]]: ids are places. */
static bool list_load(struct tokenizer *tokenizer, const cJSON *vocab, struct error *error)
{
    const char *where = tokenizer->where;
    const cJSON *item = NULL;
    size_t count = 0, size = 0;
    if (!cJSON_IsArray(vocab))
        return error_set(error, "%s: the model has no list \"vocab\"", where);
    cJSON_ArrayForEach(item, vocab)
    {
        const cJSON *text = cJSON_IsArray(item) ? item->child : NULL, *score = text ? text->next : NULL;
        if (!cJSON_IsString(text) || !cJSON_IsNumber(score) || score->next || !isfinite(score->valuedouble))
            return error_set(error, "%s: token %zu of the vocabulary should be [token, score], with a finite score",
                             where, count);
        count++;
        size += strlen(text->valuestring) + 1;
    }
    tokenizer->scores = malloc((count + 1) * sizeof *tokenizer->scores);
    if (count >= INT_MAX || !tokenizer->scores || !tokens_reserve(tokenizer, count, size, error))
        return error_memory(error, where);
    char *at = tokenizer->strings;
    size_t id = 0;
    cJSON_ArrayForEach(item, vocab)
    {
        tokenizer->scores[id] = item->child->next->valuedouble;
        if (!token_add(tokenizer, item->child->valuestring, id++, &at, error))
            return false;
    }
    return true;
}

static const struct word_model_type *const models[] = {&bpe_model, &unigram_model, &word_piece_model, &word_level_model,
                                                       &scored_model};

/* Older files do not name it: then the members tell. NULL: an error. */
static const struct word_model_type *model_type(const cJSON *model, const char *where, struct error *error)
{
    const char *name = json_member(model, "merges")                      ? bpe_model.name
                       : cJSON_IsArray(json_member(model, "vocab"))      ? unigram_model.name
                       : json_member(model, "continuing_subword_prefix") ? word_piece_model.name
                                                                         : bpe_model.name;
    if (!json_get_string(model, where, "type", &name, error))
        return NULL;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (strcmp(models[i]->name, name) == 0)
            return models[i];
    error_set(error, "%s: model type \"%.100s\" is not supported; assay reads BPE, Unigram, WordPiece and WordLevel",
              where, name);
    return NULL;
}

static bool model_load(struct tokenizer *tokenizer, const cJSON *model, struct error *error)
{
    const char *where = tokenizer->where;
    const cJSON *vocab = json_member(model, "vocab");
    if (!cJSON_IsObject(model))
        return error_set(error, "%s: no object \"model\"", where);
    const struct word_model_type *type = model_type(model, where, error);
    if (!type)
        return false;
    if (tokenizer->pretokenizer.byte_level && !type->bytes)
        return error_set(error, "%s: model type \"%s\" behind a pre-tokenizer ByteLevel is not supported", where,
                         type->name);
    if (!(type->listed ? list_load(tokenizer, vocab, error) : vocab_load(tokenizer, vocab, error)))
        return false;
    const struct word_source source = {.where = where,
                                       .json = model,
                                       .vocab = &tokenizer->vocab,
                                       .tokens = tokenizer->tokens,
                                       .count = tokenizer->token_count,
                                       .scores = tokenizer->scores,
                                       .longest = tokenizer->longest,
                                       .bytes = tokenizer->pretokenizer.byte_level};
    tokenizer->type = type;
    tokenizer->model = type->load(&source, error);
    return tokenizer->model != NULL;
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
    if (!cJSON_IsObject(json))
        return error_set(error, "%s: should be a JSON object", where);
    if (!json_get_string(json, where, "version", &version, error))
        return false;
    if (version && strcmp(version, "1.0") != 0)
        return error_set(error, "%s: version \"%.100s\", expected \"1.0\"", where, version);
    return normalizer_load(&tokenizer->normalizer, where, json_member(json, "normalizer"), error) &&
           pretokenizer_load(&tokenizer->pretokenizer, where, json_member(json, "pre_tokenizer"), error) &&
           origin_kept(tokenizer, error) && model_load(tokenizer, json_member(json, "model"), error) &&
           tokenizer_load_added(tokenizer, json_member(json, "added_tokens"),
                                cJSON_IsTrue(json_member(json, SPLIT_SPECIAL)), &tokenizer->vocab, error) &&
           tokenizer_load_template(tokenizer, json_member(json, "post_processor"), error) &&
           decoder_load(&tokenizer->decoder, where, json_member(json, "decoder"), error);
}
