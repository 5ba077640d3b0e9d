/* What the files of the judgement share. */
#ifndef ASSAY_HEALTH_JUDGE_INTERNAL_H
#define ASSAY_HEALTH_JUDGE_INTERNAL_H

#include "health/judge.h"

#define EFFECTIVE_LEAST 1.5 /* what a norm and a matrix share between them shifts a little from layer to layer */

bool examined_is_matrix(const struct examined *examined);
/* All values of it are one. */
bool measure_is_constant(const struct measure *measure);
/* So are most gains of norms. */
bool gains_are_constant(const struct scan *scan);
/* How many times larger than its peers it is, as log2; 0: no more than they differ among themselves. */
double magnitude_apart(const struct ranks *ranks, size_t tensor, enum feature feature);
/* Its rows have nothing in common with their partner any more, and those of all its peers have. */
bool pairs_lost(const struct ranks *ranks, size_t tensor);

/* For the table of anomalies. */
#define DECLARE_SEEN(id) bool judge_##id(const struct judging *judging, size_t tensor, struct anomaly *anomaly);
#define DECLARE_FOLLOWS(id)
#define DECLARE(ID, id, when, ...)                                                                                     \
    DECLARE_##when(id) void say_##id(struct buffer *out, const struct judging *judging, size_t tensor,                 \
                                     const struct anomaly *anomaly);
ANOMALY_ROWS(DECLARE)
#undef DECLARE

#endif
