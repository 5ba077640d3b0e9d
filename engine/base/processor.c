#include "base/processor.h"

#include <string.h>

#include "base/file.h"

bool processor_name(struct buffer *out)
{
    struct buffer text = {0};
    struct error error = {0};
    const char *found = NULL;
    if (file_read("/proc/cpuinfo", (size_t)16 << 20, &text, &error))
        found = strstr(text.data, "model name");
    const char *colon = found ? strchr(found, ':') : NULL;
    bool good = colon && buffer_format(out, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
    error_clear(&error);
    buffer_free(&text);
    return good;
}
