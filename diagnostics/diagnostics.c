#include "diagnostics/diagnostics.h"

#include <string.h>

#include "base/wording.h"

#define ROW(NAME, name, checks) &diagnostic_##name,
const struct diagnostic *const diagnostic_rows[DIAGNOSTIC_COUNT] = {DIAGNOSTICS(ROW)};
#undef ROW

#define CHECKS(NAME, name, checks) checks,
const char *const diagnostic_checks[DIAGNOSTIC_COUNT] = {DIAGNOSTICS(CHECKS)};
#undef CHECKS

enum diagnostic_place diagnostic_parse(const char *name)
{
    int i = 0;
    while (i < DIAGNOSTIC_COUNT && strcmp(diagnostic_rows[i]->name, name) != 0)
        i++;
    return (enum diagnostic_place)i;
}

bool diagnostics_compare(bool marks[DIAGNOSTIC_COUNT])
{
    bool any = false;
    for (int i = 0; i < DIAGNOSTIC_COUNT; i++)
        any = (marks[i] = marks[i] && diagnostic_rows[i]->compares) || any;
    return any;
}

void diagnostic_questions(bool comparing, struct buffer *out)
{
    for (int i = 0; i < DIAGNOSTIC_COUNT; i++)
        if (!comparing || diagnostic_rows[i]->compares)
            buffer_format(out, "  %-11s %s\n", diagnostic_rows[i]->name, diagnostic_rows[i]->asks);
}

static const char *name_of(size_t row)
{
    return diagnostic_rows[row]->name;
}

void diagnostic_names(struct buffer *out)
{
    names_join(out, DIAGNOSTIC_COUNT, name_of, " and ");
}
