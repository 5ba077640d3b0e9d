/* bos, eos, pad and unk: what the files of a model say of them. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/wording.h"
#include "health/vocabulary_internal.h"
#include "health/vocabulary_place.h"

#define DOCUMENT_MAX ((size_t)64 << 20)

enum role { ROLE_BEGIN, ROLE_END, ROLE_PADDING, ROLE_UNKNOWN, ROLE_COUNT };

static const struct role_row {
    const char *id_key, *token_key;
    bool unused; /* a library keeps its row at zero */
} roles[ROLE_COUNT] = {
    [ROLE_BEGIN] = {"bos_token_id", "bos_token", false},
    [ROLE_END] = {"eos_token_id", "eos_token", false},
    [ROLE_PADDING] = {"pad_token_id", "pad_token", true},
    [ROLE_UNKNOWN] = {"unk_token_id", "unk_token", true},
};

/* Where ids are given: the later counts. */
enum given { GIVEN_CONFIG, GIVEN_GENERATION, GIVEN_COUNT };

static const char *const given_names[GIVEN_COUNT] = {"config.json", "generation_config.json"};

struct special {
    struct vocabulary *vocabulary;
    struct ids given[GIVEN_COUNT][ROLE_COUNT];
    int token[ROLE_COUNT];  /* what the tokenizer names; -1: nothing */
    bool named[ROLE_COUNT]; /* it names something, in its vocabulary or not */
};

/* --- the ids that configurations give --- */

static bool take_outside(struct special *special, enum given given, enum role role, double value)
{
    const struct row_profile *table = special->vocabulary->shortest;
    int token = value >= 0 && value < INT_MAX && floor(value) == value ? (int)value : -1;
    special->vocabulary->outside++;
    struct finding *place = vocabulary_place(special->vocabulary, IDS_CHECK, VERDICT_FAIL, token, table);
    if (place && isnan(value))
        finding_message(place, "\"%s\" in %s is not a number.", roles[role].id_key, given_names[given]);
    else if (place)
        finding_message(place, "\"%s\" in %s is %.17g, which is no row of '%s', which has %llu.", roles[role].id_key,
                        given_names[given], value, table->tensor->name, (unsigned long long)table->rows);
    return place;
}

static bool take_without_token(struct special *special, enum given given, enum role role, int id)
{
    special->vocabulary->differences++;
    struct finding *place =
        vocabulary_place(special->vocabulary, IDS_CHECK, VERDICT_WARN, id, special->vocabulary->shortest);
    if (place)
        finding_message(place, "\"%s\" in %s is %d, an id that no token of the tokenizer has.", roles[role].id_key,
                        given_names[given], id);
    return place;
}

/* null and -1 stand for none. */
static bool take_id(struct special *special, enum given given, enum role role, const cJSON *item)
{
    struct ids *ids = &special->given[given][role];
    double value = cJSON_IsNumber(item) ? item->valuedouble : NAN;
    if (cJSON_IsNull(item) || (value >= -1 && value <= -1) || ids->count >= NAMED_MAX)
        return true;
    bool row =
        value >= 0 && value < INT_MAX && floor(value) == value && value < (double)special->vocabulary->shortest->rows;
    if (!row && !take_outside(special, given, role, value))
        return false;
    if (row && !tokenizer_token(special->vocabulary->subject->tokenizer, (int)value) &&
        !take_without_token(special, given, role, (int)value))
        return false;
    if (row && roles[role].unused && !ids_push(&special->vocabulary->unused, (int)value))
        return error_memory(special->vocabulary->error, "special tokens");
    return ids_push(ids, row ? (int)value : -1) || error_memory(special->vocabulary->error, "special tokens");
}

static bool take_ids(struct special *special, enum given given, enum role role, const cJSON *config)
{
    const cJSON *item = json_member(config, roles[role].id_key);
    if (!cJSON_IsArray(item))
        return !item || take_id(special, given, role, item);
    for (const cJSON *one = item->child; one; one = one->next)
        if (!take_id(special, given, role, one))
            return false;
    return true;
}

/* The outermost configuration that gives some counts. */
static bool take_nested(struct special *special, enum given given, enum role role, const cJSON *config)
{
    const cJSON *levels[CONFIG_LEVELS];
    size_t count = config_levels(config, levels);
    bool good = true;
    for (size_t i = 0; good && !special->given[given][role].count && i < count; i++)
        good = take_ids(special, given, role, levels[i]);
    return good;
}

/* A document that cannot be read tells nothing: the model runs without it, so it is a warning. */
static bool note_unread(struct special *special, struct error *unread)
{
    bool memory = true;
    if (unread->text) {
        special->vocabulary->differences++;
        struct finding *place = vocabulary_place(special->vocabulary, IDS_CHECK, VERDICT_WARN, -1, NULL);
        if (place)
            finding_message(place, "A file that may name special tokens could not be read: %s.", unread->text);
        memory = place;
    }
    error_clear(unread);
    return memory;
}

/* The file in the folder, NULL when it is not there or cannot be read. */
static cJSON *read_beside(const char *folder, const char *name, struct error *unread)
{
    char *path = folder ? path_join(folder, name) : NULL;
    cJSON *json = path && file_exists(path) ? json_read(path, DOCUMENT_MAX, unread) : NULL;
    free(path);
    return json;
}

static cJSON *read_generation(const struct subject *subject, struct error *unread)
{
    char *folder = subject->config_path ? path_folder(subject->config_path) : NULL;
    cJSON *json = read_beside(folder, given_names[GIVEN_GENERATION], unread);
    free(folder);
    return json;
}

static bool read_given(struct special *special)
{
    const struct subject *subject = special->vocabulary->subject;
    struct error unread = {0};
    cJSON *documents[GIVEN_COUNT] = {0};
    documents[GIVEN_CONFIG] =
        json_parse(given_names[GIVEN_CONFIG], subject->config_text, strlen(subject->config_text), &unread);
    bool good = note_unread(special, &unread);
    documents[GIVEN_GENERATION] = read_generation(subject, &unread);
    good = note_unread(special, &unread) && good;
    for (enum given given = 0; given < GIVEN_COUNT; given++) {
        for (enum role role = 0; good && role < ROLE_COUNT; role++)
            good = take_nested(special, given, role, documents[given]);
        cJSON_Delete(documents[given]);
    }
    return good;
}

/* --- the tokens that the tokenizer names --- */

static int find_token(const struct tokenizer *tokenizer, const char *text)
{
    for (size_t i = tokenizer_count(tokenizer); i-- > 0;) /* special tokens come last */
        if (strcmp(tokenizer_at(tokenizer, i).text, text) == 0)
            return tokenizer_at(tokenizer, i).id;
    return -1;
}

/* "eos_token": "..." or {"content": "..."}. */
static bool take_token(struct special *special, enum role role, const cJSON *document)
{
    const cJSON *token = json_member(document, roles[role].token_key);
    const cJSON *text = cJSON_IsObject(token) ? json_member(token, "content") : token;
    if (special->token[role] >= 0 || !cJSON_IsString(text))
        return true;
    const struct tokenizer *tokenizer = special->vocabulary->subject->tokenizer;
    int id = find_token(tokenizer, text->valuestring);
    bool there = id >= 0 && !tokenizer_only_names(tokenizer, id);
    special->token[role] = there ? id : -1;
    special->named[role] = true;
    if (there)
        return !roles[role].unused || ids_push(&special->vocabulary->unused, id) ||
               error_memory(special->vocabulary->error, "special tokens");
    special->vocabulary->differences++;
    struct finding *place = vocabulary_place(special->vocabulary, IDS_CHECK, VERDICT_WARN, -1, NULL);
    if (place)
        finding_message(place, "The tokenizer's %s is '%.100s', which is not in its vocabulary.", roles[role].token_key,
                        text->valuestring);
    return place;
}

static bool take_tokens(struct special *special, const cJSON *document)
{
    for (enum role role = 0; role < ROLE_COUNT; role++)
        if (!take_token(special, role, document))
            return false;
    return true;
}

/* tokenizer_config.json of a file of weights that holds a tokenizer. */
static cJSON *read_in_store(const struct store *store, struct error *unread)
{
    const char *name = "tokenizer_config.json", *document = store ? store_document(store, name) : NULL;
    return document ? json_parse(name, document, strlen(document), unread) : NULL;
}

/* subject->tokenizer_folder may be a folder, a tokenizer.json, or a file of weights that holds one. */
static bool read_tokens(struct special *special)
{
    const struct subject *subject = special->vocabulary->subject;
    const char *at = subject->tokenizer_folder;
    bool is_json = at && text_ends_with(at, ".json"), in_folder = at && file_is_folder(at);
    struct error unread = {0};
    char *folder = in_folder ? strdup(at) : is_json ? path_folder(at) : NULL;
    struct store *store = at && !folder ? store_open(at, &unread) : NULL;
    cJSON *config = folder ? read_beside(folder, "tokenizer_config.json", &unread)
                           : read_in_store(at ? store : subject->base, &unread);
    bool good = note_unread(special, &unread) && take_tokens(special, config);
    /* as transformers: the older file counts where the newer says nothing of tokens */
    cJSON *map = good && folder && !json_member(config, "added_tokens_decoder")
                     ? read_beside(folder, "special_tokens_map.json", &unread)
                     : NULL;
    good = good && note_unread(special, &unread) && take_tokens(special, map);
    cJSON_Delete(map);
    cJSON_Delete(config);
    store_free(store);
    free(folder);
    return good;
}

/* --- do they agree? --- */

static bool ids_hold(const struct ids *ids, int id)
{
    for (size_t i = 0; i < ids->count; i++)
        if (ids->data[i] == id)
            return true;
    return false;
}

/* The ids that count for a role: generation_config.json stands over config.json. */
static const struct ids *effective(const struct special *special, enum role role, enum given *given)
{
    *given = special->given[GIVEN_GENERATION][role].count ? GIVEN_GENERATION : GIVEN_CONFIG;
    return &special->given[*given][role];
}

static bool compare_role(struct special *special, enum role role)
{
    const struct tokenizer *tokenizer = special->vocabulary->subject->tokenizer;
    enum given given;
    const struct ids *ids = effective(special, role, &given);
    int token = special->token[role];
    char here[TOKEN_LABEL], there[TOKEN_LABEL];
    if (token < 0 || !ids->count || ids->data[0] < 0 || ids_hold(ids, token))
        return true;
    special->vocabulary->differences++;
    struct finding *place = vocabulary_place(special->vocabulary, IDS_CHECK, VERDICT_WARN, token, NULL);
    if (place)
        finding_message(place, "The tokenizer's %s is %s, but \"%s\" in %s is %s%s.", roles[role].token_key,
                        token_label(tokenizer, token, here), roles[role].id_key, given_names[given],
                        token_label(tokenizer, ids->data[0], there), ids->count > 1 ? " and others" : "");
    return place;
}

/* Without an id of the end no text ends but at its maximal length. The tokenizer's own end is no id of the model's, but
 * many readers end there; a model that writes no text needs none. */
static bool tell_end(struct special *special)
{
    struct vocabulary *vocabulary = special->vocabulary;
    enum given given;
    const struct ids *ids = effective(special, ROLE_END, &given);
    char label[TOKEN_LABEL];
    int id = ids->count ? ids->data[0] : special->token[ROLE_END];
    if (id >= 0)
        snprintf(vocabulary->end, sizeof vocabulary->end, "%s, %s",
                 token_label(vocabulary->subject->tokenizer, id, label),
                 ids->count ? given_names[given] : "named by the tokenizer only");
    if (id >= 0 || ids->count || special->named[ROLE_END] || !config_writes(vocabulary->subject->config, NULL))
        return true;
    vocabulary->endless = true;
    snprintf(vocabulary->end, sizeof vocabulary->end, "no file names one");
    struct finding *place = vocabulary_place(vocabulary, IDS_CHECK, VERDICT_WARN, -1, NULL);
    if (place)
        finding_message(place,
                        "No file names the token that ends a text (\"%s\" of config.json and generation_config.json, "
                        "\"%s\" of tokenizer_config.json and special_tokens_map.json, or "
                        "'tokenizer.ggml.eos_token_id' of a GGUF file): what is generated ends at its maximal length "
                        "only.",
                        roles[ROLE_END].id_key, roles[ROLE_END].token_key);
    return place;
}

bool vocabulary_special(struct vocabulary *vocabulary)
{
    struct special special = {.vocabulary = vocabulary, .token = {-1, -1, -1, -1}};
    bool good = read_given(&special) && read_tokens(&special) && tell_end(&special);
    for (enum role role = 0; good && role < ROLE_COUNT; role++)
        good = compare_role(&special, role);
    for (enum given given = 0; given < GIVEN_COUNT; given++)
        for (enum role role = 0; role < ROLE_COUNT; role++)
            ids_free(&special.given[given][role]);
    return good;
}
