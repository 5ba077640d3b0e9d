/* Causes without gold: what makes the model read a text better. Nothing is proved by that, but a model whose likelihood
 * of a text rises with a departure, by more than chance, is more likely to be right with it. */
#ifndef ASSAY_CAUSES_LIKELIHOOD_H
#define ASSAY_CAUSES_LIKELIHOOD_H

#include "causes/causes.h"
#include "text/tokenizer.h"

struct likelihood_request {
    struct causes_request causes; /* without gold; `text` is a path, or a name of corpus.h */
    struct tokenizer *tokenizer;
};

/* Reads the text in windows of READING_CONTEXT tokens, those of the first to choose by, the others to confirm by:
 * the gain of each token, paired, by blocks of 32 tokens, since neighbours are not independent. A cause is `likely`
 * where it gains at least 0.01 nats a token and its mean gain is 4.5 standard errors from none (a chance of 3e-6, so
 * that hundreds may be tried), `possible` from 3. Adds the findings "cause" as causes_find does. */
bool likelihood_find(const struct likelihood_request *request, struct findings *findings, struct error *error);

#endif
