/* What people call what they dump, beside the paths of modules: one table, for all readers of arrays with names. */
#ifndef ASSAY_GOLDEN_SPELLING_H
#define ASSAY_GOLDEN_SPELLING_H

#include <stdbool.h>

#include "base/buffer.h"

enum spelled {
    SPELLED_PATH,   /* a path: of a module that is known, or of any other */
    SPELLED_IDS,    /* token ids */
    SPELLED_MASK,   /* which of them are no padding */
    SPELLED_STATE,  /* hidden state `number` of transformers: 0 is the embedding, N what layer N - 1 puts out */
    SPELLED_STATES, /* all of them, stacked */
    SPELLED_LAYER,  /* layer `number`, counted from 0 or from 1: the name does not say */
};

struct spelling {
    enum spelled kind;
    int number;       /* -1: none */
    const char *path; /* of a module, as this project spells it; borrowed from the table or the buffer. NULL: no path */
    bool known;       /* it says what the array is; false: a path of a module that nothing is known of */
};

/* `name`: without the ending of a file. False: out of memory. */
bool spelling_of(const char *name, struct buffer *buffer, struct spelling *out);

/* Is it the name of token ids, logits or hidden states, as weights never are called? False too when memory runs out. */
bool spelling_is_gold(const char *name);

/* A module's path without what wrappers put before it ("thinker.", "language_model."). Borrowed from `buffer`; NULL:
 * out of memory. */
const char *spelling_unwrapped(const char *name, struct buffer *buffer);

#endif
