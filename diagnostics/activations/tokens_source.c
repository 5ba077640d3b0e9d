/* Two tokenizers at hand: do they read the same strings alike? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "activations/tokens.h"
#include "activations/tokens_strings.h"

#define NAMED_MAX 8
#define IDS_SHOWN 8

static void ids_text(const struct ids *ids, size_t first, struct buffer *out)
{
    size_t from = first > 1 ? first - 1 : 0, to = from + IDS_SHOWN < ids->count ? from + IDS_SHOWN : ids->count;
    buffer_text(out, from ? "[... " : "[");
    for (size_t i = from; i < to; i++)
        buffer_format(out, "%s%d", i > from ? " " : "", ids->data[i]);
    buffer_text(out, to < ids->count ? " ...]" : "]");
}

/* `*differ`: the two read the string otherwise; the first few are named. */
static bool compare_string(struct tokenizer *mine, struct tokenizer *other, const struct buffer *string, size_t *differ,
                           struct findings *findings, struct error *error)
{
    struct ids here = {0}, there = {0};
    struct buffer a = {0}, b = {0};
    size_t same = 0;
    bool good = tokenizer_encode(mine, string->data, string->size, true, &here, error) &&
                tokenizer_encode(other, string->data, string->size, true, &there, error);
    while (same < here.count && same < there.count && here.data[same] == there.data[same])
        same++;
    bool equal = same == here.count && same == there.count;
    if (good && !equal && ++*differ <= NAMED_MAX) {
        struct finding *place = findings_place(findings, "tokens.source", VERDICT_FAIL);
        ids_text(&here, same, &a);
        ids_text(&there, same, &b);
        good = (place && a.data && b.data) || error_memory(error, "tokens");
        if (good)
            finding_message(place, "\"%s\" is %s here and %s there.", string->data, a.data, b.data);
    }
    ids_free(&here);
    ids_free(&there);
    buffer_free(&a);
    buffer_free(&b);
    return good;
}

static bool compare_all(struct tokenizer *mine, struct tokenizer *other, size_t *differ, struct findings *findings,
                        struct error *error)
{
    struct buffer string = {0};
    bool good = true;
    for (size_t i = 0; good && i < TOKENS_STRINGS; i++) {
        tokens_string(i, &string);
        good = (!string.failed || error_memory(error, "tokens")) &&
               compare_string(mine, other, &string, differ, findings, error);
    }
    buffer_free(&string);
    return good;
}

bool tokens_check_source(const struct subject *subject, struct findings *findings, struct error *error)
{
    struct error none = {0};
    char *path = NULL;
    struct tokenizer *other = subject->tokenizer ? subject_second_tokenizer(subject, &path, &none) : NULL;
    size_t at = findings->count, differ = 0;
    error_clear(&none);
    bool good = !other || findings_add(findings, "tokens.source") || error_memory(error, "tokens");
    good = good && (!other || compare_all(subject->tokenizer, other, &differ, findings, error));
    if (good && other) {
        struct finding *finding = &findings->items[at];
        finding_measured(finding, (double)differ, "strings differ");
        finding_limit(finding, 0, "one different id is another input");
        finding_judge(finding);
        finding_message(finding, "%zu of %d strings %s other ids from the tokenizer that is used than from that of %s.",
                        differ, TOKENS_STRINGS, differ == 1 ? "gets" : "get", path);
    }
    tokenizer_free(other);
    free(path);
    return good;
}
