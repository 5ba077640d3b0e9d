/* Every command, in the order of assay -h. To add one: its file command_NAME.c, which defines command_NAME (command.h),
 * a word here, and its test. */
#ifndef ASSAY_CLI_COMMANDS_H
#define ASSAY_CLI_COMMANDS_H

#include "cli/command.h"

#define COMMANDS(ROW)                                                                                                  \
    ROW(check)                                                                                                         \
    ROW(inspect)                                                                                                       \
    ROW(trace)                                                                                                         \
    ROW(diagnose)                                                                                                      \
    ROW(compare)                                                                                                       \
    ROW(perplexity)                                                                                                    \
    ROW(generate)                                                                                                      \
    ROW(quality)                                                                                                       \
    ROW(report)                                                                                                        \
    ROW(diff)                                                                                                          \
    ROW(history)                                                                                                       \
    ROW(tokenize)                                                                                                      \
    ROW(extract)                                                                                                       \
    ROW(break)                                                                                                         \
    ROW(watch)                                                                                                         \
    ROW(verify)                                                                                                        \
    ROW(repair)                                                                                                        \
    ROW(faults)                                                                                                        \
    ROW(families)                                                                                                      \
    ROW(suites)                                                                                                        \
    ROW(bench)                                                                                                         \
    ROW(help)

#define COMMAND_DECLARE(name) extern const struct command command_##name;
COMMANDS(COMMAND_DECLARE)
#undef COMMAND_DECLARE

#endif
