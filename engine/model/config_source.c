#include "model/config_source.h"

#include <stdarg.h>
#include <stdio.h>

size_t config_levels(const cJSON *config, const cJSON *levels[CONFIG_LEVELS])
{
    static const char *const nested[] = {"thinker_config", "text_config"};
    size_t count = 0;
    levels[count++] = config;
    for (size_t i = 0; i < sizeof nested / sizeof *nested; i++) {
        const cJSON *inner = json_member(levels[count - 1], nested[i]);
        if (cJSON_IsObject(inner))
            levels[count++] = inner;
    }
    return count;
}

struct config_source config_source_find(const char *name, const cJSON *root)
{
    const cJSON *levels[CONFIG_LEVELS];
    size_t count = config_levels(root, levels);
    return (struct config_source){
        .name = name, .root = root, .outer = levels[count > 1 ? count - 2 : 0], .text = levels[count - 1]};
}

bool config_cannot(struct model_config *config, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (!*config->unsupported)
        vsnprintf(config->unsupported, sizeof config->unsupported, format, arguments);
    va_end(arguments);
    return true;
}
