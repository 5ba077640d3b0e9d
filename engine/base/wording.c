#include "base/wording.h"

#include <stdint.h>
#include <string.h>

const char *text_plural(size_t count)
{
    return count == 1 ? "" : "s";
}

bool text_begins_with(const char *text, const char *begin)
{
    return strncmp(text, begin, strlen(begin)) == 0;
}

bool text_ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && memcmp(text + length - tail, end, tail) == 0;
}

void names_join(struct buffer *out, size_t count, const char *(*name)(size_t index), const char *last)
{
    const char *held = NULL; /* it may be the last */
    size_t named = 0;
    for (size_t i = 0; i <= count; i++) {
        const char *next = i < count ? name(i) : NULL;
        if (held && (next || i == count))
            buffer_format(out, "%s%s", !named++ ? "" : next ? ", " : last, held);
        held = next ? next : held;
    }
}

bool names_mark(const char *list, size_t count, const char *(*name)(size_t index), bool *marks)
{
    for (const char *at = list;; at++) {
        size_t length = strcspn(at, ","), i = 0;
        while (i < count && !(name(i) && strlen(name(i)) == length && strncmp(name(i), at, length) == 0))
            i++;
        if (i == count)
            return false;
        marks[i] = true;
        at += length;
        if (!*at)
            return true;
    }
}

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t text_distance(const char *a, const char *b)
{
    size_t row[TEXT_DISTANCE_BYTES + 1];
    size_t m = strnlen(a, TEXT_DISTANCE_BYTES), n = strnlen(b, TEXT_DISTANCE_BYTES);
    for (size_t k = 0; k <= n; k++)
        row[k] = k;
    for (size_t i = 0; i < m; i++) {
        size_t corner = row[0];
        row[0] = i + 1;
        for (size_t k = 0; k < n; k++) {
            size_t changed = corner + (a[i] != b[k]);
            corner = row[k + 1];
            row[k + 1] = least_of(changed, least_of(row[k], corner) + 1);
        }
    }
    return row[n];
}

#define BEGINNING 3 /* bytes that two names have to share where one is the beginning of the other */

const char *names_nearest(const char *word, size_t count, const char *(*name)(size_t index))
{
    const char *nearest = NULL;
    size_t least = SIZE_MAX, length = strlen(word);
    for (size_t i = 0; i < count; i++) {
        const char *other = name(i);
        if (!other)
            continue;
        size_t distance = text_distance(word, other), other_length = strlen(other);
        size_t shorter = least_of(length, other_length);
        bool begins = shorter >= BEGINNING && strncmp(word, other, shorter) == 0;
        if (begins && length < other_length)
            distance = 1; /* it was cut short */
        if (distance < least && (begins || distance <= least_of(1 + length / 4, length / 2))) {
            least = distance;
            nearest = other;
        }
    }
    return nearest;
}

void shell_word(struct buffer *out, const char *word)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./=,:+-@%";
    if (*word && strspn(word, plain) == strlen(word)) {
        buffer_text(out, word);
        return;
    }
    buffer_text(out, "'");
    for (; *word; word++)
        if (*word == '\'')
            buffer_text(out, "'\\''");
        else
            buffer_append(out, word, 1);
    buffer_text(out, "'");
}
