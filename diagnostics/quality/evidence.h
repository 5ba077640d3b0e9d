/* How much more often what is measured is seen in broken text than in right text, in bits: a table of decision trees
 * whose leaves are bits and are summed (Friedman 2001: Greedy Function Approximation), made from counts on real and
 * broken texts by scripts/calibrate_quality.py. Trees, because a number means one thing in a list and another in prose;
 * one sum that was fitted as a whole, so that measures that say the same are not counted twice. Private to
 * diagnostics/quality. */
#ifndef ASSAY_QUALITY_EVIDENCE_H
#define ASSAY_QUALITY_EVIDENCE_H

#include "quality/text_measure.h"

struct evidence;

/* From suites/quality_evidence.json. NULL: `error` says why. */
struct evidence *evidence_parse(const char *where, const cJSON *json, struct error *error);
void evidence_free(struct evidence *evidence);

/* The table for texts that a judge model has read: of what surprises it, and of the bits of form (METRIC_FORM_BITS).
 * NULL: there is none. */
const struct evidence *evidence_judged(const struct evidence *evidence);

/* Bits for broken (> 0) or right (< 0) by what is measured of a window or of a whole text. `without`: a diagnostic
 * whose measures count as not measured; DIAGNOSE_COUNT: none. */
double evidence_bits(const struct evidence *evidence, const double *metrics, enum quality_diagnostic without);

/* The bits that one in 1 / `rate` right answers reaches, whatever its length (evidence_total). */
double evidence_limit(const struct evidence *evidence, double rate);

/* Of a text: the stretch of windows that has most, less what the best of so many has by chance; or that of the whole
 * text, whichever is more. `first` .. `last` - 1: the windows of the stretch; all, where none has any. */
struct evidence_total {
    double bits;
    size_t first, last;
    bool whole; /* it is that of the whole text */
};
struct evidence_total evidence_total(double whole, const double *windows, size_t count);

#endif
