#include "golden/cases.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/id_list.h"
#include "math/distribution.h"
#include "run/decode.h"

#define CONTEXT_DEFAULT 512
#define TEXT_MAX ((size_t)1 << 30)

static bool add_case(struct cases *cases, const struct golden_case *golden_case, struct error *error)
{
    return array_push(cases->items, cases->count, cases->capacity, *golden_case) || error_memory(error, "cases");
}

static bool add_golden(const struct cases_request *request, const struct subject *subject, struct cases *cases,
                       struct error *error)
{
    if (!request->golden)
        return true;
    cases->golden = golden_open(request->golden, error);
    bool good = cases->golden && golden_begin_as(cases->golden, subject->tokenizer, error) &&
                golden_ids_fit(cases->golden, subject->config->vocabulary, error);
    for (size_t i = 0; good && i < golden_case_count(cases->golden); i++) {
        const struct golden_case *golden_case = golden_case_at(cases->golden, i);
        const struct golden_case kept = {.id = golden_case->id, /* what gold says of it is not what this model does */
                                         .ids = golden_case->ids,
                                         .count = golden_case->count,
                                         .prompt = golden_case->prompt,
                                         .perplexity = NAN};
        good = add_case(cases, &kept, error);
    }
    return good;
}

/* A case of its own ids, which are taken over. */
static bool add_own(struct cases *cases, const char *kind, size_t number, struct ids *ids, const char *prompt,
                    struct error *error)
{
    size_t at = cases->own++;
    cases->ids[at] = *ids;
    *ids = (struct ids){0};
    snprintf(cases->names[at], sizeof cases->names[at], "%s-%zu", kind, number);
    const struct golden_case own = {.id = cases->names[at],
                                    .ids = cases->ids[at].data,
                                    .count = cases->ids[at].count,
                                    .prompt = prompt,
                                    .perplexity = NAN};
    return add_case(cases, &own, error);
}

static bool add_written(const struct cases_request *request, const struct subject *subject, struct cases *cases,
                        struct error *error)
{
    size_t prompts = request->prompt_count, all = prompts + request->id_list_count;
    for (size_t i = 0; i < all; i++) {
        bool prompt = i < prompts;
        const char *text = prompt ? request->prompts[i] : request->id_lists[i - prompts];
        struct ids ids = {0};
        bool good = prompt ? subject_needs_tokenizer(subject, error) &&
                                 tokenizer_encode(subject->tokenizer, text, strlen(text), true, &ids, error)
                           : ids_parse(text, &ids, error);
        good = good && (ids.count || error_set(error, "the prompt '%s' has no tokens", text)) &&
               add_own(cases, prompt ? "prompt" : "ids", i, &ids, prompt ? text : NULL, error);
        ids_free(&ids);
        if (!good)
            return false;
    }
    return true;
}

static bool greedy_choose(void *context, size_t which, size_t step, float *logits, size_t width, int *next)
{
    struct cases *cases = context;
    (void)step;
    *next = (int)largest_index(logits, width);
    return ids_push(&cases->greedy[which], *next);
}

bool cases_continue(struct cases *cases, struct subject *subject, struct error *error)
{
    size_t count = cases->golden ? golden_case_count(cases->golden) : 0;
    struct decode_prompt *prompts = calloc(count + 1, sizeof *prompts);
    cases->greedy = calloc(count + 1, sizeof *cases->greedy);
    bool good = (prompts && cases->greedy) || error_memory(error, "cases"), any = false;
    for (size_t i = 0; good && i < count; i++) {
        const struct golden_case *golden_case = golden_case_at(cases->golden, i);
        prompts[i] = (struct decode_prompt){golden_case->ids, golden_case->count, golden_case->greedy_count};
        any = any || golden_case->greedy_count;
    }
    good = good && (!any || decode(subject, prompts, count, "greedy", greedy_choose, cases, error));
    for (size_t i = 0; good && i < count; i++) {
        good = cases->greedy[i].count == prompts[i].most || error_memory(error, "cases");
        cases->items[i].greedy = cases->greedy[i].data;
        cases->items[i].greedy_count = cases->greedy[i].count;
    }
    free(prompts);
    return good;
}

/* As llama-perplexity does it: what is left at the end is dropped, and every window begins with the tokenizer's BOS, if
 * that adds one, in place of its first token. */
static bool add_windows(const struct subject *subject, struct cases *cases, size_t context, struct error *error)
{
    struct ids bos = {0};
    bool good = tokenizer_encode(subject->tokenizer, "", 0, true, &bos, error);
    for (size_t window = 0; good && window < cases->text.count / context; window++) {
        struct ids ids = {0};
        good = ids_append(&ids, cases->text.data + window * context, context) || error_memory(error, "windows");
        if (good && bos.count && bos.data[0] == cases->text.data[0])
            ids.data[0] = bos.data[0];
        good = good && add_own(cases, "window", window, &ids, NULL, error);
        ids_free(&ids);
    }
    ids_free(&bos);
    return good;
}

static bool read_text(const struct cases_request *request, const struct subject *subject, struct cases *cases,
                      struct error *error)
{
    size_t context = request->context ? request->context : CONTEXT_DEFAULT;
    struct buffer text = {0};
    bool good = subject_needs_tokenizer(subject, error) && file_read(request->text, TEXT_MAX, &text, error) &&
                tokenizer_encode(subject->tokenizer, text.data ? text.data : "", text.size, true, &cases->text, error);
    buffer_free(&text);
    if (good && cases->text.count < context)
        good = error_set(error,
                         "%s: has %zu tokens, less than one window of %zu: name a longer text, or a smaller --context",
                         request->text, cases->text.count, context);
    return good;
}

bool cases_open(const struct cases_request *request, const struct subject *subject, struct cases *cases,
                struct error *error)
{
    size_t own = request->prompt_count + request->id_list_count;
    if (request->text && !read_text(request, subject, cases, error))
        return false;
    size_t context = request->context ? request->context : CONTEXT_DEFAULT;
    own += cases->text.count / context;
    cases->ids = calloc(own + 1, sizeof *cases->ids);
    cases->names = calloc(own + 1, sizeof *cases->names);
    if (!cases->ids || !cases->names)
        return error_memory(error, "cases");
    return add_golden(request, subject, cases, error) && add_written(request, subject, cases, error) &&
           (!request->text || add_windows(subject, cases, context, error));
}

void cases_close(struct cases *cases)
{
    for (size_t i = 0; cases->greedy && cases->golden && i < golden_case_count(cases->golden); i++)
        ids_free(&cases->greedy[i]);
    free(cases->greedy);
    for (size_t i = 0; i < cases->own; i++)
        ids_free(&cases->ids[i]);
    ids_free(&cases->text);
    free(cases->ids);
    free(cases->items);
    free(cases->names);
    golden_free(cases->golden);
}
