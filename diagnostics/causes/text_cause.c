#include "causes/text_cause.h"

#include <stdlib.h>
#include <string.h>

#include "causes/cause_commands.h"
#include "causes/rest.h"
#include "text/text_variant.h"

/* How many of gold's prompts the tokenizer reads as gold did, of `*count`. One that it cannot read is not. */
static size_t reads_right(const struct hunt_request *request, struct tokenizer *tokenizer, size_t *count)
{
    size_t right = 0;
    *count = 0;
    for (size_t i = 0; i < request->golden_count; i++)
        for (size_t k = 0; k < golden_case_count(request->goldens[i]); k++) {
            const struct golden_case *one = golden_case_at(request->goldens[i], k);
            struct ids ids = {0};
            struct error none = {0};
            if (!one->prompt)
                continue;
            ++*count;
            right += tokenizer_encode(tokenizer, one->prompt, strlen(one->prompt), true, &ids, &none) &&
                     ids.count == one->count && memcmp(ids.data, one->ids, ids.count * sizeof *ids.data) == 0;
            error_clear(&none);
            ids_free(&ids);
        }
    return right;
}

static bool report(const struct causes_request *request, const struct text_variant_row *row, size_t count,
                   struct findings *findings)
{
    struct finding *finding = findings_place(findings, CAUSE_CHECK, VERDICT_FAIL);
    struct hypothesis hypothesis = {.departure = DEPARTURE_TEXT};
    if (!finding)
        return false;
    strncat(hypothesis.text, row->name, sizeof hypothesis.text - 1);
    finding_message(
        finding,
        "Gold's text %s. With --text-variant %s all %zu prompts have gold's ids: proved. The usual mistake: %s.",
        row->does, row->name, count, row->mistake);
    hypothesis_facts(&hypothesis, departure_kind(hypothesis.departure), "proved", finding);
    return commands_add(request, &hypothesis, 1, finding);
}

bool text_cause_find(const struct causes_request *request, const struct subject *subject, struct findings *findings,
                     struct error *error)
{
    size_t count = 0;
    const struct text_variant_row *row;
    if (!subject->tokenizer || reads_right(&request->hunt, subject->tokenizer, &count) == count)
        return true;
    const char **names = calloc(request->text_variants.count + 1, sizeof *names);
    bool good = names || error_memory(error, "causes"), found = false;
    for (size_t i = 0; good && i < request->text_variants.count; i++)
        names[i] = request->text_variants.names[i];
    for (size_t i = 0; good && !found && (row = text_variant_at(i)); i++) {
        struct error none = {0};
        const struct text_variants variants = {.names = names, .count = request->text_variants.count + 1};
        names[request->text_variants.count] = row->name;
        struct tokenizer *tokenizer = subject_tokenizer_as(subject, &variants, &none);
        found = tokenizer && reads_right(&request->hunt, tokenizer, &count) == count;
        tokenizer_free(tokenizer);
        error_clear(&none);
        good = !found || report(request, row, count, findings) || error_memory(error, "causes");
    }
    free(names);
    return good;
}
