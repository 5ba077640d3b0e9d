/* What `assay trace --lens` prints. */
#ifndef ASSAY_CLI_LENS_PRINT_H
#define ASSAY_CLI_LENS_PRINT_H

#include "activations/lens.h"
#include "golden/golden.h"

/* On stdout, for every case: behind each layer the most likely tokens with their scripts and probabilities, and the
 * rank and log-probability of the answer, which is the most likely token at the end. `cases` are those that were added
 * to the lens, in order. As text, or as one JSON document. */
bool lens_print(const struct lens *lens, const struct golden_case *cases, struct tokenizer *tokenizer, bool json,
                struct error *error);

#endif
