/* Is it that model? An extraction held against its passport, byte for byte, and against the original. */
#ifndef ASSAY_PASSPORT_VERIFY_H
#define ASSAY_PASSPORT_VERIFY_H

#include "base/pool.h"
#include "extraction/passport.h"
#include "findings/finding.h"
#include "model/config.h"

struct verify_request {
    const char *folder;                /* what is verified, for messages and for its files */
    const struct passport *passport;   /* what it says itself; NULL: it has none, or one that cannot be read */
    const char *malformed;             /* why it cannot be read; NULL: it can, or there is none */
    const struct passport *found;      /* without a passport: what its tensors are, as passport_take finds them */
    const struct store *store;         /* without a passport: where they were found; else NULL */
    const struct passport *original;   /* NULL: no original was named */
    const char *original_name;         /* its path */
    const struct model_config *config; /* NULL: there is none, or none that can be read */
    const char *config_problem;        /* why */
    size_t converted;                  /* tensors that are known to differ from the original by rounding only */
    struct pool *pool;
};

/* Adds passport.root (the passport is whole and its root follows from its rows), passport.files (each is there, as long
 * as it was, with the header that it had, and no other), passport.tensors (the bytes of each), passport.companions
 * (configuration, tokenizer ...), passport.expected (every tensor that the configuration calls for is vouched for) and,
 * with an original, passport.source (every tensor is the original's). Reads every byte of the folder's files once. */
bool verify_run(const struct verify_request *request, struct findings *findings, struct error *error);

#endif
