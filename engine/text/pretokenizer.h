/* The pre-tokenizer of a tokenizer file: cuts a text into words. Private to engine/text. */
#ifndef ASSAY_TEXT_PRETOKENIZER_H
#define ASSAY_TEXT_PRETOKENIZER_H

#include "base/json.h"

/* Start with {0}. */
struct pretokenizer {
    struct pretokenizer_step *steps;
    size_t count;
    size_t capacity;
    bool byte_level; /* a ByteLevel was seen */
};

/* `json`: the value of "pre_tokenizer". Without a ByteLevel in it, it is refused: such a model works on characters. */
bool pretokenizer_load(struct pretokenizer *pretokenizer, const char *where, const cJSON *json, struct error *error);
void pretokenizer_free(struct pretokenizer *pretokenizer);

/* Gets one word, as bytes, never empty. */
typedef bool pretokenizer_word(void *context, const char *bytes, size_t size, struct error *error);

/* The text must be valid UTF-8. */
bool pretokenizer_apply(struct pretokenizer *pretokenizer, const char *text, size_t size, pretokenizer_word *word,
                        void *context, struct error *error);

#endif
