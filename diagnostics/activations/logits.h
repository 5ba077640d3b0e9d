/* What the user sees of all errors together: the distribution over the next token. */
#ifndef ASSAY_ACTIVATIONS_LOGITS_H
#define ASSAY_ACTIVATIONS_LOGITS_H

#include "findings/finding.h"
#include "golden/golden.h"
#include "limits/limits.h"
#include "run/run.h"

struct logits;

/* All borrowed until logits_free. */
struct logits *logits_new(const struct golden *golden, const struct limits *limits, struct error *error);
void logits_free(struct logits *logits);

/* Takes the logits of a part of a case; ignores other points. */
bool logits_see(struct logits *logits, size_t case_index, const struct part *part, struct error *error);

/* Marks the tensors of the dump of which every row was compared. */
void logits_compared(const struct logits *logits, bool *marks);

/* Rows of which both sides hold the distribution. */
size_t logits_positions(const struct logits *logits);

/* Adds logits.kl (Kullback-Leibler divergence of the subject from gold, in nats, over positions), logits.nmse (not
 * for log-probabilities), logits.top1, and perplexity: of each case's own ids against what gold says of it. Skips what
 * gold does not hold. */
bool logits_report(const struct logits *logits, struct findings *findings, struct error *error);

/* Two of gold's logits that are no further apart may be one: each may be off by twice its share of `tolerance`
 * (relative L2); `square` is the sum of the squares of all `count`. */
double logits_apart(double tolerance, double square, size_t count);

#endif
