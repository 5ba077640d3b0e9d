#include <stdio.h>
#include <stdlib.h>

#include "base/progress.h"
#include "cli/command.h"
#include "suites/suite.h"

#define GOLDENS_MAX 64

struct check_arguments {
    struct common common;
    const char *goldens[GOLDENS_MAX];
    size_t golden_count;
    const char *suite;
    const char *text;
    size_t context, stride, chunk;
};

enum { KEY_GOLDEN = 'g', KEY_OUT = 'o', KEY_SUITE = 's', KEY_TEXT = 't', KEY_CONTEXT = 2000, KEY_STRIDE, KEY_CHUNK };

static const struct argp_option options[] = {
    {"golden", KEY_GOLDEN, "FILE", 0, "Golden dump to compare with (repeatable)", 10},
    {"suite", KEY_SUITE, "FILE", 0, "Suite: what to run, with which limits (default: everything)", 10},
    {"output", KEY_OUT, "DIR", 0, "Write report.html, report.json, junit.xml and summary.md there", 10},
    {"text", KEY_TEXT, "FILE", 0, "Text to take the perplexity of", 10},
    {"context", KEY_CONTEXT, "N", 0, "Tokens in a window of the text (default: 512)", 10},
    {"stride", KEY_STRIDE, "N", 0, "Tokens by which windows move on (default: half the context)", 10},
    {"chunk", KEY_CHUNK, "N", 0, "Feed N tokens at a time through the cache, as decoding does (default: all at once)", 10},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct check_arguments *arguments = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->common;
        return 0;
    case KEY_GOLDEN:
        if (arguments->golden_count == GOLDENS_MAX)
            argp_error(state, "at most %d --golden", GOLDENS_MAX);
        arguments->goldens[arguments->golden_count++] = argument;
        return 0;
    case KEY_SUITE:
        arguments->suite = argument;
        return 0;
    case KEY_OUT:
        arguments->common.out = argument;
        return 0;
    case KEY_TEXT:
        arguments->text = argument;
        return 0;
    case KEY_CONTEXT:
        arguments->context = option_count(state, argument, "--context", 2);
        return 0;
    case KEY_STRIDE:
        arguments->stride = option_count(state, argument, "--stride", 1);
        return 0;
    case KEY_CHUNK:
        arguments->chunk = option_count(state, argument, "--chunk", 1);
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->common.subject.model)
            return ARGP_ERR_UNKNOWN;
        arguments->common.subject.model = argument;
        return 0;
    case ARGP_KEY_END:
        if (!arguments->common.subject.model)
            argp_error(state, "a MODEL is needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static bool open_goldens(const struct check_arguments *arguments, struct golden **goldens, struct report *report,
                         struct error *error)
{
    for (size_t i = 0; i < arguments->golden_count; i++) {
        if (!(goldens[i] = golden_open(arguments->goldens[i], error)))
            return false;
        report_gold(report, goldens[i]);
    }
    return true;
}

static bool run_check(const struct check_arguments *arguments, struct report *report, struct error *error)
{
    struct golden *goldens[GOLDENS_MAX] = {0};
    struct subject subject = {0};
    struct suite suite = {0};
    bool good = suite_open(arguments->suite, &suite, error) && open_goldens(arguments, goldens, report, error) &&
                subject_open(&arguments->common.subject, &subject, error);
    if (good) {
        struct check_request request = {.subject = &subject, .goldens = goldens, .golden_count = arguments->golden_count,
                                        .limits = &suite.limits, .text = arguments->text ? arguments->text : suite.text,
                                        .context = arguments->context ? arguments->context : suite.context,
                                        .stride = arguments->stride ? arguments->stride : suite.stride,
                                        .chunk = arguments->chunk};
        for (int i = 0; i < DIAGNOSTIC_COUNT; i++)
            request.wanted[i] = suite.wanted[i];
        good = check_run(&request, &report->findings, error) &&
               suite_run_prompts(&suite, &subject, &report->findings, error);
        if (good)
            report_subject(report, &subject);
    }
    for (size_t i = 0; i < arguments->golden_count; i++)
        golden_free(goldens[i]);
    subject_free(&subject);
    suite_free(&suite);
    return good;
}

int command_check(int argc, char **argv)
{
    static const struct argp_child children[] = {{&common_argp, 0, "The model", 80}, {0}};
    static const struct argp argp = {
        .options = options, .parser = parse, .args_doc = "MODEL", .children = children,
        .doc = "Runs a suite on MODEL: inventory, values, tokens, every activation against gold (end to end, and each module alone), "
               "logits, greedy continuations, perplexity. MODEL is a checkpoint folder, a safetensors file or an extraction."};
    struct check_arguments arguments = {.common.subject.engine = {.missing = MISSING_DEFAULT, .exact = true}};
    struct error error = {0};
    struct report report;
    command_parse(&argp, "check", argc, argv, &arguments);
    progress_mode_set(arguments.common.quiet ? PROGRESS_QUIET : PROGRESS_AUTO);
    report_begin(&report, "check");
    if (run_check(&arguments, &report, &error))
        return report_end(&report, &arguments.common, &error);
    report_free(&report);
    return command_error("check", &error);
}
