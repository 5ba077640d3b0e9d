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

static const char llama_parts[] =
    "{\"normalizer\": null, \"pre_tokenizer\": {\"type\": \"Metaspace\", \"replacement\": \"\xE2\x96\x81\", "
    "\"prepend_scheme\": \"first\", \"split\": false}, \"decoder\": {\"type\": \"Sequence\", \"decoders\": ["
    "{\"type\": \"Replace\", \"pattern\": {\"String\": \"\xE2\x96\x81\"}, \"content\": \" \"}, {\"type\": "
    "\"ByteFallback\"}, {\"type\": \"Fuse\"}, {\"type\": \"Strip\", \"content\": \" \", \"start\": 1, \"stop\": 0}]}, "
    "\"model\": {\"unk_token\": null, \"fuse_unk\": true, \"byte_fallback\": true}}";

static const char gemma_parts[] =
    "{\"normalizer\": {\"type\": \"Replace\", \"pattern\": {\"String\": \" \"}, \"content\": \"\xE2\x96\x81\"}, "
    "\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"String\": \" \"}, \"behavior\": \"MergedWithPrevious\", "
    "\"invert\": false}, \"decoder\": {\"type\": \"Sequence\", \"decoders\": [{\"type\": \"Replace\", \"pattern\": {"
    "\"String\": \"\xE2\x96\x81\"}, \"content\": \" \"}, {\"type\": \"ByteFallback\"}, {\"type\": \"Fuse\"}]}, "
    "\"model\": {\"unk_token\": \"<unk>\", \"fuse_unk\": true, \"byte_fallback\": true}}";

static const char t5_parts[] =
    "{\"normalizer\": null, \"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": "
    "\"WhitespaceSplit\"}, {\"type\": \"Metaspace\", \"replacement\": \"\xE2\x96\x81\", \"prepend_scheme\": "
    "\"always\", \"split\": true}]}, \"decoder\": {\"type\": \"Metaspace\", \"replacement\": \"\xE2\x96\x81\", "
    "\"prepend_scheme\": \"always\", \"split\": true}, \"model\": {\"unk_id\": 2, \"byte_fallback\": false}}";

/* What tokenizer_config.json says of a class. */
struct class_settings {
    bool prefix_space, no_prefix_space; /* "add_prefix_space"; neither: it is not said */
    bool legacy;
};

/* The bytes come last of its pre-tokenizers. */
static bool settle_bytes(cJSON *parts, const struct class_settings *settings)
{
    cJSON *pre = cJSON_GetObjectItemCaseSensitive(parts, "pre_tokenizer");
    const cJSON *list = json_member(pre, "pretokenizers");
    int last = cJSON_GetArraySize(list) - 1;
    return !settings->prefix_space ||
           cJSON_ReplaceItemInObjectCaseSensitive(last < 0 ? pre : cJSON_GetArrayItem(list, last), "add_prefix_space",
                                                  cJSON_CreateTrue());
}

/* Without a space in front none is taken away, which its last decoder does. */
static bool settle_llama(cJSON *parts, const struct class_settings *settings)
{
    cJSON *list = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(parts, "decoder"), "decoders");
    const char *scheme = settings->no_prefix_space ? "never" : settings->legacy ? "always" : "first";
    if (settings->no_prefix_space)
        cJSON_DeleteItemFromArray(list, cJSON_GetArraySize(list) - 1);
    return cJSON_ReplaceItemInObjectCaseSensitive(cJSON_GetObjectItemCaseSensitive(parts, "pre_tokenizer"),
                                                  "prepend_scheme", cJSON_CreateString(scheme));
}

static bool settle_nothing(cJSON *parts, const struct class_settings *settings)
{
    (void)parts, (void)settings;
    return true;
}

static const struct class_row {
    const char *name; /* without "Fast", which may stand behind it */
    const char *parts;
    bool (*settle)(cJSON *parts, const struct class_settings *settings);
    bool characters;   /* a tokenizer.json over bytes keeps its own rules; and it is not read from vocab.json */
    bool own;          /* a tokenizer.json keeps its own rules: these are for a folder without one */
    const char *names; /* its special tokens, where a folder without a tokenizer.json does not name them */
    bool words;        /* over a vocabulary of WordPiece */
} classes[] = {
    {.name = "GPT2Tokenizer", .parts = gpt2_parts, .settle = settle_bytes},
    {.name = "CodeGenTokenizer", .parts = gpt2_parts, .settle = settle_bytes},
    {.name = "Qwen2Tokenizer", .parts = qwen2_parts, .settle = settle_bytes},
    {.name = "LlamaTokenizer",
     .parts = llama_parts,
     .settle = settle_llama,
     .characters = true,
     .names = "{\"bos_token\": \"<s>\", \"eos_token\": \"</s>\", \"unk_token\": \"<unk>\"}"},
    {.name = "GemmaTokenizer",
     .parts = gemma_parts,
     .settle = settle_nothing,
     .characters = true,
     .names = "{\"bos_token\": \"<bos>\", \"eos_token\": \"<eos>\", \"unk_token\": \"<unk>\", \"pad_token\": "
              "\"<pad>\", \"mask_token\": \"<mask>\"}"},
    {.name = "T5Tokenizer",
     .parts = t5_parts,
     .settle = settle_nothing,
     .characters = true,
     .own = true,
     .names = "{\"eos_token\": \"</s>\", \"unk_token\": \"<unk>\", \"pad_token\": \"<pad>\"}"},
    {.name = "BertTokenizer", .parts = "{}", .settle = settle_nothing, .characters = true, .own = true, .words = true},
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
    {"gemma", "GemmaTokenizer", BY_NAME},
    {"gemma2", "GemmaTokenizer", BY_NAME},
    {"gemma3*", "GemmaTokenizer", BY_NAME},
    {"t5", "T5Tokenizer", BY_NAME},
    {"bert", "BertTokenizer", BY_NAME},
    {"mt5", "T5Tokenizer", BY_NAME},
    {"llava", NULL, FILE_ALWAYS},
    {"llava_next", NULL, FILE_ALWAYS},
    {"vipllava", NULL, FILE_ALWAYS},
    {"phi3", NULL, FILE_ALWAYS},
    {"phi3_v", NULL, FILE_ALWAYS},
    {"phimoe", NULL, FILE_ALWAYS},
    {"internlm2", NULL, FILE_ALWAYS},
    {"internlm3", NULL, FILE_ALWAYS},
    {"minicpm3", NULL, FILE_ALWAYS},
    {"jamba", NULL, FILE_ALWAYS},
    {"nemotron", NULL, FILE_ALWAYS},
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
    bool plain; /* whatever it is named, it has no rules of its own */
};

/* The classes that take everything from the files. */
static bool is_plain(const char *name)
{
    static const char *const names[] = {"TokenizersBackend", "PreTrainedTokenizerFast", "PreTrainedTokenizer"};
    bool found = !name;
    for (size_t i = 0; i < sizeof names / sizeof *names && !found; i++)
        found = strcmp(names[i], name) == 0;
    return found;
}

static bool choose(const char *folder, const cJSON *config, struct choice *choice, struct error *error)
{
    bool good = true;
    cJSON *model = tokenizer_companion(folder, "config.json", &good, error);
    const char *type = text_of(model, "model_type"), *named = text_of(config, "tokenizer_class");
    const struct family_row *family = type ? family_of(type) : NULL;
    named = named ? named : text_of(model, "tokenizer_class");
    if (!named || (family && family->whose == FAMILY_ALWAYS))
        named = family ? family->class : NULL;
    bool plain = family && family->whose == FILE_ALWAYS;
    *choice = (struct choice){.row = plain ? NULL : row_of(named), .plain = plain || is_plain(named)};
    snprintf(choice->name, sizeof choice->name, "%s", named ? named : "");
    snprintf(choice->type, sizeof choice->type, "%s", type ? type : "");
    cJSON_Delete(model);
    return good;
}

static cJSON *parts_of(const struct choice *choice, const char *folder, const cJSON *config, struct error *error)
{
    struct class_settings settings = {0};
    bool spaced = false, said = json_member(config, "add_prefix_space");
    char *where = path_join(folder, "tokenizer_config.json");
    bool good = where ? json_get_bool(config, where, "add_prefix_space", &spaced, error) &&
                            json_get_bool(config, where, "legacy", &settings.legacy, error)
                      : error_memory(error, folder);
    settings.prefix_space = spaced;
    settings.no_prefix_space = said && !spaced;
    cJSON *parts = good ? cJSON_Parse(choice->row->parts) : NULL;
    if (good && (!parts || !choice->row->settle(parts, &settings)))
        good = error_memory(error, folder);
    free(where);
    if (good)
        return parts;
    cJSON_Delete(parts);
    return NULL;
}

bool tokenizer_class_pieces(const char *folder, const cJSON *config, cJSON **parts, const char **names,
                            struct error *error)
{
    struct choice choice;
    *parts = NULL;
    *names = NULL;
    if (!choose(folder, config, &choice, error))
        return false;
    if (!choice.row && choice.plain)
        return true;
    if (!choice.row || !choice.row->names || choice.row->words)
        return error_set(error, "%s: class \"%.100s\" is not supported over a SentencePiece model", folder,
                         choice.name);
    *names = choice.row->names;
    *parts = parts_of(&choice, folder, config, error);
    return *parts;
}

bool tokenizer_class_words(const char *folder, const cJSON *config, struct error *error)
{
    struct choice choice;
    return choose(folder, config, &choice, error) &&
           ((choice.row && choice.row->words) ||
            error_set(error, "%s: class \"%.100s\" is not supported over vocab.txt", folder, choice.name));
}

bool tokenizer_class_bytes(const char *folder, const cJSON *config, const char **names, struct error *error)
{
    struct choice choice;
    *names = "{}";
    if (!choose(folder, config, &choice, error))
        return false;
    if (json_member(json_member(config, "auto_map"), "AutoTokenizer"))
        return error_set(
            error, "%s/tokenizer_config.json: \"auto_map\" names a class whose code lies beside it and is not run",
            folder);
    if (choice.row && choice.row->names)
        *names = choice.row->names;
    return (!choice.row && choice.plain) || (choice.row && choice.row->names) ||
           error_set(error, "%s: class \"%.100s\" is not supported over a vocabulary of bytes with ranks", folder,
                     choice.name);
}

cJSON *tokenizer_class_parts(const char *folder, const cJSON *config, struct error *error)
{
    struct choice choice;
    if (!choose(folder, config, &choice, error))
        return NULL;
    if (!*choice.name && !*choice.type) /* as the first of them all */
        choice.row = &classes[0];
    if (choice.row && !choice.row->characters)
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
    static const char *const keys[] = {"type",        "behavior",       "Regex",  "String",
                                       "replacement", "prepend_scheme", "content"},
                             *const lists[] = {"pretokenizers", "normalizers", "decoders"};
    static const struct {
        const char *key;
        bool absent;
    } switches[] = {{"add_prefix_space", true}, {"use_regex", true}, {"invert", false}, {"split", true}};
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

/* Puts a member in the place of that which is there; `*differs`: that was another, or there was none where it counts.
 */
static bool exchange_member(cJSON *model, cJSON *member, bool *differs)
{
    char *key = strdup(member->string);
    const cJSON *was = json_member(model, member->string);
    *differs = *differs || !(was ? cJSON_Compare(was, member, true) : cJSON_IsNull(member) || cJSON_IsFalse(member));
    cJSON_DeleteItemFromObjectCaseSensitive(model, member->string);
    bool good = key && cJSON_AddItemToObject(model, key, member);
    free(key);
    if (!good)
        cJSON_Delete(member);
    return good;
}

/* Puts the parts in the place of those that the file has, member by member where it is the model; `*differs`: they are
 * others. */
static bool exchange(cJSON *json, cJSON *parts, bool *differs)
{
    static const char *const keys[] = {"normalizer", "pre_tokenizer", "decoder"};
    cJSON *model = cJSON_GetObjectItemCaseSensitive(json, "model");
    cJSON *members = cJSON_GetObjectItemCaseSensitive(parts, "model");
    bool good = true;
    for (size_t i = 0; good && i < sizeof keys / sizeof *keys; i++) {
        cJSON *part = cJSON_DetachItemFromObjectCaseSensitive(parts, keys[i]);
        if (!part)
            continue;
        *differs = *differs || !says_same(cJSON_IsNull(part) ? NULL : part, json_member(json, keys[i]));
        cJSON_DeleteItemFromObjectCaseSensitive(json, keys[i]);
        good = cJSON_AddItemToObject(json, keys[i], part);
    }
    while (good && cJSON_IsObject(model) && members && members->child)
        good = exchange_member(model, cJSON_DetachItemViaPointer(members, members->child), differs);
    *differs = *differs || cJSON_IsTrue(json_member(model, "ignore_merges"));
    cJSON_DeleteItemFromObjectCaseSensitive(model, "ignore_merges");
    return good;
}

/* A ByteLevel somewhere in a part of the file. */
static bool has_bytes(const cJSON *part)
{
    const char *type = text_of(part, "type");
    bool found = type && strcmp(type, "ByteLevel") == 0;
    for (const cJSON *child = part ? part->child : NULL; child && !found; child = child->next)
        found = (cJSON_IsObject(child) || cJSON_IsArray(child)) && has_bytes(child);
    return found;
}

bool tokenizer_reclass(const char *folder, bool made, cJSON *json, char **instead, struct error *error)
{
    struct choice choice;
    bool good = true, differs = false;
    cJSON *config = tokenizer_companion(folder, "tokenizer_config.json", &good, error);
    good = good && choose(folder, config, &choice, error);
    if (good && choice.row && (made || choice.row->own))
        choice.row = NULL;
    if (good && choice.row && choice.row->characters &&
        (has_bytes(json_member(json, "pre_tokenizer")) || has_bytes(json_member(json, "decoder"))))
        choice.row = NULL;
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
