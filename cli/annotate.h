/* Where a command runs in a step of GitHub Actions, what that shows of it besides the log. */
#ifndef ASSAY_CLI_ANNOTATE_H
#define ASSAY_CLI_ANNOTATE_H

#include "findings/report.h"

/* With GITHUB_ACTIONS=true, annotations on stderr: stdout is the report's. With GITHUB_STEP_SUMMARY, summary.md's text
 * behind what is in that file. What cannot be written is told on stderr, and is no failure of the command. */
void annotate(const char *command, const struct report *report);

#endif
