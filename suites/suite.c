#include "suites/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "diagnostics/logits.h"
#include "suites_generated/suite_default.h"

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
            return error_set(error, "%s: \"%s\" is no diagnostic; there are inventory, weights, tokens, layers, logits, greedy and "
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

static bool parse_limits(const char *name, const cJSON *object, struct suite *suite, struct error *error)
{
    if (!cJSON_IsObject(object))
        return error_set(error, "%s: \"limits\" should be an object", name);
    for (const cJSON *item = object->child; item; item = item->next) {
        enum limit limit = limit_parse(item->string);
        const char *cause = NULL;
        double value = NAN;
        if (limit == LIMIT_COUNT)
            return error_set(error, "%s: there is no limit \"%s\"", name, item->string);
        if (!json_get_string(item, name, "cause", &cause, error) || !json_get_double(item, name, "value", &value, error))
            return false;
        if (!cause || !*cause || !(value >= 0))
            return error_set(error, "%s: limit \"%s\" needs a \"value\" of at least 0 and a \"cause\"", name, item->string);
        if (!limits_set(&suite->limits, limit, value, cause, error))
            return false;
    }
    return true;
}

static bool parse_text(const char *path, const cJSON *object, struct suite *suite, struct error *error)
{
    const char *file = NULL;
    int context = 0, stride = 0;
    if (!cJSON_IsObject(object) || !json_get_string(object, path, "file", &file, error) ||
        !json_get_int(object, path, "context", 2, 1 << 24, &context, error) ||
        !json_get_int(object, path, "stride", 1, 1 << 24, &stride, error) || !file)
        return error_set(error, "%s: \"text\" should be an object with \"file\" and perhaps \"context\" and \"stride\"", path);
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
    {"name", parse_name},       {"description", parse_name}, {"diagnostics", parse_diagnostics},
    {"prompts", parse_prompts}, {"limits", parse_limits},    {"text", parse_text},
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
    bool good = root && limits_init(&suite->limits, error) && suite_parse(path ? path : "default suite", root, suite, error);
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

/* The most likely token after the last pass. */
struct next_token {
    int id;
    bool finite;
};

static bool next_see(void *context, const struct activation *activation, struct error *error)
{
    struct next_token *next = context;
    (void)error;
    for (size_t row = 0; activation->point == POINT_HEAD && row < activation->rows; row++) {
        const float *logits = activation->values + row * activation->width;
        next->id = (int)largest_index(logits, activation->width);
        for (size_t i = 0; i < activation->width; i++)
            next->finite = next->finite && isfinite(logits[i]);
    }
    return true;
}

static bool continue_prompt(const struct suite *suite, struct subject *subject, const char *prompt, struct ids *out,
                            bool *finite, struct error *error)
{
    struct next_token next = {.finite = true};
    struct probe probe = {.see = next_see, .context = &next};
    struct ids ids = {0};
    struct kv *kv = NULL;
    bool good = tokenizer_encode(subject->tokenizer, prompt, strlen(prompt), true, &ids, error) &&
                (kv = kv_new(subject->config, ids.count + suite->new_tokens, error));
    struct sequence sequence = {.ids = ids.data, .count = ids.count, .kv = kv, .logits_from = ids.count ? ids.count - 1 : 0};
    for (size_t step = 0; good && next.finite && step < suite->new_tokens; step++) {
        good = model_forward(subject->model, &sequence, 1, &probe, error) &&
               (ids_push(out, next.id) || error_memory(error, "prompts"));
        sequence = (struct sequence){.ids = &next.id, .count = 1, .kv = kv};
    }
    *finite = next.finite;
    kv_free(kv);
    ids_free(&ids);
    return good;
}

static bool run_prompt(const struct suite *suite, struct subject *subject, const char *prompt, size_t *bad,
                       struct findings *findings, struct error *error)
{
    struct ids ids = {0};
    struct buffer text = {0};
    bool finite = true;
    struct error unknown = {0};
    bool good = continue_prompt(suite, subject, prompt, &ids, &finite, error);
    /* a vocabulary may be larger than its tokenizer: such ids have no text */
    if (good && !tokenizer_decode(subject->tokenizer, ids.data, ids.count, false, &text, &unknown))
        buffer_format(&text, "(%s)", error_text(&unknown));
    error_clear(&unknown);
    struct finding *finding = good ? findings_add(findings, "prompts") : NULL;
    if (finding) {
        finding->summary = false;
        finding->verdict = finite ? VERDICT_PASS : VERDICT_FAIL;
        *bad += !finite;
        finding_fact_text(finding, "prompt", "%s", prompt);
        finding_fact_text(finding, "text", "%s", text.data ? text.data : "");
        finding_message(finding, finite ? "\"%s\" goes on: \"%s\"." : "\"%s\": the logits are not finite after \"%s\".", prompt,
                        text.data ? text.data : "");
    }
    buffer_free(&text);
    ids_free(&ids);
    return good && (finding || error_memory(error, "prompts"));
}

bool suite_run_prompts(const struct suite *suite, struct subject *subject, struct findings *findings, struct error *error)
{
    size_t at = findings->count, bad = 0;
    if (!suite->prompt_count)
        return true;
    if (!subject_needs_tokenizer(subject, error) || !subject_load(subject, error))
        return false;
    if (!findings_add(findings, "prompts"))
        return error_memory(error, "prompts");
    model_keep_weights(subject->model, true);
    for (size_t i = 0; i < suite->prompt_count; i++)
        if (!run_prompt(suite, subject, suite->prompts[i], &bad, findings, error))
            return false;
    model_keep_weights(subject->model, false);
    struct finding *finding = &findings->items[at];
    finding_measured(finding, (double)bad, "prompts with logits that are not finite");
    finding_limit(finding, 0, "a model that can be sampled has finite logits");
    finding_judge(finding);
    finding_message(finding, "%zu prompts continued, %zu with logits that are not finite.", suite->prompt_count, bad);
    return true;
}
