/* Vocabularies of bytes with ranks, Mistral's tekken.json and files of tiktoken, as the tokenizer.json that
 * transformers 5 would make of them (integrations/mistral/tokenizer.py without mistral-common, and TikTokenConverter of
 * convert_slow_tokenizer.py). */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "text/base64.h"
#include "text/tokenizer_internal.h"
#include "text/utf8.h"

#define TOKEN_BYTES_MOST 4096
#define RANKS_MOST (1 << 22)
#define NAMES_MOST (1 << 20)

static const char tiktoken_pattern[] = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| "
                                       "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|"
                                       "\\s+(?!\\S)|\\s+";

/* Of a tekken.json from before these were listed there. */
static const char *const tekken_specials[] = {"<unk>",
                                              "<s>",
                                              "</s>",
                                              "[INST]",
                                              "[/INST]",
                                              "[AVAILABLE_TOOLS]",
                                              "[/AVAILABLE_TOOLS]",
                                              "[TOOL_RESULTS]",
                                              "[/TOOL_RESULTS]",
                                              "[TOOL_CALLS]",
                                              "[IMG]",
                                              "<pad>",
                                              "[IMG_BREAK]",
                                              "[IMG_END]",
                                              "[PREFIX]",
                                              "[MIDDLE]",
                                              "[SUFFIX]",
                                              "[SYSTEM_PROMPT]",
                                              "[/SYSTEM_PROMPT]",
                                              "[TOOL_CONTENT]"};

struct ranks {
    const char *where;
    char **texts; /* by rank, in the byte-level alphabet; NULL: none has it */
    size_t count, capacity;
    size_t given; /* of them, those that are there */
    struct map ids;
    struct buffer scratch;
    const char *names; /* the class's special tokens, JSON */
    struct error *error;
};

static void ranks_free(struct ranks *ranks)
{
    for (size_t i = 0; i < ranks->count; i++)
        free(ranks->texts[i]);
    free(ranks->texts);
    map_free(&ranks->ids);
    buffer_free(&ranks->scratch);
}

static bool rank_add(struct ranks *ranks, const char *base64, size_t size, size_t rank)
{
    struct buffer *bytes = &ranks->scratch, text = {0};
    size_t found = MAP_ABSENT;
    bytes->size = 0;
    if (rank >= RANKS_MOST || size > TOKEN_BYTES_MOST / 3 * 4 || !base64_decode(base64, size, bytes) || !bytes->size)
        return error_set(ranks->error,
                         "%s: the token of rank %zu should be base64 of at most %d bytes, its rank below %d",
                         ranks->where, rank, TOKEN_BYTES_MOST, RANKS_MOST);
    while (ranks->count <= rank)
        if (!array_push(ranks->texts, ranks->count, ranks->capacity, NULL))
            return error_memory(ranks->error, ranks->where);
    if (ranks->texts[rank])
        return error_set(ranks->error, "%s: two tokens have the rank %zu", ranks->where, rank);
    if (!byte_level_text(bytes->data, bytes->size, &text) || !(ranks->texts[rank] = buffer_take(&text)) ||
        !map_add(&ranks->ids, ranks->texts[rank], strlen(ranks->texts[rank]), rank, &found)) {
        buffer_free(&text);
        return error_memory(ranks->error, ranks->where);
    }
    ranks->given++;
    return found == MAP_ABSENT ||
           error_set(ranks->error, "%s: ranks %zu and %zu have the same token", ranks->where, found, rank);
}

/* The document without added tokens. `first`: the id of rank 0. */
static cJSON *ranks_document(struct ranks *ranks, const char *pattern, size_t first)
{
    cJSON *root = cJSON_Parse(
        "{\"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Split\", \"behavior\": "
        "\"Isolated\", \"invert\": false, \"pattern\": {}}, {\"type\": \"ByteLevel\", \"add_prefix_space\": false, "
        "\"use_regex\": false}]}, \"decoder\": {\"type\": \"ByteLevel\"}, \"model\": {\"type\": \"BPE\", "
        "\"ignore_merges\": true, \"vocab\": {}}, \"added_tokens\": []}");
    cJSON *pre = cJSON_GetObjectItemCaseSensitive(root, "pre_tokenizer");
    cJSON *split = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(pre, "pretokenizers"), 0);
    cJSON *model = cJSON_GetObjectItemCaseSensitive(root, "model");
    cJSON *vocab = cJSON_GetObjectItemCaseSensitive(model, "vocab");
    cJSON *merges = merges_find((const char *const *)ranks->texts, ranks->count, &ranks->ids, true);
    bool good = cJSON_AddStringToObject(cJSON_GetObjectItemCaseSensitive(split, "pattern"), "Regex", pattern) &&
                merges && cJSON_AddItemToObject(model, "merges", merges);
    if (!good)
        cJSON_Delete(merges);
    cJSON *names = cJSON_Parse(ranks->names);
    if (good && (!names || !cJSON_AddItemToObject(root, DEFAULT_NAMES, names)))
        good = false;
    if (!good)
        cJSON_Delete(names);
    for (size_t rank = 0; good && rank < ranks->count; rank++)
        if (ranks->texts[rank])
            good = cJSON_AddNumberToObject(vocab, ranks->texts[rank], (double)(first + rank));
    if (good)
        return root;
    cJSON_Delete(root);
    error_memory(ranks->error, ranks->where);
    return NULL;
}

static bool special_add(const struct ranks *ranks, cJSON *root, const char *content, size_t id)
{
    static const char *const flags[] = {"single_word", "lstrip", "rstrip", "normalized"};
    cJSON *token = cJSON_CreateObject(), *added = cJSON_GetObjectItemCaseSensitive(root, "added_tokens");
    if (!token || !cJSON_AddItemToArray(added, token)) {
        cJSON_Delete(token);
        return error_memory(ranks->error, ranks->where);
    }
    bool good = cJSON_AddNumberToObject(token, "id", (double)id) &&
                cJSON_AddStringToObject(token, "content", content) && cJSON_AddTrueToObject(token, "special");
    for (size_t i = 0; good && i < sizeof flags / sizeof *flags; i++)
        good = cJSON_AddFalseToObject(token, flags[i]);
    return good || error_memory(ranks->error, ranks->where);
}

/* tekken.json */

/* [{"rank", "token_str"}]: the names by rank, of which none may lack. Borrowed from the list; the array is owned. */
static const char **special_names(const struct ranks *ranks, const cJSON *list, size_t count)
{
    const char **names = calloc(count + 1, sizeof *names);
    const cJSON *item = NULL;
    size_t found = 0;
    cJSON_ArrayForEach(item, list)
    {
        uint64_t rank = 0;
        const cJSON *text = json_member(item, "token_str");
        if (!names || !json_uint64(json_member(item, "rank"), &rank) || rank >= count || names[rank] ||
            !cJSON_IsString(text))
            break;
        names[rank] = text->valuestring;
        found++;
    }
    if (names && found == count)
        return names;
    names ? error_set(ranks->error,
                      "%s: \"special_tokens\" should have a \"token_str\" for each \"rank\" from 0 on, once",
                      ranks->where)
          : error_memory(ranks->error, ranks->where);
    free(names);
    return NULL;
}

static bool tekken_special(struct ranks *ranks, const cJSON *list, size_t listed, size_t count, cJSON *root)
{
    cJSON *vocab = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(root, "model"), "vocab");
    const char **names = list ? special_names(ranks, list, listed) : NULL;
    bool good = !list || names;
    for (size_t id = 0; good && id < count; id++) {
        char filler[48];
        snprintf(filler, sizeof filler, "<SPECIAL_%zu>", id);
        const char *name = id >= listed ? filler : names ? names[id] : tekken_specials[id];
        good = special_add(ranks, root, name, id) &&
               (cJSON_AddNumberToObject(vocab, name, (double)id) || error_memory(ranks->error, ranks->where));
    }
    free(names);
    return good;
}

static bool tekken_vocab(struct ranks *ranks, const cJSON *vocab, size_t most)
{
    const cJSON *item = NULL;
    size_t rank = 0;
    if (!cJSON_IsArray(vocab))
        return error_set(ranks->error, "%s: has no list \"vocab\"", ranks->where);
    cJSON_ArrayForEach(item, vocab)
    {
        const cJSON *bytes = json_member(item, "token_bytes");
        if (rank == most)
            break;
        if (!cJSON_IsString(bytes))
            return error_set(ranks->error, "%s: entry %zu of \"vocab\" has no \"token_bytes\"", ranks->where, rank);
        if (!rank_add(ranks, bytes->valuestring, strlen(bytes->valuestring), rank))
            return false;
        rank++;
    }
    return true;
}

static cJSON *tekken_document(struct ranks *ranks, const cJSON *json)
{
    const cJSON *config = json_member(json, "config"), *list = json_member(json, "special_tokens");
    const char *pattern = NULL;
    int listed = list ? cJSON_GetArraySize(list) : (int)(sizeof tekken_specials / sizeof *tekken_specials);
    int count = listed, size = -1;
    if (!json_get_string(config, ranks->where, "pattern", &pattern, ranks->error) ||
        !json_get_int(config, ranks->where, "default_num_special_tokens", 0, NAMES_MOST, &count, ranks->error) ||
        !json_get_int(config, ranks->where, "default_vocab_size", 0, RANKS_MOST, &size, ranks->error))
        return NULL;
    if (!pattern || (list && !cJSON_IsArray(list)) || listed > count || (size >= 0 && size < count)) {
        error_set(ranks->error,
                  "%s: \"config\" should have a \"pattern\", and room for %d special tokens in "
                  "\"default_num_special_tokens\" (%d) and for these in \"default_vocab_size\"",
                  ranks->where, listed, count);
        return NULL;
    }
    if (!tekken_vocab(ranks, json_member(json, "vocab"), size < 0 ? SIZE_MAX : (size_t)(size - count)))
        return NULL;
    cJSON *root = ranks_document(ranks, pattern, (size_t)count);
    if (root && tekken_special(ranks, list, (size_t)listed, (size_t)count, root))
        return root;
    cJSON_Delete(root);
    return NULL;
}

/* tiktoken: a line for each token, "BASE64 RANK". */

bool tokenizer_is_ranks(const char *data, size_t size)
{
    size_t at = 0;
    while (at < size && data[at] != ' ' && data[at] != '\n')
        at++;
    return at > 0 && at + 1 < size && data[at] == ' ' && data[at + 1] >= '0' && data[at + 1] <= '9';
}

static bool tiktoken_line(struct ranks *ranks, const char *line, size_t size, size_t number)
{
    const char *space = memchr(line, ' ', size);
    char digits[16], *end = digits;
    size_t length = space ? (size_t)(line + size - space) - 1 : 0;
    if (length && space[length] == '\r')
        length--;
    if (length && length < sizeof digits && space[1] >= '0' && space[1] <= '9') {
        memcpy(digits, space + 1, length);
        digits[length] = '\0';
        unsigned long rank = strtoul(digits, &end, 10);
        if (!*end)
            return rank_add(ranks, line, (size_t)(space - line), rank);
    }
    return error_set(ranks->error, "%s:%zu: should be a token as base64, a space, and its rank", ranks->where, number);
}

static bool tiktoken_lines(struct ranks *ranks, const char *data, size_t size)
{
    for (size_t at = 0, length, number = 1; at < size; number++) {
        const char *line = text_line(data, size, &at, &length);
        if (length && !(length == 1 && *line == '\r') && !tiktoken_line(ranks, line, length, number))
            return false;
    }
    return true;
}

static size_t listed_id(const cJSON *item)
{
    return item->string ? strtoul(item->string, NULL, 10) : 0;
}

/* What tokenizer_config.json lists without ids, but what has one already; `id` is the next. */
static bool tiktoken_further(const struct ranks *ranks, const cJSON *config, const struct map *known, size_t id,
                             cJSON *root)
{
    const cJSON *list = json_member(config, "extra_special_tokens"), *item = NULL;
    list = list ? list : json_member(config, "additional_special_tokens");
    cJSON_ArrayForEach(item, list)
    {
        const cJSON *content = cJSON_IsObject(item) ? json_member(item, "content") : item;
        const char *text = cJSON_IsObject(list) ? item->string : cJSON_IsString(content) ? content->valuestring : NULL;
        if (text && map_find(known, text, strlen(text)) == MAP_ABSENT && !special_add(ranks, root, text, id++))
            return false;
    }
    return true;
}

/* The names that tokenizer_config.json lists from the vocabulary's size on; places between them get names, too. */
static bool tiktoken_special(const struct ranks *ranks, const cJSON *config, cJSON *root)
{
    const cJSON *listed = json_member(config, "added_tokens_decoder"), *item = NULL;
    size_t first = ranks->given, last = 0, count = 0;
    struct map known = {0};
    cJSON_ArrayForEach(item, listed) last = listed_id(item) > last ? listed_id(item) : last;
    count = last < first ? 0 : last - first + 1;
    if (count > NAMES_MOST)
        return error_set(ranks->error,
                         "%s: \"added_tokens_decoder\" of tokenizer_config.json has id %zu, of %zu tokens",
                         ranks->where, last, first);
    const char **names = calloc(count + 1, sizeof *names);
    bool good = names || error_memory(ranks->error, ranks->where);
    cJSON_ArrayForEach(item, listed)
    {
        const cJSON *content = json_member(item, "content");
        if (!names || listed_id(item) < first || !cJSON_IsString(content))
            continue;
        names[listed_id(item) - first] = content->valuestring;
        good = good && (map_add(&known, content->valuestring, strlen(content->valuestring), 0, NULL) ||
                        error_memory(ranks->error, ranks->where));
    }
    for (size_t i = 0; good && i < count; i++) {
        char filler[48];
        snprintf(filler, sizeof filler, "<|reserved_token_%zu|>", first + i);
        good = special_add(ranks, root, names[i] ? names[i] : filler, first + i);
    }
    good = good && tiktoken_further(ranks, config, &known, first + count, root);
    map_free(&known);
    free(names);
    return good;
}

cJSON *tokenizer_tiktoken(const char *folder, const char *where, const char *data, size_t size, struct error *error)
{
    struct ranks ranks = {.where = where, .error = error};
    bool good = true;
    cJSON *config = tokenizer_companion(folder, "tokenizer_config.json", &good, error);
    good = good && tokenizer_class_bytes(folder, config, &ranks.names, error) && tiktoken_lines(&ranks, data, size);
    cJSON *root = good ? ranks_document(&ranks, tiktoken_pattern, 0) : NULL;
    good = root && tiktoken_special(&ranks, config, root) &&
           tokenizer_ends(where, config, json_member(root, DEFAULT_NAMES), false, root, error);
    cJSON_Delete(config);
    ranks_free(&ranks);
    if (good)
        return root;
    cJSON_Delete(root);
    return NULL;
}

/* The file's JSON. What its tokens look like as text stands there, too, which for a token of byte 0 is "\\u0000": that
 * is nobody's here, and becomes U+FFFD. */
static cJSON *tekken_read(const char *path, struct error *error)
{
    struct buffer text = {0};
    cJSON *json = NULL;
    if (file_read(path, TOKENIZER_FILE_MOST, &text, error)) {
        char *data = text.data ? text.data : NULL;
        for (size_t at = 0; at + 5 < text.size; at += data[at] == '\\' ? 2 : 1)
            if (memcmp(data + at, "\\u0000", 6) == 0)
                memcpy(data + at + 2, "fffd", 4);
        json = json_parse(path, data ? data : "", text.size, error);
    }
    buffer_free(&text);
    return json;
}

cJSON *tokenizer_tekken(const char *folder, const char *name, struct error *error)
{
    char *path = path_join(folder, name);
    bool good = path || error_memory(error, name);
    struct ranks ranks = {.where = path, .error = error};
    cJSON *json = good ? tekken_read(path, error) : NULL;
    cJSON *config = json ? tokenizer_companion(folder, "tokenizer_config.json", &good, error) : NULL;
    good = json && good && tokenizer_class_bytes(folder, config, &ranks.names, error);
    cJSON *root = good ? tekken_document(&ranks, json) : NULL;
    if (root && !tokenizer_ends(path, config, json_member(root, DEFAULT_NAMES), false, root, error)) {
        cJSON_Delete(root);
        root = NULL;
    }
    cJSON_Delete(config);
    cJSON_Delete(json);
    ranks_free(&ranks);
    free(path);
    return root;
}
