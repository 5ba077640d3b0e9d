#include "diagnostics/prompts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "diagnostics/decode.h"
#include "diagnostics/logits.h"

/* One prompt and what the subject writes after it. */
struct writing {
    const char *prompt;
    struct ids ids; /* of the prompt */
    struct ids out;
    bool broken; /* the logits after `out` are not all finite */
};

struct writings {
    struct writing *items;
    bool memory; /* it ran out */
};

static bool writing_choose(void *context, size_t which, size_t step, float *logits, size_t width, int *next)
{
    struct writings *writings = context;
    struct writing *writing = &writings->items[which];
    (void)step;
    for (size_t i = 0; i < width; i++)
        writing->broken = writing->broken || !isfinite(logits[i]);
    if (writing->broken)
        return false;
    *next = (int)largest_index(logits, width);
    writings->memory = !ids_push(&writing->out, *next) || writings->memory;
    return !writings->memory;
}

static bool report_writing(struct subject *subject, const struct writing *writing, struct findings *findings)
{
    struct buffer text = {0};
    struct error unknown = {0};
    /* a vocabulary may be larger than its tokenizer: such ids have no text */
    if (!tokenizer_decode(subject->tokenizer, writing->out.data, writing->out.count, false, &text, &unknown))
        buffer_format(&text, "(%s)", error_text(&unknown));
    error_clear(&unknown);
    struct finding *finding = findings_add(findings, "prompts");
    if (finding) {
        finding->summary = false;
        finding->verdict = writing->broken ? VERDICT_FAIL : VERDICT_PASS;
        finding_fact_text(finding, "prompt", "%s", writing->prompt);
        finding_fact_text(finding, "text", "%s", text.data ? text.data : "");
        finding_message(finding,
                        writing->broken ? "\"%s\": the logits are not finite after \"%s\"." : "\"%s\" goes on: \"%s\".",
                        writing->prompt, text.data ? text.data : "");
    }
    buffer_free(&text);
    return finding;
}

static bool write_all(struct subject *subject, struct writings *writings, size_t count, size_t new_tokens,
                      struct error *error)
{
    struct decode_prompt *prompts = calloc(count + 1, sizeof *prompts);
    bool good = prompts || error_memory(error, "prompts");
    for (size_t i = 0; good && i < count; i++) {
        struct writing *writing = &writings->items[i];
        good =
            tokenizer_encode(subject->tokenizer, writing->prompt, strlen(writing->prompt), true, &writing->ids, error);
        if (good && !writing->ids.count)
            good = error_set(error, "prompt \"%.60s\" has no tokens", writing->prompt);
        prompts[i] = (struct decode_prompt){writing->ids.data, writing->ids.count, new_tokens};
    }
    good = good && decode(subject, prompts, count, "prompts", writing_choose, writings, error);
    if (good && writings->memory)
        good = error_memory(error, "prompts");
    free(prompts);
    return good;
}

bool prompts_check(struct subject *subject, char *const *prompts, size_t count, size_t new_tokens,
                   struct findings *findings, struct error *error)
{
    size_t at = findings->count, bad = 0;
    struct writings writings = {.items = calloc(count + 1, sizeof *writings.items)};
    bool good = (writings.items || error_memory(error, "prompts")) && subject_needs_tokenizer(subject, error) &&
                subject_load(subject, error);
    for (size_t i = 0; good && i < count; i++)
        writings.items[i].prompt = prompts[i];
    good = good && write_all(subject, &writings, count, new_tokens, error) &&
           (findings_add(findings, "prompts") || error_memory(error, "prompts"));
    for (size_t i = 0; good && i < count; i++) {
        bad += writings.items[i].broken;
        good = report_writing(subject, &writings.items[i], findings) || error_memory(error, "prompts");
    }
    for (size_t i = 0; writings.items && i < count; i++) {
        ids_free(&writings.items[i].ids);
        ids_free(&writings.items[i].out);
    }
    free(writings.items);
    if (!good)
        return false;
    struct finding *finding = &findings->items[at];
    finding_measured(finding, (double)bad, "prompts");
    finding_limit(finding, 0, "a model that can be sampled has finite logits");
    finding_judge(finding);
    finding_message(finding, "%zu prompt%s continued, %zu with logits that are not finite.", count,
                    count > 1 ? "s" : "", bad);
    return true;
}
