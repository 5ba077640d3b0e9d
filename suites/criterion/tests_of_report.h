/* Of a report, the tests that it is: one for each check as a whole, and one for each layer and module that a check held
 * against gold. */
#ifndef ASSAY_CRITERION_TESTS_OF_REPORT_H
#define ASSAY_CRITERION_TESTS_OF_REPORT_H

#include "findings/report.h"

/* All owned. Names are ASCII letters, digits and "._-@#"; no two tests have suite and name in common. */
struct suite_test {
    char *suite, *name; /* "logits", "kl"; "layers_isolated", "model.layers.3.mlp" */
    char *identifier;   /* "logits/kl": what a filter is held against */
    enum verdict verdict;
    char *message; /* one line for people, without control characters */
    char *file;    /* what it is about: the finding's file, else the model */
};

/* Start with {0}. */
struct suite_tests {
    struct suite_test *items;
    size_t count, capacity;
};

/* To be freed either way. */
bool suite_tests_of(const struct report *report, struct suite_tests *tests, struct error *error);
void suite_tests_free(struct suite_tests *tests);

#endif
