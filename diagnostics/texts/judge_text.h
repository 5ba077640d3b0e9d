/* What a judge, a model that says how likely texts are, reads and says. Private to diagnostics/texts. */
#ifndef ASSAY_TEXTS_JUDGE_TEXT_H
#define ASSAY_TEXTS_JUDGE_TEXT_H

#include "run/subject.h"

/* Appends the ids. An id that the judge's vocabulary lacks is an error. */
bool judge_encode(const struct subject *judge, const char *text, size_t size, bool add_special, struct ids *ids,
                  struct error *error);

/* What the tokenizer's template puts before a text (BOS, or nothing). */
bool judge_begin(const struct subject *judge, struct ids *ids, struct error *error);

/* log2 of the probability of the id by logits [width]; an error where it is not finite, which `text` is named in. */
bool judge_bits(const struct subject *judge, const float *logits, size_t width, int id, const char *text, double *bits,
                struct error *error);

#endif
