/* A second look at a suspect, under a hypothesis: do its values fit its peers when they are read otherwise? */
#ifndef ASSAY_HEALTH_EXAMINE_H
#define ASSAY_HEALTH_EXAMINE_H

#include "health/peers.h"

/* Rows and columns have changed places in how much they differ, against the peers: worth a second look. */
bool examine_asymmetric(const struct ranks *ranks, size_t tensor);
/* Rows and columns enough that how much they differ is no matter of chance. */
bool examine_large(const struct scan *scan, size_t tensor);
/* Sets `*transposed` when the values fit the peers as the transposed matrix, and do not as they are. Reads it once. */
bool examine_transposed(const struct ranks *ranks, size_t tensor, bool *transposed, struct error *error);

/* Of a matrix whose rows have nothing in common with its partner any more: do they when it (`*mine`) or the partner
 * (`*others`) is turned? Reads both twice. */
bool examine_turned_pair(const struct ranks *ranks, size_t tensor, bool *mine, bool *others, struct error *error);

#endif
