/* The diagnostic "perplexity": of a text. Those of gold's cases are judged with their logits. */
#include <stdio.h>

#include "activations/gold_use.h"
#include "activations/perplexity.h"
#include "findings/diagnostic.h"

static bool begin(const struct check *check, void **state, struct error *error)
{
    const struct perplexity_request request = {.subject = check->subject,
                                               .text = check->text,
                                               .context = check->context,
                                               .stride = check->stride,
                                               .goldens = check->goldens,
                                               .golden_count = check->golden_count};
    struct perplexity *perplexity = perplexity_new(&request, error);
    *state = perplexity;
    return perplexity && perplexity_add(perplexity, check->run, error);
}

static void use_of(const struct check *check, const void *state, size_t gold, struct gold_use *use, bool *marks)
{
    bool recorded = perplexity_golden(state) == check->goldens[gold];
    (void)marks;
    use->others += recorded;
    use->others_wanted += recorded;
}

/* Where cases are judged, "perplexity" is theirs. */
static bool report(const struct check *check, void *state, struct findings *findings, struct error *error)
{
    const char *id = check_wants(check, "logits") ? "perplexity.text" : "perplexity";
    return perplexity_report(state, id, check->limits, findings, error);
}

static bool skip(const struct check *check, struct findings *findings, struct error *error)
{
    for (size_t i = 0; !check->text && i < check->golden_count; i++) {
        const struct golden_text *text = golden_perplexity_text(check->goldens[i]);
        char why[200];
        if (!text)
            continue;
        snprintf(why, sizeof why,
                 "Gold records the perplexity of a text with SHA-256 %.16s...; it was not given (--text).",
                 text->sha256);
        return findings_skip(findings, "perplexity.text", why, error);
    }
    bool of_cases = check->golden_count && check_wants(check, "logits");
    return check->text || of_cases || findings_skip(findings, "perplexity", "No text was given (--text).", error);
}

static void end(const struct check *check, void *state)
{
    (void)check;
    perplexity_free(state);
}

const struct diagnostic diagnostic_perplexity = {
    .name = "perplexity",
    .asks = "How well does the model predict a text?",
    .needs = NEEDS_ENGINE | NEEDS_HEAD | NEEDS_WRITER | NEEDS_TEXT,
    .begin = begin,
    .use = use_of,
    .report = report,
    .skip = skip,
    .end = end,
};
