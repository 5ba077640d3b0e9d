/* The methods of strings and dicts. */
#include "jinja/methods.h"

#include <string.h>

#include "jinja/sequence.h"
#include "jinja/text_methods.h"

static bool wants(struct machine *machine, const struct value *argument, const char *name)
{
    return machine_fail(machine, "'%s' does not take %s", name, value_type(argument));
}

/* --- dicts --- */

static bool run_get(struct machine *machine, const struct value *self, const struct value *arguments, struct value *out)
{
    if (!value_hashable(&arguments[0]))
        return wants(machine, &arguments[0], "get");
    const struct value *member = dict_find(machine, self->dict, &arguments[0]);
    *out = (struct value){.kind = VALUE_NONE};
    if (member)
        *out = *member;
    else if (arguments[1].kind != VALUE_ABSENT)
        *out = arguments[1];
    return !machine->error->text;
}

static bool run_items(struct machine *machine, const struct value *self, const struct value *arguments,
                      struct value *out)
{
    (void)arguments;
    *out = value_list(VALUE_VIEW, NULL);
    return dict_pairs(machine, self->dict, &out->list);
}

/* --- the table --- */

struct method_row {
    enum value_kind kind;
    const char *name, *parameters;
    size_t needed;
    method_run *run; /* NULL: known to Python, not understood */
};

static const struct method_row rows[] = {
    {VALUE_STRING, "capitalize", "", 0, method_capitalize},
    {VALUE_STRING, "endswith", "-", 1, method_endswith},
    {VALUE_STRING, "format", "- - - - - -", 0, method_format},
    {VALUE_STRING, "lstrip", "-", 0, method_lstrip},
    {VALUE_STRING, "replace", "- - -", 2, method_replace},
    {VALUE_STRING, "rstrip", "-", 0, method_rstrip},
    {VALUE_STRING, "split", "sep maxsplit", 0, method_split},
    {VALUE_STRING, "startswith", "-", 1, method_startswith},
    {VALUE_STRING, "strip", "-", 0, method_strip},
    {VALUE_STRING, "title", "", 0, method_title},
    {VALUE_DICT, "get", "- -", 1, run_get},
    {VALUE_DICT, "items", "", 0, run_items},
};

struct method {
    const struct method_row *row;
    struct text name;
    struct value self;
};

/* What else Python has under names, apart from those that begin with an underscore. */
static const struct names_row {
    enum value_kind kind;
    const char *known;  /* not understood */
    const char *unsafe; /* changes the value: the sandbox makes it undefined */
} names[] = {
    {VALUE_STRING,
     "casefold center count encode expandtabs find format_map index isalnum isalpha isascii isdecimal isdigit "
     "isidentifier islower isnumeric isprintable isspace istitle isupper join ljust lower maketrans partition "
     "removeprefix removesuffix rfind rindex rjust rpartition rsplit splitlines swapcase translate upper zfill",
     ""},
    {VALUE_DICT, "copy fromkeys keys values", "clear pop popitem setdefault update"},
    {VALUE_LIST, "copy count index", "append clear extend insert pop remove reverse sort"},
    {VALUE_TUPLE, "count index", ""},
    {VALUE_BOOL,
     "as_integer_ratio bit_count bit_length conjugate denominator from_bytes imag is_integer numerator real to_bytes",
     ""},
    {VALUE_INTEGER,
     "as_integer_ratio bit_count bit_length conjugate denominator from_bytes imag is_integer numerator real to_bytes",
     ""},
    {VALUE_FLOAT, "as_integer_ratio conjugate fromhex hex imag is_integer real", ""},
    {VALUE_RANGE, "count index start stop step", ""},
    {VALUE_VIEW, "isdisjoint mapping", ""},
    {VALUE_GENERATOR, "close send throw gi_code gi_frame gi_running gi_suspended gi_yieldfrom", ""},
};

static bool is_word_of(const char *words, struct text name)
{
    for (const char *at = words; *at;) {
        size_t length = strcspn(at, " ");
        if (text_equal((struct text){at, length}, name))
            return true;
        at += length + (at[length] == ' ');
    }
    return false;
}

static bool make_method(struct machine *machine, const struct value *self, const struct method_row *row,
                        struct text name, struct value *out)
{
    struct method *method = machine_take(machine, sizeof *method);
    if (!method)
        return false;
    *method = (struct method){row, name, *self};
    *out = (struct value){.kind = VALUE_METHOD, .method = method};
    return true;
}

bool method_find(struct machine *machine, const struct value *self, struct text name, struct value *out)
{
    static const struct method_row unknown = {.run = NULL};
    out->kind = VALUE_ABSENT;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].kind == self->kind && text_is(name, rows[i].name))
            return make_method(machine, self, &rows[i], name, out);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].kind != self->kind)
            continue;
        if (!machine_spend(machine, 8))
            return false;
        if (is_word_of(names[i].unsafe, name))
            *out = value_undefined(name);
        else if (is_word_of(names[i].known, name))
            return make_method(machine, self, &unknown, name, out);
    }
    return true;
}

bool method_call(struct machine *machine, const struct method *method, const struct call *call, struct value *out)
{
    const struct method_row *row = method->row;
    struct value arguments[JINJA_PARAMETERS];
    if (!row->run)
        return machine_fail(machine, "the method '%.*s' of %s is not understood", (int)method->name.size,
                            method->name.data, value_type(&method->self));
    return call_bind(machine, row->name, call, row->parameters, row->needed, arguments) &&
           row->run(machine, &method->self, arguments, out);
}
