/* Gold of which only mean, standard deviation, smallest and largest value of every tensor are known: enough to see that
 * a place is wrong, never that it is right. */
#ifndef ASSAY_ACTIVATIONS_STATISTICS_H
#define ASSAY_ACTIVATIONS_STATISTICS_H

#include "findings/finding.h"
#include "golden/golden.h"
#include "limits/limits.h"
#include "run/run.h"

struct statistics;

/* All borrowed until statistics_free. */
struct statistics *statistics_new(const struct golden *golden, const struct limits *limits, struct error *error);
void statistics_free(struct statistics *statistics);

/* Takes a part of a case. */
void statistics_see(struct statistics *statistics, size_t case_index, const struct part *part);

/* Marks the tensors of the dump that were compared. */
void statistics_compared(const struct statistics *statistics, bool *marks);

/* Adds layers.statistics, measured in limits, and one finding for each tensor that misses its own; nothing when the
 * dump holds no such tensor. */
bool statistics_report(const struct statistics *statistics, struct findings *findings, struct error *error);

#endif
