#include "base/id_list.h"

#include <limits.h>
#include <string.h>

#include "base/numbers.h"

#define BLANKS " \t\r\n"

/* One id at `*at`, and the blanks behind it. */
static bool id_parse(const char **at, struct ids *out, struct error *error)
{
    size_t length = strcspn(*at, "," BLANKS "[]");
    char number[24] = {0};
    long long value = 0;
    if (length < sizeof number)
        memcpy(number, *at, length);
    if (!number_parse(number, 0, INT_MAX, &value))
        return error_set(error, "'%.*s' is no token id", (int)(!length ? 1 : length < 40 ? length : 40), *at);
    *at += length;
    *at += strspn(*at, BLANKS);
    return ids_push(out, (int)value) || error_memory(error, "ids");
}

bool ids_parse(const char *list, struct ids *out, struct error *error)
{
    const char *at = list + strspn(list, BLANKS);
    bool bracket = *at == '[', comma = false;
    at += bracket;
    at += strspn(at, BLANKS);
    while (*at && *at != ']') {
        if (!id_parse(&at, out, error))
            return false;
        comma = *at == ',';
        at += comma;
        at += strspn(at, BLANKS);
    }
    if (comma)
        return error_set(error, "no token id follows the last comma");
    if (bracket != (*at == ']'))
        return error_set(error, "the list of token ids has only one of its brackets, [ or ]");
    at += bracket;
    at += strspn(at, BLANKS);
    return !*at || error_set(error, "'%.40s' follows the token ids", at);
}
