/* A document that people write, and what may be in it: tables of keys. Errors begin with "FILE:LINE:COLUMN: ", then the
 * path of the key. */
#ifndef ASSAY_SUITES_DOCUMENT_H
#define ASSAY_SUITES_DOCUMENT_H

#include "base/json.h"

/* A suite as it was written. */
struct document {
    char *name;                  /* what errors call it: its path, where it has one */
    char *path;                  /* NULL: it is built in */
    char *real;                  /* what tells it from others: the path without links, or the name */
    const struct document *from; /* the one that extends it; NULL: none */
    struct buffer text;
    cJSON *root;
};

void document_free(struct document *document);

/* Appends what the place of a value is called: "FILE:LINE:COLUMN: limits.logits.kl". */
void document_where(const struct document *document, const cJSON *item, struct buffer *out);
/* That, and what is wrong there. Always false. */
bool document_wrong(const struct document *document, const cJSON *item, struct error *error, const char *format, ...)
    ASSAY_PRINTF(4, 5);
/* The same of a name that is none of those: which one was probably meant, else which there are. */
bool document_unknown(const struct document *document, const cJSON *item, const char *what, const char *found,
                      size_t count, const char *(*name)(size_t index), struct error *error);
/* Appends "\"kk\" is no limit; did you mean \"kl\"?", or "...; there are a, b and c". */
void unknown_append(struct buffer *out, const char *what, const char *found, size_t count,
                    const char *(*name)(size_t index));

struct reading {
    const struct document *document;
    struct error *error;
};

enum key_kind { KEY_TEXT, KEY_FLAG, KEY_WHOLE, KEY_NUMBER, KEY_LIST, KEY_OBJECT };

/* A key, what its value has to be, and where that goes: to `take`, or to `offset` of what the table fills, as a char *
 * that is owned (KEY_TEXT), a bool, a size_t (KEY_WHOLE) or a double. `least` and `most` bound a number, the items of a
 * list, the bytes of a text. */
struct key_row {
    const char *key;
    enum key_kind kind;
    double least, most;
    bool above; /* a number has to be more than `least` */
    bool required;
    const struct key_row *other; /* what it may be instead; NULL: nothing */
    size_t offset;
    bool (*take)(struct reading *reading, const cJSON *item, void *into);
};

struct key_table {
    const char *object; /* as suite_key calls it */
    const struct key_row *rows;
    size_t count;
};

/* The value of the row's key: checks it, then takes it. */
bool key_row_take(struct reading *reading, const struct key_row *row, const cJSON *item, void *into);
/* All members of an object. What is required has to be there, what is not in the table is an error. */
bool key_table_take(struct reading *reading, const struct key_table *table, const cJSON *object, void *into);

#endif
