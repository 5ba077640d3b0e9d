/* What the tests of reports look at. A failed expectation fails the test that runs. */
#ifndef ASSAY_TESTS_REPORT_FIXTURES_H
#define ASSAY_TESTS_REPORT_FIXTURES_H

#include "reports/answer.h"
#include "reports/reports.h"

/* A new folder in /tmp; the caller removes it and frees the path. */
char *folder_new(void);

/* The files of a report, each whole UTF-8. */
enum { JSON, JUNIT, MARKDOWN, HTML, SARIF, TAP, FILES };
struct rendered {
    char *files[FILES];
};
/* What was written is read, too, and written again: that gives the same files. */
struct rendered render(const struct report *report);
void rendered_free(struct rendered *rendered);

/* The report as a terminal gets it; the caller frees. */
char *terminal_text(const struct report *report, bool colour);
/* No line has more than 100 characters. */
void assert_narrow(const char *text);

/* How often `what` is in the text. */
size_t count_of(const char *text, const char *what);

/* Well-formedness of XML as far as junit.xml uses it, and of our HTML (`html`: void elements, a doctype, and CSS are
 * let be). NULL, or what is wrong. */
const char *markup_fault(const char *text, bool html);
/* report.html is well-formed and holds nothing that runs or loads. */
void assert_harmless(const char *html);

/* The name of the first member of `value` that is not as the schema says, or NULL. As much of JSON Schema as
 * report.schema.json and suite.schema.json use; `root` has the definitions. */
const char *schema_fault(const cJSON *root, const cJSON *schema, const cJSON *value);

/* A summary, and a place, of a check that fails. */
struct finding *failing(struct report *report, const char *check, const char *message);
struct finding *place_at(struct report *report, const char *check, int layer, int expert, const char *tensor);

/* A report with its answer. Start with {0}, add findings, then answer_of. */
struct answered {
    struct report report;
    struct outline outline;
    struct answer answer;
};
void answer_of(struct answered *answered);
void answered_free(struct answered *answered);

#endif
