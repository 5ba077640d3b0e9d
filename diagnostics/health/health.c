#include "health/health.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "health/health_experts.h"
#include "health/judge.h"

#define PLACES_MAX 256

struct health {
    const struct scan *scan;
    const struct ranks *ranks;
    const struct judging *judging;
    const struct anomaly *anomalies; /* [tensors] */
    struct findings *findings;
};

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

/* The tensor as its file spells it, and which part of it is meant where that holds all experts. */
static void put_tensor(struct buffer *out, const struct tensor *tensor)
{
    const char *part = strstr(tensor->name, ".experts.");
    bool fused = part && !strstr(tensor->disk_name, part); /* or another spelling of the same */
    buffer_format(out, "%s: tensor '%s'%s%s%s", tensor->file ? tensor->file : "an overlay", tensor->disk_name,
                  fused ? " (" : "", fused ? part + 1 : "", fused ? ")" : "");
}

static struct finding *add_place(struct findings *findings, const char *check, const struct examined *examined)
{
    struct finding *place = findings_add(findings, check);
    if (!place)
        return NULL;
    place->summary = false;
    place->verdict = VERDICT_FAIL;
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
    put_tensor(&text, examined->tensor);
    finding_message(place, "%s holds %zu value%s that %s NaN or infinite, the first at row %llu, column %llu.",
                    text.data ? text.data : "", (size_t)measure->nonfinite, plural((size_t)measure->nonfinite),
                    measure->nonfinite > 1 ? "are" : "is",
                    (unsigned long long)(measure->first_nonfinite / measure->columns),
                    (unsigned long long)(measure->first_nonfinite % measure->columns));
    buffer_free(&text);
    return true;
}

static bool report_finite(const struct health *health)
{
    const struct scan *scan = health->scan;
    struct findings *findings = health->findings;
    size_t tensors = 0, at = findings->count;
    if (!findings_add(findings, "weights.finite"))
        return false;
    for (size_t i = 0; i < scan->count; i++)
        if (scan->tensors[i].measure.nonfinite && tensors++ < PLACES_MAX && !place_finite(&scan->tensors[i], findings))
            return false;
    struct finding *finding = &findings->items[at];
    finding_measured(finding, (double)tensors, "tensors");
    finding_limit(finding, 0, "a weight is a finite number");
    finding_judge(finding);
    if (!tensors)
        finding_message(finding, "All values of %s%zu tensor%s are finite.", scan->count == 1 ? "" : "all ",
                        scan->count, plural(scan->count));
    else
        finding_message(finding, "%zu tensor%s NaN or infinities; the first: %s", tensors,
                        tensors > 1 ? "s hold" : " holds",
                        findings->items[at + 1].message ? findings->items[at + 1].message : "");
    return true;
}

/* --- anomalies, in words --- */

static const char *other_name(const struct health *health, const struct anomaly *anomaly)
{
    return anomaly->other == PAIR_NONE ? "" : health->scan->tensors[anomaly->other].tensor->name;
}

/* "about 128 times (2^7, or a lost scale of 127)" */
static void put_factor(struct buffer *out, double factor)
{
    static const double scales[] = {127, 255, 1.0 / 127, 1.0 / 255};
    double power = round(log2(factor));
    buffer_format(out, "%.3g times as large as its peers", factor);
    const char *joint = " (";
    if (fabs(log2(factor) - power) < 0.15 && fabs(power) > 0) {
        buffer_format(out, "%sas if times 2^%.0f", joint, power);
        joint = ", or ";
    }
    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++)
        if (fabs(log2(factor / scales[i])) < 0.15) {
            buffer_format(out, "%sa scale of %s%.0f that was lost or applied twice", joint, scales[i] < 1 ? "1/" : "",
                          scales[i] < 1 ? 1 / scales[i] : scales[i]);
            joint = ", or ";
        }
    if (*joint == ',')
        buffer_char(out, ')');
}

static void put_place(struct buffer *out, const struct examined *examined, uint64_t index)
{
    buffer_format(out, "row %llu, column %llu", (unsigned long long)(index / examined->measure.columns),
                  (unsigned long long)(index % examined->measure.columns));
}

static void put_run(struct buffer *out, const struct examined *examined, const struct anomaly *anomaly)
{
    buffer_format(out, " holds %llu times the value %g, one after the other, from ", (unsigned long long)anomaly->count,
                  anomaly->number);
    put_place(out, examined, anomaly->from);
    uint64_t width = examined->tensor->rows ? examined->tensor->bytes / examined->tensor->rows : 0;
    uint64_t bytes = anomaly->count * width / (examined->measure.columns ? examined->measure.columns : 1);
    buffer_format(out, " on: %llu bytes that were never written, or a hole in the file", (unsigned long long)bytes);
}

static void put_pairs(struct buffer *out, const struct health *health, const struct anomaly *anomaly)
{
    if (anomaly->count)
        buffer_format(out, ": of neurons %llu to %llu the rows do not fit", (unsigned long long)anomaly->from,
                      (unsigned long long)(anomaly->from + anomaly->count - 1));
    else
        buffer_text(out, ": its rows do not fit");
    buffer_format(out,
                  " '%s', with which they were trained: mean cos^2 times length is %.3g, 1 being what strangers have. "
                  "One of the two has its rows in another order, or is another layer's or expert's",
                  other_name(health, anomaly), anomaly->number);
}

static void put_anomaly(struct buffer *out, const struct health *health, const struct examined *examined,
                        const struct anomaly *anomaly)
{
    put_tensor(out, examined->tensor);
    switch (anomaly->row->kind) {
    case ANOMALY_SWAPPED:
        buffer_text(out, ": the bytes of every value are in reverse order; read the other way its values are like "
                         "those of its peers");
        break;
    case ANOMALY_MISREAD: {
        bool half = examined->tensor->dtype == DTYPE_F16;
        buffer_format(out, ": its bytes are %s that are read as %s; read so, its values are like those of its peers",
                      half ? "BF16" : "F16", half ? "F16" : "BF16");
        break;
    }
    case ANOMALY_ZEROS:
        buffer_text(out, " is all zero");
        break;
    case ANOMALY_CONSTANT:
        buffer_format(out, " is %g everywhere: %s", anomaly->number,
                      examined->tensor->rank == 1 && !(anomaly->number < 1) && !(anomaly->number > 1)
                          ? "what a loader puts for a gain that it did not find"
                          : "it was never loaded");
        break;
    case ANOMALY_RUN:
        put_run(out, examined, anomaly);
        break;
    case ANOMALY_COPY:
        buffer_format(out, " holds the very values of '%s'", other_name(health, anomaly));
        break;
    case ANOMALY_PEAK:
        buffer_format(out, " holds the value %g at ", anomaly->number);
        put_place(out, examined, anomaly->from);
        buffer_text(out, ", thousands of times beyond all others: a damaged exponent");
        break;
    case ANOMALY_INITIALISED:
        buffer_format(out,
                      ": Gaussian values of deviation %.3g without the structure of its peers: what a framework "
                      "initialises with, and nothing was loaded over it",
                      anomaly->number);
        break;
    case ANOMALY_TRANSPOSED:
        buffer_text(out, " is transposed: turned, its rows and columns are like those of its peers");
        break;
    case ANOMALY_SHUFFLED:
        buffer_text(out, ": its rows and columns differ no more than if its values were shuffled, and those of all its "
                         "peers do");
        break;
    case ANOMALY_MAGNITUDE:
        buffer_text(out, ": its values are ");
        if (anomaly->alone)
            buffer_format(out, "%.3g on the average, beyond any weight that is known", anomaly->number);
        else
            put_factor(out, anomaly->number);
        break;
    case ANOMALY_GAIN:
        buffer_text(out, ": this gain does not fit the matrices that read through it, as those of other layers do: "
                         "its values are in another order, or another layer's");
        break;
    case ANOMALY_PAIRS:
        put_pairs(out, health, anomaly);
        break;
    }
    buffer_char(out, '.');
}

/* One check: how it is told when all is well, and why there is a limit. */
static const struct check_row {
    const char *check, *good, *cause;
} check_rows[] = {
    {"weights.constant", "No tensor is constant where its peers are not, and no page of one is.",
     "trained values differ from each other; a run of equal ones as long as this is no accident"},
    {"weights.bytes", "The values of all tensors are of the size that their bytes are read for.",
     "read rightly, the logarithms of weights scatter by about 1.6 bits, and read wrongly by 0.3 or by more than 10"},
    {"weights.identical", "No two tensors hold the same values.", "no two tensors are trained to the same values"},
    {"weights.initialised", "No tensor holds what a framework initialises with where its peers are trained.",
     "Gaussian values without structure are not what training leaves"},
    {"weights.magnitude", "No tensor is larger or smaller than its peers by more than they differ among themselves.",
     "eight times the peers' spread, and a factor of 1.9 at least (through a norm: 2.8)"},
    {"weights.structure", "Rows and columns of all tensors are structured as those of their peers.",
     "a tensor has lost what all its peers have when it is within 3.5 deviations of what chance gives"},
    {"weights.pairs", "Matrices that work on the same neurons fit each other.",
     "a tensor has lost what all its peers have when it is within 3.5 deviations of what chance gives"},
};

/* Heads that are of no use have nothing in common with their partner either, and a value beyond all that is known may
 * be a model that is not known: a person must look. */
static enum verdict place_verdict(const struct examined *examined, const struct anomaly *anomaly)
{
    bool unsure = anomaly->alone ||
                  (anomaly->row->kind == ANOMALY_PAIRS && weight_rows[examined->weight].module == MODULE_ATTENTION);
    return unsure ? VERDICT_WARN : VERDICT_FAIL;
}

static bool place_anomaly(const struct health *health, size_t tensor, const char *cause)
{
    const struct examined *examined = &health->scan->tensors[tensor];
    const struct anomaly *anomaly = &health->anomalies[tensor];
    struct finding *place = add_place(health->findings, anomaly->row->check, examined);
    struct buffer text = {0};
    if (!place)
        return false;
    place->verdict = place_verdict(examined, anomaly);
    finding_fact_text(place, "anomaly", "%s", anomaly->row->what);
    if (isfinite(anomaly->number) && anomaly->number != 0)
        finding_measured(place, anomaly->number, NULL);
    (void)cause;
    put_anomaly(&text, health, examined, anomaly);
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

static bool add_claims(struct finding *finding, const struct claim *claims, size_t count)
{
    bool factors = strcmp(finding->check, "weights.magnitude") == 0;
    struct series *series =
        finding_series(finding, "what-can-be-told", "Of which weights it can be told", "weight", "", count);
    double *tensors = series ? series_curve(series, "tensors") : NULL;
    double *judged = tensors ? series_curve(series, "judged by their peers") : NULL;
    double *least = judged && factors ? series_curve(series, "seen from a factor of, at best") : NULL;
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
        size_t reader = row->tells && row->through == examined->weight
                            ? scan_sibling(ranks->scan, examined, (enum weight)weight)
                            : PAIR_NONE;
        if (reader != PAIR_NONE)
            return magnitude_limit(ranks, reader, FEATURE_EFFECTIVE);
    }
    return NAN;
}

static bool can_tell(const struct ranks *ranks, size_t tensor, const char *check, double *factor)
{
    size_t lost;
    *factor =
        fmin(fmin(magnitude_limit(ranks, tensor, FEATURE_MAGNITUDE), magnitude_limit(ranks, tensor, FEATURE_EFFECTIVE)),
             reader_limit(ranks, tensor));
    if (strcmp(check, "weights.magnitude") == 0)
        return isfinite(*factor);
    if (strcmp(check, "weights.pairs") == 0)
        return feature_claims(ranks, tensor, FEATURE_PAIRS);
    return structure_claims(ranks, tensor, &lost) > 0;
}

static bool report_claims(const struct health *health, size_t at)
{
    struct claim claims[WEIGHT_COUNT] = {0};
    size_t count = 0;
    const char *check = health->findings->items[at].check;
    for (size_t i = 0; i < health->scan->count; i++) {
        enum weight weight = health->scan->tensors[i].weight;
        double factor;
        if (weight == WEIGHT_COUNT)
            continue;
        struct claim *claim = &claims[weight];
        claim->tensors++;
        if (!can_tell(health->ranks, i, check, &factor))
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
    return !count || add_claims(&health->findings->items[at], claims, count);
}

static bool is_by_peers(const char *check)
{
    return strcmp(check, "weights.magnitude") == 0 || strcmp(check, "weights.structure") == 0 ||
           strcmp(check, "weights.pairs") == 0;
}

static bool report_check(const struct health *health, const struct check_row *row)
{
    struct findings *findings = health->findings;
    size_t tensors = 0, failed = 0, at = findings->count, first = SIZE_MAX;
    if (!findings_add(findings, row->check))
        return false;
    for (size_t i = 0; i < health->scan->count; i++) {
        const struct anomaly *anomaly = &health->anomalies[i];
        if (!anomaly->row || strcmp(anomaly->row->check, row->check) != 0)
            continue;
        bool fails = place_verdict(&health->scan->tensors[i], anomaly) == VERDICT_FAIL;
        if (tensors++ < PLACES_MAX && !place_anomaly(health, i, row->cause))
            return false;
        if (first == SIZE_MAX || (fails && !failed))
            first = findings->count - 1;
        failed += fails;
    }
    struct finding *finding = &findings->items[at];
    finding_measured(finding, (double)tensors, "tensors");
    finding_limit(finding, 0, row->cause);
    finding_judge(finding);
    if (tensors && !failed)
        finding->verdict = VERDICT_WARN;
    if (tensors == 1)
        finding_message(finding, "%s", findings->items[first].message ? findings->items[first].message : "");
    else if (tensors)
        finding_message(finding, "%zu tensors; the first: %s", tensors,
                        findings->items[first].message ? findings->items[first].message : "");
    else
        finding_message(finding, "%s", row->good);
    if (strcmp(row->check, "weights.constant") == 0 && health->judging->constant_gains && !failed) {
        finding->verdict = VERDICT_WARN;
        finding_message(finding, "Most gains of norms are constant: the model was never trained, or none was loaded.");
    }
    if (strcmp(row->check, "weights.identical") == 0 && health->judging->copies)
        finding_fact(finding, "copies_by_design", (double)health->judging->copies);
    return !is_by_peers(row->check) || report_claims(health, at);
}

/* --- experts --- */

static bool place_expert(struct findings *findings, int layer, int expert, int row)
{
    struct finding *place = findings_add(findings, "weights.router");
    if (!place)
        return false;
    place->summary = false;
    place->verdict = VERDICT_FAIL;
    place->where.layer = layer;
    place->where.expert = expert;
    finding_message(
        place,
        "Layer %d: expert %d looks at the inputs that router row %d asks for: the experts or the rows are in "
        "another order.",
        layer, expert, row);
    return true;
}

static bool report_layers(const struct health *health, size_t at, const double *told, const double *own)
{
    size_t layers = (size_t)health->scan->config->layers;
    struct series *series = finding_series(&health->findings->items[at], "experts-at-their-rows",
                                           "Experts that are told by what they look at", "layer", "experts", layers);
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
        finding_limit(finding, 0, "training ties an expert to its row; those that can be told must be at their own");
        finding_judge(finding);
        finding_fact(finding, "layers_judged", (double)judged);
        if (wrong)
            finding_message(finding, "%zu experts are at rows of the router that are others'; the first: %s", wrong,
                            findings->items[at + 1].message ? findings->items[at + 1].message : "");
        else if (judged)
            finding_message(finding,
                            "In the %zu of %zu layers where experts can be told by what they look at, none is at "
                            "another's row of the router.",
                            judged, layers);
        else
            finding_message(finding,
                            "In no layer can experts be told by what they look at: they are hardly tied to the "
                            "rows of the router.");
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
    for (size_t i = 0; good && i < sizeof check_rows / sizeof *check_rows; i++)
        good = report_check(&health, &check_rows[i]) || error_memory(error, "weights");
    good = good && (!scan->config->experts || report_router(&health, error));
    judging_free(&judging);
    ranks_free(&ranks);
    free(anomalies);
    return good;
}
