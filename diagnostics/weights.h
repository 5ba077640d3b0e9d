/* The numbers of a model: are they sound, and are they the original's? */
#ifndef ASSAY_DIAGNOSTICS_WEIGHTS_H
#define ASSAY_DIAGNOSTICS_WEIGHTS_H

#include "base/pool.h"
#include "findings/finding.h"
#include "run/subject.h"

/* Adds what health/health.h and vocabulary.h list: every number of the text model is read once. */
bool weights_check_health(const struct subject *subject, struct pool *pool, struct findings *findings,
                          struct error *error);

/* Adds weights.source: every tensor of the text model against the original's of the same name, value by value. Where
 * the dtype is the same nothing may differ; else no more than rounding to it costs. Reads both models once. */
bool weights_check_source(const struct store *store, const struct store *source, struct pool *pool,
                          struct findings *findings, struct error *error);

#endif
