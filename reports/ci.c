#include "reports/ci.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "reports/text.h"

bool ci_run_failed(const struct outline *outline)
{
    enum verdict verdict = outline->report->verdict;
    return verdict == VERDICT_ERROR || (verdict == VERDICT_FAIL && !outline->counts[VERDICT_FAIL]);
}

const char *ci_run_name(const struct report *report)
{
    return report->command ? report->command : "run";
}

/* Checks that look at what the model computes: by name, or all whose name begins so. */
static bool is_symptom(const char *check)
{
    static const char *const names[] = {
        "layers.propagated", "layers.isolated", "layers.modules", "logits", "greedy", "lens", "perplexity", "text"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t length = strlen(names[i]);
        if (strncmp(check, names[i], length) == 0 && (check[length] == '.' || !check[length]))
            return true;
    }
    return false;
}

/* A place of `cause` says how sure it is; what stays unexplained has a place, too. */
static bool names_cause(const struct finding *place)
{
    const char *grade = finding_fact_named(place, "grade");
    return grade && (strcmp(grade, "proved") == 0 || strcmp(grade, "likely") == 0);
}

const struct finding *ci_cause(const struct outline *outline, const struct outline_check *check)
{
    if (!is_symptom(check->head->check) || (check->verdict != VERDICT_FAIL && check->verdict != VERDICT_WARN))
        return NULL;
    for (size_t i = 0; i < outline->count; i++) {
        const struct outline_check *other = &outline->checks[i];
        if (strcmp(other->head->check, "cause") != 0 || !other->head->summary || !other->head->message)
            continue;
        for (size_t k = 0; k < other->place_count; k++)
            if (names_cause(other->places[k]))
                return other->head;
    }
    return NULL;
}

void ci_quoted(struct buffer *out, const char *text, size_t maximum)
{
    struct buffer plain = {0};
    text_append_short(&plain, TEXT_PLAIN, text, maximum);
    json_append_string(out, plain.data ? plain.data : "", plain.size);
    out->failed = out->failed || plain.failed;
    buffer_free(&plain);
}

void ci_number(struct buffer *out, double value)
{
    if (isfinite(value))
        buffer_format(out, "%.15g", value);
    else
        buffer_text(out, isnan(value) ? "\"nan\"" : value > 0 ? "\"inf\"" : "\"-inf\"");
}

bool ci_is_time(const char *text)
{
    static const char form[] = "dddd-dd-ddTdd:dd:ddZ";
    if (!text || strlen(text) != strlen(form))
        return false;
    for (size_t i = 0; form[i]; i++)
        if (form[i] == 'd' ? !isdigit((unsigned char)text[i]) : text[i] != form[i])
            return false;
    return true;
}
