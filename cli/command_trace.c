#include <stdio.h>
#include <string.h>

#include "activations/trace.h"
#include "cli/command.h"
#include "cli/lens_print.h"
#include "cli/opening.h"
#include "cli/output.h"
#include "cli/say.h"

static const char *judge(const struct arguments *arguments)
{
    if (!arguments->out && !arguments->lens)
        return "-o FILE is needed";
    if ((arguments->json || arguments->lens_top) && !arguments->lens)
        return arguments->json ? "--json needs --lens" : "--lens-top needs --lens";
    if (arguments->lens_top > LENS_TOP_MAX)
        return "--lens-top is at most 20";
    if (!arguments->out && (arguments->format || arguments->points))
        return "--format and --points need -o";
    if (arguments->goldens.count > 1)
        return "give only one --golden";
    if (!(arguments->goldens.count + arguments->prompts.count + arguments->id_lists.count) && !arguments->text)
        return "one of --golden, --prompt, --ids and --text is needed";
    if (arguments->context && !arguments->text)
        return "--context needs --text";
    for (size_t i = 0; i < arguments->id_lists.count; i++) {
        const char *wrong = ids_judge(arguments->id_lists.items[i]);
        if (wrong || !arguments->id_lists.items[i][strspn(arguments->id_lists.items[i], ", \t\n[]")])
            return wrong ? wrong : "--ids holds no token ids";
    }
    return prompts_judge(arguments);
}

/* --format's words are in the order of the forms. */
static enum golden_form form_of(const struct arguments *arguments)
{
    return arguments->format ? (enum golden_form)(arguments->format - 1) : GOLDEN_FORM_OWN;
}

/* What goes out; either may be NULL. */
struct outputs {
    struct golden_writer *dump;
    struct lens *lens;
};

static bool open_cases(const struct arguments *arguments, const struct subject *subject, struct cases *cases,
                       struct error *error)
{
    const struct cases_request request = {.golden = arguments->goldens.count ? arguments->goldens.items[0] : NULL,
                                          .prompts = arguments->prompts.items,
                                          .prompt_count = arguments->prompts.count,
                                          .id_lists = arguments->id_lists.items,
                                          .id_list_count = arguments->id_lists.count,
                                          .text = arguments->text,
                                          .context = arguments->context};
    return cases_open(&request, subject, cases, error);
}

static bool open_outputs(const struct arguments *arguments, const struct subject *subject, const struct cases *cases,
                         struct dump_options *options, struct outputs *outputs, struct error *error)
{
    options->config = subject->config_text;
    options->tokenizer_sha256 = subject->tokenizer_sha256;
    const struct golden_writer_request request = {.path = arguments->out,
                                                  .config = subject->config,
                                                  .cases = cases->items,
                                                  .count = cases->count,
                                                  .windows = cases->text.count ? cases->text.data : NULL,
                                                  .options = options};
    if (arguments->lens &&
        !(outputs->lens = lens_new(subject->config, arguments->lens_top ? arguments->lens_top : 1, error)))
        return false;
    return !arguments->out || (outputs->dump = golden_writer_new(form_of(arguments), &request, error));
}

static void choose_points(int choice, bool points[POINT_COUNT])
{
    for (int i = 0; i < POINT_COUNT; i++)
        points[i] = choice <= 1 || (choice == 2 && i == POINT_HEAD) || (choice == 3 && i == POINT_LAYER);
}

static bool trace(const struct arguments *arguments, struct subject *subject, const struct cases *cases,
                  struct error *error)
{
    struct outputs outputs = {0};
    struct dump_options dump_options = {.producer = "assay " ASSAY_VERSION, .dtype = "float32"};
    choose_points(arguments->points, dump_options.points);
    bool good = open_outputs(arguments, subject, cases, &dump_options, &outputs, error);
    const struct trace_request request = {
        .subject = subject, .cases = cases, .chunk = arguments->chunk, .writer = outputs.dump, .lens = outputs.lens};
    good = good && trace_run(&request, error);
    if (good && outputs.dump)
        good = golden_writer_commit(outputs.dump, error);
    else
        golden_writer_discard(outputs.dump);
    good =
        good && (!outputs.lens || lens_print(outputs.lens, cases->items, subject->tokenizer, arguments->json, error));
    lens_free(outputs.lens);
    if (good && arguments->out && !arguments->quiet)
        say(stderr, "%zu case%s written to %s\n", cases->count, cases->count > 1 ? "s" : "", arguments->out);
    return good;
}

static bool only_logits(const struct arguments *arguments)
{
    return arguments->points == 2 || form_of(arguments) == GOLDEN_FORM_LOGITS;
}

static bool run_trace(const struct arguments *arguments, struct error *error)
{
    struct subject subject = {0};
    struct cases cases = {0};
    /* only our own form holds continuations */
    bool continued = arguments->out && form_of(arguments) == GOLDEN_FORM_OWN;
    bool good = arguments_open(arguments, arguments->positional[0], MISSING_FAIL, true, &subject, error) &&
                (!only_logits(arguments) || config_predicts(subject.config, error)) &&
                open_cases(arguments, &subject, &cases, error) && subject_load(&subject, error) &&
                (!continued || cases_continue(&cases, &subject, error)) && trace(arguments, &subject, &cases, error);
    cases_close(&cases);
    subject_free(&subject);
    return good;
}

static int run(struct arguments *arguments)
{
    struct error error = {0};
    return run_trace(arguments, &error) ? EXIT_PASS : command_error("trace", &error);
}

static const struct option_row options[] = {
    {"golden", 'g', "FILE", "Trace the cases of this dump", GROUP_WORK, KIND_TEXTS, AT(goldens), 0, 0},
    {"prompt", 'p', "TEXT", "Trace a text (repeatable)", GROUP_WORK, KIND_TEXTS, AT(prompts), 0, 0},
    {"ids", 0, "1,2,3", "Trace token ids (repeatable)", GROUP_WORK, KIND_TEXTS, AT(id_lists), 0, 0},
    {"text", 't', "FILE", "Trace a text (UTF-8) in consecutive windows of --context tokens", GROUP_WORK, KIND_TEXT,
     AT(text), 0, 0},
    {"context", 0, "N", "Tokens in a window of the text (default: 512)", GROUP_WORK, KIND_COUNT, AT(context), 3, 0},
    {"points", 0, "all|logits|layers",
     "Which activations: all, lm_head only, or the output of every layer (default: all)", GROUP_WORK, KIND_CHOICE,
     AT(points), 0, 0},
    {"format", 0, "assay|npy|logits",
     "What to write: our own dump, a folder of .npy files, or a base file for llama-perplexity --kl-divergence-base "
     "(default: assay)",
     GROUP_WORK, KIND_CHOICE, AT(format), 0, 0},
    {"lens", 0, NULL,
     "Print the most likely next token after every layer, for the last token of each case; -o may be left out",
     GROUP_WORK, KIND_FLAG, AT(lens), 0, 0},
    {"lens-top", 0, "K", "How many of the most likely tokens to print for each layer, at most 20 (default: 1)",
     GROUP_WORK, KIND_COUNT, AT(lens_top), 1, 0},
    {"output", 'o', "FILE", "The dump to write; with --format npy a new folder", GROUP_WORK, KIND_TEXT, AT(out), 0, 0},
    {0},
};

const struct command command_trace = {
    .name = "trace",
    .does = "run the engine and write a golden-format dump, or print the logit lens",
    .args = "MODEL (--golden FILE | --prompt TEXT | --ids 1,2,3 | --text FILE) (-o FILE | --lens)",
    .doc = "Runs the engine and writes what passes through it: as a golden-format dump, or as others read it "
           "(--format); with --lens it prints what the model would say if it ended after each layer.",
    .least = 1,
    .most = 1,
    .sets = OPTIONS_MODEL | OPTIONS_CHUNK,
    .options = options,
    .judge = judge,
    .run = run,
};
