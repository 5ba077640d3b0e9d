/* The limits of a suite that tags choose. */
#include <stdlib.h>

#include "suites/suite_internal.h"

static void tagged_free(struct tagged_limit *tagged)
{
    free(tagged->cause);
    names_free(&tagged->tags);
}

bool suite_reset_limit(struct suite *suite, enum limit limit, struct error *error)
{
    size_t kept = 0;
    for (size_t i = 0; i < suite->tagged_count; i++) {
        if (suite->tagged[i].limit == limit)
            tagged_free(&suite->tagged[i]);
        else
            suite->tagged[kept++] = suite->tagged[i];
    }
    suite->tagged_count = kept;
    return limits_reset(&suite->limits, limit, error);
}

void suite_free_limits(struct suite *suite)
{
    for (size_t i = 0; i < suite->tagged_count; i++)
        tagged_free(&suite->tagged[i]);
    free(suite->tagged);
}
