/* Any folder of safetensors files. */
#include "store/formats.h"
#include "store/unread.h"

static bool any_folder(const char *folder)
{
    (void)folder;
    return true;
}

/* What there is instead of a model. */
static bool refuse(const struct store *store, const struct unread *unread, struct error *error)
{
    struct buffer there = {0};
    unread_download(store->path, &there);
    unread_say(unread, &there);
    buffer_text(&there, unread->below.count
                            ? ": name the folder that is meant, or put the files of one model into one folder"
                            : "");
    unread_foreign(store->path, &there);
    if (!there.size)
        buffer_text(
            &there,
            "neither model.safetensors nor pytorch_model.bin, nor an index of either, nor an extraction (experts/, "
            "norms/ ...), nor any .safetensors or .gguf file");
    error_set(error, "%s: no model here: %s", store->path, there.failed ? "" : there.data);
    buffer_free(&there);
    return false;
}

/* Its own that are unread are problems already. */
static bool note_below(struct store *store, struct unread *unread, struct error *error)
{
    struct buffer says = {0};
    if (!unread->below.count)
        return true;
    names_free(&unread->own);
    unread_say(unread, &says);
    if (!unread_keep(store, unread, error))
        says.failed = true;
    bool good = !says.failed && store_add_note(store, "%s: only a folder's own files are read", says.data);
    buffer_free(&says);
    return good || error_memory(error, store->path);
}

static bool loose_open(struct store *store, const char *path, struct error *error)
{
    struct names names = {0};
    struct unread unread = {0};
    bool good = folder_list(path, &names, error);
    for (size_t i = 0; good && i < names.count; i++)
        good = store_add_file(store, path, names.items[i], error);
    names_free(&names);
    good = good && unread_find(store, &unread, error);
    if (good && !store->count && store->problems.count)
        good = error_set(error, "%s: no .safetensors file here can be read: %s", path, store->problems.items[0]);
    if (good)
        good = store->count ? note_below(store, &unread, error) : refuse(store, &unread, error);
    unread_free(&unread);
    return good;
}

const struct store_format format_folder = {.folder = any_folder, .open = loose_open};
