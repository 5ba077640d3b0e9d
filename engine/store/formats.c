/* The choice of the reader for a path. */
#include "store/formats.h"

#include <string.h>

#include "base/file_kind.h"
#include "store/store_internal.h"

#define MAGIC_MOST 16

/* The first that fits. */
static const struct format_row {
    enum store_kind kind;
    const struct store_format *format;
} rows[] = {
#define FORMAT_ROW(kind, name, format) {kind, &format},
    STORE_KINDS(FORMAT_ROW)
#undef FORMAT_ROW
};

static bool fits_file(const struct store_format *format, const char *path, const struct buffer *start)
{
    size_t length = format->magic ? strlen(format->magic) : 0;
    return format->magic && length <= start->size &&
           memcmp(start->data ? start->data : "", format->magic, length) == 0 && (!format->file || format->file(path));
}

static bool open_file(struct store *store, const char *path, struct error *error)
{
    struct buffer start = {0};
    struct error unread = {0};
    uint64_t size = 0;
    if (!file_size(path, &size, error))
        return false;
    file_read(path, MAGIC_MOST, &start, &unread);
    error_clear(&unread);
    const struct format_row *row = rows;
    while (!fits_file(row->format, path, &start))
        row++;
    buffer_free(&start);
    store->kind = row->kind;
    return row->format->open(store, path, error);
}

static bool open_folder(struct store *store, const char *path, struct error *error)
{
    const struct format_row *row = rows;
    while (!row->format->folder || !row->format->folder(path))
        row++;
    store->kind = row->kind;
    return row->format->open(store, path, error);
}

struct store *store_open(const char *path, struct error *error)
{
    if (!file_exists(path)) {
        struct error absent = {0};
        error_set(&absent, "%s: no such file or folder", path);
        file_kind_error(path, FILE_OTHER, &absent, error);
        return NULL;
    }
    struct store *store = store_new(path, STORE_SAFETENSORS, error);
    if (!store)
        return NULL;
    store->whole = true;
    bool good = file_is_folder(path) ? open_folder(store, path, error) : open_file(store, path, error);
    if (good && store_finish(store, error))
        return store;
    store_free(store);
    return NULL;
}
