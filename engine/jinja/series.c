/* Filters over sequences. jinja2/filters.py. */
#include "jinja/series.h"

#include <string.h>

#include "jinja/attributes.h"
#include "jinja/predicates.h"
#include "jinja/print.h"
#include "jinja/sequence.h"
#include "jinja/strings.h"

static bool generator(struct machine *machine, struct value *out)
{
    *out = value_list(VALUE_GENERATOR, list_new(machine));
    return out->list;
}

bool filter_first(struct machine *machine, const struct value *value, const struct value *arguments, struct value *out)
{
    struct list *items;
    (void)arguments;
    *out = value_undefined(TEXT("the first item of an empty sequence"));
    if (value->kind == VALUE_GENERATOR) {
        if (value->list->taken < value->list->count)
            *out = value->list->items[value->list->taken++];
        return true;
    }
    if (!value_items(machine, value, &items))
        return false;
    if (items->count)
        *out = items->items[0];
    return true;
}

bool filter_last(struct machine *machine, const struct value *value, const struct value *arguments, struct value *out)
{
    struct list *items;
    (void)arguments;
    *out = value_undefined(TEXT("the last item of an empty sequence"));
    if (value->kind == VALUE_GENERATOR)
        return machine_fail(machine, "the filter 'last' cannot be applied to a generator");
    if (!value_items(machine, value, &items))
        return false;
    if (items->count)
        *out = items->items[items->count - 1];
    return true;
}

bool filter_list(struct machine *machine, const struct value *value, const struct value *arguments, struct value *out)
{
    struct list *items;
    (void)arguments;
    if (!value_items(machine, value, &items))
        return false;
    *out = value_list(VALUE_LIST, items);
    return true;
}

bool filter_items(struct machine *machine, const struct value *value, const struct value *arguments, struct value *out)
{
    (void)arguments;
    if (value->kind == VALUE_UNDEFINED)
        return generator(machine, out);
    if (value->kind != VALUE_DICT)
        return machine_fail(machine, "the filter 'items' cannot be applied to %s", value_type(value));
    *out = value_list(VALUE_GENERATOR, NULL);
    return dict_pairs(machine, value->dict, &out->list);
}

/* --- attributes --- */

bool series_attribute(struct machine *machine, const struct value *item, const struct value *attribute,
                      const struct value *otherwise, struct value *out)
{
    *out = *item;
    if (attribute->kind == VALUE_ABSENT || attribute->kind == VALUE_NONE)
        return true;
    if (attribute->kind != VALUE_STRING && attribute->kind != VALUE_INTEGER)
        return machine_fail(machine, "an attribute cannot be named by %s", value_type(attribute));
    struct text rest = attribute->kind == VALUE_STRING ? attribute->text : TEXT("");
    for (bool more = true; more;) {
        const char *dot = rest.size ? memchr(rest.data, '.', rest.size) : NULL;
        size_t size = dot ? (size_t)(dot - rest.data) : rest.size;
        struct value part = value_string((struct text){rest.data, size}), from = *out;
        bool digits = size;
        int64_t number = 0;
        for (size_t i = 0; i < size && digits; i++) {
            digits = rest.data[i] >= '0' && rest.data[i] <= '9' && size < 18;
            number = number * 10 + (rest.data[i] - '0');
        }
        part = attribute->kind == VALUE_INTEGER ? *attribute : digits ? value_integer(number) : part;
        if (!machine_spend(machine, 1 + size / 64) || !value_item(machine, &from, &part, out))
            return false;
        if (otherwise && otherwise->kind != VALUE_ABSENT && otherwise->kind != VALUE_NONE &&
            out->kind == VALUE_UNDEFINED)
            *out = *otherwise;
        more = dot;
        rest = more ? (struct text){dot + 1, rest.size - size - 1} : rest;
    }
    return true;
}

/* By what items are sorted and told apart: the attribute, in lower case unless told otherwise. */
static bool get_key(struct machine *machine, const struct value *item, const struct value *attribute, bool exact,
                    struct value *out)
{
    if (attribute->kind == VALUE_STRING && attribute->text.size &&
        memchr(attribute->text.data, ',', attribute->text.size))
        return machine_fail(machine, "several attributes are not understood");
    if (!series_attribute(machine, item, attribute, NULL, out))
        return false;
    return exact || out->kind != VALUE_STRING || string_case(machine, out->text, 'l', out);
}

bool filter_join(struct machine *machine, const struct value *value, const struct value *arguments, struct value *out)
{
    struct list *items, *parts = list_new(machine);
    struct text separator = TEXT("");
    struct value part;
    if (!parts || !value_items(machine, value, &items) ||
        (arguments[0].kind != VALUE_ABSENT && !value_string_of(machine, &arguments[0], &separator)))
        return false;
    for (size_t i = 0; i < items->count; i++)
        if (!series_attribute(machine, &items->items[i], &arguments[1], NULL, &part) ||
            !list_push(machine, parts, &part))
            return false;
    return string_join(machine, separator, parts, out);
}

/* --- order --- */

struct keyed {
    struct value key, item;
};

/* Merges the sorted halves; equal ones stay in their order. `sign` -1: descending. */
static bool merge(struct machine *machine, struct keyed *rows, struct keyed *scratch, size_t half, size_t count,
                  int sign)
{
    size_t left = 0, right = half, at = 0;
    while (left < half && right < count) {
        int order = 0;
        if (!value_compare(machine, &rows[right].key, &rows[left].key, &order))
            return false;
        scratch[at++] = sign * order < 0 ? rows[right++] : rows[left++];
    }
    while (left < half)
        scratch[at++] = rows[left++];
    memcpy(rows, scratch, at * sizeof *rows);
    return true;
}

static bool sort_rows(struct machine *machine, struct keyed *rows, struct keyed *scratch, size_t count, int sign)
{
    size_t half = count / 2;
    return count < 2 || (sort_rows(machine, rows, scratch, half, sign) &&
                         sort_rows(machine, rows + half, scratch, count - half, sign) &&
                         merge(machine, rows, scratch, half, count, sign));
}

/* The items in the order of their keys, into a new list. */
static bool sort_list(struct machine *machine, const struct list *items, const struct value *attribute, bool exact,
                      bool descending, struct value *out)
{
    struct keyed *rows = machine_take(machine, (items->count + 1) * sizeof *rows);
    struct keyed *scratch = machine_take(machine, (items->count + 1) * sizeof *scratch);
    *out = value_list(VALUE_LIST, list_new(machine));
    if (!rows || !scratch || !out->list)
        return false;
    for (size_t i = 0; i < items->count; i++) {
        rows[i].item = items->items[i];
        if (!get_key(machine, &rows[i].item, attribute, exact, &rows[i].key))
            return false;
    }
    if (!sort_rows(machine, rows, scratch, items->count, descending ? -1 : 1))
        return false;
    for (size_t i = 0; i < items->count; i++)
        if (!list_push(machine, out->list, &rows[i].item))
            return false;
    return true;
}

bool filter_sort(struct machine *machine, const struct value *value, const struct value *arguments, struct value *out)
{
    struct list *items;
    return value_items(machine, value, &items) &&
           sort_list(machine, items, &arguments[2], value_truth(&arguments[1]), value_truth(&arguments[0]), out);
}

bool filter_dictsort(struct machine *machine, const struct value *value, const struct value *arguments,
                     struct value *out)
{
    struct value pairs, place = value_integer(0);
    const struct value *by = &arguments[1];
    if (value->kind != VALUE_DICT)
        return machine_fail(machine, "the filter 'dictsort' cannot be applied to %s", value_type(value));
    if (by->kind == VALUE_STRING && text_is(by->text, "value"))
        place = value_integer(1);
    else if (by->kind != VALUE_ABSENT && !(by->kind == VALUE_STRING && text_is(by->text, "key")))
        return machine_fail(machine, "the filter 'dictsort' sorts by key or by value only");
    return filter_items(machine, value, arguments, &pairs) &&
           sort_list(machine, pairs.list, &place, value_truth(&arguments[0]), value_truth(&arguments[2]), out);
}

bool filter_unique(struct machine *machine, const struct value *value, const struct value *arguments, struct value *out)
{
    struct list *items;
    struct dict *seen = dict_new(machine);
    struct value key;
    if (!seen || !value_items(machine, value, &items) || !generator(machine, out))
        return false;
    for (size_t i = 0; i < items->count; i++) {
        size_t before = seen->count;
        if (!get_key(machine, &items->items[i], &arguments[1], value_truth(&arguments[0]), &key) ||
            !dict_put(machine, seen, &key, &key))
            return false;
        if (seen->count > before && !list_push(machine, out->list, &items->items[i]))
            return false;
    }
    return true;
}

bool filter_min(struct machine *machine, const struct value *value, const struct value *arguments, struct value *out)
{
    struct list *items;
    struct value least, key;
    int order = 0;
    *out = value_undefined(TEXT("an item of an empty sequence"));
    if (!value_items(machine, value, &items))
        return false;
    for (size_t i = 0; i < items->count; i++) {
        if (!get_key(machine, &items->items[i], &arguments[1], value_truth(&arguments[0]), &key) ||
            (i && !value_compare(machine, &key, &least, &order)))
            return false;
        if (i && order >= 0)
            continue;
        least = key;
        *out = items->items[i];
    }
    return true;
}

/* --- select --- */

/* select_or_reject: items for which the test (or their truth) is `wanted`; of an attribute with `attributes`. */
static bool choose(struct machine *machine, const struct value *value, const struct call *call, bool wanted,
                   bool attributes, struct value *out)
{
    static const struct value none = {.kind = VALUE_ABSENT};
    struct list *items;
    struct value part;
    if (!generator(machine, out))
        return false;
    if (!value_truth(value))
        return true;
    if (!value_items(machine, value, &items))
        return false;
    if (attributes && !call->count)
        return machine_fail(machine, "the filter needs the name of an attribute");
    struct call rest = call_rest(call, attributes);
    const struct value *attribute = attributes ? &call->values[0] : &none, *test = rest.count ? &rest.values[0] : NULL;
    if (test && test->kind != VALUE_STRING)
        return machine_fail(machine, "a test cannot be named by %s", value_type(test));
    rest = call_rest(&rest, test != NULL);
    for (size_t i = 0; i < items->count; i++) {
        if (!series_attribute(machine, &items->items[i], attribute, NULL, &part))
            return false;
        bool passes = value_truth(&part);
        if (test && !predicate_apply(machine, test->text, &part, &rest, &passes))
            return false;
        if (passes == wanted && !list_push(machine, out->list, &items->items[i]))
            return false;
    }
    return true;
}

bool filter_reject(struct machine *machine, const struct value *value, const struct call *call, struct value *out)
{
    return choose(machine, value, call, false, false, out);
}

bool filter_selectattr(struct machine *machine, const struct value *value, const struct call *call, struct value *out)
{
    return choose(machine, value, call, true, true, out);
}

bool filter_rejectattr(struct machine *machine, const struct value *value, const struct call *call, struct value *out)
{
    return choose(machine, value, call, false, true, out);
}
