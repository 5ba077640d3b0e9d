/* Is this gold of this configuration? A difference is a finding, and the rest is compared all the same. */
#ifndef ASSAY_ACTIVATIONS_GOLD_CONFIG_H
#define ASSAY_ACTIVATIONS_GOLD_CONFIG_H

#include "findings/finding.h"
#include "golden/golden.h"
#include "run/subject.h"

/* Makes gold ready to be compared with the subject: what its names mean (golden_settle), how its windows begin, and
 * what of it is for this configuration. Adds config.gold, as gold_check_config does. */
bool gold_fit(struct golden *golden, const struct subject *subject, bool quiet, struct findings *findings,
              struct error *error);

/* Makes gold ready to be compared with a subject of that configuration (golden_restrict) and adds config.gold: it fails
 * where other numbers come of a difference; warns where one of the two has rows, experts or layers that the other has
 * not, or where the weights alone could tell and `store` (NULL: a dump) has them not; and passes where all that differs
 * computes nothing, with a note. `quiet`: nothing is added unless there is a difference. Nor is there without a
 * recorded configuration. An error: gold contradicts itself. */
bool gold_check_config(struct golden *golden, const struct model_config *config, const struct store *store, bool quiet,
                       struct findings *findings, struct error *error);

#endif
