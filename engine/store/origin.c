#include "store/origin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/wording.h"
#include "store/store_internal.h"

#define INDEX_MAX ((size_t)512 << 20)
#define NAME_BYTES 640

struct origin {
    struct names shards; /* in order */
    struct names names;  /* canonical; own the keys of `by_name` */
    struct origin_place *places;
    size_t capacity;
    struct map by_name;
};

bool origin_is_index(const char *path)
{
    return text_ends_with(path, ".json") && !file_is_folder(path);
}

void origin_free(struct origin *origin)
{
    if (!origin)
        return;
    names_free(&origin->shards);
    names_free(&origin->names);
    free(origin->places);
    map_free(&origin->by_name);
    free(origin);
}

/* model-2 before model-10. */
static int by_number(const void *a, const void *b)
{
    const char *left = *(char *const *)a, *right = *(char *const *)b;
    int order = strverscmp(left, right);
    return order ? order : strcmp(left, right);
}

static bool shards_order(struct origin *origin)
{
    struct names *shards = &origin->shards;
    size_t kept = 0;
    if (shards->count)
        qsort(shards->items, shards->count, sizeof *shards->items, by_number);
    for (size_t i = 0; i < shards->count; i++) {
        if (kept && strcmp(shards->items[kept - 1], shards->items[i]) == 0)
            free(shards->items[i]);
        else
            shards->items[kept++] = shards->items[i];
    }
    shards->count = kept;
    return kept;
}

static size_t shard_find(const struct origin *origin, const char *name)
{
    char **found = origin->shards.count ? bsearch(&name, origin->shards.items, origin->shards.count,
                                                  sizeof *origin->shards.items, by_number)
                                        : NULL;
    return found ? (size_t)(found - origin->shards.items) : MAP_ABSENT;
}

/* The first of two of one name counts, as it does for a store. */
static bool origin_add(struct origin *origin, const char *canonical, const struct origin_place *place)
{
    if (!array_grow(origin->places, origin->names.count, origin->capacity))
        return false;
    origin->places[origin->names.count] = *place;
    if (!names_add(&origin->names, canonical))
        return false;
    const char *key = origin->names.items[origin->names.count - 1];
    return map_add(&origin->by_name, key, strlen(key), origin->names.count - 1, NULL);
}

static bool add_index_row(struct origin *origin, const char *index, const cJSON *item, struct error *error)
{
    char name[NAME_BYTES];
    bool other = false;
    struct origin_place place = {.shard = shard_find(origin, path_base(item->valuestring))};
    if (!name_canonical(item->string, name, sizeof name, &other))
        return error_set(error, "%s: a tensor name that is too long: '%.60s...'", index, item->string);
    return other || origin_add(origin, name, &place) || error_memory(error, index);
}

static bool origin_read_index(struct origin *origin, const char *index, struct error *error)
{
    cJSON *json = json_read(index, INDEX_MAX, error);
    const cJSON *weights = json ? json_member(json, "weight_map") : NULL;
    bool good = json != NULL;
    if (good && (!cJSON_IsObject(weights) || !weights->child))
        good = error_set(error, "%s: has no \"weight_map\", so it does not say which file holds which tensor", index);
    for (const cJSON *item = good ? weights->child : NULL; good && item; item = item->next) {
        if (!cJSON_IsString(item) || !*path_base(item->valuestring))
            good = error_set(error, "%s: the file of tensor '%s' is not a string that names one", index, item->string);
        else
            good = names_add(&origin->shards, path_base(item->valuestring)) || error_memory(error, index);
    }
    if (good)
        shards_order(origin);
    for (const cJSON *item = good ? weights->child : NULL; good && item; item = item->next)
        good = add_index_row(origin, index, item, error);
    cJSON_Delete(json);
    return good;
}

/* Without an index every file is a shard. */
static bool shards_of_store(struct origin *origin, const struct store *store)
{
    const char *last = NULL;
    bool good = true;
    for (size_t i = 0; good && i < store_text_count(store); i++) {
        const struct tensor *tensor = store_at(store, i);
        if (!tensor->file || tensor->file == last)
            continue;
        last = tensor->file;
        good = names_add(&origin->shards, path_base(tensor->file));
    }
    if (good)
        shards_order(origin);
    return good;
}

/* Where the shards are there, a tensor counts where it is, as for a store. */
static bool origin_add_store(struct origin *origin, const struct store *store)
{
    bool good = origin->shards.count || shards_of_store(origin, store);
    for (size_t i = 0; good && i < store_text_count(store); i++) {
        const struct tensor *tensor = store_at(store, i);
        struct origin_place place = {.read = true, .offset = tensor->offset, .dtype = tensor->dtype};
        size_t known = map_find(&origin->by_name, tensor->name, strlen(tensor->name));
        place.shard = tensor->file ? shard_find(origin, path_base(tensor->file)) : MAP_ABSENT;
        if (place.shard == MAP_ABSENT)
            continue;
        if (known == MAP_ABSENT)
            good = origin_add(origin, tensor->name, &place);
        else if (!origin->places[known].read)
            origin->places[known] = place;
    }
    return good;
}

/* Malloc'd; NULL: the folder has none. */
static char *find_index(const char *folder)
{
    static const char *const names[] = {"model.safetensors.index.json", "pytorch_model.bin.index.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = path_join(folder, names[i]);
        if (path && file_exists(path))
            return path;
        free(path);
    }
    return NULL;
}

bool origin_open(const char *path, const struct store *store, struct origin **out, struct error *error)
{
    struct origin *origin = calloc(1, sizeof *origin);
    *out = NULL;
    if (!origin)
        return error_memory(error, path);
    bool alone = origin_is_index(path), good = true;
    if (!file_exists(path))
        good = error_set(error, "%s: no such file or folder", path);
    char *index = !good ? NULL : alone ? strdup(path) : file_is_folder(path) ? find_index(path) : NULL;
    if (index)
        good = origin_read_index(origin, index, error);
    if (good && store)
        good = origin_add_store(origin, store) || error_memory(error, path);
    free(index);
    if (good && origin->names.count) {
        *out = origin;
        return true;
    }
    origin_free(origin);
    return good;
}

size_t origin_shard_count(const struct origin *origin)
{
    return origin->shards.count;
}

const char *origin_shard_name(const struct origin *origin, size_t shard)
{
    return origin->shards.items[shard];
}

bool origin_find(const struct origin *origin, const char *name, struct origin_place *place)
{
    size_t found = map_find(&origin->by_name, name, strlen(name));
    for (size_t i = 0; found == MAP_ABSENT; i++) {
        char fused[NAME_BYTES];
        if (!name_fused(name, i, fused, sizeof fused))
            return false;
        found = map_find(&origin->by_name, fused, strlen(fused));
    }
    *place = origin->places[found];
    return true;
}
