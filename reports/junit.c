/* junit.xml: one suite, one case for each check, and one for each text. */
#include <math.h>
#include <string.h>

#include "reports/marked.h"
#include "reports/report_render.h"
#include "reports/text.h"

#define PLACES_SHOWN 50
#define REASONS_SHOWN 3
#define NUMBERS_SHOWN 500

static void attribute(struct buffer *out, const char *name, const char *value)
{
    if (!value)
        return;
    buffer_format(out, " %s=\"", name);
    text_append(out, TEXT_MARKUP, value);
    buffer_char(out, '"');
}

static void attribute_seconds(struct buffer *out, double seconds)
{
    if (isfinite(seconds) && seconds >= 0)
        buffer_format(out, " time=\"%.3f\"", seconds);
}

static void details(struct buffer *out, const struct outline *outline, const struct outline_check *check)
{
    const struct finding *head = check->head;
    buffer_text(out, "measured ");
    measured_append(out, TEXT_MARKUP, head);
    buffer_text(out, ", limit ");
    limit_append(out, head);
    if (head->cause) {
        buffer_text(out, " (");
        text_append(out, TEXT_MARKUP, head->cause);
        buffer_char(out, ')');
    }
    buffer_char(out, '\n');
    where_append(out, TEXT_MARKUP, &head->where);
    buffer_char(out, '\n');
    if (check->place_count && check->places[0]->marked) /* each has a case of its own */
        return;
    size_t shown = check->place_count < PLACES_SHOWN ? check->place_count : PLACES_SHOWN;
    for (size_t i = 0; i < shown; i++) {
        buffer_format(out, "%s: ", verdict_name(check->places[i]->verdict));
        place_append(out, TEXT_MARKUP, check->places[i]);
        buffer_text(out, ": ");
        if (place_is_text(check->places[i])) {
            reasons_append(out, TEXT_MARKUP, outline, check->places[i], REASONS_SHOWN);
        } else {
            measured_append(out, TEXT_MARKUP, check->places[i]);
            buffer_text(out, " ");
            text_append_short(out, TEXT_MARKUP, check->places[i]->message, 500);
        }
        buffer_char(out, '\n');
    }
    if (check->place_count > shown)
        buffer_format(out, "and %zu more\n", check->place_count - shown);
}

static void testcase_body(struct buffer *out, const struct outline *outline, const struct outline_check *check)
{
    switch (check->verdict) {
    case VERDICT_FAIL:
        buffer_text(out, "<failure type=\"fail\"");
        attribute(out, "message", check->head->message ? check->head->message : "");
        buffer_char(out, '>');
        details(out, outline, check);
        buffer_text(out, "</failure>");
        break;
    case VERDICT_SKIP:
        buffer_text(out, "<skipped");
        attribute(out, "message", check->head->message ? check->head->message : "");
        buffer_text(out, "/>");
        break;
    case VERDICT_WARN:
        buffer_text(out, "<system-out>warning: ");
        text_append(out, TEXT_MARKUP, check->head->message);
        buffer_char(out, '\n');
        details(out, outline, check);
        buffer_text(out, "</system-out>");
        break;
    case VERDICT_ERROR:
    case VERDICT_PASS:
        break;
    }
}

/* "text" of text.verdict: the noun. */
static void class_name(struct buffer *out, const char *check)
{
    struct buffer class = {0};
    size_t noun = strcspn(check, ".");
    buffer_format(&class, "assay.%.*s", (int)(noun < 200 ? noun : 200), check);
    attribute(out, "classname", class.data);
    buffer_free(&class);
}

static void testcase(struct buffer *out, const struct outline *outline, const struct outline_check *check)
{
    buffer_text(out, "    <testcase");
    attribute(out, "name", check->name);
    class_name(out, check->name);
    attribute_seconds(out, finding_fact_number(check->head, "duration_s"));
    buffer_char(out, '>');
    testcase_body(out, outline, check);
    buffer_text(out, "</testcase>\n");
}

static void text_failure(struct buffer *out, const struct outline *outline, const struct finding *finding)
{
    const char *prompt = finding_fact_named(finding, "prompt");
    buffer_text(out, "<failure type=\"fail\" message=\"");
    reasons_append(out, TEXT_MARKUP, outline, finding, REASONS_SHOWN);
    buffer_text(out, "\">");
    if (prompt) {
        buffer_text(out, "prompt: ");
        text_append_short(out, TEXT_MARKUP, prompt, 500);
        buffer_char(out, '\n');
    }
    excerpt_append(out, TEXT_MARKUP, finding->marked);
    for (size_t i = 0; i < finding->marked->reason_count; i++) {
        const struct text_reason *reason = &finding->marked->reasons[i];
        buffer_char(out, '\n');
        text_append_short(out, TEXT_MARKUP, reason->what, 60);
        buffer_text(out, ": ");
        reason_append(out, TEXT_MARKUP, finding->marked, reason);
        if (!reason->numbers)
            continue;
        buffer_text(out, " (");
        text_append_short(out, TEXT_MARKUP, reason->numbers, NUMBERS_SHOWN);
        buffer_char(out, ')');
    }
    buffer_text(out, "</failure>");
}

/* A case named like its text: `line 3: "The key to ..."`. */
static void text_case(struct buffer *out, const struct outline *outline, const struct finding *finding)
{
    buffer_text(out, "    <testcase name=\"");
    place_append(out, TEXT_MARKUP, finding);
    buffer_char(out, '"');
    class_name(out, finding->check);
    buffer_char(out, '>');
    if (finding->verdict == VERDICT_FAIL) {
        text_failure(out, outline, finding);
    } else if (finding->verdict == VERDICT_SKIP) {
        buffer_text(out, "<skipped");
        attribute(out, "message", finding->message ? finding->message : "");
        buffer_text(out, "/>");
    } else if (finding->verdict == VERDICT_WARN) {
        buffer_text(out, "<system-out>warning: ");
        reasons_append(out, TEXT_MARKUP, outline, finding, REASONS_SHOWN);
        buffer_text(out, "</system-out>");
    }
    buffer_text(out, "</testcase>\n");
}

static void counts(struct buffer *out, const struct outline *outline)
{
    size_t errors = outline->report->verdict == VERDICT_ERROR;
    buffer_format(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\"",
                  errors + outline->count + outline->text_count,
                  outline->counts[VERDICT_FAIL] + outline->text_counts[VERDICT_FAIL], errors,
                  outline->counts[VERDICT_SKIP] + outline->text_counts[VERDICT_SKIP]);
    attribute_seconds(out, outline->report->duration_s);
}

/* What could not be run is a case of its own. */
static void error_case(struct buffer *out, const struct report *report)
{
    buffer_text(out, "    <testcase");
    attribute(out, "name", report->command ? report->command : "run");
    buffer_text(out, " classname=\"assay\"><error type=\"error\"");
    attribute(out, "message", report->reason ? report->reason : "");
    buffer_text(out, "/></testcase>\n");
}

bool junit_build(const struct outline *outline, struct buffer *out, struct error *error)
{
    const struct report *report = outline->report;
    buffer_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"assay\"");
    counts(out, outline);
    buffer_text(out, ">\n  <testsuite name=\"assay");
    if (report->command) {
        buffer_char(out, ' ');
        text_append(out, TEXT_MARKUP, report->command);
    }
    buffer_char(out, '"');
    counts(out, outline);
    attribute(out, "timestamp", report->started);
    buffer_text(out, ">\n    <properties>\n      <property name=\"verdict\"");
    attribute(out, "value", verdict_name(report->verdict));
    buffer_text(out, "/>\n      <property name=\"reason\"");
    attribute(out, "value", report->reason ? report->reason : "");
    buffer_text(out, "/>\n      <property name=\"subject\"");
    attribute(out, "value", report->subject.path ? report->subject.path : "");
    buffer_text(out, "/>\n    </properties>\n");
    if (report->verdict == VERDICT_ERROR)
        error_case(out, report);
    for (size_t i = 0; i < outline->count; i++)
        testcase(out, outline, &outline->checks[i]);
    for (size_t i = 0; i < outline->text_count; i++)
        text_case(out, outline, outline->texts[i]);
    buffer_text(out, "  </testsuite>\n</testsuites>\n");
    return !out->failed || error_memory(error, "junit.xml");
}
