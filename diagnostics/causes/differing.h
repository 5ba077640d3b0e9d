/* Where a model's weights are not the original's. */
#ifndef ASSAY_CAUSES_DIFFERING_H
#define ASSAY_CAUSES_DIFFERING_H

#include "store/store.h"

/* A tensor of the original. */
struct different {
    const char *name;  /* the original store's */
    int layer, expert; /* -1: none */
    bool absent;       /* else its values, or its shape, are others */
};

struct differing {
    struct different *items;
    size_t count, capacity;
};

/* Every tensor of the original's text model that lies in a block of which `bad` [blocks] says that something is wrong,
 * those of no layer in the first and the last; values are compared as float32. Reads both sides of these once. */
bool differing_take(const struct store *store, const struct store *original, const unsigned *bad, int blocks,
                    struct differing *out, struct error *error);
void differing_free(struct differing *differing);

#endif
