/* Writing a model to a folder as an extraction, whole or broken. */
#ifndef ASSAY_CLI_COPY_H
#define ASSAY_CLI_COPY_H

#include "cli/arguments.h"

/* What is wrong with --only and --layers; NULL: nothing. */
const char *copy_judge(const struct arguments *arguments);

/* For the command `name`: writes the first positional argument to the second, with its faults, and prints what was
 * written. `whole`: less than a whole model is refused. Returns the exit status. */
int copy_run(const char *name, const struct arguments *arguments, bool whole);

#endif
