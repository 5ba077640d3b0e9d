/* What lens.c found, as findings. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "activations/lens.h"

#define DETAILED 3 /* cases that are shown with log-probabilities and a table: those that are furthest from gold */

struct telling {
    const struct golden *golden; /* NULL: there is none, and nothing is judged */
    const char *check;           /* "lens" of a dump's cases, "lens.prompts" of the suite's prompts */
    const struct lens *lens;
    struct tokenizer *tokenizer;
    const struct limits *limits;
    struct findings *findings;
    bool failed; /* memory */
    /* of the case that is told of: */
    char *name;
    char *answer; /* "' Paris'" */
};

/* "' Paris'" and, if asked for, " (Latin)"; a part of a character is told by its id, for all look the same. */
static void token_append(struct telling *telling, struct buffer *out, int id, bool with_script)
{
    buffer_char(out, '\'');
    const char *script = lens_token_text(telling->tokenizer, id, out);
    buffer_char(out, '\'');
    bool part = script && strcmp(script, "bytes") == 0;
    if (part)
        buffer_format(out, " (%stoken %d)", with_script ? "bytes, " : "", id);
    else if (script && with_script)
        buffer_format(out, " (%s)", script);
    telling->failed = telling->failed || !script || out->failed;
}

static void top_append(struct telling *telling, struct buffer *out, const struct lens_point *point)
{
    if (!point->finite)
        buffer_text(out, "what is not finite");
    else
        token_append(telling, out, point->top[0].id, true);
}

#define NAME_SHOWN 80 /* bytes of a prompt, which is the name of its case */

/* A prompt may be as long as a text: cut between characters. Others keep their names, by which they are found. */
static char *name_of(const struct lens_case *one)
{
    size_t length = strlen(one->id), cut = NAME_SHOWN;
    struct buffer name = {0};
    while (!one->golden && length > NAME_SHOWN && cut > 0 && ((unsigned char)one->id[cut] & 0xC0) == 0x80)
        cut--;
    if (!one->golden && length > NAME_SHOWN)
        buffer_format(&name, "%.*s...", (int)cut, one->id);
    else
        buffer_text(&name, one->id);
    return buffer_take(&name);
}

static bool holds_gold(const struct lens_case *one, size_t layers)
{
    for (size_t layer = 0; layer < layers; layer++)
        if (one->gold[layer].seen)
            return true;
    return false;
}

/* The logits at the end are not finite. */
static bool is_broken(const struct lens_case *one, size_t layers)
{
    return !one->points[layers - 1].finite;
}

static double rank_at(const struct lens_point *point)
{
    return point->rank;
}

static double log_probability_at(const struct lens_point *point)
{
    return point->log_probability;
}

static double probability_at(const struct lens_point *point)
{
    return point->top[0].probability;
}

static bool curve(struct series *series, const char *name, const struct lens_point *points,
                  double (*value_at)(const struct lens_point *))
{
    double *values = series_curve(series, name);
    for (size_t layer = 0; values && layer < series->points; layer++)
        if (points[layer].seen && points[layer].finite)
            values[layer] = value_at(&points[layer]);
    return values;
}

static bool add_ranks(struct telling *telling, struct finding *place, const struct lens_case *one)
{
    size_t layers = lens_layers(telling->lens);
    char title[256];
    snprintf(title, sizeof title, "Rank of %s after every layer: %s", telling->answer, telling->name);
    struct series *series = finding_series(place, "rank", title, "layer", "rank (1: most likely)", layers);
    if (!series)
        return false;
    series->log_y = true;
    return curve(series, "rank of the answer", one->points, rank_at) &&
           (!holds_gold(one, layers) || curve(series, "gold", one->gold, rank_at));
}

static bool add_log_probabilities(struct telling *telling, struct finding *place, const struct lens_case *one)
{
    size_t layers = lens_layers(telling->lens);
    char title[256];
    snprintf(title, sizeof title, "Log-probability of %s after every layer: %s", telling->answer, telling->name);
    struct series *series = finding_series(place, "log-probability", title, "layer", "nats", layers);
    return series && curve(series, "log-probability of the answer", one->points, log_probability_at) &&
           (!holds_gold(one, layers) || curve(series, "gold", one->gold, log_probability_at));
}

static bool label_layer(struct telling *telling, struct series *series, const struct lens_case *one, size_t layer)
{
    struct buffer label = {0};
    const struct lens_point *mine = &one->points[layer], *gold = &one->gold[layer];
    buffer_format(&label, "%zu: ", layer);
    top_append(telling, &label, mine);
    if (gold->seen && gold->finite && !(mine->finite && mine->top[0].id == gold->top[0].id)) {
        buffer_text(&label, ", gold ");
        top_append(telling, &label, gold);
    }
    bool good = !label.failed && series_label(series, layer, label.data);
    buffer_free(&label);
    return good;
}

static bool add_table(struct telling *telling, struct finding *place, const struct lens_case *one)
{
    size_t layers = lens_layers(telling->lens);
    char title[256];
    snprintf(title, sizeof title, "The most likely token after every layer: %s", telling->name);
    struct series *series = finding_series(place, "tokens", title, "layer, most likely token, its script", "", layers);
    if (!series)
        return false;
    series->kind = SERIES_TABLE;
    for (size_t layer = 0; layer < layers; layer++)
        if (!label_layer(telling, series, one, layer))
            return false;
    return curve(series, "probability", one->points, probability_at) &&
           curve(series, "answer's rank", one->points, rank_at) &&
           (!holds_gold(one, layers) || (curve(series, "gold's probability", one->gold, probability_at) &&
                                         curve(series, "answer's rank in gold's", one->gold, rank_at)));
}

/* "the most likely token differs from gold's from layer 7 on: ' Paris' becomes 'mb' (Latin)". */
static void leaving_append(struct telling *telling, struct buffer *out, const struct lens_case *one)
{
    buffer_format(out, "the most likely token differs from gold's from layer %d on: ", one->first_different);
    token_append(telling, out, one->gold[one->first_different].top[0].id, false);
    buffer_text(out, " becomes ");
    top_append(telling, out, &one->points[one->first_different]);
}

static void answer_append(struct telling *telling, struct buffer *out, const struct lens_case *one)
{
    size_t layers = lens_layers(telling->lens);
    int from = lens_first_layer(one->points, layers), first = lens_first_top(one->points, layers);
    if (is_broken(one, layers)) {
        buffer_text(out, "The logits at the end are not finite");
        return;
    }
    buffer_text(out, "The answer ");
    token_append(telling, out, one->answer, true);
    if (from >= 0) {
        buffer_format(out, " is the most likely token from layer %d on", from);
    } else {
        buffer_text(out, " is not the most likely token at the end, but ");
        top_append(telling, out, &one->points[layers - 1]);
    }
    if (first >= 0 && first != from)
        buffer_format(out, ", and was first after layer %d", first);
    if (holds_gold(one, layers))
        buffer_format(out, " (in gold's lens from layer %d on)", lens_first_layer(one->gold, layers));
}

static void add_facts(struct telling *telling, struct finding *place, const struct lens_case *one)
{
    static const char *const sources[] = {
        [ANSWER_GREEDY] = "gold's continuation", [ANSWER_GOLD] = "gold's logits", [ANSWER_OWN] = "the subject"};
    size_t layers = lens_layers(telling->lens);
    finding_fact_text(place, "answer", "%s", telling->answer);
    finding_fact_text(place, "answer_of", "%s", sources[one->answer_of]);
    finding_fact(place, "first_layer", lens_first_layer(one->points, layers));
    finding_fact(place, "first_top", lens_first_top(one->points, layers));
    if (!holds_gold(one, layers))
        return;
    finding_fact(place, "gold_first_layer", lens_first_layer(one->gold, layers));
    finding_fact(place, "gold_first_top", lens_first_top(one->gold, layers));
    finding_fact(place, "first_different_layer", one->first_different);
    finding_fact(place, "near_ties", (double)one->near_ties);
}

static void judge(const struct telling *telling, struct finding *finding, const struct lens_case *one)
{
    if (one->compared) {
        finding_measured(finding, (double)one->differ, "layers");
        finding_limit(finding, telling->limits->rows[LIMIT_LENS].value, telling->limits->rows[LIMIT_LENS].cause);
        finding_judge(finding);
    } else if (!telling->golden)
        finding->verdict = VERDICT_SKIP; /* that the subject ends with its own answer is so of any */
    if (finding->verdict == VERDICT_FAIL || is_broken(one, lens_layers(telling->lens)))
        finding->verdict = VERDICT_WARN;
}

static bool add_place(struct telling *telling, const struct lens_case *one, bool detailed)
{
    struct finding *place = findings_place(telling->findings, telling->check, VERDICT_PASS);
    struct buffer message = {0};
    if (!place)
        return false;
    where_set(&place->where.case_id, telling->name);
    place->where.token = (int)one->count - 1;
    judge(telling, place, one);
    answer_append(telling, &message, one);
    if (one->differ) {
        place->where.layer = one->first_different;
        buffer_text(&message, "; ");
        leaving_append(telling, &message, one);
        buffer_format(&message, "; the most likely token is another than gold's after %zu of %zu layers", one->differ,
                      one->compared);
    }
    finding_message(place, "%s.", message.data ? message.data : "");
    add_facts(telling, place, one);
    buffer_free(&message);
    return add_ranks(telling, place, one) &&
           (!detailed || (add_log_probabilities(telling, place, one) && add_table(telling, place, one))) &&
           !telling->failed;
}

static bool tell_of(struct telling *telling, const struct lens_case *one)
{
    struct buffer answer = {0};
    if (one->answer >= 0)
        token_append(telling, &answer, one->answer, false);
    else
        buffer_text(&answer, "the answer");
    free(telling->name);
    free(telling->answer);
    telling->name = name_of(one);
    telling->answer = buffer_take(&answer);
    return telling->name && telling->answer;
}

#define ROWS_SHOWN 48

/* All cases in one picture, the worst first. */
static bool add_picture(struct telling *telling, struct finding *summary, const struct lens_case *const *order,
                        size_t count)
{
    struct series *series =
        finding_series(summary, "answers", "Log-probability of each case's answer after every layer", "layer",
                       "nats; 0 is certain", lens_layers(telling->lens));
    if (series)
        series->kind = SERIES_HEATMAP;
    for (size_t i = 0; series && i < count && i < ROWS_SHOWN; i++) {
        struct buffer name = {0};
        bool good = tell_of(telling, order[i]);
        buffer_format(&name, "%s: %s", good ? telling->name : "", good ? telling->answer : "");
        good = good && !name.failed && curve(series, name.data, order[i]->points, log_probability_at);
        buffer_free(&name);
        if (!good)
            return false;
    }
    return series;
}

/* Of the worst case of `order`, which is the first. */
static void summarise(struct telling *telling, struct finding *summary, const struct lens_case *const *order,
                      size_t count, size_t all)
{
    size_t found = 0, compared = 0, near_ties = 0, broken = 0;
    struct buffer message = {0};
    const struct lens_case *worst = order[0];
    for (size_t i = 0; i < count; i++) {
        found += lens_first_layer(order[i]->points, lens_layers(telling->lens)) >= 0;
        compared += order[i]->compared > 0;
        near_ties += order[i]->near_ties;
        broken += is_broken(order[i], lens_layers(telling->lens));
    }
    if (!telling->golden)
        buffer_text(&message, "The logit lens is shown and not judged, for no gold holds its prompts: ");
    buffer_format(&message, "%s answer is the most likely token at the end of %zu of %zu cases",
                  telling->golden ? "The" : "the model's own", found, count);
    if (count < all)
        buffer_format(&message, " (the first of %zu)", all);
    judge(telling, summary, worst);
    if (broken) {
        summary->verdict = VERDICT_WARN;
        buffer_format(&message, "; the logits of %zu are not finite", broken);
    }
    if (worst->differ) {
        where_set(&summary->where.case_id, telling->name);
        summary->where.layer = worst->first_different;
        buffer_format(&message, "; in '%s' ", telling->name);
        leaving_append(telling, &message, worst);
    } else if (compared) {
        buffer_format(&message, "; after every layer the most likely token is gold's in %zu compared", compared);
        if (near_ties)
            buffer_format(&message, ", but for %zu near-ties", near_ties);
    }
    finding_message(summary, "%s.", message.data ? message.data : "");
    finding_fact(summary, "cases", (double)count);
    if (compared)
        finding_fact(summary, "near_ties", (double)near_ties);
    telling->failed = telling->failed || message.failed;
    buffer_free(&message);
}

/* Those furthest from gold first, those that nothing is known of behind the others; else as they were added. */
static int by_distance(const void *a, const void *b)
{
    const struct lens_case *x = *(const struct lens_case *const *)a, *y = *(const struct lens_case *const *)b;
    if (x->differ != y->differ)
        return x->differ < y->differ ? 1 : -1;
    if (!x->compared != !y->compared)
        return x->compared ? -1 : 1;
    return x < y ? -1 : x > y;
}

bool lens_report(const struct lens *lens, const struct golden *golden, size_t all, struct tokenizer *tokenizer,
                 const struct limits *limits, struct findings *findings, struct error *error)
{
    const struct lens_case **order = calloc(lens_count(lens) + 1, sizeof(struct lens_case *));
    struct telling telling = {.golden = golden,
                              .check = golden ? "lens" : "lens.prompts",
                              .lens = lens,
                              .tokenizer = tokenizer,
                              .limits = limits,
                              .findings = findings};
    size_t count = 0, at = findings->count;
    bool good = order;
    for (size_t i = 0; order && i < lens_count(lens); i++)
        if (lens_at(lens, i)->golden == golden)
            order[count++] = lens_at(lens, i);
    if (order && count) {
        qsort(order, count, sizeof *order, by_distance);
        good = findings_add(findings, telling.check);
        for (size_t i = 0; good && i < count; i++)
            good = tell_of(&telling, order[i]) && add_place(&telling, order[i], i < DETAILED);
        good = good && add_picture(&telling, &findings->items[at], order, count) && tell_of(&telling, order[0]);
        if (good)
            summarise(&telling, &findings->items[at], order, count, all);
    }
    free(order);
    free(telling.name);
    free(telling.answer);
    return (good && !telling.failed) || error_memory(error, "lens");
}
