/* Names and their values, scope in scope. */
#ifndef ASSAY_JINJA_BINDINGS_H
#define ASSAY_JINJA_BINDINGS_H

#include "jinja/node.h"

struct binding {
    struct text name;
    struct value value;
    struct binding *next;
};

struct scope {
    struct scope *parent;
    struct binding *bindings;
};

/* NULL: it is too much. */
struct scope *scope_new(struct machine *machine, struct scope *parent);
/* In the current scope. */
bool scope_bind(struct machine *machine, struct text name, const struct value *value);
/* In the current scope or around it; NULL: not there, or an error is set. A hidden one is VALUE_ABSENT. */
const struct binding *scope_find(struct machine *machine, struct text name);
/* Makes the current scope begin with these names, not set. */
bool scope_hide(struct machine *machine, const struct hidden *hidden);

#endif
