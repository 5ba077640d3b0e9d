/* Inside reports/: turns what gnuplot writes into an element that can stand in an HTML page. */
#ifndef ASSAY_REPORTS_SVG_H
#define ASSAY_REPORTS_SVG_H

#include "base/buffer.h"
#include "findings/finding.h"

/* Place marks that a gnuplot script uses for text that gnuplot must not see. */
#define MARK_X "T%zuT"         /* the name of x place %zu */
#define MARK_CURVE "R%zuR"     /* the name of curve %zu */
#define MARK_POINT "P%zu_%zuP" /* the tooltip of curve %zu at x place %zu */

/* Colours that stand for colours of the page. */
#define INK_AXIS "#010101"
#define INK_GRID "#010102"
#define INK_REFERENCE "#010103"
#define INK_CURVE "#0202%02x" /* number of the colour */

/* Characters of a name on an axis. */
size_t svg_label_length(const struct series *series);

/* Appends the element. False, with `out` as before: the input is not what gnuplot's svg terminal writes. */
bool svg_adopt(const char *svg, size_t size, const struct series *series, size_t number, struct buffer *out);

/* Appends the name of x place `point` as plain text: its label, else its number. */
void series_place(struct buffer *out, const struct series *series, size_t point);

#endif
