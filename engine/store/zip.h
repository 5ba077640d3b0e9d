/* The directory of a zip archive. APPNOTE.TXT 6.3, with its 64-bit fields.
 *
 * Every offset and size is checked against the file before it is used. Refused: two entries of one name, archives in
 * several files. Checksums are not computed: an archive of weights has gigabytes. */
#ifndef ASSAY_STORE_ZIP_H
#define ASSAY_STORE_ZIP_H

#include <stdint.h>

#include "base/error.h"
#include "base/file.h"
#include "base/map.h"

struct zip_entry {
    const char *name;
    uint64_t offset; /* of the first byte in the file */
    uint64_t size;   /* as it lies there */
    bool plain;      /* neither compressed nor encrypted */
};

struct zip {
    struct file_state state; /* of the file when its directory was read */
    struct zip_entry *entries;
    size_t count;
    struct names names; /* owns them */
    struct map by_name;
};

/* All owned by `*zip`; free with zip_free, also on failure. */
bool zip_open(const char *path, struct zip *zip, struct error *error);
void zip_free(struct zip *zip);

/* NULL: not there. */
const struct zip_entry *zip_find(const struct zip *zip, const char *name);

#endif
