#include "activations/precision.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "activations/gold_config.h"
#include "activations/gold_use.h"
#include "activations/rounding.h"
#include "base/hash.h"
#include "values/values.h"

/* The dtype of most of the weights. */
static enum dtype subject_dtype(const struct store *store)
{
    double held[DTYPE_COUNT] = {0};
    enum dtype most = DTYPE_F32;
    for (size_t i = 0; i < store_text_count(store); i++) {
        const struct tensor *tensor = store_at(store, i);
        held[tensor->dtype] += (double)tensor->rows * (double)tensor->columns;
        most = held[tensor->dtype] > held[most] ? tensor->dtype : most;
    }
    return most;
}

/* Is `mine` gold's row rounded to the type? `again`: scratch. */
static bool is_rounded(enum dtype dtype, const float *mine, const float *gold, float *again, size_t count)
{
    double error = 0, square = 0;
    if (dtype_width(dtype)) {
        round_values(dtype, gold, again, count);
        return values_equal(mine, again, count);
    }
    for (size_t i = 0; i < count; i++) {
        error += ((double)mine[i] - (double)gold[i]) * ((double)mine[i] - (double)gold[i]);
        square += (double)gold[i] * (double)gold[i];
    }
    return error <= dtype_rounding(dtype) * dtype_rounding(dtype) * square;
}

/* The rows of the embedding that a case of gold holds, beside the subject's. */
struct rows {
    size_t same, rounded, other;
};

static bool compare_row(const struct golden *golden, const struct golden_tensor *gold, size_t row, int id,
                        const struct store *store, const struct tensor *mine, struct rows *rows, struct error *error)
{
    size_t width = gold->width;
    float *values = malloc((3 * width + 1) * sizeof *values + dtype_row_bytes(mine->dtype, width));
    bool good = (values || error_memory(error, gold->path)) && golden_read_rows(golden, gold, row, 1, values, error) &&
                store_read_wide(store, mine, (uint64_t)id, 1, values + 3 * width, values + width, error);
    if (good) {
        if (values_equal(values, values + width, width))
            rows->same++;
        else if (is_rounded(mine->dtype, values + width, values, values + 2 * width, width))
            rows->rounded++;
        else
            rows->other++;
    }
    free(values);
    return good;
}

#define ROWS_MAX 64 /* of each case */

static bool compare_rows(const struct golden *golden, const struct store *store, struct rows *rows, struct error *error)
{
    const struct tensor *mine = store_find(store, "model.embed_tokens.weight");
    for (size_t i = 0; mine && dtype_computes(mine->dtype) && i < golden_case_count(golden); i++) {
        const struct golden_tensor *gold = golden_find(golden, i, "model.embed_tokens");
        const int *ids = golden_case_at(golden, i)->ids;
        if (!gold || gold->kind != GOLDEN_VALUES || gold->width != mine->columns)
            continue;
        for (size_t row = 0; row < gold->rows && row < ROWS_MAX; row++) {
            int id = ids[gold->first + row];
            if (id >= 0 && (uint64_t)id < mine->rows && !compare_row(golden, gold, row, id, store, mine, rows, error))
                return false;
        }
    }
    return true;
}

bool precision_settle(struct golden *golden, const struct subject *subject, enum weights_beside *weights,
                      struct error *error)
{
    struct rows rows = {0};
    enum dtype dtype = subject_dtype(subject->store);
    bool few = dtype == DTYPE_BF16 || dtype == DTYPE_F16, blocks = dtype_block(dtype) > 1, same = true;
    char hex[SHA256_TEXT];
    *weights = WEIGHTS_AS_GOLD;
    if (!golden_measure_precision(golden, error))
        return false;
    if ((!few && !blocks) || golden_rounded(golden))
        return true;
    if (!compare_rows(golden, subject->store, &rows, error) ||
        (blocks && !gold_same_weights(golden, subject->store, hex, &same, error)))
        return false;
    if (few && rows.rounded && !rows.other) {
        *weights = WEIGHTS_ROUNDED;
        golden_coarsen(golden, dtype_torch(dtype));
    } else if (blocks && !rows.other && (rows.rounded || !same)) {
        /* an embedding may have been left as it was where all else was quantised */
        *weights = WEIGHTS_QUANTISED;
    }
    return true;
}

/* What few bits cost the logits, where that was measured: sets the finding's number and returns the end of its
 * sentence. */
static const char *add_cost(const struct golden *golden, struct finding *finding, char text[128])
{
    double most = gold_logits_rounding(golden);
    text[0] = 0;
    if (isnan(most))
        return text;
    finding_measured(finding, most, "of the logits");
    snprintf(text, 128, ": of this model's logits %.2g of their size", most);
    return text;
}

static bool report_gold(const struct golden *golden, struct findings *findings, struct error *error)
{
    struct finding *finding = findings_add(findings, "gold.precision");
    const char *arithmetic = golden_arithmetic(golden), *rounded = golden_rounded(golden);
    char cost[128];
    if (!finding)
        return error_memory(error, "gold.precision");
    finding_fact_text(finding, "dtype", "%s", golden_dtype(golden));
    add_cost(golden, finding, cost);
    bool by_bits = rounded && strcmp(arithmetic, rounded) != 0;
    bool gold = rounded || strcmp(arithmetic, golden_dtype(golden)) == 0;
    finding_message(finding, "%s no more precise than %s (%s), so differences smaller than that cannot be seen%s%s.",
                    gold ? "Gold is" : "The subject's values are", golden_dtype(golden),
                    by_bits ? "they are stored as float32, but use no other bits"
                    : gold  ? "it was computed in it"
                            : "they use no more bits than that",
                    cost[0] ? "; what such arithmetic costs was measured" : "", cost);
    return true;
}

static bool report_weights(const struct golden *golden, const struct subject *subject, enum weights_beside weights,
                           const struct limits *limits, struct findings *findings, struct error *error)
{
    char cost[128];
    struct finding *finding = findings_add(findings, "weights.precision");
    const char *dtype = dtype_name(subject_dtype(subject->store));
    bool allowed = limits->rows[LIMIT_KL].value > 0;
    if (!finding)
        return error_memory(error, "weights.precision");
    finding_fact_text(finding, "dtype", "%s", dtype);
    if (weights == WEIGHTS_ROUNDED) {
        finding->verdict = VERDICT_WARN;
        finding_message(finding,
                        "The weights are %s, gold was computed from more precise ones. What such rounding costs was "
                        "measured and is allowed, and nothing beyond it%s.",
                        dtype, add_cost(golden, finding, cost));
        return true;
    }
    finding->verdict = allowed ? VERDICT_WARN : VERDICT_FAIL;
    finding_message(
        finding,
        allowed ? "The weights are %s, gold was computed from more precise ones: this suite says what that may cost."
                : "The weights are %s, gold was computed from more precise ones, and this suite allows for no such "
                  "loss: --suite suites/quantised.json judges what that costs.",
        dtype);
    return true;
}

bool precision_fit(struct golden *const *goldens, size_t count, const struct subject *subject, struct error *error)
{
    struct findings unsaid = {0};
    bool good = true;
    for (size_t i = 0; good && i < count; i++) {
        enum weights_beside beside;
        good = gold_fit(goldens[i], subject, true, &unsaid, error) &&
               precision_settle(goldens[i], subject, &beside, error);
    }
    findings_free(&unsaid);
    return good;
}

bool precision_report(const struct golden *golden, const struct subject *subject, enum weights_beside weights,
                      const struct limits *limits, struct findings *findings, struct error *error)
{
    bool few = weights != WEIGHTS_ROUNDED && gold_rounding(golden) > 0;
    return (!few || report_gold(golden, findings, error)) &&
           (weights == WEIGHTS_AS_GOLD || report_weights(golden, subject, weights, limits, findings, error));
}
