/* Follows an extraction while it is being written: judges each file as it lands (landing.h) and each block of the pass
 * when all of it is there (isolated.h), until everything is, or something is wrong. */
#ifndef ASSAY_ARRIVAL_WATCH_H
#define ASSAY_ARRIVAL_WATCH_H

#include "arrival/landing.h"
#include "findings/finding.h"
#include "golden/golden.h"
#include "limits/limits.h"

enum watch_line {
    WATCH_TALK,  /* what it waits for */
    WATCH_EVENT, /* something is complete and right, or no longer there */
    WATCH_WRONG
};

struct watch_request {
    const char *folder; /* need not be there yet, unless `once` */
    const struct model_config *config;
    const struct store *source; /* the original; NULL: none */
    struct golden *const *goldens;
    size_t golden_count;
    const struct limits *limits;
    int threads;    /* 0: one for each processor */
    bool once;      /* judge what is there, all of it, and end */
    double timeout; /* seconds without a change of any file after which it gives up; 0: never */
    /* Seconds: a file that is not whole, or was found there and is wrong, may still be being written. It is judged when
     * nothing happened to it for so long. One that is renamed or closed whole is judged at once. */
    double settle;
    void (*tell)(void *context, enum watch_line line, const char *text); /* one line, without its end */
    void *context;
};

/* Ends when every tensor that the configuration calls for is there and right; else after the files and the block that
 * were being judged when the first was wrong; when it gives up; or when the extraction says that it is finished (its
 * manifest lands) and is not. Adds inventory.files, .duplicates, .incomplete, .misplaced, .extra, .shape, .dtype and
 * .absent, weights.finite, .zero and .source, layers.isolated for each dump, and watch.blocks. `*counts` is what had
 * landed at the end. Shows progress. */
bool watch_run(const struct watch_request *request, struct findings *findings, struct landing_counts *counts,
               struct error *error);

#endif
