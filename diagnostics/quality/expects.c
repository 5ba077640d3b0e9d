#define PCRE2_CODE_UNIT_WIDTH 8
#include "quality/expects.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "quality/cld2.h"

#define PATTERNS_MOST 64
#define STEPS_MOST 1000000 /* of one search */

const char *const expect_flag_names[EXPECT_FLAG_COUNT] = {[EXPECT_CODE] = "code",
                                                          [EXPECT_HTML] = "html",
                                                          [EXPECT_JSON] = "json",
                                                          [EXPECT_LIST] = "list",
                                                          [EXPECT_MAY_REPEAT] = "may_repeat"};

enum expect_flag expect_flag_parse(const char *name)
{
    int i = 0;
    while (i < EXPECT_FLAG_COUNT && strcmp(expect_flag_names[i], name) != 0)
        i++;
    return (enum expect_flag)i;
}

static bool add_language(const char *where, const cJSON *item, struct expects *expects, struct error *error)
{
    const char *name = cJSON_IsString(item) ? item->valuestring : "";
    if (!*name || !cld2_knows(name))
        return error_set(error,
                         "%s: \"language\": \"%.40s\" is no language code that is known, such as \"en\" or \"zh\"",
                         where, name);
    if (expects->language_count == EXPECT_LANGUAGES_MOST || strlen(name) >= sizeof *expects->languages)
        return error_set(error, "%s: at most %d languages can be expected", where, EXPECT_LANGUAGES_MOST);
    strcpy(expects->languages[expects->language_count++], name);
    return true;
}

static bool take_languages(const char *where, const cJSON *item, struct expects *expects, struct error *error)
{
    if (!cJSON_IsArray(item))
        return add_language(where, item, expects, error);
    for (const cJSON *one = item->child; one; one = one->next)
        if (!add_language(where, one, expects, error))
            return false;
    return expects->language_count || error_set(error, "%s: \"language\" is an empty list", where);
}

static bool take_patterns(const char *where, const cJSON *item, struct pattern_list *list, struct error *error)
{
    int count = cJSON_IsArray(item) ? cJSON_GetArraySize(item) : 0;
    if (count < 1 || count > PATTERNS_MOST || list->count)
        return error_set(error, "%s: \"%s\" should be one list of 1 to %d patterns", where, item->string,
                         PATTERNS_MOST);
    list->texts = calloc((size_t)count, sizeof *list->texts);
    list->codes = calloc((size_t)count, sizeof *list->codes);
    if (!list->texts || !list->codes)
        return error_memory(error, where);
    for (const cJSON *one = item->child; one; one = one->next) {
        int problem = 0;
        size_t at = 0;
        unsigned char text[256] = "";
        if (!cJSON_IsString(one) || !*one->valuestring)
            return error_set(error, "%s: \"%s\" holds something that is no pattern", where, item->string);
        pcre2_code *code = pcre2_compile((PCRE2_SPTR)one->valuestring, PCRE2_ZERO_TERMINATED,
                                         PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF, &problem, &at, NULL);
        if (!code) {
            pcre2_get_error_message(problem, text, sizeof text);
            return error_set(error, "%s: pattern '%s' at %zu: %s", where, one->valuestring, at, (char *)text);
        }
        list->codes[list->count] = code;
        if (!(list->texts[list->count++] = strdup(one->valuestring)))
            return error_memory(error, where);
    }
    return true;
}

bool expects_take(const char *where, const cJSON *item, struct expects *expects, struct error *error)
{
    enum expect_flag flag = expect_flag_parse(item->string);
    if (flag != EXPECT_FLAG_COUNT) {
        expects->flags[flag] = cJSON_IsTrue(item);
        return cJSON_IsBool(item) || cJSON_IsNull(item) ||
               error_set(error, "%s: \"%s\" should be true or false", where, item->string);
    }
    if (strcmp(item->string, "language") == 0)
        return take_languages(where, item, expects, error);
    if (strcmp(item->string, "matches") == 0)
        return take_patterns(where, item, &expects->matches, error);
    if (strcmp(item->string, "forbids") == 0)
        return take_patterns(where, item, &expects->forbids, error);
    return error_set(error, "%s: unknown member \"%s\" of \"expects\"", where, item->string);
}

bool expects_parse(const char *where, const cJSON *json, struct expects *expects, struct error *error)
{
    memset(expects, 0, sizeof *expects);
    if (json && !cJSON_IsNull(json) && !cJSON_IsObject(json))
        return error_set(error, "%s: \"expects\" should be an object", where);
    for (const cJSON *item = json ? json->child : NULL; item; item = item->next)
        if (!expects_take(where, item, expects, error))
            return false;
    return true;
}

/* What a text must be cannot be guessed: JSON that is asked for is looked for. */
bool asking_parse(const char *where, const cJSON *json, struct asking *asking, struct error *error)
{
    memset(asking, 0, sizeof *asking);
    if (json && !cJSON_IsObject(json))
        return error_set(error, "%s: \"asks\" should be an object of lists of patterns", where);
    for (const cJSON *item = json ? json->child : NULL; item; item = item->next) {
        enum expect_flag flag = expect_flag_parse(item->string);
        if (flag == EXPECT_FLAG_COUNT || flag == EXPECT_JSON)
            return error_set(error, "%s: \"asks\": \"%s\" should be one of code, html, list, may_repeat", where,
                             item->string);
        if (!take_patterns(where, item, &asking->prompts[flag], error))
            return false;
    }
    return true;
}

void asking_read(const struct asking *asking, const char *prompt, struct expects *expects)
{
    for (int flag = 0; prompt && flag < EXPECT_FLAG_COUNT; flag++)
        for (size_t i = 0; !expects->flags[flag] && i < asking->prompts[flag].count; i++)
            expects->flags[flag] =
                pattern_list_find(&asking->prompts[flag], i, prompt, strlen(prompt)) < PATTERN_UNKNOWN;
}

static void list_free(struct pattern_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->texts[i]);
        pcre2_code_free(list->codes[i]);
    }
    free(list->texts);
    free(list->codes);
}

void expects_free(struct expects *expects)
{
    list_free(&expects->matches);
    list_free(&expects->forbids);
    memset(expects, 0, sizeof *expects);
}

void asking_free(struct asking *asking)
{
    for (int flag = 0; flag < EXPECT_FLAG_COUNT; flag++)
        list_free(&asking->prompts[flag]);
    memset(asking, 0, sizeof *asking);
}

size_t pattern_list_find(const struct pattern_list *list, size_t index, const char *text, size_t size)
{
    pcre2_match_data *match = pcre2_match_data_create(1, NULL);
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    size_t found = PATTERN_UNKNOWN;
    if (match && context) {
        pcre2_set_match_limit(context, STEPS_MOST);
        int code = pcre2_match(list->codes[index], (PCRE2_SPTR)text, size, 0, 0, match, context);
        found = code >= 0                     ? pcre2_get_ovector_pointer(match)[0]
                : code == PCRE2_ERROR_NOMATCH ? PATTERN_NONE
                                              : PATTERN_UNKNOWN;
    }
    pcre2_match_context_free(context);
    pcre2_match_data_free(match);
    return found;
}
