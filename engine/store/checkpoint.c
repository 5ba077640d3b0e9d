/* Hugging Face checkpoint folders, and the choice of the reader for a path. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "store/layout.h"
#include "store/store_internal.h"

#define INDEX_MAX ((size_t)512 << 20)

/* True when `name` under `folder` resolves to a place inside the folder. The hub's own cache is the one exception:
 * there a snapshot's files are links into ../../blobs of the same model. */
static bool entry_stays_inside(const char *folder, const char *name)
{
    char root[PATH_MAX], real[PATH_MAX], blobs[PATH_MAX + 16];
    char *path = path_join(folder, name);
    bool resolved = path && realpath(folder, root) && realpath(path, real);
    free(path);
    if (!resolved)
        return false;
    size_t length = strlen(root);
    if (strncmp(real, root, length) == 0 && real[length] == '/')
        return true;
    char *revision = strrchr(root, '/');
    static const char snapshots[] = "/snapshots";
    size_t tail = strlen(snapshots);
    if (!revision || (size_t)(revision - root) < tail || strncmp(revision - tail, snapshots, tail) != 0)
        return false;
    int size = snprintf(blobs, sizeof blobs, "%.*s/blobs/", (int)((size_t)(revision - root) - tail), root);
    return size > 0 && strncmp(real, blobs, (size_t)size) == 0;
}

static bool entry_is_plain(const char *name)
{
    if (!*name || *name == '/')
        return false;
    for (const char *at = name; at; at = strchr(at, '/')) {
        at += *at == '/';
        if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || !at[2]))
            return false;
    }
    return true;
}

struct shard {
    const char *name;
    const char *first; /* tensor */
    size_t tensors;
    char *path;
    bool read;
};

/* One shard: its path checked, its tensors added. What is wrong with the shard itself becomes a problem of the store.
 */
static bool shard_open(struct store *store, const char *folder, const char *index, struct shard *shard,
                       struct error *error)
{
    if (!entry_is_plain(shard->name))
        return error_set(error, "%s: tensor '%s' is placed in '%s', which leaves the folder", index, shard->first,
                         shard->name);
    shard->path = path_join(folder, shard->name);
    if (!shard->path)
        return error_memory(error, shard->name);
    bool good = true;
    struct error problem = {0};
    if (!file_exists(shard->path))
        good = store_add_problem(store, "shard %s is absent; %s places %zu tensor%s in it, '%s' the first", shard->name,
                                 path_base(index), shard->tensors, shard->tensors == 1 ? "" : "s", shard->first) ||
               error_memory(error, shard->name);
    else if (!entry_stays_inside(folder, shard->name))
        good = error_set(error, "%s: tensor '%s' is placed in '%s', a link that leaves the folder", index, shard->first,
                         shard->name);
    else if (!(shard->read = safetensors_read_header(store, shard->path, &problem)))
        good =
            store_add_problem(store, "%s (%s places %zu tensor%s in this shard, '%s' the first)", error_text(&problem),
                              path_base(index), shard->tensors, shard->tensors == 1 ? "" : "s", shard->first) ||
            error_memory(error, shard->name);
    error_clear(&problem);
    return good;
}

struct shards {
    struct shard *items;
    size_t count;
    size_t capacity;
    struct map by_name;
};

/* The distinct shards in the order in which the index first names them. */
static bool index_shards(const char *index, const cJSON *weights, struct shards *shards, struct map *tensors,
                         struct error *error)
{
    for (const cJSON *item = weights->child; item; item = item->next) {
        size_t found = MAP_ABSENT;
        if (!cJSON_IsString(item))
            return error_set(error, "%s: the file of tensor '%s' is not a string", index, item->string);
        if (!array_grow(shards->items, shards->count, shards->capacity))
            return error_memory(error, index);
        if (!map_add(&shards->by_name, item->valuestring, strlen(item->valuestring), shards->count, &found))
            return error_memory(error, index);
        if (found == MAP_ABSENT) {
            found = shards->count++;
            shards->items[found] = (struct shard){.name = item->valuestring, .first = item->string};
        }
        shards->items[found].tensors++;
        if (!map_add(tensors, item->string, strlen(item->string), found, NULL))
            return error_memory(error, index);
    }
    return true;
}

/* Holds the index against what the shards hold. A tensor in another shard than the index says is used where it is. */
static bool index_compare(struct store *store, const char *index, const cJSON *weights, const struct map *shard_of,
                          const struct shards *shards, struct error *error)
{
    struct map held = {0};
    bool good = true;
    for (size_t i = 0; good && i < store->count; i++) {
        const struct tensor *tensor = &store->tensors[i];
        size_t shard = map_find(shard_of, tensor->disk_name, strlen(tensor->disk_name));
        good = map_add(&held, tensor->disk_name, strlen(tensor->disk_name), i, NULL) || error_memory(error, index);
        if (!good)
            break;
        if (shard == MAP_ABSENT)
            good = store_add_problem(store, "%s holds tensor '%s', which %s does not name", tensor->file,
                                     tensor->disk_name, path_base(index));
        else if (strcmp(tensor->file, shards->items[shard].path) != 0)
            good = store_add_problem(store, "tensor '%s' is in %s, but %s places it in %s", tensor->disk_name,
                                     tensor->file, path_base(index), shards->items[shard].name);
        if (!good)
            error_memory(error, index);
    }
    for (const cJSON *item = weights->child; good && item; item = item->next) {
        size_t shard = map_find(shard_of, item->string, strlen(item->string));
        if (shards->items[shard].read && map_find(&held, item->string, strlen(item->string)) == MAP_ABSENT)
            good = store_add_problem(store, "%s places tensor '%s' in %s, which does not hold it", path_base(index),
                                     item->string, item->valuestring) ||
                   error_memory(error, index);
    }
    map_free(&held);
    return good;
}

bool checkpoint_open_index(struct store *store, const char *folder, const char *index, struct error *error)
{
    cJSON *json = json_read(index, INDEX_MAX, error);
    if (!json)
        return false;
    const cJSON *weights = json_member(json, "weight_map");
    struct shards shards = {0};
    struct map tensors = {0};
    bool good = true;
    if (!cJSON_IsObject(weights) || !weights->child)
        good = error_set(error, "%s: no \"weight_map\"", index);
    good = good && index_shards(index, weights, &shards, &tensors, error);
    for (size_t i = 0; good && i < shards.count; i++)
        good = shard_open(store, folder, index, &shards.items[i], error);
    if (good && !store->count)
        good = error_set(error, "%s: none of its shards can be read: %s", index,
                         store->problems.count ? store->problems.items[0] : "they are empty");
    good = good && index_compare(store, index, weights, &tensors, &shards, error);
    for (size_t i = 0; i < shards.count; i++)
        free(shards.items[i].path);
    free(shards.items);
    map_free(&shards.by_name);
    map_free(&tensors);
    cJSON_Delete(json);
    return good;
}

static bool open_single(struct store *store, const char *path, const char *name, struct error *error)
{
    char *file = path_join(path, name);
    bool good = file ? safetensors_read_header(store, file, error) : error_memory(error, path);
    free(file);
    return good;
}

static bool open_index(struct store *store, const char *path, const char *name, struct error *error)
{
    char *file = path_join(path, name);
    bool good = file ? checkpoint_open_index(store, path, file, error) : error_memory(error, path);
    free(file);
    return good;
}

static bool open_extraction(struct store *store, const char *path, const char *name, struct error *error)
{
    (void)name;
    return extraction_open(store, path, error);
}

static bool open_loose(struct store *store, const char *path, const char *name, struct error *error)
{
    (void)name;
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

static bool has_file(const char *folder, const char *name)
{
    char *path = path_join(folder, name);
    bool there = path && file_exists(path);
    free(path);
    return there;
}

static bool is_extraction(const char *folder, const char *name)
{
    (void)name;
    return extraction_is(folder);
}

static bool is_any(const char *folder, const char *name)
{
    (void)folder;
    (void)name;
    return true;
}

/* What a folder may be, the first that fits; the single file before the index, as the original loads them. */
static const struct folder_row {
    enum store_kind kind;
    const char *name;
    bool (*fits)(const char *folder, const char *name);
    bool (*open)(struct store *store, const char *folder, const char *name, struct error *error);
} folder_rows[] = {
    {STORE_CHECKPOINT, "model.safetensors", has_file, open_single},
    {STORE_CHECKPOINT, "model.safetensors.index.json", has_file, open_index},
    {STORE_EXTRACTION, NULL, is_extraction, open_extraction},
    {STORE_FOLDER, NULL, is_any, open_loose},
};

/* What a file may be, the first that fits. */
static const struct file_row {
    enum store_kind kind;
    const char *magic;
    bool (*open)(struct store *store, const char *path, struct error *error);
} file_rows[] = {
    {STORE_GGUF, "GGUF", gguf_open},
    {STORE_SAFETENSORS, "", safetensors_read_header},
};

static bool open_file(struct store *store, const char *path, struct error *error)
{
    struct buffer start = {0};
    struct error unread = {0};
    uint64_t size = 0;
    if (!file_size(path, &size, error))
        return false;
    file_read(path, 4, &start, &unread);
    error_clear(&unread);
    const struct file_row *row = file_rows;
    while (strlen(row->magic) > start.size || memcmp(start.data ? start.data : "", row->magic, strlen(row->magic)) != 0)
        row++;
    buffer_free(&start);
    store->kind = row->kind;
    return row->open(store, path, error);
}

struct store *store_open(const char *path, struct error *error)
{
    if (!file_exists(path)) {
        error_set(error, "%s: no such file or folder", path);
        return NULL;
    }
    struct store *store = store_new(path, STORE_SAFETENSORS, error);
    if (!store)
        return NULL;
    bool good = false;
    if (!file_is_folder(path)) {
        good = open_file(store, path, error);
    } else {
        const struct folder_row *row = folder_rows;
        while (!row->fits(path, row->name))
            row++;
        store->kind = row->kind;
        good = row->open(store, path, row->name, error);
    }
    if (good && store_finish(store, error))
        return store;
    store_free(store);
    return NULL;
}
