/* From the cells that layers.c filled to findings. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "activations/layers_internal.h"
#include "base/numbers.h"

static const struct mode_row {
    const char *check;
    const char *title;
} mode_rows[MODE_COUNT] = {
    [MODE_PROPAGATED] = {"layers.propagated", "Error end to end: every layer adds to what came before"},
    [MODE_ISOLATED] = {"layers.isolated", "Error of each module alone, fed with golden input"},
};

/* A place over all cases: the worst of them. */
struct place {
    enum point point;
    int layer;
    size_t case_index;
    const struct cell *cell; /* NULL: gold holds nothing there */
    bool bad;
};

static bool cell_bad(const struct cell *cell)
{
    return !comparison_within(&cell->comparison, cell->tolerance);
}

/* By how much a cell misses its limit; larger is worse. */
static double cell_ratio(const struct cell *cell)
{
    double error = comparison_relative(&cell->comparison);
    if (cell->tolerance > 0)
        return error / cell->tolerance;
    return error > 0 || isnan(error) ? INFINITY : 0;
}

static bool cell_worse(const struct cell *cell, const struct cell *than)
{
    if (!than || cell_bad(cell) != cell_bad(than))
        return !than || cell_bad(cell);
    double error = comparison_relative(&cell->comparison), other = comparison_relative(&than->comparison);
    return isnan(error) || error > other;
}

static struct place place_worst(const struct layers *layers, enum mode mode, size_t index)
{
    struct place place = {.point = (enum point)(index % POINT_COUNT), .layer = (int)(index / POINT_COUNT) - 1};
    if (!point_in_layer(place.point))
        place.layer = -1;
    /* Alone, a module is judged by the cases that feed it, if there are any: what the others see began elsewhere. */
    bool fed = false;
    for (size_t i = 0; i < golden_case_count(layers->golden); i++) {
        const struct cell *cell = layers_cell(layers, mode, i, index);
        if (!cell->comparison.count)
            continue;
        bool here = mode == MODE_ISOLATED && place_fed_directly(layers, i, place.point, place.layer);
        if ((here && !fed) || (here == fed && cell_worse(cell, place.cell))) {
            place.cell = cell;
            place.case_index = i;
        }
        fed = fed || here;
    }
    place.bad = place.cell && cell_bad(place.cell);
    return place;
}

/* NaN is larger than any. */
static double larger_ratio(double a, double b)
{
    return isnan(a) || a > b ? a : b;
}

/* The same cases as place_worst. */
static void add_errors(const struct layers *layers, const struct place *place, size_t index,
                       struct isolated_result *result)
{
    bool fed = place_fed_directly(layers, place->case_index, place->point, place->layer);
    for (size_t i = 0; i < golden_case_count(layers->golden); i++) {
        const struct comparison *comparison = &layers_cell(layers, MODE_ISOLATED, i, index)->comparison;
        if (!comparison->count || place_fed_directly(layers, i, place->point, place->layer) != fed)
            continue;
        result->errors2[place->point] += comparison->non_finite ? INFINITY : comparison->error2;
        result->golds2[place->point] += comparison->gold2;
    }
}

void layers_count(const struct layers *layers, int block, struct isolated_result *result)
{
    for (size_t point = 0; layers->places && point < POINT_COUNT; point++) {
        struct place place = place_worst(layers, MODE_ISOLATED, (size_t)block * POINT_COUNT + point);
        if (!place.cell)
            continue;
        result->compared++;
        result->bad += place.bad;
        result->compared_points |= 1u << point;
        result->bad_points |= place.bad ? 1u << point : 0;
        result->ratios[point] = larger_ratio(result->ratios[point], cell_ratio(place.cell));
        add_errors(layers, &place, (size_t)block * POINT_COUNT + point, result);
    }
}

static void finding_at(const struct layers *layers, struct finding *finding, const struct place *place)
{
    char path[POINT_PATH];
    const struct comparison *comparison = &place->cell->comparison;
    finding_measured(finding, comparison_relative(comparison), "relative L2");
    finding_limit(finding, place->cell->tolerance, place->cell->cause);
    where_set(&finding->where.case_id, golden_case_at(layers->golden, place->case_index)->id);
    where_set(&finding->where.module, point_path(place->point, place->layer, path));
    finding->where.layer = place->layer;
    finding->where.token = (int)(place->cell->first + comparison->worst / place->cell->width);
    finding_fact(finding, "noise", place->cell->noise);
    finding_fact(finding, "max_abs", comparison->largest);
    finding_fact(finding, "cosine", comparison_cosine(comparison));
    finding_fact(finding, "non_finite", (double)comparison->non_finite);
    finding_fact(finding, "worst_value", (double)comparison->worst_subject);
    finding_fact(finding, "worst_golden", (double)comparison->worst_gold);
}

/* The pattern of a bad place, if it has one. */
static bool place_pattern(const struct layers *layers, enum mode mode, const struct place *place,
                          struct pattern *pattern)
{
    bool fed = mode == MODE_ISOLATED && place_fed_directly(layers, place->case_index, place->point, place->layer);
    return layers_pattern(layers, mode, place->point, place->layer, fed, pattern);
}

static void finding_pattern(const struct layers *layers, enum mode mode, struct finding *finding,
                            const struct place *place)
{
    struct pattern pattern;
    if (!place_pattern(layers, mode, place, &pattern))
        return;
    finding_message(finding, "%s %s", finding->message, pattern.text);
    finding_fact_text(finding, "pattern", "%s", pattern.kind);
    if (!isnan(pattern.number))
        finding_fact(finding, "pattern_number", pattern.number);
}

#define BLAMED_MAX 8

/* What an isolated place was fed with: "fed with golden input", or from where on gold has nothing. */
static const char *fed_text(const struct layers *layers, const struct place *place, char text[160])
{
    struct fed fed = place_fed(layers, place->case_index, place->point, place->layer);
    char path[POINT_PATH];
    if (fed.directly)
        snprintf(text, 160, "fed with golden input");
    else if (fed.from_start)
        snprintf(text, 160, "fed from the token ids on, for this gold holds nothing before it");
    else
        snprintf(text, 160, "fed with gold at %s, for this gold holds nothing in between",
                 point_path(fed.point, fed.layer, path));
    return text;
}

static void place_message(const struct layers *layers, enum mode mode, struct finding *finding,
                          const struct place *place)
{
    char path[POINT_PATH], fed[160];
    const struct comparison *comparison = &place->cell->comparison;
    point_path(place->point, place->layer, path);
    if (comparison->non_finite)
        finding_message(finding, "%s: %zu of %zu values are not finite, the first at token %d.", path,
                        comparison->non_finite, comparison->count, finding->where.token);
    else if (mode == MODE_PROPAGATED)
        finding_message(finding, "%s differs from gold by %.3g (relative L2), where %.3g is allowed.", path,
                        finding->measured, finding->limit);
    else
        finding_message(
            finding, "%s is %s and its output differs from gold's by %.3g (relative L2), where %.3g is allowed: %s.",
            path, fed_text(layers, place, fed), finding->measured, finding->limit,
            place_fed(layers, place->case_index, place->point, place->layer).directly ? point_rows[place->point].tensors
                                                                                      : "any module on the way");
    if (mode != MODE_ISOLATED || place->point != POINT_MLP || !layers->config->sparse[place->layer])
        return;
    int experts[BLAMED_MAX];
    size_t count = blame_experts(layers, place->layer, experts, BLAMED_MAX);
    if (!count)
        return;
    struct buffer list = {0};
    for (size_t i = 0; i < count; i++)
        buffer_format(&list, "%s%d", i ? ", " : "", experts[i]);
    if (count == 1)
        finding->where.expert = experts[0];
    finding_message(finding,
                    "%s is %s and its output differs from gold's by %.3g (relative L2), where %.3g is allowed; every "
                    "bad token went through expert%s %s, and no good one did.",
                    path, fed_text(layers, place, fed), finding->measured, finding->limit, count > 1 ? "s" : "",
                    list.data ? list.data : "");
    buffer_free(&list);
}

static bool curve_of(const struct layers *layers, enum mode mode, struct series *series, enum point point)
{
    double *values = NULL;
    for (int layer = 0; layer < layers->config->layers; layer++) {
        struct place place = place_worst(layers, mode, place_of(layers->config, point, layer));
        if (!place.cell)
            continue;
        if (!values && !(values = series_curve(series, point_rows[point].curve)))
            return false;
        values[layer] = comparison_relative(&place.cell->comparison);
    }
    return true;
}

/* Curves over layers: one for each point in a layer, the worst case; what the larger steps put out first. */
static bool series_layers(const struct layers *layers, enum mode mode, struct finding *finding)
{
    size_t count = (size_t)layers->config->layers;
    struct series *series =
        finding_series(finding, "error-per-layer", mode_rows[mode].title, "layer", "relative L2 error", count);
    if (!series)
        return false;
    series->log_y = true;
    double *limit = NULL, *noise = NULL;
    for (int step = 0; step < STEP_COUNT; step++)
        for (int point = 0; point < POINT_COUNT; point++)
            if (point_in_layer((enum point)point) && point_rows[point].step == (enum point_step)step &&
                !curve_of(layers, mode, series, (enum point)point))
                return false;
    if (!(limit = series_curve(series, "limit")) || !(noise = series_curve(series, "noise")))
        return false;
    for (size_t layer = 0; layer < count; layer++) {
        struct place place = place_worst(layers, mode, place_of(layers->config, POINT_LAYER, (int)layer));
        if (place.cell) {
            limit[layer] = place.cell->tolerance;
            noise[layer] = place.cell->noise;
        }
    }
    return true;
}

/* Everything that was measured, one line a place. */
static bool series_places(const struct layers *layers, enum mode mode, struct finding *finding, size_t count)
{
    static const char *const columns[] = {"relative L2", "limit", "noise", "max abs", "cosine", "not finite"};
    double *values[6];
    struct series *series =
        finding_series(finding, "places", "Every place that was compared (worst case of each)", "module", "", count);
    if (!series)
        return false;
    series->kind = SERIES_TABLE;
    for (size_t i = 0; i < 6; i++)
        if (!(values[i] = series_curve(series, columns[i])))
            return false;
    size_t at = 0;
    for (size_t index = 0; index < layers->places; index++) {
        struct place place = place_worst(layers, mode, index);
        char path[POINT_PATH];
        if (!place.cell)
            continue;
        const struct comparison *comparison = &place.cell->comparison;
        values[0][at] = comparison_relative(comparison);
        values[1][at] = place.cell->tolerance;
        values[2][at] = place.cell->noise;
        values[3][at] = comparison->largest;
        values[4][at] = comparison_cosine(comparison);
        values[5][at] = (double)comparison->non_finite;
        if (!series_label(series, at++, point_path(place.point, place.layer, path)))
            return false;
    }
    return true;
}

/* What a walk over all places finds. */
struct survey {
    size_t compared;
    size_t fallback; /* of them, places whose limit does not come from noise */
    size_t bad;
    struct place first_bad;
    struct place worst; /* the largest error among the bad ones, or among all when none is bad */
    double ratio;       /* largest error / limit */
    struct place ratio_place;
};

static struct survey layers_survey(const struct layers *layers, enum mode mode)
{
    struct survey survey = {.ratio = -1};
    for (size_t index = 0; index < layers->places; index++) {
        struct place place = place_worst(layers, mode, index);
        if (!place.cell)
            continue;
        survey.compared++;
        survey.fallback += isnan(place.cell->noise) ? 1u : 0u;
        if (place.bad && !survey.bad++)
            survey.first_bad = place;
        if (cell_worse(place.cell, survey.worst.cell))
            survey.worst = place;
        double ratio = cell_ratio(place.cell);
        if (!(ratio <= survey.ratio)) {
            survey.ratio = ratio;
            survey.ratio_place = place;
        }
    }
    return survey;
}

#define NAMED_MAX 6

/* "a, b, c and 4 more": the first bad places in the order of the pass. */
static void bad_names(const struct layers *layers, enum mode mode, size_t bad, struct buffer *out)
{
    size_t named = 0;
    for (size_t index = 0; index < layers->places && named < NAMED_MAX; index++) {
        struct place place = place_worst(layers, mode, index);
        char path[POINT_PATH];
        if (!place.bad)
            continue;
        struct fed fed = place_fed(layers, place.case_index, place.point, place.layer);
        buffer_format(out, "%s%s", named++ ? ", " : "", point_path(place.point, place.layer, path));
        if (mode == MODE_ISOLATED && !fed.directly)
            buffer_format(out, " (or anything since %s)",
                          fed.from_start ? "the token ids" : point_path(fed.point, fed.layer, path));
    }
    if (bad > named)
        buffer_format(out, " and %zu more", bad - named);
}

/* The layers of the bad places of one point, rising; returns how many. `*compared`: how many places it has in all. */
static size_t bad_layers(const struct layers *layers, enum mode mode, enum point point, int bad[CONFIG_LAYERS_MAX],
                         size_t *compared)
{
    size_t count = 0;
    *compared = 0;
    for (size_t index = 0; index < layers->places; index++) {
        struct place place = place_worst(layers, mode, index);
        if (place.point != point || !place.cell || !place.cell->comparison.count)
            continue;
        ++*compared;
        if (place.bad && count < CONFIG_LAYERS_MAX)
            bad[count++] = place.layer;
    }
    return count;
}

/* "all 48 compared layers", "layers 1 to 45 in steps of 4", "layers 3, 17-19". */
static void layers_text(const int *bad, size_t count, size_t compared, struct buffer *out)
{
    int step = count > 3 ? bad[1] - bad[0] : 0;
    for (size_t i = 1; i < count && step > 1; i++)
        step = bad[i] - bad[i - 1] == step ? step : 0;
    if (count == compared && count > 1) {
        buffer_format(out, "all %zu compared layers", count);
    } else if (step > 1) {
        buffer_format(out, "every %d%s layer from %d to %d", step,
                      step == 2   ? "nd"
                      : step == 3 ? "rd"
                                  : "th",
                      bad[0], bad[count - 1]);
    } else {
        buffer_text(out, count > 1 ? "layers " : "layer ");
        numbers_ranges(out, bad, count);
    }
}

/* What many bad places have in common: "input_layernorm, mlp of layers 1 to 45 in steps of 4; nothing else". Kinds
 * of the same layers are told together. */
static void bad_kinds(const struct layers *layers, enum mode mode, struct buffer *out)
{
    struct buffer texts[POINT_COUNT] = {0};
    const char *semicolon = "";
    for (int point = 0; point < POINT_COUNT; point++) {
        int bad[CONFIG_LAYERS_MAX];
        size_t compared, count = bad_layers(layers, mode, (enum point)point, bad, &compared);
        if (count && point_rows[point].place == PLACE_IN_LAYER)
            layers_text(bad, count, compared, &texts[point]);
        else if (count)
            buffer_text(&texts[point], " ");
    }
    for (int point = 0; point < POINT_COUNT; point++) {
        const char *and = semicolon;
        if (!texts[point].size)
            continue;
        for (int other = point; other < POINT_COUNT; other++) {
            char path[POINT_PATH];
            bool inside = point_rows[other].place == PLACE_IN_LAYER;
            if (!texts[other].size || strcmp(texts[other].data, texts[point].data) != 0)
                continue;
            const char *name = point_path((enum point)other, inside ? 0 : -1, path);
            const char *tail = inside ? name + strcspn(name, "0123456789") + 1 : name;
            tail += *tail == '.';
            buffer_format(out, "%s%s", and, *tail ? tail : "the output");
            and = ", ";
            if (other != point)
                buffer_free(&texts[other]);
        }
        if (point_rows[point].place == PLACE_IN_LAYER)
            buffer_format(out, " of %s", texts[point].data);
        semicolon = "; ";
        buffer_free(&texts[point]);
    }
    buffer_text(out, "; nothing else that was compared");
}

/* Tensors of gold that were not compared (the engine has no probe there, or a dump lacks them): told, never passed over
 * in silence. */
static size_t not_compared(const struct layers *layers, enum mode mode)
{
    size_t compared = 0;
    for (size_t i = 0; i < golden_case_count(layers->golden); i++)
        for (size_t index = 0; index < layers->places; index++)
            compared += layers_cell(layers, mode, i, index)->comparison.count > 0;
    return golden_tensor_count(layers->golden) - compared;
}

static void summary_message(const struct layers *layers, struct finding *finding, enum mode mode,
                            const struct survey *survey)
{
    char path[POINT_PATH];
    if (!survey->bad) {
        size_t left = not_compared(layers, mode), length = 0;
        char rest[160] = "";
        if (survey->fallback)
            length =
                (size_t)snprintf(rest, sizeof rest, "; %zu judged by a fallback limit, for gold records no noise there",
                                 survey->fallback);
        if (left)
            snprintf(rest + length, sizeof rest - length, "; %zu tensor%s of gold not compared", left,
                     left > 1 ? "s" : "");
        finding_message(finding,
                        "All %zu places agree with gold %s; the largest error is %.3g (relative L2), the worst reaches "
                        "%.2g of its limit (%s)%s.",
                        survey->compared, mode == MODE_PROPAGATED ? "end to end" : "when each is fed with golden input",
                        finding->measured, survey->ratio,
                        point_path(survey->ratio_place.point, survey->ratio_place.layer, path), rest);
        return;
    }
    if (mode == MODE_PROPAGATED) {
        point_path(survey->first_bad.point, survey->first_bad.layer, path);
        bool deeper = survey->first_bad.point == POINT_FINAL_NORM && golden_is_deeper(layers->golden);
        finding_message(finding, "The computation differs from gold from %s on%s: %zu of %zu activations %s.", path,
                        point_rows[survey->first_bad.point].place == PLACE_BEFORE_LAYERS ? ", before the first layer"
                        : deeper ? ", after layers of gold's that the subject does not have"
                                 : "",
                        survey->bad, survey->compared,
                        survey->bad == 1 ? "is beyond its limit" : "are beyond their limits");
        return;
    }
    struct buffer names = {0};
    if (survey->bad > NAMED_MAX)
        bad_kinds(layers, mode, &names);
    else
        bad_names(layers, mode, survey->bad, &names);
    finding_message(finding, "%zu of %zu modules %s to blame (good input, bad output): %s.", survey->bad,
                    survey->compared, survey->bad > 1 ? "are" : "is", names.data ? names.data : "");
    buffer_free(&names);
}

static bool report_mode(const struct layers *layers, enum mode mode, struct findings *findings, struct error *error)
{
    struct survey survey = layers_survey(layers, mode);
    struct finding *finding = findings_add(findings, mode_rows[mode].check);
    if (!finding)
        return error_memory(error, mode_rows[mode].check);
    if (!survey.compared)
        return finding_skip(finding, "%s holds no activations that could be compared.", golden_path(layers->golden));
    finding_at(layers, finding, &survey.worst);
    finding->verdict = survey.bad ? VERDICT_FAIL : VERDICT_PASS;
    if (survey.bad) {
        char path[POINT_PATH];
        finding_fact_text(finding, "first_bad_module", "%s",
                          point_path(survey.first_bad.point, survey.first_bad.layer, path));
        if (survey.first_bad.layer >= 0 || point_rows[survey.first_bad.point].place == PLACE_BEFORE_LAYERS)
            finding_fact(finding, "first_bad_layer", survey.first_bad.layer < 0 ? 0 : survey.first_bad.layer);
    }
    char path[POINT_PATH];
    finding_fact(finding, "worst_ratio", survey.ratio);
    finding_fact_text(finding, "worst_ratio_module", "%s",
                      point_path(survey.ratio_place.point, survey.ratio_place.layer, path));
    finding_fact(finding, "compared", (double)survey.compared);
    finding_fact(finding, "bad", (double)survey.bad);
    finding_fact(finding, "not_compared", (double)not_compared(layers, mode));
    finding_fact(finding, "fallback_limits", (double)survey.fallback);
    if (mode == MODE_PROPAGATED)
        finding_fact(finding, "routing_ties", (double)ties_forced(layers));
    summary_message(layers, finding, mode, &survey);
    if (survey.bad == 1 || (survey.bad && mode == MODE_PROPAGATED))
        finding_pattern(layers, mode, finding, &survey.first_bad);
    if (!series_layers(layers, mode, finding) || (mode == MODE_PROPAGATED && !ties_overlap(layers, finding)) ||
        !series_places(layers, mode, finding, survey.compared))
        return error_memory(error, mode_rows[mode].check);
    for (size_t index = 0; survey.bad && index < layers->places; index++) {
        struct place place = place_worst(layers, mode, index);
        if (!place.bad)
            continue;
        finding = findings_place(findings, mode_rows[mode].check, VERDICT_FAIL);
        if (!finding)
            return error_memory(error, mode_rows[mode].check);
        finding_at(layers, finding, &place);
        place_message(layers, mode, finding, &place);
        /* end to end, what follows the first is wrong by its inputs too */
        if (mode == MODE_ISOLATED || place.cell == survey.first_bad.cell)
            finding_pattern(layers, mode, finding, &place);
    }
    return true;
}

bool layers_report(const struct layers *layers, struct findings *findings, const char *not_isolated,
                   struct error *error)
{
    if (!report_mode(layers, MODE_PROPAGATED, findings, error))
        return false;
    if (!not_isolated)
        return report_mode(layers, MODE_ISOLATED, findings, error) && ties_report(layers, findings, error);
    return findings_skip(findings, mode_rows[MODE_ISOLATED].check, not_isolated, error) &&
           ties_report(layers, findings, error);
}

bool layers_report_isolated(const struct layers *layers, struct findings *findings, struct error *error)
{
    return report_mode(layers, MODE_ISOLATED, findings, error);
}
