#include "activations/gold_config.h"

#include <stdlib.h>
#include <string.h>

#include "model/config_difference.h"
#include "model/probe.h"
#include "values/values.h"

/* --- the head --- */

enum head { HEAD_EQUAL, HEAD_OTHER, HEAD_UNKNOWN };

/* Row by row, whatever dtypes they are stored in. */
static bool compare_rows(const struct store *store, const struct tensor *head, const struct tensor *embedding,
                         enum head *found, struct error *error)
{
    size_t width = head->columns;
    float *values = malloc((2 * width + 1) * sizeof *values + dtype_row_bytes(head->dtype, width) +
                           dtype_row_bytes(embedding->dtype, width));
    bool good = values || error_memory(error, head->name);
    *found = HEAD_EQUAL;
    for (uint64_t row = 0; good && *found == HEAD_EQUAL && row < head->rows; row++) {
        good = store_read_wide(store, head, row, 1, values + 2 * width, values, error) &&
               store_read_wide(store, embedding, row, 1, values + 2 * width, values + width, error);
        if (good && !values_equal(values, values + width, width))
            *found = HEAD_OTHER;
    }
    free(values);
    return good;
}

/* The subject's own head beside its embedding. */
static bool compare_head(const struct store *store, enum head *found, struct error *error)
{
    const struct tensor *head = store ? store_find(store, "lm_head.weight") : NULL;
    const struct tensor *embedding = store ? store_find(store, "model.embed_tokens.weight") : NULL;
    *found = HEAD_UNKNOWN;
    if (!head || !embedding || !dtype_computes(head->dtype) || !dtype_computes(embedding->dtype))
        return true;
    if (head->rows == embedding->rows && head->columns == embedding->columns)
        return compare_rows(store, head, embedding, found, error);
    *found = HEAD_OTHER;
    return true;
}

/* --- the finding --- */

struct differences {
    struct config_difference items[CONFIG_DIFFERENCES_MAX];
    size_t count;
    bool other; /* tensors of other widths */
    struct buffer left_out;
};

/* What a head that is the embedding in one of the two comes to: in the subject, the weights tell. */
static bool settle_head(struct differences *differences, const struct model_config *config, const struct store *store,
                        struct error *error)
{
    static const enum difference_kind kinds[] = {
        [HEAD_EQUAL] = DIFFERS_NOTHING, [HEAD_OTHER] = DIFFERS_FUNCTION, [HEAD_UNKNOWN] = DIFFERS_PERHAPS};
    for (size_t i = 0; i < differences->count; i++) {
        enum head head = HEAD_UNKNOWN;
        if (strcmp(differences->items[i].name, "tie_word_embeddings") != 0)
            continue;
        if (!config->tied && !compare_head(store, &head, error))
            return false;
        differences->items[i].kind = kinds[head];
    }
    return true;
}

#define NAMED_MAX 4

#define KIND(kind) (1u << (kind))
#define ALL_KINDS (KIND(DIFFERS_NOTHING) | KIND(DIFFERS_PERHAPS) | KIND(DIFFERS_SIZE) | KIND(DIFFERS_FUNCTION))

/* Adds the first few of those of the kinds, as a list; how many there are. */
static size_t list(const struct differences *differences, unsigned kinds, size_t few, struct buffer *out)
{
    size_t count = 0;
    for (size_t i = 0; i < differences->count; i++) {
        if (!(kinds & KIND(differences->items[i].kind)) || count++ >= few)
            continue;
        buffer_text(out, count > 1 ? "; " : "");
        config_difference_text(&differences->items[i], out);
    }
    if (count > few)
        buffer_format(out, "; and %zu more", count - few);
    return count;
}

/* What may do nothing is not worth a word beside what does. */
static void config_message(const struct differences *differences, struct finding *finding)
{
    struct buffer text = {0}, names = {0};
    size_t faults = list(differences, KIND(DIFFERS_FUNCTION), NAMED_MAX, &names);
    if (faults || differences->other)
        buffer_format(&text,
                      "Gold was made for another configuration%s%s. What both have is compared all the same; the "
                      "subject computes with its own configuration.",
                      faults ? ": " : "", faults ? names.data : "");
    buffer_free(&names);
    size_t sizes = list(differences, KIND(DIFFERS_SIZE), NAMED_MAX, &names);
    if (sizes)
        buffer_format(&text, "%sThe sizes differ: %s. What both have is compared.", text.size ? " " : "", names.data);
    if (differences->left_out.size)
        buffer_format(&text, "%sNot compared: %s.", text.size ? " " : "", differences->left_out.data);
    buffer_free(&names);
    if (!faults && list(differences, KIND(DIFFERS_PERHAPS), NAMED_MAX, &names))
        buffer_format(&text, "%s%s: the compared values show whether that matters.", text.size ? " " : "", names.data);
    buffer_free(&names);
    if (!faults && list(differences, KIND(DIFFERS_NOTHING), NAMED_MAX, &names))
        buffer_format(
            &text, "%s%s: this changes nothing that is computed from a text.",
            text.size ? " " : "The configuration is gold's, except for what changes no computation: ", names.data);
    buffer_free(&names);
    finding_measured(finding, (double)faults, faults == 1 ? "difference" : "differences");
    finding_limit(finding, 0, "gold is valid for one configuration only");
    finding_message(finding, "%s", text.data ? text.data : "The configuration is the one that gold was made for.");
    buffer_free(&text);
}

static enum verdict config_verdict(const struct differences *differences)
{
    bool fault = differences->other, part = differences->left_out.size > 0;
    for (size_t i = 0; i < differences->count; i++) {
        enum difference_kind kind = differences->items[i].kind;
        fault = fault || kind == DIFFERS_FUNCTION;
        part = part || kind == DIFFERS_SIZE || kind == DIFFERS_PERHAPS;
    }
    return fault ? VERDICT_FAIL : part ? VERDICT_WARN : VERDICT_PASS;
}

static bool report(const struct differences *differences, struct findings *findings, struct error *error)
{
    struct finding *finding = findings_add(findings, "config.gold");
    if (!finding)
        return error_memory(error, "config.gold");
    config_message(differences, finding);
    finding->verdict = config_verdict(differences);
    struct buffer all = {0};
    if (list(differences, ALL_KINDS, CONFIG_DIFFERENCES_MAX, &all))
        finding_fact_text(finding, "differences", "%s", all.data);
    buffer_free(&all);
    return true;
}

bool gold_check_config(struct golden *golden, const struct model_config *config, const struct store *store, bool quiet,
                       struct findings *findings, struct error *error)
{
    struct differences *differences = calloc(1, sizeof *differences);
    struct model_config *there = golden_config(golden, error);
    bool good = there && (differences || error_memory(error, "config.gold")) && golden_fits(golden, there, error);
    bool recorded = golden_records_config(golden);
    if (good && recorded && (config->family || *config->model_type)) /* else a dump's that records none */
        differences->count = config_differences(config, there, differences->items);
    good = good && settle_head(differences, config, store, error) &&
           golden_restrict(golden, config, &differences->left_out, &differences->other, error);
    bool differ = good && (differences->count || differences->left_out.size);
    size_t first = findings->count;
    good = good && ((quiet || !recorded) && !differ ? true : report(differences, findings, error));
    findings_set_gold(findings, first, golden_path(golden));
    if (differences)
        buffer_free(&differences->left_out);
    free(differences);
    free(there);
    return good;
}

bool gold_fit(struct golden *golden, const struct subject *subject, bool quiet, struct findings *findings,
              struct error *error)
{
    const struct golden_beside beside = {
        .layers = subject->config->layers, .store = subject->store, .apart = input_is_apart(subject->config)};
    return golden_settle(golden, &beside, error) && golden_begin_as(golden, subject->tokenizer, error) &&
           gold_check_config(golden, subject->config, subject->store, quiet, findings, error);
}
