/* Every check in plain words: which question of a report it answers, what it is called, what it measures, and what to
 * do when it fails. Whatever adds a finding has its row here: to add a check, add its row to the table of its question
 * (check_words_*.c). The test check_words and the topic help of the command line look for checks without one. */
#ifndef ASSAY_FINDINGS_CHECK_WORDS_H
#define ASSAY_FINDINGS_CHECK_WORDS_H

#include <stddef.h>

/* The questions of a report, in the order in which a person asks them. */
enum question {
    QUESTION_CAUSE,       /* why: "cause", "hypothesis.*" */
    QUESTION_DISK,        /* what is missing or different on disk: inventory.*, weights.*, passport.*, tokens.* ... */
    QUESTION_COMPUTATION, /* where the computation differs from gold: layers.propagated, layers.isolated, logits.* ...
                           */
    QUESTION_TEXT,        /* what that does to the text: perplexity, greedy, text.* ... */
    QUESTION_COVERAGE,    /* what was compared and what was not: gold.compared, layers.experts ... */
    QUESTION_COUNT
};

/* All strings are static. */
struct check_words {
    const char *check; /* id: "layers.isolated"; or a pattern that ends in ".*", for ids of which no row is their own */
    enum question question;
    const char *title;  /* what it is called: at most 40 characters, sentence case, no full stop */
    const char *means;  /* what is measured against what, and what a failure means: one to three sentences */
    const char *remedy; /* what to do when it fails: one or two sentences. MODEL, ORIGINAL, GOLD and EXTRACTION stand
                           for what the user has */
};

/* The row of the check: its own, else that of a pattern. Never NULL: an id that no row knows gets a row whose title is
 * NULL and whose question is QUESTION_COMPUTATION. */
const struct check_words *check_words(const char *check);

/* All rows, question by question; NULL behind the last. */
const struct check_words *check_words_at(size_t index);

/* "What the files show by themselves": the heading of the question. */
const char *question_heading(enum question question);

#endif
