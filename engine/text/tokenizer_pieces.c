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
    struct map ids;
    const char **texts;
    struct error *error;
};

/* Of a class without rules of its own. */
static bool plain_parts(struct making *m)
{
    const char *bytes = m->pieces.byte_fallback ? ", {\"type\": \"ByteFallback\"}, {\"type\": \"Fuse\"}" : "";
    char text[1024];
    snprintf(text, sizeof text,
             "{\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Replace\", \"pattern\": "
             "{\"String\": \" \"}, \"content\": \"" SPACE_MARK
             "\"}]}, \"pre_tokenizer\": null, \"decoder\": {\"type\": "
             "\"Sequence\", \"decoders\": [{\"type\": \"Replace\", \"pattern\": {\"String\": \"" SPACE_MARK
             "\"}, \"content\": \" \"}%s]}, \"model\": {\"fuse_unk\": true, \"byte_fallback\": %s}, \"" DEFAULT_NAMES
             "\": {}}",
             bytes, m->pieces.byte_fallback ? "true" : "false");
    m->root = cJSON_Parse(text);
    m->model = cJSON_GetObjectItemCaseSensitive(m->root, "model");
    m->names = cJSON_GetObjectItemCaseSensitive(m->root, DEFAULT_NAMES);
    const struct {
        const char *key, *name;
        int64_t id;
    } rows[] = {{"bos_token", m->pieces.bos, m->pieces.bos_id},
                {"eos_token", m->pieces.eos, m->pieces.eos_id},
                {"unk_token", m->pieces.unk, m->pieces.unk_id}};
    bool good = m->root && cJSON_AddStringToObject(m->model, "unk_token", m->pieces.unk);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        good = good && (rows[i].id < 0 || cJSON_AddStringToObject(m->names, rows[i].key, rows[i].name));
    if (good && m->unigram && m->pieces.unk_id >= 0)
        good = cJSON_AddNumberToObject(m->model, "unk_id", (double)m->pieces.unk_id);
    return good || error_memory(m->error, m->where);
}

static bool parts(struct making *m)
{
    const char *names = NULL;
    if (!tokenizer_class_pieces(m->folder, m->config, &m->root, &names, m->error))
        return false;
    m->plain = !m->root;
    m->unigram = m->plain && m->pieces.unigram;
    if (m->plain)
        return plain_parts(m);
    m->model = cJSON_GetObjectItemCaseSensitive(m->root, "model");
    m->unigram = json_member(m->model, "unk_id");
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

/* A class without rules of its own gives a piece the name that tokenizer_config.json lists for its id, unless another
 * has that; NULL: it keeps its own. */
static const char *other_name(const struct making *m, size_t id)
{
    char key[32];
    snprintf(key, sizeof key, "%zu", id);
    const cJSON *listed = json_member(json_member(m->config, "added_tokens_decoder"), key);
    const cJSON *content = json_member(listed, "content");
    if (!m->plain || m->unigram || !cJSON_IsString(content) || !*content->valuestring ||
        map_find(&m->ids, content->valuestring, strlen(content->valuestring)) != MAP_ABSENT)
        return NULL;
    return content->valuestring;
}

static bool texts_find(struct making *m)
{
    const struct sentencepieces *pieces = &m->pieces;
    m->texts = calloc(pieces->count, sizeof *m->texts);
    if (!m->texts || pieces->count >= INT_MAX)
        return error_memory(m->error, m->where);
    for (size_t id = 0; id < pieces->count; id++) {
        size_t found = MAP_ABSENT;
        m->texts[id] = pieces->pieces[id].text;
        if (!map_add(&m->ids, m->texts[id], strlen(m->texts[id]), id, &found))
            return error_memory(m->error, m->where);
        if (found != MAP_ABSENT)
            return error_set(m->error, "%s: piece \"%.100s\" is there twice, as %zu and %zu", m->where, m->texts[id],
                             found, id);
    }
    return true;
}

static bool vocabulary_bpe(struct making *m)
{
    cJSON *vocab = cJSON_AddObjectToObject(m->model, "vocab");
    cJSON *merges = merges_find(m->texts, m->pieces.count, &m->ids, false);
    bool good = vocab && merges && cJSON_AddItemToObject(m->model, "merges", merges);
    if (!good)
        cJSON_Delete(merges);
    for (size_t id = 0; good && id < m->pieces.count; id++) {
        const char *other = other_name(m, id);
        cJSON *number = cJSON_CreateNumber((double)id);
        good = number && cJSON_AddItemToObject(vocab, other ? other : m->texts[id], number);
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
    if (!other_name(m, id))
        return added_add(added, m->texts[id], id, m->pieces.pieces[id].type == PIECE_CONTROL);
    cJSON *name = cJSON_CreateString(m->texts[id]);
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
        if (type == PIECE_CONTROL || type == PIECE_USER_DEFINED)
            good = piece_added(m, added, further, id);
    }
    for (int i = 0; good && i < extra; i++) {
        char name[32];
        snprintf(name, sizeof name, "<extra_id_%d>", i);
        good = added_add(added, name, m->pieces.count + (size_t)(extra - 1 - i), true);
    }
    return good || error_memory(m->error, m->where);
}

/* What the text lies between; `*id` = -1: nothing is added. */
static bool end_of(struct making *m, const char *key, bool adds, int *id)
{
    char switch_key[32];
    snprintf(switch_key, sizeof switch_key, "add_%s", key);
    *id = -1;
    if (!json_get_bool(m->config, m->where, switch_key, &adds, m->error) || !adds)
        return !adds;
    const cJSON *token = json_member(m->config, key);
    token = token ? token : json_member(m->names, key);
    token = cJSON_IsObject(token) ? json_member(token, "content") : token;
    size_t found =
        cJSON_IsString(token) ? map_find(&m->ids, token->valuestring, strlen(token->valuestring)) : MAP_ABSENT;
    if (found == MAP_ABSENT)
        return error_set(m->error, "%s: \"%s\" of tokenizer_config.json is true, and \"%s\", \"%.100s\", is no piece",
                         m->where, switch_key, key, cJSON_IsString(token) ? token->valuestring : "");
    *id = (int)found;
    return true;
}

static bool template(struct making *m, bool ends)
{
    int bos = -1, eos = -1;
    struct buffer text = {0};
    if (!end_of(m, "bos_token", false, &bos) || !end_of(m, "eos_token", ends, &eos))
        return false;
    buffer_text(&text, "{\"type\": \"TemplateProcessing\", \"single\": [");
    buffer_text(&text, bos >= 0 ? "{\"SpecialToken\": {\"id\": \"begin\"}}, " : "");
    buffer_text(&text, "{\"Sequence\": {\"id\": \"A\"}}");
    buffer_text(&text, eos >= 0 ? ", {\"SpecialToken\": {\"id\": \"end\"}}" : "");
    buffer_format(&text, "], \"special_tokens\": {\"begin\": {\"ids\": [%d]}, \"end\": {\"ids\": [%d]}}}", bos, eos);
    cJSON *processor = text.failed ? NULL : cJSON_Parse(text.data);
    buffer_free(&text);
    if (processor && cJSON_AddItemToObject(m->root, "post_processor", processor))
        return true;
    cJSON_Delete(processor);
    return error_memory(m->error, m->where);
}

static bool make(struct making *m)
{
    bool good = true;
    int extra = 0;
    if (!parts(m) || !charsmap(m) || !texts_find(m))
        return false;
    bool t5 = m->unigram && !m->plain;
    extra = t5 ? 100 : 0;
    if (t5)
        good = json_get_int(m->config, m->where, "extra_ids", 0, 1 << 20, &extra, m->error);
    if (good && !(m->unigram ? vocabulary_unigram(m, extra) : vocabulary_bpe(m)))
        good = error_memory(m->error, m->where);
    return good && added_tokens(m, extra) && template(m, t5);
}

cJSON *tokenizer_pieces(const char *folder, const char *name, struct error *error)
{
    char *path = path_join(folder, name);
    struct making m = {.folder = folder, .where = path, .error = error};
    struct buffer data = {0};
    bool good = path || error_memory(error, name);
    good = good && file_read(path, PIECES_MOST, &data, error) &&
           sentencepieces_read(path, data.data ? data.data : "", data.size, &m.pieces, error);
    buffer_free(&data);
    cJSON *config = tokenizer_companion(folder, "tokenizer_config.json", &good, error);
    m.config = config;
    good = good && make(&m);
    cJSON_Delete(config);
    sentencepieces_free(&m.pieces);
    map_free(&m.ids);
    free(m.texts);
    free(path);
    if (good)
        return m.root;
    cJSON_Delete(m.root);
    return NULL;
}
