/* What continuous integration reads of a report: JUnit, SARIF, TAP, and what GitHub shows. Each checker is shown to see
 * faults before it is believed. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "ci_fixture.h"
#include "report_fixtures.h"

/* ---- what the tests build ---- */

static struct finding *add(struct report *report, const char *check, enum verdict verdict, const char *message)
{
    struct finding *finding = findings_add(&report->findings, check);
    finding->verdict = verdict;
    finding_message(finding, "%s", message);
    return finding;
}

static struct finding *add_measured(struct report *report, const char *check, double measured, const char *message)
{
    struct finding *finding = add(report, check, VERDICT_PASS, message);
    finding_measured(finding, measured, "relative L2");
    finding_limit(finding, 6e-6, "10 times the noise of float32 there");
    finding_judge(finding);
    return finding;
}

static struct finding *add_place(struct report *report, const char *check, int layer)
{
    struct finding *finding = findings_place(&report->findings, check, VERDICT_FAIL);
    char path[200];
    snprintf(path, sizeof path, "model.layers.%d.mlp", layer);
    finding->where.layer = layer;
    where_set(&finding->where.module, path);
    finding_measured(finding, 0.5, "relative L2");
    finding_message(finding, "Its input was good and its output is not.");
    return finding;
}

static void add_cause(struct report *report, const char *grade)
{
    struct finding *finding = add(report, "cause", VERDICT_FAIL, "Layer 3 holds layer 4's weights.");
    finding_fact_text(finding, "commands.repair", "assay repair models/broken --source original");
    finding = add_place(report, "cause", 3);
    finding_fact_text(finding, "grade", "%s", grade);
    finding_fact_text(finding, "hypothesis", "swap-layers:3,4");
}

/* A check of each verdict, one of them with places, and the cause of what fails. */
static struct report sample(void)
{
    struct report report = {0};
    report_set(&report.command, "check");
    report_set(&report.version, "0.1.0");
    report_set(&report.started, "2031-02-03T04:05:06Z");
    report_set(&report.subject.path, "models/broken");
    report_set(&report.machine.host, "builder-7");
    report.duration_s = 83.4;
    report.ended = true;
    report.exit_status = 1;
    add_cause(&report, "proved");
    add_measured(&report, "layers.isolated", 0.5, "2 modules are to blame.");
    add_place(&report, "layers.isolated", 3);
    add_place(&report, "layers.isolated", 17);
    add_measured(&report, "weights.finite", 1, "A tensor holds NaN.");
    struct finding *place = findings_place(&report.findings, "weights.finite", VERDICT_FAIL);
    where_set(&place->where.tensor, "model.norm.weight");
    where_set(&place->where.file, "models/broken/a file #1: 100%.safetensors");
    finding_message(place, "It holds NaN.");
    add(&report, "layers.experts", VERDICT_WARN, "Compared tokens went through 7 of 8 experts.");
    add_measured(&report, "inventory.absent", 0, "Nothing is absent.");
    add(&report, "perplexity", VERDICT_SKIP, "No text was given. # ToDo \\");
    report_conclude(&report);
    return report;
}

static const char hostile[] = "<script>\"'&amp;]]>\n::error title=x::y\r\n  ...\n  ---\nok 1 - z # ToDo "
                              "#\\\t\x01\x1b[31m\x7f\xff\xc0\xaf\xed\xa0\x80"
                              "\xe2\x80\xae\xe2\x80\xa8\xc2\x85 {0} {x [a](http://example.org) %0A %25 -->";

static struct report hostile_report(void)
{
    struct report report = {0};
    char **const texts[] = {&report.command, &report.version, &report.started, &report.subject.path,
                            &report.machine.host};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        report_set(texts[i], "%s", hostile);
    report.duration_s = NAN;
    for (int i = 0; i < 8; i++) {
        struct finding *finding = add(&report, i < 4 ? hostile : "b", (enum verdict)(i % 4), hostile);
        finding->summary = i != 7;
        finding_measured(finding, i % 2 ? NAN : -INFINITY, hostile);
        finding_limit(finding, i == 3 ? INFINITY : 1, hostile);
        char **const places[] = {&finding->where.case_id, &finding->where.module, &finding->where.tensor,
                                 &finding->where.file, &finding->gold};
        for (size_t k = 0; k < sizeof places / sizeof *places; k++)
            where_set(places[k], hostile);
        finding_fact_text(finding, "commands.repair", "%s", hostile);
    }
    struct finding *text = findings_place(&report.findings, "text.verdict", VERDICT_FAIL);
    finding_fact_text(text, "prompt", "%s", hostile);
    cr_assert(finding_marked(text, hostile, strlen(hostile)));
    cr_assert(marked_text_reason(text->marked, hostile, hostile, hostile, 3));
    report_conclude(&report);
    return report;
}

static cJSON *sarif_of(const struct rendered *rendered)
{
    struct error error = {0};
    cJSON *document = json_parse("report.sarif", rendered->files[SARIF], strlen(rendered->files[SARIF]), &error);
    cr_assert(document, "%s", error_text(&error));
    return document;
}

static const cJSON *run_of(const cJSON *document)
{
    return cJSON_GetArrayItem(json_member(document, "runs"), 0);
}

/* The first result of the rule whose message begins so. */
static const cJSON *result_of(const cJSON *document, const char *rule, const char *begins)
{
    const cJSON *result;
    cJSON_ArrayForEach(result, json_member(run_of(document), "results"))
    {
        const char *text = cJSON_GetStringValue(json_member(json_member(result, "message"), "text"));
        if (strcmp(cJSON_GetStringValue(json_member(result, "ruleId")), rule) == 0 &&
            strncmp(text, begins, strlen(begins)) == 0)
            return result;
    }
    cr_assert_fail("no result of %s says '%s'", rule, begins);
    return NULL;
}

static char *annotations(const struct report *report)
{
    char *text = NULL;
    size_t size = 0;
    struct error error = {0};
    FILE *file = open_memstream(&text, &size);
    cr_assert(report_write_annotations(report, file, &error), "%s", error_text(&error));
    fclose(file);
    return text;
}

/* All three files are as their checkers want them. */
static void expect_valid(const struct rendered *rendered)
{
    const char *fault = markup_fault(rendered->files[JUNIT], false);
    cr_expect_null(fault, "junit.xml: %s", fault);
    fault = fault ? NULL : junit_fault(rendered->files[JUNIT]);
    cr_expect_null(fault, "junit.xml: %s", fault);
    fault = tap_fault(rendered->files[TAP]);
    cr_expect_null(fault, "report.tap: %s in\n%.3000s", fault, rendered->files[TAP]);
    cJSON *document = sarif_of(rendered);
    fault = sarif_fault(document);
    cr_expect_null(fault, "report.sarif: %s", fault);
    cJSON_Delete(document);
}

/* For people and for other validators: ASSAY_TEST_SAMPLE=DIR keeps the files. */
static void keep(const struct report *report, const char *name)
{
    char *folder = getenv("ASSAY_TEST_SAMPLE") ? path_join(getenv("ASSAY_TEST_SAMPLE"), name) : NULL;
    struct error error = {0};
    if (folder)
        cr_assert(report_render(report, folder, &error), "%s", error_text(&error));
    free(folder);
}

/* ---- the checkers see faults ---- */

/* The text with the first `what` in it replaced; the caller frees. */
static char *broken(const char *text, const char *what, const char *with)
{
    struct buffer out = {0};
    const char *at = strstr(text, what);
    cr_assert(at, "%s is not there to be broken", what);
    buffer_append(&out, text, (size_t)(at - text));
    buffer_text(&out, with);
    buffer_text(&out, at + strlen(what));
    return buffer_take(&out);
}

struct damage {
    const char *what, *with;
};

static void expect_seen(const char *text, const char *(*checker)(const char *text), const struct damage *damages,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *bad = broken(text, damages[i].what, damages[i].with);
        cr_expect(checker(bad), "not seen: %s for %s", damages[i].with, damages[i].what);
        free(bad);
    }
}
#define EXPECT_SEEN(text, checker, damages) expect_seen(text, checker, damages, sizeof(damages) / sizeof *(damages))

Test(ci, the_checker_of_junit_sees_faults)
{
    static const struct damage damages[] = {{" errors=\"0\" time=", " errors=\"0\" skipped=\"1\" time="},
                                            {"tests=\"6\"", "tests=\"7\""},
                                            {" time=\"83.400\"", " time=\"83,4 s\""},
                                            {" time=\"0.000\"", ""},
                                            {"<property name=\"verdict\"", "<property"},
                                            {"</failure>", "</failure><failure type=\"a\" message=\"b\"/>"},
                                            {"<properties>", "<failure type=\"a\" message=\"b\"/><properties>"},
                                            {"<system-out>", "<system-outs>"},
                                            {"<?xml version=\"1.0\"", "<?xml version=\"1.1\""}};
    struct report report = sample();
    struct rendered rendered = render(&report);
    EXPECT_SEEN(rendered.files[JUNIT], junit_fault, damages);
    rendered_free(&rendered);
    report_free(&report);
}

Test(ci, the_checker_of_tap_sees_faults)
{
    static const struct damage damages[] = {{"TAP version 14", "TAP version 13"},
                                            {"1..6", "1..7"},
                                            {"not ok 2", "not ok 3"},
                                            {"ok 5 - ", "ok 5 - # ToDo "},
                                            {"\\# ToDo", "# ToDo"},
                                            {"  ...\n", ""},
                                            {"  message: \"", "  message: "},
                                            {"  measured: 0.5", "  measured: half"},
                                            {"  limit", " limit"},
                                            {" 1 - cause", " 1 - ca\x1buse"}};
    struct report report = sample();
    struct rendered rendered = render(&report);
    EXPECT_SEEN(rendered.files[TAP], tap_fault, damages);
    rendered_free(&rendered);
    report_free(&report);
}

static const char *sarif_text_fault(const char *text)
{
    cJSON *document = cJSON_Parse(text);
    const char *fault = document ? sarif_fault(document) : "no JSON";
    cJSON_Delete(document);
    return fault;
}

Test(ci, the_checker_of_sarif_sees_faults)
{
    static const struct damage damages[] = {{"\"2.1.0\"", "\"2.0.0\""},
                                            {"\"executionSuccessful\": true, ", ""},
                                            {"\"ruleIndex\": 1", "\"ruleIndex\": 0"},
                                            {"\"level\": \"error\", \"message\"", "\"level\": \"fatal\", \"message\""},
                                            {"\"uri\": \"models/broken\"", "\"uri\": \"models/bro ken\""},
                                            {"\"uri\": \"models/broken\"", "\"uri\": \"/models/broken\""},
                                            {"\"startLine\": 1", "\"startLine\": 0"},
                                            {"\"kind\": \"object\"", "\"kind\": \"thing\""},
                                            {"are to blame", "are to [blame](http://example.org)"},
                                            {"are to blame", "are to {0} blame"},
                                            {"\"shortDescription\": {\"text\"", "\"shortDescription\": {\"txt\""},
                                            {"{\"id\": \"layers.isolated\"", "{\"id\": \"cause\""},
                                            {"\"assayPlace/v1\"", "\"assayPlace/v0\""}};
    struct report report = sample();
    struct rendered rendered = render(&report);
    cr_expect_null(sarif_text_fault(rendered.files[SARIF]));
    EXPECT_SEEN(rendered.files[SARIF], sarif_text_fault, damages);
    rendered_free(&rendered);
    report_free(&report);
}

/* ---- the files ---- */

Test(ci, all_files_of_a_report_are_valid)
{
    struct report report = sample();
    struct rendered rendered = render(&report);
    expect_valid(&rendered);
    keep(&report, "ci");
    rendered_free(&rendered);
    report_free(&report);
}

Test(ci, hostile_text_stays_text)
{
    struct report report = hostile_report();
    struct rendered rendered = render(&report);
    static const int kinds[] = {JUNIT, SARIF, TAP};
    static const char *const banned[] = {"\x1b", "\x01", "\r", "\n::error", "\n  ...\n  ---\nok", "\xe2\x80\xae"};
    expect_valid(&rendered);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (size_t k = 0; k < sizeof banned / sizeof *banned; k++)
            cr_expect_null(strstr(rendered.files[kinds[i]], banned[k]), "file %zu, text %zu", i, k);
    cr_expect_null(strstr(rendered.files[JUNIT], "timestamp="), "what is no time is not given as one");
    cr_expect_null(strstr(rendered.files[SARIF], "startTimeUtc"));
    keep(&report, "hostile");
    rendered_free(&rendered);
    report_free(&report);
}

Test(ci, thousands_of_places_are_bounded_and_endless_text_is_cut)
{
    struct report report = {0};
    char *endless = malloc(1000001);
    memset(endless, '{', 1000000);
    endless[1000000] = '\0';
    add_measured(&report, "layers.isolated", 9, endless);
    for (int i = 0; i < 3000; i++)
        add_place(&report, "layers.isolated", i);
    report_set(&report.subject.path, "m");
    report_conclude(&report);
    free(report.reason);
    report.reason = endless;
    struct rendered rendered = render(&report);
    expect_valid(&rendered);
    cr_expect_lt(strlen(rendered.files[JUNIT]), 40000);
    cr_expect_lt(strlen(rendered.files[TAP]), 10000);
    cr_expect_lt(strlen(rendered.files[SARIF]), 120000);
    cJSON *document = sarif_of(&rendered);
    cr_expect_eq(cJSON_GetArraySize(json_member(run_of(document), "results")), 101);
    cJSON_Delete(document);
    cr_expect_eq(count_of(rendered.files[JUNIT], "<failure "), 1, "one failure, however many places");
    rendered_free(&rendered);
    report_free(&report);
}

Test(ci, what_no_check_says_is_a_case_of_its_own)
{
    struct report report = {0};
    report_set(&report.command, "check");
    report_set(&report.subject.path, "nowhere");
    report_conclude(&report);
    struct rendered rendered = render(&report);
    expect_valid(&rendered);
    cr_expect(strstr(rendered.files[JUNIT], "tests=\"1\" failures=\"1\" errors=\"0\""), "nothing judged is no pass");
    cr_expect(strstr(rendered.files[TAP],
                     "1..1\n# fail: Nothing was judged: there was no check to run, so nothing is proved.\n"));
    rendered_free(&rendered);
    report_set(&report.unable, "nowhere: there is no such file");
    report_conclude(&report);
    rendered = render(&report);
    expect_valid(&rendered);
    cr_expect(strstr(rendered.files[JUNIT], "tests=\"1\" failures=\"0\" errors=\"1\""));
    cr_expect(strstr(rendered.files[SARIF], "{\"executionSuccessful\": false, \"toolExecutionNotifications\": "
                                            "[{\"level\": \"error\", \"message\": {\"text\": \"nowhere: there is"));
    cr_expect(strstr(rendered.files[TAP], "not ok 1 - assay check\n"));
    char *text = annotations(&report);
    cr_expect_str_eq(text, "::error title=check::nowhere: there is no such file.\n");
    free(text);
    rendered_free(&rendered);
    report_free(&report);
}

Test(ci, junit_names_the_cause_first_and_every_number)
{
    struct report report = sample();
    struct rendered rendered = render(&report);
    const char *xml = rendered.files[JUNIT];
    static const char *const parts[] = {
        "<testsuite name=\"assay check\" tests=\"6\" failures=\"3\" errors=\"0\" skipped=\"1\" time=\"83.400\" "
        "timestamp=\"2031-02-03T04:05:06Z\" hostname=\"builder-7\">",
        "<property name=\"layers.isolated\" value=\"0.5\"/>\n      <property name=\"layers.isolated.limit\" "
        "value=\"6e-06\"/>\n      <property name=\"layers.isolated.unit\" value=\"relative L2\"/>",
        "<property name=\"inventory.absent\" value=\"0\"/>",
        "<property name=\"severity\" value=\"",
        "<failure type=\"fail\" message=\"2 modules are to blame.\">cause: Layer 3 holds layer 4&#39;s weights.\n"
        "measured 0.5 relative L2, limit 6e-6 (10 times the noise of float32 there)\n"
        "fail: layer 3, model.layers.3.mlp: 0.5 relative L2. Its input was good and its output is not.\n"
        "fail: layer 17, ",
        "repair: assay repair models/broken --source original\n</failure>",
        "<failure type=\"fail\" message=\"A tensor holds NaN.\">measured 1 relative L2",
        "<system-out>warning: Compared tokens went through 7 of 8 experts.\n</system-out>",
        "<skipped message=\"No text was given."};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        cr_expect(strstr(xml, parts[i]), "not there: %s in\n%s", parts[i], xml);
    cr_expect_eq(count_of(xml, "cause: "), 1, "nothing else is how that cause shows");
    rendered_free(&rendered);
    report_free(&report);
}

Test(ci, a_cause_that_is_not_known_explains_nothing)
{
    struct report report = {0};
    report_set(&report.subject.path, "m");
    add_cause(&report, "unexplained");
    add_measured(&report, "logits.kl", 1, "Logits are off.");
    report_conclude(&report);
    struct rendered rendered = render(&report);
    expect_valid(&rendered);
    cr_expect_null(strstr(rendered.files[JUNIT], "cause: "));
    cr_expect_null(strstr(rendered.files[SARIF], "Cause: "));
    rendered_free(&rendered);
    report_free(&report);
}

Test(ci, sarif_says_where)
{
    struct report report = sample();
    struct rendered rendered = render(&report);
    cJSON *document = sarif_of(&rendered);
    const cJSON *run = run_of(document), *invocation = cJSON_GetArrayItem(json_member(run, "invocations"), 0);
    cr_expect_eq(cJSON_GetArraySize(json_member(run, "results")), 8, "neither passes nor skips are results");
    cr_expect_eq(cJSON_GetArraySize(json_member(json_member(json_member(run, "tool"), "driver"), "rules")), 6);
    cr_expect_eq(json_member(invocation, "exitCode")->valueint, 1);
    const cJSON *result = result_of(document, "weights.finite", "It holds NaN.");
    const cJSON *location = cJSON_GetArrayItem(json_member(result, "locations"), 0);
    const cJSON *artifact = json_member(json_member(location, "physicalLocation"), "artifactLocation");
    const cJSON *logical = cJSON_GetArrayItem(json_member(location, "logicalLocations"), 0);
    cr_expect_str_eq(cJSON_GetStringValue(json_member(artifact, "uri")),
                     "models/broken/a%20file%20%231%3A%20100%25.safetensors");
    cr_expect_str_eq(cJSON_GetStringValue(json_member(logical, "fullyQualifiedName")), "model.norm.weight");
    cr_expect_str_eq(cJSON_GetStringValue(json_member(logical, "kind")), "member");
    result = result_of(document, "layers.isolated", "2 modules are to blame. Cause: Layer 3 holds");
    cr_expect_eq(json_member(json_member(result, "properties"), "measured")->valuedouble, 0.5);
    cr_expect_str_eq(cJSON_GetStringValue(json_member(result, "level")), "error");
    result = result_of(document, "layers.experts", "Compared tokens");
    cr_expect_str_eq(cJSON_GetStringValue(json_member(result, "level")), "warning");
    cJSON_Delete(document);
    report_set(&report.subject.path, "/srv/models/b");
    rendered_free(&rendered);
    rendered = render(&report);
    cr_expect(strstr(rendered.files[SARIF], "\"uri\": \"file:///srv/models/b\""));
    rendered_free(&rendered);
    report_free(&report);
}

/* The fingerprints of a report, one after the other; the caller frees. */
static char *prints_of(const struct report *report)
{
    struct rendered rendered = render(report);
    cJSON *document = sarif_of(&rendered);
    const cJSON *result;
    struct buffer out = {0};
    cJSON_ArrayForEach(result, json_member(run_of(document), "results"))
    {
        buffer_text(&out,
                    cJSON_GetStringValue(json_member(json_member(result, "partialFingerprints"), "assayPlace/v1")));
        buffer_char(&out, '\n');
    }
    cJSON_Delete(document);
    rendered_free(&rendered);
    return buffer_take(&out);
}

Test(ci, fingerprints_are_of_the_place_and_not_of_the_numbers)
{
    struct report report = sample();
    char *before = prints_of(&report);
    for (size_t i = 0; i < report.findings.count; i++) {
        struct finding *finding = &report.findings.items[i];
        finding_message(finding, "Other words.");
        if (finding->has_measured && finding->verdict == VERDICT_FAIL)
            finding->measured *= 1.25;
        if (finding->where.file)
            where_set(&finding->where.file, "/elsewhere/m/a file #1: 100%.safetensors");
    }
    report_set(&report.subject.path, "/elsewhere/m");
    report_set(&report.started, "2032-02-03T04:05:06Z");
    char *after = prints_of(&report);
    cr_expect_str_eq(after, before);
    free(after);
    where_set(&report.findings.items[3].where.module, "model.layers.9.mlp");
    after = prints_of(&report);
    cr_expect_str_neq(after, before, "another place has another one");
    free(after);
    free(before);
    report_free(&report);
}

Test(ci, tap_has_a_point_for_each_check)
{
    struct report report = sample();
    struct rendered rendered = render(&report);
    static const char *const parts[] = {
        "TAP version 14\n1..6\n# fail: Layer 3 holds layer 4's weights; 2 more checks failed.\n# severity: unknown",
        "\nnot ok 1 - cause\n  ---\n  verdict: \"fail\"\n  message: \"Layer 3 holds",
        "not ok 2 - layers.isolated\n  ---\n  verdict: \"fail\"\n  cause: \"Layer 3 holds layer 4's weights.\"\n"
        "  message: \"2 modules are to blame.\"\n  measured: 0.5\n  limit: 6e-06\n  unit: \"relative L2\"\n  places:\n"
        "    - verdict: \"fail\"\n      where: \"layer 3, model.layers.3.mlp\"\n      measured: 0.5\n",
        "\nok 4 - layers.experts\n  ---\n  verdict: \"warn\"\n",
        "\nok 6 - perplexity # SKIP No text was given. \\# ToDo \\\\\n"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        cr_expect(strstr(rendered.files[TAP], parts[i]), "not there: %s in\n%s", parts[i], rendered.files[TAP]);
    rendered_free(&rendered);
    report_free(&report);
}

/* ---- GitHub ---- */

Test(ci, annotations_are_commands_of_one_line)
{
    struct report report = sample();
    char *text = annotations(&report);
    cr_expect_str_eq(text, "::error title=cause::Layer 3 holds layer 4's weights.\n"
                           "::error title=layers.isolated::2 modules are to blame.%0Ameasured 0.5 relative L2, limit "
                           "6e-6%0Acause: Layer 3 holds layer 4's weights.\n"
                           "::error title=weights.finite::A tensor holds NaN.%0Ameasured 1 relative L2, limit 6e-6\n"
                           "::warning title=layers.experts::Compared tokens went through 7 of 8 experts.\n");
    free(text);
    report_free(&report);
}

Test(ci, annotations_of_hostile_text_are_no_other_commands)
{
    struct report report = {0};
    struct finding *finding = add(&report, "a:b,c%\n::warning::x", VERDICT_FAIL, hostile);
    where_set(&finding->where.file, "m/a:b,c\r.bin");
    report_conclude(&report);
    char *text = annotations(&report);
    cr_expect_eq(count_of(text, "\n"), 1, "%s", text);
    cr_expect(
        strstr(text,
               "::error title=a%3Ab%2Cc%25\xe2\x90\x8a%3A%3Awarning%3A%3Ax,file=m/a%3Ab%2Cc\xe2\x90\x8d.bin::<script>"),
        "%s", text);
    cr_expect(strstr(text, "%250A %2525"), "a percent sign stays one");
    free(text);
    report_free(&report);
}

Test(ci, annotations_are_ten_of_each_kind_at_most)
{
    struct report report = {0};
    for (int i = 0; i < 14; i++) {
        char check[20];
        snprintf(check, sizeof check, "check.%d", i);
        add(&report, check, VERDICT_FAIL, "It fails.");
        snprintf(check, sizeof check, "other.%d", i);
        if (i < 10)
            add(&report, check, VERDICT_WARN, "It warns.");
    }
    report_set(&report.command, "check");
    report_conclude(&report);
    char *text = annotations(&report);
    cr_expect_eq(count_of(text, "::error "), 10);
    cr_expect_eq(count_of(text, "::warning "), 10);
    cr_expect(
        strstr(text, "::error title=check::5 more checks failed: check.9, check.10, check.11, check.12, check.13.\n"),
        "%s", text);
    cr_expect(strstr(text, "::warning title=other.9::It warns.\n"), "ten need no word about more");
    free(text);
    report_free(&report);
}

static size_t size_of(const char *path)
{
    struct stat state;
    return stat(path, &state) == 0 ? (size_t)state.st_size : 0;
}

Test(ci, the_job_summary_grows_and_stays_within_its_bound)
{
    char *folder = folder_new(), *path = path_join(folder, "summary");
    struct report report = sample();
    struct rendered rendered = render(&report);
    struct error error = {0};
    struct buffer text = {0};
    size_t once = strlen(rendered.files[MARKDOWN]);
    cr_assert(file_write(path, "before\n", 7, &error));
    cr_expect(report_append_summary(&report, path, &error), "%s", error_text(&error));
    cr_expect(file_read(path, 1 << 21, &text, &error));
    cr_expect(strncmp(text.data, "before\n\n", 8) == 0 && strcmp(text.data + 8, rendered.files[MARKDOWN]) == 0);
    buffer_free(&text);
    cr_expect_eq(truncate(path, (1 << 20) - (off_t)once / 2), 0);
    cr_expect(report_append_summary(&report, path, &error), "%s", error_text(&error));
    cr_expect_leq(size_of(path), (size_t)1 << 20);
    cr_expect(file_read(path, 1 << 21, &text, &error));
    cr_expect(strstr(text.data + text.size - 100, "The rest was cut"), "what was cut is told");
    buffer_free(&text);
    cr_expect_eq(truncate(path, 1 << 20), 0);
    cr_expect_not(report_append_summary(&report, path, &error), "there is no room");
    cr_expect(strstr(error_text(&error), "is full"), "%s", error_text(&error));
    cr_expect_eq(size_of(path), (size_t)1 << 20);
    error_clear(&error);
    unlink(path);
    cr_expect_eq(mkfifo(path, 0600), 0);
    cr_expect_not(report_append_summary(&report, path, &error), "a pipe that nobody reads is not waited for");
    error_clear(&error);
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    cr_expect_not(report_append_summary(&report, path, &error), "nor is one that somebody reads written to");
    error_clear(&error);
    close(reader);
    unlink(path);
    cr_expect_not(report_append_summary(&report, folder, &error), "a folder is no file");
    error_clear(&error);
    rmdir(folder);
    free(folder);
    free(path);
    rendered_free(&rendered);
    report_free(&report);
}
