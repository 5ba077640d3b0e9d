/* Values as Python has them: what is true, equal, smaller. */
#include "jinja/value.h"

#include <math.h>
#include <string.h>

#include "text/utf8.h"

struct value value_bool(bool truth)
{
    return (struct value){.kind = VALUE_BOOL, .truth = truth};
}

struct value value_integer(int64_t integer)
{
    return (struct value){.kind = VALUE_INTEGER, .integer = integer};
}

struct value value_string(struct text text)
{
    return (struct value){.kind = VALUE_STRING, .text = text};
}

struct value value_undefined(struct text name)
{
    return (struct value){.kind = VALUE_UNDEFINED, .text = name};
}

struct value value_list(enum value_kind kind, struct list *list)
{
    return (struct value){.kind = kind, .list = list};
}

bool value_copy(struct machine *machine, const char *data, size_t size, struct value *out)
{
    out->kind = VALUE_STRING;
    return machine_copy(machine, data, size, &out->text);
}

bool value_take(struct machine *machine, struct buffer *buffer, struct value *out)
{
    bool good = !buffer->failed || machine_fail(machine, "a string grows beyond %zu MiB", JINJA_OUTPUT_MOST >> 20);
    good = good && value_copy(machine, buffer->data ? buffer->data : "", buffer->size, out);
    buffer_free(buffer);
    return good;
}

/* --- lists and dicts --- */

struct list *list_new(struct machine *machine)
{
    return machine_take(machine, sizeof(struct list));
}

/* A copy of the array with room for more; NULL on failure. */
static struct value *grown(struct machine *machine, const struct value *items, size_t count, size_t capacity)
{
    struct value *more = machine_take(machine, capacity * sizeof *more);
    if (more && count)
        memcpy(more, items, count * sizeof *more);
    return more;
}

bool list_push(struct machine *machine, struct list *list, const struct value *item)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 4;
        struct value *items = grown(machine, list->items, list->count, capacity);
        if (!items)
            return false;
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = *item;
    return machine_spend(machine, 1);
}

struct dict *dict_new(struct machine *machine)
{
    return machine_take(machine, sizeof(struct dict));
}

bool value_hashable(const struct value *value)
{
    if (value->kind == VALUE_TUPLE)
        for (size_t i = 0; i < value->list->count; i++)
            if (!value_hashable(&value->list->items[i]))
                return false;
    return value->kind != VALUE_LIST && value->kind != VALUE_DICT && value->kind != VALUE_VIEW;
}

const struct value *dict_find(struct machine *machine, const struct dict *dict, const struct value *key)
{
    bool same = false;
    for (size_t i = 0; i < dict->count; i++) {
        if (!value_equal(machine, &dict->keys[i], key, &same))
            return NULL;
        if (same)
            return &dict->values[i];
    }
    return NULL;
}

const struct value *dict_member(struct machine *machine, const struct dict *dict, struct text name)
{
    if (!machine_spend_names(machine, dict->count, name))
        return NULL;
    for (size_t i = 0; i < dict->count; i++)
        if (dict->keys[i].kind == VALUE_STRING && text_equal(dict->keys[i].text, name))
            return &dict->values[i];
    return NULL;
}

bool dict_put(struct machine *machine, struct dict *dict, const struct value *key, const struct value *value)
{
    if (!value_hashable(key))
        return machine_fail(machine, "%s cannot be the key of a dict", value_type(key));
    const struct value *there = dict_find(machine, dict, key);
    if (machine->error->text)
        return false;
    if (there) {
        dict->values[there - dict->values] = *value;
        return true;
    }
    if (dict->count == dict->capacity) {
        size_t capacity = dict->capacity ? 2 * dict->capacity : 4;
        struct value *keys = grown(machine, dict->keys, dict->count, capacity);
        struct value *values = grown(machine, dict->values, dict->count, capacity);
        if (!keys || !values)
            return false;
        *dict = (struct dict){keys, values, dict->count, capacity};
    }
    dict->keys[dict->count] = *key;
    dict->values[dict->count++] = *value;
    return true;
}

/* --- judgement --- */

const char *value_type(const struct value *value)
{
    static const char *const names[] = {[VALUE_ABSENT] = "an undefined value",
                                        [VALUE_UNDEFINED] = "an undefined value",
                                        [VALUE_NONE] = "none",
                                        [VALUE_BOOL] = "a bool",
                                        [VALUE_INTEGER] = "an int",
                                        [VALUE_FLOAT] = "a float",
                                        [VALUE_STRING] = "a string",
                                        [VALUE_MARKUP] = "a string marked as safe",
                                        [VALUE_LIST] = "a list",
                                        [VALUE_TUPLE] = "a tuple",
                                        [VALUE_RANGE] = "a range",
                                        [VALUE_VIEW] = "a view of a dict",
                                        [VALUE_GENERATOR] = "a generator",
                                        [VALUE_DICT] = "a dict",
                                        [VALUE_NAMESPACE] = "a namespace",
                                        [VALUE_LOOP] = "a loop",
                                        [VALUE_MACRO] = "a macro",
                                        [VALUE_FUNCTION] = "a function",
                                        [VALUE_METHOD] = "a method"};
    return names[value->kind];
}

bool value_truth(const struct value *value)
{
    switch (value->kind) {
    case VALUE_ABSENT:
    case VALUE_UNDEFINED:
    case VALUE_NONE:
        return false;
    case VALUE_BOOL:
        return value->truth;
    case VALUE_INTEGER:
        return value->integer != 0;
    case VALUE_FLOAT:
        return value->real != 0;
    case VALUE_STRING:
    case VALUE_MARKUP:
        return value->text.size != 0;
    case VALUE_LIST:
    case VALUE_TUPLE:
    case VALUE_RANGE:
    case VALUE_VIEW:
        return value->list->count != 0;
    case VALUE_DICT:
        return value->dict->count != 0;
    default:
        return true;
    }
}

bool value_is_number(const struct value *value)
{
    return value->kind == VALUE_BOOL || value->kind == VALUE_INTEGER || value->kind == VALUE_FLOAT;
}

double value_real(const struct value *value)
{
    return value->kind == VALUE_FLOAT ? value->real : value->kind == VALUE_BOOL ? value->truth : (double)value->integer;
}

bool value_is_whole(const struct value *value, int64_t *out)
{
    if (value->kind != VALUE_BOOL && value->kind != VALUE_INTEGER)
        return false;
    *out = value->kind == VALUE_BOOL ? value->truth : value->integer;
    return true;
}

/* An integer against a float, exactly. */
static int compare_mixed(int64_t integer, double real)
{
    if (real >= 0x1p63)
        return -1;
    if (real < -0x1p63)
        return 1;
    int64_t whole = (int64_t)real;
    if (integer != whole)
        return integer < whole ? -1 : 1;
    double rest = real - (double)whole;
    return rest > 0 ? -1 : rest < 0 ? 1 : 0;
}

/* NaN must have been looked for. */
static int compare_numbers(const struct value *left, const struct value *right)
{
    int64_t a, b;
    bool whole_a = value_is_whole(left, &a), whole_b = value_is_whole(right, &b);
    if (whole_a && whole_b)
        return (a > b) - (a < b);
    if (whole_a)
        return compare_mixed(a, right->real);
    if (whole_b)
        return -compare_mixed(b, left->real);
    return (left->real > right->real) - (left->real < right->real);
}

static bool is_nan(const struct value *value)
{
    return value->kind == VALUE_FLOAT && isnan(value->real);
}

static bool lists_equal(struct machine *machine, const struct list *left, const struct list *right, bool *out)
{
    *out = left->count == right->count;
    for (size_t i = 0; *out && i < left->count; i++)
        if (!value_equal(machine, &left->items[i], &right->items[i], out))
            return false;
    return true;
}

static bool dicts_equal(struct machine *machine, const struct dict *left, const struct dict *right, bool *out)
{
    *out = left->count == right->count;
    for (size_t i = 0; *out && i < left->count; i++) {
        const struct value *other = dict_find(machine, right, &left->keys[i]);
        if (machine->error->text)
            return false;
        *out = other;
        if (other && !value_equal(machine, &left->values[i], other, out))
            return false;
    }
    return true;
}

static bool same_kind_equal(struct machine *machine, const struct value *left, const struct value *right, bool *out)
{
    switch (left->kind) {
    case VALUE_UNDEFINED:
    case VALUE_NONE:
        *out = true;
        return true;
    case VALUE_STRING:
        *out = text_equal(left->text, right->text);
        return machine_spend(machine, left->text.size / 64);
    case VALUE_LIST:
    case VALUE_TUPLE:
    case VALUE_RANGE:
        return lists_equal(machine, left->list, right->list, out);
    case VALUE_DICT:
        return dicts_equal(machine, left->dict, right->dict, out);
    case VALUE_NAMESPACE:
        *out = left->dict == right->dict;
        return true;
    default:
        return machine_fail(machine, "comparing %s is not understood", value_type(left));
    }
}

bool value_equal(struct machine *machine, const struct value *left, const struct value *right, bool *out)
{
    *out = false;
    if (!machine_spend(machine, 1) || !machine_enter(machine))
        return false;
    bool good = true;
    if (left->kind == VALUE_MARKUP || right->kind == VALUE_MARKUP)
        good = machine_fail(machine, "comparing a string marked as safe is not understood");
    else if (value_is_number(left) && value_is_number(right))
        *out = !is_nan(left) && !is_nan(right) && compare_numbers(left, right) == 0;
    else if (left->kind == right->kind)
        good = same_kind_equal(machine, left, right, out);
    machine->depth--;
    return good;
}

static bool compare_lists(struct machine *machine, const struct list *left, const struct list *right, int *out)
{
    for (size_t i = 0; i < left->count && i < right->count; i++) {
        bool same = false;
        if (!value_equal(machine, &left->items[i], &right->items[i], &same))
            return false;
        if (!same)
            return value_compare(machine, &left->items[i], &right->items[i], out);
    }
    *out = (left->count > right->count) - (left->count < right->count);
    return true;
}

bool value_compare(struct machine *machine, const struct value *left, const struct value *right, int *out)
{
    *out = 0;
    if (!machine_spend(machine, 1) || !machine_enter(machine))
        return false;
    bool good = true;
    if (is_nan(left) || is_nan(right)) {
        good = machine_fail(machine, "NaN is not smaller or larger than anything");
    } else if (value_is_number(left) && value_is_number(right)) {
        *out = compare_numbers(left, right);
    } else if (left->kind == VALUE_STRING && right->kind == VALUE_STRING) {
        size_t size = left->text.size < right->text.size ? left->text.size : right->text.size;
        int order = size ? memcmp(left->text.data, right->text.data, size) : 0;
        *out = order ? (order > 0) - (order < 0)
                     : (left->text.size > right->text.size) - (left->text.size < right->text.size);
        good = machine_spend(machine, size / 64);
    } else if (left->kind == right->kind && (left->kind == VALUE_LIST || left->kind == VALUE_TUPLE)) {
        good = compare_lists(machine, left->list, right->list, out);
    } else {
        good = machine_fail(machine, "%s is not smaller or larger than %s", value_type(left), value_type(right));
    }
    machine->depth--;
    return good;
}

/* --- from JSON --- */

/* What is not UTF-8 becomes U+FFFD, as in a tokenizer. */
static bool text_from_json(struct machine *machine, const char *text, struct value *out)
{
    struct buffer valid = {.maximum = JINJA_OUTPUT_MOST};
    if (utf8_lossy(text, strlen(text), &valid))
        return value_take(machine, &valid, out);
    buffer_free(&valid);
    return machine_fail(machine, "a variable is larger than %zu MiB", JINJA_OUTPUT_MOST >> 20);
}

static bool list_from_json(struct machine *machine, const cJSON *json, struct value *out)
{
    struct list *list = list_new(machine);
    struct value value;
    *out = value_list(VALUE_LIST, list);
    for (const cJSON *item = json->child; list && item; item = item->next)
        if (!value_from_json(machine, item, &value) || !list_push(machine, list, &value))
            return false;
    return list;
}

static bool dict_from_json(struct machine *machine, const cJSON *json, struct value *out)
{
    struct dict *dict = dict_new(machine);
    struct value key, value;
    *out = (struct value){.kind = VALUE_DICT, .dict = dict};
    for (const cJSON *item = json->child; dict && item; item = item->next)
        if (!text_from_json(machine, item->string, &key) || !value_from_json(machine, item, &value) ||
            !dict_put(machine, dict, &key, &value))
            return false;
    return dict;
}

bool value_from_json(struct machine *machine, const cJSON *json, struct value *out)
{
    if (!machine_enter(machine))
        return false;
    bool good = true;
    double number = json->valuedouble;
    *out = (struct value){.kind = VALUE_NONE};
    if (cJSON_IsBool(json))
        *out = value_bool(cJSON_IsTrue(json));
    else if (cJSON_IsNumber(json) && number == floor(number) && fabs(number) < 0x1p53)
        *out = value_integer((int64_t)number);
    else if (cJSON_IsNumber(json))
        *out = (struct value){.kind = VALUE_FLOAT, .real = number};
    else if (cJSON_IsString(json))
        good = text_from_json(machine, json->valuestring, out);
    else if (cJSON_IsArray(json))
        good = list_from_json(machine, json, out);
    else if (cJSON_IsObject(json))
        good = dict_from_json(machine, json, out);
    machine->depth--;
    return good;
}
