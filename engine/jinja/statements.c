/* Statements, carried out: jinja2/compiler.py and runtime.py. */
#include <string.h>

#include "jinja/template_internal.h"

/* A loop at work. What stands behind the next item is looked for only when it is asked for, as LoopContext does. */
struct loop {
    const struct node *node;
    struct scope *scope; /* around the loop */
    struct list *list;
    size_t *at, own_at;
    size_t index; /* of the current item, from 0 */
    size_t length;
    bool settled; /* the length is known, and the condition was asked for all items of the list */
    struct value before, current, after;
};

/* --- names --- */

bool chat_bind(struct machine *machine, struct text name, const struct value *value)
{
    size_t looked = 0;
    struct binding *binding = machine->scope->bindings;
    for (; binding && !text_equal(binding->name, name); binding = binding->next)
        looked++;
    if (!chat_spend(machine, looked / 16))
        return false;
    if (binding) {
        binding->value = *value;
        return true;
    }
    binding = chat_take(machine, sizeof *binding);
    if (!binding)
        return false;
    *binding = (struct binding){name, *value, machine->scope->bindings};
    machine->scope->bindings = binding;
    return true;
}

static struct scope *scope_in(struct machine *machine, struct scope *parent)
{
    struct scope *scope = chat_take(machine, sizeof *scope);
    if (scope)
        scope->parent = parent;
    return scope;
}

bool chat_hide(struct machine *machine, const struct hidden *hidden)
{
    for (; hidden; hidden = hidden->next)
        if (!chat_bind(machine, hidden->name, &(struct value){.kind = VALUE_ABSENT}))
            return false;
    return true;
}

static bool set_namespace(struct machine *machine, const struct node *target, const struct value *value)
{
    struct node name = {.kind = NODE_NAME, .line = target->line, .text = target->text};
    struct value namespace, key = value_string(target->other);
    if (!chat_evaluate(machine, &name, &namespace))
        return false;
    if (namespace.kind != VALUE_NAMESPACE)
        return chat_fail(machine, "'%.*s' is no namespace, and its attribute cannot be set", (int)target->text.size,
                         target->text.data);
    if (target->other.data[0] == '_')
        return chat_fail(machine, "the attribute '%.*s' of a namespace cannot be set", (int)target->other.size,
                         target->other.data);
    return dict_put(machine, namespace.dict, &key, value);
}

static bool assign(struct machine *machine, const struct node *target, const struct value *value)
{
    struct list *items;
    size_t count = 0, i = 0;
    if (target->kind == NODE_NAME)
        return chat_bind(machine, target->text, value);
    if (target->kind == NODE_NAMESPACE_TARGET)
        return set_namespace(machine, target, value);
    if (!value_items(machine, value, &items))
        return false;
    for (const struct node *item = target->items; item; item = item->next)
        count++;
    if (count != items->count)
        return chat_fail(machine, "%zu names for %zu values", count, items->count);
    for (const struct node *item = target->items; item; item = item->next)
        if (!assign(machine, item, &items->items[i++]))
            return false;
    return true;
}

/* --- output --- */

/* Renders into a string. */
static bool capture(struct machine *machine, const struct node *body, struct value *out)
{
    struct buffer text = {.maximum = CHAT_OUTPUT_MOST}, *before = machine->out;
    machine->out = &text;
    bool good = chat_render(machine, body);
    machine->out = before;
    if (good)
        return value_take(machine, &text, out);
    buffer_free(&text);
    return false;
}

static bool render_print(struct machine *machine, const struct node *node)
{
    struct value value;
    return chat_evaluate(machine, node->a, &value) && value_print(machine, &value, machine->out);
}

/* --- loops --- */

/* The next item that the condition lets pass; VALUE_ABSENT: there is none. */
static bool loop_fetch(struct machine *machine, struct loop *loop, struct value *out)
{
    struct scope *before = machine->scope;
    struct value test = value_bool(true);
    while (*loop->at < loop->list->count) {
        *out = loop->list->items[(*loop->at)++];
        if (!loop->node->c || loop->settled)
            return true;
        machine->scope = scope_in(machine, loop->scope);
        bool good =
            machine->scope && assign(machine, loop->node->a, out) && chat_evaluate(machine, loop->node->c, &test);
        machine->scope = before;
        if (!good || value_truth(&test))
            return good;
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
    bool open = !loop->settled && (loop->node->c || loop->at != &loop->own_at);
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
    return chat_fail(machine, "cycle and changed of a loop are not understood");
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

/* One turn; `*whole`: neither left nor cut short. */
static bool loop_turn(struct machine *machine, struct loop *loop, bool *whole)
{
    struct value self = {.kind = VALUE_LOOP, .loop = loop};
    machine->scope = scope_in(machine, loop->scope);
    if (!machine->scope || !chat_hide(machine, loop->node->hidden) || !chat_bind(machine, TEXT("loop"), &self) ||
        !assign(machine, loop->node->a, &loop->current) || !chat_render(machine, loop->node->body))
        return false;
    *whole = *whole || machine->flow == FLOW_ON;
    return true;
}

static bool loop_next(struct machine *machine, struct loop *loop)
{
    loop->before = loop->current;
    if (loop->after.kind == VALUE_ABSENT && !loop_fetch(machine, loop, &loop->after))
        return false;
    loop->current = loop->after;
    loop->after.kind = VALUE_ABSENT;
    return true;
}

static bool render_for(struct machine *machine, const struct node *node)
{
    struct loop *loop = chat_take(machine, sizeof *loop);
    struct scope *before = machine->scope;
    struct value from;
    bool whole = false;
    if (!loop || !chat_evaluate(machine, node->b, &from))
        return false;
    *loop = (struct loop){.node = node, .scope = before, .list = from.list};
    loop->at = from.kind == VALUE_GENERATOR ? &from.list->taken : &loop->own_at;
    if (from.kind != VALUE_GENERATOR && !value_items(machine, &from, &loop->list))
        return false;
    for (enum flow flow = FLOW_ON; flow != FLOW_BREAK; loop->index++) {
        if (!loop_next(machine, loop))
            return false;
        if (loop->current.kind == VALUE_ABSENT)
            break;
        if (!loop_turn(machine, loop, &whole))
            return false;
        flow = machine->flow;
        machine->flow = FLOW_ON;
    }
    machine->scope = before;
    /* Jinja's mark that there was a turn stands at the end of the body */
    if (whole || !node->otherwise)
        return true;
    machine->scope = scope_in(machine, before);
    bool good = machine->scope && chat_hide(machine, node->hidden_otherwise) && chat_render(machine, node->otherwise);
    machine->scope = before;
    return good;
}

/* --- the other statements --- */

static bool render_if(struct machine *machine, const struct node *node)
{
    struct value test;
    for (;;) {
        machine->line = node->line;
        if (!chat_evaluate(machine, node->a, &test))
            return false;
        if (value_truth(&test))
            return chat_render(machine, node->body);
        if (!node->otherwise || node->otherwise->kind != NODE_IF || node->otherwise->next)
            return chat_render(machine, node->otherwise);
        node = node->otherwise;
    }
}

static bool render_set(struct machine *machine, const struct node *node)
{
    struct value value;
    return chat_evaluate(machine, node->b, &value) && assign(machine, node->a, &value);
}

/* {% set a %} and {% filter b %}: the body as a text, through the filters. */
static bool render_captured(struct machine *machine, const struct node *node)
{
    struct scope *before = machine->scope;
    struct value value;
    machine->scope = scope_in(machine, before);
    if (!machine->scope || !chat_hide(machine, node->hidden) || !capture(machine, node->body, &value))
        return false;
    if (machine->flow != FLOW_ON) {
        machine->scope = before;
        return true;
    }
    machine->captured = value;
    bool good = chat_evaluate(machine, node->b, &value);
    machine->scope = before;
    return good && (node->a ? assign(machine, node->a, &value) : value_print(machine, &value, machine->out));
}

static bool render_with(struct machine *machine, const struct node *node)
{
    struct scope *before = machine->scope, *inner = scope_in(machine, before);
    struct value value;
    if (!inner)
        return false;
    for (const struct node *pair = node->items; pair; pair = pair->next) {
        if (!chat_evaluate(machine, pair->b, &value))
            return false;
        machine->scope = inner;
        bool good = assign(machine, pair->a, &value);
        machine->scope = before;
        if (!good)
            return false;
    }
    machine->scope = inner;
    bool good = chat_hide(machine, node->hidden) && chat_render(machine, node->body);
    machine->scope = before;
    return good;
}

static bool render_macro(struct machine *machine, const struct node *node)
{
    struct macro *macro = chat_take(machine, sizeof *macro);
    if (!macro)
        return false;
    *macro = (struct macro){node, machine->scope};
    return chat_bind(machine, node->text, &(struct value){.kind = VALUE_MACRO, .macro = macro});
}

static bool render_kind(struct machine *machine, const struct node *node)
{
    switch (node->kind) {
    case NODE_DATA:
        buffer_append(machine->out, node->text.data, node->text.size);
        return chat_spend(machine, node->text.size / 64);
    case NODE_PRINT:
        return render_print(machine, node);
    case NODE_FOR:
        return render_for(machine, node);
    case NODE_IF:
        return render_if(machine, node);
    case NODE_SET:
        return render_set(machine, node);
    case NODE_SET_BLOCK:
    case NODE_FILTER_BLOCK:
        return render_captured(machine, node);
    case NODE_MACRO:
        return render_macro(machine, node);
    case NODE_WITH:
    case NODE_SCOPE:
        return render_with(machine, node);
    case NODE_BREAK:
    case NODE_CONTINUE:
        machine->flow = node->kind == NODE_BREAK ? FLOW_BREAK : FLOW_CONTINUE;
        return true;
    default:
        return chat_fail(machine, "this is no statement");
    }
}

bool chat_render(struct machine *machine, const struct node *nodes)
{
    if (++machine->depth > CHAT_DEPTH_MOST)
        return chat_fail(machine, "nested more than %d deep", CHAT_DEPTH_MOST);
    for (const struct node *node = nodes; node && machine->flow == FLOW_ON; node = node->next) {
        machine->line = node->line;
        if (!chat_spend(machine, 1) || !render_kind(machine, node))
            return false;
        if (machine->out->failed)
            return chat_fail(machine, "writes more than %zu MiB", CHAT_OUTPUT_MOST >> 20);
    }
    machine->depth--;
    return true;
}

/* --- macros --- */

static const struct value *keyword_of(const struct call *call, struct text name)
{
    for (size_t i = 0; i < call->keyword_count; i++)
        if (text_equal(call->keywords[i].name, name))
            return &call->keywords[i].value;
    return NULL;
}

/* The parameters become names of the macro's scope, which is the current one; a default may use those before it. */
static bool bind_parameters(struct machine *machine, const struct node *node, const struct call *call)
{
    size_t index = 0, named = 0;
    for (const struct node *parameter = node->items; parameter; parameter = parameter->next, index++) {
        const struct value *keyword = keyword_of(call, parameter->text);
        struct value value = value_undefined(parameter->text);
        bool positional = index < call->count;
        if (!chat_spend(machine, call->keyword_count / 16))
            return false;
        if (positional && keyword)
            return chat_fail(machine, "the argument '%.*s' twice", (int)parameter->text.size, parameter->text.data);
        named += keyword != NULL;
        if (positional || keyword)
            value = positional ? call->values[index] : *keyword;
        else if (parameter->a && !chat_evaluate(machine, parameter->a, &value))
            return false;
        if (!chat_bind(machine, parameter->text, &value))
            return false;
    }
    return (call->count <= index && named == call->keyword_count) ||
           chat_fail(machine, "macro '%.*s' has no such parameter", (int)node->text.size, node->text.data);
}

bool chat_call_macro(struct machine *machine, const struct macro *macro, const struct call *call, struct value *out)
{
    struct scope *before = machine->scope;
    machine->scope = scope_in(machine, macro->scope);
    bool good = machine->scope && chat_hide(machine, macro->node->hidden) &&
                bind_parameters(machine, macro->node, call) && capture(machine, macro->node->body, out);
    machine->scope = before;
    return good;
}
