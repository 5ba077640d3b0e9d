/* The methods of strings. */
#include <string.h>

#include "jinja/template_internal.h"

static bool wants(struct machine *machine, const struct value *argument, const char *name)
{
    return chat_fail(machine, "'%s' with a %s", name, value_type(argument));
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
        return out->truth = is(self->text, with->text), true;
    if (with->kind != VALUE_TUPLE)
        return wants(machine, with, "startswith");
    for (size_t i = 0; !out->truth && i < with->list->count; i++) {
        if (with->list->items[i].kind != VALUE_STRING)
            return wants(machine, &with->list->items[i], "startswith");
        out->truth = is(self->text, with->list->items[i].text);
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

bool method_removeprefix(struct machine *machine, const struct value *self, const struct value *arguments,
                         struct value *out)
{
    struct text text = self->text, with = arguments[0].text;
    if (arguments[0].kind != VALUE_STRING)
        return wants(machine, &arguments[0], "removeprefix");
    size_t size = begins(text, with) ? with.size : 0;
    *out = value_string((struct text){text.data + size, text.size - size});
    return true;
}

bool method_removesuffix(struct machine *machine, const struct value *self, const struct value *arguments,
                         struct value *out)
{
    struct text text = self->text, with = arguments[0].text;
    if (arguments[0].kind != VALUE_STRING)
        return wants(machine, &arguments[0], "removesuffix");
    *out = value_string((struct text){text.data, text.size - (finishes(text, with) ? with.size : 0)});
    return true;
}

static bool strip(struct machine *machine, const struct value *self, const struct value *characters, bool left,
                  bool right, struct value *out)
{
    bool given = is_given(characters);
    if (given && characters->kind != VALUE_STRING)
        return wants(machine, characters, "strip");
    if (!chat_spend(machine, self->text.size / 64 * (1 + (given ? characters->text.size : 0))))
        return false;
    *out = value_string(text_strip(self->text, given ? &characters->text : NULL, left, right));
    return true;
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

static bool split(struct machine *machine, const struct value *self, const struct value *arguments, bool right,
                  struct value *out)
{
    int64_t most = -1;
    bool given = is_given(&arguments[0]);
    if (given && (arguments[0].kind != VALUE_STRING || !arguments[0].text.size))
        return wants(machine, &arguments[0], "split");
    if (arguments[1].kind != VALUE_ABSENT && !value_is_whole(&arguments[1], &most))
        return wants(machine, &arguments[1], "split");
    *out = value_list(VALUE_LIST, NULL);
    return string_split(machine, self->text, given ? &arguments[0].text : NULL, most, right, &out->list);
}

bool method_split(struct machine *machine, const struct value *self, const struct value *arguments, struct value *out)
{
    return split(machine, self, arguments, false, out);
}

bool method_rsplit(struct machine *machine, const struct value *self, const struct value *arguments, struct value *out)
{
    return split(machine, self, arguments, true, out);
}

bool method_splitlines(struct machine *machine, const struct value *self, const struct value *arguments,
                       struct value *out)
{
    *out = value_list(VALUE_LIST, NULL);
    return string_lines(machine, self->text, value_truth(&arguments[0]), &out->list);
}

/* (before, separator, behind) */
static bool partition(struct machine *machine, const struct value *self, const struct value *separator, bool right,
                      struct value *out)
{
    struct list *parts, *three = list_new(machine);
    struct value empty = value_string(TEXT(""));
    if (separator->kind != VALUE_STRING || !separator->text.size)
        return wants(machine, separator, "partition");
    if (!three || !string_split(machine, self->text, &separator->text, 1, right, &parts))
        return false;
    bool found = parts->count == 2;
    const struct value *whole = &parts->items[0];
    *out = value_list(VALUE_TUPLE, three);
    return list_push(machine, three, found || !right ? whole : &empty) &&
           list_push(machine, three, found ? separator : &empty) &&
           list_push(machine, three,
                     found   ? &parts->items[1]
                     : right ? whole
                             : &empty);
}

bool method_partition(struct machine *machine, const struct value *self, const struct value *arguments,
                      struct value *out)
{
    return partition(machine, self, &arguments[0], false, out);
}

bool method_rpartition(struct machine *machine, const struct value *self, const struct value *arguments,
                       struct value *out)
{
    return partition(machine, self, &arguments[0], true, out);
}

bool method_join(struct machine *machine, const struct value *self, const struct value *arguments, struct value *out)
{
    struct list *items;
    return value_items(machine, &arguments[0], &items) && string_join(machine, self->text, items, true, out);
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
    struct buffer text = {.maximum = CHAT_OUTPUT_MOST};
    size_t given = 0;
    bool good = true;
    for (size_t at = 0; good && at < self->text.size; at++) {
        char c = self->text.data[at], next = at + 1 < self->text.size ? self->text.data[at + 1] : '\0';
        bool brace = c == '{' || c == '}';
        at += brace;
        if (!brace || c == next)
            buffer_char(&text, c);
        else if (c == '}' || next != '}')
            good = chat_fail(machine, "'format' with a field other than {} is not understood");
        else if (given == CHAT_PARAMETERS || arguments[given].kind == VALUE_ABSENT)
            good = chat_fail(machine, "'format' with too few arguments");
        else
            good = value_print(machine, &arguments[given++], &text);
    }
    if (good && chat_spend(machine, self->text.size / 16))
        return value_take(machine, &text, out);
    buffer_free(&text);
    return false;
}

/* --- search --- */

/* The byte at which the first or last begins; SIZE_MAX: it is not there, or an error is set. */
static size_t place_of(struct machine *machine, struct text text, struct text what, bool last)
{
    const char *found = memmem(text.data, text.size, what.data, what.size);
    size_t at = text.size - what.size;
    if (!found)
        return SIZE_MAX;
    while (last && memcmp(text.data + at, what.data, what.size) != 0) {
        at--;
        if (!chat_spend(machine, 1 + what.size / 64))
            return SIZE_MAX;
    }
    return last ? at : (size_t)(found - text.data);
}

static bool find(struct machine *machine, const struct value *self, const struct value *what, bool last,
                 struct value *out)
{
    if (what->kind != VALUE_STRING)
        return wants(machine, what, "find");
    if (!what->text.size)
        return chat_fail(machine, "a search for an empty string is not understood");
    size_t place = place_of(machine, self->text, what->text, last);
    *out = value_integer(place == SIZE_MAX ? -1 : (int64_t)text_length((struct text){self->text.data, place}));
    return !machine->error->text && chat_spend(machine, self->text.size / 16);
}

bool method_find(struct machine *machine, const struct value *self, const struct value *arguments, struct value *out)
{
    return find(machine, self, &arguments[0], false, out);
}

bool method_rfind(struct machine *machine, const struct value *self, const struct value *arguments, struct value *out)
{
    return find(machine, self, &arguments[0], true, out);
}

bool method_index(struct machine *machine, const struct value *self, const struct value *arguments, struct value *out)
{
    return find(machine, self, &arguments[0], false, out) &&
           (out->integer >= 0 || chat_fail(machine, "'index' of what is not there"));
}

bool method_count(struct machine *machine, const struct value *self, const struct value *arguments, struct value *out)
{
    struct text text = self->text, what = arguments[0].text;
    const char *found;
    if (arguments[0].kind != VALUE_STRING || !what.size)
        return wants(machine, &arguments[0], "count");
    for (*out = value_integer(0); (found = memmem(text.data, text.size, what.data, what.size)); out->integer++) {
        size_t end = (size_t)(found - text.data) + what.size;
        text = (struct text){text.data + end, text.size - end};
    }
    return chat_spend(machine, self->text.size / 16);
}

/* --- case and kind --- */

bool method_upper(struct machine *machine, const struct value *self, const struct value *arguments, struct value *out)
{
    (void)arguments;
    return string_case(machine, self->text, 'u', out);
}

bool method_lower(struct machine *machine, const struct value *self, const struct value *arguments, struct value *out)
{
    (void)arguments;
    return string_case(machine, self->text, 'l', out);
}

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

static bool kind(struct machine *machine, const struct value *self, char what, struct value *out)
{
    *out = value_bool(false);
    return string_is(machine, self->text, what, &out->truth);
}

bool method_isalpha(struct machine *machine, const struct value *self, const struct value *arguments, struct value *out)
{
    (void)arguments;
    return kind(machine, self, 'a', out);
}

bool method_isalnum(struct machine *machine, const struct value *self, const struct value *arguments, struct value *out)
{
    (void)arguments;
    return kind(machine, self, 'n', out);
}

bool method_isdigit(struct machine *machine, const struct value *self, const struct value *arguments, struct value *out)
{
    (void)arguments;
    return kind(machine, self, 'd', out);
}

bool method_isspace(struct machine *machine, const struct value *self, const struct value *arguments, struct value *out)
{
    (void)arguments;
    return kind(machine, self, 's', out);
}

bool method_isupper(struct machine *machine, const struct value *self, const struct value *arguments, struct value *out)
{
    (void)arguments;
    return kind(machine, self, 'u', out);
}

bool method_islower(struct machine *machine, const struct value *self, const struct value *arguments, struct value *out)
{
    (void)arguments;
    return kind(machine, self, 'l', out);
}
