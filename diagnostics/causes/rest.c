#include "causes/rest.h"

#include <fnmatch.h>

#include "base/wording.h"

/* Blocks that are bad still. */
struct rest {
    const bool *marks; /* [blocks] */
    size_t count;      /* places in them */
    int first;
};

static bool add_rest(const struct hunt *hunt, const struct rest *rest, struct findings *findings,
                     struct finding **finding)
{
    char path[POINT_PATH];
    if (!(*finding = findings_place(findings, CAUSE_CHECK, VERDICT_FAIL)))
        return false;
    where_set(&(*finding)->where.module, hunt_module(hunt, rest->first, hunt->after[rest->first], path));
    (*finding)->where.layer = hunt_layer(hunt, rest->first);
    return true;
}

static struct rest rest_of(const struct hunt *hunt, const bool *absent, bool which, bool marks[])
{
    struct rest rest = {.marks = marks, .first = -1};
    for (int block = 0; block < hunt->blocks; block++) {
        unsigned bad = hunt->after[block];
        marks[block] = bad && absent[block] == which;
        for (unsigned some = marks[block] ? bad : 0; some; some &= some - 1)
            rest.count++;
        if (marks[block] && rest.first < 0)
            rest.first = block;
    }
    return rest;
}

/* What a proved cause put there is absent no more. */
static bool is_put(const struct hunt *hunt, const struct expected *expected)
{
    for (size_t i = 0; i < hunt->proof_count; i++) {
        const struct hypothesis *hypothesis = &hunt->proofs[i].hypothesis;
        const char *solved = hypothesis_solves(hypothesis), *restored = hypothesis_restores(hypothesis);
        if ((solved && fnmatch(solved, expected->name, 0) == 0) ||
            (restored && fnmatch(restored, expected->name, 0) == 0))
            return true;
    }
    return false;
}

static void mark_absent(const struct hunt *hunt, bool *absent)
{
    for (size_t i = 0; i < hunt->absent.count; i++)
        if (!is_put(hunt, &hunt->absent.items[i]))
            absent[hunt_block(hunt, &hunt->absent.items[i])] = true;
}

size_t rest_absent(const struct hunt *hunt, size_t *modules)
{
    bool absent[CONFIG_LAYERS_MAX + 2] = {false}, marks[CONFIG_LAYERS_MAX + 2];
    size_t count = 0;
    mark_absent(hunt, absent);
    *modules = rest_of(hunt, absent, true, marks).count;
    for (size_t i = 0; i < hunt->absent.count; i++)
        count += marks[hunt_block(hunt, &hunt->absent.items[i])] && !is_put(hunt, &hunt->absent.items[i]);
    return count;
}

/* Modules whose tensors are not there: that it is just these modules which are wrong is no proof that nothing else is.
 */
static bool report_absent(const struct hunt *hunt, const bool *absent, bool marks[], struct findings *findings)
{
    struct rest rest = rest_of(hunt, absent, true, marks);
    struct expected_list list = {0};
    struct buffer text = {0};
    struct finding *finding = NULL;
    bool good = true;
    if (!rest.count)
        return true;
    for (size_t i = 0; good && i < hunt->absent.count; i++)
        if (marks[hunt_block(hunt, &hunt->absent.items[i])] && !is_put(hunt, &hunt->absent.items[i]))
            good = expected_list_add(&list, &hunt->absent.items[i]);
    expected_list_text(&list, &text);
    good = good && add_rest(hunt, &rest, findings, &finding) && text.data && !text.failed;
    if (good) {
        finding_message(finding,
                        "%zu tensors are absent just where %zu module%s still bad: %s. Likely, not proved: nothing "
                        "here holds what belongs there; with --source DIR, the original, it would be tried.",
                        list.count, rest.count, rest.count > 1 ? "s are" : " is", text.data);
        finding_fact_text(finding, "kind", "absent");
        finding_fact_text(finding, "grade", "likely");
    }
    buffer_free(&text);
    expected_list_free(&list);
    return good;
}

/* What stays bad whatever was tried. */
static bool report_unexplained(const struct hunt *hunt, const bool *absent, bool marks[], struct findings *findings)
{
    struct rest rest = rest_of(hunt, absent, false, marks);
    struct finding *finding = NULL;
    char path[POINT_PATH];
    if (!rest.count)
        return true;
    if (!add_rest(hunt, &rest, findings, &finding))
        return false;
    finding_message(finding, "Nothing that was tried explains %zu bad module%s, the first of them %s.", rest.count,
                    text_plural(rest.count), hunt_module(hunt, rest.first, hunt->after[rest.first], path));
    finding_fact_text(finding, "grade", "unexplained");
    return true;
}

bool rest_report(const struct hunt *hunt, struct findings *findings)
{
    bool absent[CONFIG_LAYERS_MAX + 2] = {false}, marks[CONFIG_LAYERS_MAX + 2];
    mark_absent(hunt, absent);
    return report_absent(hunt, absent, marks, findings) && report_unexplained(hunt, absent, marks, findings);
}
