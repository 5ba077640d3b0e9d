#include "health/health.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wording.h"
#include "health/health_experts.h"
#include "health/judge.h"
#include "health/judge_words.h"
#include "health/zeros.h"
#include "model/probe.h"

struct health {
    const struct scan *scan;
    const struct ranks *ranks;
    const struct judging *judging;
    const struct anomaly *anomalies; /* [tensors] */
    struct findings *findings;
};

static struct finding *add_place(struct findings *findings, const char *check, const struct examined *examined)
{
    struct finding *place = findings_place(findings, check, VERDICT_FAIL);
    if (!place)
        return NULL;
    where_set(&place->where.tensor, examined->tensor->name);
    if (examined->tensor->file)
        where_set(&place->where.file, examined->tensor->file);
    place->where.layer = examined->layer;
    place->where.expert = examined->expert;
    return place;
}

/* --- values that are none --- */

static bool place_finite(const struct examined *examined, struct findings *findings)
{
    const struct measure *measure = &examined->measure;
    struct finding *place = add_place(findings, "weights.finite", examined);
    struct buffer text = {0};
    if (!place)
        return false;
    finding_measured(place, (double)measure->nonfinite, "values");
    finding_limit(place, 0, "a weight is a finite number");
    finding_fact_text(place, "anomaly", "values that are NaN or infinite");
    finding_fact_text(place, "fault", "nan:%s", examined->tensor->name);
    tensor_text(&text, examined->tensor);
    finding_message(place, "%s holds %zu value%s that %s NaN or infinite, the first at row %llu, column %llu.",
                    text.data ? text.data : "", (size_t)measure->nonfinite, text_plural((size_t)measure->nonfinite),
                    measure->nonfinite > 1 ? "are" : "is",
                    (unsigned long long)(measure->first_nonfinite / measure->columns),
                    (unsigned long long)(measure->first_nonfinite % measure->columns));
    buffer_free(&text);
    return true;
}

/* The first tensor whose values cannot be read, and how many there are; NULL: none. Those that the original ignores do
 * not count, nor do those that the inventory fails for it. */
static const struct tensor *first_unread(const struct scan *scan, size_t *count)
{
    const struct tensor *first = NULL;
    *count = 0;
    for (size_t i = 0; i < scan->count && !scan->config->family; i++) {
        const struct tensor *tensor = scan->tensors[i].tensor;
        bool unread = !scan->tensors[i].read && tensor->bytes && !tensor_is_ignored(tensor);
        first = first || !unread ? first : tensor;
        *count += unread;
    }
    return first;
}

static bool report_finite(const struct health *health)
{
    const struct scan *scan = health->scan;
    struct findings *findings = health->findings;
    size_t tensors = 0, skipped, at = findings->count;
    if (!findings_add(findings, "weights.finite"))
        return false;
    for (size_t i = 0; i < scan->count; i++)
        if (scan->tensors[i].measure.nonfinite && tensors++ < PLACES_MAX && !place_finite(&scan->tensors[i], findings))
            return false;
    struct finding *finding = &findings->items[at];
    finding_measured(finding, (double)tensors, "tensors");
    finding_limit(finding, 0, "a weight is a finite number");
    finding_judge(finding);
    const struct tensor *unread = first_unread(scan, &skipped);
    if (!tensors && unread) {
        finding->verdict = VERDICT_WARN;
        finding_message(finding,
                        "The values of %zu of %zu tensors cannot be read: '%s' for one has dtype %s. All others are "
                        "finite.",
                        skipped, scan->count, unread->name, dtype_name(unread->dtype));
    } else if (!tensors)
        finding_message(finding, "All values of %s%zu tensor%s are finite.", scan->count == 1 ? "" : "all ",
                        scan->count, text_plural(scan->count));
    else
        finding_message(finding, "%zu tensor%s NaN or infinities; the first: %s", tensors,
                        tensors > 1 ? "s hold" : " holds",
                        findings->items[at + 1].message ? findings->items[at + 1].message : "");
    return true;
}

/* --- anomalies --- */

static enum verdict anomaly_verdict(const struct anomaly *anomaly)
{
    return anomaly->unsure ? VERDICT_WARN : VERDICT_FAIL;
}

/* As --fault takes it. */
static void put_fault(const struct health *health, const struct examined *examined, const struct anomaly *anomaly,
                      struct finding *place)
{
    const char *name = examined->tensor->name, *fault = anomaly->row->fault;
    if (anomaly->row->takes == TAKES_OTHER)
        finding_fact_text(place, "fault", "%s:%s,%s", fault, name, anomaly_other(health->judging, anomaly));
    else if (anomaly->row->takes == TAKES_NUMBER)
        finding_fact_text(place, "fault", "%s:%s,%.4g", fault, name, anomaly->number);
    else if (*fault)
        finding_fact_text(place, "fault", "%s:%s", fault, name);
}

static bool place_anomaly(const struct health *health, size_t tensor, const char *check)
{
    const struct examined *examined = &health->scan->tensors[tensor];
    const struct anomaly *anomaly = &health->anomalies[tensor];
    struct finding *place = add_place(health->findings, check, examined);
    struct buffer text = {0};
    if (!place)
        return false;
    place->verdict = anomaly_verdict(anomaly);
    finding_fact_text(place, "anomaly", "%s", anomaly->row->what);
    put_fault(health, examined, anomaly, place);
    if (isfinite(anomaly->number) && anomaly->number != 0)
        finding_measured(place, anomaly->number, NULL);
    tensor_text(&text, examined->tensor);
    anomaly->row->say(&text, health->judging, tensor, anomaly);
    buffer_char(&text, '.');
    finding_message(place, "%s", text.data ? text.data : "");
    buffer_free(&text);
    return true;
}

/* --- of which weights what can be told --- */

struct claim {
    size_t tensors, judged;
    double least, most; /* factors from which on it is seen, as log2: of the best tensor and of the worst */
    char label[96];
};

static bool add_claims(struct finding *finding, const struct claim *claims, size_t count, bool factors)
{
    struct series *series =
        finding_series(finding, "what-can-be-told", "Kinds of weights that this check can judge", "weight", "", count);
    double *tensors = series ? series_curve(series, "tensors") : NULL;
    double *judged = tensors ? series_curve(series, "tensors that can be compared with their peers") : NULL;
    double *least = judged && factors ? series_curve(series, "smallest factor that is seen, at best") : NULL;
    double *most = least ? series_curve(series, "at worst") : NULL;
    if (!judged || (factors && !most))
        return false;
    series->kind = SERIES_TABLE;
    for (size_t i = 0; i < count; i++) {
        tensors[i] = (double)claims[i].tensors;
        judged[i] = (double)claims[i].judged;
        if (most && claims[i].judged) {
            least[i] = exp2(claims[i].least);
            most[i] = exp2(claims[i].most);
        }
        if (!series_label(series, i, claims[i].label))
            return false;
    }
    return true;
}

/* A gain shows in what reads through it as well. */
static double reader_limit(const struct ranks *ranks, size_t tensor)
{
    const struct examined *examined = &ranks->scan->tensors[tensor];
    for (int weight = 0; weight < WEIGHT_COUNT; weight++) {
        const struct weight_row *row = &weight_rows[weight];
        size_t reader =
            row->tells && weight_through(ranks->scan->config, (enum weight)weight, examined->layer) == examined->weight
                ? scan_sibling(ranks->scan, examined, (enum weight)weight)
                : PAIR_NONE;
        if (reader != PAIR_NONE)
            return magnitude_limit(ranks, reader, FEATURE_EFFECTIVE);
    }
    return NAN;
}

/* Can the tensor be judged by its peers? `*factor`: as log2, from which on; NaN where that says nothing. */
typedef bool claims_judge(const struct ranks *ranks, size_t tensor, double *factor);

static bool claims_magnitude(const struct ranks *ranks, size_t tensor, double *factor)
{
    *factor =
        fmin(fmin(magnitude_limit(ranks, tensor, FEATURE_MAGNITUDE), magnitude_limit(ranks, tensor, FEATURE_EFFECTIVE)),
             reader_limit(ranks, tensor));
    return isfinite(*factor);
}

static bool claims_structure(const struct ranks *ranks, size_t tensor, double *factor)
{
    size_t lost;
    *factor = NAN;
    return structure_claims(ranks, tensor, &lost) > 0;
}

static bool claims_pairs(const struct ranks *ranks, size_t tensor, double *factor)
{
    *factor = NAN;
    return feature_claims(ranks, tensor, FEATURE_PAIRS);
}

static bool report_claims(const struct health *health, size_t at, claims_judge *judge, bool factors)
{
    struct claim claims[WEIGHT_COUNT] = {0};
    size_t count = 0;
    for (size_t i = 0; i < health->scan->count; i++) {
        enum weight weight = health->scan->tensors[i].weight;
        double factor;
        if (weight == WEIGHT_COUNT)
            continue;
        struct claim *claim = &claims[weight];
        claim->tensors++;
        if (!judge(health->ranks, i, &factor))
            continue;
        claim->least = claim->judged++ ? fmin(claim->least, factor) : factor;
        claim->most = fmax(claim->most, factor);
    }
    for (int weight = 0; weight < WEIGHT_COUNT; weight++) {
        if (!claims[weight].tensors)
            continue;
        claims[count] = claims[weight]; /* of the weights that are there, in their order */
        snprintf(claims[count].label, sizeof claims->label, "%s", weight_class((enum weight)weight));
        count++;
    }
    return !count || add_claims(&health->findings->items[at], claims, count, factors);
}

/* --- checks --- */

/* What is to be said beside the anomalies, of which `failed` are faults. */
typedef void notes_of(const struct judging *judging, size_t failed, struct finding *finding);

static void notes_constant(const struct judging *judging, size_t failed, struct finding *finding)
{
    if (!judging->constant_gains || failed)
        return;
    finding->verdict = VERDICT_WARN;
    finding_message(finding, "Most gains of norms are constant: the model was never trained, or none was loaded.");
}

static void notes_identical(const struct judging *judging, size_t failed, struct finding *finding)
{
    (void)failed;
    if (judging->copies)
        finding_fact(finding, "copies_by_design", (double)judging->copies);
}

static const struct check_row {
    const char *check, *good, *cause;
    claims_judge *claims; /* NULL */
    bool factors;
    notes_of *notes; /* NULL */
} check_rows[CHECK_COUNT] = {
#define CLAIMS_NEVER(id) NULL
#define CLAIMS_BY_PEERS(id) claims_##id
#define CLAIMS_BY_FACTOR(id) claims_##id
#define FACTORS_NEVER false
#define FACTORS_BY_PEERS false
#define FACTORS_BY_FACTOR true
#define NOTES_PLAIN(id) NULL
#define NOTES_NOTED(id) notes_##id
#define AS_ROW(ID, id, name, told, noted, good_, cause_)                                                               \
    [CHECK_##ID] = {.check = name,                                                                                     \
                    .good = good_,                                                                                     \
                    .cause = cause_,                                                                                   \
                    .claims = CLAIMS_##told(id),                                                                       \
                    .factors = FACTORS_##told,                                                                         \
                    .notes = NOTES_##noted(id)},
    CHECK_ROWS(AS_ROW)
#undef AS_ROW
};

/* Those of one check: how many, and how many are faults; `*first` is the place of the first fault, or of the first. */
static bool place_anomalies(const struct health *health, enum health_check check, size_t *tensors, size_t *failed,
                            size_t *first)
{
    *tensors = *failed = 0;
    *first = SIZE_MAX;
    for (size_t i = 0; i < health->scan->count; i++) {
        const struct anomaly *anomaly = &health->anomalies[i];
        if (!anomaly->row || anomaly->row->check != check)
            continue;
        bool fails = anomaly_verdict(anomaly) == VERDICT_FAIL;
        if ((*tensors)++ < PLACES_MAX && !place_anomaly(health, i, check_rows[check].check))
            return false;
        if (*first == SIZE_MAX || (fails && !*failed))
            *first = health->findings->count - 1;
        *failed += fails;
    }
    return true;
}

static bool report_check(const struct health *health, enum health_check check)
{
    const struct check_row *row = &check_rows[check];
    struct findings *findings = health->findings;
    if (check == CHECK_PAIRS && !health->scan->config->family)
        return finding_skip(findings_add(findings, row->check),
                            "For models of this family it is not known which matrices work on the same neurons.");
    size_t tensors, failed, at = findings->count, first;
    if (!findings_add(findings, row->check) || !place_anomalies(health, check, &tensors, &failed, &first))
        return false;
    struct finding *finding = &findings->items[at];
    const char *told = tensors && findings->items[first].message ? findings->items[first].message : "";
    finding_measured(finding, (double)tensors, "tensors");
    finding_limit(finding, 0, row->cause);
    finding_judge(finding);
    if (tensors && !failed)
        finding->verdict = VERDICT_WARN;
    if (tensors > 1)
        finding_message(finding, "%zu tensors; the first: %s", tensors, told);
    else
        finding_message(finding, "%s", tensors ? told : row->good);
    if (row->notes)
        row->notes(health->judging, failed, finding);
    return !row->claims || report_claims(health, at, row->claims, row->factors);
}

/* --- experts --- */

static bool place_expert(struct findings *findings, int layer, int expert, int row)
{
    struct finding *place = findings_place(findings, "weights.router", VERDICT_FAIL);
    if (!place)
        return false;
    place->where.layer = layer;
    place->where.expert = expert;
    finding_message(place,
                    "Layer %d: expert %d responds to the inputs for which router row %d asks: the experts or the rows "
                    "are in another order.",
                    layer, expert, row);
    return true;
}

static bool report_layers(const struct health *health, size_t at, const double *told, const double *own)
{
    size_t layers = (size_t)health->scan->config->layers;
    struct series *series = finding_series(&health->findings->items[at], "experts-at-their-rows",
                                           "Experts that can be recognised by the inputs to which they respond",
                                           "layer", "experts", layers);
    double *all = series ? series_curve(series, "told") : NULL,
           *right = all ? series_curve(series, "at their row") : NULL;
    if (!right)
        return false;
    memcpy(all, told, layers * sizeof *told);
    memcpy(right, own, layers * sizeof *own);
    return true;
}

static bool report_router(const struct health *health, struct error *error)
{
    struct findings *findings = health->findings;
    size_t at = findings->count, wrong = 0, judged = 0, layers = (size_t)health->scan->config->layers;
    double *told = calloc(2 * layers + 1, sizeof *told), *own = told ? told + layers : NULL;
    bool good = (told && findings_add(findings, "weights.router")) || error_memory(error, "weights");
    for (size_t layer = 0; good && layer < layers; layer++) {
        struct layer_match match;
        bool claims;
        good = experts_match(health->scan, (int)layer, &match, &claims, error);
        told[layer] = good ? match.told : 0;
        own[layer] = good ? match.own : 0;
        judged += good && claims;
        for (int expert = 0; good && expert < health->scan->config->experts; expert++)
            if (match.row[expert] != EXPERT_NONE && wrong++ < PLACES_MAX)
                good = place_expert(findings, (int)layer, expert, match.row[expert]) || error_memory(error, "weights");
        free(match.row);
    }
    if (good) {
        struct finding *finding = &findings->items[at];
        finding_measured(finding, (double)wrong, "experts");
        finding_limit(
            finding, 0,
            "training ties an expert to its row of the router; experts that can be recognised must be at their own");
        finding_judge(finding);
        finding_fact(finding, "layers_judged", (double)judged);
        if (wrong)
            finding_message(
                finding, "%zu expert%s at a row of the router that belongs to another expert; the first: %s", wrong,
                wrong == 1 ? " is" : "s are", findings->items[at + 1].message ? findings->items[at + 1].message : "");
        else if (judged)
            finding_message(finding,
                            "In the %zu of %zu layers where experts can be recognised by the inputs to which they "
                            "respond, each is at its own row of the router.",
                            judged, layers);
        else
            finding_message(finding, "In no layer can experts be recognised by the inputs to which they respond: they "
                                     "are hardly tied to the rows of the router.");
        if (!wrong && !judged)
            finding->verdict = VERDICT_SKIP;
        good = report_layers(health, at, told, own) || error_memory(error, "weights");
    }
    free(told);
    return good;
}

bool health_report(const struct scan *scan, struct findings *findings, struct error *error)
{
    struct ranks ranks = {0};
    struct judging judging = {0};
    struct anomaly *anomalies = calloc(scan->count + 1, sizeof *anomalies);
    struct health health = {
        .scan = scan, .ranks = &ranks, .judging = &judging, .anomalies = anomalies, .findings = findings};
    bool good = (anomalies || error_memory(error, "weights")) && ranks_new(scan, &ranks, error) &&
                judging_new(&ranks, &judging, error) && judge_all(&judging, anomalies, error);
    good = good && (report_finite(&health) || error_memory(error, "weights"));
    for (int check = 0; good && check < CHECK_COUNT; check++)
        good = report_check(&health, (enum health_check)check) || error_memory(error, "weights");
    good = good && (!scan->config->experts || !scan->config->family || report_router(&health, error));
    judging_free(&judging);
    ranks_free(&ranks);
    free(anomalies);
    return good;
}
