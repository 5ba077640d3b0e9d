#include "diagnostics/prompts.h"

#include <math.h>
#include <string.h>

#include "diagnostics/logits.h"

/* The most likely token after the last pass. */
struct next_token {
    int id;
    bool finite;
};

static bool next_see(void *context, const struct activation *activation, struct error *error)
{
    struct next_token *next = context;
    (void)error;
    for (size_t row = 0; activation->point == POINT_HEAD && row < activation->rows; row++) {
        const float *logits = activation->values + row * activation->width;
        next->id = (int)largest_index(logits, activation->width);
        for (size_t i = 0; i < activation->width; i++)
            next->finite = next->finite && isfinite(logits[i]);
    }
    return true;
}

static bool continue_prompt(struct subject *subject, size_t new_tokens, const char *prompt, struct ids *out,
                            bool *finite, struct error *error)
{
    struct next_token next = {.finite = true};
    struct probe probe = {.see = next_see, .context = &next};
    struct ids ids = {0};
    struct kv *kv = NULL;
    bool good = tokenizer_encode(subject->tokenizer, prompt, strlen(prompt), true, &ids, error) &&
                (kv = kv_new(subject->config, ids.count + new_tokens, error));
    struct sequence sequence = {
        .ids = ids.data, .count = ids.count, .kv = kv, .logits_from = ids.count ? ids.count - 1 : 0};
    for (size_t step = 0; good && next.finite && step < new_tokens; step++) {
        good = model_forward(subject->model, &sequence, 1, &probe, error) &&
               (ids_push(out, next.id) || error_memory(error, "prompts"));
        sequence = (struct sequence){.ids = &next.id, .count = 1, .kv = kv};
    }
    *finite = next.finite;
    kv_free(kv);
    ids_free(&ids);
    return good;
}

static bool run_prompt(struct subject *subject, size_t new_tokens, const char *prompt, size_t *bad,
                       struct findings *findings, struct error *error)
{
    struct ids ids = {0};
    struct buffer text = {0};
    bool finite = true;
    struct error unknown = {0};
    bool good = continue_prompt(subject, new_tokens, prompt, &ids, &finite, error);
    /* a vocabulary may be larger than its tokenizer: such ids have no text */
    if (good && !tokenizer_decode(subject->tokenizer, ids.data, ids.count, false, &text, &unknown))
        buffer_format(&text, "(%s)", error_text(&unknown));
    error_clear(&unknown);
    struct finding *finding = good ? findings_add(findings, "prompts") : NULL;
    if (finding) {
        finding->summary = false;
        finding->verdict = finite ? VERDICT_PASS : VERDICT_FAIL;
        *bad += !finite;
        finding_fact_text(finding, "prompt", "%s", prompt);
        finding_fact_text(finding, "text", "%s", text.data ? text.data : "");
        finding_message(finding, finite ? "\"%s\" goes on: \"%s\"." : "\"%s\": the logits are not finite after \"%s\".",
                        prompt, text.data ? text.data : "");
    }
    buffer_free(&text);
    ids_free(&ids);
    return good && (finding || error_memory(error, "prompts"));
}

bool prompts_check(struct subject *subject, char *const *prompts, size_t count, size_t new_tokens,
                   struct findings *findings, struct error *error)
{
    size_t at = findings->count, bad = 0;
    if (!subject_needs_tokenizer(subject, error) || !subject_load(subject, error))
        return false;
    if (!findings_add(findings, "prompts"))
        return error_memory(error, "prompts");
    model_keep_weights(subject->model, true);
    for (size_t i = 0; i < count; i++)
        if (!run_prompt(subject, new_tokens, prompts[i], &bad, findings, error))
            return false;
    model_keep_weights(subject->model, false);
    struct finding *finding = &findings->items[at];
    finding_measured(finding, (double)bad, "prompts");
    finding_limit(finding, 0, "a model that can be sampled has finite logits");
    finding_judge(finding);
    finding_message(finding, "%zu prompt%s continued, %zu with logits that are not finite.", count,
                    count > 1 ? "s" : "", bad);
    return true;
}
