#include "store/gguf_making.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *making_key(const struct making *making, const char *key, char out[GGUF_KEY])
{
    snprintf(out, GGUF_KEY, "%s.%s", making->name, key);
    return out;
}

bool making_whole(const struct making *making, const char *key, uint64_t *value)
{
    char text[GGUF_KEY];
    return gguf_get_whole(making->gguf, making_key(making, key, text), UINT32_MAX, value, making->error);
}

bool making_real(const struct making *making, const char *key, double *value)
{
    char text[GGUF_KEY];
    return gguf_get_real(making->gguf, making_key(making, key, text), value, making->error);
}

const struct tensor *making_find(const struct making *making, const char *disk_name)
{
    size_t index = map_find(&making->tensors, disk_name, strlen(disk_name));
    return index == MAP_ABSENT ? NULL : &making->store->tensors[index];
}

bool making_lacks(const struct making *making, const char *key)
{
    return error_set(making->error, "%s: no metadata '%s.%s', which the configuration needs", making->gguf->path,
                     making->name, key);
}

void making_add_real(cJSON *json, const char *key, double value)
{
    char text[40];
    snprintf(text, sizeof text, isfinite(value) ? "%.17g" : "\"%g\"", value);
    cJSON_AddRawToObject(json, key, text);
}

void making_refuse(const struct making *making, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (!json_member(making->json, "assay_unsupported"))
        cJSON_AddStringToObject(making->json, "assay_unsupported", text);
}

void making_refuse_number(const struct making *making, const char *key, double value, const char *instead)
{
    making_refuse(making, "assay does not compute the metadata '%s.%s', which is %g%s", making->name, key, value,
                  instead);
}
