/* Which model a folder is. */
#ifndef ASSAY_CLI_PASSPORT_PRINT_H
#define ASSAY_CLI_PASSPORT_PRINT_H

#include "extraction/passport.h"

/* One line: the folder is that model; with an original (NULL: none), the one in `source`, of which it stores
 * `converted` tensors as another dtype. */
void print_identity(const char *folder, const struct passport *passport, const char *source,
                    const struct passport *original, size_t converted);

#endif
