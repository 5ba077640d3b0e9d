/* Names that are nearly those of absent tensors. */
#ifndef ASSAY_INVENTORY_INVENTORY_NAMES_H
#define ASSAY_INVENTORY_INVENTORY_NAMES_H

#include "inventory/census.h"

struct misname {
    const struct tensor *tensor; /* what is there */
    size_t item;                 /* of the census: the nearest that is absent */
    double distance;             /* 0: the same words; 1: none in common */
};

struct misnames {
    struct misname *items;
    size_t count;
    size_t capacity;
    char *renaming; /* "'gamma' for 'weight' in 96 of them": what most have in common; NULL: nothing */
};

/* For each of the `extra` tensors, the absent one that it is most likely to be. Two names are near when their numbers
 * are the same (or their words are, and the numbers near) and their words are alike, or known as other words for the
 * same (`gamma` for `weight`); a shape that fits counts for it, one that does not against. What
 * lies beside a part of the model that is there, and differs from it in one place of the name, is another component and
 * no misnamed tensor. Takes time in proportion to
 * extra and absent tensors. Free it either way. */
bool misnames_find(const struct census *census, const struct tensor *const *extra, size_t count,
                   struct misnames *misnames);
void misnames_free(struct misnames *misnames);

#endif
