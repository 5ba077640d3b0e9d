/* What the readers of dumps have in common: filling a golden, and plain arrays. */
#include "golden/golden_make.h"

#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "values/values.h"

bool golden_open_file(struct golden *golden, struct error *error)
{
    golden->descriptor = file_open(golden->path, &golden->state, error);
    return golden->descriptor >= 0;
}

bool golden_add_case(struct golden *golden, const char *id, struct ids *ids, struct error *error)
{
    struct ids taken = *ids;
    size_t twice = MAP_ABSENT;
    *ids = (struct ids){0};
    char *copy = strdup(id);
    if (!copy || !array_push(golden->cases, golden->case_count, golden->case_capacity,
                             (struct golden_case_data){
                                 .id = copy,
                                 .ids = taken.data,
                                 .public = {.id = copy, .ids = taken.data, .count = taken.count, .perplexity = NAN}})) {
        free(copy);
        ids_free(&taken);
        return error_memory(error, golden->path);
    }
    if (!map_add(&golden->case_of, copy, strlen(copy), golden->case_count - 1, &twice))
        return error_memory(error, golden->path);
    return twice == MAP_ABSENT || error_set(error, "%s: case '%s' occurs twice", golden->path, id);
}

bool golden_add_tensor(struct golden *golden, const struct golden_tensor *tensor, const char *path,
                       struct golden_place place, struct error *error)
{
    struct buffer name = {0};
    const char *id = golden->cases[tensor->case_index].id;
    size_t twice = MAP_ABSENT;
    buffer_format(&name, "%s/%s", id, path);
    place.name = buffer_take(&name);
    if (!place.name || !array_grow(golden->tensors, golden->tensor_count, golden->tensor_capacity) ||
        !array_grow(golden->places, golden->tensor_count, golden->place_capacity)) {
        free(place.name);
        free(place.file);
        return error_memory(error, golden->path);
    }
    golden->places[golden->tensor_count] = place;
    struct golden_tensor *added = &golden->tensors[golden->tensor_count++];
    *added = *tensor;
    added->path = place.name + strlen(id) + 1;
    added->rounding = added->rounding_alone = NAN;
    if (!map_add(&golden->tensor_of, place.name, strlen(place.name), golden->tensor_count - 1, &twice))
        return error_memory(error, golden->path);
    return twice == MAP_ABSENT || error_set(error, "%s: tensor '%s' occurs twice", golden->path, place.name);
}

bool golden_note(struct golden *golden, struct error *error, const char *format, ...)
{
    char *text = NULL;
    bool told = false;
    va_list arguments;
    va_start(arguments, format);
    bool good = vasprintf(&text, format, arguments) >= 0;
    va_end(arguments);
    for (size_t i = 0; good && i < golden->notes.count; i++)
        told = told || strcmp(golden->notes.items[i], text) == 0;
    good = good && (told || names_add(&golden->notes, text));
    if (good)
        free(text);
    return good || error_memory(error, golden->path);
}

/* Exact for whole numbers below 2^24. Unaligned. */
static void to_float(enum dtype dtype, const char *raw, float *out, size_t count)
{
    size_t width = dtype_bits(dtype) / 8;
    for (size_t i = 0; i < count; i++) {
        double number = 0;
        int64_t whole = 0;
        int32_t small = 0;
        memcpy(dtype == DTYPE_F64   ? (void *)&number
               : dtype == DTYPE_I64 ? (void *)&whole
                                    : (void *)&small,
               raw + i * width, width);
        out[i] = (float)(dtype == DTYPE_F64 ? number : dtype == DTYPE_I64 ? (double)whole : (double)small);
    }
}

bool golden_read_plain(const struct golden *golden, size_t index, size_t first, size_t count, float *out,
                       struct error *error)
{
    const struct golden_place *place = &golden->places[index];
    const char *path = place->file ? place->file : golden->path;
    size_t row = place->stored_width ? place->stored_width : golden->tensors[index].width;
    size_t width = dtype_bits(place->dtype) / 8, values = count * row;
    uint64_t offset = place->offset + (uint64_t)first * row * width;
    int descriptor = place->file ? file_open(path, NULL, error) : golden->descriptor;
    if (descriptor < 0)
        return false;
    bool plain = place->dtype == DTYPE_F32;
    char *raw = plain ? NULL : malloc(values * width + 1);
    bool good = (plain || raw || error_memory(error, path)) &&
                file_read_at(descriptor, path, offset, plain ? (void *)out : raw, values * width, error);
    if (good && !plain && dtype_width(place->dtype))
        widen(place->dtype, raw, out, values);
    else if (good && !plain)
        to_float(place->dtype, raw, out, values);
    free(raw);
    if (place->file)
        close(descriptor);
    return good;
}

static bool push_ids(const char *path, const char *raw, enum dtype dtype, size_t count, struct ids *ids,
                     struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        int64_t id = 0;
        int32_t small = 0;
        if (dtype == DTYPE_I64)
            memcpy(&id, raw + i * 8, 8);
        else
            memcpy(&small, raw + i * 4, 4);
        id = dtype == DTYPE_I64 ? id : small;
        if (id < 0 || id > INT_MAX)
            return error_set(error, "%s: entry %zu, %lld, is no token id", path, i, (long long)id);
        if (!ids_push(ids, (int)id))
            return error_memory(error, path);
    }
    return true;
}

bool golden_read_ids(const char *path, uint64_t offset, enum dtype dtype, uint64_t count, struct ids *ids,
                     struct error *error)
{
    if (dtype != DTYPE_I64 && dtype != DTYPE_I32)
        return error_set(error, "%s: the token ids have dtype %s; I64 or I32 was expected", path, dtype_name(dtype));
    if (!count || count > GOLDEN_IDS_MAX)
        return error_set(error, "%s: holds %llu token ids; 1 to %zu were expected", path, (unsigned long long)count,
                         GOLDEN_IDS_MAX);
    size_t bytes = (size_t)count * dtype_bits(dtype) / 8;
    char *raw = malloc(bytes);
    int descriptor = file_open(path, NULL, error);
    bool good = descriptor >= 0 && (raw || error_memory(error, path));
    good = good && file_read_at(descriptor, path, offset, raw, bytes, error) &&
           push_ids(path, raw, dtype, (size_t)count, ids, error);
    if (descriptor >= 0)
        close(descriptor);
    free(raw);
    return good;
}
