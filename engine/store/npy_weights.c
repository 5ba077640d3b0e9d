/* A file of NumPy, version 1, as numpy.save writes it: one matrix of F32, named like the file. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/formats.h"
#include "store/store_internal.h"

#define START 10 /* magic, version, length of the header */
#define HEADER "{'descr': '<f4', 'fortran_order': False, 'shape': (%llu, %llu), }"

static bool header_read(int descriptor, const char *path, struct tensor *tensor, struct error *error)
{
    char header[256] = {0};
    unsigned long long rows = 0, columns = 0;
    if (!file_read_at(descriptor, path, 0, header, 128, error))
        return false;
    if (header[6] != 1 || sscanf(header + START, HEADER, &rows, &columns) != 2)
        return error_set(error, "%s: a matrix of '<f4' in rows was expected", path);
    tensor->shape[0] = rows;
    tensor->shape[1] = columns;
    tensor->offset = START + (uint64_t)(unsigned char)header[8] + 256 * (uint64_t)(unsigned char)header[9];
    return true;
}

static bool npy_add(struct store *store, const char *path, int descriptor, struct error *error)
{
    struct tensor tensor = {.dtype = DTYPE_F32, .rank = 2};
    struct file_state state;
    char name[256];
    if (!file_state(descriptor, path, &state, error) || !header_read(descriptor, path, &tensor, error))
        return false;
    if (!tensor_measure(&tensor) || tensor.offset > state.size || tensor.bytes != state.size - tensor.offset)
        return error_set(error, "%s: its size is not that of its shape", path);
    const char *end = strstr(path_base(path), ".npy");
    snprintf(name, sizeof name, "%.*s", (int)(end ? end - path_base(path) : 200), path_base(path));
    tensor.source = weight_files_add(&store->files, path, &state);
    tensor.disk_name = store_string(store, name);
    if (!tensor.source || !tensor.disk_name)
        return error_memory(error, path);
    tensor.file = weight_file_path(tensor.source);
    return store_add(store, &tensor, error);
}

static bool npy_weights_open(struct store *store, const char *path, struct error *error)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    bool good = descriptor >= 0 ? npy_add(store, path, descriptor, error) : error_errno(error, "%s", path);
    if (descriptor >= 0)
        close(descriptor);
    return good;
}

const struct store_format format_npy_weights = {.magic = "\x93NUMPY", .open = npy_weights_open};
