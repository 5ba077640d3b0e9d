#include "store/overlay.h"

#include <stdlib.h>
#include <string.h>

#include "store/store_internal.h"

static bool overlay_index(struct store *store, struct error *error)
{
    map_free(&store->by_name);
    for (size_t i = 0; i < store->text_count; i++)
        if (!map_add(&store->by_name, store->tensors[i].name, strlen(store->tensors[i].name), i, NULL))
            return error_memory(error, store->path);
    return true;
}

struct store *overlay_new(const struct store *base, struct error *error)
{
    struct store *store = store_new(base->path, base->kind, error);
    if (!store)
        return NULL;
    store->base = base;
    bool good = true;
    for (size_t i = 0; good && i < base->count; i++)
        good = store_add(store, &base->tensors[i], error);
    for (size_t i = 0; good && i < base->problems.count; i++)
        good = (store_problem_announced(base, i)
                    ? store_add_announced(store, store_problem_announced(base, i), "%s", base->problems.items[i])
                    : store_add_problem(store, "%s", base->problems.items[i])) ||
               error_memory(error, base->path);
    store->text_count = base->text_count;
    if (good && overlay_index(store, error))
        return store;
    store_free(store);
    return NULL;
}

void overlay_take_base(struct store *overlay)
{
    overlay->own_base = (struct store *)overlay->base;
}

bool overlay_keep(struct store *overlay, void *memory, struct error *error)
{
    if (!array_push(overlay->kept, overlay->kept_count, overlay->kept_capacity, memory)) {
        free(memory);
        return error_memory(error, overlay->path);
    }
    return true;
}

bool overlay_touches(const struct store *overlay, const struct store *below, const char *name)
{
    for (const struct store *store = overlay; store && store != below; store = store->base)
        if (map_find(&store->change_of, name, strlen(name)) != MAP_ABSENT)
            return true;
    return !store_find(overlay, name) != !store_find(below, name);
}

static struct tensor *overlay_tensor(struct store *store, const char *name, struct error *error)
{
    size_t index = map_find(&store->by_name, name, strlen(name));
    if (index != MAP_ABSENT)
        return &store->tensors[index];
    error_set(error, "%s: no tensor '%s' to change", store->path, name);
    return NULL;
}

static bool overlay_mark(const struct store *store, const char *const *names, size_t count, bool *dropped,
                         struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        size_t index = map_find(&store->by_name, names[i], strlen(names[i]));
        if (index == MAP_ABSENT || dropped[index])
            return error_set(error, "%s: no tensor '%s' to drop", store->path, names[i]);
        dropped[index] = true;
    }
    return true;
}

bool overlay_drop_all(struct store *overlay, const char *const *names, size_t count, struct error *error)
{
    bool *dropped = calloc(overlay->count + 1, sizeof *dropped);
    bool good = dropped ? overlay_mark(overlay, names, count, dropped, error) : error_memory(error, overlay->path);
    size_t kept = 0;
    for (size_t i = 0; good && i < overlay->count; i++)
        if (!dropped[i])
            overlay->tensors[kept++] = overlay->tensors[i];
    free(dropped);
    if (!good)
        return false;
    overlay->text_count -= overlay->count - kept;
    overlay->count = kept;
    *overlay->sha256 = '\0';
    return overlay_index(overlay, error);
}

bool overlay_drop(struct store *overlay, const char *name, struct error *error)
{
    return overlay_drop_all(overlay, &name, 1, error);
}

/* The change of that name, or a new one. */
static struct overlay_change *overlay_change(struct store *store, const char *name)
{
    *store->sha256 = '\0';
    size_t found = map_find(&store->change_of, name, strlen(name));
    if (found != MAP_ABSENT)
        return &store->changes[found];
    if (!array_grow(store->changes, store->change_count, store->change_capacity))
        return NULL;
    char *copy = strdup(name);
    if (!copy || !map_add(&store->change_of, copy, strlen(copy), store->change_count, NULL)) {
        free(copy);
        return NULL;
    }
    store->changes[store->change_count] = (struct overlay_change){.name = copy};
    return &store->changes[store->change_count++];
}

/* In the place of the tensor at `index`, or (MAP_ABSENT) behind those of the text model. */
static bool overlay_put(struct store *overlay, size_t index, const struct tensor *tensor, struct error *error)
{
    if (index != MAP_ABSENT) {
        overlay->tensors[index] = *tensor;
        return true;
    }
    if (!store_add(overlay, tensor, error))
        return false;
    struct tensor added = overlay->tensors[overlay->count - 1];
    overlay->tensors[overlay->count - 1] = overlay->tensors[overlay->text_count];
    overlay->tensors[overlay->text_count] = added;
    return map_add(&overlay->by_name, added.name, strlen(added.name), overlay->text_count++, NULL) ||
           error_memory(error, added.name);
}

bool overlay_replace(struct store *overlay, const char *name, enum dtype dtype, int rank, const uint64_t *shape,
                     const void *data, struct error *error)
{
    struct tensor tensor = {.dtype = dtype, .rank = rank};
    if (rank < 0 || rank > TENSOR_RANK_MAX)
        return error_set(error, "tensor '%s': rank %d", name, rank);
    memcpy(tensor.shape, shape, (size_t)rank * sizeof *shape);
    if (!tensor_measure(&tensor))
        return error_set(error, "tensor '%s': the size overflows", name);
    size_t index = map_find(&overlay->by_name, name, strlen(name));
    tensor.name = index != MAP_ABSENT ? overlay->tensors[index].name : store_string(overlay, name);
    tensor.disk_name = tensor.name;
    struct overlay_change *change = overlay_change(overlay, name);
    void *values = malloc(tensor.bytes ? (size_t)tensor.bytes : 1);
    if (!tensor.name || !change || !values) {
        free(values);
        return error_memory(error, name);
    }
    memcpy(values, data, (size_t)tensor.bytes);
    free(change->values);
    change->values = values;
    change->from = NULL;
    change->widened = false;
    change->rewrite = NULL;
    change->lender = NULL;
    return overlay_put(overlay, index, &tensor, error);
}

bool overlay_lend(struct store *overlay, const struct store *lender, const char *name, struct error *error)
{
    const struct tensor *lent = store_find(lender, name);
    size_t index = map_find(&overlay->by_name, name, strlen(name));
    if (!lent)
        return error_set(error, "%s: no tensor '%s'", lender->path, name);
    struct tensor tensor = *lent;
    tensor.name = index != MAP_ABSENT ? overlay->tensors[index].name : store_string(overlay, name);
    struct overlay_change *change = overlay_change(overlay, name);
    if (!tensor.name || !change)
        return error_memory(error, name);
    free(change->values);
    *change = (struct overlay_change){.name = change->name, .lender = lender};
    return overlay_put(overlay, index, &tensor, error);
}

bool overlay_alias(struct store *overlay, const char *name, const char *from, struct error *error)
{
    struct tensor *tensor = overlay_tensor(overlay, name, error);
    const struct tensor *other = store_find(overlay->base, from);
    if (!tensor)
        return false;
    if (!other)
        return error_set(error, "%s: no tensor '%s' to read in the place of '%s'", overlay->path, from, name);
    if (!tensor_same_kind(tensor, other))
        return error_set(error, "%s: tensors '%s' and '%s' differ in shape or dtype", overlay->path, name, from);
    struct overlay_change *change = overlay_change(overlay, name);
    if (!change)
        return error_memory(error, name);
    const char *own = tensor->name;
    *tensor = *other;
    tensor->name = own;
    free(change->values);
    change->values = NULL;
    change->widened = false;
    change->lender = NULL;
    change->from = other->name;
    return true;
}

bool overlay_rewrite(struct store *overlay, const char *name, overlay_rewrite_rows *rewrite, void *context,
                     struct error *error)
{
    if (!overlay_tensor(overlay, name, error))
        return false;
    struct overlay_change *change = overlay_change(overlay, name);
    if (!change)
        return error_memory(error, name);
    change->rewrite = rewrite;
    change->context = context;
    return true;
}

bool overlay_widen(struct store *overlay, const char *name, struct error *error)
{
    struct tensor *tensor = overlay_tensor(overlay, name, error), wide;
    if (!tensor)
        return false;
    struct overlay_change *change = overlay_change(overlay, name);
    if (!change)
        return error_memory(error, name);
    if (change->values || change->from || change->lender || change->widened || change->rewrite)
        return error_set(error, "%s: tensor '%s' is changed already", overlay->path, name);
    wide = *tensor;
    wide.dtype = DTYPE_F32;
    wide.transposed = wide.every_other = false;
    wide.interleaved = wide.band = 0;
    if (!tensor_measure(&wide))
        return error_set(error, "%s: the size of tensor '%s' overflows", overlay->path, name);
    *tensor = wide;
    change->widened = true;
    return true;
}
