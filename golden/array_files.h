/* Files that hold arrays with names. */
#ifndef ASSAY_GOLDEN_ARRAY_FILES_H
#define ASSAY_GOLDEN_ARRAY_FILES_H

#include "golden/named_arrays.h"

/* A kind of them, a row of the table in array_files.c. */
struct array_file {
    const char *ending;
    bool sure;   /* nobody keeps weights in such files */
    bool single; /* one array, named like the file */
    bool tells;  /* why one cannot be read is worth telling: it was named as gold, and no other reader knows it */
    /* Appends what the file holds. */
    bool (*read)(const char *path, struct named_arrays *arrays, struct error *error);
};

/* By its ending; NULL: none. */
const struct array_file *array_file_of(const char *path);

/* The name of the file without that ending; malloc'd. */
char *array_file_stem(const struct array_file *kind, const char *path);

#endif
