#include "causes/hunt.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "activations/isolated.h"
#include "activations/solve.h"
#include "base/progress.h"
#include "causes/candidates.h"
#include "causes/factor.h"
#include "model/model.h"

/* An experiment that cured nothing, in a block that was so bad. */
struct refuted {
    char text[HYPOTHESIS_TEXT];
    int pilot;
    unsigned bad;
    bool breaks; /* something good is bad with it, or it cannot be made */
};

struct hunting {
    const struct hunt_request *request;
    struct hunt *hunt;
    struct ground ground; /* with all that is proved */
    struct isolated *isolated;
    struct model_config *gold;              /* that gold records; NULL: none */
    struct hypothesis laid[PROOFS_MAX + 2]; /* those that are proved, and the one that is tried, or the two */
    double *ratios;                         /* [blocks][POINT_COUNT]: errors over their limits before any experiment */
    double *errors2;                        /* the same: squared errors over gold's squares */
    unsigned *found;                        /* [blocks]: scratch */
    double *left;                           /* the same */
    struct refuted *refuted;
    size_t refuted_count, refuted_capacity;
};

static size_t bits(unsigned points)
{
    size_t count = 0;
    for (; points; points &= points - 1)
        count++;
    return count;
}

int hunt_block(const struct hunt *hunt, const struct expected *expected)
{
    bool begin = weight_rows[expected->weight].scope == OF_BEGIN;
    return expected->layer >= 0 ? expected->layer + 1 : begin ? 0 : hunt->blocks - 1;
}

int hunt_layer(const struct hunt *hunt, int block)
{
    return block > 0 && block < hunt->blocks - 1 ? block - 1 : -1;
}

const char *hunt_module(const struct hunt *hunt, int block, unsigned points, char path[POINT_PATH])
{
    int point = 0;
    while (point < POINT_COUNT - 1 && !(points >> point & 1))
        point++;
    return point_path((enum point)point, hunt_layer(hunt, block), path);
}

unsigned hunt_point(const struct hunt *hunt, const struct expected *expected)
{
    int block = hunt_block(hunt, expected), own = 0;
    while (own < POINT_COUNT && point_rows[own].weight != expected->weight)
        own++;
    for (int point = own; point < POINT_COUNT; point++) /* what it makes, or what is made of that */
        if (hunt->seen[block] >> point & 1)
            return 1u << point;
    for (int point = 0; own == POINT_COUNT && point < POINT_COUNT; point++)
        if (hunt->seen[block] >> point & 1 && point_covers((enum point)point, hunt_layer(hunt, block), expected->name))
            return 1u << point;
    return 0;
}

bool hunt_has_put(const struct hunt *hunt, const struct expected *expected)
{
    for (size_t i = 0; i < hunt->proof_count; i++) {
        const struct hypothesis *hypothesis = &hunt->proofs[i].hypothesis;
        const char *solved = hypothesis_solves(hypothesis), *restored = hypothesis_restores(hypothesis);
        if ((solved && fnmatch(solved, expected->name, 0) == 0) ||
            (restored && fnmatch(restored, expected->name, 0) == 0))
            return true;
    }
    return false;
}

size_t hunt_bad(const struct hunt *hunt, const unsigned *bad)
{
    size_t count = 0;
    for (int block = 0; block < hunt->blocks; block++)
        count += bits(bad[block]);
    return count;
}

bool hunt_is_late(const struct hunt_request *request, double begun)
{
    return request->budget > 0 && clock_seconds() - begun > request->budget;
}

/* An error that is within its limit all the same is not cured unless it was so many times as large: where gold has few
 * bits, limits are wide, and what misses one by little may as well meet it by chance. */
#define DECISIVE 3

/* What is bad of the block in that world, or was bad and is not cured; and `*left`, the error of the module that is bad
 * now and gains least, over what it was. */
static bool try_block(struct hunting *hunting, const struct world *world, int block, unsigned *bad, double *left,
                      struct error *error)
{
    struct isolated_result result;
    const double *before = hunting->ratios + (size_t)block * POINT_COUNT;
    const double *errors2 = hunting->errors2 + (size_t)block * POINT_COUNT;
    bool good = isolated_try(hunting->isolated, world->store, world->config, block, &result, error);
    *bad = result.bad_points;
    *left = 0;
    for (int point = 0; good && point < POINT_COUNT; point++) {
        if (!(hunting->hunt->after[block] >> point & 1))
            continue;
        double part = sqrt(result.errors2[point] / result.golds2[point] / errors2[point]);
        *left = isnan(part) ? INFINITY : fmax(*left, part);
        if (result.ratios[point] * DECISIVE > before[point])
            *bad |= 1u << point;
    }
    return good;
}

/* What experiments are held against. */
static void keep_errors(struct hunting *hunting, int block, const struct isolated_result *result)
{
    memcpy(hunting->ratios + (size_t)block * POINT_COUNT, result->ratios, sizeof result->ratios);
    for (int point = 0; point < POINT_COUNT; point++)
        hunting->errors2[(size_t)block * POINT_COUNT + (size_t)point] = result->errors2[point] / result->golds2[point];
}

/* All blocks as they are. */
static bool survey(struct hunting *hunting, struct error *error)
{
    struct hunt *hunt = hunting->hunt;
    struct world world;
    bool good = world_open(&hunting->request->ground, NULL, 0, &world, error);
    for (int block = 0; good && block < hunt->blocks; block++) {
        struct isolated_result result;
        good = isolated_try(hunting->isolated, world.store, world.config, block, &result, error);
        hunt->before[block] = hunt->after[block] = result.bad_points;
        hunt->blamed[block].count =
            result.bad_points ? isolated_experts(hunting->isolated, block, hunt->blamed[block].experts, BLAMED_MOST)
                              : 0;
        hunt->seen[block] = result.compared_points;
        keep_errors(hunting, block, &result);
        hunt->compared += result.compared;
    }
    world_close(&world);
    return good;
}

/* Values that the hypothesis changes, or that follow from those in the block. */
static unsigned reach(const struct hypothesis *hypothesis)
{
    unsigned lowest = hypothesis->points & -hypothesis->points;
    return ~(lowest - 1);
}

/* A block to try it on first; -1: none that is bad could be explained by it. */
static int pilot_of(const struct hunt *hunt, const struct hypothesis *hypothesis)
{
    if (hypothesis->block >= 0)
        return hunt->after[hypothesis->block] ? hypothesis->block : -1;
    for (int block = 0; block < hunt->blocks; block++)
        if (hunt->after[block] & reach(hypothesis))
            return block;
    return -1;
}

/* Every block; stops where one that was good is bad. `*cured`: places; 0 unless nothing good was lost. */
static bool try_blocks(struct hunting *hunting, const struct world *world, size_t *cured, struct error *error)
{
    struct hunt *hunt = hunting->hunt;
    *cured = 0;
    for (int block = 0; block < hunt->blocks; block++) {
        unsigned before = hunt->after[block];
        double left;
        if (!try_block(hunting, world, block, &hunting->found[block], &left, error))
            return false;
        if (hunting->found[block] & ~before) {
            *cured = 0;
            return true;
        }
        *cured += bits(before & ~hunting->found[block]);
    }
    return true;
}

/* NULL: it was not tried, or when other modules were bad. */
static const struct refuted *find_refuted(const struct hunting *hunting, const struct hypothesis *hypothesis, int pilot)
{
    for (size_t i = 0; i < hunting->refuted_count; i++) {
        const struct refuted *refuted = &hunting->refuted[i];
        if (refuted->pilot == pilot && refuted->bad == hunting->hunt->after[pilot] &&
            strcmp(refuted->text, hypothesis->text) == 0)
            return refuted;
    }
    return NULL;
}

static bool note_refuted(struct hunting *hunting, const struct hypothesis *hypothesis, int pilot, bool breaks,
                         struct error *error)
{
    struct refuted refuted = {.pilot = pilot, .bad = hunting->hunt->after[pilot], .breaks = breaks};
    memcpy(refuted.text, hypothesis->text, sizeof refuted.text);
    return array_push(hunting->refuted, hunting->refuted_count, hunting->refuted_capacity, refuted) ||
           error_memory(error, "experiments");
}

#define NEAR 8 /* 98 % of the squared error is explained: no chance in hundreds of values */

#define AS_NEAR 2 /* how much nearer leaves no doubt which of two it is */

/* The nearest first; behind it those that are nearly as near. */
static void add_near(struct near *near, const struct hypothesis *hypothesis, double left)
{
    struct near others = *near;
    bool nearest = !(others.fell > 0) || left < others.fell;
    if (!nearest) {
        if (near->twin_count < TWINS_MAX)
            near->twins[near->twin_count++] = *hypothesis;
        return;
    }
    *near = (struct near){.hypothesis = *hypothesis, .fell = left};
    if (!(others.fell > 0) || others.fell > AS_NEAR * left)
        return;
    near->twins[near->twin_count++] = others.hypothesis;
}

/* Keeps what brings the pilot far nearer, unless something good is bad with it. */
static bool note_near(struct hunting *hunting, const struct world *world, const struct hypothesis *hypothesis,
                      int pilot, double left, struct error *error)
{
    struct near *near = &hunting->hunt->near[pilot];
    if (!(left * NEAR < 1) || (near->fell > 0 && near->fell * AS_NEAR < left))
        return true;
    for (int block = 0; block < hunting->hunt->blocks; block++)
        if (!try_block(hunting, world, block, &hunting->found[block], &hunting->left[block], error))
            return false;
        else if (hunting->found[block] & ~hunting->hunt->after[block])
            return true;
    for (int block = 0; block < hunting->hunt->blocks; block++)
        if (hunting->hunt->after[block] && hunting->left[block] * NEAR < 1)
            add_near(&hunting->hunt->near[block], hypothesis, hunting->left[block]);
    return true;
}

/* What the last `count` of those that are laid cure together: `*cured` places, 0 where they are refuted, or cannot be
 * made; `*breaks`: something good is bad with them, or they cannot be. */
static bool try_laid(struct hunting *hunting, size_t count, int pilot, size_t *cured, bool *breaks, struct error *error)
{
    struct hunt *hunt = hunting->hunt;
    const struct hypothesis *laid = &hunting->laid[hunt->proof_count];
    struct world world;
    struct error none = {0};
    bool good = true;
    *cured = 0;
    *breaks = true;
    if (world_open(&hunting->ground, hunting->laid, hunt->proof_count + count, &world, &none)) {
        unsigned bad = 0;
        double left = INFINITY;
        hunt->tried++;
        hunt->tried_of[laid->departure]++;
        /* sizes of another configuration do not fit gold, which is an answer too */
        bool fits = try_block(hunting, &world, pilot, &bad, &left, &none);
        *breaks = !fits || (bad & ~hunt->after[pilot]);
        if (!*breaks && bad != hunt->after[pilot])
            good = try_blocks(hunting, &world, cured, error);
        if (good && fits && !*cured && count == 1)
            good = note_near(hunting, &world, laid, pilot, left, error);
    }
    error_clear(&none);
    world_close(&world);
    return good;
}

static bool try_one(struct hunting *hunting, const struct hypothesis *hypothesis, size_t *cured, struct error *error)
{
    int pilot = pilot_of(hunting->hunt, hypothesis);
    bool breaks;
    *cured = 0;
    if (pilot < 0 || find_refuted(hunting, hypothesis, pilot))
        return true;
    hunting->laid[hunting->hunt->proof_count] = *hypothesis;
    return try_laid(hunting, 1, pilot, cured, &breaks, error) &&
           (*cured || note_refuted(hunting, hypothesis, pilot, breaks, error));
}

/* What the candidates of one round cure. */
struct round {
    struct proof best; /* most of all so far, and the first of those */
    unsigned *after;   /* [blocks]: what is bad with it */
    struct hypotheses *list;
};

/* One that takes over no more than it needs comes first: what it leaves is left to the next round. */
static void take_best(struct hunting *hunting, struct round *round, const struct hypothesis *hypothesis, size_t cured)
{
    struct hunt *hunt = hunting->hunt;
    struct proof *best = &round->best;
    size_t size = (size_t)hunt->blocks * sizeof *round->after;
    bool narrower = best->hypothesis.wide == 2 && hypothesis->wide < 2,
         wider = best->cured && hypothesis->wide == 2 && best->hypothesis.wide < 2;
    if (cured && !wider && (narrower || cured > best->cured)) {
        *best = (struct proof){.hypothesis = *hypothesis, .cured = cured, .first = -1};
        memcpy(round->after, hunting->found, size);
    } else if (cured && cured == best->cured && !hypothesis->wide && !best->hypothesis.wide &&
               best->twin_count < TWINS_MAX && strcmp(hypothesis->text, best->hypothesis.text) != 0 &&
               memcmp(round->after, hunting->found, size) == 0) {
        best->twins[best->twin_count++] = *hypothesis;
    }
}

/* What stays bad is nearer or farther now, and what was nearly a cure was so of something else. */
static bool measure_again(struct hunting *hunting, const struct world *world, struct error *error)
{
    struct hunt *hunt = hunting->hunt;
    bool good = true;
    for (int block = 0; good && block < hunt->blocks; block++) {
        struct isolated_result result;
        hunt->near[block] = (struct near){0};
        if (!hunt->after[block])
            continue;
        good = isolated_try(hunting->isolated, world->store, world->config, block, &result, error);
        if (good)
            keep_errors(hunting, block, &result);
    }
    return good;
}

/* The proof is kept, and what it cures is cured. */
static bool keep(struct hunting *hunting, const struct round *round, struct error *error)
{
    struct hunt *hunt = hunting->hunt;
    struct proof *proof = &hunt->proofs[hunt->proof_count];
    *proof = round->best;
    hunting->laid[hunt->proof_count++] = proof->hypothesis;
    for (int block = 0; block < hunt->blocks; block++) {
        unsigned gone = hunt->after[block] & ~round->after[block];
        if (gone) {
            proof->first = proof->first < 0 ? block : proof->first;
            proof->last = block;
            proof->points |= gone;
        }
        hunt->after[block] = round->after[block];
    }
    struct hypothesis *laid = &hunting->laid[hunt->proof_count - 1];
    struct ground ground = hunting->ground;
    ground.means.until = 0; /* what is proved is laid, however late it is */
    if (!world_open(&ground, hunting->laid, hunt->proof_count, &proof->world, error))
        return false;
    hunting->ground.store = proof->world.store;
    laid->settled = true;
    if (hypothesis_solves(laid))
        proof->hypothesis.solved = proof->world.store;
    return measure_again(hunting, &proof->world, error);
}

/* It says what is everywhere, and takes nothing from the original or from gold. */
static bool is_systemic(const struct hypothesis *hypothesis)
{
    return hypothesis->block < 0 && !hypothesis_restores(hypothesis) && !hypothesis_solves(hypothesis);
}

/* Tries all that are systemic, or all that are not, from `*done` on. */
static bool go_half(struct hunting *hunting, struct round *round, bool systemic, size_t *done,
                    struct progress *progress, struct error *error)
{
    for (size_t i = 0; i < round->list->count; i++) {
        const struct hypothesis *hypothesis = &round->list->items[i];
        size_t cured = 0;
        if (is_systemic(hypothesis) != systemic)
            continue;
        if (hunt_is_late(hunting->request, hunting->hunt->begun))
            return true;
        if (!try_one(hunting, hypothesis, &cured, error))
            return false;
        if (!cured && hypothesis_solves(hypothesis) && hunt_is_late(hunting->request, hunting->hunt->begun))
            return true;
        take_best(hunting, round, hypothesis, cured);
        progress_step(progress, ++*done);
    }
    return true;
}

/* What is everywhere first: many layers are bad by one cause more often than each by its own. What cures all leaves
 * nothing to be tried. */
static bool go_round(struct hunting *hunting, struct round *round, struct error *error)
{
    struct hunt *hunt = hunting->hunt;
    struct progress progress = progress_begin("experiments", "experiments", round->list->count);
    size_t done = 0;
    bool good = go_half(hunting, round, true, &done, &progress, error);
    bool all = round->best.cured == hunt_bad(hunt, hunt->after);
    good = good && (all || go_half(hunting, round, false, &done, &progress, error));
    hunt->untried = all ? 0 : round->list->count - done;
    progress_end(&progress);
    return good;
}

static void find_whole(struct hunt *hunt)
{
    memcpy(hunt->whole, hunt->after, (size_t)hunt->blocks * sizeof *hunt->whole);
    for (size_t i = 0; i < hunt->absent.count; i++)
        if (!hunt_has_put(hunt, &hunt->absent.items[i]))
            hunt->whole[hunt_block(hunt, &hunt->absent.items[i])] &= ~hunt_point(hunt, &hunt->absent.items[i]);
}

/* The distance of a block with one of its tensors multiplied. */
struct factoring {
    struct hunting *hunting;
    const struct hypothesis *scale; /* without its factor */
};

static bool factor_put(const struct hypothesis *scale, double factor, struct hypothesis *out)
{
    *out = *scale;
    size_t length = strlen(out->text);
    int size = snprintf(out->text + length, sizeof out->text - length, "%.9g", factor);
    return size > 0 && length + (size_t)size < sizeof out->text;
}

static bool factor_try(void *context, double factor, double *distance)
{
    const struct factoring *factoring = context;
    struct hunting *hunting = factoring->hunting;
    struct hunt *hunt = hunting->hunt;
    struct world world;
    struct error none = {0};
    unsigned bad;
    *distance = INFINITY;
    if (hunt_is_late(hunting->request, hunt->begun) ||
        !factor_put(factoring->scale, factor, &hunting->laid[hunt->proof_count]))
        return false;
    size_t laid = hunt->proof_count + (factor < 1 || factor > 1);
    if (world_open(&hunting->ground, hunting->laid, laid, &world, &none)) {
        if (!try_block(hunting, &world, factoring->scale->block, &bad, distance, &none))
            *distance = INFINITY;
        else if (!bad)
            *distance = 0;
    }
    error_clear(&none);
    world_close(&world);
    return true;
}

/* In as few digits as bring the block as near; as it is where time is up. Distances are over that of factor 1. */
static void factor_shorten(struct factoring *factoring, double *factor, double fell)
{
    for (int digits = 1; digits < 9; digits++) {
        char text[32];
        double distance;
        snprintf(text, sizeof text, "%.*g", digits, *factor);
        if (!factor_try(factoring, strtod(text, NULL), &distance))
            return;
        if (distance <= 1.1 * fell) {
            *factor = strtod(text, NULL);
            return;
        }
    }
}

/* Of each block that is bad, tensors with a factor that brings it nearer. */
static bool find_factors(struct hunting *hunting, const struct evidence *evidence, struct hypotheses *out,
                         struct error *error)
{
    struct hypotheses tensors = {0};
    struct evidence whole = *evidence;
    bool good = true;
    whole.bad = evidence->whole;
    for (int block = 0; good && !evidence->weights_right && block < evidence->blocks; block++)
        good = candidates_of_factor(&whole, block, &tensors);
    for (size_t i = 0; good && i < tensors.count; i++) {
        struct factoring factoring = {hunting, &tensors.items[i]};
        struct hypothesis found;
        double factor = 1, fell;
        if (!factor_search(factor_try, &factoring, &factor, &fell)) { /* time is up */
            hunting->hunt->untried += tensors.count - i;
            break;
        }
        if (!(factor < 1) && !(factor > 1))
            continue;
        factor_shorten(&factoring, &factor, fell);
        if (factor_put(&tensors.items[i], factor, &found))
            good = hypotheses_add(out, found.departure, found.points, found.block, "%s", found.text);
    }
    hypotheses_free(&tensors);
    return good || error_memory(error, "experiments");
}

/* What changes weights of one layer that is bad, and alone makes nothing bad that is good: of two that change other
 * weights neither mends what the other breaks. */
static bool is_of_pair(const struct hunting *hunting, const struct hypothesis *hypothesis)
{
    if (hypothesis->departure != DEPARTURE_FAULT || hypothesis->block <= 0 || hypothesis_restores(hypothesis) ||
        hypothesis_solves(hypothesis))
        return false;
    const struct refuted *refuted = find_refuted(hunting, hypothesis, hypothesis->block);
    return refuted && !refuted->breaks;
}

/* Lays the two, of one layer, as proofs of the same modules. */
static bool keep_both(struct hunting *hunting, const struct round *round, const struct hypothesis *first,
                      const struct hypothesis *second, size_t cured, struct error *error)
{
    struct hunt *hunt = hunting->hunt;
    const int block = first->block;
    memcpy(round->after, hunting->found, (size_t)hunt->blocks * sizeof *round->after);
    struct round both = {.best = {*first, .cured = cured, .first = block, .last = block, .together = true},
                         .after = hunt->after};
    both.best.points = hunt->after[block] & ~round->after[block];
    if (!keep(hunting, &both, error))
        return false;
    both.best.hypothesis = *second;
    both.after = round->after;
    return keep(hunting, &both, error);
}

/* Two damages of one module that only together explain it: where nothing alone cures anything, each two in one layer,
 * up to the first two that cure. */
static bool find_pair(struct hunting *hunting, const struct round *round, bool *found, struct error *error)
{
    struct hunt *hunt = hunting->hunt;
    const struct hypotheses *list = round->list;
    const struct hypothesis **some = calloc(list->count + 1, sizeof *some);
    size_t count = 0, cured = 0;
    bool breaks, good = some || error_memory(error, "experiments");
    *found = false;
    for (size_t i = 0; good && i < list->count; i++)
        if (is_of_pair(hunting, &list->items[i]))
            some[count++] = &list->items[i];
    struct progress progress = progress_begin("experiments in pairs", "experiments", count);
    for (size_t i = 0; good && !*found && i < count; i++) {
        for (size_t k = i + 1; good && !*found && k < count; k++) {
            if (some[k]->block != some[i]->block)
                continue;
            if (hunt_is_late(hunting->request, hunt->begun)) {
                hunt->untried++;
                break;
            }
            hunting->laid[hunt->proof_count] = *some[i];
            hunting->laid[hunt->proof_count + 1] = *some[k];
            good = try_laid(hunting, 2, some[i]->block, &cured, &breaks, error);
            *found = good && cured;
            if (*found)
                good = keep_both(hunting, round, some[i], some[k], cured, error);
        }
        progress_step(&progress, i + 1);
    }
    progress_end(&progress);
    free(some);
    return good;
}

/* One cause after the other, until nothing is bad or nothing cures. */
static bool compose(struct hunting *hunting, struct error *error)
{
    const struct hunt_request *request = hunting->request;
    struct hunt *hunt = hunting->hunt;
    bool good = true, more = true;
    while (good && more && hunt->proof_count < PROOFS_MAX && hunt_bad(hunt, hunt->after)) {
        const struct evidence evidence = {.config = request->config,
                                          .gold = hunting->gold,
                                          .bad = hunt->after,
                                          .whole = hunt->whole,
                                          .blocks = hunt->blocks,
                                          .blamed = hunt->blamed,
                                          .symptoms = request->symptoms,
                                          .differing = request->ground.means.original ? &hunt->differing : NULL,
                                          .weights_right = request->weights_right};
        find_whole(hunt);
        struct hypotheses list = {0}, factors = {0};
        struct round round = {.after = calloc((size_t)hunt->blocks, sizeof *round.after), .list = &list};
        good = (round.after && candidates_take(&evidence, &list)) || error_memory(error, "experiments");
        good = good && go_round(hunting, &round, error);
        if (good && !round.best.cured && !hunt->untried) {
            round.list = &factors;
            good = find_factors(hunting, &evidence, &factors, error) &&
                   (request->weights_right || candidates_of_sought(&evidence, &factors) ||
                    error_memory(error, "experiments"));
            size_t untried = hunt->untried;
            good = good && go_round(hunting, &round, error);
            hunt->untried += untried;
        }
        more = round.best.cured > 0;
        hypotheses_free(&factors);
        good = good && (!more || keep(hunting, &round, error));
        round.list = &list;
        if (good && !more && !hunt->untried && !request->weights_right && hunt->proof_count + 2 <= PROOFS_MAX)
            good = find_pair(hunting, &round, &more, error);
        free(round.after);
        hypotheses_free(&list);
    }
    return good;
}

static void forget_blamed(struct blamed *blamed, int expert)
{
    size_t kept = 0;
    for (size_t i = 0; i < blamed->count; i++)
        if (blamed->experts[i] != expert)
            blamed->experts[kept++] = blamed->experts[i];
    blamed->absent = blamed->absent || kept < blamed->count;
    blamed->count = kept;
}

static bool see_absent(void *context, const struct expected *expected)
{
    const struct hunting *hunting = context;
    struct hunt *hunt = hunting->hunt;
    if (expected->optional || !hunt->before[hunt_block(hunt, expected)] ||
        weights_find(hunting->request->ground.store, expected))
        return true;
    if (expected->expert >= 0)
        forget_blamed(&hunt->blamed[hunt_block(hunt, expected)], expected->expert);
    return expected_list_add(&hunt->absent, expected);
}

static bool find_absent(struct hunting *hunting, struct error *error)
{
    return weights_each(hunting->request->config, see_absent, hunting) || error_memory(error, "experiments");
}

/* Of blocks that are bad. */
static bool compare_original(struct hunting *hunting, struct error *error)
{
    const struct ground *ground = &hunting->request->ground;
    struct hunt *hunt = hunting->hunt;
    return !ground->means.original ||
           ((hunt->relations =
                 relations_new(ground->store, ground->means.original, hunting->request->config->head_dim, error)) &&
            differing_take(ground->store, ground->means.original, hunt->before, hunt->blocks, &hunt->differing, error));
}

bool hunt_run(const struct hunt_request *request, struct hunt *hunt, struct error *error)
{
    struct hunting hunting = {.request = request, .hunt = hunt, .ground = request->ground};
    struct error none = {0};
    *hunt = (struct hunt){.blocks = MODEL_BLOCKS(request->config), .begun = clock_seconds()};
    hunt->before = calloc((size_t)hunt->blocks, sizeof *hunt->before);
    hunt->after = calloc((size_t)hunt->blocks, sizeof *hunt->after);
    hunt->seen = calloc((size_t)hunt->blocks, sizeof *hunt->seen);
    hunt->whole = calloc((size_t)hunt->blocks, sizeof *hunt->whole);
    hunt->near = calloc((size_t)hunt->blocks, sizeof *hunt->near);
    hunt->blamed = calloc((size_t)hunt->blocks, sizeof *hunt->blamed);
    hunting.found = calloc((size_t)hunt->blocks, sizeof *hunting.found);
    hunting.left = calloc((size_t)hunt->blocks, sizeof *hunting.left);
    hunting.ratios = calloc((size_t)hunt->blocks * POINT_COUNT, sizeof *hunting.ratios);
    hunting.errors2 = calloc((size_t)hunt->blocks * POINT_COUNT, sizeof *hunting.errors2);
    bool good = (hunt->before && hunt->after && hunt->seen && hunt->whole && hunt->near && hunt->blamed &&
                 hunting.found && hunting.left && hunting.ratios && hunting.errors2) ||
                error_memory(error, "experiments");
    good = good && (hunting.isolated = isolated_new(request->goldens, request->golden_count, request->config,
                                                    request->limits, request->threads, error));
    if (request->budget > 0)
        hunting.ground.means.until = hunt->begun + request->budget;
    for (size_t i = 0; good && !hunting.gold && i < request->golden_count; i++)
        if (golden_records_config(request->goldens[i]))
            hunting.gold = golden_config(request->goldens[i], &none);
    error_clear(&none);
    good = good && survey(&hunting, error) && find_absent(&hunting, error) && compare_original(&hunting, error) &&
           compose(&hunting, error);
    isolated_free(hunting.isolated);
    free(hunting.gold);
    free(hunting.found);
    free(hunting.left);
    free(hunting.ratios);
    free(hunting.errors2);
    free(hunting.refuted);
    return good;
}

void hunt_free(struct hunt *hunt)
{
    for (size_t i = hunt->proof_count; i-- > 0;) /* the later ones look into the earlier */
        world_close(&hunt->proofs[i].world);
    relations_free(hunt->relations);
    expected_list_free(&hunt->absent);
    differing_free(&hunt->differing);
    free(hunt->before);
    free(hunt->after);
    free(hunt->seen);
    free(hunt->whole);
    free(hunt->near);
    free(hunt->blamed);
    *hunt = (struct hunt){0};
}
