#include "health/weights_health.h"

#include <string.h>

#include "health/health.h"
#include "health/vocabulary.h"

/* The table, unless it was already told what is wrong with it: then its rows are lost with it. */
static const struct row_profile *profile_unless_told(const struct row_profile *profile, const struct findings *findings,
                                                     size_t first)
{
    for (size_t i = first; profile->tensor && i < findings->count; i++) {
        const char *tensor = findings->items[i].where.tensor;
        if (!findings->items[i].summary && tensor && strcmp(tensor, profile->tensor->name) == 0)
            return NULL;
    }
    return profile->tensor ? profile : NULL;
}

bool weights_check_health(const struct subject *subject, struct pool *pool, struct findings *findings,
                          struct error *error)
{
    struct scan scan = {0};
    size_t first = findings->count;
    bool good = scan_weights(subject->store, subject->config, pool, &scan, error) &&
                health_report(&scan, findings, error) &&
                vocabulary_check(subject, profile_unless_told(&scan.embedding, findings, first),
                                 profile_unless_told(&scan.head, findings, first), findings, error);
    scan_free(&scan);
    return good;
}
