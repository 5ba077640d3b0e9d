/* Arrays with names, as people save them from a few lines of Python: whatever files hold them, they become cases and
 * tensors here. spelling.h says what the names mean. */
#ifndef ASSAY_GOLDEN_NAMED_ARRAYS_H
#define ASSAY_GOLDEN_NAMED_ARRAYS_H

#include "golden/golden_internal.h"

struct named_array {
    char *name; /* without the ending of a file */
    char *file; /* that holds it */
    enum dtype dtype;
    int rank;
    uint64_t shape[TENSOR_RANK_MAX];
    uint64_t offset; /* of the values, little-endian and in C order */
    bool columns;    /* ... but of this one column by column: nothing is read of it */
};

/* Those of one case, or of one batch of cases; start with {0}. */
struct named_arrays {
    struct named_array *items;
    size_t count, capacity;
};

/* Takes name and file over, also on failure; NULL for one of them is memory that ran out. */
bool named_push(struct named_arrays *arrays, const struct named_array *array, struct error *error);
void named_free(struct named_arrays *arrays);
/* Moves all of them to the end of `to`. */
bool named_move(struct named_arrays *to, struct named_arrays *arrays, struct error *error);

/* Moves the arrays of one case from `arrays` to `group`, which is empty: those called `*id`/NAME, or `*id`.NAME, where
 * one of these is the ids, else, if there are ids, all of them, and `*id` is NULL. `*id` is malloc'd. False: no ids are
 * left among them, or, with the error, memory ran out. */
bool named_split(struct named_arrays *arrays, struct named_arrays *group, char **id, struct error *error);

/* Adds what the arrays are to the dump: the case `id`, or, for ids [batch, tokens] of several, `id`-0, `id`-1 ... An
 * attention_mask tells padding, which is left out. `where` is the file or folder that holds them, for messages. What
 * has no row for each token is an error, or, where nothing is known of the name, left out; either is told. */
bool named_add(struct golden *golden, const char *id, const char *where, const struct named_arrays *arrays,
               struct error *error);

#endif
