/* What Jinja calls tests: x is defined. */
#ifndef ASSAY_JINJA_PREDICATES_H
#define ASSAY_JINJA_PREDICATES_H

#include "jinja/call.h"

bool predicate_known(struct text name); /* to Jinja */
/* value is name(call); an error for one that is known but not understood. */
bool predicate_apply(struct machine *machine, struct text name, const struct value *value, const struct call *call,
                     bool *out);

#endif
