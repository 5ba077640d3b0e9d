/* What gold gives back of a model whose original is lost. */
#ifndef ASSAY_PASSPORT_RESTORING_H
#define ASSAY_PASSPORT_RESTORING_H

#include "findings/finding.h"
#include "golden/golden.h"
#include "run/subject.h"

/* Lays over the subject every weight that gold determines where what is there is absent or not what gold was computed
 * with, and adds "restored": a place for each of those, with the error that is left, and one for each that is wrong or
 * absent and not determined, with why. The summary's fact "solved" counts the first. Gold is fit for the subject
 * (gold_fit). */
bool gold_restore(struct subject *subject, struct golden *const *goldens, size_t golden_count, int threads,
                  struct findings *findings, struct error *error);

#endif
