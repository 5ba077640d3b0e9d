/* Which experts a router's logits choose. */
#ifndef ASSAY_MODEL_ROUTING_H
#define ASSAY_MODEL_ROUTING_H

/* The k experts with the largest logits, the lower index first among equals, in falling order; a NaN is chosen only
 * when nothing else is left. `chosen` holds k. */
void routing_choose(const float *logits, int experts, int k, int *chosen);

#endif
