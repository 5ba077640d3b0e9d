/* Expressions, evaluated. */
#include <string.h>

#include "jinja/template_internal.h"

static bool evaluate_kind(struct machine *machine, const struct node *node, struct value *out);

bool chat_evaluate(struct machine *machine, const struct node *node, struct value *out)
{
    int line = machine->line;
    machine->line = node->line;
    if (!chat_spend(machine, 1))
        return false;
    if (++machine->depth > CHAT_DEPTH_MOST)
        return chat_fail(machine, "nested more than %d deep", CHAT_DEPTH_MOST);
    if (!evaluate_kind(machine, node, out))
        return false;
    machine->depth--;
    machine->line = line;
    return true;
}

/* --- names --- */

static const struct binding *find_binding(struct machine *machine, struct text name)
{
    size_t looked = 0;
    for (const struct scope *scope = machine->scope; scope; scope = scope->parent)
        for (const struct binding *binding = scope->bindings; binding; binding = binding->next, looked++)
            if (text_equal(binding->name, name))
                return chat_spend(machine, looked / 16) ? binding : NULL;
    return chat_spend(machine, looked / 16), NULL;
}

static bool evaluate_name(struct machine *machine, const struct node *node, struct value *out)
{
    const struct binding *binding = find_binding(machine, node->text);
    *out = value_undefined(node->text);
    if (binding) {
        if (binding->value.kind != VALUE_ABSENT)
            *out = binding->value;
        return true;
    }
    const struct value *value = dict_member(machine->variables, node->text);
    const struct function_row *row = value ? NULL : chat_global(node->text);
    if (value)
        *out = *value;
    else if (row)
        *out = (struct value){.kind = VALUE_FUNCTION, .function = row};
    return chat_spend(machine, machine->variables->count / 16);
}

static bool fail_undefined(struct machine *machine, const struct value *value, const char *why)
{
    return chat_fail(machine, "'%.*s' is undefined, %s", (int)value->text.size, value->text.data, why);
}

/* Attributes that are no methods. */
static bool own_attribute(struct machine *machine, const struct value *from, struct text name, struct value *out)
{
    const struct value *member = from->kind == VALUE_NAMESPACE ? dict_member(from->dict, name) : NULL;
    out->kind = VALUE_ABSENT;
    if (member)
        *out = *member;
    if (from->kind == VALUE_LOOP)
        return loop_attribute(machine, from->loop, name, out);
    if (from->kind == VALUE_MACRO || from->kind == VALUE_FUNCTION || from->kind == VALUE_METHOD)
        return chat_fail(machine, "'%.*s' of a %s is not understood", (int)name.size, name.data, value_type(from));
    return member || chat_method_find(machine, from, name, out);
}

/* What the sandbox hides is undefined. */
static bool is_hidden(struct text name)
{
    return name.size && name.data[0] == '_';
}

bool chat_attribute(struct machine *machine, const struct value *from, struct text name, struct value *out)
{
    if (from->kind == VALUE_UNDEFINED)
        return fail_undefined(machine, from, "and has no attributes");
    if (from->kind == VALUE_MARKUP)
        return chat_fail(machine, "to work on a string marked as safe is not understood");
    bool hidden = is_hidden(name), named = from->kind == VALUE_DICT || from->kind == VALUE_NAMESPACE;
    out->kind = VALUE_ABSENT;
    if (named && !chat_spend(machine, from->dict->count / 16))
        return false;
    if (!hidden && !own_attribute(machine, from, name, out))
        return false;
    const struct value *member =
        out->kind == VALUE_ABSENT && from->kind == VALUE_DICT ? dict_member(from->dict, name) : NULL;
    if (hidden && name.size > 1 && name.data[1] == '_')
        return chat_fail(machine, "'%.*s' is not understood", (int)name.size, name.data);
    if (member)
        *out = *member;
    else if (out->kind == VALUE_ABSENT)
        *out = value_undefined(name);
    return true;
}

bool chat_item(struct machine *machine, const struct value *from, const struct value *key, struct value *out)
{
    int64_t index;
    bool sequence = from->kind == VALUE_STRING || from->kind == VALUE_LIST || from->kind == VALUE_TUPLE ||
                    from->kind == VALUE_RANGE;
    if (from->kind == VALUE_UNDEFINED)
        return fail_undefined(machine, from, "and has no items");
    if (from->kind == VALUE_MARKUP)
        return chat_fail(machine, "to work on a string marked as safe is not understood");
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

/* --- collections --- */

static bool evaluate_list(struct machine *machine, const struct node *node, struct value *out)
{
    struct list *list = list_new(machine);
    struct value item;
    *out = value_list(node->kind == NODE_LIST ? VALUE_LIST : VALUE_TUPLE, list);
    for (const struct node *at = node->items; list && at; at = at->next)
        if (!chat_evaluate(machine, at, &item) || !list_push(machine, list, &item))
            return false;
    return list;
}

static bool evaluate_dict(struct machine *machine, const struct node *node, struct value *out)
{
    struct dict *dict = dict_new(machine);
    struct value key, value;
    *out = (struct value){.kind = VALUE_DICT, .dict = dict};
    for (const struct node *pair = node->items; dict && pair; pair = pair->next)
        if (!chat_evaluate(machine, pair->a, &key) || !chat_evaluate(machine, pair->b, &value) ||
            !dict_put(machine, dict, &key, &value))
            return false;
    return dict;
}

static bool evaluate_item(struct machine *machine, const struct node *node, struct value *out)
{
    struct value from, key;
    return chat_evaluate(machine, node->a, &from) && chat_evaluate(machine, node->b, &key) &&
           chat_item(machine, &from, &key, out);
}

static bool evaluate_slice(struct machine *machine, const struct node *node, struct value *out)
{
    struct value from, bounds[3] = {0};
    size_t i = 0;
    if (!chat_evaluate(machine, node->a, &from))
        return false;
    for (const struct node *bound = node->items; bound; bound = bound->next, i++)
        if (bound->kind != NODE_ABSENT && !chat_evaluate(machine, bound, &bounds[i]))
            return false;
    return value_slice(machine, &from, bounds, out);
}

static bool evaluate_concat(struct machine *machine, const struct node *node, struct value *out)
{
    struct buffer text = {.maximum = CHAT_OUTPUT_MOST};
    struct value item;
    bool good = true;
    for (const struct node *at = node->items; good && at; at = at->next) {
        good = chat_evaluate(machine, at, &item) && value_print(machine, &item, &text);
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
    struct value *values = chat_take(machine, (count + 1) * sizeof *values);
    struct keyword *keywords = chat_take(machine, (count + 1) * sizeof *keywords);
    *call = (struct call){.values = values, .keywords = keywords};
    for (const struct node *item = items; values && keywords && item; item = item->next) {
        struct value *value = item->text.size ? &keywords[call->keyword_count].value : &values[call->count];
        if (!chat_evaluate(machine, item->a, value) || !chat_spend(machine, call->keyword_count / 16))
            return false;
        for (size_t i = 0; item->text.size && i < call->keyword_count; i++)
            if (text_equal(keywords[i].name, item->text))
                return chat_fail(machine, "the argument '%.*s' twice", (int)item->text.size, item->text.data);
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
    if (!chat_evaluate(machine, node->a, &callee) || !evaluate_arguments(machine, node->items, &call))
        return false;
    switch (callee.kind) {
    case VALUE_MACRO:
        return chat_call_macro(machine, callee.macro, &call, out);
    case VALUE_FUNCTION:
        if (!callee.function->run)
            return chat_fail(machine, "the function '%s' is not understood", callee.function->name);
        return callee.function->run(machine, &call, out);
    case VALUE_METHOD:
        return chat_method_call(machine, callee.method, &call, out);
    case VALUE_UNDEFINED:
        return fail_undefined(machine, &callee, "or may not be called");
    default:
        return chat_fail(machine, "a %s cannot be called", value_type(&callee));
    }
}

static bool evaluate_filter(struct machine *machine, const struct node *node, struct value *out)
{
    struct value value;
    struct call call;
    return chat_evaluate(machine, node->a, &value) && evaluate_arguments(machine, node->items, &call) &&
           chat_filter(machine, node->text, &value, &call, out);
}

static bool evaluate_test(struct machine *machine, const struct node *node, struct value *out)
{
    struct value value;
    struct call call;
    out->kind = VALUE_BOOL;
    return chat_evaluate(machine, node->a, &value) && evaluate_arguments(machine, node->items, &call) &&
           chat_test(machine, node->text, &value, &call, &out->truth);
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
    if (!chat_evaluate(machine, node->a, &left))
        return false;
    for (const struct node *operand = node->items; operand && out->truth; operand = operand->next) {
        if (!chat_evaluate(machine, operand->a, &right) ||
            !compare(machine, operand->operator, & left, &right, &out->truth))
            return false;
        left = right;
    }
    return true;
}

static bool evaluate_logic(struct machine *machine, const struct node *node, struct value *out)
{
    if (!chat_evaluate(machine, node->a, out))
        return false;
    return value_truth(out) == (node->kind == NODE_OR) || chat_evaluate(machine, node->b, out);
}

static bool evaluate_not(struct machine *machine, const struct node *node, struct value *out)
{
    struct value value;
    if (!chat_evaluate(machine, node->a, &value))
        return false;
    *out = value_bool(!value_truth(&value));
    return true;
}

static bool evaluate_choice(struct machine *machine, const struct node *node, struct value *out)
{
    struct value test;
    if (!chat_evaluate(machine, node->a, &test))
        return false;
    if (value_truth(&test))
        return chat_evaluate(machine, node->b, out);
    *out = value_undefined(TEXT("what an 'if' without 'else' gives"));
    return !node->c || chat_evaluate(machine, node->c, out);
}

static bool evaluate_kind(struct machine *machine, const struct node *node, struct value *out)
{
    struct value left, right;
    switch (node->kind) {
    case NODE_CONSTANT:
        *out = node->value;
        return true;
    case NODE_CAPTURED:
        *out = machine->captured;
        return true;
    case NODE_NAME:
        return evaluate_name(machine, node, out);
    case NODE_LIST:
    case NODE_TUPLE:
        return evaluate_list(machine, node, out);
    case NODE_DICT:
        return evaluate_dict(machine, node, out);
    case NODE_ATTRIBUTE:
        return chat_evaluate(machine, node->a, &left) && chat_attribute(machine, &left, node->text, out);
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
        return chat_evaluate(machine, node->a, &left) && value_sign(machine, node->kind == NODE_NEGATIVE, &left, out);
    case NODE_AND:
    case NODE_OR:
        return evaluate_logic(machine, node, out);
    case NODE_COMPARE:
        return evaluate_compare(machine, node, out);
    case NODE_BINARY:
        return chat_evaluate(machine, node->a, &left) && chat_evaluate(machine, node->b, &right) &&
               value_binary(machine, node->operator, & left, &right, out);
    case NODE_CONCAT:
        return evaluate_concat(machine, node, out);
    case NODE_CHOICE:
        return evaluate_choice(machine, node, out);
    default:
        return chat_fail(machine, "this is no expression");
    }
}
