/* check --baseline: an earlier run, and what got worse since. */
#ifndef ASSAY_CLI_BASELINE_H
#define ASSAY_CLI_BASELINE_H

#include "cli/arguments.h"
#include "findings/report.h"

/* What --baseline names; start with {0}. */
struct baseline {
    const char *name; /* NULL: nothing */
    struct report report;
};

/* Reads it, before hours of other work. */
bool baseline_open(const struct arguments *arguments, struct baseline *baseline, struct error *error);
/* Appends findings "baseline.*" to the report, which is else complete. One that cannot be compared with it, because it
 * asked other things of another model, makes the report unable. */
bool baseline_judge(const struct baseline *baseline, struct report *report, struct error *error);
void baseline_free(struct baseline *baseline);

#endif
