/* Continuations of two dumps: nothing is decoded. */
#include <stdint.h>

#include "activations/greedy.h"

static bool add_difference(const struct golden_case *gold, const struct golden_case *mine, size_t token,
                           struct findings *findings)
{
    struct finding *place = findings_place(findings, "greedy", VERDICT_FAIL);
    if (!place)
        return false;
    where_set(&place->where.case_id, gold->id);
    place->where.token = (int)token;
    if (token < mine->greedy_count)
        finding_message(place, "Case '%s' continues differently from token %zu on: id %d instead of %d.", gold->id,
                        token, mine->greedy[token], gold->greedy[token]);
    else
        finding_message(place, "Case '%s' ends after %zu tokens; gold goes on for %zu.", gold->id, token,
                        gold->greedy_count);
    return true;
}

bool greedy_check_dump(const struct golden *golden, const struct golden *subject, const struct limits *limits,
                       size_t *compared, struct findings *findings, struct error *error)
{
    size_t at = findings->count, differ = 0;
    *compared = 0;
    if (!findings_add(findings, "greedy"))
        return error_memory(error, "greedy");
    for (size_t i = 0; i < golden_case_count(golden); i++) {
        const struct golden_case *gold = golden_case_at(golden, i);
        size_t other = golden_same_case(subject, gold), token = 0;
        const struct golden_case *mine = other == SIZE_MAX ? NULL : golden_case_at(subject, other);
        if (!gold->greedy_count || !mine || !mine->greedy_count)
            continue;
        ++*compared;
        while (token < gold->greedy_count && token < mine->greedy_count && gold->greedy[token] == mine->greedy[token])
            token++;
        if (token == gold->greedy_count)
            continue;
        differ++;
        if (!add_difference(gold, mine, token, findings))
            return error_memory(error, "greedy");
    }
    struct finding *finding = &findings->items[at];
    if (!*compared)
        return finding_skip(finding, "The two dumps have no greedy continuation of the same case in common.");
    finding_measured(finding, (double)differ, "continuations differ");
    finding_limit(finding, limits->rows[LIMIT_GREEDY].value, limits->rows[LIMIT_GREEDY].cause);
    finding_judge(finding);
    finding_fact(finding, "continuations", (double)*compared);
    finding_message(finding, "%zu of %zu greedy continuations differ%s from gold's.", differ, *compared,
                    differ == 1 ? "s" : "");
    return true;
}
