/* One tensor in the place of those that are its parts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/wording.h"
#include "store/beside.h"
#include "store/storage.h"
#include "values/values.h"

#define READ_VALUES ((size_t)4 << 20) /* widened at a time */
#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

static const struct storage *const storages[] = {
#define STORAGE_LINE(row) &row,
    STORAGES(STORAGE_LINE)
#undef STORAGE_LINE
};

_Static_assert(COUNT(storages) <= 32 && STORAGE_PARTS <= 8, "sets of storages are 32 bits, of parts 8");

const char *tensor_storage(const struct tensor *tensor)
{
    return tensor->assembly ? tensor->assembly->storage->name : NULL;
}

const char *storage_name(size_t index)
{
    return index < COUNT(storages) ? storages[index]->name : NULL;
}

/* As GGUF's types of as many bits are. */
double tensor_rounding(const struct tensor *tensor)
{
    static const double by_bits[9] = {1, 1, 0.7, 0.4, 0.2, 0.1, 5e-2, 5e-2, 2e-2};
    const struct assembly *assembly = tensor->assembly;
    if (!assembly)
        return dtype_rounding(tensor->dtype);
    return assembly->storage->rounding > 0 ? assembly->storage->rounding : by_bits[assembly->bits];
}

/* --- reading --- */

void view_move(struct tensor *view, uint64_t rows)
{
    const struct assembly *assembly = view->assembly;
    view->begin += rows;
    if (!assembly)
        return;
    const struct tensor *values = assembly->parts[0];
    uint64_t bytes = values->bytes / assembly->rows; /* where rows lie one after the other */
    view->offset = values->offset + view->begin * bytes;
    uint64_t banded = view->band ? (view->rows / view->band - 1) * view->pitch + view->band : view->rows;
    view->held = (view->every_other ? 2 * view->rows - 1 : banded) * bytes;
}

static bool assembly_read(const struct tensor *tensor, uint64_t first, uint64_t count, void *out, struct error *error)
{
    const struct assembly *assembly = tensor->assembly;
    size_t columns = (size_t)tensor->columns, each = assembly->columns ? columns / (size_t)assembly->columns : 0;
    uint64_t begin = tensor->begin + first * each, end = begin + count * each;
    uint64_t some = READ_VALUES / assembly->columns + 1;
    bool direct = tensor->dtype == DTYPE_F32;
    float *wide =
        direct ? NULL
               : malloc((size_t)((end - begin < some ? end - begin : some) * assembly->columns) * sizeof *wide + 1);
    bool good = direct || wide || error_memory(error, tensor->name);
    for (uint64_t row = begin; good && row < end; row += some) {
        uint64_t rows = end - row < some ? end - row : some;
        size_t values = (size_t)(rows * assembly->columns);
        float *to = direct ? out : wide;
        good = assembly->storage->widen(assembly, row, rows, to, error);
        if (good && !direct)
            narrow(tensor->dtype, wide, out, values);
        out = (char *)out + dtype_row_bytes(tensor->dtype, values);
    }
    free(wide);
    return good;
}

/* --- what the configuration says --- */

/* The document, which is kept for what it says of modules; NULL: it cannot be read, and who needs it says so. */
static cJSON *take_document(const struct store *store, const char *name, struct quantisation *said)
{
    cJSON *json = beside_read(store, name);
    const cJSON *inner = beside_text(json);
    if (inner != json)
        quantisation_take(name, inner, said);
    quantisation_take(name, json, said);
    return json;
}

/* What lies beside the weights. */
static cJSON *take_said(const struct store *store, struct quantisation *said)
{
    const char *file;
    cJSON *config = take_document(store, "config.json", said);
    for (size_t i = 0; (file = quantisation_file(i)); i++)
        cJSON_Delete(take_document(store, file, said));
    said->modules = json_member(config, "quantization");
    return config;
}

/* --- groups of parts --- */

#define GROUP_MOST 12

/* Tensors that have the beginning of their names in common. */
struct group {
    size_t stem; /* length of that */
    size_t count;
    size_t tensors[GROUP_MOST];
    bool made;
};

struct ending {
    const char *text;
    size_t length;
};

struct making {
    struct store *store;
    struct ending endings[COUNT(storages) * STORAGE_PARTS];
    size_t ending_count;
    struct quantisation said;
    struct group *groups;
    size_t count, capacity;
    struct map stems;
    bool *gone;    /* tensors that are parts */
    uint32_t used; /* storages */
    uint8_t alike[COUNT(storages)]
                 [DTYPE_SAFETENSORS]; /* sets of parts that matrices have, by the type of their values */
};

/* All endings that storages have, with their lengths, each once. */
static size_t endings_take(struct ending *endings)
{
    size_t count = 0;
    for (size_t i = 0; i < COUNT(storages); i++)
        for (size_t k = 0; k < STORAGE_PARTS && storages[i]->parts[k].ending; k++) {
            const char *text = storages[i]->parts[k].ending;
            size_t at = 0;
            while (at < count && strcmp(endings[at].text, text) != 0)
                at++;
            endings[at] = (struct ending){text, strlen(text)};
            count += at == count;
        }
    return count;
}

/* The length of the name before the longest ending that it has; 0: it has none. */
static size_t stem_of(const struct making *making, const char *name)
{
    size_t length = strlen(name), longest = 0;
    for (size_t i = 0; i < making->ending_count; i++) {
        const struct ending *ending = &making->endings[i];
        if (ending->length < length && ending->length > longest &&
            memcmp(name + length - ending->length, ending->text, ending->length) == 0)
            longest = ending->length;
    }
    return longest ? length - longest : 0;
}

static bool group_add(struct making *making, size_t index)
{
    const char *name = making->store->tensors[index].name;
    size_t stem = stem_of(making, name), found = MAP_ABSENT;
    if (!stem)
        return true;
    if (!array_grow(making->groups, making->count, making->capacity) ||
        !map_add(&making->stems, name, stem, making->count, &found))
        return false;
    if (found == MAP_ABSENT)
        making->groups[found = making->count++] = (struct group){.stem = stem};
    struct group *group = &making->groups[found];
    if (group->count < GROUP_MOST)
        group->tensors[group->count++] = index;
    return true;
}

static const char *group_name(const struct making *making, const struct group *group)
{
    return making->store->tensors[group->tensors[0]].name;
}

static bool is_among(enum dtype dtype, const enum dtype *dtypes)
{
    while (*dtypes != DTYPE_COUNT && *dtypes != dtype)
        dtypes++;
    return *dtypes != DTYPE_COUNT;
}

/* The tensor that is that part; NULL: none. */
static struct tensor *group_part(const struct making *making, const struct group *group, const struct storage *storage,
                                 size_t part)
{
    const struct storage_part *row = &storage->parts[part];
    for (size_t i = 0; row->ending && i < group->count; i++) {
        struct tensor *tensor = &making->store->tensors[group->tensors[i]];
        if (strcmp(tensor->name + group->stem, row->ending) == 0 &&
            (!row->types || is_among(tensor->dtype, row->types)))
            return tensor;
    }
    return NULL;
}

/* A matrix by itself, of a type that is no storage's values. */
static bool group_plain(const struct making *making, const struct group *group)
{
    const struct tensor *tensor = &making->store->tensors[group->tensors[0]];
    return group->count == 1 && dtype_width(tensor->dtype) && strcmp(tensor->name + group->stem, ".weight") == 0;
}

/* How the group is the storage's. */
struct fit {
    bool values;         /* packed, of a type that the storage has */
    size_t held, absent; /* other parts that are needed */
};

static struct fit group_fit(const struct making *making, const struct group *group, const struct storage *storage)
{
    const struct tensor *values = group_part(making, group, storage, 0);
    struct fit fit = {.values = values && is_among(values->dtype, storage->values)};
    for (size_t i = 1; i < STORAGE_PARTS && storage->parts[i].ending; i++)
        if (storage->parts[i].need == PART_NEEDED)
            *(group_part(making, group, storage, i) ? &fit.held : &fit.absent) += 1;
    return fit;
}

static bool is_said(const struct making *making, const struct storage *storage)
{
    char word[sizeof making->said.method + 2];
    snprintf(word, sizeof word, " %s ", making->said.method);
    return making->said.document && *making->said.method && strcasestr(storage->methods, word);
}

/* --- making --- */

static void assembly_free(struct assembly *assembly)
{
    free(assembly);
}

static struct assembly *assembly_new(const struct making *making, const struct group *group,
                                     const struct storage *storage)
{
    size_t count = 0;
    struct assembly *assembly = calloc(1, sizeof *assembly + group->count * sizeof *assembly->held);
    for (size_t i = 0; assembly && i < STORAGE_PARTS; i++) {
        const struct tensor *tensor = group_part(making, group, storage, i);
        if (!tensor || storage->parts[i].need == PART_IDLE)
            continue;
        assembly->held[count] = *tensor;
        assembly->parts[i] = &assembly->held[count++];
    }
    if (assembly) {
        assembly->storage = storage;
        assembly->store = making->store;
        assembly->read = assembly_read;
    }
    return assembly;
}

/* The parts are gone, and in the place of the first is what they make. */
static bool group_replace(struct making *making, struct group *group, struct assembly *assembly, struct error *error)
{
    struct store *store = making->store;
    size_t at = (size_t)(group_part(making, group, assembly->storage, 0) - store->tensors);
    struct buffer name = {0};
    struct tensor tensor = *assembly->parts[0];
    uint64_t experts = assembly->experts;
    buffer_format(&name, "%.*s%s", (int)group->stem, tensor.name, assembly->storage->behind);
    tensor.name = name.data ? store_string(store, name.data) : NULL;
    buffer_free(&name);
    tensor.dtype = assembly->dtype;
    tensor.rank = experts ? 3 : 2;
    tensor.shape[0] = experts;
    tensor.shape[experts ? 1 : 0] = assembly->rows / (experts ? experts : 1);
    tensor.shape[experts ? 2 : 1] = assembly->columns;
    tensor.transposed = tensor.every_other = false;
    tensor.assembly = assembly;
    if (!tensor.name || !array_push(store->kept, store->kept_count, store->kept_capacity, assembly)) {
        assembly_free(assembly);
        return error_memory(error, store->path);
    }
    if (!tensor_measure(&tensor))
        return error_set(error, "%s: the size of tensor '%s' overflows", tensor.file, tensor.name);
    tensor.held = assembly->parts[0]->bytes;
    for (size_t i = 0; i < group->count; i++)
        for (size_t k = 0; k < STORAGE_PARTS; k++)
            if (group_part(making, group, assembly->storage, k) == &store->tensors[group->tensors[i]])
                making->gone[group->tensors[i]] = true;
    making->gone[at] = false;
    store->tensors[at] = tensor;
    group->made = true;
    return true;
}

/* A part that other matrices have, and this lacks. */
static bool group_alike(const struct making *making, const struct group *group, size_t storage, struct error *problem)
{
    const struct storage_part *parts = storages[storage]->parts;
    const struct tensor *values = group_part(making, group, storages[storage], 0);
    for (size_t i = 0; i < STORAGE_PARTS && parts[i].ending; i++)
        if (parts[i].need == PART_ALIKE && making->alike[storage][values->dtype] >> i & 1 &&
            !group_part(making, group, storages[storage], i))
            return error_set(problem, "of %s, %s: %s is absent, which the other matrices have", storages[storage]->name,
                             path_base(values->file), parts[i].ending + 1);
    return true;
}

static void take_alike(struct making *making)
{
    for (size_t i = 0; i < making->count; i++)
        for (size_t k = 0; k < COUNT(storages) && !group_plain(making, &making->groups[i]); k++) {
            struct fit fit = group_fit(making, &making->groups[i], storages[k]);
            for (size_t part = 0; fit.values && !fit.absent && part < STORAGE_PARTS; part++)
                if (group_part(making, &making->groups[i], storages[k], part))
                    making->alike[k][group_part(making, &making->groups[i], storages[k], 0)->dtype] |=
                        (uint8_t)(1u << part);
        }
}

/* Of the storages whose parts are all there the first that they make something of; `problem` tells why none does.
 * False: out of memory. */
static bool group_make(struct making *making, struct group *group, struct error *problem, struct error *error)
{
    for (size_t i = 0; i < COUNT(storages) && !group->made; i++) {
        struct fit fit = group_fit(making, group, storages[i]);
        struct error unfit = {0};
        if (!fit.values || fit.absent)
            continue;
        struct assembly *assembly = assembly_new(making, group, storages[i]);
        if (!assembly)
            return error_memory(error, making->store->path);
        if (storages[i]->plan(assembly, &making->said, &unfit) && group_alike(making, group, i, &unfit)) {
            if (!group_replace(making, group, assembly, error))
                return false;
            making->used |= (uint32_t)1 << i;
        } else {
            if (is_said(making, storages[i]))
                error_clear(problem);
            error_take(problem, &unfit);
            assembly_free(assembly);
        }
        error_clear(&unfit);
    }
    return true;
}

/* "qweight is there, and scales is absent": of the storage that more parts speak for than for any other. Values alone
 * speak for one that the configuration names, or that other matrices have; scales alone only for the latter. False:
 * they speak for none. */
static bool group_lack(const struct making *making, const struct group *group, struct error *problem)
{
    const struct storage *best = NULL;
    struct fit of = {0};
    for (size_t i = 0; i < COUNT(storages); i++) {
        struct fit fit = group_fit(making, group, storages[i]);
        bool used = making->used >> i & 1, lost = !group_part(making, group, storages[i], 0);
        bool sure = fit.values ? fit.held || used || is_said(making, storages[i]) : fit.held && used && lost;
        if (sure && (!best || fit.values + fit.held > of.values + of.held)) {
            best = storages[i];
            of = fit;
        }
    }
    if (!best || (of.values && !of.absent))
        return false;
    struct buffer there = {0}, absent = {0};
    for (size_t i = 0; i < STORAGE_PARTS && best->parts[i].ending; i++) {
        bool held = group_part(making, group, best, i);
        struct buffer *to = held ? &there : &absent;
        if (best->parts[i].need == PART_NEEDED)
            buffer_format(to, "%s%s", to->size ? ", " : "", best->parts[i].ending + 1);
    }
    error_set(problem, "of %s, %s: %s %s there, and %s %s absent", best->name,
              path_base(making->store->tensors[group->tensors[0]].file), there.data ? there.data : "",
              there.data && strchr(there.data, ',') ? "are" : "is", absent.data ? absent.data : "",
              absent.data && strchr(absent.data, ',') ? "are" : "is");
    buffer_free(&there);
    buffer_free(&absent);
    return true;
}

/* Parts of which nothing can be made: the matrix is absent, and why is a problem of the store. */
static bool group_tell(struct making *making, struct group *group, const struct error *problem, struct error *error)
{
    struct buffer name = {0};
    buffer_format(&name, "%.*s.weight", (int)group->stem, group_name(making, group));
    bool good = name.data && !name.failed &&
                store_add_announced(making->store, name.data, "'%s' cannot be put together from its parts: %s",
                                    name.data, error_text(problem));
    for (size_t i = 0; i < group->count; i++)
        making->gone[group->tensors[i]] = true;
    buffer_free(&name);
    return good || error_memory(error, making->store->path);
}

/* Where no matrix fits a storage whose parts this has, they are of another one that is called alike, which is
 * recognised elsewhere; but not where the values would pass for a matrix by themselves. */
static bool group_foreign(const struct making *making, const struct group *group)
{
    bool foreign = false;
    for (size_t i = 0; i < COUNT(storages); i++) {
        struct fit fit = group_fit(making, group, storages[i]);
        if (!fit.values || fit.absent)
            continue;
        if (making->used >> i & 1 || dtype_computes(group_part(making, group, storages[i], 0)->dtype))
            return false;
        foreign = true;
    }
    return foreign;
}

/* First what is complete, which tells how the model is stored; then what is not, or does not fit. */
static bool groups_make(struct making *making, struct error *error)
{
    bool good = true;
    for (int first = 1; first >= 0; first--)
        for (size_t i = 0; good && i < making->count; i++) {
            struct group *group = &making->groups[i];
            struct error problem = {0};
            if (group->made || group_plain(making, group))
                continue;
            good = group_make(making, group, &problem, error);
            if (!first && !group->made && good && !problem.text)
                group_lack(making, group, &problem);
            if (!first && !group->made && good && problem.text && !group_foreign(making, group))
                good = group_tell(making, group, &problem, error);
            error_clear(&problem);
        }
    return good;
}

static void tensors_close_up(struct making *making)
{
    struct store *store = making->store;
    size_t kept = 0;
    for (size_t i = 0; i < store->count; i++)
        if (!making->gone[i])
            store->tensors[kept++] = store->tensors[i];
    store->count = kept;
}

bool assemblies_make(struct store *store, struct error *error)
{
    struct making making = {.store = store, .gone = calloc(store->count + 1, sizeof *making.gone)};
    bool good = making.gone;
    making.ending_count = endings_take(making.endings);
    for (size_t i = 0; good && i < store->count; i++)
        good = store->tensors[i].other || store->tensors[i].dtype >= DTYPE_SAFETENSORS || group_add(&making, i);
    if (!good)
        error_memory(error, store->path);
    cJSON *config = good ? take_said(store, &making.said) : NULL;
    if (good)
        take_alike(&making);
    good = good && groups_make(&making, error);
    if (good)
        tensors_close_up(&making);
    cJSON_Delete(config);
    free(making.gone);
    free(making.groups);
    map_free(&making.stems);
    return good;
}
