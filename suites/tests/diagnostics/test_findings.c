#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "findings/finding.h"
#include "findings/report.h"

Test(findings, verdict_names_go_both_ways)
{
    static const enum verdict all[] = {VERDICT_PASS, VERDICT_WARN, VERDICT_FAIL, VERDICT_SKIP, VERDICT_ERROR};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        enum verdict back;
        cr_assert(verdict_parse(verdict_name(all[i]), &back));
        cr_assert_eq(back, all[i]);
    }
    enum verdict untouched = VERDICT_WARN;
    cr_assert_not(verdict_parse("passed", &untouched));
    cr_assert_eq(untouched, VERDICT_WARN);
}

Test(findings, a_new_finding_has_no_place_and_no_number)
{
    struct findings findings = {0};
    struct finding *finding = findings_add(&findings, "layers.isolated");
    cr_assert_str_eq(finding->check, "layers.isolated");
    cr_assert(finding->summary && finding->verdict == VERDICT_PASS);
    cr_assert(!finding->has_measured && !finding->has_limit && isnan(finding->measured) && isnan(finding->limit));
    cr_assert(finding->where.layer == -1 && finding->where.expert == -1 && finding->where.token == -1);
    cr_assert(!finding->where.module && !finding->message && !finding->series_count && !finding->fact_count);
    findings_free(&findings);
    findings_free(&findings);
    findings_free(NULL);
}

Test(findings, are_moved_behind_others)
{
    struct findings to = {0}, from = {0}, none = {0};
    finding_message(findings_add(&to, "a"), "first");
    finding_message(findings_add(&from, "b"), "second");
    finding_message(findings_add(&from, "c"), "third");
    cr_assert(findings_take(&to, &from) && findings_take(&to, &none));
    cr_assert(to.count == 3 && from.count == 0 && !from.items);
    cr_expect_str_eq(to.items[1].check, "b");
    cr_expect_str_eq(to.items[2].message, "third");
    findings_free(&to);
}

/* The one judgement: what is not known to be within the limit does not pass. */
Test(findings, only_a_number_within_the_limit_passes)
{
    static const struct {
        double measured, limit;
        enum verdict verdict;
    } rows[] = {
        {0, 0, VERDICT_PASS},           {1e-6, 1e-5, VERDICT_PASS},
        {1e-5, 1e-5, VERDICT_PASS},     {1.0001e-5, 1e-5, VERDICT_FAIL},
        {NAN, 1e-5, VERDICT_FAIL},      {NAN, INFINITY, VERDICT_FAIL},
        {INFINITY, 1e30, VERDICT_FAIL}, {1, NAN, VERDICT_FAIL},
        {NAN, NAN, VERDICT_FAIL},       {-INFINITY, 0, VERDICT_PASS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct findings findings = {0};
        struct finding *finding = findings_add(&findings, "a");
        finding_measured(finding, rows[i].measured, NULL);
        finding_limit(finding, rows[i].limit, "cause");
        finding_judge(finding);
        cr_expect_eq(finding->verdict, rows[i].verdict, "row %zu", i);
        findings_free(&findings);
    }
    struct findings findings = {0};
    struct finding *finding = findings_add(&findings, "a");
    finding_judge(finding);
    cr_expect_eq(finding->verdict, VERDICT_FAIL, "nothing measured");
    finding_measured(finding, 0, NULL);
    finding_judge(finding);
    cr_expect_eq(finding->verdict, VERDICT_FAIL, "no limit");
    findings_free(&findings);
}

Test(findings, setters_copy_and_replace)
{
    struct findings findings = {0};
    struct finding *finding = findings_add(&findings, "a");
    char text[] = "first";
    finding_message(finding, "%s %d", text, 1);
    where_set(&finding->where.module, text);
    memset(text, 'x', sizeof text - 1);
    cr_assert_str_eq(finding->message, "first 1");
    cr_assert_str_eq(finding->where.module, "first");
    finding_message(finding, "again: %s", finding->message); /* from itself */
    cr_assert_str_eq(finding->message, "again: first 1");
    where_set(&finding->where.module, NULL);
    cr_assert_null(finding->where.module);
    finding_fact(finding, "noise", 2e-6);
    finding_fact_text(finding, "window", "%d tokens", 512);
    cr_assert_eq(finding->fact_count, 2);
    cr_assert(!finding->facts[0].text && finding->facts[0].number == 2e-6);
    cr_assert_str_eq(finding->facts[1].text, "512 tokens");
    findings_free(&findings);
}

Test(findings, curves_stay_where_they_are_and_start_as_gaps)
{
    struct findings findings = {0};
    struct finding *finding = findings_add(&findings, "a");
    struct series *series = finding_series(finding, "error", "Error", "layer", "error", 3);
    double *first = series_curve(series, "one");
    for (int i = 0; i < 40; i++)
        cr_assert(series_curve(series, "more"));
    first[1] = 7;
    cr_assert_eq(series->curves[0].values, first);
    cr_assert(isnan(series->curves[0].values[0]) && series->curves[0].values[1] == 7.0);
    cr_assert(series->x[0] == 0.0 && series->x[2] == 2.0);
    cr_assert_not(series_label(series, 3, "outside"));
    cr_assert(series_label(series, 2, "mlp") && series_label(series, 2, "self_attn"));
    cr_assert_str_eq(series->labels[2], "self_attn");
    cr_assert_null(series->labels[0]);
    cr_assert(finding_series(finding, "empty", "Empty", "x", "y", 0));
    cr_assert_eq(findings.items[0].series_count, 2);
    findings_free(&findings);
}

static void add(struct findings *findings, const char *check, bool summary, enum verdict verdict, double measured,
                double limit, int tag)
{
    struct finding *finding = findings_add(findings, check);
    finding_measured(finding, measured, NULL);
    finding_limit(finding, limit, NULL);
    finding->verdict = verdict;
    finding->summary = summary;
    finding->where.token = tag;
}

Test(findings, sort_keeps_checks_in_order_and_puts_the_worst_place_first)
{
    struct findings findings = {0};
    add(&findings, "b", false, VERDICT_FAIL, 2, 1, 4);
    add(&findings, "a", true, VERDICT_PASS, 0, 1, 10);
    add(&findings, "b", false, VERDICT_WARN, 900, 1, 7);
    add(&findings, "b", false, VERDICT_FAIL, 5, 10, 6);
    add(&findings, "b", false, VERDICT_FAIL, 2, 1, 5); /* equal to the first: stays behind it */
    add(&findings, "b", false, VERDICT_FAIL, NAN, 1, 1);
    add(&findings, "b", false, VERDICT_FAIL, 1e30, 1, 3);
    add(&findings, "b", true, VERDICT_FAIL, 1, 1, 0);
    add(&findings, "b", false, VERDICT_FAIL, INFINITY, 1, 2);
    findings_sort(&findings);
    static const int order[] = {0, 1, 2, 3, 4, 5, 6, 7, 10};
    for (size_t i = 0; i < findings.count; i++)
        cr_expect_eq(findings.items[i].where.token, order[i], "place %zu holds %d", i, findings.items[i].where.token);
    cr_assert(findings_add(&findings, "c"), "the list can grow after it was sorted");
    findings_free(&findings);
}

Test(findings, sort_takes_many)
{
    struct findings findings = {0};
    findings_sort(&findings);
    for (int i = 0; i < 3000; i++)
        add(&findings, "layers.isolated", i == 1234, VERDICT_FAIL, i, 1, i);
    findings_sort(&findings);
    cr_assert_eq(findings.items[0].where.token, 1234);
    cr_assert_eq(findings.items[1].where.token, 2999);
    cr_assert_eq(findings.items[2999].where.token, 0);
    findings_free(&findings);
}

static struct report conclude(const enum verdict *verdicts, const char *const *messages, size_t count)
{
    struct report report = {0};
    char check[] = "check.0";
    for (size_t i = 0; i < count; i++) {
        check[6] = (char)('0' + i);
        struct finding *finding = findings_add(&report.findings, check);
        finding->verdict = verdicts[i];
        if (messages && messages[i])
            finding_message(finding, "%s", messages[i]);
    }
    report_conclude(&report);
    return report;
}

Test(report, the_verdict_is_the_worst_and_the_reason_is_its_sentence)
{
    static const enum verdict P = VERDICT_PASS, W = VERDICT_WARN, F = VERDICT_FAIL, S = VERDICT_SKIP;
    const struct {
        enum verdict verdicts[4];
        const char *messages[4];
        size_t count;
        enum verdict verdict;
        const char *reason;
    } rows[] = {
        {{P, P}, {0}, 2, P, "All 2 checks passed."},
        {{P}, {0}, 1, P, "1 check passed."},
        {{P, S, P}, {0}, 3, P, "2 checks passed; 1 was skipped."},
        {{P, P, P, S}, {0, 0, 0, "No gold."}, 4, P, "3 checks passed; 1 was skipped: No gold."},
        {{P, P, S, S}, {0}, 4, W, "2 of 4 checks were skipped, so this proves little."},
        {{P, S, S},
         {0, "No gold.", "x"},
         3,
         W,
         "2 of 3 checks were skipped, so this proves little; the first: No gold."},
        {{P, W, F}, {0, "Slow.", "Layer 3 is wrong."}, 3, F, "Layer 3 is wrong."},
        {{F, W, F, F}, {"First is wrong.", 0, "x", "y"}, 4, F, "First is wrong; 2 more checks failed."},
        {{P, F}, {0, 0}, 2, F, "The check check.1 failed."},
        {{P, W, W}, {0, "A tie at 5", "x"}, 3, W, "A tie at 5; 1 more check warned."},
        {{0}, {0}, 0, F, "Nothing was judged: there was no check to run, so nothing is proved."},
        {{S, S}, {0}, 2, F, "Nothing was judged: every check was skipped, so nothing is proved."},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct report report = conclude(rows[i].verdicts, rows[i].messages, rows[i].count);
        cr_expect_eq(report.verdict, rows[i].verdict, "row %zu", i);
        cr_expect_str_eq(report.reason, rows[i].reason, "row %zu: %s", i, report.reason);
        report_free(&report);
    }
}

Test(report, a_place_that_fails_fails_the_report)
{
    struct report report = {0};
    add(&report.findings, "a", true, VERDICT_PASS, 0, 1, 0);
    add(&report.findings, "a", false, VERDICT_FAIL, 2, 1, 0);
    finding_message(&report.findings.items[1], "This place is wrong.");
    report_conclude(&report);
    cr_assert_eq(report.verdict, VERDICT_FAIL);
    cr_assert_str_eq(report.reason, "This place is wrong.");
    report_free(&report);
}

Test(report, fields_are_owned)
{
    struct report report = {0};
    report_set(&report.command, "%s", "check");
    report_set(&report.command, "%s again", report.command);
    cr_assert_str_eq(report.command, "check again");
    for (int i = 0; i < 3; i++) {
        struct report_gold *gold = report_add_gold(&report);
        report_set(&gold->path, "gold-%d", i);
    }
    cr_assert_eq(report.gold_count, 3);
    cr_assert_str_eq(report.golds[2].path, "gold-2");
    report_free(&report);
    report_free(&report);
    report_free(NULL);
}

/* Bytes of a text, marks on them as given, and what becomes of both. */
Test(marked_text, any_bytes_become_text_and_marks_move_along)
{
    static const struct {
        const char *given;
        size_t size, from, to;
        const char *text;
        size_t kept_from, kept_to; /* both 0: no mark */
    } rows[] = {
        {"abc", 3, 1, 2, "abc", 1, 2},
        {"abc", 3, 1, SIZE_MAX, "abc", 1, 3},
        {"abc", 3, 2, 2, "abc", 0, 0},
        {"abc", 3, 3, 9, "abc", 0, 0},
        {"abc", 3, SIZE_MAX, SIZE_MAX, "abc", 0, 0},
        {"", 0, 0, 1, "", 0, 0},
        {"\xE8\xB7\x9F\xE8\xB7\x9F", 6, 1, 2, "\xE8\xB7\x9F\xE8\xB7\x9F", 0, 3},
        {"\xE8\xB7\x9F\xE8\xB7\x9F", 6, 2, 4, "\xE8\xB7\x9F\xE8\xB7\x9F", 0, 6},
        {"a\0b", 3, 2, 3, "a\uFFFDb", 4, 5},
        {"\xFF\xFE", 2, 1, 2, "\uFFFD\uFFFD", 3, 6},
        {"\xFF\xFE", 2, 0, 1, "\uFFFD\uFFFD", 0, 3},
        {"\xED\xA0\x80z", 4, 3, 4, "\uFFFD\uFFFD\uFFFDz", 9, 10},
        {"\xEF\xBF\xBFz", 4, 3, 4, "\uFFFDz", 3, 4},
        {"\xF0\x9F\xBF\xBEz", 5, 4, 5, "\uFFFDz", 3, 4},
        {"\xF0\x9F\xBF\xBEz", 5, 0, 3, "\uFFFDz", 0, 3},
        {"\xF4\x8F\xBF\xBFz", 5, 4, 5, "\uFFFDz", 3, 4},
        {"\xEF\xBE\xBFz", 4, 3, 4, "\xEF\xBE\xBFz", 3, 4},
        {"\xF0\x90\xBF\xBFz", 5, 4, 5, "\xF0\x90\xBF\xBFz", 4, 5},
        {"z\xF0\x9F\x91", 4, 0, 1, "z\uFFFD\uFFFD\uFFFD", 0, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct findings findings = {0};
        struct finding *finding = findings_add(&findings, "a");
        char *given = memcpy(malloc(rows[i].size + 1), rows[i].given, rows[i].size); /* no NUL behind it */
        struct marked_text *marked = finding_marked(finding, given, rows[i].size);
        cr_assert(marked);
        cr_expect_str_eq(marked->text, rows[i].text, "row %zu: %s", i, marked->text);
        cr_expect_eq(marked->size, strlen(rows[i].text), "row %zu", i);
        cr_assert(marked_text_add(marked, rows[i].from, rows[i].to, "x"));
        cr_expect_eq(marked->count, rows[i].kept_to != 0, "row %zu", i);
        if (marked->count)
            cr_expect(marked->marks[0].from == rows[i].kept_from && marked->marks[0].to == rows[i].kept_to,
                      "row %zu: %zu .. %zu", i, marked->marks[0].from, marked->marks[0].to);
        cr_assert(marked_text_reason(marked, "x", "y", NULL, rows[i].from));
        cr_expect_leq(marked->reasons[0].onset, marked->size, "row %zu", i);
        free(given);
        findings_free(&findings);
    }
}

Test(findings, places_without_a_measured_value_keep_their_order)
{
    struct findings findings = {0};
    findings_add(&findings, "text.verdict");
    for (int i = 0; i < 200; i++) {
        struct finding *finding = findings_add(&findings, "text.verdict");
        finding->summary = false;
        finding->verdict = i % 3 ? VERDICT_PASS : VERDICT_FAIL;
        finding->where.token = i;
    }
    findings_sort(&findings);
    for (size_t i = 2; i < findings.count; i++) {
        const struct finding *before = &findings.items[i - 1], *finding = &findings.items[i];
        cr_expect(before->verdict == finding->verdict ? before->where.token < finding->where.token
                                                      : before->verdict == VERDICT_FAIL);
    }
    findings_free(&findings);
}

/* severity */

static struct finding *put(struct findings *findings, const char *check, enum verdict verdict, double measured)
{
    struct finding *finding = findings_add(findings, check);
    finding->verdict = verdict;
    if (!isnan(measured))
        finding_measured(finding, measured, "");
    return finding;
}

Test(severity, is_what_the_difference_does_to_answers)
{
    static const struct {
        const char *what;
        double nats, top1, ratio;       /* of perplexity; NaN: not measured */
        double within;                  /* nats that the precision of gold accounts for */
        double texts;                   /* of 40, at fault */
        double continuations;           /* of 10, that differ */
        const char *fails, *also_fails; /* checks; NULL */
        enum severity level;
    } rows[] = {
        {"nothing fails", 1e-12, 0, 1, 1e-9, 0, 0, NULL, NULL, SEVERITY_IDENTICAL},
        {"gold of few bits", 5e-3, 0, 1.03, 1e-2, 0, 0, NULL, NULL, SEVERITY_IDENTICAL},
        {"a suite that allows much", 5e-3, 0, 1.03, 1e-9, 0, 0, NULL, NULL, SEVERITY_DEGRADED},
        {"a suite that allows a little", 5e-6, 0, 1.0001, 1e-9, 0, 0, NULL, NULL, SEVERITY_HARMLESS},
        {"a little beyond the noise", 4e-8, 0, 1, 1e-9, 0, 0, "logits.kl", "layers.isolated", SEVERITY_HARMLESS},
        {"one module beyond its noise", 1e-12, 0, 1, 1e-9, 0, 0, "layers.isolated", NULL, SEVERITY_HARMLESS},
        {"one token is another one", 4e-8, 0.01, 1, 1e-9, 0, 0, "logits.top1", NULL, SEVERITY_DEGRADED},
        {"far enough to matter", 0.002, 0, 1, 1e-9, 0, 0, "logits.kl", NULL, SEVERITY_DEGRADED},
        {"perplexity alone", 1e-5, 0, 1.02, 1e-9, 0, 0, "perplexity", NULL, SEVERITY_DEGRADED},
        {"a continuation alone", 1e-5, 0, 1, 1e-4, 0, 1, NULL, NULL, SEVERITY_DEGRADED},
        {"what gold does not see", 1e-12, 0, 1, 1e-9, 0, 0, "inventory.absent", NULL, SEVERITY_DEGRADED},
        {"a lost tokenizer", 1e-12, 0, 1, 1e-9, 0, 0, "tokens.ids", NULL, SEVERITY_DEGRADED},
        {"ten nats", 10, 1, 1e5, 1e-9, 0, 0, "logits.kl", NULL, SEVERITY_BROKEN},
        {"infinitely far", INFINITY, 1, NAN, 1e-9, 0, NAN, "logits.kl", NULL, SEVERITY_BROKEN},
        {"less than half as likely", 0.3, 0.2, 2.2, 1e-9, 0, 0, "perplexity", NULL, SEVERITY_BROKEN},
        {"more than twice as likely", 0.06, 0, 0.3, 1e-9, 0, 0, "perplexity", NULL, SEVERITY_DEGRADED},
        {"gibberish, without gold", NAN, NAN, NAN, NAN, 30, NAN, "text.verdict", NULL, SEVERITY_BROKEN},
        {"one text of forty", NAN, NAN, NAN, NAN, 1, NAN, "text.verdict", NULL, SEVERITY_DEGRADED},
        {"absent tensors, without gold", NAN, NAN, NAN, NAN, 0, NAN, "inventory.absent", NULL, SEVERITY_UNKNOWN},
        {"no gold", NAN, NAN, NAN, NAN, 0, NAN, NULL, NULL, SEVERITY_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct report report = {0};
        enum verdict verdict = isnan(rows[i].nats) ? VERDICT_SKIP : VERDICT_PASS;
        struct finding *kl = put(&report.findings, "logits.kl", verdict, rows[i].nats);
        finding_fact(kl, "perplexity_ratio", rows[i].ratio);
        finding_fact(kl, "within", rows[i].within);
        put(&report.findings, "logits.top1", verdict, rows[i].top1);
        finding_fact(put(&report.findings, "text.verdict", VERDICT_PASS, rows[i].texts), "texts", 40);
        verdict = rows[i].continuations > 0 ? VERDICT_FAIL : verdict;
        finding_fact(put(&report.findings, "greedy", verdict, rows[i].continuations), "continuations", 10);
        const char *fails[] = {rows[i].fails, rows[i].also_fails};
        for (size_t k = 0; k < 2; k++)
            if (fails[k])
                put(&report.findings, fails[k], VERDICT_FAIL, NAN);
        report_conclude(&report);
        cr_expect_eq(report.severity.level, rows[i].level, "%s: %s", rows[i].what,
                     severity_name(report.severity.level));
        if (rows[i].continuations > 0)
            cr_expect(report.severity.rule && strcmp(report.severity.rule, "continuations") == 0);
        enum severity back;
        cr_expect(severity_parse(severity_name(rows[i].level), &back) && back == rows[i].level);
        report_free(&report);
    }
    enum severity none;
    cr_expect(!severity_parse("bad", &none));
}

Test(severity, a_perplexity_that_nothing_was_compared_with_says_nothing)
{
    struct report report = {0};
    put(&report.findings, "logits.kl", VERDICT_PASS, 1e-12);
    finding_fact(put(&report.findings, "perplexity.text", VERDICT_PASS, 1e6), "perplexity", 1e6);
    report_conclude(&report);
    cr_expect_eq(report.severity.level, SEVERITY_IDENTICAL);
    finding_fact(&report.findings.items[1], "golden_perplexity", 1e5);
    report_conclude(&report);
    cr_expect_eq(report.severity.level, SEVERITY_BROKEN);
    report_free(&report);
}

Test(findings, numbers_in_messages_have_one_notation)
{
    struct findings findings = {0};
    struct finding *finding = findings_add(&findings, "logits.kl");
    finding_message(finding, "%.3g nats, 1e-05, 2e+10, tensor e-05x.1e-05b, 1e-12", 3.58e-5);
    cr_expect_str_eq(finding->message, "3.58e-5 nats, 1e-5, 2e+10, tensor e-05x.1e-05b, 1e-12");
    findings_free(&findings);
}
