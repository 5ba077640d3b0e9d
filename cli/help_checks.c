#include "cli/help_checks.h"

#include <string.h>

#include "base/wording.h"
#include "cli/paragraph.h"
#include "limits/limits.h"

/* Which checks a limit judges, by their ids with commas; those of severity judge a report as a whole. */
#define VALUES "layers.propagated,layers.isolated,layers.modules"
static const char *const judged[LIMIT_COUNT] = {
    [LIMIT_NOISE_MULTIPLE] = VALUES,
    [LIMIT_ROUNDING] = "layers.propagated,layers.modules",
    [LIMIT_ROUNDING_ALONE] = "layers.isolated",
    [LIMIT_ROUNDING_CEILING] = VALUES,
    [LIMIT_CEILING] = VALUES,
    [LIMIT_FALLBACK_FLOAT64] = VALUES ",layers.statistics",
    [LIMIT_FALLBACK_FLOAT32] = VALUES ",layers.statistics",
    [LIMIT_FALLBACK_FLOAT16] = VALUES ",layers.statistics",
    [LIMIT_FALLBACK_BFLOAT16] = VALUES ",layers.statistics",
    [LIMIT_RELATIVE] = VALUES,
    [LIMIT_EXPERTS] = "layers.experts",
    [LIMIT_KL] = "logits.kl",
    [LIMIT_NMSE] = "logits.nmse",
    [LIMIT_TOP1] = "logits.top1",
    [LIMIT_LENS] = "lens",
    [LIMIT_GREEDY] = "greedy",
    [LIMIT_TEXT_PERPLEXITY] = "perplexity.text",
    [LIMIT_TEXT_ENTROPY] = "text.self_consistency",
    [LIMIT_TEXT_RELEVANCE] = "text.relevance",
};

static bool is_of(enum limit limit, const char *check)
{
    size_t length = strlen(check);
    for (const char *at = judged[limit]; at && (at = strstr(at, check)); at += length)
        if ((at == judged[limit] || at[-1] == ',') && (!at[length] || at[length] == ','))
            return true;
    return false;
}

/* "Limit: logits.kl 0: nothing beyond ...", or "Limits: layers.noise_multiple 10, ..." */
static void limits_of(const char *check, struct buffer *out)
{
    struct limits limits;
    struct error error = {0};
    struct buffer text = {0};
    const char *cause = NULL;
    size_t count = 0;
    out->failed = !limits_init(&limits, &error) || out->failed;
    for (int i = 0; !out->failed && i < LIMIT_COUNT; i++) {
        if (!is_of((enum limit)i, check))
            continue;
        buffer_format(&text, "%s%s %g", count++ ? ", " : "", limit_name((enum limit)i), limits.rows[i].value);
        cause = limits.rows[i].cause;
    }
    if (count == 1)
        buffer_format(&text, ": %s", cause);
    if (text.data) {
        buffer_format(out, "    Limit%s:", text_plural(count));
        paragraph_append(out, count > 1 ? 11 : 10, 8, text.data);
    }
    buffer_free(&text);
    limits_free(&limits);
    error_clear(&error);
}

void help_check(const struct check_words *words, struct buffer *out)
{
    buffer_format(out, "%s  (%s)\n", words->title, words->check);
    paragraph_append(out, 0, 4, words->means);
    buffer_text(out, "    What to do:");
    paragraph_append(out, 15, 8, words->remedy);
    limits_of(words->check, out);
}

static void underlined(struct buffer *out, const char *heading)
{
    buffer_format(out, "\n%s\n", heading);
    for (size_t i = strlen(heading); i; i--)
        buffer_char(out, '=');
    buffer_char(out, '\n');
}

void help_checks(struct buffer *out)
{
    int question = -1;
    const struct check_words *words;
    paragraph_append(out, 0, 0,
                     "Every check, under the question that it answers: what it is called, its id in reports, what is "
                     "measured and what a failure means, and what to do then. MODEL is what was checked, ORIGINAL the "
                     "model that it was made from, GOLD a golden dump of the original (assay help golden), EXTRACTION "
                     "a folder as assay extract writes it. A limit is the built-in one of a suite (assay help suite); "
                     "checks without one have theirs in every finding, with its cause. assay help ID prints one check "
                     "alone.");
    for (size_t i = 0; (words = check_words_at(i)); i++) {
        if ((int)words->question != question)
            underlined(out, question_heading(words->question));
        question = (int)words->question;
        buffer_char(out, '\n');
        help_check(words, out);
    }
}

void help_limits(bool severity, struct buffer *out)
{
    struct limits limits;
    struct error error = {0};
    bool good = limits_init(&limits, &error);
    for (int i = 0; good && i < LIMIT_COUNT; i++) {
        if (!judged[i] != severity)
            continue;
        buffer_format(out, "  %s %g\n", limit_name((enum limit)i), limits.rows[i].value);
        paragraph_append(out, 0, 6, limits.rows[i].cause);
    }
    out->failed = !good || out->failed;
    limits_free(&limits);
    error_clear(&error);
}

cJSON *help_checks_json(void)
{
    cJSON *list = cJSON_CreateArray();
    const struct check_words *words;
    for (size_t i = 0; (words = check_words_at(i)); i++) {
        cJSON *item = cJSON_CreateObject(), *limits;
        cJSON_AddStringToObject(item, "check", words->check);
        cJSON_AddStringToObject(item, "question", question_heading(words->question));
        cJSON_AddStringToObject(item, "title", words->title);
        cJSON_AddStringToObject(item, "means", words->means);
        cJSON_AddStringToObject(item, "remedy", words->remedy);
        limits = cJSON_AddObjectToObject(item, "limits");
        for (int limit = 0; limit < LIMIT_COUNT; limit++)
            if (is_of((enum limit)limit, words->check))
                cJSON_AddNumberToObject(limits, limit_name((enum limit)limit), limit_default((enum limit)limit));
        if (!cJSON_AddItemToArray(list, item))
            cJSON_Delete(item);
    }
    return list;
}
