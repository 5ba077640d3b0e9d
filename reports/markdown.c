/* summary.md: short, for the job summary of a CI run. */
#include <string.h>

#include "base/wording.h"
#include "reports/answer.h"
#include "reports/marked.h"
#include "reports/report_render.h"
#include "reports/text.h"

#define PLACES_SHOWN 5
#define CHECKS_SHOWN 200
#define MESSAGE_SHOWN 400
#define TEXTS_SHOWN 20
#define REASONS_SHOWN 2

static void line_of(struct buffer *out, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    buffer_format(out, "%s: ", name);
    text_append_short(out, TEXT_MARKDOWN, text, MESSAGE_SHOWN);
    buffer_text(out, "  \n");
}

static void numbers(struct buffer *out, const struct answer *answer)
{
    if (!answer->number_count)
        return;
    for (size_t i = 0; i < answer->number_count; i++) {
        buffer_text(out, i ? " | " : "| ");
        text_append(out, TEXT_MARKDOWN, answer->numbers[i].name);
    }
    buffer_text(out, " |\n");
    for (size_t i = 0; i < answer->number_count; i++)
        buffer_text(out, i ? "---|" : "|---|");
    buffer_char(out, '\n');
    for (size_t i = 0; i < answer->number_count; i++) {
        buffer_text(out, i ? " | **" : "| **");
        text_append(out, TEXT_MARKDOWN, answer->numbers[i].value.data);
        buffer_text(out, "**");
        if (answer->numbers[i].right)
            buffer_format(out, " (right is %s)", answer->numbers[i].right);
    }
    buffer_text(out, " |\n\n");
}

static void settings(struct buffer *out, const struct answer *answer)
{
    if (!answer->setting_count)
        return;
    buffer_text(out, "| key | now | should be |\n|---|---|---|\n");
    for (size_t i = 0; i < answer->setting_count; i++) {
        const char *const cells[] = {answer->settings[i].key, answer->settings[i].now, answer->settings[i].should_be};
        for (size_t k = 0; k < 3; k++) {
            buffer_text(out, k ? " | " : "| ");
            text_append_short(out, TEXT_MARKDOWN, cells[k], 80);
        }
        buffer_text(out, " |\n");
    }
    buffer_char(out, '\n');
}

/* A command stands in <pre>, where nothing of it is read as Markdown. */
static void steps(struct buffer *out, const struct answer *answer)
{
    if (!answer->step_count && !answer->setting_count)
        return;
    buffer_text(out, "### What to do next\n\n");
    settings(out, answer);
    for (size_t i = 0; i < answer->step_count; i++) {
        text_append_short(out, TEXT_MARKDOWN, answer->steps[i].does, MESSAGE_SHOWN);
        buffer_text(out, answer->steps[i].command ? ":\n\n<pre>" : "\n\n");
        text_append(out, TEXT_MARKUP, answer->steps[i].command);
        buffer_text(out, answer->steps[i].command ? "</pre>\n\n" : "");
    }
}

static void heading(struct buffer *out, const struct outline *outline, const struct answer *answer)
{
    static const char *const signs[] = {[VERDICT_PASS] = "\xE2\x9C\x85",
                                        [VERDICT_WARN] = "\xE2\x9A\xA0\xEF\xB8\x8F",
                                        [VERDICT_FAIL] = "\xE2\x9D\x8C",
                                        [VERDICT_SKIP] = "\xE2\x9E\x96",
                                        [VERDICT_ERROR] = "\xF0\x9F\x9B\x91"};
    const struct report *report = outline->report;
    buffer_format(out, "## %s assay ", signs[report->verdict]);
    text_append(out, TEXT_MARKDOWN, report->command);
    buffer_format(out, ": %s", verdict_name(report->verdict));
    if (strcmp(answer->word, verdict_name(report->verdict)) != 0)
        buffer_format(out, ", %s", answer->word);
    if (report->departures) {
        buffer_text(out, "\n\nThis is an experiment: the model was opened with ");
        text_append_short(out, TEXT_MARKDOWN, report->departures, MESSAGE_SHOWN);
        buffer_text(out, ", and what follows is true of that, not of its files, which are as they were.");
    }
    buffer_text(out, "\n\n**");
    text_append_short(out, TEXT_MARKDOWN, answer->headline.data ? answer->headline.data : "", MESSAGE_SHOWN);
    buffer_text(out, "**\n\n");
    text_append_short(out, TEXT_MARKDOWN, answer->rest.data, MESSAGE_SHOWN);
    buffer_text(out, answer->rest.size ? "\n\n" : "");
    if (answer->use)
        buffer_format(out, "%s\n\n", answer->use);
    numbers(out, answer);
    steps(out, answer);
    line_of(out, "Severity", answer->severity.data);
    line_of(out, "File", answer->file.data);
    line_of(out, "Subject", report->subject.path);
    for (size_t i = 0; i < report->gold_count; i++)
        line_of(out, "Gold", report->golds[i].path);
    line_of(out, "Suite", report->suite.name);
    buffer_text(out, "Checks: ");
    counts_append(out, outline->counts);
    buffer_text(out, "\n\n");
}

static void check_row(struct buffer *out, const struct outline_check *check)
{
    const char *strong = check->verdict == VERDICT_FAIL ? "**" : "";
    const char *title = check_words(check->head->check)->title;
    buffer_format(out, "| %s%s%s | ", strong, verdict_name(check->verdict), strong);
    text_append_short(out, TEXT_MARKDOWN, title, 80);
    buffer_text(out, title ? " <code>" : "");
    text_append_short(out, TEXT_MARKDOWN, check->name, 100);
    buffer_text(out, title ? "</code> | " : " | ");
    measured_append(out, TEXT_MARKDOWN, check->head);
    buffer_text(out, " | ");
    limit_append(out, check->head);
    buffer_text(out, " | ");
    text_append_short(out, TEXT_MARKDOWN, check->head->message, MESSAGE_SHOWN);
    buffer_text(out, " |\n");
}

/* The checks with the verdicts of which the bit is set. */
static void check_table(struct buffer *out, const struct outline *outline, unsigned verdicts)
{
    size_t shown = 0, left = 0;
    for (size_t i = 0; i < outline->count; i++) {
        if (!(verdicts >> outline->checks[i].verdict & 1))
            continue;
        if (shown == CHECKS_SHOWN) {
            left++;
            continue;
        }
        if (!shown++)
            buffer_text(out, "| verdict | check | measured | limit | |\n|---|---|---:|---:|---|\n");
        check_row(out, &outline->checks[i]);
    }
    if (left)
        buffer_format(out, "\nand %zu more checks.\n", left);
}

/* What passed is folded. */
static void checks(struct buffer *out, const struct outline *outline)
{
    size_t rest = outline->counts[VERDICT_PASS] + outline->counts[VERDICT_SKIP];
    check_table(out, outline, 1u << VERDICT_FAIL | 1u << VERDICT_WARN);
    if (!rest)
        return;
    buffer_format(out, "\n<details><summary>%zu check%s that passed%s</summary>\n\n", rest, text_plural(rest),
                  outline->counts[VERDICT_SKIP] ? " or were skipped" : "");
    check_table(out, outline, 1u << VERDICT_PASS | 1u << VERDICT_SKIP);
    buffer_text(out, "\n</details>\n");
}

static void places(struct buffer *out, const struct outline *outline, const struct outline_check *check)
{
    size_t shown = check->place_count < PLACES_SHOWN ? check->place_count : PLACES_SHOWN;
    buffer_text(out, "\n**");
    text_append_short(out, TEXT_MARKDOWN, check->name, 100);
    buffer_text(out, "**\n\n");
    for (size_t i = 0; i < shown; i++) {
        const struct finding *place = check->places[i];
        buffer_text(out, "- ");
        place_append(out, TEXT_MARKDOWN, place);
        buffer_text(out, ": ");
        if (place_is_text(place)) {
            reasons_append(out, TEXT_MARKDOWN, outline, place, REASONS_SHOWN);
        } else {
            measured_append(out, TEXT_MARKDOWN, place);
            buffer_text(out, ". ");
            text_append_short(out, TEXT_MARKDOWN, place->message, MESSAGE_SHOWN);
        }
        buffer_char(out, '\n');
    }
    if (check->place_count > shown)
        buffer_format(out, "- and %zu more\n", check->place_count - shown);
}

/* A table of the texts at fault. */
static void texts(struct buffer *out, const struct outline *outline)
{
    size_t wrong = outline->text_counts[VERDICT_FAIL] + outline->text_counts[VERDICT_WARN];
    size_t shown = wrong < TEXTS_SHOWN ? wrong : TEXTS_SHOWN;
    if (!wrong)
        return;
    buffer_text(out, "\n### Texts at fault\n\n| text | why | where it goes wrong |\n|---|---|---|\n");
    for (size_t i = 0; i < shown; i++) {
        buffer_text(out, "| ");
        place_append(out, TEXT_MARKDOWN, outline->texts[i]);
        buffer_text(out, " | ");
        reasons_append(out, TEXT_MARKDOWN, outline, outline->texts[i], REASONS_SHOWN);
        buffer_text(out, " | ");
        excerpt_append(out, TEXT_MARKDOWN, outline->texts[i]->marked);
        buffer_text(out, " |\n");
    }
    if (wrong > shown)
        buffer_format(out, "\nand %zu more texts at fault.\n", wrong - shown);
}

/* Its places are texts, which have a table of their own. */
static bool has_texts(const struct outline_check *check)
{
    return check->places[0]->marked;
}

bool markdown_build(const struct outline *outline, struct buffer *out, struct error *error)
{
    struct answer answer;
    answer_build(outline, &answer);
    heading(out, outline, &answer);
    answer_free(&answer);
    checks(out, outline);
    texts(out, outline);
    size_t listed = 0;
    const struct outline_check *check = NULL;
    while (listed < 20 && (check = outline_next(outline, VERDICT_FAIL, check))) {
        if (!check->place_count || has_texts(check))
            continue;
        if (!listed++)
            buffer_text(out, "\n### Where\n");
        places(out, outline, check);
    }
    return !out->failed || error_memory(error, "summary.md");
}
