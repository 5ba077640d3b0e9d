/* Filters over sequences. */
#ifndef ASSAY_JINJA_SERIES_H
#define ASSAY_JINJA_SERIES_H

#include "jinja/call.h"

/* `arguments` are in the order of the row's parameters. */
typedef bool filter_run(struct machine *machine, const struct value *value, const struct value *arguments,
                        struct value *out);
/* Takes any arguments. */
typedef bool filter_open(struct machine *machine, const struct value *value, const struct call *call,
                         struct value *out);
filter_run filter_first, filter_last, filter_list, filter_join, filter_sort, filter_dictsort, filter_unique, filter_min,
    filter_items;
filter_open filter_reject, filter_selectattr, filter_rejectattr;

/* make_attrgetter: "a.b.0", each part an item or an attribute; VALUE_ABSENT: the item itself. `otherwise`, where given:
 * in place of what is undefined. */
bool series_attribute(struct machine *machine, const struct value *item, const struct value *attribute,
                      const struct value *otherwise, struct value *out);

#endif
