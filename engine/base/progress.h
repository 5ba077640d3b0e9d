/* Progress on stderr: a bar with rate and time left on a terminal, a line now and then elsewhere, nothing when quiet.
 */
#ifndef ASSAY_BASE_PROGRESS_H
#define ASSAY_BASE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

enum progress_mode { PROGRESS_AUTO, PROGRESS_QUIET };

/* For the whole process; the command line sets it once. Default: quiet, so that a library call never talks. */
void progress_mode_set(enum progress_mode mode);

/* One bar at a time. `unit` as in "layers". Shown only when the work lasts longer than a second. */
struct progress {
    const char *title;
    const char *unit;
    uint64_t total;
    uint64_t done;
    double started;
    double shown;
};

struct progress progress_begin(const char *title, const char *unit, uint64_t total);
void progress_step(struct progress *progress, uint64_t done);
void progress_end(struct progress *progress);

/* Long work has phases: what is shown from now on is the `number`th of `count`. 0 of 0: of no phases. */
void progress_phase(unsigned number, unsigned count);

/* Seconds of a monotonic clock. */
double clock_seconds(void);

/* The most memory that this process ever held, in bytes; 0: unknown. */
double memory_peak(void);

#endif
