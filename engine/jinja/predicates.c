/* Tests. jinja2/tests.py. */
#include "jinja/predicates.h"

#include "jinja/print.h"
#include "jinja/sequence.h"

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

/* `is` tells bools, none and undefined values apart from others; of the rest only the machine knows. */
static bool is_same(struct machine *machine, const struct value *value, const struct value *arguments, bool *out)
{
    const struct value *other = &arguments[0];
    *out = value->kind == other->kind && (value->kind == VALUE_NONE || value->truth == other->truth);
    return value->kind != other->kind || value->kind == VALUE_BOOL || value->kind == VALUE_NONE ||
           machine_fail(machine, "'sameas' of %s is not understood", value_type(value));
}

static bool is_equal(struct machine *machine, const struct value *value, const struct value *arguments, bool *out)
{
    return value_equal(machine, value, &arguments[0], out);
}

static const struct test_row {
    const char *name;
    const char *parameters;
    test_run *run; /* NULL: known to Jinja, not understood */
} rows[] = {
    {"!=", "", NULL},
    {"<", "", NULL},
    {"<=", "", NULL},
    {"==", "", NULL},
    {">", "", NULL},
    {">=", "", NULL},
    {"boolean", "", is_boolean},
    {"callable", "", NULL},
    {"defined", "", is_defined},
    {"divisibleby", "", NULL},
    {"eq", "-", is_equal},
    {"equalto", "-", is_equal},
    {"escaped", "", NULL},
    {"even", "", NULL},
    {"false", "", is_false},
    {"filter", "", NULL},
    {"float", "", NULL},
    {"ge", "", NULL},
    {"greaterthan", "", NULL},
    {"gt", "", NULL},
    {"in", "", NULL},
    {"integer", "", NULL},
    {"iterable", "", is_iterable},
    {"le", "", NULL},
    {"lessthan", "", NULL},
    {"lower", "", NULL},
    {"lt", "", NULL},
    {"mapping", "", is_mapping},
    {"ne", "", NULL},
    {"none", "", is_none},
    {"number", "", is_number},
    {"odd", "", NULL},
    {"sameas", "other", is_same},
    {"sequence", "", is_sequence},
    {"string", "", is_string},
    {"test", "", NULL},
    {"true", "", is_true},
    {"undefined", "", is_undefined},
    {"upper", "", NULL},
};

static const struct test_row *find(struct text name)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (text_is(name, rows[i].name))
            return &rows[i];
    return NULL;
}

bool predicate_known(struct text name)
{
    return find(name);
}

bool predicate_apply(struct machine *machine, struct text name, const struct value *value, const struct call *call,
                     bool *out)
{
    const struct test_row *row = find(name);
    struct value arguments[JINJA_PARAMETERS];
    if (!row)
        return machine_fail(machine, "there is no test '%.*s'", (int)name.size, name.data);
    if (!row->run)
        return machine_fail(machine, "the test '%s' is not understood", row->name);
    return machine_spend(machine, 2) &&
           call_bind(machine, row->name, call, row->parameters, *row->parameters != '\0', arguments) &&
           row->run(machine, value, arguments, out);
}
