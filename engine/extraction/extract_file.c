/* One file of an extraction. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "extraction/extract_internal.h"
#include "store/safetensors.h"

#define CHUNK_BYTES ((uint64_t)4 << 20)

bool tensor_each(const struct store *store, const struct tensor *tensor, chunk_take *take, void *context,
                 struct error *error)
{
    uint64_t width = tensor->rows ? tensor->bytes / tensor->rows : 0;
    uint64_t some = width && width < CHUNK_BYTES ? CHUNK_BYTES / width : 1;
    some = some < tensor->rows ? some : tensor->rows;
    char *values = malloc((size_t)(some * width) + 1);
    bool good = values || error_memory(error, tensor->name);
    for (uint64_t row = 0; good && width && row < tensor->rows; row += some) {
        uint64_t count = tensor->rows - row < some ? tensor->rows - row : some;
        good = store_read_rows(store, tensor, row, count, values, error) &&
               take(context, row * width, values, (size_t)(count * width), error);
    }
    free(values);
    return good;
}

/* A chunk of the source, held against the same bytes of a file. */
struct holding {
    int descriptor;
    const char *path;
    uint64_t begin; /* of the tensor in the file */
    struct sha256 *sha;
    bool same;
};

static bool hold(void *context, uint64_t offset, const void *values, size_t size, struct error *error)
{
    struct holding *holding = context;
    char *there = malloc(size + 1);
    bool good = there || error_memory(error, holding->path);
    good = good && file_read_at(holding->descriptor, holding->path, holding->begin + offset, there, size, error);
    if (good)
        holding->same = holding->same && memcmp(there, values, size) == 0;
    free(there);
    return good && (sha256_update(holding->sha, values, size) || error_set(error, "SHA-256 failed"));
}

static bool entry_fits(const struct safetensors_entry *entry, const struct extract_tensor *wanted)
{
    const struct tensor *tensor = wanted->tensor;
    return strcmp(entry->name, wanted->name) == 0 && tensor_same_kind(entry, tensor) && entry->bytes == tensor->bytes;
}

/* The metadata that every file is given. */
static bool metadata_fits(const cJSON *metadata)
{
    const cJSON *format = metadata ? json_member(metadata, "format") : NULL;
    return format && !format->next && format == metadata->child && cJSON_IsString(format) &&
           strcmp(format->valuestring, "pt") == 0;
}

bool header_hash(int descriptor, const char *path, uint64_t size, char hex[SHA256_TEXT], struct error *error)
{
    struct sha256 *sha = sha256_new(error);
    char *header = malloc((size_t)size + 1);
    bool good =
        sha && (header || error_memory(error, path)) && file_read_at(descriptor, path, 0, header, (size_t)size, error);
    good = good && (sha256_update(sha, header, (size_t)size) || error_set(error, "SHA-256 failed"));
    if (sha && !sha256_finish(sha, hex) && good)
        good = error_set(error, "SHA-256 failed");
    free(header);
    return good;
}

static bool values_hold(struct extract_file *file, const struct safetensors *found, const char *path, bool *same,
                        struct error *error)
{
    int descriptor = file_open(path, NULL, error);
    bool good = descriptor >= 0 && header_hash(descriptor, path, found->entries[0].offset, file->header_sha256, error);
    file->size = found->state.size;
    for (size_t i = 0; good && *same && i < file->count; i++) {
        struct extract_tensor *tensor = &file->tensors[i];
        tensor->begin = found->entries[i].offset;
        struct holding holding = {
            .descriptor = descriptor, .path = path, .begin = found->entries[i].offset, .same = true};
        holding.sha = sha256_new(error);
        good = holding.sha && tensor_each(tensor->store, tensor->tensor, hold, &holding, error);
        if (holding.sha && !sha256_finish(holding.sha, tensor->sha256) && good)
            good = error_set(error, "SHA-256 failed");
        *same = *same && holding.same;
    }
    if (descriptor >= 0)
        close(descriptor);
    return good;
}

/* Does the file at `path` hold the plan's tensors and nothing else, bit for bit? One that cannot be read does not, and
 * `why` says so. */
static bool file_holds(struct extract_file *file, const char *path, bool *same, struct error *why, struct error *error)
{
    struct safetensors found = {0};
    *same = safetensors_open(path, &found, why);
    if (why->kind == ERROR_MEMORY)
        return error_take(error, why);
    *same = *same && found.count == file->count && metadata_fits(found.metadata);
    for (size_t i = 0; *same && i < file->count; i++)
        *same = entry_fits(&found.entries[i], &file->tensors[i]);
    bool good = !*same || values_hold(file, &found, path, same, error);
    safetensors_free(&found);
    return good;
}

struct putting {
    struct safetensors_writer *writer;
    size_t index;
};

static bool put(void *context, uint64_t offset, const void *values, size_t size, struct error *error)
{
    struct putting *putting = context;
    return safetensors_put(putting->writer, putting->index, offset, values, size, error);
}

static struct safetensors_writer *file_begin(const struct extract_file *file, const char *path, struct error *error)
{
    struct safetensors_entry *entries = calloc(file->count, sizeof *entries);
    cJSON *metadata = cJSON_CreateObject();
    struct safetensors_writer *writer = NULL;
    for (size_t i = 0; entries && i < file->count; i++) {
        const struct tensor *tensor = file->tensors[i].tensor;
        entries[i] =
            (struct safetensors_entry){.name = file->tensors[i].name, .dtype = tensor->dtype, .rank = tensor->rank};
        memcpy(entries[i].shape, tensor->shape, sizeof entries[i].shape);
    }
    if (entries && cJSON_AddStringToObject(metadata, "format", "pt"))
        writer = safetensors_create(path, entries, file->count, metadata, error);
    else
        error_memory(error, path);
    cJSON_Delete(metadata);
    free(entries);
    return writer;
}

static bool file_write_out(struct extract_file *file, const char *path, struct error *error)
{
    struct putting putting = {.writer = file_begin(file, path, error)};
    bool good = putting.writer;
    for (; good && putting.index < file->count; putting.index++)
        good =
            tensor_each(file->tensors[putting.index].store, file->tensors[putting.index].tensor, put, &putting, error);
    if (!good) {
        safetensors_discard(putting.writer);
        return false;
    }
    if (!(file->writer = safetensors_stage(putting.writer, error)))
        return false;
    bool same = false;
    struct error why = {0};
    good = file_holds(file, file_staged_path(file->writer), &same, &why, error);
    if (good && !same)
        good = error_set(error, "%s: what was read back is not what was written%s%s; the disk may be failing",
                         file_staged_path(file->writer), why.text ? ": " : "", why.text ? why.text : "");
    error_clear(&why);
    if (good)
        return true;
    file_discard(file->writer);
    file->writer = NULL;
    return false;
}

bool extract_file_work(const struct extract_request *request, struct extract_file *file, struct error *error)
{
    char *path = path_join(request->folder, file->path);
    struct error why = {0};
    bool same = false, good = path || error_memory(error, file->path);
    if (good && file_exists(path))
        good = file_holds(file, path, &same, &why, error);
    error_clear(&why);
    if (good && same) {
        file->fate = FILE_KEPT;
    } else if (good && file->wanted) {
        good = file_write_out(file, path, error);
        file->fate = good ? FILE_STAGED : FILE_ABSENT;
    }
    free(path);
    return good;
}
