#include "base/json.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/file_kind.h"
#include "base/json_place.h"
#include "base/map.h"

/* Allocations of cJSON that failed in this thread, and that nobody was told of. */
static _Thread_local size_t unfilled;

static void *fill(size_t size)
{
    void *memory = malloc(size);
    unfilled += !memory;
    return memory;
}

/* Before main, for cJSON is called from everywhere. */
__attribute__((constructor)) static void watch_memory(void)
{
    cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = fill, .free_fn = free});
}

char *json_document(const cJSON *json, bool indented)
{
    char *text = indented ? cJSON_Print(json) : cJSON_PrintUnformatted(json);
    if (!unfilled)
        return text;
    unfilled = 0; /* told now */
    cJSON_free(text);
    return NULL;
}

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
        size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2
                        : lead >= 0xE0 && lead <= 0xEF ? 3
                        : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                       : 0;
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

/* Where an escape \u0000 stands, or one without four hexadecimal digits, which cJSON takes for \u0000: either would
 * cut the string there. `size`: nowhere. Outside of strings a backslash is malformed anyway. */
static size_t json_nul_escape(const char *text, size_t size)
{
    for (const char *at = text, *end = text + size; (at = memchr(at, '\\', (size_t)(end - at))); at += 2) {
        if (end - at < 2)
            return size;
        if (at[1] != 'u')
            continue;
        size_t digits = 0, zeros = 0;
        for (const char *digit = at + 2; digit < end && digits < 4 && strchr("0123456789abcdefABCDEF", *digit);
             digit++) {
            digits++;
            zeros += *digit == '0';
        }
        if (digits < 4 || zeros == 4)
            return (size_t)(at - text);
    }
    return size;
}

#define KEYS_FEW 16 /* up to which each is held against all before it */

/* The first member whose key occurs again, or NULL. */
static const cJSON *keys_few_twice(const cJSON *object)
{
    for (const cJSON *item = object->child; item; item = item->next)
        for (const cJSON *before = object->child; before != item; before = before->next)
            if (strcmp(before->string, item->string) == 0)
                return item;
    return NULL;
}

/* The same for many keys. False: out of memory. */
static bool keys_many_twice(const cJSON *object, const cJSON **found)
{
    struct map seen = {0};
    bool good = true;
    for (const cJSON *item = object->child; item && good && !*found; item = item->next) {
        size_t twice = MAP_ABSENT;
        good = map_add(&seen, item->string, strlen(item->string), 0, &twice);
        if (twice != MAP_ABSENT)
            *found = item;
    }
    map_free(&seen);
    return good;
}

/* Looks for a member whose key is that of one before it in the same object. False: out of memory. */
static bool keys_once(const cJSON *json, const cJSON **twice)
{
    if (cJSON_IsObject(json)) {
        if (cJSON_GetArraySize(json) <= KEYS_FEW)
            *twice = keys_few_twice(json);
        else if (!keys_many_twice(json, twice))
            return false;
    }
    for (const cJSON *item = json->child; item && !*twice; item = item->next)
        if (item->child && !keys_once(item, twice))
            return false;
    return true;
}

/* Begins as an object or a list, and does not end as one. */
static bool ends_open(const char *text, size_t size)
{
    static const char blanks[] = " \t\r\n";
    while (size && strchr(blanks, *text)) {
        text++;
        size--;
    }
    while (size && strchr(blanks, text[size - 1]))
        size--;
    return size && ((*text == '{' && text[size - 1] != '}') || (*text == '[' && text[size - 1] != ']'));
}

/* A text that is parsed, and what errors call it. */
struct source {
    const char *name;
    const char *text;
    size_t size;
    bool lines; /* a text that people write: errors name line and column, else the byte */
};

static bool source_wrong(const struct source *source, size_t at, const char *what, struct error *error)
{
    struct json_place place = json_place_at(source->text, source->size, at);
    if (source->lines)
        return error_set(error, "%s:%zu:%zu: %s", source->name, place.line, place.column, what);
    return error_set(error, "%s: %s at byte %zu", source->name, what, at);
}

/* What can be told before it is parsed. */
static bool source_sound(const struct source *source, struct error *error)
{
    const char *text = source->text;
    size_t size = source->size, bad = utf8_check(text, size);
    if (bad < size)
        return source_wrong(source, bad, "JSON is not valid UTF-8", error);
    const char *nul = memchr(text, '\0', size);
    size_t escape = nul ? (size_t)(nul - text) : json_nul_escape(text, size);
    return escape == size ||
           source_wrong(source, escape, "JSON holds a NUL character or a malformed \\u escape", error);
}

static bool source_unique(const struct source *source, const cJSON *json, struct error *error)
{
    const cJSON *twice = NULL;
    if (!keys_once(json, &twice))
        return error_memory(error, source->name);
    if (!twice)
        return true;
    error_set(error, "\"%.200s\" occurs twice in one JSON object", twice->string);
    struct json_place place = json_place_of(source->text, source->size, json, twice);
    return source->lines ? error_context(error, "%s:%zu:%zu", source->name, place.line, place.column)
                         : error_context(error, "%s", source->name);
}

static cJSON *parse(const struct source *source, struct error *error)
{
    const char *text = source->text, *end = text;
    size_t size = source->size;
    if (!source_sound(source, error))
        return NULL;
    size_t before = unfilled;
    cJSON *json = cJSON_ParseWithLengthOpts(text, size, &end, false);
    if (!json && unfilled > before) {
        unfilled = before;
        error_memory(error, source->name);
        return NULL;
    }
    if (!json) {
        size_t at = end >= text && (size_t)(end - text) <= size ? (size_t)(end - text) : 0;
        source_wrong(source, at,
                     ends_open(text, size) ? "malformed JSON, and it does not end (truncated? get it again)"
                                           : "malformed JSON",
                     error);
        return NULL;
    }
    while (end < text + size && strchr(" \t\r\n", *end))
        end++;
    if ((end == text + size || source_wrong(source, (size_t)(end - text), "JSON goes on after its end", error)) &&
        source_unique(source, json, error))
        return json;
    cJSON_Delete(json);
    return NULL;
}

cJSON *json_parse(const char *name, const char *text, size_t size, struct error *error)
{
    return parse(&(struct source){.name = name, .text = text, .size = size}, error);
}

cJSON *json_parse_lines(const char *name, const char *text, size_t size, struct error *error)
{
    return parse(&(struct source){.name = name, .text = text, .size = size, .lines = true}, error);
}

void json_append_string(struct buffer *out, const char *text, size_t size)
{
    buffer_char(out, '"');
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte < 0x20) {
            buffer_format(out, "\\u%04x", byte);
            continue;
        }
        if (byte == '"' || byte == '\\')
            buffer_char(out, '\\');
        buffer_char(out, text[i]);
    }
    buffer_char(out, '"');
}

cJSON *json_read_text(const char *path, size_t maximum, struct buffer *text, struct error *error)
{
    struct error met = {0};
    cJSON *json = file_read(path, maximum, text, &met) ? json_parse_lines(path, text->data, text->size, &met) : NULL;
    if (!json)
        file_kind_error(path, FILE_TEXT, &met, error);
    return json;
}

cJSON *json_read(const char *path, size_t maximum, struct error *error)
{
    struct buffer text = {0};
    cJSON *json = json_read_text(path, maximum, &text, error);
    buffer_free(&text);
    return json;
}

bool json_only(const cJSON *object, const char *where, const char *of, const char *const *keys, struct error *error)
{
    for (const cJSON *item = cJSON_IsObject(object) ? object->child : NULL; item; item = item->next) {
        size_t key = 0;
        while (keys[key] && strcmp(keys[key], item->string) != 0)
            key++;
        if (!keys[key])
            return error_set(error, "%s: unknown member \"%s\"%s%s%s", where, item->string, of ? " of \"" : "",
                             of ? of : "", of ? "\"" : "");
    }
    return true;
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
    if (!(number >= 0 && number < 9007199254740992.0) || number != floor(number))
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

/* Four hexadecimal digits at `at`; -1: they are not. */
static long hex4(const char *at, const char *end)
{
    long value = 0;
    for (int i = 0; i < 4; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = at + i < end && at[i] ? strchr(digits, at[i] | (at[i] >= 'A' ? 0x20 : 0)) : NULL;
        if (!digit)
            return -1;
        value = value * 16 + (digit - digits);
    }
    return value;
}

static void append_utf8(struct buffer *out, long code)
{
    if (code < 0x80) {
        buffer_char(out, (char)code);
        return;
    }
    int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const unsigned char leads[] = {0, 0xC0, 0xE0, 0xF0};
    buffer_char(out, (char)(leads[more] | (code >> (6 * more))));
    while (more--)
        buffer_char(out, (char)(0x80 | (code >> (6 * more) & 0x3F)));
}

/* The escape behind a backslash at `at`; returns what follows it, or NULL. */
static const char *append_escape(const char *at, const char *end, struct buffer *out)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const char *name = at < end && *at ? strchr(names, *at) : NULL;
    if (name) {
        buffer_char(out, values[name - names]);
        return at + 1;
    }
    long code = at < end && *at == 'u' ? hex4(at + 1, end) : -1;
    if (code < 0 || (code >= 0xDC00 && code <= 0xDFFF))
        return NULL;
    at += 5;
    if (code >= 0xD800 && code <= 0xDBFF) {
        long low = end - at >= 6 && at[0] == '\\' && at[1] == 'u' ? hex4(at + 2, end) : -1;
        if (low < 0xDC00 || low > 0xDFFF)
            return NULL;
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        at += 6;
    }
    append_utf8(out, code);
    return at;
}

bool json_parse_string(const char *name, const char *text, size_t size, struct buffer *out, struct error *error)
{
    const char *at = text, *end = text + size;
    size_t bad = utf8_check(text, size);
    if (bad < size)
        return error_set(error, "%s: JSON is not valid UTF-8 at byte %zu", name, bad);
    while (at < end && *at && strchr(" \t\r\n", *at))
        at++;
    if (at == end || *at != '"')
        return error_set(error, "%s: not a JSON string", name);
    at++;
    while (at < end && *at != '"') {
        const char *next = at;
        if ((unsigned char)*at < 0x20)
            return error_set(error, "%s: control character in a JSON string at byte %zu", name, (size_t)(at - text));
        if (*at == '\\') {
            next = append_escape(at + 1, end, out);
        } else {
            while (next < end && *next != '"' && *next != '\\' && (unsigned char)*next >= 0x20)
                next++;
            buffer_append(out, at, (size_t)(next - at));
        }
        if (!next)
            return error_set(error, "%s: malformed escape in a JSON string at byte %zu", name, (size_t)(at - text));
        at = next;
    }
    if (at == end)
        return error_set(error, "%s: the JSON string does not end", name);
    for (at++; at < end; at++)
        if (!*at || !strchr(" \t\r\n", *at))
            return error_set(error, "%s: something follows the JSON string at byte %zu", name, (size_t)(at - text));
    return !out->failed || error_memory(error, name);
}
