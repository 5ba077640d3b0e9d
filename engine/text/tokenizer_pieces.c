/* A SentencePiece model as the tokenizer.json that transformers 5 would make of it (tokenization_utils_tokenizers.py,
 * convert_slow_tokenizer.py). */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "text/base64.h"
#include "text/sentencepiece.h"
#include "text/tokenizer_internal.h"
#include "text/utf8.h"

#define PIECES_MOST ((size_t)64 << 20)
#define SPACE_MARK "\xE2\x96\x81" /* U+2581 */

struct making {
    const char *folder, *where;
    struct sentencepieces pieces;
    const cJSON *config; /* tokenizer_config.json, or NULL */
    cJSON *root;         /* begins as the parts of the class */
    cJSON *model, *names;
    bool plain; /* there is no class with rules of its own */
    bool unigram;
    struct map ids;      /* of `texts` */
    const char **texts;  /* the pieces by id, under the names that they have */
    const char **listed; /* by id, the names in the list of tokenizer_config.json; NULL: none */
    struct error *error;
};

/* Parts of a class without rules of its own, which follow what the model says of itself
 * (SpmConverter.build_tokenizer_from_spm_proto). */

static void put_normalizer(const struct making *m, bool legacy, struct buffer *out)
{
    const struct sentencepieces *pieces = &m->pieces;
    const char *comma = "";
    buffer_text(out, "{\"type\": \"Sequence\", \"normalizers\": [");
    if (pieces->remove_extra) {
        buffer_text(
            out,
            "{\"type\": \"Replace\", \"pattern\": {\"Regex\": \"\\\\A +| +\\\\z\"}, \"content\": \"\"}, {\"type\": "
            "\"Replace\", \"pattern\": {\"Regex\": \" {2,}\"}, \"content\": \" \"}");
        comma = ", ";
    }
    if (pieces->escape) {
        buffer_format(
            out, "%s{\"type\": \"Replace\", \"pattern\": {\"String\": \" \"}, \"content\": \"" SPACE_MARK "\"}", comma);
        comma = ", ";
    }
    if (pieces->dummy_prefix && legacy)
        buffer_format(out,
                      "%s{\"type\": \"Replace\", \"pattern\": {\"Regex\": \"\\\\A" SPACE_MARK
                      "\"}, \"content\": \"" SPACE_MARK SPACE_MARK "\"}",
                      comma);
    buffer_text(out, "]}");
}

struct defined {
    const char *text;
    size_t characters, id;
};

/* The longest first, as they come among equals. */
static int defined_order(const void *a, const void *b)
{
    const struct defined *left = a, *right = b;
    if (left->characters != right->characters)
        return left->characters < right->characters ? 1 : -1;
    return (left->id > right->id) - (left->id < right->id);
}

/* Appends the pattern of the pieces that users defined, each as it stands; false: out of memory. `*count`: of them. */
static bool put_defined(const struct making *m, struct buffer *out, size_t *count)
{
    struct defined *items = calloc(m->pieces.count + 1, sizeof *items);
    *count = 0;
    for (size_t id = 0; items && id < m->pieces.count; id++)
        if (m->pieces.pieces[id].type == PIECE_USER_DEFINED)
            items[(*count)++] = (struct defined){m->texts[id], utf8_count(m->texts[id], strlen(m->texts[id])), id};
    if (items)
        qsort(items, *count, sizeof *items, defined_order);
    for (size_t i = 0; items && i < *count; i++) {
        buffer_text(out, i ? "|" : "");
        for (const char *at = items[i].text; *at; at++) {
            if (strchr("()[]{}?*+-|^$\\.&~# \t\n\r\v\f", *at))
                buffer_char(out, '\\');
            buffer_char(out, *at);
        }
    }
    free(items);
    return items && !out->failed;
}

static bool put_pretokenizer(const struct making *m, bool legacy, struct buffer *out, size_t *defined)
{
    struct buffer pattern = {0};
    bool good = put_defined(m, &pattern, defined);
    if (!m->pieces.dummy_prefix && !*defined) {
        buffer_text(out, "null");
    } else {
        buffer_text(out, "{\"type\": \"Sequence\", \"pretokenizers\": [");
        if (m->pieces.dummy_prefix)
            buffer_format(out,
                          "{\"type\": \"Metaspace\", \"replacement\": \"" SPACE_MARK
                          "\", \"prepend_scheme\": \"%s\", \"split\": false}%s",
                          legacy ? "always" : "first", *defined ? ", " : "");
        if (*defined) {
            buffer_text(
                out, "{\"type\": \"Split\", \"behavior\": \"Isolated\", \"invert\": false, \"pattern\": {\"Regex\": ");
            json_append_string(out, pattern.data ? pattern.data : "", pattern.size);
            buffer_text(out, "}}");
        }
        buffer_text(out, "]}");
    }
    buffer_free(&pattern);
    return good;
}

static void put_decoder(const struct making *m, struct buffer *out)
{
    const struct sentencepieces *pieces = &m->pieces;
    buffer_text(
        out, "{\"type\": \"Sequence\", \"decoders\": [{\"type\": \"Replace\", \"pattern\": {\"String\": \"" SPACE_MARK
             "\"}, \"content\": \" \"}");
    if (pieces->byte_fallback)
        buffer_text(out, ", {\"type\": \"ByteFallback\"}");
    if (pieces->dummy_prefix || pieces->byte_fallback)
        buffer_text(out, ", {\"type\": \"Fuse\"}");
    if (pieces->dummy_prefix)
        buffer_text(out, ", {\"type\": \"Strip\", \"content\": \" \", \"start\": 1, \"stop\": 0}");
    buffer_text(out, "]}");
}

static bool plain_names(struct making *m)
{
    const struct {
        const char *key, *name;
        int64_t id;
    } rows[] = {{"bos_token", m->pieces.bos, m->pieces.bos_id},
                {"eos_token", m->pieces.eos, m->pieces.eos_id},
                {"unk_token", m->pieces.unk, m->pieces.unk_id}};
    bool good = cJSON_AddStringToObject(m->model, "unk_token", m->pieces.unk);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        good = good && (rows[i].id < 0 || cJSON_AddStringToObject(m->names, rows[i].key, rows[i].name));
    return good && (!m->unigram || m->pieces.unk_id < 0 ||
                    cJSON_AddNumberToObject(m->model, "unk_id", (double)m->pieces.unk_id));
}

static bool plain_parts(struct making *m)
{
    struct buffer text = {0};
    bool legacy = true;
    size_t defined = 0;
    if (!json_get_bool(m->config, m->where, "legacy", &legacy, m->error))
        return false;
    buffer_text(&text, "{\"normalizer\": ");
    put_normalizer(m, legacy, &text);
    buffer_text(&text, ", \"pre_tokenizer\": ");
    bool good = put_pretokenizer(m, legacy, &text, &defined);
    buffer_text(&text, ", \"decoder\": ");
    put_decoder(m, &text);
    buffer_format(&text,
                  ", \"model\": {\"fuse_unk\": true, \"byte_fallback\": %s, \"ignore_merges\": %s}, \"" DEFAULT_NAMES
                  "\": {}, \"" LISTED_RAW "\": %s}",
                  m->pieces.byte_fallback ? "true" : "false", defined ? "true" : "false",
                  m->pieces.dummy_prefix ? "true" : "false");
    m->root = good && !text.failed ? cJSON_Parse(text.data) : NULL;
    m->model = cJSON_GetObjectItemCaseSensitive(m->root, "model");
    m->names = cJSON_GetObjectItemCaseSensitive(m->root, DEFAULT_NAMES);
    buffer_free(&text);
    return (m->root && plain_names(m)) || error_memory(m->error, m->where);
}

/* Of a class without rules of its own. */
static bool listed_find(struct making *m)
{
    const cJSON *item = NULL, *list = json_member(m->config, "added_tokens_decoder");
    m->listed = calloc(m->pieces.count, sizeof *m->listed);
    list = m->plain && !m->unigram ? list : NULL;
    if (!m->listed)
        return error_memory(m->error, m->where);
    cJSON_ArrayForEach(item, list)
    {
        const cJSON *content = json_member(item, "content");
        char *end = NULL;
        unsigned long id = item->string && *item->string ? strtoul(item->string, &end, 10) : ULONG_MAX;
        if (end && !*end && id < m->pieces.count && cJSON_IsString(content) && *content->valuestring)
            m->listed[id] = content->valuestring;
    }
    return true;
}

/* A piece has the name that is listed for its id, unless one that is not listed has that. */
static bool texts_find(struct making *m)
{
    const struct sentencepieces *pieces = &m->pieces;
    struct map kept = {0};
    bool good = (m->texts = calloc(pieces->count, sizeof *m->texts)) && pieces->count < INT_MAX;
    for (size_t id = 0; good && id < pieces->count; id++)
        if (!m->listed[id])
            good = map_add(&kept, pieces->pieces[id].text, strlen(pieces->pieces[id].text), id, NULL);
    for (size_t id = 0; good && id < pieces->count; id++) {
        const char *other = m->listed[id];
        size_t found = MAP_ABSENT;
        bool renamed = other && map_find(&kept, other, strlen(other)) == MAP_ABSENT;
        m->texts[id] = renamed ? other : pieces->pieces[id].text;
        good = map_add(&m->ids, m->texts[id], strlen(m->texts[id]), id, &found);
        if (good && found != MAP_ABSENT) {
            map_free(&kept);
            return error_set(m->error, "%s: piece \"%.100s\" is there twice, as %zu and %zu", m->where, m->texts[id],
                             found, id);
        }
    }
    map_free(&kept);
    return good || error_memory(m->error, m->where);
}

static bool parts(struct making *m)
{
    const char *names = NULL;
    if (!tokenizer_class_pieces(m->folder, m->config, &m->root, &names, m->error))
        return false;
    m->plain = !m->root;
    m->model = cJSON_GetObjectItemCaseSensitive(m->root, "model");
    m->unigram = m->plain ? m->pieces.unigram : json_member(m->model, "unk_id") != NULL;
    if (!listed_find(m) || !texts_find(m))
        return false;
    if (m->plain)
        return plain_parts(m);
    m->names = cJSON_Parse(names);
    if (m->names && cJSON_AddItemToObject(m->root, DEFAULT_NAMES, m->names))
        return true;
    cJSON_Delete(m->names);
    return error_memory(m->error, m->where);
}

/* Goes before what else normalizes: SentencePiece's own. A class over merges does without. */
static bool charsmap(struct making *m)
{
    struct buffer text = {0};
    if (!m->pieces.charsmap.size || !(m->plain || m->unigram))
        return true;
    cJSON *map = cJSON_CreateObject(), *was = cJSON_GetObjectItemCaseSensitive(m->root, "normalizer");
    cJSON *list = cJSON_GetObjectItemCaseSensitive(was, "normalizers");
    bool good = map && base64_encode(m->pieces.charsmap.data, m->pieces.charsmap.size, &text) &&
                cJSON_AddStringToObject(map, "type", "Precompiled") &&
                cJSON_AddStringToObject(map, "precompiled_charsmap", text.data);
    buffer_free(&text);
    if (good && (list ? cJSON_InsertItemInArray(list, 0, map)
                      : cJSON_ReplaceItemInObjectCaseSensitive(m->root, "normalizer", map)))
        return true;
    cJSON_Delete(map);
    return error_memory(m->error, m->where);
}

struct ranked {
    const char *text;
    float score;
    size_t id;
};

static int ranked_order(const void *a, const void *b)
{
    const struct ranked *left = a, *right = b;
    if (left->score != right->score)
        return left->score < right->score ? 1 : -1;
    return (left->id > right->id) - (left->id < right->id);
}

/* Of a class without rules of its own: only of normal pieces, and those of the highest score first. */
static cJSON *plain_merges(const struct making *m)
{
    size_t count = 0;
    struct map normal = {0};
    struct ranked *ranked = calloc(m->pieces.count, sizeof *ranked);
    const char **texts = calloc(m->pieces.count, sizeof *texts);
    bool good = ranked && texts;
    for (size_t id = 0; good && id < m->pieces.count; id++) {
        if (m->pieces.pieces[id].type != PIECE_NORMAL)
            continue;
        ranked[count++] = (struct ranked){m->texts[id], m->pieces.pieces[id].score, id};
        good = map_add(&normal, m->texts[id], strlen(m->texts[id]), id, NULL);
    }
    if (good)
        qsort(ranked, count, sizeof *ranked, ranked_order);
    for (size_t i = 0; good && i < count; i++)
        texts[i] = ranked[i].text;
    cJSON *merges = good ? merges_find(texts, count, &normal, false) : NULL;
    map_free(&normal);
    free(ranked);
    free(texts);
    return merges;
}

static bool vocabulary_bpe(struct making *m)
{
    cJSON *vocab = cJSON_AddObjectToObject(m->model, "vocab");
    cJSON *merges = m->plain ? plain_merges(m) : merges_find(m->texts, m->pieces.count, &m->ids, false);
    bool good = vocab && merges && cJSON_AddItemToObject(m->model, "merges", merges);
    if (!good)
        cJSON_Delete(merges);
    for (size_t id = 0; good && id < m->pieces.count; id++) {
        cJSON *number = cJSON_CreateNumber((double)id);
        good = number && cJSON_AddItemToObject(vocab, m->texts[id], number);
        if (!good)
            cJSON_Delete(number);
    }
    return good && cJSON_AddStringToObject(m->model, "type", "BPE");
}

static bool score_add(cJSON *vocab, const char *text, double score)
{
    cJSON *pair = cJSON_CreateArray();
    if (!pair || !cJSON_AddItemToArray(vocab, pair)) {
        cJSON_Delete(pair);
        return false;
    }
    cJSON *name = cJSON_CreateString(text);
    if (!name || !cJSON_AddItemToArray(pair, name))
        return false;
    cJSON *number = cJSON_CreateNumber(score);
    return number && cJSON_AddItemToArray(pair, number);
}

/* `extra`: so many tokens <extra_id_...> behind the pieces, the last first. */
static bool vocabulary_unigram(struct making *m, int extra)
{
    cJSON *vocab = cJSON_AddArrayToObject(m->model, "vocab");
    bool good = vocab;
    for (size_t id = 0; good && id < m->pieces.count; id++)
        good = score_add(vocab, m->texts[id], m->pieces.pieces[id].score);
    for (int i = extra; good && i-- > 0;) {
        char name[32];
        snprintf(name, sizeof name, "<extra_id_%d>", i);
        good = score_add(vocab, name, 0);
    }
    return good && cJSON_AddStringToObject(m->model, "type", "Unigram");
}

static bool added_add(cJSON *added, const char *content, size_t id, bool special)
{
    static const char *const flags[] = {"single_word", "lstrip", "rstrip", "normalized"};
    cJSON *token = cJSON_CreateObject();
    if (!token || !cJSON_AddItemToArray(added, token)) {
        cJSON_Delete(token);
        return false;
    }
    bool good = cJSON_AddNumberToObject(token, "id", (double)id) &&
                cJSON_AddStringToObject(token, "content", content) && cJSON_AddBoolToObject(token, "special", special);
    for (size_t i = 0; good && i < sizeof flags / sizeof *flags; i++)
        good = cJSON_AddFalseToObject(token, flags[i]);
    return good;
}

/* tokenizer_config.json lists further tokens: then those of the model are no longer found in a text. */
static bool config_lists(const struct making *m)
{
    return json_member(m->config, "additional_special_tokens") || json_member(m->config, "extra_special_tokens");
}

/* One whose id has another name is a further token. */
static bool piece_added(struct making *m, cJSON *added, cJSON *further, size_t id)
{
    if (m->texts[id] == m->pieces.pieces[id].text)
        return added_add(added, m->texts[id], id, m->pieces.pieces[id].type == PIECE_CONTROL);
    cJSON *name = cJSON_CreateString(m->pieces.pieces[id].text);
    if (name && cJSON_AddItemToArray(further, name))
        return true;
    cJSON_Delete(name);
    return false;
}

static bool added_tokens(struct making *m, int extra)
{
    cJSON *added = cJSON_AddArrayToObject(m->root, "added_tokens");
    cJSON *further = cJSON_AddArrayToObject(m->names, "extra_special_tokens");
    bool good = added && further;
    for (size_t id = 0; good && id < m->pieces.count && !config_lists(m); id++) {
        enum piece_type type = m->pieces.pieces[id].type;
        if (type == PIECE_CONTROL || (type == PIECE_USER_DEFINED && !m->plain))
            good = piece_added(m, added, further, id);
    }
    for (int i = 0; good && i < extra; i++) {
        char name[32];
        snprintf(name, sizeof name, "<extra_id_%d>", i);
        good = added_add(added, name, m->pieces.count + (size_t)(extra - 1 - i), true);
    }
    return good || error_memory(m->error, m->where);
}

static bool make(struct making *m)
{
    bool good = true;
    int extra = 0;
    if (!parts(m) || !charsmap(m))
        return false;
    bool t5 = m->unigram && !m->plain;
    extra = t5 ? 100 : 0;
    if (t5)
        good = json_get_int(m->config, m->where, "extra_ids", 0, 1 << 20, &extra, m->error);
    if (good && !(m->unigram ? vocabulary_unigram(m, extra) : vocabulary_bpe(m)))
        good = error_memory(m->error, m->where);
    return good && added_tokens(m, extra) && tokenizer_ends(m->where, m->config, m->names, t5, m->root, m->error);
}

cJSON *tokenizer_pieces(const char *folder, const char *name, struct error *error)
{
    char *path = path_join(folder, name);
    struct making m = {.folder = folder, .where = path, .error = error};
    struct buffer data = {0};
    bool good = path || error_memory(error, name);
    good = good && file_read(path, PIECES_MOST, &data, error);
    if (good && tokenizer_is_ranks(data.data ? data.data : "", data.size)) { /* as Llama-3's, under the same name */
        m.root = tokenizer_tiktoken(folder, path, data.data, data.size, error);
        buffer_free(&data);
        free(path);
        return m.root;
    }
    good = good && sentencepieces_read(path, data.data ? data.data : "", data.size, &m.pieces, error);
    buffer_free(&data);
    cJSON *config = tokenizer_companion(folder, "tokenizer_config.json", &good, error);
    m.config = config;
    good = good && make(&m);
    cJSON_Delete(config);
    sentencepieces_free(&m.pieces);
    map_free(&m.ids);
    free(m.texts);
    free(m.listed);
    free(path);
    if (good)
        return m.root;
    cJSON_Delete(m.root);
    return NULL;
}
