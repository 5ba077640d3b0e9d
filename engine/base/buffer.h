/* A growable byte buffer with a hard maximum. */
#ifndef ASSAY_BASE_BUFFER_H
#define ASSAY_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Start with `struct buffer buffer = {0}` (maximum 1 GiB) or set `maximum`. `data` is owned, always followed by a NUL
 * that `size` does not count, and NULL only while nothing was ever appended. */
struct buffer {
    char *data;
    size_t size;
    size_t capacity;
    size_t maximum;
    bool failed; /* an append did not fit or ran out of memory; all later appends do nothing */
};

/* All return false (and set `failed`) when memory or the maximum is exhausted: a writer may append without looking and
 * check `failed` once at the end. */
bool buffer_reserve(struct buffer *buffer, size_t extra);
bool buffer_append(struct buffer *buffer, const void *data, size_t size);
bool buffer_text(struct buffer *buffer, const char *text);
bool buffer_char(struct buffer *buffer, char character);
bool buffer_format(struct buffer *buffer, const char *format, ...) ASSAY_PRINTF(2, 3);

/* Gives the content away (a NUL-terminated string, never NULL unless `failed`) and leaves the buffer empty. */
char *buffer_take(struct buffer *buffer);

void buffer_free(struct buffer *buffer);

/* The line at `*at` (< size): its `*length` bytes without the line feed; moves `*at` behind it. */
const char *text_line(const char *text, size_t size, size_t *at, size_t *length);

/* A growable array of int, used for token ids. Same rules. */
struct ids {
    int *data;
    size_t count;
    size_t capacity;
};

bool ids_push(struct ids *ids, int id);
bool ids_append(struct ids *ids, const int *data, size_t count);
void ids_free(struct ids *ids);

/* Room for one element more behind the `count` of `array`, which is a pointer to its elements and may be NULL;
 * `capacity` is a size_t. All three are named as they stand, without &. Doubles; where the elements lie may change.
 * False: out of memory, and nothing has changed. */
#define array_grow(array, count, capacity) array_grow_bytes(&(array), (count), &(capacity), sizeof *(array))

/* Puts a value behind the `count` elements and counts it. False: out of memory, and nothing has changed. */
#define array_push(array, count, capacity, ...)                                                                        \
    (array_grow(array, count, capacity) && ((array)[(count)++] = (__VA_ARGS__), true))

/* What array_grow is made of: `array` is the address of a pointer. */
bool array_grow_bytes(void *array, size_t count, size_t *capacity, size_t size);

#endif
