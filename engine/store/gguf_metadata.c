/* The header of a GGUF file, read strictly. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file_kind.h"
#include "base/numbers.h"
#include "store/gguf_internal.h"

#define HEADER_MAX ((uint64_t)256 << 20) /* vocabularies of 256,000 tokens take 12 MB */
#define CHUNK ((uint64_t)1 << 20)
#define VALUES_MAX 65536
#define TENSORS_MAX 1000000
#define NAME_MAX_BYTES 256u
#define NESTING_MAX 4
#define RANK_MAX 4
#define ALIGNMENT 32

static const unsigned char type_width[GGUF_TYPES] = {
    [GGUF_U8] = 1,  [GGUF_I8] = 1,   [GGUF_U16] = 2, [GGUF_I16] = 2, [GGUF_U32] = 4, [GGUF_I32] = 4,
    [GGUF_F32] = 4, [GGUF_BOOL] = 1, [GGUF_U64] = 8, [GGUF_I64] = 8, [GGUF_F64] = 8,
};
/* The least that one takes: a string its length, an array its type and its length. */
#define STRING_LEAST 8
#define ARRAY_LEAST 12

/* By ggml's numbers; those that are not here were taken out of the format. */
static const struct type_row {
    uint32_t number;
    enum dtype dtype;
} type_rows[] = {
    {0, DTYPE_F32},     {1, DTYPE_F16},      {2, DTYPE_Q4_0},   {3, DTYPE_Q4_1},    {6, DTYPE_Q5_0},
    {7, DTYPE_Q5_1},    {8, DTYPE_Q8_0},     {9, DTYPE_Q8_1},   {10, DTYPE_Q2_K},   {11, DTYPE_Q3_K},
    {12, DTYPE_Q4_K},   {13, DTYPE_Q5_K},    {14, DTYPE_Q6_K},  {15, DTYPE_Q8_K},   {16, DTYPE_IQ2_XXS},
    {17, DTYPE_IQ2_XS}, {18, DTYPE_IQ3_XXS}, {19, DTYPE_IQ1_S}, {20, DTYPE_IQ4_NL}, {21, DTYPE_IQ3_S},
    {22, DTYPE_IQ2_S},  {23, DTYPE_IQ4_XS},  {24, DTYPE_I8},    {25, DTYPE_I16},    {26, DTYPE_I32},
    {27, DTYPE_I64},    {28, DTYPE_F64},     {29, DTYPE_IQ1_M}, {30, DTYPE_BF16},   {34, DTYPE_TQ1_0},
    {35, DTYPE_TQ2_0},  {39, DTYPE_MXFP4},   {40, DTYPE_NVFP4}, {41, DTYPE_Q1_0},
};

struct scan {
    struct gguf *gguf;
    int descriptor;
    uint64_t size; /* of the file */
    size_t at;
};

/* Makes sure that the next `bytes` bytes are in memory. */
static bool scan_need(struct scan *scan, uint64_t bytes, struct error *error)
{
    struct buffer *header = &scan->gguf->header;
    const char *path = scan->gguf->path;
    if (bytes > scan->size - scan->at)
        return error_set(error,
                         "%s: the header asks for %llu bytes at byte %zu of a file of %llu (truncated? get it again)",
                         path, (unsigned long long)bytes, scan->at, (unsigned long long)scan->size);
    if (bytes > HEADER_MAX - scan->at)
        return error_set(error, "%s: the header has more than the %llu bytes that are allowed", path,
                         (unsigned long long)HEADER_MAX);
    uint64_t wanted = scan->at + bytes;
    while (header->size < wanted) {
        uint64_t some = header->size < CHUNK ? CHUNK : header->size, left = scan->size - header->size;
        some = some < left ? some : left;
        if (!buffer_reserve(header, (size_t)some))
            return error_memory(error, path);
        if (!file_read_at(scan->descriptor, path, header->size, header->data + header->size, (size_t)some, error))
            return false;
        header->size += (size_t)some;
    }
    return true;
}

static uint64_t little_endian(const char *bytes, size_t width)
{
    uint64_t value = 0;
    for (size_t i = width; i-- > 0;)
        value = value << 8 | (unsigned char)bytes[i];
    return value;
}

static bool scan_number(struct scan *scan, size_t width, uint64_t *value, struct error *error)
{
    if (!scan_need(scan, width, error))
        return false;
    *value = little_endian(scan->gguf->header.data + scan->at, width);
    scan->at += width;
    return true;
}

static bool scan_string(struct scan *scan, uint64_t *size, struct error *error)
{
    if (!scan_number(scan, 8, size, error) || !scan_need(scan, *size, error))
        return false;
    scan->at += (size_t)*size;
    return true;
}

/* A key or a tensor's name, kept. */
static bool scan_name(struct scan *scan, const char *what, uint64_t index, const char **name, struct error *error)
{
    struct gguf *gguf = scan->gguf;
    uint64_t size = 0;
    if (!scan_string(scan, &size, error))
        return false;
    const char *text = gguf->header.data + scan->at - size;
    if (!size || size > NAME_MAX_BYTES)
        return error_set(error, "%s: the name of %s %llu has %llu bytes; 1 to %u are allowed", gguf->path, what,
                         (unsigned long long)index, (unsigned long long)size, NAME_MAX_BYTES);
    if (memchr(text, '\0', (size_t)size) || utf8_check(text, (size_t)size) < size)
        return error_set(error, "%s: the name of %s %llu is not UTF-8 text", gguf->path, what,
                         (unsigned long long)index);
    char copy[NAME_MAX_BYTES + 1];
    memcpy(copy, text, (size_t)size);
    copy[size] = '\0';
    if (!names_add(&gguf->strings, copy))
        return error_memory(error, gguf->path);
    *name = gguf->strings.items[gguf->strings.count - 1];
    return true;
}

static bool scan_type(struct scan *scan, const char *key, enum gguf_type *type, struct error *error)
{
    uint64_t number = 0;
    if (!scan_number(scan, 4, &number, error))
        return false;
    *type = (enum gguf_type)number;
    return number < GGUF_TYPES || error_set(error, "%s: metadata '%s' has the unknown type %llu", scan->gguf->path, key,
                                            (unsigned long long)number);
}

static bool scan_items(struct scan *scan, const char *key, enum gguf_type type, uint64_t count, int depth,
                       struct error *error);

static bool scan_array(struct scan *scan, const char *key, enum gguf_type *item, uint64_t *count, int depth,
                       struct error *error)
{
    const char *path = scan->gguf->path;
    if (depth > NESTING_MAX)
        return error_set(error, "%s: metadata '%s' nests arrays more than %d deep", path, key, NESTING_MAX);
    if (!scan_type(scan, key, item, error) || !scan_number(scan, 8, count, error))
        return false;
    uint64_t least = *item == GGUF_STRING ? STRING_LEAST : *item == GGUF_ARRAY ? ARRAY_LEAST : type_width[*item];
    if (*count > (scan->size - scan->at) / least)
        return error_set(
            error, "%s: metadata '%s' is an array of %llu items in a file of %llu bytes (truncated? get it again)",
            path, key, (unsigned long long)*count, (unsigned long long)scan->size);
    return true;
}

/* Moves over values, and checks them. */
static bool scan_items(struct scan *scan, const char *key, enum gguf_type type, uint64_t count, int depth,
                       struct error *error)
{
    uint64_t size = 0;
    if (type_width[type]) {
        if (!scan_need(scan, count * type_width[type], error))
            return false;
        scan->at += (size_t)(count * type_width[type]);
        return true;
    }
    for (uint64_t i = 0; i < count; i++) {
        enum gguf_type item = GGUF_U8;
        if (type == GGUF_STRING ? !scan_string(scan, &size, error)
                                : !scan_array(scan, key, &item, &size, depth, error) ||
                                      !scan_items(scan, key, item, size, depth + 1, error))
            return false;
    }
    return true;
}

static bool scan_value(struct scan *scan, uint64_t index, struct gguf_value *value, struct error *error)
{
    if (!scan_name(scan, "metadata value", index, &value->key, error) ||
        !scan_type(scan, value->key, &value->type, error))
        return false;
    value->item = value->type;
    value->count = 1;
    if (value->type == GGUF_ARRAY && !scan_array(scan, value->key, &value->item, &value->count, 1, error))
        return false;
    value->at = scan->at;
    return scan_items(scan, value->key, value->item, value->count, 2, error);
}

static bool tensor_type(const struct gguf *gguf, uint64_t number, struct gguf_tensor *tensor, struct error *error)
{
    for (size_t i = 0; i < sizeof type_rows / sizeof *type_rows; i++) {
        if (type_rows[i].number == number) {
            tensor->dtype = type_rows[i].dtype;
            return true;
        }
    }
    return error_set(error, "%s: tensor '%s' has the unknown type %llu", gguf->path, tensor->name,
                     (unsigned long long)number);
}

static bool tensor_size(const struct gguf *gguf, struct gguf_tensor *tensor, struct error *error)
{
    uint64_t block = dtype_block(tensor->dtype), columns = tensor->shape[tensor->rank - 1];
    if (columns % block)
        return error_set(error, "%s: tensor '%s' has rows of %llu values, which are not whole blocks of %llu (%s)",
                         gguf->path, tensor->name, (unsigned long long)columns, (unsigned long long)block,
                         dtype_name(tensor->dtype));
    bool fits = multiply_u64(columns / block, dtype_bits(tensor->dtype) / 8, &tensor->bytes);
    for (int i = 0; fits && i < tensor->rank - 1; i++)
        fits = multiply_u64(tensor->bytes, tensor->shape[i], &tensor->bytes);
    return fits || error_set(error, "%s: the size of tensor '%s' overflows", gguf->path, tensor->name);
}

static bool scan_tensor(struct scan *scan, uint64_t index, struct gguf_tensor *tensor, struct error *error)
{
    const struct gguf *gguf = scan->gguf;
    uint64_t rank = 0, type = 0;
    if (!scan_name(scan, "tensor", index, &tensor->name, error) || !scan_number(scan, 4, &rank, error))
        return false;
    if (rank < 1 || rank > RANK_MAX)
        return error_set(error, "%s: tensor '%s' has %llu dimensions; 1 to %d are allowed", gguf->path, tensor->name,
                         (unsigned long long)rank, RANK_MAX);
    tensor->rank = (int)rank;
    for (int i = tensor->rank - 1; i >= 0; i--)
        if (!scan_number(scan, 8, &tensor->shape[i], error))
            return false;
    return scan_number(scan, 4, &type, error) && scan_number(scan, 8, &tensor->offset, error) &&
           tensor_type(gguf, type, tensor, error) && tensor_size(gguf, tensor, error);
}

static bool scan_start(struct scan *scan, uint64_t *tensors, uint64_t *values, struct error *error)
{
    const char *path = scan->gguf->path;
    uint64_t magic = 0, version = 0;
    if (!scan_number(scan, 4, &magic, error) || !scan_number(scan, 4, &version, error))
        return false;
    if (version != 2 && version != 3)
        return error_set(
            error, "%s: is of GGUF version %llu; versions 2 and 3 are read: %s", path, (unsigned long long)version,
            version & 0xFFFF ? "convert the original again"
                             : "is it big-endian? llama.cpp's gguf_convert_endian.py makes it little-endian");
    if (!scan_number(scan, 8, tensors, error) || !scan_number(scan, 8, values, error))
        return false;
    uint64_t left = scan->size - scan->at;
    if (*values > VALUES_MAX || *tensors > TENSORS_MAX || *values > left / 13 || *tensors > left / 33)
        return error_set(error,
                         "%s: the header announces %llu tensors and %llu metadata values, more than a file of %llu "
                         "bytes can hold (truncated? get it again)",
                         path, (unsigned long long)*tensors, (unsigned long long)*values,
                         (unsigned long long)scan->size);
    return true;
}

static uint64_t align_up(uint64_t at, uint64_t alignment)
{
    return (at + alignment - 1) / alignment * alignment;
}

static int tensor_order(const void *a, const void *b)
{
    const struct gguf_tensor *x = *(const struct gguf_tensor *const *)a, *y = *(const struct gguf_tensor *const *)b;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

/* `sorted` by offset. Offsets become those of the file. */
static bool tensors_tile(const struct gguf *gguf, struct gguf_tensor *const *sorted, uint64_t data, uint64_t alignment,
                         struct error *error)
{
    uint64_t size = gguf->state.size, room = data < size ? size - data : 0, at = 0;
    for (size_t i = 0; i < gguf->tensor_count; i++) {
        struct gguf_tensor *tensor = sorted[i];
        if (tensor->offset > room || tensor->bytes > room - tensor->offset)
            return error_set(error,
                             "%s: tensor '%s' (%llu bytes from byte %llu of the data on) ends after the file does "
                             "(truncated? get it again)",
                             gguf->path, tensor->name, (unsigned long long)tensor->bytes,
                             (unsigned long long)tensor->offset);
        if (tensor->offset != at)
            return error_set(error, "%s: tensor '%s' begins at byte %llu of the data, where %llu was expected (%s)",
                             gguf->path, tensor->name, (unsigned long long)tensor->offset, (unsigned long long)at,
                             tensor->offset > at ? "a hole" : "an overlap");
        at = align_up(at + tensor->bytes, alignment);
        tensor->offset += data;
    }
    uint64_t end = align_up(data + at, alignment);
    return size <= end ||
           error_set(error, "%s: %llu bytes follow the last tensor", gguf->path, (unsigned long long)(size - end));
}

static bool tensors_place(struct gguf *gguf, uint64_t header_end, struct error *error)
{
    uint64_t alignment = ALIGNMENT;
    if (!gguf_get_whole(gguf, "general.alignment", UINT32_MAX, &alignment, error))
        return false;
    if (!alignment || alignment & (alignment - 1))
        return error_set(error, "%s: the metadata 'general.alignment' is %llu, which is no power of two", gguf->path,
                         (unsigned long long)alignment);
    struct gguf_tensor **sorted = malloc((gguf->tensor_count + 1) * sizeof *sorted);
    if (!sorted)
        return error_memory(error, gguf->path);
    for (size_t i = 0; i < gguf->tensor_count; i++)
        sorted[i] = &gguf->tensors[i];
    qsort(sorted, gguf->tensor_count, sizeof *sorted, tensor_order);
    bool good = tensors_tile(gguf, sorted, align_up(header_end, alignment), alignment, error);
    free(sorted);
    return good;
}

static bool add_once(const struct gguf *gguf, struct map *map, const char *what, const char *name, size_t index,
                     struct error *error)
{
    size_t found = MAP_ABSENT;
    if (!map_add(map, name, strlen(name), index, &found))
        return error_memory(error, gguf->path);
    return found == MAP_ABSENT || error_set(error, "%s: %s '%s' occurs twice", gguf->path, what, name);
}

static bool header_read(struct scan *scan, struct error *error)
{
    struct gguf *gguf = scan->gguf;
    uint64_t tensors = 0, values = 0;
    if (!scan_start(scan, &tensors, &values, error))
        return false;
    gguf->values = calloc((size_t)values + 1, sizeof *gguf->values);
    gguf->tensors = calloc((size_t)tensors + 1, sizeof *gguf->tensors);
    if (!gguf->values || !gguf->tensors)
        return error_memory(error, gguf->path);
    for (; gguf->value_count < values; gguf->value_count++) {
        struct gguf_value *value = &gguf->values[gguf->value_count];
        if (!scan_value(scan, gguf->value_count, value, error) ||
            !add_once(gguf, &gguf->by_key, "metadata", value->key, gguf->value_count, error))
            return false;
    }
    for (; gguf->tensor_count < tensors; gguf->tensor_count++) {
        struct gguf_tensor *tensor = &gguf->tensors[gguf->tensor_count];
        if (!scan_tensor(scan, gguf->tensor_count, tensor, error) ||
            !add_once(gguf, &gguf->by_name, "tensor", tensor->name, gguf->tensor_count, error))
            return false;
    }
    return tensors_place(gguf, scan->at, error);
}

bool gguf_read(const char *path, struct gguf *gguf, struct error *error)
{
    *gguf = (struct gguf){.path = path};
    struct error met = {0};
    int descriptor = file_open(path, &gguf->state, &met);
    struct scan scan = {.gguf = gguf, .descriptor = descriptor, .size = gguf->state.size};
    bool good = descriptor >= 0 && header_read(&scan, &met);
    if (descriptor >= 0)
        close(descriptor);
    return good || file_kind_error(path, FILE_GGUF, &met, error);
}

void gguf_free(struct gguf *gguf)
{
    buffer_free(&gguf->header);
    names_free(&gguf->strings);
    free(gguf->values);
    free(gguf->tensors);
    map_free(&gguf->by_key);
    map_free(&gguf->by_name);
    *gguf = (struct gguf){0};
}

/* --- values --- */

const struct gguf_value *gguf_find(const struct gguf *gguf, const char *key)
{
    size_t index = map_find(&gguf->by_key, key, strlen(key));
    return index == MAP_ABSENT ? NULL : &gguf->values[index];
}

static bool wrong_kind(const struct gguf *gguf, const char *key, const char *wanted, struct error *error)
{
    return error_set(error, "%s: metadata '%s' should be %s", gguf->path, key, wanted);
}

/* One number, or one of a list, of that type. */
static bool whole_at(const struct gguf *gguf, const char *key, enum gguf_type type, size_t at, uint64_t maximum,
                     uint64_t *value, struct error *error)
{
    bool is_signed = type == GGUF_I8 || type == GGUF_I16 || type == GGUF_I32 || type == GGUF_I64;
    size_t width = type_width[type];
    if (!width || type == GGUF_F32 || type == GGUF_F64 || type == GGUF_BOOL)
        return wrong_kind(gguf, key, "a whole number", error);
    *value = little_endian(gguf->header.data + at, width);
    return (!(is_signed && *value >> (8 * width - 1)) && *value <= maximum) ||
           error_set(error, "%s: metadata '%s' should be from 0 to %llu", gguf->path, key, (unsigned long long)maximum);
}

/* Some converters write a number for each layer, though they are all the same. */
bool gguf_get_whole(const struct gguf *gguf, const char *key, uint64_t maximum, uint64_t *value, struct error *error)
{
    const struct gguf_value *found = gguf_find(gguf, key);
    bool list = found && found->type == GGUF_ARRAY;
    uint64_t count = list ? found->count : found ? 1 : 0, first = 0, number = 0;
    enum gguf_type type = list ? found->item : found ? found->type : GGUF_U8;
    for (uint64_t i = 0; i < count; i++) {
        if (!whole_at(gguf, key, type, found->at + (size_t)i * type_width[type], maximum, &number, error))
            return false;
        if (i && number != first)
            return wrong_kind(gguf, key, "one whole number, or the same for every layer", error);
        first = number;
    }
    if (list && !count)
        return wrong_kind(gguf, key, "a whole number", error);
    *value = found ? first : *value;
    return true;
}

float gguf_f32(const struct gguf *gguf, size_t at)
{
    uint32_t bits = (uint32_t)little_endian(gguf->header.data + at, 4);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

int32_t gguf_i32(const struct gguf *gguf, size_t at)
{
    return (int32_t)(uint32_t)little_endian(gguf->header.data + at, 4);
}

bool gguf_get_real(const struct gguf *gguf, const char *key, double *value, struct error *error)
{
    const struct gguf_value *found = gguf_find(gguf, key);
    if (found && found->type == GGUF_F32) {
        *value = (double)gguf_f32(gguf, found->at);
    } else if (found && found->type == GGUF_F64) {
        uint64_t bits = little_endian(gguf->header.data + found->at, 8);
        memcpy(value, &bits, sizeof *value);
    } else if (found) {
        return wrong_kind(gguf, key, "a floating-point number", error);
    }
    return true;
}

bool gguf_get_bool(const struct gguf *gguf, const char *key, bool *value, struct error *error)
{
    const struct gguf_value *found = gguf_find(gguf, key);
    if (found && found->type != GGUF_BOOL)
        return wrong_kind(gguf, key, "true or false", error);
    if (found)
        *value = gguf->header.data[found->at] != 0;
    return true;
}

struct gguf_text gguf_next_text(const struct gguf *gguf, size_t *at)
{
    struct gguf_text text = {.data = gguf->header.data + *at + 8,
                             .size = (size_t)little_endian(gguf->header.data + *at, 8)};
    *at += 8 + text.size;
    return text;
}

bool gguf_get_text(const struct gguf *gguf, const char *key, struct gguf_text *text, struct error *error)
{
    const struct gguf_value *found = gguf_find(gguf, key);
    if (found && found->type != GGUF_STRING)
        return wrong_kind(gguf, key, "a string", error);
    size_t at = found ? found->at : 0;
    if (found)
        *text = gguf_next_text(gguf, &at);
    return true;
}

bool gguf_get_array(const struct gguf *gguf, const char *key, enum gguf_type item, const struct gguf_value **value,
                    struct error *error)
{
    const struct gguf_value *found = gguf_find(gguf, key);
    if (found && (found->type != GGUF_ARRAY || found->item != item))
        return wrong_kind(gguf, key, item == GGUF_STRING ? "an array of strings" : "an array of 32-bit numbers", error);
    *value = found ? found : *value;
    return true;
}

bool gguf_text_is(struct gguf_text text, const char *word)
{
    return text.size == strlen(word) && memcmp(text.data, word, text.size) == 0;
}

void gguf_put_string(struct buffer *out, struct gguf_text text)
{
    buffer_char(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c < 0x20)
            buffer_format(out, "\\u%04x", c);
        else if (c == '"' || c == '\\')
            buffer_format(out, "\\%c", c);
        else
            buffer_char(out, (char)c);
    }
    buffer_char(out, '"');
}
