#include "store/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file_kind.h"
#include "base/numbers.h"
#include "store/formats.h"
#include "store/store_internal.h"

#define HEADER_MAX 100000000u
#define HEADER_DEPTH_MAX 64        /* the official reader stops at 126 */
#define HEADER_VALUES_MAX 4000000u /* 400,000 tensors, half a gigabyte as cJSON holds them */

struct scan {
    const char *path, *text;
    size_t size;
    size_t at;
    int depth;
    size_t values;    /* each becomes a node of cJSON */
    size_t items;     /* of the innermost array; 0: not in one */
    const char *name; /* of the tensor that is being described */
    int name_length;
};

static bool scan_value(struct scan *scan, struct error *error)
{
    if (++scan->values > HEADER_VALUES_MAX)
        return error_set(error, "%s: more than %u values in the header, at byte %zu", scan->path, HEADER_VALUES_MAX,
                         scan->at);
    if (scan->items > TENSOR_RANK_MAX)
        return error_set(error, "%s: tensor '%.*s' has more than %d dimensions", scan->path, scan->name_length,
                         scan->name ? scan->name : "", TENSOR_RANK_MAX);
    return true;
}

/* Brackets and commas. */
static bool scan_structure(struct scan *scan, struct error *error)
{
    char c = scan->text[scan->at];
    if (c == '}' || c == ']') {
        scan->depth--;
        scan->items = 0;
        return true;
    }
    if (c == ',') {
        scan->items += scan->items > 0;
    } else {
        scan->items = c == '[';
        if (++scan->depth > HEADER_DEPTH_MAX)
            return error_set(error, "%s: the header nests more than %d deep at byte %zu", scan->path, HEADER_DEPTH_MAX,
                             scan->at);
    }
    return scan_value(scan, error);
}

/* Moves to the last digit. */
static bool scan_number(struct scan *scan, struct error *error)
{
    const char *number = scan->text + scan->at;
    size_t digits = strspn(number, "0123456789");
    if (digits > 16 || (*number == '0' && digits > 1) || strchr(".eE+-", number[digits]))
        return error_set(error, "%s: \"%.*s\" at byte %zu of the header is not a whole number below 2^53", scan->path,
                         (int)(digits < 20 ? digits + 1 : 20), number, scan->at);
    scan->at += digits - 1;
    return true;
}

/* Moves to the closing quote. */
static bool scan_string(struct scan *scan, struct error *error)
{
    const char *string = scan->text + scan->at + 1;
    while (++scan->at < scan->size && scan->text[scan->at] != '"') {
        if ((unsigned char)scan->text[scan->at] < 0x20)
            return error_set(error, "%s: control character in a string at byte %zu of the header", scan->path,
                             scan->at);
        scan->at += scan->text[scan->at] == '\\';
    }
    if (scan->depth == 1 && scan->at < scan->size) {
        size_t length = (size_t)(scan->text + scan->at - string);
        scan->name = string;
        scan->name_length = length < 200 ? (int)length : 200;
    }
    return true;
}

/* What cJSON lets pass and the official reader does not: control characters, numbers other than plain whole ones, and
 * deep nesting; and what would take cJSON gigabytes: shapes without end. */
static bool header_scan(const char *path, const char *text, size_t size, struct error *error)
{
    struct scan scan = {.path = path, .text = text, .size = size};
    bool good = true;
    for (; good && scan.at < size; scan.at++) {
        char c = text[scan.at];
        if (c == '"')
            good = scan_string(&scan, error);
        else if (c >= '0' && c <= '9')
            good = scan_number(&scan, error);
        else if (c && strchr("{}[],", c))
            good = scan_structure(&scan, error);
        else if (!c || !strchr(" \t\r\n:nul", c))
            good = error_set(error, "%s: unexpected byte 0x%02x at %zu of the header", path, (unsigned)(unsigned char)c,
                             scan.at);
    }
    return good;
}

static bool entry_shape(const char *path, const cJSON *shape, struct safetensors_entry *entry, struct error *error)
{
    if (!cJSON_IsArray(shape))
        return error_set(error, "%s: tensor '%s' has no shape", path, entry->name);
    const cJSON *item;
    cJSON_ArrayForEach(item, shape)
    {
        if (entry->rank == TENSOR_RANK_MAX)
            return error_set(error, "%s: tensor '%s' has more than %d dimensions", path, entry->name, TENSOR_RANK_MAX);
        if (!json_uint64(item, &entry->shape[entry->rank++]))
            return error_set(error, "%s: tensor '%s' has a dimension that is not a whole number", path, entry->name);
    }
    return true;
}

static bool entry_size(const char *path, struct safetensors_entry *entry, struct error *error)
{
    uint64_t bits = dtype_bits(entry->dtype);
    for (int i = 0; i < entry->rank; i++)
        if (!multiply_u64(bits, entry->shape[i], &bits))
            return error_set(error, "%s: the size of tensor '%s' overflows", path, entry->name);
    if (bits % 8)
        return error_set(error, "%s: tensor '%s' does not fill whole bytes", path, entry->name);
    entry->bytes = bits / 8;
    return true;
}

/* `data_offsets` are relative to the data; `data` is where that begins and `size` its length. */
static bool entry_offsets(const char *path, const cJSON *offsets, uint64_t data, uint64_t size,
                          struct safetensors_entry *entry, struct error *error)
{
    uint64_t begin = 0, end = 0;
    if (!cJSON_IsArray(offsets) || cJSON_GetArraySize(offsets) != 2 ||
        !json_uint64(cJSON_GetArrayItem(offsets, 0), &begin) || !json_uint64(cJSON_GetArrayItem(offsets, 1), &end) ||
        begin > end)
        return error_set(error, "%s: tensor '%s' has malformed data_offsets", path, entry->name);
    if (end > size)
        return error_set(
            error,
            "%s: tensor '%s' ends at byte %llu of the data, but the file holds only %llu (truncated? get it again)",
            path, entry->name, (unsigned long long)end, (unsigned long long)size);
    if (end - begin != entry->bytes) {
        char text[TENSOR_SHAPE_TEXT];
        return error_set(error, "%s: tensor '%s' is %s %s = %llu bytes, but its data_offsets span %llu", path,
                         entry->name, dtype_name(entry->dtype), shape_text(entry->shape, entry->rank, text),
                         (unsigned long long)entry->bytes, (unsigned long long)(end - begin));
    }
    entry->offset = data + begin;
    return true;
}

static bool entry_parse(const char *path, const cJSON *item, uint64_t data, uint64_t size,
                        struct safetensors_entry *entry, struct error *error)
{
    static const char *const keys[] = {"dtype", "shape", "data_offsets"};
    const cJSON *values[3] = {0};
    entry->name = strdup(item->string);
    if (!entry->name)
        return error_memory(error, path);
    const cJSON *member;
    cJSON_ArrayForEach(member, item)
    {
        for (size_t i = 0; i < 3; i++) {
            if (strcmp(member->string, keys[i]) == 0)
                values[i] = member;
        }
    }
    if (!cJSON_IsString(values[0]))
        return error_set(error, "%s: tensor '%s' has no dtype", path, entry->name);
    if (!dtype_parse(values[0]->valuestring, &entry->dtype))
        return error_set(error, "%s: tensor '%s' has the unknown dtype '%s'", path, entry->name,
                         values[0]->valuestring);
    return entry_shape(path, values[1], entry, error) && entry_size(path, entry, error) &&
           entry_offsets(path, values[2], data, size, entry, error);
}

static bool metadata_parse(const char *path, cJSON *item, struct safetensors *file, struct error *error)
{
    if (cJSON_IsNull(item))
        return true;
    if (!cJSON_IsObject(item))
        return error_set(error, "%s: __metadata__ is not an object", path);
    for (const cJSON *member = item->child; member; member = member->next)
        if (!cJSON_IsString(member))
            return error_set(error, "%s: metadata '%s' is not a string", path, member->string);
    file->metadata = cJSON_Duplicate(item, true);
    return file->metadata || error_memory(error, path);
}

static bool entries_parse(const char *path, const cJSON *header, uint64_t data, uint64_t size, struct safetensors *file,
                          struct error *error)
{
    size_t members = (size_t)cJSON_GetArraySize(header);
    file->entries = calloc(members ? members : 1, sizeof *file->entries);
    if (!file->entries)
        return error_memory(error, path);
    bool good = true;
    for (cJSON *item = header->child; good && item; item = item->next) {
        if (strcmp(item->string, "__metadata__") == 0)
            good = metadata_parse(path, item, file, error);
        else if (!cJSON_IsObject(item))
            good =
                error_set(error, "%s: tensor '%s' is described by something that is not an object", path, item->string);
        else
            good = entry_parse(path, item, data, size, &file->entries[file->count++], error);
    }
    return good;
}

static int entry_order(const void *a, const void *b)
{
    const struct safetensors_entry *x = a, *y = b;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

static bool entries_tile(const char *path, const struct safetensors *file, uint64_t data, uint64_t end,
                         struct error *error)
{
    uint64_t at = data;
    for (size_t i = 0; i < file->count; i++) {
        const struct safetensors_entry *entry = &file->entries[i];
        if (entry->offset != at)
            return error_set(error, "%s: tensor '%s' begins at byte %llu of the data, where %llu was expected (%s)",
                             path, entry->name, (unsigned long long)(entry->offset - data),
                             (unsigned long long)(at - data), entry->offset > at ? "a hole" : "an overlap");
        at += entry->bytes;
    }
    if (at != end)
        return error_set(error, "%s: %llu byte%s the last tensor%s%s%s", path, (unsigned long long)(end - at),
                         end - at == 1 ? " follows" : "s follow", file->count ? " '" : "",
                         file->count ? file->entries[file->count - 1].name : "", file->count ? "'" : "");
    return true;
}

static bool header_length(int descriptor, const char *path, uint64_t *length, struct error *error)
{
    unsigned char raw[8];
    if (!file_read_at(descriptor, path, 0, raw, sizeof raw, error))
        return false;
    for (int i = 7; i >= 0; i--)
        *length = *length << 8 | raw[i];
    return true;
}

/* The text of the header of a file of `size` bytes. */
static bool header_text(int descriptor, const char *path, uint64_t size, struct buffer *text, struct error *error)
{
    if (size < 8)
        return error_set(error, "%s: %llu bytes are too few for a safetensors file", path, (unsigned long long)size);
    uint64_t length = 0;
    if (!header_length(descriptor, path, &length, error))
        return false;
    if (length > HEADER_MAX)
        return error_set(error,
                         "%s: the header has %llu bytes, where at most %u are allowed (is this a safetensors file?)",
                         path, (unsigned long long)length, HEADER_MAX);
    if (length > size - 8)
        return error_set(error, "%s: the header has %llu bytes, in a file of %llu (truncated? get it again)", path,
                         (unsigned long long)length, (unsigned long long)size);
    if (!buffer_reserve(text, (size_t)length))
        return error_memory(error, path);
    if (!file_read_at(descriptor, path, 8, text->data, (size_t)length, error))
        return false;
    text->size = (size_t)length;
    text->data[length] = '\0';
    return true;
}

static bool header_read(const char *path, struct buffer *text, struct file_state *state, struct error *error)
{
    int descriptor = file_open(path, state, error);
    if (descriptor < 0)
        return false;
    bool good = header_text(descriptor, path, state->size, text, error);
    close(descriptor);
    return good;
}

/* The tensors that a header describes, in the order of their offsets, in `size` bytes of data behind it. */
static bool entries_read(const char *path, const struct buffer *text, uint64_t size, struct safetensors *file,
                         struct error *error)
{
    cJSON *header = NULL;
    bool good =
        (text->size && text->data[0] == '{') || error_set(error, "%s: the header does not begin with '{'", path);
    good = good && header_scan(path, text->data, text->size, error) &&
           (header = json_parse(path, text->data, text->size, error)) &&
           entries_parse(path, header, 8 + (uint64_t)text->size, size, file, error);
    if (good && file->count)
        qsort(file->entries, file->count, sizeof *file->entries, entry_order);
    cJSON_Delete(header);
    return good;
}

bool safetensors_open(const char *path, struct safetensors *file, struct error *error)
{
    *file = (struct safetensors){0};
    struct buffer text = {0};
    struct error met = {0};
    bool good = header_read(path, &text, &file->state, &met);
    if (good) {
        uint64_t data = 8 + (uint64_t)text.size, size = file->state.size;
        good = entries_read(path, &text, size - data, file, &met) && entries_tile(path, file, data, size, &met);
    }
    buffer_free(&text);
    if (good)
        return true;
    safetensors_free(file);
    return file_kind_error(path, FILE_SAFETENSORS, &met, error);
}

/* The length and the text of the header itself are not all there. */
static bool header_falls_short(const char *path)
{
    struct error unread = {0};
    struct file_state state = {0};
    uint64_t length = 0;
    int descriptor = file_open(path, &state, &unread);
    bool is_short = descriptor >= 0 && state.size < 8;
    if (descriptor >= 0 && !is_short && header_length(descriptor, path, &length, &unread))
        is_short = length <= HEADER_MAX && length > state.size - 8;
    if (descriptor >= 0)
        close(descriptor);
    error_clear(&unread);
    return is_short;
}

bool safetensors_falls_short(const char *path)
{
    if (header_falls_short(path))
        return true;
    struct safetensors file = {0};
    struct error unread = {0};
    struct buffer text = {0};
    bool is_short = header_read(path, &text, &file.state, &unread) &&
                    entries_read(path, &text, INT64_MAX, &file, &unread) && file.count;
    if (is_short) {
        const struct safetensors_entry *last = &file.entries[file.count - 1];
        is_short = last->offset + last->bytes > file.state.size;
    }
    buffer_free(&text);
    error_clear(&unread);
    safetensors_free(&file);
    return is_short;
}

void safetensors_free(struct safetensors *file)
{
    for (size_t i = 0; i < file->count; i++)
        free(file->entries[i].name);
    free(file->entries);
    cJSON_Delete(file->metadata);
    *file = (struct safetensors){0};
}

bool safetensors_read_header(struct store *store, const char *path, struct error *error)
{
    struct safetensors file;
    if (!safetensors_open(path, &file, error))
        return false;
    struct weight_file *source = weight_files_add(&store->files, path, &file.state);
    bool good = source || error_memory(error, path);
    for (size_t i = 0; good && i < file.count; i++) {
        const struct safetensors_entry *entry = &file.entries[i];
        struct tensor tensor = {.file = weight_file_path(source),
                                .source = source,
                                .dtype = entry->dtype,
                                .rank = entry->rank,
                                .offset = entry->offset};
        memcpy(tensor.shape, entry->shape, sizeof tensor.shape);
        tensor.disk_name = store_string(store, entry->name);
        good = tensor.disk_name ? store_add(store, &tensor, error) : error_memory(error, path);
    }
    safetensors_free(&file);
    return good;
}

/* PREFIX-00001-of-00003.safetensors */
static unsigned shards_by_name(const char *path)
{
    static const char tail[] = "-00001-of-00003.safetensors";
    size_t length = strlen(path);
    unsigned shard = 0, shards = 0;
    int read = 0;
    bool fits = length >= sizeof tail &&
                sscanf(path + length - (sizeof tail - 1), "-%5u-of-%5u.safetensors%n", &shard, &shards, &read) == 2 &&
                read;
    return fits ? shards : 0;
}

static bool open_alone(struct store *store, const char *path, struct error *error)
{
    unsigned shards = shards_by_name(path);
    return safetensors_read_header(store, path, error) &&
           (shards < 2 ||
            store_add_note(store, "%s is one of %u shards, by its name: the folder is the model", path, shards) ||
            error_memory(error, path));
}

const struct store_format format_safetensors = {.magic = "", .open = open_alone};
