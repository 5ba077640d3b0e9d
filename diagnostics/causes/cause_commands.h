/* What a reader of a cause may run. */
#ifndef ASSAY_CAUSES_CAUSE_COMMANDS_H
#define ASSAY_CAUSES_CAUSE_COMMANDS_H

#include "causes/causes.h"

/* Adds "commands.repeat", the check that shows what the departures do, "commands.confirm", the whole check with them,
 * "commands.repair", which writes the model with them, where one command can, and "commands.recheck", which checks what
 * was mended so, or by hand. Of a configuration also "now.KEY" and "should_be.KEY". False: out of memory. */
bool commands_add(const struct causes_request *request, const struct hypothesis *hypotheses, size_t count,
                  struct finding *finding);
/* The same of what is likely: the check that shows how bad it is, and what would prove it, with the original in place
 * of ORIGINAL. */
bool commands_add_likely(const struct causes_request *request, struct finding *finding);

#endif
