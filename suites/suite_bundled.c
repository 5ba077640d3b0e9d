/* The suites that are built in: those that CMakeLists.txt lists. */
#include <string.h>

#include "generated/suites_bundled.h"
#include "suites/suite_internal.h"

#define ROW(name) {#name, suite_##name},
const struct suite_bundled suite_bundled[] = {BUNDLED_SUITES(ROW){NULL, NULL}};
#undef ROW

size_t bundled_count(void)
{
    return sizeof suite_bundled / sizeof *suite_bundled - 1;
}

const char *bundled_name(size_t index)
{
    return suite_bundled[index].name;
}

const char *bundled_text(const char *name)
{
    for (const struct suite_bundled *row = suite_bundled; row->name; row++)
        if (strcmp(row->name, name) == 0)
            return row->text;
    return NULL;
}
