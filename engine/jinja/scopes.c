/* Which names hide the variables of the same name: jinja2/idtracking.py.
 *
 * Jinja decides before it renders where a name is looked up. A name that a scope sets, and that was not read before at
 * that level, is not set from the scope's beginning on, whatever variable has that name: a loop in front of the
 * assignment reads an undefined value. But if a condition stands around the assignment, it is what it is outside. */
#include "jinja/scopes.h"

#include <string.h>

enum load { LOAD_OUTSIDE, LOAD_NOTHING, LOAD_PARAMETER };

struct symbol {
    struct text name;
    enum load load;
    bool stored;
};

struct symbols {
    const struct symbols *parent;
    struct symbol *items;
    size_t count, capacity;
    int branches; /* conditions at work */
};

static bool visit(struct machine *machine, const struct node *node, struct symbols *symbols);
static bool scope_inside(struct machine *machine, struct node *nodes, const struct symbols *symbols);

static bool visit_list(struct machine *machine, const struct node *nodes, struct symbols *symbols)
{
    for (; nodes; nodes = nodes->next)
        if (!visit(machine, nodes, symbols))
            return false;
    return true;
}

static struct symbol *find(struct machine *machine, const struct symbols *symbols, struct text name)
{
    if (!machine_spend(machine, 1) || !machine_spend_names(machine, symbols->count, name))
        return NULL;
    for (size_t i = 0; i < symbols->count; i++)
        if (text_equal(symbols->items[i].name, name))
            return &symbols->items[i];
    return NULL;
}

/* In the scope or around it? */
static bool is_known(struct machine *machine, const struct symbols *symbols, struct text name)
{
    for (; symbols; symbols = symbols->parent)
        if (find(machine, symbols, name))
            return true;
    return false;
}

static bool define(struct machine *machine, struct symbols *symbols, struct text name, enum load load, bool stored)
{
    struct symbol *symbol = find(machine, symbols, name);
    if (!symbol) {
        if (symbols->count == symbols->capacity) {
            size_t capacity = symbols->capacity ? 2 * symbols->capacity : 8;
            struct symbol *items = machine_take(machine, capacity * sizeof *items);
            if (!items)
                return false;
            if (symbols->count)
                memcpy(items, symbols->items, symbols->count * sizeof *items);
            symbols->items = items;
            symbols->capacity = capacity;
        }
        symbol = &symbols->items[symbols->count++];
        *symbol = (struct symbol){.name = name};
    }
    symbol->load = load;
    symbol->stored = symbol->stored || stored;
    return !machine->error->text;
}

static bool load(struct machine *machine, struct symbols *symbols, struct text name)
{
    return is_known(machine, symbols, name) || define(machine, symbols, name, LOAD_OUTSIDE, false);
}

static bool store(struct machine *machine, struct symbols *symbols, struct text name)
{
    struct symbol *symbol = find(machine, symbols, name);
    if (symbol)
        return symbol->stored = true;
    bool outside = symbols->branches || (symbols->parent && is_known(machine, symbols->parent, name));
    return define(machine, symbols, name, outside ? LOAD_OUTSIDE : LOAD_NOTHING, true);
}

/* The names of a target; those of namespaces are read. */
static bool visit_target(struct machine *machine, const struct node *target, struct symbols *symbols, bool parameter)
{
    if (target->kind == NODE_NAMESPACE_TARGET)
        return load(machine, symbols, target->text);
    if (target->kind == NODE_NAME)
        return parameter ? define(machine, symbols, target->text, LOAD_PARAMETER, true)
                         : store(machine, symbols, target->text);
    for (const struct node *item = target->items; item; item = item->next)
        if (!visit_target(machine, item, symbols, parameter))
            return false;
    return true;
}

static bool visit_if(struct machine *machine, const struct node *node, struct symbols *symbols)
{
    if (!visit(machine, node->a, symbols))
        return false;
    symbols->branches++;
    bool good = visit_list(machine, node->body, symbols) && visit_list(machine, node->otherwise, symbols);
    symbols->branches--;
    return good;
}

/* --- statements and expressions --- */

static bool visit_kind(struct machine *machine, const struct node *node, struct symbols *symbols)
{
    switch (node->kind) {
    case NODE_NAME:
        return load(machine, symbols, node->text);
    case NODE_IF:
        return visit_if(machine, node, symbols);
    case NODE_MACRO:
        return store(machine, symbols, node->text);
    case NODE_SET:
        return visit(machine, node->b, symbols) && visit_target(machine, node->a, symbols, false);
    case NODE_SET_BLOCK:
        return visit_target(machine, node->a, symbols, false);
    case NODE_FOR:
        return visit(machine, node->b, symbols);
    case NODE_WITH:
        for (const struct node *pair = node->items; pair; pair = pair->next)
            if (!visit(machine, pair->b, symbols))
                return false;
        return true;
    case NODE_SCOPE:
        return true;
    default:
        return (!node->a || visit(machine, node->a, symbols)) && (!node->b || visit(machine, node->b, symbols)) &&
               (!node->c || visit(machine, node->c, symbols)) && visit_list(machine, node->items, symbols);
    }
}

static bool visit(struct machine *machine, const struct node *node, struct symbols *symbols)
{
    machine->line = node->line;
    if (!machine_enter(machine))
        return false;
    bool good = machine_spend(machine, 1) && visit_kind(machine, node, symbols);
    machine->depth--;
    return good;
}

/* Gathers what a scope hides, and goes on with the scopes inside it. */
static bool finish(struct machine *machine, struct node *body, struct symbols *symbols, struct hidden **out)
{
    if (!visit_list(machine, body, symbols))
        return false;
    for (size_t i = 0; i < symbols->count; i++) {
        if (symbols->items[i].load != LOAD_NOTHING)
            continue;
        struct hidden *hidden = machine_take(machine, sizeof *hidden);
        if (!hidden)
            return false;
        *hidden = (struct hidden){symbols->items[i].name, *out};
        *out = hidden;
    }
    return scope_inside(machine, body, symbols);
}

static bool scope_for(struct machine *machine, struct node *node, const struct symbols *parent)
{
    struct symbols body = {.parent = parent}, otherwise = {.parent = parent};
    return define(machine, &body, TEXT("loop"), LOAD_PARAMETER, true) && visit_target(machine, node->a, &body, true) &&
           finish(machine, node->body, &body, &node->hidden) &&
           finish(machine, node->otherwise, &otherwise, &node->hidden_otherwise);
}

static bool scope_macro(struct machine *machine, struct node *node, const struct symbols *parent)
{
    struct symbols symbols = {.parent = parent};
    for (const struct node *item = node->items; item; item = item->next)
        if (!define(machine, &symbols, item->text, LOAD_PARAMETER, true))
            return false;
    for (const struct node *item = node->items; item; item = item->next)
        if (item->a && !visit(machine, item->a, &symbols))
            return false;
    return finish(machine, node->body, &symbols, &node->hidden);
}

static bool scope_with(struct machine *machine, struct node *node, const struct symbols *parent)
{
    struct symbols symbols = {.parent = parent};
    for (const struct node *pair = node->items; node->kind == NODE_WITH && pair; pair = pair->next)
        if (!visit_target(machine, pair->a, &symbols, true))
            return false;
    return finish(machine, node->body, &symbols, &node->hidden);
}

static bool scope_node(struct machine *machine, struct node *node, const struct symbols *symbols)
{
    switch (node->kind) {
    case NODE_IF:
        return scope_inside(machine, node->body, symbols) && scope_inside(machine, node->otherwise, symbols);
    case NODE_FOR:
        return scope_for(machine, node, symbols);
    case NODE_MACRO:
        return scope_macro(machine, node, symbols);
    case NODE_WITH:
    case NODE_SCOPE:
    case NODE_SET_BLOCK:
    case NODE_FILTER_BLOCK:
        return scope_with(machine, node, symbols);
    default:
        return true;
    }
}

static bool scope_inside(struct machine *machine, struct node *nodes, const struct symbols *symbols)
{
    if (!machine_enter(machine))
        return false;
    for (; nodes; nodes = nodes->next)
        if (!scope_node(machine, nodes, symbols))
            return false;
    machine->depth--;
    return true;
}

bool scopes_find(struct machine *machine, struct node *nodes, struct hidden **out)
{
    struct symbols symbols = {0};
    return finish(machine, nodes, &symbols, out);
}
