#include "reports/outline.h"

#include <stdlib.h>
#include <string.h>

static enum verdict worse(enum verdict a, enum verdict b)
{
    static const int order[] = {[VERDICT_FAIL] = 3, [VERDICT_WARN] = 2, [VERDICT_PASS] = 1, [VERDICT_SKIP] = 0};
    return order[b] > order[a] ? b : a;
}

/* Takes one row off the ranked findings from `at` on; returns where the next one begins. A check with several summaries
 * has a row for each, and its places are on the last that failed, else on the last. */
static size_t outline_take(struct outline *outline, size_t at, size_t count)
{
    const struct finding *head = outline->ranked[at];
    size_t end = at + 1, owner = outline->count;
    outline->checks[outline->count++] = (struct outline_check){.head = head, .verdict = head->verdict};
    for (; end < count && strcmp(outline->ranked[end]->check, head->check) == 0 && outline->ranked[end]->summary;
         end++) {
        const struct finding *other = outline->ranked[end];
        if (worse(other->verdict, outline->checks[owner].verdict) == other->verdict)
            owner = outline->count;
        outline->checks[outline->count++] = (struct outline_check){.head = other, .verdict = other->verdict};
    }
    struct outline_check *check = &outline->checks[owner];
    size_t first = head->summary ? end : at;
    for (end = first; end < count && strcmp(outline->ranked[end]->check, head->check) == 0; end++)
        check->verdict = worse(check->verdict, outline->ranked[end]->verdict);
    check->places = &outline->ranked[first];
    check->place_count = end - first;
    return end;
}

bool outline_build(struct outline *outline, const struct report *report, struct error *error)
{
    size_t count = report->findings.count;
    *outline = (struct outline){.report = report};
    outline->ranked = findings_ranked(&report->findings);
    outline->checks = calloc(count ? count : 1, sizeof *outline->checks);
    if (!outline->checks || (count && !outline->ranked)) {
        outline_free(outline);
        return error_memory(error, "the outline of the report");
    }
    for (size_t at = 0; at < count;)
        at = outline_take(outline, at, count);
    for (size_t i = 0; i < outline->count; i++)
        outline->counts[outline->checks[i].verdict]++;
    return true;
}

void outline_free(struct outline *outline)
{
    free(outline->ranked);
    free(outline->checks);
    *outline = (struct outline){0};
}

const struct outline_check *outline_next(const struct outline *outline, enum verdict verdict,
                                         const struct outline_check *check)
{
    const struct outline_check *end = outline->checks + outline->count;
    for (check = check ? check + 1 : outline->checks; check < end; check++)
        if (check->verdict == verdict)
            return check;
    return NULL;
}
