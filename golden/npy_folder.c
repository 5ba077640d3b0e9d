/* The reader of folders of .npy files: MODULE_PATH.npy beside ids.npy, or such folders, one for each case. */
#include <stdlib.h>
#include <string.h>

#include "base/wording.h"
#include "golden/golden_make.h"
#include "golden/golden_readers.h"
#include "golden/named_arrays.h"
#include "golden/npy.h"

#define ENDING ".npy"
_Static_assert(NPY_RANK_MAX == TENSOR_RANK_MAX, "shapes are copied");

#define LONE_CASE "case" /* of files that lie in no folder of their own */

static bool holds_npy(const char *folder)
{
    struct names names = {0};
    bool found = false;
    if (folder_list(folder, &names, NULL))
        for (size_t i = 0; i < names.count; i++)
            found = found || text_ends_with(names.items[i], ENDING);
    names_free(&names);
    return found;
}

static bool npy_recognises(const char *path)
{
    struct names names = {0};
    if (!file_is_folder(path))
        return false;
    bool found = holds_npy(path);
    if (!found && folder_list(path, &names, NULL)) {
        for (size_t i = 0; !found && i < names.count; i++) {
            char *inner = path_join(path, names.items[i]);
            found = inner && file_is_folder(inner) && holds_npy(inner);
            free(inner);
        }
    }
    names_free(&names);
    return found;
}

static bool push_file(struct named_arrays *arrays, char *path, struct error *error)
{
    struct npy npy;
    if (!path)
        return error_memory(error, "npy");
    if (!npy_open(path, &npy, error)) {
        free(path);
        return false;
    }
    const char *base = path_base(path);
    struct named_array array = {.name = strndup(base, strlen(base) - strlen(ENDING)),
                                .file = path,
                                .dtype = npy.dtype,
                                .rank = npy.rank,
                                .offset = npy.offset};
    memcpy(array.shape, npy.shape, sizeof array.shape);
    return named_push(arrays, &array, error);
}

static bool add_folder(struct golden *golden, const char *folder, const char *id, struct error *error)
{
    struct names names = {0};
    struct named_arrays arrays = {0};
    bool good = folder_list(folder, &names, error);
    for (size_t i = 0; good && i < names.count; i++)
        if (text_ends_with(names.items[i], ENDING))
            good = push_file(&arrays, path_join(folder, names.items[i]), error);
    good = good && named_add(golden, id, folder, &arrays, error);
    named_free(&arrays);
    names_free(&names);
    return good;
}

static bool npy_folder_open(struct golden *golden, struct error *error)
{
    struct names names = {0};
    golden->producer = ".npy files";
    golden->dtype = "float32";
    bool good = folder_list(golden->path, &names, error) &&
                (!holds_npy(golden->path) || add_folder(golden, golden->path, LONE_CASE, error));
    for (size_t i = 0; good && i < names.count; i++) {
        char *inner = path_join(golden->path, names.items[i]);
        if (!inner)
            good = error_memory(error, golden->path);
        else if (file_is_folder(inner) && holds_npy(inner))
            good = add_folder(golden, inner, names.items[i], error);
        free(inner);
    }
    names_free(&names);
    return good;
}

const struct golden_reader golden_npy = {npy_recognises, npy_folder_open, golden_read_plain};
