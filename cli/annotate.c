#include "cli/annotate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/reports.h"
#include "reports/text.h"

void annotate(const char *command, const struct report *report)
{
    const char *actions = getenv("GITHUB_ACTIONS"), *summary = getenv("GITHUB_STEP_SUMMARY");
    struct error error = {0};
    if (actions && strcmp(actions, "true") == 0)
        report_write_annotations(report, stderr, &error);
    if (summary && *summary)
        report_append_summary(report, summary, &error);
    if (error.text) {
        struct buffer text = {0};
        text_append(&text, TEXT_PLAIN, error_text(&error));
        fprintf(stderr, "assay %s: warning: %s\n", command, text.data ? text.data : "out of memory");
        buffer_free(&text);
    }
    error_clear(&error);
}
