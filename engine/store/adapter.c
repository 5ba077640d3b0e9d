/* Adapters: changes to another model, and no model by themselves. They are recognised, and refused by what they are. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "store/formats.h"
#include "store/store_internal.h"

#define SETTINGS "adapter_config.json"
#define SETTINGS_MAX ((size_t)16 << 20)

/* As PEFT and MLX call them. */
static const char *const weights_names[] = {"adapter_model.safetensors", "adapter_model.bin", "adapters.safetensors"};

static bool adapter_named(const char *path)
{
    bool named = false;
    for (size_t i = 0; i < sizeof weights_names / sizeof *weights_names; i++)
        named = named || strcmp(path_base(path), weights_names[i]) == 0;
    return named;
}

static bool adapter_is(const char *folder)
{
    bool there = folder_holds(folder, SETTINGS);
    for (size_t i = 0; !there && i < sizeof weights_names / sizeof *weights_names; i++)
        there = folder_holds(folder, weights_names[i]);
    return there;
}

static const char *first_text(const cJSON *settings, const char *const keys[2])
{
    const cJSON *item = json_member(settings, keys[0]);
    item = cJSON_IsString(item) ? item : json_member(settings, keys[1]);
    return cJSON_IsString(item) ? item->valuestring : NULL;
}

static bool adapter_open(struct store *store, const char *path, struct error *error)
{
    (void)store;
    static const char *const base_keys[] = {"base_model_name_or_path", "model"};
    static const char *const kind_keys[] = {"peft_type", "fine_tune_type"};
    char *folder = file_is_folder(path) ? strdup(path) : path_folder(path);
    char *where = folder ? path_join(folder, SETTINGS) : NULL;
    cJSON *settings = where && file_exists(where) ? json_read(where, SETTINGS_MAX, error) : NULL;
    const char *base = first_text(settings, base_keys), *kind = first_text(settings, kind_keys);
    if (!where)
        error_memory(error, path);
    error_set(error,
              "%s: is an adapter%s%s%s%s%s%s, no model: merge it into its base (PEFT: merge_and_unload, then "
              "save_pretrained), and name what that gives",
              path, kind ? " (" : "", kind ? kind : "", kind ? ")" : "", base ? " to '" : "", base ? base : "",
              base ? "'" : "");
    cJSON_Delete(settings);
    free(where);
    free(folder);
    return false;
}

const struct store_format format_adapter = {
    .magic = "", .file = adapter_named, .folder = adapter_is, .open = adapter_open};
