/* Values as Python has them: what is true, equal, smaller. A value is copied freely: what it points to lies in the
 * arena. */
#ifndef ASSAY_JINJA_VALUE_H
#define ASSAY_JINJA_VALUE_H

#include "base/json.h"
#include "jinja/machine.h"

enum value_kind {
    VALUE_ABSENT, /* an argument that was not given, a variable that is not set yet */
    VALUE_UNDEFINED,
    VALUE_NONE,
    VALUE_BOOL,
    VALUE_INTEGER,
    VALUE_FLOAT,
    VALUE_STRING,
    VALUE_MARKUP, /* what `safe` makes: may be printed, and added to strings */
    VALUE_LIST,
    VALUE_TUPLE,
    VALUE_RANGE,
    VALUE_VIEW,      /* items of a dict */
    VALUE_GENERATOR, /* can be gone through once */
    VALUE_DICT,
    VALUE_NAMESPACE,
    VALUE_LOOP,
    VALUE_MACRO,
    VALUE_FUNCTION,
    VALUE_METHOD,
};

struct value {
    enum value_kind kind;
    union {
        bool truth;
        int64_t integer;
        double real;
        struct text text; /* of a string; what an undefined value is called */
        struct list *list;
        struct dict *dict;
        struct loop *loop;
        const struct macro *macro;
        const struct function_row *function;
        const struct method *method;
    };
};

struct list {
    struct value *items;
    size_t count, capacity;
    size_t taken;              /* of a generator */
    int64_t start, stop, step; /* of a range */
};

/* In the order of insertion. */
struct dict {
    struct value *keys, *values;
    size_t count, capacity;
};

struct value value_bool(bool truth);
struct value value_integer(int64_t integer);
struct value value_string(struct text text);
struct value value_undefined(struct text name);
/* A string. */
bool value_copy(struct machine *machine, const char *data, size_t size, struct value *out);
/* Moves the buffer's content into the arena and frees it. */
bool value_take(struct machine *machine, struct buffer *buffer, struct value *out);
/* Empty. */
struct list *list_new(struct machine *machine);
bool list_push(struct machine *machine, struct list *list, const struct value *item);
struct value value_list(enum value_kind kind, struct list *list);
struct dict *dict_new(struct machine *machine);
/* An error for a key that Python cannot hash. */
bool dict_put(struct machine *machine, struct dict *dict, const struct value *key, const struct value *value);
/* NULL: not there, or an error is set. */
const struct value *dict_find(struct machine *machine, const struct dict *dict, const struct value *key);
/* The same for a string as the key. */
const struct value *dict_member(struct machine *machine, const struct dict *dict, struct text name);
bool value_hashable(const struct value *value);
bool value_truth(const struct value *value);
bool value_is_number(const struct value *value); /* bool, integer, float */
double value_real(const struct value *value);
/* As the index of something: integers and bools. */
bool value_is_whole(const struct value *value, int64_t *out);
const char *value_type(const struct value *value); /* as Python calls it, with its article */
bool value_equal(struct machine *machine, const struct value *left, const struct value *right, bool *out);
/* -1, 0, 1; an error for what Python does not order. Not for NaN. */
bool value_compare(struct machine *machine, const struct value *left, const struct value *right, int *out);
/* Objects become dicts, whole numbers below 2^53 integers; what is not UTF-8 becomes U+FFFD. */
bool value_from_json(struct machine *machine, const cJSON *json, struct value *out);

#endif
