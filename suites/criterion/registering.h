/* Tests that exist at run time only, for Criterion. */
#ifndef ASSAY_CRITERION_REGISTERING_H
#define ASSAY_CRITERION_REGISTERING_H

#include <criterion/criterion.h>

#include "base/error.h"
#include "tests_of_report.h"

/* Adds the tests to the set. Criterion runs each in a process of its own, which starts this program anew and finds
 * nothing of what is in memory here: what a test has to tell waits for it in a file that lives as long as this process.
 * `tests` must stay until the set is finalized. */
bool tests_register(const struct suite_tests *tests, struct criterion_test_set *set, struct error *error);

/* Prints what is in the set as Criterion's --list does, which knows only of tests that were compiled in. */
void tests_list(const struct suite_tests *tests);

#endif
