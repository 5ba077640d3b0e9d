/* SentencePiece's map of texts, the normalizer Precompiled of a tokenizer.json. Private to engine/text. */
#ifndef ASSAY_TEXT_PRECOMPILED_H
#define ASSAY_TEXT_PRECOMPILED_H

#include "base/buffer.h"

struct precompiled;

/* `base64`: the value of "precompiled_charsmap". NULL on failure. */
struct precompiled *precompiled_load(const char *where, const char *base64, struct error *error);
void precompiled_free(struct precompiled *map);

/* Appends what becomes of the text, which must be valid UTF-8. */
bool precompiled_apply(const struct precompiled *map, const char *text, size_t size, struct buffer *out,
                       struct error *error);

#endif
