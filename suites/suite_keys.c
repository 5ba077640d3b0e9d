/* What a suite may say, key by key: a table for each kind of object in it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "suites/suite_internal.h"

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))
#define TABLE(object, rows)                                                                                            \
    {                                                                                                                  \
        object, rows, COUNT(rows)                                                                                      \
    }
#define IN(member) offsetof(struct suite, member)

#define PROMPTS_MAX 1024
#define TAGS_MAX 16
#define TAG_BYTES 64
#define LIMITS_OF_NAME_MAX 16
#define PATTERNS_MAX 64
#define EXTENDS_MAX 16

#define SENTENCE .kind = KEY_TEXT, .least = 1, .most = INFINITY

/* --- what is expected of a prompt --- */

static bool take_expected(struct reading *reading, const cJSON *item, void *into)
{
    struct buffer where = {0};
    document_where(reading->document, item, &where);
    bool good = where.data ? expects_take(where.data, item, into, reading->error)
                           : error_memory(reading->error, reading->document->name);
    buffer_free(&where);
    return good;
}

#define FLAG(name)                                                                                                     \
    {                                                                                                                  \
        .key = name, .kind = KEY_FLAG, .take = take_expected                                                           \
    }
#define PATTERNS(name)                                                                                                 \
    {                                                                                                                  \
        .key = name, .kind = KEY_LIST, .least = 1, .most = PATTERNS_MAX, .take = take_expected                         \
    }
static const struct key_row language_list = {
    .kind = KEY_LIST, .least = 1, .most = EXPECT_LANGUAGES_MOST, .take = take_expected};
static const struct key_row expects_rows[] = {
    {.key = "language", SENTENCE, .take = take_expected, .other = &language_list},
    PATTERNS("matches"),
    PATTERNS("forbids"),
    FLAG("code"),
    FLAG("html"),
    FLAG("json"),
    FLAG("list"),
    FLAG("may_repeat"),
};
static const struct key_table expects_table = TABLE("expects", expects_rows);

/* --- prompts --- */

/* One of suite->prompts. */
struct prompt_place {
    char **prompt;
    struct expects *expects;
    struct names *tags;
};

static bool take_expects(struct reading *reading, const cJSON *item, void *into)
{
    return key_table_take(reading, &expects_table, item, ((struct prompt_place *)into)->expects);
}

static bool take_tag(struct reading *reading, const cJSON *item, void *into)
{
    return names_add(into, item->valuestring) || error_memory(reading->error, reading->document->name);
}

static bool take_names(struct reading *reading, const cJSON *item, struct names *into)
{
    static const struct key_row tag = {.kind = KEY_TEXT, .least = 1, .most = TAG_BYTES, .take = take_tag};
    for (const cJSON *one = item->child; one; one = one->next)
        if (!key_row_take(reading, &tag, one, into))
            return false;
    return true;
}

static bool take_tags(struct reading *reading, const cJSON *item, void *into)
{
    return take_names(reading, item, ((struct prompt_place *)into)->tags);
}

static bool take_prompt_text(struct reading *reading, const cJSON *item, void *into)
{
    return (*((struct prompt_place *)into)->prompt = strdup(item->valuestring)) ||
           error_memory(reading->error, reading->document->name);
}

static const struct key_row prompt_rows[] = {
    {.key = "prompt", SENTENCE, .required = true, .take = take_prompt_text},
    {.key = "expects", .kind = KEY_OBJECT, .take = take_expects},
    {.key = "tags", .kind = KEY_LIST, .most = TAGS_MAX, .take = take_tags},
};
static const struct key_table prompt_table = TABLE("prompt", prompt_rows);

static bool take_prompt_object(struct reading *reading, const cJSON *item, void *into)
{
    return key_table_take(reading, &prompt_table, item, into);
}

static const struct key_row prompt_object = {.kind = KEY_OBJECT, .take = take_prompt_object};
static const struct key_row prompt_row = {SENTENCE, .take = take_prompt_text, .other = &prompt_object};

static bool take_prompts(struct reading *reading, const cJSON *list, void *into)
{
    struct suite *suite = into;
    if (!suite_make_prompts(suite, (size_t)cJSON_GetArraySize(list), reading->error))
        return false;
    for (const cJSON *item = list->child; item; item = item->next) {
        size_t index = suite->prompt_count++;
        struct prompt_place place = {&suite->prompts[index], &suite->expects[index], &suite->tags[index]};
        if (!key_row_take(reading, &prompt_row, item, &place))
            return false;
    }
    return true;
}

/* --- diagnostics --- */

static const char *diagnostic_name(size_t index)
{
    return diagnostic_rows[index]->name;
}

/* A document that gives prompts asks for texts, whatever its list of diagnostics says, but that it may remove them. */
static bool asks_for_texts(const struct document *document)
{
    return cJSON_GetObjectItemCaseSensitive(document->root, "prompts");
}

/* Sets the marks of those in the list. */
static bool mark(struct reading *reading, const cJSON *list, struct suite *suite, bool wanted)
{
    for (const cJSON *item = list->child; item; item = item->next) {
        const char *name = cJSON_IsString(item) ? item->valuestring : NULL;
        enum diagnostic_place place = name ? diagnostic_parse(name) : DIAGNOSTIC_COUNT;
        if (!name)
            return document_wrong(reading->document, item, reading->error, "expected the name of a diagnostic");
        if (place == DIAGNOSTIC_COUNT)
            return document_unknown(reading->document, item, "diagnostic", name, DIAGNOSTIC_COUNT, diagnostic_name,
                                    reading->error);
        if (!wanted && !suite->wanted[place])
            return document_wrong(reading->document, item, reading->error,
                                  "expected a diagnostic of the suites that this one extends, and they have no \"%s\"",
                                  name);
        suite->wanted[place] = wanted;
    }
    return true;
}

static bool take_add(struct reading *reading, const cJSON *list, void *into)
{
    return mark(reading, list, into, true);
}

static bool take_remove(struct reading *reading, const cJSON *list, void *into)
{
    return mark(reading, list, into, false);
}

#define NAMES .kind = KEY_LIST, .least = 1, .most = DIAGNOSTIC_COUNT
static const struct key_row change_rows[] = {
    {.key = "add", NAMES, .take = take_add},
    {.key = "remove", NAMES, .take = take_remove},
};
static const struct key_table change_table = TABLE("change", change_rows);

static bool take_change(struct reading *reading, const cJSON *item, void *into)
{
    return key_table_take(reading, &change_table, item, into);
}

static const struct key_row diagnostics_change = {.kind = KEY_OBJECT, .take = take_change};

static bool take_diagnostics(struct reading *reading, const cJSON *item, void *into)
{
    struct suite *suite = into;
    memset(suite->wanted, 0, sizeof suite->wanted);
    suite->wanted[DIAGNOSTIC_TEXTS] = asks_for_texts(reading->document);
    return mark(reading, item, suite, true);
}

/* --- limits --- */

struct limit_said {
    double value;
    char *cause; /* owned, as are the tags */
    struct names tags;
};

static bool take_limit_tags(struct reading *reading, const cJSON *item, void *into)
{
    return take_names(reading, item, &((struct limit_said *)into)->tags);
}

static const struct key_row limit_rows[] = {
    {.key = "value",
     .kind = KEY_NUMBER,
     .most = INFINITY,
     .required = true,
     .offset = offsetof(struct limit_said, value)},
    {.key = "cause",
     .kind = KEY_TEXT,
     .least = 1,
     .most = INFINITY,
     .required = true,
     .offset = offsetof(struct limit_said, cause)},
    {.key = "tags", .kind = KEY_LIST, .least = 1, .most = TAGS_MAX, .take = take_limit_tags},
};
static const struct key_table limit_table = TABLE("limit", limit_rows);

/* A limit of a suite. */
struct limit_place {
    struct suite *suite;
    enum limit limit;
};

/* Of one with tags it is said that it may be chosen, of any other that it holds. */
static bool limit_add(const struct limit_place *place, struct limit_said *said, struct error *error)
{
    struct suite *suite = place->suite;
    struct tagged_limit tagged = {place->limit, said->value, said->cause, said->tags};
    if (!said->tags.count)
        return limits_set(&suite->limits, place->limit, said->value, said->cause, error);
    if (!array_push(suite->tagged, suite->tagged_count, suite->tagged_capacity, tagged))
        return error_memory(error, "limits");
    *said = (struct limit_said){0};
    return true;
}

static bool take_limit(struct reading *reading, const cJSON *item, void *into)
{
    struct limit_said said = {0};
    bool good = key_table_take(reading, &limit_table, item, &said) && limit_add(into, &said, reading->error);
    free(said.cause);
    names_free(&said.tags);
    return good;
}

/* One of several that have no tag would count for nothing. */
static bool take_limit_list(struct reading *reading, const cJSON *list, void *into)
{
    static const struct key_row limit = {.kind = KEY_OBJECT, .take = take_limit};
    size_t plain = 0;
    for (const cJSON *item = list->child; item; item = item->next) {
        plain += cJSON_IsObject(item) && !cJSON_GetObjectItemCaseSensitive(item, "tags");
        if (plain > 1)
            return document_wrong(reading->document, item, reading->error,
                                  "expected \"tags\": one limit of the list may be without");
        if (!key_row_take(reading, &limit, item, into))
            return false;
    }
    return true;
}

static const char *name_of_limit(size_t index)
{
    return limit_name((enum limit)index);
}

static bool take_limits(struct reading *reading, const cJSON *object, void *into)
{
    static const struct key_row list = {
        .kind = KEY_LIST, .least = 1, .most = LIMITS_OF_NAME_MAX, .take = take_limit_list};
    static const struct key_row limit = {.kind = KEY_OBJECT, .take = take_limit, .other = &list};
    for (const cJSON *item = object->child; item; item = item->next) {
        struct limit_place place = {into, limit_parse(item->string)};
        if (place.limit == LIMIT_COUNT)
            return document_unknown(reading->document, item, "limit", item->string, LIMIT_COUNT, name_of_limit,
                                    reading->error);
        if (!suite_reset_limit(place.suite, place.limit, reading->error) ||
            !key_row_take(reading, &limit, item, &place))
            return false;
    }
    return true;
}

/* --- the text for perplexity --- */

/* Relative to the suite's own file; ":english" is a text that is built in. */
static bool take_file(struct reading *reading, const cJSON *item, void *into)
{
    const char *file = item->valuestring, *path = reading->document->path;
    struct suite *suite = into;
    free(suite->text);
    suite->text = path_beside(*file == ':' ? NULL : path, file);
    return suite->text || error_memory(reading->error, reading->document->name);
}

#define TOKENS_MAX (1 << 24)
static const struct key_row text_rows[] = {
    {.key = "file", .kind = KEY_TEXT, .least = 1, .most = INFINITY, .take = take_file},
    {.key = "context", .kind = KEY_WHOLE, .least = 2, .most = TOKENS_MAX, .offset = IN(context)},
    {.key = "stride", .kind = KEY_WHOLE, .least = 1, .most = TOKENS_MAX, .offset = IN(stride)},
};
static const struct key_table text_table = TABLE("text", text_rows);

static bool take_text(struct reading *reading, const cJSON *item, void *into)
{
    return key_table_take(reading, &text_table, item, into);
}

/* --- sampling --- */

static const struct key_row sampling_rows[] = {
    {.key = "temperature", .kind = KEY_NUMBER, .most = INFINITY, .offset = IN(sampler.temperature)},
    {.key = "top_k", .kind = KEY_WHOLE, .most = 1 << 30, .offset = IN(sampler.top_k)},
    {.key = "top_p", .kind = KEY_NUMBER, .above = true, .most = 1, .offset = IN(sampler.top_p)},
    {.key = "min_p", .kind = KEY_NUMBER, .most = 1, .offset = IN(sampler.min_p)},
    {.key = "repetition_penalty",
     .kind = KEY_NUMBER,
     .above = true,
     .most = INFINITY,
     .offset = IN(sampler.repetition_penalty)},
    {.key = "seed", .kind = KEY_WHOLE, .most = 1 << 30, .offset = IN(seed)},
};
static const struct key_table sampling_table = TABLE("sampling", sampling_rows);

static bool take_sampling(struct reading *reading, const cJSON *item, void *into)
{
    return key_table_take(reading, &sampling_table, item, into);
}

/* --- the suite --- */

static bool take_nothing(struct reading *reading, const cJSON *item, void *into)
{
    (void)reading, (void)item, (void)into;
    return true;
}

/* They were read before: here only their form is looked at. */
static bool take_extends(struct reading *reading, const cJSON *item, void *into)
{
    static const struct key_row name = {SENTENCE, .take = take_nothing};
    for (const cJSON *one = item->child; one; one = one->next)
        if (!key_row_take(reading, &name, one, into))
            return false;
    return true;
}

static const struct key_row extends_list = {.kind = KEY_LIST, .least = 1, .most = EXTENDS_MAX, .take = take_extends};
static const struct key_row suite_rows[] = {
    {.key = "$schema", SENTENCE, .take = take_nothing},
    {.key = "extends", SENTENCE, .take = take_nothing, .other = &extends_list},
    {.key = "name", SENTENCE, .offset = IN(name)},
    {.key = "purpose", SENTENCE, .offset = IN(purpose)},
    {.key = "description", SENTENCE, .offset = IN(description)},
    {.key = "diagnostics", NAMES, .take = take_diagnostics, .other = &diagnostics_change},
    {.key = "prompts", .kind = KEY_LIST, .least = 1, .most = PROMPTS_MAX, .take = take_prompts},
    {.key = "new_tokens", .kind = KEY_WHOLE, .least = 1, .most = 100000, .offset = IN(new_tokens)},
    {.key = "sampling", .kind = KEY_OBJECT, .take = take_sampling},
    {.key = "chat", .kind = KEY_FLAG, .offset = IN(chat)},
    {.key = "text", .kind = KEY_OBJECT, .take = take_text},
    {.key = "limits", .kind = KEY_OBJECT, .take = take_limits},
};
static const struct key_table suite_table = TABLE("suite", suite_rows);

bool suite_take(const struct document *document, struct suite *suite, struct error *error)
{
    struct reading reading = {document, error};
    suite->wanted[DIAGNOSTIC_TEXTS] = suite->wanted[DIAGNOSTIC_TEXTS] || asks_for_texts(document);
    return key_table_take(&reading, &suite_table, document->root, suite);
}

const cJSON *suite_extended(const struct document *document, size_t index)
{
    const cJSON *extends = json_member(document->root, "extends");
    const cJSON *item = cJSON_IsArray(extends) && index < EXTENDS_MAX ? cJSON_GetArrayItem(extends, (int)index)
                        : index                                       ? NULL
                                                                      : extends;
    return cJSON_IsString(item) && *item->valuestring ? item : NULL;
}

const char *suite_key(const char *object, size_t index, bool *required)
{
    static const struct key_table *const tables[] = {&suite_table,  &sampling_table, &text_table,  &limit_table,
                                                     &prompt_table, &expects_table,  &change_table};
    for (size_t i = 0; i < COUNT(tables); i++)
        if (strcmp(tables[i]->object, object) == 0 && index < tables[i]->count) {
            *required = tables[i]->rows[index].required;
            return tables[i]->rows[index].key;
        }
    return NULL;
}
