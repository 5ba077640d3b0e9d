#include <stdlib.h>

#include "base/file.h"
#include "base/progress.h"
#include "cli/command.h"
#include "diagnostics/check.h"
#include "suites/suite.h"

struct compare_arguments {
    struct common common;
    const char *golden;
    const char *suite;
    size_t chunk;
};

enum { KEY_CHUNK = 2000 };

static const struct argp_option options[] = {
    {"output", 'o', "DIR", 0, "Write report.html, report.json, junit.xml and summary.md there", 10},
    {"suite", 's', "FILE", 0, "Suite to take the limits from (default: the built-in one)", 10},
    {"chunk", KEY_CHUNK, "N", 0, "Feed N tokens at a time through the cache, as decoding does (default: all at once)", 10},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct compare_arguments *arguments = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->common;
        return 0;
    case 'o':
        arguments->common.out = argument;
        return 0;
    case 's':
        arguments->suite = argument;
        return 0;
    case KEY_CHUNK:
        arguments->chunk = option_count(state, argument, "--chunk", 1);
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num == 0)
            arguments->golden = argument;
        else if (state->arg_num == 1)
            arguments->common.subject.model = argument;
        else
            return ARGP_ERR_UNKNOWN;
        return 0;
    case ARGP_KEY_END:
        if (state->arg_num < 2)
            argp_error(state, "GOLDEN and SUBJECT are needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static bool compare_model(const struct compare_arguments *arguments, struct golden *golden, const struct suite *suite,
                          struct report *report, struct error *error)
{
    struct subject subject = {0};
    struct golden *goldens[] = {golden};
    struct check_request request = {.subject = &subject, .goldens = goldens, .golden_count = 1, .limits = &suite->limits,
                                    .chunk = arguments->chunk};
    request.wanted[DIAGNOSTIC_LAYERS] = request.wanted[DIAGNOSTIC_LOGITS] = request.wanted[DIAGNOSTIC_GREEDY] = true;
    request.wanted[DIAGNOSTIC_INVENTORY] = true;
    bool good = subject_open(&arguments->common.subject, &subject, error) && check_run(&request, &report->findings, error);
    if (good)
        report_subject(report, &subject);
    subject_free(&subject);
    return good;
}

/* A dump says what it is in its metadata; anything else is a model. */
static bool run_compare(const struct compare_arguments *arguments, struct report *report, struct error *error)
{
    struct golden *golden = golden_open(arguments->golden, error), *dump = NULL;
    struct suite suite = {0};
    struct error not_a_dump = {0};
    bool good = golden && suite_open(arguments->suite, &suite, error);
    if (good) {
        report_gold(report, golden);
        if (!file_is_folder(arguments->common.subject.model))
            dump = golden_open(arguments->common.subject.model, &not_a_dump);
        if (dump) {
            report_set(&report->subject.path, "%s", arguments->common.subject.model);
            report_set(&report->subject.format, "dump");
            report_set(&report->subject.summary, "%s", golden_producer(dump));
            report->subject.tensors = (double)golden_tensor_count(dump);
            good = check_dump(golden, dump, &suite.limits, &report->findings, error);
        } else {
            good = compare_model(arguments, golden, &suite, report, error);
        }
    }
    error_clear(&not_a_dump);
    golden_free(golden);
    golden_free(dump);
    suite_free(&suite);
    return good;
}

int command_compare(int argc, char **argv)
{
    static const struct argp_child children[] = {{&common_argp, 0, "The model", 80}, {0}};
    static const struct argp argp = {.options = options, .parser = parse, .args_doc = "GOLDEN SUBJECT", .children = children,
                                     .doc = "Compares SUBJECT, a dump or a model, with the dump GOLDEN: activations, logits and, for a "
                                            "model, each module alone and greedy continuations."};
    struct compare_arguments arguments = {.common.subject.engine = {.missing = MISSING_DEFAULT, .exact = true}};
    struct error error = {0};
    struct report report;
    command_parse(&argp, "compare", argc, argv, &arguments);
    progress_mode_set(arguments.common.quiet ? PROGRESS_QUIET : PROGRESS_AUTO);
    report_begin(&report, "compare");
    if (run_compare(&arguments, &report, &error))
        return report_end(&report, &arguments.common, &error);
    report_free(&report);
    return command_error("compare", &error);
}
