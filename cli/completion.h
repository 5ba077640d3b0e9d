/* What a shell has to know to complete a command line of assay, made from the tables of commands and options. */
#ifndef ASSAY_CLI_COMPLETION_H
#define ASSAY_CLI_COMPLETION_H

#include "base/buffer.h"
#include "cli/command.h"

enum shell { SHELL_BASH, SHELL_ZSH, SHELL_FISH };

/* Appends a script for the shell to source. `commands`: NULL behind the last. */
void completion_write(enum shell shell, const struct command *const *commands, struct buffer *out);

#endif
