/* What does the subject write? Greedy continuations of a suite's prompts, gold or not. */
#ifndef ASSAY_DIAGNOSTICS_PROMPTS_H
#define ASSAY_DIAGNOSTICS_PROMPTS_H

#include "diagnostics/subject.h"
#include "findings/finding.h"

/* Adds the finding prompts with every continuation as a place; it fails where logits are not finite. */
bool prompts_check(struct subject *subject, char *const *prompts, size_t count, size_t new_tokens,
                   struct findings *findings, struct error *error);

#endif
