/* The blocks of a model, as a watch calls them. */
#ifndef ASSAY_ARRIVAL_WATCH_BLOCK_H
#define ASSAY_ARRIVAL_WATCH_BLOCK_H

#include "model/config.h"

/* "layer 3"; block 0 is the embedding, the one behind the layers is the head. May return `name`. */
const char *watch_block_name(const struct model_config *config, int block, char name[32]);

#endif
