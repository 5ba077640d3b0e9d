/* Expressions, evaluated. */
#include "jinja/evaluate.h"

#include "jinja/attributes.h"
#include "jinja/bindings.h"
#include "jinja/call.h"
#include "jinja/filters.h"
#include "jinja/globals.h"
#include "jinja/methods.h"
#include "jinja/operators.h"
#include "jinja/predicates.h"
#include "jinja/print.h"
#include "jinja/sequence.h"

static bool evaluate_kind(struct machine *machine, const struct node *node, struct value *out);

bool evaluate(struct machine *machine, const struct node *node, struct value *out)
{
    int line = machine->line;
    machine->line = node->line;
    if (!machine_spend(machine, 1))
        return false;
    if (!machine_enter(machine))
        return false;
    if (!evaluate_kind(machine, node, out))
        return false;
    machine->depth--;
    machine->line = line;
    return true;
}

/* --- names --- */

static bool evaluate_name(struct machine *machine, const struct node *node, struct value *out)
{
    const struct binding *binding = scope_find(machine, node->text);
    *out = value_undefined(node->text);
    if (binding) {
        if (binding->value.kind != VALUE_ABSENT)
            *out = binding->value;
        return true;
    }
    const struct value *value = dict_member(machine, machine->variables, node->text);
    const struct function_row *row = value ? NULL : global_find(node->text);
    if (value)
        *out = *value;
    else if (row)
        *out = (struct value){.kind = VALUE_FUNCTION, .function = row};
    return !machine->error->text;
}

/* --- collections --- */

static bool evaluate_list(struct machine *machine, const struct node *node, struct value *out)
{
    struct list *list = list_new(machine);
    struct value item;
    *out = value_list(node->kind == NODE_LIST ? VALUE_LIST : VALUE_TUPLE, list);
    for (const struct node *at = node->items; list && at; at = at->next)
        if (!evaluate(machine, at, &item) || !list_push(machine, list, &item))
            return false;
    return list;
}

static bool evaluate_dict(struct machine *machine, const struct node *node, struct value *out)
{
    struct dict *dict = dict_new(machine);
    struct value key, value;
    *out = (struct value){.kind = VALUE_DICT, .dict = dict};
    for (const struct node *pair = node->items; dict && pair; pair = pair->next)
        if (!evaluate(machine, pair->a, &key) || !evaluate(machine, pair->b, &value) ||
            !dict_put(machine, dict, &key, &value))
            return false;
    return dict;
}

static bool evaluate_item(struct machine *machine, const struct node *node, struct value *out)
{
    struct value from, key;
    return evaluate(machine, node->a, &from) && evaluate(machine, node->b, &key) &&
           value_item(machine, &from, &key, out);
}

static bool evaluate_slice(struct machine *machine, const struct node *node, struct value *out)
{
    struct value from, bounds[3] = {0};
    size_t i = 0;
    if (!evaluate(machine, node->a, &from))
        return false;
    for (const struct node *bound = node->items; bound; bound = bound->next, i++)
        if (bound->kind != NODE_ABSENT && !evaluate(machine, bound, &bounds[i]))
            return false;
    return value_slice(machine, &from, bounds, out);
}

static bool evaluate_concat(struct machine *machine, const struct node *node, struct value *out)
{
    struct buffer text = {.maximum = JINJA_OUTPUT_MOST};
    struct value item;
    bool good = true;
    for (const struct node *at = node->items; good && at; at = at->next) {
        good = evaluate(machine, at, &item) && value_print(machine, &item, &text);
    }
    if (good)
        return value_take(machine, &text, out);
    buffer_free(&text);
    return false;
}

/* --- calls --- */

static bool evaluate_arguments(struct machine *machine, const struct node *items, struct call *call)
{
    size_t count = 0;
    for (const struct node *item = items; item; item = item->next)
        count++;
    struct value *values = machine_take(machine, (count + 1) * sizeof *values);
    struct keyword *keywords = machine_take(machine, (count + 1) * sizeof *keywords);
    *call = (struct call){.values = values, .keywords = keywords};
    for (const struct node *item = items; values && keywords && item; item = item->next) {
        struct value *value = item->text.size ? &keywords[call->keyword_count].value : &values[call->count];
        if (!evaluate(machine, item->a, value) || !machine_spend_names(machine, call->keyword_count, item->text))
            return false;
        for (size_t i = 0; item->text.size && i < call->keyword_count; i++)
            if (text_equal(keywords[i].name, item->text))
                return machine_fail(machine, "the argument '%.*s' is given twice", (int)item->text.size,
                                    item->text.data);
        if (item->text.size)
            keywords[call->keyword_count++].name = item->text;
        else
            call->count++;
    }
    return values && keywords;
}

static bool evaluate_call(struct machine *machine, const struct node *node, struct value *out)
{
    struct value callee;
    struct call call;
    if (!evaluate(machine, node->a, &callee) || !evaluate_arguments(machine, node->items, &call))
        return false;
    switch (callee.kind) {
    case VALUE_MACRO:
        return machine->call_macro(machine, callee.macro, &call, out);
    case VALUE_FUNCTION:
        if (!callee.function->run)
            return machine_fail(machine, "the function '%s' is not understood", callee.function->name);
        return callee.function->run(machine, &call, out);
    case VALUE_METHOD:
        return method_call(machine, callee.method, &call, out);
    case VALUE_UNDEFINED:
        return machine_fail(machine, "'%.*s' is undefined, or may not be called", (int)callee.text.size,
                            callee.text.data);
    default:
        return machine_fail(machine, "%s cannot be called", value_type(&callee));
    }
}

static bool evaluate_filter(struct machine *machine, const struct node *node, struct value *out)
{
    struct value value;
    struct call call;
    return evaluate(machine, node->a, &value) && evaluate_arguments(machine, node->items, &call) &&
           filter_apply(machine, node->text, &value, &call, out);
}

static bool evaluate_test(struct machine *machine, const struct node *node, struct value *out)
{
    struct value value;
    struct call call;
    out->kind = VALUE_BOOL;
    return evaluate(machine, node->a, &value) && evaluate_arguments(machine, node->items, &call) &&
           predicate_apply(machine, node->text, &value, &call, &out->truth);
}

/* --- logic --- */

static bool compare(struct machine *machine, int operator, const struct value * left, const struct value *right,
                    bool *out)
{
    int order = 0;
    if (operator== 'i' || operator== 'n') {
        if (!value_contains(machine, right, left, out))
            return false;
        *out ^= operator== 'n';
        return true;
    }
    if (operator== '=' || operator== '!') {
        if (!value_equal(machine, left, right, out))
            return false;
        *out ^= operator== '!';
        return true;
    }
    if (!value_compare(machine, left, right, &order))
        return false;
    *out = operator== '<' ? order < 0 : operator== '>' ? order > 0 : operator== 'l' ? order <= 0 : order >= 0;
    return true;
}

static bool evaluate_compare(struct machine *machine, const struct node *node, struct value *out)
{
    struct value left, right;
    *out = value_bool(true);
    if (!evaluate(machine, node->a, &left))
        return false;
    for (const struct node *operand = node->items; operand && out->truth; operand = operand->next) {
        if (!evaluate(machine, operand->a, &right) || !compare(machine, operand->operator, & left, &right, &out->truth))
            return false;
        left = right;
    }
    return true;
}

static bool evaluate_logic(struct machine *machine, const struct node *node, struct value *out)
{
    if (!evaluate(machine, node->a, out))
        return false;
    return value_truth(out) == (node->kind == NODE_OR) || evaluate(machine, node->b, out);
}

static bool evaluate_not(struct machine *machine, const struct node *node, struct value *out)
{
    struct value value;
    if (!evaluate(machine, node->a, &value))
        return false;
    *out = value_bool(!value_truth(&value));
    return true;
}

static bool evaluate_choice(struct machine *machine, const struct node *node, struct value *out)
{
    struct value test;
    if (!evaluate(machine, node->a, &test))
        return false;
    if (value_truth(&test))
        return evaluate(machine, node->b, out);
    *out = value_undefined(TEXT("what an 'if' without 'else' gives"));
    return !node->c || evaluate(machine, node->c, out);
}

static bool evaluate_kind(struct machine *machine, const struct node *node, struct value *out)
{
    struct value left, right;
    switch (node->kind) {
    case NODE_CONSTANT:
        *out = node->value;
        return true;
    case NODE_CAPTURED:
        *out = *machine->captured;
        return true;
    case NODE_NAME:
        return evaluate_name(machine, node, out);
    case NODE_LIST:
    case NODE_TUPLE:
        return evaluate_list(machine, node, out);
    case NODE_DICT:
        return evaluate_dict(machine, node, out);
    case NODE_ATTRIBUTE:
        return evaluate(machine, node->a, &left) && value_attribute(machine, &left, node->text, out);
    case NODE_ITEM:
        return evaluate_item(machine, node, out);
    case NODE_SLICE:
        return evaluate_slice(machine, node, out);
    case NODE_CALL:
        return evaluate_call(machine, node, out);
    case NODE_FILTER:
        return evaluate_filter(machine, node, out);
    case NODE_TEST:
        return evaluate_test(machine, node, out);
    case NODE_NOT:
        return evaluate_not(machine, node, out);
    case NODE_NEGATIVE:
    case NODE_POSITIVE:
        return evaluate(machine, node->a, &left) && value_sign(machine, node->kind == NODE_NEGATIVE, &left, out);
    case NODE_AND:
    case NODE_OR:
        return evaluate_logic(machine, node, out);
    case NODE_COMPARE:
        return evaluate_compare(machine, node, out);
    case NODE_BINARY:
        return evaluate(machine, node->a, &left) && evaluate(machine, node->b, &right) &&
               value_binary(machine, node->operator, & left, &right, out);
    case NODE_CONCAT:
        return evaluate_concat(machine, node, out);
    case NODE_CHOICE:
        return evaluate_choice(machine, node, out);
    default:
        return machine_fail(machine, "this is no expression");
    }
}
