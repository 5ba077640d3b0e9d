/* Checkers of what continuous integration reads: the rules of the schemas, as far as our files use them. */
#ifndef ASSAY_TESTS_CI_FIXTURE_H
#define ASSAY_TESTS_CI_FIXTURE_H

#include <cjson/cJSON.h>

/* junit.xml, well-formed as markup_fault says, against the schemas of Jenkins (junit-10) and Surefire: elements, where
 * they stand, their attributes, times; and that counts are counts, and no case has two outcomes. NULL, or what is
 * wrong. */
const char *junit_fault(const char *xml);

/* report.sarif: members that SARIF 2.1.0 requires, or GitHub; words of enumerations; rules and URIs; no fingerprint
 * twice. NULL, or what is wrong. */
const char *sarif_fault(const cJSON *document);

/* report.tap, version 14: the plan, the numbers of the points, escapes, directives, and blocks of YAML, each member of
 * which is a number or one JSON string. NULL, or what is wrong. */
const char *tap_fault(const char *text);

#endif
