#include <stdio.h>

#include "arrival/truth.h"
#include "arrival/watch.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/opening.h"
#include "cli/output.h"
#include "cli/say.h"
#include "model/config.h"

#define SETTLE_DEFAULT 10 /* seconds */

static void tell(void *context, enum watch_line line, const char *text)
{
    const struct arguments *arguments = context;
    if (line == WATCH_TALK && !arguments->quiet)
        say(stderr, "%s\n", text);
    if (line == WATCH_TALK || arguments->json)
        return;
    say(stdout, "%s%s\n", line == WATCH_WRONG ? "WRONG  " : "", text);
    fflush(stdout); /* whoever follows a pipe sees it now */
}

static void report_watched(struct report *report, const struct arguments *arguments, const struct subject *truth,
                           const struct landing_counts *counts)
{
    struct buffer summary = {0};
    config_summary(truth->config, &summary);
    report_set(&report->subject.path, "%s", arguments->positional[0]);
    report_set(&report->subject.format, "extraction");
    report_set(&report->subject.model_type, "%s", truth->config->model_type);
    report_set(&report->subject.summary, "%s", summary.data ? summary.data : "");
    report->subject.tensors = (double)counts->tensors;
    report->subject.bytes = (double)counts->bytes;
    buffer_free(&summary);
}

static bool work(const struct arguments *arguments, struct report *report, struct error *error)
{
    struct goldens goldens = {0};
    struct subject truth = {0};
    struct limits limits = {0};
    struct landing_counts counts = {0};
    const struct subject_options options = {.model = arguments->positional[0],
                                            .config = arguments->config,
                                            .tokenizer = arguments->tokenizer,
                                            .source = arguments->source};
    bool good = limits_init(&limits, error) && truth_open(&options, &truth, error) &&
                goldens_open(arguments, &goldens, error) && goldens_fit(&goldens, &truth, report, error);
    const struct watch_request request = {.folder = arguments->positional[0],
                                          .config = truth.config,
                                          .source = truth.store,
                                          .goldens = goldens.items,
                                          .golden_count = goldens.count,
                                          .limits = &limits,
                                          .threads = (int)arguments->threads,
                                          .once = arguments->once,
                                          .timeout = arguments->timeout.value,
                                          .settle = arguments->settle.given ? arguments->settle.value : SETTLE_DEFAULT,
                                          .tell = tell,
                                          .context = (void *)arguments};
    good = good && watch_run(&request, &report->findings, &counts, error);
    if (good)
        report_watched(report, arguments, &truth, &counts);
    goldens_close(&goldens);
    limits_free(&limits);
    subject_free(&truth);
    return good;
}

static int run(struct arguments *arguments)
{
    return command_judge("watch", arguments, work);
}

static const struct option_row options[] = {
    {"source", 0, "DIR", "The original: gives configuration and tokenizer, and what every tensor must be", GROUP_MODEL,
     KIND_TEXT, AT(source), 0, 0},
    {"once", 0, NULL, "Judge what is there and end", GROUP_WORK, KIND_FLAG, AT(once), 0, 0},
    {"timeout", 0, "SECONDS", "Give up when no file arrived or changed for this long (default: never)", GROUP_WORK,
     KIND_REAL, AT(timeout), 0, 0},
    {"settle", 0, "SECONDS",
     "Take a file that is not whole for unfinished until it has not changed for this long (default: 10)", GROUP_WORK,
     KIND_REAL, AT(settle), 0, 0},
    {0},
};

const struct command command_watch = {
    .name = "watch",
    .does = "follow an extraction that is being written, judge each file as it lands",
    .args = "DEST",
    .doc = "Follows an extraction: judges each file as it lands and, with gold, each layer when all of it is there, "
           "fed with golden input. Ends when everything that the configuration calls for is there and right, or at the "
           "first corruption.",
    .least = 1,
    .most = 1,
    .sets = OPTIONS_CONFIG | OPTIONS_TOKENIZER | OPTIONS_THREADS | OPTIONS_GOLD | OPTIONS_REPORT,
    .options = options,
    .run = run,
};
