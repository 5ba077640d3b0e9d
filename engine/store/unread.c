#include "store/unread.h"

#include <fts.h>
#include <stdlib.h>
#include <string.h>

#include "base/file_kind.h"
#include "base/wording.h"
#include "store/safetensors.h"

#define DEPTH_MOST 3
#define FILES_MOST 10000
#define OPENED_MOST 1000
#define TOLD_MOST 3
#define NAME_MOST 640 /* bytes of a canonical name */

static bool read_paths(const struct store *store, struct map *read)
{
    bool good = true;
    for (size_t i = 0; good && i < store->files.count; i++) {
        const char *path = weight_file_path(store->files.items[i]);
        good = map_add(read, path, strlen(path), i, NULL);
    }
    return good;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* One entry of the walk. False: out of memory. */
static bool take_entry(FTS *walk, FTSENT *entry, size_t folder_length, const struct map *read, struct unread *unread)
{
    bool hidden = entry->fts_level > 0 && *entry->fts_name == '.';
    if (entry->fts_info == FTS_D && (hidden || entry->fts_level > DEPTH_MOST))
        fts_set(walk, entry, FTS_SKIP);
    if (entry->fts_info != FTS_F || hidden || !text_ends_with(entry->fts_name, ".safetensors") ||
        map_find(read, entry->fts_path, strlen(entry->fts_path)) != MAP_ABSENT)
        return true;
    const char *name = entry->fts_path + folder_length;
    return names_add(entry->fts_level == 1 ? &unread->own : &unread->below, name + strspn(name, "/"));
}

bool unread_find(const struct store *store, struct unread *unread, struct error *error)
{
    *unread = (struct unread){0};
    struct map read = {0};
    char *folders[] = {store->path, NULL};
    FTS *walk = fts_open(folders, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    bool good = walk && read_paths(store, &read);
    FTSENT *entry = NULL;
    while (good && unread->own.count + unread->below.count < FILES_MOST && (entry = fts_read(walk)))
        good = take_entry(walk, entry, strlen(store->path), &read, unread);
    if (walk)
        fts_close(walk);
    map_free(&read);
    if (good)
        return true;
    unread_free(unread);
    return error_memory(error, store->path);
}

void unread_free(struct unread *unread)
{
    names_free(&unread->own);
    names_free(&unread->below);
}

/* Goes through the names of all tensors that they hold, file by file; false where `take` is. */
static bool each_name(const struct store *store, const struct unread *unread,
                      bool (*take)(void *context, const char *file, const char *name), void *context)
{
    const struct names *const lists[] = {&unread->own, &unread->below};
    bool good = true;
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; good && k < lists[i]->count && k < OPENED_MOST; k++) {
            struct safetensors file = {0};
            char *path = path_join(store->path, lists[i]->items[k]);
            good = path;
            if (good && safetensors_open(path, &file, NULL))
                for (size_t n = 0; good && n < file.count; n++)
                    good = take(context, lists[i]->items[k], file.entries[n].name);
            safetensors_free(&file);
            free(path);
        }
    return good;
}

static bool keep_name(void *context, const char *file, const char *name)
{
    struct store *store = context;
    char canonical[NAME_MOST];
    bool other = false;
    if (!name_canonical(name, canonical, sizeof canonical, &other) || other)
        return true;
    struct names *files = &store->unread_files, *names = &store->unread_names;
    bool same = files->count && strcmp(files->items[files->count - 1], file) == 0;
    if ((!same && !names_add(files, file)) || !names_add(names, canonical))
        return false;
    const char *key = names->items[names->count - 1];
    return map_add(&store->unread_of, key, strlen(key), files->count - 1, NULL);
}

bool unread_keep(struct store *store, const struct unread *unread, struct error *error)
{
    return each_name(store, unread, keep_name, store) || error_memory(error, store->path);
}

const char *store_unread(const struct store *store, const char *name)
{
    size_t file = map_find(&store->unread_of, name, strlen(name));
    char fused[NAME_MOST];
    for (size_t i = 0; file == MAP_ABSENT && name_fused(name, i, fused, sizeof fused); i++)
        file = map_find(&store->unread_of, fused, strlen(fused));
    return file == MAP_ABSENT ? NULL : store->unread_files.items[file];
}

struct holding {
    const struct map *wanted;
    struct map held;
    struct names names; /* owns the keys of `held` */
};

static bool hold_name(void *context, const char *file, const char *name)
{
    (void)file;
    struct holding *holding = context;
    size_t length = strlen(name);
    if (map_find(holding->wanted, name, length) == MAP_ABSENT || map_find(&holding->held, name, length) != MAP_ABSENT)
        return true;
    return names_add(&holding->names, name) &&
           map_add(&holding->held, holding->names.items[holding->names.count - 1], length, 0, NULL);
}

size_t unread_holds(const struct store *store, const struct unread *unread, const struct map *wanted)
{
    struct holding holding = {.wanted = wanted};
    each_name(store, unread, hold_name, &holding);
    size_t count = holding.held.count;
    map_free(&holding.held);
    names_free(&holding.names);
    return count;
}

static void say_files(const struct names *files, const char *where, struct buffer *out)
{
    if (files->count)
        buffer_format(out, "%s%zu .safetensors file%s unread in %s ('%s'%s)", out->size ? "; " : "", files->count,
                      files->count == 1 ? " lies" : "s lie", where, files->items[0],
                      files->count == 1 ? "" : " the first");
}

void unread_say(const struct unread *unread, struct buffer *out)
{
    say_files(&unread->own, "the folder", out);
    say_files(&unread->below, "folders below it", out);
}

/* --- files of other kinds --- */

/* Texts of a repository say nothing here, but for those that stand in the place of another file. */
static bool say_file(const char *folder, const char *name, struct buffer *says)
{
    char *path = path_join(folder, name);
    bool known = path && *name != '.' && !file_is_folder(path) && !text_ends_with(name, ".html") &&
                 file_kind_say(path, FILE_TEXT, says) && !says->failed;
    free(path);
    return known;
}

void unread_foreign(const char *folder, struct buffer *out)
{
    struct names names = {0};
    struct buffer last = {0};
    size_t told = 0, same = 0;
    if (!folder_list(folder, &names, NULL))
        return;
    for (size_t i = 0; i <= names.count; i++) {
        struct buffer says = {0};
        bool known = i < names.count && say_file(folder, names.items[i], &says);
        if (known && last.data && strcmp(last.data, says.data) == 0) {
            same++;
        } else if (known && told < TOLD_MOST) {
            buffer_format(out, "%s%s %s", out->size ? "; " : "", names.items[i], says.data);
            told++;
            buffer_free(&last);
            last = says;
            says = (struct buffer){0};
        }
        buffer_free(&says);
    }
    if (same)
        buffer_format(out, "; so are %zu more", same);
    buffer_free(&last);
    names_free(&names);
}

/* Where the Hub's client keeps what it has not fetched to the end, beside a folder and beside a snapshot of its cache.
 */
static const char *const download_places[] = {".cache/huggingface/download", "../../blobs"};

void unread_download(const char *folder, struct buffer *out)
{
    size_t count = 0, place = 0;
    for (; !count && place < sizeof download_places / sizeof *download_places; place++) {
        struct names names = {0};
        char *path = path_join(folder, download_places[place]);
        if (path && folder_list(path, &names, NULL))
            for (size_t i = 0; i < names.count; i++)
                count += text_ends_with(names.items[i], ".incomplete");
        names_free(&names);
        free(path);
    }
    if (count)
        buffer_format(out, "%s%zu download%s into it %s not ended (%s/*.incomplete): let the download end",
                      out->size ? "; " : "", count, text_plural(count), count == 1 ? "has" : "have",
                      download_places[place - 1]);
}
