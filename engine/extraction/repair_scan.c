/* What a folder that is to be mended holds. */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/wording.h"
#include "extraction/repair_internal.h"

static const char suffix[] = ".safetensors";

static bool add_weights(struct repair *repair, const char *path, struct error *error)
{
    if (!array_grow(repair->files, repair->file_count, repair->file_capacity))
        return error_memory(error, path);
    struct held_file *file = &repair->files[repair->file_count];
    *file = (struct held_file){.path = strdup(path), .own = map_find(&repair->by_path, path, strlen(path))};
    if (!file->path)
        return error_memory(error, path);
    if (file->own != NONE)
        repair->in_place[file->own] = repair->file_count;
    repair->file_count++;
    struct error problem = {0};
    char *whole = path_join(repair->request->extract.folder, path);
    bool good = whole || error_memory(error, path);
    file->folder = good && file_is_folder(whole);
    if (good && !store_gather_file(repair->store, whole, &problem)) {
        file->problem = strdup(error_text(&problem));
        good = file->problem || error_memory(error, path);
    }
    error_clear(&problem);
    free(whole);
    return good;
}

/* One name in a folder of the layout, or (`block` NULL) beside them. */
static bool scan_name(struct repair *repair, const char *block, const char *name, struct error *error)
{
    char *path = block ? path_join(block, name) : strdup(name);
    bool good = path || error_memory(error, name);
    if (good && block && text_ends_with(name, suffix))
        good = add_weights(repair, path, error);
    else if (good && extract_is_leftover(name, &repair->by_path, block ? block : "."))
        good = names_add(&repair->out.leftovers, path) || error_memory(error, name);
    else if (good && strstr(name, suffix))
        good = repair_change(&repair->out.aside, &repair->out.aside_count, &repair->out.aside_capacity, path,
                             "is no file of an extraction") ||
               error_memory(error, name);
    free(path);
    return good;
}

static bool scan_folder(struct repair *repair, const char *block, struct error *error)
{
    const char *folder = repair->request->extract.folder;
    struct names names = {0};
    char *path = block ? path_join(folder, block) : strdup(folder);
    bool good = path || error_memory(error, folder);
    good = good && (!block || extract_folder_is_own(path, error)) &&
           (!file_is_folder(path) || folder_list(path, &names, error));
    for (size_t i = 0; good && i < names.count; i++)
        good = scan_name(repair, block, names.items[i], error);
    names_free(&names);
    free(path);
    return good;
}

/* The file that each tensor of the store lies in. */
static bool join_tensors(struct repair *repair, struct error *error)
{
    struct map paths = {0};
    struct names names = {0};
    size_t count = store_count(repair->store);
    repair->tensors = calloc(count + 1, sizeof *repair->tensors);
    bool good = repair->tensors || error_memory(error, "repair");
    for (size_t i = 0; good && i < repair->file_count; i++) {
        char *path = path_join(repair->request->extract.folder, repair->files[i].path);
        good = (path && names_add(&names, path)) || error_memory(error, "repair");
        free(path);
    }
    for (size_t i = 0; good && i < names.count; i++)
        good = map_add(&paths, names.items[i], strlen(names.items[i]), i, NULL) || error_memory(error, "repair");
    for (size_t i = 0; good && i < count; i++) {
        const struct tensor *tensor = store_at(repair->store, i);
        struct held_tensor *held = &repair->tensors[repair->tensor_count];
        *held = (struct held_tensor){.tensor = tensor, .planned = NONE, .match = MATCH_SHAPE};
        held->file = map_find(&paths, tensor->file, strlen(tensor->file));
        struct held_file *file = &repair->files[held->file];
        good = array_push(file->tensors, file->count, file->capacity, repair->tensor_count) ||
               error_memory(error, "repair");
        if (!good)
            break;
        repair->tensor_count++;
        if (!tensor->other)
            held->planned = map_find(&repair->by_name, tensor->name, strlen(tensor->name));
    }
    map_free(&paths);
    names_free(&names);
    return good;
}

bool repair_scan(struct repair *repair, struct error *error)
{
    const char *folder = repair->request->extract.folder;
    char *aside = path_join(folder, REPAIR_ASIDE);
    bool good = (aside || error_memory(error, folder)) && extract_folder_is_own(aside, error) &&
                (repair->store = store_gather(folder, error)) && scan_folder(repair, NULL, error);
    free(aside);
    for (int block = 0; good && block < BLOCK_COUNT; block++)
        good = scan_folder(repair, block_name((enum block)block), error);
    return good && store_gathered(repair->store, error) && join_tensors(repair, error);
}
