/* Attention of query heads over keys and values, whatever these were made of. */
#ifndef ASSAY_MODEL_HEADS_H
#define ASSAY_MODEL_HEADS_H

#include <stdatomic.h>

#include "model/pass.h"

/* The keys and values of a sequence: those of key/value head h and token t at (h * capacity + t) * pitch;
 * capacity 0: all of these heads share them. */
struct head_view {
    const float *keys, *values;
    size_t capacity;
    size_t length; /* tokens of earlier passes */
};

struct heads_task;

struct heads {
    struct pass *pass;
    size_t before, behind; /* a token sees so many before it and behind it, and itself; SIZE_MAX: all */
    bool blind;            /* not itself, where there is one before it */
    size_t heads, kv_heads;
    size_t key_dim, value_dim;     /* floats of a query and of a key; of a value */
    size_t key_pitch, value_pitch; /* from those of a token to those of the next */
    size_t group_at, head_at;      /* query heads from the first of one key/value head to that of the next; within it */
    float scale;                   /* of scores */
    double cap;                    /* that they are bounded by, softly; 0: none */
    const float *sinks;            /* [heads]; NULL: none */
    const float *q;                /* [rows, heads, key_dim] */
    float *out;                    /* [rows, heads, value_dim] */
    struct head_view *views;       /* [sequences], of heads_begin; the caller fills them */
    struct heads_task *tasks;
    size_t task_count;
    atomic_bool failed;
};

/* All that the configuration says of heads and of who sees whom: as many key/value heads as it has, keys and values of
 * head_dim side by side. Also on failure heads_end frees what there is. */
bool heads_begin(struct heads *heads, struct pass *pass, int layer, struct error *error);
void heads_end(struct heads *heads);

/* out = what the queries find in the views, of sequences first .. end - 1. */
bool heads_attend(struct heads *heads, size_t first, size_t end, struct error *error);

#endif
