#include <string.h>

#include "changes/changes.h"
#include "cli/command.h"
#include "cli/output.h"
#include "reports/reports.h"

static const char *known(const char *text)
{
    return text ? text : "?";
}

/* What is judged is the second report, by the first. */
static bool name_both(const struct arguments *arguments, const struct report *old, const struct report *now,
                      struct report *report, struct error *error)
{
    report_set(&report->subject.path, "%s", arguments->positional[1]);
    report_set(&report->subject.format, "report");
    report_set(&report->subject.summary, "assay %s of %s on %s, against %s: assay %s of %s on %s", known(now->command),
               known(now->subject.path), known(now->started), arguments->positional[0], known(old->command),
               known(old->subject.path), known(old->started));
    for (size_t i = 0; i < now->gold_count; i++) {
        const struct report_gold *from = &now->golds[i];
        struct report_gold *gold = report_add_gold(report);
        if (!gold)
            return error_memory(error, "gold");
        gold->cases = from->cases;
        memcpy(gold->sha256, from->sha256, sizeof gold->sha256);
        where_set(&gold->path, from->path);
        where_set(&gold->producer, from->producer);
        where_set(&gold->dtype, from->dtype);
    }
    return true;
}

static bool work(const struct arguments *arguments, struct report *report, struct error *error)
{
    struct report old = {0}, now = {0};
    const struct changes_request request = {"diff", arguments->positional[0], &old, &now};
    bool good = report_read(arguments->positional[0], &old, error) &&
                report_read(arguments->positional[1], &now, error) && name_both(arguments, &old, &now, report, error) &&
                changes_find(&request, &report->findings, error);
    if (good)
        report_keep_severity(report, &now);
    report_free(&old);
    report_free(&now);
    return good;
}

static const char *judge(const struct arguments *arguments)
{
    const char *wrong = input_judge(arguments, arguments->positional[0]);
    return wrong ? wrong : input_judge(arguments, arguments->positional[1]);
}

static int run(struct arguments *arguments)
{
    return command_judge("diff", arguments, work);
}

const struct command command_diff = {
    .name = "diff",
    .does = "what differs between two reports",
    .args = "BEFORE.json AFTER.json",
    .doc = "Compares AFTER.json with BEFORE.json, both reports of assay: verdict and severity, each check whose "
           "verdict or number changed by more than noise, the worst first, places that are new or gone, and what made "
           "the two. Fails if something got worse.",
    .least = 2,
    .most = 2,
    .sets = OPTIONS_REPORT,
    .judge = judge,
    .run = run,
};
