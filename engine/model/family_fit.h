/* A model of a family that is not known may be one that is, under another name. */
#ifndef ASSAY_MODEL_FAMILY_FIT_H
#define ASSAY_MODEL_FAMILY_FIT_H

#include "model/config.h"
#include "store/store.h"

/* The family of the table that reads this configuration, calls for exactly the tensors that the store has, in their
 * shapes, and does least otherwise than most; NULL: there is none. Tensors tell what a model has, not what it computes.
 * `root` is the parsed config.json. */
const struct family *family_fitting(const char *name, const cJSON *root, const struct store *store);

/* Adds to the reason why a model of an unknown family is not computed which family its tensors are those of. */
void family_fit_tell(const char *name, const cJSON *root, const struct store *store, struct model_config *config);

#endif
