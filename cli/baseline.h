/* check --baseline: an earlier run, and what got worse since. */
#ifndef ASSAY_CLI_BASELINE_H
#define ASSAY_CLI_BASELINE_H

#include "cli/arguments.h"
#include "findings/report.h"

/* What --baseline names; start with {0}. */
struct baseline {
    const char *name; /* as given; NULL: nothing */
    char *path;
    bool history;         /* it is a history, and which of its runs is the one is known only after the check */
    bool pass;            /* of the runs in it, the last that passed */
    struct report report; /* else: what it says */
};

/* Reads it, before hours of other work. */
bool baseline_open(const struct arguments *arguments, struct baseline *baseline, struct error *error);
/* Appends findings "baseline.*" to the report, which is else complete. A report that it cannot be compared with,
 * because that asked other things of another model, makes it unable. Of a history the newest run is taken that it can
 * be compared with; where there is none, as at the first run of all, the comparison is skipped. */
bool baseline_judge(const struct baseline *baseline, struct report *report, struct error *error);
void baseline_free(struct baseline *baseline);

#endif
