#include "extraction/companion.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* A link in a model's folder may name anything that its user may read, and what is copied is given away. Outside of the
 * folder only a file of the same name is taken for the model's. */
static bool leads_out(const char *path)
{
    char there[PATH_MAX];
    char *folder = path_folder(path);
    bool out = folder && file_is_link(path) && realpath(path, there) &&
               strcmp(path_base(there), path_base(path)) != 0 && !path_stays_inside(folder, path_base(path));
    free(folder);
    return out;
}

bool companion_read(const struct companion *companion, struct buffer *text, struct error *error)
{
    if (companion->text)
        return buffer_text(text, companion->text) || error_memory(error, companion->name);
    if (companion->path && leads_out(companion->path))
        return error_set(
            error,
            "%s: is a link to a file of another name outside of the model's folder, and is not copied; put "
            "the file itself in its place",
            companion->path);
    return !companion->path || (file_read(companion->path, COMPANION_MAX, text, error) &&
                                (buffer_text(text, "") || error_memory(error, companion->name)));
}
