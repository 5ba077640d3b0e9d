/* Continuing token ids, one token after the other, many sequences together: whoever does it says only which token comes
 * next. */
#ifndef ASSAY_RUN_DECODE_H
#define ASSAY_RUN_DECODE_H

#include "run/subject.h"

struct decode_prompt {
    const int *ids; /* borrowed */
    size_t count;   /* at least 1 */
    size_t most;    /* tokens to append */
};

/* Token `step` (0 .. most - 1) of prompt `which` is to come: `logits` [width] may be changed. Sets `*next`, which is
 * fed unless it was the last; false ends this prompt. */
typedef bool decode_choose(void *context, size_t which, size_t step, float *logits, size_t width, int *next);

/* The subject must be loaded. Sequences go together as RUN_BYTES allows; weights are kept in memory meanwhile. Shows
 * progress. */
bool decode(struct subject *subject, const struct decode_prompt *prompts, size_t count, const char *title,
            decode_choose *choose, void *context, struct error *error);

#endif
