/* vocab.json and merges.txt with their companions, as the tokenizer.json that they would have been converted to. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "text/tokenizer_internal.h"

struct gathering {
    const char *folder;
    cJSON *root;
    cJSON *model;
    cJSON *added;
    cJSON *config;   /* tokenizer_config.json, or NULL */
    cJSON *specials; /* special_tokens_map.json, or NULL */
    struct error *error;
};

static bool gather_merges_text(cJSON *merges, char *text, const char *path, struct error *error)
{
    for (char *line = text, *end; *line; line = end) {
        end = line + strcspn(line, "\n");
        size_t length = (size_t)(end - line);
        if (*end)
            *end++ = '\0';
        if (length && line[length - 1] == '\r')
            line[--length] = '\0';
        if (!length && !*end)
            break;
        cJSON *merge = cJSON_CreateString(line);
        if (!merge || !cJSON_AddItemToArray(merges, merge))
            return error_memory(error, path);
    }
    return true;
}

static bool gather_merges(struct gathering *g)
{
    char *path = path_join(g->folder, "merges.txt");
    struct buffer text = {0};
    cJSON *merges = cJSON_AddArrayToObject(g->model, "merges");
    bool good = path && merges ? file_read(path, COMPANION_MOST, &text, g->error) : error_memory(g->error, g->folder);
    if (good && (memchr(text.data, '\0', text.size) || utf8_check(text.data, text.size) < text.size))
        good = error_set(g->error, "%s: is not UTF-8 text", path);
    good = good && gather_merges_text(merges, text.data, path, g->error);
    buffer_free(&text);
    free(path);
    return good;
}

/* Adds {"id", "content", ...}; `from` may have flags of its own, else `special` decides. */
static bool gather_token(struct gathering *g, const char *content, double id, const cJSON *from, bool special)
{
    static const char *const flags[] = {"single_word", "lstrip", "rstrip", "normalized", "special"};
    cJSON *token = cJSON_CreateObject();
    if (!token || !cJSON_AddItemToArray(g->added, token)) {
        cJSON_Delete(token);
        return error_memory(g->error, g->folder);
    }
    bool good = cJSON_AddNumberToObject(token, "id", id) && cJSON_AddStringToObject(token, "content", content);
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        const cJSON *flag = json_member(from, flags[i]);
        bool value = cJSON_IsBool(flag) ? cJSON_IsTrue(flag) : i == 4 ? special : i == 3 && !special;
        good = good && cJSON_AddBoolToObject(token, flags[i], value);
    }
    return good || error_memory(g->error, g->folder);
}

static bool is_text(const cJSON *item, const char *text)
{
    const cJSON *content = cJSON_IsObject(item) ? json_member(item, "content") : item;
    return cJSON_IsString(content) && strcmp(content->valuestring, text) == 0;
}

/* special_tokens_map.json: {"eos_token": "..." or {"content": "..."}, "additional_special_tokens": [...]}. */
static bool is_special(const struct gathering *g, const char *content)
{
    const cJSON *item = NULL, *inner = NULL;
    cJSON_ArrayForEach(item, g->specials)
    {
        if (is_text(item, content))
            return true;
        if (cJSON_IsArray(item))
            cJSON_ArrayForEach(inner, item) if (is_text(inner, content)) return true;
    }
    return false;
}

/* tokenizer_config.json: "added_tokens_decoder": {"151643": {"content": ..., flags}}. */
static bool gather_decoder(struct gathering *g, const cJSON *decoder)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, decoder)
    {
        const cJSON *content = json_member(item, "content");
        char *end = NULL;
        long id = item->string ? strtol(item->string, &end, 10) : -1;
        if (!cJSON_IsString(content) || id < 0 || id >= INT_MAX || *end || end == item->string)
            return error_set(g->error, "%s/tokenizer_config.json: \"added_tokens_decoder\" should map ids to tokens",
                             g->folder);
        if (!gather_token(g, content->valuestring, (double)id, item, false))
            return false;
    }
    return true;
}

/* added_tokens.json: {"<|im_start|>": 151644}. */
static bool gather_added(struct gathering *g)
{
    bool good = true;
    cJSON *added = tokenizer_companion(g->folder, "added_tokens.json", &good, g->error);
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, added)
    {
        uint64_t id = 0;
        if (!item->string || !json_uint64(item, &id) || id >= INT_MAX)
            good = error_set(g->error, "%s/added_tokens.json: should map tokens to ids", g->folder);
        good = good && gather_token(g, item->string, (double)id, NULL, is_special(g, item->string));
        if (!good)
            break;
    }
    cJSON_Delete(added);
    return good;
}

/* Tokens of the vocabulary that special_tokens_map.json names, and <|endoftext|>, which both families have. */
static bool gather_vocabulary_special(struct gathering *g, const cJSON *name)
{
    const cJSON *content = cJSON_IsObject(name) ? json_member(name, "content") : name, *item = NULL;
    if (!cJSON_IsString(content))
        return true;
    cJSON_ArrayForEach(item, g->added) if (is_text(item, content->valuestring)) return true;
    const cJSON *id = json_member(json_member(g->model, "vocab"), content->valuestring);
    return !cJSON_IsNumber(id) || gather_token(g, content->valuestring, id->valuedouble, NULL, true);
}

static bool gather_tokens(struct gathering *g)
{
    const cJSON *decoder = json_member(g->config, "added_tokens_decoder"), *item = NULL, *inner = NULL;
    if (!(decoder ? gather_decoder(g, decoder) : gather_added(g)))
        return false;
    cJSON_ArrayForEach(item, g->specials)
    {
        if (!gather_vocabulary_special(g, item))
            return false;
        if (cJSON_IsArray(item))
            cJSON_ArrayForEach(inner, item) if (!gather_vocabulary_special(g, inner)) return false;
    }
    cJSON *text = cJSON_CreateString("<|endoftext|>");
    bool good = text ? gather_vocabulary_special(g, text) : error_memory(g->error, g->folder);
    cJSON_Delete(text);
    return good;
}

/* The rows of `added` by id: that is the order in which the original adds them. */
static int added_order(const void *a, const void *b)
{
    double left = json_member(*(cJSON *const *)a, "id")->valuedouble,
           right = json_member(*(cJSON *const *)b, "id")->valuedouble;
    return (left > right) - (left < right);
}

static bool gather_sort(struct gathering *g)
{
    size_t count = 0;
    cJSON **items = calloc((size_t)cJSON_GetArraySize(g->added) + 1, sizeof *items);
    if (!items)
        return error_memory(g->error, g->folder);
    while (g->added->child)
        items[count++] = cJSON_DetachItemViaPointer(g->added, g->added->child);
    qsort(items, count, sizeof(cJSON *), added_order);
    for (size_t i = 0; i < count; i++)
        cJSON_AddItemToArray(g->added, items[i]);
    free(items);
    return true;
}

static bool gather_all(struct gathering *g)
{
    bool good = true;
    g->config = tokenizer_companion(g->folder, "tokenizer_config.json", &good, g->error);
    if (!good || !(g->root = tokenizer_class_parts(g->folder, g->config, g->error)))
        return false;
    g->specials = tokenizer_companion(g->folder, "special_tokens_map.json", &good, g->error);
    cJSON *vocab = good ? tokenizer_companion(g->folder, "vocab.json", &good, g->error) : NULL;
    g->model = cJSON_AddObjectToObject(g->root, "model");
    g->added = cJSON_AddArrayToObject(g->root, "added_tokens");
    cJSON *decoder = cJSON_AddObjectToObject(g->root, "decoder");
    if (!good || !vocab || !cJSON_AddItemToObject(g->model, "vocab", vocab)) {
        cJSON_Delete(vocab);
        return error_memory(g->error, g->folder);
    }
    if (!g->added || !cJSON_AddStringToObject(decoder, "type", "ByteLevel"))
        return error_memory(g->error, g->folder);
    return gather_merges(g) && gather_tokens(g) && gather_sort(g);
}

cJSON *tokenizer_gather(const char *folder, const char *name, struct error *error)
{
    (void)name;
    struct gathering g = {.folder = folder, .error = error};
    bool good = gather_all(&g);
    cJSON_Delete(g.config);
    cJSON_Delete(g.specials);
    if (good)
        return g.root;
    cJSON_Delete(g.root);
    return NULL;
}
