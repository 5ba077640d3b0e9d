#include "model/expected_set.h"

#include <stdlib.h>
#include <string.h>

static bool collect(void *context, const struct expected *expected)
{
    return expected_list_add(context, expected);
}

static bool file_take(struct expected_set *set, const char *name, size_t *file)
{
    struct layout_place place;
    if (!layout_place(name, &place))
        return false;
    *file = map_find(&set->by_path, place.path, strlen(place.path));
    if (*file != MAP_ABSENT)
        return true;
    *file = set->file_count;
    char *path = strdup(place.path);
    struct expected_file added = {.path = path, .block = place.block, .layer = place.layer, .expert = place.expert};
    if (!path || !array_push(set->files, set->file_count, set->file_capacity, added)) {
        free(path);
        return false;
    }
    return map_add(&set->by_path, path, strlen(path), *file, NULL);
}

bool expected_set_take(const struct model_config *config, struct expected_set *set)
{
    *set = (struct expected_set){0};
    bool good = weights_each(config, collect, &set->list);
    set->file_of = malloc((set->list.count + 1) * sizeof *set->file_of);
    good = good && set->file_of;
    for (size_t i = 0; good && i < set->list.count; i++) { /* only now: the names stay where they are */
        const struct expected *expected = &set->list.items[i];
        good = map_add(&set->by_name, expected->name, strlen(expected->name), i, NULL) &&
               file_take(set, expected->name, &set->file_of[i]);
        if (!good)
            break;
        set->required += !expected->optional;
        set->files[set->file_of[i]].required += !expected->optional;
    }
    return good;
}

void expected_set_free(struct expected_set *set)
{
    for (size_t i = 0; i < set->file_count; i++)
        free(set->files[i].path);
    free(set->files);
    free(set->file_of);
    map_free(&set->by_name);
    map_free(&set->by_path);
    expected_list_free(&set->list);
    *set = (struct expected_set){0};
}

/* One tensor, or all layers from one on: those are counted upwards, so the first tells. */
static bool calls_for(const struct expected_set *set, const char *announced)
{
    size_t length = strlen(announced);
    bool found = map_find(&set->by_name, announced, length) != MAP_ABSENT;
    for (size_t i = 0; !found && announced[length - 1] == '.' && i < set->list.count; i++)
        found = strncmp(set->list.items[i].name, announced, length) == 0;
    return found;
}

bool expected_set_touched(const struct expected_set *set, const struct store *store, size_t problem)
{
    const char *announced = store_problem_announced(store, problem);
    return !announced || !set->list.count || calls_for(set, announced);
}
