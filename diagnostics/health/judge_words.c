#include "health/judge_words.h"

const char *anomaly_other(const struct judging *judging, const struct anomaly *anomaly)
{
    return anomaly->other == PAIR_NONE ? "" : judging->ranks->scan->tensors[anomaly->other].tensor->name;
}

void say_place(struct buffer *out, const struct examined *examined, uint64_t index)
{
    buffer_format(out, "row %llu, column %llu", (unsigned long long)(index / examined->measure.columns),
                  (unsigned long long)(index % examined->measure.columns));
}
