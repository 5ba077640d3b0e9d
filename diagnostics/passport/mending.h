/* A repair from an original, from opening it to the proof that it is done. */
#ifndef ASSAY_PASSPORT_MENDING_H
#define ASSAY_PASSPORT_MENDING_H

#include "extraction/repair.h"
#include "findings/finding.h"
#include "golden/golden.h"
#include "passport/original.h"

/* Start with {0} but for the first five. */
struct mending {
    const char *folder;            /* the extraction */
    const char *origin;            /* path of the original; NULL: it is lost, and gold gives back what it determines */
    int threads;                   /* 0: one for each processor */
    struct golden *const *goldens; /* borrowed */
    size_t golden_count;
    struct findings restored; /* what gold gives back, and what not (restoring.h) */
    char *manifest;           /* that the folder had; NULL: none */
    struct pool *pool;
    struct subject source;
    struct original original;
    struct repair_request request;
    struct repair *repair;  /* plan and work: repair.h */
    struct passport former; /* of the folder, where the original is lost; {0}: none */
    /* after mending_verify */
    bool proved;              /* the folder has a passport */
    struct passport passport; /* it */
    struct passport whole;    /* of the original */
};

/* Opens the original, which must be whole, and compares. To be freed either way; must not be moved meanwhile. */
bool mending_open(struct mending *mending, struct error *error);

/* Adds the finding `repair`: what was fetched, and what was right. */
bool mending_report(struct mending *mending, struct findings *findings, struct error *error);

/* After the repair: reads all of the folder once more, from the disk, against the passport that was written, and adds
 * what verify_run adds. */
bool mending_verify(struct mending *mending, struct findings *findings, struct error *error);

void mending_free(struct mending *mending);

#endif
