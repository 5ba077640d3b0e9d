#include "diagnostics/weights.h"

#include "diagnostics/vocabulary.h"
#include "health/health.h"

bool weights_check_health(const struct subject *subject, struct pool *pool, struct findings *findings,
                          struct error *error)
{
    struct scan scan = {0};
    bool good = scan_weights(subject->store, subject->config, pool, &scan, error) &&
                health_report(&scan, findings, error) &&
                vocabulary_check(subject, scan.embedding.tensor ? &scan.embedding : NULL,
                                 scan.head.tensor ? &scan.head : NULL, findings, error);
    scan_free(&scan);
    return good;
}
