#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/progress.h"
#include "cli/command.h"
#include "cli/experts_print.h"
#include "cli/opening.h"
#include "cli/output.h"
#include "math/blas.h"

struct timing {
    double prefill; /* seconds, best */
    double decode;
};

static bool bench_once(struct subject *subject, const struct arguments *arguments, const int *ids,
                       struct timing *timing, struct error *error)
{
    struct kv *kv = kv_new(subject->config, arguments->prefill + arguments->decode_tokens, error);
    if (!kv)
        return false;
    struct sequence sequence = {
        .ids = ids, .count = arguments->prefill, .kv = kv, .logits_from = arguments->prefill - 1};
    double start = clock_seconds();
    bool good = model_forward(subject->model, &sequence, 1, NULL, error);
    double middle = clock_seconds();
    sequence = (struct sequence){.ids = ids, .count = 1, .kv = kv};
    for (size_t i = 0; good && i < arguments->decode_tokens; i++)
        good = model_forward(subject->model, &sequence, 1, NULL, error);
    double end = clock_seconds();
    timing->prefill = middle - start < timing->prefill ? middle - start : timing->prefill;
    timing->decode = end - middle < timing->decode ? end - middle : timing->decode;
    kv_free(kv);
    return good;
}

static void bench_print(const struct subject *subject, const struct arguments *arguments, const struct timing *timing)
{
    double prefill = (double)arguments->prefill / timing->prefill,
           decode = (double)arguments->decode_tokens / timing->decode;
    double memory = memory_peak();
    int threads = pool_threads(workspace_pool(model_workspace(subject->model)));
    if (!arguments->json) {
        printf("prefill %zu tokens: %.1f tokens/s\ndecode %zu tokens: %.1f tokens/s\npeak memory: %.0f MB\nthreads: "
               "%d, %s\n",
               arguments->prefill, prefill, arguments->decode_tokens, decode, memory / 1e6, threads, blas_name());
        experts_print(subject->model, stdout);
        return;
    }
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "prefill_tokens", (double)arguments->prefill);
    cJSON_AddNumberToObject(json, "prefill_tokens_per_s", prefill);
    cJSON_AddNumberToObject(json, "decode_tokens", (double)arguments->decode_tokens);
    cJSON_AddNumberToObject(json, "decode_tokens_per_s", decode);
    cJSON_AddNumberToObject(json, "peak_memory_bytes", memory);
    cJSON_AddNumberToObject(json, "threads", threads);
    cJSON_AddStringToObject(json, "blas", blas_name());
    experts_json(subject->model, true, json);
    json_print(json, false);
}

static bool run_bench(const struct arguments *arguments, struct error *error)
{
    struct subject subject = {0};
    struct timing timing = {.prefill = 1e30, .decode = 1e30};
    int *ids = malloc(arguments->prefill * sizeof *ids);
    bool good = (ids || error_memory(error, "ids")) &&
                arguments_open(arguments, arguments->positional[0], MISSING_FAIL, false, &subject, error) &&
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

static int run(struct arguments *arguments)
{
    struct error error = {0};
    arguments->prefill = arguments->prefill ? arguments->prefill : 512;
    arguments->decode_tokens = arguments->decode_tokens ? arguments->decode_tokens : 64;
    arguments->repeats = arguments->repeats ? arguments->repeats : 5;
    return run_bench(arguments, &error) ? EXIT_PASS : command_error("bench", &error);
}

static const struct option_row options[] = {
    {"prefill", 0, "N", "Tokens of the prompt (default: 512)", GROUP_WORK, KIND_COUNT, AT(prefill), 1, 0},
    {"decode", 0, "N", "Tokens decoded after it, one by one (default: 64)", GROUP_WORK, KIND_COUNT, AT(decode_tokens),
     1, 0},
    {"repeats", 0, "N", "Repeats, of which the best counts (default: 5)", GROUP_WORK, KIND_COUNT, AT(repeats), 1, 0},
    {0},
};

const struct command command_bench = {
    .name = "bench",
    .does = "speed and memory of the engine on this machine",
    .args = "MODEL",
    .doc = "Speed of prefill and decoding, and peak memory, with weights kept in memory.",
    .least = 1,
    .most = 1,
    .sets = OPTIONS_MODEL,
    .options = options,
    .run = run,
};
