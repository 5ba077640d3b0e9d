#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"
#include "base/progress.h"
#include "cli/command.h"
#include "diagnostics/run.h"
#include "golden/dump.h"

#define INPUTS_MAX 256

struct trace_arguments {
    struct common common;
    const char *golden;
    const char *prompts[INPUTS_MAX];
    size_t prompt_count;
    const char *id_lists[INPUTS_MAX];
    size_t id_count;
    const char *points;
    size_t chunk;
};

enum { KEY_POINTS = 2000, KEY_CHUNK, KEY_IDS };

static const struct argp_option options[] = {
    {"golden", 'g', "FILE", 0, "Trace the cases of this dump", 10},
    {"prompt", 'p', "TEXT", 0, "Trace a text (repeatable)", 10},
    {"ids", KEY_IDS, "1,2,3", 0, "Trace token ids (repeatable)", 10},
    {"output", 'o', "FILE", 0, "The dump to write", 10},
    {"points", KEY_POINTS, "all|logits|layers", 0, "Which activations: all, lm_head only, or the output of every layer (default: all)", 10},
    {"chunk", KEY_CHUNK, "N", 0, "Feed N tokens at a time through the cache, as decoding does (default: all at once)", 10},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct trace_arguments *arguments = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->common;
        return 0;
    case 'g':
        arguments->golden = argument;
        return 0;
    case 'p':
        if (arguments->prompt_count == INPUTS_MAX)
            argp_error(state, "at most %d --prompt", INPUTS_MAX);
        arguments->prompts[arguments->prompt_count++] = argument;
        return 0;
    case KEY_IDS:
        if (arguments->id_count == INPUTS_MAX)
            argp_error(state, "at most %d --ids", INPUTS_MAX);
        arguments->id_lists[arguments->id_count++] = argument;
        return 0;
    case 'o':
        arguments->common.out = argument;
        return 0;
    case KEY_POINTS:
        if (strcmp(argument, "all") != 0 && strcmp(argument, "logits") != 0 && strcmp(argument, "layers") != 0)
            argp_error(state, "--points is all, logits or layers, not '%s'", argument);
        arguments->points = argument;
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
        if (!arguments->common.subject.model || !arguments->common.out ||
            (!arguments->golden && !arguments->prompt_count && !arguments->id_count))
            argp_error(state, "a MODEL, -o, and one of --golden, --prompt and --ids are needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* The cases to trace, with what they own. */
struct inputs {
    struct golden *golden;
    struct golden_case *cases;
    struct ids *ids;
    char (*names)[32];
    size_t count;
};

static bool parse_ids(const char *text, struct ids *out, struct error *error)
{
    while (*text) {
        size_t length = strcspn(text, ", ");
        char number[24];
        long long value = 0;
        if (length >= sizeof number)
            return error_set(error, "'%.40s' is no token id", text);
        memcpy(number, text, length);
        number[length] = '\0';
        if (!number_parse(number, 0, 0x7FFFFFFF, &value))
            return error_set(error, "'%s' is no token id", number);
        if (!ids_push(out, (int)value))
            return error_memory(error, "ids");
        text += length + (text[length] ? 1 : 0);
    }
    return out->count || error_set(error, "no token ids");
}

static bool inputs_open(const struct trace_arguments *arguments, const struct subject *subject, struct inputs *inputs,
                        struct error *error)
{
    size_t gold = 0;
    if (arguments->golden && !(inputs->golden = golden_open(arguments->golden, error)))
        return false;
    if (inputs->golden) {
        if (!golden_compatible(inputs->golden, subject->config, subject->tokenizer ? tokenizer_sha256(subject->tokenizer) : "",
                               subject->store, error))
            return false;
        gold = golden_case_count(inputs->golden);
    }
    size_t own = arguments->prompt_count + arguments->id_count;
    inputs->cases = calloc(gold + own, sizeof *inputs->cases);
    inputs->ids = calloc(own + 1, sizeof *inputs->ids);
    inputs->names = calloc(own + 1, sizeof *inputs->names);
    if (!inputs->cases || !inputs->ids || !inputs->names)
        return error_memory(error, "cases");
    for (size_t i = 0; i < gold; i++)
        inputs->cases[inputs->count++] = *golden_case_at(inputs->golden, i);
    for (size_t i = 0; i < own; i++) {
        bool prompt = i < arguments->prompt_count;
        const char *text = prompt ? arguments->prompts[i] : arguments->id_lists[i - arguments->prompt_count];
        bool good = prompt ? subject_needs_tokenizer(subject, error) &&
                                 tokenizer_encode(subject->tokenizer, text, strlen(text), true, &inputs->ids[i], error)
                           : parse_ids(text, &inputs->ids[i], error);
        if (!good || (!inputs->ids[i].count && !error_set(error, "the prompt '%s' has no tokens", text)))
            return false;
        snprintf(inputs->names[i], sizeof inputs->names[i], "%s-%zu", prompt ? "prompt" : "ids", i);
        inputs->cases[inputs->count++] =
            (struct golden_case){.id = inputs->names[i], .ids = inputs->ids[i].data, .count = inputs->ids[i].count,
                                 .prompt = prompt ? text : NULL, .perplexity = NAN};
    }
    return true;
}

static void inputs_close(struct inputs *inputs, size_t own)
{
    for (size_t i = 0; inputs->ids && i < own; i++)
        ids_free(&inputs->ids[i]);
    free(inputs->ids);
    free(inputs->cases);
    free(inputs->names);
    golden_free(inputs->golden);
}

/* The dump's probe behind a rider: one row map for the sequence alone. */
struct dump_rider {
    struct probe probe;
    struct row *row_of;
    size_t rows;
};

static bool rider_see(void *context, size_t which, const struct part *part, struct error *error)
{
    struct dump_rider *rider = context;
    if (part->rows > rider->rows) {
        free(rider->row_of);
        rider->row_of = malloc(part->rows * sizeof *rider->row_of);
        rider->rows = rider->row_of ? part->rows : 0;
    }
    if (!rider->row_of)
        return error_memory(error, "dump");
    for (size_t i = 0; i < part->rows; i++)
        rider->row_of[i] = (struct row){.sequence = (int)which, .token = (int)(part->first + i)};
    struct activation activation = {.point = part->point, .layer = part->layer, .path = part->path, .values = part->values,
                                    .rows = part->rows, .width = part->width, .row_of = rider->row_of};
    return rider->probe.see(rider->probe.context, &activation, error);
}

static bool trace_cases(const struct trace_arguments *arguments, struct subject *subject, const struct inputs *inputs,
                        struct dump *dump, struct error *error)
{
    struct dump_rider rider = {.probe = dump_probe(dump)};
    struct run *run = run_new(subject->model, error);
    bool good = run;
    for (size_t i = 0; good && i < inputs->count; i++)
        good = run_add(run, inputs->cases[i].ids, inputs->cases[i].count, 0,
                       (struct rider){.see = rider_see, .context = &rider, .which = i}, error);
    good = good && run_execute(run, "layers", arguments->chunk, error);
    run_free(run);
    free(rider.row_of);
    return good;
}

static void choose_points(const char *name, bool points[POINT_COUNT])
{
    bool all = !name || strcmp(name, "all") == 0;
    for (int i = 0; i < POINT_COUNT; i++)
        points[i] = all;
    if (!all)
        points[strcmp(name, "logits") == 0 ? POINT_HEAD : POINT_LAYER] = true;
}

static bool run_trace(const struct trace_arguments *arguments, struct error *error)
{
    struct subject subject = {0};
    struct inputs inputs = {0};
    struct dump *dump = NULL;
    struct dump_options dump_options = {.producer = "assay " ASSAY_VERSION, .dtype = "float32"};
    choose_points(arguments->points, dump_options.points);
    bool good = subject_open(&arguments->common.subject, &subject, error) &&
                inputs_open(arguments, &subject, &inputs, error) && subject_load(&subject, error);
    if (good) {
        dump_options.config = subject.config_text;
        dump_options.tokenizer_sha256 = subject.tokenizer ? tokenizer_sha256(subject.tokenizer) : NULL;
        dump = dump_create(arguments->common.out, subject.config, inputs.cases, inputs.count, &dump_options, error);
        good = dump && trace_cases(arguments, &subject, &inputs, dump, error);
    }
    if (good)
        good = dump_commit(dump, error);
    else
        dump_discard(dump);
    if (good && !arguments->common.quiet)
        fprintf(stderr, "%zu case%s written to %s\n", inputs.count, inputs.count > 1 ? "s" : "", arguments->common.out);
    inputs_close(&inputs, arguments->prompt_count + arguments->id_count);
    subject_free(&subject);
    return good;
}

int command_trace(int argc, char **argv)
{
    static const struct argp_child children[] = {{&common_argp, 0, "The model", 80}, {0}};
    static const struct argp argp = {.options = options, .parser = parse, .children = children,
                                     .args_doc = "MODEL (--golden FILE | --prompt TEXT | --ids 1,2,3) -o FILE",
                                     .doc = "Runs the engine and writes what passes through it as a golden-format dump."};
    struct trace_arguments arguments = {.common.subject.engine = {.exact = true}};
    struct error error = {0};
    command_parse(&argp, "trace", argc, argv, &arguments);
    progress_mode_set(arguments.common.quiet ? PROGRESS_QUIET : PROGRESS_AUTO);
    return run_trace(&arguments, &error) ? EXIT_PASS : command_error("trace", &error);
}
