#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/id_list.h"
#include "cli/command.h"
#include "cli/lens_print.h"
#include "cli/opening.h"
#include "cli/output.h"
#include "cli/trace_output.h"
#include "math/distribution.h"
#include "run/decode.h"
#include "run/run.h"

#define CONTEXT_DEFAULT 512
#define TEXT_MAX ((size_t)1 << 30)

static const char *judge(const struct arguments *arguments)
{
    if (!arguments->out && !arguments->lens)
        return "-o FILE is needed";
    if ((arguments->json || arguments->lens_top) && !arguments->lens)
        return arguments->json ? "--json is for --lens" : "--lens-top is for --lens";
    if (arguments->lens_top > LENS_TOP_MAX)
        return "--lens-top is at most 20";
    if (!arguments->out && (arguments->format || arguments->points))
        return "--format and --points are for -o";
    if (arguments->goldens.count > 1)
        return "only one --golden";
    if (!(arguments->goldens.count + arguments->prompts.count + arguments->id_lists.count) && !arguments->text)
        return "one of --golden, --prompt, --ids and --text is needed";
    if (arguments->context && !arguments->text)
        return "--context is for --text";
    for (size_t i = 0; i < arguments->id_lists.count; i++) {
        const char *wrong = ids_judge(arguments->id_lists.items[i]);
        if (wrong || !arguments->id_lists.items[i][strspn(arguments->id_lists.items[i], ", \t\n[]")])
            return wrong ? wrong : "--ids holds no token ids";
    }
    return prompts_judge(arguments);
}

/* The cases to trace, with what they own. */
struct inputs {
    struct golden *golden;
    struct golden_case *cases;
    struct ids *greedy; /* of gold's cases: what this model appends */
    size_t count;
    size_t capacity;
    struct ids text; /* as the tokenizer gave it: windows lie one behind the other */
    struct ids *ids; /* of cases that are not gold's */
    char (*names)[32];
    size_t own;
};

static bool add_case(struct inputs *inputs, const struct golden_case *golden_case, struct error *error)
{
    void *cases = inputs->cases;
    if (!array_grow(&cases, &inputs->capacity, inputs->count, sizeof *inputs->cases))
        return error_memory(error, "cases");
    inputs->cases = cases;
    inputs->cases[inputs->count++] = *golden_case;
    return true;
}

static bool add_golden(const struct arguments *arguments, const struct subject *subject, struct inputs *inputs,
                       struct error *error)
{
    if (!arguments->goldens.count)
        return true;
    inputs->golden = golden_open(arguments->goldens.items[0], error);
    bool good = inputs->golden && golden_begin_as(inputs->golden, subject->tokenizer, error) &&
                golden_compatible(inputs->golden, subject->config, subject->tokenizer_sha256, error);
    for (size_t i = 0; good && i < golden_case_count(inputs->golden); i++) {
        const struct golden_case *golden_case = golden_case_at(inputs->golden, i);
        const struct golden_case kept = {.id = golden_case->id, /* what gold says of it is not what this model does */
                                         .ids = golden_case->ids,
                                         .count = golden_case->count,
                                         .prompt = golden_case->prompt,
                                         .perplexity = NAN};
        good = add_case(inputs, &kept, error);
    }
    return good;
}

/* A case of its own ids, which are taken over. */
static bool add_own(struct inputs *inputs, const char *kind, size_t number, struct ids *ids, const char *prompt,
                    struct error *error)
{
    size_t at = inputs->own++;
    inputs->ids[at] = *ids;
    *ids = (struct ids){0};
    snprintf(inputs->names[at], sizeof inputs->names[at], "%s-%zu", kind, number);
    const struct golden_case own = {.id = inputs->names[at],
                                    .ids = inputs->ids[at].data,
                                    .count = inputs->ids[at].count,
                                    .prompt = prompt,
                                    .perplexity = NAN};
    return add_case(inputs, &own, error);
}

static bool add_written(const struct arguments *arguments, const struct subject *subject, struct inputs *inputs,
                        struct error *error)
{
    size_t prompts = arguments->prompts.count, all = prompts + arguments->id_lists.count;
    for (size_t i = 0; i < all; i++) {
        bool prompt = i < prompts;
        const char *text = prompt ? arguments->prompts.items[i] : arguments->id_lists.items[i - prompts];
        struct ids ids = {0};
        bool good = prompt ? subject_needs_tokenizer(subject, error) &&
                                 tokenizer_encode(subject->tokenizer, text, strlen(text), true, &ids, error)
                           : ids_parse(text, &ids, error);
        good = good && (ids.count || error_set(error, "the prompt '%s' has no tokens", text)) &&
               add_own(inputs, prompt ? "prompt" : "ids", i, &ids, prompt ? text : NULL, error);
        ids_free(&ids);
        if (!good)
            return false;
    }
    return true;
}

static bool greedy_choose(void *context, size_t which, size_t step, float *logits, size_t width, int *next)
{
    struct inputs *inputs = context;
    (void)step;
    *next = (int)largest_index(logits, width);
    return ids_push(&inputs->greedy[which], *next);
}

/* Continues gold's cases for as many tokens as gold does. */
static bool continue_cases(struct subject *subject, struct inputs *inputs, struct error *error)
{
    size_t count = inputs->golden ? golden_case_count(inputs->golden) : 0;
    struct decode_prompt *prompts = calloc(count + 1, sizeof *prompts);
    inputs->greedy = calloc(count + 1, sizeof *inputs->greedy);
    bool good = (prompts && inputs->greedy) || error_memory(error, "cases"), any = false;
    for (size_t i = 0; good && i < count; i++) {
        const struct golden_case *golden_case = golden_case_at(inputs->golden, i);
        prompts[i] = (struct decode_prompt){golden_case->ids, golden_case->count, golden_case->greedy_count};
        any = any || golden_case->greedy_count;
    }
    good = good && (!any || decode(subject, prompts, count, "greedy", greedy_choose, inputs, error));
    for (size_t i = 0; good && i < count; i++) {
        good = inputs->greedy[i].count == prompts[i].most || error_memory(error, "cases");
        inputs->cases[i].greedy = inputs->greedy[i].data;
        inputs->cases[i].greedy_count = inputs->greedy[i].count;
    }
    free(prompts);
    return good;
}

/* As llama-perplexity does it: what is left at the end is dropped, and every window begins with the tokenizer's BOS, if
 * that adds one, in place of its first token. */
static bool add_windows(const struct subject *subject, struct inputs *inputs, size_t context, struct error *error)
{
    struct ids bos = {0};
    bool good = tokenizer_encode(subject->tokenizer, "", 0, true, &bos, error);
    for (size_t window = 0; good && window < inputs->text.count / context; window++) {
        struct ids ids = {0};
        good = ids_append(&ids, inputs->text.data + window * context, context) || error_memory(error, "windows");
        if (good && bos.count && bos.data[0] == inputs->text.data[0])
            ids.data[0] = bos.data[0];
        good = good && add_own(inputs, "window", window, &ids, NULL, error);
        ids_free(&ids);
    }
    ids_free(&bos);
    return good;
}

static bool read_text(const struct arguments *arguments, const struct subject *subject, struct inputs *inputs,
                      struct error *error)
{
    size_t context = arguments->context ? arguments->context : CONTEXT_DEFAULT;
    struct buffer text = {0};
    bool good = subject_needs_tokenizer(subject, error) && file_read(arguments->text, TEXT_MAX, &text, error) &&
                tokenizer_encode(subject->tokenizer, text.data ? text.data : "", text.size, true, &inputs->text, error);
    buffer_free(&text);
    if (good && inputs->text.count < context)
        good = error_set(error, "%s: %zu tokens, less than one window of %zu", arguments->text, inputs->text.count,
                         context);
    return good;
}

static bool inputs_open(const struct arguments *arguments, const struct subject *subject, struct inputs *inputs,
                        struct error *error)
{
    size_t own = arguments->prompts.count + arguments->id_lists.count;
    if (arguments->text && !read_text(arguments, subject, inputs, error))
        return false;
    size_t context = arguments->context ? arguments->context : CONTEXT_DEFAULT;
    own += inputs->text.count / context;
    inputs->ids = calloc(own + 1, sizeof *inputs->ids);
    inputs->names = calloc(own + 1, sizeof *inputs->names);
    if (!inputs->ids || !inputs->names)
        return error_memory(error, "cases");
    return add_golden(arguments, subject, inputs, error) && add_written(arguments, subject, inputs, error) &&
           (!arguments->text || add_windows(subject, inputs, context, error));
}

static void inputs_close(struct inputs *inputs)
{
    for (size_t i = 0; inputs->greedy && inputs->golden && i < golden_case_count(inputs->golden); i++)
        ids_free(&inputs->greedy[i]);
    free(inputs->greedy);
    for (size_t i = 0; i < inputs->own; i++)
        ids_free(&inputs->ids[i]);
    ids_free(&inputs->text);
    free(inputs->ids);
    free(inputs->cases);
    free(inputs->names);
    golden_free(inputs->golden);
}

/* What goes out; either may be NULL. */
struct outputs {
    struct trace_output *dump;
    struct lens *lens;
};

static bool trace_see(void *context, size_t which, const struct part *part, struct error *error)
{
    struct outputs *outputs = context;
    if (outputs->lens)
        lens_see(outputs->lens, which, part);
    return !outputs->dump || trace_output_see(outputs->dump, which, part, error);
}

static bool trace_cases(const struct arguments *arguments, struct subject *subject, const struct inputs *inputs,
                        struct outputs *outputs, struct error *error)
{
    struct run *run = run_new(subject->model, error);
    bool good = run;
    for (size_t i = 0; good && i < inputs->count; i++) {
        const struct golden_case *one = &inputs->cases[i];
        size_t logits_from = outputs->dump ? trace_output_logits_from(outputs->dump, one->count) : one->count;
        good = (!outputs->lens || lens_add(outputs->lens, one->id, one->count, NULL, 0, error)) &&
               run_add(run, one->ids, one->count, logits_from,
                       (struct rider){.see = trace_see, .context = outputs, .which = i}, error);
    }
    good = good && run_execute(run, "layers", arguments->chunk, error) &&
           (!outputs->lens || lens_compute(outputs->lens, subject->model, NULL, error));
    run_free(run);
    return good;
}

static bool open_dump(const struct arguments *arguments, const struct subject *subject, const struct inputs *inputs,
                      struct dump_options *options, struct outputs *outputs, struct error *error)
{
    if (!arguments->out)
        return true;
    options->config = subject->config_text;
    options->tokenizer_sha256 = subject->tokenizer_sha256;
    const struct trace_request request = {.path = arguments->out,
                                          .config = subject->config,
                                          .cases = inputs->cases,
                                          .count = inputs->count,
                                          .windows = inputs->text.count ? inputs->text.data : NULL,
                                          .options = options};
    outputs->dump = trace_output_new(arguments->format, &request, error);
    return outputs->dump;
}

static bool open_lens(const struct arguments *arguments, const struct subject *subject, struct outputs *outputs,
                      struct error *error)
{
    if (arguments->lens)
        outputs->lens = lens_new(subject->config, arguments->lens_top ? arguments->lens_top : 1, error);
    return !arguments->lens || outputs->lens;
}

static void choose_points(int choice, bool points[POINT_COUNT])
{
    for (int i = 0; i < POINT_COUNT; i++)
        points[i] = choice <= 1 || (choice == 2 && i == POINT_HEAD) || (choice == 3 && i == POINT_LAYER);
}

static bool run_trace(const struct arguments *arguments, struct error *error)
{
    struct subject subject = {0};
    struct inputs inputs = {0};
    struct outputs outputs = {0};
    struct dump_options dump_options = {.producer = "assay " ASSAY_VERSION, .dtype = "float32"};
    choose_points(arguments->points, dump_options.points);
    bool good = arguments_open(arguments, arguments->positional[0], MISSING_FAIL, true, &subject, error) &&
                inputs_open(arguments, &subject, &inputs, error) && subject_load(&subject, error) &&
                /* only our own format holds them */
                (!arguments->out || arguments->format > 1 || continue_cases(&subject, &inputs, error)) &&
                open_lens(arguments, &subject, &outputs, error) &&
                open_dump(arguments, &subject, &inputs, &dump_options, &outputs, error) &&
                trace_cases(arguments, &subject, &inputs, &outputs, error);
    if (good && outputs.dump)
        good = trace_output_commit(outputs.dump, error);
    else
        trace_output_discard(outputs.dump);
    good = good && (!outputs.lens || lens_print(outputs.lens, inputs.cases, subject.tokenizer, arguments->json, error));
    lens_free(outputs.lens);
    if (good && arguments->out && !arguments->quiet)
        fprintf(stderr, "%zu case%s written to %s\n", inputs.count, inputs.count > 1 ? "s" : "", arguments->out);
    inputs_close(&inputs);
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
    {"text", 't', "FILE", "Trace a text (UTF-8) in windows of --context tokens, one behind the other", GROUP_WORK,
     KIND_TEXT, AT(text), 0, 0},
    {"context", 0, "N", "Tokens in a window of the text (default: 512)", GROUP_WORK, KIND_COUNT, AT(context), 3, 0},
    {"points", 0, "all|logits|layers",
     "Which activations: all, lm_head only, or the output of every layer (default: all)", GROUP_WORK, KIND_CHOICE,
     AT(points), 0, 0},
    {"format", 0, "assay|npy|logits",
     "What to write: our own dump, a folder of .npy files, or a base file for llama-perplexity --kl-divergence-base "
     "(default: assay)",
     GROUP_WORK, KIND_CHOICE, AT(format), 0, 0},
    {"lens", 0, NULL,
     "Print what the model would say behind every layer, after the last token of each case; -o may be left out",
     GROUP_WORK, KIND_FLAG, AT(lens), 0, 0},
    {"lens-top", 0, "K", "The K most likely tokens behind every layer, at most 20 (default: 1)", GROUP_WORK, KIND_COUNT,
     AT(lens_top), 1, 0},
    {"output", 'o', "FILE", "The dump to write; with --format npy a new folder", GROUP_WORK, KIND_TEXT, AT(out), 0, 0},
    {0},
};

const struct command command_trace = {
    .name = "trace",
    .does = "run the engine and write a golden-format dump, or print the logit lens",
    .args = "MODEL (--golden FILE | --prompt TEXT | --ids 1,2,3 | --text FILE) (-o FILE | --lens)",
    .doc = "Runs the engine and writes what passes through it: as a golden-format dump, or as others read it "
           "(--format); with --lens it prints what the model would say if it ended behind each layer.",
    .least = 1,
    .most = 1,
    .sets = OPTIONS_MODEL | OPTIONS_CHUNK,
    .options = options,
    .judge = judge,
    .run = run,
};
