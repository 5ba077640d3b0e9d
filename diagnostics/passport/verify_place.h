/* Places of the checks of a passport. */
#ifndef ASSAY_PASSPORT_VERIFY_PLACE_H
#define ASSAY_PASSPORT_VERIFY_PLACE_H

#include "passport/verify.h"

/* A place that fails the check: a file below the folder (NULL: none) and a tensor with its layer and expert (NULL:
 * none). NULL: out of memory. */
struct finding *verify_place(const struct verify_request *request, const char *check, const char *file,
                             const char *tensor, struct findings *findings);

/* What the first place of the check that begins at `at` says, "" where there is none; the words to put in front. */
const char *verify_first(const struct findings *findings, size_t at);

#endif
