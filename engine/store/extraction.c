/* The extraction layout: one safetensors file for each expert, router, attention block, pair of norms ... in
 * sub-folders. */
#include <stdlib.h>
#include <string.h>

#include "base/wording.h"
#include "store/formats.h"
#include "store/layout.h"
#include "store/store_internal.h"

bool extraction_is(const char *folder)
{
    bool fits = folder_holds(folder, EXTRACTION_MANIFEST);
    for (int i = 0; !fits && i < BLOCK_COUNT; i++) {
        char *path = path_join(folder, block_name((enum block)i));
        fits = path && file_is_folder(path);
        free(path);
    }
    return fits;
}

bool store_add_file(struct store *store, const char *folder, const char *name, struct error *error)
{
    if (!text_ends_with(name, ".safetensors"))
        return true;
    char *path = path_join(folder, name);
    struct error problem = {0};
    bool good = path || error_memory(error, name);
    if (good && !safetensors_read_header(store, path, &problem))
        good = store_add_problem(store, "%s", error_text(&problem)) || error_memory(error, name);
    error_clear(&problem);
    free(path);
    return good;
}

static bool note_unfinished(struct store *store, const char *folder, struct error *error)
{
    char *mark = path_join(folder, EXTRACTION_UNFINISHED);
    bool good =
        mark &&
        (!file_exists(mark) ||
         store_add_problem(
             store,
             "%s says that the extraction was begun and is not finished; assay extract or assay repair finishes it",
             mark));
    free(mark);
    return good || error_memory(error, folder);
}

static bool extraction_open(struct store *store, const char *folder, struct error *error)
{
    bool good = note_unfinished(store, folder, error);
    for (int i = 0; good && i < BLOCK_COUNT; i++) {
        char *path = path_join(folder, block_name((enum block)i));
        struct names names = {0};
        good = path || error_memory(error, folder);
        if (good && file_is_folder(path)) {
            good = folder_list(path, &names, error);
            for (size_t k = 0; good && k < names.count; k++)
                good = store_add_file(store, path, names.items[k], error);
        }
        names_free(&names);
        free(path);
    }
    if (good && !store->count)
        good = error_set(error, "%s: the extraction holds no tensor that can be read%s%s", folder,
                         store->problems.count ? ": " : "", store->problems.count ? store->problems.items[0] : "");
    return good;
}

const struct store_format format_extraction = {.folder = extraction_is, .open = extraction_open};
