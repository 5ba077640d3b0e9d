#include "texts/writing.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run/generate.h"

const char *const writing_prompts[WRITING_PROMPTS] = {"The future of artificial intelligence is",
                                                      "Machine cognition differs from human cognition in that",
                                                      "The key to understanding sparse expert architectures lies in",
                                                      "In 2050, the relationship between humans and AI will be"};

/* The texts of one way of decoding: [count]. */
struct pass_texts {
    const char *way;
    struct generation *generations;
};

#define ENDS_MOST 4096 /* tokens whose ends are found: the time is quadratic */
#define WAYS 2
#define ID_MOST 40

struct writing {
    struct subject *subject;
    const struct writing_request *request;
    struct pass_texts passes[WAYS];
    size_t pass_count;
    struct text_case *cases; /* [pass_count * request->count] */
    char (*ids)[ID_MOST];
};

static bool write_texts(struct writing *writing, bool greedy, struct error *error)
{
    const struct writing_request *request = writing->request;
    struct pass_texts *pass = &writing->passes[writing->pass_count++];
    struct generation_request generation = {.prompts = request->prompts,
                                            .count = request->count,
                                            .most = request->most,
                                            .chat = request->chat,
                                            .seed = request->seed,
                                            .sampler = request->sampler};
    if (greedy)
        generation.sampler.temperature = 0;
    pass->way = greedy ? "greedy" : "sampled";
    pass->generations = calloc(request->count + 1, sizeof *pass->generations);
    return (pass->generations || error_memory(error, "texts")) &&
           generate(writing->subject, &generation, pass->generations, error);
}

/* Where each token ends in the text, in bytes: what is decoded of the tokens up to it. */
static size_t *token_ends(struct subject *subject, const struct generation *generation, struct error *error)
{
    size_t *ends = calloc(generation->ids.count + 1, sizeof *ends);
    size_t count = generation->ids.count < ENDS_MOST ? generation->ids.count : ENDS_MOST;
    struct buffer text = {0};
    if (!ends)
        error_memory(error, "texts");
    for (size_t i = 0; ends && i < count; i++) {
        text.size = 0;
        struct error unknown = {0}; /* an id without a text: the end stays where it was */
        bool good = tokenizer_decode(subject->tokenizer, generation->ids.data, i + 1, true, &text, &unknown);
        error_clear(&unknown);
        ends[i] = good ? text.size : i ? ends[i - 1] : 0;
    }
    for (size_t i = count; ends && i < generation->ids.count; i++)
        ends[i] = SIZE_MAX;
    buffer_free(&text);
    return ends;
}

static bool make_case(struct writing *writing, size_t at, struct error *error)
{
    const struct writing_request *request = writing->request;
    const struct pass_texts *pass = &writing->passes[at % writing->pass_count];
    size_t which = at / writing->pass_count;
    const struct generation *generation = &pass->generations[which];
    snprintf(writing->ids[at], ID_MOST, "prompt %zu, %s", which + 1, pass->way);
    struct text_case *text = &writing->cases[at];
    *text = (struct text_case){.id = writing->ids[at],
                               .prompt = request->prompts[which],
                               .text = generation->text,
                               .size = strlen(generation->text),
                               .expects = request->expects ? &request->expects[which] : NULL,
                               .tokens = generation->ids.count,
                               .steps = generation->steps,
                               .broken = generation->broken};
    return (text->token_ends = token_ends(writing->subject, generation, error));
}

#define CONTROL_TOKENS 8 /* of a continuation that says anything */

/* Adds to `*judged` and `*bad` the continuations of gold that are long enough to judge, and those that are gibberish.
 */
static bool judge_golden(const struct writing *writing, struct quality *quality, const struct golden *golden,
                         size_t *judged, size_t *bad, struct error *error)
{
    bool good = true;
    for (size_t i = 0; good && i < golden_case_count(golden); i++) {
        const struct golden_case *gold = golden_case_at(golden, i);
        struct buffer text = {0};
        struct judgement judgement = {0};
        struct error unknown = {0}; /* ids that this tokenizer lacks: tokens.c tells */
        if (gold->greedy_count >= CONTROL_TOKENS &&
            tokenizer_decode(writing->subject->tokenizer, gold->greedy, gold->greedy_count, true, &text, &unknown)) {
            good = quality_judge(quality, &(struct quality_text){.text = text.data ? text.data : "", .size = text.size},
                                 &judgement, error);
            *judged += judgement.verdict != QUALITY_TOO_SHORT;
            *bad += judgement.verdict == QUALITY_GIBBERISH;
        }
        judgement_free(&judgement);
        error_clear(&unknown);
        buffer_free(&text);
    }
    return good;
}

/* Sets `*why` where gold shows that the original writes gibberish itself. */
static bool original_writes(const struct writing *writing, struct quality *quality, const char **why,
                            struct error *error)
{
    size_t judged = 0, bad = 0;
    for (size_t i = 0; i < writing->request->golden_count; i++)
        if (!judge_golden(writing, quality, writing->request->goldens[i], &judged, &bad, error))
            return false;
    if (2 * bad > judged)
        *why = "Most continuations that gold holds are gibberish too: the original writes so itself.";
    else if (writing->request->same && (writing->request->whole || !judged))
        *why = writing->request->same;
    return true;
}

static bool judge_texts(struct writing *writing, struct findings *findings, struct error *error)
{
    const struct writing_request *request = writing->request;
    size_t count = writing->pass_count * request->count;
    struct texts_control control = {.limits = request->limits,
                                    .vocabulary = (size_t)writing->subject->config->vocabulary};
    struct quality *quality = request->quality;
    writing->cases = calloc(count + 1, sizeof *writing->cases);
    writing->ids = calloc(count + 1, sizeof *writing->ids);
    bool good = (writing->cases && writing->ids) || error_memory(error, "texts");
    for (size_t i = 0; good && i < count; i++)
        good = make_case(writing, i, error);
    good = good && original_writes(writing, quality, &control.original, error) &&
           (!request->judge ||
            texts_hear(request->judge, writing->cases, count, !request->chat, &control.judge_bits, error)) &&
           texts_judge(quality, writing->cases, count, error) &&
           texts_report(quality, writing->cases, count, &control, findings, error);
    texts_free(writing->cases, count);
    for (size_t i = 0; writing->cases && i < count; i++)
        free(writing->cases[i].token_ends);
    free(writing->cases);
    free(writing->ids);
    return good;
}

bool writing_check(struct subject *subject, const struct writing_request *request, struct findings *findings,
                   struct error *error)
{
    struct writing writing = {.subject = subject, .request = request};
    bool good = subject_needs_tokenizer(subject, error) && subject_load(subject, error) &&
                write_texts(&writing, false, error) && write_texts(&writing, true, error) &&
                judge_texts(&writing, findings, error);
    for (size_t i = 0; i < writing.pass_count; i++) {
        generations_free(writing.passes[i].generations, request->count);
        free(writing.passes[i].generations);
    }
    return good;
}
