/* One run of the engine over cases, for whoever writes down what passes through it. */
#ifndef ASSAY_ACTIVATIONS_TRACE_H
#define ASSAY_ACTIVATIONS_TRACE_H

#include "activations/lens.h"
#include "golden/cases.h"
#include "golden/golden_writer.h"

struct trace_request {
    struct subject *subject; /* loaded */
    const struct cases *cases;
    size_t chunk;                 /* see run_execute */
    struct golden_writer *writer; /* of the same cases; NULL: nothing is written */
    struct lens *lens;            /* without cases, which this adds; NULL: none */
};

/* Shows the writer every activation; computes the lens. */
bool trace_run(const struct trace_request *request, struct error *error);

#endif
