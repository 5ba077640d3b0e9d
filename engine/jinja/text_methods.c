/* The methods of strings. */
#include "jinja/text_methods.h"

#include <string.h>

#include "jinja/call.h"
#include "jinja/print.h"
#include "jinja/sequence.h"
#include "jinja/strings.h"

static bool wants(struct machine *machine, const struct value *argument, const char *name)
{
    return machine_fail(machine, "'%s' does not take %s", name, value_type(argument));
}

static bool is_given(const struct value *argument)
{
    return argument->kind != VALUE_ABSENT && argument->kind != VALUE_NONE;
}

/* --- ends --- */

static bool begins(struct text text, struct text with)
{
    return with.size <= text.size && (!with.size || memcmp(text.data, with.data, with.size) == 0);
}

static bool finishes(struct text text, struct text with)
{
    return with.size <= text.size &&
           (!with.size || memcmp(text.data + text.size - with.size, with.data, with.size) == 0);
}

/* One string, or one of a tuple of them. */
static bool at_end(struct machine *machine, const struct value *self, const struct value *with,
                   bool (*is)(struct text text, struct text with), struct value *out)
{
    *out = value_bool(false);
    if (with->kind == VALUE_STRING)
        return out->truth = is(self->text, with->text), machine_spend(machine, with->text.size / 64);
    if (with->kind != VALUE_TUPLE)
        return wants(machine, with, "startswith");
    for (size_t i = 0; !out->truth && i < with->list->count; i++) {
        if (with->list->items[i].kind != VALUE_STRING)
            return wants(machine, &with->list->items[i], "startswith");
        out->truth = is(self->text, with->list->items[i].text);
        if (!machine_spend(machine, 1 + with->list->items[i].text.size / 64))
            return false;
    }
    return true;
}

bool method_startswith(struct machine *machine, const struct value *self, const struct value *arguments,
                       struct value *out)
{
    return at_end(machine, self, &arguments[0], begins, out);
}

bool method_endswith(struct machine *machine, const struct value *self, const struct value *arguments,
                     struct value *out)
{
    return at_end(machine, self, &arguments[0], finishes, out);
}

static bool strip(struct machine *machine, const struct value *self, const struct value *characters, bool left,
                  bool right, struct value *out)
{
    bool given = is_given(characters);
    if (given && characters->kind != VALUE_STRING)
        return wants(machine, characters, "strip");
    return string_strip(machine, self->text, given ? &characters->text : NULL, left, right, out);
}

bool method_strip(struct machine *machine, const struct value *self, const struct value *arguments, struct value *out)
{
    return strip(machine, self, &arguments[0], true, true, out);
}

bool method_lstrip(struct machine *machine, const struct value *self, const struct value *arguments, struct value *out)
{
    return strip(machine, self, &arguments[0], true, false, out);
}

bool method_rstrip(struct machine *machine, const struct value *self, const struct value *arguments, struct value *out)
{
    return strip(machine, self, &arguments[0], false, true, out);
}

/* --- parts --- */

bool method_split(struct machine *machine, const struct value *self, const struct value *arguments, struct value *out)
{
    int64_t most = -1;
    bool given = is_given(&arguments[0]);
    if (given && (arguments[0].kind != VALUE_STRING || !arguments[0].text.size))
        return wants(machine, &arguments[0], "split");
    if (arguments[1].kind != VALUE_ABSENT && !value_is_whole(&arguments[1], &most))
        return wants(machine, &arguments[1], "split");
    *out = value_list(VALUE_LIST, NULL);
    return string_split(machine, self->text, given ? &arguments[0].text : NULL, most, &out->list);
}

bool method_replace(struct machine *machine, const struct value *self, const struct value *arguments, struct value *out)
{
    int64_t most = -1;
    for (int i = 0; i < 2; i++)
        if (arguments[i].kind != VALUE_STRING)
            return wants(machine, &arguments[i], "replace");
    if (arguments[2].kind != VALUE_ABSENT && !value_is_whole(&arguments[2], &most))
        return wants(machine, &arguments[2], "replace");
    return string_replace(machine, self->text, arguments[0].text, arguments[1].text, most, out);
}

/* The fields "{}", one for each argument; "{{" and "}}" are braces. */
bool method_format(struct machine *machine, const struct value *self, const struct value *arguments, struct value *out)
{
    struct buffer text = {.maximum = JINJA_OUTPUT_MOST};
    size_t given = 0;
    bool good = true;
    for (size_t at = 0; good && at < self->text.size; at++) {
        char c = self->text.data[at], next = at + 1 < self->text.size ? self->text.data[at + 1] : '\0';
        bool brace = c == '{' || c == '}';
        at += brace;
        if (!brace || c == next)
            buffer_char(&text, c);
        else if (c == '}' || next != '}')
            good = machine_fail(machine, "'format' with a field other than {} is not understood");
        else if (given == JINJA_PARAMETERS || arguments[given].kind == VALUE_ABSENT)
            good = machine_fail(machine, "'format' is called with too few arguments");
        else
            good = value_print(machine, &arguments[given++], &text);
    }
    if (good && machine_spend(machine, self->text.size / 16))
        return value_take(machine, &text, out);
    buffer_free(&text);
    return false;
}

/* --- case --- */

bool method_capitalize(struct machine *machine, const struct value *self, const struct value *arguments,
                       struct value *out)
{
    (void)arguments;
    return string_case(machine, self->text, 'c', out);
}

bool method_title(struct machine *machine, const struct value *self, const struct value *arguments, struct value *out)
{
    (void)arguments;
    return string_case(machine, self->text, 't', out);
}
