/* Is everything there? The exact set of tensors that the configuration calls for, against what the store holds. */
#ifndef ASSAY_DIAGNOSTICS_INVENTORY_H
#define ASSAY_DIAGNOSTICS_INVENTORY_H

#include "base/pool.h"
#include "findings/finding.h"
#include "model/config.h"
#include "store/store.h"

/* Adds inventory.files, for an extraction inventory.misplaced, inventory.absent, inventory.shape, inventory.dtype and
 * inventory.extra. Reads headers only. */
bool inventory_check(const struct store *store, const struct model_config *config, struct findings *findings,
                     struct error *error);

/* Adds weights.finite: reads every number of the text model once and names the tensors that hold NaN or infinities. */
bool weights_check_finite(const struct store *store, struct pool *pool, struct findings *findings, struct error *error);

/* Adds weights.source: every tensor of the text model against the original's of the same name, value by value. Where
 * the dtype is the same nothing may differ; else no more than rounding to it costs. Reads both models once. */
bool weights_check_source(const struct store *store, const struct store *source, struct pool *pool,
                          struct findings *findings, struct error *error);

#endif
