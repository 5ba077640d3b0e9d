#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"
#include "store/safetensors.h"

struct safetensors_writer {
    struct file_writer *file;
    size_t count;
    uint64_t *offsets; /* count + 1 */
    uint64_t *written; /* bytes put so far, for each tensor */
    char **names;
};

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
    char *text = cJSON_PrintUnformatted(header);
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

static bool writer_lay_out(struct safetensors_writer *writer, const struct safetensors_entry *entries, const cJSON *metadata,
                           struct error *error)
{
    cJSON *header = cJSON_CreateObject();
    if (metadata)
        cJSON_AddItemToObject(header, "__metadata__", cJSON_Duplicate(metadata, true));
    uint64_t at = 0;
    for (size_t i = 0; i < writer->count; i++) {
        uint64_t bits = dtype_bits(entries[i].dtype);
        for (int k = 0; k < entries[i].rank; k++)
            bits *= entries[i].shape[k];
        writer->offsets[i] = at;
        cJSON_AddItemToObject(header, entries[i].name, header_entry(&entries[i], at, at + bits / 8));
        at += bits / 8;
        writer->names[i] = strdup(entries[i].name);
    }
    writer->offsets[writer->count] = at;
    uint64_t data = 0;
    bool good = header_write(writer, header, &data, error);
    for (size_t i = 0; i <= writer->count; i++)
        writer->offsets[i] += data;
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
    writer->written[index] += size;
    return file_write_at(writer->file, begin + offset, data, size, error);
}

static void writer_free(struct safetensors_writer *writer)
{
    for (size_t i = 0; writer->names && i < writer->count; i++)
        free(writer->names[i]);
    free(writer->names);
    free(writer->offsets);
    free(writer->written);
    free(writer);
}

bool safetensors_commit(struct safetensors_writer *writer, struct error *error)
{
    bool good = true;
    for (size_t i = 0; good && i < writer->count; i++)
        if (writer->written[i] < writer->offsets[i + 1] - writer->offsets[i])
            good = error_set(error, "tensor '%s' was not written whole", writer->names[i]);
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
