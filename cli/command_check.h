/* What assay check does, for programs that show it in another way. */
#ifndef ASSAY_CLI_COMMAND_CHECK_H
#define ASSAY_CLI_COMMAND_CHECK_H

#include "cli/commands.h"
#include "cli/output.h"

/* Of the model that is the first positional argument. */
command_work check_work;

#endif
