/* Inside changes/: which finding of one report is which of another. */
#ifndef ASSAY_CHANGES_COUNTERPART_H
#define ASSAY_CHANGES_COUNTERPART_H

#include "findings/report.h"

/* Which of the findings take part. */
typedef bool counterpart_filter(const struct finding *finding);

/* By index of the findings; SIZE_MAX: none, as for all that take no part. Owned. */
struct counterparts {
    size_t *old_of; /* of each finding of `now` */
    size_t *now_of; /* of each finding of `old` */
};

/* Findings are the same thing when check and dump are the same, and for places what is there: tensor, file, module, or
 * where there is none of these the case. Of several that are the same the first are paired with the first. */
bool counterparts_find(const struct report *old, const struct report *now, counterpart_filter *filter,
                       struct counterparts *counterparts);
void counterparts_free(struct counterparts *counterparts);

#endif
