/* Matrices that lie joined in one tensor, one behind the other: queries, keys and values, or gate and up. Each becomes
 * a tensor of the store by itself, a view of its rows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wording.h"
#include "store/store_internal.h"

#define PARTS_MOST 3

static const struct joined_row {
    const char *suffix;
    const char *parts[PARTS_MOST];
    const char *sized_by; /* another matrix of the layer, whose columns are as many as the rows of the first part; the
                             other parts are alike. NULL: all are alike */
} joined_rows[] = {
    {".self_attn.qkv_proj.weight", /* phi3 */
     {".self_attn.q_proj.weight", ".self_attn.k_proj.weight", ".self_attn.v_proj.weight"},
     ".self_attn.o_proj.weight"},
    {".self_attn.qkv_proj.bias", /* of GGUF files */
     {".self_attn.q_proj.bias", ".self_attn.k_proj.bias", ".self_attn.v_proj.bias"},
     ".self_attn.o_proj.weight"},
    {".mlp.gate_up_proj.weight", {".mlp.gate_proj.weight", ".mlp.up_proj.weight", NULL}, NULL}, /* phi3, glm, glm4 */
};

#define ROWS (sizeof joined_rows / sizeof *joined_rows)

static const struct joined_row *row_of(const struct tensor *tensor)
{
    for (size_t i = 0; i < ROWS && !tensor->other && (tensor->rank == 1 || tensor->rank == 2); i++)
        if (text_ends_with(tensor->name, joined_rows[i].suffix))
            return &joined_rows[i];
    return NULL;
}

/* By the names of all tensors. */
static bool columns_of(const struct store *store, const struct map *names, const struct tensor *tensor,
                       const struct joined_row *row, uint64_t *columns)
{
    char name[TENSOR_NAME_MAX];
    int stem = (int)(strlen(tensor->name) - strlen(row->suffix));
    int length = snprintf(name, sizeof name, "%.*s%s", stem, tensor->name, row->sized_by);
    bool fits = length > 0 && (size_t)length < sizeof name;
    size_t found = fits ? map_find(names, name, (size_t)length) : MAP_ABSENT;
    if (found == MAP_ABSENT || store->tensors[found].rank != 2)
        return false;
    *columns = store->tensors[found].columns;
    return true;
}

/* Of a vector each value is a row. */
static uint64_t row_count(const struct tensor *tensor)
{
    return tensor->rank == 1 ? tensor->columns : tensor->rows;
}

/* The rows of each part; false: they cannot be told, or do not come out even. */
static bool part_rows(const struct store *store, const struct map *names, const struct tensor *tensor,
                      const struct joined_row *row, uint64_t rows[PARTS_MOST])
{
    uint64_t first = 0, parts = 0;
    while (parts < PARTS_MOST && row->parts[parts])
        parts++;
    if (row->sized_by && !columns_of(store, names, tensor, row, &first))
        return false;
    uint64_t alike = row->sized_by ? parts - 1 : parts, all = row_count(tensor);
    if (first >= all || (all - first) % alike || (tensor->rank == 1 && !dtype_row_bytes(tensor->dtype, 1)))
        return false;
    for (uint64_t i = 0; i < parts; i++) {
        rows[i] = row->sized_by && !i ? first : (all - first) / alike;
        if (tensor->interleaved && rows[i] % tensor->interleaved)
            return false;
    }
    return true;
}

static bool cut(struct store *store, size_t index, const struct joined_row *row, const uint64_t rows[PARTS_MOST],
                struct error *error)
{
    const struct tensor whole = store->tensors[index];
    uint64_t line = dtype_row_bytes(whole.dtype, whole.rank == 1 ? 1 : whole.columns), at = 0;
    int stem = (int)(strlen(whole.name) - strlen(row->suffix));
    for (size_t part = 0; part < PARTS_MOST && row->parts[part]; part++) {
        char name[TENSOR_NAME_MAX];
        struct tensor view = whole;
        view.shape[0] = rows[part];
        if (whole.rank == 1) {
            view.columns = rows[part];
            view.stride = rows[part] * line;
        } else {
            view.rows = rows[part];
        }
        if (row->sized_by && part == 2)
            view.interleaved = 0; /* values are not rotated */
        view.bytes = view.held = rows[part] * line;
        view.offset = whole.offset + at * line;
        view_move(&view, at);
        at += rows[part];
        int length = snprintf(name, sizeof name, "%.*s%s", stem, whole.name, row->parts[part]);
        view.name = length > 0 && (size_t)length < sizeof name ? store_string(store, name) : NULL;
        if (!view.name)
            return error_memory(error, whole.name);
        if (!part)
            store->tensors[index] = view;
        else if (!store_add(store, &view, error))
            return false;
    }
    return true;
}

bool names_cut_joined(struct store *store, struct error *error)
{
    size_t count = store->count, joined = 0;
    struct map names = {0};
    bool good = true;
    for (size_t i = 0; i < count; i++)
        joined += row_of(&store->tensors[i]) != NULL;
    for (size_t i = 0; good && joined && i < count; i++)
        good = map_add(&names, store->tensors[i].name, strlen(store->tensors[i].name), i, NULL);
    if (!good)
        error_memory(error, store->path);
    for (size_t i = 0; good && joined && i < count; i++) {
        const struct joined_row *row = row_of(&store->tensors[i]);
        uint64_t rows[PARTS_MOST] = {0};
        if (row && store->tensors[i].bytes && part_rows(store, &names, &store->tensors[i], row, rows))
            good = cut(store, i, row, rows, error);
    }
    map_free(&names);
    return good;
}
