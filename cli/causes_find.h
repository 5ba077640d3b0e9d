/* Root causes of what a check found. */
#ifndef ASSAY_CLI_CAUSES_FIND_H
#define ASSAY_CLI_CAUSES_FIND_H

#include "cli/arguments.h"
#include "diagnostics/check.h"
#include "findings/finding.h"
#include "golden/golden.h"
#include "limits/limits.h"
#include "run/subject.h"

/* All borrowed. */
struct diagnosis {
    struct golden *const *goldens; /* that a check has held against the subject */
    size_t golden_count;
    const char *text; /* without gold: what the model reads (corpus.h) */
    const struct limits *limits;
    const struct findings *symptoms; /* what it said; NULL: none */
    double budget;                   /* seconds for experiments; 0: no bound */
    bool implementation;             /* gold is what another implementation computed */
};

/* Experiments begin from the weights and the configuration as the options leave them. */
bool diagnosis_find(const struct arguments *arguments, struct subject *subject, const struct diagnosis *diagnosis,
                    struct findings *findings, struct error *error);

/* The same where something in `findings` is not gold's: what is found goes in front of it. Nothing is done otherwise;
 * what stops the experiments is a skip. */
#define BUDGET_DEFAULT 30.0
bool diagnosis_of_failed(const struct arguments *arguments, struct subject *subject,
                         const struct check_request *request, struct findings *findings, struct error *error);

#endif
