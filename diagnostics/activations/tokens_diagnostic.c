/* The diagnostic "tokens". */
#include "activations/tokens.h"
#include "findings/diagnostic.h"

static bool before(const struct check *check, struct findings *findings, struct error *error)
{
    if (!tokens_check_reader(check->subject, findings, error) || !tokens_check_source(check->subject, findings, error))
        return false;
    for (size_t i = 0; i < check->golden_count; i++) {
        size_t first = findings->count;
        if (!tokens_check(check->subject, check->goldens[i], findings, error))
            return false;
        findings_set_gold(findings, first, golden_path(check->goldens[i]));
    }
    return true;
}

const struct diagnostic diagnostic_tokens = {
    .name = "tokens",
    .asks = "Does its tokenizer read the prompts as gold did?",
    .needs = NEEDS_GOLD,
    .skips = (const char *const[]){"tokens.ids", NULL},
    .before = before,
};
