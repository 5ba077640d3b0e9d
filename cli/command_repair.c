/* repair: fetch from the source what an extraction lacks. */
#include <stdio.h>

#include "cli/command.h"
#include "cli/opening.h"
#include "cli/output.h"
#include "cli/passport_print.h"
#include "cli/plan_print.h"
#include "cli/say.h"
#include "extraction/repair.h"
#include "math/kernels.h"
#include "passport/mending.h"
#include "passport/original.h"
#include "passport/verify.h"

static struct mending mending_of(const struct arguments *arguments, const struct goldens *goldens)
{
    return (struct mending){.folder = arguments->positional[0],
                            .origin = arguments->source,
                            .threads = (int)arguments->threads,
                            .goldens = goldens->items,
                            .golden_count = goldens->count};
}

static int dry_run(const struct arguments *arguments)
{
    struct goldens goldens = {0};
    struct error error = {0};
    bool good = goldens_open(arguments, &goldens, &error);
    struct mending mending = mending_of(arguments, &goldens);
    good = good && mending_open(&mending, &error);
    if (good)
        (arguments->json ? plan_print_json : plan_print)(arguments, mending.repair);
    mending_free(&mending);
    goldens_close(&goldens);
    return good ? EXIT_PASS : command_error("repair", &error);
}

static void describe(const struct mending *mending, struct report *report)
{
    report_set(&report->subject.path, "%s", mending->folder);
    report_set(&report->subject.format, "extraction");
    report_set(&report->subject.model_type, "%s", mending->source.config->model_type);
    report->machine.threads = pool_threads(mending->pool);
}

static void print_done(const struct arguments *arguments, const struct repair_plan *plan)
{
    plan_print_totals(arguments, plan, "written");
    plan_print_changes("written", plan->beside, plan->beside_count);
    plan_print_changes("set aside", plan->aside, plan->aside_count);
}

static bool verify(struct mending *mending, bool talk, struct report *report, struct error *error)
{
    if (!mending_verify(mending, &report->findings, error))
        return false;
    if (talk && mending->proved && findings_verdict(&report->findings) != VERDICT_FAIL)
        print_identity(mending->folder, &mending->passport, mending->origin, &mending->whole,
                       repair_plan(mending->repair)->converted);
    return true;
}

static bool work(const struct arguments *arguments, struct report *report, struct error *error)
{
    struct goldens goldens = {0};
    bool good = goldens_open(arguments, &goldens, error);
    struct mending mending = mending_of(arguments, &goldens);
    good = good && mending_open(&mending, error);
    bool idle = good && repair_idle(mending.repair);
    for (size_t i = 0; i < goldens.count; i++)
        report_gold(report, goldens.items[i]);
    if (idle && !arguments->json)
        say(stdout, "%s: nothing to do\n", arguments->positional[0]);
    good = good && repair_run(mending.repair, error);
    if (good)
        describe(&mending, report);
    if (good && !idle && !arguments->json)
        print_done(arguments, repair_plan(mending.repair));
    good = good && mending_report(&mending, &report->findings, error) &&
           (idle || verify(&mending, !arguments->json, report, error));
    mending_free(&mending);
    goldens_close(&goldens);
    return good;
}

static const char *judge(const struct arguments *arguments)
{
    if (!arguments->source == !arguments->goldens.count)
        return arguments->source
                   ? "--source and --golden: the original gives back all that gold could; leave --golden out"
                   : "--source DIR is needed, the original; or, where it is lost, --golden FILE";
    return arguments->dry_run && arguments->out ? "--dry-run writes nothing, so there is no report for -o" : NULL;
}

static int run(struct arguments *arguments)
{
    return arguments->dry_run ? dry_run(arguments) : command_judge("repair", arguments, work);
}

static const struct option_row options[] = {
    {"golden", 'g', "FILE",
     "Where the original is lost: gold, which determines some weights (assay help restored; repeatable)", GROUP_WORK,
     KIND_TEXTS, AT(goldens), 0, 0},
    {"dry-run", 0, NULL, "Print what would be written, from where, and write nothing", GROUP_WORK, KIND_FLAG,
     AT(dry_run), 0, 0},
    {0},
};

const struct command command_repair = {
    .name = "repair",
    .does = "fetch what an extraction lacks from the original",
    .args = "DEST --source DIR | --golden FILE",
    .doc = "Fetches what is absent or wrong in the extraction DEST from the original, the tensors that matter most for "
           "their size first, changes nothing that is right, and ends by verifying all of it. If it is interrupted, "
           "run it again: it continues where it stopped. Files that do not belong there are moved to DEST/set_aside. "
           "With --golden in place of --source, only tensors that gold determines are written; each is reported with "
           "the error that it leaves, and the manifest marks it as solved.",
    .least = 1,
    .most = 1,
    .sets = OPTIONS_ORIGINAL | OPTIONS_THREADS | OPTIONS_REPORT,
    .options = options,
    .judge = judge,
    .run = run,
};
