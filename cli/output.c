#include "cli/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "activations/gold_config.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/processor.h"
#include "base/progress.h"
#include "cli/annotate.h"
#include "cli/causes_find.h"
#include "cli/opening.h"
#include "golden/golden.h"
#include "history/history.h"
#include "math/blas.h"
#include "reports/reports.h"
#include "reports/text.h"

/* The same work gives the same bytes where SOURCE_DATE_EPOCH names the time: nothing that is measured of the machine is
 * told. */
static bool report_fixed(time_t *when)
{
    const char *text = getenv("SOURCE_DATE_EPOCH");
    char *end = NULL;
    long long seconds = text && *text ? strtoll(text, &end, 10) : -1;
    *when = (time_t)seconds;
    return seconds >= 0 && seconds < 1LL << 37 && !*end;
}

static void report_begin(struct report *report, const char *command, const char *command_line)
{
    *report = (struct report){0};
    char when[32], host[256] = "";
    time_t now;
    if (!report_fixed(&now))
        now = time(NULL);
    struct tm utc;
    struct buffer processor = {0};
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    report_set(&report->command, "%s", command);
    report_set(&report->version, "%s", ASSAY_VERSION);
    if (*ASSAY_COMMIT)
        report_set(&report->commit, "%s", ASSAY_COMMIT);
    if (command_line)
        report_set(&report->command_line, "%s", command_line);
    report_set(&report->started, "%s", when);
    report->duration_s = -clock_seconds(); /* the end adds its own */
    if (processor_name(&processor))
        report_set(&report->machine.processor, "%s", processor.data);
    buffer_free(&processor);
    report_set(&report->machine.blas, "%s", blas_name());
    if (gethostname(host, sizeof host - 1) == 0 && *host)
        report_set(&report->machine.host, "%s", host);
}

void report_subject(struct report *report, const struct subject *subject)
{
    struct buffer summary = {0};
    config_summary(subject->config, &summary);
    report_set(&report->subject.path, "%s", store_path(subject->store));
    report_set(&report->subject.format, "%s", store_format(subject->store));
    report_set(&report->subject.model_type, "%s", subject->config->model_type);
    report_set(&report->subject.summary, "%s", summary.data ? summary.data : "");
    buffer_free(&summary);
    for (size_t i = 0; i < store_count(subject->store); i++)
        report->subject.bytes += (double)store_at(subject->store, i)->bytes;
    report->subject.tensors = (double)store_count(subject->store);
    report->subject.layers = subject->config->layers;
    report->subject.experts = subject->config->experts;
    if (store_sha256_known(subject->store))
        report_set(&report->subject.sha256, "%s", store_sha256_known(subject->store));
    if (subject->model)
        report->machine.threads = pool_threads(workspace_pool(model_workspace(subject->model)));
}

void report_gold(struct report *report, const struct golden *golden)
{
    struct report_gold *gold = report_add_gold(report);
    if (!gold)
        return;
    report_set(&gold->path, "%s", golden_path(golden));
    report_set(&gold->producer, "%s", golden_producer(golden));
    report_set(&gold->dtype, "%s", golden_rounded(golden) ? golden_rounded(golden) : golden_arithmetic(golden));
    gold->cases = (double)golden_case_count(golden);
    /* A folder has none of its own, and what cannot be read again was read all the same. */
    struct error none = {0};
    struct stat status;
    if (stat(golden_path(golden), &status) == 0 && S_ISREG(status.st_mode) &&
        !sha256_file(golden_path(golden), gold->sha256, &none))
        *gold->sha256 = '\0';
    error_clear(&none);
}

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

bool report_show(const struct report *report, const struct arguments *arguments, bool text, struct error *error)
{
    bool colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    /* The folder first: whoever reads stdout may stop reading. */
    bool good = !arguments->out || report_render(report, arguments->out, error);
    if (arguments->json)
        good = good && report_write_json(report, stdout, error);
    else if (text)
        good = good && report_write_terminal(report, stdout, colour, arguments->verbose, error);
    if (good && arguments->out && !arguments->quiet)
        fprintf(stderr, "report: %s/report.html\n", arguments->out);
    return good;
}

/* Makes it the report of what could not be run. */
static void report_unable(struct report *report, const struct arguments *arguments, const struct error *error)
{
    findings_free(&report->findings); /* half of the checks */
    report_set(&report->unable, "%s", error_text(error));
    if (!report->subject.path && arguments->positional_count)
        report_set(&report->subject.path, "%s", arguments->positional[arguments->positional_count - 1]);
}

/* The folder's files for that, if they can be written: whoever looks there must not find nothing. */
static void report_write_unable(const struct report *report, const struct arguments *arguments)
{
    struct error again = {0};
    if (report_render(report, arguments->out, &again) && !arguments->quiet)
        fprintf(stderr, "report: %s/report.html\n", arguments->out);
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

/* With this the report is complete. */
static void report_end(struct report *report, const struct arguments *arguments)
{
    time_t fixed;
    report->duration_s = report_fixed(&fixed) ? 0 : report->duration_s + clock_seconds();
    report->machine.peak_memory_bytes = report_fixed(&fixed) ? 0 : memory_peak();
    report->times.count = report_fixed(&fixed) ? 0 : report->times.count;
    report_conclude(report);
    report->ended = true;
    report->exit_status = report_ends_failed(report, arguments) ? EXIT_FAIL : EXIT_PASS;
    if (report->verdict == VERDICT_ERROR)
        report->exit_status = EXIT_ERROR;
}

bool report_record(const struct report *report, const struct arguments *arguments, struct error *error)
{
    struct error met = {0};
    if (!arguments->history || history_record(arguments->history, report, &met))
        return true;
    if (error->text) /* which ends the command: this is told beside it */
        fprintf(stderr, "assay %s: %s\n", report->command, error_text(&met));
    error_take(error, &met);
    error_clear(&met);
    return false;
}

int command_judge(const char *name, const struct arguments *arguments, command_work *work)
{
    struct report report;
    struct error error = {0};
    report_begin(&report, name, arguments->command_line);
    struct buffer departures = {0};
    departures_append(arguments, &departures);
    if (departures.data)
        report_set(&report.departures, "%s", departures.data + 1);
    buffer_free(&departures);
    /* The folder first: hours of work must not end in a folder that cannot be made; nor in a history that is none. */
    bool folder = !arguments->out || (folder_make(arguments->out, &error) && report_remove(arguments->out, &error));
    bool usable = folder && (!arguments->history || history_usable(arguments->history, &error));
    bool worked = usable && work(arguments, &report, &error);
    if (!worked)
        report_unable(&report, arguments, &error);
    report_end(&report, arguments);
    bool good = worked && report_show(&report, arguments, !arguments->csv, &error);
    int status = report.exit_status;
    if (folder && !worked && arguments->out)
        report_write_unable(&report, arguments);
    good = (!usable || report_record(&report, arguments, &error)) && good;
    annotate(name, &report);
    if (good && report.verdict == VERDICT_ERROR)
        good = error_set(&error, "%s", report.unable);
    report_free(&report);
    return good ? status : command_error(name, &error);
}

int command_error(const char *name, struct error *error)
{
    struct buffer text = {0};
    text_append(&text, TEXT_PLAIN, error_text(error)); /* a name in it may hold what a terminal or a CI server obeys */
    fprintf(stderr, "assay %s: %s\n", name, text.data && !text.failed ? text.data : "out of memory");
    buffer_free(&text);
    error_clear(error);
    return EXIT_ERROR;
}

/* Anything but skips. */
static bool is_judged(const struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        if (findings->items[i].verdict != VERDICT_SKIP)
            return true;
    return false;
}

static bool diagnose_timed(const struct arguments *arguments, struct subject *subject,
                           const struct check_request *request, struct report *report, struct error *error)
{
    double since = clock_seconds();
    size_t before = report->findings.count;
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
    report->severity_limits = severity_limits_of(request->limits);
    request->subject = &subject;
    request->goldens = goldens;
    request->golden_count = golden_count;
    request->times = &report->times;
    request->more = arguments->diagnose;
    for (size_t i = 0; i < golden_count; i++)
        report_gold(report, goldens[i]);
    bool good = arguments_open(arguments, path, missing, exact, &subject, error) &&
                check_run(request, &report->findings, error) &&
                (!arguments->diagnose || diagnose_timed(arguments, &subject, request, report, error));
    progress_phase(0, 0);
    if (good && !is_judged(&report->findings))
        good = config_computes(subject.config, path, error) && config_writes(subject.config, error);
    if (good)
        report_subject(report, &subject);
    if (good && golden_count && *subject.config->unsupported)
        report_set(&report->unable, "%s: %s; nothing could be compared with gold", path, subject.config->unsupported);
    subject_free(&subject);
    request->subject = NULL;
    return good;
}

void json_print(cJSON *json, bool indented)
{
    char *text = indented ? cJSON_Print(json) : cJSON_PrintUnformatted(json);
    puts(text ? text : "");
    cJSON_free(text);
    cJSON_Delete(json);
}
