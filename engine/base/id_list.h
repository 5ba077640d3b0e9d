/* Token ids written down by people and programs. */
#ifndef ASSAY_BASE_ID_LIST_H
#define ASSAY_BASE_ID_LIST_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"

/* Token ids, separated by white space or single commas, perhaps in brackets; appended to `out`. */
bool ids_parse(const char *list, struct ids *out, struct error *error);

#endif
