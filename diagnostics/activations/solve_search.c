/* Weights that show only in what their module makes: Gauss and Newton's steps from what is stored towards gold, with
 * the derivative by each unknown taken from one more run of the block. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "activations/least_squares.h"
#include "activations/solve_internal.h"
#include "activations/solve_pairs.h"
#include "base/progress.h"
#include "model/probe.h"
#include "store/overlay.h"
#include "values/values.h"

#define UNKNOWNS_MOST 1024         /* each costs a run of the block for every derivative */
#define SPARE_LEAST 8              /* equations beyond the unknowns */
#define MEMORY ((size_t)256 << 20) /* of derivatives */
#define STEP (1.0 / 16)            /* by which an unknown is moved for its derivative, of their size */
#define SIZE_ABSENT 0.125          /* their size where nothing is stored */
#define DERIVATIVES_MOST 12        /* how often they are taken; a module that is linear in them needs one */
#define HALVES_MOST 6              /* of a step that leads away */
#define FALLS 0.01                 /* squared: while each step takes so much away, derivatives are kept */
#define SLACK 1.1                  /* ... and for the last step */
#define DECISIVE 3                 /* so much nearer than it was: what misses a limit by little may meet it by chance */
#define STAYS 0.75                 /* ... and what is left of it with fresh ones: it leads nowhere */

struct search {
    struct solve_task *task;
    bool factor; /* the only unknown; else each value is one */
    struct pairs pairs;
    size_t unknowns, equations;
    size_t all;         /* values that there are, or 1 factor; */
    size_t *which;      /* [unknowns]: of `at`, those that are sought; the others stay */
    double *at;         /* [all] */
    double *residual;   /* [equations], there: gold's less the module's */
    double square;      /* of that; NaN: the module computes no numbers there */
    double begun;       /* the same of what is stored */
    double *derivative; /* [unknowns][equations] */
    double *scratch, *step, *there, *former;
    double *spreads; /* [all] */
    float *values;
};

struct store *solve_lay(const struct solve_task *task, const float *values, struct error *error)
{
    struct store *laid = overlay_new(task->request->store, error);
    for (size_t i = 0; laid && i < task->count; i++) {
        const struct expected *expected = task->expected[i];
        if (overlay_replace(laid, expected->name, DTYPE_F32, expected->rank, expected->shape, values + task->begins[i],
                            error))
            continue;
        store_free(laid);
        laid = NULL;
    }
    return laid;
}

/* What the module makes there; `residual` holds the room. */
static bool look(struct search *search, const double *at, double *residual, double *square, struct error *error)
{
    const struct solve_task *task = search->task;
    size_t count = task->begins[task->count], width = search->pairs.width_out;
    for (size_t i = 0; i < count; i++)
        search->values[i] = (float)(search->factor ? at[0] * (double)task->values[i] : at[i]);
    if (task->request->until > 0 && clock_seconds() > task->request->until)
        return error_set(error, "%s: time is up", task->expected[0]->name);
    struct store *laid = solve_lay(task, search->values, error);
    bool good = laid && pairs_run(&search->pairs, laid, task->block, error);
    size_t packed = good ? pairs_pack(&search->pairs) : 0, used = search->equations / width;
    *square = 0;
    for (size_t token = 0; packed && token < used; token++) {
        size_t from = token * packed / used * width; /* evenly where not all are used */
        for (size_t i = 0; i < width; i++) {
            double rest = (double)search->pairs.outputs[from + i] - (double)search->pairs.inputs[from + i];
            residual[token * width + i] = rest;
            *square += rest * rest;
        }
    }
    store_free(laid);
    return good;
}

static double size_of(const double *values, size_t count)
{
    double square = 0;
    for (size_t i = 0; i < count; i++)
        square += values[i] * values[i];
    return count ? sqrt(square / (double)count) : 0;
}

static bool derive(struct search *search, struct error *error)
{
    double size = size_of(search->at, search->all), square;
    double step = STEP * (size > 0 ? size : SIZE_ABSENT);
    for (size_t i = 0; i < search->unknowns; i++) {
        double *column = search->derivative + i * search->equations, *at = &search->at[search->which[i]], here = *at;
        *at = here + step;
        bool good = look(search, search->at, column, &square, error);
        *at = here;
        if (!good)
            return false;
        for (size_t k = 0; k < search->equations; k++)
            column[k] = (search->residual[k] - column[k]) / step;
    }
    return true;
}

/* The step that the derivatives lead to, in `step`; `*full`: they do. */
static bool lead(struct search *search, bool *full, struct error *error)
{
    size_t size = search->unknowns * search->equations;
    memcpy(search->scratch, search->derivative, size * sizeof *search->scratch);
    memcpy(search->there, search->residual, search->equations * sizeof *search->there);
    *full = true;
    for (size_t i = 0; *full && i < size; i++)
        *full = isfinite(search->scratch[i]);
    if (*full &&
        !least_squares(search->scratch, search->there, (int)search->equations, (int)search->unknowns, 1, full, error))
        return false;
    memcpy(search->step, search->there, search->unknowns * sizeof *search->step);
    return true;
}

static void move(struct search *search, double much)
{
    for (size_t i = 0; i < search->unknowns; i++)
        search->at[search->which[i]] += much * search->step[i];
}

/* Goes so much of the step if that is nearer, or no farther than `slack` times as far, squared. */
static bool go(struct search *search, double much, double slack, bool *nearer, struct error *error)
{
    double square;
    memcpy(search->former, search->at, search->all * sizeof *search->at);
    move(search, much);
    if (!look(search, search->at, search->there, &square, error))
        return false;
    *nearer = square < slack * search->square;
    if (*nearer) {
        memcpy(search->residual, search->there, search->equations * sizeof *search->there);
        search->square = square;
    } else
        memcpy(search->at, search->former, search->all * sizeof *search->at);
    return true;
}

/* From fresh derivatives the step that leads nearer, whole or in part; with the same, whole steps while each takes much
 * away. `*full`: false where gold leaves some of the unknowns open. */
static bool descend_once(struct search *search, bool *full, struct error *error)
{
    bool nearer = false;
    double much = 1, before;
    if (!derive(search, error) || !lead(search, full, error))
        return false;
    for (int i = 0; *full && !nearer && i < HALVES_MOST; i++, much /= 2)
        if (!go(search, much, 1, &nearer, error))
            return false;
    for (before = INFINITY; *full && nearer && search->square < FALLS * before;) {
        before = search->square;
        if (!lead(search, full, error) || (*full && !go(search, 1, 1, &nearer, error)))
            return false;
    }
    return true;
}

/* Until no step leads nearer. */
static bool descend(struct search *search, bool *full, struct error *error)
{
    double before = INFINITY;
    *full = true;
    for (int i = 0; *full && i < DERIVATIVES_MOST && search->square < STAYS * before; i++) {
        before = search->square;
        if (!descend_once(search, full, error))
            return false;
    }
    return true;
}

/* --- how far they are determined --- */

/* Goes the last step, which may be too small to be seen to lead nearer. Standard errors of the unknowns; infinite where
 * gold leaves one open. What is left of the residual counts as no less than what float32 cannot hold of gold's values.
 */
static bool spread(struct search *search, struct error *error)
{
    bool full, nearer;
    double square = 0;
    if (!derive(search, error) || !lead(search, &full, error) || (full && !go(search, 1, SLACK, &nearer, error)))
        return false;
    for (size_t i = 0; i < search->equations; i++)
        square += (double)search->pairs.outputs[i] * (double)search->pairs.outputs[i];
    double left = sqrt(search->square / (double)(search->equations - search->unknowns));
    left = fmax(left, FLT_EPSILON / 2 * sqrt(square / (double)search->equations));
    if (full)
        least_squares_spread(search->scratch, (int)search->equations, (int)search->unknowns, search->step);
    for (size_t i = 0; i < search->unknowns; i++)
        search->spreads[search->which[i]] = full && isfinite(search->step[i]) ? search->step[i] * left : INFINITY;
    return true;
}

/* The largest of some, over the size of what it is of. */
static double spread_of(const struct search *search, size_t first, size_t count)
{
    double most = 0, size = size_of(search->at + first, count);
    for (size_t i = first; i < first + count; i++)
        most = fmax(most, search->spreads[i]);
    return size > 0 ? SPREAD_ERRORS * most / size : INFINITY;
}

/* --- both --- */

static bool search_begin(struct search *search, struct solve_task *task, struct error *error)
{
    size_t heads = 0, values = task->begins[task->count], width;
    *search = (struct search){.task = task, .factor = false};
    width = point_width(task->request->config, task->point, &heads);
    search->pairs = (struct pairs){.request = task->request, .in = POINT_COUNT, .out = task->point};
    search->pairs.width_in = search->pairs.width_out = width;
    search->values = calloc(values + 1, sizeof *search->values);
    return (search->values || error_memory(error, "gold")) && pairs_make(&search->pairs, error) &&
           pairs_run(&search->pairs, task->request->store, task->block, error);
}

/* How many tokens are used, and room for that. False with `why`: there are too few, or too many unknowns. */
static bool search_room(struct search *search, size_t unknowns, bool *enough, struct error *error)
{
    struct solved *solved = search->task->solved;
    size_t width = search->pairs.width_out, tokens = pairs_pack(&search->pairs), most = MEMORY / 8 / unknowns / width;
    size_t used = tokens < most ? tokens : most, equations = used * width;
    search->unknowns = search->all = unknowns;
    search->equations = equations;
    solved->equations = equations / unknowns;
    *enough = false;
    if (unknowns > UNKNOWNS_MOST)
        snprintf(solved->why, sizeof solved->why,
                 "to solve for its %zu values takes as many experiments, and %d is the most that is tried", unknowns,
                 UNKNOWNS_MOST);
    else if (equations < unknowns + SPARE_LEAST)
        snprintf(solved->why, sizeof solved->why,
                 "gold holds %zu values of the output of its module, too few for %zu unknowns", tokens * width,
                 unknowns);
    else
        *enough = true;
    search->at = calloc(unknowns + 1, sizeof *search->at);
    search->step = calloc(unknowns + 1, sizeof *search->step);
    search->former = calloc(unknowns + 1, sizeof *search->former);
    search->which = calloc(unknowns + 1, sizeof *search->which);
    for (size_t i = 0; search->which && i < unknowns; i++)
        search->which[i] = i;
    search->spreads = calloc(unknowns + 1, sizeof *search->spreads);
    search->residual = calloc(equations + 1, sizeof *search->residual);
    search->there = calloc(equations + 1, sizeof *search->there);
    search->derivative = *enough ? calloc(unknowns * equations, sizeof *search->derivative) : NULL;
    search->scratch = *enough ? calloc(unknowns * equations, sizeof *search->scratch) : NULL;
    return (search->at && search->step && search->former && search->which && search->spreads && search->residual &&
            search->there && (!*enough || (search->derivative && search->scratch))) ||
           error_memory(error, "gold");
}

static void search_end(struct search *search)
{
    pairs_free(&search->pairs);
    free(search->values);
    free(search->at);
    free(search->step);
    free(search->former);
    free(search->which);
    free(search->spreads);
    free(search->residual);
    free(search->there);
    free(search->derivative);
    free(search->scratch);
}

/* From where the search stands; `*found` unless gold leaves something open, which is said. */
static bool search_run(struct search *search, bool *found, struct error *error)
{
    struct solved *solved = search->task->solved;
    *found = false;
    if (!look(search, search->at, search->residual, &search->square, error))
        return false;
    if (!search->factor)
        search->begun = search->square;
    if (!isfinite(search->square)) {
        snprintf(solved->why, sizeof solved->why, "with the stored values the output of its module is not finite");
        return true;
    }
    if (!descend(search, found, error))
        return false;
    if (!*found)
        snprintf(solved->why, sizeof solved->why, "the output of its module does not depend on all of its values");
    else if (search->square * DECISIVE * DECISIVE > search->begun) {
        *found = false;
        snprintf(solved->why, sizeof solved->why, "no values bring its module near gold: %.2g of the error is left",
                 sqrt(search->square / search->begun));
    }
    return !*found || spread(search, error);
}

/* The dtype of an unknown, and its value as that holds it. */
static double rounded(const struct solve_task *task, size_t at, double value, double *step)
{
    size_t i = 0;
    int exponent;
    float narrow = (float)value;
    while (at >= task->begins[i + 1])
        i++;
    round_values(task->dtypes[i], &narrow, &narrow, 1);
    frexp(value, &exponent);
    int bits = task->dtypes[i] == DTYPE_BF16 ? 8 : task->dtypes[i] == DTYPE_F16 ? 11 : 24;
    *step = ldexp(1, (task->dtypes[i] == DTYPE_F16 && exponent < -13 ? -13 : exponent) - bits);
    return (double)narrow;
}

/* Values that gold determines to the last bit of what they are stored as are that; `*open`: how many are not; `*moved`:
 * some became so. False: a value lies between what can be stored. */
static bool settle(struct search *search, size_t *open, bool *moved)
{
    size_t left = 0;
    bool on = true;
    *moved = false;
    for (size_t i = 0; i < search->unknowns; i++) {
        size_t at = search->which[i];
        double step, to = rounded(search->task, at, search->at[at], &step), off = fabs(to - search->at[at]),
                     within = SPREAD_ERRORS * search->spreads[at];
        bool known = off + within < step / 2;
        on = on && (!known || off <= within);
        if (known) {
            search->at[at] = to;
            search->spreads[at] = 0;
            *moved = true;
        } else
            search->which[left++] = at;
    }
    *open = left;
    return on;
}

/* What is known to the last bit tells of the rest: the fewer unknowns there are, the better gold determines them. */
static bool settle_all(struct search *search, struct error *error)
{
    size_t open = search->unknowns, size = search->all * sizeof *search->at;
    double *former = malloc(2 * size + 1), *spreads = former ? former + search->all : NULL;
    bool good = former || error_memory(error, "gold"), moved = true, full = true;
    while (good && open && moved) {
        memcpy(former, search->at, size);
        memcpy(spreads, search->spreads, size);
        bool on = settle(search, &open, &moved);
        if (!on) { /* it was not stored so: as it was found */
            memcpy(search->at, former, size);
            memcpy(search->spreads, spreads, size);
            break;
        }
        search->unknowns = open;
        good = !open || !moved ||
               (look(search, search->at, search->residual, &search->square, error) && descend(search, &full, error) &&
                spread(search, error));
    }
    free(former);
    return good;
}

bool solve_values(struct solve_task *task, struct error *error)
{
    struct search search;
    bool enough = false, found = false;
    size_t unknowns = task->begins[task->count];
    bool good = search_begin(&search, task, error) && search_room(&search, unknowns, &enough, error);
    for (size_t i = 0; good && enough && i < unknowns; i++)
        search.at[i] = (double)task->values[i];
    good = good && (!enough || search_run(&search, &found, error)) && (!found || settle_all(&search, error));
    for (size_t i = 0; good && found && i < unknowns; i++)
        task->values[i] = (float)search.at[i];
    task->solved->exact = found;
    for (size_t i = 0; good && found && i < task->count; i++)
        task->spreads[i] = spread_of(&search, task->begins[i], task->begins[i + 1] - task->begins[i]);
    task->solved->spread = task->spreads[0];
    search_end(&search);
    return good;
}

/* --- a factor --- */

/* The nearest of the fewest digits, or one over such, that gold allows for. */
static double shortest(double factor, double within)
{
    for (int digits = 1; digits < 9; digits++) {
        char text[32], over[32];
        snprintf(text, sizeof text, "%.*g", digits, factor);
        snprintf(over, sizeof over, "%.*g", digits, 1 / factor);
        double one = strtod(text, NULL), other = 1 / strtod(over, NULL);
        double brief = fabs(one - factor) <= fabs(other - factor) ? one : other;
        if (fabs(brief - factor) <= within)
            return brief;
    }
    return factor;
}

/* Begins where it is nearest: what is behind a softmax or an activation bends far from there. */
static bool factor_begin(struct search *search, struct error *error)
{
    static const double grid[] = {1, -1, 1.0 / 64, 1.0 / 16, 0.25, 0.5, 0.7, 1.4, 2, 4, 16, 64};
    double best = INFINITY, nearest = 1;
    for (size_t i = 0; i < sizeof grid / sizeof *grid; i++) {
        double square;
        if (!look(search, &grid[i], search->residual, &square, error))
            return false;
        search->begun = i ? search->begun : square;
        if (square < best) {
            best = square;
            nearest = grid[i];
        }
    }
    search->at[0] = nearest;
    return true;
}

bool solve_factor(struct solve_task *task, struct error *error)
{
    struct search search;
    struct solved *solved = task->solved;
    bool enough = false, found = false;
    bool good = search_begin(&search, task, error) && search_room(&search, 1, &enough, error);
    search.factor = true;
    good = good && (!enough || (factor_begin(&search, error) && search_run(&search, &found, error)));
    if (good && found) {
        solved->spread = spread_of(&search, 0, 1);
        solved->factor = shortest(search.at[0], fmax(solved->spread, FLT_EPSILON) * fabs(search.at[0]));
        for (size_t i = 0; i < task->begins[1]; i++)
            task->values[i] = (float)(solved->factor * (double)task->values[i]);
    }
    search_end(&search);
    return good;
}
