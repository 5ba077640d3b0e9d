/* Faults that need a whole tensor at once, and hold it in memory. */
#ifndef ASSAY_FAULTS_FAULT_HELD_H
#define ASSAY_FAULTS_FAULT_HELD_H

#include "faults/fault_edit.h"

/* The values of a tensor of the store below, row by row; those that share a scale with others, widened. */
struct held {
    const struct tensor *tensor;
    enum dtype dtype;
    size_t width; /* bytes of one value */
    size_t count; /* of values */
    char *values; /* owned */
};

/* Values of a row; of a vector, one. */
size_t held_row(const struct tensor *tensor);

/* On failure `values` is to be freed as well. */
bool held_read(const struct fault_site *site, const struct tensor *tensor, struct held *held, struct error *error);
/* Puts them in the tensor's place. */
bool held_put(struct fault_site *site, const struct held *held, struct error *error);
/* To take from what is written over; malloc'd. */
char *held_copy(const struct held *held, struct error *error);

/* Changes the values of `held`, or gives it others. */
typedef bool held_change(struct held *held, const struct fault_arguments *arguments, struct error *error);
/* Reads, changes and puts the tensor, and counts what changed. */
bool held_changed(struct fault_site *site, const struct tensor *tensor, const struct fault_arguments *arguments,
                  held_change *change, struct error *error);

#endif
