#include "passport/restoring.h"

#include <stdlib.h>

#include "activations/solve.h"
#include "base/progress.h"
#include "base/wording.h"
#include "model/probe.h"
#include "store/overlay.h"

/* What a point shows that is wrong, and no weight within it explains. */
struct unfit {
    size_t tried; /* weights */
    bool solved;
};

struct restoring {
    const struct subject *subject;
    struct solve_request request;
    struct solver *solver;
    struct store *overlay;
    struct findings *findings;
    struct expected_list beyond;        /* absent, and nothing that gold could determine */
    struct unfit (*unfit)[POINT_COUNT]; /* [layers] */
    size_t solved, undetermined, right;
    size_t rows_unseen; /* of tensors of which gold shows some */
    struct error *error;
};

/* Which rows gold shows, and what that leaves. */
static void rows_message(const struct expected *expected, const struct solved *solved, struct finding *finding)
{
    size_t unseen = (size_t)expected->shape[0] - solved->rows_seen;
    finding_message(finding,
                    "%zu of the %llu rows of %s are solved for as %s: gold shows %zu of them, and these were wrong. It "
                    "does not show the other %zu, so nothing proves that the tensor is right as a whole.",
                    solved->row_count, (unsigned long long)expected->shape[0], expected->name,
                    dtype_name(solved->dtype), solved->rows_seen, unseen);
    finding_fact(finding, "rows_solved", (double)solved->row_count);
    finding_fact(finding, "rows_unseen", (double)unseen);
    if (unseen)
        finding->verdict = VERDICT_WARN;
}

static void solved_message(const struct expected *expected, const struct solved *solved, struct finding *finding)
{
    if (solved->rows) {
        rows_message(expected, solved, finding);
        return;
    }
    struct buffer how = {0};
    if (solved->factor < 0 || solved->factor > 0)
        buffer_format(&how, "as the stored values times %.9g", solved->factor);
    else if (solved->moved)
        buffer_format(&how, "by moving %zu of the stored rows to other places", solved->moved);
    else
        buffer_format(&how, "from %zu equation%s for each value", solved->equations, text_plural(solved->equations));
    if (solved->spread > 0)
        buffer_format(&how, ", to %.2g of its size", solved->spread);
    else if (solved->exact)
        buffer_text(&how, ", to the last bit");
    finding_message(finding, "%s is solved for as %s, %s; with it the module's error is %.3g of its limit.",
                    expected->name, dtype_name(solved->dtype), how.data ? how.data : "", solved->ratio);
    buffer_free(&how);
    if (solved->factor < 0 || solved->factor > 0)
        finding_fact(finding, "factor", solved->factor);
    if (solved->moved)
        finding_fact(finding, "rows_moved", (double)solved->moved);
}

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
        finding_limit(finding, 1,
                      "with the values that were solved for, the module must equal gold within gold's precision");
        solved_message(expected, solved, finding);
    } else {
        finding_message(finding, "%s is not determined by gold: %s.", expected->name, solved->why);
    }
    return true;
}

static bool keep(struct restoring *restoring, const struct expected *expected, const struct solved *solved)
{
    bool kept = solved->state == SOLVED, told = kept || solved->state == SOLVED_NOT;
    restoring->right += solved->state == SOLVED_RIGHT;
    restoring->solved += kept;
    restoring->undetermined += solved->state == SOLVED_NOT;
    if (kept && solved->rows)
        restoring->rows_unseen += (size_t)expected->shape[0] - solved->rows_seen;
    if (expected->layer >= 0 && solved->point != POINT_COUNT) { /* one that is told of accounts for its module */
        struct unfit *unfit = &restoring->unfit[expected->layer][solved->point];
        unfit->tried += solved->state == SOLVED_UNFIT;
        unfit->solved = unfit->solved || told;
    }
    return (!kept || solved_lay(restoring->overlay, expected, solved, restoring->error)) &&
           (!told || report(restoring, expected, solved));
}

static bool visit(void *context, const struct expected *expected)
{
    struct restoring *restoring = context;
    bool there = weights_find(restoring->subject->store, expected) != NULL;
    struct solved solved;
    if (!weight_is_solvable(expected->weight, there) || (expected->optional && !there))
        return there || expected->optional || expected_list_add(&restoring->beyond, expected) ||
               error_memory(restoring->error, expected->name);
    bool good =
        weight_solve(restoring->solver, expected, &solved, restoring->error) && keep(restoring, expected, &solved);
    solved_free(&solved);
    return good;
}

/* Modules that are wrong, and that none of their weights makes right by itself. */
static bool report_unfit(struct restoring *restoring)
{
    for (int layer = 0; layer < restoring->subject->config->layers; layer++)
        for (int point = 0; point < POINT_COUNT; point++) {
            const struct unfit *unfit = &restoring->unfit[layer][point];
            char path[POINT_PATH];
            if (!unfit->tried || unfit->solved)
                continue;
            struct finding *finding = findings_place(restoring->findings, "restored", VERDICT_WARN);
            if (!finding)
                return error_memory(restoring->error, "restored");
            where_set(&finding->where.module, point_path((enum point)point, layer, path));
            finding->where.layer = layer;
            finding_message(
                finding,
                "%s differs from gold, and gold does not show which of its tensors is wrong: of the %zu that were "
                "tried, none puts it right with other values, a factor or another order of its rows.",
                path, unfit->tried);
            restoring->undetermined++;
        }
    return true;
}

static bool conclude(struct restoring *restoring, size_t at)
{
    struct buffer beyond = {0};
    struct finding *finding = &restoring->findings->items[at];
    expected_list_text(&restoring->beyond, &beyond);
    finding->verdict =
        restoring->undetermined || restoring->beyond.count || restoring->rows_unseen ? VERDICT_WARN : VERDICT_PASS;
    finding_measured(finding, (double)restoring->solved, "tensors");
    finding_fact(finding, "solved", (double)restoring->solved);
    finding_fact(finding, "right", (double)restoring->right);
    finding_fact(finding, "undetermined", (double)restoring->undetermined);
    finding_fact(finding, "rows_unseen", (double)restoring->rows_unseen);
    finding_fact(finding, "beyond_gold", (double)restoring->beyond.count);
    finding_message(
        finding,
        "Gold determines %zu tensor%s that %s absent or wrong; %zu others are right as far as it shows%s%s%s%s",
        restoring->solved, text_plural(restoring->solved), restoring->solved == 1 ? "is" : "are", restoring->right,
        restoring->undetermined ? ", and some are not determined" : "",
        beyond.data ? ". Absent, and not determined by gold, so the original is needed: " : "",
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
    restoring.unfit = calloc((size_t)subject->config->layers + 1, sizeof *restoring.unfit);
    good = good && (restoring.unfit || error_memory(error, "restored"));
    good = good &&
           (restoring.request.isolated = isolated_new(goldens, golden_count, subject->config, &limits, threads, error));
    good = good && (restoring.solver = solver_new(&restoring.request, error)) &&
           weights_each(subject->config, visit, &restoring) && report_unfit(&restoring) && conclude(&restoring, at);
    solver_free(restoring.solver);
    isolated_free(restoring.request.isolated);
    free(restoring.unfit);
    expected_list_free(&restoring.beyond);
    limits_free(&limits);
    if (good && restoring.solved)
        subject_cover(subject, restoring.overlay);
    else
        store_free(restoring.overlay);
    return good;
}
