#include "quality/rules.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/wording.h"

#define ALARMS 0.005

static const char *const comparison_texts[] = {[AT_LEAST] = ">=", [AT_MOST] = "<=", [ABOVE] = ">", [BELOW] = "<"};

/* ">= 0.4" */
static bool parse_comparison(const char *text, struct condition *condition)
{
    for (int i = 0; i <= BELOW; i++) {
        size_t length = strlen(comparison_texts[i]);
        char *end = NULL;
        if (strncmp(text, comparison_texts[i], length) != 0)
            continue;
        condition->comparison = (enum comparison)i;
        condition->value = strtod(text + length, &end);
        return end != text + length && !*end && isfinite(condition->value);
    }
    return false;
}

static bool parse_condition(const char *where, const cJSON *item, struct condition *condition, struct error *error)
{
    condition->metric = metric_parse(item->string);
    if (condition->metric == METRIC_COUNT)
        return error_set(error, "%s: there is no metric \"%s\"", where, item->string);
    if (!cJSON_IsString(item) || !parse_comparison(item->valuestring, condition))
        return error_set(error, "%s: \"%s\" should be compared with a number, as in \">= 0.4\"", where, item->string);
    return true;
}

static bool parse_conditions(const char *where, const cJSON *object, struct rule *rule, struct error *error)
{
    if (!cJSON_IsObject(object) || !object->child)
        return error_set(error, "%s: \"when\" should be an object of metrics", where);
    for (const cJSON *item = object->child; item; item = item->next) {
        if (rule->count == CONDITIONS_MOST)
            return error_set(error, "%s: a rule has at most %d conditions", where, CONDITIONS_MOST);
        if (!parse_condition(where, item, &rule->conditions[rule->count++], error))
            return false;
    }
    return true;
}

static const char *flag_name(size_t flag)
{
    return expect_flag_names[flag];
}

static bool refuse_flag(const char *where, struct error *error)
{
    struct buffer names = {0};
    names_join(&names, EXPECT_FLAG_COUNT, flag_name, ", ");
    error_set(error, "%s: \"unless\" names what a prompt may ask for: %s", where, names.data ? names.data : "");
    buffer_free(&names);
    return false;
}

static bool parse_unless(const char *where, const cJSON *list, struct rule *rule, struct error *error)
{
    const cJSON *item;
    if (!cJSON_IsArray(list))
        return error_set(error, "%s: \"unless\" should be a list", where);
    cJSON_ArrayForEach(item, list)
    {
        enum expect_flag flag = cJSON_IsString(item) ? expect_flag_parse(item->valuestring) : EXPECT_FLAG_COUNT;
        if (flag == EXPECT_FLAG_COUNT)
            return refuse_flag(where, error);
        rule->unless[flag] = true;
    }
    return true;
}

static const char *diagnostic_of_rules(size_t diagnostic)
{
    return quality_diagnostic_name((enum quality_diagnostic)diagnostic);
}

/* The diagnostic of a rule is the first part of its name. */
static bool parse_diagnostic(const char *where, struct rule *rule, struct error *error)
{
    size_t length = strcspn(rule->name, ".");
    for (int i = 0; i < DIAGNOSE_COUNT; i++) {
        const char *name = quality_diagnostic_name((enum quality_diagnostic)i);
        rule->diagnostic = (enum quality_diagnostic)i;
        if (i < DIAGNOSE_EXPECTED && strlen(name) == length && strncmp(name, rule->name, length) == 0)
            return true;
    }
    struct buffer names = {0};
    names_join(&names, DIAGNOSE_EXPECTED, diagnostic_of_rules, " or ");
    error_set(error, "%s: the name of a rule begins with its diagnostic and a full stop: %s", where,
              names.data ? names.data : "");
    buffer_free(&names);
    return false;
}

static bool parse_rule(const char *file, const cJSON *item, struct rule *rule, struct error *error)
{
    static const char *const keys[] = {"rule", "because", "when", "unless", "structured", "whole", "bits", NULL};
    const char *name = NULL, *because = NULL;
    if (!json_get_string(item, file, "rule", &name, error) || !json_get_string(item, file, "because", &because, error))
        return false;
    if (!name || !because)
        return error_set(error, "%s: a rule needs \"rule\", \"because\" and \"when\"", file);
    if (!json_only(item, file, name, keys, error))
        return false;
    rule->name = strdup(name);
    rule->because = strdup(because);
    if (!rule->name || !rule->because)
        return error_memory(error, file);
    const cJSON *unless = json_member(item, "unless");
    rule->bits = -INFINITY;
    bool good = json_get_bool(item, file, "structured", &rule->structured, error) &&
                json_get_bool(item, file, "whole", &rule->whole, error) &&
                json_get_double(item, file, "bits", &rule->bits, error) && parse_diagnostic(file, rule, error) &&
                parse_conditions(file, json_member(item, "when"), rule, error) &&
                (!unless || parse_unless(file, unless, rule, error));
    return good || error_context(error, "rule \"%s\"", name);
}

static bool parse_rules(const char *where, const cJSON *list, struct rules *rules, struct error *error)
{
    const cJSON *item;
    size_t count = cJSON_IsArray(list) ? (size_t)cJSON_GetArraySize(list) : 0;
    if (!count)
        return error_set(error, "%s: \"rules\" should be a list of rules", where);
    if (!(rules->items = calloc(count, sizeof *rules->items)))
        return error_memory(error, where);
    cJSON_ArrayForEach(item, list)
    {
        if (!parse_rule(where, item, &rules->items[rules->count++], error))
            return false;
        for (size_t i = 0; i + 1 < rules->count; i++)
            if (strcmp(rules->items[i].name, rules->items[rules->count - 1].name) == 0)
                return error_set(error, "%s: rule \"%s\" is there twice", where, rules->items[i].name);
    }
    return true;
}

static bool parse_least(const char *where, const cJSON *object, struct rules *rules, struct error *error)
{
    size_t count = cJSON_IsObject(object) ? (size_t)cJSON_GetArraySize(object) : 0;
    if (!count)
        return error_set(error, "%s: \"least\" should be an object of metrics", where);
    if (!(rules->least = calloc(count, sizeof *rules->least)))
        return error_memory(error, where);
    for (const cJSON *item = object->child; item; item = item->next)
        if (!parse_condition(where, item, &rules->least[rules->least_count++], error))
            return false;
    return true;
}

/* {"alarms": 0.005, "table": "mine.json"} */
static bool parse_evidence(const char *where, const cJSON *object, struct rules *rules, struct error *error)
{
    static const char *const keys[] = {"alarms", "table", NULL};
    const char *table = NULL;
    rules->alarms = ALARMS;
    if (!object)
        return true;
    if (!json_only(object, where, "evidence", keys, error) ||
        !json_get_double(object, where, "alarms", &rules->alarms, error) ||
        !json_get_string(object, where, "table", &table, error))
        return false;
    if (!(rules->alarms >= 0 && rules->alarms < 1))
        return error_set(error,
                         "%s: \"alarms\" is the share of right texts that may be condemned, as in 0.005; 0: none, and "
                         "no evidence is weighed",
                         where);
    rules->evidence = table ? path_beside(where, table) : NULL;
    return !table || rules->evidence || error_memory(error, where);
}

bool rules_parse(const char *where, const cJSON *json, struct rules *rules, struct error *error)
{
    static const char *const keys[] = {"description", "window", "least", "evidence", "leaks", "asks", "rules", NULL};
    const cJSON *window = json_member(json, "window");
    int words = 60, characters = 300;
    *rules = (struct rules){.where = strdup(where)};
    if (!rules->where)
        return error_memory(error, where);
    if (!json_only(json, where, NULL, keys, error))
        return false;
    if (!json_get_int(window, where, "words", 10, 1000000, &words, error) ||
        !json_get_int(window, where, "characters", 40, 1000000, &characters, error))
        return false;
    rules->window_words = (size_t)words;
    rules->window_characters = (size_t)characters;
    return parse_least(where, json_member(json, "least"), rules, error) &&
           parse_evidence(where, json_member(json, "evidence"), rules, error) &&
           leaks_parse(where, json_member(json, "leaks"), &rules->leaks, error) &&
           asking_parse(where, json_member(json, "asks"), &rules->asking, error) &&
           parse_rules(where, json_member(json, "rules"), rules, error);
}

void rules_free(struct rules *rules)
{
    for (size_t i = 0; i < rules->count; i++) {
        free(rules->items[i].name);
        free(rules->items[i].because);
    }
    free(rules->items);
    free(rules->least);
    free(rules->where);
    free(rules->evidence);
    leaks_free(&rules->leaks);
    asking_free(&rules->asking);
    *rules = (struct rules){0};
}

bool condition_holds(const struct condition *condition, const double *metrics)
{
    double value = metrics[condition->metric];
    switch (condition->comparison) {
    case AT_LEAST:
        return value >= condition->value;
    case AT_MOST:
        return value <= condition->value;
    case ABOVE:
        return value > condition->value;
    case BELOW:
        return value < condition->value;
    }
    return false;
}

bool rule_holds(const struct rule *rule, const double *metrics, const struct expects *expects, bool structured)
{
    if (structured && !rule->structured)
        return false;
    for (int i = 0; expects && i < EXPECT_FLAG_COUNT; i++)
        if (expects->flags[i] && rule->unless[i])
            return false;
    for (size_t i = 0; i < rule->count; i++)
        if (!condition_holds(&rule->conditions[i], metrics))
            return false;
    return true;
}

char *rule_numbers(const struct rule *rule, const double *metrics)
{
    struct buffer text = {0};
    for (size_t i = 0; i < rule->count; i++) {
        const struct condition *condition = &rule->conditions[i];
        buffer_format(&text, "%s%s %.3g %s %g", i ? ", " : "", metric_names[condition->metric],
                      metrics[condition->metric], comparison_texts[condition->comparison], condition->value);
    }
    return buffer_take(&text);
}
