/* What is to be proved, and what it is proved by: opened, held against each other (verify.h), and told. */
#ifndef ASSAY_PASSPORT_PROOF_H
#define ASSAY_PASSPORT_PROOF_H

#include "extraction/passport.h"
#include "findings/finding.h"
#include "passport/original.h"

/* Start with {0} but for the first three. */
struct proof {
    const char *folder; /* an extraction; or, with a source, anything that a store opens */
    const char *source; /* the original; NULL: none */
    int threads;        /* 0: one for each processor */
    struct pool *pool;
    enum passport_found state;        /* of the folder's own passport */
    struct passport passport;         /* as it is written there */
    struct passport found;            /* without one there: of its tensors as they are */
    struct passport taken;            /* of the original */
    struct subject subject, original; /* the first only without a passport */
    struct original own, beside;      /* the same two, with what belongs to them */
    struct model_config *config;      /* of the folder's own config.json */
    struct error malformed, unread;   /* why there is no passport, or no configuration */
};

/* Opens folder and source, and takes the passports that are not there: reads all of the original, and of the folder
 * when it has none of its own. An error where nothing is there to prove the folder by. To be freed either way. */
bool proof_open(struct proof *proof, struct error *error);

/* Takes the passport of what lies in the folder, whatever it says itself: `found`. */
bool proof_take(struct proof *proof, struct error *error);

/* Adds what verify_run adds. After proof_open. */
bool proof_verify(const struct proof *proof, struct findings *findings, struct error *error);

/* That of the folder: its own, or the one that was found. */
const struct passport *proof_passport(const struct proof *proof);

void proof_free(struct proof *proof);

#endif
