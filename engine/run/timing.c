#include "run/timing.h"

#include <stdlib.h>

#include "base/progress.h"

static bool time_once(struct subject *subject, const struct timing_request *request, const int *ids,
                      struct timing *timing, struct error *error)
{
    size_t whole = request->prefill + request->decode;
    struct kv *kv = kv_new(subject->config, whole, error);
    if (!kv)
        return false;
    struct sequence sequence = {
        .ids = ids, .count = request->prefill, .kv = kv, .whole = whole, .logits_from = request->prefill - 1};
    double start = clock_seconds();
    bool good = model_forward(subject->model, &sequence, 1, NULL, error);
    double middle = clock_seconds();
    sequence = (struct sequence){.ids = ids, .count = 1, .kv = kv, .whole = whole};
    for (size_t i = 0; good && i < request->decode; i++)
        good = model_forward(subject->model, &sequence, 1, NULL, error);
    double end = clock_seconds();
    timing->prefill = middle - start < timing->prefill ? middle - start : timing->prefill;
    timing->decode = end - middle < timing->decode ? end - middle : timing->decode;
    kv_free(kv);
    return good;
}

bool timing_take(struct subject *subject, const struct timing_request *request, struct timing *timing,
                 struct error *error)
{
    int *ids = malloc(request->prefill * sizeof *ids);
    bool good = ids || error_memory(error, "ids");
    *timing = (struct timing){.prefill = 1e30, .decode = 1e30};
    for (size_t i = 0; good && i < request->prefill; i++)
        ids[i] = (int)(i * 7919 % (size_t)subject->config->vocabulary);
    model_keep_weights(subject->model, true);
    struct progress progress = progress_begin("bench", "repeats", request->repeats);
    for (size_t i = 0; good && i < request->repeats; i++) {
        good = time_once(subject, request, ids, timing, error);
        progress_step(&progress, i + 1);
    }
    progress_end(&progress);
    free(ids);
    return good;
}
