/* The reader of what people save from a few lines of Python: arrays with names, in files of array_files.c. A folder of
 * such files is a case, and so is each folder in it, and each file that has token ids of its own; in a file of many
 * arrays CASE/NAME keeps cases apart. */
#include <stdlib.h>
#include <string.h>

#include "golden/array_files.h"
#include "golden/golden_make.h"
#include "golden/golden_readers.h"

#define LONE_CASE "case" /* of files that lie in no folder of their own */

/* --- is it gold? --- */

/* Does it hold token ids, logits or hidden states by name, as no weights do? */
static bool says_gold(const char *path)
{
    struct named_arrays arrays = {0};
    bool gold = false;
    const struct array_file *kind = array_file_of(path);
    if (kind->sure || !kind->read(path, &arrays, NULL)) {
        named_free(&arrays);
        return kind->sure;
    }
    for (size_t i = 0; !gold && i < arrays.count; i++) {
        const char *name = arrays.items[i].name, *base = path_base(name), *dot = strrchr(base, '.');
        gold = spelling_is_gold(name) || spelling_is_gold(base) || (dot && spelling_is_gold(dot + 1));
    }
    named_free(&arrays);
    return gold;
}

static bool can_be_read(const struct array_file *kind, const char *path)
{
    struct named_arrays arrays = {0};
    bool read = kind->read(path, &arrays, NULL);
    named_free(&arrays);
    return read;
}

/* The first file that may hold arrays tells: no weights lie beside gold. */
static bool folder_says_gold(const char *folder)
{
    struct names names = {0};
    char *first = NULL;
    if (folder_list(folder, &names, NULL))
        for (size_t i = 0; i < names.count; i++)
            if (array_file_of(names.items[i]) && (!first || array_file_of(names.items[i])->sure)) {
                free(first);
                first = path_join(folder, names.items[i]);
            }
    bool gold = first && says_gold(first);
    free(first);
    names_free(&names);
    return gold;
}

static bool named_recognises(const char *path)
{
    struct names names = {0};
    if (!file_is_folder(path)) {
        const struct array_file *kind = array_file_of(path);
        return kind && !kind->single && file_exists(path) &&
               (says_gold(path) || (kind->tells && !can_be_read(kind, path)));
    }
    bool found = folder_says_gold(path);
    if (!found && folder_list(path, &names, NULL)) {
        for (size_t i = 0; !found && i < names.count; i++) {
            char *inner = path_join(path, names.items[i]);
            found = inner && file_is_folder(inner) && folder_says_gold(inner);
            free(inner);
        }
    }
    names_free(&names);
    return found;
}

/* --- reading it --- */

/* Adds the cases that lie in the file by themselves; what is of none of them is left in `rest`. */
static bool add_file(struct golden *golden, const char *path, struct named_arrays *rest, struct error *error)
{
    struct named_arrays arrays = {0}, group = {0};
    const struct array_file *kind = array_file_of(path);
    char *stem = array_file_stem(kind, path), *id = NULL;
    bool good = (stem || error_memory(error, path)) && kind->read(path, kind->single ? rest : &arrays, error);
    while (good && named_split(&arrays, &group, &id, error)) {
        good = named_add(golden, id ? id : stem, path, &group, error);
        named_free(&group);
        free(id);
        id = NULL;
    }
    good = good && named_move(rest, &arrays, error);
    named_free(&arrays);
    named_free(&group);
    free(stem);
    free(id);
    return good;
}

static bool add_folder(struct golden *golden, const char *folder, const char *id, struct error *error)
{
    struct names names = {0};
    struct named_arrays rest = {0};
    bool good = folder_list(folder, &names, error);
    for (size_t i = 0; good && i < names.count; i++) {
        char *path = array_file_of(names.items[i]) ? path_join(folder, names.items[i]) : NULL;
        good = !path || add_file(golden, path, &rest, error);
        free(path);
    }
    good = good && (!rest.count || named_add(golden, id, folder, &rest, error));
    named_free(&rest);
    names_free(&names);
    return good;
}

static bool add_lone_file(struct golden *golden, struct error *error)
{
    struct named_arrays rest = {0};
    bool good = add_file(golden, golden->path, &rest, error) &&
                ((!rest.count && golden->case_count) || named_add(golden, LONE_CASE, golden->path, &rest, error));
    named_free(&rest);
    return good;
}

static bool named_open(struct golden *golden, struct error *error)
{
    struct names names = {0};
    golden->producer = "arrays by name";
    golden->dtype = "float32";
    if (!file_is_folder(golden->path))
        return add_lone_file(golden, error);
    bool good = folder_list(golden->path, &names, error) && add_folder(golden, golden->path, LONE_CASE, error);
    for (size_t i = 0; good && i < names.count; i++) {
        char *inner = path_join(golden->path, names.items[i]);
        if (!inner)
            good = error_memory(error, golden->path);
        else if (file_is_folder(inner) && folder_says_gold(inner))
            good = add_folder(golden, inner, names.items[i], error);
        free(inner);
    }
    names_free(&names);
    return good;
}

const struct golden_reader golden_named = {named_recognises, named_open, golden_read_plain};
