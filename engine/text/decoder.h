/* The decoder of a tokenizer file: makes a text of tokens. Private to engine/text. */
#ifndef ASSAY_TEXT_DECODER_H
#define ASSAY_TEXT_DECODER_H

#include "base/buffer.h"
#include "base/json.h"

/* Pieces of text, one behind the other in `text`; `ends` holds where each ends, and a piece may be empty. Start with
 * {0}. What did not fit in memory shows in `text.failed`. */
struct pieces {
    struct buffer text;
    size_t *ends;
    size_t count;
    size_t capacity;
};
void pieces_add(struct pieces *pieces, const char *text, size_t size);
void pieces_free(struct pieces *pieces);

/* Start with {0}: tokens with spaces between. */
struct decoder {
    struct decoder_step *steps;
    size_t count;
    size_t capacity;
    bool given;
};

/* `json`: the value of "decoder", NULL for none. Borrows nothing. */
bool decoder_load(struct decoder *decoder, const char *where, const cJSON *json, struct error *error);
void decoder_free(struct decoder *decoder);

/* Appends the text of the tokens, which are valid UTF-8 and are changed by it. On failure `out` is as it was. */
bool decoder_apply(const struct decoder *decoder, struct pieces *tokens, struct buffer *out, struct error *error);

#endif
