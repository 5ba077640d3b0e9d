/* The numbers of a model: are they sound? */
#ifndef ASSAY_HEALTH_WEIGHTS_HEALTH_H
#define ASSAY_HEALTH_WEIGHTS_HEALTH_H

#include "base/pool.h"
#include "findings/finding.h"
#include "run/subject.h"

/* Adds what health/health.h and vocabulary.h list: every number of the text model is read once. */
bool weights_check_health(const struct subject *subject, struct pool *pool, struct findings *findings,
                          struct error *error);

#endif
