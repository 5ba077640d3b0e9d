/* A head that is stored though the configuration ties it to the embedding. */
#include <stdlib.h>

#include "inventory/inventory_internal.h"

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

bool inventory_head(const struct census *census, struct findings *findings)
{
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
