/* Where the engine keeps what it found of one expected tensor. */
#ifndef ASSAY_MODEL_SLOT_H
#define ASSAY_MODEL_SLOT_H

#include "math/linear.h"
#include "store/store.h"

/* One expected tensor as the engine finds it. */
struct slot {
    const struct tensor *tensor; /* NULL: absent */
    void *values;                /* kept in memory, in the stored dtype */
    float *vector;               /* norms and biases: widened at first use and kept */
    size_t rows;
    size_t columns;
    bool matrix; /* else a norm or a bias */
};

/* What a weight of that many bytes takes in memory: whole lines, and one behind it that may be asked for ahead. */
static inline uint64_t kept_room(uint64_t bytes)
{
    return (bytes + 63) / 64 * 64 + 64;
}

/* As the linear layers take it: from memory where it is kept, else from the store. */
struct matrix slot_matrix(const struct store *store, const struct slot *slot);

#endif
