/* What lies beside the tensors' folders: config.json, the tokenizer ... */
#ifndef ASSAY_EXTRACTION_COMPANION_H
#define ASSAY_EXTRACTION_COMPANION_H

#include "base/file.h"

#define COMPANION_MAX ((size_t)256 << 20)

/* A file to copy beside the tensors' folders, or a text to write there; neither: one that this model does not have. */
struct companion {
    char *path, *name;
    const char *text; /* borrowed, in place of what is in the file; NULL: the file is copied */
};

/* Its text; nothing for one that this model does not have, else `text->data` is never NULL. */
bool companion_read(const struct companion *companion, struct buffer *text, struct error *error);

#endif
