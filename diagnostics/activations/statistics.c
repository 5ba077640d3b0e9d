#include "activations/statistics.h"

#include <math.h>
#include <stdlib.h>

#include "activations/rounding.h"

#define CHECK "layers.statistics"

/* What the subject has of one tensor of gold. */
struct tally {
    size_t count;
    double sum, square; /* of the distance to gold's mean */
    double least, most;
    int layer;
};

struct statistics {
    const struct golden *golden;
    const struct limits *limits;
    struct tally *tallies; /* [golden_tensor_count] */
};

struct statistics *statistics_new(const struct golden *golden, const struct limits *limits, struct error *error)
{
    struct statistics *statistics = calloc(1, sizeof *statistics);
    if (statistics)
        statistics->tallies = calloc(golden_tensor_count(golden) + 1, sizeof *statistics->tallies);
    if (!statistics || !statistics->tallies) {
        free(statistics);
        error_memory(error, CHECK);
        return NULL;
    }
    statistics->golden = golden;
    statistics->limits = limits;
    return statistics;
}

void statistics_free(struct statistics *statistics)
{
    if (statistics)
        free(statistics->tallies);
    free(statistics);
}

void statistics_see(struct statistics *statistics, size_t case_index, const struct part *part)
{
    const struct golden_tensor *tensor = golden_find(statistics->golden, case_index, part->path);
    if (!tensor || tensor->kind != GOLDEN_STATISTICS || tensor->width != part->width || part->log_probabilities)
        return;
    struct tally *tally = &statistics->tallies[tensor - golden_tensor_at(statistics->golden, 0)];
    double mean = golden_statistics(statistics->golden, tensor)->mean.value;
    if (!tally->count)
        *tally = (struct tally){.least = INFINITY, .most = -INFINITY, .layer = part->layer};
    for (size_t i = 0; i < part->rows * part->width; i++) {
        double value = (double)part->values[i];
        tally->sum += value - mean;
        tally->square += (value - mean) * (value - mean);
        tally->least = fmin(tally->least, value);
        tally->most = fmax(tally->most, value);
    }
    tally->count += part->rows * part->width;
}

static bool is_whole(const struct statistics *statistics, size_t index)
{
    const struct golden_tensor *tensor = golden_tensor_at(statistics->golden, index);
    return tensor->kind == GOLDEN_STATISTICS && statistics->tallies[index].count == tensor->rows * tensor->width;
}

void statistics_compared(const struct statistics *statistics, bool *marks)
{
    for (size_t i = 0; i < golden_tensor_count(statistics->golden); i++)
        if (is_whole(statistics, i))
            marks[i] = true;
}

enum statistic { MEAN, DEVIATION, LEAST, MOST, STATISTIC_COUNT };
static const char *const statistic_names[STATISTIC_COUNT] = {"mean", "standard deviation", "smallest value",
                                                             "largest value"};

/* The statistic of a tensor that misses its limit most. */
struct miss {
    enum statistic statistic;
    double ratio; /* to the limit */
    double mine, gold;
};

/* Values that are off by a share t of their root mean square move mean and deviation by no more than that; the extremes
 * are held to t of the largest of them. To each comes half of the last digit that was printed. */
static struct miss tensor_miss(const struct statistics *statistics, size_t index, double tolerance)
{
    const struct tally *tally = &statistics->tallies[index];
    const struct golden_statistics *gold =
        golden_statistics(statistics->golden, golden_tensor_at(statistics->golden, index));
    double count = (double)tally->count, off = tally->sum / count;
    double square = fmax(tally->square - count * off * off, 0);
    double rms = hypot(gold->mean.value, gold->deviation.value);
    double extreme = fmax(fabs(gold->least.value), fabs(gold->most.value));
    const struct {
        double mine;
        struct golden_number gold;
        double scale;
    } rows[STATISTIC_COUNT] = {{gold->mean.value + off, gold->mean, rms},
                               {sqrt(square / (count - 1)), gold->deviation, rms},
                               {tally->least, gold->least, extreme},
                               {tally->most, gold->most, extreme}};
    struct miss worst = {.ratio = -1};
    for (int i = 0; i < STATISTIC_COUNT; i++) {
        double ratio = fabs(rows[i].mine - rows[i].gold.value) / (tolerance * rows[i].scale + rows[i].gold.half);
        if (isnan(worst.ratio) || ratio <= worst.ratio)
            continue;
        worst = (struct miss){(enum statistic)i, ratio, rows[i].mine, rows[i].gold.value};
    }
    return worst;
}

static bool gold_finite(const struct statistics *statistics, size_t index, struct error *error)
{
    const struct golden_tensor *tensor = golden_tensor_at(statistics->golden, index);
    const struct golden_statistics *gold = golden_statistics(statistics->golden, tensor);
    return (isfinite(gold->mean.value) && isfinite(gold->deviation.value) && isfinite(gold->least.value) &&
            isfinite(gold->most.value)) ||
           error_set(error, "%s: a statistic of '%s/%s' is absent or not finite: such gold proves nothing",
                     golden_path(statistics->golden), golden_case_at(statistics->golden, tensor->case_index)->id,
                     tensor->path);
}

static void finding_miss(const struct statistics *statistics, struct finding *finding, size_t index,
                         const struct miss *miss, const char *cause)
{
    const struct golden_tensor *tensor = golden_tensor_at(statistics->golden, index);
    finding_measured(finding, miss->ratio, "limits");
    finding_limit(finding, 1, cause);
    finding->verdict = miss->ratio <= 1 ? VERDICT_PASS : VERDICT_FAIL;
    where_set(&finding->where.case_id, golden_case_at(statistics->golden, tensor->case_index)->id);
    where_set(&finding->where.module, tensor->path);
    finding->where.layer = statistics->tallies[index].layer;
}

struct survey {
    size_t compared, bad;
    size_t worst, first_bad; /* tensors */
    struct miss miss;
};

static bool report_place(const struct statistics *statistics, struct findings *findings, size_t index,
                         const struct miss *miss, const char *cause)
{
    struct finding *place = findings_place(findings, CHECK, VERDICT_FAIL);
    if (!place)
        return false;
    finding_miss(statistics, place, index, miss, cause);
    finding_message(place, "The %s of %s is %.6g, gold's %.6g: the difference is %.3g times what is allowed.",
                    statistic_names[miss->statistic], golden_tensor_at(statistics->golden, index)->path, miss->mine,
                    miss->gold, miss->ratio);
    return true;
}

static void report_summary(const struct statistics *statistics, struct finding *finding, const struct survey *survey,
                           const char *cause)
{
    const char *left = "only statistics were compared, not the values: this gold cannot prove that they are right";
    finding_miss(statistics, finding, survey->worst, &survey->miss, cause);
    finding_fact(finding, "compared", (double)survey->compared);
    if (!survey->bad) {
        finding_message(finding,
                        "Mean, standard deviation, smallest and largest value of %zu tensors agree with gold's end "
                        "to end; %s.",
                        survey->compared, left);
        return;
    }
    const char *first = golden_tensor_at(statistics->golden, survey->first_bad)->path;
    finding_fact_text(finding, "first_bad_module", "%s", first);
    finding_message(finding,
                    "Mean, standard deviation, smallest or largest value of %zu of %zu tensors differ from gold's, "
                    "first of %s; %s.",
                    survey->bad, survey->compared, first, left);
}

bool statistics_report(const struct statistics *statistics, struct findings *findings, struct error *error)
{
    struct survey survey = {.miss = {.ratio = -1}};
    const char *cause = NULL;
    struct accuracy accuracy = gold_accuracy(statistics->golden, NULL, false);
    double tolerance = limits_tolerance(statistics->limits, &accuracy, &cause);
    size_t at = findings->count;
    for (size_t i = 0; i < golden_tensor_count(statistics->golden); i++) {
        if (!is_whole(statistics, i))
            continue;
        if (!gold_finite(statistics, i, error))
            return false;
        if (!survey.compared++ && !findings_add(findings, CHECK))
            return error_memory(error, CHECK);
        struct miss miss = tensor_miss(statistics, i, tolerance);
        bool bad = !(miss.ratio <= 1);
        if (bad && !survey.bad++)
            survey.first_bad = i;
        if (bad && !report_place(statistics, findings, i, &miss, cause))
            return error_memory(error, CHECK);
        if (!isnan(survey.miss.ratio) && !(miss.ratio <= survey.miss.ratio)) {
            survey.miss = miss;
            survey.worst = i;
        }
    }
    if (survey.compared)
        report_summary(statistics, &findings->items[at], &survey, cause);
    return true;
}
