/* What commands tell people: every string in it is made harmless, for names in files may hold what a terminal obeys, or
 * a line that looks like a verdict. The format's own line feeds and blanks stay. */
#ifndef ASSAY_CLI_SAY_H
#define ASSAY_CLI_SAY_H

#include <stdio.h>

#include "base/buffer.h"

/* As fprintf, with the conversions s, d, u, zu, llu and the floating ones, without '*'. */
void say(FILE *file, const char *format, ...) ASSAY_PRINTF(2, 3);

#endif
