/* vocab.txt, a vocabulary of WordPiece, as transformers' BertTokenizer reads it (models/bert/tokenization_bert.py). */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "text/tokenizer_internal.h"

/* The names that count where tokenizer_config.json has none. */
static const char names[] = "{\"unk_token\": \"[UNK]\", \"sep_token\": \"[SEP]\", \"pad_token\": \"[PAD]\", "
                            "\"cls_token\": \"[CLS]\", \"mask_token\": \"[MASK]\"}";

struct words {
    const char *where;
    const cJSON *config; /* tokenizer_config.json, or NULL */
    cJSON *root, *names;
    struct error *error;
};

static const char *text_or(bool value)
{
    return value ? "true" : "false";
}

static bool words_parts(struct words *words)
{
    const cJSON *config = words->config;
    bool lower = true, chinese = true, accents = true;
    struct buffer text = {0};
    if (!json_get_bool(config, words->where, "do_lower_case", &lower, words->error) ||
        !json_get_bool(config, words->where, "tokenize_chinese_chars", &chinese, words->error))
        return false;
    accents = lower;
    if (!json_get_bool(config, words->where, "strip_accents", &accents, words->error))
        return false;
    buffer_format(
        &text,
        "{\"normalizer\": {\"type\": \"BertNormalizer\", \"clean_text\": true, \"handle_chinese_chars\": %s, "
        "\"strip_accents\": %s, \"lowercase\": %s}, \"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"}, "
        "\"decoder\": {\"type\": \"WordPiece\", \"prefix\": \"##\", \"cleanup\": true}, \"model\": {\"type\": "
        "\"WordPiece\", \"continuing_subword_prefix\": \"##\", \"max_input_chars_per_word\": 100, \"vocab\": {}}, "
        "\"added_tokens\": [], \"" DEFAULT_NAMES "\": %s}",
        text_or(chinese), text_or(accents), text_or(lower), names);
    words->root = text.failed ? NULL : cJSON_Parse(text.data);
    words->names = cJSON_GetObjectItemCaseSensitive(words->root, DEFAULT_NAMES);
    buffer_free(&text);
    return words->root || error_memory(words->error, words->where);
}

/* One a line, whatever ends it: a token's id is the number of its line. */
static bool words_vocab(struct words *words, char *text, struct map *ids)
{
    cJSON *vocab = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(words->root, "model"), "vocab");
    size_t id = 0;
    for (char *line = text, *next; *line; line = next, id++) {
        size_t found = MAP_ABSENT;
        next = line + strcspn(line, "\r\n");
        if (*next) {
            bool both = next[0] == '\r' && next[1] == '\n';
            *next = '\0';
            next += both ? 2 : 1;
        }
        if (!map_add(ids, line, strlen(line), id, &found) || !cJSON_AddNumberToObject(vocab, line, (double)id))
            return error_memory(words->error, words->where);
        if (found != MAP_ABSENT)
            return error_set(words->error, "%s:%zu: token \"%.100s\" is there twice, as %zu and %zu", words->where,
                             id + 1, line, found, id);
    }
    return true;
}

/* The token that goes by the name; `*id` = -1: it is in no line. */
static const char *named(const struct words *words, const char *key, const struct map *ids, int *id)
{
    const cJSON *token = json_member(words->config, key);
    token = token ? token : json_member(words->names, key);
    token = cJSON_IsObject(token) ? json_member(token, "content") : token;
    const char *content = cJSON_IsString(token) ? token->valuestring : "";
    size_t found = map_find(ids, content, strlen(content));
    *id = found == MAP_ABSENT ? -1 : (int)found;
    return content;
}

static bool words_ends(struct words *words, const struct map *ids)
{
    int cls = -1, sep = -1, unknown = -1;
    const char *begin = named(words, "cls_token", ids, &cls), *end = named(words, "sep_token", ids, &sep);
    if (cls < 0 || sep < 0)
        return error_set(words->error, "%s: \"%.100s\", with which a text %s, is in no line", words->where,
                         cls < 0 ? begin : end, cls < 0 ? "begins" : "ends");
    cJSON *model = cJSON_GetObjectItemCaseSensitive(words->root, "model");
    struct buffer text = {0};
    buffer_format(&text, "{\"type\": \"BertProcessing\", \"cls\": [\"\", %d], \"sep\": [\"\", %d]}", cls, sep);
    cJSON *processor = text.failed ? NULL : cJSON_Parse(text.data);
    buffer_free(&text);
    if (!processor || !cJSON_AddItemToObject(words->root, "post_processor", processor)) {
        cJSON_Delete(processor);
        return error_memory(words->error, words->where);
    }
    return cJSON_AddStringToObject(model, "unk_token", named(words, "unk_token", ids, &unknown)) ||
           error_memory(words->error, words->where);
}

static bool words_make(struct words *words, const char *folder)
{
    struct buffer text = {0};
    struct map ids = {0};
    bool good = tokenizer_class_words(folder, words->config, words->error) && words_parts(words) &&
                file_read(words->where, COMPANION_MOST, &text, words->error);
    char *data = text.data ? text.data : (char[1]){0};
    if (good && (memchr(data, '\0', text.size) || utf8_check(data, text.size) != text.size))
        good = error_set(words->error, "%s: is not UTF-8 text", words->where);
    good = good && words_vocab(words, data, &ids) && words_ends(words, &ids);
    map_free(&ids);
    buffer_free(&text);
    return good;
}

cJSON *tokenizer_words(const char *folder, const char *name, struct error *error)
{
    char *path = path_join(folder, name);
    bool good = path || error_memory(error, name);
    cJSON *config = tokenizer_companion(folder, "tokenizer_config.json", &good, error);
    struct words words = {.where = path, .config = config, .error = error};
    good = good && words_make(&words, folder);
    cJSON_Delete(config);
    free(path);
    if (good)
        return words.root;
    cJSON_Delete(words.root);
    return NULL;
}
