/* The normalizer of a tokenizer file. Private to engine/text. */
#ifndef ASSAY_TEXT_NORMALIZER_H
#define ASSAY_TEXT_NORMALIZER_H

#include "base/buffer.h"
#include "base/json.h"

/* Start with {0}. */
struct normalizer {
    struct normalizer_step *steps;
    size_t count;
    size_t capacity;
    struct buffer scratch[2];
    struct unicode_scratch *forms;
};

/* `json`: the value of "normalizer", NULL for none. Borrows nothing. */
bool normalizer_load(struct normalizer *normalizer, const char *where, const cJSON *json, struct error *error);
void normalizer_free(struct normalizer *normalizer);

/* The name of the first of its steps that may make other than one character of one; NULL: there is none. */
const char *normalizer_moves(const struct normalizer *normalizer);

/* Before a text of so many bytes, whatever pieces of it are then normalized: what its patterns may do is bounded by it.
 */
void normalizer_begin(struct normalizer *normalizer, size_t size);

/* The result is the text itself where nothing changes, else the normalizer's own memory until the next call. The text
 * must be valid UTF-8. */
bool normalizer_apply(struct normalizer *normalizer, const char *text, size_t size, const char **result,
                      size_t *result_size, struct error *error);

#endif
