#include "activations/logits.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "activations/rounding.h"
#include "base/numbers.h"
#include "golden/logits_base.h"
#include "limits/comparator.h"
#include "math/distribution.h"

#define TOP 5

/* One case. */
struct answers {
    struct comparison comparison; /* nothing, where one side holds log-probabilities */
    double square;                /* sum of the squares of gold's logits, or of log-probabilities about their mean */
    double values;                /* of them */
    double resolution;            /* sum over positions: what log-probabilities in steps may be off by, in nats */
    double *kl;                   /* [tokens]; NaN: not seen */
    double tolerance;             /* relative L2 of the logits */
    const char *cause;
    size_t positions;
    size_t disagree;   /* another most likely token, and gold can tell the two apart */
    size_t near_ties;  /* another one, but gold cannot */
    size_t top_shared; /* tokens that both have among their TOP */
    int first_disagreement;
    double nll;               /* sum over predicted tokens */
    double more, more_square; /* nll of the subject - nll of gold, over `paired` tokens: sums of it and its square */
    size_t paired;
    size_t predicted;
};

struct logits {
    const struct golden *golden;
    const struct limits *limits;
    struct answers *answers;
    float *gold; /* one row */
    size_t width;
};

struct logits *logits_new(const struct golden *golden, const struct limits *limits, struct error *error)
{
    struct logits *logits = calloc(1, sizeof *logits);
    if (logits) {
        logits->golden = golden;
        logits->limits = limits;
        logits->answers = calloc(golden_case_count(golden), sizeof *logits->answers);
    }
    bool good = logits && logits->answers;
    for (size_t i = 0; good && i < golden_case_count(golden); i++) {
        size_t count = golden_case_at(golden, i)->count;
        struct answers *answers = &logits->answers[i];
        answers->first_disagreement = -1;
        answers->kl = malloc(count * sizeof *answers->kl);
        good = answers->kl;
        for (size_t token = 0; good && token < count; token++)
            answers->kl[token] = NAN;
    }
    if (good)
        return logits;
    logits_free(logits);
    error_memory(error, "logits");
    return NULL;
}

void logits_free(struct logits *logits)
{
    if (!logits)
        return;
    for (size_t i = 0; logits->answers && i < golden_case_count(logits->golden); i++)
        free(logits->answers[i].kl);
    free(logits->answers);
    free(logits->gold);
    free(logits);
}

/* The distribution over the next token at one position, on one side. */
struct side {
    const float *values; /* logits, or log-probabilities */
    bool log_probabilities;
    double lse; /* what makes log-probabilities of them: 0 when they are */
};

static struct side side_new(const float *values, bool log_probabilities, size_t count)
{
    return (struct side){values, log_probabilities, log_probabilities ? 0 : log_sum_exp(values, count)};
}

/* sum of p_gold * (log p_gold - log p_subject); infinite when the subject is not finite. Where gold holds
 * log-probabilities in steps, as llama-perplexity has it: over the tokens that they tell something of, and not
 * normalised again, so that it may be a little below zero. */
static double divergence(const struct side *subject, const struct side *gold, size_t count)
{
    double least = gold->log_probabilities ? LOGITS_BASE_LEAST : -INFINITY, sum = 0;
    for (size_t i = 0; i < count; i++) {
        double log_gold = (double)gold->values[i] - gold->lse, log_subject = (double)subject->values[i] - subject->lse;
        if (!(log_gold <= least))
            sum += exp(log_gold) * (log_gold - log_subject);
        else if (!isfinite(log_subject))
            return INFINITY;
    }
    if (!isfinite(sum))
        return INFINITY;
    return gold->log_probabilities ? sum : fmax(sum, 0);
}

/* Half a step of log-probabilities (65,535 of them span the row), and what float32 rounds off numbers as small as the
 * least of them. The divergence of a distribution from itself in steps is the mean of such errors, so no more than
 * one. */
static double side_resolution(const struct side *side, size_t count)
{
    double most = -INFINITY, least = INFINITY;
    if (!side->log_probabilities)
        return 0;
    for (size_t i = 0; i < count; i++) {
        most = fmax(most, (double)side->values[i]);
        least = fmin(least, (double)side->values[i]);
    }
    return (most - least) / 65535 / 2 + fabs(least) * 0x1p-23;
}

/* Sum of squares: of logits, or of log-probabilities about their mean, for their zero means nothing. */
static double side_square(const struct side *side, size_t count)
{
    double mean = 0, square = 0;
    for (size_t i = 0; side->log_probabilities && i < count; i++)
        mean += (double)side->values[i] / (double)count;
    for (size_t i = 0; i < count; i++)
        square += ((double)side->values[i] - mean) * ((double)side->values[i] - mean);
    return square;
}

double logits_apart(double tolerance, double square, size_t count)
{
    return 4 * tolerance * sqrt(square / (double)count);
}

static size_t top_shared(const float *subject, const float *gold, size_t count)
{
    size_t a[TOP + 1], b[TOP + 1], shared = 0;
    size_t have = largest_indices(subject, count, TOP, a);
    largest_indices(gold, count, TOP, b);
    for (size_t i = 0; i < have; i++)
        for (size_t k = 0; k < have; k++)
            shared += a[i] == b[k];
    return shared;
}

/* `tolerance`: relative L2, of this row. */
static void compare_row(struct answers *answers, size_t token, double tolerance, const struct side *subject,
                        const struct side *gold, size_t count)
{
    double square = side_square(gold, count),
           resolution = side_resolution(gold, count) + side_resolution(subject, count);
    if (!gold->log_probabilities && !subject->log_probabilities)
        comparison_add(&answers->comparison, subject->values, gold->values, count);
    answers->square += square;
    answers->values += (double)count;
    answers->resolution += resolution;
    answers->kl[token] = divergence(subject, gold, count);
    answers->positions++;
    answers->top_shared += top_shared(subject->values, gold->values, count);
    size_t mine = largest_index(subject->values, count), best = largest_index(gold->values, count);
    if (mine == best && isfinite(subject->values[mine]))
        return;
    double apart = logits_apart(tolerance, square, count) + 2 * resolution;
    if (isfinite(subject->values[mine]) && (double)gold->values[best] - (double)gold->values[mine] <= apart) {
        answers->near_ties++;
        return;
    }
    if (!answers->disagree++)
        answers->first_disagreement = (int)token;
}

/* By how much more the subject is surprised by the token that follows. */
static void compare_surprise(struct answers *answers, int id, const struct side *subject, const struct side *gold)
{
    double more = (subject->lse - (double)subject->values[id]) - (gold->lse - (double)gold->values[id]);
    answers->more += more;
    answers->more_square += more * more;
    answers->paired++;
}

/* Gold's logits or log-probabilities of a case, as wide as the subject's; NULL: none. */
static const struct golden_tensor *gold_logits(const struct logits *logits, size_t case_index, const struct part *part)
{
    const struct golden_tensor *tensor = golden_find(logits->golden, case_index, part->path);
    return tensor && tensor->kind != GOLDEN_STATISTICS && tensor->width == part->width ? tensor : NULL;
}

static bool reserve_row(struct logits *logits, size_t width)
{
    if (width <= logits->width)
        return true;
    free(logits->gold);
    logits->gold = malloc(width * sizeof *logits->gold);
    logits->width = logits->gold ? width : 0;
    return logits->gold;
}

bool logits_see(struct logits *logits, size_t case_index, const struct part *part, struct error *error)
{
    if (part->point != POINT_HEAD)
        return true;
    const struct golden_case *golden_case = golden_case_at(logits->golden, case_index);
    const struct golden_tensor *tensor = gold_logits(logits, case_index, part);
    struct answers *answers = &logits->answers[case_index];
    if (tensor && !reserve_row(logits, part->width))
        return error_memory(error, "logits");
    struct accuracy accuracy = gold_accuracy(logits->golden, tensor, false);
    double whole = accuracy.rounding;
    answers->tolerance = limits_tolerance(logits->limits, &accuracy, &answers->cause);
    for (size_t row = 0; row < part->rows; row++) {
        struct side subject = side_new(part->values + row * part->width, part->log_probabilities, part->width);
        size_t token = part->first + row;
        if (token + 1 < golden_case->count) {
            answers->nll += subject.lse - (double)subject.values[golden_case->ids[token + 1]];
            answers->predicted++;
        }
        if (!tensor || token < tensor->first || token - tensor->first >= tensor->rows)
            continue;
        if (!golden_read_rows(logits->golden, tensor, token - tensor->first, 1, logits->gold, error))
            return false;
        struct side gold = side_new(logits->gold, tensor->kind == GOLDEN_LOG_PROBABILITIES, part->width);
        accuracy.rounding = fmax(whole, golden_row_rounding(logits->golden, tensor, token - tensor->first));
        double tolerance = limits_tolerance(logits->limits, &accuracy, NULL);
        compare_row(answers, token, tolerance, &subject, &gold, part->width);
        if (token + 1 < golden_case->count)
            compare_surprise(answers, golden_case->ids[token + 1], &subject, &gold);
    }
    return true;
}

void logits_compared(const struct logits *logits, bool *marks)
{
    for (size_t i = 0; i < golden_case_count(logits->golden); i++) {
        const struct golden_tensor *tensor = golden_find(logits->golden, i, "lm_head");
        if (tensor && logits->answers[i].positions == tensor->rows)
            marks[tensor - golden_tensor_at(logits->golden, 0)] = true;
    }
}

/* What the logits may be off by, in their own unit: tolerance x root mean square. */
static double answers_spread(const struct answers *answers)
{
    return answers->positions ? answers->tolerance * sqrt(answers->square / answers->values) : NAN;
}

static double percentile(const double *sorted, size_t count, double share)
{
    double at = share * (double)(count - 1);
    size_t low = (size_t)at;
    if (low + 1 >= count || isinf(sorted[low + 1]))
        return sorted[low + 1 < count && at > (double)low ? low + 1 : low];
    return sorted[low] + (at - (double)low) * (sorted[low + 1] - sorted[low]);
}

static bool kl_series(const struct logits *logits, struct finding *finding)
{
    size_t longest = 0, cases = golden_case_count(logits->golden);
    for (size_t i = 0; i < cases; i++)
        longest =
            golden_case_at(logits->golden, i)->count > longest ? golden_case_at(logits->golden, i)->count : longest;
    struct series *series = finding_series(finding, "kl-per-position", "KL divergence from gold at every position",
                                           "position", "nats", longest);
    if (!series)
        return false;
    series->log_y = true;
    for (size_t i = 0; i < cases && i < 12; i++) {
        double *values = series_curve(series, golden_case_at(logits->golden, i)->id);
        if (!values)
            return false;
        memcpy(values, logits->answers[i].kl, golden_case_at(logits->golden, i)->count * sizeof *values);
    }
    return true;
}

struct kl_summary {
    double sum, squares;
    double *values; /* of all positions, sorted */
    size_t count;
    double mean;
    double limit;
    double worst;
    size_t worst_case, worst_token;
    const char *cause; /* of the case that the limit owes most to */
    bool steps;        /* some are log-probabilities in steps */
};

static bool kl_summarise(const struct logits *logits, struct kl_summary *summary)
{
    size_t total = 0;
    double limits = 0, most = -1, sum = 0;
    for (size_t i = 0; i < golden_case_count(logits->golden); i++)
        total += logits->answers[i].positions;
    summary->values = malloc((total + 1) * sizeof *summary->values);
    summary->worst = -INFINITY;
    for (size_t i = 0; summary->values && i < golden_case_count(logits->golden); i++) {
        const struct answers *answers = &logits->answers[i];
        double spread = answers_spread(answers);
        if (answers->positions) {
            double share = (double)answers->positions * spread * spread / 2;
            limits += share + answers->resolution;
            summary->steps = summary->steps || answers->resolution > 0;
            summary->cause = share <= most ? summary->cause : answers->cause;
            most = fmax(most, share);
        }
        for (size_t token = 0; token < golden_case_at(logits->golden, i)->count; token++) {
            double kl = answers->kl[token];
            if (isnan(kl))
                continue;
            summary->values[summary->count++] = kl;
            sum += kl;
            summary->squares += kl * kl;
            if (kl > summary->worst) {
                summary->worst = kl;
                summary->worst_case = i;
                summary->worst_token = token;
            }
        }
    }
    summary->sum = sum;
    summary->mean = sum / (double)summary->count;
    summary->limit = limits / (double)summary->count;
    if (summary->values && summary->count)
        qsort(summary->values, summary->count, sizeof *summary->values, double_order);
    return summary->values;
}

/* Of the mean of `count` values. */
static double standard_error(double sum, double squares, size_t count)
{
    double n = (double)count, mean = sum / n;
    return count > 1 ? sqrt(fmax(squares / n - mean * mean, 0) / (n - 1)) : NAN;
}

/* exp of the mean of what the subject is surprised more, token by token over all cases, and the error of that: paired,
 * so that how hard the texts are falls out of it. */
static double perplexity_ratio(const struct logits *logits, double *error)
{
    double more = 0, squares = 0;
    size_t paired = 0;
    for (size_t i = 0; i < golden_case_count(logits->golden); i++) {
        more += logits->answers[i].more;
        squares += logits->answers[i].more_square;
        paired += logits->answers[i].paired;
    }
    double ratio = paired ? exp(more / (double)paired) : NAN;
    *error = ratio * standard_error(more, squares, paired);
    return ratio;
}

static bool report_kl(const struct logits *logits, struct findings *findings)
{
    struct kl_summary summary = {0};
    struct finding *finding = findings_add(findings, "logits.kl");
    if (!finding || !kl_summarise(logits, &summary)) {
        free(summary.values);
        return false;
    }
    finding_measured(finding, summary.mean, "nats");
    char cause[1024];
    snprintf(cause, sizeof cause, "%shalf the square of the error that the logits may have: %s",
             summary.steps ? "half a 16-bit step of gold's log-probabilities, (largest - least) / 65535 / 2, and " : "",
             summary.cause);
    double beyond = logits->limits->rows[LIMIT_KL].value;
    size_t length = strlen(cause);
    if (beyond > 0)
        snprintf(cause + length, sizeof cause - length, "; plus %g, which the suite allows: %s", beyond,
                 logits->limits->rows[LIMIT_KL].cause);
    finding_limit(finding, summary.limit + beyond, cause);
    finding_judge(finding);
    where_set(&finding->where.case_id, golden_case_at(logits->golden, summary.worst_case)->id);
    finding->where.token = (int)summary.worst_token;
    finding_fact(finding, "median", percentile(summary.values, summary.count, 0.5));
    finding_fact(finding, "p90", percentile(summary.values, summary.count, 0.9));
    finding_fact(finding, "p99", percentile(summary.values, summary.count, 0.99));
    finding_fact(finding, "p99_9", percentile(summary.values, summary.count, 0.999));
    finding_fact(finding, "max", summary.worst);
    finding_fact(finding, "positions", (double)summary.count);
    finding_fact(finding, "standard_error", standard_error(summary.sum, summary.squares, summary.count));
    double error, ratio = perplexity_ratio(logits, &error);
    finding_fact(finding, "perplexity_ratio", ratio);
    finding_fact(finding, "perplexity_ratio_error", error);
    finding_fact(finding, "within",
                 summary.limit); /* what the precision of gold accounts for, whatever a suite allows */
    char ratio_text[96] = "";
    if (!isnan(ratio))
        snprintf(ratio_text, sizeof ratio_text, "; perplexity is %.6g +- %.2g times gold's", ratio, error);
    finding_message(finding,
                    "The next-token distribution is %.3g nats away from gold on average over %zu positions, %.3g at "
                    "worst%s.",
                    summary.mean, summary.count, summary.worst, ratio_text);
    free(summary.values);
    return kl_series(logits, finding);
}

static bool report_nmse(const struct logits *logits, struct findings *findings)
{
    struct comparison all = {0};
    double limit = 0;
    const char *cause = "";
    for (size_t i = 0; i < golden_case_count(logits->golden); i++) {
        const struct answers *answers = &logits->answers[i];
        if (!answers->comparison.count)
            continue;
        cause = all.count && answers->tolerance * answers->tolerance <= limit ? cause : answers->cause;
        limit = fmax(limit, answers->tolerance * answers->tolerance);
        comparison_merge(&all, &answers->comparison);
    }
    struct finding *finding = findings_add(findings, "logits.nmse");
    if (!finding)
        return false;
    if (!all.count)
        return finding_skip(finding,
                            "One side holds log-probabilities, which do not tell how large the logits are: only "
                            "the distributions are compared.");
    double error = comparison_relative(&all);
    char text[1024];
    size_t length = (size_t)snprintf(text, sizeof text, "the square of %.400s", cause);
    finding_measured(finding, error * error, "of the mean square");
    double beyond = logits->limits->rows[LIMIT_NMSE].value;
    if (beyond > 0)
        snprintf(text + length, sizeof text - length, "; plus %g, which the suite allows: %s", beyond,
                 logits->limits->rows[LIMIT_NMSE].cause);
    finding_limit(finding, limit + beyond, text);
    finding_judge(finding);
    finding_fact(finding, "max_abs", all.largest);
    finding_fact(finding, "cosine", comparison_cosine(&all));
    finding_fact(finding, "within", limit);
    finding_message(finding, "The logits' mean squared error is %.3g of their mean square.", error * error);
    return true;
}

static bool report_top1(const struct logits *logits, struct findings *findings)
{
    size_t positions = 0, disagree = 0, near_ties = 0, shared = 0;
    const struct golden_case *first = NULL;
    int token = -1;
    for (size_t i = 0; i < golden_case_count(logits->golden); i++) {
        const struct answers *answers = &logits->answers[i];
        positions += answers->positions;
        disagree += answers->disagree;
        near_ties += answers->near_ties;
        shared += answers->top_shared;
        if (answers->disagree && !first) {
            first = golden_case_at(logits->golden, i);
            token = answers->first_disagreement;
        }
    }
    struct finding *finding = findings_add(findings, "logits.top1");
    if (!finding)
        return false;
    double share = (double)disagree / (double)positions;
    finding_measured(finding, share, "of positions");
    finding_limit(finding, logits->limits->rows[LIMIT_TOP1].value, logits->limits->rows[LIMIT_TOP1].cause);
    finding_judge(finding);
    finding_fact(finding, "agreement", 1 - (double)(disagree + near_ties) / (double)positions);
    finding_fact(finding, "top5_agreement", (double)shared / (double)(positions * TOP));
    finding_fact(finding, "near_ties", (double)near_ties);
    if (first) {
        where_set(&finding->where.case_id, first->id);
        finding->where.token = token;
    }
    char ties[96] = "";
    if (near_ties)
        snprintf(ties, sizeof ties, ", and at %zu more where gold itself cannot tell the two apart", near_ties);
    finding_message(finding, "The most likely token differs from gold's at %zu of %zu positions%s.", disagree,
                    positions, ties);
    return true;
}

/* What the perplexity of a case may be off by, as a log ratio, and why. `gold`: gold's mean negative log-probability. A
 * state that is off along itself moves a logit by as much of itself: where the tokens are less likely to gold than its
 * logits are large, as ids by chance are, by that much more. */
static double perplexity_limit(const struct logits *logits, const struct answers *answers, double gold, char why[1024])
{
    const char *cause = answers->cause;
    double limit = answers_spread(answers), beyond = logits->limits->rows[LIMIT_KL].value;
    struct accuracy accuracy = gold_accuracy(logits->golden, NULL, false);
    if (isnan(limit))
        limit = limits_tolerance(logits->limits, &accuracy, &cause);
    else if (isfinite(gold))
        limit = fmax(limit, answers->tolerance * gold);
    size_t length = (size_t)snprintf(why, 1024, "the error that the logits may have: %.400s", cause);
    if (beyond > 0)
        snprintf(why + length, 1024 - length, "; plus what a divergence of %g nats allows: %s", beyond,
                 logits->limits->rows[LIMIT_KL].cause);
    /* A divergence of D nats goes with log-probabilities that are off by sqrt(2 D). */
    return sqrt(limit * limit + 2 * beyond);
}

static bool report_perplexity(const struct logits *logits, struct findings *findings)
{
    struct finding *summary = findings_add(findings, "perplexity");
    size_t at = findings->count - 1, compared = 0, bad = 0;
    double worst_ratio = -1, worst = NAN, within = NAN;
    if (!summary)
        return false;
    for (size_t i = 0; i < golden_case_count(logits->golden); i++) {
        const struct golden_case *golden_case = golden_case_at(logits->golden, i);
        const struct answers *answers = &logits->answers[i];
        if (isnan(golden_case->perplexity) || answers->predicted + 1 < golden_case->count || !answers->predicted)
            continue;
        char why[1024];
        double limit = perplexity_limit(logits, answers, log(golden_case->perplexity), why);
        double mine = exp(answers->nll / (double)answers->predicted);
        double off = fabs(log(mine / golden_case->perplexity));
        compared++;
        if (!isnan(worst_ratio) && !(off / limit <= worst_ratio)) {
            worst_ratio = off / limit;
            worst = off;
            within = limit * limit - 2 * logits->limits->rows[LIMIT_KL].value; /* without what a suite allows */
            finding_limit(&findings->items[at], limit, why);
            where_set(&findings->items[at].where.case_id, golden_case->id);
        }
        if (off <= limit)
            continue;
        bad++;
        struct finding *place = findings_place(findings, "perplexity", VERDICT_FAIL);
        if (!place)
            return false;
        finding_measured(place, off, "log ratio");
        finding_limit(place, limit, why);
        finding_judge(place);
        where_set(&place->where.case_id, golden_case->id);
        finding_message(place, "Perplexity of case '%s' is %.6g, gold's %.6g.", golden_case->id, mine,
                        golden_case->perplexity);
    }
    summary = &findings->items[at];
    if (!compared)
        return finding_skip(summary, "%s records no perplexity of its cases.", golden_path(logits->golden));
    finding_measured(summary, worst, "log ratio");
    finding_fact(summary, "within", sqrt(fmax(within, 0)));
    summary->verdict = bad ? VERDICT_FAIL : VERDICT_PASS;
    finding_message(summary, "Perplexity of %zu case%s compared with gold's: %zu differ%s.", compared,
                    compared > 1 ? "s" : "", bad, bad == 1 ? "s" : "");
    return true;
}

size_t logits_positions(const struct logits *logits)
{
    size_t positions = 0;
    for (size_t i = 0; i < golden_case_count(logits->golden); i++)
        positions += logits->answers[i].positions;
    return positions;
}

bool logits_report(const struct logits *logits, struct findings *findings, struct error *error)
{
    bool good = true;
    if (logits_positions(logits))
        good = report_kl(logits, findings) && report_nmse(logits, findings) && report_top1(logits, findings);
    else
        good = finding_skip(findings_add(findings, "logits.kl"), "%s holds no logits.", golden_path(logits->golden));
    return (good && report_perplexity(logits, findings)) || error_memory(error, "logits");
}
