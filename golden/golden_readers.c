#include "golden/golden_readers.h"

#include <stdlib.h>
#include <string.h>

#define READER_ADDRESS(reader) &reader,
static const struct golden_reader *const readers[] = {GOLDEN_READERS(READER_ADDRESS)};

static const struct golden_reader *reader_find(const char *path)
{
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
        if (readers[i]->recognises(path))
            return readers[i];
    return NULL;
}

bool golden_recognises(const char *path)
{
    return reader_find(path);
}

struct golden *golden_open(const char *path, struct error *error)
{
    struct golden *golden = calloc(1, sizeof *golden);
    if (golden)
        golden->path = strdup(path);
    if (!golden || !golden->path) {
        free(golden);
        error_memory(error, path);
        return NULL;
    }
    golden->descriptor = -1;
    golden->reader = reader_find(path);
    if (!golden->reader)
        golden->reader = readers[0];
    if (golden->reader->open(golden, error))
        return golden;
    golden_free(golden);
    return NULL;
}
