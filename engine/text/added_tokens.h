/* Added tokens: found in a text before anything else looks at it. Private to engine/text. */
#ifndef ASSAY_TEXT_ADDED_TOKENS_H
#define ASSAY_TEXT_ADDED_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct added_token {
    char *content;            /* as the file spells it */
    char *normalized_content; /* what the normalizer makes of it, NULL where that is the same */
    int id;
    bool single_word; /* only where no word character touches it */
    bool lstrip;      /* takes the white space on its left with it */
    bool rstrip;
    bool normalized; /* looked for in the normalized text, else in the text as it comes */
    bool special;
    bool unseen; /* looked for nowhere */
};

/* The tokens of one pass, ready to be searched. Start with {0}. */
struct added_set {
    const struct added_token **sorted; /* by the bytes looked for */
    size_t *sizes;
    size_t count;
    size_t first[257]; /* first[b] .. first[b + 1]: the tokens that begin with byte b */
};

/* Takes the tokens whose `normalized` is as given and that are not empty. Two that look for the same bytes are an
 * error: the original then picks one at random. `tokens` must outlive the set. */
bool added_set_build(struct added_set *set, const char *where, const struct added_token *tokens, size_t count,
                     bool normalized, struct error *error);
void added_set_free(struct added_set *set);

/* Gets a piece: `token` is NULL for plain text (never empty), else the text is the token's. */
typedef bool added_piece(void *context, const struct added_token *token, const char *text, size_t size,
                         struct error *error);

/* Cuts the text: the leftmost token wins, then the longest. The quirks of the original are kept: text that a token with
 * `rstrip` took is searched again, so that a token inside it appears twice. The text must be valid UTF-8. */
bool added_split(const struct added_set *set, const char *text, size_t size, added_piece *piece, void *context,
                 struct error *error);

#endif
