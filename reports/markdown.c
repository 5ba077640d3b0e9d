/* summary.md: short, for the job summary of a CI run. */
#include "reports/marked.h"
#include "reports/report_render.h"
#include "reports/text.h"

#define PLACES_SHOWN 5
#define CHECKS_SHOWN 200
#define MESSAGE_SHOWN 400
#define TEXTS_SHOWN 20
#define REASONS_SHOWN 2

static void heading(struct buffer *out, const struct report *report, const struct outline *outline)
{
    static const char *const signs[] = {[VERDICT_PASS] = "\xE2\x9C\x85",
                                        [VERDICT_WARN] = "\xE2\x9A\xA0\xEF\xB8\x8F",
                                        [VERDICT_FAIL] = "\xE2\x9D\x8C",
                                        [VERDICT_SKIP] = "\xE2\x9E\x96",
                                        [VERDICT_ERROR] = "\xF0\x9F\x9B\x91"};
    buffer_format(out, "## %s assay ", signs[report->verdict]);
    text_append(out, TEXT_MARKDOWN, report->command);
    buffer_format(out, ": %s\n\n**", verdict_name(report->verdict));
    text_append_short(out, TEXT_MARKDOWN, report->reason ? report->reason : "", MESSAGE_SHOWN);
    buffer_text(out, "**\n\n");
    if (severity_tells(&report->severity, report->verdict)) {
        struct buffer severity = {0};
        severity_text(&report->severity, &severity);
        buffer_text(out, "Severity: ");
        text_append_short(out, TEXT_MARKDOWN, severity.data, MESSAGE_SHOWN);
        buffer_text(out, ".  \n");
        buffer_free(&severity);
    }
    if (report->subject.path) {
        buffer_text(out, "Subject: ");
        text_append_short(out, TEXT_MARKDOWN, report->subject.path, MESSAGE_SHOWN);
        buffer_text(out, "  \n");
    }
    for (size_t i = 0; i < report->gold_count; i++) {
        buffer_text(out, "Gold: ");
        text_append_short(out, TEXT_MARKDOWN, report->golds[i].path, MESSAGE_SHOWN);
        buffer_text(out, "  \n");
    }
    buffer_text(out, "Checks: ");
    counts_append(out, outline->counts);
    buffer_text(out, "\n\n");
}

static void check_table(struct buffer *out, const struct outline *outline)
{
    size_t shown = outline->count < CHECKS_SHOWN ? outline->count : CHECKS_SHOWN;
    if (!shown)
        return;
    buffer_text(out, "| verdict | check | measured | limit | |\n|---|---|---:|---:|---|\n");
    for (size_t i = 0; i < shown; i++) {
        const struct outline_check *check = &outline->checks[i];
        const char *strong = check->verdict == VERDICT_FAIL ? "**" : "";
        buffer_format(out, "| %s%s%s | ", strong, verdict_name(check->verdict), strong);
        text_append_short(out, TEXT_MARKDOWN, check->name, 100);
        buffer_text(out, " | ");
        measured_append(out, TEXT_MARKDOWN, check->head);
        buffer_text(out, " | ");
        limit_append(out, check->head);
        buffer_text(out, " | ");
        text_append_short(out, TEXT_MARKDOWN, check->head->message, MESSAGE_SHOWN);
        buffer_text(out, " |\n");
    }
    if (outline->count > shown)
        buffer_format(out, "\nand %zu more checks.\n", outline->count - shown);
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
    heading(out, outline->report, outline);
    check_table(out, outline);
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
