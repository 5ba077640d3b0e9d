/* A matrix kept in memory while its partners stream by: which rows fit which? */
#ifndef ASSAY_HEALTH_PAIRING_H
#define ASSAY_HEALTH_PAIRING_H

#include "health/scan.h"

/* Rows of a matrix [rows, columns], or as many blocks of them as the memory allows, laid out [columns, kept]. */
struct kept {
    uint64_t rows, columns;
    size_t count;    /* rows that are kept */
    float *values;   /* [columns, count] */
    int *slot;       /* [rows]: where a row is kept; -1: it is not */
    double *squares; /* [count]: sum of squares of each */
    float *turned;   /* scratch: [columns, KEPT_TILE] */
};

#define KEPT_TILE 16

/* At most `budget` bytes of values, but a tile of rows in any case. */
bool kept_begin(struct kept *kept, uint64_t rows, uint64_t columns, size_t budget, struct error *error);
void kept_free(struct kept *kept);
/* Rows first .. first + count - 1, [count, columns]. */
void kept_take(struct kept *kept, uint64_t first, const float *values, size_t count);

/* A partner whose rows, or columns, belong to kept rows. */
struct partner {
    struct kept *kept;
    uint64_t pairs;       /* rows or columns of the partner */
    uint64_t head, group; /* pair i belongs to kept row i / (head * group) * head + i % head; 1, 1: to row i */
    double *products;     /* [pairs] */
    double *squares;      /* [pairs] */
};

bool partner_begin(struct partner *partner, struct kept *kept, uint64_t pairs, uint64_t head, uint64_t group,
                   struct error *error);
void partner_free(struct partner *partner);
/* Rows of the partner, [count, kept->columns], row first + i being pair first + i. */
void partner_rows(struct partner *partner, uint64_t first, const float *values, size_t count);
/* Rows of the partner, [count, pairs], each of which meets one column of the kept matrix: column first + i. */
void partner_columns(struct partner *partner, uint64_t first, const float *values, size_t count);
/* Of column j of the partner, for partner_columns: sums of squares. */
void partner_column_squares(struct partner *partner, const double *squares);
/* Sets all but `with`. */
void partner_end(const struct partner *partner, struct pairing *pairing);

#endif
