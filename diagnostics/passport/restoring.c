#include "passport/restoring.h"

#include "activations/solve.h"
#include "base/progress.h"
#include "base/wording.h"
#include "store/overlay.h"

struct restoring {
    const struct subject *subject;
    struct solve_request request;
    struct store *overlay;
    struct findings *findings;
    struct expected_list beyond; /* absent, and nothing that gold could determine */
    size_t solved, undetermined, right;
    struct error *error;
};

static bool report(struct restoring *restoring, const struct expected *expected, const struct solved *solved)
{
    struct finding *finding =
        findings_place(restoring->findings, "restored", solved->values ? VERDICT_PASS : VERDICT_WARN);
    if (!finding)
        return error_memory(restoring->error, expected->name);
    where_set(&finding->where.tensor, expected->name);
    finding->where.layer = expected->layer;
    if (solved->values) {
        finding_measured(finding, solved->ratio, "of the limit");
        finding_limit(finding, 1, "What is solved for makes what gold holds, within what its precision allows.");
        finding_message(finding,
                        "%s is solved for as %s, from %zu equations for each value; with it the module's error is %.3g "
                        "of its limit.",
                        expected->name, dtype_name(solved->dtype), solved->equations, solved->ratio);
    } else {
        finding_message(finding, "%s is not determined by gold: %s.", expected->name, solved->why);
    }
    return true;
}

static bool visit(void *context, const struct expected *expected)
{
    struct restoring *restoring = context;
    bool there = weights_find(restoring->subject->store, expected) != NULL;
    struct solved solved;
    if (!weight_is_solvable(expected->weight) || (expected->optional && !there))
        return there || expected->optional || expected_list_add(&restoring->beyond, expected) ||
               error_memory(restoring->error, expected->name);
    bool good = weight_solve(&restoring->request, expected, &solved, restoring->error);
    if (good && solved.values)
        good = solved_lay(restoring->overlay, expected, &solved, restoring->error);
    restoring->right += solved.right;
    restoring->solved += solved.values != NULL;
    restoring->undetermined += !solved.right && !solved.values;
    good = good && (solved.right || report(restoring, expected, &solved));
    solved_free(&solved);
    return good;
}

static bool conclude(struct restoring *restoring, size_t at)
{
    struct buffer beyond = {0};
    struct finding *finding = &restoring->findings->items[at];
    expected_list_text(&restoring->beyond, &beyond);
    finding->verdict = restoring->undetermined || restoring->beyond.count ? VERDICT_WARN : VERDICT_PASS;
    finding_measured(finding, (double)restoring->solved, "tensors");
    finding_fact(finding, "solved", (double)restoring->solved);
    finding_fact(finding, "right", (double)restoring->right);
    finding_fact(finding, "undetermined", (double)restoring->undetermined);
    finding_fact(finding, "beyond_gold", (double)restoring->beyond.count);
    finding_message(
        finding, "Gold determines %zu tensor%s that %s absent or wrong; %zu gains, routers and heads are right%s%s%s%s",
        restoring->solved, text_plural(restoring->solved), restoring->solved == 1 ? "is" : "are", restoring->right,
        restoring->undetermined ? ", and some are not determined" : "",
        beyond.data ? ". Absent, and beyond gold, so that the original is needed: " : "",
        beyond.data ? beyond.data : "", ".");
    buffer_free(&beyond);
    return true;
}

bool gold_restore(struct subject *subject, struct golden *const *goldens, size_t golden_count, int threads,
                  struct findings *findings, struct error *error)
{
    struct limits limits = {0};
    size_t at = findings->count;
    struct restoring restoring = {.subject = subject, .findings = findings, .error = error};
    bool good = (findings_add(findings, "restored") || error_memory(error, "restored")) &&
                limits_init(&limits, error) && (restoring.overlay = overlay_new(subject->store, error));
    restoring.request = (struct solve_request){
        .store = subject->store, .config = subject->config, .goldens = goldens, .golden_count = golden_count};
    good = good &&
           (restoring.request.isolated = isolated_new(goldens, golden_count, subject->config, &limits, threads, error));
    good = good && weights_each(subject->config, visit, &restoring) && conclude(&restoring, at);
    isolated_free(restoring.request.isolated);
    expected_list_free(&restoring.beyond);
    limits_free(&limits);
    if (good && restoring.solved)
        subject_cover(subject, restoring.overlay);
    else
        store_free(restoring.overlay);
    return good;
}
