/* Strings, lists and their kind as sequences. Python counts characters, not bytes. */
#include "jinja/sequence.h"

#include <string.h>

#include "text/utf8.h"

/* --- what for goes through --- */

static bool text_items(struct machine *machine, struct text text, struct list *list)
{
    for (size_t at = 0, from = 0; at < text.size; from = at) {
        utf8_next(text.data, &at);
        struct value item = value_string((struct text){text.data + from, at - from});
        if (!list_push(machine, list, &item))
            return false;
    }
    return true;
}

static bool rest_of(struct machine *machine, struct list *from, struct list *list)
{
    while (from->taken < from->count)
        if (!list_push(machine, list, &from->items[from->taken++]))
            return false;
    return true;
}

bool value_items(struct machine *machine, const struct value *value, struct list **out)
{
    *out = value->list;
    if (value->kind == VALUE_LIST || value->kind == VALUE_TUPLE || value->kind == VALUE_RANGE ||
        value->kind == VALUE_VIEW)
        return true;
    if (!(*out = list_new(machine)))
        return false;
    switch (value->kind) {
    case VALUE_UNDEFINED:
        return true;
    case VALUE_STRING:
        return text_items(machine, value->text, *out);
    case VALUE_GENERATOR:
        return rest_of(machine, value->list, *out);
    case VALUE_DICT:
        (*out)->items = value->dict->keys;
        (*out)->count = (*out)->capacity = value->dict->count;
        return true;
    default:
        return machine_fail(machine, "%s cannot be looped over", value_type(value));
    }
}

bool dict_pairs(struct machine *machine, const struct dict *dict, struct list **out)
{
    *out = list_new(machine);
    for (size_t i = 0; *out && i < dict->count; i++) {
        struct list *pair = list_new(machine);
        struct value item = value_list(VALUE_TUPLE, pair);
        if (!pair || !list_push(machine, pair, &dict->keys[i]) || !list_push(machine, pair, &dict->values[i]) ||
            !list_push(machine, *out, &item))
            return false;
    }
    return *out;
}

bool value_length(struct machine *machine, const struct value *value, int64_t *out)
{
    switch (value->kind) {
    case VALUE_UNDEFINED:
        *out = 0;
        return true;
    case VALUE_STRING:
    case VALUE_MARKUP:
        *out = (int64_t)text_length(value->text);
        return machine_spend(machine, value->text.size / 64);
    case VALUE_LIST:
    case VALUE_TUPLE:
    case VALUE_RANGE:
    case VALUE_VIEW:
        *out = (int64_t)value->list->count;
        return true;
    case VALUE_DICT:
        *out = (int64_t)value->dict->count;
        return true;
    case VALUE_LOOP:
        return machine_fail(machine, "the length of a loop is not understood");
    default:
        *out = -1;
        return true;
    }
}

static bool contains_item(struct machine *machine, const struct list *list, const struct value *item, bool *out)
{
    *out = false;
    for (size_t i = 0; !*out && i < list->count; i++)
        if (!value_equal(machine, &list->items[i], item, out))
            return false;
    return true;
}

bool value_contains(struct machine *machine, const struct value *in, const struct value *item, bool *out)
{
    *out = false;
    switch (in->kind) {
    case VALUE_UNDEFINED:
        return true;
    case VALUE_STRING:
        if (item->kind != VALUE_STRING)
            return machine_fail(machine, "%s cannot be in a string", value_type(item));
        *out = !item->text.size || memmem(in->text.data, in->text.size, item->text.data, item->text.size);
        return machine_spend(machine, in->text.size / 32);
    case VALUE_LIST:
    case VALUE_TUPLE:
    case VALUE_RANGE:
    case VALUE_VIEW:
        return contains_item(machine, in->list, item, out);
    case VALUE_DICT:
        if (!value_hashable(item))
            return machine_fail(machine, "%s cannot be a key", value_type(item));
        *out = dict_find(machine, in->dict, item);
        return !machine->error->text;
    default:
        return machine_fail(machine, "nothing can be in %s", value_type(in));
    }
}

/* --- parts --- */

bool value_at(struct machine *machine, const struct value *from, int64_t index, struct value *out)
{
    int64_t length = 0;
    *out = value_undefined(TEXT("an item"));
    if (!value_length(machine, from, &length))
        return false;
    index += index < 0 ? length : 0;
    if (index < 0 || index >= length)
        return true;
    if (from->kind == VALUE_STRING)
        *out = value_string(text_part(from->text, (size_t)index, 1));
    else
        *out = from->list->items[index];
    return true;
}

/* PySlice_AdjustIndices: where it begins, and how many there are. */
static int64_t slice_places(int64_t length, const struct value bounds[3], int64_t step, int64_t *start)
{
    int64_t stop = step > 0 ? length : -1;
    *start = step > 0 ? 0 : length - 1;
    for (int i = 0; i < 2; i++) {
        int64_t *bound = i ? &stop : start, low = step > 0 ? 0 : -1, high = step > 0 ? length : length - 1;
        int64_t given;
        if (!value_is_whole(&bounds[i], &given))
            continue;
        if (given < 0)
            given = given < -length ? -1 - length : given;
        given += given < 0 ? length : 0;
        *bound = given < low ? low : given > high ? high : given;
    }
    if (step > 0)
        return *start < stop ? (stop - *start - 1) / step + 1 : 0;
    return stop < *start ? (*start - stop - 1) / -step + 1 : 0;
}

static bool slice_text(struct machine *machine, struct text text, int64_t start, int64_t step, int64_t count,
                       struct value *out)
{
    struct value all = value_list(VALUE_LIST, NULL);
    struct buffer part = {.maximum = JINJA_OUTPUT_MOST};
    if (step == 1) {
        *out = value_string(text_part(text, (size_t)start, (size_t)count));
        return machine_spend(machine, text.size / 64);
    }
    if (!value_items(machine, &(struct value){.kind = VALUE_STRING, .text = text}, &all.list))
        return false;
    for (int64_t i = 0; i < count; i++) {
        struct text one = all.list->items[start + i * step].text;
        buffer_append(&part, one.data, one.size);
    }
    return value_take(machine, &part, out);
}

bool value_slice(struct machine *machine, const struct value *from, const struct value bounds[3], struct value *out)
{
    int64_t length = 0, step = 1, start, whole;
    for (int i = 0; i < 3; i++)
        if (bounds[i].kind != VALUE_ABSENT && bounds[i].kind != VALUE_NONE && !value_is_whole(&bounds[i], &whole))
            return machine_fail(machine, "a slice takes whole numbers, not %s", value_type(&bounds[i]));
    value_is_whole(&bounds[2], &step);
    if (from->kind != VALUE_STRING && from->kind != VALUE_LIST && from->kind != VALUE_TUPLE &&
        from->kind != VALUE_RANGE)
        return machine_fail(machine, "%s cannot be sliced", value_type(from));
    if (!step || !value_length(machine, from, &length))
        return machine_fail(machine, "the step of a slice is 0");
    step = step > length + 1 ? length + 1 : step < -length - 1 ? -length - 1 : step;
    int64_t count = slice_places(length, bounds, step, &start);
    if (from->kind == VALUE_STRING)
        return slice_text(machine, from->text, start, step, count, out);
    if (from->kind == VALUE_RANGE)
        return machine_fail(machine, "a slice of a range is not understood");
    struct list *list = list_new(machine);
    *out = value_list(from->kind, list);
    for (int64_t i = 0; list && i < count; i++)
        if (!list_push(machine, list, &from->list->items[start + i * step]))
            return false;
    return list;
}

bool value_range(struct machine *machine, int64_t start, int64_t stop, int64_t step, struct value *out)
{
    if (!step)
        return machine_fail(machine, "the step of a range is 0");
    /* as distances they fit */
    uint64_t span = step > 0 ? (uint64_t)stop - (uint64_t)start : (uint64_t)start - (uint64_t)stop;
    uint64_t by = step > 0 ? (uint64_t)step : -(uint64_t)step;
    uint64_t count = (step > 0 ? start < stop : start > stop) ? (span - 1) / by + 1 : 0;
    if (count > JINJA_RANGE_MOST)
        return machine_fail(machine, "a range has more than %d items", JINJA_RANGE_MOST);
    struct list *list = list_new(machine);
    if (!list)
        return false;
    *list = (struct list){.start = start, .stop = stop, .step = step};
    for (uint64_t i = 0; i < count; i++) {
        struct value item = value_integer((int64_t)((uint64_t)start + i * (uint64_t)step));
        if (!list_push(machine, list, &item))
            return false;
    }
    *out = value_list(VALUE_RANGE, list);
    return true;
}
