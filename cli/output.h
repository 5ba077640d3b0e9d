/* What commands print: a document of their own, or the report around their findings; and how they end. */
#ifndef ASSAY_CLI_OUTPUT_H
#define ASSAY_CLI_OUTPUT_H

#include "base/json.h"
#include "cli/arguments.h"
#include "cli/opening.h"
#include "diagnostics/check.h"
#include "findings/report.h"
#include "golden/golden.h"
#include "library/account.h"
#include "run/subject.h"

/* A command that judges: fills the report. */
typedef bool command_work(const struct arguments *arguments, struct report *report, struct error *error);

/* Runs the work, concludes, writes terminal text or JSON to stdout, and the folder when there is one. Returns the exit
 * status: EXIT_ERROR also for a report that fails nothing, but was unable to do what was asked for. */
int command_judge(const char *name, const struct arguments *arguments, command_work *work);

/* The same without a last word: the report is the caller's, to be freed either way, text goes to stdout where `text`
 * says so, and EXIT_ERROR leaves the reason in `error`. */
int command_make(const char *name, const struct arguments *arguments, command_work *work, bool text,
                 struct report *report, struct error *error);

/* Writes a report that is concluded into the folder, when there is one, adds it to the history that was asked for, and
 * writes it on stdout: as JSON where that was asked for, else, with `text`, as text. What cannot be written keeps
 * nothing else from being written. */
bool report_show(const struct report *report, const struct arguments *arguments, bool text, struct error *error);
/* Which severity a failed check has to have, if it is to end with status 1; and what else does. */
bool report_ends_failed(const struct report *report, const struct arguments *arguments);

/* Prints the error; returns EXIT_ERROR and clears it. */
int command_error(const char *name, struct error *error);
/* The same of a program that is no command of assay. */
int program_error(const char *program, struct error *error);

/* Prints the document on stdout, with a newline at its end, and deletes it. */
void json_print(cJSON *json, bool indented);

/* Names the dumps in the report and holds each against the subject's configuration (gold_check_config). */
bool goldens_fit(const struct goldens *goldens, const struct subject *subject, struct report *report,
                 struct error *error);

/* Opens the subject at `path` and runs the request, whose subject and goldens this fills; names both in the report. */
bool command_check_subject(const struct arguments *arguments, const char *path, enum missing missing, bool exact,
                           struct golden *const *goldens, size_t golden_count, struct check_request *request,
                           struct report *report, struct error *error);

#endif
