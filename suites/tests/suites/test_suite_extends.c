/* Suites that extend others, and parts of suites. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixtures.h"
#include "suite_fixture.h"

static void begin(void)
{
    scratch_make();
}

static void end(void)
{
    scratch_remove();
}

TestSuite(extends, .init = begin, .fini = end);

Test(extends, what_a_suite_says_itself_counts)
{
    write_text(
        scratch("base/base.json"),
        "{\"name\": \"base\", \"purpose\": \"of the base\", \"diagnostics\": [\"layers\", \"lens\"], \"new_tokens\": 7,"
        "\"prompts\": [\"a\", \"b\"], \"sampling\": {\"temperature\": 2, \"seed\": 3}, \"text\": {\"file\": \"t.txt\", "
        "\"context\": 8}, \"limits\": {\"greedy\": {\"value\": 1, \"cause\": \"base\"}, \"logits.kl\": {\"value\": 2, "
        "\"cause\": \"base\"}}}");
    write_text(
        scratch("own.json"),
        "{\"sampling\": {\"seed\": 4}, \"prompts\": [\"c\"], \"text\": {\"stride\": 5}, \"limits\": {\"logits.kl\": "
        "{\"value\": 3, \"cause\": \"own\"}}, \"diagnostics\": {\"remove\": [\"lens\"], \"add\": [\"weights\"]},"
        "\"extends\": \"base/base.json\"}");
    struct suite suite = opened(scratch("own.json"));
    cr_expect_str_eq(diagnostics_of(&suite), "weights layers texts");
    cr_expect(suite.new_tokens == 7 && suite.seed == 4 && suite.sampler.temperature == 2 && suite.sampler.top_k == 50);
    cr_expect(suite.prompt_count == 1 && strcmp(suite.prompts[0], "c") == 0);
    cr_expect_str_eq(suite.text, scratch("base/t.txt"));
    cr_expect(suite.context == 8 && suite.stride == 5);
    cr_expect(suite.limits.rows[LIMIT_GREEDY].value == 1 && suite.limits.rows[LIMIT_KL].value == 3);
    cr_expect_str_eq(suite.limits.rows[LIMIT_KL].cause, "own");
    cr_expect_str_eq(suite.name, "own.json");
    cr_expect_null(suite.purpose);
    suite_free(&suite);
}

Test(extends, as_one_document_it_is_the_same_suite)
{
    write_text(scratch("own.json"),
               "{\"extends\": [\"english\", \"quantised\"], \"limits\": {\"greedy\": {\"value\": 5, "
               "\"cause\": \"own\"}}, \"text\": {\"file\": \":english\", \"stride\": 9}, \"chat\": true}");
    struct suite suite = opened(scratch("own.json"));
    char *text = printed(&suite);
    write_text(scratch("whole.json"), text);
    struct suite again = opened(scratch("whole.json"));
    char *same = printed(&again);
    cr_expect_str_eq(same, text);
    cr_expect_null(strstr(text, "extends"));
    cr_expect(memcmp(suite.wanted, again.wanted, sizeof suite.wanted) == 0 && again.prompt_count == 20 && again.chat);
    cr_expect(memcmp(&suite.sampler, &again.sampler, sizeof suite.sampler) == 0 && suite.seed == again.seed);
    for (int i = 0; i < LIMIT_COUNT; i++)
        cr_expect(suite.limits.rows[i].value == again.limits.rows[i].value &&
                  strcmp(suite.limits.rows[i].cause, again.limits.rows[i].cause) == 0);
    cr_expect(again.limits.rows[LIMIT_GREEDY].value == 5 && again.limits.rows[LIMIT_KL].value == 0.7);
    cJSON_free(text);
    cJSON_free(same);
    suite_free(&suite);
    suite_free(&again);
}

Test(extends, prompts_that_are_there_already_ask_for_no_texts_again)
{
    write_text(scratch("own.json"), "{\"extends\": \"english\", \"diagnostics\": {\"remove\": [\"texts\"]}}");
    struct suite suite = opened(scratch("own.json"));
    cr_expect_str_eq(diagnostics_of(&suite), "inventory weights");
    char *text = printed(&suite);
    suite_free(&suite);
    write_text(scratch("whole.json"), text);
    suite = opened(scratch("whole.json"));
    cr_expect(suite.prompt_count == 20);
    cr_expect_str_eq(diagnostics_of(&suite), "inventory weights");
    cJSON_free(text);
    suite_free(&suite);
}

Test(extends, what_is_wrong_in_the_other_is_told_there)
{
    write_text(scratch("base.json"), "{\"diagnostics\": [\"layers\"],\n \"limits\": {\"gredy\": {}}}");
    write_text(scratch("own.json"), "{\n  \"extends\": \"base.json\"}");
    expect_refused(scratch("own.json"),
                   "/base.json:2:13: limits.gredy: \"gredy\" is no limit; did you mean \"greedy\"?");
    write_text(scratch("own.json"), "{\n  \"extends\": [\"default\", \"bace\"]}");
    expect_refused(scratch("own.json"),
                   "/own.json:2:26: extends[1]: \"bace\" is no suite that is built in, and no file");
    write_text(scratch("own.json"), "{\n  \"extends\": \"./bace.json\"}");
    expect_refused(scratch("own.json"), "/own.json:2:3: extends: ");
}

Test(extends, a_circle_is_told)
{
    char chain[900];
    const char *a = scratch("a.json"), *b = scratch("b.json");
    write_text(a, "{\"diagnostics\": [\"layers\"], \"extends\": \"b.json\"}");
    write_text(b, "{\"extends\": [\"default\", \"a.json\"]}");
    expect_refused(a, "suites extend one another in a circle: ");
    snprintf(chain, sizeof chain, "%s extends %s extends ", a, b);
    expect_refused(a, chain);
    write_text(a, "{\"extends\": \"./x/../a.json\"}"); /* the same file by another path */
    write_text(scratch("x/y"), "");
    expect_refused(a, "in a circle");
}

Test(extends, so_deep_and_no_deeper)
{
    for (int i = 0; i < 20; i++) {
        char text[100];
        snprintf(text, sizeof text, i ? "{\"extends\": \"%d.json\"}" : "{\"diagnostics\": [\"lens\"]}", i - 1);
        write_text(scratch("%d.json", i), text);
    }
    struct suite suite = opened(scratch("16.json"));
    cr_expect_str_eq(diagnostics_of(&suite), "lens");
    suite_free(&suite);
    expect_refused(scratch("17.json"), "suites extend one another more than 16 deep: ");
}

Test(extends, many_that_extend_many_end)
{
    write_text(scratch("0.json"), "{\"diagnostics\": [\"lens\"]}");
    for (int i = 1; i < 8; i++) {
        char text[200];
        snprintf(text, sizeof text, "{\"extends\": [\"%d.json\", \"%d.json\", \"%d.json\"]}", i - 1, i - 1, i - 1);
        write_text(scratch("%d.json", i), text);
    }
    struct suite suite = opened(scratch("3.json"));
    suite_free(&suite);
    expect_refused(scratch("7.json"), "more than 64 suites would have to be read: ");
}

/* --- parts of suites --- */

static void expect_error(struct error *error, bool good, const char *text)
{
    cr_expect_not(good);
    cr_expect_str_eq(error_text(error), text);
    error_clear(error);
}

Test(extends, diagnostics_that_are_left_out_are_told)
{
    struct error error = {0};
    struct suite suite = opened("default");
    struct findings findings = {0};
    cr_assert(suite_only(&suite, "inventory,layers,lens", &error) && suite_skip(&suite, "layers,texts", &error));
    cr_expect_str_eq(diagnostics_of(&suite), "inventory lens");
    cr_assert(suite_tell_left_out(&suite, false, &findings, &error));
    cr_assert_eq(findings.count, 7);
    for (size_t i = 0; i < findings.count; i++) {
        const struct finding *finding = &findings.items[i];
        const char *option = strcmp(finding->check, "left_out.layers") == 0 ? "--skip" : "--only";
        cr_expect(finding->verdict == VERDICT_SKIP && finding->summary && finding_is_left_out(finding));
        cr_expect_str_eq(finding_fact_named(finding, "left_out"), option);
        cr_expect(strstr(finding->message, option));
    }
    findings_free(&findings);
    cr_assert(suite_tell_left_out(&suite, true, &findings, &error));
    cr_expect_eq(findings.count, 3, "layers, logits, greedy");
    findings_free(&findings);
    expect_error(&error, suite_skip(&suite, "inventory,lens", &error),
                 "--skip leaves nothing of the suite default to be checked");
    suite_free(&suite);
    suite = opened("quick");
    expect_error(&error, suite_only(&suite, "greedy", &error), "--only greedy: the suite quick does not have it");
    expect_error(&error, suite_skip(&suite, "gredy", &error),
                 "--skip: \"gredy\" is neither a diagnostic nor a check; did you mean \"greedy\"?");
    expect_error(&error, suite_skip(&suite, "layers,absnt*", &error),
                 "--skip: \"absnt*\" is neither a diagnostic nor a check; diagnostics are inventory, weights, "
                 "tokens, layers, logits, lens, greedy, perplexity and texts, and assay help checks lists the checks");
    expect_error(
        &error, suite_only(&suite, "inventory.absnet", &error),
        "--only: \"inventory.absnet\" is neither a diagnostic nor a check; did you mean \"inventory.absent\"?");
    suite_free(&suite);
}

/* What checks are left of those that diagnostics report and of one that none does, and what is told of the others. */
static void expect_chosen(const char *only, const char *skip, const char *diagnostics, const char *expected)
{
    static const char *const checks[] = {"config.gold", "inventory.absent", "layers.isolated", "layers.isolated",
                                         "logits.kl",   "perplexity",       "greedy"};
    struct error error = {0};
    struct suite suite = opened("quick");
    struct findings findings = {0};
    struct buffer found = {0};
    for (int i = 0; i < DIAGNOSTIC_COUNT; i++)
        suite.wanted[i] = i != DIAGNOSTIC_WEIGHTS;
    cr_assert((!only || suite_only(&suite, only, &error)) && (!skip || suite_skip(&suite, skip, &error)), "%s",
              error_text(&error));
    cr_expect_str_eq(diagnostics_of(&suite), diagnostics);
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        findings_add(&findings, checks[i])->summary = i != 3;
    cr_assert(choice_apply(&suite.choice, &findings, &error));
    for (size_t i = 0; i < findings.count; i++)
        buffer_format(&found, "%s%s", i ? " " : "", findings.items[i].check);
    cr_expect_str_eq(found.data, expected);
    buffer_free(&found);
    findings_free(&findings);
    suite_free(&suite);
}

Test(extends, checks_are_left_out_by_their_ids)
{
    static const char all[] = "inventory tokens layers logits lens greedy perplexity texts";
    expect_chosen(NULL, NULL, all,
                  "config.gold inventory.absent layers.isolated layers.isolated logits.kl perplexity greedy");
    expect_chosen(NULL, "layers.isolated,weights.*,config.*", all,
                  "inventory.absent logits.kl perplexity greedy left_out.config.gold left_out.layers.isolated");
    expect_chosen(NULL, "layers.*", "inventory tokens logits lens greedy perplexity texts",
                  "config.gold inventory.absent logits.kl perplexity greedy left_out.layers.isolated");
    expect_chosen(
        "logits.kl,inventory", NULL, "inventory logits",
        "config.gold inventory.absent logits.kl left_out.layers.isolated left_out.perplexity left_out.greedy");
    expect_chosen("layers,inventory.a*", "greedy", "inventory layers",
                  "config.gold inventory.absent layers.isolated layers.isolated left_out.logits.kl left_out.perplexity "
                  "left_out.greedy");
}

static void expect_limit(const char *tag, double greedy, double kl, size_t prompts)
{
    struct error error = {0};
    struct suite suite = opened(scratch("own.json"));
    cr_assert(!tag || suite_tagged(&suite, &tag, 1, &error), "%s", error_text(&error));
    cr_expect_eq(suite.limits.rows[LIMIT_GREEDY].value, greedy, "%s", tag);
    cr_expect_eq(suite.limits.rows[LIMIT_KL].value, kl, "%s", tag);
    cr_expect_eq(suite.prompt_count, prompts);
    suite_free(&suite);
}

/* What a suite says of a limit replaces all that those which it extends say of it, as in the one document. */
Test(extends, limits_are_chosen_by_tag)
{
    write_text(scratch("base.json"),
               "{\"diagnostics\": [\"logits\"], \"limits\": {\"logits.kl\": {\"value\": 9, \"cause\": "
               "\"base\", \"tags\": [\"strict\"]}, \"greedy\": [{\"value\": 1, \"cause\": \"base\"}, "
               "{\"value\": 2, \"cause\": \"base\", \"tags\": [\"few\", \"night\"]}]}}");
    write_text(scratch("own.json"),
               "{\"extends\": \"base.json\", \"prompts\": [\"a\", {\"prompt\": \"b\", \"tags\": [\"few\"]}], "
               "\"limits\": {\"logits.kl\": [{\"value\": 3, \"cause\": \"own\", \"tags\": "
               "[\"night\"]}, {\"value\": 4, \"cause\": \"own\"}]}}");
    expect_limit(NULL, 1, 4, 2);
    expect_limit("few", 2, 4, 1);
    expect_limit("night", 2, 3, 2);
    struct error error = {0};
    struct suite suite = opened(scratch("own.json"));
    char *text = printed(&suite);
    expect_error(&error, suite_tagged(&suite, (const char *const[]){"strict"}, 1, &error),
                 "--tag: in the suite own.json \"strict\" is no tag of a prompt or a limit; there are few and night");
    suite_free(&suite);
    write_text(scratch("own.json"), text);
    free(text);
    expect_limit("night", 2, 3, 2);
}

Test(extends, prompts_are_chosen_by_tag)
{
    struct error error = {0};
    struct suite suite = opened("english");
    cr_assert(suite_tagged(&suite, (const char *const[]){"code", "letter"}, 2, &error));
    cr_expect(suite.prompt_count == 2 && strncmp(suite.prompts[0], "def add", 7) == 0 &&
              strncmp(suite.prompts[1], "Dear Mr.", 8) == 0);
    cr_expect(suite.expects[0].flags[EXPECT_CODE] && suite.expects[1].language_count == 1);
    expect_error(&error, suite_tagged(&suite, (const char *const[]){"coed"}, 1, &error),
                 "--tag: in the suite english \"coed\" is no tag of a prompt or a limit; did you mean \"code\"?");
    expect_error(&error, suite_tagged(&suite, (const char *const[]){"code", "x"}, 2, &error),
                 "--tag: in the suite english \"x\" is no tag of a prompt or a limit; there are code and letter");
    suite_free(&suite);
    suite = opened("default");
    expect_error(&error, suite_tagged(&suite, (const char *const[]){"code"}, 1, &error),
                 "--tag code: no prompt and no limit of the suite default has a tag");
    suite_free(&suite);
}
