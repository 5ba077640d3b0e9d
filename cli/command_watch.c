#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arrival/watch.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/output.h"
#include "model/config.h"
#include "reports/text.h"

#define SETTLE_DEFAULT 10 /* seconds */

static void tell(void *context, enum watch_line line, const char *text)
{
    const struct arguments *arguments = context;
    if (line == WATCH_TALK && !arguments->quiet)
        fprintf(stderr, "%s\n", text);
    if (line == WATCH_TALK || arguments->json)
        return;
    struct buffer plain = {0}; /* names come from files */
    text_append(&plain, TEXT_PLAIN, text);
    printf("%s%s\n", line == WATCH_WRONG ? "WRONG  " : "", plain.data ? plain.data : "");
    fflush(stdout); /* whoever follows a pipe sees it now */
    buffer_free(&plain);
}

/* Weights of any kind: a source that has some, and cannot be opened, is none that nothing was said of. */
static bool holds_weights(const char *path)
{
    static const char *const ends[] = {".safetensors", ".gguf", ".safetensors.index.json"};
    struct names names = {0};
    struct error unread = {0};
    bool holds = !file_is_folder(path);
    if (!holds && folder_list(path, &names, &unread))
        for (size_t i = 0; i < names.count * (sizeof ends / sizeof *ends); i++) {
            const char *name = names.items[i / (sizeof ends / sizeof *ends)];
            const char *end = ends[i % (sizeof ends / sizeof *ends)];
            holds = holds || (strlen(name) > strlen(end) && strcmp(name + strlen(name) - strlen(end), end) == 0);
        }
    error_clear(&unread);
    names_free(&names);
    return holds;
}

/* The original, whole. */
static bool open_source(const struct arguments *arguments, struct subject *truth, struct error *error)
{
    const struct subject_options options = {
        .model = arguments->source, .config = arguments->config, .tokenizer = arguments->tokenizer};
    if (!subject_open(&options, truth, error))
        return false;
    return !store_problem_count(truth->store) ||
           error_set(error, "%s: what is wrong with it cannot tell what is right: %s", arguments->source,
                     store_problem(truth->store, 0));
}

static bool open_config(const struct arguments *arguments, struct subject *truth, struct error *error)
{
    const char *folder = arguments->source ? arguments->source : arguments->positional[0];
    char *path = arguments->config ? strdup(arguments->config) : path_join(folder, "config.json");
    bool good = path || error_memory(error, "configuration");
    if (good && !arguments->config && !file_exists(path))
        good = error_set(error, "%s: no config.json there%s; say where it is with --config or --source", folder,
                         arguments->source ? "" : " yet");
    good = good && (truth->config = config_read(path, error));
    free(path);
    return good;
}

/* Only to tell whether gold was made with another one; what was found, and not named, need not be readable. */
static bool open_tokenizer(const struct arguments *arguments, struct subject *truth, struct error *error)
{
    const char *folder = arguments->tokenizer ? arguments->tokenizer
                         : arguments->source  ? arguments->source
                                              : arguments->positional[0];
    char *origin = path_join(folder, TOKENIZER_ORIGIN);
    struct error unread = {0};
    truth->tokenizer = subject_tokenizer(folder, &unread);
    if (truth->tokenizer && origin && !file_exists(origin))
        snprintf(truth->tokenizer_sha256, sizeof truth->tokenizer_sha256, "%s", tokenizer_sha256(truth->tokenizer));
    bool good = truth->tokenizer || !arguments->tokenizer || error_set(error, "%s", error_text(&unread));
    error_clear(&unread);
    free(origin);
    return good;
}

static bool open_truth(const struct arguments *arguments, struct subject *truth, struct error *error)
{
    if (arguments->source && holds_weights(arguments->source))
        return open_source(arguments, truth, error);
    return open_config(arguments, truth, error) && open_tokenizer(arguments, truth, error);
}

static bool open_goldens(const struct arguments *arguments, const struct subject *truth, struct golden **goldens,
                         struct report *report, struct error *error)
{
    for (size_t i = 0; i < arguments->goldens.count; i++) {
        if (!(goldens[i] = golden_open(arguments->goldens.items[i], error)) ||
            !golden_begin_as(goldens[i], truth->tokenizer, error) ||
            !golden_compatible(goldens[i], truth->config, truth->tokenizer_sha256, error))
            return false;
        report_gold(report, goldens[i]);
    }
    return true;
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
    struct golden **goldens = calloc(arguments->goldens.count + 1, sizeof *goldens);
    struct subject truth = {0};
    struct limits limits = {0};
    struct landing_counts counts = {0};
    bool good = (goldens || error_memory(error, "gold")) && limits_init(&limits, error) &&
                open_truth(arguments, &truth, error) && open_goldens(arguments, &truth, goldens, report, error);
    const struct watch_request request = {.folder = arguments->positional[0],
                                          .config = truth.config,
                                          .source = truth.store,
                                          .goldens = goldens,
                                          .golden_count = arguments->goldens.count,
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
    for (size_t i = 0; goldens && i < arguments->goldens.count; i++)
        golden_free(goldens[i]);
    free(goldens);
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
    {"timeout", 0, "SECONDS", "Give up when no file came or changed for so long (default: never)", GROUP_WORK,
     KIND_REAL, AT(timeout), 0, 0},
    {"settle", 0, "SECONDS",
     "A file that is not whole is taken for unfinished until nothing happened to it for so long (default: 10)",
     GROUP_WORK, KIND_REAL, AT(settle), 0, 0},
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
