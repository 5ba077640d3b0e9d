#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/numbers.h"
#include "store/safetensors.h"

/* Which bytes of a tensor were put: runs that neither touch nor overlap, in order. Values mostly come in order, so that
 * there is one. */
struct run {
    uint64_t begin;
    uint64_t end;
};

struct written {
    struct run *runs;
    size_t count;
    size_t capacity;
};

struct safetensors_writer {
    struct file_writer *file;
    size_t count;
    uint64_t *offsets; /* count + 1 */
    struct written *written;
    char **names;
};

static bool written_add(struct written *written, uint64_t begin, uint64_t end)
{
    size_t first = written->count, after;
    while (first && written->runs[first - 1].end >= begin)
        first--;
    for (after = first; after < written->count && written->runs[after].begin <= end; after++) {
        begin = written->runs[after].begin < begin ? written->runs[after].begin : begin;
        end = written->runs[after].end > end ? written->runs[after].end : end;
    }
    if (!array_grow(written->runs, written->count, written->capacity))
        return false;
    memmove(written->runs + first + 1, written->runs + after, (written->count - after) * sizeof *written->runs);
    written->runs[first] = (struct run){begin, end};
    written->count += 1 - (after - first);
    return true;
}

static bool written_whole(const struct written *written, uint64_t size)
{
    return !size || (written->count == 1 && written->runs[0].begin == 0 && written->runs[0].end == size);
}

static cJSON *header_entry(const struct safetensors_entry *entry, uint64_t begin, uint64_t end)
{
    cJSON *item = cJSON_CreateObject();
    cJSON *shape = cJSON_CreateArray(), *offsets = cJSON_CreateArray();
    for (int i = 0; i < entry->rank; i++)
        cJSON_AddItemToArray(shape, cJSON_CreateNumber((double)entry->shape[i]));
    cJSON_AddItemToArray(offsets, cJSON_CreateNumber((double)begin));
    cJSON_AddItemToArray(offsets, cJSON_CreateNumber((double)end));
    cJSON_AddStringToObject(item, "dtype", dtype_name(entry->dtype));
    cJSON_AddItemToObject(item, "shape", shape);
    cJSON_AddItemToObject(item, "data_offsets", offsets);
    return item;
}

/* Writes length and JSON, padded with spaces so that the data begins at a multiple of 8. */
static bool header_write(struct safetensors_writer *writer, const cJSON *header, uint64_t *data, struct error *error)
{
    char *text = json_document(header, false);
    if (!text)
        return error_memory(error, "safetensors header");
    size_t length = strlen(text), padded = (length + 7) / 8 * 8;
    unsigned char raw[8];
    for (int i = 0; i < 8; i++)
        raw[i] = (unsigned char)((uint64_t)padded >> (8 * i));
    bool good = file_append(writer->file, raw, sizeof raw, error) && file_append(writer->file, text, length, error) &&
                file_append(writer->file, "       ", padded - length, error);
    *data = 8 + (uint64_t)padded;
    cJSON_free(text);
    return good;
}

/* The same rules as for reading: nothing is written that could not be read again. */
static bool entry_measure(const struct safetensors_entry *entry, uint64_t *bytes, struct error *error)
{
    uint64_t bits = dtype_bits(entry->dtype);
    bool good = entry->rank >= 0 && entry->rank <= TENSOR_RANK_MAX;
    for (int i = 0; good && i < entry->rank; i++)
        good = multiply_u64(bits, entry->shape[i], &bits);
    *bytes = bits / 8;
    if (!good || bits % 8 || bits >> 53)
        return error_set(error, "tensor '%s': a shape that cannot be stored", entry->name);
    if (utf8_check(entry->name, strlen(entry->name)) != strlen(entry->name))
        return error_set(error, "tensor '%s': the name is not valid UTF-8", entry->name);
    return true;
}

static bool writer_lay_out(struct safetensors_writer *writer, const struct safetensors_entry *entries,
                           const cJSON *metadata, struct error *error)
{
    cJSON *header = cJSON_CreateObject();
    if (metadata)
        cJSON_AddItemToObject(header, "__metadata__", cJSON_Duplicate(metadata, true));
    struct map seen = {0};
    uint64_t at = 0, data = 0;
    bool good = true;
    for (size_t i = 0; good && i < writer->count; i++) {
        uint64_t bytes = 0;
        size_t twice = MAP_ABSENT;
        good = entry_measure(&entries[i], &bytes, error);
        if (good && (!(writer->names[i] = strdup(entries[i].name)) ||
                     !map_add(&seen, entries[i].name, strlen(entries[i].name), i, &twice)))
            good = error_memory(error, entries[i].name);
        if (good && (twice != MAP_ABSENT || strcmp(entries[i].name, "__metadata__") == 0))
            good = error_set(error, "tensor '%s': the name is taken", entries[i].name);
        writer->offsets[i] = at;
        if (good)
            cJSON_AddItemToObject(header, entries[i].name, header_entry(&entries[i], at, at + bytes));
        at += bytes;
    }
    writer->offsets[writer->count] = at;
    good = good && header_write(writer, header, &data, error);
    for (size_t i = 0; i <= writer->count; i++)
        writer->offsets[i] += data;
    map_free(&seen);
    cJSON_Delete(header);
    return good;
}

struct safetensors_writer *safetensors_create(const char *path, const struct safetensors_entry *entries, size_t count,
                                              const cJSON *metadata, struct error *error)
{
    struct safetensors_writer *writer = calloc(1, sizeof *writer);
    if (writer) {
        writer->count = count;
        writer->offsets = calloc(count + 1, sizeof *writer->offsets);
        writer->written = calloc(count + 1, sizeof *writer->written);
        writer->names = calloc(count + 1, sizeof *writer->names);
    }
    if (!writer || !writer->offsets || !writer->written || !writer->names)
        error_memory(error, path);
    else if ((writer->file = file_create(path, error)) && writer_lay_out(writer, entries, metadata, error))
        return writer;
    safetensors_discard(writer);
    return NULL;
}

bool safetensors_put(struct safetensors_writer *writer, size_t index, uint64_t offset, const void *data, size_t size,
                     struct error *error)
{
    uint64_t begin = writer->offsets[index], end = writer->offsets[index + 1];
    if (offset > end - begin || size > end - begin - offset)
        return error_set(error, "tensor '%s': %zu bytes at %llu are outside its %llu bytes", writer->names[index], size,
                         (unsigned long long)offset, (unsigned long long)(end - begin));
    if (!file_write_at(writer->file, begin + offset, data, size, error))
        return false;
    return !size || written_add(&writer->written[index], offset, offset + size) ||
           error_memory(error, writer->names[index]);
}

static void writer_free(struct safetensors_writer *writer)
{
    for (size_t i = 0; writer->names && i < writer->count; i++)
        free(writer->names[i]);
    for (size_t i = 0; writer->written && i < writer->count; i++)
        free(writer->written[i].runs);
    free(writer->names);
    free(writer->offsets);
    free(writer->written);
    free(writer);
}

static bool writer_whole(const struct safetensors_writer *writer, struct error *error)
{
    for (size_t i = 0; i < writer->count; i++)
        if (!written_whole(&writer->written[i], writer->offsets[i + 1] - writer->offsets[i]))
            return error_set(error, "tensor '%s' was not written whole", writer->names[i]);
    return true;
}

struct file_writer *safetensors_stage(struct safetensors_writer *writer, struct error *error)
{
    struct file_writer *file = writer->file;
    bool good = writer_whole(writer, error) && file_stage(file, error);
    if (!good)
        file_discard(file);
    writer_free(writer);
    return good ? file : NULL;
}

bool safetensors_commit(struct safetensors_writer *writer, struct error *error)
{
    bool good = writer_whole(writer, error);
    if (good)
        good = file_commit(writer->file, error);
    else
        file_discard(writer->file);
    writer_free(writer);
    return good;
}

void safetensors_discard(struct safetensors_writer *writer)
{
    if (!writer)
        return;
    file_discard(writer->file);
    writer_free(writer);
}
