#include "suites/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "generated/suite_default.h"

#define SUITE_MAX ((size_t)1 << 20)
#define PROMPTS_MAX 1024

static bool parse_diagnostics(const char *name, const cJSON *list, struct suite *suite, struct error *error)
{
    const cJSON *item;
    if (!cJSON_IsArray(list) || !cJSON_GetArraySize(list))
        return error_set(error, "%s: \"diagnostics\" should be a list of names", name);
    cJSON_ArrayForEach(item, list)
    {
        enum diagnostic diagnostic = cJSON_IsString(item) ? diagnostic_parse(item->valuestring) : DIAGNOSTIC_COUNT;
        if (diagnostic == DIAGNOSTIC_COUNT)
            return error_set(
                error,
                "%s: \"%s\" is no diagnostic; there are inventory, weights, tokens, layers, logits, lens, greedy and "
                "perplexity",
                name, cJSON_IsString(item) ? item->valuestring : "(not a string)");
        suite->wanted[diagnostic] = true;
    }
    return true;
}

static bool parse_prompts(const char *name, const cJSON *list, struct suite *suite, struct error *error)
{
    size_t count = cJSON_IsArray(list) ? (size_t)cJSON_GetArraySize(list) : 0;
    if (!count || count > PROMPTS_MAX)
        return error_set(error, "%s: \"prompts\" should be a list of 1 to %d texts", name, PROMPTS_MAX);
    suite->prompts = calloc(count, sizeof *suite->prompts);
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        if (!cJSON_IsString(item) || !*item->valuestring)
            return error_set(error, "%s: prompt %zu is not a text", name, suite->prompt_count);
        if (!suite->prompts || !(suite->prompts[suite->prompt_count] = strdup(item->valuestring)))
            return error_memory(error, name);
        suite->prompt_count++;
    }
    return true;
}

static bool only_members(const char *name, const char *of, const cJSON *object, const char *const *keys,
                         struct error *error)
{
    for (const cJSON *item = cJSON_IsObject(object) ? object->child : NULL; item; item = item->next) {
        size_t row = 0;
        while (keys[row] && strcmp(keys[row], item->string) != 0)
            row++;
        if (!keys[row])
            return error_set(error, "%s: unknown member \"%s\" of \"%s\"", name, item->string, of);
    }
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
        if (!only_members(name, item->string, item, keys, error) ||
            !json_get_string(item, name, "cause", &cause, error) ||
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
    if (!only_members(path, "text", object, keys, error) || !cJSON_IsObject(object) ||
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
    for (int i = 0; i < DIAGNOSTIC_COUNT; i++)
        if (suite->wanted[i])
            return true;
    return error_set(error, "%s: a suite without \"diagnostics\" checks nothing", name);
}

bool suite_open(const char *path, struct suite *suite, struct error *error)
{
    memset(suite, 0, sizeof *suite);
    suite->new_tokens = 20;
    cJSON *root = path ? json_read(path, SUITE_MAX, error)
                       : json_parse("default suite", suite_default, strlen(suite_default), error);
    bool good =
        root && limits_init(&suite->limits, error) && suite_parse(path ? path : "default suite", root, suite, error);
    cJSON_Delete(root);
    if (!good)
        suite_free(suite);
    return good;
}

void suite_free(struct suite *suite)
{
    for (size_t i = 0; i < suite->prompt_count; i++)
        free(suite->prompts[i]);
    free(suite->prompts);
    free(suite->name);
    free(suite->description);
    free(suite->text);
    limits_free(&suite->limits);
    memset(suite, 0, sizeof *suite);
}
