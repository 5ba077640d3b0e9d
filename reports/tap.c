/* report.tap: the Test Anything Protocol, version 14. One test point for each check; numbers and the worst places in
 * the block of YAML behind it. A warning is ok, and says so in its block. */
#include <string.h>

#include "reports/ci.h"
#include "reports/marked.h"
#include "reports/report_render.h"
#include "reports/text.h"

#define PLACES_SHOWN 10
#define TEXT_SHOWN 2000

/* A description or a reason: one line, in which # and \ are no signs of the protocol. */
static void line_text(struct buffer *out, const char *text)
{
    struct buffer plain = {0};
    text_append_short(&plain, TEXT_PLAIN, text, TEXT_SHOWN);
    for (size_t i = 0; i < plain.size; i++) {
        if (plain.data[i] == '#' || plain.data[i] == '\\')
            buffer_char(out, '\\');
        buffer_char(out, plain.data[i]);
    }
    out->failed = out->failed || plain.failed;
    buffer_free(&plain);
}

static void member_text(struct buffer *out, const char *key, const char *text)
{
    if (!text)
        return;
    buffer_format(out, "%s: ", key);
    ci_quoted(out, text, TEXT_SHOWN);
    buffer_char(out, '\n');
}

static void member_number(struct buffer *out, const char *key, bool there, double value)
{
    if (!there)
        return;
    buffer_format(out, "%s: ", key);
    ci_number(out, value);
    buffer_char(out, '\n');
}

/* Where it is, in words; of a text also why it is at fault. */
static void place(struct buffer *out, const struct outline *outline, const struct finding *finding)
{
    struct buffer where = {0}, why = {0};
    place_append(&where, TEXT_PLAIN, finding);
    if (place_is_text(finding))
        reasons_append(&why, TEXT_PLAIN, outline, finding, 3);
    member_text(out, "    - verdict", verdict_name(finding->verdict));
    member_text(out, "      where", where.data);
    member_number(out, "      measured", finding->has_measured, finding->measured);
    member_number(out, "      limit", finding->has_limit, finding->limit);
    member_text(out, "      message", why.data ? why.data : finding->message);
    out->failed = out->failed || where.failed || why.failed;
    buffer_free(&where);
    buffer_free(&why);
}

static void block(struct buffer *out, const struct outline *outline, const struct outline_check *check)
{
    const struct finding *head = check->head, *cause = ci_cause(outline, check);
    size_t shown = check->place_count < PLACES_SHOWN ? check->place_count : PLACES_SHOWN;
    buffer_text(out, "  ---\n");
    member_text(out, "  verdict", verdict_name(check->verdict));
    member_text(out, "  cause", cause ? cause->message : NULL);
    member_text(out, "  message", head->message);
    member_number(out, "  measured", head->has_measured, head->measured);
    member_number(out, "  limit", head->has_limit, head->limit);
    member_text(out, "  unit", head->unit);
    member_text(out, "  gold", head->gold);
    if (shown)
        buffer_text(out, "  places:\n");
    for (size_t i = 0; i < shown; i++)
        place(out, outline, check->places[i]);
    if (check->place_count > shown)
        buffer_format(out, "  more_places: %zu\n", check->place_count - shown);
    buffer_text(out, "  ...\n");
}

static void point(struct buffer *out, const struct outline *outline, size_t number, const struct outline_check *check)
{
    buffer_format(out, "%sok %zu - ", check->verdict == VERDICT_FAIL ? "not " : "", number);
    line_text(out, check->name);
    if (check->verdict == VERDICT_SKIP) {
        buffer_text(out, " # SKIP ");
        line_text(out, check->head->message);
        buffer_char(out, '\n');
        return;
    }
    buffer_char(out, '\n');
    block(out, outline, check);
}

static void run_point(struct buffer *out, const struct report *report)
{
    buffer_text(out, "not ok 1 - assay ");
    line_text(out, ci_run_name(report));
    buffer_text(out, "\n  ---\n");
    member_text(out, "  verdict", verdict_name(report->verdict));
    member_text(out, "  message", report->reason);
    buffer_text(out, "  ...\n");
}

/* For who reads it: the verdict with its reason, and how bad it is. */
static void comments(struct buffer *out, const struct report *report)
{
    struct buffer severity = {0};
    buffer_format(out, "# %s: ", verdict_name(report->verdict));
    line_text(out, report->reason);
    if (severity_tells(&report->severity, report->verdict)) {
        severity_text(&report->severity, &severity);
        buffer_text(out, "\n# severity: ");
        line_text(out, severity.data);
    }
    buffer_char(out, '\n');
    out->failed = out->failed || severity.failed;
    buffer_free(&severity);
}

bool tap_build(const struct outline *outline, struct buffer *out, struct error *error)
{
    size_t run = ci_run_failed(outline);
    buffer_format(out, "TAP version 14\n1..%zu\n", outline->count + run);
    comments(out, outline->report);
    if (run)
        run_point(out, outline->report);
    for (size_t i = 0; i < outline->count; i++)
        point(out, outline, run + i + 1, &outline->checks[i]);
    return !out->failed || error_memory(error, "report.tap");
}
