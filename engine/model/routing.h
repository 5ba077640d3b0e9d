/* Which experts a router's logits choose. */
#ifndef ASSAY_MODEL_ROUTING_H
#define ASSAY_MODEL_ROUTING_H

#include <stdbool.h>

#include "model/config.h"
#include "store/store.h"

/* What experts of a layer are chosen by, of their logits: these themselves, or, where the scores are sigmoids, sigmoid
 * and the expert's bias (NULL: none), and -inf in the groups that are not taken: of the groups whose two best have the
 * largest sums so many are, or, of logits, whose best are the largest. `scores` holds `experts`. (DeepSeek-V3,
 * https://arxiv.org/abs/2412.19437, section 2.1.2) */
void routing_scores(const struct model_config *config, const float *bias, const float *logits, float *scores);

/* The biases of a layer as the configuration knows them, [experts]; NULL: it has none. */
const float *routing_bias(const struct model_config *config, int layer);

/* Reads them, [layers][experts]: NULL where the configuration calls for none, or without one that can be read; those
 * that cannot are zeros. The caller's. */
float *routing_biases_read(const struct model_config *config, const struct store *store);

/* How much more a score can differ than the logits that it is made of: 1, or of sigmoids 1/4. */
double routing_slope(const struct model_config *config);

/* The k experts with the largest scores, the lower index first among equals, in falling order; a NaN is chosen only
 * when nothing else is left. `chosen` holds k. */
void routing_choose(const float *scores, int experts, int k, int *chosen);

/* Which experts of a layer gold, or anybody's logits, choose: `chosen` holds experts_per_token, `scores`, scratch,
 * as many as there are experts. */
void routing_of(const struct model_config *config, int layer, const float *logits, float *scores, int *chosen);

/* True when `expert` is among the `count` chosen. */
bool routing_has(const int *chosen, int count, int expert);

#endif
