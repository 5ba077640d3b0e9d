#include "causes/damage.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "activations/logits.h"
#include "run/run.h"

struct measuring {
    struct logits **logits; /* [golden_count] */
    size_t count;
};

/* Which case of which dump. */
struct seen_case {
    struct logits *logits;
    size_t case_index;
};

static bool see(void *context, size_t which, const struct part *part, struct error *error)
{
    const struct seen_case *cases = context;
    return logits_see(cases[which].logits, cases[which].case_index, part, error);
}

static size_t case_count(const struct hunt_request *request)
{
    size_t count = 0;
    for (size_t i = 0; i < request->golden_count; i++)
        count += golden_case_count(request->goldens[i]);
    return count;
}

/* The cases of which gold holds logits go on the run. */
static bool add_cases(const struct hunt_request *request, const struct measuring *measuring, struct run *run,
                      struct seen_case *cases, struct error *error)
{
    size_t count = 0;
    for (size_t i = 0; i < request->golden_count; i++) {
        const struct golden *golden = request->goldens[i];
        for (size_t k = 0; k < golden_case_count(golden); k++) {
            const struct golden_case *of = golden_case_at(golden, k);
            const struct golden_tensor *head = golden_find(golden, k, "lm_head");
            cases[count] = (struct seen_case){measuring->logits[i], k};
            if (head && !run_add(run, of->ids, of->count, head->first,
                                 (struct rider){.see = see, .context = cases, .which = count}, error))
                return false;
            count++;
        }
    }
    return true;
}

/* Over all dumps, by positions. */
static bool mean_of(const struct measuring *measuring, double *nats, struct error *error)
{
    double sum = 0, positions = 0;
    for (size_t i = 0; i < measuring->count; i++) {
        struct findings findings = {0};
        size_t count = logits_positions(measuring->logits[i]);
        if (!logits_report(measuring->logits[i], &findings, error)) {
            findings_free(&findings);
            return false;
        }
        for (size_t k = 0; k < findings.count; k++) {
            const struct finding *finding = &findings.items[k];
            if (finding->summary && finding->has_measured && strcmp(finding->check, "logits.kl") == 0) {
                sum += finding->measured * (double)count;
                positions += (double)count;
            }
        }
        findings_free(&findings);
    }
    *nats = positions > 0 ? sum / positions : NAN;
    return true;
}

static bool measure_world(const struct hunt_request *request, const struct world *world, double *nats,
                          struct error *error)
{
    const struct model_options options = {.threads = request->threads, .missing = MISSING_DEFAULT};
    struct measuring measuring = {.logits = calloc(request->golden_count + 1, sizeof *measuring.logits)};
    struct seen_case *cases = calloc(case_count(request) + 1, sizeof *cases);
    struct model *model = model_open(world->store, world->config, &options, error);
    struct run *run = model ? run_new(model, error) : NULL;
    bool good = run && ((measuring.logits && cases) || error_memory(error, "logits"));
    for (; good && measuring.count < request->golden_count; measuring.count += good)
        good =
            (measuring.logits[measuring.count] = logits_new(request->goldens[measuring.count], request->limits, error));
    good = good && add_cases(request, &measuring, run, cases, error) &&
           (!run_count(run) || run_execute(run, "logits", 0, error)) && mean_of(&measuring, nats, error);
    for (size_t i = 0; i < measuring.count; i++)
        logits_free(measuring.logits[i]);
    free(measuring.logits);
    free(cases);
    run_free(run);
    model_free(model);
    return good;
}

bool damage_measure(const struct hunt_request *request, const struct hypothesis *hypotheses, size_t count, double *nats,
                    struct error *error)
{
    struct world world;
    bool good =
        world_open(&request->ground, hypotheses, count, &world, error) && measure_world(request, &world, nats, error);
    world_close(&world);
    return good;
}

/* The number of orders in which just the `before` others of `count` come first, over all orders. */
static double weight_of(size_t before, size_t count)
{
    double weight = 1.0 / (double)count; /* 1 / (count * C(count - 1, before)) */
    for (size_t i = 1; i <= before; i++)
        weight *= (double)i / (double)(count - i);
    return weight;
}

/* nats [2^count] by the set that is undone. Where the logits are no nearer gold's with all undone, what few bits cost
 * them is as much as the damage, and hides it. */
static void shares_of(const double *nats, size_t count, struct damage *damage)
{
    bool hidden = damage->left >= damage->whole;
    for (size_t i = 0; i < count; i++) {
        double value = 0;
        for (size_t set = 0; set < (size_t)1 << count; set++) {
            size_t before = 0;
            for (size_t k = 0; k < count; k++)
                before += set >> k & 1;
            if (!(set >> i & 1))
                value += weight_of(before, count) * (nats[set] - nats[set | (size_t)1 << i]);
        }
        damage->share[i] = hidden                                         ? NAN
                           : isfinite(damage->whole) && damage->whole > 0 ? value / damage->whole
                           : count == 1 && isfinite(damage->left)         ? 1
                                                                          : NAN;
        damage->alone[i] = damage->whole - nats[(size_t)1 << i];
    }
}

bool damage_shares(const struct hunt_request *request, const struct hunt *hunt, struct damage *damage,
                   struct error *error)
{
    size_t count = hunt->proof_count;
    size_t all = ((size_t)1 << count) - 1;
    double nats[1 << PROOFS_MAX];
    for (size_t step = 0; step <= all; step++) {
        size_t set = step < 2 ? step * all : step - 1; /* none, all, and what lies between */
        struct hypothesis undone[PROOFS_MAX];
        size_t some = 0;
        struct error none = {0};
        for (size_t i = 0; i < count; i++)
            if (set >> i & 1)
                undone[some++] = hunt->proofs[i].hypothesis;
        nats[set] = set ? NAN : damage->whole;
        if (!isnan(nats[set]) || (step && hunt_is_late(request, hunt->begun)))
            continue;
        /* one that is laid over what another has undone may change nothing without it */
        if (!damage_measure(request, undone, some, &nats[set], set ? &none : error) && !set)
            return false;
        error_clear(&none);
    }
    damage->whole = nats[0];
    damage->left = nats[all];
    shares_of(nats, count, damage);
    return true;
}
