/* Where runs of a history turned bad, and what had changed then. */
#ifndef ASSAY_HISTORY_TURNS_H
#define ASSAY_HISTORY_TURNS_H

#include "changes/provenance.h"
#include "history/history.h"

/* The first bad run after a good one, of the runs of one command on one subject. Runs are indices of the history. */
struct turn {
    size_t good, bad;
    size_t mended; /* the first good one after it; SIZE_MAX: none, it is still bad */
    struct provenance changed;
};

struct turns {
    struct turn *items; /* the newest first */
    size_t count, capacity;
    size_t more; /* that are older, and were not looked into */
};

#define TURNS_MAX 20

/* Bad is what failed or could not be run; with a check, where that failed. */
bool turns_find(const struct history *history, struct turns *turns, struct error *error);
void turns_free(struct turns *turns);

/* "Run 17 failed, 2031-...: check of models/x, where run 16 had passed. What changed: version (1, now 2)." */
void turn_text(const struct history *history, const struct turn *turn, struct buffer *out);

/* Both are runs of one command on one subject. */
bool runs_alike(const struct history_run *a, const struct history_run *b);
/* For `state`: 1 good, 0 bad, -1 neither: the check was not judged. */
int run_state(const struct history *history, const struct history_run *run);

#endif
