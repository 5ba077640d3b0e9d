/* A report from its first line to its last: who made it, of what, by which suite, and how it ended. For whoever checks:
 * commands, and the library. */
#ifndef ASSAY_LIBRARY_ACCOUNT_H
#define ASSAY_LIBRARY_ACCOUNT_H

#include "findings/report.h"
#include "golden/golden.h"
#include "run/subject.h"
#include "suites/suite.h"

/* `command_line`: as a shell takes it; NULL: there was none. */
void report_begin(struct report *report, const char *command, const char *command_line);
/* With this the report is complete; its exit status is that of a command that fails on nothing but failures. */
void report_end(struct report *report);

void report_subject(struct report *report, const struct subject *subject);
void report_gold(struct report *report, const struct golden *golden);
/* `name`: as it was asked for; NULL: it was not, and is the default. */
void report_suite(struct report *report, const struct suite *suite, const char *name);

/* Runs the request on a subject that is open, and names its gold and limits in the report, which report_checked
 * completes when all that is to be found was. */
bool report_check(struct report *report, const struct check_request *request, struct error *error);
/* Names the subject. A check that judged nothing because the subject cannot be computed is an error; gold that for
 * that reason was not compared makes the report unable. */
bool report_checked(struct report *report, const struct check_request *request, const char *path, struct error *error);

#endif
