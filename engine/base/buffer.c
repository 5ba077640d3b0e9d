#include "base/buffer.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_MAXIMUM ((size_t)1 << 30)

bool buffer_reserve(struct buffer *buffer, size_t extra)
{
    size_t maximum = buffer->maximum ? buffer->maximum : BUFFER_MAXIMUM;
    if (buffer->failed)
        return false;
    if (extra >= maximum || buffer->size > maximum - extra - 1) {
        buffer->failed = true;
        return false;
    }
    size_t need = buffer->size + extra + 1;
    if (need <= buffer->capacity)
        return true;
    size_t capacity = buffer->capacity ? buffer->capacity : 64;
    while (capacity < need)
        capacity *= 2;
    char *data = realloc(buffer->data, capacity);
    if (!data) {
        buffer->failed = true;
        return false;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

bool buffer_append(struct buffer *buffer, const void *data, size_t size)
{
    if (!buffer_reserve(buffer, size))
        return false;
    if (size)
        memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
    buffer->data[buffer->size] = '\0';
    return true;
}

bool buffer_text(struct buffer *buffer, const char *text)
{
    return buffer_append(buffer, text, strlen(text));
}

bool buffer_char(struct buffer *buffer, char character)
{
    return buffer_append(buffer, &character, 1);
}

bool buffer_format(struct buffer *buffer, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    bool fits = length >= 0 && buffer_reserve(buffer, (size_t)length);
    if (fits) {
        vsnprintf(buffer->data + buffer->size, (size_t)length + 1, format, again);
        buffer->size += (size_t)length;
    } else {
        buffer->failed = true;
    }
    va_end(again);
    return fits;
}

char *buffer_take(struct buffer *buffer)
{
    buffer_append(buffer, "", 0);
    if (buffer->failed) {
        buffer_free(buffer);
        return NULL;
    }
    char *data = buffer->data;
    *buffer = (struct buffer){.maximum = buffer->maximum};
    return data;
}

void buffer_free(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){.maximum = buffer->maximum};
}

bool array_grow_bytes(void *array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return true;
    size_t wanted = *capacity ? *capacity * 2 : 16;
    if (wanted <= *capacity || wanted > SIZE_MAX / size)
        return false;
    void *old = NULL;
    memcpy(&old, array, sizeof old); /* pointers to all kinds of elements lie in memory alike */
    void *grown = realloc(old, wanted * size);
    if (!grown)
        return false;
    memcpy(array, &grown, sizeof grown);
    *capacity = wanted;
    return true;
}

const char *text_line(const char *text, size_t size, size_t *at, size_t *length)
{
    const char *line = text + *at, *end = memchr(line, '\n', size - *at);
    *length = end ? (size_t)(end - line) : size - *at;
    *at += *length + 1;
    return line;
}

bool ids_push(struct ids *ids, int id)
{
    return array_push(ids->data, ids->count, ids->capacity, id);
}

bool ids_append(struct ids *ids, const int *data, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!ids_push(ids, data[i]))
            return false;
    return true;
}

void ids_free(struct ids *ids)
{
    free(ids->data);
    *ids = (struct ids){0};
}
