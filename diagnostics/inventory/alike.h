/* What can be said of a model whose family is not known: its layers are alike, and so are the experts of a layer. What
 * one of them lacks or holds otherwise, and its peers do not, stands out. */
#ifndef ASSAY_INVENTORY_ALIKE_H
#define ASSAY_INVENTORY_ALIKE_H

#include "base/map.h"
#include "model/config.h"
#include "store/store.h"

/* What a layer or an expert lacks that its peers have, and that has nothing in its place: architectures whose layers
 * are of several kinds have other tensors there, not fewer. */
struct alike_gap {
    char *path;        /* "model.layers.3.mlp.up_proj": a part of a name, of one tensor or of several */
    size_t tensors;    /* that are absent, as many as a peer has; */
    const char *peer;  /* one of these */
    int layer, expert; /* -1: of none */
    bool unsure;       /* it may be made so: too many lack it, or there are too few to tell */
};

/* A tensor of another shape or dtype than that of its peers. */
struct alike_odd {
    const struct tensor *tensor, *usual; /* a peer of the usual kind */
    size_t peers;                        /* of the usual kind */
    bool unsure;
};

struct alike_gaps {
    struct alike_gap *items;
    size_t count, capacity;
    struct map by_path;
};
struct alike_odds {
    struct alike_odd *items;
    size_t count, capacity;
};

struct alike {
    size_t layers, experts; /* that were held against each other; experts of all layers */
    size_t tensors;         /* in them */
    struct alike_gaps gaps;
    struct alike_odds shapes, dtypes;
};

/* Layers that the configuration itself tells apart (model_config, kind) are no peers. False: out of memory. Free it
 * either way. */
bool alike_take(const struct store *store, const struct model_config *config, struct alike *alike);
void alike_free(struct alike *alike);

#endif
