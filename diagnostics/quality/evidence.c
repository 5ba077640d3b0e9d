#include "quality/evidence.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"

#define NODES_MOST ((size_t)1 << 20)
#define TREE_DEPTH_MOST 64

/* A leaf has no metric, and its bits in `limit`. */
struct node {
    int metric; /* -1: a leaf */
    double limit;
    uint32_t below, above; /* nodes for metric <= limit, and for > */
    bool unknown_above;    /* where a metric goes that was not measured */
};

struct alarm {
    double rate, bits;
};

struct evidence {
    struct node *nodes;
    size_t count, capacity;
    uint32_t *trees; /* their first nodes */
    size_t tree_count, tree_capacity;
    struct alarm *alarms; /* rates that fall */
    size_t alarm_count, alarm_capacity;
    double base;
    struct evidence *judged;
    enum quality_diagnostic diagnostics[METRIC_COUNT]; /* DIAGNOSE_COUNT: of none */
};

/* A number: a leaf. ["metric", limit, BELOW, ABOVE] and a fifth, "above": where what was not measured goes. */
static bool parse_node(struct evidence *evidence, const char *where, const cJSON *item, size_t depth, uint32_t *index,
                       struct error *error)
{
    struct node node = {.metric = -1};
    if (depth > TREE_DEPTH_MOST || evidence->count >= NODES_MOST)
        return error_set(error, "%s: a tree of it is too deep or too large", where);
    *index = (uint32_t)evidence->count;
    if (!array_push(evidence->nodes, evidence->count, evidence->capacity, node))
        return error_memory(error, where);
    if (cJSON_IsNumber(item) && isfinite(item->valuedouble)) {
        evidence->nodes[*index].limit = item->valuedouble;
        return true;
    }
    const cJSON *name = cJSON_GetArrayItem(item, 0), *limit = cJSON_GetArrayItem(item, 1);
    int size = cJSON_IsArray(item) ? cJSON_GetArraySize(item) : 0;
    if (size < 4 || size > 5 || !cJSON_IsString(name) || !cJSON_IsNumber(limit))
        return error_set(error, "%s: a tree is a number of bits, or [METRIC, LIMIT, at most it, above it]", where);
    node.metric = (int)metric_parse(name->valuestring);
    node.limit = limit->valuedouble;
    node.unknown_above = size == 5;
    if (node.metric == METRIC_COUNT)
        return error_set(error, "%s: there is no metric \"%s\"", where, name->valuestring);
    if (!parse_node(evidence, where, cJSON_GetArrayItem(item, 2), depth + 1, &node.below, error) ||
        !parse_node(evidence, where, cJSON_GetArrayItem(item, 3), depth + 1, &node.above, error))
        return false;
    evidence->nodes[*index] = node;
    return true;
}

static bool parse_alarms(struct evidence *evidence, const char *where, const cJSON *list, struct error *error)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        const cJSON *rate = cJSON_GetArrayItem(item, 0), *bits = cJSON_GetArrayItem(item, 1);
        struct alarm last =
            evidence->alarm_count ? evidence->alarms[evidence->alarm_count - 1] : (struct alarm){1, -1e9};
        if (!cJSON_IsNumber(rate) || !cJSON_IsNumber(bits) || !(rate->valuedouble > 0) ||
            !(rate->valuedouble < last.rate) || bits->valuedouble < last.bits)
            return error_set(error, "%s: \"alarms\" are pairs [rate, bits], rates falling and bits rising", where);
        if (!array_push(evidence->alarms, evidence->alarm_count, evidence->alarm_capacity,
                        (struct alarm){rate->valuedouble, bits->valuedouble}))
            return error_memory(error, where);
    }
    return evidence->alarm_count >= 2 || error_set(error, "%s: \"alarms\" needs two pairs or more", where);
}

static bool parse_trees(struct evidence *evidence, const char *where, const cJSON *list, struct error *error)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        uint32_t root = 0;
        if (!parse_node(evidence, where, item, 0, &root, error))
            return false;
        if (!array_push(evidence->trees, evidence->tree_count, evidence->tree_capacity, root))
            return error_memory(error, where);
    }
    return true;
}

/* "repetition.again" is of the diagnostic "repetition". */
static void name_diagnostics(struct evidence *evidence)
{
    for (int i = 0; i < METRIC_COUNT; i++) {
        size_t length = strcspn(metric_names[i], ".");
        evidence->diagnostics[i] = DIAGNOSE_COUNT;
        for (int k = 0; k < DIAGNOSE_EXPECTED; k++) {
            const char *name = quality_diagnostic_name((enum quality_diagnostic)k);
            if (strlen(name) == length && strncmp(name, metric_names[i], length) == 0)
                evidence->diagnostics[i] = (enum quality_diagnostic)k;
        }
    }
}

static struct evidence *parse(const char *where, const cJSON *json, const char *const *keys, struct error *error)
{
    struct evidence *evidence = calloc(1, sizeof *evidence);
    if (!evidence) {
        error_memory(error, where);
        return NULL;
    }
    name_diagnostics(evidence);
    if (json_only(json, where, NULL, keys, error) && json_get_double(json, where, "base", &evidence->base, error) &&
        parse_alarms(evidence, where, json_member(json, "alarms"), error) &&
        parse_trees(evidence, where, json_member(json, "trees"), error))
        return evidence;
    evidence_free(evidence);
    return NULL;
}

struct evidence *evidence_parse(const char *where, const cJSON *json, struct error *error)
{
    static const char *const inner[] = {"calibrated", "base", "alarms", "trees", NULL};
    static const char *const outer[] = {"description", "calibrated", "base", "alarms", "trees", "judged", NULL};
    struct evidence *evidence = parse(where, json, outer, error);
    const cJSON *judged = json_member(json, "judged");
    if (!evidence || !judged || (evidence->judged = parse(where, judged, inner, error)))
        return evidence;
    error_context(error, "\"judged\"");
    evidence_free(evidence);
    return NULL;
}

const struct evidence *evidence_judged(const struct evidence *evidence)
{
    return evidence->judged;
}

void evidence_free(struct evidence *evidence)
{
    if (!evidence)
        return;
    evidence_free(evidence->judged);
    free(evidence->nodes);
    free(evidence->trees);
    free(evidence->alarms);
    free(evidence);
}

double evidence_bits(const struct evidence *evidence, const double *metrics, enum quality_diagnostic without)
{
    double bits = evidence->base;
    for (size_t i = 0; i < evidence->tree_count; i++) {
        const struct node *node = &evidence->nodes[evidence->trees[i]];
        while (node->metric >= 0) {
            bool unknown = isnan(metrics[node->metric]) ||
                           (without != DIAGNOSE_COUNT && evidence->diagnostics[node->metric] == without);
            bool above = unknown ? node->unknown_above : metrics[node->metric] > node->limit;
            node = &evidence->nodes[above ? node->above : node->below];
        }
        bits += node->limit;
    }
    return bits;
}

double evidence_limit(const struct evidence *evidence, double rate)
{
    const struct alarm *alarms = evidence->alarms;
    size_t i = 1;
    while (i + 1 < evidence->alarm_count && alarms[i].rate > rate)
        i++;
    /* straight in the log of the rate, also past both ends */
    double share = log(rate / alarms[i - 1].rate) / log(alarms[i].rate / alarms[i - 1].rate);
    return alarms[i - 1].bits + share * (alarms[i].bits - alarms[i - 1].bits);
}

struct evidence_total evidence_total(double whole, const double *windows, size_t count)
{
    struct evidence_total best = {.bits = -INFINITY}, total = {.bits = whole, .last = count, .whole = true};
    double sum = 0;
    size_t first = 0;
    for (size_t i = 0; i < count; i++) {
        if (sum <= 0) {
            sum = 0;
            first = i;
        }
        sum += windows[i];
        if (sum > best.bits)
            best = (struct evidence_total){.bits = sum, .first = first, .last = i + 1};
    }
    if (best.bits > 0) { /* where it is worst, also when the whole decides */
        total.first = best.first;
        total.last = best.last;
    }
    best.bits -= count ? log2((double)count) : 0;
    return best.bits > total.bits ? best : total;
}
