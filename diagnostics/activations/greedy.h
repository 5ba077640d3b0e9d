/* Does the subject write what the original writes? Greedy continuations, token by token through the cache. */
#ifndef ASSAY_ACTIVATIONS_GREEDY_H
#define ASSAY_ACTIVATIONS_GREEDY_H

#include "findings/finding.h"
#include "golden/golden.h"
#include "limits/limits.h"
#include "run/subject.h"

/* Adds the finding greedy, with a place for each case that differs: the first differing token and its margin, and the
 * first token whose logits are not all finite, which fails whatever was decoded. As many cases are decoded together as
 * RUN_BYTES allows. A difference is a near-tie, which only warns, where the two tokens and few others lie within what
 * float32 cannot tell of logits spread as gold's are. The subject must be loaded. */
bool greedy_check(struct subject *subject, const struct golden *golden, const struct limits *limits,
                  struct findings *findings, struct error *error);

/* The same for the continuations that two dumps record; `*compared`: of how many cases. A dump holds no logits of the
 * steps, so near-ties are not told apart. */
bool greedy_check_dump(const struct golden *golden, const struct golden *subject, const struct limits *limits,
                       size_t *compared, struct findings *findings, struct error *error);

#endif
