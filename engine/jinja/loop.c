#include "jinja/loop.h"

#include "jinja/call.h"

/* The next item that the condition lets pass; VALUE_ABSENT: there is none. */
static bool loop_fetch(struct machine *machine, struct loop *loop, struct value *out)
{
    bool passes = true;
    while (*loop->at < loop->list->count) {
        *out = loop->list->items[(*loop->at)++];
        if (!loop->passes || loop->settled)
            return true;
        if (!loop->passes(machine, loop, out, &passes))
            return false;
        if (passes)
            return true;
    }
    out->kind = VALUE_ABSENT;
    return true;
}

static bool loop_peek(struct machine *machine, struct loop *loop)
{
    return loop->after.kind != VALUE_ABSENT || loop_fetch(machine, loop, &loop->after);
}

/* Where a condition or a generator hides it, what is left is made a list first. */
static bool loop_length(struct machine *machine, struct loop *loop, int64_t *out)
{
    struct value item;
    bool open = !loop->settled && (loop->passes || loop->at != &loop->own_at);
    if (!loop->settled && !open)
        loop->length = loop->list->count;
    if (open) {
        struct list *rest = list_new(machine);
        do {
            if (!rest || !loop_fetch(machine, loop, &item) ||
                (item.kind != VALUE_ABSENT && !list_push(machine, rest, &item)))
                return false;
        } while (item.kind != VALUE_ABSENT);
        loop->length = rest->count + loop->index + 1 + (loop->after.kind != VALUE_ABSENT);
        loop->list = rest;
        loop->at = &loop->own_at;
        loop->own_at = 0;
    }
    loop->settled = true;
    *out = (int64_t)loop->length;
    return true;
}

static bool loop_cycle(struct machine *machine, const struct call *call, struct value *out)
{
    (void)call;
    (void)out;
    return machine_fail(machine, "cycle and changed of a loop are not understood");
}

bool loop_attribute(struct machine *machine, struct loop *loop, struct text name, struct value *out)
{
    static const struct function_row unknown = {"loop.cycle", loop_cycle};
    static const char *const counts[] = {"index", "index0", "length", "revindex", "revindex0", NULL};
    int64_t length = 0, index = (int64_t)loop->index;
    size_t which = 0;
    while (counts[which] && !text_is(name, counts[which]))
        which++;
    if (which >= 2 && counts[which] && !loop_length(machine, loop, &length))
        return false;
    const int64_t values[] = {index + 1, index, length, length - index, length - index - 1};
    if (counts[which])
        return *out = value_integer(values[which]), true;
    if (text_is(name, "first"))
        return *out = value_bool(index == 0), true;
    if (text_is(name, "depth") || text_is(name, "depth0"))
        return *out = value_integer(name.size == 5), true;
    if (text_is(name, "cycle") || text_is(name, "changed"))
        return *out = (struct value){.kind = VALUE_FUNCTION, .function = &unknown}, true;
    if (text_is(name, "previtem"))
        return *out = index ? loop->before : value_undefined(name), true;
    out->kind = VALUE_ABSENT;
    if (!text_is(name, "last") && !text_is(name, "nextitem"))
        return true;
    if (!loop_peek(machine, loop))
        return false;
    bool none = loop->after.kind == VALUE_ABSENT;
    *out = text_is(name, "last") ? value_bool(none) : none ? value_undefined(name) : loop->after;
    return true;
}

bool loop_next(struct machine *machine, struct loop *loop)
{
    loop->before = loop->current;
    if (loop->after.kind == VALUE_ABSENT && !loop_fetch(machine, loop, &loop->after))
        return false;
    loop->current = loop->after;
    loop->after.kind = VALUE_ABSENT;
    return true;
}
