#include "arrival/watch_block.h"

#include <stdio.h>

const char *watch_block_name(const struct model_config *config, int block, char name[32])
{
    if (block == 0)
        return "embedding";
    if (block > config->layers)
        return "final norm and head";
    snprintf(name, 32, "layer %d", block - 1);
    return name;
}
