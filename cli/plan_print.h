/* The plan of a repair: what is written, from where, and why. */
#ifndef ASSAY_CLI_PLAN_PRINT_H
#define ASSAY_CLI_PLAN_PRINT_H

#include "cli/arguments.h"
#include "extraction/repair.h"

/* All of it, as something to do; as text or as one JSON document. */
void plan_print(const struct arguments *arguments, const struct repair *repair);
void plan_print_json(const struct arguments *arguments, const struct repair *repair);

/* "DEST: 3 files written, 1.2 MB from SOURCE; ...", and a line for each of these changes. */
void plan_print_totals(const struct arguments *arguments, const struct repair_plan *plan, const char *verb);
void plan_print_changes(const char *what, const struct repair_change *changes, size_t count);

#endif
