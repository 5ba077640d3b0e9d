#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "diagnostics/decode.h"
#include "diagnostics/logits.h"
#include "diagnostics/run.h"
#include "golden/dump.h"

const char *judge_trace(const struct arguments *arguments)
{
    if (!arguments->out)
        return "-o FILE is needed";
    if (arguments->goldens.count > 1)
        return "only one --golden";
    if (!(arguments->goldens.count + arguments->prompts.count + arguments->id_lists.count))
        return "one of --golden, --prompt and --ids is needed";
    for (size_t i = 0; i < arguments->id_lists.count; i++) {
        const char *wrong = ids_judge(arguments->id_lists.items[i]);
        if (wrong || !arguments->id_lists.items[i][strspn(arguments->id_lists.items[i], ", \t\n[]")])
            return wrong ? wrong : "--ids holds no token ids";
    }
    return NULL;
}

/* The cases to trace, with what they own. */
struct inputs {
    struct golden *golden;
    struct golden_case *cases;
    struct ids *ids;
    struct ids *greedy; /* of gold's cases: what this model appends */
    char (*names)[32];
    size_t count;
};

static bool inputs_open(const struct arguments *arguments, const struct subject *subject, struct inputs *inputs,
                        struct error *error)
{
    size_t gold = 0;
    if (arguments->goldens.count && !(inputs->golden = golden_open(arguments->goldens.items[0], error)))
        return false;
    if (inputs->golden) {
        if (!golden_compatible(inputs->golden, subject->config, subject->tokenizer_sha256, error))
            return false;
        gold = golden_case_count(inputs->golden);
    }
    size_t own = arguments->prompts.count + arguments->id_lists.count;
    inputs->cases = calloc(gold + own, sizeof *inputs->cases);
    inputs->ids = calloc(own + 1, sizeof *inputs->ids);
    inputs->names = calloc(own + 1, sizeof *inputs->names);
    inputs->greedy = calloc(gold + 1, sizeof *inputs->greedy);
    if (!inputs->cases || !inputs->ids || !inputs->names || !inputs->greedy)
        return error_memory(error, "cases");
    for (size_t i = 0; i < gold; i++) { /* what gold says of them is not what this model does: see continue_cases */
        const struct golden_case *golden_case = golden_case_at(inputs->golden, i);
        inputs->cases[inputs->count++] = (struct golden_case){.id = golden_case->id,
                                                              .ids = golden_case->ids,
                                                              .count = golden_case->count,
                                                              .prompt = golden_case->prompt,
                                                              .perplexity = NAN};
    }
    for (size_t i = 0; i < own; i++) {
        bool prompt = i < arguments->prompts.count;
        const char *text =
            prompt ? arguments->prompts.items[i] : arguments->id_lists.items[i - arguments->prompts.count];
        bool good = prompt ? subject_needs_tokenizer(subject, error) &&
                                 tokenizer_encode(subject->tokenizer, text, strlen(text), true, &inputs->ids[i], error)
                           : ids_parse(text, &inputs->ids[i], error);
        if (!good || (!inputs->ids[i].count && !error_set(error, "the prompt '%s' has no tokens", text)))
            return false;
        snprintf(inputs->names[i], sizeof inputs->names[i], "%s-%zu", prompt ? "prompt" : "ids", i);
        inputs->cases[inputs->count++] = (struct golden_case){.id = inputs->names[i],
                                                              .ids = inputs->ids[i].data,
                                                              .count = inputs->ids[i].count,
                                                              .prompt = prompt ? text : NULL,
                                                              .perplexity = NAN};
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
    bool good = prompts || error_memory(error, "cases"), any = false;
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

static void inputs_close(struct inputs *inputs, size_t own)
{
    for (size_t i = 0; inputs->greedy && inputs->golden && i < golden_case_count(inputs->golden); i++)
        ids_free(&inputs->greedy[i]);
    free(inputs->greedy);
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
    struct activation activation = {.point = part->point,
                                    .layer = part->layer,
                                    .path = part->path,
                                    .values = part->values,
                                    .rows = part->rows,
                                    .width = part->width,
                                    .row_of = rider->row_of};
    return rider->probe.see(rider->probe.context, &activation, error);
}

static bool trace_cases(const struct arguments *arguments, struct subject *subject, const struct inputs *inputs,
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

static void choose_points(int choice, bool points[POINT_COUNT])
{
    for (int i = 0; i < POINT_COUNT; i++)
        points[i] = choice <= 1 || (choice == 2 && i == POINT_HEAD) || (choice == 3 && i == POINT_LAYER);
}

static bool run_trace(const struct arguments *arguments, struct error *error)
{
    struct subject subject = {0};
    struct inputs inputs = {0};
    struct dump *dump = NULL;
    struct dump_options dump_options = {.producer = "assay " ASSAY_VERSION, .dtype = "float32"};
    choose_points(arguments->points, dump_options.points);
    struct subject_options options = arguments_subject(arguments, arguments->positional[0], MISSING_FAIL, true);
    bool good = subject_open(&options, &subject, error) && inputs_open(arguments, &subject, &inputs, error) &&
                subject_load(&subject, error) && continue_cases(&subject, &inputs, error);
    if (good) {
        dump_options.config = subject.config_text;
        dump_options.tokenizer_sha256 = subject.tokenizer_sha256;
        dump = dump_create(arguments->out, subject.config, inputs.cases, inputs.count, &dump_options, error);
        good = dump && trace_cases(arguments, &subject, &inputs, dump, error);
    }
    if (good)
        good = dump_commit(dump, error);
    else
        dump_discard(dump);
    if (good && !arguments->quiet)
        fprintf(stderr, "%zu case%s written to %s\n", inputs.count, inputs.count > 1 ? "s" : "", arguments->out);
    inputs_close(&inputs, arguments->prompts.count + arguments->id_lists.count);
    subject_free(&subject);
    return good;
}

int command_trace(struct arguments *arguments)
{
    struct error error = {0};
    return run_trace(arguments, &error) ? EXIT_PASS : command_error("trace", &error);
}
