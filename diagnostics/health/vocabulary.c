#include "health/vocabulary_internal.h"

#include <stdlib.h>

#include "health/vocabulary_place.h"

static bool check_tokens(struct vocabulary *vocabulary, uint64_t *with_row)
{
    const struct tokenizer *tokenizer = vocabulary->subject->tokenizer;
    const struct row_profile *table = vocabulary->shortest;
    for (size_t i = 0; i < tokenizer_count(tokenizer); i++) {
        int id = tokenizer_at(tokenizer, i).id;
        char label[TOKEN_LABEL];
        if ((uint64_t)id < table->rows) {
            ++*with_row;
            continue;
        }
        if (vocabulary->outside++ >= NAMED_MAX)
            continue;
        struct finding *place = vocabulary_place(vocabulary, IDS_CHECK, VERDICT_FAIL, id, table);
        if (!place)
            return false;
        finding_message(place, "Token %s of the tokenizer has no row in '%s', which has %llu.",
                        token_label(tokenizer, id, label), table->tensor->name, (unsigned long long)table->rows);
    }
    return true;
}

/* The first tokens that have no row, for the summary. */
static void list_outside(const struct vocabulary *vocabulary, size_t from, struct buffer *out)
{
    const struct findings *findings = vocabulary->findings;
    for (size_t i = from, listed = 0; i < findings->count && listed < 3; i++) {
        char label[TOKEN_LABEL];
        if (findings->items[i].verdict != VERDICT_FAIL || findings->items[i].where.token < 0)
            continue;
        buffer_format(out, "%s%s", listed++ ? ", " : "; the first: ",
                      token_label(vocabulary->subject->tokenizer, findings->items[i].where.token, label));
    }
}

static bool check_ids(struct vocabulary *vocabulary)
{
    const struct row_profile *table = vocabulary->shortest;
    const struct tokenizer *tokenizer = vocabulary->subject->tokenizer;
    size_t at = vocabulary->findings->count;
    uint64_t with_row = 0;
    if (!findings_add(vocabulary->findings, IDS_CHECK))
        return error_memory(vocabulary->error, IDS_CHECK);
    if (!check_tokens(vocabulary, &with_row) || !vocabulary_special(vocabulary))
        return false;
    struct finding *finding = &vocabulary->findings->items[at];
    finding_measured(finding, (double)vocabulary->outside, "ids without a row");
    finding_limit(finding, 0, "an id without a row is read from outside the table");
    finding_judge(finding);
    if (finding->verdict == VERDICT_PASS && (vocabulary->differences || vocabulary->endless))
        finding->verdict = VERDICT_WARN;
    finding_fact(finding, "rows", (double)table->rows);
    finding_fact(finding, "tokens", (double)tokenizer_count(tokenizer));
    finding_fact(finding, "rows_without_token", (double)(table->rows - with_row));
    finding_fact(finding, "tokens_never_produced", (double)vocabulary->unreached);
    finding_fact(finding, "differences", (double)vocabulary->differences);
    if (*vocabulary->end)
        finding_fact_text(finding, "end", "%s", vocabulary->end);
    struct buffer list = {0};
    list_outside(vocabulary, at + 1, &list);
    const char *first = list.data ? list.data : "";
    if (vocabulary->outside)
        finding_message(finding, "%llu id%s no row among the %llu of '%s'%s.", (unsigned long long)vocabulary->outside,
                        vocabulary->outside == 1 ? " has" : "s have", (unsigned long long)table->rows,
                        table->tensor->name, first);
    else if (vocabulary->differences)
        finding_message(finding, "All %zu tokens have a row, but the files disagree about special tokens.",
                        tokenizer_count(tokenizer));
    else if (vocabulary->endless)
        finding_message(finding, "All %zu tokens have a row, but none of them is named as the end of a text.",
                        tokenizer_count(tokenizer));
    else
        finding_message(
            finding,
            "All %zu tokens have a row, %llu of %llu rows have no token, and no text encodes to %zu of the tokens.",
            tokenizer_count(tokenizer), (unsigned long long)(table->rows - with_row), (unsigned long long)table->rows,
            vocabulary->unreached);
    buffer_free(&list);
    return true;
}

static bool skip_both(struct findings *findings, const char *reason, struct error *error)
{
    static const char *const checks[] = {IDS_CHECK, ROWS_CHECK};
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        if (!finding_skip(findings_add(findings, checks[i]), "%s.", reason))
            return error_memory(error, checks[i]);
    return true;
}

bool vocabulary_check(const struct subject *subject, const struct row_profile *embedding,
                      const struct row_profile *head, struct findings *findings, struct error *error)
{
    struct vocabulary vocabulary = {
        .subject = subject, .tables = {embedding, head}, .findings = findings, .error = error};
    if (!subject->tokenizer)
        return skip_both(findings, subject->tokenizer_problem ? subject->tokenizer_problem : "no tokenizer", error);
    if (!embedding && !head)
        return skip_both(findings, "There is neither an embedding nor a head to compare the vocabulary with", error);
    vocabulary.shortest = !embedding || (head && head->rows < embedding->rows) ? head : embedding;
    bool good = vocabulary_kinds(&vocabulary) && check_ids(&vocabulary) && vocabulary_rows(&vocabulary);
    ids_free(&vocabulary.unused);
    free(vocabulary.kinds);
    return good;
}
