#include "diagnostics/checking.h"

#include <stdlib.h>
#include <string.h>

#include "activations/gold_use.h"
#include "base/progress.h"
#include "golden/golden.h"
#include "run/subject.h"

/* --- which rows take part --- */

static bool need_is_met(const struct check *check, enum need need)
{
    switch (need) {
    case NEEDS_GOLD:
        return check->golden_count > 0;
    case NEEDS_TEXT:
        return check->text != NULL;
    case NEEDS_TOKENIZER:
        return check->subject && check->subject->tokenizer;
    case NEEDS_ENGINE:
        return check->dump || !*check->config->unsupported;
    case NEEDS_HEAD:
        return check->dump || config_predicts(check->config, NULL);
    case NEEDS_WRITER:
        return check->dump || !check->config->both_directions;
    }
    return false;
}

/* Why the row has nothing to work on; NULL: it has. */
static const char *row_lacks(const struct check *check, const struct diagnostic *row)
{
    static const struct {
        enum need need;
        const char *why;
    } needs[] = {{NEEDS_ENGINE, "This model cannot be computed; inventory.computable says why."},
                 {NEEDS_HEAD, "The model has no head over the vocabulary, as inventory.head says: it makes no logits."},
                 {NEEDS_WRITER, "The model attends in both directions (is_causal is false): it predicts no next token, "
                                "and writes no text."},
                 {NEEDS_GOLD, "No gold was given (--golden)."},
                 {NEEDS_TEXT, "No text was given (--text)."},
                 {NEEDS_TOKENIZER, "There is no tokenizer that could be read: no text was written."}};
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
        if (row->needs & needs[i].need && !need_is_met(check, needs[i].need))
            return needs[i].why;
    return NULL;
}

bool checking_passes_gold(const struct checking *checking)
{
    bool any = false;
    for (size_t i = 0; checking->wanted[i]; i++)
        any = any || checking->wanted[i]->see || checking->wanted[i]->splice;
    return any && checking->check.golden_count;
}

bool checking_compares(const struct checking *checking)
{
    bool any = false;
    for (size_t i = 0; checking->wanted[i]; i++)
        any = any || (checking->wanted[i]->compares && checking->wanted[i]->report_gold);
    return any;
}

void checking_choose(struct checking *checking, const bool *wanted)
{
    const struct check *check = &checking->check;
    size_t count = 0;
    for (int i = 0; i < DIAGNOSTIC_COUNT; i++)
        if (wanted[i])
            checking->wanted[count++] = diagnostic_rows[i];
    checking->check.wanted = checking->wanted;
    for (int i = 0; i < DIAGNOSTIC_COUNT; i++) {
        const struct diagnostic *row = diagnostic_rows[i];
        checking->takes_part[i] =
            !row_lacks(check, row) && (wanted[i] || (row->rides && checking_passes_gold(checking)));
        checking->reports[i] = checking->takes_part[i] && wanted[i];
    }
}

/* It has something to do of its own when the pass is over. */
static bool concludes(const struct checking *checking, int row)
{
    return checking->reports[row] && (diagnostic_rows[row]->report || diagnostic_rows[row]->conclude);
}

void checking_count(struct checking *checking)
{
    checking->phases = 1; /* the pass */
    for (size_t i = 0; checking->wanted[i]; i++)
        checking->phases += checking->wanted[i]->before != NULL;
    for (int i = 0; i < DIAGNOSTIC_COUNT; i++)
        checking->phases += concludes(checking, i);
}

double checking_next(struct checking *checking)
{
    if (checking->phases)
        progress_phase(++checking->phase, checking->phases);
    return clock_seconds();
}

void checking_spent(struct checking *checking, const char *part, double since)
{
    times_add(checking->times, part, clock_seconds() - since);
}

bool checking_begin(struct checking *checking, struct error *error)
{
    for (int i = 0; i < DIAGNOSTIC_COUNT; i++)
        if (checking->takes_part[i] && diagnostic_rows[i]->begin &&
            !diagnostic_rows[i]->begin(&checking->check, &checking->states[i], error))
            return false;
    return true;
}

void checking_end(struct checking *checking)
{
    for (int i = 0; i < DIAGNOSTIC_COUNT; i++)
        if (diagnostic_rows[i]->end)
            diagnostic_rows[i]->end(&checking->check, checking->states[i]);
}

/* --- the pass --- */

static bool see_all(struct checking *checking, const struct seat *seat, const struct part *part, struct error *error)
{
    if (checking->rounding && !rounding_see(checking->rounding, seat, part, error))
        return false;
    if (seat->rounded)
        return true;
    for (int i = 0; !seat->isolated && i < DIAGNOSTIC_COUNT; i++)
        if (checking->takes_part[i] && diagnostic_rows[i]->see &&
            !diagnostic_rows[i]->see(checking->states[i], seat, part, error))
            return false;
    for (int i = 0; i < DIAGNOSTIC_COUNT; i++)
        if (checking->takes_part[i] && diagnostic_rows[i]->splice &&
            !diagnostic_rows[i]->splice(checking->states[i], seat, part, error))
            return false;
    return true;
}

/* Gold's logits may be of fewer ids than the subject has: then those are seen. Owned; NULL: out of memory. */
static float *first_logits(const struct part *part, size_t width)
{
    float *values = malloc(part->rows * width * sizeof *values + 1);
    for (size_t row = 0; values && row < part->rows; row++)
        memcpy(values + row * width, part->values + row * part->width, width * sizeof *values);
    return values;
}

bool checking_see(struct checking *checking, const struct seat *seat, const struct part *part, struct error *error)
{
    const struct golden_tensor *tensor =
        part->point == POINT_HEAD ? golden_find(checking->check.goldens[seat->gold], seat->case_index, part->path)
                                  : NULL;
    if (!tensor || tensor->kind != GOLDEN_VALUES || tensor->width >= part->width)
        return see_all(checking, seat, part, error);
    struct part first = *part;
    first.width = tensor->width;
    first.values = first_logits(part, tensor->width);
    bool good = first.values ? see_all(checking, seat, &first, error) : error_memory(error, part->path);
    free(first.values);
    return good;
}

/* --- reports --- */

bool checking_before(struct checking *checking, struct findings *findings, struct error *error)
{
    for (size_t i = 0; checking->check.wanted[i]; i++) {
        const struct diagnostic *row = checking->check.wanted[i];
        double since = row->before ? checking_next(checking) : 0;
        if (row->before && !row->before(&checking->check, findings, error))
            return false;
        if (row->before)
            checking_spent(checking, row->name, since);
    }
    return true;
}

/* Marks the tensors of the dump that were compared and tells `use` of the rest. */
static void gold_used(const struct checking *checking, size_t gold, struct gold_use *use, bool *marks)
{
    const struct check *check = &checking->check;
    for (int i = 0; i < DIAGNOSTIC_COUNT; i++)
        if (checking->takes_part[i] && diagnostic_rows[i]->use)
            diagnostic_rows[i]->use(check, checking->states[i], gold, use, marks);
    const struct golden *golden = check->goldens[gold];
    const char *outcome = point_rows[need_is_met(check, NEEDS_HEAD) ? POINT_HEAD : POINT_FINAL_NORM].path;
    use->outcome = use->others > 0;
    for (size_t i = 0; i < golden_tensor_count(golden); i++)
        use->outcome = use->outcome || (marks[i] && strcmp(golden_tensor_at(golden, i)->path, outcome) == 0);
}

static bool judge_use(const struct checking *checking, size_t gold, struct findings *findings, struct error *error)
{
    const struct check *check = &checking->check;
    const struct golden *golden = check->goldens[gold];
    bool *marks = calloc(golden_tensor_count(golden) + 1, sizeof *marks), any = false;
    struct gold_use use = {.tensors = marks,
                           .cases = checking->cases,
                           .subject = check->dump ? golden_path(check->dump) : store_path(check->subject->store)};
    if (!marks)
        return error_memory(error, "gold");
    gold_used(checking, gold, &use, marks);
    for (size_t i = 0; i < golden_tensor_count(golden); i++)
        any = any || marks[i];
    bool good = any || use.others || use.partly || !check->dump ||
                error_set(error,
                          "%s and %s have no tensor and no continuation of the same case (same id, same token ids) "
                          "in common",
                          golden_path(golden), golden_path(check->dump));
    good = good && gold_check_use(golden, &use, findings, error);
    free(marks);
    return good;
}

/* Everything that one gold says; `*same` when its weights are the subject's. */
static bool report_one_gold(struct checking *checking, size_t gold, bool *same, struct findings *findings,
                            struct error *error)
{
    const struct check *check = &checking->check;
    const struct golden *golden = check->goldens[gold];
    size_t first = findings->count;
    enum weights_beside weights = checking->weights ? checking->weights[gold] : WEIGHTS_AS_GOLD;
    bool good = gold_report_reading(golden, check->dump, findings, error) &&
                precision_report(golden, check->subject, weights, check->limits, findings, error);
    for (int i = 0; good && i < DIAGNOSTIC_COUNT; i++)
        if (checking->reports[i] && diagnostic_rows[i]->report_gold) {
            double since = clock_seconds();
            good = diagnostic_rows[i]->report_gold(check, checking->states[i], gold, findings, error);
            checking_spent(checking, diagnostic_rows[i]->name, since);
        }
    good = good &&
           (check->dump ||
            gold_check_weights(golden, check->subject->store, weights != WEIGHTS_AS_GOLD || check->subject->quantised,
                               same, findings, error)) &&
           (!checking_compares(checking) || !need_is_met(check, NEEDS_ENGINE) ||
            judge_use(checking, gold, findings, error));
    findings_set_gold(findings, first, golden_path(golden));
    return good;
}

static bool report_all(struct checking *checking, struct findings *findings, struct error *error)
{
    for (int i = 0; i < DIAGNOSTIC_COUNT; i++) {
        double since = concludes(checking, i) ? checking_next(checking) : 0;
        if (checking->reports[i] && diagnostic_rows[i]->report &&
            !diagnostic_rows[i]->report(&checking->check, checking->states[i], findings, error))
            return false;
        if (concludes(checking, i))
            checking_spent(checking, diagnostic_rows[i]->name, since);
    }
    return true;
}

/* What was asked for and has nothing to work on. */
static bool skip_row(const struct check *check, const struct diagnostic *row, struct findings *findings,
                     struct error *error)
{
    const char *why = row_lacks(check, row);
    bool computed = !(row->needs & NEEDS_ENGINE) || need_is_met(check, NEEDS_ENGINE);
    if (!computed && !row->skips)
        return findings_skip(findings, row->name, why, error);
    for (size_t i = 0; why && row->skips && row->skips[i]; i++)
        if (!findings_skip(findings, row->skips[i], why, error))
            return false;
    return !computed || !row->skip || row->skip(check, findings, error);
}

static bool conclude_all(struct checking *checking, struct findings *findings, struct error *error)
{
    for (int i = 0; i < DIAGNOSTIC_COUNT; i++) {
        const struct diagnostic *row = diagnostic_rows[i];
        if (check_wants(&checking->check, row->name) && !skip_row(&checking->check, row, findings, error))
            return false;
        double since = clock_seconds();
        if (checking->reports[i] && row->conclude &&
            !row->conclude(&checking->check, checking->states[i], findings, error))
            return false;
        if (concludes(checking, i))
            checking_spent(checking, row->name, since);
    }
    return true;
}

bool checking_report(struct checking *checking, struct findings *findings, struct error *error)
{
    bool same = false;
    for (size_t i = 0; i < checking->check.golden_count; i++)
        if (!report_one_gold(checking, i, &same, findings, error))
            return false;
    checking->check.original = same;
    return report_all(checking, findings, error) && conclude_all(checking, findings, error);
}
