/* The numbers of a model: are they the original's? */
#ifndef ASSAY_HEALTH_WEIGHTS_SOURCE_H
#define ASSAY_HEALTH_WEIGHTS_SOURCE_H

#include "base/pool.h"
#include "findings/finding.h"
#include "store/store.h"

/* Adds weights.source: every tensor of the text model against the original's of the same name, value by value. Where
 * the dtype is the same nothing may differ; else no more than rounding to it costs. Reads both models once, and what
 * differs once more, to say what it is to the original's (relation.h; `head`: rows of a head, 0: not known).
 * `gains_whole`: of the subject, whose original may hold them without their 1. */
bool weights_check_source(const struct store *store, const struct store *source, int head, bool gains_whole,
                          struct pool *pool, struct findings *findings, struct error *error);

#endif
