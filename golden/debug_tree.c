/* The reader of what transformers' model_addition_debugger_context writes: a tree of calls, each with its inputs and,
 * for a module without parts, its outputs; the values in .safetensors files beside it (use_repr=False), or only mean,
 * std, min and max (use_repr=True, and the summary). */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"
#include "base/wording.h"
#include "golden/golden_make.h"
#include "golden/golden_readers.h"
#include "golden/npy.h"

#define FULL "_debug_tree_FULL_TENSORS.json"
#define SUMMARY "_debug_tree_SUMMARY.json"
#define TREE_MAX ((size_t)1 << 30)

/* The tree in a folder, the full one where there are both; `*count` of that kind. Malloc'd; NULL: none. */
static char *tree_in(const char *folder, size_t *count)
{
    static const char *const ends[] = {FULL, SUMMARY};
    struct names names = {0};
    char *found = NULL;
    *count = 0;
    if (!folder_list(folder, &names, NULL))
        return NULL;
    for (size_t kind = 0; kind < 2 && !*count; kind++)
        for (size_t i = 0; i < names.count; i++)
            if (text_ends_with(names.items[i], ends[kind]) && !(*count)++)
                found = path_join(folder, names.items[i]);
    names_free(&names);
    return found;
}

static bool tree_recognises(const char *path)
{
    size_t count = 0;
    if (file_is_folder(path))
        free(tree_in(path, &count));
    return count || (!file_is_folder(path) && (text_ends_with(path, FULL) || text_ends_with(path, SUMMARY)));
}

struct tree {
    struct golden *golden;
    char *file;
    char *folder;
    int layers; /* seen so far: the largest index + 1 */
    struct buffer module;
    struct error *error;
};

/* "torch.Size([1, 5, 32])"; 0: no shape. */
static int parse_shape(const cJSON *value, uint64_t shape[TENSOR_RANK_MAX])
{
    static const char lead[] = "torch.Size([";
    const cJSON *text = json_member(value, "shape");
    if (!cJSON_IsString(text) || strncmp(text->valuestring, lead, sizeof lead - 1) != 0)
        return 0;
    const char *at = text->valuestring + sizeof lead - 1;
    int rank = 0, used = 0;
    unsigned long long extent = 0;
    while (rank < TENSOR_RANK_MAX && sscanf(at, "%15llu%n", &extent, &used) == 1) {
        shape[rank++] = extent;
        at += used;
        at += strspn(at, ", ");
    }
    return strcmp(at, "])") == 0 ? rank : 0;
}

/* "./NAME.safetensors" beside the tree, and nowhere else. */
static char *value_file(const struct tree *tree, const char *value)
{
    if (strncmp(value, "./", 2) != 0 || strchr(value + 2, '/') || !value[2]) {
        error_set(tree->error, "%s: says that values are in '%.80s'; a file beside the tree was expected", tree->file,
                  value);
        return NULL;
    }
    char *path = path_join(tree->folder, value + 2);
    if (!path)
        error_memory(tree->error, tree->file);
    return path;
}

/* The one tensor of the file that a value names, which has the shape that the tree says. */
static bool value_entry(const struct tree *tree, const char *path, const cJSON *value, struct golden_place *place)
{
    struct error *error = tree->error;
    struct safetensors file = {0};
    uint64_t shape[TENSOR_RANK_MAX];
    int rank = parse_shape(value, shape);
    bool good = safetensors_open(path, &file, error);
    if (good && (file.count != 1 || file.entries[0].rank != rank ||
                 memcmp(file.entries[0].shape, shape, (size_t)rank * sizeof *shape) != 0))
        good = error_set(error, "%s: should hold one tensor, of the shape that %s gives", path, path_base(tree->file));
    if (good) {
        place->dtype = file.entries[0].dtype;
        place->offset = file.entries[0].offset;
    }
    safetensors_free(&file);
    return good;
}

static bool value_readable(const struct tree *tree, const struct golden_place *place)
{
    return dtype_width(place->dtype) || place->dtype == DTYPE_F64 ||
           error_set(tree->error, "%s: the values have dtype %s; F64, F32, F16 or BF16 was expected", place->file,
                     dtype_name(place->dtype));
}

/* "tensor(-2.4175e-02, ...)": a number of so many digits. */
static struct golden_number parse_number(const cJSON *value, const char *key)
{
    const cJSON *text = json_member(value, key);
    const char *at = cJSON_IsString(text) && strncmp(text->valuestring, "tensor(", 7) == 0 ? text->valuestring + 7 : "";
    char *end = NULL;
    struct golden_number number = {.value = strtod(at, &end), .half = NAN};
    if (end == at)
        return (struct golden_number){NAN, NAN};
    const char *point = memchr(at, '.', (size_t)(end - at)), *exponent = memchr(at, 'e', (size_t)(end - at));
    long power = exponent && point ? strtol(exponent + 1, NULL, 10) : 0;
    long digits = point ? (long)strspn(point + 1, "0123456789") : 0;
    number.half = 0.5 * pow(10, (double)(power - digits));
    return number;
}

static struct golden_statistics parse_statistics(const cJSON *value)
{
    return (struct golden_statistics){parse_number(value, "mean"), parse_number(value, "std"),
                                      parse_number(value, "min"), parse_number(value, "max")};
}

/* From the finest to the coarsest. */
static const struct dtype_row {
    enum dtype dtype;
    double rounding; /* of a printed statistic, which is computed in the tensor's own dtype */
} dtype_rows[] = {{DTYPE_F64, 0}, {DTYPE_F32, 0}, {DTYPE_F16, 0x1p-11}, {DTYPE_BF16, 0x1p-8}};

static const struct dtype_row *value_dtype(const cJSON *value)
{
    const cJSON *text = json_member(value, "dtype");
    enum dtype dtype = cJSON_IsString(text) ? dtype_of_torch(text->valuestring) : DTYPE_COUNT;
    for (size_t i = 0; i < sizeof dtype_rows / sizeof *dtype_rows; i++)
        if (dtype == dtype_rows[i].dtype)
            return &dtype_rows[i];
    return NULL;
}

static void take_dtype(struct golden *golden, const struct dtype_row *row)
{
    for (const struct dtype_row *have = dtype_rows; have < row; have++)
        if (!golden->dtype || strcmp(golden->dtype, dtype_torch(have->dtype)) == 0)
            golden->dtype = dtype_torch(row->dtype);
    if (!golden->dtype)
        golden->dtype = dtype_torch(row->dtype);
}

static void widen_statistics(struct golden_statistics *statistics, double rounding)
{
    struct golden_number *const numbers[] = {&statistics->mean, &statistics->deviation, &statistics->least,
                                             &statistics->most};
    for (size_t i = 0; i < 4; i++)
        numbers[i]->half += rounding * fabs(numbers[i]->value);
}

/* What a module took or gave, when it has a row for each token of the case; else nothing. The values are float. */
static bool add_value(struct tree *tree, const cJSON *value, const char *path)
{
    struct golden *golden = tree->golden;
    uint64_t shape[TENSOR_RANK_MAX], tokens = golden->cases[0].public.count, values = 1;
    const struct dtype_row *dtype = value_dtype(value);
    int rank = parse_shape(value, shape);
    bool rows = rank >= 2 && (shape[0] == tokens || (rank >= 3 && shape[0] == 1 && shape[1] == tokens));
    for (int i = 0; rows && i < rank; i++)
        rows = multiply_u64(values, shape[i], &values) && values && values < (uint64_t)1 << 40;
    if (!dtype || !rows)
        return true;
    const cJSON *content = json_member(value, "value");
    struct golden_tensor tensor = {
        .kind = GOLDEN_STATISTICS, .rows = (size_t)tokens, .width = (size_t)(values / tokens), .noise = NAN};
    struct golden_place place = {.statistics = parse_statistics(value)};
    widen_statistics(&place.statistics, dtype->rounding);
    if (cJSON_IsString(content)) {
        tensor.kind = GOLDEN_VALUES;
        place.file = value_file(tree, content->valuestring);
        if (!place.file || !value_entry(tree, place.file, value, &place) || !value_readable(tree, &place)) {
            free(place.file);
            return false;
        }
    } else if (isnan(place.statistics.mean.value))
        return true;
    take_dtype(golden, dtype);
    /* called twice: the file holds the last call's values, and which is meant is not told */
    struct buffer name = {0};
    buffer_format(&name, "%s/%s", golden->cases[0].id, path);
    bool again = name.data && map_find(&golden->tensor_of, name.data, name.size) != MAP_ABSENT;
    buffer_free(&name);
    if (!again)
        return golden_add_tensor(golden, &tensor, path, place, tree->error);
    free(place.file);
    return true;
}

/* The first of several; NULL: none. */
static const cJSON *first_of(const cJSON *value)
{
    return cJSON_IsArray(value) ? value->child : value;
}

static const cJSON *first_input(const cJSON *node)
{
    const cJSON *inputs = json_member(node, "inputs"),
                *given = json_member(json_member(inputs, "kwargs"), "hidden_states");
    const cJSON *first = first_of(json_member(inputs, "args"));
    return first ? first : given;
}

/* Modules that have parts record no outputs. What two of them give is what their last part gives; what a layer gives
 * is what the next takes. */
static const struct alias_row {
    const char *part, *module;
} alias_rows[] = {{"self_attn.o_proj", "self_attn"}, {"mlp.down_proj", "mlp"}};

static bool add_outputs(struct tree *tree, const cJSON *node, const char *path, int layer, const char *inner)
{
    char alias[64];
    for (size_t i = 0; i < sizeof alias_rows / sizeof *alias_rows; i++) {
        if (strcmp(inner, alias_rows[i].part) == 0) {
            snprintf(alias, sizeof alias, "model.layers.%d.%s", layer, alias_rows[i].module);
            path = alias;
        }
    }
    const cJSON *outputs = first_of(json_member(node, "outputs"));
    return !cJSON_IsObject(outputs) || add_value(tree, outputs, path);
}

static bool add_layer_before(struct tree *tree, const cJSON *node, int before)
{
    char path[64];
    const cJSON *input = first_input(node);
    snprintf(path, sizeof path, "model.layers.%d", before);
    return before < 0 || !cJSON_IsObject(input) || add_value(tree, input, path);
}

static bool walk(struct tree *tree, const cJSON *node)
{
    const char *name = NULL;
    if (!cJSON_IsObject(node) || !json_get_string(node, tree->file, "module_path", &name, tree->error) || !name)
        return error_set(tree->error, "%s: a node of the tree has no \"module_path\"", tree->file);
    const char *dot = strchr(name, '.'), *path = dot ? spelling_unwrapped(dot + 1, &tree->module) : "";
    if (!path)
        return error_memory(tree->error, tree->file);
    int layer = -1, used = 0;
    bool in_layer = sscanf(path, "model.layers.%d%n", &layer, &used) == 1 && layer >= 0;
    const char *inner = in_layer ? path + used + (path[used] == '.') : "";
    if (in_layer && layer >= tree->layers && layer < CONFIG_LAYERS_MAX)
        tree->layers = layer + 1;
    bool good = !*path || add_outputs(tree, node, path, layer, inner);
    if (good && in_layer && !*inner)
        good = add_layer_before(tree, node, layer - 1);
    if (good && strcmp(path, "model.norm") == 0)
        good = add_layer_before(tree, node, tree->layers - 1);
    const cJSON *children = json_member(node, "children");
    for (const cJSON *child = cJSON_IsArray(children) ? children->child : NULL; good && child; child = child->next)
        good = walk(tree, child);
    return good;
}

/* From "tensor([[1, 2, 3]], device='cuda:0')", in lines; what follows the brackets does not count. */
static bool ids_from_text(const struct tree *tree, const cJSON *lines, uint64_t count, struct ids *ids)
{
    int depth = 0;
    bool ended = false;
    for (const cJSON *line = lines->child; line && !ended; line = line->next) {
        const char *at = cJSON_IsString(line) ? line->valuestring : "";
        for (; !ended && *(at += strcspn(at, "0123456789[].-")); at++) {
            char *end;
            if (*at == '.')
                return error_set(tree->error, "%s: the token ids are abridged: save them as ids.npy beside it",
                                 tree->file);
            if (*at == '[' || *at == ']') {
                depth += *at == '[' ? 1 : -1;
                ended = depth <= 0;
                continue;
            }
            long id = strtol(at, &end, 10);
            if (id < 0 || id > INT_MAX || end == at || !ids_push(ids, (int)id))
                return error_set(tree->error, "%s: '%.20s' is no token id", tree->file, at);
            at = end - 1;
        }
    }
    return ids->count == count || error_set(tree->error, "%s: has %zu token ids, where their shape says %llu",
                                            tree->file, ids->count, (unsigned long long)count);
}

static bool ids_from_value(const struct tree *tree, const cJSON *value, struct ids *ids)
{
    uint64_t shape[TENSOR_RANK_MAX];
    int rank = parse_shape(value, shape);
    const cJSON *content = json_member(value, "value");
    struct golden_place place = {0};
    if (rank < 1 || rank > 2 || (rank == 2 && shape[0] != 1))
        return error_set(tree->error, "%s: token ids [1, tokens] were expected; a batch of several is not read",
                         tree->file);
    if (cJSON_IsArray(content))
        return ids_from_text(tree, content, shape[rank - 1], ids);
    char *path = value_file(tree, content->valuestring);
    bool good = path && value_entry(tree, path, value, &place) &&
                golden_read_ids(path, place.offset, place.dtype, shape[rank - 1], ids, tree->error);
    free(path);
    return good;
}

/* Those of the root; NULL: none, or a summary, which keeps no values. */
static const cJSON *ids_value(const cJSON *root)
{
    const cJSON *inputs = json_member(root, "inputs"), *ids = json_member(json_member(inputs, "kwargs"), "input_ids");
    const cJSON *value = ids ? ids : first_of(json_member(inputs, "args"));
    const cJSON *dtype = json_member(value, "dtype"), *content = json_member(value, "value");
    bool whole = cJSON_IsString(dtype) && strncmp(dtype->valuestring, "torch.int", 9) == 0;
    return whole && (cJSON_IsString(content) || cJSON_IsArray(content)) ? value : NULL;
}

static bool ids_from_npy(const struct tree *tree, struct ids *ids)
{
    char *path = path_join(tree->folder, "ids.npy");
    struct npy npy;
    bool good = path || error_memory(tree->error, tree->file);
    if (good && file_exists(path))
        good = npy_open(path, &npy, tree->error) &&
               golden_read_ids(path, npy.offset, npy.dtype, npy.values, ids, tree->error);
    free(path);
    return good;
}

/* The full tree beside a summary; NULL: none. */
static cJSON *full_beside(const struct tree *tree)
{
    struct buffer path = {0};
    size_t stem = strlen(tree->file) - strlen(SUMMARY);
    cJSON *full = NULL;
    buffer_format(&path, "%.*s%s", (int)stem, tree->file, FULL);
    if (text_ends_with(tree->file, SUMMARY) && !path.failed && file_exists(path.data))
        full = json_read(path.data, TREE_MAX, tree->error);
    buffer_free(&path);
    return full;
}

static bool find_ids(const struct tree *tree, const cJSON *root, struct ids *ids)
{
    if (!ids_from_npy(tree, ids))
        return false;
    if (ids->count)
        return true;
    cJSON *full = ids_value(root) ? NULL : full_beside(tree);
    const cJSON *value = ids_value(full ? full : root);
    bool good = value ? ids_from_value(tree, value, ids)
                      : error_set(tree->error,
                                  "%s: the token ids are absent: *%s beside it gives them if it was made with "
                                  "input_ids; or save them as ids.npy there",
                                  tree->file, FULL);
    cJSON_Delete(full);
    return good;
}

static bool tree_locate(struct tree *tree)
{
    const char *path = tree->golden->path;
    size_t count = 1;
    if (file_is_folder(path))
        tree->file = tree_in(path, &count);
    else
        tree->file = strdup(path);
    if (!tree->file)
        return error_memory(tree->error, path);
    if (count > 1)
        return error_set(tree->error, "%s: holds %zu debug trees; name one of the files", path, count);
    size_t length = (size_t)(path_base(tree->file) - tree->file);
    tree->folder = length ? strndup(tree->file, length > 1 ? length - 1 : 1) : strdup(".");
    return tree->folder || error_memory(tree->error, path);
}

static bool tree_open(struct golden *golden, struct error *error)
{
    struct tree tree = {.golden = golden, .error = error};
    struct ids ids = {0};
    cJSON *root = NULL;
    golden->producer = "transformers model_addition_debugger_context";
    bool good = tree_locate(&tree) && (root = json_read(tree.file, TREE_MAX, error)) && find_ids(&tree, root, &ids);
    const char *base = good ? path_base(tree.file) : "";
    char *id = strndup(base, strlen(base) - (good ? strlen(text_ends_with(base, FULL) ? FULL : SUMMARY) : 0));
    good = good && (id || error_memory(error, golden->path)) && golden_add_case(golden, id, &ids, error) &&
           walk(&tree, root);
    if (!golden->dtype)
        golden->dtype = "float32";
    ids_free(&ids);
    free(id);
    cJSON_Delete(root);
    buffer_free(&tree.module);
    free(tree.file);
    free(tree.folder);
    return good;
}

const struct golden_reader golden_debug_tree = {tree_recognises, tree_open, golden_read_plain};
