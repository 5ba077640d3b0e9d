#include "texts/texts.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/progress.h"

#define CONTROL_OTHERS 256 /* texts that an expectation is held against at most */
#define CONTROL_SHARE 4    /* an expectation that one in so many other texts meets proves nothing */

struct quality_text text_of(const struct text_case *text)
{
    return (struct quality_text){.text = text->text,
                                 .size = text->size,
                                 .prompt = text->prompt,
                                 .expects = text->expects,
                                 .surprise = text->surprise.count ? &text->surprise : NULL};
}

bool texts_surprise(struct subject *judge, struct text_case *cases, size_t count, double *knows, struct error *error)
{
    struct witness_text *texts = calloc(count + 1, sizeof *texts);
    struct surprise *surprises = calloc(count + 1, sizeof *surprises);
    bool good = (texts && surprises) || error_memory(error, "texts");
    for (size_t i = 0; good && i < count; i++)
        texts[i] = (struct witness_text){cases[i].text, cases[i].size};
    good = good && witness_surprise(judge, texts, count, surprises, knows, error);
    for (size_t i = 0; good && i < count; i++)
        cases[i].surprise = surprises[i];
    free(texts);
    free(surprises);
    return good;
}

bool texts_judge(struct quality *quality, struct text_case *cases, size_t count, struct error *error)
{
    struct progress progress = progress_begin("texts", "texts", count);
    bool good = true;
    for (size_t i = 0; good && i < count; i++) {
        const struct quality_text text = text_of(&cases[i]);
        good = quality_judge(quality, &text, &cases[i].judgement, error) || error_context(error, "%s", cases[i].id);
        progress_step(&progress, i + 1);
    }
    progress_end(&progress);
    return good;
}

static bool relate(struct subject *judge, struct text_case *cases, size_t count, bool continues, struct error *error)
{
    const struct relevance_options options = {.continues = continues};
    struct relevance_pair *pairs = calloc(count + 1, sizeof *pairs);
    struct relevance *relevances = calloc(count + 1, sizeof *relevances);
    bool good = (pairs && relevances) || error_memory(error, "texts");
    for (size_t i = 0; good && i < count; i++)
        pairs[i] = (struct relevance_pair){cases[i].prompt, cases[i].text};
    good = good && relevance_measure(judge, pairs, count, &options, relevances, error);
    for (size_t i = 0; good && i < count; i++) {
        cases[i].relevance = relevances[i];
        cases[i].related = true;
    }
    free(pairs);
    free(relevances);
    return good;
}

bool texts_hear(struct subject *judge, struct text_case *cases, size_t count, bool continues, double *knows,
                struct error *error)
{
    return texts_surprise(judge, cases, count, knows, error) && relate(judge, cases, count, continues, error);
}

void texts_free(struct text_case *cases, size_t count)
{
    for (size_t i = 0; cases && i < count; i++) {
        judgement_free(&cases[i].judgement);
        surprise_free(&cases[i].surprise);
    }
}

#define STEPS_LEAST 16 /* of a text whose entropy says something */

/* Mean entropy of a step, as a share of that of a flat distribution over the vocabulary; NaN: too few steps. */
static double text_entropy(const struct text_case *text, size_t vocabulary)
{
    double sum = 0;
    if (!text->steps || text->tokens < STEPS_LEAST || vocabulary < 2)
        return NAN;
    for (size_t i = 0; i < text->tokens; i++)
        sum += text->steps[i].entropy;
    return sum / (double)text->tokens / log((double)vocabulary);
}

/* What the model itself shows: logits that are no numbers, and a distribution that is nearly flat at every step. */
static bool weigh(struct text_case *text, const struct texts_control *control)
{
    double entropy = text_entropy(text, control->vocabulary), limit = control->limits->rows[LIMIT_TEXT_ENTROPY].value;
    char numbers[120];
    snprintf(numbers, sizeof numbers, "entropy %.3g of a flat distribution > %g", entropy, limit);
    return (!text->broken || judgement_add(&text->judgement, DIAGNOSE_SELF_CONSISTENCY, "self_consistency.finite",
                                           text->size, text->size, "the logits behind it are not finite", "")) &&
           (!(entropy > limit) || judgement_add(&text->judgement, DIAGNOSE_SELF_CONSISTENCY, "self_consistency.flat", 0,
                                                text->size, "the model finds nearly all tokens alike", numbers));
}

const char *text_verdict(const struct text_case *text)
{
    bool other = text->judgement.hit_count && text->judgement.verdict != QUALITY_GIBBERISH;
    return other ? "not what was asked for" : quality_verdict_name(text->judgement.verdict);
}

/* A reason is said once, whichever rules give it: the first of each diagnostic, and all that was expected. */
static bool said_before(const struct judgement *judgement, size_t hit)
{
    const struct hit *hits = judgement->hits;
    for (size_t i = 0; i < hit && hits[hit].diagnostic != DIAGNOSE_EXPECTED; i++)
        if (hits[i].diagnostic == hits[hit].diagnostic)
            return true;
    return false;
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
    buffer_format(out, "%s%s from character %zu on (%s%s%s)", out->size ? "; " : "", hit->because,
                  characters_before(text->text, hit->onset), hit->rule, *hit->numbers ? ": " : "", hit->numbers);
}

static bool put_marked(struct finding *finding, const struct text_case *text)
{
    struct marked_text *marked = finding_marked(finding, text->text, text->size);
    for (size_t i = 0; marked && i < text->judgement.marks.count; i++) {
        const struct mark *mark = &text->judgement.marks.items[i];
        if (!marked_text_add(marked, mark->from, mark->to, quality_diagnostic_name(mark->diagnostic)))
            return false;
    }
    for (size_t i = 0; marked && i < text->judgement.hit_count; i++) {
        const struct hit *hit = &text->judgement.hits[i];
        if (said_before(&text->judgement, i))
            continue;
        if (!marked_text_reason(marked, quality_diagnostic_name(hit->diagnostic), hit->because, hit->numbers,
                                hit->onset))
            return false;
    }
    return marked;
}

/* The token in which the byte lies; -1: unknown. */
static int token_at(const struct text_case *text, size_t byte)
{
    for (size_t i = 0; text->token_ends && i < text->tokens; i++)
        if (text->token_ends[i] > byte)
            return text->token_ends[i] == SIZE_MAX ? -1 : (int)i;
    return text->token_ends && byte >= text->size ? (int)text->tokens : -1;
}

/* What a judge model says of the text. */
static void put_judge(struct finding *finding, const struct text_case *text)
{
    static const enum metric metrics[] = {METRIC_SURPRISE, METRIC_SURPRISE_RUN, METRIC_SURPRISE_HIGH,
                                          METRIC_COHERENCE_SHARE};
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
        if (!isnan(text->judgement.metrics[metrics[i]]))
            finding_fact(finding, metric_names[metrics[i]], text->judgement.metrics[metrics[i]]);
    if (!text->related || !text->relevance.others)
        return;
    finding_fact(finding, "relevance.evidence", text->relevance.evidence);
    finding_fact(finding, "relevance.contrast", text->relevance.contrast);
    finding_fact(finding, "relevance.rank", (double)text->relevance.rank);
}

/* `hit`: the reason, or NULL. */
static bool report_text(const struct text_case *text, const char *check, const struct hit *hit, enum verdict verdict,
                        struct findings *findings)
{
    struct finding *finding = findings_place(findings, check, verdict);
    struct buffer reasons = {0};
    bool verdicts = strcmp(check, "text.verdict") == 0; /* a report shows each text once */
    if (!finding)
        return false;
    where_set(&finding->where.case_id, text->id);
    finding_fact_text(finding, "verdict", "%s", text_verdict(text));
    if (!isnan(text->judgement.bits)) {
        finding_fact(finding, "evidence_bits", text->judgement.bits);
        finding_fact(finding, "evidence_limit", text->judgement.limit);
    }
    if (text->prompt)
        finding_fact_text(finding, "prompt", "%s", text->prompt);
    if (verdicts)
        put_judge(finding, text);
    if (text->judgement.judged < text->size)
        finding_fact(finding, "judged_bytes", (double)text->judgement.judged);
    for (size_t i = 0; hit && i < text->judgement.hit_count; i++)
        if (!said_before(&text->judgement, i) &&
            (&text->judgement.hits[i] == hit || text->judgement.hits[i].diagnostic == hit->diagnostic || verdicts))
            put_hit(&reasons, text, &text->judgement.hits[i]);
    if (hit) {
        finding_fact_text(finding, "reason", "%s", quality_diagnostic_name(hit->diagnostic));
        finding_fact_text(finding, "rule", "%s", hit->rule);
        finding_fact(finding, "onset", (double)characters_before(text->text, hit->onset));
        finding->where.token = token_at(text, hit->onset);
        finding_message(finding, "%s(%s): %s.", text_verdict(text), quality_diagnostic_name(hit->diagnostic),
                        reasons.data ? reasons.data : hit->because);
    } else {
        finding_message(finding, "%s.", quality_verdict_name(text->judgement.verdict));
    }
    buffer_free(&reasons);
    return !verdicts || put_marked(finding, text);
}

/* What the original writes itself is no fault of the subject. */
static enum verdict fail_or_told(const struct texts_control *control)
{
    return control->original ? VERDICT_SKIP : VERDICT_FAIL;
}

static void judge_count(struct finding *finding, size_t bad, const char *cause, const struct texts_control *control)
{
    finding_measured(finding, (double)bad, "texts");
    finding_limit(finding, 0, cause);
    finding_judge(finding);
    if (bad && control->original)
        finding->verdict = VERDICT_SKIP;
}

static const char weak_judge[] = " The judge model finds plain English too unlikely itself (judge_bits_per_byte): what "
                                 "surprises it is not counted.";

static bool report_verdicts(struct quality *quality, const struct text_case *cases, size_t count,
                            const struct texts_control *control, struct findings *findings)
{
    size_t at = findings->count, bad = 0, brief = 0, broken = 0;
    if (!findings_add(findings, "text.verdict"))
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct judgement *judgement = &cases[i].judgement;
        bool fails = judgement->hit_count > 0, is_brief = !fails && judgement->verdict == QUALITY_TOO_SHORT;
        enum verdict verdict = fails ? fail_or_told(control) : is_brief ? VERDICT_SKIP : VERDICT_PASS;
        if (cases[i].broken)
            verdict = VERDICT_FAIL; /* the original wrote something */
        bad += fails;
        broken += cases[i].broken;
        brief += is_brief;
        if (!report_text(&cases[i], "text.verdict", fails ? judgement->hits : NULL, verdict, findings))
            return false;
    }
    struct finding *finding = &findings->items[at];
    judge_count(finding, bad, "no text may be gibberish, or lack what its prompt asks for", control);
    if (broken)
        finding->verdict = VERDICT_FAIL;
    if (!bad && brief == count && count)
        finding->verdict = VERDICT_SKIP;
    finding_fact(finding, "texts", (double)count);
    finding_fact(finding, "too_short", (double)brief);
    finding_fact_text(finding, "dictionaries", "%s", quality_dictionaries(quality));
    if (control->judge_bits > 0)
        finding_fact(finding, "judge_bits_per_byte", control->judge_bits);
    finding_message(
        finding,
        "%zu of %zu text%s gibberish or not what was asked for; %zu %s no fault, %zu %s too short to judge.%s%s%s", bad,
        count, count == 1 ? " is" : "s are", count - bad - brief, count - bad - brief == 1 ? "has" : "have", brief,
        brief == 1 ? "is" : "are", bad && control->original ? " " : "",
        bad && control->original ? control->original : "", control->judge_bits > WITNESS_BITS ? weak_judge : "");
    return true;
}

static bool report_diagnostic(const struct text_case *cases, size_t count, enum quality_diagnostic diagnostic,
                              const struct texts_control *control, struct findings *findings)
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
        if (hit && !report_text(&cases[i], check, hit, fail_or_told(control), findings))
            return false;
    }
    struct finding *finding = &findings->items[at];
    judge_count(finding, bad, "the rules of suites/quality.json, and the evidence that right texts do not reach",
                control);
    finding_message(finding, "%s: %zu of %zu texts at fault.", name, bad, count);
    return true;
}

/* All patterns that `of` expects are found in the text. */
static bool matches_all(const struct expects *of, const struct text_case *text)
{
    for (size_t i = 0; i < of->matches.count; i++)
        if (pattern_list_find(&of->matches, i, text->text, text->size) >= PATTERN_UNKNOWN)
            return false;
    return true;
}

static bool other_prompt(const struct text_case *a, const struct text_case *b)
{
    return a->prompt && b->prompt && strcmp(a->prompt, b->prompt) != 0;
}

/* The same patterns on the answers to other prompts: those that many of them have too prove nothing. */
static bool report_control(const struct text_case *cases, size_t count, struct findings *findings)
{
    size_t at = findings->count, asked = 0, empty = 0, stride = count / CONTROL_OTHERS + 1;
    for (size_t i = 0; i < count; i++)
        asked += cases[i].expects && cases[i].expects->matches.count;
    if (!asked)
        return true;
    if (!findings_add(findings, "text.control"))
        return false;
    for (size_t i = 0; i < count; i++) {
        size_t others = 0, found = 0;
        if (!cases[i].expects || !cases[i].expects->matches.count)
            continue;
        for (size_t k = i % stride; k < count; k += stride) {
            others += other_prompt(&cases[i], &cases[k]);
            found += other_prompt(&cases[i], &cases[k]) && matches_all(cases[i].expects, &cases[k]);
        }
        if (others < CONTROL_SHARE || !found || found * CONTROL_SHARE < others)
            continue;
        struct finding *place = findings_place(findings, "text.control", VERDICT_FAIL);
        if (!place)
            return false;
        empty++;
        where_set(&place->where.case_id, cases[i].id);
        finding_measured(place, (double)found, "other texts");
        finding_message(place,
                        "What is expected of this text is found in %zu of the %zu texts of other prompts: it proves "
                        "nothing.",
                        found, others);
    }
    struct finding *finding = &findings->items[at];
    finding_measured(finding, (double)empty, "texts");
    finding_limit(finding, 0, "patterns that fit the answers to other prompts prove no answer");
    finding_judge(finding);
    finding_message(finding, "Of the expectations of %zu texts, %zu are met by the texts of other prompts as well.",
                    asked, empty);
    return true;
}

/* How sure the model was of what it wrote: a distribution that is flat at every step is that of a broken one. */
static bool report_steps(const struct text_case *cases, size_t count, const struct texts_control *control,
                         struct findings *findings)
{
    double flat = control->vocabulary ? log((double)control->vocabulary) : NAN, entropy = 0, probability = 0;
    size_t steps = 0, longest = 0, at = findings->count;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; cases[i].steps && k < cases[i].tokens; k++) {
            entropy += cases[i].steps[k].entropy;
            probability += cases[i].steps[k].log_probability;
            steps++;
        }
        longest = cases[i].steps && cases[i].tokens > longest ? cases[i].tokens : longest;
    }
    if (!steps)
        return true;
    struct finding *finding = findings_add(findings, "text.self_consistency");
    if (!finding)
        return false;
    double worst = -1;
    for (size_t i = 0; i < count; i++)
        if (cases[i].steps && cases[i].tokens)
            worst = fmax(worst, text_entropy(&cases[i], control->vocabulary));
    worst = worst < 0 ? entropy / (double)steps / flat : worst; /* all are short */
    finding_measured(finding, worst, "of flat");
    finding_limit(finding, control->limits->rows[LIMIT_TEXT_ENTROPY].value,
                  control->limits->rows[LIMIT_TEXT_ENTROPY].cause);
    finding_judge(finding);
    for (size_t i = 0; i < count; i++)
        if (judgement_hit(&cases[i].judgement, DIAGNOSE_SELF_CONSISTENCY))
            finding->verdict = VERDICT_FAIL;
    if (finding->verdict == VERDICT_FAIL)
        finding->verdict = fail_or_told(control);
    finding_fact(finding, "entropy", entropy / (double)steps);
    finding_fact(finding, "log_probability", probability / (double)steps);
    finding_message(finding,
                    "Entropy of %.2f nats a step, of %.2f that a flat distribution over the vocabulary has; the "
                    "tokens written have a log-probability of %.2f in the mean.",
                    entropy / (double)steps, flat, probability / (double)steps);
    struct series *series =
        finding_series(finding, "entropy-per-step", "Entropy of every step", "token", "nats", longest);
    for (size_t i = 0; series && i < count; i++) {
        double *curve = cases[i].steps && cases[i].tokens ? series_curve(series, cases[i].id) : NULL;
        for (size_t k = 0; curve && k < cases[i].tokens; k++)
            curve[k] = cases[i].steps[k].entropy;
    }
    for (size_t i = 0; i < count; i++) {
        const struct hit *hit = judgement_hit(&cases[i].judgement, DIAGNOSE_SELF_CONSISTENCY);
        if (hit && !report_text(&cases[i], "text.self_consistency", hit, fail_or_told(control), findings))
            return false;
    }
    return findings->count > at;
}

static bool report_lost(const struct text_case *text, enum verdict verdict, struct findings *findings)
{
    const struct relevance *relevance = &text->relevance;
    struct finding *place = findings_place(findings, "text.relevance", verdict);
    if (!place)
        return false;
    where_set(&place->where.case_id, text->id);
    finding_measured(place, relevance->evidence, "bits");
    if (text->prompt)
        finding_fact_text(place, "prompt", "%s", text->prompt);
    finding_fact(place, "rank", (double)relevance->rank);
    finding_fact(place, "others", (double)relevance->others);
    finding_fact(place, "contrast", relevance->contrast);
    finding_fact(place, "bits_per_token", relevance->bits_per_token);
    finding_message(
        place,
        "The text follows from its prompt no better than from others: %.1f bits against none, %.1f against the "
        "mean of %zu others; %zu of them explain it better.",
        relevance->evidence, relevance->contrast, relevance->others, relevance->rank ? relevance->rank - 1 : 0);
    return true;
}

static bool report_relevance(const struct text_case *cases, size_t count, const struct texts_control *control,
                             struct findings *findings)
{
    size_t related = 0;
    struct relevance *all = calloc(count + 1, sizeof *all);
    for (size_t i = 0; all && i < count; i++)
        if (cases[i].related)
            all[related++] = cases[i].relevance;
    struct relevance_total total = all && related ? relevance_total(all, related) : (struct relevance_total){0};
    free(all);
    if (!all || !related)
        return all;
    struct finding *finding = findings_add(findings, "text.relevance");
    if (!finding)
        return false;
    if (!total.texts)
        return finding_skip(finding, "No text is long enough, or has a prompt, to be held against other prompts.");
    finding_measured(finding, (double)total.lost / (double)total.texts, "share of texts");
    finding_limit(finding, control->limits->rows[LIMIT_TEXT_RELEVANCE].value,
                  control->limits->rows[LIMIT_TEXT_RELEVANCE].cause);
    finding_judge(finding);
    if (finding->verdict == VERDICT_FAIL)
        finding->verdict = fail_or_told(control);
    enum verdict lost = finding->verdict == VERDICT_PASS ? VERDICT_WARN : finding->verdict;
    finding_fact(finding, "texts", (double)total.texts);
    finding_fact(finding, "ranked_first", (double)total.first);
    finding_fact(finding, "comparisons_won", total.share);
    finding_fact(finding, "evidence", total.evidence);
    finding_message(finding,
                    "%zu of %zu texts say nothing of their prompts, by the judge model; it prefers the own prompt to "
                    "%.0f %% of the others; evidence of %.1f bits in the mean.",
                    total.lost, total.texts, 100 * total.share, total.evidence);
    for (size_t i = 0; i < count; i++)
        if (cases[i].related && relevance_lost(&cases[i].relevance) && !report_lost(&cases[i], lost, findings))
            return false;
    return true;
}

bool texts_report(struct quality *quality, struct text_case *cases, size_t count, const struct texts_control *control,
                  struct findings *findings, struct error *error)
{
    bool good = true;
    for (size_t i = 0; good && i < count; i++)
        good = weigh(&cases[i], control);
    good = good && report_verdicts(quality, cases, count, control, findings);
    bool judged = control->judge_bits > 0 && control->judge_bits <= WITNESS_BITS;
    for (int i = 0; good && i < DIAGNOSE_SELF_CONSISTENCY; i++)
        good = ((i == DIAGNOSE_SURPRISE || i == DIAGNOSE_COHERENCE) && !judged) ||
               report_diagnostic(cases, count, (enum quality_diagnostic)i, control, findings);
    good = good && report_control(cases, count, findings) && report_steps(cases, count, control, findings) &&
           report_relevance(cases, count, control, findings);
    return good || error_memory(error, "texts");
}
