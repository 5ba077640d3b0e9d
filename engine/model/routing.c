#include "model/routing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/weights.h"
#include "values/values.h"

const float *routing_bias(const struct model_config *config, int layer)
{
    return config->choice_biases ? config->choice_biases + (size_t)layer * (size_t)config->experts : NULL;
}

float *routing_biases_read(const struct model_config *config, const struct store *store)
{
    size_t experts = (size_t)config->experts;
    char name[160];
    if (!config->choice_bias || !experts)
        return NULL;
    float *biases = calloc((size_t)config->layers * experts, sizeof *biases);
    for (int layer = 0; biases && layer < config->layers; layer++) {
        const struct tensor *tensor =
            expected_name(WEIGHT_CHOICE_BIAS, layer, -1, name, sizeof name) ? store_find(store, name) : NULL;
        if (!tensor || tensor->columns * tensor->rows != experts || !dtype_computes(tensor->dtype))
            continue;
        struct error unread = {0};
        void *raw = malloc((size_t)tensor->bytes + 1);
        if (raw && store_read(store, tensor, raw, &unread))
            widen(tensor->dtype, raw, biases + (size_t)layer * experts, experts);
        error_clear(&unread); /* whoever computes with it tells */
        free(raw);
    }
    return biases;
}

double routing_slope(const struct model_config *config)
{
    return config->switches.scores == SCORES_SIGMOID ? 0.25 : 1;
}

/* Of a group: the sum of its two best scores, or of logits the best. */
static double group_score(const float *scores, int size, bool both)
{
    double best = -INFINITY, second = -INFINITY;
    for (int e = 0; e < size; e++) {
        double score = (double)scores[e];
        second = score > best ? best : score > second ? score : second;
        best = score > best ? score : best;
    }
    return both && size > 1 ? best + second : best;
}

/* Groups that are not taken score nothing: those that so many others go before, the first among equals. */
static void mask_groups(const struct model_config *config, float *scores)
{
    int groups = config->choice_groups, size = config->experts / groups;
    double of[CHOICE_GROUPS_MAX];
    for (int g = 0; g < groups; g++)
        of[g] = group_score(scores + g * size, size, config->switches.scores == SCORES_SIGMOID);
    for (int g = 0; g < groups; g++) {
        int before = 0;
        for (int other = 0; other < groups; other++)
            before += of[other] > of[g] || (other < g && !(of[other] < of[g]));
        for (int e = g * size; before >= config->choice_groups_taken && e < (g + 1) * size; e++)
            scores[e] = -INFINITY;
    }
}

void routing_scores(const struct model_config *config, const float *bias, const float *logits, float *scores)
{
    bool sigmoid = config->switches.scores == SCORES_SIGMOID;
    if (!sigmoid)
        memcpy(scores, logits, (size_t)config->experts * sizeof *scores);
    for (int e = 0; sigmoid && e < config->experts; e++) {
        float score = (float)(1 / (1 + exp(-(double)logits[e])));
        bool no_choice = isinf(logits[e]) && logits[e] < 0; /* as somebody has masked it */
        scores[e] = no_choice ? -INFINITY : bias ? score + bias[e] : score;
    }
    if (config->choice_groups > 1)
        mask_groups(config, scores);
}

bool routing_has(const int *chosen, int count, int expert)
{
    for (int i = 0; i < count; i++)
        if (chosen[i] == expert)
            return true;
    return false;
}

/* True when expert a is chosen before expert b: a total order, so that whatever comes next in it is not chosen yet. */
static bool goes_before(const float *scores, int a, int b)
{
    bool number_a = scores[a] == scores[a], number_b = scores[b] == scores[b];
    if (number_a && number_b && (scores[a] > scores[b] || scores[a] < scores[b]))
        return scores[a] > scores[b];
    return number_a != number_b ? number_a : a < b;
}

void routing_choose(const float *scores, int experts, int k, int *chosen)
{
    for (int place = 0; place < k; place++) {
        int best = -1;
        for (int e = 0; e < experts; e++)
            if ((best < 0 || goes_before(scores, e, best)) && (place == 0 || goes_before(scores, chosen[place - 1], e)))
                best = e;
        chosen[place] = best;
    }
}

void routing_of(const struct model_config *config, int layer, const float *logits, float *scores, int *chosen)
{
    routing_scores(config, routing_bias(config, layer), logits, scores);
    routing_choose(scores, config->experts, config->experts_per_token, chosen);
}
