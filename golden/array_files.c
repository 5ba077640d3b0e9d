#include "golden/array_files.h"

#include <stdlib.h>
#include <string.h>

#include "base/wording.h"
#include "golden/npy.h"
#include "store/store.h"
#include "store/zip.h"

#define NPY ".npy"

_Static_assert(NPY_RANK_MAX == TENSOR_RANK_MAX, "shapes are copied");

static bool push_npy(struct named_arrays *arrays, char *name, const char *path, const struct npy *npy,
                     struct error *error)
{
    struct named_array array = {
        .name = name, .file = strdup(path), .dtype = npy->dtype, .rank = npy->rank, .offset = npy->offset};
    memcpy(array.shape, npy->shape, sizeof array.shape);
    return named_push(arrays, &array, error);
}

static bool read_npy(const char *path, struct named_arrays *arrays, struct error *error)
{
    struct npy npy;
    return npy_open(path, &npy, error) &&
           push_npy(arrays, array_file_stem(array_file_of(path), path), path, &npy, error);
}

static bool read_member(const char *path, const struct zip_entry *entry, struct named_arrays *arrays,
                        struct error *error)
{
    struct npy npy;
    if (!entry->plain)
        return error_set(error,
                         "%s: '%s' is compressed; numpy.savez, in place of savez_compressed, stores arrays as they are",
                         path, entry->name);
    return (npy_open_within(path, entry->offset, entry->size, &npy, error) ||
            error_context(error, "'%s'", entry->name)) &&
           push_npy(arrays, strndup(entry->name, strlen(entry->name) - strlen(NPY)), path, &npy, error);
}

/* A zip archive of NAME.npy, as numpy.savez writes it. */
static bool read_npz(const char *path, struct named_arrays *arrays, struct error *error)
{
    struct zip zip = {0};
    bool good = zip_open(path, &zip, error);
    for (size_t i = 0; good && i < zip.count; i++)
        if (text_ends_with(zip.entries[i].name, NPY))
            good = read_member(path, &zip.entries[i], arrays, error);
    zip_free(&zip);
    return good;
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

/* Tensors in dictionaries, lists and tuples, as torch.save writes them. */
static bool read_torch(const char *path, struct named_arrays *arrays, struct error *error)
{
    struct store *store = store_open(path, error);
    bool good = store;
    for (size_t i = 0; good && i < store_count(store); i++) {
        const struct tensor *tensor = store_at(store, i);
        struct named_array array = {.name = strdup(tensor->disk_name),
                                    .file = strdup(path),
                                    .dtype = tensor->dtype,
                                    .rank = tensor->rank,
                                    .offset = tensor->offset,
                                    .columns = tensor->transposed};
        memcpy(array.shape, tensor->shape, sizeof array.shape);
        good = named_push(arrays, &array, error);
    }
    store_free(store);
    return good;
}

static const struct array_file kinds[] = {
    {NPY, .sure = true, .single = true, .read = read_npy},
    {".npz", .sure = true, .read = read_npz},
    {".safetensors", .read = read_safetensors},
    {".pt", .tells = true, .read = read_torch},
    {".pth", .tells = true, .read = read_torch},
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
