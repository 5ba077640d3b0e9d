#include "diagnostics/check.h"

#include <math.h>
#include <stdlib.h>

#include "activations/gold_config.h"
#include "diagnostics/checking.h"
#include "run/run.h"

static bool gold_see(void *context, size_t which, const struct part *part, struct error *error)
{
    struct checking *checking = context;
    return checking_see(checking, &checking->seats[which], part, error);
}

/* The first token whose logits somebody looks at: where gold's begin, unless the case's perplexity is compared. */
static size_t logits_from(const struct golden *golden, size_t case_index)
{
    const struct golden_tensor *tensor = golden_find(golden, case_index, "lm_head");
    return tensor && isnan(golden_case_at(golden, case_index)->perplexity) ? tensor->first : 0;
}

static struct rider rider_of(struct checking *checking, const struct seat *seat)
{
    checking->seats[checking->seat_count] = *seat;
    return (struct rider){.see = gold_see, .context = checking, .which = checking->seat_count++};
}

/* A case in one mode, with its rounded twins where gold or subject have few bits. */
static bool add_case(struct checking *checking, const struct seat *seat, struct error *error)
{
    const struct golden *golden = checking->check.goldens[seat->gold];
    const struct golden_case *golden_case = golden_case_at(golden, seat->case_index);
    struct run *run = checking->check.run;
    double rounding = gold_rounding(golden);
    size_t from = logits_from(golden, seat->case_index);
    struct seat twin = *seat;
    twin.rounded = true;
    for (twin.draw = 0; rounding > 0 && twin.draw < ROUNDING_DRAWS; twin.draw++)
        if (!run_add_twin(run, golden_case->ids, golden_case->count, from, rounding, rider_of(checking, &twin), error))
            return false;
    return run_add(run, golden_case->ids, golden_case->count, from, rider_of(checking, seat), error);
}

static bool add_gold(struct checking *checking, size_t gold, bool isolates, struct error *error)
{
    const struct golden *golden = checking->check.goldens[gold];
    isolates = isolates && golden_holds(golden, GOLDEN_VALUES);
    for (size_t i = 0; i < golden_case_count(golden); i++)
        for (int isolated = 0; isolated < (isolates ? 2 : 1); isolated++)
            if (!add_case(checking, &(struct seat){.gold = gold, .case_index = i, .isolated = isolated > 0}, error))
                return false;
    return true;
}

static bool add_golds(struct checking *checking, struct error *error)
{
    const struct check *check = &checking->check;
    size_t cases = 0;
    bool isolates = false, few = false; /* some gold, or the subject beside it, has few bits */
    if (!checking_passes_gold(checking))
        return true;
    for (size_t i = 0; i < check->golden_count; i++) {
        cases += golden_case_count(check->goldens[i]);
        few = few || gold_rounding(check->goldens[i]) > 0;
    }
    for (int i = 0; i < DIAGNOSTIC_COUNT; i++)
        isolates = isolates || (checking->reports[i] && diagnostic_rows[i]->isolates);
    if (few && !(checking->rounding = rounding_new(check->goldens, check->golden_count, check->config, error)))
        return false;
    if (!(checking->seats = calloc(2 * (1 + ROUNDING_DRAWS) * cases + 1, sizeof *checking->seats)))
        return error_memory(error, "check");
    for (size_t i = 0; i < check->golden_count; i++)
        if (!add_gold(checking, i, isolates, error))
            return false;
    return true;
}

static bool golds_fit(struct checking *checking, const struct check_request *request, struct findings *findings,
                      struct error *error)
{
    const struct subject *subject = request->subject;
    if (!(checking->weights = calloc(request->golden_count + 1, sizeof *checking->weights)))
        return error_memory(error, "check");
    for (size_t i = 0; i < request->golden_count; i++)
        if (!gold_fit(request->goldens[i], subject, !checking_compares(checking), findings, error) ||
            !precision_settle(request->goldens[i], subject, &checking->weights[i], error))
            return false;
    return true;
}

/* The pass, with all that looks at it. */
static bool check_pass(struct checking *checking, const struct check_request *request, struct error *error)
{
    struct run *run = checking->check.run;
    double since = checking_next(checking);
    bool good = add_golds(checking, error) && checking_begin(checking, error) &&
                (!run_count(run) || run_execute(run, "layers", request->chunk, error));
    checking_spent(checking, "pass", since);
    return good;
}

bool check_run(const struct check_request *request, struct findings *findings, struct error *error)
{
    struct checking checking = {.check = {.subject = request->subject,
                                          .config = request->subject->config,
                                          .goldens = request->goldens,
                                          .golden_count = request->golden_count,
                                          .limits = request->limits,
                                          .text = request->text,
                                          .context = request->context,
                                          .stride = request->stride,
                                          .prompts = request->writing.prompts,
                                          .prompt_count = request->writing.count,
                                          .writing = &request->writing},
                                .times = request->times};
    struct run *run = NULL;
    bool computes = !*request->subject->config->unsupported;
    checking_choose(&checking, request->wanted);
    checking_count(&checking);
    bool good =
        (!computes || (golds_fit(&checking, request, findings, error) && subject_load(request->subject, error) &&
                       (run = checking.check.run = run_new(request->subject->model, error)))) &&
        checking_before(&checking, findings, error) && (!computes || check_pass(&checking, request, error)) &&
        checking_report(&checking, findings, error) && choice_apply(&request->choice, findings, error);
    checking_end(&checking);
    run_free(run);
    rounding_free(checking.rounding);
    free(checking.weights);
    free(checking.seats);
    return good;
}
