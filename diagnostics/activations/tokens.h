/* Does the subject's tokenizer read the prompts as gold did? */
#ifndef ASSAY_ACTIVATIONS_TOKENS_H
#define ASSAY_ACTIVATIONS_TOKENS_H

#include "findings/finding.h"
#include "golden/golden.h"
#include "run/subject.h"

/* Adds tokens.ids: every prompt that gold records is encoded and compared with its ids. */
bool tokens_check(const struct subject *subject, const struct golden *golden, struct findings *findings,
                  struct error *error);

/* Adds tokens.source where a second tokenizer is at hand (subject_second_tokenizer): both encode a fixed set of strings
 * (tokens_strings.h), and every string that gets other ids is one too many. Nothing else. */
bool tokens_check_source(const struct subject *subject, struct findings *findings, struct error *error);

/* Adds tokens.reader, a warning, when there is a tokenizer that cannot be read, or is read by other rules than its
 * file's; nothing else. */
bool tokens_check_reader(const struct subject *subject, struct findings *findings, struct error *error);

#endif
