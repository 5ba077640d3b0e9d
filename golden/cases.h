/* The cases of a new dump: gold's, prompts, lists of ids, and windows of a text, in this order. */
#ifndef ASSAY_GOLDEN_CASES_H
#define ASSAY_GOLDEN_CASES_H

#include "golden/golden.h"
#include "run/subject.h"

struct cases_request {
    const char *golden; /* the dump whose cases are traced; NULL: none */
    const char *const *prompts;
    size_t prompt_count;
    const char *const *id_lists; /* as ids_parse reads them */
    size_t id_list_count;
    const char *text; /* file; NULL: none */
    size_t context;   /* tokens in a window of it; 0: 512 */
};

/* Start with {0}. Borrows from the request. */
struct cases {
    struct golden_case *items;
    size_t count;
    size_t capacity;
    struct ids text; /* as the tokenizer gave it: windows lie one behind the other; empty without a text */
    struct golden *golden;
    struct ids *greedy; /* of gold's cases: what this model appends */
    struct ids *ids;    /* of cases that are not gold's */
    char (*names)[32];
    size_t own;
};

/* What gold says of its cases but for ids and prompt is left out: it is not what this subject does. A text is cut into
 * windows as llama-perplexity does it: what is left at the end is dropped, and every window begins with the tokenizer's
 * BOS, if that adds one, in place of its first token. Refuses ids outside the vocabulary, a prompt without tokens, and
 * a text of less than one window. To be closed either way. */
bool cases_open(const struct cases_request *request, const struct subject *subject, struct cases *cases,
                struct error *error);

/* Continues gold's cases greedily for as many tokens as gold does. The subject must be loaded. */
bool cases_continue(struct cases *cases, struct subject *subject, struct error *error);
void cases_close(struct cases *cases);

#endif
