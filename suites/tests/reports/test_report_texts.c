/* Texts in reports: marked, hostile, long, many, and of any script. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "report_fixtures.h"

/* ---- what the tests build ---- */

static struct report texts_report(void)
{
    struct report report = {0};
    report_set(&report.command, "quality");
    report_set(&report.subject.path, "texts.jsonl");
    struct finding *finding = findings_add(&report.findings, "text.verdict");
    finding_measured(finding, 1, "texts");
    finding_limit(finding, 0, "no text may be gibberish");
    finding_message(finding, "Texts are gibberish.");
    finding_judge(finding);
    return report;
}

static struct finding *add_text(struct report *report, const char *id, enum verdict verdict, const char *prompt,
                                const char *text)
{
    struct finding *finding = findings_add(&report->findings, "text.verdict");
    finding->summary = false;
    finding->verdict = verdict;
    where_set(&finding->where.case_id, id);
    finding_message(finding, "%s.", verdict == VERDICT_FAIL ? "gibberish" : "no fault found");
    finding_fact_text(finding, "verdict", "%s", verdict == VERDICT_FAIL ? "gibberish" : "no fault found");
    if (prompt)
        finding_fact_text(finding, "prompt", "%s", prompt);
    cr_assert(finding_marked(finding, text, strlen(text)));
    return finding;
}

/* A failing text: bytes from .. to - 1 are marked, and it goes wrong at `onset`. */
static struct finding *add_bad(struct report *report, const char *id, const char *text, size_t from, size_t to,
                               size_t onset)
{
    struct finding *finding = add_text(report, id, VERDICT_FAIL, "Say something.", text);
    finding_fact_text(finding, "reason", "repetition");
    cr_assert(marked_text_add(finding->marked, from, to, "repetition"));
    cr_assert(marked_text_reason(finding->marked, "repetition", "one piece over and over", "loop 0.93 >= 0.4", onset));
    return finding;
}

static cJSON *document_of(const struct report *report)
{
    struct error error = {0};
    cJSON *document = report_json(report, &error);
    cr_assert(document, "%s", error_text(&error));
    return document;
}

/* "text" of the finding with that index. */
static const cJSON *text_member(const cJSON *document, int index)
{
    const cJSON *text = json_member(cJSON_GetArrayItem(json_member(document, "findings"), index), "text");
    cr_assert(text);
    return text;
}

static void expect_in(const char *text, const char *what)
{
    cr_expect(strstr(text, what), "%s is not in: %.3000s", what,
              strstr(text, "Texts</h2>") ? strstr(text, "Texts</h2>") : text);
}

#define ONSET "<bdi class=\"onset\">\xE2\x96\xBC goes wrong here</bdi>"
#define PRE "<pre class=\"passage\" dir=\"auto\"><bdi></bdi>"

/* ---- the tests ---- */

Test(report_texts, a_text_is_shown_with_its_faults_in_every_form)
{
    struct report report = texts_report();
    add_text(&report, "line 1", VERDICT_PASS, "Say hello.", "Hello to you.");
    add_bad(&report, "line 2", "Well, no no no no.", 6, 17, 6);
    report_conclude(&report);
    struct rendered rendered = render(&report);
    const char *html = rendered.files[HTML];
    assert_harmless(html);
    expect_in(html, "<p>Of 2 texts, 1 failed, 1 passed.</p>");
    expect_in(html, "Marked in the texts: <mark class=\"k0\">repetition</mark>.");
    expect_in(html, PRE "Well, " ONSET "<mark class=\"k0\" title=\"repetition\">no no no no</mark>.</pre>");
    expect_in(html, "<mark class=\"k0\">repetition</mark> one piece over and over, from character 6 on");
    expect_in(html, "<span class=\"numbers\">loop 0.93 &gt;= 0.4</span>");
    expect_in(html, "<details><summary>1 text that did not fail</summary>");
    expect_in(html, "<a href=\"#text-0\"><bdi>line 2: &quot;Say something.&quot;</bdi></a>");
    cr_expect(strstr(html, "<section id=\"text\"") < strstr(html, "Texts, the worst first</h3>"));
    cr_expect_eq(count_of(html, "line 1"), 1, "a text in order is no place of what is wrong");
    expect_in(rendered.files[JUNIT], "tests=\"1\" failures=\"1\" errors=\"0\" skipped=\"0\"");
    expect_in(rendered.files[JUNIT], "fail: line 2: &quot;Say something.&quot;\n  prompt: Say something.\n"
                                     "  Well, &gt;&gt;&gt;no no no no&lt;&lt;&lt;.\n  repetition: one piece over and "
                                     "over, from character 6 on (loop 0.93 &gt;= 0.4)\n</failure>");
    cr_expect_null(strstr(rendered.files[JUNIT], "line 1"), "a text in order is no place of the failure");
    expect_in(rendered.files[MARKDOWN], "| line 2: \"Say something.\" | repetition: one piece over and over, from "
                                        "character 6 on | Well, &gt;&gt;&gt;no no no no&lt;&lt;&lt;. |\n");
    cr_expect_null(strstr(rendered.files[MARKDOWN], "line 1"));
    char *text = terminal_text(&report, false);
    expect_in(text,
              "    - line 2: \"Say something.\"\n        repetition: one piece over and over, from character 6 on\n"
              "        Well, >>>no no no no<<<.\n");
    cr_expect_null(strstr(text, "line 1"), "texts in order are not listed");
    free(text);
    rendered_free(&rendered);
    report_free(&report);
}

/* text.repetition and its like: places without a text, about a text that has a card. */
Test(report_texts, a_check_of_one_fault_names_the_text_and_that_fault_only)
{
    struct report report = texts_report();
    struct finding *finding = add_bad(&report, "line 7", "Well, no no no no.", 6, 17, 6);
    cr_assert(marked_text_reason(finding->marked, "grammar", "no sentence at all", "links 0", 0));
    finding = findings_add(&report.findings, "text.grammar");
    finding->verdict = VERDICT_FAIL;
    finding = findings_add(&report.findings, "text.grammar");
    finding->summary = false;
    finding->verdict = VERDICT_FAIL;
    where_set(&finding->where.case_id, "line 7");
    finding_fact_text(finding, "prompt", "Say something.");
    finding_fact_text(finding, "reason", "grammar");
    finding_message(finding, "The whole story, which is long.");
    finding = findings_add(&report.findings, "text.relevance");
    finding->verdict = VERDICT_FAIL;
    finding = findings_add(&report.findings, "text.relevance");
    finding->summary = false;
    finding->verdict = VERDICT_FAIL;
    where_set(&finding->where.case_id, "line 7");
    finding->where.token = 5;
    finding_measured(finding, -3, "bits");
    finding_fact_text(finding, "prompt", "Say something.");
    report_conclude(&report);
    struct rendered rendered = render(&report);
    expect_in(rendered.files[HTML],
              "<a href=\"#text-0\"><bdi>line 7, token 5: &quot;Say something.&quot;</bdi></a></td>"
              "<td class=\"n\">-3 bits</td>");
    expect_in(rendered.files[HTML], "<a href=\"#text-0\"><bdi>line 7: &quot;Say something.&quot;</bdi></a></td>"
                                    "<td class=\"say\">no sentence at all, from character 0 on</td>");
    cr_expect_eq(count_of(rendered.files[HTML], "<article class=\"card v-fail\" id=\"text-"), 1);
    expect_in(rendered.files[MARKDOWN], "- line 7: \"Say something.\": no sentence at all, from character 0 on\n");
    char *text = terminal_text(&report, false);
    expect_in(text, "    - line 7: \"Say something.\"\n        no sentence at all, from character 0 on\n");
    free(text);
    rendered_free(&rendered);
    report_free(&report);
}

static const char hostile[] =
    "a</mark></pre><script>alert(1)</script>\n\t<img src=x onerror=alert(2)>\r\x1b[31m\x01\x7f"
    "\xE2\x80\xAE\xE2\x81\xA6\xE2\x80\x8B x\xE2\x80\x8D y &amp;]]>|`*_\"'";

Test(report_texts, hostile_texts_stay_texts)
{
    struct report report = texts_report();
    struct finding *finding = add_text(&report, hostile, VERDICT_FAIL, hostile, hostile);
    finding_fact_text(finding, "reason", "%s", hostile);
    for (size_t i = 0; i < sizeof hostile; i++)
        cr_assert(marked_text_add(finding->marked, i, i + 1, i % 2 ? hostile : "even"));
    cr_assert(marked_text_reason(finding->marked, hostile, hostile, hostile, 20));
    report_conclude(&report);
    struct rendered rendered = render(&report);
    assert_harmless(rendered.files[HTML]);
    cr_expect_null(markup_fault(rendered.files[JUNIT], false), "%s", markup_fault(rendered.files[JUNIT], false));
    static const char *const banned[] = {"<script", "<img",         "\x1b",         "\x01",         "\x7f",
                                         "\r",      "\xE2\x80\xAE", "\xE2\x81\xA6", "\xE2\x80\x8B", "x\xE2\x80\x8D"};
    char *text = terminal_text(&report, true);
    for (size_t i = 0; i < sizeof banned / sizeof *banned; i++)
        for (size_t form = JUNIT; form <= HTML; form++)
            cr_expect_null(strstr(rendered.files[form], banned[i]), "%zu in form %zu", i, form);
    for (size_t i = 3; i < sizeof banned / sizeof *banned; i++)
        cr_expect_null(strstr(text, banned[i]), "%zu on the terminal", i);
    cr_expect_null(strstr(text, "\x1b[31m\xE2"), "only colours of our own");
    free(text);
    rendered_free(&rendered);
    report_free(&report);
    report = texts_report();
    add_text(&report, "line 1", VERDICT_FAIL, NULL, hostile);
    report_conclude(&report);
    rendered = render(&report);
    cr_expect_null(strstr(rendered.files[JUNIT], "&gt;&gt;&gt;"), "no place is known");
    expect_in(rendered.files[JUNIT], "  a&lt;/mark&gt;");
    expect_in(rendered.files[HTML], PRE "a&lt;/mark&gt;&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;\n\t&lt;img");
    expect_in(rendered.files[HTML], "\xE2\x90\x8D\xE2\x90\x9B[31m\xE2\x90\x81\xE2\x90\xA1\xE2\x9F\xA8U+202E\xE2\x9F\xA9"
                                    "\xE2\x9F\xA8U+2066\xE2\x9F\xA9\xE2\x9F\xA8U+200B\xE2\x9F\xA9 x\xE2\x9F\xA8U+200D");
    rendered_free(&rendered);
    report_free(&report);
}

Test(report_texts, joiners_stay_where_they_join)
{
    struct report report = texts_report();
    add_text(&report, "line 1", VERDICT_FAIL, NULL,
             "\xD9\x85\xDB\x8C\xE2\x80\x8C\xD8\xAE\xD9\x88\xD8\xA7\xD9\x87\xD9\x85 "
             "\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x91\xA7 b\xE2\x80\x8C\xE2\x80\x8C\xE2\x80\x8C");
    report_conclude(&report);
    struct rendered rendered = render(&report);
    expect_in(rendered.files[HTML], "\xDB\x8C\xE2\x80\x8C\xD8\xAE");
    expect_in(rendered.files[HTML], "\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x91\xA7");
    cr_expect_eq(count_of(rendered.files[HTML], "\xE2\x9F\xA8U+200C\xE2\x9F\xA9"), 3);
    rendered_free(&rendered);
    report_free(&report);
}

Test(report_texts, marks_that_overlap_are_both_shown)
{
    struct report report = texts_report();
    struct finding *finding = add_text(&report, "line 1", VERDICT_FAIL, NULL, "abcdefgh");
    static const struct {
        size_t from, to;
        const char *what;
    } marks[] = {{3, 5, "language"}, {1, 4, "grammar"}, {2, 3, "grammar"}, {6, 99, "language"}, {5, 5, "never"}};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        cr_assert(marked_text_add(finding->marked, marks[i].from, marks[i].to, marks[i].what));
    report_conclude(&report);
    struct rendered rendered = render(&report);
    assert_harmless(rendered.files[HTML]);
    expect_in(rendered.files[HTML], PRE
              "a" ONSET "<mark class=\"k1\" title=\"grammar\">b</mark><mark class=\"k1\" title=\"grammar\">c</mark>"
              "<mark class=\"k0\" title=\"language, grammar\"><mark class=\"k1\">d</mark></mark>"
              "<mark class=\"k0\" title=\"language\">e</mark>f<mark class=\"k0\" title=\"language\">gh</mark></pre>");
    cr_expect_null(strstr(rendered.files[HTML], "never"));
    rendered_free(&rendered);
    report_free(&report);
}

Test(report_texts, faults_beyond_the_colours_share_the_last)
{
    struct report report = texts_report();
    struct finding *finding = add_text(&report, "line 1", VERDICT_FAIL, NULL, "abcdefghijkl");
    for (size_t i = 0; i < 12; i++) {
        char name[20];
        snprintf(name, sizeof name, "fault-%zu", i);
        cr_assert(marked_text_add(finding->marked, 0, i + 1, name));
    }
    report_conclude(&report);
    struct rendered rendered = render(&report);
    assert_harmless(rendered.files[HTML]);
    expect_in(rendered.files[HTML], "<mark class=\"k7\">other faults</mark>. ");
    expect_in(rendered.files[HTML], "<mark class=\"k7\" title=\"other faults\">l</mark></pre>");
    rendered_free(&rendered);
    report_free(&report);
}

Test(report_texts, nothing_and_one_character)
{
    struct report report = texts_report();
    add_bad(&report, "line 1", "", 0, 5, 0);
    add_bad(&report, "line 2", "\xE8\xB7\x9F", 1, 2, 0);
    add_bad(&report, "line 3", "\n", 0, 1, 0);
    add_text(&report, "line 4", VERDICT_SKIP, "", "");
    report_conclude(&report);
    struct rendered rendered = render(&report);
    assert_harmless(rendered.files[HTML]);
    cr_expect_eq(count_of(rendered.files[HTML], "The text is empty."), 2);
    expect_in(rendered.files[HTML], PRE ONSET "<mark class=\"k0\" title=\"repetition\">\xE8\xB7\x9F</mark></pre>");
    expect_in(rendered.files[HTML], PRE ONSET "<mark class=\"k0\" title=\"repetition\">\n</mark></pre>");
    cr_expect_null(markup_fault(rendered.files[JUNIT], false));
    char *text = terminal_text(&report, false);
    expect_in(text, "\n        >>>\xE8\xB7\x9F<<<\n");
    expect_in(text, "\n        >>>\xE2\x90\x8A<<<\n");
    free(text);
    rendered_free(&rendered);
    report_free(&report);
}

Test(report_texts, any_script_and_an_onset_at_the_end)
{
    struct report report = texts_report();
    const char *arabic = "\xD8\xA7\xD8\xAE\xD8\xB1 \xE8\xB7\x9F\xE8\xB7\x9F";
    add_bad(&report, "line 1", arabic, 7, 13, 7);
    add_bad(&report, "line 2", "all well", 8, 9, 8);
    add_bad(&report, "line 3", "abcdef", 0, 6, 3);
    report_conclude(&report);
    struct rendered rendered = render(&report);
    assert_harmless(rendered.files[HTML]);
    expect_in(rendered.files[HTML], PRE "\xD8\xA7\xD8\xAE\xD8\xB1 " ONSET "<mark class=\"k0\" title=\"repetition\">"
                                        "\xE8\xB7\x9F\xE8\xB7\x9F</mark></pre>");
    expect_in(rendered.files[HTML], "one piece over and over, from character 4 on");
    expect_in(rendered.files[HTML], PRE "all well" ONSET "</pre>");
    expect_in(rendered.files[HTML], PRE "<mark class=\"k0\" title=\"repetition\">abc</mark>" ONSET
                                        "<mark class=\"k0\" title=\"repetition\">def</mark></pre>");
    char *text = terminal_text(&report, false);
    expect_in(text, "all well>>><<<\n");
    expect_in(text, "abc>>>def<<<\n");
    free(text);
    rendered_free(&rendered);
    report_free(&report);
}

Test(report_texts, a_long_text_is_folded_and_shown_where_it_goes_wrong)
{
    struct report report = texts_report();
    struct buffer text = {0};
    for (size_t i = 0; i < 30000; i++)
        buffer_format(&text, "%zu ", i);
    add_bad(&report, "line 1", text.data, 100000, 100100, 100000);
    add_text(&report, "line 2", VERDICT_PASS, NULL, text.data);
    report_conclude(&report);
    struct rendered rendered = render(&report);
    assert_harmless(rendered.files[HTML]);
    expect_in(rendered.files[HTML], "<summary>The whole text: 168890 characters, of which the first 20000 are shown; "
                                    "report.json has them all</summary>");
    cr_expect_eq(count_of(rendered.files[HTML], ONSET "<mark "), 1);
    cr_expect_lt(strlen(rendered.files[HTML]), 100000);
    cr_expect_lt(strlen(rendered.files[MARKDOWN]), 3000);
    char *shown = terminal_text(&report, false);
    assert_narrow(shown);
    cr_expect_lt(strlen(shown), 2000);
    free(shown);
    buffer_free(&text);
    rendered_free(&rendered);
    report_free(&report);
}

Test(report_texts, of_a_thousand_texts_the_failures_come_first)
{
    struct report report = texts_report();
    for (int i = 0; i < 1000; i++) {
        char id[24];
        snprintf(id, sizeof id, "line %d", i + 1);
        if (i % 10 == 9)
            add_bad(&report, id, "no no no", 0, 8, 0);
        else
            add_text(&report, id, i % 10 ? VERDICT_PASS : VERDICT_SKIP, "Say hello.", "Hello.");
    }
    report_conclude(&report);
    struct rendered rendered = render(&report);
    const char *html = rendered.files[HTML];
    assert_harmless(html);
    expect_in(html, "<p>Of 1000 texts, 100 failed, 800 passed, 100 skipped.</p>");
    expect_in(html, "800 more texts are in report.json only: 800 passed.");
    cr_expect_eq(count_of(html, "id=\"text-"), 200);
    expect_in(html, "<article class=\"card v-fail\" id=\"text-0\">\n<h3><span class=\"tag\">fail</span><span "
                    "class=\"id\">line 10</span>");
    expect_in(html, "<article class=\"card v-fail\" id=\"text-99\">\n<h3><span class=\"tag\">fail</span><span "
                    "class=\"id\">line 1000</span>");
    expect_in(html, "<article class=\"card v-skip\" id=\"text-100\">");
    expect_in(rendered.files[JUNIT], "tests=\"1\" failures=\"1\" errors=\"0\" skipped=\"0\"");
    expect_in(rendered.files[JUNIT], "\nand 90 more\n");
    cr_expect_null(markup_fault(rendered.files[JUNIT], false));
    expect_in(rendered.files[MARKDOWN], "and 80 more texts at fault.");
    char *text = terminal_text(&report, false);
    expect_in(text, "- line 10: ");
    expect_in(text, "- line 50: ");
    expect_in(text, "and 95 more\n");
    assert_narrow(text);
    free(text);
    cJSON *document = document_of(&report);
    cr_expect_eq(cJSON_GetArraySize(json_member(document, "findings")), 1001, "report.json has them all");
    cJSON_Delete(document);
    rendered_free(&rendered);
    report_free(&report);
}

/* Whatever bytes the text holds: what JSON writes between the offsets is what was marked. */
Test(report_texts, offsets_of_json_are_those_of_its_text)
{
    static const char bytes[] = "a\xFF\xC0\0b\xEF\xBF\xBE\xF0\x9F\xBF\xBF|no no|\xE8\xB7";
    size_t bad = (size_t)((const char *)memchr(bytes, '|', sizeof bytes) - bytes);
    struct report report = texts_report();
    struct finding *finding = add_text(&report, "line 1", VERDICT_FAIL, NULL, "");
    cr_assert(finding_marked(finding, bytes, sizeof bytes - 1));
    cr_assert(marked_text_add(finding->marked, bad + 1, bad + 6, "repetition"));
    cr_assert(marked_text_reason(finding->marked, "repetition", "over and over", NULL, bad + 1));
    cJSON *document = document_of(&report);
    const cJSON *text = text_member(document, 1);
    const char *written = json_member(text, "text")->valuestring;
    const cJSON *mark = json_member(text, "marks")->child;
    int from = json_member(mark, "from")->valueint, to = json_member(mark, "to")->valueint;
    cr_expect_eq(strncmp(written + from, "no no|", 6), 0, "%s", written);
    cr_expect_eq(to - from, 5);
    cr_expect_eq(json_member(json_member(text, "reasons")->child, "onset")->valueint, from);
    cr_expect_str_eq(written, "a\uFFFD\uFFFD\uFFFDb\uFFFD\uFFFD|no no|\uFFFD\uFFFD");
    cJSON_Delete(document);
    struct rendered rendered = render(&report);
    expect_in(rendered.files[HTML], "|" ONSET "<mark class=\"k0\" title=\"repetition\">no no</mark>|");
    rendered_free(&rendered);
    report_free(&report);
}

static cJSON *schema_read(void)
{
    struct error error = {0};
    cJSON *schema = json_read(ASSAY_SOURCE_DIR "/reports/report.schema.json", (size_t)1 << 20, &error);
    cr_assert(schema, "%s", error_text(&error));
    return schema;
}

Test(report_texts, the_document_is_as_the_schema_says)
{
    cJSON *schema = schema_read();
    struct report report = texts_report();
    struct report_gold *gold = report_add_gold(&report);
    report_set(&gold->path, "gold.safetensors");
    add_bad(&report, "line 1", hostile, 1, 9, 1);
    add_text(&report, "line 2", VERDICT_PASS, NULL, "");
    struct finding *finding = &report.findings.items[0];
    series_curve(finding_series(finding, "s", "s", "x", "y", 2), "c")[0] = 1;
    series_label(finding->series, 0, "first");
    report_conclude(&report);
    cJSON *document = document_of(&report);
    const char *fault = schema_fault(schema, schema, document);
    cr_expect_null(fault, "%s", fault);
    /* and it sees what is wrong */
    static const struct {
        const char *member, *value;
    } wrong[] = {{"text", NULL},          {"text", "5"},
                 {"marks", NULL},         {"marks", "[{\"from\": 0, \"to\": 1}]"},
                 {"reasons", NULL},       {"more", "1"},
                 {"reasons", "[7]"},      {"marks", "[{\"from\": -1, \"to\": 1}]"},
                 {"reasons", "\"none\""}, {"marks", "[{\"from\": 0.5, \"to\": 1, \"what\": \"x\"}]"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cJSON *broken = cJSON_Duplicate(document, true), *text = (cJSON *)text_member(broken, 1);
        cJSON_DeleteItemFromObject(text, wrong[i].member);
        if (wrong[i].value)
            cJSON_AddItemToObject(text, wrong[i].member, cJSON_Parse(wrong[i].value));
        cr_expect(schema_fault(schema, schema, broken), "row %zu", i);
        cJSON_Delete(broken);
    }
    cJSON_Delete(document);
    cJSON_Delete(schema);
    report_free(&report);
}
