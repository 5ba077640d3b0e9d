/* Inside reports/: a series as an SVG that gnuplot draws. */
#ifndef ASSAY_REPORTS_PLOT_H
#define ASSAY_REPORTS_PLOT_H

#include "base/buffer.h"
#include "findings/finding.h"

#define PLOT_COLOURS 8 /* --c0 ... --c7 of the page; further curves are dashed */

/* gnuplot. Start with plotter_new; `why` is the first reason why it failed, NULL while it did not. */
struct plotter {
    const char *program;
    double seconds_left;
    char *why;
};

struct plotter plotter_new(void);
void plotter_free(struct plotter *plotter);

/* Appends an <svg> element for the middle of an HTML page. Its colours are the page's variables --c0..--c7, --grid,
 * --reference, and the current colour; its ids begin with "plot<number>-". `notes` gets sentences, plain text, about
 * values that are not drawn as they are, or about why there is no plot; then the result is false and `svg` as before.
 * No text of the series is given to gnuplot: it draws numbers and place marks, and those are filled in afterwards. */
bool plot_svg(struct plotter *plotter, const struct series *series, size_t number, struct buffer *svg,
              struct buffer *notes);

/* A curve that is drawn thin and dashed: "limit", "noise" and "gold". */
bool curve_is_reference(const struct curve *curve);

#endif
