/* A suite: what to run on what, with which limits. JSON, described in README.md. */
#ifndef ASSAY_SUITES_SUITE_H
#define ASSAY_SUITES_SUITE_H

#include "diagnostics/check.h"

struct suite {
    char *name;
    char *description;
    char sha256[65]; /* of its text as JSON without white space */
    bool wanted[DIAGNOSTIC_COUNT];
    char **prompts;          /* texts that the subject continues */
    struct expects *expects; /* [prompt_count] */
    size_t prompt_count;
    size_t new_tokens; /* for each of them */
    struct sampler_options sampler;
    uint64_t seed;
    bool chat;
    char *text; /* file for perplexity, found beside the suite; NULL: none */
    size_t context, stride;
    struct limits limits;
};

/* `path` NULL: the suite that is built in, suites/default.json. Unknown members, diagnostics and limits are errors, as
 * is a limit without a cause. */
bool suite_open(const char *path, struct suite *suite, struct error *error);
/* Of the suite's diagnostics only those of the list "layers,logits"; one that it does not have is an error. */
bool suite_only(struct suite *suite, const char *list, struct error *error);

void suite_free(struct suite *suite);

#endif
