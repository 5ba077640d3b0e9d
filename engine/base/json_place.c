#include "base/json_place.h"

#include <stdint.h>
#include <string.h>

#define KEY_BYTES 80
#define SAID_BYTES 60

struct json_place json_place_at(const char *text, size_t size, size_t offset)
{
    struct json_place place = {1, 1};
    for (size_t i = 0; i < offset && i < size; i++) {
        if (text[i] == '\n')
            place = (struct json_place){place.line + 1, 1};
        else
            place.column += ((unsigned char)text[i] & 0xC0) != 0x80;
    }
    return place;
}

/* Counts values in the order of the text until `item` has been met. */
static bool count_to(const cJSON *at, const cJSON *item, size_t *count)
{
    ++*count;
    if (at == item)
        return true;
    for (const cJSON *child = at->child; child; child = child->next)
        if (count_to(child, item, count))
            return true;
    return false;
}

/* The byte behind the string that begins at `at`. */
static size_t string_end(const char *text, size_t size, size_t at)
{
    for (at++; at < size && text[at] != '"'; at++)
        at += text[at] == '\\';
    return at < size ? at + 1 : size;
}

static size_t blanks_end(const char *text, size_t size, size_t at)
{
    while (at < size && text[at] && strchr(" \t\r\n", text[at]))
        at++;
    return at;
}

/* The byte behind a number or a word. */
static size_t word_end(const char *text, size_t size, size_t at)
{
    while (at < size && text[at] && !strchr(" \t\r\n,:]}", text[at]))
        at++;
    return at;
}

/* Where value `wanted` (1: the first) begins, or its key. */
static size_t value_start(const char *text, size_t size, size_t wanted)
{
    size_t key = SIZE_MAX;
    for (size_t at = 0, next; at < size; at = next) {
        next = at + 1;
        if (!text[at] || strchr(" \t\r\n,:]}", text[at]))
            continue;
        if (text[at] == '"') {
            next = string_end(text, size, at);
            size_t behind = blanks_end(text, size, next);
            if (behind < size && text[behind] == ':') {
                key = at;
                continue;
            }
        } else if (text[at] != '{' && text[at] != '[') {
            next = word_end(text, size, at);
        }
        if (!--wanted)
            return key == SIZE_MAX ? at : key;
        key = SIZE_MAX;
    }
    return size;
}

struct json_place json_place_of(const char *text, size_t size, const cJSON *root, const cJSON *item)
{
    size_t count = 0;
    bool below = count_to(root, item, &count);
    return json_place_at(text, size, below ? value_start(text, size, count) : 0);
}

/* Bytes of the text, at most `most`, that end with a whole character. */
static size_t cut(const char *text, size_t most)
{
    size_t size = strnlen(text, most + 1);
    if (size > most)
        for (size = most; size && ((unsigned char)text[size] & 0xC0) == 0x80; size--)
            ;
    return size;
}

bool json_path(struct buffer *out, const cJSON *root, const cJSON *item)
{
    size_t size = out->size, index = 0;
    if (root == item)
        return true;
    for (const cJSON *child = root->child; child; child = child->next, index++) {
        if (cJSON_IsArray(root))
            buffer_format(out, "[%zu]", index);
        else
            buffer_format(out, "%s%.*s", size ? "." : "", (int)cut(child->string, KEY_BYTES), child->string);
        if (json_path(out, child, item))
            return true;
        if (out->data) /* back to what leads here */
            out->data[out->size = size] = '\0';
    }
    return false;
}

void json_say(struct buffer *out, const cJSON *item)
{
    size_t count = (size_t)cJSON_GetArraySize(item);
    if (cJSON_IsObject(item)) {
        buffer_text(out, "an object");
    } else if (cJSON_IsArray(item)) {
        buffer_format(out, count ? "a list of %zu" : "an empty list", count);
    } else if (cJSON_IsString(item)) {
        size_t size = cut(item->valuestring, SAID_BYTES);
        buffer_format(out, "\"%.*s%s\"", (int)size, item->valuestring, item->valuestring[size] ? "..." : "");
    } else if (cJSON_IsNumber(item)) {
        buffer_format(out, "%.9g", item->valuedouble);
    } else {
        buffer_text(out, cJSON_IsTrue(item) ? "true" : cJSON_IsFalse(item) ? "false" : "null");
    }
}
