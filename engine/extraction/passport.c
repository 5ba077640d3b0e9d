#include "extraction/passport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/numbers.h"

/* --- rows --- */

/* A new element, zeroed, behind the others. */
#define ROW_ADD(passport, rows, row)                                                                                   \
    do {                                                                                                               \
        if (!array_grow((passport)->rows##s, (passport)->rows##_count, (passport)->rows##_capacity))                   \
            return NULL;                                                                                               \
        (row) = &(passport)->rows##s[(passport)->rows##_count];                                                        \
        memset((row), 0, sizeof *(row));                                                                               \
    } while (0)

struct passport_tensor *passport_add_tensor(struct passport *passport, const char *name, enum dtype dtype, int rank,
                                            const uint64_t *shape)
{
    struct passport_tensor *row;
    ROW_ADD(passport, tensor, row);
    if (!(row->name = strdup(name)))
        return NULL;
    row->dtype = dtype;
    row->rank = rank;
    row->file = PASSPORT_NO_FILE;
    memcpy(row->shape, shape, (size_t)rank * sizeof *shape);
    passport->tensor_count++;
    return row;
}

struct passport_file *passport_add_file(struct passport *passport, const char *path)
{
    struct passport_file *row;
    ROW_ADD(passport, file, row);
    if (!(row->path = strdup(path)))
        return NULL;
    passport->file_count++;
    return row;
}

struct passport_companion *passport_add_companion(struct passport *passport, const char *name)
{
    struct passport_companion *row;
    ROW_ADD(passport, companion, row);
    if (!(row->name = strdup(name)))
        return NULL;
    passport->companion_count++;
    return row;
}

const struct passport_tensor *passport_find(const struct passport *passport, const char *name)
{
    size_t found = map_find(&passport->by_name, name, strlen(name));
    return found == MAP_ABSENT ? NULL : &passport->tensors[found];
}

void passport_free(struct passport *passport)
{
    for (size_t i = 0; i < passport->tensor_count; i++)
        free(passport->tensors[i].name);
    for (size_t i = 0; i < passport->file_count; i++)
        free(passport->files[i].path);
    for (size_t i = 0; i < passport->companion_count; i++)
        free(passport->companions[i].name);
    free(passport->tensors);
    free(passport->files);
    free(passport->companions);
    names_free(&passport->faults);
    map_free(&passport->by_name);
    free(passport->model);
    *passport = (struct passport){0};
}

/* --- the root --- */

/* The texts of the leaves, one behind the other. */
struct leaves {
    struct buffer text;
    struct leaf {
        const char *text;
        size_t at, size;
    } * items;
    size_t count;
};

static void leaf_field(struct buffer *text, const char *field, bool last)
{
    buffer_append(text, field, strlen(field) + !last);
}

static void leaf_end(struct leaves *leaves, size_t at)
{
    leaves->items[leaves->count++] = (struct leaf){.at = at, .size = leaves->text.size - at};
}

static void leaf_tensor(struct leaves *leaves, const struct passport_tensor *tensor)
{
    size_t at = leaves->text.size;
    leaf_field(&leaves->text, "tensor", false);
    leaf_field(&leaves->text, tensor->name, false);
    leaf_field(&leaves->text, dtype_name(tensor->dtype), false);
    for (int i = 0; i < tensor->rank; i++)
        buffer_format(&leaves->text, "%s%llu", i ? "," : "", (unsigned long long)tensor->shape[i]);
    buffer_char(&leaves->text, '\0');
    leaf_field(&leaves->text, tensor->sha256, true);
    leaf_end(leaves, at);
}

static void leaf_companion(struct leaves *leaves, const struct passport_companion *companion)
{
    size_t at = leaves->text.size;
    leaf_field(&leaves->text, "file", false);
    leaf_field(&leaves->text, companion->name, false);
    leaf_field(&leaves->text, companion->sha256, true);
    leaf_end(leaves, at);
}

static int leaf_order(const void *left, const void *right)
{
    const struct leaf *a = left, *b = right;
    size_t least = a->size < b->size ? a->size : b->size;
    int order = memcmp(a->text, b->text, least);
    return order ? order : (a->size > b->size) - (a->size < b->size);
}

typedef unsigned char digest[SHA256_BYTES];

static bool hash_pieces(struct sha256 *sha, unsigned char kind, const void *a, size_t a_size, const void *b,
                        size_t b_size, unsigned char *out)
{
    return sha256_update(sha, &kind, 1) && sha256_update(sha, a, a_size) && sha256_update(sha, b, b_size) &&
           sha256_take(sha, out);
}

/* Whole subtrees wait on a stack, the largest below, as a binary counter has its ones. */
static bool leaves_root(struct sha256 *sha, const struct leaves *leaves, unsigned char *root)
{
    digest stack[64];
    size_t height = 0;
    bool good = true;
    if (!leaves->count)
        return sha256_take(sha, root);
    for (size_t i = 0; good && i < leaves->count; i++) {
        good = hash_pieces(sha, 0, leaves->items[i].text, leaves->items[i].size, "", 0, stack[height++]);
        for (size_t whole = i + 1; good && whole % 2 == 0; whole /= 2, height--)
            good = hash_pieces(sha, 1, stack[height - 2], SHA256_BYTES, stack[height - 1], SHA256_BYTES,
                               stack[height - 2]);
    }
    for (; good && height > 1; height--)
        good = hash_pieces(sha, 1, stack[height - 2], SHA256_BYTES, stack[height - 1], SHA256_BYTES, stack[height - 2]);
    memcpy(root, stack[0], SHA256_BYTES);
    return good;
}

static bool passport_root(const struct passport *passport, char root[SHA256_TEXT], struct error *error)
{
    struct leaves leaves = {.items =
                                calloc(passport->tensor_count + passport->companion_count + 1, sizeof *leaves.items)};
    struct sha256 *sha = sha256_new(error);
    digest all;
    bool good = sha && (leaves.items || error_memory(error, "passport"));
    for (size_t i = 0; good && i < passport->tensor_count; i++)
        leaf_tensor(&leaves, &passport->tensors[i]);
    for (size_t i = 0; good && i < passport->companion_count; i++)
        if (!passport->companions[i].document)
            leaf_companion(&leaves, &passport->companions[i]);
    good = good && (!leaves.text.failed || error_memory(error, "passport"));
    for (size_t i = 0; good && i < leaves.count; i++)
        leaves.items[i].text = leaves.text.data + leaves.items[i].at;
    if (good && leaves.count)
        qsort(leaves.items, leaves.count, sizeof *leaves.items, leaf_order);
    good = good && (leaves_root(sha, &leaves, all) || error_set(error, "SHA-256 failed"));
    if (good)
        sha256_text(all, root);
    sha256_free(sha);
    buffer_free(&leaves.text);
    free(leaves.items);
    return good;
}

/* --- the end of the rows --- */

static int tensor_order(const void *left, const void *right)
{
    const struct passport_tensor *a = left, *b = right;
    if (a->file != b->file)
        return a->file < b->file ? -1 : 1;
    if (a->begin != b->begin)
        return a->begin < b->begin ? -1 : 1;
    return a->bytes != b->bytes ? (a->bytes < b->bytes ? -1 : 1) : strcmp(a->name, b->name);
}

static bool tensors_index(struct passport *passport, const char *where, struct error *error)
{
    for (size_t i = 0; i < passport->tensor_count; i++) {
        size_t twice = MAP_ABSENT;
        struct passport_tensor *tensor = &passport->tensors[i];
        if (!map_add(&passport->by_name, tensor->name, strlen(tensor->name), i, &twice))
            return error_memory(error, where);
        if (twice != MAP_ABSENT)
            return error_set(error, "%s: tensor '%s' occurs twice", where, tensor->name);
        if (tensor->file == PASSPORT_NO_FILE)
            continue;
        struct passport_file *file = &passport->files[tensor->file];
        file->first = file->count ? file->first : i;
        file->count++;
    }
    return true;
}

/* Each byte behind the header belongs to one tensor. */
static bool file_tiles(const struct passport *passport, struct passport_file *file, const char *where,
                       struct error *error)
{
    uint64_t at = file->count ? passport->tensors[file->first].begin : file->size;
    file->header = at;
    for (size_t i = file->first; i < file->first + file->count; i++) {
        const struct passport_tensor *tensor = &passport->tensors[i];
        if (tensor->begin != at || tensor->bytes > file->size || at > file->size - tensor->bytes)
            return error_set(error,
                             "%s: places tensor '%s' at byte %llu of %s, where it would overlap another, leave a gap "
                             "or pass the end",
                             where, tensor->name, (unsigned long long)tensor->begin, file->path);
        at += tensor->bytes;
    }
    if (at != file->size)
        return error_set(error, "%s: %llu bytes of %s belong to no tensor", where,
                         (unsigned long long)(file->size - at), file->path);
    return true;
}

bool passport_finish(struct passport *passport, const char *where, struct error *error)
{
    bool good = true;
    if (passport->file_count && passport->tensor_count)
        qsort(passport->tensors, passport->tensor_count, sizeof *passport->tensors, tensor_order);
    for (size_t i = 0; good && i < passport->tensor_count; i++) {
        struct passport_tensor *row = &passport->tensors[i];
        struct tensor tensor = {.dtype = row->dtype, .rank = row->rank};
        memcpy(tensor.shape, row->shape, sizeof row->shape);
        good = tensor_measure(&tensor) || error_set(error, "%s: the size of tensor '%s' overflows", where, row->name);
        row->bytes = tensor.bytes;
    }
    if (good && passport->file_count && passport->tensor_count) /* once more: an empty tensor shares its place */
        qsort(passport->tensors, passport->tensor_count, sizeof *passport->tensors, tensor_order);
    good = good && tensors_index(passport, where, error);
    for (size_t i = 0; good && i < passport->file_count; i++)
        good = file_tiles(passport, &passport->files[i], where, error);
    return good && passport_root(passport, passport->root, error);
}
