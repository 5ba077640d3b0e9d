/* Methods of strings. */
#ifndef ASSAY_JINJA_TEXT_METHODS_H
#define ASSAY_JINJA_TEXT_METHODS_H

#include "jinja/value.h"

typedef bool method_run(struct machine *machine, const struct value *self, const struct value *arguments,
                        struct value *out);
method_run method_startswith, method_endswith, method_strip, method_lstrip, method_rstrip, method_split, method_replace,
    method_format, method_capitalize, method_title;

#endif
