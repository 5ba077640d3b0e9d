/* Python counts characters, not bytes. */
#include "jinja/text_view.h"

#include <string.h>

#include "text/utf8.h"

bool text_is(struct text text, const char *word)
{
    return strlen(word) == text.size && memcmp(text.data, word, text.size) == 0;
}

bool text_equal(struct text left, struct text right)
{
    return left.size == right.size && (!left.size || memcmp(left.data, right.data, left.size) == 0);
}

size_t text_length(struct text text)
{
    return utf8_count(text.data, text.size);
}

struct text text_part(struct text text, size_t first, size_t count)
{
    size_t at = 0;
    while (first-- && at < text.size)
        utf8_next(text.data, &at);
    size_t end = at;
    while (count-- && end < text.size)
        utf8_next(text.data, &end);
    return (struct text){text.data + at, end - at};
}

bool text_is_space(uint32_t code)
{
    return (code >= 9 && code <= 13) || (code >= 0x1C && code <= 0x20) || code == 0x85 || code == 0xA0 ||
           code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 || code == 0x2029 || code == 0x202F ||
           code == 0x205F || code == 0x3000;
}

static bool is_stripped(uint32_t code, const struct text *characters)
{
    if (!characters)
        return text_is_space(code);
    for (size_t at = 0; at < characters->size;)
        if (utf8_next(characters->data, &at) == code)
            return true;
    return false;
}

struct text text_strip(struct text text, const struct text *characters, bool left, bool right)
{
    size_t first = 0, end = text.size;
    while (left && first < end) {
        size_t next = first;
        if (!is_stripped(utf8_next(text.data, &next), characters))
            break;
        first = next;
    }
    while (right && end > first) {
        size_t before = end;
        if (!is_stripped(utf8_previous(text.data, &before), characters))
            break;
        end = before;
    }
    return (struct text){text.data + first, end - first};
}
