#include "cli/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "activations/gold_config.h"
#include "base/file.h"
#include "base/progress.h"
#include "cli/annotate.h"
#include "cli/causes_find.h"
#include "cli/opening.h"
#include "cli/program.h"
#include "cli/say.h"
#include "golden/golden.h"
#include "history/history.h"
#include "reports/reports.h"

bool goldens_fit(const struct goldens *goldens, const struct subject *subject, struct report *report,
                 struct error *error)
{
    for (size_t i = 0; i < goldens->count; i++) {
        report_gold(report, goldens->items[i]);
        if (!gold_fit(goldens->items[i], subject, true, &report->findings, error))
            return false;
    }
    return true;
}

/* Adds it to the history that was asked for. */
static bool record(const struct report *report, const struct arguments *arguments, struct error *error)
{
    return !arguments->history || history_record(arguments->history, report, error);
}

bool report_show(const struct report *report, const struct arguments *arguments, bool text, struct error *error)
{
    bool colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    struct error unrecorded = {0};
    /* Folder and history first: whoever reads stdout may stop reading. */
    bool good = !arguments->out || report_render(report, arguments->out, error);
    bool recorded = record(report, arguments, &unrecorded);
    if (arguments->json)
        good = good && report_write_json(report, stdout, error);
    else if (text)
        good = good && report_write_terminal(report, stdout, colour, arguments->verbose, error);
    if (good && arguments->out && !arguments->quiet)
        say(stderr, "report: %s/report.html\n", arguments->out);
    if (!recorded && !good) /* which ends the command: this is told beside it */
        say(stderr, "assay %s: %s\n", report->command, error_text(&unrecorded));
    error_take(error, &unrecorded);
    error_clear(&unrecorded);
    return good && recorded;
}

/* Makes it the report of what could not be run. */
static void report_unable(struct report *report, const struct arguments *arguments, const struct error *error)
{
    findings_free(&report->findings); /* half of the checks */
    report_set(&report->unable, "%s", error_text(error));
    if (!report->subject.path && arguments->positional_count)
        report_set(&report->subject.path, "%s", arguments->positional[arguments->positional_count - 1]);
}

/* The folder's files for that, and (`usable`) a run of the history, if they can be written: whoever looks there must
 * not find nothing. */
static void report_write_unable(const struct report *report, const struct arguments *arguments, bool usable)
{
    struct error again = {0};
    if (arguments->out && report_render(report, arguments->out, &again) && !arguments->quiet)
        say(stderr, "report: %s/report.html\n", arguments->out);
    error_clear(&again);
    if (usable && !record(report, arguments, &again))
        say(stderr, "assay %s: %s\n", report->command, error_text(&again));
    error_clear(&again);
}

/* What --only, --skip and --cases left out was not asked for. */
static bool any_skipped(const struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        if (findings->items[i].summary && findings->items[i].verdict == VERDICT_SKIP &&
            !finding_is_left_out(&findings->items[i]))
            return true;
    return false;
}

bool report_ends_failed(const struct report *report, const struct arguments *arguments)
{
    bool failed = report->verdict == VERDICT_FAIL;
    enum severity level = report->severity.level;
    switch (arguments->strict ? FAIL_ON_SKIP : arguments->fail_on) {
    case FAIL_ON_DEGRADED:
        return failed && level >= SEVERITY_DEGRADED;
    case FAIL_ON_BROKEN:
        return failed && level >= SEVERITY_BROKEN;
    case FAIL_ON_SKIP:
        return failed || report->verdict == VERDICT_WARN || any_skipped(&report->findings);
    case FAIL_ON_WARN:
        return failed || report->verdict == VERDICT_WARN;
    default:
        return failed;
    }
}

static void end(struct report *report, const struct arguments *arguments)
{
    report_end(report);
    if (report->verdict != VERDICT_ERROR)
        report->exit_status = report_ends_failed(report, arguments) ? EXIT_FAIL : EXIT_PASS;
}

int command_make(const char *name, const struct arguments *arguments, command_work *work, bool text,
                 struct report *report, struct error *error)
{
    struct buffer departures = {0};
    report_begin(report, name, arguments->command_line);
    departures_append(arguments, &departures);
    if (departures.data)
        report_set(&report->departures, "%s", departures.data + 1);
    buffer_free(&departures);
    /* The folder first: hours of work must not end in a folder that cannot be made; nor in a history that is none. */
    bool folder = !arguments->out || (folder_make(arguments->out, error) && report_remove(arguments->out, error));
    bool usable = folder && (!arguments->history || history_usable(arguments->history, true, error));
    bool worked = usable && work(arguments, report, error);
    if (!worked)
        report_unable(report, arguments, error);
    end(report, arguments);
    bool good = worked && report_show(report, arguments, text, error);
    if (folder && !worked)
        report_write_unable(report, arguments, usable);
    annotate(name, report);
    if (good && report->verdict == VERDICT_ERROR)
        good = error_set(error, "%s", report->unable);
    return good ? report->exit_status : EXIT_ERROR;
}

int command_judge(const char *name, const struct arguments *arguments, command_work *work)
{
    struct report report;
    struct error error = {0};
    int status = command_make(name, arguments, work, !arguments->csv, &report, &error);
    report_free(&report);
    return error.text ? command_error(name, &error) : status;
}

int command_error(const char *name, struct error *error)
{
    char program[64];
    snprintf(program, sizeof program, "assay %s", name);
    return program_error(program, error);
}

int program_error(const char *program, struct error *error)
{
    say(stderr, "%s: %s\n", program, error_text(error));
    error_clear(error);
    return EXIT_ERROR;
}

static bool diagnose_timed(const struct arguments *arguments, struct subject *subject,
                           const struct check_request *request, struct report *report, struct error *error)
{
    double since = clock_seconds();
    size_t before = report->findings.count;
    progress_phase(0, 0); /* experiments are counted by themselves */
    bool good = diagnosis_of_failed(arguments, subject, request, &report->findings, error);
    if (report->findings.count > before)
        times_add(&report->times, "causes", clock_seconds() - since);
    return good;
}

bool command_check_subject(const struct arguments *arguments, const char *path, enum missing missing, bool exact,
                           struct golden *const *goldens, size_t golden_count, struct check_request *request,
                           struct report *report, struct error *error)
{
    struct subject subject = {0};
    request->subject = &subject;
    request->goldens = goldens;
    request->golden_count = golden_count;
    request->times = &report->times;
    for (size_t i = 0; i < golden_count; i++)
        report_gold(report, goldens[i]);
    bool good = arguments_open(arguments, path, missing, exact, &subject, error) &&
                report_check(report, request, error) &&
                (!arguments->diagnose || diagnose_timed(arguments, &subject, request, report, error)) &&
                report_checked(report, request, path, error);
    progress_phase(0, 0);
    subject_free(&subject);
    request->subject = NULL;
    return good;
}

void json_print(cJSON *json, bool indented)
{
    char *text = json_document(json, indented);
    if (text) {
        puts(text);
    } else {
        say(stderr, "assay: out of memory: JSON\n");
        program_end(EXIT_ERROR);
    }
    cJSON_free(text);
    cJSON_Delete(json);
}
