/* The main job: which diagnostics on which subject and gold, in one pass over the weights. */
#ifndef ASSAY_DIAGNOSTICS_CHECK_H
#define ASSAY_DIAGNOSTICS_CHECK_H

#include "findings/finding.h"
#include "golden/golden.h"
#include "limits/limits.h"
#include "texts/writing.h"

enum diagnostic {
    DIAGNOSTIC_INVENTORY,
    DIAGNOSTIC_WEIGHTS,
    DIAGNOSTIC_TOKENS,
    DIAGNOSTIC_LAYERS,
    DIAGNOSTIC_LOGITS,
    DIAGNOSTIC_LENS,
    DIAGNOSTIC_GREEDY,
    DIAGNOSTIC_PERPLEXITY,
    DIAGNOSTIC_TEXTS,
    DIAGNOSTIC_COUNT
};

/* "inventory", "weights" ...; DIAGNOSTIC_COUNT when there is none of that name. */
enum diagnostic diagnostic_parse(const char *name);
const char *diagnostic_name(enum diagnostic diagnostic);

struct check_request {
    struct subject *subject;
    struct golden *const *goldens; /* borrowed; each is checked to be for this subject */
    size_t golden_count;
    const struct limits *limits;
    bool wanted[DIAGNOSTIC_COUNT];
    const char *text; /* file for perplexity; NULL: none */
    size_t context, stride;
    size_t chunk; /* 0: prefill; else see run_execute */
    /* Prompts that the subject continues; its `limits` and what is of gold are set here. */
    struct writing_request writing;
};

/* Appends the findings of all wanted diagnostics, in the order of their enum; one that cannot say anything (no gold, no
 * text) adds a skip with the reason. Errors are for what stops the check itself. */
bool check_run(const struct check_request *request, struct findings *findings, struct error *error);

/* Compares two dumps: propagated errors, logits and continuations of what both hold; a case that the subject lacks
 * fails. */
bool check_dump(const struct golden *golden, const struct golden *subject, const struct limits *limits,
                struct findings *findings, struct error *error);

#endif
