/* Not a damage: what gold determines takes the place of what is there. */
#include <fnmatch.h>

#include "activations/solve.h"
#include "faults/fault_catalogue.h"

struct solving {
    struct fault_site *site;
    struct solver *solver;
    const char *pattern;
    size_t fitting;   /* weights of that name */
    struct error why; /* the first of them that gold does not determine */
    struct error *error;
};

static bool visit(void *context, const struct expected *expected)
{
    struct solving *solving = context;
    struct solved solved;
    bool there = weights_find(solving->site->below, expected);
    if (fnmatch(solving->pattern, expected->name, 0) != 0 || !weight_is_solvable(expected->weight, there) ||
        (expected->optional && !there))
        return true;
    solving->fitting++;
    bool good = weight_solve(solving->solver, expected, &solved, solving->error);
    if (good && solved.values) {
        good = solved_lay(solving->site->overlay, expected, &solved, solving->error);
        solving->site->changed += good;
    } else if (good && *solved.why)
        error_set(&solving->why, "fault %s: gold does not determine %s: %s", solving->site->spec, expected->name,
                  solved.why);
    solved_free(&solved);
    return good;
}

static bool lay_solve(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    struct limits limits = {0};
    struct solving solving = {.site = site, .pattern = arguments->text, .error = error};
    if (!site->means.golden_count)
        return error_set(error, "fault %s: --golden FILE is needed", site->spec);
    bool good = limits_init(&limits, error);
    struct solve_request request = {.store = site->below,
                                    .config = site->config,
                                    .goldens = site->means.goldens,
                                    .golden_count = site->means.golden_count,
                                    .until = site->means.until};
    good = good &&
           (request.isolated =
                isolated_new(site->means.goldens, site->means.golden_count, site->config, &limits, 1, error)) &&
           (solving.solver = solver_new(&request, error)) && weights_each(site->config, visit, &solving);
    if (good && !solving.fitting)
        good = error_set(error, "fault %s: gold can determine no weight of that name", site->spec);
    if (good && !site->changed && solving.why.text)
        good = error_set(error, "%s", error_text(&solving.why));
    error_clear(&solving.why);
    solver_free(solving.solver);
    isolated_free(request.isolated);
    limits_free(&limits);
    return good;
}

const struct fault_kind fault_solve = {
    {"solve", "NAMES",
     "Puts what gold (--golden) determines in the place of a weight that is wrong, or of one that is absent",
     "the weight becomes what gold determines, to the last bit where gold holds enough tokens: this is no damage, it "
     "undoes one",
     "none: an experiment, and what repair --golden does"},
    lay_solve};
