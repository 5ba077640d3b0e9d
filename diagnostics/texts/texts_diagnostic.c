/* The diagnostic "texts". */
#include "findings/diagnostic.h"
#include "texts/writing.h"

static bool conclude(const struct check *check, void *state, struct findings *findings, struct error *error)
{
    struct writing_request writing = *check->writing;
    (void)state;
    writing.prompts = check->prompts;
    writing.count = check->prompt_count;
    writing.limits = check->limits;
    writing.goldens = check->goldens;
    writing.golden_count = check->golden_count;
    writing.same = check->original;
    return writing_check(check->subject, &writing, findings, error);
}

const struct diagnostic diagnostic_texts = {
    .name = "texts",
    .asks = "What does it write, and is it language?",
    .needs = NEEDS_TOKENIZER, /* without one it writes nothing that could be read */
    .skips = (const char *const[]){"text.verdict", NULL},
    .conclude = conclude,
};
