/* Folders of PyTorch files under names of their own: which of them is the model. */
#include <stdlib.h>
#include <string.h>

#include "base/wording.h"
#include "store/torch_folder.h"

#define LISTED_MOST 8
#define START_BYTES 4

static const char *const endings[] = {".bin", ".pt", ".pth", ".ckpt"};

/* What a trainer keeps beside the weights: names that begin so. */
static const char *const aside[] = {"training_args", "optimizer", "scheduler", "scaler", "rng_state", "random_states"};

static bool named_so(const char *name)
{
    bool named = false;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        named = named || text_ends_with(name, endings[i]);
    for (size_t i = 0; i < sizeof aside / sizeof *aside; i++)
        named = named && strncmp(name, aside[i], strlen(aside[i])) != 0;
    return named;
}

static bool is_archive(const char *folder, const char *name)
{
    struct buffer start = {0};
    struct error more = {0};
    char *path = path_join(folder, name);
    bool archive = path && (file_read(path, START_BYTES, &start, &more) || start.size > START_BYTES) &&
                   start.size >= START_BYTES && memcmp(start.data, "PK\3\4", START_BYTES) == 0;
    error_clear(&more);
    buffer_free(&start);
    free(path);
    return archive;
}

/* False: out of memory, or no folder. `others`: files of weights in a form that is read before this one. */
static bool list_archives(const char *folder, struct names *archives, bool *others, struct error *error)
{
    struct names names = {0};
    bool good = folder_list(folder, &names, error);
    *others = false;
    for (size_t i = 0; good && i < names.count; i++) {
        *others = *others || text_ends_with(names.items[i], ".safetensors");
        if (named_so(names.items[i]) && is_archive(folder, names.items[i]))
            good = names_add(archives, names.items[i]) || error_memory(error, folder);
    }
    names_free(&names);
    return good;
}

bool torch_folder_is(const char *folder)
{
    struct names archives = {0};
    bool others, found = list_archives(folder, &archives, &others, NULL) && archives.count && !others;
    names_free(&archives);
    return found;
}

char *torch_folder_file(const char *folder, struct error *error)
{
    struct names archives = {0};
    struct buffer list = {0};
    char *path = NULL;
    bool others, good = list_archives(folder, &archives, &others, error);
    for (size_t i = 0; i < archives.count && i < LISTED_MOST; i++)
        buffer_format(&list, "%s%s", i ? ", " : "", archives.items[i]);
    if (archives.count > 1)
        error_set(error,
                  "%s: holds %zu PyTorch files, and no pytorch_model.bin.index.json that says which are one model: "
                  "%s%s: name one of them",
                  folder, archives.count, list.data ? list.data : "", archives.count > LISTED_MOST ? " ..." : "");
    else if (good && !(path = archives.count ? path_join(folder, archives.items[0]) : NULL))
        error_memory(error, folder);
    buffer_free(&list);
    names_free(&archives);
    return path;
}
