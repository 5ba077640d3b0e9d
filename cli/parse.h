/* From words to what they ask for. */
#ifndef ASSAY_CLI_PARSE_H
#define ASSAY_CLI_PARSE_H

#include "cli/command.h"

/* Parses the options of the command. Exits with 2 on misuse, with 0 after -h. */
void arguments_parse(const struct command *command, int argc, char **argv, struct arguments *arguments);

#endif
