#include "golden/golden.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/map.h"
#include "golden/golden_internal.h"

void golden_case_free(struct golden_case_data *data)
{
    free(data->id);
    free(data->prompt);
    free(data->ids);
    free(data->greedy);
}

void golden_place_free(struct golden_place *place)
{
    free(place->name);
    free(place->file);
    free(place->row_rounding);
}

void golden_free(struct golden *golden)
{
    if (!golden)
        return;
    for (size_t i = 0; i < golden->case_count; i++)
        golden_case_free(&golden->cases[i]);
    for (size_t i = 0; i < golden->tensor_count; i++)
        golden_place_free(&golden->places[i]);
    free(golden->cases);
    free(golden->tensors);
    free(golden->places);
    map_free(&golden->case_of);
    map_free(&golden->tensor_of);
    cJSON_Delete(golden->metadata);
    names_free(&golden->notes);
    if (golden->descriptor >= 0)
        close(golden->descriptor);
    free(golden->path);
    free(golden);
}

size_t golden_note_count(const struct golden *golden)
{
    return golden->notes.count;
}

const char *golden_note_at(const struct golden *golden, size_t index)
{
    return golden->notes.items[index];
}

const char *golden_path(const struct golden *golden)
{
    return golden->path;
}

const char *golden_producer(const struct golden *golden)
{
    return golden->producer;
}

bool golden_has_noise(const struct golden *golden)
{
    return golden->has_noise;
}

size_t golden_case_count(const struct golden *golden)
{
    return golden->case_count;
}

const struct golden_case *golden_case_at(const struct golden *golden, size_t index)
{
    return &golden->cases[index].public;
}

size_t golden_same_case(const struct golden *golden, const struct golden_case *wanted)
{
    for (size_t i = 0; i < golden_case_count(golden); i++) {
        const struct golden_case *found = golden_case_at(golden, i);
        if (strcmp(found->id, wanted->id) == 0 && found->count == wanted->count &&
            memcmp(found->ids, wanted->ids, wanted->count * sizeof *wanted->ids) == 0)
            return i;
    }
    return SIZE_MAX;
}

size_t golden_tensor_count(const struct golden *golden)
{
    return golden->tensor_count;
}

const struct golden_tensor *golden_tensor_at(const struct golden *golden, size_t index)
{
    return &golden->tensors[index];
}

const struct golden_tensor *golden_find(const struct golden *golden, size_t case_index, const char *path)
{
    struct buffer name = {0};
    buffer_format(&name, "%s/%s", golden->cases[case_index].id, path);
    size_t index = name.failed ? MAP_ABSENT : map_find(&golden->tensor_of, name.data, name.size);
    buffer_free(&name);
    return index == MAP_ABSENT ? NULL : &golden->tensors[index];
}

const struct golden_statistics *golden_statistics(const struct golden *golden, const struct golden_tensor *tensor)
{
    return &golden->places[tensor - golden->tensors].statistics;
}

/* Of each row the values that are compared. */
static bool read_cut(const struct golden *golden, size_t index, size_t first, size_t count, float *out,
                     struct error *error)
{
    size_t width = golden->tensors[index].width;
    float *row = malloc(golden->places[index].stored_width * sizeof *row);
    bool good = row || error_memory(error, golden->places[index].name);
    for (size_t i = 0; good && i < count; i++) {
        good = golden->reader->read_rows(golden, index, first + i, 1, row, error);
        if (good)
            memcpy(out + i * width, row, width * sizeof *row);
    }
    free(row);
    return good;
}

/* What was read of a file that is written to meanwhile is half of one dump and half of another. */
static bool is_unchanged(const struct golden *golden, struct error *error)
{
    struct file_state now;
    if (golden->descriptor < 0)
        return true;
    if (!file_state(golden->descriptor, golden->path, &now, error))
        return false;
    now.links = golden->state.links; /* another in its place is not what is read */
    const char *change = file_state_change(&golden->state, &now);
    return !change || error_set(error, "%s: changed while it was being read: %s", golden->path, change);
}

bool golden_read_rows(const struct golden *golden, const struct golden_tensor *tensor, size_t first, size_t count,
                      float *out, struct error *error)
{
    size_t index = (size_t)(tensor - golden->tensors);
    const char *name = golden->places[index].name;
    if (first > tensor->rows || count > tensor->rows - first)
        return error_set(error, "%s: tensor '%s' has %zu rows; %zu from %zu on were asked for", golden->path, name,
                         tensor->rows, count, first);
    if (tensor->kind == GOLDEN_STATISTICS)
        return error_set(error, "%s: the dump holds only statistics of tensor '%s', not its values", golden->path,
                         name);
    bool good = golden->places[index].stored_width ? read_cut(golden, index, first, count, out, error)
                                                   : golden->reader->read_rows(golden, index, first, count, out, error);
    return good && is_unchanged(golden, error);
}

bool golden_holds(const struct golden *golden, enum golden_kind kind)
{
    for (size_t i = 0; i < golden_tensor_count(golden); i++)
        if (golden_tensor_at(golden, i)->kind == kind)
            return true;
    return false;
}

void golden_begin_windows(struct golden *golden, int bos)
{
    for (size_t i = 0; golden->windows && i < golden->case_count; i++)
        golden->cases[i].ids[0] = bos;
}

bool golden_begin_as(struct golden *golden, struct tokenizer *tokenizer, struct error *error)
{
    struct ids ids = {0};
    bool good = !tokenizer || tokenizer_encode(tokenizer, "", 0, true, &ids, error);
    if (ids.count && ids.data[0] == golden->cases[0].ids[0])
        golden_begin_windows(golden, ids.data[0]);
    ids_free(&ids);
    return good;
}

const struct golden_text *golden_perplexity_text(const struct golden *golden)
{
    return golden->has_text ? &golden->text : NULL;
}
