/* Methods of strings and dicts. */
#ifndef ASSAY_JINJA_METHODS_H
#define ASSAY_JINJA_METHODS_H

#include "jinja/call.h"

/* What Python has under that name; `*out` is VALUE_ABSENT where it has nothing. */
bool method_find(struct machine *machine, const struct value *self, struct text name, struct value *out);
/* An error for one that Python has and this has not. */
bool method_call(struct machine *machine, const struct method *method, const struct call *call, struct value *out);

#endif
