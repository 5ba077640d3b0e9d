#include "diagnostics/perplexity.h"

#include "base/progress.h"
#include "cli/command.h"
#include "diagnostics/check.h"
#include "suites/suite.h"

struct perplexity_arguments {
    struct common common;
    const char *text;
    const char *golden;
    size_t context, stride;
};

enum { KEY_CONTEXT = 2000, KEY_STRIDE };

static const struct argp_option options[] = {
    {"text", 't', "FILE", 0, "The text (UTF-8)", 10},
    {"context", KEY_CONTEXT, "N", 0, "Tokens in a window (default: 512)", 10},
    {"stride", KEY_STRIDE, "N", 0, "Tokens by which windows move on (default: half the context)", 10},
    {"golden", 'g', "FILE", 0, "Golden dump that records the perplexity of the same text and windows", 10},
    {"output", 'o', "DIR", 0, "Write report.html, report.json, junit.xml and summary.md there", 10},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct perplexity_arguments *arguments = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->common;
        return 0;
    case 't':
        arguments->text = argument;
        return 0;
    case 'g':
        arguments->golden = argument;
        return 0;
    case 'o':
        arguments->common.out = argument;
        return 0;
    case KEY_CONTEXT:
        arguments->context = option_count(state, argument, "--context", 2);
        return 0;
    case KEY_STRIDE:
        arguments->stride = option_count(state, argument, "--stride", 1);
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->common.subject.model)
            return ARGP_ERR_UNKNOWN;
        arguments->common.subject.model = argument;
        return 0;
    case ARGP_KEY_END:
        if (!arguments->common.subject.model || !arguments->text)
            argp_error(state, "a MODEL and --text are needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static bool run_perplexity(const struct perplexity_arguments *arguments, struct report *report, struct error *error)
{
    struct subject subject = {0};
    struct suite suite = {0};
    struct golden *goldens[1] = {0};
    bool good = suite_open(NULL, &suite, error) && subject_open(&arguments->common.subject, &subject, error) &&
                (!arguments->golden || (goldens[0] = golden_open(arguments->golden, error)));
    if (good) {
        struct check_request request = {.subject = &subject, .goldens = goldens, .golden_count = goldens[0] ? 1 : 0,
                                        .limits = &suite.limits, .text = arguments->text, .context = arguments->context,
                                        .stride = arguments->stride};
        request.wanted[DIAGNOSTIC_PERPLEXITY] = true;
        if (goldens[0])
            report_gold(report, goldens[0]);
        good = check_run(&request, &report->findings, error);
        if (good)
            report_subject(report, &subject);
    }
    golden_free(goldens[0]);
    subject_free(&subject);
    suite_free(&suite);
    return good;
}

int command_perplexity(int argc, char **argv)
{
    static const struct argp_child children[] = {{&common_argp, 0, "The model", 80}, {0}};
    static const struct argp argp = {.options = options, .parser = parse, .args_doc = "MODEL --text FILE", .children = children,
                                     .doc = "Perplexity of a text, for each token, word and byte, over sliding windows: each window scores "
                                            "the tokens that no earlier one scored; the first token of the text is not scored."};
    struct perplexity_arguments arguments = {0};
    struct error error = {0};
    struct report report;
    command_parse(&argp, "perplexity", argc, argv, &arguments);
    progress_mode_set(arguments.common.quiet ? PROGRESS_QUIET : PROGRESS_AUTO);
    report_begin(&report, "perplexity");
    if (run_perplexity(&arguments, &report, &error))
        return report_end(&report, &arguments.common, &error);
    report_free(&report);
    return command_error("perplexity", &error);
}
