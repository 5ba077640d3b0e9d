/* A check whose subject is a dump of what it computed. */
#include <stdlib.h>
#include <string.h>

#include "activations/gold_config.h"
#include "diagnostics/check.h"
#include "diagnostics/checking.h"
#include "run/run.h"

/* One activation of one case, where both dumps hold it. */
static bool place_see(struct checking *checking, size_t case_index, size_t other, enum point point, int layer,
                      struct error *error)
{
    const struct check *check = &checking->check;
    char path[POINT_PATH];
    point_path(point, layer, path);
    const struct golden_tensor *tensor = golden_find(check->dump, other, path);
    if (!tensor || tensor->kind == GOLDEN_STATISTICS || !golden_find(check->goldens[0], case_index, path))
        return true;
    struct part part = {.point = point,
                        .layer = layer,
                        .path = path,
                        .first = tensor->first,
                        .rows = tensor->rows,
                        .width = tensor->width,
                        .log_probabilities = tensor->kind == GOLDEN_LOG_PROBABILITIES};
    part.values = malloc(tensor->rows * tensor->width * sizeof *part.values);
    bool good = (part.values || error_memory(error, path)) &&
                golden_read_rows(check->dump, tensor, 0, tensor->rows, part.values, error) &&
                checking_see(checking, &(struct seat){.case_index = case_index}, &part, error);
    free(part.values);
    return good;
}

static bool case_see(struct checking *checking, size_t case_index, size_t other, struct error *error)
{
    for (int layer = -1; layer < checking->check.config->layers; layer++)
        for (int point = 0; point < POINT_COUNT; point++)
            if (point_in_layer((enum point)point) == (layer >= 0) &&
                !place_see(checking, case_index, other, (enum point)point, layer, error))
                return false;
    return true;
}

/* Marks the cases that both have. */
static bool cases_see(struct checking *checking, bool *cases, struct error *error)
{
    const struct check *check = &checking->check;
    for (size_t i = 0; i < golden_case_count(check->goldens[0]); i++) {
        size_t other = golden_same_case(check->dump, golden_case_at(check->goldens[0], i));
        cases[i] = other != SIZE_MAX;
        if (cases[i] && !case_see(checking, i, other, error))
            return false;
    }
    return true;
}

/* What one of the two records of the model's layers; 0: nothing. */
static bool layers_of(const struct golden *golden, const struct golden *dump, int *layers, struct error *error)
{
    const struct golden *const both[] = {golden, dump};
    for (size_t i = 0; i < 2 && !*layers; i++) {
        struct model_config *config = golden_config(both[i], error);
        if (!config)
            return false;
        *layers = config->family ? config->layers : 0;
        free(config);
    }
    return true;
}

static bool settle_names(struct golden *golden, struct golden *dump, struct error *error)
{
    struct golden_beside beside = {.other = dump}, back = {.other = golden};
    if (!layers_of(golden, dump, &beside.layers, error))
        return false;
    back.layers = beside.layers;
    return golden_settle(golden, &beside, error) && golden_settle(dump, &back, error);
}

/* The two can be compared as finely as the coarser of them. */
static bool settle(struct golden *golden, struct golden *dump, struct error *error)
{
    if (!golden_measure_precision(golden, error) || !golden_measure_precision(dump, error))
        return false;
    golden_coarsen(golden, golden_dtype(dump));
    return true;
}

/* Each is left with what the other has. */
static bool fit(struct golden *golden, const struct model_config *config, struct golden *dump,
                const struct model_config *mine, struct findings *findings, struct error *error)
{
    struct buffer list = {0};
    bool other, good = golden_fits(dump, mine, error) &&
                       gold_check_config(golden, mine, NULL, !golden_records_config(dump), findings, error) &&
                       golden_restrict(dump, config, &list, &other, error);
    buffer_free(&list);
    return good;
}

bool check_dump(struct golden *golden, struct golden *dump, const struct limits *limits, const bool *wanted,
                struct findings *findings, struct error *error)
{
    struct model_config *config = settle_names(golden, dump, error) ? golden_config(golden, error) : NULL;
    struct model_config *mine = config ? golden_config(dump, error) : NULL;
    bool *cases = calloc(golden_case_count(golden) + 1, sizeof *cases), compare[DIAGNOSTIC_COUNT];
    struct checking checking = {
        .check = {.dump = dump, .config = config, .goldens = &golden, .golden_count = 1, .limits = limits},
        .cases = cases};
    memcpy(compare, wanted, sizeof compare);
    diagnostics_compare(compare);
    checking_choose(&checking, compare);
    bool good = mine && (cases || error_memory(error, "dumps")) && settle(golden, dump, error) &&
                fit(golden, config, dump, mine, findings, error) && checking_begin(&checking, error) &&
                cases_see(&checking, cases, error) && checking_report(&checking, findings, error);
    checking_end(&checking);
    free(cases);
    free(config);
    free(mine);
    return good;
}
