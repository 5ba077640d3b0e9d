/* The diagnostic "texts". */
#include <string.h>

#include "findings/diagnostic.h"
#include "texts/writing.h"

/* What is not by the bytes may be by what they compute: everything that gold's logits were compared at, or, where it
 * holds none, every tensor of which it holds statistics. NULL: nothing shows it. */
static const char *agreement(const struct findings *findings)
{
    bool logits = false, statistics = false;
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        bool passes = finding->summary && finding->verdict == VERDICT_PASS;
        if (finding->verdict == VERDICT_FAIL &&
            (strncmp(finding->check, "gold.", 5) == 0 || strncmp(finding->check, "layers.", 7) == 0 ||
             strncmp(finding->check, "logits.", 7) == 0 || strncmp(finding->check, "perplexity", 10) == 0))
            return NULL;
        logits = logits || (passes && strcmp(finding->check, "logits.kl") == 0);
        statistics = statistics || (passes && strcmp(finding->check, "layers.statistics") == 0);
    }
    return logits       ? "The logits are gold's wherever gold holds some: the original writes so itself."
           : statistics ? "Of every tensor that gold holds, mean, deviation, least and largest value are gold's: the "
                          "original writes so itself."
                        : NULL;
}

/* An expert that no compared token went through may write what gold knows nothing of. */
static bool is_whole(const struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        if (findings->items[i].verdict == VERDICT_WARN && strcmp(findings->items[i].check, "layers.experts") == 0)
            return false;
    return true;
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
    else
        writing.same = agreement(findings);
    writing.whole = is_whole(findings);
    return writing_check(check->subject, &writing, findings, error);
}

const struct diagnostic diagnostic_texts = {
    .name = "texts",
    .asks = "What does it write, and is it language?",
    .needs = NEEDS_ENGINE | NEEDS_HEAD | NEEDS_WRITER |
             NEEDS_TOKENIZER, /* without one it writes nothing that could be read */
    .skips = (const char *const[]){"text.verdict", NULL},
    .conclude = conclude,
};
