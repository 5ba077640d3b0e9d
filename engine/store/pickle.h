/* Python pickles of plain data, protocols 2 to 5, as a tree. Nothing is executed: a pickle is a program, and
 * this runs the few of its steps that build data. What it calls for by name must be in the reader's table, or is an
 * error that names it.
 *
 * pickletools.py of CPython says what each step does. */
#ifndef ASSAY_STORE_PICKLE_H
#define ASSAY_STORE_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum pickle_kind {
    PICKLE_NONE,
    PICKLE_BOOL,
    PICKLE_WHOLE,
    PICKLE_REAL,
    PICKLE_TEXT,
    PICKLE_TUPLE,
    PICKLE_LIST,
    PICKLE_DICT,    /* also an OrderedDict: key, value, key, value ... */
    PICKLE_GLOBAL,  /* a name of the table */
    PICKLE_OUTSIDE, /* what a persistent id stands for; the id is its only item */
    PICKLE_CALL,    /* of a global: its only item is the tuple of the arguments */
    PICKLE_MARK     /* never in a tree */
};

struct pickle_value {
    enum pickle_kind kind;
    int64_t whole; /* also a bool; of a global and of a call the row of the table */
    double real;
    const char *text; /* not terminated, any bytes; lies in the pickle */
    size_t size;      /* of the text */
    size_t *items;    /* indices of values */
    size_t count, capacity;
};

/* "torch._utils", "_rebuild_tensor_v2" */
struct pickle_global {
    const char *module, *name;
};

struct pickle {
    struct pickle_value *values;
    size_t count, capacity;
    size_t root;
};

/* `text` must outlive the pickle; `path` is for messages. All owned by `*pickle`; free with pickle_free, also on
 * failure. A value may be an item of several others, and of itself. */
bool pickle_read(const char *path, const char *text, size_t size, const struct pickle_global *globals,
                 size_t global_count, struct pickle *pickle, struct error *error);
void pickle_free(struct pickle *pickle);

/* Item `index` of the value, which has that many. */
const struct pickle_value *pickle_item(const struct pickle *pickle, const struct pickle_value *value, size_t index);

#endif
