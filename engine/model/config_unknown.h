/* The configuration of a family that nobody here knows: what can be taken from it all the same. */
#ifndef ASSAY_MODEL_CONFIG_UNKNOWN_H
#define ASSAY_MODEL_CONFIG_UNKNOWN_H

#include "model/config.h"

/* Fills in sizes that are spelled in one of the usual ways. For people, and where a guess does no harm: a key of that
 * name may mean something else there. What is absent, or no whole number within the limits, stays 0. And `kind`: layers
 * of which every list with an entry for each layer (layer_types, block_configs ...) says the same. False: out of
 * memory. */
bool config_take_usual(struct model_config *config, const cJSON *text);

#endif
