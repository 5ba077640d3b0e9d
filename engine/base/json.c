#include "base/json.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

size_t utf8_check(const char *text, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t i = 0;
    while (i < size) {
        unsigned char lead = bytes[i];
        if (lead < 0x80) {
            i++;
            continue;
        }
        size_t length = lead >= 0xC2 && lead <= 0xDF ? 2 : lead >= 0xE0 && lead <= 0xEF ? 3 : lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
        if (!length || length > size - i)
            return i;
        unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
        unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
        if (bytes[i + 1] < low || bytes[i + 1] > high)
            return i;
        for (size_t k = 2; k < length; k++)
            if ((bytes[i + k] & 0xC0) != 0x80)
                return i;
        i += length;
    }
    return size;
}

/* True for an escape \u0000 that is not itself behind an escaped backslash. */
static bool json_has_nul_escape(const char *text, size_t size)
{
    const char *at = text, *end = text + size;
    while ((at = memmem(at, (size_t)(end - at), "\\u0000", 6))) {
        size_t slashes = 0;
        while (at - slashes > text && at[-1 - (ptrdiff_t)slashes] == '\\')
            slashes++;
        if (slashes % 2 == 0)
            return true;
        at += 6;
    }
    return false;
}

cJSON *json_parse(const char *name, const char *text, size_t size, struct error *error)
{
    size_t bad = utf8_check(text, size);
    if (bad < size) {
        error_set(error, "%s: JSON is not valid UTF-8 at byte %zu", name, bad);
        return NULL;
    }
    if (memchr(text, '\0', size) || json_has_nul_escape(text, size)) {
        error_set(error, "%s: JSON holds a NUL character", name);
        return NULL;
    }
    const char *end = text;
    cJSON *json = cJSON_ParseWithLengthOpts(text, size, &end, false);
    if (!json) {
        size_t at = end >= text && (size_t)(end - text) <= size ? (size_t)(end - text) : 0;
        error_set(error, "%s: malformed JSON near byte %zu", name, at);
        return NULL;
    }
    for (; end < text + size; end++) {
        if (!strchr(" \t\r\n", *end)) {
            error_set(error, "%s: JSON goes on after its end, at byte %zu", name, (size_t)(end - text));
            cJSON_Delete(json);
            return NULL;
        }
    }
    return json;
}

cJSON *json_read(const char *path, size_t maximum, struct error *error)
{
    struct buffer text = {0};
    if (!file_read(path, maximum, &text, error))
        return NULL;
    cJSON *json = json_parse(path, text.data, text.size, error);
    buffer_free(&text);
    return json;
}

const cJSON *json_member(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNull(item) ? NULL : item;
}

bool json_get_double(const cJSON *object, const char *where, const char *key, double *value, struct error *error)
{
    const cJSON *item = json_member(object, key);
    if (!item)
        return true;
    if (!cJSON_IsNumber(item) || !isfinite(item->valuedouble))
        return error_set(error, "%s: \"%s\" should be a finite number", where, key);
    *value = item->valuedouble;
    return true;
}

bool json_get_bool(const cJSON *object, const char *where, const char *key, bool *value, struct error *error)
{
    const cJSON *item = json_member(object, key);
    if (!item)
        return true;
    if (!cJSON_IsBool(item))
        return error_set(error, "%s: \"%s\" should be true or false", where, key);
    *value = cJSON_IsTrue(item);
    return true;
}

bool json_get_int(const cJSON *object, const char *where, const char *key, int minimum, int maximum, int *value,
                  struct error *error)
{
    const cJSON *item = json_member(object, key);
    if (!item)
        return true;
    double number = cJSON_IsNumber(item) ? item->valuedouble : NAN;
    if (!(number >= minimum && number <= maximum) || number != floor(number))
        return error_set(error, "%s: \"%s\" should be a whole number from %d to %d", where, key, minimum, maximum);
    *value = (int)number;
    return true;
}

bool json_get_string(const cJSON *object, const char *where, const char *key, const char **value, struct error *error)
{
    const cJSON *item = json_member(object, key);
    if (!item)
        return true;
    if (!cJSON_IsString(item))
        return error_set(error, "%s: \"%s\" should be a string", where, key);
    *value = item->valuestring;
    return true;
}

bool json_uint64(const cJSON *item, uint64_t *value)
{
    if (!cJSON_IsNumber(item))
        return false;
    double number = item->valuedouble;
    if (!(number >= 0 && number <= 9007199254740992.0) || number != floor(number))
        return false;
    *value = (uint64_t)number;
    return true;
}

cJSON *json_number(double value)
{
    if (isnan(value))
        return cJSON_CreateString("nan");
    if (isinf(value))
        return cJSON_CreateString(value > 0 ? "inf" : "-inf");
    return cJSON_CreateNumber(value);
}

bool json_add_number(cJSON *object, const char *key, double value)
{
    return cJSON_AddItemToObject(object, key, json_number(value));
}
