/* Perplexity of a text over sliding windows, by the rule of Hugging Face's guide ("Perplexity of fixed-length models"):
 * windows of `context` tokens begin at 0, stride, 2 stride ...; each scores the tokens that no earlier window scored,
 * all of them conditioned on what precedes them in the window; the first token of the text is never scored, nor is the
 * first of a window that nothing precedes (stride = context). */
#ifndef ASSAY_ACTIVATIONS_PERPLEXITY_H
#define ASSAY_ACTIVATIONS_PERPLEXITY_H

#include "findings/finding.h"
#include "golden/golden.h"
#include "limits/limits.h"
#include "run/run.h"
#include "run/subject.h"

struct perplexity;

struct perplexity_request {
    const struct subject *subject;
    const char *text;              /* path */
    size_t context, stride;        /* 0: those of a dump that records the text; else 512 or the whole text, and half */
    struct golden *const *goldens; /* borrowed until perplexity_free; any of them may record the text */
    size_t golden_count;
};

/* Reads and encodes the text (with what the tokenizer's template adds). Fewer than two tokens are an error. */
struct perplexity *perplexity_new(const struct perplexity_request *request, struct error *error);
void perplexity_free(struct perplexity *perplexity);

/* The dump that records this text with these windows and as many ids; NULL: none. */
const struct golden *perplexity_golden(const struct perplexity *perplexity);

/* Puts the windows on a run. */
bool perplexity_add(struct perplexity *perplexity, struct run *run, struct error *error);

/* Adds the finding `check`: judged against perplexity_golden; else it is a measurement, which passes if it is finite,
 * and warns when a dump records a text but not this one in these windows. */
bool perplexity_report(const struct perplexity *perplexity, const char *check, const struct limits *limits,
                       struct findings *findings, struct error *error);

#endif
