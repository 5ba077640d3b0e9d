/* A passport from the manifest of an extraction, which nobody vouches for. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "extraction/passport.h"

#define MANIFEST_MAX ((size_t)1 << 30)

/* A string that must be there; NULL with the error. */
static const char *row_text(const cJSON *row, const char *where, const char *key, struct error *error)
{
    const char *text = NULL;
    if (json_get_string(row, where, key, &text, error) && !text)
        error_set(error, "%s: a row of its lists has no \"%s\"", where, key);
    return text;
}

static bool row_number(const cJSON *row, const char *where, const char *key, uint64_t *value, struct error *error)
{
    return json_uint64(json_member(row, key), value) ||
           error_set(error, "%s: a row of its lists has no whole number \"%s\"", where, key);
}

static bool row_hash(const cJSON *row, const char *where, const char *key, char hash[SHA256_TEXT], struct error *error)
{
    const char *text = row_text(row, where, key, error);
    if (!text)
        return false;
    if (!sha256_is_text(text))
        return error_set(error, "%s: \"%s\" is no SHA-256: '%.80s'", where, key, text);
    memcpy(hash, text, SHA256_TEXT);
    return true;
}

/* Relative, without empty, "." and ".." parts, so that it stays inside the folder. */
static bool path_is_plain(const char *path)
{
    for (const char *at = path;; at++) {
        size_t length = strcspn(at, "/");
        if (!length || (length <= 2 && strncmp(at, "..", length) == 0))
            return false;
        at += length;
        if (!*at)
            return true;
    }
}

static bool read_file(struct passport *passport, const cJSON *row, const char *where, struct map *paths,
                      struct error *error)
{
    const char *path = row_text(row, where, "file", error);
    size_t twice = MAP_ABSENT;
    if (!path)
        return false;
    if (!path_is_plain(path) || !strchr(path, '/'))
        return error_set(error, "%s: '%.200s' cannot be the path of a file in an extraction", where, path);
    if (!map_add(paths, path, strlen(path), passport->file_count, &twice))
        return error_memory(error, where);
    if (twice != MAP_ABSENT)
        return error_set(error, "%s: file '%s' occurs twice", where, path);
    struct passport_file *file = passport_add_file(passport, path);
    return (file || error_memory(error, where)) && row_number(row, where, "size", &file->size, error) &&
           row_hash(row, where, "header_sha256", file->sha256, error);
}

static bool read_shape(const cJSON *row, const char *where, int *rank, uint64_t shape[TENSOR_RANK_MAX],
                       struct error *error)
{
    const cJSON *list = json_member(row, "shape");
    *rank = 0;
    if (!cJSON_IsArray(list))
        return error_set(error, "%s: a row of its lists has no \"shape\"", where);
    for (const cJSON *item = list->child; item; item = item->next)
        if (*rank == TENSOR_RANK_MAX || !json_uint64(item, &shape[(*rank)++]))
            return error_set(error, "%s: a \"shape\" should be a list of at most %d whole numbers", where,
                             TENSOR_RANK_MAX);
    return true;
}

static bool read_tensor(struct passport *passport, const cJSON *row, const char *where, const struct map *paths,
                        struct error *error)
{
    uint64_t shape[TENSOR_RANK_MAX] = {0};
    enum dtype dtype;
    int rank;
    const char *name = row_text(row, where, "name", error), *type = name ? row_text(row, where, "dtype", error) : NULL;
    const char *path = type ? row_text(row, where, "file", error) : NULL;
    if (!path || !read_shape(row, where, &rank, shape, error))
        return false;
    if (!dtype_parse(type, &dtype))
        return error_set(error, "%s: tensor '%s' has dtype '%.40s', which assay does not know", where, name, type);
    size_t file = map_find(paths, path, strlen(path));
    if (file == MAP_ABSENT)
        return error_set(error, "%s: tensor '%s' is in '%.200s', which is not among \"files\"", where, name, path);
    struct passport_tensor *tensor = passport_add_tensor(passport, name, dtype, rank, shape);
    if (!tensor)
        return error_memory(error, where);
    tensor->file = file;
    return row_number(row, where, "begin", &tensor->begin, error) &&
           row_hash(row, where, "sha256", tensor->sha256, error);
}

static bool read_companion(struct passport *passport, const cJSON *row, bool document, const char *where,
                           struct error *error)
{
    const char *name = row_text(row, where, "file", error);
    if (!name)
        return false;
    if (!path_is_plain(name) || strchr(name, '/'))
        return error_set(error, "%s: '%.200s' cannot be the name of a file beside the tensors", where, name);
    for (size_t i = 0; i < passport->companion_count; i++)
        if (strcmp(passport->companions[i].name, name) == 0)
            return error_set(error, "%s: file '%s' occurs twice", where, name);
    struct passport_companion *companion = passport_add_companion(passport, name);
    if (!companion)
        return error_memory(error, where);
    companion->document = document;
    return row_number(row, where, "size", &companion->size, error) &&
           row_hash(row, where, "sha256", companion->sha256, error);
}

/* The list, which must be there. */
static const cJSON *list_of(const cJSON *json, const char *where, const char *key, struct error *error)
{
    const cJSON *list = json_member(json, key);
    if (cJSON_IsArray(list))
        return list;
    error_set(error, "%s: has no list \"%s\"", where, key);
    return NULL;
}

static bool read_rows(struct passport *passport, const cJSON *json, const char *where, struct error *error)
{
    struct map paths = {0};
    const cJSON *files = list_of(json, where, "files", error);
    const cJSON *tensors = files ? list_of(json, where, "tensors", error) : NULL;
    const cJSON *companions = tensors ? list_of(json, where, "companions", error) : NULL;
    const cJSON *documents = companions ? list_of(json, where, "documents", error) : NULL;
    bool good = documents;
    for (const cJSON *row = good ? files->child : NULL; good && row; row = row->next)
        good = read_file(passport, row, where, &paths, error);
    for (const cJSON *row = good ? tensors->child : NULL; good && row; row = row->next)
        good = read_tensor(passport, row, where, &paths, error);
    for (const cJSON *row = good ? companions->child : NULL; good && row; row = row->next)
        good = read_companion(passport, row, false, where, error);
    for (const cJSON *row = good ? documents->child : NULL; good && row; row = row->next)
        good = read_companion(passport, row, true, where, error);
    map_free(&paths);
    return good;
}

static bool read_head(struct passport *passport, const cJSON *json, const char *where, struct error *error)
{
    const char *model = "";
    const cJSON *faults = json_member(json, "faults");
    if (!json_get_string(json, where, "model", &model, error) ||
        !json_get_bool(json, where, "complete", &passport->complete, error))
        return false;
    if (faults && !cJSON_IsArray(faults))
        return error_set(error, "%s: \"faults\" should be a list", where);
    for (const cJSON *fault = faults ? faults->child : NULL; fault; fault = fault->next)
        if (!cJSON_IsString(fault) || !names_add(&passport->faults, fault->valuestring))
            return error_set(error, "%s: \"faults\" should be a list of strings", where);
    return (passport->model = strdup(model)) || error_memory(error, where);
}

static enum passport_found read_json(const char *path, struct passport *passport, struct error *error)
{
    cJSON *json = json_read(path, MANIFEST_MAX, error);
    if (!json)
        return PASSPORT_MALFORMED;
    enum passport_found found = PASSPORT_MALFORMED;
    char root[SHA256_TEXT];
    if (!json_member(json, "root")) {
        error_set(error, "%s: has no \"root\", so it is a list of files and not a passport", path);
        found = PASSPORT_NONE;
    } else if (row_hash(json, path, "root", root, error) && read_head(passport, json, path, error) &&
               read_rows(passport, json, path, error) && passport_finish(passport, path, error)) {
        passport->follows = strcmp(root, passport->root) == 0;
        found = PASSPORT_READ;
    }
    cJSON_Delete(json);
    return found;
}

enum passport_found passport_read(const char *folder, struct passport *passport, struct error *error)
{
    enum passport_found found = PASSPORT_MALFORMED;
    char *path = path_join(folder, EXTRACTION_MANIFEST);
    *passport = (struct passport){0};
    if (!path) {
        error_memory(error, folder);
    } else if (!file_exists(path)) {
        error_set(error, "%s: is absent, so the extraction has no passport", path);
        found = PASSPORT_NONE;
    } else {
        found = read_json(path, passport, error);
    }
    if (found != PASSPORT_READ)
        passport_free(passport);
    free(path);
    return found;
}
