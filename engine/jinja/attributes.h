#ifndef ASSAY_JINJA_ATTRIBUTES_H
#define ASSAY_JINJA_ATTRIBUTES_H

#include "jinja/value.h"

/* from[key], and from.name; undefined where it has none. */
bool value_item(struct machine *machine, const struct value *from, const struct value *key, struct value *out);
bool value_attribute(struct machine *machine, const struct value *from, struct text name, struct value *out);

#endif
