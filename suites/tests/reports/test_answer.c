/* What a reader in a hurry is told first: the sentence, the numbers, the commands, and the picture of the model. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wording.h"
#include "report_fixtures.h"
#include "reports/answer.h"
#include "reports/text.h"

static void expect_digits(double value, const char *text)
{
    struct buffer out = {0};
    digits_append(&out, value);
    cr_expect_str_eq(out.data, text);
    buffer_free(&out);
}

Test(answer, numbers_have_three_digits)
{
    expect_digits(12698.5, "12,700");
    expect_digits(1234, "1,230");
    expect_digits(999.6, "1000");
    expect_digits(1845549.3, "1,850,000");
    expect_digits(-4321, "-4,320");
    expect_digits(0.83125, "0.831");
    expect_digits(4.2345e-6, "4.23e-6");
    expect_digits(0, "0");
    expect_digits(1.5e9, "1.5e9");
    expect_digits(NAN, "nan");
    expect_digits(INFINITY, "inf");
}

/* One thing is not told in the plural; a share, or a number that is not one, stays as it is. */
Test(answer, a_unit_agrees_with_its_number)
{
    static const struct {
        double measured;
        const char *unit, *expected;
    } rows[] = {{1, "tensors", "1 tensor"},
                {2, "tensors", "2 tensors"},
                {0, "tensors", "0 tensors"},
                {1, "ids without a row", "1 id without a row"},
                {1, "continuations differ", "1 continuation differs"},
                {1, "rows lost", "1 row lost"},
                {1, "nats", "1 nats"},
                {1, "of positions", "1 of positions"},
                {1.5, "layers", "1.5 layers"},
                {1, NULL, "1"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct findings findings = {0};
        struct buffer text = {0};
        finding_measured(findings_add(&findings, "a"), rows[i].measured, rows[i].unit);
        measured_append(&text, TEXT_PLAIN, findings.items);
        cr_expect_str_eq(text.data, rows[i].expected);
        buffer_free(&text);
        findings_free(&findings);
    }
}

Test(answer, a_sentence_leads_and_what_follows_is_apart)
{
    struct answered answered = {0};
    failing(&answered.report, "layers.isolated", "2 modules of version 1.5 are bad, e.g. one. 'a' is the first. More.");
    failing(&answered.report, "logits.kl", "Far.");
    answer_of(&answered);
    cr_expect_str_eq(answered.answer.headline.data, "2 modules of version 1.5 are bad, e.g. one.");
    cr_expect_str_eq(answered.answer.rest.data, "'a' is the first. More; 1 more check failed.");
    cr_expect_str_eq(answered.answer.word, "fail", "nothing tells how bad it is");
    cr_expect_eq(answered.answer.leads, &answered.report.findings.items[0]);
    answered_free(&answered);
}

Test(answer, a_pass_says_what_was_proved)
{
    struct answered answered = {0};
    struct finding *finding = findings_add(&answered.report.findings, "logits.kl");
    finding_measured(finding, 1e-14, "nats");
    finding_limit(finding, 1e-9, "for a test");
    finding_fact(finding, "within", 1e-12);
    finding_judge(finding);
    finding_message(finding, "Near.");
    answer_of(&answered);
    cr_expect_str_eq(answered.answer.word, "identical");
    cr_expect(strstr(answered.answer.headline.data, "computes what the original computes"));
    cr_expect_eq(answered.answer.step_count, 0);
    cr_expect_null(answered.answer.leads);
    answered_free(&answered);
}

/* The bounds are the suite's, whichever they are. */
Test(answer, severity_tells_the_number_that_decided_beside_its_bounds)
{
    static const struct {
        double nats, top1, ratio;
        const char *text;
    } rows[] = {
        {3.2, 1, 9,
         "broken: divergence 3.2 nats a token, broken is above 2; the next-token distribution has little to "
         "do with gold's"},
        {0.5, 0, 1,
         "degraded: divergence 0.5 nats a token, harmless is up to 0.25, broken is above 2; answers differ "
         "from gold's"},
        {0.1, 0.03, 1,
         "degraded: another most likely token at 3 % of positions, harmless is none; answers differ "
         "from gold's"},
        {0.1, 0, 0.9,
         "degraded: perplexity 0.9 times gold's, harmless is down to 0.99 times; answers differ from gold's"},
        {0.1, 0, 2.5,
         "broken: perplexity 2.5 times gold's, broken is above 2.01 times; text is far less likely than "
         "under the original"},
        {0.1, 0, 1, "harmless: divergence 0.1 nats a token, harmless is up to 0.25; every decision is gold's"},
        {NAN, NAN, NAN, "unknown: nothing compared its answers with gold's"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct answered answered = {0};
        struct limits limits;
        struct error error = {0};
        cr_assert(limits_init(&limits, &error) && limits_set(&limits, LIMIT_HARMLESS_NATS, 0.25, "test", &error) &&
                  limits_set(&limits, LIMIT_BROKEN_NATS, 2, "test", &error));
        answered.report.severity_limits = severity_limits_of(&limits);
        limits_free(&limits);
        struct finding *finding = failing(&answered.report, "logits.kl", "Far.");
        finding_fact(finding, "within", 1e-9);
        finding_fact(finding, "perplexity_ratio", rows[i].ratio);
        if (!isnan(rows[i].nats))
            finding_measured(finding, rows[i].nats, "nats");
        if (!isnan(rows[i].top1))
            finding_measured(failing(&answered.report, "logits.top1", "Another."), rows[i].top1, "of positions");
        answer_of(&answered);
        cr_expect_str_eq(answered.answer.severity.data, rows[i].text);
        answered_free(&answered);
    }
}

/* Of more than four the first four are told: what it does to answers before what files show. */
Test(answer, four_numbers_tell_how_bad_it_is)
{
    struct answered answered = {0};
    static const struct {
        const char *check, *unit, *fact;
        double measured, of;
    } rows[] = {{"inventory.absent", "tensors", "expected", 1622, 18867},
                {"logits.kl", "nats", "perplexity_ratio", 3.7123, 12698.5},
                {"logits.top1", "of positions", "positions", 0.25, 100},
                {"layers.isolated", "relative L2", "compared", 1, 387},
                {"text.verdict", "texts", "texts", 3, 8}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct finding *finding = failing(&answered.report, rows[i].check, "It is bad.");
        finding_measured(finding, rows[i].measured, rows[i].unit);
        finding_fact(finding, rows[i].fact, rows[i].of);
        if (i == 3)
            finding_fact(finding, "bad", 36);
    }
    answer_of(&answered);
    static const char *const expected[] = {"75 % of positions", "3.71 nats a token", "12,700", "36 of 387"};
    cr_assert_eq(answered.answer.number_count, 4);
    for (size_t i = 0; i < 4; i++)
        cr_expect_str_eq(answered.answer.numbers[i].value.data, expected[i]);
    cr_expect_str_eq(answered.answer.word, "broken");
    answered_free(&answered);
    answered = (struct answered){0};
    struct finding *finding = failing(&answered.report, "inventory.absent", "Tensors are absent.");
    finding_measured(finding, 1622, "tensors");
    finding_fact(finding, "expected", 18867);
    answer_of(&answered);
    cr_assert_eq(answered.answer.number_count, 1);
    cr_expect_str_eq(answered.answer.numbers[0].value.data, "1,622 of 18,867");
    answered_free(&answered);
}

/* A divergence and most likely tokens that are right say little of a model whose continuations are others. */
Test(answer, the_number_that_decided_is_among_those_that_are_told)
{
    struct answered answered = {0};
    static const struct {
        const char *check, *unit;
        double measured;
    } rows[] = {{"logits.kl", "nats", 6e-5}, {"logits.top1", "of positions", 0}, {"greedy", "continuations differ", 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct finding *finding = failing(&answered.report, rows[i].check, "It is bad.");
        finding->verdict = i == 2 ? VERDICT_FAIL : VERDICT_PASS;
        finding_measured(finding, rows[i].measured, rows[i].unit);
        finding_fact(finding, "continuations", 3);
    }
    answer_of(&answered);
    cr_expect_str_eq(answered.answer.word, "degraded");
    cr_assert_eq(answered.answer.number_count, 3);
    for (size_t i = 0; i < 3; i++)
        cr_expect_eq(answered.answer.numbers[i].decided, i == 2);
    cr_expect_str_eq(answered.answer.numbers[2].name, "Continuations that differ");
    cr_expect_str_eq(answered.answer.numbers[2].value.data, "1 of 3");
    cr_expect(text_begins_with(answered.answer.severity.data,
                               "degraded: 33.3 % of gold's continuations differ, harmless is none; "),
              "%s", answered.answer.severity.data);
    answered_free(&answered);
}

/* GitHub's runner takes lines that begin with :: for its commands, whatever a model's files are called. */
Test(answer, no_line_on_a_terminal_is_a_command_to_a_runner)
{
    struct report report = {0};
    failing(&report, "inventory.absent",
            "::error::a It differs. ::stop-commands::b and what is long enough to be wrapped "
            "at the end of a line goes on ::set-env::c in the next one. ::warning::d");
    report_set(&report.subject.path, "::error::e");
    report_conclude(&report);
    for (int colour = 0; colour < 2; colour++) {
        char *text = terminal_text(&report, colour);
        cr_expect(strstr(text, "::error::a"));
        for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
            cr_expect_neq(strncmp(line + strspn(line, " \t"), "::", 2), 0, "%.60s", line);
        free(text);
    }
    report_free(&report);
}

/* Whoever has to decide reads whether it may be used; of an experiment that is not asked. */
Test(answer, says_whether_the_model_may_be_used)
{
    static const struct {
        const char *check;
        double nats;
        const char *departures, *begins; /* NULL: nothing is said */
    } rows[] = {{NULL, 1e-12, NULL, "It can be used: nothing that was compared differs"},
                {"layers.isolated", 4e-8, NULL, "It fails as an exact copy, and no answer changes"},
                {"logits.kl", 0.002, NULL, "Some answers change: do not ship it"},
                {"logits.kl", 10, NULL, "Do not use it"},
                {"logits.kl", 10, "--fault zeros", NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct answered answered = {0};
        struct finding *finding = failing(&answered.report, "logits.kl", "It is bad.");
        finding->verdict = VERDICT_PASS;
        finding_measured(finding, rows[i].nats, "nats");
        finding_fact(finding, "within", 1e-9);
        if (rows[i].check)
            failing(&answered.report, rows[i].check, "It is bad.");
        if (rows[i].departures)
            report_set(&answered.report.departures, "%s", rows[i].departures);
        answer_of(&answered);
        const char *use = answered.answer.use;
        cr_expect(rows[i].begins ? use && text_begins_with(use, rows[i].begins) : !use, "row %zu: %s", i, use);
        struct rendered rendered = render(&answered.report);
        cr_expect(!use || strstr(rendered.files[HTML], use));
        cr_expect(!use || strstr(rendered.files[MARKDOWN], use));
        rendered_free(&rendered);
        answered_free(&answered);
    }
}

Test(answer, commands_come_once_and_what_mends_comes_first)
{
    struct answered answered = {0};
    struct finding *finding = failing(&answered.report, "cause", "It is known.");
    finding_fact_text(finding, "commands.repeat", "assay check a");
    finding_fact_text(finding, "commands.repair", "assay repair a");
    finding = failing(&answered.report, "inventory.absent", "Absent.");
    finding_fact_text(finding, "commands.repair", "assay repair a");
    finding_fact_text(finding, "commands.confirm", "assay diagnose a");
    finding_fact_text(finding, "commands.recheck", "assay inspect a");
    answer_of(&answered);
    cr_assert_eq(answered.answer.step_count, 3);
    cr_expect_str_eq(answered.answer.steps[0].command, "assay repair a");
    cr_expect_str_eq(answered.answer.steps[1].command, "assay inspect a");
    cr_expect_str_eq(answered.answer.steps[2].command, "assay diagnose a");
    cr_expect(answer_tells(&answered.answer, "assay repair a"));
    cr_expect_not(answer_tells(&answered.answer, "assay repair b"));
    answered_free(&answered);
}

Test(answer, a_key_of_the_configuration_has_what_it_is_and_should_be)
{
    struct answered answered = {0};
    struct finding *finding = failing(&answered.report, "cause", "It is known.");
    finding_fact_text(finding, "now.rope_theta", "10000");
    finding_fact_text(finding, "should_be.rope_theta", "1000000");
    finding_fact_text(finding, "now.half", "<b>");
    answer_of(&answered);
    cr_assert_eq(answered.answer.setting_count, 1);
    cr_expect_str_eq(answered.answer.settings[0].key, "rope_theta");
    cr_expect_str_eq(answered.answer.settings[0].now, "10000");
    cr_expect_str_eq(answered.answer.settings[0].should_be, "1000000");
    struct rendered rendered = render(&answered.report);
    cr_expect(strstr(rendered.files[HTML], "<th scope=\"row\">rope_theta</th><td>10000</td><td>1000000</td>"));
    cr_expect(strstr(rendered.files[MARKDOWN], "| rope_theta | 10000 | 1000000 |") ||
              strstr(rendered.files[MARKDOWN], "| rope\\_theta | 10000 | 1000000 |"));
    rendered_free(&rendered);
    answered_free(&answered);
}

/* Below the folder of the subject; a file elsewhere is named whole. */
Test(answer, the_file_of_the_cause_is_named)
{
    static const struct {
        const char *subject, *file, *told;
    } rows[] = {{"m", "m/a.safetensors", "a.safetensors"},
                {"m/", "m/b/a.safetensors", "b/a.safetensors"},
                {"m", "more/a.safetensors", "more/a.safetensors"},
                {"m.gguf", "m.gguf", "m.gguf"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct answered answered = {0};
        report_set(&answered.report.subject.path, "%s", rows[i].subject);
        failing(&answered.report, "cause", "It is known.");
        place_at(&answered.report, "cause", 1, -1, "absent.weight");
        struct finding *place = place_at(&answered.report, "cause", 1, -1, "model.norm.weight");
        where_set(&place->where.file, rows[i].file);
        answer_of(&answered);
        cr_expect_str_eq(answered.answer.file.data, rows[i].told);
        cr_expect_str_eq(answered.answer.tensor, "model.norm.weight");
        answered_free(&answered);
    }
}

Test(answer, without_a_command_the_table_of_checks_advises)
{
    struct answered answered = {0};
    report_set(&answered.report.subject.path, "my models/$(it)");
    report_set(&answered.report.subject.format, "checkpoint");
    report_set(&answered.report.subject.model_type, "llama");
    failing(&answered.report, "layers.propagated", "It differs.");
    answer_of(&answered);
    cr_assert_eq(answered.answer.step_count, 1);
    cr_expect_null(answered.answer.steps[0].command);
    cr_expect(strstr(answered.answer.steps[0].does, "assay diagnose 'my models/$(it)'"), "%s",
              answered.answer.steps[0].does);
    answered_free(&answered);
}

/* What is no model is not put where a command wants one. */
Test(answer, advice_names_no_file_that_a_command_would_refuse)
{
    static const struct {
        const char *format, *model_type, *says;
    } rows[] = {{"report", NULL, "assay diagnose MODEL"},
                {"dump", NULL, "assay diagnose --dump theirs --model WEIGHTS"},
                {"gguf", "llama", "assay diagnose theirs "}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct answered answered = {0};
        report_set(&answered.report.subject.path, "theirs");
        report_set(&answered.report.subject.format, "%s", rows[i].format);
        if (rows[i].model_type)
            report_set(&answered.report.subject.model_type, "%s", rows[i].model_type);
        failing(&answered.report, "layers.propagated", "It differs.");
        answer_of(&answered);
        cr_expect(strstr(answered.answer.steps[0].does, rows[i].says), "%s", answered.answer.steps[0].does);
        answered_free(&answered);
    }
}

/* Of two golds' names and of checks named by a file anything may be in a report that is read. */
Test(answer, nothing_of_a_report_reaches_the_terminal_as_it_is)
{
    struct report report = {0};
    struct finding *finding = failing(&report, "cause", "It is known.");
    finding_fact_text(finding, "by_hand", "%s", "\033[2J by hand");
    report_conclude(&report);
    report.severity.level = SEVERITY_BROKEN;
    report.severity.why = "\033]0;x\007";
    char *text = terminal_text(&report, false);
    cr_expect_null(strchr(text, '\033'));
    cr_expect(strstr(text, "by hand"));
    free(text);
    report.severity.why = "static";
    report_free(&report);
}

/* ---- the picture ---- */

/* ---- the terminal ---- */

Test(answer, the_terminal_has_a_line_for_each_check_that_failed)
{
    struct answered answered = {0};
    char endless[3000], *text = NULL;
    size_t size = 0;
    memset(endless, 'w', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    struct finding *finding = failing(&answered.report, "layers.propagated", "The computation differs.");
    for (int i = 0; i < 50; i++)
        place_at(&answered.report, "layers.propagated", i, -1, "model.layers.1.mlp");
    finding = failing(&answered.report, "logits.kl", endless);
    finding_measured(finding, 3, "nats");
    failing(&answered.report, "text.verdict", "\033[31mred\n\rover");
    report_conclude(&answered.report);
    FILE *file = open_memstream(&text, &size);
    struct error error = {0};
    cr_assert(report_write_terminal(&answered.report, file, false, false, &error), "%s", error_text(&error));
    fclose(file);
    assert_narrow(text);
    cr_expect_lt(count_of(text, "\n"), 18);
    cr_expect_eq(count_of(text, "\n  fail  "), 3);
    cr_expect_null(strchr(text, '\033'));
    cr_expect(strstr(text, "3 failed"));
    cr_expect(strstr(text, "--verbose"));
    free(text);
    report_free(&answered.report);
}

Test(answer, an_experiment_says_so_everywhere)
{
    struct report report = {0};
    report_set(&report.departures, "--fault 'zeros:<b>'");
    failing(&report, "layers.propagated", "It differs.");
    report_conclude(&report);
    struct rendered rendered = render(&report);
    const char *experiment = strstr(rendered.files[HTML], "opened with <code>--fault &#39;zeros:&lt;b&gt;&#39;</code>"),
               *verdict = strstr(rendered.files[HTML], "<h1>");
    cr_expect(experiment && verdict && experiment < verdict, "what is no verdict on the files says so first");
    cr_expect(strstr(rendered.files[MARKDOWN], "This is an experiment"));
    rendered_free(&rendered);
    char *text = terminal_text(&report, false);
    cr_expect(strstr(text, "This is an experiment: the model was opened with --fault 'zeros:<b>', and"));
    free(text);
    report_free(&report);
}
