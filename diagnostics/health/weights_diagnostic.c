/* The diagnostic "weights". */
#include "findings/diagnostic.h"
#include "health/weights_health.h"
#include "health/weights_source.h"
#include "run/subject.h"

static bool before(const struct check *check, struct findings *findings, struct error *error)
{
    struct subject *subject = check->subject;
    const struct store *source = subject_source(subject);
    struct pool *own = subject->model ? NULL : pool_new(subject->engine.threads, error); /* one that is not computed */
    struct pool *pool = subject->model ? workspace_pool(model_workspace(subject->model)) : own;
    bool good = pool && weights_check_health(subject, pool, findings, error) &&
                (!source || weights_check_source(subject->store, source, subject->config->head_dim,
                                                 subject->config->gains_whole, pool, findings, error));
    pool_free(own);
    return good;
}

const struct diagnostic diagnostic_weights = {
    .name = "weights",
    .asks = "Are the numbers sound, and are they the original's?",
    .before = before,
};
