#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/progress.h"
#include "cli/command.h"
#include "math/blas.h"

struct bench_arguments {
    struct common common;
    size_t prefill, decode, repeats;
};

enum { KEY_PREFILL = 2000, KEY_DECODE, KEY_REPEATS };

static const struct argp_option options[] = {
    {"prefill", KEY_PREFILL, "N", 0, "Tokens of the prompt (default: 512)", 10},
    {"decode", KEY_DECODE, "N", 0, "Tokens decoded after it, one by one (default: 64)", 10},
    {"repeats", KEY_REPEATS, "N", 0, "Repeats, of which the best counts (default: 5)", 10},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct bench_arguments *arguments = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->common;
        return 0;
    case KEY_PREFILL:
        arguments->prefill = option_count(state, argument, "--prefill", 1);
        return 0;
    case KEY_DECODE:
        arguments->decode = option_count(state, argument, "--decode", 1);
        return 0;
    case KEY_REPEATS:
        arguments->repeats = option_count(state, argument, "--repeats", 1);
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

struct timing {
    double prefill; /* seconds, best */
    double decode;
};

static bool bench_once(struct subject *subject, const struct bench_arguments *arguments, const int *ids, struct timing *timing,
                       struct error *error)
{
    struct kv *kv = kv_new(subject->config, arguments->prefill + arguments->decode, error);
    if (!kv)
        return false;
    struct sequence sequence = {.ids = ids, .count = arguments->prefill, .kv = kv, .logits_from = arguments->prefill - 1};
    double start = clock_seconds();
    bool good = model_forward(subject->model, &sequence, 1, NULL, error);
    double middle = clock_seconds();
    sequence = (struct sequence){.ids = ids, .count = 1, .kv = kv};
    for (size_t i = 0; good && i < arguments->decode; i++)
        good = model_forward(subject->model, &sequence, 1, NULL, error);
    double end = clock_seconds();
    timing->prefill = middle - start < timing->prefill ? middle - start : timing->prefill;
    timing->decode = end - middle < timing->decode ? end - middle : timing->decode;
    kv_free(kv);
    return good;
}

static void bench_print(const struct subject *subject, const struct bench_arguments *arguments, const struct timing *timing)
{
    double prefill = (double)arguments->prefill / timing->prefill, decode = (double)arguments->decode / timing->decode;
    double memory = memory_peak();
    int threads = pool_threads(workspace_pool(model_workspace(subject->model)));
    if (!arguments->common.json) {
        printf("prefill %zu tokens: %.1f tokens/s\ndecode %zu tokens: %.1f tokens/s\npeak memory: %.0f MB\nthreads: %d, %s\n",
               arguments->prefill, prefill, arguments->decode, decode, memory / 1e6, threads, blas_name());
        return;
    }
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "prefill_tokens", (double)arguments->prefill);
    cJSON_AddNumberToObject(json, "prefill_tokens_per_s", prefill);
    cJSON_AddNumberToObject(json, "decode_tokens", (double)arguments->decode);
    cJSON_AddNumberToObject(json, "decode_tokens_per_s", decode);
    cJSON_AddNumberToObject(json, "peak_memory_bytes", memory);
    cJSON_AddNumberToObject(json, "threads", threads);
    cJSON_AddStringToObject(json, "blas", blas_name());
    char *text = cJSON_PrintUnformatted(json);
    puts(text ? text : "");
    cJSON_free(text);
    cJSON_Delete(json);
}

static bool run_bench(const struct bench_arguments *arguments, struct error *error)
{
    struct subject subject = {0};
    struct timing timing = {.prefill = 1e30, .decode = 1e30};
    int *ids = malloc(arguments->prefill * sizeof *ids);
    bool good = (ids || error_memory(error, "ids")) && subject_open(&arguments->common.subject, &subject, error) &&
                subject_load(&subject, error);
    for (size_t i = 0; good && i < arguments->prefill; i++)
        ids[i] = (int)(i * 7919 % (size_t)subject.config->vocabulary);
    if (good)
        model_keep_weights(subject.model, true);
    struct progress progress = progress_begin("bench", "repeats", arguments->repeats);
    for (size_t i = 0; good && i < arguments->repeats; i++) {
        good = bench_once(&subject, arguments, ids, &timing, error);
        progress_step(&progress, i + 1);
    }
    progress_end(&progress);
    if (good)
        bench_print(&subject, arguments, &timing);
    subject_free(&subject);
    free(ids);
    return good;
}

int command_bench(int argc, char **argv)
{
    static const struct argp_child children[] = {{&common_argp, 0, "The model", 80}, {0}};
    static const struct argp argp = {.options = options, .parser = parse, .args_doc = "MODEL", .children = children,
                                     .doc = "Speed of prefill and decoding, and peak memory, with weights kept in memory."};
    struct bench_arguments arguments = {.prefill = 512, .decode = 64, .repeats = 5};
    struct error error = {0};
    command_parse(&argp, "bench", argc, argv, &arguments);
    progress_mode_set(arguments.common.quiet ? PROGRESS_QUIET : PROGRESS_AUTO);
    return run_bench(&arguments, &error) ? EXIT_PASS : command_error("bench", &error);
}
