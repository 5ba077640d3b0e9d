/* Filters. */
#ifndef ASSAY_JINJA_FILTERS_H
#define ASSAY_JINJA_FILTERS_H

#include "jinja/call.h"

bool filter_known(struct text name); /* to Jinja */
/* value | name(call); an error for one that is known but not understood. */
bool filter_apply(struct machine *machine, struct text name, const struct value *value, const struct call *call,
                  struct value *out);

#endif
