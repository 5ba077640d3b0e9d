/* Loops at work. jinja2/runtime.py, LoopContext. */
#ifndef ASSAY_JINJA_LOOP_H
#define ASSAY_JINJA_LOOP_H

#include "jinja/node.h"

struct loop;
struct scope;

/* Does the loop's condition let the item pass? It is an expression, which stands above loops. */
typedef bool loop_passes(struct machine *machine, const struct loop *loop, const struct value *item, bool *out);

/* A loop at work. What stands behind the next item is looked for only when it is asked for, as LoopContext does. */
struct loop {
    const struct node *node;
    struct scope *scope; /* around the loop */
    loop_passes *passes; /* NULL: there is no condition */
    struct list *list;
    size_t *at, own_at;
    size_t index; /* of the current item, from 0 */
    size_t length;
    bool settled; /* the length is known, and the condition was asked for all items of the list */
    struct value before, current, after;
};

/* Goes to the next item; `current` is VALUE_ABSENT behind the last. */
bool loop_next(struct machine *machine, struct loop *loop);
/* loop.NAME; VALUE_ABSENT: there is no such attribute. */
bool loop_attribute(struct machine *machine, struct loop *loop, struct text name, struct value *out);

#endif
