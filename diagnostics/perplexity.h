/* Perplexity of a text over sliding windows, by the rule of Hugging Face's guide ("Perplexity of fixed-length models"):
 * windows of `context` tokens begin at 0, stride, 2 stride ...; each scores the tokens that no earlier window scored,
 * all of them conditioned on what precedes them in the window; the first token of the text is never scored, nor is the
 * first of a window that nothing precedes (stride = context). */
#ifndef ASSAY_DIAGNOSTICS_PERPLEXITY_H
#define ASSAY_DIAGNOSTICS_PERPLEXITY_H

#include "diagnostics/limits.h"
#include "diagnostics/run.h"
#include "diagnostics/subject.h"
#include "findings/finding.h"
#include "golden/golden.h"

struct perplexity;

/* Reads and encodes the text (with what the tokenizer's template adds). context 0: 512, or the whole text if it is
 * shorter; stride 0: half the context. Fewer than two tokens are an error. */
struct perplexity *perplexity_new(const struct subject *subject, const char *text_path, size_t context, size_t stride,
                                  struct error *error);
void perplexity_free(struct perplexity *perplexity);

/* Puts the windows on a run. */
bool perplexity_add(struct perplexity *perplexity, struct run *run, struct error *error);

/* Adds the finding perplexity: judged against gold that records the same text, windows and ids (`golden` may be NULL);
 * else it is a measurement, and passes if it is finite. */
bool perplexity_report(const struct perplexity *perplexity, const struct golden *golden, const struct limits *limits,
                       struct findings *findings, struct error *error);

#endif
