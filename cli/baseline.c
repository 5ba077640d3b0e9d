#include "cli/baseline.h"

#include <stdlib.h>

#include "changes/changes.h"
#include "changes/provenance.h"
#include "reports/reports.h"

bool baseline_open(const struct arguments *arguments, struct baseline *baseline, struct error *error)
{
    const char *name = arguments->baseline;
    if (name && !report_read(name, &baseline->report, error))
        return error_context(error, "--baseline");
    baseline->name = name;
    return true;
}

bool baseline_judge(const struct baseline *baseline, struct report *report, struct error *error)
{
    struct findings findings = {0};
    char *why = NULL;
    if (!baseline->name)
        return true;
    report_conclude(report);
    if (!provenance_comparable(&baseline->report, report, &why)) {
        if (!report->unable)
            report_set(&report->unable, "--baseline %s: %s; nothing was compared with it", baseline->name,
                       why ? why : "out of memory");
        free(why);
        return true;
    }
    const struct changes_request request = {"baseline", baseline->name, &baseline->report, report};
    bool good = changes_find(&request, &findings, error) &&
                (findings_take(&report->findings, &findings) || error_memory(error, "the baseline"));
    findings_free(&findings);
    return good;
}

void baseline_free(struct baseline *baseline)
{
    if (baseline->name)
        report_free(&baseline->report);
}
