/* A fixed set of strings on which two tokenizers can be told apart. */
#ifndef ASSAY_ACTIVATIONS_TOKENS_STRINGS_H
#define ASSAY_ACTIVATIONS_TOKENS_STRINGS_H

#include "base/buffer.h"

#define TOKENS_STRINGS 500

/* Replaces what `out` holds by string `index` (below TOKENS_STRINGS), the same on every machine: single pieces of what
 * tokenizers are known to disagree on (white space, digits, contractions, scripts, normal forms, emoji, code, special
 * tokens), then two to five of them in a row. */
void tokens_string(size_t index, struct buffer *out);

#endif
