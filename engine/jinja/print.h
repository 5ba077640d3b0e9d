/* Values as text: str and json.dumps. */
#ifndef ASSAY_JINJA_PRINT_H
#define ASSAY_JINJA_PRINT_H

#include "jinja/value.h"

bool value_print(struct machine *machine, const struct value *value, struct buffer *out); /* str() */
/* str() as a text. An error for a string marked as safe, of which nothing but + is understood. */
bool value_string_of(struct machine *machine, const struct value *value, struct text *out);
struct json_style {
    bool ascii, sorted, lines;
    struct text indent, item, key; /* between items; behind a key */
};
/* json.dumps at a level of nesting. */
bool value_json(struct machine *machine, const struct value *value, const struct json_style *style, int level,
                struct buffer *out);

#endif
