/* Matrices that are stored quantised, in a form that the engine does not compute with: packed values beside scales. */
#ifndef ASSAY_MODEL_QUANTISED_H
#define ASSAY_MODEL_QUANTISED_H

#include "base/map.h"
#include "model/weights.h"

/* Start with {0}; free with quantised_free. */
struct quantised {
    const struct quantisation *said; /* by the configuration; borrowed */
    struct map stems;                /* names of matrices without ".weight", to places in `found` */
    struct quantised_stem {
        uint64_t parts;   /* a bit for each kind of part that is there */
        uint64_t bytes;   /* of the packed values */
        enum dtype dtype; /* ... and their type */
        bool held;        /* they make a matrix, or those that are stacked under this name */
    } * found;
    size_t count, capacity;
    bool bare; /* most matrices are packed, though no part beside them tells so */
    size_t matrices;
    size_t computed;     /* matrices that are quantised otherwise, and computed with */
    const char *storage; /* ... how (tensor_storage) */
    uint64_t all;        /* kinds of parts that they have */
    enum dtype dtype;    /* of those that are packed under their own name */
    double bits;         /* of a value, by the sizes of those whose shape is known; 0: not known */
};

/* Adds a tensor of the text model by its canonical name, which is borrowed; after all of them quantised_count says what
 * of that which the configuration calls for they hold packed; of a family that is not known, by names alone. False: out
 * of memory. */
bool quantised_add(struct quantised *quantised, const char *name, enum dtype dtype, uint64_t bytes);
void quantised_count(struct quantised *quantised, const struct model_config *config);
/* Both, of all tensors of a store. */
bool quantised_take(const struct store *store, const struct model_config *config, struct quantised *quantised);
void quantised_free(struct quantised *quantised);

/* What is called for is there, packed. */
bool quantised_holds(const struct quantised *quantised, const struct expected *expected);
/* The tensor is a part of a matrix that is packed. */
bool quantised_part(const struct quantised *quantised, const struct tensor *tensor);

/* Appends "the model is quantised by gptq, 4 bits, groups of 128 (config.json): 35 matrices are there as qweight,
 * qzeros, scales, which assay does not compute with: ..."; nothing where no matrix is. */
void quantised_text(const struct quantised *quantised, struct buffer *out);

#endif
