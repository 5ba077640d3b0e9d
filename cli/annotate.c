#include "cli/annotate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/say.h"
#include "reports/reports.h"

void annotate(const char *command, const struct report *report)
{
    const char *actions = getenv("GITHUB_ACTIONS"), *summary = getenv("GITHUB_STEP_SUMMARY");
    struct error error = {0};
    if (actions && strcmp(actions, "true") == 0)
        report_write_annotations(report, stderr, &error);
    if (summary && *summary)
        report_append_summary(report, summary, &error);
    if (error.text)
        say(stderr, "assay %s: warning: %s\n", command, error_text(&error));
    error_clear(&error);
}
