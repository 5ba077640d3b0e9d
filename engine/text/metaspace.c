#include "text/metaspace.h"

#include <string.h>

#include "text/utf8.h"

/* The older "add_prefix_space" may stand beside the scheme, and says no more than that. */
static bool scheme_load(enum prepend_scheme *scheme, const char *where, const char *of, const cJSON *json,
                        struct error *error)
{
    static const char *const names[] = {
        [PREPEND_ALWAYS] = "always", [PREPEND_FIRST] = "first", [PREPEND_NEVER] = "never"};
    const char *name = names[PREPEND_ALWAYS];
    bool prefix = true;
    size_t found = 0;
    if (!json_get_string(json, where, "prepend_scheme", &name, error) ||
        !json_get_bool(json, where, "add_prefix_space", &prefix, error))
        return false;
    while (found < sizeof names / sizeof *names && strcmp(names[found], name) != 0)
        found++;
    if (found == sizeof names / sizeof *names)
        return error_set(error, "%s: \"prepend_scheme\" \"%.100s\" of %s is not supported", where, name, of);
    *scheme = (enum prepend_scheme)found;
    return prefix || *scheme == PREPEND_NEVER ||
           error_set(error, "%s: %s has \"add_prefix_space\" false, and \"prepend_scheme\" is not \"never\"", where,
                     of);
}

bool metaspace_load(struct metaspace *metaspace, const char *where, const char *of, const cJSON *json,
                    struct error *error)
{
    const char *space = "";
    metaspace->split = true;
    if (!json_get_string(json, where, "replacement", &space, error) ||
        !json_get_bool(json, where, "split", &metaspace->split, error))
        return false;
    size_t length = utf8_single(space);
    if (!length)
        return error_set(error, "%s: \"replacement\" of %s should be one character", where, of);
    memcpy(metaspace->space, space, length + 1);
    return scheme_load(&metaspace->scheme, where, of, json, error);
}
