/* The vocabulary against the tables that have a row for each token: does every id that can occur have a row, do the
 * files agree on the special tokens, and does a row that a token has look as if it had been trained with it? */
#ifndef ASSAY_HEALTH_VOCABULARY_H
#define ASSAY_HEALTH_VOCABULARY_H

#include "findings/finding.h"
#include "health/scan.h"
#include "run/subject.h"

/* Adds weights.vocabulary (ids, special tokens) and weights.embedding_rows (the rows); both are skipped, with the
 * reason, where there is no tokenizer or no table. `embedding` NULL: absent; `head` NULL: tied or absent. False: out of
 * memory, or the tokenizer cannot encode the text of one of its tokens. */
bool vocabulary_check(const struct subject *subject, const struct row_profile *embedding,
                      const struct row_profile *head, struct findings *findings, struct error *error);

#endif
