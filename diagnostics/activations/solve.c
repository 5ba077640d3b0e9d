#include "activations/solve.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "activations/solve_internal.h"
#include "model/model.h"
#include "model/probe.h"
#include "store/overlay.h"
#include "values/values.h"

#define BLAMED_MOST 16

/* --- ways to solve --- */

static bool is_gain(enum weight weight)
{
    return weight_rows[weight].part == PART_GAIN;
}

static bool is_looked_up(enum weight weight)
{
    return weight == WEIGHT_EMBEDDING || weight == WEIGHT_POSITIONS;
}

static bool is_shown(enum weight weight)
{
    return weight == WEIGHT_ROUTER || weight == WEIGHT_HEAD;
}

/* Added to all that its module makes. */
static bool is_added(enum weight weight)
{
    return weight == WEIGHT_O_BIAS || weight == WEIGHT_DOWN_BIAS || weight_rows[weight].when == WHEN_NORM_BIAS;
}

static bool is_vector(enum weight weight)
{
    return (weight_rows[weight].part == PART_BIAS && !is_added(weight) && weight != WEIGHT_CHOICE_BIAS) ||
           weight_rows[weight].rows == DIM_ONE;
}

/* Its rows make the channels of what a point shows. */
static bool is_last(enum weight weight)
{
    return is_shown(weight) || weight == WEIGHT_O || weight == WEIGHT_DOWN;
}

static bool is_matrix(enum weight weight)
{
    return weight_rows[weight].part == PART_MATRIX && !is_looked_up(weight);
}

/* In the order in which they are tried. */
static const struct way {
    bool (*fits)(enum weight weight);
    bool absent; /* also of one that is absent */
    bool stored; /* goes on from what is stored */
    solve_method *solve;
} ways[] = {
    {is_gain, true, false, solve_gain},    {is_looked_up, false, false, solve_rows},
    {is_added, true, true, solve_offset},  {is_vector, true, true, solve_values},
    {is_last, false, true, solve_order},   {is_matrix, false, true, solve_factor},
    {is_shown, true, false, solve_matrix},
};
#define WAY_COUNT (sizeof ways / sizeof *ways)

bool weight_is_solvable(enum weight weight, bool there)
{
    for (size_t i = 0; i < WAY_COUNT; i++)
        if (ways[i].fits(weight) && (there || ways[i].absent))
            return true;
    return false;
}

bool weight_is_within(enum weight weight)
{
    return weight_point(weight) == POINT_COUNT;
}

bool weight_is_sought(enum weight weight)
{
    bool sought = false;
    for (size_t i = 0; i < WAY_COUNT; i++)
        sought = sought || (ways[i].fits(weight) && ways[i].solve != solve_factor);
    return sought && weight_is_within(weight);
}

/* --- what shows a weight --- */

/* How much of a tensor's name is its module's: "model.layers.3.mlp.", and of what q_norm shows "...self_attn.q_", for
 * q_proj is in it as well. */
static size_t path_head(const char *path)
{
    const char *dot = strrchr(path, '.'), *last = strrchr(dot ? dot : path, '_');
    return last ? (size_t)(last - path) + 1 : strlen(path);
}

bool point_covers(enum point point, int layer, const char *name)
{
    char path[POINT_PATH];
    size_t length = path_head(point_path(point, layer, path));
    return strncmp(name, path, length) == 0 && (name[length] == '.' || path[length]);
}

/* Of those of its block that gold holds; POINT_COUNT: none. */
static enum point point_of(const struct expected *expected, unsigned held)
{
    if (!weight_is_within(expected->weight)) {
        enum point own = weight_point(expected->weight);
        return held >> own & 1 ? own : POINT_COUNT;
    }
    for (int point = 0; point < POINT_COUNT; point++)
        if (held >> point & 1 && point_covers((enum point)point, expected->layer, expected->name))
            return (enum point)point;
    return POINT_COUNT;
}

/* --- blocks --- */

/* A block as it is. */
struct survey {
    bool done;
    struct isolated_result result;
    int blamed[BLAMED_MOST];
    size_t blamed_count;
};

/* What was solved for together with another. */
struct kept {
    char name[sizeof((struct expected *)0)->name];
    struct solved solved;
};

struct solver {
    struct solve_request request;
    struct survey *surveys; /* [blocks] */
    struct kept *kept;
    size_t kept_count, kept_capacity;
};

struct solver *solver_new(const struct solve_request *request, struct error *error)
{
    struct solver *solver = calloc(1, sizeof *solver);
    if (solver)
        solver->request = *request;
    if (solver && (solver->surveys = calloc((size_t)MODEL_BLOCKS(request->config), sizeof *solver->surveys)))
        return solver;
    solver_free(solver);
    error_memory(error, "gold");
    return NULL;
}

void solver_free(struct solver *solver)
{
    if (!solver)
        return;
    for (size_t i = 0; i < solver->kept_count; i++)
        solved_free(&solver->kept[i].solved);
    free(solver->kept);
    free(solver->surveys);
    free(solver);
}

static int block_of(const struct solve_request *request, const struct expected *expected)
{
    bool begins = weight_rows[expected->weight].scope == OF_BEGIN;
    return expected->layer >= 0 ? expected->layer + 1 : begins ? 0 : MODEL_BLOCKS(request->config) - 1;
}

static struct survey *survey_of(struct solver *solver, int block, struct error *error)
{
    const struct solve_request *request = &solver->request;
    struct survey *survey = &solver->surveys[block];
    if (survey->done)
        return survey;
    if (!isolated_try(request->isolated, request->store, request->config, block, &survey->result, error))
        return NULL;
    if (survey->result.bad_points)
        survey->blamed_count = isolated_experts(request->isolated, block, survey->blamed, BLAMED_MOST);
    survey->done = true;
    return survey;
}

static bool is_blamed(const struct survey *survey, int expert)
{
    for (size_t i = 0; i < survey->blamed_count; i++)
        if (survey->blamed[i] == expert)
            return true;
    return false;
}

/* --- what else the same point shows --- */

/* Weights of a module that may be what is wrong with it. */
struct suspects {
    const struct solve_request *request;
    const struct survey *survey;
    enum point point;
    int layer; /* -1: outside layers */
    struct expected_list absent, there;
};

static bool see_suspect(void *context, const struct expected *expected)
{
    struct suspects *suspects = context;
    bool there = store_find(suspects->request->store, expected->name);
    if (expected->layer != suspects->layer || (expected->optional && !there) || !weight_is_within(expected->weight) ||
        point_of(expected, suspects->survey->result.compared_points) != suspects->point ||
        (there && expected->expert >= 0 && !is_blamed(suspects->survey, expected->expert)))
        return true;
    return expected_list_add(there ? &suspects->there : &suspects->absent, expected);
}

static bool suspects_find(const struct solve_task *task, const struct survey *survey, struct suspects *suspects,
                          struct error *error)
{
    int layer = task->expected[0]->layer;
    *suspects = (struct suspects){.request = task->request, .survey = survey, .point = task->point, .layer = layer};
    return weights_each_in(task->request->config, layer < 0 ? 0 : layer, layer + 1, see_suspect, suspects) ||
           error_memory(error, "gold");
}

static void suspects_free(struct suspects *suspects)
{
    expected_list_free(&suspects->absent);
    expected_list_free(&suspects->there);
}

/* --- one weight --- */

/* Of the tensor, or of the next like it. */
static enum dtype dtype_for(const struct solve_request *request, const struct expected *expected)
{
    const struct tensor *tensor = weights_find(request->store, expected);
    for (int layer = 0; !tensor && expected->layer >= 0 && layer < request->config->layers; layer++) {
        char name[sizeof expected->name];
        if (expected_name(expected->weight, layer, -1, name, sizeof name))
            tensor = store_find(request->store, name);
    }
    for (size_t i = 0; !tensor && i < store_text_count(request->store); i++)
        tensor = store_at(request->store, i);
    return tensor && dtype_width(tensor->dtype) ? tensor->dtype : DTYPE_F32;
}

static size_t value_count(const struct expected *expected)
{
    return (size_t)(expected->shape[0] * (expected->rank > 1 ? expected->shape[1] : 1));
}

static void task_add(struct solve_task *task, const struct expected *expected)
{
    task->expected[task->count] = expected;
    task->dtypes[task->count] = dtype_for(task->request, expected);
    task->begins[task->count + 1] = task->begins[task->count] + value_count(expected);
    task->count++;
}

/* What is stored; a NaN or an infinity as 0. */
static bool read_stored(struct solve_task *task, const struct tensor *tensor, struct error *error)
{
    struct solved *solved = task->solved;
    struct error unfit = {0};
    if (!weight_fits(task->expected[0], tensor, &unfit))
        snprintf(solved->why, sizeof solved->why, "%s", error_text(&unfit));
    error_clear(&unfit);
    if (*solved->why)
        return true;
    void *raw = malloc((size_t)tensor->bytes + 1);
    bool good = (raw || error_memory(error, tensor->name)) &&
                store_read_wide(task->request->store, tensor, 0, tensor->rows, raw, task->values, error);
    for (size_t i = 0; good && i < task->begins[1]; i++)
        if (!isfinite(task->values[i]))
            task->values[i] = 0;
    free(raw);
    return good;
}

/* Runs the block with all that was solved for. */
static bool verify(const struct solve_task *task, const struct survey *survey, struct error *error)
{
    struct solved *solved = task->solved;
    const struct solve_request *request = task->request;
    struct store *laid = overlay_new(request->store, error);
    struct isolated_result result = {0};
    bool good = laid && solved_lay(laid, task->expected[0], solved, error);
    for (size_t i = 1; good && i < task->count; i++) {
        const struct solved other = {.values = task->values + task->begins[i], .dtype = task->dtypes[i]};
        good = solved_lay(laid, task->expected[i], &other, error);
    }
    good = good && isolated_try(request->isolated, laid, request->config, task->block, &result, error);
    solved->ratio = result.ratios[task->point];
    if (good && !(result.compared_points >> task->point & 1))
        snprintf(solved->why, sizeof solved->why, "gold does not hold the output of its module");
    else if (good && result.bad_points >> task->point & 1)
        snprintf(solved->why, sizeof solved->why,
                 "the values that fit best leave an error of %.3g times the limit: something else is wrong there",
                 solved->ratio);
    else if (good && result.bad_points & ~survey->result.bad_points)
        snprintf(solved->why, sizeof solved->why, "with the values that fit best another module would be wrong");
    store_free(laid);
    return good;
}

static void drop_values(struct solved *solved)
{
    free(solved->values);
    solved->values = NULL;
    solved->state = SOLVED_NOT;
}

/* Gold may leave values open, where they hardly matter to what comes out. */
static void judge_spread(struct solved *solved)
{
    if (*solved->why || solved->spread <= SPREAD_MOST)
        return;
    if (isfinite(solved->spread))
        snprintf(solved->why, sizeof solved->why,
                 "its values could differ by up to %.2g of their average size and still fit", solved->spread);
    else
        snprintf(solved->why, sizeof solved->why, "the output of its module does not depend on all of its values");
    drop_values(solved);
}

/* By one way, from what is stored to what is proved; `solved->values` stays NULL where `why` says so. */
static bool attempt(struct solve_task *task, const struct way *way, const struct survey *survey, struct error *error)
{
    struct solved *solved = task->solved;
    const struct tensor *tensor = weights_find(task->request->store, task->expected[0]);
    size_t count = task->begins[task->count];
    task->values = calloc(count + 1, sizeof *task->values);
    if (tensor && (way->stored || !way->absent) && !dtype_width(tensor->dtype))
        snprintf(solved->why, sizeof solved->why, "it is stored as %s", dtype_name(tensor->dtype));
    bool good = (task->values || error_memory(error, task->expected[0]->name)) &&
                (*solved->why || !way->stored || !tensor || read_stored(task, tensor, error));
    good = good && (*solved->why || way->solve(task, error));
    if (good && !*solved->why) {
        for (size_t i = 0; i < task->count; i++)
            round_values(task->dtypes[i], task->values + task->begins[i], task->values + task->begins[i],
                         task->begins[i + 1] - task->begins[i]);
        solved->values = task->values;
        good = verify(task, survey, error);
        task->fits = task->fits || (good && !*solved->why);
    } else
        free(task->values);
    if (!good || *solved->why)
        drop_values(solved);
    else
        judge_spread(solved);
    return good;
}

/* By the first way that makes it right. */
static bool attempt_ways(struct solve_task *task, const struct survey *survey, bool there, struct error *error)
{
    bool good = true;
    for (size_t i = 0; good && i < WAY_COUNT && !task->solved->values; i++) {
        if (!ways[i].fits(task->expected[0]->weight) || (!there && !ways[i].absent))
            continue;
        solved_free(task->solved);
        *task->solved = (struct solved){.dtype = task->dtypes[0], .point = task->point};
        good = attempt(task, &ways[i], survey, error);
    }
    return good;
}

/* --- weights within a module --- */

/* Another weight of the module that would make it right as well; `*rival` NULL: none. */
static bool find_rival(const struct solve_task *task, const struct survey *survey, const struct suspects *suspects,
                       const struct expected **rival, struct error *error)
{
    *rival = NULL;
    for (size_t i = 0; !*rival && i < suspects->there.count; i++) {
        const struct expected *other = &suspects->there.items[i];
        struct solved solved = {0};
        struct solve_task another = {
            .request = task->request, .block = task->block, .point = task->point, .solved = &solved};
        if (strcmp(other->name, task->expected[0]->name) == 0)
            continue;
        task_add(&another, other);
        bool good = attempt_ways(&another, survey, true, error);
        *rival = another.fits ? other : NULL;
        solved_free(&solved);
        if (!good)
            return false;
    }
    return true;
}

/* Those that are absent are solved for together. */
static void join_absent(struct solve_task *task, const struct suspects *suspects)
{
    struct solved *solved = task->solved;
    for (size_t i = 0; !*solved->why && i < suspects->absent.count; i++) {
        const struct expected *other = &suspects->absent.items[i];
        if (strcmp(other->name, task->expected[0]->name) == 0)
            continue;
        if (!weight_is_solvable(other->weight, false) || task->count == SOLVE_TOGETHER)
            snprintf(solved->why, sizeof solved->why, "%s is absent as well", other->name);
        else
            task_add(task, other);
    }
}

static bool keep_others(struct solver *solver, const struct solve_task *task, struct error *error)
{
    for (size_t i = 1; i < task->count; i++) {
        size_t count = task->begins[i + 1] - task->begins[i];
        struct kept kept = {.solved = *task->solved};
        kept.solved.dtype = task->dtypes[i];
        kept.solved.spread = task->spreads[i];
        kept.solved.values = malloc((count + 1) * sizeof *kept.solved.values);
        snprintf(kept.name, sizeof kept.name, "%s", task->expected[i]->name);
        if (!kept.solved.values || !array_push(solver->kept, solver->kept_count, solver->kept_capacity, kept)) {
            free(kept.solved.values);
            return error_memory(error, kept.name);
        }
        memcpy(kept.solved.values, task->solved->values + task->begins[i], count * sizeof *kept.solved.values);
        judge_spread(&solver->kept[solver->kept_count - 1].solved);
    }
    return true;
}

/* One that is there is solved for only where nothing is absent, and alone. */
static bool solve_within(struct solver *solver, struct solve_task *task, const struct survey *survey, bool there,
                         struct error *error)
{
    struct solved *solved = task->solved;
    struct suspects suspects;
    const struct expected *rival = NULL;
    bool good = suspects_find(task, survey, &suspects, error);
    solved->state = there ? SOLVED_UNFIT : SOLVED_NOT;
    if (good && !there)
        join_absent(task, &suspects);
    if (good && there && suspects.absent.count)
        solved->state = SOLVED_CLEAR;
    else if (good && !*solved->why) {
        good = attempt_ways(task, survey, there, error);
        solved->state = there && !task->fits ? SOLVED_UNFIT : SOLVED_NOT;
    }
    if (good && there && solved->values)
        good = find_rival(task, survey, &suspects, &rival, error);
    if (good && rival) {
        drop_values(solved);
        snprintf(solved->why, sizeof solved->why, "it would make its module right, and so would %s", rival->name);
    }
    if (good && solved->values) {
        solved->state = SOLVED;
        good = keep_others(solver, task, error);
    }
    suspects_free(&suspects);
    return good;
}

/* --- all --- */

/* Is there anything to be solved for? Else `solved->state` says why not. */
static bool is_wrong(const struct survey *survey, const struct expected *expected, bool there, struct solved *solved)
{
    bool within = weight_is_within(expected->weight);
    solved->point = point_of(expected, survey->result.compared_points);
    bool held = solved->point != POINT_COUNT, bad = held && survey->result.bad_points >> solved->point & 1;
    if (!held)
        snprintf(solved->why, sizeof solved->why, "gold does not hold the output of its module");
    if (within && there && (!bad || (expected->expert >= 0 && !is_blamed(survey, expected->expert))))
        solved->state = SOLVED_CLEAR;
    else if (held && !bad && !within)
        solved->state = SOLVED_RIGHT;
    else
        return held;
    return false;
}

/* It was solved for before: then it is handed over. */
static bool take_kept(struct solver *solver, const struct expected *expected, struct solved *solved)
{
    size_t i = 0;
    while (i < solver->kept_count && strcmp(solver->kept[i].name, expected->name) != 0)
        i++;
    if (i == solver->kept_count)
        return false;
    *solved = solver->kept[i].solved;
    solver->kept[i] = solver->kept[--solver->kept_count];
    return true;
}

bool weight_solve(struct solver *solver, const struct expected *expected, struct solved *solved, struct error *error)
{
    const struct solve_request *request = &solver->request;
    bool there = weights_find(request->store, expected);
    if (take_kept(solver, expected, solved))
        return true;
    *solved = (struct solved){.state = SOLVED_NOT, .point = POINT_COUNT};
    if (!weight_is_solvable(expected->weight, there)) {
        snprintf(solved->why, sizeof solved->why, "gold does not show its effect by itself");
        return true;
    }
    int block = block_of(request, expected);
    const struct survey *survey = survey_of(solver, block, error);
    if (!survey || !is_wrong(survey, expected, there, solved))
        return survey;
    struct solve_task task = {.request = request, .block = block, .point = solved->point, .solved = solved};
    task_add(&task, expected);
    solved->dtype = task.dtypes[0];
    bool good = weight_is_within(expected->weight) ? solve_within(solver, &task, survey, there, error)
                                                   : attempt_ways(&task, survey, there, error);
    if (good && solved->values)
        solved->state = SOLVED;
    return good;
}

/* Rows in the place of a tensor's. */
struct laid_rows {
    size_t count, bytes; /* of each */
    const uint64_t *rows;
    const char *values;
};

static void rewrite_rows(void *context, const struct tensor *tensor, uint64_t first, uint64_t rows, void *values)
{
    const struct laid_rows *laid = context;
    (void)tensor;
    for (size_t i = 0; i < laid->count; i++)
        if (laid->rows[i] >= first && laid->rows[i] - first < rows)
            memcpy((char *)values + (laid->rows[i] - first) * laid->bytes, laid->values + i * laid->bytes, laid->bytes);
}

static bool lay_rows(struct store *overlay, const struct expected *expected, const struct solved *solved,
                     struct error *error)
{
    size_t bytes = (size_t)expected->shape[1] * dtype_width(solved->dtype), count = solved->row_count;
    struct laid_rows *laid = malloc(sizeof *laid + count * sizeof *solved->rows + count * bytes);
    if (!laid)
        return error_memory(error, expected->name);
    uint64_t *rows = (uint64_t *)(laid + 1);
    *laid = (struct laid_rows){.count = count, .bytes = bytes, .rows = rows, .values = (char *)(rows + count)};
    memcpy(rows, solved->rows, count * sizeof *rows);
    narrow(solved->dtype, solved->values, rows + count, count * (size_t)expected->shape[1]);
    return overlay_keep(overlay, laid, error) &&
           overlay_rewrite(overlay, weights_find(overlay, expected)->name, rewrite_rows, laid, error);
}

bool solved_lay(struct store *overlay, const struct expected *expected, const struct solved *solved,
                struct error *error)
{
    if (solved->rows)
        return lay_rows(overlay, expected, solved, error);
    size_t count = value_count(expected);
    void *stored = malloc(count * dtype_width(solved->dtype) + 1);
    bool good = stored || error_memory(error, expected->name);
    if (good)
        narrow(solved->dtype, solved->values, stored, count);
    good =
        good && overlay_replace(overlay, expected->name, solved->dtype, expected->rank, expected->shape, stored, error);
    free(stored);
    return good;
}

void solved_free(struct solved *solved)
{
    free(solved->values);
    free(solved->rows);
    *solved = (struct solved){0};
}
