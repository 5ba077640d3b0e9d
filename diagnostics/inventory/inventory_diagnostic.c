/* The diagnostic "inventory". */
#include "findings/diagnostic.h"
#include "inventory/inventory.h"
#include "run/subject.h"

static bool before(const struct check *check, struct findings *findings, struct error *error)
{
    struct origin *origin = NULL;
    if (!subject_origin(check->subject, &origin, error))
        return false;
    const struct inventory_request request = {.store = check->subject->store,
                                              .config = check->config,
                                              .origin = origin,
                                              .source = check->subject->source_path,
                                              .departs = check->subject->store != check->subject->base,
                                              .goldens = check->goldens,
                                              .golden_count = check->golden_count,
                                              .causes = true};
    bool good = inventory_inspect(&request, findings, error);
    origin_free(origin);
    return good;
}

const struct diagnostic diagnostic_inventory = {
    .name = "inventory",
    .asks = "Is everything there?",
    .compares = true,
    .before = before,
};
