/* The diagnostic "texts". */
#include <string.h>

#include "findings/diagnostic.h"
#include "texts/writing.h"

/* What is not by the bytes may be by what they compute: everything that gold's logits were compared at. */
static bool logits_agree(const struct findings *findings)
{
    bool agree = false;
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        bool logits = strcmp(finding->check, "logits.kl") == 0;
        if (finding->verdict == VERDICT_FAIL &&
            (strncmp(finding->check, "gold.", 5) == 0 || strncmp(finding->check, "layers.", 7) == 0 ||
             strncmp(finding->check, "logits.", 7) == 0 || strncmp(finding->check, "perplexity", 10) == 0))
            return false;
        agree = agree || (logits && finding->summary && finding->verdict == VERDICT_PASS);
    }
    return agree;
}

static bool conclude(const struct check *check, void *state, struct findings *findings, struct error *error)
{
    struct writing_request writing = *check->writing;
    (void)state;
    writing.prompts = check->prompts;
    writing.count = check->prompt_count;
    writing.limits = check->limits;
    writing.goldens = check->goldens;
    writing.golden_count = check->golden_count;
    if (check->original)
        writing.same = "The weights are the original's, byte for byte: it writes so itself.";
    else if (logits_agree(findings))
        writing.same = "The logits are gold's wherever gold holds some: the original writes so itself.";
    return writing_check(check->subject, &writing, findings, error);
}

const struct diagnostic diagnostic_texts = {
    .name = "texts",
    .asks = "What does it write, and is it language?",
    .needs = NEEDS_ENGINE | NEEDS_WRITER | NEEDS_TOKENIZER, /* without one it writes nothing that could be read */
    .skips = (const char *const[]){"text.verdict", NULL},
    .conclude = conclude,
};
