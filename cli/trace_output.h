/* What a trace is written as. */
#ifndef ASSAY_CLI_TRACE_OUTPUT_H
#define ASSAY_CLI_TRACE_OUTPUT_H

#include "golden/dump.h"
#include "run/run.h"

struct trace_request {
    const char *path;
    const struct model_config *config;
    const struct golden_case *cases;
    size_t count;
    const int *windows; /* the cases are windows of this text, one behind the other; NULL: they are not */
    const struct dump_options *options;
};

struct trace_output;

/* `format` as in struct arguments; 0: our own. What is behind the request's pointers is borrowed until the output
 * ends. */
struct trace_output *trace_output_new(int format, const struct trace_request *request, struct error *error);

/* The first token of a case of `count` whose logits are wanted. */
size_t trace_output_logits_from(const struct trace_output *output, size_t count);

bool trace_output_see(struct trace_output *output, size_t case_index, const struct part *part, struct error *error);

/* Both end the output. What was asked for appears, whole, at the commit only. */
bool trace_output_commit(struct trace_output *output, struct error *error);
void trace_output_discard(struct trace_output *output);

#endif
