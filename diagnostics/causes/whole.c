#include "causes/whole.h"

#include <math.h>
#include <stdlib.h>

#include "base/progress.h"
#include "causes/candidates.h"
#include "causes/damage.h"

#define CURED 1e-3 /* of the divergence may be left */
#define LEAST 1e-7 /* nats that are worth an explanation */

static void try_all(const struct hunt_request *request, struct hunt *hunt, const struct hypotheses *list,
                    const struct hypothesis **best, double *least)
{
    struct progress progress = progress_begin("experiments", "experiments", list->count);
    for (size_t i = 0; i < list->count; i++) {
        struct error none = {0};
        double nats = NAN;
        if (hunt_is_late(request, hunt->begun)) {
            hunt->untried = list->count - i;
            break;
        }
        /* one that changes nothing, or whose sizes do not fit, is none */
        if (damage_measure(request, &list->items[i], 1, &nats, &none)) {
            hunt->tried++;
            hunt->tried_of[list->items[i].departure]++;
        }
        error_clear(&none);
        if (nats < *least) {
            *least = nats;
            *best = &list->items[i];
        }
        progress_step(&progress, i + 1);
    }
    progress_end(&progress);
}

/* The head is all that can be said to be bad, and cured. */
static void keep(struct hunt *hunt, const struct hypothesis *hypothesis)
{
    int last = hunt->blocks - 1;
    hunt->after[last] = 0;
    hunt->proofs[hunt->proof_count++] =
        (struct proof){.hypothesis = *hypothesis, .cured = 1, .first = last, .last = last, .points = 1u << POINT_HEAD};
}

bool whole_find(const struct hunt_request *request, struct hunt *hunt, struct error *error)
{
    unsigned *bad = calloc((size_t)hunt->blocks + 1, sizeof *bad);
    struct hypotheses list = {0};
    const struct hypothesis *best = NULL;
    double whole = NAN, least;
    const struct evidence evidence = {
        .config = request->config, .bad = bad, .blocks = hunt->blocks, .weights_right = request->weights_right};
    bool good = (bad || error_memory(error, "experiments")) &&
                (hunt->compared || damage_measure(request, NULL, 0, &whole, error));
    for (int block = 0; good && block < hunt->blocks; block++)
        bad[block] = ~0u;
    least = whole;
    if (good && !(whole <= LEAST) && !isnan(whole)) {
        hunt->before[hunt->blocks - 1] = hunt->after[hunt->blocks - 1] = 1u << POINT_HEAD;
        hunt->compared = 1;
        good = candidates_everywhere(&evidence, &list) || error_memory(error, "experiments");
        if (good)
            try_all(request, hunt, &list, &best, &least);
        if (good && best && least < CURED * whole)
            keep(hunt, best);
    }
    hypotheses_free(&list);
    free(bad);
    return good;
}
