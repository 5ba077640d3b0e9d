#include "activations/perplexity.h"

#include "cli/command.h"
#include "cli/output.h"

static const char *judge(const struct arguments *arguments)
{
    if (!arguments->text)
        return "--text FILE is needed";
    return arguments->goldens.count > 1 ? "give only one --golden" : windows_judge(arguments);
}

static bool work(const struct arguments *arguments, struct report *report, struct error *error)
{
    struct golden *golden = NULL;
    struct limits limits = {0};
    bool good = limits_init(&limits, error) &&
                (!arguments->goldens.count || (golden = golden_open(arguments->goldens.items[0], error)));
    if (good) {
        struct check_request request = {
            .limits = &limits, .text = arguments->text, .context = arguments->context, .stride = arguments->stride};
        request.wanted[DIAGNOSTIC_PERPLEXITY] = true;
        good = command_check_subject(arguments, arguments->positional[0], MISSING_FAIL, false, &golden, golden ? 1 : 0,
                                     &request, report, error);
    }
    golden_free(golden);
    limits_free(&limits);
    return good;
}

static int run(struct arguments *arguments)
{
    return command_judge("perplexity", arguments, work);
}

const struct command command_perplexity = {
    .name = "perplexity",
    .does = "token, word and byte perplexity of a text",
    .args = "MODEL --text FILE",
    .doc = "Perplexity of a text, for each token, word and byte, over sliding windows: each window scores the tokens "
           "that no earlier one scored; the first token of the text is not scored.",
    .least = 1,
    .most = 1,
    .sets = OPTIONS_MODEL | OPTIONS_GOLD | OPTIONS_WINDOWS | OPTIONS_REPORT,
    .judge = judge,
    .run = run,
};
