/* What a judge model finds unlikely in texts, token by token: evidence of form, and whether sentences belong together.
 *
 * The judge reads what its tokenizer's template puts before a text (BOS), a line break, and the text, without its
 * prompt: in pieces of WITNESS_PIECE tokens behind WITNESS_BEFORE of the text before, so that the time is linear; and
 * each sentence once more by itself. */
#ifndef ASSAY_TEXTS_WITNESS_H
#define ASSAY_TEXTS_WITNESS_H

#include "quality/surprise.h"
#include "run/subject.h"

#define WITNESS_PIECE 448
#define WITNESS_BEFORE 64
#define WITNESS_SENTENCE 48 /* tokens: a longer sentence is cut */
#define WITNESS_TOKENS 4096 /* of a text that are read: its beginning */
#define WITNESS_BITS 1.5    /* bits per byte of plain English above which a judge says nothing of texts */

struct witness_text {
    const char *text;
    size_t size;
};

/* Fills `out` [count], each to be freed with surprise_free. `judge` is loaded here if it is not yet; shows progress.
 * `*knows`: bits per byte that plain English costs the judge; above WITNESS_BITS `out` stays empty, for what surprises
 * such a judge is no evidence. Errors: those of relevance_measure. */
bool witness_surprise(struct subject *judge, const struct witness_text *texts, size_t count, struct surprise *out,
                      double *knows, struct error *error);
/* The same of any judge, whatever it knows; it must be loaded. */
bool witness_read(struct subject *judge, const struct witness_text *texts, size_t count, struct surprise *out,
                  struct error *error);
void surprise_free(struct surprise *surprise);

#endif
