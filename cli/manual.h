/* Manual pages, made from the tables of commands and options. */
#ifndef ASSAY_CLI_MANUAL_H
#define ASSAY_CLI_MANUAL_H

#include "base/buffer.h"
#include "cli/command.h"

/* Appends the page of the command, or with NULL that of assay, in roff for man. `commands`: NULL behind the last. */
void manual_write(const struct command *command, const struct command *const *commands, struct buffer *out);

#endif
