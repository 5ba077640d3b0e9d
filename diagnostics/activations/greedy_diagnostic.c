/* The diagnostic "greedy". */
#include <stdlib.h>

#include "activations/gold_use.h"
#include "activations/greedy.h"
#include "findings/diagnostic.h"

/* How many continuations of each gold were compared. */
static bool begin(const struct check *check, void **out, struct error *error)
{
    return (*out = calloc(check->golden_count + 1, sizeof(size_t))) || error_memory(error, "greedy");
}

static bool report_gold(const struct check *check, void *state, size_t gold, struct findings *findings,
                        struct error *error)
{
    const struct golden *golden = check->goldens[gold];
    size_t *compared = (size_t *)state + gold;
    if (check->dump)
        return greedy_check_dump(golden, check->dump, check->limits, compared, findings, error);
    for (size_t i = 0; i < golden_case_count(golden); i++)
        *compared += golden_case_at(golden, i)->greedy_count > 0;
    return greedy_check(check->subject, golden, check->limits, findings, error);
}

static void use_of(const struct check *check, const void *state, size_t gold, struct gold_use *use, bool *marks)
{
    const struct golden *golden = check->goldens[gold];
    (void)marks;
    if (!check_wants(check, "greedy"))
        return;
    use->others += ((const size_t *)state)[gold];
    for (size_t i = 0; i < golden_case_count(golden); i++)
        use->others_wanted += golden_case_at(golden, i)->greedy_count > 0;
}

static void end(const struct check *check, void *state)
{
    (void)check;
    free(state);
}

const struct diagnostic diagnostic_greedy = {
    .name = "greedy",
    .asks = "Does it write, token by token, what the original writes?",
    .needs = NEEDS_ENGINE | NEEDS_HEAD | NEEDS_WRITER | NEEDS_GOLD,
    .skips = (const char *const[]){"greedy", NULL},
    .compares = true,
    .begin = begin,
    .report_gold = report_gold,
    .use = use_of,
    .end = end,
};
