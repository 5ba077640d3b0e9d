#include "activations/corpus.h"

#include <string.h>

#include "base/file.h"
#include "generated/text_english.h"

#define TEXT_MAX ((size_t)1 << 30)

bool corpus_read(const char *name, struct buffer *text, struct error *error)
{
    if (strcmp(name, CORPUS_ENGLISH) == 0)
        return buffer_append(text, text_english, sizeof text_english - 1) || error_memory(error, name);
    return file_read(name, TEXT_MAX, text, error);
}
