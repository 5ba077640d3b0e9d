/* Statements, carried out: jinja2/compiler.py and runtime.py. */
#include "jinja/statements.h"

#include "jinja/bindings.h"
#include "jinja/evaluate.h"
#include "jinja/loop.h"
#include "jinja/print.h"
#include "jinja/sequence.h"

struct macro {
    const struct node *node;
    struct scope *scope; /* in which it was defined */
};

/* --- assignment --- */

static bool set_namespace(struct machine *machine, const struct node *target, const struct value *value)
{
    struct node name = {.kind = NODE_NAME, .line = target->line, .text = target->text};
    struct value namespace, key = value_string(target->other);
    if (!evaluate(machine, &name, &namespace))
        return false;
    if (namespace.kind != VALUE_NAMESPACE)
        return machine_fail(machine, "'%.*s' is no namespace, and its attribute cannot be set", (int)target->text.size,
                            target->text.data);
    if (target->other.data[0] == '_')
        return machine_fail(machine, "the attribute '%.*s' of a namespace cannot be set", (int)target->other.size,
                            target->other.data);
    return dict_put(machine, namespace.dict, &key, value);
}

static bool assign(struct machine *machine, const struct node *target, const struct value *value)
{
    struct list *items;
    size_t count = 0, i = 0;
    if (target->kind == NODE_NAME)
        return scope_bind(machine, target->text, value);
    if (target->kind == NODE_NAMESPACE_TARGET)
        return set_namespace(machine, target, value);
    if (!value_items(machine, value, &items))
        return false;
    for (const struct node *item = target->items; item; item = item->next)
        count++;
    if (count != items->count)
        return machine_fail(machine, "the number of names to set, %zu, is not that of the values, %zu", count,
                            items->count);
    for (const struct node *item = target->items; item; item = item->next)
        if (!assign(machine, item, &items->items[i++]))
            return false;
    return true;
}

/* --- output --- */

/* Renders into a string. */
static bool capture(struct machine *machine, const struct node *body, struct value *out)
{
    struct buffer text = {.maximum = JINJA_OUTPUT_MOST}, *before = machine->out;
    machine->out = &text;
    bool good = statements_run(machine, body);
    machine->out = before;
    if (good)
        return value_take(machine, &text, out);
    buffer_free(&text);
    return false;
}

static bool render_print(struct machine *machine, const struct node *node)
{
    struct value value;
    return evaluate(machine, node->a, &value) && value_print(machine, &value, machine->out);
}

/* --- loops --- */

/* Does the loop's condition let the item pass? */
static bool passes(struct machine *machine, const struct loop *loop, const struct value *item, bool *out)
{
    struct scope *before = machine->scope;
    struct value test;
    machine->scope = scope_new(machine, loop->scope);
    bool good = machine->scope && assign(machine, loop->node->a, item) && evaluate(machine, loop->node->c, &test);
    machine->scope = before;
    *out = good && value_truth(&test);
    return good;
}

/* One turn; `*whole`: neither left nor cut short. */
static bool loop_turn(struct machine *machine, struct loop *loop, bool *whole)
{
    struct value self = {.kind = VALUE_LOOP, .loop = loop};
    machine->scope = scope_new(machine, loop->scope);
    if (!machine->scope || !scope_hide(machine, loop->node->hidden) || !scope_bind(machine, TEXT("loop"), &self) ||
        !assign(machine, loop->node->a, &loop->current) || !statements_run(machine, loop->node->body))
        return false;
    *whole = *whole || machine->flow == FLOW_ON;
    return true;
}

static bool render_for(struct machine *machine, const struct node *node)
{
    struct loop *loop = machine_take(machine, sizeof *loop);
    struct scope *before = machine->scope;
    struct value from;
    bool whole = false;
    if (!loop || !evaluate(machine, node->b, &from))
        return false;
    *loop = (struct loop){.node = node, .scope = before, .passes = node->c ? passes : NULL, .list = from.list};
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
    machine->scope = scope_new(machine, before);
    bool good =
        machine->scope && scope_hide(machine, node->hidden_otherwise) && statements_run(machine, node->otherwise);
    machine->scope = before;
    return good;
}

/* --- the other statements --- */

static bool render_if(struct machine *machine, const struct node *node)
{
    struct value test;
    for (;;) {
        machine->line = node->line;
        if (!evaluate(machine, node->a, &test))
            return false;
        if (value_truth(&test))
            return statements_run(machine, node->body);
        if (!node->otherwise || node->otherwise->kind != NODE_IF || node->otherwise->next)
            return statements_run(machine, node->otherwise);
        node = node->otherwise;
    }
}

static bool render_set(struct machine *machine, const struct node *node)
{
    struct value value;
    return evaluate(machine, node->b, &value) && assign(machine, node->a, &value);
}

/* {% set a %} and {% filter b %}: the body as a text, through the filters. */
static bool render_captured(struct machine *machine, const struct node *node)
{
    struct scope *before = machine->scope;
    struct value *text = machine_take(machine, sizeof *text), value;
    machine->scope = scope_new(machine, before);
    if (!text || !machine->scope || !scope_hide(machine, node->hidden) || !capture(machine, node->body, text))
        return false;
    if (machine->flow != FLOW_ON) {
        machine->scope = before;
        return true;
    }
    machine->captured = text;
    bool good = evaluate(machine, node->b, &value);
    machine->scope = before;
    return good && (node->a ? assign(machine, node->a, &value) : value_print(machine, &value, machine->out));
}

static bool render_with(struct machine *machine, const struct node *node)
{
    struct scope *before = machine->scope, *inner = scope_new(machine, before);
    struct value value;
    if (!inner)
        return false;
    for (const struct node *pair = node->items; pair; pair = pair->next) {
        if (!evaluate(machine, pair->b, &value))
            return false;
        machine->scope = inner;
        bool good = assign(machine, pair->a, &value);
        machine->scope = before;
        if (!good)
            return false;
    }
    machine->scope = inner;
    bool good = scope_hide(machine, node->hidden) && statements_run(machine, node->body);
    machine->scope = before;
    return good;
}

static bool render_macro(struct machine *machine, const struct node *node)
{
    struct macro *macro = machine_take(machine, sizeof *macro);
    if (!macro)
        return false;
    *macro = (struct macro){node, machine->scope};
    return scope_bind(machine, node->text, &(struct value){.kind = VALUE_MACRO, .macro = macro});
}

static bool render_kind(struct machine *machine, const struct node *node)
{
    switch (node->kind) {
    case NODE_DATA:
        buffer_append(machine->out, node->text.data, node->text.size);
        return machine_spend(machine, node->text.size / 64);
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
        return machine_fail(machine, "this is no statement");
    }
}

bool statements_run(struct machine *machine, const struct node *nodes)
{
    if (!machine_enter(machine))
        return false;
    for (const struct node *node = nodes; node && machine->flow == FLOW_ON; node = node->next) {
        machine->line = node->line;
        if (!machine_spend(machine, 1) || !render_kind(machine, node))
            return false;
        if (machine->out->failed)
            return machine_fail(machine, "it writes more than %zu MiB", JINJA_OUTPUT_MOST >> 20);
    }
    machine->depth--;
    return true;
}

/* --- macros --- */

/* The parameters become names of the macro's scope, which is the current one; a default may use those before it. */
static bool bind_parameters(struct machine *machine, const struct node *node, const struct call *call)
{
    size_t index = 0, named = 0;
    for (const struct node *parameter = node->items; parameter; parameter = parameter->next, index++) {
        const struct value *keyword = call_keyword(call, parameter->text);
        struct value value = value_undefined(parameter->text);
        bool positional = index < call->count;
        if (!machine_spend_names(machine, call->keyword_count, parameter->text))
            return false;
        if (positional && keyword)
            return machine_fail(machine, "the argument '%.*s' is given twice", (int)parameter->text.size,
                                parameter->text.data);
        named += keyword != NULL;
        if (positional || keyword)
            value = positional ? call->values[index] : *keyword;
        else if (parameter->a && !evaluate(machine, parameter->a, &value))
            return false;
        if (!scope_bind(machine, parameter->text, &value))
            return false;
    }
    return (call->count <= index && named == call->keyword_count) ||
           machine_fail(machine, "macro '%.*s' has no such parameter", (int)node->text.size, node->text.data);
}

bool macro_call(struct machine *machine, const struct macro *macro, const struct call *call, struct value *out)
{
    struct scope *before = machine->scope;
    machine->scope = scope_new(machine, macro->scope);
    bool good = machine->scope && scope_hide(machine, macro->node->hidden) &&
                bind_parameters(machine, macro->node, call) && capture(machine, macro->node->body, out);
    machine->scope = before;
    return good;
}
