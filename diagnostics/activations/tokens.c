#include "activations/tokens.h"

#include <string.h>

static bool compare_case(const struct subject *subject, const struct golden_case *golden_case, size_t *differ,
                         struct findings *findings, struct error *error)
{
    struct ids ids = {0};
    if (!tokenizer_encode(subject->tokenizer, golden_case->prompt, strlen(golden_case->prompt), true, &ids, error)) {
        ids_free(&ids);
        return error_context(error, "case '%s'", golden_case->id);
    }
    size_t same = 0;
    while (same < ids.count && same < golden_case->count && ids.data[same] == golden_case->ids[same])
        same++;
    bool equal = same == ids.count && same == golden_case->count;
    struct finding *finding = equal ? NULL : findings_place(findings, "tokens.ids", VERDICT_FAIL);
    bool good = equal || finding || error_memory(error, "tokens");
    if (finding) {
        ++*differ;
        where_set(&finding->where.case_id, golden_case->id);
        finding->where.token = (int)same;
        finding_message(finding,
                        "The prompt of case '%s' is %zu tokens here and %zu in gold; they differ from token %zu on "
                        "(%d here, %d in gold).",
                        golden_case->id, ids.count, golden_case->count, same, same < ids.count ? ids.data[same] : -1,
                        same < golden_case->count ? golden_case->ids[same] : -1);
    }
    ids_free(&ids);
    return good;
}

/* Written anew, by another version or by hand, it may do the same: what it does is what counts. */
static bool is_other_file(const struct subject *subject, const struct golden *golden)
{
    const char *gold = golden_tokenizer_sha256(golden);
    return gold && *subject->tokenizer_sha256 && strcmp(gold, subject->tokenizer_sha256) != 0;
}

static bool holds_prompts(const struct golden *golden)
{
    for (size_t i = 0; i < golden_case_count(golden); i++)
        if (golden_case_at(golden, i)->prompt)
            return true;
    return false;
}

/* A folder without its tokenizer cannot be used; a file of weights alone may never have had one. */
static bool is_lost(const struct subject *subject, const struct golden *golden)
{
    enum store_kind kind = store_kind(subject->store);
    return !subject->tokenizer && (kind == STORE_CHECKPOINT || kind == STORE_EXTRACTION) && holds_prompts(golden);
}

static void no_prompts(const struct subject *subject, const struct golden *golden, struct finding *finding)
{
    if (is_lost(subject, golden)) {
        finding->verdict = VERDICT_WARN;
        finding_message(
            finding,
            "The tokenizer is missing, so nothing shows that the model reads gold's prompts as the original "
            "does: %s.",
            subject->tokenizer_problem);
        return;
    }
    bool unread = !subject->tokenizer && (subject->tokenizer_document || subject->tokenizer_folder);
    bool other = subject->tokenizer && is_other_file(subject, golden);
    finding->verdict = unread || other ? VERDICT_WARN : VERDICT_SKIP;
    finding_message(finding, "%s",
                    other
                        ? "tokenizer.json is another file than gold's, and gold records no prompts, only ids: nothing "
                          "shows whether it reads a text as gold's did."
                    : subject->tokenizer ? "Gold records no prompts, only ids."
                                         : subject->tokenizer_problem);
}

bool tokens_check(const struct subject *subject, const struct golden *golden, struct findings *findings,
                  struct error *error)
{
    size_t at = findings->count, prompts = 0, differ = 0;
    if (!findings_add(findings, "tokens.ids"))
        return error_memory(error, "tokens");
    for (size_t i = 0; subject->tokenizer && i < golden_case_count(golden); i++) {
        const struct golden_case *golden_case = golden_case_at(golden, i);
        prompts += golden_case->prompt != NULL;
        if (golden_case->prompt && !compare_case(subject, golden_case, &differ, findings, error))
            return false;
    }
    struct finding *finding = &findings->items[at];
    if (!prompts) {
        no_prompts(subject, golden, finding);
        return true;
    }
    finding_measured(finding, (double)differ, "prompts differ");
    finding_limit(finding, 0, "one different id is another input");
    finding_judge(finding);
    finding_message(finding, "%zu of %zu prompts %s encoded differently than in gold%s.", differ, prompts,
                    differ == 1 ? "is" : "are",
                    is_other_file(subject, golden) ? " (tokenizer.json is another file than gold's)" : "");
    return true;
}

bool tokens_check_reader(const struct subject *subject, struct findings *findings, struct error *error)
{
    const char *instead = subject->tokenizer ? tokenizer_instead(subject->tokenizer) : NULL;
    if (!instead && (subject->tokenizer || !(subject->tokenizer_folder || subject->tokenizer_document)))
        return true;
    struct finding *finding = findings_add(findings, "tokens.reader");
    if (!finding)
        return error_memory(error, "tokens");
    finding->verdict = VERDICT_WARN;
    if (instead)
        finding_message(finding,
                        "tokenizer.json cuts or normalizes texts otherwise than the class %s, as which transformers 5 "
                        "opens this folder, and whose rules are used: readers that take the file as it is, as "
                        "transformers 4 does, give some texts other ids.",
                        instead);
    else
        finding_message(finding, "The tokenizer cannot be read: %s.", subject->tokenizer_problem);
    return true;
}
