#include <string.h>

#include "base/file.h"
#include "cli/command.h"
#include "cli/opening.h"
#include "cli/output.h"
#include "store/safetensors.h"

static bool compare_model(const struct arguments *arguments, struct golden *golden, const struct suite *suite,
                          struct report *report, struct error *error)
{
    struct golden *goldens[] = {golden};
    struct check_request request = {.limits = &suite->limits, .chunk = arguments->chunk};
    memcpy(request.wanted, suite->wanted, sizeof request.wanted);
    return command_check_subject(arguments, arguments->positional[1], MISSING_DEFAULT, true, goldens, 1, &request,
                                 report, error);
}

static bool compare_dump(struct golden *golden, struct golden *dump, const struct suite *suite, struct report *report,
                         struct error *error)
{
    report_gold(report, golden);
    report_set(&report->subject.path, "%s", golden_path(dump));
    report_set(&report->subject.format, "dump");
    report_set(&report->subject.summary, "%s", golden_producer(dump));
    report->subject.tensors = (double)golden_tensor_count(dump);
    report->severity_limits = severity_limits_of(&suite->limits);
    return check_dump(golden, dump, &suite->limits, suite->wanted, &report->findings, error) &&
           choice_apply(&suite->choice, &report->findings, error);
}

enum content { CONTENT_DUMP, CONTENT_MODEL, CONTENT_UNREADABLE };

/* Whatever no reader of dumps recognises and can be read is a model. */
static enum content content_of(const char *path)
{
    struct safetensors file = {0};
    if (golden_recognises(path))
        return CONTENT_DUMP;
    if (file_is_folder(path))
        return CONTENT_MODEL;
    bool model = safetensors_open(path, &file, NULL);
    safetensors_free(&file);
    return model ? CONTENT_MODEL : CONTENT_UNREADABLE;
}

/* By --cases; `*golden` is NULL where none of its cases is left. */
static bool choose_cases(const struct arguments *arguments, struct golden **golden, struct report *report,
                         struct error *error)
{
    struct goldens one = {.items = golden, .count = 1};
    bool good = goldens_choose(arguments, &one, error) && goldens_tell_left_out(&one, &report->findings, error);
    if (!one.count)
        *golden = NULL;
    return good;
}

static bool work(const struct arguments *arguments, struct report *report, struct error *error)
{
    const char *first = arguments->positional[0], *second = arguments->positional[1];
    bool dumped = content_of(second) == CONTENT_DUMP;
    if (dumped && content_of(first) == CONTENT_MODEL)
        return error_set(error, "%s is no golden dump, but %s is: the dump comes first, as in compare GOLDEN SUBJECT",
                         first, second);
    struct golden *golden = golden_open(first, error), *dump = NULL;
    struct suite suite = {0};
    bool good = golden && choose_cases(arguments, &golden, report, error) &&
                suite_chosen(arguments, &suite, report, error) &&
                (diagnostics_compare(suite.wanted) ||
                 error_set(error, "the suite names no diagnostic that compares two dumps"));
    if (good && dumped)
        good = (dump = golden_open(second, error)) && compare_dump(golden, dump, &suite, report, error);
    else if (good)
        good = compare_model(arguments, golden, &suite, report, error);
    good = good && suite_tell_left_out(&suite, true, &report->findings, error);
    golden_free(golden);
    golden_free(dump);
    suite_free(&suite);
    return good;
}

static void explain(struct buffer *out)
{
    buffer_format(out, "Diagnostics that compare:\n");
    diagnostic_questions(true, out);
}

static int run(struct arguments *arguments)
{
    return command_judge("compare", arguments, work);
}

const struct command command_compare = {
    .name = "compare",
    .does = "activations, logits and greedy continuations of a dump or model against gold",
    .args = "GOLDEN SUBJECT",
    .doc = "Compares SUBJECT, a dump or a model, with the dump GOLDEN: activations, logits and, for a model, each "
           "module alone and greedy continuations.",
    .least = 2,
    .most = 2,
    .sets = OPTIONS_MODEL | OPTIONS_SUITE | OPTIONS_TAGS | OPTIONS_CHUNK | OPTIONS_REPORT,
    .explain = explain,
    .judge = suite_judge,
    .run = run,
};
