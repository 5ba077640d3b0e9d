/* Places of the checks of a vocabulary, and the tokens that they name. */
#ifndef ASSAY_HEALTH_VOCABULARY_PLACE_H
#define ASSAY_HEALTH_VOCABULARY_PLACE_H

#include "health/vocabulary_internal.h"

/* A token for a message: "'Ġthe' (262)". */
#define TOKEN_LABEL 128
const char *token_label(const struct tokenizer *tokenizer, int id, char *label);

/* Adds a place of a check: `token` -1 and `table` NULL: none. NULL: out of memory, which it says. */
struct finding *vocabulary_place(struct vocabulary *vocabulary, const char *check, enum verdict verdict, int token,
                                 const struct row_profile *table);

#endif
