#include "cli/command.h"
#include "cli/output.h"
#include "reports/reports.h"

static int run(struct arguments *arguments)
{
    struct report report;
    struct error error = {0};
    if (!report_read(arguments->positional[0], &report, &error))
        return command_error("report", &error);
    int status = report_ends_failed(&report, arguments) ? EXIT_FAIL : EXIT_PASS;
    bool good = report_show(&report, arguments, !arguments->out, &error);
    if (good && report.verdict == VERDICT_ERROR)
        good = error_set(&error, "%s", report.reason ? report.reason : "the report says that it could not be run");
    report_free(&report);
    return good ? status : command_error("report", &error);
}

const struct command command_report = {
    .name = "report",
    .does = "render a report.json again: HTML, JUnit, Markdown, or text",
    .args = "REPORT.json",
    .doc = "Reads a report.json and writes what the command that made it wrote: with -o report.html, report.json, "
           "junit.xml, report.sarif, report.tap and summary.md, else the text for a terminal. Ends with the status of "
           "the report's verdict. With "
           "--history an earlier run "
           "is added to a history.",
    .least = 1,
    .most = 1,
    .sets = OPTIONS_REPORT,
    .run = run,
};
