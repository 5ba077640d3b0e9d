#include "activations/trace.h"

static bool trace_see(void *context, size_t which, const struct part *part, struct error *error)
{
    const struct trace_request *request = context;
    if (request->lens)
        lens_see(request->lens, which, part);
    return !request->writer || golden_writer_see(request->writer, which, part, error);
}

bool trace_run(const struct trace_request *request, struct error *error)
{
    struct run *run = run_new(request->subject->model, error);
    bool good = run;
    for (size_t i = 0; good && i < request->cases->count; i++) {
        const struct golden_case *one = &request->cases->items[i];
        size_t logits_from = request->writer ? golden_writer_logits_from(request->writer, one->count) : one->count;
        good = (!request->lens || lens_add(request->lens, one->id, one->count, NULL, 0, error)) &&
               run_add(run, one->ids, one->count, logits_from,
                       (struct rider){.see = trace_see, .context = (void *)request, .which = i}, error);
    }
    good = good && run_execute(run, "layers", request->chunk, error) &&
           (!request->lens || lens_compute(request->lens, request->subject->model, NULL, error));
    run_free(run);
    return good;
}
