/* The tokens of a tokenizer, by id. */
#ifndef ASSAY_TEXT_TOKEN_TABLE_H
#define ASSAY_TEXT_TOKEN_TABLE_H

#include "text/tokenizer_internal.h"

/* The token with that id, or NULL. */
const struct token *tokenizer_find(const struct tokenizer *tokenizer, int id);

/* Sorts `tokens` by id; two with one id are an error. */
bool tokenizer_sort(struct tokenizer *tokenizer, struct error *error);

#endif
