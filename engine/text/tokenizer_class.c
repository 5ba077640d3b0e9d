/* The class of the original that a folder's tokenizer is opened as, by transformers 5.24 (tokenization_auto.py). Some
 * classes make normalizer, pre-tokenizer and model themselves, whatever a tokenizer.json beside them says of these. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/wording.h"
#include "text/tokenizer_internal.h"

static const char gpt2_parts[] =
    "{\"normalizer\": null, \"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false}}";

static const char qwen2_parts[] =
    "{\"normalizer\": {\"type\": \"NFC\"}, \"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": ["
    "{\"type\": \"Split\", \"behavior\": \"Isolated\", \"invert\": false, \"pattern\": {\"Regex\": "
    "\"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}| "
    "?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|"
    "\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+\"}}, "
    "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"use_regex\": false}]}}";

static const struct class_row {
    const char *name; /* without "Fast", which may stand behind it */
    const char *parts;
} classes[] = {
    {"GPT2Tokenizer", gpt2_parts},
    {"CodeGenTokenizer", gpt2_parts},
    {"Qwen2Tokenizer", qwen2_parts},
};

/* By "model_type", or how it begins ("*"); the first that fits decides. */
static const struct family_row {
    const char *type;
    const char *class;                                  /* where none is named; NULL: none that is known here */
    enum { BY_NAME, FAMILY_ALWAYS, FILE_ALWAYS } whose; /* whose rules count where a class is named */
} families[] = {
    {"qwen2", "Qwen2Tokenizer", FAMILY_ALWAYS},
    {"qwen2_*", "Qwen2Tokenizer", BY_NAME},
    {"qwen3_5*", NULL, BY_NAME},
    {"qwen3*", "Qwen2Tokenizer", BY_NAME},
    {"mistral*", NULL, FILE_ALWAYS},
    {"ministral*", NULL, FILE_ALWAYS},
    {"mixtral", NULL, FILE_ALWAYS},
    {"pixtral", NULL, FILE_ALWAYS},
    {"gpt2", "GPT2Tokenizer", BY_NAME},
    {"gpt_neo", "GPT2Tokenizer", BY_NAME},
    {"gptj", "GPT2Tokenizer", BY_NAME},
    {"codegen", "GPT2Tokenizer", BY_NAME},
    {"opt", "GPT2Tokenizer", BY_NAME},
    {"phi", "GPT2Tokenizer", BY_NAME},
    {"starcoder2", "GPT2Tokenizer", BY_NAME},
    {"dbrx", "GPT2Tokenizer", BY_NAME},
};

static const struct family_row *family_of(const char *type)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        size_t length = strcspn(families[i].type, "*");
        if (strncmp(families[i].type, type, length) == 0 && (families[i].type[length] || !type[length]))
            return &families[i];
    }
    return NULL;
}

static const char *text_of(const cJSON *document, const char *key)
{
    const cJSON *item = json_member(document, key);
    return cJSON_IsString(item) ? item->valuestring : NULL;
}

static const struct class_row *row_of(const char *name)
{
    size_t length = name ? strlen(name) : 0;
    if (name && text_ends_with(name, "Fast"))
        length -= strlen("Fast");
    for (size_t i = 0; name && i < sizeof classes / sizeof *classes; i++)
        if (strlen(classes[i].name) == length && strncmp(classes[i].name, name, length) == 0)
            return &classes[i];
    return NULL;
}

/* Which class: its name in `out`, "" where none is; and its row, NULL where it has no rules of its own. `*type` is the
 * family, "" where no file tells. */
struct choice {
    char name[128], type[64];
    const struct class_row *row;
};

static bool choose(const char *folder, const cJSON *config, struct choice *choice, struct error *error)
{
    bool good = true;
    cJSON *model = tokenizer_companion(folder, "config.json", &good, error);
    const char *type = text_of(model, "model_type"), *named = text_of(config, "tokenizer_class");
    const struct family_row *family = type ? family_of(type) : NULL;
    named = named ? named : text_of(model, "tokenizer_class");
    if (!named || (family && family->whose == FAMILY_ALWAYS))
        named = family ? family->class : NULL;
    *choice = (struct choice){.row = family && family->whose == FILE_ALWAYS ? NULL : row_of(named)};
    snprintf(choice->name, sizeof choice->name, "%s", named ? named : "");
    snprintf(choice->type, sizeof choice->type, "%s", type ? type : "");
    cJSON_Delete(model);
    return good;
}

/* The bytes come last of its pre-tokenizers. */
static bool set_prefix_space(cJSON *parts)
{
    cJSON *pre = cJSON_GetObjectItemCaseSensitive(parts, "pre_tokenizer");
    const cJSON *list = json_member(pre, "pretokenizers");
    int last = cJSON_GetArraySize(list) - 1;
    return cJSON_ReplaceItemInObjectCaseSensitive(last < 0 ? pre : cJSON_GetArrayItem(list, last), "add_prefix_space",
                                                  cJSON_CreateTrue());
}

static cJSON *parts_of(const struct choice *choice, const char *folder, const cJSON *config, struct error *error)
{
    bool prefix_space = false;
    char *where = path_join(folder, "tokenizer_config.json");
    bool good =
        where ? json_get_bool(config, where, "add_prefix_space", &prefix_space, error) : error_memory(error, folder);
    cJSON *parts = good ? cJSON_Parse(choice->row->parts) : NULL;
    if (good && (!parts || (prefix_space && !set_prefix_space(parts))))
        good = error_memory(error, folder);
    free(where);
    if (good)
        return parts;
    cJSON_Delete(parts);
    return NULL;
}

cJSON *tokenizer_class_parts(const char *folder, const cJSON *config, struct error *error)
{
    struct choice choice;
    if (!choose(folder, config, &choice, error))
        return NULL;
    if (!*choice.name && !*choice.type) /* as the first of them all */
        choice.row = &classes[0];
    if (choice.row)
        return parts_of(&choice, folder, config, error);
    if (*choice.name)
        error_set(error,
                  "%s/tokenizer_config.json: \"tokenizer_class\" \"%.100s\" is not supported without a tokenizer.json",
                  folder, choice.name);
    else
        error_set(error,
                  "%s: tokenizer_config.json names no \"tokenizer_class\", and that of \"%.60s\" is not supported "
                  "without a tokenizer.json",
                  folder, choice.type);
    return NULL;
}

/* Do the two say the same? What is left out is as it is by default, and offsets are nobody's here. */
static bool says_same(const cJSON *a, const cJSON *b)
{
    static const char *const keys[] = {"type", "behavior", "Regex", "String"}, *const lists[] = {"pretokenizers",
                                                                                                 "normalizers"};
    static const struct {
        const char *key;
        bool absent;
    } switches[] = {{"add_prefix_space", true}, {"use_regex", true}, {"invert", false}};
    bool same = !a == !b;
    for (size_t i = 0; same && a && i < sizeof keys / sizeof *keys; i++) {
        const char *left = text_of(a, keys[i]), *right = text_of(b, keys[i]);
        same = left && right ? strcmp(left, right) == 0 : !left == !right;
    }
    for (size_t i = 0; same && a && i < sizeof switches / sizeof *switches; i++) {
        const cJSON *left = json_member(a, switches[i].key), *right = json_member(b, switches[i].key);
        same = (left ? cJSON_IsTrue(left) : switches[i].absent) == (right ? cJSON_IsTrue(right) : switches[i].absent);
    }
    for (size_t i = 0; same && a && i < sizeof lists / sizeof *lists; i++) {
        const cJSON *left = json_member(a, lists[i]), *right = json_member(b, lists[i]);
        same = cJSON_GetArraySize(left) == cJSON_GetArraySize(right);
        for (int k = 0; same && k < cJSON_GetArraySize(left); k++)
            same = says_same(cJSON_GetArrayItem(left, k), cJSON_GetArrayItem(right, k));
    }
    return same && (!a || says_same(json_member(a, "pattern"), json_member(b, "pattern")));
}

/* Puts the parts in the place of those that the file has; `*differs`: they are others. */
static bool exchange(cJSON *json, cJSON *parts, bool *differs)
{
    static const char *const keys[] = {"normalizer", "pre_tokenizer"};
    cJSON *model = cJSON_GetObjectItemCaseSensitive(json, "model");
    bool good = true;
    for (size_t i = 0; good && i < sizeof keys / sizeof *keys; i++) {
        cJSON *part = cJSON_DetachItemFromObjectCaseSensitive(parts, keys[i]);
        *differs = *differs || !says_same(cJSON_IsNull(part) ? NULL : part, json_member(json, keys[i]));
        cJSON_DeleteItemFromObjectCaseSensitive(json, keys[i]);
        good = part && cJSON_AddItemToObject(json, keys[i], part);
    }
    *differs = *differs || cJSON_IsTrue(json_member(model, "ignore_merges"));
    cJSON_DeleteItemFromObjectCaseSensitive(model, "ignore_merges");
    return good;
}

bool tokenizer_reclass(const char *folder, cJSON *json, char **instead, struct error *error)
{
    struct choice choice;
    bool good = true, differs = false;
    cJSON *config = tokenizer_companion(folder, "tokenizer_config.json", &good, error);
    good = good && choose(folder, config, &choice, error);
    cJSON *parts = good && choice.row ? parts_of(&choice, folder, config, error) : NULL;
    good = good && (!choice.row || parts);
    if (good && parts && cJSON_IsObject(json))
        good = exchange(json, parts, &differs) || error_memory(error, folder);
    if (good && differs)
        good = (*instead = strdup(choice.row->name)) || error_memory(error, folder);
    if (good && cJSON_IsTrue(json_member(config, "split_special_tokens")))
        good = cJSON_AddTrueToObject(json, SPLIT_SPECIAL) || error_memory(error, folder);
    cJSON_Delete(parts);
    cJSON_Delete(config);
    return good;
}
