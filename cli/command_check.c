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

static bool check_suite(const struct arguments *arguments, const struct suite *suite, struct golden *const *goldens,
                        struct quality *quality, struct subject *judge, struct report *report, struct error *error)
{
    struct check_request request = {.limits = &suite->limits,
                                    .text = arguments->text ? arguments->text : suite->text,
                                    .context = arguments->context ? arguments->context : suite->context,
                                    .stride = arguments->stride ? arguments->stride : suite->stride,
                                    .chunk = arguments->chunk,
                                    .writing = {.prompts = suite->prompts,
                                                .expects = suite->expects,
                                                .count = suite->prompt_count,
                                                .chat = suite->chat || arguments->chat,
                                                .most = suite->new_tokens,
                                                .sampler = suite->sampler,
                                                .seed = suite->seed,
                                                .quality = quality,
                                                .judge = judge}};
    for (int i = 0; i < DIAGNOSTIC_COUNT; i++)
        request.wanted[i] = suite->wanted[i];
    return command_check_subject(arguments, arguments->positional[0], MISSING_DEFAULT, true, goldens,
                                 arguments->goldens.count, &request, report, error);
}

static bool work(const struct arguments *arguments, struct report *report, struct error *error)
{
    struct golden **goldens = calloc(arguments->goldens.count + 1, sizeof *goldens);
    struct suite suite = {0};
    struct subject judge = {0};
    struct quality *quality = NULL;
    bool good = (goldens || error_memory(error, "gold")) && suite_open(arguments->suite, &suite, error) &&
                open_goldens(&arguments->goldens, goldens, error) &&
                open_texts(arguments, &suite, &quality, &judge, error) &&
                check_suite(arguments, &suite, goldens, quality, arguments->judge ? &judge : NULL, report, error);
    for (size_t i = 0; goldens && i < arguments->goldens.count; i++)
        golden_free(goldens[i]);
    free(goldens);
    suite_free(&suite);
    quality_free(quality);
    subject_free(&judge);
    return good;
}

int command_check(struct arguments *arguments)
{
    return command_judge("check", arguments, work);
}
