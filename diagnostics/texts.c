#include "diagnostics/texts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/progress.h"

bool texts_judge(struct quality *quality, struct text_case *cases, size_t count, struct error *error)
{
    struct progress progress = progress_begin("texts", "texts", count);
    bool good = true;
    for (size_t i = 0; good && i < count; i++) {
        good = quality_judge(quality, cases[i].prompt, cases[i].text, cases[i].size, cases[i].expects,
                             &cases[i].judgement, error) ||
               error_context(error, "%s", cases[i].id);
        progress_step(&progress, i + 1);
    }
    progress_end(&progress);
    return good;
}

void texts_free(struct text_case *cases, size_t count)
{
    for (size_t i = 0; cases && i < count; i++)
        judgement_free(&cases[i].judgement);
}

static bool judgement_fails(const struct judgement *judgement)
{
    return judgement->hit_count > 0;
}

/* Characters before the byte. */
static size_t characters_before(const char *text, size_t byte)
{
    size_t count = 0;
    for (size_t i = 0; i < byte; i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

static void put_hit(struct buffer *out, const struct text_case *text, const struct hit *hit)
{
    buffer_format(out, "%s%s from character %zu on (%s: %s)", out->size ? "; " : "", hit->because,
                  characters_before(text->text, hit->onset), hit->rule, hit->numbers);
}

/* The text as JSON and reports can hold it: what is no UTF-8 becomes U+FFFD, which moves marks behind it. */
static bool put_marked(struct finding *finding, const struct text_case *text)
{
    struct marked_text *marked = finding_marked(finding, text->text, text->size);
    for (size_t i = 0; marked && i < text->judgement.marks.count; i++) {
        const struct mark *mark = &text->judgement.marks.items[i];
        if (!marked_text_add(marked, mark->from, mark->to, quality_diagnostic_name(mark->diagnostic)))
            return false;
    }
    return marked;
}

/* `hit`: the reason, or NULL. */
static bool report_text(const struct text_case *text, const char *check, const struct hit *hit, enum verdict verdict,
                        struct findings *findings)
{
    struct finding *finding = findings_add(findings, check);
    struct buffer reasons = {0};
    if (!finding)
        return false;
    finding->summary = false;
    finding->verdict = verdict;
    where_set(&finding->where.case_id, text->id);
    finding_fact_text(finding, "verdict", "%s", quality_verdict_name(text->judgement.verdict));
    if (text->prompt)
        finding_fact_text(finding, "prompt", "%s", text->prompt);
    for (size_t i = 0; hit && i < text->judgement.hit_count; i++)
        if (&text->judgement.hits[i] == hit || text->judgement.hits[i].diagnostic != hit->diagnostic ||
            strcmp(check, "text.verdict") == 0)
            put_hit(&reasons, text, &text->judgement.hits[i]);
    if (hit) {
        finding_fact_text(finding, "reason", "%s", quality_diagnostic_name(hit->diagnostic));
        finding_fact_text(finding, "rule", "%s", hit->rule);
        finding_fact(finding, "onset", (double)characters_before(text->text, hit->onset));
        finding_message(finding, "%s(%s): %s.", quality_verdict_name(text->judgement.verdict),
                        quality_diagnostic_name(hit->diagnostic), reasons.data ? reasons.data : hit->because);
    } else {
        finding_message(finding, "%s.", quality_verdict_name(text->judgement.verdict));
    }
    buffer_free(&reasons);
    return put_marked(finding, text);
}

static bool report_verdicts(struct quality *quality, const struct text_case *cases, size_t count,
                            struct findings *findings)
{
    size_t at = findings->count, bad = 0, brief = 0;
    if (!findings_add(findings, "text.verdict"))
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct judgement *judgement = &cases[i].judgement;
        enum verdict verdict = judgement_fails(judgement)                ? VERDICT_FAIL
                               : judgement->verdict == QUALITY_TOO_SHORT ? VERDICT_SKIP
                                                                         : VERDICT_PASS;
        bad += verdict == VERDICT_FAIL;
        brief += verdict == VERDICT_SKIP;
        if (!report_text(&cases[i], "text.verdict", verdict == VERDICT_FAIL ? judgement->hits : NULL, verdict,
                         findings))
            return false;
    }
    struct finding *finding = &findings->items[at];
    finding_measured(finding, (double)bad, "texts");
    finding_limit(finding, 0, "no text may be gibberish, or lack what its prompt asks for");
    finding_judge(finding);
    if (!bad && brief == count && count)
        finding->verdict = VERDICT_SKIP;
    finding_fact(finding, "texts", (double)count);
    finding_fact(finding, "too_short", (double)brief);
    finding_fact_text(finding, "dictionaries", "%s", quality_dictionaries(quality));
    finding_fact_text(finding, "grammar", "%s", quality_has_grammar(quality) ? "link-grammar, English" : "none");
    finding_message(finding,
                    "%zu of %zu text%s gibberish or not what was asked for, in %zu no fault was found, %zu %s too "
                    "short to tell.",
                    bad, count, count == 1 ? " is" : "s are", count - bad - brief, brief, brief == 1 ? "is" : "are");
    return true;
}

static bool report_diagnostic(const struct text_case *cases, size_t count, enum quality_diagnostic diagnostic,
                              struct findings *findings)
{
    char check[64];
    size_t at = findings->count, bad = 0;
    const char *name = quality_diagnostic_name(diagnostic);
    snprintf(check, sizeof check, "text.%s", name);
    if (!findings_add(findings, check))
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct hit *hit = judgement_hit(&cases[i].judgement, diagnostic);
        bad += hit != NULL;
        if (hit && !report_text(&cases[i], check, hit, VERDICT_FAIL, findings))
            return false;
    }
    struct finding *finding = &findings->items[at];
    finding_measured(finding, (double)bad, "texts");
    finding_limit(finding, 0, "the rules of suites/quality.json");
    finding_judge(finding);
    finding_message(finding, "%s: %zu of %zu texts at fault.", name, bad, count);
    return true;
}

bool texts_report(struct quality *quality, const struct text_case *cases, size_t count, struct findings *findings,
                  struct error *error)
{
    bool good = report_verdicts(quality, cases, count, findings);
    for (int i = 0; good && i < DIAGNOSE_COUNT; i++)
        good = report_diagnostic(cases, count, (enum quality_diagnostic)i, findings);
    return good || error_memory(error, "texts");
}
