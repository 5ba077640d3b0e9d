/* Values as text: Python's str and repr, and json.dumps. */
#include "jinja/print.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>

#include "text/utf8.h"

static bool print_repr(struct machine *machine, const struct value *value, struct buffer *out);

/* str.isprintable */
static bool is_printable(uint32_t code)
{
    static const uint32_t hidden = U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CS_MASK | U_GC_CO_MASK | U_GC_CN_MASK |
                                   U_GC_ZL_MASK | U_GC_ZP_MASK | U_GC_ZS_MASK;
    return code == ' ' || !(U_GET_GC_MASK((UChar32)code) & hidden);
}

/* A backslash, the letter, and the lowest digits of the code: many times as fast as printf. */
static void escape_code(char letter, uint32_t code, size_t digits, struct buffer *out)
{
    char text[10] = {'\\', letter};
    for (size_t i = 0; i < digits; i++)
        text[2 + i] = "0123456789abcdef"[code >> 4 * (digits - 1 - i) & 15];
    buffer_append(out, text, 2 + digits);
}

static void repr_code(uint32_t code, char quote, struct buffer *out)
{
    static const char plain[] = "\\\n\r\t", names[] = "\\nrt";
    const char *name = code && code < 0x80 ? strchr(plain, (int)code) : NULL;
    if (name)
        escape_code(names[name - plain], 0, 0, out);
    else if (code == (unsigned char)quote)
        escape_code(quote, 0, 0, out);
    else if (is_printable(code))
        utf8_append(out, code);
    else
        escape_code(code < 0x100     ? 'x'
                    : code < 0x10000 ? 'u'
                                     : 'U',
                    code,
                    code < 0x100     ? 2
                    : code < 0x10000 ? 4
                                     : 8,
                    out);
}

static void repr_text(struct text text, struct buffer *out)
{
    bool single = memchr(text.data, '\'', text.size), twice = memchr(text.data, '"', text.size);
    char quote = single && !twice ? '"' : '\'';
    buffer_char(out, quote);
    for (size_t at = 0; at < text.size;)
        repr_code(utf8_next(text.data, &at), quote, out);
    buffer_char(out, quote);
}

/* The fewest digits that read back as the number, as float.__repr__ writes them. */
static void repr_real(double real, struct buffer *out)
{
    char digits[40];
    int precision = 0;
    if (isnan(real) || isinf(real)) {
        buffer_text(out, isnan(real) ? "nan" : real > 0 ? "inf" : "-inf");
        return;
    }
    do
        snprintf(digits, sizeof digits, "%.*e", precision, real);
    while (strtod(digits, NULL) != real && ++precision < 17);
    int exponent = atoi(strchr(digits, 'e') + 1);
    if (exponent >= -4 && exponent < 16) {
        int places = precision - exponent;
        buffer_format(out, "%.*f", places > 1 ? places : 1, real);
        return;
    }
    *strchr(digits, 'e') = '\0';
    buffer_format(out, "%se%c%02d", digits, exponent < 0 ? '-' : '+', abs(exponent));
}

static bool repr_items(struct machine *machine, const struct list *list, const char *open, const char *close,
                       struct buffer *out)
{
    buffer_text(out, open);
    for (size_t i = 0; i < list->count; i++) {
        if (i)
            buffer_text(out, ", ");
        if (!print_repr(machine, &list->items[i], out))
            return false;
    }
    buffer_text(out, close);
    return true;
}

static bool repr_dict(struct machine *machine, const struct dict *dict, struct buffer *out)
{
    buffer_char(out, '{');
    for (size_t i = 0; i < dict->count; i++) {
        if (i)
            buffer_text(out, ", ");
        if (!print_repr(machine, &dict->keys[i], out))
            return false;
        buffer_text(out, ": ");
        if (!print_repr(machine, &dict->values[i], out))
            return false;
    }
    buffer_char(out, '}');
    return true;
}

static bool repr_range(const struct list *list, struct buffer *out)
{
    buffer_format(out, "range(%lld, %lld", (long long)list->start, (long long)list->stop);
    if (list->step != 1)
        buffer_format(out, ", %lld", (long long)list->step);
    buffer_char(out, ')');
    return true;
}

static bool print_kind(struct machine *machine, const struct value *value, struct buffer *out)
{
    switch (value->kind) {
    case VALUE_UNDEFINED:
        return buffer_text(out, "Undefined"), true;
    case VALUE_NONE:
        return buffer_text(out, "None"), true;
    case VALUE_BOOL:
        return buffer_text(out, value->truth ? "True" : "False"), true;
    case VALUE_INTEGER:
        return buffer_format(out, "%lld", (long long)value->integer), true;
    case VALUE_FLOAT:
        return repr_real(value->real, out), machine_spend(machine, 16);
    case VALUE_STRING:
        return repr_text(value->text, out), machine_spend(machine, value->text.size / 16);
    case VALUE_LIST:
        return repr_items(machine, value->list, "[", "]", out);
    case VALUE_TUPLE:
        return repr_items(machine, value->list, "(", value->list->count == 1 ? ",)" : ")", out);
    case VALUE_RANGE:
        return repr_range(value->list, out);
    case VALUE_DICT:
        return repr_dict(machine, value->dict, out);
    default:
        return machine_fail(machine, "printing %s is not understood", value_type(value));
    }
}

static bool print_repr(struct machine *machine, const struct value *value, struct buffer *out)
{
    if (!machine_enter(machine))
        return false;
    bool good = machine_spend(machine, 1) && print_kind(machine, value, out);
    machine->depth--;
    return good;
}

bool value_print(struct machine *machine, const struct value *value, struct buffer *out)
{
    if (value->kind == VALUE_UNDEFINED || value->kind == VALUE_ABSENT)
        return true;
    if (value->kind != VALUE_STRING && value->kind != VALUE_MARKUP)
        return print_repr(machine, value, out);
    buffer_append(out, value->text.data, value->text.size);
    return machine_spend(machine, value->text.size / 64);
}

bool value_string_of(struct machine *machine, const struct value *value, struct text *out)
{
    struct buffer text = {.maximum = JINJA_OUTPUT_MOST};
    struct value string;
    *out = value->text;
    if (value->kind == VALUE_STRING)
        return true;
    if (value->kind == VALUE_MARKUP)
        return machine_fail(machine, "working on a string marked as safe is not understood");
    if (!value_print(machine, value, &text)) {
        buffer_free(&text);
        return false;
    }
    bool good = value_take(machine, &text, &string);
    *out = string.text;
    return good;
}

/* --- JSON --- */

static void json_code(uint32_t code, bool ascii, struct buffer *out)
{
    static const char plain[] = "\"\\\n\r\t\f\b", names[] = "\"\\nrtfb";
    const char *name = code && code < 0x80 ? strchr(plain, (int)code) : NULL;
    if (name) {
        escape_code(names[name - plain], 0, 0, out);
    } else if (ascii && code >= 0x10000) {
        code -= 0x10000;
        escape_code('u', 0xD800 + (code >> 10), 4, out);
        escape_code('u', 0xDC00 + (code & 0x3FF), 4, out);
    } else if (code < 0x20 || (ascii && code >= 0x7F)) {
        escape_code('u', code, 4, out);
    } else {
        utf8_append(out, code);
    }
}

static void json_text(struct text text, bool ascii, struct buffer *out)
{
    buffer_char(out, '"');
    for (size_t at = 0; at < text.size;)
        json_code(utf8_next(text.data, &at), ascii, out);
    buffer_char(out, '"');
}

static void json_real(double real, struct buffer *out)
{
    if (isnan(real))
        buffer_text(out, "NaN");
    else if (isinf(real))
        buffer_text(out, real > 0 ? "Infinity" : "-Infinity");
    else
        repr_real(real, out);
}

/* A new line, where the style has lines. */
static bool json_line(struct machine *machine, const struct json_style *style, int level, struct buffer *out)
{
    if (!style->lines)
        return true;
    buffer_char(out, '\n');
    for (int i = 0; i < level && !out->failed; i++)
        buffer_append(out, style->indent.data, style->indent.size);
    return machine_spend(machine, (size_t)level);
}

static bool json_list(struct machine *machine, const struct list *list, const struct json_style *style, int level,
                      struct buffer *out)
{
    buffer_char(out, '[');
    for (size_t i = 0; i < list->count; i++) {
        if (i)
            buffer_append(out, style->item.data, style->item.size);
        if (!json_line(machine, style, level + 1, out) || !value_json(machine, &list->items[i], style, level + 1, out))
            return false;
    }
    if (list->count && !json_line(machine, style, level, out))
        return false;
    buffer_char(out, ']');
    return true;
}

static bool json_key(struct machine *machine, const struct value *key, const struct json_style *style,
                     struct buffer *out)
{
    if (key->kind == VALUE_STRING)
        return json_text(key->text, style->ascii, out), true;
    if (!value_is_number(key) && key->kind != VALUE_NONE)
        return machine_fail(machine, "tojson does not take a dict whose key is %s", value_type(key));
    buffer_char(out, '"');
    bool good = value_json(machine, key, style, 0, out);
    buffer_char(out, '"');
    return good;
}

/* The places of the keys in the order of their text; NULL on failure. */
static size_t *json_order(struct machine *machine, const struct dict *dict)
{
    size_t *order = machine_take(machine, (dict->count + 1) * sizeof *order);
    for (size_t i = 0; order && i < dict->count; i++) {
        size_t at = i;
        int compared = 0;
        for (; at; at--) {
            if (!value_compare(machine, &dict->keys[order[at - 1]], &dict->keys[i], &compared))
                return NULL;
            if (compared <= 0)
                break;
            order[at] = order[at - 1];
        }
        order[at] = i;
    }
    return order;
}

static bool json_dict(struct machine *machine, const struct dict *dict, const struct json_style *style, int level,
                      struct buffer *out)
{
    size_t *order = style->sorted ? json_order(machine, dict) : NULL;
    if (style->sorted && !order)
        return false;
    buffer_char(out, '{');
    for (size_t i = 0; i < dict->count; i++) {
        size_t at = order ? order[i] : i;
        if (i)
            buffer_append(out, style->item.data, style->item.size);
        if (!json_line(machine, style, level + 1, out) || !json_key(machine, &dict->keys[at], style, out))
            return false;
        buffer_append(out, style->key.data, style->key.size);
        if (!value_json(machine, &dict->values[at], style, level + 1, out))
            return false;
    }
    if (dict->count && !json_line(machine, style, level, out))
        return false;
    buffer_char(out, '}');
    return true;
}

static bool json_kind(struct machine *machine, const struct value *value, const struct json_style *style, int level,
                      struct buffer *out)
{
    switch (value->kind) {
    case VALUE_NONE:
        return buffer_text(out, "null"), true;
    case VALUE_BOOL:
        return buffer_text(out, value->truth ? "true" : "false"), true;
    case VALUE_INTEGER:
        return buffer_format(out, "%lld", (long long)value->integer), true;
    case VALUE_FLOAT:
        return json_real(value->real, out), machine_spend(machine, 16);
    case VALUE_STRING:
    case VALUE_MARKUP:
        return json_text(value->text, style->ascii, out), machine_spend(machine, value->text.size / 16);
    case VALUE_LIST:
    case VALUE_TUPLE:
        return json_list(machine, value->list, style, level, out);
    case VALUE_DICT:
        return json_dict(machine, value->dict, style, level, out);
    default:
        return machine_fail(machine, "tojson does not take %s", value_type(value));
    }
}

bool value_json(struct machine *machine, const struct value *value, const struct json_style *style, int level,
                struct buffer *out)
{
    if (!machine_enter(machine))
        return false;
    bool good = machine_spend(machine, 1) && json_kind(machine, value, style, level, out);
    machine->depth--;
    return good;
}
