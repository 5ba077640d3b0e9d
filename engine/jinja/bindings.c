#include "jinja/bindings.h"

#include "jinja/node.h"
#include "jinja/value.h"

bool scope_bind(struct machine *machine, struct text name, const struct value *value)
{
    size_t looked = 0;
    struct binding *binding = machine->scope->bindings;
    for (; binding && !text_equal(binding->name, name); binding = binding->next)
        looked++;
    if (!machine_spend_names(machine, looked + 1, name))
        return false;
    if (binding) {
        binding->value = *value;
        return true;
    }
    binding = machine_take(machine, sizeof *binding);
    if (!binding)
        return false;
    *binding = (struct binding){name, *value, machine->scope->bindings};
    machine->scope->bindings = binding;
    return true;
}

struct scope *scope_new(struct machine *machine, struct scope *parent)
{
    struct scope *scope = machine_take(machine, sizeof *scope);
    if (scope)
        scope->parent = parent;
    return scope;
}

bool scope_hide(struct machine *machine, const struct hidden *hidden)
{
    for (; hidden; hidden = hidden->next)
        if (!scope_bind(machine, hidden->name, &(struct value){.kind = VALUE_ABSENT}))
            return false;
    return true;
}

const struct binding *scope_find(struct machine *machine, struct text name)
{
    size_t looked = 0;
    for (const struct scope *scope = machine->scope; scope; scope = scope->parent)
        for (const struct binding *binding = scope->bindings; binding; binding = binding->next, looked++)
            if (text_equal(binding->name, name))
                return machine_spend_names(machine, looked + 1, name) ? binding : NULL;
    return machine_spend_names(machine, looked, name), NULL;
}
