#include <stdlib.h>

#include "cli/baseline.h"
#include "cli/command_check.h"
#include "cli/opening.h"
#include "cli/output.h"
#include "suites/suite.h"

/* What texts need, before hours of other work: `*quality` stays NULL where the suite wants none. */
static bool open_texts(const struct arguments *arguments, const struct suite *suite, struct quality **quality,
                       struct subject *judge, struct error *error)
{
    bool any = arguments->rules || arguments->judge || arguments->chat;
    if (!suite->wanted[DIAGNOSTIC_TEXTS])
        return !any || error_set(error, "--rules, --judge and --chat are for suites with \"texts\"");
    return (*quality = quality_open(arguments->rules, error)) &&
           (!arguments->judge || judge_open(arguments, judge, error));
}

static bool check_suite(const struct arguments *arguments, const struct suite *suite, const struct goldens *goldens,
                        struct quality *quality, struct subject *judge, struct report *report, struct error *error)
{
    struct check_request request = suite_request(suite);
    request.text = arguments->text ? arguments->text : request.text;
    request.context = arguments->context ? arguments->context : request.context;
    request.stride = arguments->stride ? arguments->stride : request.stride;
    request.chunk = arguments->chunk;
    request.writing.chat = request.writing.chat || arguments->chat;
    request.writing.quality = quality;
    request.writing.judge = judge;
    return command_check_subject(arguments, arguments->positional[0], MISSING_DEFAULT, true, goldens->items,
                                 goldens->count, &request, report, error) &&
           goldens_tell_left_out(goldens, &report->findings, error) &&
           suite_tell_left_out(suite, false, &report->findings, error);
}

bool check_work(const struct arguments *arguments, struct report *report, struct error *error)
{
    struct goldens goldens = {0};
    struct suite suite = {0};
    struct subject judge = {0};
    struct quality *quality = NULL;
    struct baseline baseline = {0};
    bool good = baseline_open(arguments, &baseline, error) && suite_chosen(arguments, &suite, report, error) &&
                goldens_open(arguments, &goldens, error) && open_texts(arguments, &suite, &quality, &judge, error) &&
                check_suite(arguments, &suite, &goldens, quality, arguments->judge ? &judge : NULL, report, error) &&
                baseline_judge(&baseline, report, error);
    baseline_free(&baseline);
    goldens_close(&goldens);
    suite_free(&suite);
    quality_free(quality);
    subject_free(&judge);
    return good;
}

static const char *judge(const struct arguments *arguments)
{
    const char *wrong = suite_judge(arguments);
    wrong = wrong ? wrong : windows_judge(arguments);
    return wrong ? wrong : input_judge(arguments, arguments->baseline);
}

static void explain(struct buffer *out)
{
    buffer_format(out, "Diagnostics:\n");
    diagnostic_questions(false, out);
}

static int run(struct arguments *arguments)
{
    arguments->diagnose = !arguments->no_diagnose;
    return command_judge("check", arguments, check_work);
}

static const struct option_row options[] = {
    {"budget", 0, "SECONDS", "Longest time to look for the cause when the model differs from gold (default: 30)",
     GROUP_WORK, KIND_COUNT, AT(budget), 1, 0},
    {"no-diagnose", 0, NULL, "Do not look for the cause when the model differs from gold", GROUP_WORK, KIND_FLAG,
     AT(no_diagnose), 0, 0},
    {"baseline", 0, "REPORT|DB[:last-pass]",
     "Compare with an earlier run: its report.json, or a history, of which the last run counts, or with :last-pass the "
     "last that passed. A check that got worse since then by more than noise fails, even within its limit",
     GROUP_WORK, KIND_TEXT, AT(baseline), 0, 0},
    {0},
};

const struct command command_check = {
    .name = "check",
    .does = "the main job: run a suite on a model, compare with gold, write reports",
    .args = "MODEL",
    .doc =
        "Runs a suite on MODEL: inventory, values, tokens, every activation against gold (end to end, and each "
        "module alone), logits, greedy continuations, perplexity. Where the model differs from gold, experiments look "
        "for the cause, as diagnose does. MODEL is a checkpoint folder, a safetensors or GGUF file, or an extraction.",
    .least = 1,
    .most = 1,
    .sets = OPTIONS_MODEL | OPTIONS_GOLD | OPTIONS_SUITE | OPTIONS_WINDOWS | OPTIONS_CHUNK | OPTIONS_CHAT |
            OPTIONS_JUDGE | OPTIONS_REPORT | OPTIONS_TAGS,
    .options = options,
    .explain = explain,
    .judge = judge,
    .run = run,
};
