/* PyTorch checkpoints, as torch.save writes them since version 1.6: a zip archive of one pickle, which names and shapes
 * the tensors, and of the storages that hold their values. Nothing in the pickle is executed. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file_kind.h"
#include "base/json.h"
#include "base/numbers.h"
#include "base/wording.h"
#include "store/formats.h"
#include "store/pickle.h"
#include "store/torch_folder.h"
#include "store/zip.h"

#define PICKLE_MOST ((uint64_t)64 << 20)
#define DEPTH_MOST 16
#define NAME_MOST 512
#define RECORD_MOST 16 /* bytes of a record that is one word */

/* What the pickle of a checkpoint may call for; all behind the functions are storages, with the type of their values.
 */
static const struct pickle_global globals[] = {
    {"torch._utils", "_rebuild_tensor_v2"},
    {"torch._utils", "_rebuild_parameter"},
    {"torch", "FloatStorage"},
    {"torch", "HalfStorage"},
    {"torch", "BFloat16Storage"},
    {"torch", "DoubleStorage"},
    {"torch", "LongStorage"},
    {"torch", "IntStorage"},
    {"torch", "ShortStorage"},
    {"torch", "CharStorage"},
    {"torch", "ByteStorage"},
    {"torch", "BoolStorage"},
};
enum { REBUILD_TENSOR, REBUILD_PARAMETER, STORAGES, GLOBALS = sizeof globals / sizeof *globals };

static const enum dtype storage_dtypes[] = {DTYPE_F32, DTYPE_F16, DTYPE_BF16, DTYPE_F64, DTYPE_I64,
                                            DTYPE_I32, DTYPE_I16, DTYPE_I8,   DTYPE_U8,  DTYPE_BOOL};
_Static_assert(GLOBALS - STORAGES == sizeof storage_dtypes / sizeof *storage_dtypes, "a type for each storage");

/* Under which name of the pickle's dictionary the weights may lie among other things, the first that is there. */
static const char *const wrappers[] = {"state_dict", "model_state_dict", "module", "model"};

struct checkpoint {
    struct store *store;
    const char *path;
    struct weight_file *source;
    struct zip zip;
    struct pickle pickle;
    char *text;         /* of the pickle */
    struct buffer root; /* "archive/": in front of all names of the zip */
    char *seen;         /* by value: whether it was visited */
    struct buffer name; /* of the tensor where the walk is */
    struct error *error;
};

/* --- the archive --- */

/* The whole entry, NUL-terminated and malloc'd; NULL with the reason. */
static char *read_entry(const struct checkpoint *torch, const struct zip_entry *entry, uint64_t most)
{
    char *text = NULL;
    if (!entry->plain)
        error_set(torch->error, "%s: entry '%s' is compressed or encrypted; PyTorch stores it as it is", torch->path,
                  entry->name);
    else if (entry->size > most)
        error_set(torch->error, "%s: entry '%s' has %llu bytes; at most %llu are allowed", torch->path, entry->name,
                  (unsigned long long)entry->size, (unsigned long long)most);
    else if (!(text = malloc((size_t)entry->size + 1)))
        error_memory(torch->error, torch->path);
    int descriptor = text ? file_open(torch->path, NULL, torch->error) : -1;
    bool good = descriptor >= 0 &&
                file_read_at(descriptor, torch->path, entry->offset, text, (size_t)entry->size, torch->error);
    if (descriptor >= 0)
        close(descriptor);
    if (good) {
        text[entry->size] = '\0';
        return text;
    }
    free(text);
    return NULL;
}

static const struct zip_entry *find_entry(const struct checkpoint *torch, const char *name, size_t length)
{
    struct buffer path = {0};
    const struct zip_entry *entry = NULL;
    if (buffer_format(&path, "%s%.*s", torch->root.data, (int)length, name))
        entry = zip_find(&torch->zip, path.data);
    buffer_free(&path);
    return entry;
}

static const struct zip_entry *find_record(const struct checkpoint *torch, const char *name)
{
    return find_entry(torch, name, strlen(name));
}

/* The pickle lies in the archive's only folder. */
static const struct zip_entry *find_pickle(struct checkpoint *torch)
{
    static const char ending[] = "/data.pkl";
    for (size_t i = 0; i < torch->zip.count; i++) {
        const struct zip_entry *entry = &torch->zip.entries[i];
        size_t folder = strcspn(entry->name, "/");
        if (strcmp(entry->name + folder, ending) != 0)
            continue;
        if (buffer_format(&torch->root, "%.*s/", (int)folder, entry->name))
            return entry;
        error_memory(torch->error, torch->path);
        return NULL;
    }
    error_set(torch->error, "%s: is a zip archive without data.pkl, so it is no PyTorch checkpoint", torch->path);
    return NULL;
}

/* Written since version 2.1; before, as the machine had it, and that was little-endian nearly everywhere. */
static bool check_order(const struct checkpoint *torch)
{
    const struct zip_entry *entry = find_record(torch, "byteorder");
    char *order = entry ? read_entry(torch, entry, RECORD_MOST) : NULL;
    bool good =
        !entry || (order && (strcmp(order, "little") == 0 ||
                             error_set(torch->error, "%s: its values are in %s-endian order; little was expected",
                                       torch->path, strcmp(order, "big") == 0 ? "big" : "another")));
    free(order);
    return good;
}

static bool open_archive(struct checkpoint *torch)
{
    if (!zip_open(torch->path, &torch->zip, torch->error))
        return false;
    const struct zip_entry *entry = find_pickle(torch);
    if (!entry || !check_order(torch) || !(torch->text = read_entry(torch, entry, PICKLE_MOST)) ||
        !pickle_read(torch->path, torch->text, (size_t)entry->size, globals, GLOBALS, &torch->pickle, torch->error))
        return false;
    torch->seen = calloc(torch->pickle.count, 1);
    torch->source = weight_files_add(&torch->store->files, torch->path, &torch->zip.state);
    return (torch->seen && torch->source) || error_memory(torch->error, torch->path);
}

/* --- a tensor --- */

static bool bad_tensor(const struct checkpoint *torch, const char *what)
{
    return error_set(torch->error, "%s: tensor '%s': %s", torch->path, torch->name.data, what);
}

static const struct pickle_value *item(const struct checkpoint *torch, const struct pickle_value *value, size_t index)
{
    return pickle_item(&torch->pickle, value, index);
}

/* The arguments of a call of that global; NULL: it is none. */
static const struct pickle_value *arguments_of(const struct checkpoint *torch, const struct pickle_value *value,
                                               int global)
{
    return value->kind == PICKLE_CALL && value->whole == global ? item(torch, value, 0) : NULL;
}

/* Of a tensor, or of the one that a parameter is: the arguments that make it; NULL: it is neither. */
static const struct pickle_value *tensor_parts(const struct checkpoint *torch, const struct pickle_value *value)
{
    const struct pickle_value *parameter = arguments_of(torch, value, REBUILD_PARAMETER);
    if (parameter)
        value = parameter->count ? item(torch, parameter, 0) : value;
    return arguments_of(torch, value, REBUILD_TENSOR);
}

/* The place of a storage's values: ("storage", its class, its key, where it was, how many). */
static bool take_storage(const struct checkpoint *torch, const struct pickle_value *outside, struct tensor *tensor,
                         uint64_t *bytes)
{
    const struct pickle_value *id = outside->kind == PICKLE_OUTSIDE ? item(torch, outside, 0) : NULL;
    if (!id || id->kind != PICKLE_TUPLE || id->count != 5 || item(torch, id, 1)->kind != PICKLE_GLOBAL ||
        item(torch, id, 1)->whole < STORAGES || item(torch, id, 2)->kind != PICKLE_TEXT ||
        item(torch, id, 4)->kind != PICKLE_WHOLE || item(torch, id, 4)->whole < 0)
        return bad_tensor(torch, "its storage is not described as PyTorch writes it");
    tensor->dtype = storage_dtypes[item(torch, id, 1)->whole - STORAGES];
    const struct pickle_value *key = item(torch, id, 2);
    struct buffer name = {0};
    buffer_text(&name, "data/");
    buffer_append(&name, key->text, key->size);
    const struct zip_entry *entry = name.failed ? NULL : find_entry(torch, name.data, name.size);
    buffer_free(&name);
    if (!entry || !entry->plain)
        return bad_tensor(torch, entry ? "its storage is compressed or encrypted; PyTorch stores it as it is"
                                       : "its storage is not in the archive");
    if (!multiply_u64((uint64_t)item(torch, id, 4)->whole, dtype_bits(tensor->dtype) / 8, bytes) ||
        *bytes != entry->size)
        return error_set(torch->error,
                         "%s: tensor '%s': its storage '%s' should hold %lld values of %s, and has %llu bytes",
                         torch->path, torch->name.data, entry->name, (long long)item(torch, id, 4)->whole,
                         dtype_name(tensor->dtype), (unsigned long long)entry->size);
    tensor->offset = entry->offset;
    return true;
}

/* A tuple of whole numbers from 0 on. */
static bool take_numbers(const struct checkpoint *torch, const struct pickle_value *tuple, uint64_t *numbers,
                         int *count)
{
    if (tuple->kind != PICKLE_TUPLE || tuple->count > TENSOR_RANK_MAX)
        return bad_tensor(torch, "its shape or its strides are no tuple of at most 8 numbers");
    *count = (int)tuple->count;
    for (size_t i = 0; i < tuple->count; i++) {
        const struct pickle_value *number = item(torch, tuple, i);
        if (number->kind != PICKLE_WHOLE || number->whole < 0)
            return bad_tensor(torch, "its shape or its strides hold something that is no whole number");
        numbers[i] = (uint64_t)number->whole;
    }
    return true;
}

/* Where the values lie one behind the other, or as the columns of a matrix do: `*span` is how many values there are
 * from the first to the last. */
static bool take_layout(const struct checkpoint *torch, const uint64_t *strides, struct tensor *tensor, uint64_t *span)
{
    uint64_t values = 1, element = dtype_bits(tensor->dtype) / 8;
    bool plain = true;
    for (int i = tensor->rank - 1; i >= 0; i--) {
        plain = plain && (tensor->shape[i] == 1 || strides[i] == values);
        if (!multiply_u64(values, tensor->shape[i], &values))
            return bad_tensor(torch, "its size overflows");
    }
    *span = values;
    if (plain || !values)
        return true;
    uint64_t rows = tensor->shape[0], columns = tensor->shape[1];
    if (tensor->rank != 2 || strides[0] != 1 || strides[1] < rows)
        return bad_tensor(torch,
                          "it is a view of a larger tensor: make it contiguous before it is saved (.contiguous())");
    tensor->rows = rows;
    tensor->columns = columns;
    tensor->transposed = true;
    tensor->bytes = values * element;
    return (multiply_u64(strides[1], columns - 1, span) && add_u64(*span, rows, span) &&
            multiply_u64(strides[1], element, &tensor->stride)) ||
           bad_tensor(torch, "its strides overflow");
}

static bool add_tensor(const struct checkpoint *torch, const struct pickle_value *parts)
{
    struct tensor tensor = {.file = weight_file_path(torch->source), .source = torch->source};
    uint64_t strides[TENSOR_RANK_MAX] = {0}, bytes = 0, span = 0, first = 0;
    int dimensions = 0;
    if (parts->count < 4 || item(torch, parts, 1)->kind != PICKLE_WHOLE || item(torch, parts, 1)->whole < 0)
        return bad_tensor(torch, "it is not described as PyTorch writes it");
    if (!take_storage(torch, item(torch, parts, 0), &tensor, &bytes) ||
        !take_numbers(torch, item(torch, parts, 2), tensor.shape, &tensor.rank) ||
        !take_numbers(torch, item(torch, parts, 3), strides, &dimensions))
        return false;
    if (dimensions != tensor.rank)
        return bad_tensor(torch, "it has strides of another rank than its shape");
    if (!take_layout(torch, strides, &tensor, &span))
        return false;
    uint64_t element = dtype_bits(tensor.dtype) / 8;
    if (!multiply_u64((uint64_t)item(torch, parts, 1)->whole, element, &first) || !multiply_u64(span, element, &span) ||
        first > bytes || span > bytes - first)
        return bad_tensor(torch, "it ends after its storage does");
    tensor.offset += first;
    tensor.disk_name = store_string(torch->store, torch->name.data);
    return tensor.disk_name ? store_add(torch->store, &tensor, torch->error) : error_memory(torch->error, torch->path);
}

/* --- the tree --- */

static bool is_container(const struct pickle_value *value)
{
    return value->kind == PICKLE_DICT || value->kind == PICKLE_LIST || value->kind == PICKLE_TUPLE;
}

static bool walk(struct checkpoint *torch, const struct pickle_value *value, int depth);

/* What has `key` for its name, or stands at place `index`; settings and counters among the tensors are passed over. */
static bool walk_member(struct checkpoint *torch, const struct pickle_value *key, size_t index,
                        const struct pickle_value *value, int depth)
{
    const struct pickle_value *parts = tensor_parts(torch, value);
    size_t before = torch->name.size;
    if (!parts && !is_container(value))
        return true;
    buffer_text(&torch->name, before ? "." : "");
    if (!key || key->kind == PICKLE_WHOLE)
        buffer_format(&torch->name, "%lld", key ? (long long)key->whole : (long long)index);
    else if (key->kind == PICKLE_TEXT && key->size <= NAME_MOST && !memchr(key->text, '\0', key->size) &&
             utf8_check(key->text, key->size) == key->size)
        buffer_append(&torch->name, key->text, key->size);
    else
        return error_set(torch->error, "%s: the key after '%s' cannot be part of a tensor's name", torch->path,
                         torch->name.data ? torch->name.data : "");
    bool good = (!torch->name.failed && torch->name.data) || error_memory(torch->error, torch->path);
    good = good && (parts ? add_tensor(torch, parts) : walk(torch, value, depth + 1));
    if (good) {
        torch->name.size = before;
        torch->name.data[before] = '\0';
    }
    return good;
}

/* Each container once: a pickle may hold one in itself, or the same in a thousand places. */
static bool walk(struct checkpoint *torch, const struct pickle_value *value, int depth)
{
    char *seen = &torch->seen[value - torch->pickle.values];
    size_t step = value->kind == PICKLE_DICT ? 2 : 1;
    if (*seen)
        return true;
    *seen = true;
    bool good = depth < DEPTH_MOST ||
                error_set(torch->error, "%s: '%s' nests more than %d deep", torch->path, torch->name.data, DEPTH_MOST);
    for (size_t i = 0; good && i < value->count; i += step)
        good = walk_member(torch, step == 2 ? item(torch, value, i) : NULL, i, item(torch, value, i + step - 1), depth);
    return good;
}

/* The dictionary that the pickle's dictionary has under that name; NULL: none. */
static const struct pickle_value *find_wrapped(const struct checkpoint *torch, const struct pickle_value *value,
                                               const char *name)
{
    for (size_t i = 0; i < value->count; i += 2) {
        const struct pickle_value *key = item(torch, value, i), *found = item(torch, value, i + 1);
        if (key->kind == PICKLE_TEXT && key->size == strlen(name) && memcmp(key->text, name, key->size) == 0 &&
            found->kind == PICKLE_DICT)
            return found;
    }
    return NULL;
}

/* The dictionary of the weights: the pickle itself where it has tensors, else what it holds beside an optimiser's and a
 * trainer's. */
static const struct pickle_value *find_weights(const struct checkpoint *torch)
{
    const struct pickle_value *value = &torch->pickle.values[torch->pickle.root];
    bool wraps = value->kind == PICKLE_DICT;
    for (size_t i = 1; wraps && i < value->count; i += 2)
        wraps = !tensor_parts(torch, item(torch, value, i));
    for (size_t i = 0; wraps && i < sizeof wrappers / sizeof *wrappers; i++) {
        const struct pickle_value *wrapped = find_wrapped(torch, value, wrappers[i]);
        if (wrapped)
            return wrapped;
    }
    return value;
}

static bool add_tensors(struct checkpoint *torch)
{
    const struct pickle_value *weights = find_weights(torch);
    size_t before = torch->store->count;
    if (is_container(weights) && !walk(torch, weights, 0))
        return false;
    return torch->store->count > before ||
           error_set(torch->error,
                     weights->kind == PICKLE_DICT
                         ? "%s: holds no tensor; it may be settings or a trainer's state: name the file of the weights"
                         : "%s: holds no dictionary of tensors: save the model's state_dict()",
                     torch->path);
}

bool torch_read(struct store *store, const char *path, struct error *error)
{
    struct error met = {0};
    struct checkpoint torch = {.store = store, .path = path, .error = &met};
    bool good = open_archive(&torch) && add_tensors(&torch);
    zip_free(&torch.zip);
    pickle_free(&torch.pickle);
    free(torch.text);
    free(torch.seen);
    buffer_free(&torch.root);
    buffer_free(&torch.name);
    return good || file_kind_error(path, FILE_TORCH, &met, error);
}

static bool torch_open(struct store *store, const char *path, struct error *error)
{
    char *file = file_is_folder(path) ? torch_folder_file(path, error) : strdup(path);
    bool good = file ? torch_read(store, file, error) : error_memory(error, path);
    free(file);
    return good;
}

const struct store_format format_torch = {.magic = "PK\3\4", .folder = torch_folder_is, .open = torch_open};
