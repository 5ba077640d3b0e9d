/* The formats that weights come in, each a row where its reader is. */
#ifndef ASSAY_STORE_FORMATS_H
#define ASSAY_STORE_FORMATS_H

#include "store/store.h"

/* How a store of one kind is read. */
struct store_format {
    const char *magic;                  /* what its file begins with, "": anything; NULL: it is no file */
    bool (*file)(const char *path);     /* what else the file's path must be; NULL: anything */
    bool (*folder)(const char *folder); /* whether a folder is one; NULL: none is */
    /* Adds all tensors, and the documents where the weights' own file has them. */
    bool (*open)(struct store *store, const char *path, struct error *error);
};

#define FORMAT_DECLARE(kind, name, format) extern const struct store_format format;
STORE_KINDS(FORMAT_DECLARE)
#undef FORMAT_DECLARE

#endif
