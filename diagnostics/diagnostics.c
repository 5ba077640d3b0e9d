#include "diagnostics/diagnostics.h"

#include <string.h>

#define ROW(NAME, name) &diagnostic_##name,
const struct diagnostic *const diagnostic_rows[DIAGNOSTIC_COUNT] = {DIAGNOSTICS(ROW)};
#undef ROW

enum diagnostic_place diagnostic_parse(const char *name)
{
    int i = 0;
    while (i < DIAGNOSTIC_COUNT && strcmp(diagnostic_rows[i]->name, name) != 0)
        i++;
    return (enum diagnostic_place)i;
}

void diagnostic_names(struct buffer *out)
{
    for (int i = 0; i < DIAGNOSTIC_COUNT; i++)
        buffer_format(out, "%s%s", !i ? "" : i + 1 < DIAGNOSTIC_COUNT ? ", " : " and ", diagnostic_rows[i]->name);
}
