/* What methods and filters of strings do. */
#ifndef ASSAY_JINJA_STRINGS_H
#define ASSAY_JINJA_STRINGS_H

#include "jinja/value.h"

/* how: u(pper), l(ower), c(apitalize), t(itle) */
bool string_case(struct machine *machine, struct text text, char how, struct value *out);
/* str.strip: white space, or these characters, at the ends that are named. */
bool string_strip(struct machine *machine, struct text text, const struct text *characters, bool left, bool right,
                  struct value *out);
/* At most `most` of them; -1: all. */
bool string_replace(struct machine *machine, struct text text, struct text old, struct text new, int64_t most,
                    struct value *out);
/* str.splitlines. */
bool string_lines(struct machine *machine, struct text text, struct list **out);
/* str.split: separator NULL: at white space; most -1: everywhere. */
bool string_split(struct machine *machine, struct text text, const struct text *separator, int64_t most,
                  struct list **out);
bool string_join(struct machine *machine, struct text separator, const struct list *items, struct value *out);

#endif
