#include "extraction/companion.h"

bool companion_read(const struct companion *companion, struct buffer *text, struct error *error)
{
    if (companion->text)
        return buffer_text(text, companion->text) || error_memory(error, companion->name);
    return !companion->path || (file_read(companion->path, COMPANION_MAX, text, error) &&
                                (buffer_text(text, "") || error_memory(error, companion->name)));
}
