/* Routing ties: choices that float32 cannot tell from gold's are replaced by gold's, and counted, for each router. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "activations/layers_internal.h"
#include "model/routing.h"

static const char cause[] = "twice the number of choices that errors within gold's precision (layers.noise_multiple "
                            "and layers.fallback, as built in) would change by chance, given how close gold's own "
                            "choices are, plus three standard deviations of that number, plus two";

static double row_size(const float *row, int count)
{
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += (double)row[i] * (double)row[i];
    return sqrt(sum / count);
}

/* By how much the worst expert that gold takes is better than the best that it leaves; of scores, as all that follows.
 */
static double row_margin(struct layers *layers, const float *gold)
{
    int experts = layers->config->experts, k = layers->config->experts_per_token;
    double left = -INFINITY;
    routing_choose(gold, experts, k, layers->chosen);
    double taken = (double)gold[layers->chosen[k - 1]];
    for (int e = 0; e < experts; e++)
        if (!routing_has(layers->chosen, k, e))
            left = fmax(left, (double)gold[e]);
    return taken - left;
}

/* The subject's choice differs from gold's, every expert it took instead is as good as the worst that gold took within
 * what the arithmetic can tell, and its scores are gold's within the same. */
static bool is_tie(struct layers *layers, const float *subject, const float *gold, double apart)
{
    int experts = layers->config->experts, k = layers->config->experts_per_token;
    int *mine = layers->chosen, *its = mine + k;
    double worst = INFINITY;
    for (int e = 0; e < experts; e++)
        if (isfinite(subject[e]) && isfinite(gold[e]) ? !(fabs((double)subject[e] - (double)gold[e]) <= apart)
                                                      : isnan(subject[e]) || isnan(gold[e]))
            return false;
    routing_choose(subject, experts, k, mine);
    routing_choose(gold, experts, k, its);
    for (int i = 0; i < k; i++)
        worst = fmin(worst, (double)gold[mine[i]]);
    bool differs = false;
    for (int i = 0; i < k; i++) {
        bool lacks = !routing_has(mine, k, its[i]);
        differs = differs || lacks;
        if (lacks && (double)gold[its[i]] - worst > apart)
            return false;
    }
    return differs;
}

/* Of the experts that gold chooses, those that the subject does too. */
static double row_shared(struct layers *layers, const float *subject, const float *gold)
{
    int experts = layers->config->experts, k = layers->config->experts_per_token, shared = 0;
    int *mine = layers->chosen, *its = mine + k;
    routing_choose(subject, experts, k, mine);
    routing_choose(gold, experts, k, its);
    for (int i = 0; i < k; i++)
        shared += routing_has(mine, k, its[i]);
    return (double)shared / k;
}

bool ties_overlap(const struct layers *layers, struct finding *finding)
{
    size_t count = 0;
    for (int layer = 0; layer < layers->config->layers; layer++)
        count += layers->ties[layer].rows > 0;
    if (!count)
        return true;
    struct series *series = finding_series(finding, "routing-overlap", "Routing: experts chosen as gold chooses them",
                                           "layer", "share of gold's experts", count);
    double *overlap = series ? series_curve(series, "share of gold's experts") : NULL;
    double *all = overlap ? series_curve(series, "gold") : NULL;
    if (!all)
        return false;
    size_t at = 0;
    for (int layer = 0; layer < layers->config->layers; layer++) {
        const struct ties *ties = &layers->ties[layer];
        if (!ties->rows)
            continue;
        series->x[at] = layer;
        all[at] = 1;
        overlap[at++] = ties->shared / (double)ties->rows;
    }
    return true;
}

/* How likely errors of that size, independent ones, turn the choice: those of two logits have sqrt(2) times the
 * deviation of one. */
static double chance(double margin, double size)
{
    return size > 0 ? erfc(margin / (2 * size)) / 2 : margin > 0 ? 0 : 0.5;
}

void ties_force(struct layers *layers, const struct part *part, const float *gold, double precision)
{
    struct ties *ties = &layers->ties[part->layer];
    assert(part->point == POINT_ROUTER && part->width == (size_t)layers->config->experts);
    for (size_t row = 0; row < part->rows; row++) {
        float *subject = part->values + row * part->width;
        const float *right = gold + row * part->width, *bias = routing_bias(layers->config, part->layer);
        float *mine = layers->scores, *its = mine + part->width;
        double size = precision * row_size(right, layers->config->experts) * routing_slope(layers->config);
        routing_scores(layers->config, bias, subject, mine);
        routing_scores(layers->config, bias, right, its);
        ties->rows++;
        if (layers->config->experts_per_token < layers->config->experts)
            ties->expected += chance(row_margin(layers, its), size);
        if (!is_tie(layers, mine, its, 4 * size)) { /* two scores, each off by twice its share at most */
            ties->shared += row_shared(layers, mine, its);
            continue;
        }
        ties->shared++;
        memcpy(subject, right, part->width * sizeof *subject);
        ties->forced++;
    }
}

size_t ties_forced(const struct layers *layers)
{
    size_t forced = 0;
    for (int layer = 0; layer < layers->config->layers; layer++)
        forced += layers->ties[layer].forced;
    return forced;
}

static double ties_limit(const struct ties *ties)
{
    return 2 * ties->expected + 3 * sqrt(2 * ties->expected) + 2;
}

static bool ties_bad(const struct ties *ties)
{
    return !((double)ties->forced <= ties_limit(ties));
}

static bool add_place(const struct layers *layers, int layer, struct findings *findings)
{
    const struct ties *ties = &layers->ties[layer];
    struct finding *place = findings_place(findings, "layers.ties", VERDICT_FAIL);
    char path[POINT_PATH];
    if (!place)
        return false;
    place->where.layer = layer;
    where_set(&place->where.module, point_path(POINT_ROUTER, layer, path));
    finding_measured(place, (double)ties->forced, "choices");
    finding_limit(place, ties_limit(ties), cause);
    finding_message(place,
                    "At %zu of %zu tokens %s chooses other experts than gold does, all of them near-ties; chance "
                    "explains at most %.3g such choices.",
                    ties->forced, ties->rows, path, ties_limit(ties));
    return true;
}

bool ties_report(const struct layers *layers, struct findings *findings, struct error *error)
{
    const struct ties *worst = NULL;
    size_t rows = 0, bad = 0, forced = ties_forced(layers);
    double expected = 0;
    for (int layer = 0; layer < layers->config->layers; layer++) {
        const struct ties *ties = &layers->ties[layer];
        rows += ties->rows;
        bad += ties_bad(ties);
        expected += ties->expected;
        if (ties->rows &&
            (!worst || (double)ties->forced - ties_limit(ties) > (double)worst->forced - ties_limit(worst)))
            worst = ties;
    }
    if (!worst)
        return true;
    struct finding *finding = findings_add(findings, "layers.ties");
    if (!finding)
        return error_memory(error, "layers.ties");
    finding_measured(finding, (double)worst->forced, "choices");
    finding_limit(finding, ties_limit(worst), cause);
    finding_judge(finding);
    finding->where.layer = (int)(worst - layers->ties);
    finding_fact(finding, "forced", (double)forced);
    finding_fact(finding, "expected", expected);
    finding_fact(finding, "routings", (double)rows);
    if (forced)
        finding_message(finding,
                        "At %zu of %zu routings the subject chose between experts that float32 cannot tell apart, and "
                        "chose others than gold; gold's choice was used in place of its own; %s.",
                        forced, rows, bad ? "that is more than chance explains" : "chance explains that many");
    else
        finding_message(finding, "Of %zu routings, none was a near-tie in which the subject chose others than gold.",
                        rows);
    for (int layer = 0; layer < layers->config->layers; layer++)
        if (ties_bad(&layers->ties[layer]) && !add_place(layers, layer, findings))
            return error_memory(error, "layers.ties");
    return true;
}
