/* What the parts of vocabulary_check share. Private to vocabulary*.c. */
#ifndef ASSAY_HEALTH_VOCABULARY_INTERNAL_H
#define ASSAY_HEALTH_VOCABULARY_INTERNAL_H

#include "health/vocabulary.h"

#define IDS_CHECK "weights.vocabulary"
#define ROWS_CHECK "weights.embedding_rows"
#define NAMED_MAX 64 /* findings of single places for one kind of fault; all of them are counted */

/* What the id of a row is: of no token; of one that texts have; of one that the model may never have seen: an added
 * token, a byte that is no character, or one that no text becomes. */
enum kind { KIND_NONE, KIND_WORD, KIND_RARE };

struct vocabulary {
    const struct subject *subject;
    const struct row_profile *tables[2]; /* embedding and head; NULL: none. At least one is there */
    const struct row_profile *shortest;
    struct ids unused;    /* ids of padding and unknown: a library keeps their rows at zero */
    unsigned char *kinds; /* [kind_count]: enum kind of each row of the longer table */
    uint64_t kind_count;
    size_t unreached; /* tokens, not added, that no text becomes */
    struct findings *findings;
    struct error *error;
    uint64_t outside;   /* ids without a row: tokens, and special tokens of the configuration */
    size_t differences; /* what the files say of special tokens and does not agree */
    char end[160];      /* what is known of the token that ends a text */
    bool endless;       /* nothing: no file names one */
};

/* Fills `kinds` and `unreached`. */
bool vocabulary_kinds(struct vocabulary *vocabulary);

/* bos, eos, pad, unk as the files name them: adds places, and counts them in `outside` and `differences`. */
bool vocabulary_special(struct vocabulary *vocabulary);

/* Adds weights.embedding_rows. */
bool vocabulary_rows(struct vocabulary *vocabulary);

#endif
