/* The diagnostic "finite": is all that the subject computes of gold's cases finite? */
#include <stdlib.h>

#include "findings/diagnostic.h"
#include "math/kernels.h"
#include "run/run.h"

struct finite_state {
    size_t values, places; /* that were seen, and those of them that are not finite */
};

static bool begin(const struct check *check, void **state, struct error *error)
{
    (void)check;
    return (*state = calloc(1, sizeof(struct finite_state))) || error_memory(error, "finite");
}

static bool see(void *context, const struct seat *seat, const struct part *part, struct error *error)
{
    struct finite_state *state = context;
    (void)seat;
    (void)error;
    state->values += part->rows * part->width;
    state->places += !all_finite(part->values, part->rows * part->width);
    return true;
}

static bool report(const struct check *check, void *context, struct findings *findings, struct error *error)
{
    const struct finite_state *state = context;
    struct finding *finding = findings_add(findings, "activations.finite");
    (void)check;
    if (!finding)
        return error_memory(error, "finite");
    finding_measured(finding, (double)state->places, "places");
    finding_limit(finding, 0, "a number that is none goes on into all that follows");
    finding_judge(finding);
    finding_message(finding, "%zu places are not finite among %zu values.", state->places, state->values);
    return true;
}

static void end(const struct check *check, void *state)
{
    (void)check;
    free(state);
}

const struct diagnostic diagnostic_finite = {
    .name = "finite",
    .asks = "Is all that it computes finite?",
    .needs = NEEDS_GOLD,
    .skips = (const char *const[]){"activations.finite", NULL},
    .begin = begin,
    .see = see,
    .report = report,
    .end = end,
};
