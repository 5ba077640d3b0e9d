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
