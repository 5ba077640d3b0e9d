/* Tests. jinja2/tests.py. */
#include <string.h>

#include "jinja/template_internal.h"

typedef bool test_run(struct machine *machine, const struct value *value, const struct value *arguments, bool *out);

static bool is_defined(struct machine *machine, const struct value *value, const struct value *arguments, bool *out)
{
    (void)machine, (void)arguments;
    *out = value->kind != VALUE_UNDEFINED;
    return true;
}

static bool is_undefined(struct machine *machine, const struct value *value, const struct value *arguments, bool *out)
{
    (void)machine, (void)arguments;
    *out = value->kind == VALUE_UNDEFINED;
    return true;
}

static bool is_none(struct machine *machine, const struct value *value, const struct value *arguments, bool *out)
{
    (void)machine, (void)arguments;
    *out = value->kind == VALUE_NONE;
    return true;
}

static bool is_boolean(struct machine *machine, const struct value *value, const struct value *arguments, bool *out)
{
    (void)machine, (void)arguments;
    *out = value->kind == VALUE_BOOL;
    return true;
}

static bool is_true(struct machine *machine, const struct value *value, const struct value *arguments, bool *out)
{
    (void)machine, (void)arguments;
    *out = value->kind == VALUE_BOOL && value->truth;
    return true;
}

static bool is_false(struct machine *machine, const struct value *value, const struct value *arguments, bool *out)
{
    (void)machine, (void)arguments;
    *out = value->kind == VALUE_BOOL && !value->truth;
    return true;
}

static bool is_integer(struct machine *machine, const struct value *value, const struct value *arguments, bool *out)
{
    (void)machine, (void)arguments;
    *out = value->kind == VALUE_INTEGER;
    return true;
}

static bool is_float(struct machine *machine, const struct value *value, const struct value *arguments, bool *out)
{
    (void)machine, (void)arguments;
    *out = value->kind == VALUE_FLOAT;
    return true;
}

static bool is_number(struct machine *machine, const struct value *value, const struct value *arguments, bool *out)
{
    (void)machine, (void)arguments;
    *out = value_is_number(value);
    return true;
}

static bool is_string(struct machine *machine, const struct value *value, const struct value *arguments, bool *out)
{
    (void)machine, (void)arguments;
    *out = value->kind == VALUE_STRING || value->kind == VALUE_MARKUP;
    return true;
}

static bool is_mapping(struct machine *machine, const struct value *value, const struct value *arguments, bool *out)
{
    (void)machine, (void)arguments;
    *out = value->kind == VALUE_DICT;
    return true;
}

/* Has a length and items by index. An undefined value has both, until they are used. */
static bool is_sequence(struct machine *machine, const struct value *value, const struct value *arguments, bool *out)
{
    (void)machine, (void)arguments;
    *out = value->kind == VALUE_STRING || value->kind == VALUE_MARKUP || value->kind == VALUE_LIST ||
           value->kind == VALUE_TUPLE || value->kind == VALUE_RANGE || value->kind == VALUE_DICT ||
           value->kind == VALUE_UNDEFINED;
    return true;
}

static bool is_iterable(struct machine *machine, const struct value *value, const struct value *arguments, bool *out)
{
    bool sequence = is_sequence(machine, value, arguments, out) && *out;
    *out = sequence || value->kind == VALUE_VIEW || value->kind == VALUE_GENERATOR || value->kind == VALUE_LOOP;
    return true;
}

static bool is_callable(struct machine *machine, const struct value *value, const struct value *arguments, bool *out)
{
    (void)machine, (void)arguments;
    *out = value->kind == VALUE_MACRO || value->kind == VALUE_FUNCTION || value->kind == VALUE_METHOD ||
           value->kind == VALUE_LOOP || value->kind == VALUE_UNDEFINED;
    return true;
}

static bool in_case(struct machine *machine, const struct value *value, char how, bool *out)
{
    struct text text;
    return value_string_of(machine, value, &text) && string_is(machine, text, how, out);
}

static bool is_lower(struct machine *machine, const struct value *value, const struct value *arguments, bool *out)
{
    (void)arguments;
    return in_case(machine, value, 'l', out);
}

static bool is_upper(struct machine *machine, const struct value *value, const struct value *arguments, bool *out)
{
    (void)arguments;
    return in_case(machine, value, 'u', out);
}

/* value % by == rest */
static bool leaves(struct machine *machine, const struct value *value, const struct value *by, int64_t rest, bool *out)
{
    const struct value expected = value_integer(rest);
    struct value found;
    return value_binary(machine, '%', value, by, &found) && value_equal(machine, &found, &expected, out);
}

static bool is_odd(struct machine *machine, const struct value *value, const struct value *arguments, bool *out)
{
    const struct value two = value_integer(2);
    (void)arguments;
    return leaves(machine, value, &two, 1, out);
}

static bool is_even(struct machine *machine, const struct value *value, const struct value *arguments, bool *out)
{
    const struct value two = value_integer(2);
    (void)arguments;
    return leaves(machine, value, &two, 0, out);
}

static bool is_divisible(struct machine *machine, const struct value *value, const struct value *arguments, bool *out)
{
    return leaves(machine, value, &arguments[0], 0, out);
}

static bool is_in(struct machine *machine, const struct value *value, const struct value *arguments, bool *out)
{
    return value_contains(machine, &arguments[0], value, out);
}

/* `is` tells bools, none and undefined values apart from others; of the rest only the machine knows. */
static bool is_same(struct machine *machine, const struct value *value, const struct value *arguments, bool *out)
{
    const struct value *other = &arguments[0];
    *out = value->kind == other->kind && (value->kind == VALUE_NONE || value->truth == other->truth);
    return value->kind != other->kind || value->kind == VALUE_BOOL || value->kind == VALUE_NONE ||
           chat_fail(machine, "'sameas' of a %s is not understood", value_type(value));
}

static bool is_equal(struct machine *machine, const struct value *value, const struct value *arguments, bool *out)
{
    return value_equal(machine, value, &arguments[0], out);
}

static bool is_unequal(struct machine *machine, const struct value *value, const struct value *arguments, bool *out)
{
    bool good = value_equal(machine, value, &arguments[0], out);
    *out = !*out;
    return good;
}

static bool is_greater(struct machine *machine, const struct value *value, const struct value *arguments, bool *out)
{
    int order = 0;
    bool good = value_compare(machine, value, &arguments[0], &order);
    *out = order > 0;
    return good;
}

static bool is_less(struct machine *machine, const struct value *value, const struct value *arguments, bool *out)
{
    int order = 0;
    bool good = value_compare(machine, value, &arguments[0], &order);
    *out = order < 0;
    return good;
}

static bool is_at_least(struct machine *machine, const struct value *value, const struct value *arguments, bool *out)
{
    bool good = is_less(machine, value, arguments, out);
    *out = !*out;
    return good;
}

static bool is_at_most(struct machine *machine, const struct value *value, const struct value *arguments, bool *out)
{
    bool good = is_greater(machine, value, arguments, out);
    *out = !*out;
    return good;
}

static const struct test_row {
    const char *name;
    const char *parameters;
    test_run *run; /* NULL: known to Jinja, not understood */
} rows[] = {
    {"!=", "-", is_unequal},
    {"<", "-", is_less},
    {"<=", "-", is_at_most},
    {"==", "-", is_equal},
    {">", "-", is_greater},
    {">=", "-", is_at_least},
    {"boolean", "", is_boolean},
    {"callable", "", is_callable},
    {"defined", "", is_defined},
    {"divisibleby", "num", is_divisible},
    {"eq", "-", is_equal},
    {"equalto", "-", is_equal},
    {"escaped", "", NULL},
    {"even", "", is_even},
    {"false", "", is_false},
    {"filter", "", NULL},
    {"float", "", is_float},
    {"ge", "-", is_at_least},
    {"greaterthan", "-", is_greater},
    {"gt", "-", is_greater},
    {"in", "seq", is_in},
    {"integer", "", is_integer},
    {"iterable", "", is_iterable},
    {"le", "-", is_at_most},
    {"lessthan", "-", is_less},
    {"lower", "", is_lower},
    {"lt", "-", is_less},
    {"mapping", "", is_mapping},
    {"ne", "-", is_unequal},
    {"none", "", is_none},
    {"number", "", is_number},
    {"odd", "", is_odd},
    {"sameas", "other", is_same},
    {"sequence", "", is_sequence},
    {"string", "", is_string},
    {"test", "", NULL},
    {"true", "", is_true},
    {"undefined", "", is_undefined},
    {"upper", "", is_upper},
};

static const struct test_row *find(struct text name)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (text_is(name, rows[i].name))
            return &rows[i];
    return NULL;
}

bool chat_test_known(struct text name)
{
    return find(name);
}

bool chat_test(struct machine *machine, struct text name, const struct value *value, const struct call *call, bool *out)
{
    const struct test_row *row = find(name);
    struct value arguments[CHAT_PARAMETERS];
    if (!row)
        return chat_fail(machine, "no test '%.*s'", (int)name.size, name.data);
    if (!row->run)
        return chat_fail(machine, "the test '%s' is not understood", row->name);
    return call_bind(machine, row->name, call, row->parameters, *row->parameters != '\0', arguments) &&
           row->run(machine, value, arguments, out);
}
