/* The diagnostic "layers": values, statistics of values, and experts that no compared token met. */
#include <stdlib.h>
#include <string.h>

#include "activations/coverage.h"
#include "activations/gold_use.h"
#include "activations/layers.h"
#include "activations/modules.h"
#include "activations/statistics.h"
#include "findings/diagnostic.h"

/* Of one gold. */
struct layers_gold {
    struct layers *layers;
    struct statistics *statistics;
    bool *modules; /* of a dump, [golden_tensor_count]: compared by their paths alone */
    bool proves;   /* statistics prove nothing of what went into them */
};

struct layers_state {
    struct layers_gold *golds;
    struct coverage *coverage; /* of all of them */
};

static bool layers_begin(const struct check *check, void **out, struct error *error)
{
    struct layers_state *state = *out = calloc(1, sizeof *state);
    if (!state || !(state->golds = calloc(check->golden_count + 1, sizeof *state->golds)))
        return error_memory(error, "layers");
    if (!(state->coverage = coverage_new(check->config, error)))
        return false;
    for (size_t i = 0; i < check->golden_count; i++) {
        const struct golden *golden = check->goldens[i];
        struct layers_gold *gold = &state->golds[i];
        if (!(gold->layers = layers_new(golden, check->config, check->limits, error)) ||
            !(gold->statistics = statistics_new(golden, check->limits, error)))
            return false;
        if (!(gold->modules = calloc(golden_tensor_count(golden) + 1, sizeof *gold->modules)))
            return error_memory(error, "layers");
        gold->proves = golden_holds(golden, GOLDEN_VALUES) || golden_holds(golden, GOLDEN_LOG_PROBABILITIES);
    }
    return true;
}

static bool layers_look(void *context, const struct seat *seat, const struct part *part, struct error *error)
{
    const struct layers_state *state = context;
    (void)error;
    statistics_see(state->golds[seat->gold].statistics, seat->case_index, part);
    return true;
}

static bool layers_splice(void *context, const struct seat *seat, const struct part *part, struct error *error)
{
    const struct layers_state *state = context;
    const struct layers_gold *gold = &state->golds[seat->gold];
    enum mode mode = seat->isolated ? MODE_ISOLATED : MODE_PROPAGATED;
    if (!layers_see(gold->layers, mode, seat->case_index, part, error))
        return false;
    bool proved = !seat->isolated && gold->proves && part->layer <= layers_reach(gold->layers, seat->case_index);
    return !proved || coverage_see(state->coverage, part, error);
}

/* What both dumps hold besides. */
static bool report_modules(const struct check *check, const struct layers_gold *of, const struct golden *golden,
                           struct findings *findings, struct error *error)
{
    bool *compared = calloc(golden_tensor_count(golden) + 1, sizeof *compared);
    bool good = compared || error_memory(error, "layers");
    if (good) {
        layers_compared(of->layers, compared);
        statistics_compared(of->statistics, compared);
        good = modules_report(golden, check->dump, check->limits, compared, of->modules, findings, error);
    }
    free(compared);
    return good;
}

static bool layers_report_gold(const struct check *check, void *context, size_t gold, struct findings *findings,
                               struct error *error)
{
    const struct layers_gold *of = &((const struct layers_state *)context)->golds[gold];
    const char *alone = "A dump cannot be fed with golden input; give a model to see each module alone.";
    return layers_report(of->layers, findings, check->dump ? alone : NULL, error) &&
           statistics_report(of->statistics, findings, error) &&
           (!check->dump || report_modules(check, of, check->goldens[gold], findings, error));
}

static void layers_use(const struct check *check, const void *context, size_t gold, struct gold_use *use, bool *marks)
{
    const struct layers_gold *of = &((const struct layers_state *)context)->golds[gold];
    layers_compared(of->layers, marks);
    statistics_compared(of->statistics, marks);
    for (size_t i = 0; i < golden_tensor_count(check->goldens[gold]); i++)
        marks[i] = marks[i] || of->modules[i];
    use->activations = check_wants(check, "layers");
}

/* Something of the whole fails, and no layer does. */
static bool is_unexplained(const struct findings *findings)
{
    static const char *const wholes[] = {"logits.kl", "logits.top1", "greedy", "perplexity", "perplexity.text"};
    bool fails = false;
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        if (finding->verdict == VERDICT_FAIL && strncmp(finding->check, "layers.", 7) == 0)
            return false;
        for (size_t k = 0; k < sizeof wholes / sizeof *wholes; k++)
            fails = fails || (finding->verdict == VERDICT_FAIL && strcmp(finding->check, wholes[k]) == 0);
    }
    return fails;
}

static bool layers_conclude(const struct check *check, void *context, struct findings *findings, struct error *error)
{
    const struct layers_state *state = context;
    const char *proved = check->original ? "the bytes of the others are gold's" : NULL;
    return check->dump ||
           coverage_report(state->coverage, check->limits, proved, is_unexplained(findings), findings, error);
}

static void layers_end(const struct check *check, void *context)
{
    struct layers_state *state = context;
    for (size_t i = 0; state && state->golds && i < check->golden_count; i++) {
        layers_free(state->golds[i].layers);
        statistics_free(state->golds[i].statistics);
        free(state->golds[i].modules);
    }
    if (state) {
        coverage_free(state->coverage);
        free(state->golds);
    }
    free(state);
}

const struct diagnostic diagnostic_layers = {
    .name = "layers",
    .asks = "Where does it first differ from gold, and which modules are to blame?",
    .needs = NEEDS_ENGINE | NEEDS_GOLD,
    .skips = (const char *const[]){"layers.propagated", "layers.isolated", NULL},
    .compares = true,
    .rides = true, /* near-ties of routers are put as gold has them, for whoever looks at what follows */
    .isolates = true,
    .begin = layers_begin,
    .see = layers_look,
    .splice = layers_splice,
    .report_gold = layers_report_gold,
    .use = layers_use,
    .conclude = layers_conclude,
    .end = layers_end,
};
