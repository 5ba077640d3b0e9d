#include "activations/modules.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "activations/rounding.h"
#include "base/wording.h"
#include "limits/comparator.h"
#include "store/place.h"

/* One tensor that differs by more than it may. */
struct differing {
    const struct golden_tensor *tensor;
    double error, limit;
    const char *cause;
    int layer; /* -1: of none */
};

struct modules {
    const struct golden *golden, *dump;
    const struct limits *limits;
    struct accuracy *most; /* [cases]: the least exactly known place of each; what was lost once is carried on */
    struct differing *items;
    size_t count, capacity;
    size_t compared;
    double largest;
};

static bool most_take(struct modules *modules)
{
    const struct golden *golden = modules->golden;
    modules->most = calloc(golden_case_count(golden) + 1, sizeof *modules->most);
    for (size_t i = 0; modules->most && i < golden_tensor_count(golden); i++) {
        const struct golden_tensor *tensor = golden_tensor_at(golden, i);
        struct accuracy own = gold_accuracy(golden, tensor, false), *most = &modules->most[tensor->case_index];
        if (!most->dtype)
            *most = own;
        most->noise = fmax(most->noise, own.noise);
        most->rounding = fmax(most->rounding, own.rounding);
    }
    return modules->most;
}

/* Some rows at a time. */
#define ROWS_VALUES ((size_t)1 << 20)

static bool compare(const struct modules *modules, const struct golden_tensor *gold, const struct golden_tensor *other,
                    struct comparison *comparison, struct error *error)
{
    size_t some = gold->width < ROWS_VALUES ? ROWS_VALUES / gold->width : 1;
    some = some < gold->rows ? some : gold->rows;
    float *a = malloc(some * gold->width * sizeof *a + 1), *b = malloc(some * gold->width * sizeof *b + 1);
    bool good = (a && b) || error_memory(error, gold->path);
    for (size_t row = 0; good && row < gold->rows; row += some) {
        size_t rows = gold->rows - row < some ? gold->rows - row : some;
        good = golden_read_rows(modules->golden, gold, row, rows, a, error) &&
               golden_read_rows(modules->dump, other, row, rows, b, error);
        if (good)
            comparison_add(comparison, b, a, rows * gold->width);
    }
    free(a);
    free(b);
    return good;
}

static bool judge(struct modules *modules, const struct golden_tensor *tensor, const struct comparison *comparison,
                  struct error *error)
{
    struct differing differing = {.tensor = tensor, .error = comparison_relative(comparison)};
    int expert;
    differing.limit = limits_activation(modules->limits, &modules->most[tensor->case_index], &differing.cause);
    modules->compared++;
    modules->largest = fmax(modules->largest, differing.error);
    if (comparison_within(comparison, differing.limit))
        return true;
    path_place(tensor->path, &differing.layer, &expert);
    return array_push(modules->items, modules->count, modules->capacity, differing) || error_memory(error, "modules");
}

static size_t depth_of(const char *path)
{
    size_t dots = 0;
    for (; *path; path++)
        dots += *path == '.';
    return dots;
}

/* Where an error begins comes first, as far as paths tell: the first layer, what it is made of before its output. What
 * is of no layer may lie before or behind all of them. */
static int by_begin(const void *left, const void *right)
{
    const struct differing *a = left, *b = right;
    if (a->layer != b->layer)
        return (a->layer < 0) != (b->layer < 0) ? (a->layer < 0 ? 1 : -1) : a->layer < b->layer ? -1 : 1;
    size_t mine = depth_of(a->tensor->path), other = depth_of(b->tensor->path);
    if (mine != other)
        return mine > other ? -1 : 1;
    int order = strcmp(a->tensor->path, b->tensor->path);
    return order ? order
                 : (a->tensor->case_index > b->tensor->case_index) - (a->tensor->case_index < b->tensor->case_index);
}

static bool add_place(const struct modules *modules, const struct differing *differing, struct findings *findings)
{
    struct finding *place = findings_place(findings, "layers.modules", VERDICT_FAIL);
    if (!place)
        return false;
    where_set(&place->where.module, differing->tensor->path);
    where_set(&place->where.case_id, golden_case_at(modules->golden, differing->tensor->case_index)->id);
    place->where.layer = differing->layer;
    finding_measured(place, differing->error, "relative L2");
    finding_limit(place, differing->limit, differing->cause);
    finding_message(place, "%s differs from gold by %.3g (relative L2), where %.3g is allowed.",
                    differing->tensor->path, differing->error, differing->limit);
    return true;
}

static bool report(struct modules *modules, struct findings *findings)
{
    size_t at = findings->count;
    if (!findings_add(findings, "layers.modules"))
        return false;
    if (modules->count)
        qsort(modules->items, modules->count, sizeof *modules->items, by_begin);
    for (size_t i = 0; i < modules->count && i < PLACES_MAX; i++)
        if (!add_place(modules, &modules->items[i], findings))
            return false;
    struct finding *finding = &findings->items[at];
    finding_measured(finding, (double)modules->count, "tensors");
    finding_limit(finding, 0, "a module that both dumps hold must give the same");
    finding_judge(finding);
    finding_fact(finding, "compared", (double)modules->compared);
    if (modules->count)
        finding_message(finding,
                        "Of modules that assay knows only by their paths, %zu of %zu tensors differ%s; the first in "
                        "the order of layers: %s",
                        modules->count, modules->compared, modules->count == 1 ? "s" : "",
                        findings->items[at + 1].message);
    else
        finding_message(
            finding,
            "%zu tensor%s of modules that assay knows only by their paths %s gold's; the largest error is %.3g "
            "(relative L2).",
            modules->compared, text_plural(modules->compared), modules->compared == 1 ? "equals" : "equal",
            modules->largest);
    return true;
}

bool modules_report(const struct golden *golden, const struct golden *dump, const struct limits *limits,
                    const bool *compared, bool *marks, struct findings *findings, struct error *error)
{
    struct modules modules = {.golden = golden, .dump = dump, .limits = limits};
    bool good = most_take(&modules) || error_memory(error, "modules");
    for (size_t i = 0; good && i < golden_tensor_count(golden); i++) {
        const struct golden_tensor *tensor = golden_tensor_at(golden, i), *other;
        size_t other_case = golden_same_case(dump, golden_case_at(golden, tensor->case_index));
        struct comparison comparison = {0};
        other = compared[i] || other_case == SIZE_MAX ? NULL : golden_find(dump, other_case, tensor->path);
        if (!other || tensor->kind != GOLDEN_VALUES || other->kind != GOLDEN_VALUES || !tensor->width ||
            tensor->width != other->width || tensor->first != other->first || tensor->rows != other->rows)
            continue;
        marks[i] = true;
        good = compare(&modules, tensor, other, &comparison, error) && judge(&modules, tensor, &comparison, error);
    }
    good = good && (!modules.compared || report(&modules, findings) || error_memory(error, "modules"));
    free(modules.most);
    free(modules.items);
    return good;
}
