#include "suites/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "generated/suite_default.h"

#define SUITE_MAX ((size_t)1 << 20)
#define PROMPTS_MAX 1024

static bool no_diagnostic(const char *name, const char *what, struct error *error)
{
    struct buffer names = {0};
    diagnostic_names(&names);
    error_set(error, "%s: \"%s\" is no diagnostic; there are %s", name, what, names.data ? names.data : "");
    buffer_free(&names);
    return false;
}

static bool parse_diagnostics(const char *name, const cJSON *list, struct suite *suite, struct error *error)
{
    const cJSON *item;
    if (!cJSON_IsArray(list) || !cJSON_GetArraySize(list))
        return error_set(error, "%s: \"diagnostics\" should be a list of names", name);
    cJSON_ArrayForEach(item, list)
    {
        enum diagnostic_place place = cJSON_IsString(item) ? diagnostic_parse(item->valuestring) : DIAGNOSTIC_COUNT;
        if (place == DIAGNOSTIC_COUNT)
            return no_diagnostic(name, cJSON_IsString(item) ? item->valuestring : "(not a string)", error);
        suite->wanted[place] = true;
    }
    return true;
}

/* A prompt is a text, or {"prompt", "expects"}. */
static bool parse_prompt(const char *name, const cJSON *item, struct suite *suite, struct error *error)
{
    static const char *const keys[] = {"prompt", "expects", NULL};
    char where[4200];
    const char *prompt = cJSON_IsString(item) ? item->valuestring : NULL;
    snprintf(where, sizeof where, "%.4096s: prompt %zu", name, suite->prompt_count);
    if (cJSON_IsObject(item) &&
        (!json_only(item, where, "prompts", keys, error) || !json_get_string(item, where, "prompt", &prompt, error)))
        return false;
    if (!prompt || !*prompt)
        return error_set(error, "%s is not a text", where);
    if (!(suite->prompts[suite->prompt_count] = strdup(prompt)))
        return error_memory(error, name);
    return expects_parse(where, cJSON_IsObject(item) ? json_member(item, "expects") : NULL,
                         &suite->expects[suite->prompt_count++], error);
}

static bool allocate_prompts(const char *name, size_t count, struct suite *suite, struct error *error)
{
    suite->prompts = calloc(count, sizeof *suite->prompts);
    suite->expects = calloc(count, sizeof *suite->expects);
    return (suite->prompts && suite->expects) || error_memory(error, name);
}

static bool parse_prompts(const char *name, const cJSON *list, struct suite *suite, struct error *error)
{
    size_t count = cJSON_IsArray(list) ? (size_t)cJSON_GetArraySize(list) : 0;
    if (!count || count > PROMPTS_MAX)
        return error_set(error, "%s: \"prompts\" should be a list of 1 to %d texts", name, PROMPTS_MAX);
    if (!allocate_prompts(name, count, suite, error))
        return false;
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        if (!parse_prompt(name, item, suite, error))
            return false;
    }
    suite->wanted[DIAGNOSTIC_TEXTS] = true;
    return true;
}

static bool default_prompts(const char *name, struct suite *suite, struct error *error)
{
    if (!allocate_prompts(name, WRITING_PROMPTS, suite, error))
        return false;
    for (; suite->prompt_count < WRITING_PROMPTS; suite->prompt_count++)
        if (!(suite->prompts[suite->prompt_count] = strdup(writing_prompts[suite->prompt_count])))
            return error_memory(error, name);
    return true;
}

static bool parse_sampling(const char *name, const cJSON *object, struct suite *suite, struct error *error)
{
    static const char *const keys[] = {"temperature", "top_k", "top_p", "min_p", "repetition_penalty", "seed", NULL};
    struct sampler_options *sampler = &suite->sampler;
    int top_k = (int)sampler->top_k, seed = (int)suite->seed;
    if (!cJSON_IsObject(object))
        return error_set(error, "%s: \"sampling\" should be an object", name);
    if (!json_only(object, name, "sampling", keys, error) ||
        !json_get_double(object, name, "temperature", &sampler->temperature, error) ||
        !json_get_int(object, name, "top_k", 0, 1 << 30, &top_k, error) ||
        !json_get_double(object, name, "top_p", &sampler->top_p, error) ||
        !json_get_double(object, name, "min_p", &sampler->min_p, error) ||
        !json_get_double(object, name, "repetition_penalty", &sampler->repetition_penalty, error) ||
        !json_get_int(object, name, "seed", 0, 1 << 30, &seed, error))
        return false;
    sampler->top_k = (size_t)top_k;
    suite->seed = (uint64_t)seed;
    if (!(sampler->temperature >= 0) || !(sampler->top_p > 0 && sampler->top_p <= 1) ||
        !(sampler->min_p >= 0 && sampler->min_p <= 1) || !(sampler->repetition_penalty > 0))
        return error_set(
            error,
            "%s: \"sampling\": a temperature is at least 0, top_p above 0 and up to 1, min_p from 0 to 1, a "
            "repetition_penalty above 0",
            name);
    return true;
}

static bool parse_chat(const char *name, const cJSON *item, struct suite *suite, struct error *error)
{
    if (!cJSON_IsBool(item))
        return error_set(error, "%s: \"chat\" should be true or false", name);
    suite->chat = cJSON_IsTrue(item);
    return true;
}

static bool parse_limits(const char *name, const cJSON *object, struct suite *suite, struct error *error)
{
    static const char *const keys[] = {"value", "cause", NULL};
    if (!cJSON_IsObject(object))
        return error_set(error, "%s: \"limits\" should be an object", name);
    for (const cJSON *item = object->child; item; item = item->next) {
        enum limit limit = limit_parse(item->string);
        const char *cause = NULL;
        double value = NAN;
        if (limit == LIMIT_COUNT)
            return error_set(error, "%s: there is no limit \"%s\"", name, item->string);
        if (!json_only(item, name, item->string, keys, error) || !json_get_string(item, name, "cause", &cause, error) ||
            !json_get_double(item, name, "value", &value, error))
            return false;
        if (!cause || !*cause || !(value >= 0))
            return error_set(error, "%s: limit \"%s\" needs a \"value\" of at least 0 and a \"cause\"", name,
                             item->string);
        if (!limits_set(&suite->limits, limit, value, cause, error))
            return false;
    }
    return true;
}

static bool parse_text(const char *path, const cJSON *object, struct suite *suite, struct error *error)
{
    const char *file = NULL;
    int context = 0, stride = 0;
    static const char *const keys[] = {"file", "context", "stride", NULL};
    if (!json_only(object, path, "text", keys, error) || !cJSON_IsObject(object) ||
        !json_get_string(object, path, "file", &file, error) ||
        !json_get_int(object, path, "context", 2, 1 << 24, &context, error) ||
        !json_get_int(object, path, "stride", 1, 1 << 24, &stride, error) || !file)
        return error_set(error, "%s: \"text\" should be an object with \"file\" and perhaps \"context\" and \"stride\"",
                         path);
    const char *slash = strrchr(path, '/');
    char *folder = *file == '/' || !slash ? NULL : strndup(path, (size_t)(slash - path));
    suite->text = folder ? path_join(folder, file) : strdup(file);
    free(folder);
    suite->context = (size_t)context;
    suite->stride = (size_t)stride;
    return suite->text || error_memory(error, path);
}

static bool parse_name(const char *name, const cJSON *item, struct suite *suite, struct error *error)
{
    char **field = strcmp(item->string, "name") == 0 ? &suite->name : &suite->description;
    if (!cJSON_IsString(item))
        return error_set(error, "%s: \"%s\" should be a string", name, item->string);
    free(*field);
    *field = strdup(item->valuestring);
    return *field || error_memory(error, name);
}

static bool parse_new_tokens(const char *name, const cJSON *item, struct suite *suite, struct error *error)
{
    uint64_t value = 0;
    if (!json_uint64(item, &value) || !value || value > 100000)
        return error_set(error, "%s: \"new_tokens\" should be a whole number from 1 to 100000", name);
    suite->new_tokens = (size_t)value;
    return true;
}

static const struct member_row {
    const char *key;
    bool (*parse)(const char *name, const cJSON *item, struct suite *suite, struct error *error);
} member_rows[] = {
    {"name", parse_name},
    {"description", parse_name},
    {"diagnostics", parse_diagnostics},
    {"prompts", parse_prompts},
    {"limits", parse_limits},
    {"text", parse_text},
    {"new_tokens", parse_new_tokens},
    {"sampling", parse_sampling},
    {"chat", parse_chat},
};

static bool suite_parse(const char *name, const cJSON *root, struct suite *suite, struct error *error)
{
    if (!cJSON_IsObject(root))
        return error_set(error, "%s: not a JSON object", name);
    for (const cJSON *item = root->child; item; item = item->next) {
        size_t row = 0, rows = sizeof member_rows / sizeof *member_rows;
        while (row < rows && strcmp(member_rows[row].key, item->string) != 0)
            row++;
        if (row == rows)
            return error_set(error, "%s: unknown member \"%s\"", name, item->string);
        if (cJSON_GetObjectItemCaseSensitive(root, item->string) != item)
            return error_set(error, "%s: \"%s\" occurs twice", name, item->string);
        if (!member_rows[row].parse(name, item, suite, error))
            return false;
    }
    if (suite->wanted[DIAGNOSTIC_TEXTS] && !suite->prompt_count && !default_prompts(name, suite, error))
        return false;
    for (int i = 0; i < DIAGNOSTIC_COUNT; i++)
        if (suite->wanted[i])
            return true;
    return error_set(error, "%s: a suite without \"diagnostics\" checks nothing", name);
}

static bool hash(const cJSON *root, char hex[65], struct error *error)
{
    char *text = cJSON_PrintUnformatted(root);
    bool good = text ? sha256_bytes(text, strlen(text), hex, error) : error_memory(error, "the suite's hash");
    cJSON_free(text);
    return good;
}

bool suite_open(const char *path, struct suite *suite, struct error *error)
{
    memset(suite, 0, sizeof *suite);
    suite->new_tokens = 50;
    suite->sampler = (struct sampler_options){.temperature = 0.7, .top_k = 50, .top_p = 1, .repetition_penalty = 1};
    cJSON *root = path ? json_read(path, SUITE_MAX, error)
                       : json_parse("default suite", suite_default, strlen(suite_default), error);
    bool good = root && limits_init(&suite->limits, error) &&
                suite_parse(path ? path : "default suite", root, suite, error) && hash(root, suite->sha256, error);
    cJSON_Delete(root);
    if (!good)
        suite_free(suite);
    return good;
}

bool suite_only(struct suite *suite, const char *list, struct error *error)
{
    bool marks[DIAGNOSTIC_COUNT] = {false};
    if (!diagnostics_parse(list, marks))
        return no_diagnostic("--only", list, error);
    for (int i = 0; i < DIAGNOSTIC_COUNT; i++) {
        if (marks[i] && !suite->wanted[i])
            return error_set(error, "--only %s: the suite %s does not have it", diagnostic_rows[i]->name,
                             suite->name ? suite->name : "");
        suite->wanted[i] = marks[i];
    }
    return true;
}

void suite_free(struct suite *suite)
{
    for (size_t i = 0; i < suite->prompt_count; i++)
        free(suite->prompts[i]);
    for (size_t i = 0; suite->expects && i < suite->prompt_count; i++)
        expects_free(&suite->expects[i]);
    free(suite->prompts);
    free(suite->expects);
    free(suite->name);
    free(suite->description);
    free(suite->text);
    limits_free(&suite->limits);
    memset(suite, 0, sizeof *suite);
}
