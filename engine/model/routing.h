/* Which experts a router's logits choose. */
#ifndef ASSAY_MODEL_ROUTING_H
#define ASSAY_MODEL_ROUTING_H

#include <stdbool.h>

/* The k experts with the largest logits, the lower index first among equals, in falling order; a NaN is chosen only
 * when nothing else is left. `chosen` holds k. */
void routing_choose(const float *logits, int experts, int k, int *chosen);

/* True when `expert` is among the `count` chosen. */
bool routing_has(const int *chosen, int count, int expert);

#endif
