#include <stdlib.h>

#include "cli/command.h"
#include "suites/suite.h"

const char *judge_check(const struct arguments *arguments)
{
    return windows_judge(arguments);
}

static bool open_goldens(const struct texts *paths, struct golden **goldens, struct error *error)
{
    for (size_t i = 0; i < paths->count; i++)
        if (!(goldens[i] = golden_open(paths->items[i], error)))
            return false;
    return true;
}

static bool check_suite(const struct arguments *arguments, const struct suite *suite, struct golden *const *goldens,
                        struct report *report, struct error *error)
{
    struct check_request request = {.limits = &suite->limits,
                                    .text = arguments->text ? arguments->text : suite->text,
                                    .context = arguments->context ? arguments->context : suite->context,
                                    .stride = arguments->stride ? arguments->stride : suite->stride,
                                    .chunk = arguments->chunk,
                                    .prompts = suite->prompts,
                                    .prompt_count = suite->prompt_count,
                                    .new_tokens = suite->new_tokens};
    for (int i = 0; i < DIAGNOSTIC_COUNT; i++)
        request.wanted[i] = suite->wanted[i];
    return command_check_subject(arguments, arguments->positional[0], MISSING_DEFAULT, true, goldens,
                                 arguments->goldens.count, &request, report, error);
}

static bool work(const struct arguments *arguments, struct report *report, struct error *error)
{
    struct golden **goldens = calloc(arguments->goldens.count + 1, sizeof *goldens);
    struct suite suite = {0};
    bool good = (goldens || error_memory(error, "gold")) && suite_open(arguments->suite, &suite, error) &&
                open_goldens(&arguments->goldens, goldens, error) &&
                check_suite(arguments, &suite, goldens, report, error);
    for (size_t i = 0; goldens && i < arguments->goldens.count; i++)
        golden_free(goldens[i]);
    free(goldens);
    suite_free(&suite);
    return good;
}

int command_check(struct arguments *arguments)
{
    return command_judge("check", arguments, work);
}
