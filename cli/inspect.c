#include "base/progress.h"
#include "cli/command.h"
#include "diagnostics/inventory.h"

struct inspect_arguments {
    struct common common;
    bool values;
};

static const struct argp_option options[] = {
    {"output", 'o', "DIR", 0, "Write report.html, report.json, junit.xml and summary.md there", 10},
    {"values", 'v', NULL, 0, "Read every value too, and name the tensors that hold NaN or infinities", 10},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct inspect_arguments *arguments = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->common;
        return 0;
    case 'o':
        arguments->common.out = argument;
        return 0;
    case 'v':
        arguments->values = true;
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

static bool run_inspect(const struct inspect_arguments *arguments, struct report *report, struct error *error)
{
    struct subject subject = {0};
    struct pool *pool = NULL;
    bool good = subject_open(&arguments->common.subject, &subject, error) &&
                inventory_check(subject.store, subject.config, &report->findings, error);
    if (good && arguments->values)
        good = (pool = pool_new(arguments->common.subject.engine.threads, error)) &&
               weights_check_finite(subject.store, pool, &report->findings, error);
    if (good)
        report_subject(report, &subject);
    pool_free(pool);
    subject_free(&subject);
    return good;
}

int command_inspect(int argc, char **argv)
{
    static const struct argp_child children[] = {{&common_argp, 0, "The model", 80}, {0}};
    static const struct argp argp = {.options = options, .parser = parse, .args_doc = "MODEL", .children = children,
                                     .doc = "Holds the tensors of MODEL against what its configuration calls for: absent, extra, wrong "
                                            "shape, wrong dtype, bad files. Reads headers only, unless --values."};
    struct inspect_arguments arguments = {0};
    struct error error = {0};
    struct report report;
    command_parse(&argp, "inspect", argc, argv, &arguments);
    progress_mode_set(arguments.common.quiet ? PROGRESS_QUIET : PROGRESS_AUTO);
    report_begin(&report, "inspect");
    if (run_inspect(&arguments, &report, &error))
        return report_end(&report, &arguments.common, &error);
    report_free(&report);
    return command_error("inspect", &error);
}
