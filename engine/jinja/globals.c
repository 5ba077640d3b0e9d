/* The functions that a template finds. */
#include "jinja/globals.h"

#include <string.h>
#include <time.h>

#include "jinja/print.h"
#include "jinja/sequence.h"
#include "jinja/template.h"

#define TIME_TEXT_MOST 1024

static bool run_raise(struct machine *machine, const struct call *call, struct value *out)
{
    struct value arguments[JINJA_PARAMETERS];
    struct text text;
    (void)out;
    if (!call_bind(machine, "raise_exception", call, "message", 1, arguments) ||
        !value_string_of(machine, &arguments[0], &text))
        return false;
    return machine_fail(machine, "the template refuses: %.*s", (int)(text.size < 500 ? text.size : 500), text.data);
}

/* What strftime writes without a zone of time and alike in C and Python. */
static bool judge_format(struct machine *machine, struct text format)
{
    for (size_t i = 0; i < format.size; i++) {
        if (!format.data[i])
            return machine_fail(machine, "strftime_now does not take a NUL character");
        if (format.data[i] != '%')
            continue;
        i++;
        if (i == format.size || !format.data[i] || !strchr("aAbBcdDeFgGhHIjklmMnprRStTuUVwWxXyYC%", format.data[i]))
            return machine_fail(machine, "strftime_now with '%.*s' is not understood", (int)format.size, format.data);
    }
    return true;
}

static bool run_strftime(struct machine *machine, const struct call *call, struct value *out)
{
    struct value arguments[JINJA_PARAMETERS];
    char format[TIME_TEXT_MOST / 4], text[TIME_TEXT_MOST * 4];
    time_t now = machine->source->now ? machine->source->now : time(NULL);
    struct tm local;
    if (!call_bind(machine, "strftime_now", call, "format", 1, arguments))
        return false;
    if (arguments[0].kind != VALUE_STRING || arguments[0].text.size >= sizeof format)
        return machine_fail(machine, "strftime_now takes a short string, not %s", value_type(&arguments[0]));
    if (!judge_format(machine, arguments[0].text))
        return false;
    memcpy(format, arguments[0].text.data, arguments[0].text.size);
    format[arguments[0].text.size] = '\0';
    if (!localtime_r(&now, &local))
        return machine_fail(machine, "strftime_now does not know the time");
    size_t size = strftime(text, sizeof text, format, &local);
    return value_copy(machine, text, size, out);
}

static bool run_range(struct machine *machine, const struct call *call, struct value *out)
{
    struct value arguments[JINJA_PARAMETERS];
    int64_t numbers[3] = {0, 0, 1};
    if (!call_bind(machine, "range", call, "- - -", 1, arguments))
        return false;
    for (size_t i = 0; i < call->count; i++)
        if (!value_is_whole(&arguments[i], &numbers[i]))
            return machine_fail(machine, "range takes whole numbers, not %s", value_type(&arguments[i]));
    return call->count == 1 ? value_range(machine, 0, numbers[0], 1, out)
                            : value_range(machine, numbers[0], numbers[1], numbers[2], out);
}

static bool put_pair(struct machine *machine, struct dict *dict, const struct value *pair)
{
    struct list *items;
    if (!value_items(machine, pair, &items))
        return false;
    return items->count == 2
               ? dict_put(machine, dict, &items->items[0], &items->items[1])
               : machine_fail(machine, "dict takes pairs of a key and a value, and was given something else");
}

/* dict(other dict or pairs, name=value ...) */
static bool fill_dict(struct machine *machine, const struct call *call, struct dict *dict)
{
    struct list *items;
    if (call->count > 1)
        return machine_fail(machine, "'dict' takes one argument, not %zu", call->count);
    if (call->count && call->values[0].kind == VALUE_UNDEFINED)
        return machine_fail(machine, "'%.*s' is undefined, and makes no dict", (int)call->values[0].text.size,
                            call->values[0].text.data);
    if (call->count && call->values[0].kind == VALUE_DICT) {
        const struct dict *from = call->values[0].dict;
        for (size_t i = 0; i < from->count; i++)
            if (!dict_put(machine, dict, &from->keys[i], &from->values[i]))
                return false;
    } else if (call->count) {
        if (!value_items(machine, &call->values[0], &items))
            return false;
        for (size_t i = 0; i < items->count; i++)
            if (!put_pair(machine, dict, &items->items[i]))
                return false;
    }
    for (size_t i = 0; i < call->keyword_count; i++) {
        struct value key = value_string(call->keywords[i].name);
        if (!dict_put(machine, dict, &key, &call->keywords[i].value))
            return false;
    }
    return true;
}

static bool run_dict(struct machine *machine, const struct call *call, struct value *out)
{
    *out = (struct value){.kind = VALUE_DICT, .dict = dict_new(machine)};
    return out->dict && fill_dict(machine, call, out->dict);
}

static bool run_namespace(struct machine *machine, const struct call *call, struct value *out)
{
    *out = (struct value){.kind = VALUE_NAMESPACE, .dict = dict_new(machine)};
    if (!out->dict || !fill_dict(machine, call, out->dict))
        return false;
    for (size_t i = 0; i < out->dict->count; i++) {
        const struct value *key = &out->dict->keys[i];
        if (key->kind == VALUE_STRING && key->text.size && key->text.data[0] == '_')
            return machine_fail(machine, "the attribute '%.*s' of a namespace cannot be set", (int)key->text.size,
                                key->text.data);
    }
    return true;
}

const struct function_row *global_find(struct text name)
{
    static const struct function_row rows[] = {
        {"raise_exception", run_raise},
        {"strftime_now", run_strftime},
        {"range", run_range},
        {"dict", run_dict},
        {"namespace", run_namespace},
        {"cycler", NULL},
        {"joiner", NULL},
        {"lipsum", NULL},
        {"self", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (text_is(name, rows[i].name))
            return &rows[i];
    return NULL;
}
