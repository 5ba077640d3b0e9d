/* What a reader in a hurry is told first, whatever the format: what is wrong, how bad it is, what to do. */
#ifndef ASSAY_REPORTS_ANSWER_H
#define ASSAY_REPORTS_ANSWER_H

#include "base/buffer.h"
#include "findings/check_words.h"
#include "reports/outline.h"

#define ANSWER_NUMBERS 4
#define ANSWER_STEPS 3
#define ANSWER_SETTINGS 6

/* Texts are plain, not escaped. All but the buffers is borrowed from the outline, or static. */
struct answer {
    const char *word;       /* how bad: "broken", "identical"; the verdict where nothing tells */
    struct buffer headline; /* one sentence: what is wrong, or what was proved */
    struct buffer rest;     /* further sentences; empty: none */
    struct buffer severity; /* "broken: divergence 3.2 nats a token, broken is above 1; ..."; empty: none told */
    const char *use;        /* may it be used? a sentence; NULL: nothing says */
    struct answer_number {
        const char *name;    /* "Perplexity ratio" */
        const char *right;   /* what it is where nothing is wrong: "1"; NULL: the name says it */
        bool decided;        /* how bad it is */
        struct buffer value; /* "12,700 times gold's" */
    } numbers[ANSWER_NUMBERS];
    size_t number_count;
    struct answer_setting {
        const char *key, *now, *should_be;
    } settings[ANSWER_SETTINGS]; /* of the configuration, where it is the cause */
    size_t setting_count;
    struct buffer file; /* where the tensor lies that the headline is about, below the subject; empty: not one */
    const char *tensor; /* its name */
    struct answer_step {
        const char *does;    /* "To repair it" */
        const char *command; /* as a shell takes it; NULL: `does` is all there is to say */
    } steps[ANSWER_STEPS];
    size_t step_count;
    struct buffer advice;        /* what the only step says where no command is known */
    const struct finding *leads; /* the finding that the headline tells of; NULL: none */
};

void answer_build(const struct outline *outline, struct answer *answer);
/* The command is one of the steps. */
bool answer_tells(const struct answer *answer, const char *command);
void answer_free(struct answer *answer);

#endif
