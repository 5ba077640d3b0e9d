/* The inside of relation.c: two tensors of one shape, and what one may be to the other. */
#ifndef ASSAY_HEALTH_RELATION_INTERNAL_H
#define ASSAY_HEALTH_RELATION_INTERNAL_H

#include "health/relation.h"

struct related {
    const struct tensor *mine, *original;
    float *a, *b;         /* [rows, columns]: the subject's, the original's */
    float *scratch;       /* as many */
    size_t rows, columns; /* of a vector: its elements, 1 */
    size_t head;          /* rows of a head; 0: not known */
    uint64_t read;        /* rows of the tensors that are here */
    bool partly;          /* not all of them */
};

/* Appends what it found, and is true then. */
typedef bool relation_test(const struct related *related, struct buffer *out);

/* relation_values.c: value by value. */
relation_test relation_constant, relation_factor, relation_offset, relation_rounded, relation_bytes, relation_misread,
    relation_adapter, relation_unrelated;
/* relation_order.c: the same values elsewhere. */
relation_test relation_transposed, relation_rows, relation_columns, relation_part;

#endif
