/* A command is one row, in its own file command_NAME.c: const struct command command_NAME. */
#ifndef ASSAY_CLI_COMMAND_H
#define ASSAY_CLI_COMMAND_H

#include "base/buffer.h"
#include "cli/arguments.h"
#include "cli/options.h"

struct command {
    const char *name;
    const char *program;              /* that is this command and nothing else; NULL: it is assay NAME */
    const char *does;                 /* one line, for assay -h */
    const char *args;                 /* "MODEL --text FILE" */
    const char *doc;                  /* what it does, for assay NAME -h */
    void (*explain)(struct buffer *); /* appends what its help ends with; NULL: nothing */
    size_t least, most;               /* positional arguments */
    unsigned sets;                    /* of enum option_set: the options that it shares with others */
    const struct option_row *options; /* those of its own; NULL: none */
    /* NULL, or what is wrong with the combination; NULL: nothing can be */
    const char *(*judge)(const struct arguments *arguments);
    int (*run)(struct arguments *arguments); /* returns the exit status */
};

#endif
