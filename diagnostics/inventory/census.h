/* The tensors that the configuration calls for, each held against what the store has, and grouped into the blocks that
 * an extraction keeps in one file: an expert, a router, an attention, a pair of norms. What the inventory, the search
 * for patterns and the reckoning of damage all count. */
#ifndef ASSAY_INVENTORY_CENSUS_H
#define ASSAY_INVENTORY_CENSUS_H

#include "base/file.h"
#include "model/expected_set.h"
#include "model/quantised.h"
#include "store/origin.h"

struct census_item {
    const struct expected *expected;
    const struct tensor *tensor; /* NULL: not there */
    bool absent;                 /* not there, and not optional */
    bool quantised;              /* there, in a form that is not computed with */
    size_t unit;
    bool placed; /* the original's place is known */
    struct origin_place place;
    uint64_t bytes; /* in the dtype that the configuration states; where it states none, of its class */
};

struct census_unit {
    const char *path; /* of the file in an extraction */
    enum block block;
    int layer, expert;    /* -1: of none */
    size_t items, absent; /* optional tensors are not counted */
};

struct census {
    const struct store *store;
    const struct model_config *config;
    const struct origin *origin; /* NULL: unknown */
    struct expected_set set;
    struct quantised quantised;
    struct census_item *items; /* one for each of set.list */
    size_t count;
    size_t required, absent;   /* of the items that are not optional */
    struct census_unit *units; /* one for each of set.files */
    size_t unit_count;
    size_t *experts;                 /* [layer][expert][3]: item + 1; 0: none */
    size_t *weights;                 /* [layer][WEIGHT_COUNT]: item + 1 */
    enum dtype stated;               /* what the configuration says the weights are in; DTYPE_COUNT: it does not */
    enum dtype common[WEIGHT_COUNT]; /* the dtype of most tensors of the class; DTYPE_COUNT: none is there */
};

/* `origin` may be NULL. All are borrowed. Free it either way. */
bool census_take(const struct store *store, const struct model_config *config, const struct origin *origin,
                 struct census *census, struct error *error);
void census_free(struct census *census);

/* The item of that class, layer and expert (-1 where it has none); NULL: the configuration calls for none. */
const struct census_item *census_find(const struct census *census, enum weight weight, int layer, int expert);

/* Appends the absent tensors for which `chosen` [census->count] is true (NULL: all), as expected_list_text does. False:
 * out of memory. */
bool census_text(const struct census *census, const bool *chosen, struct buffer *out);

/* Appends what is absent, counted: "532 experts, 12 pairs of norms and parts of 1 expert". */
void census_count_text(const struct census *census, struct buffer *out);

/* "expert 81 of layer 17", "the norms of layer 3", "the embedding". */
void census_unit_text(const struct census_unit *unit, struct buffer *out);

#endif
