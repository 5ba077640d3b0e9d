/* Speed of the engine: how long a prompt takes, and the tokens after it. */
#ifndef ASSAY_RUN_TIMING_H
#define ASSAY_RUN_TIMING_H

#include "run/subject.h"

struct timing_request {
    size_t prefill; /* tokens of the prompt, at least 1 */
    size_t decode;  /* tokens after it, one by one */
    size_t repeats; /* of which the best counts, at least 1 */
};

struct timing {
    double prefill, decode; /* seconds */
};

/* Weights are kept in memory. The subject must be loaded. Shows progress. */
bool timing_take(struct subject *subject, const struct timing_request *request, struct timing *timing,
                 struct error *error);

#endif
