/* Hugging Face checkpoint folders: one file, or shards with an index. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file_kind.h"
#include "base/json.h"
#include "base/wording.h"
#include "store/formats.h"
#include "store/store_internal.h"
#include "store/unread.h"

#define INDEX_MAX ((size_t)512 << 20)

/* What a checkpoint may lie in: one file, or an index of shards; how either is read. In the order in which the original
 * looks for them. */
struct form {
    const char *single, *index;
    bool (*read)(struct store *store, const char *path, struct error *error);
};

static const struct form forms[] = {
    {"model.safetensors", "model.safetensors.index.json", safetensors_read_header},
    {"pytorch_model.bin", "pytorch_model.bin.index.json", torch_read},
};

#define FORMS (sizeof forms / sizeof *forms)

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
    int lowest; /* layer of any of them; -1: some are of none; INT_MAX: all belong to other components */
    char *path;
    bool read;
};

/* A link to what is no longer there is absent in its own way. */
static bool shard_absent(struct store *store, const char *index, const struct shard *shard)
{
    struct buffer says = {0};
    char from[64] = "";
    bool known = file_kind_say(shard->path, FILE_SAFETENSORS, &says);
    if (shard->lowest >= 0)
        snprintf(from, sizeof from, LAYERS_FROM, shard->lowest);
    bool good = store_add_announced(store, shard->lowest == INT_MAX ? shard->first : from,
                                    "shard %s %s; %s places %zu tensor%s in it, '%s' the first", shard->name,
                                    known && says.data ? says.data : "is absent", path_base(index), shard->tensors,
                                    text_plural(shard->tensors), shard->first);
    buffer_free(&says);
    return good;
}

/* One shard: its path checked, its tensors added. What is wrong with the shard itself becomes a problem of the store.
 */
static bool shard_open(struct store *store, const struct form *form, const char *folder, const char *index,
                       struct shard *shard, struct error *error)
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
        good = shard_absent(store, index, shard) || error_memory(error, shard->name);
    else if (!path_stays_inside(folder, shard->name))
        good = error_set(error, "%s: tensor '%s' is placed in '%s', a link that leaves the folder", index, shard->first,
                         shard->name);
    else if (!(shard->read = form->read(store, shard->path, &problem)))
        good =
            store_add_problem(store, "%s (%s places %zu tensor%s in this shard, '%s' the first)", error_text(&problem),
                              path_base(index), shard->tensors, text_plural(shard->tensors), shard->first) ||
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

static void shards_free(struct shards *shards)
{
    for (size_t i = 0; i < shards->count; i++)
        free(shards->items[i].path);
    free(shards->items);
    map_free(&shards->by_name);
}

/* Of the text model; -1: of none; INT_MAX: it belongs to another component. */
static int layer_of(const char *disk_name)
{
    char name[TENSOR_NAME_MAX];
    bool other = false;
    int layer = -1, expert;
    if (name_canonical(disk_name, name, sizeof name, &other) && !other && strncmp(name, "model.layers.", 13) == 0)
        name_place(name, &layer, &expert);
    return other ? INT_MAX : layer;
}

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
            shards->items[found] = (struct shard){.name = item->valuestring, .first = item->string, .lowest = INT_MAX};
        }
        struct shard *shard = &shards->items[found];
        int layer = layer_of(item->string);
        shard->lowest = layer < shard->lowest ? layer : shard->lowest;
        shard->tensors++;
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
        char name[TENSOR_NAME_MAX];
        bool other;
        if (shards->items[shard].read && map_find(&held, item->string, strlen(item->string)) == MAP_ABSENT)
            good = store_add_announced(store,
                                       name_canonical(item->string, name, sizeof name, &other) ? name : item->string,
                                       "%s places tensor '%s' in %s, which does not hold it", path_base(index),
                                       item->string, item->valuestring) ||
                   error_memory(error, index);
    }
    map_free(&held);
    return good;
}

/* Where shards could not be read: what lies there in their place, and whether it holds what the index places in them.
 */
static bool say_beside(struct store *store, const cJSON *weights, const struct map *shard_of,
                       const struct shards *shards, struct buffer *says, struct error *error)
{
    struct unread unread = {0};
    struct map wanted = {0};
    bool good = unread_find(store, &unread, error);
    for (const cJSON *item = weights->child; good && item; item = item->next)
        if (!shards->items[map_find(shard_of, item->string, strlen(item->string))].read)
            good = map_add(&wanted, item->string, strlen(item->string), 0, NULL) || error_memory(error, store->path);
    if (good && wanted.count) {
        unread_download(store->path, says);
        unread_say(&unread, says);
        good = unread_keep(store, &unread, error);
    }
    if (good && wanted.count && unread.own.count + unread.below.count) {
        size_t held = unread_holds(store, &unread, &wanted);
        buffer_format(says, ", with %zu of the %zu tensors that the index places in shards that are absent%s", held,
                      wanted.count,
                      held == wanted.count ? ": the index is that of a copy of the model in other files" : "");
    }
    unread_free(&unread);
    map_free(&wanted);
    return good;
}

/* As a note, or, where there is nothing else, as the error. */
static bool tell_beside(struct store *store, const char *index, const cJSON *weights, const struct map *shard_of,
                        const struct shards *shards, struct error *error)
{
    struct buffer says = {0};
    bool good = say_beside(store, weights, shard_of, shards, &says, error);
    if (good && !store->count)
        good =
            error_set(error, "%s: none of its %zu shard%s can be read: %s%s%s", index, shards->count,
                      text_plural(shards->count), store->problems.count ? store->problems.items[0] : "they are empty",
                      says.size ? "; " : "", says.size ? says.data : "");
    else if (good && says.size)
        good = store_add_note(store, "%s: %s", path_base(index), says.data) || error_memory(error, index);
    buffer_free(&says);
    return good;
}

static bool checkpoint_open_index(struct store *store, const struct form *form, const char *folder, const char *index,
                                  struct error *error)
{
    cJSON *json = json_read(index, INDEX_MAX, error);
    if (!json)
        return false;
    const cJSON *weights = json_member(json, "weight_map");
    struct shards shards = {0};
    struct map tensors = {0};
    bool good = true;
    if (!cJSON_IsObject(weights) || !weights->child)
        good = error_set(error, "%s: has no \"weight_map\", so it does not say which file holds which tensor", index);
    good = good && index_shards(index, weights, &shards, &tensors, error);
    for (size_t i = 0; good && i < shards.count; i++)
        good = shard_open(store, form, folder, index, &shards.items[i], error);
    good = good && tell_beside(store, index, weights, &tensors, &shards, error) &&
           index_compare(store, index, weights, &tensors, &shards, error);
    shards_free(&shards);
    map_free(&tensors);
    cJSON_Delete(json);
    return good;
}

/* How many of the files that an index names are there; it may be no index. */
static size_t shards_there(const char *folder, const char *index)
{
    struct error unread = {0};
    struct shards shards = {0};
    struct map tensors = {0};
    size_t there = 0;
    cJSON *json = json_read(index, INDEX_MAX, &unread);
    const cJSON *weights = json ? json_member(json, "weight_map") : NULL;
    if (cJSON_IsObject(weights) && index_shards(index, weights, &shards, &tensors, &unread))
        for (size_t i = 0; i < shards.count; i++)
            there += folder_holds(folder, shards.items[i].name);
    shards_free(&shards);
    map_free(&tensors);
    error_clear(&unread);
    cJSON_Delete(json);
    return there;
}

/* Readers differ in which of the two they take. */
static bool note_index(struct store *store, const struct form *form, const char *folder, struct error *error)
{
    char *index = path_join(folder, form->index);
    size_t there = index && file_exists(index) ? shards_there(folder, index) : 0;
    bool good =
        index &&
        (!there ||
         store_add_note(store,
                        "%s is read, as transformers reads it; %s and %zu of its shards lie beside it and are not read",
                        form->single, form->index, there));
    free(index);
    return good || error_memory(error, folder);
}

/* The first form that is there; NULL: none. */
static const struct form *find_form(const char *folder)
{
    for (size_t i = 0; i < FORMS; i++)
        if (folder_holds(folder, forms[i].single) || folder_holds(folder, forms[i].index))
            return &forms[i];
    return NULL;
}

static bool checkpoint_is(const char *folder)
{
    return find_form(folder);
}

/* The single file before the index, as the original loads them. */
static bool checkpoint_open(struct store *store, const char *folder, struct error *error)
{
    const struct form *form = find_form(folder);
    bool single = folder_holds(folder, form->single);
    char *path = path_join(folder, single ? form->single : form->index);
    bool good = path || error_memory(error, folder);
    if (good && single)
        good = form->read(store, path, error) && note_index(store, form, folder, error);
    else if (good)
        good = checkpoint_open_index(store, form, folder, path, error);
    free(path);
    return good;
}

const struct store_format format_checkpoint = {.folder = checkpoint_is, .open = checkpoint_open};
