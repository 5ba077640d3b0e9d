/* Filters of single values; those of sequences are in series.c. jinja2/filters.py. */
#include "jinja/filters.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "jinja/operators.h"
#include "jinja/print.h"
#include "jinja/sequence.h"
#include "jinja/series.h"
#include "jinja/strings.h"

static bool needs(struct machine *machine, const struct value *value, const char *name)
{
    return machine_fail(machine, "the filter '%s' cannot be applied to %s", name, value_type(value));
}

static bool filter_trim(struct machine *machine, const struct value *value, const struct value *arguments,
                        struct value *out)
{
    struct text text;
    bool given = arguments[0].kind != VALUE_ABSENT && arguments[0].kind != VALUE_NONE;
    if (given && arguments[0].kind != VALUE_STRING)
        return needs(machine, &arguments[0], "trim");
    if (!value_string_of(machine, value, &text) ||
        !string_strip(machine, text, given ? &arguments[0].text : NULL, true, true, out))
        return false;
    return true;
}

static bool change_case(struct machine *machine, const struct value *value, char how, struct value *out)
{
    struct text text;
    return value_string_of(machine, value, &text) && string_case(machine, text, how, out);
}

static bool filter_upper(struct machine *machine, const struct value *value, const struct value *arguments,
                         struct value *out)
{
    (void)arguments;
    return change_case(machine, value, 'u', out);
}

static bool filter_lower(struct machine *machine, const struct value *value, const struct value *arguments,
                         struct value *out)
{
    (void)arguments;
    return change_case(machine, value, 'l', out);
}

static bool filter_capitalize(struct machine *machine, const struct value *value, const struct value *arguments,
                              struct value *out)
{
    (void)arguments;
    return change_case(machine, value, 'c', out);
}

static bool filter_string(struct machine *machine, const struct value *value, const struct value *arguments,
                          struct value *out)
{
    struct text text;
    (void)arguments;
    if (!value_string_of(machine, value, &text))
        return false;
    *out = value_string(text);
    return true;
}

static bool filter_safe(struct machine *machine, const struct value *value, const struct value *arguments,
                        struct value *out)
{
    struct text text;
    (void)arguments;
    if (!value_string_of(machine, value, &text))
        return false;
    *out = (struct value){.kind = VALUE_MARKUP, .text = text};
    return true;
}

static bool filter_default(struct machine *machine, const struct value *value, const struct value *arguments,
                           struct value *out)
{
    bool replaced = value->kind == VALUE_UNDEFINED || (value_truth(&arguments[1]) && !value_truth(value));
    (void)machine;
    *out = !replaced ? *value : arguments[0].kind == VALUE_ABSENT ? value_string(TEXT("")) : arguments[0];
    return true;
}

static bool filter_length(struct machine *machine, const struct value *value, const struct value *arguments,
                          struct value *out)
{
    int64_t length = 0;
    (void)arguments;
    if (!value_length(machine, value, &length))
        return false;
    *out = value_integer(length);
    return length >= 0 || needs(machine, value, "length");
}

/* --- numbers from text --- */

/* The text without white space around it and single underscores between digits; false: too long, or malformed. */
static bool number_text(struct text text, char out[64])
{
    size_t size = 0;
    text = text_strip(text, NULL, true, true);
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        bool inside = i && i + 1 < text.size && text.data[i - 1] >= '0' && text.data[i - 1] <= '9' &&
                      text.data[i + 1] >= '0' && text.data[i + 1] <= '9';
        if (c == '_' && inside)
            continue;
        if (size == 63 || !c || !strchr("0123456789+-.eE", c))
            return false;
        out[size++] = c;
    }
    out[size] = '\0';
    return size;
}

/* Is what Python takes for a number, spelled otherwise: infinity, nan, other scripts' digits, very long ones? */
static bool is_odd(struct text text)
{
    text = text_strip(text, NULL, true, true);
    char first = text.size ? text.data[0] : ' ';
    first = (first == '+' || first == '-') && text.size > 1 ? text.data[1] : first;
    return text.size >= 63 || (unsigned char)first >= 0x80 || ((first | 0x20) == 'i') || ((first | 0x20) == 'n');
}

static bool text_to_real(struct text text, double *out)
{
    char digits[64], *end = NULL;
    if (!number_text(text, digits))
        return false;
    *out = strtod(digits, &end);
    return !*end && end != digits;
}

static bool text_to_integer(struct text text, int64_t *out)
{
    char digits[64], *end = NULL;
    if (!number_text(text, digits))
        return false;
    errno = 0;
    *out = strtoll(digits, &end, 10);
    return !*end && end != digits && errno == 0;
}

static bool real_to_integer(struct machine *machine, double real, struct value *out)
{
    if (!(fabs(real) < 0x1p63))
        return machine_fail(machine, "the filter 'int' cannot be applied to a number beyond 64 bits");
    *out = value_integer((int64_t)real);
    return true;
}

static bool filter_int(struct machine *machine, const struct value *value, const struct value *arguments,
                       struct value *out)
{
    int64_t whole;
    double real;
    *out = arguments[0].kind == VALUE_ABSENT ? value_integer(0) : arguments[0];
    if (arguments[1].kind != VALUE_ABSENT)
        return machine_fail(machine, "the filter 'int' with a base is not understood");
    if (value->kind == VALUE_UNDEFINED || value->kind == VALUE_MARKUP)
        return needs(machine, value, "int");
    if (value->kind == VALUE_STRING && !machine_spend(machine, value->text.size / 8))
        return false;
    if (value->kind == VALUE_STRING && is_odd(value->text))
        return machine_fail(machine, "the filter 'int' of a string like this one is not understood");
    if (value->kind == VALUE_FLOAT)
        return real_to_integer(machine, value->real, out);
    if (value_is_whole(value, &whole) || (value->kind == VALUE_STRING && text_to_integer(value->text, &whole)))
        return *out = value_integer(whole), true;
    return value->kind != VALUE_STRING || !text_to_real(value->text, &real) || real_to_integer(machine, real, out);
}

/* --- text --- */

static bool filter_replace(struct machine *machine, const struct value *value, const struct value *arguments,
                           struct value *out)
{
    struct text text, old, new;
    int64_t most = -1;
    if (arguments[2].kind != VALUE_ABSENT && arguments[2].kind != VALUE_NONE && !value_is_whole(&arguments[2], &most))
        return needs(machine, &arguments[2], "replace");
    return value_string_of(machine, value, &text) && value_string_of(machine, &arguments[0], &old) &&
           value_string_of(machine, &arguments[1], &new) && string_replace(machine, text, old, new, most, out);
}

static bool indent_by(struct machine *machine, const struct value *width, struct value *out)
{
    int64_t count = 4;
    struct value space = value_string(TEXT(" "));
    *out = *width;
    if (width->kind == VALUE_STRING)
        return true;
    if (width->kind != VALUE_ABSENT && !value_is_whole(width, &count))
        return needs(machine, width, "indent");
    const struct value times = value_integer(count);
    return value_binary(machine, '*', &space, &times, out);
}

static bool filter_indent(struct machine *machine, const struct value *value, const struct value *arguments,
                          struct value *out)
{
    struct buffer text = {.maximum = JINJA_OUTPUT_MOST};
    struct value by, newline = value_string(TEXT("\n")), whole;
    struct list *lines = NULL;
    bool first = value_truth(&arguments[1]), blank = value_truth(&arguments[2]);
    if (value->kind != VALUE_STRING)
        return needs(machine, value, "indent");
    if (!indent_by(machine, &arguments[0], &by) || !value_binary(machine, '+', value, &newline, &whole) ||
        !string_lines(machine, whole.text, &lines))
        return false;
    for (size_t i = 0; i < lines->count; i++) {
        struct text line = lines->items[i].text;
        if (i)
            buffer_char(&text, '\n');
        if (i ? blank || line.size : first)
            buffer_append(&text, by.text.data, by.text.size);
        buffer_append(&text, line.data, line.size);
    }
    return value_take(machine, &text, out);
}

/* --- JSON --- */

static bool take_indent(struct machine *machine, const struct value *indent, struct json_style *style)
{
    int64_t count = 0;
    struct value space = value_string(TEXT(" ")), text;
    style->lines = indent->kind != VALUE_ABSENT && indent->kind != VALUE_NONE;
    if (!style->lines)
        return true;
    if (indent->kind != VALUE_STRING && !value_is_whole(indent, &count))
        return needs(machine, indent, "tojson");
    const struct value times = value_integer(count);
    text = *indent;
    if (indent->kind != VALUE_STRING && !value_binary(machine, '*', &space, &times, &text))
        return false;
    style->indent = text.text;
    return true;
}

static bool filter_tojson(struct machine *machine, const struct value *value, const struct value *arguments,
                          struct value *out)
{
    struct buffer text = {.maximum = JINJA_OUTPUT_MOST};
    struct json_style style = {
        .ascii = value_truth(&arguments[0]), .sorted = value_truth(&arguments[3]), .key = TEXT(": ")};
    const struct value *separators = &arguments[2];
    if (!take_indent(machine, &arguments[1], &style))
        return false;
    style.item = style.lines ? TEXT(",") : TEXT(", ");
    if (separators->kind != VALUE_ABSENT && separators->kind != VALUE_NONE) {
        struct list *pair;
        if (!value_items(machine, separators, &pair))
            return false;
        if (pair->count != 2 || pair->items[0].kind != VALUE_STRING || pair->items[1].kind != VALUE_STRING)
            return needs(machine, separators, "tojson");
        style.item = pair->items[0].text;
        style.key = pair->items[1].text;
    }
    if (value_json(machine, value, &style, 0, &text))
        return value_take(machine, &text, out);
    buffer_free(&text);
    return false;
}

/* --- filters of filters --- */

static bool map_attribute(struct machine *machine, const struct list *items, const struct call *call, struct list *out)
{
    const struct value *attribute = call_keyword(call, TEXT("attribute")),
                       *otherwise = call_keyword(call, TEXT("default"));
    struct value part;
    if (call->keyword_count > 1u + (otherwise != NULL))
        return machine_fail(machine, "the filter 'map' does not take these arguments");
    for (size_t i = 0; i < items->count; i++)
        if (!series_attribute(machine, &items->items[i], attribute, otherwise, &part) ||
            !list_push(machine, out, &part))
            return false;
    return true;
}

static bool filter_map(struct machine *machine, const struct value *value, const struct call *call, struct value *out)
{
    struct list *items;
    struct value part;
    *out = value_list(VALUE_GENERATOR, list_new(machine));
    if (!out->list)
        return false;
    if (!value_truth(value))
        return true;
    if (!value_items(machine, value, &items))
        return false;
    if (!call->count && call_keyword(call, TEXT("attribute")))
        return map_attribute(machine, items, call, out->list);
    if (!call->count || call->values[0].kind != VALUE_STRING)
        return machine_fail(machine, "the filter 'map' needs the name of a filter");
    struct call rest = call_rest(call, 1);
    for (size_t i = 0; i < items->count; i++)
        if (!filter_apply(machine, call->values[0].text, &items->items[i], &rest, &part) ||
            !list_push(machine, out->list, &part))
            return false;
    return true;
}

/* --- the table --- */

static const struct filter_row {
    const char *name, *parameters;
    size_t needed;
    filter_run *run;   /* both NULL: known to Jinja, not understood */
    filter_open *open; /* for filters that take any arguments */
} rows[] = {
    {"abs", "", 0, NULL, NULL},
    {"attr", "", 0, NULL, NULL},
    {"batch", "", 0, NULL, NULL},
    {"capitalize", "", 0, filter_capitalize, NULL},
    {"center", "", 0, NULL, NULL},
    {"count", "", 0, NULL, NULL},
    {"d", "", 0, NULL, NULL},
    {"default", "default_value boolean", 0, filter_default, NULL},
    {"dictsort", "case_sensitive by reverse", 0, filter_dictsort, NULL},
    {"e", "", 0, NULL, NULL},
    {"escape", "", 0, NULL, NULL},
    {"filesizeformat", "", 0, NULL, NULL},
    {"first", "", 0, filter_first, NULL},
    {"float", "", 0, NULL, NULL},
    {"forceescape", "", 0, NULL, NULL},
    {"format", "", 0, NULL, NULL},
    {"groupby", "", 0, NULL, NULL},
    {"indent", "width first blank", 0, filter_indent, NULL},
    {"int", "default base", 0, filter_int, NULL},
    {"items", "", 0, filter_items, NULL},
    {"join", "d attribute", 0, filter_join, NULL},
    {"last", "", 0, filter_last, NULL},
    {"length", "", 0, filter_length, NULL},
    {"list", "", 0, filter_list, NULL},
    {"lower", "", 0, filter_lower, NULL},
    {"map", "", 0, NULL, filter_map},
    {"max", "", 0, NULL, NULL},
    {"min", "case_sensitive attribute", 0, filter_min, NULL},
    {"pprint", "", 0, NULL, NULL},
    {"random", "", 0, NULL, NULL},
    {"reject", "", 0, NULL, filter_reject},
    {"rejectattr", "", 0, NULL, filter_rejectattr},
    {"replace", "old new count", 2, filter_replace, NULL},
    {"reverse", "", 0, NULL, NULL},
    {"round", "", 0, NULL, NULL},
    {"safe", "", 0, filter_safe, NULL},
    {"select", "", 0, NULL, NULL},
    {"selectattr", "", 0, NULL, filter_selectattr},
    {"slice", "", 0, NULL, NULL},
    {"sort", "reverse case_sensitive attribute", 0, filter_sort, NULL},
    {"string", "", 0, filter_string, NULL},
    {"striptags", "", 0, NULL, NULL},
    {"sum", "", 0, NULL, NULL},
    {"title", "", 0, NULL, NULL},
    {"tojson", "ensure_ascii indent separators sort_keys", 0, filter_tojson, NULL},
    {"trim", "chars", 0, filter_trim, NULL},
    {"truncate", "", 0, NULL, NULL},
    {"unique", "case_sensitive attribute", 0, filter_unique, NULL},
    {"upper", "", 0, filter_upper, NULL},
    {"urlencode", "", 0, NULL, NULL},
    {"urlize", "", 0, NULL, NULL},
    {"wordcount", "", 0, NULL, NULL},
    {"wordwrap", "", 0, NULL, NULL},
    {"xmlattr", "", 0, NULL, NULL},
};

static const struct filter_row *find(struct text name)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (text_is(name, rows[i].name))
            return &rows[i];
    return NULL;
}

bool filter_known(struct text name)
{
    return find(name);
}

bool filter_apply(struct machine *machine, struct text name, const struct value *value, const struct call *call,
                  struct value *out)
{
    const struct filter_row *row = find(name);
    struct value arguments[JINJA_PARAMETERS];
    if (!machine_spend(machine, 2))
        return false;
    if (!row)
        return machine_fail(machine, "there is no filter '%.*s'", (int)name.size, name.data);
    if (row->open)
        return row->open(machine, value, call, out);
    if (!row->run)
        return machine_fail(machine, "the filter '%s' is not understood", row->name);
    return call_bind(machine, row->name, call, row->parameters, row->needed, arguments) &&
           row->run(machine, value, arguments, out);
}
