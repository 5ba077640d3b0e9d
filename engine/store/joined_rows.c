/* Matrices that lie joined in one tensor, one behind the other or group by group: queries, keys and values, or gate and
 * up. Each becomes a tensor of the store by itself, a view of its rows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wording.h"
#include "store/beside.h"
#include "store/store_internal.h"

#define PARTS_MOST 3
#define GROUPS_MOST 65536

static const struct joined_row {
    const char *suffix;
    const char *parts[PARTS_MOST];
    bool grouped;         /* not one behind the other, but for each group of heads, by itself */
    const char *sized_by; /* another matrix of the layer, whose columns are as many as the rows of the first part; the
                             other parts are alike. NULL: all are alike */
} joined_rows[] = {
#define OF_ATTENTION(kind)                                                                                             \
    {                                                                                                                  \
        ".self_attn.q_proj." kind, ".self_attn.k_proj." kind, ".self_attn.v_proj." kind                                \
    }
    {".self_attn.qkv_proj.weight", OF_ATTENTION("weight"), false, ".self_attn.o_proj.weight"},       /* phi3 */
    {".self_attn.qkv_proj.bias", OF_ATTENTION("bias"), false, ".self_attn.o_proj.weight"},           /* of GGUF files */
    {".self_attn.query_key_value.weight", OF_ATTENTION("weight"), true, ".self_attn.o_proj.weight"}, /* gpt_neox */
    {".self_attn.query_key_value.bias", OF_ATTENTION("bias"), true, ".self_attn.o_proj.weight"},
#undef OF_ATTENTION
    {".mlp.gate_up_proj.weight", {".mlp.gate_proj.weight", ".mlp.up_proj.weight", NULL}, false, NULL}, /* phi3, glm */
};

#define ROWS (sizeof joined_rows / sizeof *joined_rows)

static double number_of(const cJSON *text, const char *key, double absent)
{
    const cJSON *value = json_member(text, key);
    return value ? value->valuedouble : absent;
}

static double heads_of_neox(const cJSON *text)
{
    return number_of(text, "num_attention_heads", 64);
}

static double heads_of_falcon(const cJSON *text)
{
    const cJSON *single = cJSON_GetObjectItemCaseSensitive(text, "multi_query");
    double heads = number_of(text, "num_attention_heads", 71);
    if (cJSON_IsTrue(json_member(text, "new_decoder_architecture")))
        return number_of(text, "num_kv_heads", heads);
    return !single || cJSON_IsTrue(single) ? 1 : heads;
}

/* Into how many groups of heads the rows of a joined matrix fall, each the rows of its queries, of its key and of its
 * value: as many as there are key/value heads, as the configuration beside the weights says. 0: it does not, or they do
 * not lie so. */
static uint64_t find_groups(const struct store *store)
{
    static const struct group_row {
        const char *model_type;
        double (*heads)(const cJSON *text);
    } rows[] = {{"gpt_neox", heads_of_neox}, {"falcon", heads_of_falcon}};
    cJSON *config = beside_read(store, "config.json");
    const cJSON *text = beside_text(config), *type = json_member(text, "model_type");
    double groups = 0;
    for (size_t i = 0; cJSON_IsString(type) && i < sizeof rows / sizeof *rows; i++)
        if (strcmp(type->valuestring, rows[i].model_type) == 0)
            groups = rows[i].heads(text);
    cJSON_Delete(config);
    return groups >= 1 && groups <= GROUPS_MOST ? (uint64_t)groups : 0;
}

/* What cutting goes by. */
struct cutting {
    struct store *store;
    struct map names; /* of all tensors */
    uint64_t groups;
};

static const struct joined_row *row_of(const struct tensor *tensor)
{
    for (size_t i = 0; i < ROWS && !tensor->other && (tensor->rank == 1 || tensor->rank == 2); i++)
        if (text_ends_with(tensor->name, joined_rows[i].suffix))
            return &joined_rows[i];
    return NULL;
}

static bool columns_of(const struct cutting *cutting, const struct tensor *tensor, const struct joined_row *row,
                       uint64_t *columns)
{
    char name[TENSOR_NAME_MAX];
    int stem = (int)(strlen(tensor->name) - strlen(row->suffix));
    int length = snprintf(name, sizeof name, "%.*s%s", stem, tensor->name, row->sized_by);
    bool fits = length > 0 && (size_t)length < sizeof name;
    size_t found = fits ? map_find(&cutting->names, name, (size_t)length) : MAP_ABSENT;
    if (found == MAP_ABSENT || cutting->store->tensors[found].rank != 2)
        return false;
    *columns = cutting->store->tensors[found].columns;
    return true;
}

/* Of a vector each value is a row. */
static uint64_t row_count(const struct tensor *tensor)
{
    return tensor->rank == 1 ? tensor->columns : tensor->rows;
}

/* The rows of each part; false: they cannot be told, or do not come out even. */
static bool part_rows(const struct cutting *cutting, const struct tensor *tensor, const struct joined_row *row,
                      uint64_t rows[PARTS_MOST])
{
    uint64_t first = 0, parts = 0, groups = row->grouped ? cutting->groups : 1;
    while (parts < PARTS_MOST && row->parts[parts])
        parts++;
    if (row->sized_by && !columns_of(cutting, tensor, row, &first))
        return false;
    uint64_t alike = row->sized_by ? parts - 1 : parts, all = row_count(tensor);
    if (first >= all || (all - first) % alike || (tensor->rank == 1 && !dtype_row_bytes(tensor->dtype, 1)))
        return false;
    for (uint64_t i = 0; i < parts; i++) {
        rows[i] = row->sized_by && !i ? first : (all - first) / alike;
        if (!groups || rows[i] % groups || (tensor->interleaved && rows[i] % tensor->interleaved))
            return false;
    }
    return true;
}

static bool cut(const struct cutting *cutting, size_t index, const struct joined_row *row,
                const uint64_t rows[PARTS_MOST], struct error *error)
{
    struct store *store = cutting->store;
    const struct tensor whole = store->tensors[index];
    uint64_t groups = row->grouped ? cutting->groups : 1;
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
        view.bytes = rows[part] * line;
        view.band = groups > 1 ? rows[part] / groups : 0;
        view.pitch = row_count(&whole) / groups;
        view.held = ((groups - 1) * view.pitch + rows[part] / groups) * line;
        view.offset = whole.offset + at * (whole.transposed ? dtype_row_bytes(whole.dtype, 1) : line);
        view_move(&view, at);
        at += rows[part] / groups;
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
    size_t count = store->count, joined = 0, grouped = 0;
    struct cutting cutting = {.store = store};
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        const struct joined_row *row = row_of(&store->tensors[i]);
        joined += row != NULL;
        grouped += row && row->grouped;
    }
    for (size_t i = 0; good && joined && i < count; i++)
        good = map_add(&cutting.names, store->tensors[i].name, strlen(store->tensors[i].name), i, NULL);
    if (!good)
        error_memory(error, store->path);
    cutting.groups = grouped ? find_groups(store) : 0;
    for (size_t i = 0; good && joined && i < count; i++) {
        const struct joined_row *row = row_of(&store->tensors[i]);
        uint64_t rows[PARTS_MOST] = {0};
        if (row && store->tensors[i].bytes && part_rows(&cutting, &store->tensors[i], row, rows))
            good = cut(&cutting, i, row, rows, error);
    }
    map_free(&cutting.names);
    return good;
}
