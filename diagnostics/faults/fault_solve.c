/* Not a damage: what gold determines takes the place of what is there. */
#include <fnmatch.h>

#include "activations/solve.h"
#include "faults/fault_catalogue.h"

struct solving {
    struct fault_site *site;
    struct solve_request request;
    const char *pattern;
    size_t fitting, right; /* weights: of that name, and of these as gold has them */
    struct error why;      /* the first of them that gold does not determine */
    struct error *error;
};

static bool visit(void *context, const struct expected *expected)
{
    struct solving *solving = context;
    struct solved solved;
    if (fnmatch(solving->pattern, expected->name, 0) != 0 || !weight_is_solvable(expected->weight) ||
        (expected->optional && !store_find(solving->site->below, expected->name)))
        return true;
    solving->fitting++;
    bool good = weight_solve(&solving->request, expected, &solved, solving->error);
    if (good && solved.values) {
        good = solved_lay(solving->site->overlay, expected, &solved, solving->error);
        solving->site->changed += good;
    } else if (good && solved.right)
        solving->right++;
    else if (good)
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
    solving.request = (struct solve_request){.store = site->below,
                                             .config = site->config,
                                             .goldens = site->means.goldens,
                                             .golden_count = site->means.golden_count};
    good = good && (solving.request.isolated =
                        isolated_new(site->means.goldens, site->means.golden_count, site->config, &limits, 1, error));
    good = good && weights_each(site->config, visit, &solving);
    if (good && !solving.fitting)
        good = error_set(error, "fault %s: no gain, router or head is called so", site->spec);
    if (good && !site->changed && solving.why.text)
        good = error_set(error, "%s", error_text(&solving.why));
    error_clear(&solving.why);
    isolated_free(solving.request.isolated);
    limits_free(&limits);
    return good;
}

const struct fault_kind fault_solve = {
    {"solve", "NAMES",
     "Puts what gold (--golden) determines in the place of a gain, router or head that is wrong or absent",
     "the weight is gold's, to the last bit where gold has enough of them: not a damage, but what undoes one",
     "none: an experiment, and what repair --golden does"},
    lay_solve};
