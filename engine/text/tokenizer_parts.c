/* tokenizer.json: added tokens and the template. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "text/token_table.h"
#include "text/tokenizer_internal.h"

/* Added tokens */

static bool added_read(struct tokenizer *tokenizer, const cJSON *item, struct added_token *token, struct error *error)
{
    const char *where = tokenizer->where, *content = NULL;
    const struct {
        const char *key;
        bool *value;
    } flags[] = {
        {"single_word", &token->single_word}, {"lstrip", &token->lstrip},   {"rstrip", &token->rstrip},
        {"normalized", &token->normalized},   {"special", &token->special},
    };
    if (!json_get_string(item, where, "content", &content, error))
        return false;
    if (!content)
        return error_set(error, "%s: an added token has no \"content\"", where);
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (!json_member(item, flags[i].key))
            return error_set(error, "%s: added token \"%.100s\" has no \"%s\"", where, content, flags[i].key);
        if (!json_get_bool(item, where, flags[i].key, flags[i].value, error))
            return false;
    }
    token->id = -1;
    if (!json_get_int(item, where, "id", 0, INT_MAX - 1, &token->id, error))
        return false;
    if (token->id < 0)
        return error_set(error, "%s: added token \"%.100s\" has no \"id\"", where, content);
    token->content = strdup(content);
    return token->content || error_memory(error, where);
}

static bool added_normalize(struct tokenizer *tokenizer, struct added_token *token, struct error *error)
{
    const char *text = NULL;
    size_t size = 0, length = strlen(token->content);
    if (!token->normalized)
        return true;
    normalizer_begin(&tokenizer->normalizer, length);
    if (!normalizer_apply(&tokenizer->normalizer, token->content, length, &text, &size, error))
        return false;
    if (size == length && memcmp(text, token->content, size) == 0)
        return true;
    token->normalized_content = strndup(text, size);
    return token->normalized_content || error_memory(error, tokenizer->where);
}

static int id_order(const void *a, const void *b)
{
    int left = *(const int *)a, right = *(const int *)b;
    return (left > right) - (left < right);
}

/* Two tokens with one id in the file. */
static bool added_distinct(const struct tokenizer *tokenizer, struct error *error)
{
    int *ids = malloc((tokenizer->added_count + 1) * sizeof *ids);
    if (!ids)
        return error_memory(error, tokenizer->where);
    for (size_t i = 0; i < tokenizer->added_count; i++)
        ids[i] = tokenizer->added[i].id;
    qsort(ids, tokenizer->added_count, sizeof *ids, id_order);
    bool good = true;
    for (size_t i = 1; good && i < tokenizer->added_count; i++)
        if (ids[i - 1] == ids[i])
            good = error_set(error, "%s: id %d belongs to two added tokens", tokenizer->where, ids[i]);
    free(ids);
    return good;
}

/* As the original: a token of the vocabulary keeps its id there; any other gets the next one from the size of the
 * vocabulary on, whatever the file says. */
static bool added_place(struct tokenizer *tokenizer, const struct map *vocab, struct error *error)
{
    size_t next = tokenizer->token_count, grown = tokenizer->token_count + tokenizer->added_count + 1;
    struct token *tokens = realloc(tokenizer->tokens, grown * sizeof *tokens);
    if (!tokens)
        return error_memory(error, tokenizer->where);
    tokenizer->tokens = tokens;
    for (size_t i = 0; i < tokenizer->added_count; i++) {
        struct added_token *token = &tokenizer->added[i];
        size_t id = map_find(vocab, token->content, strlen(token->content));
        token->id = (int)(id == MAP_ABSENT ? next++ : id);
        if (id == MAP_ABSENT)
            tokens[tokenizer->token_count++] = (struct token){.id = token->id, .text = token->content};
    }
    return tokenizer_sort(tokenizer, error);
}

/* What is decoded for an added token is what the normalizer makes of it; and it is special when that text is the
 * content of a special token. */
static bool added_texts(struct tokenizer *tokenizer, struct error *error)
{
    struct map special = {0};
    bool good = true;
    for (size_t i = 0; good && i < tokenizer->added_count; i++) {
        const struct added_token *token = &tokenizer->added[i];
        if (token->special)
            good = map_add(&special, token->content, strlen(token->content), i, NULL);
    }
    for (size_t i = 0; good && i < tokenizer->added_count; i++) {
        const struct added_token *added = &tokenizer->added[i];
        struct token *token = (struct token *)tokenizer_find(tokenizer, added->id);
        token->text = added->normalized_content ? added->normalized_content : added->content;
        token->added = true;
        token->special = map_find(&special, token->text, strlen(token->text)) != MAP_ABSENT;
    }
    map_free(&special);
    return good || error_memory(error, tokenizer->where);
}

bool tokenizer_load_added(struct tokenizer *tokenizer, const cJSON *json, bool split_special, const struct map *vocab,
                          struct error *error)
{
    const cJSON *item = NULL;
    if (json && !cJSON_IsArray(json))
        return error_set(error, "%s: \"added_tokens\" should be a list", tokenizer->where);
    tokenizer->added = calloc((size_t)cJSON_GetArraySize(json) + 1, sizeof *tokenizer->added);
    if (!tokenizer->added)
        return error_memory(error, tokenizer->where);
    struct map contents = {0};
    bool good = true;
    cJSON_ArrayForEach(item, json)
    {
        struct added_token *token = &tokenizer->added[tokenizer->added_count++];
        size_t found = MAP_ABSENT;
        good = good && added_read(tokenizer, item, token, error) && added_normalize(tokenizer, token, error);
        token->unseen = split_special && token->special;
        if (good && !map_add(&contents, token->content, strlen(token->content), 0, &found))
            good = error_memory(error, tokenizer->where);
        if (good && found != MAP_ABSENT)
            good = error_set(error, "%s: added token \"%.100s\" is there twice", tokenizer->where, token->content);
        if (!good)
            break;
        if (!*token->content) { /* ignored, as in the original */
            free(token->content);
            *token = (struct added_token){0};
            tokenizer->added_count--;
        }
    }
    map_free(&contents);
    return good && added_distinct(tokenizer, error) && added_place(tokenizer, vocab, error) &&
           added_texts(tokenizer, error) &&
           added_set_build(&tokenizer->raw, tokenizer->where, tokenizer->added, tokenizer->added_count, false, error) &&
           added_set_build(&tokenizer->normalized, tokenizer->where, tokenizer->added, tokenizer->added_count, true,
                           error);
}

/* Template */

/* A tokenizer file is untrusted: for each time that its template names the text, it is encoded. */
#define TEMPLATE_TEXTS_MOST 8
#define TEMPLATE_PIECES_MOST 4096

static bool template_add(struct tokenizer *tokenizer, struct template_piece piece, struct error *error)
{
    size_t texts = !piece.special;
    for (size_t i = 0; i < tokenizer->piece_count; i++)
        texts += !tokenizer->pieces[i].special;
    if (texts > TEMPLATE_TEXTS_MOST)
        return error_set(error, "%s: the template names the text more than %d times", tokenizer->where,
                         TEMPLATE_TEXTS_MOST);
    if (tokenizer->piece_count == TEMPLATE_PIECES_MOST)
        return error_set(error, "%s: the template has more than %d pieces", tokenizer->where, TEMPLATE_PIECES_MOST);
    return array_push(tokenizer->pieces, tokenizer->piece_count, tokenizer->piece_capacity, piece) ||
           error_memory(error, tokenizer->where);
}

static bool template_special(struct tokenizer *tokenizer, const cJSON *specials, const char *name, struct error *error)
{
    const cJSON *ids = json_member(json_member(specials, name), "ids"), *item = NULL;
    if (!cJSON_IsArray(ids))
        return error_set(error, "%s: the template's token \"%.100s\" has no \"ids\" in \"special_tokens\"",
                         tokenizer->where, name);
    cJSON_ArrayForEach(item, ids)
    {
        uint64_t id = 0;
        if (!json_uint64(item, &id) || id >= INT_MAX)
            return error_set(error, "%s: the template's token \"%.100s\" has an entry in \"ids\" that is no token id",
                             tokenizer->where, name);
        if (!template_add(tokenizer, (struct template_piece){.special = true, .id = (int)id}, error))
            return false;
    }
    return true;
}

static bool load_template(struct tokenizer *tokenizer, const cJSON *json, struct error *error)
{
    const cJSON *single = json_member(json, "single"), *item = NULL;
    if (tokenizer->piece_count)
        return error_set(error, "%s: a second TemplateProcessing is not supported", tokenizer->where);
    if (!cJSON_IsArray(single) || !single->child)
        return error_set(error, "%s: TemplateProcessing has no list \"single\"", tokenizer->where);
    cJSON_ArrayForEach(item, single)
    {
        const cJSON *sequence = json_member(item, "Sequence"), *special = json_member(item, "SpecialToken");
        const char *name = NULL;
        if (!json_get_string(sequence ? sequence : special, tokenizer->where, "id", &name, error))
            return false;
        if (!name || (sequence && strcmp(name, "A") != 0))
            return error_set(error,
                             "%s: a piece of the template should be {\"Sequence\": {\"id\": \"A\"}} or "
                             "{\"SpecialToken\": {\"id\": ...}}",
                             tokenizer->where);
        bool good = sequence ? template_add(tokenizer, (struct template_piece){.special = false}, error)
                             : template_special(tokenizer, json_member(json, "special_tokens"), name, error);
        if (!good)
            return false;
    }
    return tokenizer->piece_count > 0 || error_set(error, "%s: the template is empty", tokenizer->where);
}

/* A token of BertProcessing or RobertaProcessing: [content, id]. */
static bool template_pair(struct tokenizer *tokenizer, const cJSON *json, const char *key, struct error *error)
{
    const cJSON *pair = json_member(json, key), *content = cJSON_IsArray(pair) ? pair->child : NULL;
    uint64_t id = 0;
    if (!cJSON_IsString(content) || !json_uint64(content->next, &id) || id >= INT_MAX)
        return error_set(error, "%s: \"%s\" of the post-processor should be [token, id]", tokenizer->where, key);
    return template_add(tokenizer, (struct template_piece){.special = true, .id = (int)id}, error);
}

static bool load_pairs(struct tokenizer *tokenizer, const cJSON *json, struct error *error)
{
    if (tokenizer->piece_count)
        return error_set(error, "%s: a second template is not supported", tokenizer->where);
    return template_pair(tokenizer, json, "cls", error) &&
           template_add(tokenizer, (struct template_piece){.special = false}, error) &&
           template_pair(tokenizer, json, "sep", error);
}

static bool load_processor(struct tokenizer *tokenizer, const cJSON *json, int depth, struct error *error)
{
    const char *name = NULL;
    if (!json_get_string(json, tokenizer->where, "type", &name, error))
        return false;
    if (name && strcmp(name, "ByteLevel") == 0) /* moves offsets only */
        return true;
    if (name && strcmp(name, "TemplateProcessing") == 0)
        return load_template(tokenizer, json, error);
    if (name && (strcmp(name, "BertProcessing") == 0 || strcmp(name, "RobertaProcessing") == 0))
        return load_pairs(tokenizer, json, error);
    const cJSON *list = json_member(json, "processors"), *item = NULL;
    if (!name || strcmp(name, "Sequence") != 0 || !cJSON_IsArray(list) || depth > 50)
        return error_set(error, "%s: post-processor type \"%.100s\" is not supported", tokenizer->where,
                         name ? name : "");
    cJSON_ArrayForEach(item, list) if (!load_processor(tokenizer, item, depth + 1, error)) return false;
    return true;
}

bool tokenizer_load_template(struct tokenizer *tokenizer, const cJSON *json, struct error *error)
{
    return !json || load_processor(tokenizer, json, 0, error);
}
