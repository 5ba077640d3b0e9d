/* Where an input lies while its reader looks at it: a folder in memory (or where TMPDIR says), one for each process,
 * gone at its end. */
#ifndef ASSAY_FUZZ_PLACE_H
#define ASSAY_FUZZ_PLACE_H

#include <stddef.h>
#include <stdint.h>

/* The path of FOLDER/NAME, where NAME may have folders of its own ("npy/ids.npy"), which are made. Valid for the next
 * seven calls. Ends the process when the folder cannot be made. */
const char *place(const char *name);
/* The same, with that file there. */
const char *place_file(const char *name, const void *data, size_t size);
/* The same with a copy of a file of the source tree; only the first call for a name copies. */
const char *place_copy(const char *name, const char *source);

#endif
