/* What watch.c follows and watch_report.c tells. */
#ifndef ASSAY_ARRIVAL_WATCH_INTERNAL_H
#define ASSAY_ARRIVAL_WATCH_INTERNAL_H

#include "activations/isolated.h"
#include "arrival/watch.h"
#include "base/folder_watch.h"
#include "base/map.h"
#include "base/progress.h"

enum watch_end { END_NOT, END_COMPLETE, END_WRONG, END_TIMEOUT, END_FINISHED, END_ONCE };

/* A file to look at in the next batch. */
struct watch_item {
    char *path;
    bool sure; /* nobody is writing it: what is wrong with it now is wrong */
    bool due;  /* it waited, and may still have changed */
};

/* A file that is not right, and perhaps not finished. */
struct watch_waiting {
    char *path;
    double due;             /* clock_seconds */
    struct file_state seen; /* at the last look */
    char *message;          /* NULL: it was not looked at */
};

#define WATCH_CHECKS 11

struct watch {
    const struct watch_request *request;
    struct landing *landing;
    struct isolated *isolated; /* NULL: there is no gold */
    struct folder_watch *folder;
    struct watch_item *items;
    size_t item_count, item_capacity;
    struct map item_of; /* path -> item */
    struct watch_waiting *waiting;
    size_t waiting_count, waiting_capacity;
    size_t *done;                      /* [blocks]: what landing_block gave when the block was judged; 0: it was not */
    bool *compared;                    /* [blocks]: with gold */
    bool bad_block;                    /* some block is wrong */
    double changed;                    /* clock_seconds of the last change of a file */
    bool stale;                        /* a manifest was there before the watch began */
    bool finished;                     /* one came since */
    bool absence_told;                 /* that the folder is not there */
    struct findings wrong;             /* files, as places of their checks: the first PLACES_MAX of each */
    size_t wrong_count;                /* of all checks */
    size_t wrong_counts[WATCH_CHECKS]; /* of each */
    bool last;                         /* it gives up: everything is judged as it is now */
    enum watch_end end;
    struct progress progress;
    char title[96];
};

/* Which of the checks that judge a file. */
size_t watch_check_index(const char *check);

bool watch_report(const struct watch *watch, struct findings *findings, struct error *error);

#endif
