/* The main job: which diagnostics on which subject and gold, in one pass over the weights. */
#ifndef ASSAY_DIAGNOSTICS_CHECK_H
#define ASSAY_DIAGNOSTICS_CHECK_H

#include "diagnostics/choice.h"
#include "diagnostics/diagnostics.h"
#include "findings/report.h"
#include "golden/golden.h"
#include "limits/limits.h"
#include "texts/writing.h"

struct check_request {
    struct subject *subject;
    struct golden *const *goldens; /* borrowed; restricted to what this subject has (gold_check_config) */
    size_t golden_count;
    const struct limits *limits;
    bool wanted[DIAGNOSTIC_COUNT];
    struct choice choice; /* of what these report */
    const char *text;     /* file for perplexity; NULL: none */
    size_t context, stride;
    size_t chunk; /* 0: prefill; else see run_execute */
    /* Prompts that the subject continues; its `limits` and what is of gold are set here. */
    struct writing_request writing;
    struct times *times; /* where it is told what took how long; NULL: nowhere */
};

/* Appends the findings of all wanted diagnostics, in the order of their table; one that cannot say anything (no gold,
 * no text) adds a skip with the reason. Of a model that cannot be computed all that needs no engine is checked, and the
 * rest skipped. Errors are for what stops the check itself. */
bool check_run(const struct check_request *request, struct findings *findings, struct error *error);

/* The same with a dump of what a subject computed in place of the subject, for those of the wanted diagnostics that
 * compare: propagated errors, logits and continuations of what both dumps hold; a case that the subject lacks fails. */
bool check_dump(struct golden *golden, struct golden *dump, const struct limits *limits, const bool *wanted,
                struct findings *findings, struct error *error);

#endif
