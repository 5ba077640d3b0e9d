/* What the user sees of all errors together: the distribution over the next token. */
#ifndef ASSAY_DIAGNOSTICS_LOGITS_H
#define ASSAY_DIAGNOSTICS_LOGITS_H

#include "diagnostics/limits.h"
#include "diagnostics/run.h"
#include "findings/finding.h"
#include "golden/golden.h"

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

/* log of the sum of exp of all values, in double; NaN if any is NaN. */
double log_sum_exp(const float *values, size_t count);

/* The entropy of the distribution that logits make, in nats, in double; `*log_sum` is set to what log_sum_exp gives. */
double logits_entropy(const float *logits, size_t count, double *log_sum);

/* Index of the largest value, the first among equals; a NaN never wins. */
size_t largest_index(const float *values, size_t count);

/* The indices of the `most` largest values, the largest first, of equals the first, as largest_index.
 * Returns how many there are: `count` if that is less. */
size_t largest_indices(const float *values, size_t count, size_t most, size_t *out);

/* Two of gold's logits that are no further apart may be one: each may be off by twice its share of `tolerance`
 * (relative L2); `square` is the sum of the squares of all `count`. */
double logits_apart(double tolerance, double square, size_t count);

#endif
