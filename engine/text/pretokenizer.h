/* The pre-tokenizer of a tokenizer file: cuts a text into words. Private to engine/text. */
#ifndef ASSAY_TEXT_PRETOKENIZER_H
#define ASSAY_TEXT_PRETOKENIZER_H

#include "base/json.h"

/* Start with {0}. */
struct pretokenizer {
    struct pretokenizer_step *steps;
    size_t count;
    size_t capacity;
    bool byte_level; /* a ByteLevel was seen: words are bytes, else they are text */
    bool metaspace;  /* a Metaspace was seen */
    bool first;      /* only what the text begins with gets a space in front: whence text comes must be known */
};

/* `json`: the value of "pre_tokenizer", NULL for none: then all of a text is one word. */
bool pretokenizer_load(struct pretokenizer *pretokenizer, const char *where, const cJSON *json, struct error *error);
void pretokenizer_free(struct pretokenizer *pretokenizer);

/* Gets one word, never empty. */
typedef bool pretokenizer_word(void *context, const char *bytes, size_t size, struct error *error);

/* As normalizer_begin. */
void pretokenizer_begin(struct pretokenizer *pretokenizer, size_t size);

/* The text must be valid UTF-8. `first`: nothing is before it in the text that it was cut from. */
bool pretokenizer_apply(struct pretokenizer *pretokenizer, const char *text, size_t size, bool first,
                        pretokenizer_word *word, void *context, struct error *error);

#endif
