/* A model without a head; and a head that is stored though the configuration ties it to the embedding. */
#include <stdlib.h>

#include "inventory/inventory_internal.h"
#include "model/headless.h"

#define LISTED_MOST 3
#define ROWS_MOST 64 /* that are compared, from all over the table */

/* `*row` is the first of those compared that differs; the number of rows: none does. */
static bool first_different(const struct store *store, const struct tensor *head, const struct tensor *embedding,
                            uint64_t *row, struct error *error)
{
    uint64_t rows = head->rows, compared = rows < ROWS_MOST ? rows : ROWS_MOST;
    size_t columns = (size_t)head->columns;
    size_t bytes = dtype_row_bytes(head->dtype, columns), other = dtype_row_bytes(embedding->dtype, columns);
    void *raw = malloc((bytes > other ? bytes : other) + 1);
    float *mine = malloc((columns + 1) * sizeof *mine), *theirs = malloc((columns + 1) * sizeof *theirs);
    bool good = raw && mine && theirs, different = false;
    if (!good)
        error_memory(error, "inventory");
    for (uint64_t i = 0; good && !different && i < compared; i++) {
        *row = i * (rows - 1) / (compared > 1 ? compared - 1 : 1);
        good = store_read_wide(store, head, *row, 1, raw, mine, error) &&
               store_read_wide(store, embedding, *row, 1, raw, theirs, error);
        for (size_t c = 0; good && !different && c < columns; c++)
            different = mine[c] < theirs[c] || mine[c] > theirs[c];
    }
    *row = different ? *row : rows;
    free(raw);
    free(mine);
    free(theirs);
    return good;
}

/* The tensors of a head of another kind, the first of them. */
static void list_own(const struct census *census, struct buffer *out)
{
    size_t count = 0;
    for (size_t i = 0; i < store_text_count(census->store); i++) {
        const struct tensor *tensor = store_at(census->store, i);
        char shape[TENSOR_SHAPE_TEXT];
        if (headless_own(census->config, tensor) && count++ < LISTED_MOST)
            buffer_format(out, "%s'%s' %s", out->size ? ", " : " Its own head is ", tensor->disk_name,
                          shape_text(tensor->shape, tensor->rank, shape));
    }
    if (count > LISTED_MOST)
        buffer_format(out, " and %zu more", count - LISTED_MOST);
    if (count)
        buffer_text(out, ": it is not computed.");
}

/* A model whose class has no head over the vocabulary is whole without one. */
static bool report_headless(const struct census *census, struct findings *findings)
{
    const struct model_config *config = census->config;
    struct finding *finding = findings_add(findings, "inventory.head");
    struct buffer own = {0};
    if (!finding)
        return false;
    finding->verdict = config->head == HEAD_LEFT_OUT ? VERDICT_WARN : VERDICT_PASS;
    list_own(census, &own);
    if (config->head == HEAD_BORROWED)
        finding_message(finding,
                        "This is a %s, which has no head over the vocabulary; as tie_word_embeddings is true, the "
                        "embedding serves as one, as in transformers' AutoModelForCausalLM.",
                        config->made_as);
    else if (config->head == HEAD_NONE)
        finding_message(finding,
                        "This is a %s, a model without a head over the vocabulary: it ends with the values after the "
                        "final norm. Logits and texts cannot be computed; its layers are.%s",
                        config->made_as, own.data ? own.data : "");
    else
        finding_message(
            finding, "There is no 'lm_head.weight', and the tensors are named as those of a base model (\"layers.0\", "
                     "not \"model.layers.0\"): the model was saved without its head, as those are that embed texts. "
                     "Logits and texts cannot be computed; its layers are. If it is to write, the head must be "
                     "fetched from the original.");
    buffer_free(&own);
    return true;
}

bool inventory_head(const struct census *census, struct findings *findings)
{
    if (census->config->head != HEAD_LOGITS)
        return report_headless(census, findings);
    const struct tensor *head = store_find(census->store, weight_rows[WEIGHT_HEAD].name);
    const struct tensor *embedding = store_find(census->store, weight_rows[WEIGHT_EMBEDDING].name);
    struct error unread = {0};
    uint64_t row;
    if (!census->config->tied || !head || !embedding || !head->rows || !head->columns || head->rank != 2 ||
        !tensor_same_shape(head, embedding) || !dtype_computes(head->dtype) || !dtype_computes(embedding->dtype))
        return true;
    bool read = first_different(census->store, head, embedding, &row, &unread);
    error_clear(&unread); /* whoever needs the values tells */
    if (!read || row == head->rows)
        return true;
    struct finding *finding = findings_add(findings, "inventory.head");
    if (!finding)
        return false;
    finding->verdict = VERDICT_WARN;
    where_set(&finding->where.tensor, head->name);
    where_set(&finding->where.file, head->file ? head->file : "");
    finding_message(finding,
                    "tie_word_embeddings is true, but '%s' is there and differs from the embedding (in row %llu, for "
                    "one): readers differ. transformers 5 unties the two with a warning, and assay computes with the "
                    "stored head too; older ones overwrite it with the embedding. Set the flag to false, or leave the "
                    "head out.",
                    head->disk_name, (unsigned long long)row);
    return true;
}
