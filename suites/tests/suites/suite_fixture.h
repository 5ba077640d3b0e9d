/* What the tests of suites share. */
#ifndef ASSAY_TESTS_SUITE_FIXTURE_H
#define ASSAY_TESTS_SUITE_FIXTURE_H

#include "suites/suite.h"

/* The suite of that name or path; what was opened has to be freed. */
struct suite opened(const char *name);
/* It is none, and the error holds that text. */
void expect_refused(const char *name, const char *text);
/* suite_json, as one line; malloc'd. */
char *printed(const struct suite *suite);
/* Its diagnostics, "inventory weights"; in a buffer that the next call writes over. */
const char *diagnostics_of(const struct suite *suite);

#endif
