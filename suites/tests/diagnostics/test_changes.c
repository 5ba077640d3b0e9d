/* What of two reports counts as worse, better, new, gone, or as noise. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "changes/changes.h"
#include "changes/provenance.h"

static struct finding *add(struct report *report, const char *check, enum verdict verdict, double measured)
{
    struct finding *finding = findings_add(&report->findings, check);
    finding->verdict = verdict;
    if (!isnan(measured))
        finding_measured(finding, measured, "nats");
    finding_limit(finding, 1, "a test");
    finding_message(finding, "It says so.");
    return finding;
}

static struct report report_new(void)
{
    struct report report = {0};
    report_set(&report.command, "check");
    report_set(&report.subject.model_type, "llama");
    return report;
}

/* Both are concluded, compared and freed; the caller frees the findings. */
static struct findings changes_of(struct report *old, struct report *now)
{
    struct findings findings = {0};
    struct error error = {0};
    report_conclude(old);
    report_conclude(now);
    cr_assert(changes_find(&(struct changes_request){"diff", "before.json", old, now}, &findings, &error), "%s",
              error_text(&error));
    report_free(old);
    report_free(now);
    return findings;
}

static const struct finding *find(const struct findings *findings, const char *check)
{
    for (size_t i = 0; i < findings->count; i++)
        if (strcmp(findings->items[i].check, check) == 0)
            return &findings->items[i];
    return NULL;
}

static const struct row {
    enum verdict old_verdict, now_verdict;
    double old, now, noise; /* noise 0: the finding tells none */
    const char *kind;
} rows[] = {
    {VERDICT_PASS, VERDICT_PASS, 1e-4, 34e-4, 0, "worse"},
    {VERDICT_PASS, VERDICT_PASS, 34e-4, 1e-4, 0, "better"},
    {VERDICT_PASS, VERDICT_PASS, 1e-4, 34e-4, 1e-2, "within_noise"},
    {VERDICT_PASS, VERDICT_PASS, 1e-4, 2e-4, 1e-5, "worse"},
    {VERDICT_PASS, VERDICT_PASS, 0.5, 0.5 * (1 + 9e-7), 0, "within_noise"},
    {VERDICT_PASS, VERDICT_PASS, 0.5, 0.5 * (1 + 2e-6), 0, "worse"},
    {VERDICT_PASS, VERDICT_PASS, 0.5, 0.5, 0, "same"},
    {VERDICT_PASS, VERDICT_PASS, 10000000, 10000001, 0, "worse"}, /* counts are exact */
    {VERDICT_PASS, VERDICT_PASS, 1, INFINITY, 0, "worse"},
    {VERDICT_PASS, VERDICT_PASS, INFINITY, INFINITY, 0, "same"},
    {VERDICT_FAIL, VERDICT_FAIL, 5, 3, 0, "better"},
    {VERDICT_PASS, VERDICT_FAIL, 5, 3, 0, "worse"}, /* whatever the number */
    {VERDICT_FAIL, VERDICT_PASS, 3, 5, 0, "worse"}, /* a limit that was loosened hides nothing */
    {VERDICT_PASS, VERDICT_WARN, 0, 0, 0, "worse"},
    {VERDICT_FAIL, VERDICT_WARN, 0, 0, 0, "better"},
    {VERDICT_PASS, VERDICT_SKIP, 0, 0, 0, "worse"}, /* no longer judged */
    {VERDICT_FAIL, VERDICT_SKIP, 1, 0, 0, "worse"},
    {VERDICT_SKIP, VERDICT_PASS, 0, 7, 0, "better"},
    {VERDICT_SKIP, VERDICT_FAIL, 0, 7, 0, "worse"},
    {VERDICT_SKIP, VERDICT_SKIP, 3, 4, 0, "same"},
};

Test(changes, of_one_check)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        struct report old = report_new(), now = report_new();
        struct finding *before = add(&old, "logits.kl", row->old_verdict, row->old);
        struct finding *after = add(&now, "logits.kl", row->now_verdict, row->now);
        if (row->noise > 0) /* of either, whichever is larger */
            finding_fact(i % 2 ? before : after, i % 2 ? "noise" : "within", row->noise);
        struct findings findings = changes_of(&old, &now);
        const struct finding *checks = find(&findings, "diff.checks"), *one = find(&findings, "diff.logits.kl");
        bool worse = strcmp(row->kind, "worse") == 0, listed = worse || strcmp(row->kind, "better") == 0;
        cr_expect_eq(finding_fact_number(checks, row->kind), 1, "row %zu: %s", i, checks->message);
        cr_expect_eq(checks->verdict, worse ? VERDICT_FAIL : VERDICT_PASS, "row %zu", i);
        cr_expect_eq(one != NULL, listed, "row %zu", i);
        if (one) {
            cr_expect_eq(one->verdict, worse ? VERDICT_FAIL : VERDICT_PASS, "row %zu", i);
            cr_expect_eq(finding_fact_number(one, "before"), row->old, "row %zu", i);
            cr_expect_eq(finding_fact_number(one, "now"), row->now, "row %zu", i);
            cr_expect_str_eq(finding_fact_named(one, "change"), row->kind);
        }
        findings_free(&findings);
    }
}

Test(changes, what_is_not_a_number_any_more_is_worse)
{
    struct report old = report_new(), now = report_new();
    add(&old, "a", VERDICT_PASS, 1);
    add(&now, "a", VERDICT_PASS, 1)->measured = NAN;
    add(&old, "b", VERDICT_PASS, 1)->measured = NAN;
    add(&now, "b", VERDICT_PASS, 1)->measured = NAN;
    struct findings findings = changes_of(&old, &now);
    cr_expect_eq(find(&findings, "diff.a")->verdict, VERDICT_FAIL);
    cr_expect_null(find(&findings, "diff.b"));
    findings_free(&findings);
}

Test(changes, the_worst_is_first_and_says_both_numbers)
{
    struct report old = report_new(), now = report_new();
    add(&old, "slightly", VERDICT_PASS, 0.1);
    add(&now, "slightly", VERDICT_PASS, 0.2);
    add(&old, "better", VERDICT_PASS, 0.2);
    add(&now, "better", VERDICT_PASS, 0.1);
    add(&old, "much", VERDICT_PASS, 1e-4);
    add(&now, "much", VERDICT_PASS, 34e-4);
    add(&old, "gone", VERDICT_PASS, 1);
    add(&old, "cause", VERDICT_FAIL, 1);
    add(&now, "new", VERDICT_PASS, 1);
    add(&now, "failing", VERDICT_FAIL, 1);
    struct findings findings = changes_of(&old, &now);
    static const struct {
        const char *check;
        enum verdict verdict;
    } order[] = {{"diff.verdict", VERDICT_PASS},  {"diff.checks", VERDICT_FAIL},    {"diff.much", VERDICT_FAIL},
                 {"diff.slightly", VERDICT_FAIL}, {"diff.failing", VERDICT_FAIL},   {"diff.better", VERDICT_PASS},
                 {"diff.new", VERDICT_PASS},      {"diff.gone", VERDICT_SKIP},      {"diff.cause", VERDICT_PASS},
                 {"diff.places", VERDICT_PASS},   {"diff.provenance", VERDICT_PASS}};
    cr_assert_eq(findings.count, sizeof order / sizeof *order);
    for (size_t i = 0; i < findings.count; i++) {
        cr_expect_str_eq(findings.items[i].check, order[i].check);
        cr_expect_eq(findings.items[i].verdict, order[i].verdict, "%s", order[i].check);
    }
    cr_expect_str_eq(find(&findings, "diff.much")->message,
                     "much got worse: 0.0034 nats, 34 times the 0.0001 that it was; its limit is 1. It says so.");
    cr_expect_str_eq(find(&findings, "diff.better")->message,
                     "better got better: 0.1 nats, where it was 0.2; its limit is 1. It says so.");
    cr_expect_eq(finding_fact_number(find(&findings, "diff.much"), "times"), 34);
    findings_free(&findings);
}

static void add_place(struct report *report, const char *check, enum verdict verdict, const char *module, int token)
{
    struct finding *place = findings_place(&report->findings, check, verdict);
    where_set(&place->where.module, module);
    where_set(&place->where.case_id, token % 2 ? "one" : "other");
    place->where.token = token;
    finding_message(place, "Here.");
}

Test(changes, places_are_the_same_wherever_in_the_text_they_are_worst)
{
    struct report old = report_new(), now = report_new();
    add(&old, "layers.isolated", VERDICT_FAIL, 2);
    add(&now, "layers.isolated", VERDICT_FAIL, 2);
    add_place(&old, "layers.isolated", VERDICT_FAIL, "stays", 1);
    add_place(&now, "layers.isolated", VERDICT_FAIL, "stays", 4);
    add_place(&old, "layers.isolated", VERDICT_FAIL, "gone", 1);
    add_place(&now, "layers.isolated", VERDICT_FAIL, "new", 1);
    add_place(&now, "layers.isolated", VERDICT_WARN, "warns", 1);
    add_place(&now, "layers.isolated", VERDICT_PASS, "passes", 1);
    struct findings findings = changes_of(&old, &now);
    const struct finding *places = find(&findings, "diff.places");
    cr_expect_eq(places->verdict, VERDICT_FAIL);
    cr_expect_str_eq(places->message,
                     "1 place fails that did not before, 1 more warns, and 1 that failed or warned is gone.");
    cr_expect_str_eq(places[1].where.module, "new");
    cr_expect_eq(places[1].verdict, VERDICT_FAIL);
    cr_expect_str_eq(places[2].where.module, "warns");
    cr_expect_eq(places[2].verdict, VERDICT_WARN);
    cr_expect_str_eq(places[3].where.module, "gone");
    cr_expect_eq(places[3].verdict, VERDICT_PASS);
    cr_expect_str_eq(places[4].check, "diff.provenance");
    findings_free(&findings);
}

/* Who names 256 places and counts the rest says nothing of the 257th. */
Test(changes, of_places_that_were_not_named_nothing_is_said)
{
    struct report old = report_new(), now = report_new();
    char name[20];
    for (int i = 0; i < 2 * PLACES_MAX; i++) {
        snprintf(name, sizeof name, "module %d", i);
        add_place(i < PLACES_MAX ? &old : &now, "layers.isolated", VERDICT_FAIL, name, 1);
    }
    struct findings findings = changes_of(&old, &now);
    cr_expect_eq(find(&findings, "diff.places")->measured, 0);
    findings_free(&findings);
    old = report_new(), now = report_new();
    for (int i = 0; i < 2 * PLACES_MAX; i++) {
        snprintf(name, sizeof name, "module %d", i);
        add_place(&now, "layers.isolated", VERDICT_FAIL, name, 1);
    }
    findings = changes_of(&old, &now);
    cr_expect_eq(find(&findings, "diff.places")->measured, 2 * PLACES_MAX);
    cr_expect_eq(findings.count, 4 + PLACES_MAX, "no more are named");
    findings_free(&findings);
}

static void add_gold(struct report *report, const char *path, char digit)
{
    struct report_gold *gold = report_add_gold(report);
    where_set(&gold->path, path);
    memset(gold->sha256, digit, digit ? 64 : 0);
}

Test(changes, gold_is_known_again_by_its_hash)
{
    struct report old = report_new(), now = report_new();
    add_gold(&old, "x/a", '1');
    add_gold(&old, "x/b", '2');
    add_gold(&now, "y/b", '1');
    add_gold(&now, "y/c", '2');
    where_set(&add(&old, "logits.kl", VERDICT_PASS, 1)->gold, "x/a");
    where_set(&add(&old, "logits.kl", VERDICT_PASS, 2)->gold, "x/b");
    where_set(&add(&now, "logits.kl", VERDICT_PASS, 2)->gold, "y/c");
    where_set(&add(&now, "logits.kl", VERDICT_PASS, 1)->gold, "y/b");
    struct findings findings = changes_of(&old, &now);
    cr_expect_eq(finding_fact_number(find(&findings, "diff.checks"), "same"), 2);
    findings_free(&findings);
}

Test(changes, provenance_says_what_made_them_different)
{
    struct report old = report_new(), now = report_new();
    report_set(&old.version, "1");
    report_set(&now.version, "2");
    report_set(&now.commit, "abc");
    add_gold(&old, "a", '1');
    add_gold(&now, "a", '2');
    struct provenance provenance = {0};
    struct buffer text = {0};
    cr_assert(provenance_compare(&old, &now, &provenance));
    provenance_text(&provenance, &text);
    cr_expect_str_eq(text.data, "gold (a, sha256 111111111111, now a, sha256 222222222222), version (1, now 2), commit "
                                "(unknown, now abc)");
    buffer_free(&text);
    provenance_free(&provenance);
    report_free(&old);
    report_free(&now);
}

Test(changes, comparable_is_only_what_asked_the_same_of_the_same)
{
    for (int i = 0; i < 7; i++) {
        struct report old = report_new(), now = report_new();
        add_gold(&old, "a", '1');
        add_gold(&now, "b", i == 1 ? '2' : '1');
        if (i == 2)
            report_set(&now.subject.model_type, "qwen3");
        if (i == 3)
            report_set(&now.command, "inspect");
        if (i == 4)
            memset(now.suite.sha256, 'a', 64);
        if (i == 5)
            now.subject.layers = 3;
        if (i == 6)
            old.verdict = VERDICT_ERROR;
        static const char *const says[] = {
            NULL, "other gold", "kind of model", "command", "another suite", "kind of model", "could not be"};
        char *why = NULL;
        cr_expect_eq(provenance_comparable(&old, &now, &why), i == 0, "%d", i);
        cr_expect(i == 0 ? !why : why && strstr(why, says[i]), "%d: %s", i, why ? why : "");
        free(why);
        report_free(&old);
        report_free(&now);
    }
}
