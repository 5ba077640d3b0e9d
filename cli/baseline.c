#include "cli/baseline.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/wording.h"
#include "changes/changes.h"
#include "changes/provenance.h"
#include "history/history.h"
#include "reports/reports.h"

#define LAST_PASS ":last-pass"

/* A history that this run will begin is one without runs. */
static bool begins_history(const struct arguments *arguments, const char *path)
{
    return arguments->history && strcmp(arguments->history, path) == 0 && !file_exists(path);
}

static bool named_open(const struct arguments *arguments, struct baseline *baseline, struct error *error)
{
    const char *name = baseline->name;
    size_t length = strlen(name);
    baseline->pass = text_ends_with(name, LAST_PASS) && !file_exists(name);
    baseline->path = strndup(name, baseline->pass ? length - strlen(LAST_PASS) : length);
    if (!baseline->path)
        return error_memory(error, name);
    baseline->history = history_recognises(baseline->path) || begins_history(arguments, baseline->path);
    if (baseline->history)
        return history_usable(baseline->path, false, error);
    if (baseline->pass && file_exists(baseline->path))
        return error_set(error, "%s is not an SQLite database, so it is no history of assay", baseline->path);
    return report_read(baseline->path, &baseline->report, error);
}

bool baseline_open(const struct arguments *arguments, struct baseline *baseline, struct error *error)
{
    baseline->name = arguments->baseline;
    return !baseline->name || named_open(arguments, baseline, error) || error_context(error, "--baseline");
}

static bool compare(const char *against, const struct report *old, struct report *report, struct error *error)
{
    struct findings findings = {0};
    const struct changes_request request = {"baseline", against, old, report};
    bool good = changes_find(&request, &findings, error) &&
                (findings_take(&report->findings, &findings) || error_memory(error, "the baseline"));
    findings_free(&findings);
    return good;
}

static bool judge_by_history(const struct baseline *baseline, struct report *report, struct error *error)
{
    struct report old = {0};
    bool found = false;
    char *against = NULL;
    if (file_exists(baseline->path) && !history_baseline(baseline->path, report, baseline->pass, &old, &found, error))
        return error_context(error, "--baseline");
    if (!found)
        return finding_skip(findings_add(&report->findings, "baseline.checks"),
                            "%s holds no earlier run%s with the same command, suite and gold on a model of this kind, "
                            "so there is nothing to compare this run with.",
                            baseline->path, baseline->pass ? " that passed," : "") ||
               error_memory(error, "the baseline");
    report_set(&against, "the run of %s in %s", old.started ? old.started : "?", baseline->path);
    bool good = against ? compare(against, &old, report, error) : error_memory(error, "the baseline");
    free(against);
    report_free(&old);
    return good;
}

bool baseline_judge(const struct baseline *baseline, struct report *report, struct error *error)
{
    char *why = NULL;
    if (!baseline->name)
        return true;
    report_conclude(report);
    if (baseline->history)
        return judge_by_history(baseline, report, error);
    if (provenance_comparable(&baseline->report, report, &why))
        return compare(baseline->name, &baseline->report, report, error);
    if (!report->unable)
        report_set(&report->unable, "--baseline %s: %s; nothing was compared with it", baseline->name,
                   why ? why : "out of memory");
    free(why);
    return true;
}

void baseline_free(struct baseline *baseline)
{
    free(baseline->path);
    report_free(&baseline->report);
}
