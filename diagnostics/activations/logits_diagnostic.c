/* The diagnostic "logits". */
#include <math.h>
#include <stdlib.h>

#include "activations/gold_use.h"
#include "activations/logits.h"
#include "findings/diagnostic.h"

static bool begin(const struct check *check, void **out, struct error *error)
{
    struct logits **state = *out = calloc(check->golden_count + 1, sizeof *state);
    for (size_t i = 0; state && i < check->golden_count; i++)
        if (!(state[i] = logits_new(check->goldens[i], check->limits, error)))
            return false;
    return state || error_memory(error, "logits");
}

static bool see(void *state, const struct seat *seat, const struct part *part, struct error *error)
{
    return logits_see(((struct logits **)state)[seat->gold], seat->case_index, part, error);
}

static bool report_gold(const struct check *check, void *state, size_t gold, struct findings *findings,
                        struct error *error)
{
    (void)check;
    return logits_report(((struct logits **)state)[gold], findings, error);
}

static void use_of(const struct check *check, const void *state, size_t gold, struct gold_use *use, bool *marks)
{
    const struct logits *logits = ((struct logits *const *)state)[gold];
    const struct golden *golden = check->goldens[gold];
    logits_compared(logits, marks);
    use->logits = check_wants(check, "logits");
    if (check->dump) {
        use->partly = logits_positions(logits) > 0;
        return;
    }
    for (size_t i = 0; use->logits && i < golden_case_count(golden); i++) {
        bool recorded = !isnan(golden_case_at(golden, i)->perplexity);
        use->others += recorded;
        use->others_wanted += recorded;
    }
}

static void end(const struct check *check, void *state)
{
    for (size_t i = 0; state && i < check->golden_count; i++)
        logits_free(((struct logits **)state)[i]);
    free(state);
}

const struct diagnostic diagnostic_logits = {
    .name = "logits",
    .asks = "How far is the distribution over the next token from gold's?",
    .needs = NEEDS_ENGINE | NEEDS_HEAD | NEEDS_GOLD,
    .skips = (const char *const[]){"logits.kl", NULL},
    .compares = true,
    .rides = true, /* what it compares of a gold counts, whoever asked for the pass */
    .begin = begin,
    .see = see,
    .report_gold = report_gold,
    .use = use_of,
    .end = end,
};
