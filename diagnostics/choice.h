/* What of a check is left out: lists as people type them, "layers,weights.finite,text.*", of names of diagnostics, ids
 * of checks and patterns (fnmatch) of ids. What is both, as "greedy", is the diagnostic. */
#ifndef ASSAY_DIAGNOSTICS_CHOICE_H
#define ASSAY_DIAGNOSTICS_CHOICE_H

#include "diagnostics/diagnostics.h"

/* Borrowed; NULL: no such list. */
struct choice {
    const char *only; /* of what the diagnostics report only these; what is of none, as "config.gold", stays */
    const char *skip; /* all but these */
};

/* False, and the reason appended, where something in the list is no diagnostic and fits no check. */
bool choice_is_known(const char *list, struct buffer *out);
/* Marks the diagnostics of the list: those named, and those of whose checks (`every`) all fit or any does. */
void choice_marks(const char *list, bool every, bool marks[DIAGNOSTIC_COUNT]);
/* Takes out the findings of checks that are left out, and adds a skip for each of these checks (findings_leave_out). */
bool choice_apply(const struct choice *choice, struct findings *findings, struct error *error);

#endif
