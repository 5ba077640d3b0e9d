/* Inside reports/: what the formats that continuous integration reads (JUnit, TAP, SARIF, annotations) have in common.
 */
#ifndef ASSAY_REPORTS_CI_H
#define ASSAY_REPORTS_CI_H

#include "base/buffer.h"
#include "reports/outline.h"

/* The run has a verdict that none of its checks has: it could not be done, or nothing was judged. It is then a case of
 * its own, lest a file without a failure be taken for a pass. */
bool ci_run_failed(const struct outline *outline);
/* What that case is called: the command. */
const char *ci_run_name(const struct report *report);

/* The summary of `cause`, where a cause was found and the check shows what the model computes, and not how its files
 * are: then one thing is wrong, and the check is how it shows. NULL: nothing explains the check. */
const struct finding *ci_cause(const struct outline *outline, const struct outline_check *check);

/* Appends at most `maximum` characters of the text as one JSON string, which YAML reads, too. Control characters are
 * visible signs. */
void ci_quoted(struct buffer *out, const char *text, size_t maximum);
/* A number of JSON; what is not finite is the string "nan", "inf" or "-inf". */
void ci_number(struct buffer *out, double value);

/* The text is a time as reports give it, 2031-02-03T04:05:06Z, and nothing else; NULL is none. */
bool ci_is_time(const char *text);

#endif
