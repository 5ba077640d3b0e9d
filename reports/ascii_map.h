/* Inside reports/: a map of what is there, in text. */
#ifndef ASSAY_REPORTS_ASCII_MAP_H
#define ASSAY_REPORTS_ASCII_MAP_H

#include "base/buffer.h"
#include "findings/finding.h"

/* A heatmap of nothing but 1 (there), 0 (not) and what lies between (in part). */
bool map_is(const struct series *series);

/* Appends lines, indented by four: those rows of the map in which something is not there, equal neighbours as one, a
 * character for each place or, beyond 64 of them, for several. Nothing where all is there. */
void map_append(struct buffer *out, const struct series *series);

#endif
