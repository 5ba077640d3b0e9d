/* What the checks of a passport share. */
#ifndef ASSAY_PASSPORT_VERIFY_INTERNAL_H
#define ASSAY_PASSPORT_VERIFY_INTERNAL_H

#include "passport/verify.h"

/* verify_source.c */
bool verify_expected(const struct verify_request *request, const struct passport *passport, struct findings *findings);
bool verify_source(const struct verify_request *request, const struct passport *passport, struct findings *findings);

#endif
