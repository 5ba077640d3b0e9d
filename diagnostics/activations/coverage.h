/* Which experts did the compared tokens go through? What none of them used is not proved by any comparison. */
#ifndef ASSAY_ACTIVATIONS_COVERAGE_H
#define ASSAY_ACTIVATIONS_COVERAGE_H

#include "findings/finding.h"
#include "limits/limits.h"
#include "run/run.h"

struct coverage;

/* `config` is borrowed until coverage_free. */
struct coverage *coverage_new(const struct model_config *config, struct error *error);
void coverage_free(struct coverage *coverage);

/* Counts the experts that the router logits of a part choose; ignores other points. NULL: nothing. */
bool coverage_see(struct coverage *coverage, const struct part *part, struct error *error);

/* Adds layers.experts, a warning where the limit is exceeded, with a place for each such layer; nothing for a model
 * without experts. `proved`: why experts need no token to be proved, NULL when they do.
 * `suspect`: something fails although every module that was compared is good. */
bool coverage_report(const struct coverage *coverage, const struct limits *limits, const char *proved, bool suspect,
                     struct findings *findings, struct error *error);

#endif
