#include "base/wording.h"

#include <string.h>

const char *text_plural(size_t count)
{
    return count == 1 ? "" : "s";
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
