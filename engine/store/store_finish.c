/* What follows the last tensor of a store: names, matrices put together from their parts, fused experts cut apart, an
 * order, an index. */
#include <stdlib.h>
#include <string.h>

#include "store/storage.h"

static bool store_canonical_names(struct store *store, struct error *error)
{
    for (size_t i = 0; i < store->count; i++) {
        struct tensor *tensor = &store->tensors[i];
        char name[TENSOR_NAME_MAX];
        if (tensor->name)
            continue;
        if (tensor->file && name_by_file(tensor->disk_name, tensor->file, name, sizeof name))
            tensor->other = false;
        else if (!name_canonical(tensor->disk_name, name, sizeof name, &tensor->other))
            return error_set(error, "%s: a tensor name of more than %d bytes: '%.60s...'", tensor->file,
                             TENSOR_NAME_MAX, tensor->disk_name);
        tensor->name = store_string(store, name);
        if (!tensor->name)
            return error_memory(error, store->path);
    }
    return true;
}

/* Stable: text tensors first. */
static bool store_partition(struct store *store, struct error *error)
{
    struct tensor *sorted = malloc((store->count ? store->count : 1) * sizeof *sorted);
    if (!sorted)
        return error_memory(error, store->path);
    size_t at = 0;
    for (int other = 0; other < 2; other++) {
        for (size_t i = 0; i < store->count; i++)
            if (store->tensors[i].other == (other == 1))
                sorted[at++] = store->tensors[i];
        if (!other)
            store->text_count = at;
    }
    free(store->tensors);
    store->tensors = sorted;
    store->capacity = store->count ? store->count : 1;
    return true;
}

/* Of two tensors of one name in the shards of a checkpoint the one in the last file is used, in the order of their
 * paths, as the original loads them (transformers, modeling_utils.py: each shard's tensors replace those of the shards
 * before it). Elsewhere it is the first. */
static bool prefer_last(const struct store *store, struct tensor *used, struct tensor *other)
{
    struct tensor kept = *used;
    int order = used->file && other->file ? strcmp(used->file, other->file) : 0;
    if (store->kind != STORE_CHECKPOINT || !order)
        return false;
    if (order < 0) {
        *used = *other;
        *other = kept;
    }
    return true;
}

/* `used` and `other` are of one name. */
static bool tell_twice(struct store *store, size_t used, size_t other)
{
    bool last = prefer_last(store, &store->tensors[used], &store->tensors[other]);
    const struct tensor *a = &store->tensors[used], *b = &store->tensors[other];
    if (a->file && b->file && strcmp(a->file, b->file) == 0)
        return store_add_problem(store, "tensor '%s' occurs twice in %s: as '%s', which is used, and as '%s'", a->name,
                                 a->file, a->disk_name, b->disk_name);
    return store_add_problem(store, "tensor '%s' occurs twice: in %s, which is used%s, and in %s", a->name, a->file,
                             last ? " (transformers takes the last in the order of files)" : "", b->file);
}

static bool store_index(struct store *store, struct error *error)
{
    map_free(&store->by_name);
    for (size_t i = 0; i < store->text_count; i++) {
        struct tensor *tensor = &store->tensors[i];
        size_t first = MAP_ABSENT;
        if (!map_add(&store->by_name, tensor->name, strlen(tensor->name), i, &first))
            return error_memory(error, store->path);
        if (first != MAP_ABSENT && !tell_twice(store, first, i))
            return error_memory(error, store->path);
    }
    return true;
}

bool store_finish(struct store *store, struct error *error)
{
    return store_canonical_names(store, error) && (!store->whole || assemblies_make(store, error)) &&
           names_cut_fused(store, error) && names_turn(store, error) && names_cut_joined(store, error) &&
           store_partition(store, error) && store_index(store, error);
}
