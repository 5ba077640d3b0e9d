#include "quality/metric.h"

#include <string.h>

#define METRIC_NAME(id, name, does) [METRIC_##id] = name,
const char *const metric_names[METRIC_COUNT] = {METRICS(METRIC_NAME)};
#define METRIC_DOES(id, name, does) [METRIC_##id] = does,
const char *const metric_descriptions[METRIC_COUNT] = {METRICS(METRIC_DOES)};

enum metric metric_parse(const char *name)
{
    int i = 0;
    while (i < METRIC_COUNT && strcmp(metric_names[i], name) != 0)
        i++;
    return (enum metric)i;
}
