/* The diagnostic "lens": the cases of every gold, then the prompts. */
#include <stdlib.h>
#include <string.h>

#include "activations/lens.h"
#include "findings/diagnostic.h"
#include "run/run.h"
#include "run/subject.h"

struct lens_state {
    struct lens *lens;
    size_t *firsts;      /* [golden_count]: the case of the lens that is the gold's first */
    struct ids *prompts; /* [prompt_count] of the check: those that are looked at */
    bool computed;
};

/* Without a tokenizer they are no ids; text.verdict says so. */
static bool has_prompts(const struct check *check)
{
    return check->prompt_count && check->subject->tokenizer;
}

static size_t at_most(size_t count)
{
    return count < LENS_CASES_MAX ? count : LENS_CASES_MAX;
}

static bool prompt_see(void *context, size_t which, const struct part *part, struct error *error)
{
    (void)error;
    lens_see(context, which, part);
    return true;
}

static bool add_prompts(const struct check *check, struct lens_state *state, struct error *error)
{
    if (!(state->prompts = calloc(check->prompt_count, sizeof *state->prompts)))
        return error_memory(error, "prompts");
    for (size_t i = 0; i < at_most(check->prompt_count); i++) {
        const char *text = check->prompts[i];
        struct ids *ids = &state->prompts[i];
        if (!tokenizer_encode(check->subject->tokenizer, text, strlen(text), true, ids, error))
            return false;
        if (!ids->count)
            return error_set(error, "prompt \"%.60s\" has no tokens", text);
        struct rider rider = {.see = prompt_see, .context = state->lens, .which = lens_count(state->lens)};
        if (!lens_add(state->lens, text, ids->count, NULL, 0, error) ||
            !run_add(check->run, ids->data, ids->count, ids->count, rider, error))
            return false;
    }
    return true;
}

static bool begin(const struct check *check, void **out, struct error *error)
{
    struct lens_state *state = *out = calloc(1, sizeof *state);
    if (!state || !(state->firsts = calloc(check->golden_count + 1, sizeof *state->firsts)))
        return error_memory(error, "lens");
    if (!(state->lens = lens_new(check->config, 1, error)))
        return false;
    for (size_t gold = 0; gold < check->golden_count; gold++) {
        const struct golden *golden = check->goldens[gold];
        state->firsts[gold] = lens_count(state->lens);
        for (size_t i = 0; i < at_most(golden_case_count(golden)); i++) {
            const struct golden_case *golden_case = golden_case_at(golden, i);
            if (!lens_add(state->lens, golden_case->id, golden_case->count, golden, i, error))
                return false;
        }
    }
    return !has_prompts(check) || add_prompts(check, state, error);
}

static bool see(void *context, const struct seat *seat, const struct part *part, struct error *error)
{
    const struct lens_state *state = context;
    (void)error;
    if (seat->case_index < LENS_CASES_MAX)
        lens_see(state->lens, state->firsts[seat->gold] + seat->case_index, part);
    return true;
}

/* Once, when the pass is over. */
static bool compute(const struct check *check, struct lens_state *state, struct error *error)
{
    bool good = state->computed || lens_compute(state->lens, check->subject->model, check->limits, error);
    return (state->computed = good);
}

static bool report_gold(const struct check *check, void *context, size_t gold, struct findings *findings,
                        struct error *error)
{
    struct lens_state *state = context;
    const struct golden *golden = check->goldens[gold];
    return compute(check, state, error) && lens_report(state->lens, golden, golden_case_count(golden),
                                                       check->subject->tokenizer, check->limits, findings, error);
}

static bool report(const struct check *check, void *context, struct findings *findings, struct error *error)
{
    struct lens_state *state = context;
    return !has_prompts(check) ||
           (compute(check, state, error) && lens_report(state->lens, NULL, check->prompt_count,
                                                        check->subject->tokenizer, check->limits, findings, error));
}

static bool skip(const struct check *check, struct findings *findings, struct error *error)
{
    return check->golden_count || has_prompts(check) || !config_predicts(check->config, NULL) ||
           findings_skip(findings, "lens", "No gold was given (--golden).", error);
}

static void end(const struct check *check, void *context)
{
    struct lens_state *state = context;
    for (size_t i = 0; state && state->prompts && i < check->prompt_count; i++)
        ids_free(&state->prompts[i]);
    if (state) {
        lens_free(state->lens);
        free(state->prompts);
        free(state->firsts);
    }
    free(state);
}

const struct diagnostic diagnostic_lens = {
    .name = "lens",
    .asks = "What would the model say if it ended after each layer?",
    .needs = NEEDS_ENGINE | NEEDS_HEAD,
    .skips = (const char *const[]){"lens", NULL},
    .begin = begin,
    .see = see,
    .report_gold = report_gold,
    .report = report,
    .skip = skip,
    .end = end,
};
