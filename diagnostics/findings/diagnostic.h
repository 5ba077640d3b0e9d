/* A diagnostic: one question to a subject, answered in findings. It is one file, which holds its row, and one line of
 * the table in diagnostics/diagnostics.h; suites, help, `--only`, skips and `assay compare` follow from there. */
#ifndef ASSAY_FINDINGS_DIAGNOSTIC_H
#define ASSAY_FINDINGS_DIAGNOSTIC_H

#include "findings/finding.h"

struct gold_use;
struct golden;
struct limits;
struct model_config;
struct part;
struct run;
struct subject;
struct writing_request;

/* What all diagnostics of one check share; borrowed. */
struct check {
    struct subject *subject;   /* loaded, if it can be computed; NULL: a dump stands in its place */
    const struct golden *dump; /* what it computed; NULL: it is a model */
    const struct model_config *config;
    struct golden *const *goldens; /* each of them is for this subject */
    size_t golden_count;
    const struct limits *limits;
    const char *text; /* file for perplexity; NULL: none */
    size_t context, stride;
    char *const *prompts; /* that the subject continues */
    size_t prompt_count;
    const struct writing_request *writing;  /* how it does so; NULL with a dump */
    const struct diagnostic *const *wanted; /* NULL behind the last */
    struct run *run;                        /* the one pass; NULL with a dump, and where nothing can be computed */
    bool original; /* some gold proves that the weights are the original's; known once all golds were reported */
};

/* Is the diagnostic of that name wanted? */
bool check_wants(const struct check *check, const char *name);

/* What a diagnostic has nothing to say without. */
enum need {
    NEEDS_GOLD = 1,
    NEEDS_TEXT = 2,
    NEEDS_TOKENIZER = 4,
    NEEDS_ENGINE = 8, /* a model that can be computed */
    NEEDS_HEAD = 16,  /* one that makes logits */
    NEEDS_WRITER = 32 /* one that predicts the next token */
};

/* Which rows of the pass a part is of. */
struct seat {
    size_t gold, case_index;
    bool isolated; /* of the pass whose modules are fed golden input; else propagated, end to end */
    bool rounded;  /* a twin of the next, with the chance of few bits in every step (rounding.h); nobody else sees it */
    int draw;      /* of several twins: which */
};

/* Functions may be NULL; they are called in the order of these members, those of each member in the order of the table.
 * All but `skip` return false for what stops the check. `state` is what `begin` made of the row; NULL without. */
struct diagnostic {
    const char *name; /* in suites */
    const char *asks; /* the question, in one line */
    unsigned needs; /* of enum need: without any of these it does not begin, and `skips` are skipped with the reason */
    const char *const *skips; /* check ids; NULL behind the last */
    bool compares;            /* takes part in `assay compare` */
    bool rides;               /* on every pass over gold's cases, wanted or not: what it does there others rely on */
    bool isolates;            /* where it is wanted, gold's cases go through the pass a second time, isolated */

    /* What can be said before any weight is computed with; called whatever is needed. */
    bool (*before)(const struct check *check, struct findings *findings, struct error *error);
    /* May put sequences of its own on check->run. */
    bool (*begin)(const struct check *check, void **state, struct error *error);
    /* Looks at what the subject computed of a case of gold, end to end; who has this or `splice` needs a pass. */
    bool (*see)(void *state, const struct seat *seat, const struct part *part, struct error *error);
    /* After all have seen it, and in the isolated pass: may put other values there, which go on into the pass. */
    bool (*splice)(void *state, const struct seat *seat, const struct part *part, struct error *error);
    /* What this gold says. */
    bool (*report_gold)(const struct check *check, void *state, size_t gold, struct findings *findings,
                        struct error *error);
    /* What of this gold was compared: adds to `use`, and marks tensors in `marks` [golden_tensor_count]. Without it
     * nothing of a dump is compared. */
    void (*use)(const struct check *check, const void *state, size_t gold, struct gold_use *use, bool *marks);
    /* What all of it says, and what needs no gold. */
    bool (*report)(const struct check *check, void *state, struct findings *findings, struct error *error);
    /* What it has nothing to work on for, where that is more than `needs` and `skips` say; of each row before it
     * concludes. */
    bool (*skip)(const struct check *check, struct findings *findings, struct error *error);
    /* What depends on what others found. */
    bool (*conclude)(const struct check *check, void *state, struct findings *findings, struct error *error);
    /* Frees the state: what `begin` made of it, also when it failed half-way; NULL where it was never called. */
    void (*end)(const struct check *check, void *state);
};

#endif
