/* The points that GGUF's IQ1, IQ2 and IQ3 types choose from (ggml's ggml-common.h: iq2xxs_grid ...): of 8 coordinates,
 * two bits each, or in grid_3xxs and grid_3s of 4, four bits each; the first in the lowest bits. */
#ifndef ASSAY_VALUES_GRIDS_H
#define ASSAY_VALUES_GRIDS_H

#include <stdint.h>

extern const uint16_t grid_2xxs[256], grid_2xs[512], grid_2s[1024], grid_3xxs[256], grid_3s[512], grid_1s[2048];

#endif
