/* Strings, lists and their kind as sequences. */
#ifndef ASSAY_JINJA_SEQUENCE_H
#define ASSAY_JINJA_SEQUENCE_H

#include "jinja/value.h"

/* What `for` goes through; a generator is used up. */
bool value_items(struct machine *machine, const struct value *value, struct list **out);
bool value_length(struct machine *machine, const struct value *value, int64_t *out); /* -1: has none */
bool value_contains(struct machine *machine, const struct value *in, const struct value *item, bool *out);
/* from[bounds]: start, stop, step; VALUE_ABSENT where left out. */
bool value_slice(struct machine *machine, const struct value *from, const struct value bounds[3], struct value *out);
/* from[index]; an undefined value beyond its ends. */
bool value_at(struct machine *machine, const struct value *from, int64_t index, struct value *out);
/* At most JINJA_RANGE_MOST items. */
bool value_range(struct machine *machine, int64_t start, int64_t stop, int64_t step, struct value *out);

/* (key, value) of each. */
bool dict_pairs(struct machine *machine, const struct dict *dict, struct list **out);

#endif
