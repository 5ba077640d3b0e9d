/* What faults that change values have in common: which values, how, and whether anything changed. */
#ifndef ASSAY_FAULTS_FAULT_EDIT_H
#define ASSAY_FAULTS_FAULT_EDIT_H

#include "faults/fault_internal.h"

/* Elements first .. first + count - 1 of a tensor, row by row, going on at its begin behind its end. */
struct fault_span {
    uint64_t first, count;
};

/* SHARE of a tensor: of its rows, of a vector its elements, that part (rounded up), the first ones from the middle on:
 * row rows / 2 (rounded down) and those behind it, then the first ones of the tensor. */
struct fault_span fault_share(const struct tensor *tensor, double share);

struct fault_edit;

/* Changes `count` elements of a tensor of F32, F16 or BF16, from element `index` on, which are those at `values`. */
typedef void fault_change(const struct fault_edit *edit, enum dtype dtype, uint64_t index, size_t count, void *values);

/* How a fault changes the values of one tensor as they are read; lives as long as the faults. */
struct fault_edit {
    fault_change *change;
    struct fault_span span;
    double number; /* to multiply with, or to put there */
    uint64_t page; /* 4,096 bytes */
    uint64_t seed;
};

/* A seed of the tensor's name, so that what is random is the same each time, and another in each tensor. */
uint64_t fault_seed(const struct tensor *tensor);

/* Whether the engine computes with the tensor's dtype. */
bool fault_can_compute(const struct fault_site *site, const struct tensor *tensor, struct error *error);

/* Counts the tensor of the store below as changed if the overlay gives it other values: a factor that rounding
 * swallows, or zeros where there were zeros, change nothing. */
bool fault_count_change(struct fault_site *site, const struct tensor *tensor, struct error *error);

/* Lets the edit change the tensor's rows as they are read, as they are stored, and counts what it changes. The edit is
 * copied. */
bool fault_rewrite(struct fault_site *site, const struct tensor *tensor, overlay_rewrite_rows *rows,
                   struct fault_edit edit, struct error *error);

/* The same by `edit.change` of the values in `edit.span`: they are changed as they are stored; those that share a scale
 * with others, widened. */
bool fault_edit_values(struct fault_site *site, const struct tensor *tensor, struct fault_edit edit,
                       struct error *error);

#endif
