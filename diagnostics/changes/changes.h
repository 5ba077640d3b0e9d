/* What differs between two reports, as findings: `assay diff`, and a check against its baseline.
 *
 * A check is worse where its verdict is, where it is no longer judged, or where what it measured grew by more than
 * noise: the finding's own fact "noise" or "within" (the larger of the two reports'), else, of what are no whole
 * numbers, a millionth. Of every check less is better. */
#ifndef ASSAY_CHANGES_CHANGES_H
#define ASSAY_CHANGES_CHANGES_H

#include "findings/report.h"

/* Borrowed. */
struct changes_request {
    const char *noun;               /* what the ids begin with: "diff" */
    const char *against;            /* what messages call the earlier report */
    const struct report *old, *now; /* both concluded */
};

/* Appends NOUN.verdict, NOUN.checks, NOUN.CHECK for each check that changed, the worst first, NOUN.places, and
 * NOUN.provenance. What got worse fails; a check that passed and is not in `now` is skipped. */
bool changes_find(const struct changes_request *request, struct findings *findings, struct error *error);

#endif
