#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "extraction/extract_internal.h"

static bool is_wanted(const struct extract_request *request, const struct layout_place *place)
{
    if (!request->blocks[place->block])
        return false;
    return request->first_layer < 0 || (place->layer >= request->first_layer && place->layer <= request->last_layer);
}

static struct extract_file *plan_file(const struct extract_request *request, struct extract_plan *plan,
                                      struct map *by_path, const struct layout_place *place)
{
    size_t found = map_find(by_path, place->path, strlen(place->path));
    if (found != MAP_ABSENT)
        return &plan->files[found];
    if (!array_grow(plan->files, plan->count, plan->capacity))
        return NULL;
    char *path = strdup(place->path);
    if (!path || !map_add(by_path, path, strlen(path), plan->count, NULL)) {
        free(path);
        return NULL;
    }
    struct extract_file *file = &plan->files[plan->count++];
    *file = (struct extract_file){.path = path,
                                  .block = place->block,
                                  .layer = place->layer,
                                  .expert = place->expert,
                                  .wanted = is_wanted(request, place)};
    return file;
}

static bool file_add(struct extract_file *file, const struct store *store, const struct tensor *tensor,
                     const char *name)
{
    if (!array_grow(file->tensors, file->count, file->capacity))
        return false;
    char *copy = strdup(name);
    if (!copy)
        return false;
    file->tensors[file->count++] = (struct extract_tensor){
        .store = store, .tensor = tensor, .origin_store = store, .origin = tensor, .name = copy};
    file->bytes += tensor->bytes;
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct extract_tensor *)a)->name, ((const struct extract_tensor *)b)->name);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct extract_file *)a)->path, ((const struct extract_file *)b)->path);
}

bool extract_plan_make(const struct extract_request *request, struct extract_plan *plan, struct error *error)
{
    struct map paths = {0};
    bool good = true;
    for (size_t i = 0; good && i < store_text_count(request->store); i++) {
        const struct tensor *tensor = store_at(request->store, i);
        struct layout_place place;
        if (!layout_place(tensor->name, &place)) {
            good = error_set(error, "tensor '%s': the name is too long for the layout of an extraction", tensor->name);
            break;
        }
        struct extract_file *file = plan_file(request, plan, &paths, &place);
        good = (file && file_add(file, request->store, tensor, place.name)) || error_memory(error, "extraction");
    }
    map_free(&paths); /* its keys are the paths of the files, which move now */
    if (good && plan->count)
        qsort(plan->files, plan->count, sizeof *plan->files, by_path);
    for (size_t i = 0; good && i < plan->count; i++)
        qsort(plan->files[i].tensors, plan->files[i].count, sizeof *plan->files[i].tensors, by_name);
    return good && (plan->count || error_set(error, "%s: holds no tensors, so there is nothing to extract",
                                             store_path(request->store)));
}

void extract_plan_free(struct extract_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        struct extract_file *file = &plan->files[i];
        for (size_t k = 0; k < file->count; k++)
            free(file->tensors[k].name);
        file_discard(file->writer);
        free(file->tensors);
        free(file->path);
    }
    free(plan->files);
    *plan = (struct extract_plan){0};
}
