#include "findings/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"

void report_set(char **field, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    va_end(arguments);
    free(*field);
    *field = text;
}

void times_add(struct times *times, const char *name, double seconds)
{
    size_t row = 0;
    if (strlen(name) >= sizeof times->rows->name)
        return;
    while (times && row < times->count && strcmp(times->rows[row].name, name) != 0)
        row++;
    if (!times || row == TIMES_MAX)
        return;
    if (row == times->count) {
        snprintf(times->rows[row].name, sizeof times->rows[row].name, "%s", name);
        times->rows[times->count++].seconds = 0;
    }
    times->rows[row].seconds += seconds;
}

struct report_gold *report_add_gold(struct report *report)
{
    bool good = array_push(report->golds, report->gold_count, report->gold_capacity, (struct report_gold){0});
    return good ? &report->golds[report->gold_count - 1] : NULL;
}

/* What was left out on purpose has none. The first summary with the verdict, else the first place with it, else NULL;
 * `*count` summaries have it. */
static const struct finding *report_first(const struct report *report, enum verdict verdict, size_t *count)
{
    const struct finding *summary = NULL, *place = NULL;
    *count = 0;
    for (size_t i = 0; i < report->findings.count; i++) {
        const struct finding *finding = &report->findings.items[i];
        if (finding->verdict != verdict || finding_is_left_out(finding))
            continue;
        *count += finding->summary;
        if (finding->summary && !summary)
            summary = finding;
        if (!finding->summary && !place)
            place = finding;
    }
    return summary ? summary : place;
}

const struct finding *report_leading(const struct report *report)
{
    size_t count;
    const struct finding *fail = report_first(report, VERDICT_FAIL, &count);
    return fail || report->unable || report->verdict == VERDICT_ERROR ? fail
                                                                      : report_first(report, VERDICT_WARN, &count);
}

/* Length of the text without the full stop at its end. */
static int sentence_length(const char *text)
{
    size_t length = strnlen(text, 4000);
    while (length && (text[length - 1] == '.' || text[length - 1] == ' '))
        length--;
    return (int)length;
}

static void reason_from(struct report *report, const struct finding *finding, size_t count, const char *did)
{
    char *copy = NULL;
    if (finding->message)
        report_set(&copy, "%.*s", sentence_length(finding->message), finding->message);
    else
        report_set(&copy, "The check %s %s", finding->check, did);
    const char *text = copy ? copy : "out of memory";
    if (count > 1)
        report_set(&report->reason, "%s; %zu more check%s %s.", text, count - 1, count == 2 ? "" : "s", did);
    else
        report_set(&report->reason, "%s.", text);
    free(copy);
}

/* To a pass: of how much. */
static void tell_left_out(struct report *report)
{
    size_t count = 0;
    char *reason = report->reason;
    for (size_t i = 0; i < report->findings.count; i++)
        count += finding_is_left_out(&report->findings.items[i]);
    if (!count || !reason)
        return;
    report->reason = NULL;
    report_set(&report->reason, "%.*s; %zu %s left out on purpose.", sentence_length(reason), reason, count,
               count == 1 ? "was" : "were");
    free(reason);
}

void report_keep_severity(struct report *report, struct report *from)
{
    report->severity = from->severity;
    report->severity_why = from->severity_why;
    report->severity_kept = true;
    from->severity_why = NULL;
}

void report_conclude(struct report *report)
{
    if (!report->severity_limits.given)
        report->severity_limits = severity_limits_of(NULL);
    if (!report->severity_kept)
        report->severity = severity_of(&report->findings, &report->severity_limits);
    size_t failed, warned, passed, skipped;
    const struct finding *fail = report_first(report, VERDICT_FAIL, &failed);
    const struct finding *warn = report_first(report, VERDICT_WARN, &warned);
    const struct finding *pass = report_first(report, VERDICT_PASS, &passed);
    const struct finding *skip = report_first(report, VERDICT_SKIP, &skipped);
    report->verdict = findings_verdict(&report->findings);
    const char *plural = passed == 1 ? "" : "s";
    if (report->unable && !fail) {
        report->verdict = VERDICT_ERROR;
        report_set(&report->reason, "%.*s.", sentence_length(report->unable), report->unable);
    } else if (fail) {
        reason_from(report, fail, failed, "failed");
    } else if (warn) {
        reason_from(report, warn, warned, "warned");
    } else if (!pass) {
        report->verdict = VERDICT_FAIL;
        report_set(&report->reason, "Nothing was judged%s, so nothing is proved.",
                   skipped ? ": every check was skipped" : ": there was no check to run");
    } else if (skipped >= 2 && skipped >= passed) {
        const char *why = skip->message ? skip->message : "";
        report->verdict = VERDICT_WARN;
        report_set(&report->reason, "%zu of %zu checks were skipped, so this proves little%s%.*s.", skipped,
                   passed + skipped,
                   !*why          ? ""
                   : skipped == 1 ? ": "
                                  : "; the first: ",
                   sentence_length(why), why);
    } else if (skipped) {
        const char *why = skip->message ? skip->message : "";
        report_set(&report->reason, "%zu check%s passed; %zu %s skipped%s%.*s.", passed, plural, skipped,
                   skipped == 1 ? "was" : "were",
                   !*why          ? ""
                   : skipped == 1 ? ": "
                                  : "; the first: ",
                   sentence_length(why), why);
    } else if (passed == 1 && pass->message) {
        report_set(&report->reason, "%s", pass->message);
    } else {
        report_set(&report->reason, passed > 1 ? "All %zu check%s passed." : "%zu check%s passed.", passed, plural);
    }
    if (report->verdict == VERDICT_PASS)
        tell_left_out(report);
}

void report_free(struct report *report)
{
    if (!report)
        return;
    char *const texts[] = {report->command,
                           report->version,
                           report->commit,
                           report->command_line,
                           report->departures,
                           report->suite.name,
                           report->suite.path,
                           report->reason,
                           report->unable,
                           report->started,
                           report->subject.path,
                           report->subject.format,
                           report->subject.model_type,
                           report->subject.summary,
                           report->subject.sha256,
                           report->machine.processor,
                           report->machine.blas,
                           report->machine.host,
                           report->severity_why};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    for (size_t i = 0; i < report->gold_count; i++) {
        free(report->golds[i].path);
        free(report->golds[i].producer);
        free(report->golds[i].dtype);
    }
    free(report->golds);
    findings_free(&report->findings);
    *report = (struct report){0};
}
