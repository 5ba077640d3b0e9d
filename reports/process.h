/* Inside reports/: another program, fed and read through pipes. */
#ifndef ASSAY_REPORTS_PROCESS_H
#define ASSAY_REPORTS_PROCESS_H

#include "base/buffer.h"

/* Runs arguments[0], found through PATH, with the arguments (NULL-terminated) and no shell; gives it `size` bytes on
 * standard input and appends its standard output to `output`. False, with the reason: it could not be started, ended
 * with another status than 0 (then with the first line of what it said), wrote more than output->maximum, or ran longer
 * than `seconds`; then it and its children are killed. */
bool process_run(const char *const *arguments, const void *input, size_t size, double seconds, struct buffer *output,
                 struct error *error);

#endif
