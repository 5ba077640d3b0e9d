/* The base file of llama-perplexity --kl-divergence-base: the distributions over the next token in the second half of
 * every window of a text.
 *
 *     "_logits_", int32 window, int32 vocabulary, int32 windows, int32 tokens[windows][window],
 *     rows[windows][window - 1 - window / 2]: those of tokens window / 2 .. window - 2 of each window,
 *         float scale, float least, uint16 steps[vocabulary], and one more of them where that is odd
 *
 * little-endian. A log-probability is least + scale x step. `scale` is what the row's logits span, cut at 16 below the
 * largest, over 65535; a smaller logit has step 0. So a log-probability above -16 is right within scale / 2. */
#ifndef ASSAY_GOLDEN_LOGITS_BASE_H
#define ASSAY_GOLDEN_LOGITS_BASE_H

#include "golden/golden.h"

/* Log-probabilities up to this one are told from nothing: llama-perplexity leaves them out of the divergence, and what
 * is cut lies below. */
#define LOGITS_BASE_LEAST (-16.0)

struct logits_base;

/* The file appears, whole, at logits_base_commit only. `ids` [windows][window] are copied. `window` at least 3. */
struct logits_base *logits_base_create(const char *path, size_t window, size_t vocabulary, size_t windows,
                                       const int *const *ids, struct error *error);

/* The logits [vocabulary] of a token of a window; of other tokens than the file keeps, nothing is done. In any order.
 */
bool logits_base_put(struct logits_base *base, size_t window, size_t token, const float *logits, struct error *error);

/* Both end the object. A row that never came is an error. */
bool logits_base_commit(struct logits_base *base, struct error *error);
void logits_base_discard(struct logits_base *base);

#endif
