#include "activations/greedy.h"

#include <math.h>
#include <stdlib.h>

#include "activations/logits.h"
#include "activations/rounding.h"
#include "math/distribution.h"
#include "run/decode.h"
#include "run/run.h"

/* Tokens that may be as good as each other; where more are, the logits tell nothing, unless gold's tell as little. */
#define HANDFUL 5

/* One continuation. */
struct continuation {
    const struct golden_case *golden_case;
    size_t case_index;
    double precision; /* relative L2: what gold's logits may be off by */
    double spread;    /* deviation of gold's logits at the last token of the case; NaN: it holds none */
    size_t handful;   /* tokens that may lie near the best of a row */
    struct ids ids;   /* what was decoded */
    int first;        /* first difference from gold, -1: none yet */
    double margin;    /* there: logit of the subject's choice - logit of gold's */
    bool tie;         /* there: the arithmetic cannot tell the two apart */
    int broken;       /* first token whose logits are not all finite, -1: none yet */
};

struct continuations {
    struct continuation *items;
    size_t count;
    bool memory; /* it ran out */
};

/* Standard deviation, for what all logits have in common tells nothing; not finite when any of the values is not. */
static double spread_of(const float *values, size_t count)
{
    double mean = 0, sum = 0;
    for (size_t i = 0; i < count; i++)
        mean += (double)values[i] / (double)count;
    for (size_t i = 0; i < count; i++)
        sum += ((double)values[i] - mean) * ((double)values[i] - mean);
    return sqrt(sum / (double)count);
}

static size_t near_best(const float *logits, size_t width, int best, double apart)
{
    size_t near = 0;
    for (size_t i = 0; i < width; i++)
        near += (double)logits[best] - (double)logits[i] <= apart;
    return near;
}

/* Gold says how far logits lie apart, so that a subject whose logits are all alike does not excuse itself; where gold
 * holds none, the subject does, and a handful of tokens has to stand out. */
static bool is_near_tie(const struct continuation *item, const float *logits, size_t width, int best)
{
    double apart = 4 * item->precision * (isnan(item->spread) ? spread_of(logits, width) : item->spread);
    return item->margin <= apart && near_best(logits, width, best, apart) <= item->handful;
}

static bool greedy_choose(void *context, size_t which, size_t step, float *logits, size_t width, int *next)
{
    struct continuations *continuations = context;
    struct continuation *item = &continuations->items[which];
    int gold = item->golden_case->greedy[step];
    *next = (int)largest_index(logits, width);
    if (item->broken < 0 && !isfinite(spread_of(logits, width)))
        item->broken = (int)step;
    if (item->first < 0 && *next != gold) {
        item->first = (int)step;
        item->margin = (double)logits[*next] - (double)logits[gold];
        item->tie = is_near_tie(item, logits, width, *next);
    }
    continuations->memory = !ids_push(&item->ids, *next) || continuations->memory;
    return !continuations->memory;
}

/* The text of the ids, owned; NULL when there is no tokenizer that knows them. */
static char *ids_text(const struct subject *subject, const int *ids, size_t count)
{
    struct buffer text = {0};
    struct error error = {0};
    bool good = subject->tokenizer && tokenizer_decode(subject->tokenizer, ids, count, false, &text, &error);
    error_clear(&error);
    char *taken = good ? buffer_take(&text) : NULL;
    buffer_free(&text);
    return taken;
}

static bool report_broken(const struct continuation *item, struct findings *findings)
{
    struct finding *finding = findings_place(findings, "greedy", VERDICT_FAIL);
    if (!finding)
        return false;
    where_set(&finding->where.case_id, item->golden_case->id);
    finding->where.token = item->broken;
    finding_message(finding, "Case '%s' has logits that are not finite from token %d on.", item->golden_case->id,
                    item->broken);
    return true;
}

static bool report_case(const struct subject *subject, const struct continuation *item, bool tie,
                        struct findings *findings)
{
    struct finding *finding = findings_place(findings, "greedy", tie ? VERDICT_WARN : VERDICT_FAIL);
    if (!finding)
        return false;
    where_set(&finding->where.case_id, item->golden_case->id);
    finding->where.token = item->first;
    finding_measured(finding, item->margin, "logits margin");
    const struct golden_case *gold = item->golden_case;
    char *mine = ids_text(subject, item->ids.data, item->ids.count);
    char *golden = ids_text(subject, gold->greedy, gold->greedy_count);
    const char *near = tie ? " (a near-tie: the arithmetic cannot tell the two apart)" : "";
    if (mine && golden) {
        finding_fact_text(finding, "written", "%s", mine);
        finding_fact_text(finding, "golden_text", "%s", golden);
        finding_message(finding,
                        "Case '%s' goes on with \"%s\", gold with \"%s\": another token from %d on, by a margin of "
                        "%.3g between the two logits%s.",
                        gold->id, mine, golden, item->first, item->margin, near);
    } else {
        finding_message(finding,
                        "Case '%s' continues differently from token %d on: id %d instead of %d, by a margin of %.3g "
                        "between the two logits%s.",
                        gold->id, item->first, item->ids.data[item->first], gold->greedy[item->first], item->margin,
                        near);
    }
    free(mine);
    free(golden);
    return true;
}

static bool greedy_report(const struct subject *subject, const struct golden *golden, const struct limits *limits,
                          const struct continuations *all, struct findings *findings)
{
    size_t at = findings->count, differ = 0, ties = 0, tokens = 0;
    if (!findings_add(findings, "greedy"))
        return false;
    for (size_t i = 0; i < all->count; i++) {
        const struct continuation *item = &all->items[i];
        tokens += item->ids.count;
        if (item->first < 0 && item->broken < 0)
            continue;
        bool tie = item->first >= 0 && item->broken < 0 && item->tie;
        differ += !tie;
        ties += tie;
        if ((item->broken >= 0 && !report_broken(item, findings)) ||
            (item->first >= 0 && !report_case(subject, item, tie, findings)))
            return false;
    }
    struct finding *finding = &findings->items[at];
    if (!all->count)
        return finding_skip(finding, "%s holds no greedy continuations.", golden_path(golden));
    finding_measured(finding, (double)differ, "continuations differ");
    finding_limit(finding, limits->rows[LIMIT_GREEDY].value, limits->rows[LIMIT_GREEDY].cause);
    finding_judge(finding);
    for (size_t i = at + 1; finding->verdict == VERDICT_PASS && i < findings->count; i++)
        findings->items[i].verdict = VERDICT_WARN; /* a suite that allows some that differ still shows them */
    finding_fact(finding, "continuations", (double)all->count);
    finding_fact(finding, "near_ties", (double)ties);
    finding_fact(finding, "tokens", (double)tokens);
    const char *example = findings->count > at + 1 ? findings->items[at + 1].message : NULL;
    finding_message(finding, "%zu of %zu greedy continuations (%zu tokens) differ%s from gold's%s%s%s", differ,
                    all->count, tokens, differ == 1 ? "s" : "",
                    ties ? ", more only where the arithmetic cannot tell the tokens apart" : "",
                    example ? "; the first: " : "", example ? example : ".");
    return true;
}

/* What gold knows of its own logits. */
static bool take_gold(struct continuation *item, const struct golden *golden, struct error *error)
{
    const struct golden_tensor *tensor = golden_find(golden, item->case_index, "lm_head");
    struct accuracy accuracy = gold_accuracy(golden, tensor, false);
    item->precision = limits_precision(&accuracy);
    item->spread = NAN;
    item->handful = HANDFUL;
    if (!tensor || tensor->kind == GOLDEN_STATISTICS || !tensor->rows)
        return true;
    float *row = malloc(tensor->width * sizeof *row);
    bool good =
        (row || error_memory(error, "greedy")) && golden_read_rows(golden, tensor, tensor->rows - 1, 1, row, error);
    if (good) {
        item->spread = spread_of(row, tensor->width);
        double apart = 4 * item->precision * item->spread;
        size_t near = near_best(row, tensor->width, (int)largest_index(row, tensor->width), apart);
        item->handful = 2 * near > HANDFUL ? 2 * near : HANDFUL;
    }
    free(row);
    return good;
}

/* Where gold has few bits, a choice may hang on what rounding did many layers before. So the token is computed again
 * with the chance of few bits, several times over. Through which experts a token goes changes in a few runs of a
 * hundred, and then much: so many runs are tried before a choice is called another one. */
#define DRAWS_FEW 8
#define DRAWS_MOST 128

struct draws {
    const struct continuation *item;
    size_t count;
    double square; /* sum over draws of (margin there - margin)^2 */
    bool reached;  /* gold's choice was as good in one of them */
};

static bool draw_see(void *context, size_t which, const struct part *part, struct error *error)
{
    struct draws *draws = context;
    const struct continuation *item = draws->item;
    (void)which, (void)error;
    if (part->point != POINT_HEAD)
        return true;
    const float *logits = part->values + (part->rows - 1) * part->width;
    double margin =
        (double)logits[item->ids.data[item->first]] - (double)logits[item->golden_case->greedy[item->first]];
    draws->count++;
    draws->square += (margin - item->margin) * (margin - item->margin);
    draws->reached = draws->reached || margin <= 0;
    return true;
}

static bool draw(struct model *model, double rounding, const int *ids, size_t count, struct draws *draws,
                 struct error *error)
{
    struct run *run = run_new(model, error);
    bool good = run;
    for (size_t i = 0; good && i < DRAWS_FEW; i++)
        good = run_add_rounded(run, ids, count, count - 1, rounding, (struct rider){draw_see, draws, draws->count + i},
                               error);
    good = good && run_execute(run, "greedy, rounded", 0, error);
    run_free(run);
    return good;
}

/* Sets `tie` of the item where one of at most so many runs with gold's rounding says so. */
static bool doubt(struct model *model, double rounding, size_t most, struct continuation *item, struct error *error)
{
    const struct golden_case *gold = item->golden_case;
    size_t count = gold->count + (size_t)item->first;
    int *ids = malloc(count * sizeof *ids);
    struct draws draws = {.item = item};
    bool good = ids || error_memory(error, "greedy");
    for (size_t i = 0; good && i < count; i++)
        ids[i] = i < gold->count ? gold->ids[i] : gold->greedy[i - gold->count];
    while (good && !item->tie && draws.count < most) {
        good = draw(model, rounding, ids, count, &draws, error);
        item->tie = draws.reached || item->margin <= 4 * sqrt(draws.square / (double)draws.count);
    }
    free(ids);
    return good;
}

/* Once more differ than are allowed, the others are looked at less closely: the verdict is known. */
static bool doubt_all(struct subject *subject, const struct golden *golden, double allowed, struct continuations *all,
                      struct error *error)
{
    double rounding = gold_rounding(golden), differ = 0;
    for (size_t i = 0; rounding > 0 && i < all->count; i++) {
        struct continuation *item = &all->items[i];
        size_t most = differ > allowed ? DRAWS_FEW : DRAWS_MOST;
        if (item->first >= 0 && item->broken < 0 && !item->tie && !doubt(subject->model, rounding, most, item, error))
            return false;
        differ += item->broken >= 0 || (item->first >= 0 && !item->tie);
    }
    return true;
}

bool greedy_check(struct subject *subject, const struct golden *golden, const struct limits *limits,
                  struct findings *findings, struct error *error)
{
    size_t cases = golden_case_count(golden);
    struct continuations all = {.items = calloc(cases, sizeof *all.items)};
    struct decode_prompt *prompts = calloc(cases, sizeof *prompts);
    bool good = (all.items && prompts) || error_memory(error, "greedy");
    for (size_t i = 0; good && i < cases; i++) {
        const struct golden_case *golden_case = golden_case_at(golden, i);
        if (!golden_case->greedy_count)
            continue;
        prompts[all.count] = (struct decode_prompt){golden_case->ids, golden_case->count, golden_case->greedy_count};
        struct continuation *item = &all.items[all.count++];
        *item = (struct continuation){.golden_case = golden_case, .case_index = i, .first = -1, .broken = -1};
        good = take_gold(item, golden, error);
    }
    good = good && (!all.count || decode(subject, prompts, all.count, "greedy", greedy_choose, &all, error));
    good = good && doubt_all(subject, golden, limits->rows[LIMIT_GREEDY].value, &all, error);
    good = good &&
           ((!all.memory && greedy_report(subject, golden, limits, &all, findings)) || error_memory(error, "greedy"));
    for (size_t i = 0; all.items && i < all.count; i++)
        ids_free(&all.items[i].ids);
    free(all.items);
    free(prompts);
    return good;
}
