/* What stands behind a dot or in brackets: jinja2/environment.py, getattr and getitem. */
#include "jinja/attributes.h"

#include "jinja/loop.h"
#include "jinja/methods.h"
#include "jinja/sequence.h"
#include "jinja/value.h"

static bool fail_undefined(struct machine *machine, const struct value *value, const char *why)
{
    return machine_fail(machine, "'%.*s' is undefined, %s", (int)value->text.size, value->text.data, why);
}

/* Attributes that are no methods. */
static bool own_attribute(struct machine *machine, const struct value *from, struct text name, struct value *out)
{
    const struct value *member = from->kind == VALUE_NAMESPACE ? dict_member(machine, from->dict, name) : NULL;
    out->kind = VALUE_ABSENT;
    if (machine->error->text)
        return false;
    if (member)
        *out = *member;
    if (from->kind == VALUE_LOOP)
        return loop_attribute(machine, from->loop, name, out);
    if (from->kind == VALUE_MACRO || from->kind == VALUE_FUNCTION || from->kind == VALUE_METHOD)
        return machine_fail(machine, "'%.*s' of %s is not understood", (int)name.size, name.data, value_type(from));
    return member || method_find(machine, from, name, out);
}

/* What the sandbox hides is undefined. */
static bool is_hidden(struct text name)
{
    return name.size && name.data[0] == '_';
}

bool value_attribute(struct machine *machine, const struct value *from, struct text name, struct value *out)
{
    if (from->kind == VALUE_UNDEFINED)
        return fail_undefined(machine, from, "and has no attributes");
    if (from->kind == VALUE_MARKUP)
        return machine_fail(machine, "working on a string marked as safe is not understood");
    bool hidden = is_hidden(name);
    out->kind = VALUE_ABSENT;
    if (!hidden && !own_attribute(machine, from, name, out))
        return false;
    const struct value *member =
        out->kind == VALUE_ABSENT && from->kind == VALUE_DICT ? dict_member(machine, from->dict, name) : NULL;
    if (machine->error->text)
        return false;
    if (hidden && name.size > 1 && name.data[1] == '_')
        return machine_fail(machine, "'%.*s' is not understood", (int)name.size, name.data);
    if (member)
        *out = *member;
    else if (out->kind == VALUE_ABSENT)
        *out = value_undefined(name);
    return true;
}

bool value_item(struct machine *machine, const struct value *from, const struct value *key, struct value *out)
{
    int64_t index;
    bool sequence = from->kind == VALUE_STRING || from->kind == VALUE_LIST || from->kind == VALUE_TUPLE ||
                    from->kind == VALUE_RANGE;
    if (from->kind == VALUE_UNDEFINED)
        return fail_undefined(machine, from, "and has no items");
    if (from->kind == VALUE_MARKUP)
        return machine_fail(machine, "working on a string marked as safe is not understood");
    if (sequence && value_is_whole(key, &index))
        return value_at(machine, from, index, out);
    *out = value_undefined(TEXT("an item"));
    if (from->kind == VALUE_DICT && value_hashable(key)) {
        const struct value *member = dict_find(machine, from->dict, key);
        if (member)
            *out = *member;
        if (member || machine->error->text)
            return member;
    }
    if (key->kind != VALUE_STRING)
        return true;
    if (is_hidden(key->text) || !own_attribute(machine, from, key->text, out)) {
        *out = value_undefined(key->text);
        return !machine->error->text;
    }
    if (out->kind == VALUE_ABSENT)
        *out = value_undefined(key->text);
    return true;
}
