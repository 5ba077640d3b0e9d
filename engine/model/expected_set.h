/* The set that should be there: every tensor that a configuration calls for, and the files that an extraction keeps
 * them in. What an inventory, a watch and a passport hold a model against. */
#ifndef ASSAY_MODEL_EXPECTED_SET_H
#define ASSAY_MODEL_EXPECTED_SET_H

#include "base/map.h"
#include "model/weights.h"
#include "store/layout.h"

struct expected_file {
    char *path; /* below the extraction's folder */
    enum block block;
    int layer, expert; /* -1: of none */
    size_t required;   /* tensors that belong into it and are not optional */
};

/* Nothing moves once it is taken. */
struct expected_set {
    struct expected_list list; /* in the order of weights_each */
    size_t required;           /* of them that are not optional */
    size_t *file_of;           /* [list.count] */
    struct expected_file *files;
    size_t file_count, file_capacity;
    struct map by_name; /* of the tensors */
    struct map by_path; /* of the files */
};

/* False: out of memory. Free it either way. */
bool expected_set_take(const struct model_config *config, struct expected_set *set);
void expected_set_free(struct expected_set *set);

/* Does that problem of the store touch the set? What an index only announces does not, unless it is called for; where
 * nothing is known to be called for, each does. */
bool expected_set_touched(const struct expected_set *set, const struct store *store, size_t problem);

#endif
