#include "golden/array_files.h"

#include <stdlib.h>
#include <string.h>

#include "base/wording.h"
#include "golden/npy.h"

_Static_assert(NPY_RANK_MAX == TENSOR_RANK_MAX, "shapes are copied");

static bool read_npy(const char *path, struct named_arrays *arrays, struct error *error)
{
    struct npy npy;
    if (!npy_open(path, &npy, error))
        return false;
    struct named_array array = {.name = array_file_stem(array_file_of(path), path),
                                .file = strdup(path),
                                .dtype = npy.dtype,
                                .rank = npy.rank,
                                .offset = npy.offset};
    memcpy(array.shape, npy.shape, sizeof array.shape);
    return named_push(arrays, &array, error);
}

static bool read_safetensors(const char *path, struct named_arrays *arrays, struct error *error)
{
    struct safetensors file = {0};
    bool good = safetensors_open(path, &file, error);
    for (size_t i = 0; good && i < file.count; i++) {
        const struct safetensors_entry *entry = &file.entries[i];
        struct named_array array = {.name = strdup(entry->name),
                                    .file = strdup(path),
                                    .dtype = entry->dtype,
                                    .rank = entry->rank,
                                    .offset = entry->offset};
        memcpy(array.shape, entry->shape, sizeof array.shape);
        good = named_push(arrays, &array, error);
    }
    safetensors_free(&file);
    return good;
}

static const struct array_file kinds[] = {
    {".npy", .sure = true, .single = true, .read = read_npy},
    {".safetensors", .read = read_safetensors},
};

const struct array_file *array_file_of(const char *path)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (text_ends_with(path, kinds[i].ending))
            return &kinds[i];
    return NULL;
}

char *array_file_stem(const struct array_file *kind, const char *path)
{
    const char *base = path_base(path);
    return strndup(base, strlen(base) - strlen(kind->ending));
}
