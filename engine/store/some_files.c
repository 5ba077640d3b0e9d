/* Some files of an extraction as a store of their own. */
#include <stdlib.h>

#include "store/store_internal.h"

struct store *store_open_files(const char *folder, const char *const *files, size_t count, struct error *error)
{
    struct store *store = store_new(folder, "extraction", error);
    bool good = store;
    for (size_t i = 0; good && i < count; i++) {
        char *path = path_join(folder, files[i]);
        good = (path || error_memory(error, folder)) && safetensors_read_header(store, path, error);
        free(path);
    }
    if (good && store_finish(store, error))
        return store;
    store_free(store);
    return NULL;
}
