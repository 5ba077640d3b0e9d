/* Folders of GGUF files: which file of one is the model. */
#include <stdlib.h>
#include <string.h>

#include "base/wording.h"
#include "store/gguf_internal.h"

#define LISTED_MOST 8

static bool is_gguf(const char *name)
{
    return text_ends_with(name, ".gguf");
}

bool gguf_folder_is(const char *folder)
{
    struct names names = {0};
    bool found = false, others = false;
    if (folder_list(folder, &names, NULL))
        for (size_t i = 0; i < names.count; i++) {
            found = found || is_gguf(names.items[i]);
            others = others || text_ends_with(names.items[i], ".safetensors");
        }
    names_free(&names);
    return found && !others;
}

/* The file's name without what tells the parts of a split one apart. */
static size_t model_length(const char *name)
{
    static const char part[] = "-00001-of-00003.gguf";
    size_t length = strlen(name), tail = sizeof part - 1;
    bool split = length > tail;
    for (size_t i = 0; split && i < tail; i++) {
        char c = name[length - tail + i];
        split = part[i] >= '0' && part[i] <= '9' ? c >= '0' && c <= '9' : c == part[i];
    }
    return split ? length - tail : length;
}

static bool same_model(const char *a, const char *b)
{
    size_t length = model_length(a);
    return length == model_length(b) && strncmp(a, b, length) == 0;
}

/* What a file that says that it holds no model holds. */
static const struct aside_row {
    const char *key, *word, *says;
} aside_rows[] = {
    {"general.type", "adapter",
     "is a LoRA adapter, no model: merge it into its base (llama-export-lora), and name what that gives"},
    {"general.type", "mmproj", "is the projector of a model's images or sounds: its text model is another file"},
    {"general.type", "imatrix", "is an importance matrix, made for quantising, and holds no weights"},
    {"general.architecture", "clip", "is the projector of a model's images or sounds: its text model is another file"},
};

bool gguf_is_model(const struct gguf *gguf, struct error *error)
{
    for (size_t i = 0; i < sizeof aside_rows / sizeof *aside_rows; i++) {
        struct gguf_text text = {0};
        if (gguf_get_text(gguf, aside_rows[i].key, &text, NULL) && gguf_text_is(text, aside_rows[i].word))
            return error_set(error, "%s: %s", gguf->path, aside_rows[i].says);
    }
    return true;
}

/* True also of a file that cannot be read: who opens it says why. */
static bool holds_model(const char *folder, const char *name)
{
    struct error unread = {0}, aside = {0};
    struct gguf gguf = {0};
    char *path = path_join(folder, name);
    bool is_model = !path || !gguf_read(path, &gguf, &unread) || gguf_is_model(&gguf, &aside);
    gguf_free(&gguf);
    error_clear(&unread);
    error_clear(&aside);
    free(path);
    return is_model;
}

/* Of each model its first file. */
static bool list_models(const char *folder, struct names *models, struct error *error)
{
    struct names names = {0};
    bool good = folder_list(folder, &names, error);
    for (size_t i = 0; good && i < names.count; i++)
        if (is_gguf(names.items[i]) && !(models->count && same_model(models->items[models->count - 1], names.items[i])))
            good = names_add(models, names.items[i]) || error_memory(error, folder);
    names_free(&names);
    return good;
}

/* Moves those that are models to the front; returns how many they are. */
static size_t sift_models(const char *folder, struct names *names)
{
    size_t models = 0;
    for (size_t i = 0; names->count > 1 && i < names->count; i++)
        if (holds_model(folder, names->items[i])) {
            char *name = names->items[i];
            names->items[i] = names->items[models];
            names->items[models++] = name;
        }
    return models ? models : 1; /* of several that are none the first says so */
}

char *gguf_folder_file(const char *folder, struct error *error)
{
    struct names names = {0};
    struct buffer list = {0};
    char *path = NULL;
    bool good = list_models(folder, &names, error);
    size_t models = good ? sift_models(folder, &names) : 0;
    for (size_t i = 0; i < models && i < LISTED_MOST; i++)
        buffer_format(&list, "%s%s", i ? ", " : "", names.items[i]);
    if (models > 1)
        error_set(error, "%s: holds %zu models: %s%s: name one of them", folder, models, list.data ? list.data : "",
                  models > LISTED_MOST ? " ..." : "");
    else if (good && !(path = path_join(folder, names.items[0])))
        error_memory(error, folder);
    buffer_free(&list);
    names_free(&names);
    return path;
}
