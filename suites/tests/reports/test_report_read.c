/* Documents that are no report, or only nearly one: what reading them says. That reading what was written gives the
 * same report is shown by render() of the fixtures, for every report that any test writes. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "report_fixtures.h"

/* A document that holds one of everything, with `member` in the place of `old`; NULL: as it is. */
static char *document(const char *old, const char *member)
{
    static const char whole[] =
        "{\"assay_report\": 1, \"version\": \"0.1.0\", \"commit\": \"c\", \"command\": \"check\", \"command_line\": "
        "\"assay check m\", \"suite\": {\"name\": \"s\", \"path\": \"p\"}, \"verdict\": \"fail\", \"reason\": \"r\", "
        "\"severity\": {\"level\": \"broken\", \"why\": \"w\", \"nats\": \"inf\", \"rule\": "
        "{\"number\": \"nats\", \"broken\": 1}}, \"started\": \"t\", \"duration_s\": "
        "1.5, \"subject\": {\"path\": \"m\", \"tensors\": 2, \"layers\": 3}, \"gold\": [{\"path\": \"g\", \"cases\": "
        "4}], "
        "\"machine\": {\"threads\": 2}, \"findings\": [{\"check\": \"a.b\", \"gold\": \"g\", \"verdict\": \"fail\", "
        "\"summary\": true, \"measured\": \"nan\", \"limit\": 0.1, \"unit\": \"u\", \"cause\": \"c\", \"message\": "
        "\"m\", "
        "\"where\": {\"layer\": 3, \"module\": \"x\"}, \"noise\": 1e-7, \"fact_limit\": \"l\", \"commands\": "
        "{\"repeat\": "
        "\"assay\"}, \"text\": {\"text\": \"\xc3\xa4"
        "bc\", \"marks\": [{\"from\": 0, \"to\": 2, \"what\": \"x\"}], \"reasons\": [{\"what\": \"x\", \"because\": "
        "\"y\", \"onset\": 2}]}, \"series\": [{\"name\": \"s\", \"title\": \"t\", \"x_label\": \"x\", \"y_label\": "
        "\"y\", "
        "\"kind\": \"line\", \"log_y\": true, \"x\": [0, 1], \"labels\": [null, \"one\"], \"curves\": [{\"name\": "
        "\"c\", "
        "\"values\": [1, \"-inf\"]}]}]}]}";
    const char *at = old ? strstr(whole, old) : NULL;
    cr_assert(!old || at, "%s", old);
    struct buffer text = {0};
    if (at)
        buffer_append(&text, whole, (size_t)(at - whole));
    buffer_text(&text, at ? member : whole);
    buffer_text(&text, at ? at + strlen(old) : "");
    return buffer_take(&text);
}

static bool read_text(const char *text, struct report *report, struct error *error)
{
    cJSON *json = json_parse("it", text, strlen(text), error);
    bool good = json && report_from_json(json, "it", report, error);
    cJSON_Delete(json);
    return good;
}

Test(report_read, everything_is_read)
{
    struct report report;
    struct error error = {0};
    char *text = document(NULL, NULL);
    cr_assert(read_text(text, &report, &error), "%s", error_text(&error));
    cr_expect_str_eq(report.command_line, "assay check m");
    cr_expect_eq(report.verdict, VERDICT_FAIL);
    cr_expect_eq(report.severity.level, SEVERITY_BROKEN);
    cr_expect_str_eq(report.severity.why, "w");
    cr_expect(isinf(report.severity.nats) && isnan(report.severity.top1));
    cr_expect_str_eq(report.severity.rule, "nats");
    cr_expect(report.severity.bounds.broken == 1 && isnan(report.severity.bounds.harmless));
    cr_expect_eq(report.subject.layers, 3);
    cr_expect_eq(report.golds[0].cases, 4);
    const struct finding *finding = &report.findings.items[0];
    cr_expect(finding->has_measured && isnan(finding->measured) && finding->has_limit);
    cr_expect_eq(finding->where.layer, 3);
    cr_expect_eq(finding->where.expert, -1);
    cr_expect_eq(finding_fact_number(finding, "noise"), 1e-7);
    cr_expect_str_eq(finding_fact_named(finding, "limit"), "l");
    cr_expect_str_eq(finding_fact_named(finding, "commands.repeat"), "assay");
    cr_expect_eq(finding->marked->marks[0].to, 2);
    cr_expect_str_eq(finding->marked->reasons[0].because, "y");
    const struct series *series = &finding->series[0];
    cr_expect(series->log_y && !series->labels[0] && isinf(series->curves[0].values[1]));
    free(text);
    struct rendered rendered = render(&report);
    rendered_free(&rendered);
    report_free(&report);
}

Test(report_read, what_is_wrong_is_named)
{
    static const struct {
        const char *old, *member, *says;
    } rows[] = {
        {"\"assay_report\": 1, ", "", "no report of assay"},
        {"\"assay_report\": 1", "\"assay_report\": \"1\"", "\"assay_report\" should be a whole number"},
        {"\"assay_report\": 1", "\"assay_report\": 2", "version 2 of its format, written by assay 0.1.0"},
        {"\"assay_report\": 1", "\"assay_report\": 2, \"new\": 1",
         "unknown member \"new\": the report is of version 2"},
        {"\"verdict\": \"fail\"", "\"verdict\": \"skip\"", "\"verdict\" should be pass, warn, fail or error"},
        {"\"verdict\": \"fail\"", "\"verdict\": 1", "it: \"verdict\" should be a string"},
        {"\"reason\": \"r\"", "\"reason\": []", "\"reason\""},
        {"\"level\": \"broken\"", "\"level\": \"bad\"", "it, severity: \"level\""},
        {"\"nats\": \"inf\"", "\"nats\": \"much\"", "it, severity: \"nats\" should be a number"},
        {"\"number\": \"nats\"", "\"number\": \"bits\"", "it, severity, rule: \"number\" should name a number"},
        {"\"severity\": {\"level\": \"broken\", \"why\": \"w\", \"nats\": \"inf\", \"rule\": {\"number\": \"nats\", "
         "\"broken\": 1}}, ",
         "", "\"severity\" should be an object"},
        {"\"duration_s\": 1.5", "\"duration_s\": true", "\"duration_s\" should be a number"},
        {"\"duration_s\": 1.5", "\"duration_s\": 1e999", "\"duration_s\" should be a number"},
        {"\"layers\": 3", "\"layers\": 3.5", "it, subject: \"layers\""},
        {"\"path\": \"p\"", "\"sha256\": \"abc\"", "it, suite: \"sha256\" should be 64"},
        {"\"gold\": [{", "\"gold\": [5, {", "it, gold 0 should be an object"},
        {"\"threads\": 2", "\"threads\": 0", "it, machine: \"threads\""},
        {"\"findings\": [{", "\"findings\": [[], {", "it, finding 0 should be an object"},
        {"\"check\": \"a.b\", ", "", "it, finding 0: \"check\" should be a string"},
        {"\"verdict\": \"fail\", \"summary\"", "\"verdict\": \"error\", \"summary\"",
         "it, finding 0: \"verdict\" should be pass, warn, fail or skip"},
        {"\"summary\": true", "\"summary\": 1", "\"summary\" should be true or false"},
        {"\"measured\": \"nan\"", "\"measured\": \"NaN\"", "\"measured\" should be a number"},
        {"\"layer\": 3", "\"layer\": -1", "it, finding 0, where: \"layer\""},
        {"\"layer\": 3", "\"layer\": 4294967296", "it, finding 0, where: \"layer\""},
        {"\"where\": {\"layer\": 3, \"module\": \"x\"}, ", "", "\"where\" should be an object"},
        {"\"noise\": 1e-7", "\"noise\": [1]", "it, finding 0: \"noise\" should be a number or a string"},
        {"\"repeat\": \"assay\"", "\"repeat\": {}", "\"commands.repeat\" should be a number or a string"},
        {"\"from\": 0", "\"from\": 1", "it, finding 0, text, mark 0: \"from\" should be a byte"},
        {"\"from\": 0", "\"from\": 2", "\"from\" should be before \"to\""},
        {"\"to\": 2", "\"to\": 9", "\"to\" should be a byte"},
        {"\"onset\": 2", "\"onset\": 1e9", "reason 0: \"onset\""},
        {"\"kind\": \"line\"", "\"kind\": \"pie\"", "it, finding 0, series 0: \"kind\""},
        {"\"x\": [0, 1]", "\"x\": [0, \"x\"]", "\"x\"[1] should be a number"},
        {"\"x\": [0, 1]", "\"x\": [0]", "\"labels\" should be as many as \"x\", 1, and not 2"},
        {"[null, \"one\"]", "[null, 1]", "\"labels\"[1] should be a string or null"},
        {"\"values\": [1, \"-inf\"]", "\"values\": [1]",
         "curve 0: \"values\" should be as many as \"x\", 2, and not 1"},
        {"\"values\": [1, \"-inf\"]", "\"values\": [1, null]", "\"values\"[1] should be a number"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct report report;
        struct error error = {0};
        char *text = document(rows[i].old, rows[i].member);
        cr_expect_not(read_text(text, &report, &error), "%s", rows[i].member);
        cr_expect(strstr(error_text(&error), rows[i].says), "%s: %s", rows[i].member, error_text(&error));
        error_clear(&error);
        free(text);
    }
}

Test(report_read, members_that_a_later_assay_may_add_are_let_be)
{
    struct report report;
    struct error error = {0};
    char *text = document("\"assay_report\": 1", "\"assay_report\": 1, \"new\": {\"a\": []}");
    cr_assert(read_text(text, &report, &error), "%s", error_text(&error));
    report_free(&report);
    free(text);
}

/* Every beginning of a document, and every one with a byte that is another: read, or refused with a reason. */
Test(report_read, no_byte_breaks_it)
{
    char *text = document(NULL, NULL);
    size_t size = strlen(text);
    for (size_t i = 0; i < 2 * size; i++) {
        struct report report;
        struct error error = {0};
        char *copy = strdup(text);
        copy[i / 2] = i % 2 ? (char)("0\"[{x-"[i / 2 % 6]) : '\0';
        if (read_text(copy, &report, &error))
            report_free(&report);
        else
            cr_expect(*error_text(&error));
        error_clear(&error);
        free(copy);
    }
    free(text);
}

Test(report_read, a_file_is_named_and_bounded)
{
    char *folder = folder_new(), *path = path_join(folder, "big.json");
    struct report report;
    struct error error = {0};
    cr_assert_not(report_read(path, &report, &error));
    cr_expect(strstr(error_text(&error), path), "%s", error_text(&error));
    error_clear(&error);
    cr_assert(file_write(path, "[]", 2, &error));
    cr_assert_not(report_read(path, &report, &error));
    cr_expect(strstr(error_text(&error), "no report of assay"), "%s", error_text(&error));
    error_clear(&error);
    cr_assert_eq(truncate(path, ((off_t)256 << 20) + 1), 0);
    cr_assert_not(report_read(path, &report, &error));
    cr_expect(strstr(error_text(&error), path), "%s", error_text(&error));
    error_clear(&error);
    unlink(path);
    rmdir(folder);
    free(path);
    free(folder);
}
