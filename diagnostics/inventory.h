/* Is everything there? The exact set of tensors that the configuration calls for, against what the store holds. */
#ifndef ASSAY_DIAGNOSTICS_INVENTORY_H
#define ASSAY_DIAGNOSTICS_INVENTORY_H

#include "findings/finding.h"
#include "model/config.h"
#include "store/store.h"

/* Adds inventory.files, for an extraction inventory.misplaced, inventory.absent, inventory.shape, inventory.dtype and
 * inventory.extra. Reads headers only. */
bool inventory_check(const struct store *store, const struct model_config *config, struct findings *findings,
                     struct error *error);

#endif
