/* A judge model for tests, and what it says by a straight computation. */
#ifndef ASSAY_TESTS_JUDGE_FIXTURE_H
#define ASSAY_TESTS_JUDGE_FIXTURE_H

#include "run/subject.h"

/* `tokenizer` and `fault` may be NULL. */
struct subject judge_open(const char *model, const char *tokenizer, const char *fault);

/* log2 of the probability of each id but the first after those before it, into `bits` [ids->count]: one pass over one
 * sequence, a softmax in double. The judge must be loaded. */
void straight_each(struct subject *judge, const struct ids *ids, double *bits);

#endif
