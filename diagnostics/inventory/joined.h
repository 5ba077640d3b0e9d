/* Absent tensors that are there all the same, joined to others or stacked: one tensor of another name holds them. */
#ifndef ASSAY_INVENTORY_JOINED_H
#define ASSAY_INVENTORY_JOINED_H

#include "inventory/census.h"

struct joined {
    bool *held;     /* [census->count]: absent, and in one of those tensors */
    bool *holds;    /* [of the extra tensors]: it is one of them */
    size_t tensors; /* that hold some */
    char *text;     /* which hold what, a clause; NULL: there are none */
};

/* Of the `extra` tensors those whose values are as many as a group of absent tensors of their layer (or of all layers,
 * where their name says none) has together, that is wholly absent and shares an axis with them. Where two groups fit
 * the name decides. Free it either way. */
bool joined_find(const struct census *census, const struct tensor *const *extra, size_t count, struct joined *joined);
void joined_free(struct joined *joined);

#endif
