#include "diagnostics/greedy.h"

#include <math.h>
#include <stdlib.h>

#include "base/progress.h"
#include "diagnostics/logits.h"
#include "diagnostics/run.h"

/* One continuation. */
struct continuation {
    const struct golden_case *golden_case;
    size_t case_index;
    struct kv *kv;
    struct ids ids; /* what was decoded */
    int next;       /* token to feed */
    int first;      /* first difference from gold, -1: none yet */
    double margin;  /* there: logit of the subject's choice - logit of gold's */
    double spread;  /* there: root mean square of the subject's logits */
    int broken;     /* first token whose logits are not all finite, -1: none yet */
};

struct decoding {
    struct continuation *items;
    size_t count;
    size_t first, last;         /* items first .. last - 1 are decoded together, in these: */
    size_t *active;             /* sequence of the pass -> item */
    struct sequence *sequences; /* of the pass */
    struct progress progress;
    size_t steps;
};

/* Root mean square; not finite when any of the values is not. */
static double spread_of(const float *values, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)values[i] * (double)values[i];
    return sqrt(sum / (double)count);
}

static bool greedy_see(void *context, const struct activation *activation, struct error *error)
{
    struct decoding *decoding = context;
    (void)error;
    for (size_t row = 0; activation->point == POINT_HEAD && row < activation->rows; row++) {
        struct continuation *item = &decoding->items[decoding->active[activation->row_of[row].sequence]];
        const float *logits = activation->values + row * activation->width;
        size_t step = item->ids.count;
        double spread = spread_of(logits, activation->width);
        item->next = (int)largest_index(logits, activation->width);
        if (item->broken < 0 && !isfinite(spread))
            item->broken = (int)step;
        int gold = item->golden_case->greedy[step];
        if (item->first >= 0 || item->next == gold)
            continue;
        item->first = (int)step;
        item->margin = (double)logits[item->next] - (double)logits[gold];
        item->spread = spread;
    }
    return true;
}

/* Lays out the next pass of the group; returns how many sequences it has. */
static size_t decoding_pass(struct decoding *decoding)
{
    size_t count = 0;
    for (size_t i = decoding->first; i < decoding->last; i++) {
        struct continuation *item = &decoding->items[i];
        if (item->ids.count >= item->golden_case->greedy_count)
            continue;
        decoding->active[count] = i;
        if (!item->ids.count)
            decoding->sequences[count] = (struct sequence){.ids = item->golden_case->ids,
                                                           .count = item->golden_case->count,
                                                           .kv = item->kv,
                                                           .logits_from = item->golden_case->count - 1};
        else
            decoding->sequences[count] =
                (struct sequence){.ids = &item->ids.data[item->ids.count - 1], .count = 1, .kv = item->kv};
        count++;
    }
    return count;
}

/* The end of the group that begins at `first`: at least one item, then as many as fit. */
static size_t group_end(const struct decoding *decoding, const struct model_config *config, size_t first)
{
    uint64_t bytes = 0;
    size_t i = first;
    for (; i < decoding->count; i++) {
        const struct golden_case *golden_case = decoding->items[i].golden_case;
        bytes += run_bytes(config, golden_case->count, golden_case->count + golden_case->greedy_count);
        if (i > first && bytes > RUN_BYTES)
            break;
    }
    return i;
}

/* Passes that the group needs: one for each token of its longest continuation. */
static size_t group_steps(const struct decoding *decoding, size_t first, size_t last)
{
    size_t longest = 0;
    for (size_t i = first; i < last; i++)
        longest = decoding->items[i].golden_case->greedy_count > longest ? decoding->items[i].golden_case->greedy_count
                                                                         : longest;
    return longest;
}

static bool group_decode(struct subject *subject, struct decoding *decoding, struct error *error)
{
    struct probe probe = {.see = greedy_see, .context = decoding};
    size_t count = 0;
    bool good = true;
    for (size_t i = decoding->first; good && i < decoding->last; i++) {
        const struct golden_case *golden_case = decoding->items[i].golden_case;
        decoding->items[i].kv = kv_new(subject->config, golden_case->count + golden_case->greedy_count, error);
        good = decoding->items[i].kv;
    }
    while (good && (count = decoding_pass(decoding))) {
        good = model_forward(subject->model, decoding->sequences, count, &probe, error);
        for (size_t i = 0; good && i < count; i++) {
            struct continuation *item = &decoding->items[decoding->active[i]];
            good = ids_push(&item->ids, item->next) || error_memory(error, "greedy");
        }
        progress_step(&decoding->progress, ++decoding->steps);
    }
    for (size_t i = decoding->first; i < decoding->last; i++) {
        kv_free(decoding->items[i].kv);
        decoding->items[i].kv = NULL;
    }
    return good;
}

static bool decode(struct subject *subject, struct decoding *decoding, struct error *error)
{
    size_t steps = 0;
    bool good = true;
    for (size_t first = 0, last; first < decoding->count; first = last) {
        last = group_end(decoding, subject->config, first);
        steps += group_steps(decoding, first, last);
    }
    decoding->progress = progress_begin("greedy", "tokens", steps);
    model_keep_weights(subject->model, true);
    for (; good && decoding->last < decoding->count; decoding->first = decoding->last) {
        decoding->last = group_end(decoding, subject->config, decoding->first);
        good = group_decode(subject, decoding, error);
    }
    model_keep_weights(subject->model, false);
    progress_end(&decoding->progress);
    return good;
}

static void add_text(const struct subject *subject, struct finding *finding, const char *name, const int *ids,
                     size_t count)
{
    struct buffer text = {0};
    struct error error = {0};
    if (subject->tokenizer && tokenizer_decode(subject->tokenizer, ids, count, false, &text, &error) && text.data)
        finding_fact_text(finding, name, "%s", text.data);
    error_clear(&error);
    buffer_free(&text);
}

static bool report_broken(const struct continuation *item, struct findings *findings)
{
    struct finding *finding = findings_add(findings, "greedy");
    if (!finding)
        return false;
    finding->summary = false;
    finding->verdict = VERDICT_FAIL;
    where_set(&finding->where.case_id, item->golden_case->id);
    finding->where.token = item->broken;
    finding_message(finding, "Case '%s' has logits that are not finite from token %d on.", item->golden_case->id,
                    item->broken);
    return true;
}

static bool report_case(const struct subject *subject, const struct continuation *item, bool tie,
                        struct findings *findings)
{
    struct finding *finding = findings_add(findings, "greedy");
    if (!finding)
        return false;
    finding->summary = false;
    finding->verdict = tie ? VERDICT_WARN : VERDICT_FAIL;
    where_set(&finding->where.case_id, item->golden_case->id);
    finding->where.token = item->first;
    finding_measured(finding, item->margin, "logits margin");
    add_text(subject, finding, "text", item->ids.data, item->ids.count);
    add_text(subject, finding, "golden_text", item->golden_case->greedy, item->golden_case->greedy_count);
    finding_message(
        finding, "Case '%s' continues differently from token %d on: %d instead of %d, by a margin of %.3g%s.",
        item->golden_case->id, item->first, item->ids.data[item->first], item->golden_case->greedy[item->first],
        item->margin, tie ? " (a near-tie: float32 cannot tell the two apart)" : "");
    return true;
}

static bool is_near_tie(const struct golden *golden, const struct limits *limits, const struct continuation *item)
{
    const struct golden_tensor *tensor = golden_find(golden, item->case_index, "lm_head");
    double tolerance = limits_tolerance(limits, tensor ? tensor->noise : NAN, golden_dtype(golden), NULL);
    return item->broken < 0 && item->margin <= 4 * tolerance * item->spread;
}

static bool greedy_report(const struct subject *subject, const struct golden *golden, const struct limits *limits,
                          const struct decoding *decoding, struct findings *findings)
{
    size_t at = findings->count, differ = 0, ties = 0, tokens = 0;
    if (!findings_add(findings, "greedy"))
        return false;
    for (size_t i = 0; i < decoding->count; i++) {
        const struct continuation *item = &decoding->items[i];
        tokens += item->ids.count;
        if (item->first < 0 && item->broken < 0)
            continue;
        bool tie = item->first >= 0 && is_near_tie(golden, limits, item);
        differ += !tie;
        ties += tie;
        if ((item->broken >= 0 && !report_broken(item, findings)) ||
            (item->first >= 0 && !report_case(subject, item, tie, findings)))
            return false;
    }
    struct finding *finding = &findings->items[at];
    if (!decoding->count) {
        finding->verdict = VERDICT_SKIP;
        finding_message(finding, "%s holds no greedy continuations.", golden_path(golden));
        return true;
    }
    finding_measured(finding, (double)differ, "continuations differ");
    finding_limit(finding, limits->rows[LIMIT_GREEDY].value, limits->rows[LIMIT_GREEDY].cause);
    finding_judge(finding);
    finding_fact(finding, "near_ties", (double)ties);
    finding_fact(finding, "tokens", (double)tokens);
    finding_message(finding, "%zu of %zu greedy continuations (%zu tokens) differ from gold's%s.", differ,
                    decoding->count, tokens, ties ? ", more only where float32 cannot tell the tokens apart" : "");
    return true;
}

static void decoding_free(struct decoding *decoding)
{
    for (size_t i = 0; decoding->items && i < decoding->count; i++)
        ids_free(&decoding->items[i].ids);
    free(decoding->items);
    free(decoding->active);
    free(decoding->sequences);
}

bool greedy_check(struct subject *subject, const struct golden *golden, const struct limits *limits,
                  struct findings *findings, struct error *error)
{
    size_t cases = golden_case_count(golden);
    struct decoding decoding = {.items = calloc(cases, sizeof *decoding.items),
                                .active = calloc(cases, sizeof *decoding.active),
                                .sequences = calloc(cases, sizeof *decoding.sequences)};
    bool good = (decoding.items && decoding.active && decoding.sequences) || error_memory(error, "greedy");
    for (size_t i = 0; good && i < cases; i++) {
        const struct golden_case *golden_case = golden_case_at(golden, i);
        if (!golden_case->greedy_count)
            continue;
        decoding.items[decoding.count++] =
            (struct continuation){.golden_case = golden_case, .case_index = i, .first = -1, .broken = -1};
    }
    if (good && decoding.count)
        good = decode(subject, &decoding, error);
    good = good && (greedy_report(subject, golden, limits, &decoding, findings) || error_memory(error, "greedy"));
    decoding_free(&decoding);
    return good;
}
