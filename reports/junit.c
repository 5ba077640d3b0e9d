/* junit.xml: one suite, one case for each check, and one failure for it however many places it has. Valid for the
 * schemas of Jenkins (junit-10) and of Surefire. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "reports/ci.h"
#include "reports/marked.h"
#include "reports/report_document.h"
#include "reports/report_render.h"
#include "reports/text.h"

#define PLACES_SHOWN 50
#define TEXTS_SHOWN 10
#define REASONS_SHOWN 3
#define NUMBERS_SHOWN 500
#define MESSAGE_SHOWN 2000
#define VALUE_SHOWN 4000

static void attribute(struct buffer *out, const char *name, const char *value)
{
    if (!value)
        return;
    buffer_format(out, " %s=\"", name);
    text_append_short(out, TEXT_MARKUP, value, VALUE_SHOWN);
    buffer_char(out, '"');
}

/* The schemas want it of every case; what was not measured alone is 0, and the suite has the whole. */
static void attribute_seconds(struct buffer *out, double seconds)
{
    buffer_format(out, " time=\"%.3f\"", isfinite(seconds) && seconds >= 0 ? seconds : 0.0);
}

/* ---- what a failure says ---- */

/* A text at fault: what it was asked for, where it goes wrong, and why. */
static void text_place(struct buffer *out, const struct finding *place)
{
    const char *prompt = finding_fact_named(place, "prompt");
    if (prompt) {
        buffer_text(out, "  prompt: ");
        text_append_short(out, TEXT_MARKUP, prompt, 500);
        buffer_char(out, '\n');
    }
    buffer_text(out, "  ");
    excerpt_append(out, TEXT_MARKUP, place->marked);
    buffer_char(out, '\n');
    for (size_t i = 0; i < place->marked->reason_count; i++) {
        const struct text_reason *reason = &place->marked->reasons[i];
        buffer_text(out, "  ");
        text_append_short(out, TEXT_MARKUP, reason->what, 60);
        buffer_text(out, ": ");
        reason_append(out, TEXT_MARKUP, place->marked, reason);
        if (reason->numbers) {
            buffer_text(out, " (");
            text_append_short(out, TEXT_MARKUP, reason->numbers, NUMBERS_SHOWN);
            buffer_char(out, ')');
        }
        buffer_char(out, '\n');
    }
}

static void place_line(struct buffer *out, const struct outline *outline, const struct finding *place)
{
    bool reasons = place->marked && place->marked->reason_count; /* which have lines of their own */
    buffer_format(out, "%s: ", verdict_name(place->verdict));
    size_t before = out->size;
    place_append(out, TEXT_MARKUP, place);
    buffer_text(out, out->size > before && !reasons ? ": " : "");
    if (!place_is_text(place)) {
        if (place->has_measured) {
            measured_append(out, TEXT_MARKUP, place);
            buffer_text(out, ". ");
        }
        text_append_short(out, TEXT_MARKUP, place->message, 500);
    } else if (!reasons) {
        reasons_append(out, TEXT_MARKUP, outline, place, REASONS_SHOWN);
    }
    buffer_char(out, '\n');
    if (place->marked)
        text_place(out, place);
}

static void places(struct buffer *out, const struct outline *outline, const struct outline_check *check)
{
    size_t most = check->place_count && check->places[0]->marked ? TEXTS_SHOWN : PLACES_SHOWN;
    size_t shown = check->place_count < most ? check->place_count : most;
    for (size_t i = 0; i < shown; i++)
        place_line(out, outline, check->places[i]);
    if (check->place_count > shown)
        buffer_format(out, "and %zu more\n", check->place_count - shown);
}

static void numbers(struct buffer *out, const struct finding *head)
{
    if (!head->has_measured && !head->has_limit)
        return;
    buffer_text(out, "measured ");
    measured_append(out, TEXT_MARKUP, head);
    buffer_text(out, ", limit ");
    limit_append(out, head);
    if (head->cause) {
        buffer_text(out, " (");
        text_append_short(out, TEXT_MARKUP, head->cause, MESSAGE_SHOWN);
        buffer_char(out, ')');
    }
    buffer_char(out, '\n');
}

/* What a reader may run: "repair: assay repair ..." */
static void commands(struct buffer *out, const struct finding *head)
{
    for (size_t i = 0; i < head->fact_count; i++) {
        const char *does = fact_command(&head->facts[i]);
        if (!does)
            continue;
        text_append_short(out, TEXT_MARKUP, does, 40);
        buffer_text(out, ": ");
        text_append_short(out, TEXT_MARKUP, head->facts[i].text, MESSAGE_SHOWN);
        buffer_char(out, '\n');
    }
}

/* The cause first, where one is known: the rest is how it shows here. */
static void details(struct buffer *out, const struct outline *outline, const struct outline_check *check)
{
    const struct finding *cause = ci_cause(outline, check), *head = check->head;
    if (cause) {
        buffer_text(out, "cause: ");
        text_append_short(out, TEXT_MARKUP, cause->message, MESSAGE_SHOWN);
        buffer_char(out, '\n');
    }
    numbers(out, head);
    size_t before = out->size;
    where_append(out, TEXT_MARKUP, &head->where);
    buffer_text(out, out->size > before ? "\n" : "");
    places(out, outline, check);
    commands(out, head);
}

/* ---- cases ---- */

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
        text_append_short(out, TEXT_MARKUP, check->head->message, MESSAGE_SHOWN);
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
    class_name(out, check->head->check);
    attribute_seconds(out, NAN);
    buffer_char(out, '>');
    testcase_body(out, outline, check);
    buffer_text(out, "</testcase>\n");
}

static void run_case(struct buffer *out, const struct report *report)
{
    const char *element = report->verdict == VERDICT_ERROR ? "error" : "failure";
    buffer_text(out, "    <testcase");
    attribute(out, "name", ci_run_name(report));
    attribute(out, "classname", "assay");
    attribute_seconds(out, NAN);
    buffer_format(out, "><%s type=\"%s\"", element, verdict_name(report->verdict));
    attribute(out, "message", report->reason ? report->reason : "");
    buffer_text(out, "/></testcase>\n");
}

/* ---- the suite ---- */

static void counts(struct buffer *out, const struct outline *outline)
{
    bool run = ci_run_failed(outline), error = outline->report->verdict == VERDICT_ERROR;
    buffer_format(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%d\"", outline->count + run,
                  outline->counts[VERDICT_FAIL] + (run && !error), error);
}

/* `suffix` of the name: "" or ".limit". */
static void property(struct buffer *out, const char *name, const char *suffix, const char *value)
{
    if (!value)
        return;
    buffer_text(out, "      <property name=\"");
    text_append_short(out, TEXT_MARKUP, name, VALUE_SHOWN);
    buffer_format(out, "%s\"", suffix);
    attribute(out, "value", value);
    buffer_text(out, "/>\n");
}

static void property_number(struct buffer *out, const char *name, const char *suffix, double value)
{
    char text[40];
    snprintf(text, sizeof text, "%.15g", value);
    property(out, name, suffix, isnan(value) ? "nan" : text);
}

static void severity_properties(struct buffer *out, struct severity_facts facts)
{
    struct severity_place numbers[SEVERITY_NUMBERS];
    severity_places(&facts, numbers);
    property(out, "severity", "", severity_name(facts.level));
    for (size_t i = 0; i < SEVERITY_NUMBERS; i++) {
        char name[40];
        snprintf(name, sizeof name, "severity.%s", numbers[i].name);
        if (!isnan(*numbers[i].number))
            property_number(out, name, "", *numbers[i].number);
    }
}

/* Every number that was measured: trends of them are what a CI server can draw. */
static void properties(struct buffer *out, const struct outline *outline)
{
    const struct report *report = outline->report;
    buffer_text(out, "    <properties>\n");
    property(out, "verdict", "", verdict_name(report->verdict));
    property(out, "reason", "", report->reason ? report->reason : "");
    severity_properties(out, report->severity);
    property(out, "version", "", report->version);
    property(out, "subject", "", report->subject.path ? report->subject.path : "");
    for (size_t i = 0; i < report->gold_count; i++)
        property(out, "gold", "", report->golds[i].path);
    for (size_t i = 0; i < outline->count; i++) {
        const struct outline_check *check = &outline->checks[i];
        if (!check->head->has_measured)
            continue;
        property_number(out, check->name, "", check->head->measured);
        if (check->head->has_limit)
            property_number(out, check->name, ".limit", check->head->limit);
        property(out, check->name, ".unit", check->head->unit);
    }
    buffer_text(out, "    </properties>\n");
}

bool junit_build(const struct outline *outline, struct buffer *out, struct error *error)
{
    const struct report *report = outline->report;
    buffer_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"assay\"");
    counts(out, outline);
    attribute_seconds(out, report->duration_s);
    buffer_text(out, ">\n  <testsuite name=\"assay ");
    text_append_short(out, TEXT_MARKUP, ci_run_name(report), VALUE_SHOWN);
    buffer_char(out, '"');
    counts(out, outline);
    buffer_format(out, " skipped=\"%zu\"", outline->counts[VERDICT_SKIP]);
    attribute_seconds(out, report->duration_s);
    attribute(out, "timestamp", ci_is_time(report->started) ? report->started : NULL);
    attribute(out, "hostname", report->machine.host);
    buffer_text(out, ">\n");
    properties(out, outline);
    if (ci_run_failed(outline))
        run_case(out, report);
    for (size_t i = 0; i < outline->count; i++)
        testcase(out, outline, &outline->checks[i]);
    buffer_text(out, "  </testsuite>\n</testsuites>\n");
    return !out->failed || error_memory(error, "junit.xml");
}
