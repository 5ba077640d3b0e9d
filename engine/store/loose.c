/* Any folder of safetensors files. */
#include "store/formats.h"
#include "store/store_internal.h"

static bool loose_open(struct store *store, const char *path, struct error *error)
{
    struct names names = {0};
    bool good = folder_list(path, &names, error);
    for (size_t i = 0; good && i < names.count; i++)
        good = store_add_file(store, path, names.items[i], error);
    names_free(&names);
    if (good && !store->count && store->problems.count)
        good = error_set(error, "%s: no .safetensors file that can be read: %s", path, store->problems.items[0]);
    if (good && !store->count)
        good = error_set(error,
                         "%s: no model here: neither model.safetensors, nor model.safetensors.index.json, nor an "
                         "extraction (experts/, norms/ ...), nor any .safetensors file",
                         path);
    return good;
}

const struct store_format format_folder = {.open = loose_open};
