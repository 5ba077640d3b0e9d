/* Words that several anomalies are said with. */
#ifndef ASSAY_HEALTH_JUDGE_WORDS_H
#define ASSAY_HEALTH_JUDGE_WORDS_H

#include "base/buffer.h"
#include "health/judge.h"

/* The canonical name of the other tensor that it is about. */
const char *anomaly_other(const struct judging *judging, const struct anomaly *anomaly);
/* "row 3, column 14", of a value by its index. */
void say_place(struct buffer *out, const struct examined *examined, uint64_t index);

#endif
