/* What makes tokens of the words that a pre-tokenizer cuts: the "model" of a tokenizer.json. Private to engine/text. */
#ifndef ASSAY_TEXT_WORD_MODEL_H
#define ASSAY_TEXT_WORD_MODEL_H

#include "base/json.h"
#include "base/map.h"

struct token {
    int id;
    bool special;     /* what skip_special leaves out */
    bool added;       /* among the added tokens */
    const char *text; /* as it is decoded; borrowed */
};

/* What a model is made of: `vocab`, with the texts of the tokens, and `scores` outlive it. */
struct word_source {
    const char *where;       /* begins the error messages */
    const cJSON *json;       /* the "model" */
    const struct map *vocab; /* token, as it is spelled -> id */
    const struct token *tokens;
    size_t count;         /* of the tokens, which are in the order of their ids */
    const double *scores; /* by id, where the vocabulary is a list, which has no gaps; finite; else NULL */
    size_t longest;       /* token, in bytes */
    bool bytes;           /* words are bytes, and tokens are spelled in the byte-level alphabet; else both are text */
};

struct word_model_type {
    const char *name; /* its "type" */
    bool listed;      /* the vocabulary is a list of [token, score], whose ids are their places; else {token: id} */
    bool bytes;       /* takes words that are bytes, too */
    /* NULL on failure. */
    void *(*load)(const struct word_source *source, struct error *error);
    /* Appends the ids of one word, which is not empty, and valid UTF-8 unless it is bytes. */
    bool (*encode)(void *model, const char *word, size_t size, struct ids *out, struct error *error);
    void (*free)(void *model); /* takes NULL */
};

extern const struct word_model_type bpe_model, scored_model, unigram_model, word_piece_model, word_level_model;

/* The ids of <0x00> to <0xFF>, -1 where there is none. */
void byte_tokens(const struct map *vocab, int ids[256]);

#endif
