/* An extraction put together file by file, and some files of one as a store of their own. */
#include <stdlib.h>

#include "store/store_internal.h"

struct store *store_gather(const char *folder, struct error *error)
{
    return store_new(folder, STORE_EXTRACTION, error);
}

bool store_gather_file(struct store *store, const char *path, struct error *error)
{
    return safetensors_read_header(store, path, error);
}

bool store_gathered(struct store *store, struct error *error)
{
    return store_finish(store, error);
}

struct store *store_open_files(const char *folder, const char *const *files, size_t count, struct error *error)
{
    struct store *store = store_gather(folder, error);
    bool good = store;
    for (size_t i = 0; good && i < count; i++) {
        char *path = path_join(folder, files[i]);
        good = (path || error_memory(error, folder)) && store_gather_file(store, path, error);
        free(path);
    }
    if (good && store_gathered(store, error))
        return store;
    store_free(store);
    return NULL;
}
