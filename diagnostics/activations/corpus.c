#include "activations/corpus.h"

#include <string.h>

#include "base/file.h"
#include "generated/text_code.h"
#include "generated/text_english.h"
#include "generated/text_languages.h"
#include "generated/text_sums.h"

#define TEXT_MAX ((size_t)1 << 30)

bool corpus_read(const char *name, struct buffer *text, struct error *error)
{
    static const struct {
        const char *name, *text;
        size_t size;
    } kept[] = {{CORPUS_ENGLISH, text_english, sizeof text_english - 1},
                {CORPUS_LANGUAGES, text_languages, sizeof text_languages - 1},
                {CORPUS_CODE, text_code, sizeof text_code - 1},
                {CORPUS_SUMS, text_sums, sizeof text_sums - 1}};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (strcmp(name, kept[i].name) == 0)
            return buffer_append(text, kept[i].text, kept[i].size) || error_memory(error, name);
    return file_read(name, TEXT_MAX, text, error);
}
