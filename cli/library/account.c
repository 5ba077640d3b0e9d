#include "library/account.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/processor.h"
#include "base/progress.h"
#include "math/blas.h"

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

void report_begin(struct report *report, const char *command, const char *command_line)
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
    if (!sha256_file(golden_path(golden), gold->sha256, &none))
        *gold->sha256 = '\0';
    error_clear(&none);
}

void report_suite(struct report *report, const struct suite *suite, const char *name)
{
    report_set(&report->suite.name, "%s", suite->name);
    if (name)
        report_set(&report->suite.path, "%s", name);
    memcpy(report->suite.sha256, suite->sha256, sizeof suite->sha256);
}

void report_end(struct report *report)
{
    static const int statuses[] = {[VERDICT_FAIL] = 1, [VERDICT_ERROR] = 3};
    time_t when;
    bool fixed = report_fixed(&when);
    report->duration_s = fixed ? 0 : report->duration_s + clock_seconds();
    report->machine.peak_memory_bytes = fixed ? 0 : memory_peak();
    report->times.count = fixed ? 0 : report->times.count;
    report_conclude(report);
    report->ended = true;
    report->exit_status = statuses[report->verdict];
}

bool report_check(struct report *report, const struct check_request *request, struct error *error)
{
    report->severity_limits = severity_limits_of(request->limits);
    return check_run(request, &report->findings, error);
}

/* Anything but skips. */
static bool is_judged(const struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        if (findings->items[i].verdict != VERDICT_SKIP)
            return true;
    return false;
}

bool report_checked(struct report *report, const struct check_request *request, const char *path, struct error *error)
{
    const struct model_config *config = request->subject->config;
    if (!is_judged(&report->findings) && (!config_computes(config, path, error) || !config_writes(config, error)))
        return false;
    report_subject(report, request->subject);
    if (request->golden_count && *config->unsupported)
        report_set(&report->unable, "%s: %s; nothing could be compared with gold", path, config->unsupported);
    return true;
}
