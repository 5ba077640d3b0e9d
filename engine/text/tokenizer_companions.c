/* What lies beside a tokenizer.json and adds tokens to it, as the original applies it (transformers,
 * tokenization_utils_base.py and tokenization_utils_tokenizers.py): tokens that only tokenizer_config.json lists, or,
 * where that has no list, added_tokens.json; then the special tokens by their names; then the further ones. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "text/tokenizer_internal.h"

struct completing {
    const char *folder;
    cJSON *added;                /* of the tokenizer.json, which grows */
    struct map vocab;            /* of its model: token -> id */
    struct map known;            /* contents of `added` */
    const cJSON *config, *names; /* tokenizer_config.json, special_tokens_map.json; NULL */
    const cJSON *defaults;       /* what counts where these name nothing; NULL */
    bool raw;                    /* what tokenizer_config.json lists is looked for in the text as it comes */
    size_t next;                 /* id of a token that is in no vocabulary */
    struct error *error;
};

cJSON *tokenizer_companion(const char *folder, const char *name, bool *good, struct error *error)
{
    char *path = path_join(folder, name);
    cJSON *json = NULL;
    if (!path)
        *good = error_memory(error, name);
    else if (*good && file_exists(path))
        *good = (json = json_read(path, COMPANION_MOST, error)) != NULL;
    free(path);
    return json;
}

static const cJSON *content_of(const cJSON *token)
{
    return cJSON_IsObject(token) ? json_member(token, "content") : token;
}

/* A string, or an object with flags of its own; a name makes either special. */
static bool add_token(struct completing *c, const char *content, const cJSON *from, bool special)
{
    static const char *const flags[] = {"single_word", "lstrip", "rstrip", "normalized"};
    size_t found = MAP_ABSENT;
    if (!map_add(&c->known, content, strlen(content), 0, &found))
        return error_memory(c->error, c->folder);
    if (found != MAP_ABSENT)
        return true;
    const cJSON *says = json_member(from, "special");
    size_t own = map_find(&c->vocab, content, strlen(content));
    cJSON *token = cJSON_CreateObject();
    special = special || cJSON_IsTrue(says);
    bool good = token && cJSON_AddItemToArray(c->added, token);
    good = good && cJSON_AddNumberToObject(token, "id", (double)(own == MAP_ABSENT ? c->next++ : own)) &&
           cJSON_AddStringToObject(token, "content", content) && cJSON_AddBoolToObject(token, "special", special);
    for (size_t i = 0; good && i < sizeof flags / sizeof *flags; i++) {
        const cJSON *flag = json_member(from, flags[i]);
        bool value = cJSON_IsBool(flag) ? cJSON_IsTrue(flag) : i == 3 && !special;
        good = cJSON_AddBoolToObject(token, flags[i], value && !(i == 3 && c->raw));
    }
    return good || error_memory(c->error, c->folder);
}

static bool add_special(struct completing *c, const cJSON *token)
{
    const cJSON *content = content_of(token);
    return !cJSON_IsString(content) || !*content->valuestring ||
           add_token(c, content->valuestring, cJSON_IsObject(token) ? token : NULL, true);
}

static const char *const special_keys[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                           "pad_token", "cls_token", "mask_token"};
#define SPECIAL_KEYS (sizeof special_keys / sizeof *special_keys)
#define FURTHER_KEYS 2

/* special_tokens_map.json, where it is read, goes before tokenizer_config.json. */
static const cJSON *named(const struct completing *c, const char *key)
{
    const cJSON *value = json_member(c->names, key);
    value = value ? value : json_member(c->config, key);
    return value ? value : json_member(c->defaults, key);
}

static bool is_text(const cJSON *token, const char *text)
{
    const cJSON *content = content_of(token);
    return cJSON_IsString(content) && strcmp(content->valuestring, text) == 0;
}

/* Over a SentencePiece model the original does not look for them in special_tokens_map.json. */
static const cJSON *further_named(const struct completing *c, size_t list)
{
    static const char *const keys[FURTHER_KEYS] = {"extra_special_tokens", "additional_special_tokens"};
    const cJSON *value = c->defaults ? json_member(c->config, keys[list]) : named(c, keys[list]);
    value = value ? value : json_member(c->defaults, keys[list]);
    return cJSON_IsArray(value) || cJSON_IsObject(value) ? value->child : NULL;
}

static bool is_named(const struct completing *c, const char *token)
{
    bool found = false;
    for (size_t i = 0; !found && i < SPECIAL_KEYS; i++)
        found = is_text(named(c, special_keys[i]), token);
    for (size_t i = 0; i < FURTHER_KEYS; i++)
        for (const cJSON *item = further_named(c, i); !found && item; item = item->next)
            found = is_text(item, token);
    return found;
}

struct listed {
    long id;
    const char *content;
    const cJSON *flags;
};

static int listed_order(const void *a, const void *b)
{
    const struct listed *left = a, *right = b;
    return (left->id > right->id) - (left->id < right->id);
}

/* By id, which orders them and is not theirs: a token takes the next free one. `list`: {"3": {"content"}} or {"token":
 * 3}. */
static bool add_listed(struct completing *c, const cJSON *list, const char *file)
{
    size_t count = 0;
    struct listed *items = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof *items);
    bool good = items || error_memory(c->error, c->folder);
    if (good && list && !cJSON_IsObject(list))
        good = error_set(c->error, "%s/%s: should map added tokens and their ids", c->folder, file);
    for (const cJSON *item = list ? list->child : NULL; good && item; item = item->next) {
        const cJSON *content = json_member(item, "content");
        char *end = NULL;
        struct listed one = {.id = cJSON_IsNumber(item) ? item->valueint : strtol(item->string, &end, 10),
                             .content = cJSON_IsNumber(item)      ? item->string
                                        : cJSON_IsString(content) ? content->valuestring
                                                                  : NULL,
                             .flags = cJSON_IsObject(item) ? item : NULL};
        if (!one.content || one.id < 0 || one.id >= INT_MAX || (end && (*end || end == item->string)))
            good = error_set(c->error, "%s/%s: should map added tokens and their ids", c->folder, file);
        else
            items[count++] = one;
    }
    if (good)
        qsort(items, count, sizeof *items, listed_order);
    for (size_t i = 0; good && i < count; i++)
        good = add_token(c, items[i].content, items[i].flags, is_named(c, items[i].content));
    free(items);
    return good;
}

static bool add_names(struct completing *c)
{
    bool good = true;
    for (size_t i = 0; good && i < SPECIAL_KEYS; i++)
        good = add_special(c, named(c, special_keys[i]));
    for (size_t i = 0; i < FURTHER_KEYS; i++)
        for (const cJSON *item = further_named(c, i); good && item; item = item->next)
            good = add_special(c, item);
    return good;
}

static bool complete(struct completing *c, size_t *named_from)
{
    bool good = true;
    cJSON *config = tokenizer_companion(c->folder, "tokenizer_config.json", &good, c->error);
    const cJSON *decoder = json_member(config, "added_tokens_decoder");
    cJSON *names = decoder ? NULL : tokenizer_companion(c->folder, "special_tokens_map.json", &good, c->error);
    cJSON *added = decoder ? NULL : tokenizer_companion(c->folder, "added_tokens.json", &good, c->error);
    c->config = config;
    c->names = names;
    good =
        good && (decoder ? add_listed(c, decoder, "tokenizer_config.json") : add_listed(c, added, "added_tokens.json"));
    size_t listed = c->next;
    c->raw = false;
    good = good && add_names(c);
    *named_from = c->next > listed ? listed : 0;
    cJSON_Delete(config);
    cJSON_Delete(names);
    cJSON_Delete(added);
    return good;
}

/* {token: id}, or [[token, score]] whose ids are places; what is neither is told by who loads it. */
static bool vocab_find(struct map *map, const cJSON *vocab)
{
    bool good = true;
    size_t place = 0;
    for (const cJSON *item = vocab ? vocab->child : NULL; good && item; item = item->next, place++) {
        const cJSON *text = cJSON_IsArray(item) ? item->child : NULL;
        if (cJSON_IsNumber(item) && item->string && item->valuedouble >= 0 && item->valuedouble < INT_MAX)
            good = map_add(map, item->string, strlen(item->string), (size_t)item->valuedouble, NULL);
        else if (cJSON_IsString(text))
            good = map_add(map, text->valuestring, strlen(text->valuestring), place, NULL);
    }
    return good;
}

/* What is wrong with the tokenizer.json itself is told by who loads it. */
bool tokenizer_complete(const char *folder, cJSON *json, size_t *named_from, struct error *error)
{
    struct completing c = {.folder = folder,
                           .added = cJSON_GetObjectItemCaseSensitive(json, "added_tokens"),
                           .defaults = json_member(json, DEFAULT_NAMES),
                           .raw = cJSON_IsTrue(json_member(json, LISTED_RAW)),
                           .error = error};
    const cJSON *vocab = json_member(json_member(json, "model"), "vocab");
    if (cJSON_IsObject(json) && !c.added)
        c.added = cJSON_AddArrayToObject(json, "added_tokens");
    if (!cJSON_IsArray(c.added) || !(cJSON_IsObject(vocab) || cJSON_IsArray(vocab)))
        return true;
    c.next = (size_t)cJSON_GetArraySize(vocab);
    bool good = vocab_find(&c.vocab, vocab) || error_memory(error, folder);
    for (const cJSON *item = c.added->child; good && item; item = item->next) {
        const cJSON *content = json_member(item, "content"), *id = json_member(item, "id");
        if (cJSON_IsNumber(id) && id->valuedouble >= (double)c.next && id->valuedouble < INT_MAX - 1)
            c.next = (size_t)id->valuedouble + 1;
        good = !cJSON_IsString(content) ||
               map_add(&c.known, content->valuestring, strlen(content->valuestring), 0, NULL) ||
               error_memory(error, folder);
    }
    good = good && complete(&c, named_from);
    map_free(&c.known);
    map_free(&c.vocab);
    return good;
}
