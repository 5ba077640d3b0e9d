/* The distribution over the next token that logits make. */
#ifndef ASSAY_MATH_DISTRIBUTION_H
#define ASSAY_MATH_DISTRIBUTION_H

#include <stddef.h>

/* log of the sum of exp of all values, in double; NaN if any is NaN. */
double log_sum_exp(const float *values, size_t count);

/* The entropy of the distribution that logits make, in nats, in double; `*log_sum` is set to what log_sum_exp gives. */
double logits_entropy(const float *logits, size_t count, double *log_sum);

/* Index of the largest value, the first among equals; a NaN never wins. */
size_t largest_index(const float *values, size_t count);

/* The indices of the `most` largest values, the largest first, of equals the first, as largest_index.
 * Returns how many there are: `count` if that is less. */
size_t largest_indices(const float *values, size_t count, size_t most, size_t *out);

#endif
