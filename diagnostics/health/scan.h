/* One read of all weights: the measures of every tensor, how tensors that work on the same neurons fit each other, and
 * how experts fit their router's rows. */
#ifndef ASSAY_HEALTH_SCAN_H
#define ASSAY_HEALTH_SCAN_H

#include "base/pool.h"
#include "health/measure.h"
#include "model/weights.h"

#define PAIR_NONE SIZE_MAX
#define PAIR_BLOCK 64 /* neurons */

/* How the neurons of one matrix fit those of another: cos^2 of each pair of rows (or of a row and a column) times their
 * length, which is 1 on the average where the two have nothing to do with each other, and far more where they were
 * trained together. */
struct pairing {
    size_t with;  /* the matrix whose columns (of a key projection: rows) belong to its rows; PAIR_NONE */
    size_t count; /* pairs looked at */
    double mean;
    double least; /* of the means of blocks of PAIR_BLOCK pairs that follow each other; NaN: fewer than two blocks */
    uint64_t least_at, least_count; /* from which pair on, and how many with those between that are not looked at */
};

struct examined {
    const struct tensor *tensor;
    enum weight weight; /* WEIGHT_COUNT: none that the configuration calls for */
    uint64_t kin;       /* of those whose peer it is the same: see tensor_kin; KIN_NONE: it has no peers */
    int layer, expert;  /* -1: none */
    bool read;          /* it has values that the engine can widen */
    struct measure measure;
    struct pairing pairing;
};

/* Root mean square of each row of a matrix; NaN where a value is not finite. */
struct row_profile {
    const struct tensor *tensor; /* NULL: there is none */
    float *rms;                  /* owned */
    uint64_t rows;
};

struct scan {
    const struct store *store;
    const struct model_config *config;
    int layers;               /* of the configuration; of an unknown family as many as the names count */
    struct examined *tensors; /* [count]: those of the text model, in the store's order */
    size_t count;
    struct row_profile embedding, head;
    /* [layers], NULL where the layer has no router that can be read: [experts, experts], how much of the energy of
     * expert e's up projection lies along router row f, over its whole energy. NaN: an expert that is absent. */
    float **affinity;
};

/* Reads every number once, on all threads of the pool, in bounded memory: some tens of megabytes for all threads. Free
 * with scan_free either way. */
bool scan_weights(const struct store *store, const struct model_config *config, struct pool *pool, struct scan *scan,
                  struct error *error);
void scan_free(struct scan *scan);

/* Of a weight that the configuration calls for what weight it is. Of a family that is not known what the name says
 * besides the numbers of layer and expert, and of what kind the layer is. */
#define KIN_NONE ((uint64_t)WEIGHT_COUNT)
uint64_t tensor_kin(const struct scan *scan, const struct examined *examined);

/* Of two that were trained together: do columns of the partner, not rows, belong to the rows? By heads, of which
 * several of the queries' share one of the keys'? */
bool unit_by_column(enum weight_unit unit);
bool unit_by_heads(enum weight_unit unit);

/* The tensor of another weight in the same layer and expert, if it is there and fits the configuration; PAIR_NONE. */
size_t scan_sibling(const struct scan *scan, const struct examined *of, enum weight weight);
/* The gain of the norm through which the tensor reads its input; PAIR_NONE. */
size_t scan_gain_of(const struct scan *scan, const struct examined *examined);
/* Its values in `*gain`, [columns]: the gain of the norm through which the tensor reads its input, owned by the caller;
 * NULL: it reads through none. */
bool scan_gain(const struct scan *scan, const struct examined *examined, float **gain, struct error *error);

#endif
