/* Gold where there is none, but the original is: what this engine computes with it. */
#ifndef ASSAY_CLI_SOURCE_GOLD_H
#define ASSAY_CLI_SOURCE_GOLD_H

#include "cli/arguments.h"
#include "golden/golden.h"
#include "run/subject.h"

/* Runs the original (--source) over a text and writes the dump into the report's folder (-o), else into that of
 * temporary files, where it stays for commands to be repeated. Golden_open of it; NULL on failure. */
struct golden *source_gold(const struct arguments *arguments, struct error *error);

#endif
