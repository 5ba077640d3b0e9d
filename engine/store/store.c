#include "store/store.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"
#include "store/storage.h"
#include "values/values.h"

#define TENSORS_MAX 2000000 /* of a store; 300 bytes each. The largest models have 150,000 */

struct store *store_new(const char *path, enum store_kind kind, struct error *error)
{
    struct store *store = calloc(1, sizeof *store);
    if (store)
        store->path = strdup(path);
    if (store)
        weight_files_init(&store->files);
    if (store && store->path) {
        store->kind = kind;
        return store;
    }
    store_free(store);
    error_memory(error, path);
    return NULL;
}

void store_free(struct store *store)
{
    if (!store)
        return;
    for (size_t i = 0; i < store->change_count; i++) {
        free(store->changes[i].name);
        free(store->changes[i].values);
    }
    for (size_t i = 0; i < store->kept_count; i++)
        free(store->kept[i]);
    free(store->kept);
    free(store->changes);
    free(store->tensors);
    map_free(&store->by_name);
    map_free(&store->change_of);
    names_free(&store->strings);
    weight_files_free(&store->files);
    names_free(&store->problems);
    names_free(&store->announced);
    names_free(&store->notes);
    names_free(&store->unread_files);
    names_free(&store->unread_names);
    map_free(&store->unread_of);
    for (size_t i = 0; i < store->document_count; i++)
        free(store->documents[i].text);
    store_free(store->own_base);
    free(store->path);
    free(store);
}

const char *store_string(struct store *store, const char *text)
{
    return names_add(&store->strings, text) ? store->strings.items[store->strings.count - 1] : NULL;
}

static bool add_sentence(struct names *sentences, const char *format, va_list arguments)
{
    char *text = NULL;
    int length = vasprintf(&text, format, arguments);
    bool good = length >= 0 && names_add(sentences, text);
    if (length >= 0)
        free(text);
    return good;
}

bool store_add_problem(struct store *store, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    bool good = add_sentence(&store->problems, format, arguments) && names_add(&store->announced, "");
    va_end(arguments);
    return good;
}

bool store_add_announced(struct store *store, const char *name, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    bool good = add_sentence(&store->problems, format, arguments) && names_add(&store->announced, name);
    va_end(arguments);
    return good;
}

bool store_add_note(struct store *store, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    bool good = add_sentence(&store->notes, format, arguments);
    va_end(arguments);
    return good;
}

bool store_add_document(struct store *store, const char *name, char *text)
{
    if (store->document_count == STORE_DOCUMENTS) {
        free(text);
        return false;
    }
    store->documents[store->document_count++] = (struct document){.name = name, .text = text};
    return true;
}

const char *store_document(const struct store *store, const char *name)
{
    for (size_t i = 0; i < store->document_count; i++)
        if (strcmp(store->documents[i].name, name) == 0)
            return store->documents[i].text;
    return store->base ? store_document(store->base, name) : NULL;
}

bool tensor_measure(struct tensor *tensor)
{
    uint64_t bits = dtype_bits(tensor->dtype);
    tensor->rows = tensor->rank >= 2 ? tensor->shape[0] : 1;
    tensor->columns = 1;
    for (int i = tensor->rank >= 2 ? 1 : 0; i < tensor->rank; i++)
        if (!multiply_u64(tensor->columns, tensor->shape[i], &tensor->columns))
            return false;
    uint64_t row = 0, all = 0, block = dtype_block(tensor->dtype);
    if (tensor->columns % block || !multiply_u64(bits, tensor->columns / block, &row) ||
        !multiply_u64(row, tensor->rows, &all))
        return false;
    if (row % 8) {
        tensor->columns *= tensor->rows;
        tensor->rows = 1;
        row = all;
    }
    tensor->stride = row / 8;
    tensor->bytes = all / 8;
    return true;
}

bool store_add(struct store *store, const struct tensor *tensor, struct error *error)
{
    if (store->count == TENSORS_MAX)
        return error_set(error, "%s: more than %d tensors, experts counted one by one; at '%s' of %s", store->path,
                         TENSORS_MAX, tensor->disk_name, tensor_file(tensor));
    if (!array_grow(store->tensors, store->count, store->capacity))
        return error_memory(error, store->path);
    store->tensors[store->count] = *tensor;
    if (!tensor->rows && !tensor->columns && !tensor_measure(&store->tensors[store->count]))
        return error_set(error, "%s: the size of tensor '%s' overflows", tensor->file, tensor->disk_name);
    if (!tensor->held)
        store->tensors[store->count].held = store->tensors[store->count].bytes;
    store->count++;
    return true;
}

const char *store_path(const struct store *store)
{
    return store->path;
}

enum store_kind store_kind(const struct store *store)
{
    return store->kind;
}

const char *store_format(const struct store *store)
{
    static const char *const names[] = {
#define KIND_NAME(kind, name, format) name,
        STORE_KINDS(KIND_NAME)
#undef KIND_NAME
    };
    return names[store->kind];
}

size_t store_count(const struct store *store)
{
    return store->count;
}

size_t store_text_count(const struct store *store)
{
    return store->text_count;
}

const struct tensor *store_at(const struct store *store, size_t index)
{
    return &store->tensors[index];
}

const struct tensor *store_find(const struct store *store, const char *name)
{
    size_t index = map_find(&store->by_name, name, strlen(name));
    return index == MAP_ABSENT ? NULL : &store->tensors[index];
}

bool tensor_time(const struct tensor *tensor, int64_t *time)
{
    if (!tensor->source)
        return false;
    const struct file_state *state = weight_file_state(tensor->source);
    *time = state->modified_s * 1000000000 + state->modified_ns;
    return true;
}

size_t store_problem_count(const struct store *store)
{
    return store->problems.count;
}

const char *store_problem(const struct store *store, size_t index)
{
    return store->problems.items[index];
}

const char *store_problem_announced(const struct store *store, size_t index)
{
    return *store->announced.items[index] ? store->announced.items[index] : NULL;
}

size_t store_note_count(const struct store *store)
{
    return store->notes.count;
}

const char *store_note(const struct store *store, size_t index)
{
    return store->notes.items[index];
}

uint64_t chunk_rows(uint64_t columns)
{
    return CHUNK_VALUES / columns ? CHUNK_VALUES / columns : 1;
}

const char *tensor_file(const struct tensor *tensor)
{
    return tensor->file ? tensor->file : "changed by --fault";
}

bool shape_same(const uint64_t *a, int a_rank, const uint64_t *b, int b_rank)
{
    return a_rank == b_rank && memcmp(a, b, (size_t)a_rank * sizeof *a) == 0;
}

const char *shape_text(const uint64_t *shape, int rank, char *text)
{
    size_t at = 0;
    at += (size_t)snprintf(text + at, TENSOR_SHAPE_TEXT - at, "[");
    for (int i = 0; i < rank; i++)
        at +=
            (size_t)snprintf(text + at, TENSOR_SHAPE_TEXT - at, "%s%llu", i ? ", " : "", (unsigned long long)shape[i]);
    snprintf(text + at, TENSOR_SHAPE_TEXT - at, "]");
    return text;
}

#define LINES_BYTES ((size_t)256 << 10) /* of a transposed tensor, read at a time */
#define GAP_BYTES 4096u                 /* up to which reading over a gap costs less than another call */

/* Lines of `run` bytes, put `pitch` bytes apart: with the gaps, in one read, when that is their stride. */
static bool lines_read(int descriptor, const struct tensor *tensor, uint64_t offset, size_t run, size_t count,
                       size_t pitch, char *lines, struct error *error)
{
    if (pitch == tensor->stride)
        return file_read_at(descriptor, tensor->file, offset, lines, (count - 1) * pitch + run, error);
    for (size_t i = 0; i < count; i++)
        if (!file_read_at(descriptor, tensor->file, offset + i * tensor->stride, lines + i * pitch, run, error))
            return false;
    return true;
}

/* out[r * row_bytes + c * element] = lines[c * pitch + r * element] for `rows` rows and `count` columns. */
static void lines_turn(const char *lines, size_t pitch, size_t count, size_t rows, size_t element, char *out,
                       size_t row_bytes)
{
    for (size_t row = 0; row < rows; row++) {
        char *to = out + row * row_bytes;
        const char *from = lines + row * element;
        if (element == 2)
            for (size_t i = 0; i < count; i++)
                memcpy(to + 2 * i, from + i * pitch, 2);
        else if (element == 4)
            for (size_t i = 0; i < count; i++)
                memcpy(to + 4 * i, from + i * pitch, 4);
        else
            for (size_t i = 0; i < count; i++)
                memcpy(to + element * i, from + i * pitch, element);
    }
}

/* A transposed view: every column of the result is a line of the file. */
static bool read_transposed(int descriptor, const struct tensor *tensor, uint64_t first, uint64_t rows, char *out,
                            struct error *error)
{
    size_t element = dtype_bits(tensor->dtype) / 8, run = (size_t)rows * element, columns = (size_t)tensor->columns;
    size_t pitch = tensor->stride - run <= GAP_BYTES ? (size_t)tensor->stride : run;
    size_t most = pitch && LINES_BYTES > pitch ? LINES_BYTES / pitch : 1;
    most = most < columns ? most : columns;
    char *lines = malloc(most * pitch + 1);
    bool good = lines || error_memory(error, tensor->name);
    for (size_t column = 0; good && run && column < columns; column += most) {
        size_t count = columns - column < most ? columns - column : most;
        uint64_t offset = tensor->offset + column * tensor->stride + first * element;
        good = lines_read(descriptor, tensor, offset, run, count, pitch, lines, error);
        if (good)
            lines_turn(lines, pitch, count, (size_t)rows, element, out + column * element, columns * element);
    }
    free(lines);
    return good;
}

/* Some of the rows whose halves lie in turn: row i of the first half is line 2i of its group, of the second 2i + 1. */
static void rows_unweave(const char *group, size_t count, size_t unit, size_t first, size_t rows, char *out)
{
    size_t half = count / 2;
    for (size_t i = 0; i < rows; i++) {
        size_t row = first + i;
        memcpy(out + i * unit, group + (row < half ? 2 * row : 2 * (row - half) + 1) * unit, unit);
    }
}

/* Group by group; the whole of a vector, whose elements are then the rows. */
static bool read_interleaved(int descriptor, const struct tensor *tensor, uint64_t first, uint64_t count, char *out,
                             struct error *error)
{
    bool vector = tensor->rank == 1;
    size_t unit = vector ? dtype_bits(tensor->dtype) / 8 : (size_t)tensor->stride, group = (size_t)tensor->interleaved;
    uint64_t end = vector ? tensor->columns * count : first + count;
    char *lines = malloc(group * unit + 1);
    bool good = lines || error_memory(error, tensor->name);
    for (uint64_t row = first; good && row < end;) {
        uint64_t base = row - row % group, some = base + group < end ? base + group - row : end - row;
        good = file_read_at(descriptor, tensor->file, tensor->offset + base * unit, lines, group * unit, error);
        if (good)
            rows_unweave(lines, group, unit, (size_t)(row - base), (size_t)some, out);
        out += some * unit;
        row += some;
    }
    free(lines);
    return good;
}

static bool read_open_rows(int descriptor, const struct tensor *tensor, uint64_t first, uint64_t count, void *out,
                           struct error *error)
{
    if (tensor->transposed)
        return read_transposed(descriptor, tensor, first, count, out, error);
    if (tensor->interleaved)
        return read_interleaved(descriptor, tensor, first, count, out, error);
    return file_read_at(descriptor, tensor->file, tensor->offset + first * tensor->stride, out,
                        (size_t)(count * tensor->stride), error);
}

/* That the file changed is told before what the read met in it. */
static bool read_file_rows(const struct tensor *tensor, uint64_t first, uint64_t count, void *out, struct error *error)
{
    struct error met = {0};
    int descriptor = weight_file_take(tensor->source, error);
    if (descriptor < 0)
        return false;
    bool read = read_open_rows(descriptor, tensor, first, count, out, &met);
    bool good = weight_file_same(tensor->source, descriptor, error) && (read || error_take(error, &met));
    error_clear(&met);
    weight_file_give(tensor->source, descriptor);
    return good;
}

/* False for a second tensor of the same name and for those of other components: no overlay changes them. */
static bool tensor_is_named(const struct store *store, const struct tensor *tensor)
{
    const struct tensor *named = tensor->other ? NULL : store_find(store, tensor->name);
    return named && named->file == tensor->file && named->offset == tensor->offset;
}

static const struct overlay_change *change_of(const struct store *store, const struct tensor *tensor)
{
    size_t found = map_find(&store->change_of, tensor->name, strlen(tensor->name));
    return found == MAP_ABSENT ? NULL : &store->changes[found];
}

bool store_altered(const struct store *store, const struct tensor *tensor)
{
    for (; store->base && tensor_is_named(store, tensor); store = store->base) {
        const struct overlay_change *change = change_of(store, tensor);
        if (change && (change->values || change->from || change->lender || change->rewrite))
            return true;
        tensor = store_find(store->base, tensor->name); /* a conversion widens what is below */
        if (!tensor)
            return false;
    }
    return false;
}

/* The rows of the tensor below, as F32. */
static bool read_widened(const struct store *store, const struct tensor *tensor, uint64_t first, uint64_t count,
                         void *out, struct error *error)
{
    const struct tensor *below = store_find(store->base, tensor->name);
    void *raw = malloc(dtype_row_bytes(below->dtype, (size_t)(count * below->columns)) + 1);
    bool good = (raw || error_memory(error, tensor->name)) &&
                store_read_wide(store->base, below, first, count, raw, out, error);
    free(raw);
    return good;
}

static bool read_stored(const struct tensor *tensor, uint64_t first, uint64_t count, void *out, struct error *error)
{
    return (tensor->assembly ? tensor->assembly->read : read_file_rows)(tensor, first, count, out, error);
}

#define EVERY_OTHER_BYTES ((size_t)1 << 20) /* of rows that are read with those between them */

/* Each second row, or element of a vector, of what lies there. */
static bool read_every_other(const struct tensor *tensor, uint64_t first, uint64_t count, char *out,
                             struct error *error)
{
    bool vector = tensor->rank == 1;
    size_t unit = (size_t)dtype_row_bytes(tensor->dtype, vector ? 1 : (size_t)tensor->columns);
    uint64_t rows = vector ? tensor->columns * count : count, begin = vector ? 0 : first;
    uint64_t most = EVERY_OTHER_BYTES / (2 * unit + 1) + 1;
    char *both = malloc((size_t)(2 * (rows < most ? rows : most)) * unit + 1);
    bool good = both || error_memory(error, tensor->name);
    for (uint64_t row = 0; good && row < rows; row += most) {
        uint64_t some = rows - row < most ? rows - row : most, all = 2 * some - 1;
        struct tensor dense = *tensor;
        dense.every_other = false;
        if (vector)
            dense.offset += 2 * row * unit;
        *(vector ? &dense.columns : &dense.rows) = vector ? all : 2 * tensor->rows - 1;
        dense.stride = vector ? all * unit : dense.stride;
        good = read_stored(&dense, vector ? 0 : 2 * (begin + row), vector ? 1 : all, both, error);
        for (uint64_t i = 0; good && i < some; i++)
            memcpy(out + (row + i) * unit, both + 2 * i * unit, unit);
    }
    free(both);
    return good;
}

/* A view of bands: each by itself, as a view of its own. */
static bool read_bands(const struct tensor *tensor, uint64_t first, uint64_t count, char *out, struct error *error)
{
    bool vector = tensor->rank == 1;
    uint64_t unit = vector ? tensor->stride / tensor->columns : tensor->stride;
    uint64_t end = vector ? tensor->columns * count : first + count;
    for (uint64_t row = first; row < end;) {
        uint64_t within = row % tensor->band, left = tensor->band - within, some = left < end - row ? left : end - row;
        struct tensor band = *tensor;
        band.band = 0;
        band.columns = vector ? some : tensor->columns;
        band.stride = vector ? some * unit : tensor->stride;
        band.offset += vector ? row / tensor->band * tensor->pitch * unit + within * unit : 0;
        uint64_t at = vector ? 0 : row / tensor->band * tensor->pitch + within;
        if (!read_stored(&band, at, vector ? 1 : some, out, error))
            return false;
        out += some * dtype_row_bytes(tensor->dtype, vector ? 1 : (size_t)tensor->columns);
        row += some;
    }
    return true;
}

bool tensor_lies_apart(const struct tensor *tensor)
{
    return tensor->transposed || tensor->every_other || tensor->band;
}

bool store_read_rows(const struct store *store, const struct tensor *tensor, uint64_t first, uint64_t count, void *out,
                     struct error *error)
{
    if (first > tensor->rows || count > tensor->rows - first)
        return error_set(error, "tensor '%s' has %llu rows; %llu from %llu on were asked for", tensor->name,
                         (unsigned long long)tensor->rows, (unsigned long long)count, (unsigned long long)first);
    bool named = store->base && tensor_is_named(store, tensor);
    const struct overlay_change *change = named ? change_of(store, tensor) : NULL;
    if (change && change->values) {
        memcpy(out, (const char *)change->values + first * tensor->stride, (size_t)(count * tensor->stride));
    } else if (change && change->widened) {
        if (!read_widened(store, tensor, first, count, out, error))
            return false;
    } else if (named) {
        const struct store *from = change && change->lender ? change->lender : store->base;
        const char *name = change && change->from ? change->from : tensor->name;
        const struct tensor *below = change && (change->from || change->lender) ? store_find(from, name) : tensor;
        if (!store_read_rows(from, below, first, count, out, error))
            return false;
    } else if (!(tensor->band          ? read_bands(tensor, first, count, out, error)
                 : tensor->every_other ? read_every_other(tensor, first, count, out, error)
                                       : read_stored(tensor, first, count, out, error))) {
        return error_context(error, "tensor '%s'", tensor->disk_name);
    }
    if (change && change->rewrite)
        change->rewrite(change->context, tensor, first, count, out);
    return true;
}

bool store_read_wide(const struct store *store, const struct tensor *tensor, uint64_t first, uint64_t count, void *raw,
                     float *out, struct error *error)
{
    if (!store_read_rows(store, tensor, first, count, raw, error))
        return false;
    widen(tensor->dtype, raw, out, (size_t)(count * tensor->columns));
    return true;
}

bool store_read(const struct store *store, const struct tensor *tensor, void *out, struct error *error)
{
    return store_read_rows(store, tensor, 0, tensor->rows, out, error);
}
