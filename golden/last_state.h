/* What a state of gold is, by its values. */
#ifndef ASSAY_GOLDEN_LAST_STATE_H
#define ASSAY_GOLDEN_LAST_STATE_H

#include "golden/golden_internal.h"

/* Are the two of one shape, and their values the same as far as short types tell? */
bool states_same(const struct golden *golden, const struct golden_tensor *a, const struct golden *other,
                 const struct golden_tensor *b, bool *same, struct error *error);

/* Of most tokens it holds the row of the embedding. `*tested` is false where the weights have none that fits. */
bool state_is_embedding(const struct golden *golden, const struct golden_tensor *state, const struct store *store,
                        bool *tested, bool *is, struct error *error);

/* Does what calls itself the last layer's output lie behind the final norm? Only gold's own evidence counts, and what
 * the weights of norm and head make of it, never what the subject's layers give: gold's model.norm is the same; or its
 * rows, once the gain is taken out, have a root mean square of 1; or the head makes gold's logits of it. Beside a dump:
 * it is that dump's model.norm, and not its last layer. `*why` is static. */
bool state_is_normed(const struct golden *golden, const struct golden_tensor *state, const struct golden_beside *beside,
                     bool *is, const char **why, struct error *error);

/* The tensor of that path, also while tensors are being renamed; NULL: none. */
const struct golden_tensor *state_find(const struct golden *golden, size_t case_index, const char *path);

#endif
