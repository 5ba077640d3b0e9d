/* The reader of folders of .npy files: MODULE_PATH.npy beside ids.npy, or such folders, one for each case. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/wording.h"
#include "golden/golden_make.h"
#include "golden/golden_readers.h"
#include "golden/npy.h"

#define LONE_CASE "case" /* of files that lie in no folder of their own */

static bool holds_npy(const char *folder)
{
    struct names names = {0};
    bool found = false;
    if (folder_list(folder, &names, NULL))
        for (size_t i = 0; i < names.count; i++)
            found = found || text_ends_with(names.items[i], ".npy");
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

static const char *const ids_names[] = {"ids.npy", "input_ids.npy"};

static bool is_ids(const char *name)
{
    return strcmp(name, ids_names[0]) == 0 || strcmp(name, ids_names[1]) == 0;
}

static bool add_case(struct golden *golden, const char *folder, const char *id, struct error *error)
{
    struct ids ids = {0};
    struct npy npy;
    char *path = NULL;
    for (size_t i = 0; i < 2; i++) {
        free(path);
        if (!(path = path_join(folder, ids_names[i])))
            return error_memory(error, folder);
        if (file_exists(path))
            break;
    }
    bool good = file_exists(path) || error_set(error, "%s: the token ids are absent: %s or %s should give them", folder,
                                               ids_names[0], ids_names[1]);
    good = good && npy_open(path, &npy, error);
    if (good && !(npy.rank == 1 || (npy.rank == 2 && npy.shape[0] == 1)))
        good = error_set(error, "%s: token ids of %d dimensions; [tokens] or [1, tokens] was expected", path, npy.rank);
    good = good && golden_read_ids(path, npy.offset, npy.dtype, npy.values, &ids, error) &&
           golden_add_case(golden, id, &ids, error);
    ids_free(&ids);
    free(path);
    return good;
}

/* [tokens, ...] or [1, tokens, ...]. */
static bool add_tensor(struct golden *golden, char *path, struct error *error)
{
    struct npy npy;
    struct buffer module = {0};
    size_t owner = golden->case_count - 1, tokens = golden->cases[owner].public.count;
    char *name = strndup(path_base(path), strlen(path_base(path)) - 4);
    bool good = (name || error_memory(error, path)) && npy_open(path, &npy, error);
    if (good && !(npy.rank && npy.shape[0] == tokens) && !(npy.rank > 1 && npy.shape[0] == 1 && npy.shape[1] == tokens))
        good = error_set(error,
                         "%s: the array has %d dimensions of %llu ...; a row for each of the %zu tokens was expected",
                         path, npy.rank, (unsigned long long)(npy.rank ? npy.shape[0] : 0), tokens);
    if (!good) {
        free(path);
        free(name);
        return false;
    }
    struct golden_tensor tensor = {
        .case_index = owner, .rows = tokens, .width = (size_t)(npy.values / tokens), .noise = NAN};
    struct golden_place place = {.file = path, .dtype = npy.dtype, .offset = npy.offset};
    if (npy.dtype == DTYPE_F16)
        golden->dtype = "float16";
    const char *canonical = golden_module_path(name, &module);
    good = canonical ? golden_add_tensor(golden, &tensor, canonical, place, error) : error_memory(error, path);
    if (!canonical)
        free(path);
    buffer_free(&module);
    free(name);
    return good;
}

static bool add_folder(struct golden *golden, const char *folder, const char *id, struct error *error)
{
    struct names names = {0};
    bool good = add_case(golden, folder, id, error) && folder_list(folder, &names, error);
    for (size_t i = 0; good && i < names.count; i++) {
        if (!text_ends_with(names.items[i], ".npy") || is_ids(names.items[i]))
            continue;
        char *path = path_join(folder, names.items[i]);
        good = path ? add_tensor(golden, path, error) : error_memory(error, folder);
    }
    names_free(&names);
    return good;
}

/* What arithmetic made the values is not told: float32, unless some are stored in less. */
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
