/* Findings -> terminal, JSON, JUnit, SARIF, TAP, Markdown, HTML with plots, and what GitHub shows of a run; and JSON ->
 * findings. Reads a report and nothing else.
 *
 * Text in a report is untrusted: it may come from a model or a file. Every format escapes it, shows control characters
 * as visible signs, and replaces bytes that are no UTF-8 by U+FFFD. The order of the findings does not matter. */
#ifndef ASSAY_REPORTS_REPORTS_H
#define ASSAY_REPORTS_REPORTS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"
#include "findings/report.h"

/* For people, at most 100 columns wide but for commands: the answer, and a line for each check that failed.
 * `verbose`: where each of them fails, and every check. `colour`: with ANSI colours. Flushes. */
bool report_write_terminal(const struct report *report, FILE *file, bool colour, bool verbose, struct error *error);

/* The document that report.schema.json describes. The caller frees with cJSON_Delete. NULL: out of memory. */
cJSON *report_json(const struct report *report, struct error *error);

/* The same as text, with a newline at its end. Flushes. */
bool report_write_json(const struct report *report, FILE *file, struct error *error);

/* Reads report.json back: everything that it says, so that writing it again gives the same bytes. `unable` and the
 * limits of severity but those that decided are not in it, so report_conclude would decide anew. An error names the
 * file and the member; then there is nothing to free. */
bool report_read(const char *path, struct report *report, struct error *error);
/* The same of a document; `name` is what errors call it. */
bool report_from_json(const cJSON *document, const char *name, struct report *report, struct error *error);

/* Writes report.json, junit.xml, report.sarif, report.tap, summary.md and report.html into the folder, which is made
 * when absent. Every file appears whole or not at all. Plots come from gnuplot: $ASSAY_GNUPLOT, else `gnuplot` in PATH;
 * without it the report has tables in their place and says why. */
bool report_render(const struct report *report, const char *folder, struct error *error);

/* Removes those files, where they are, from a folder that is there: what an earlier run found must not be taken
 * for the result of one that fails. */
bool report_remove(const char *folder, struct error *error);

/* GitHub's workflow commands, "::error title=...::..." and "::warning ...", a line for each check that fails or warns:
 * at most ten of each kind, for more are not shown; the last of ten tells how many there are besides. Flushes. */
bool report_write_annotations(const struct report *report, FILE *file, struct error *error);

/* Appends the text of summary.md to the file at `path`, the job summary of a step, which is made when absent. The file
 * grows to 1 MiB at most, for GitHub drops a larger one: what does not fit is cut off, and the end says so. */
bool report_append_summary(const struct report *report, const char *path, struct error *error);

#endif
