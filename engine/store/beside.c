#include "store/beside.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"

#define DOCUMENT_MOST ((size_t)16 << 20)

cJSON *beside_read(const struct store *store, const char *name)
{
    struct error unread = {0};
    const char *at = store_path(store);
    char *folder = file_is_folder(at) ? strdup(at) : path_folder(at), *path = folder ? path_join(folder, name) : NULL;
    cJSON *json = path && file_exists(path) ? json_read(path, DOCUMENT_MOST, &unread) : NULL;
    error_clear(&unread);
    free(path);
    free(folder);
    return json;
}

const cJSON *beside_text(const cJSON *config)
{
    static const char *const levels[] = {"text_config", "llm_config", "thinker_config"};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        config = json_member(config, levels[i]) ? json_member(config, levels[i]) : config;
    return config;
}
