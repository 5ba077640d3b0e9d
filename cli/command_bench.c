#include <stdio.h>

#include "base/json.h"
#include "base/progress.h"
#include "cli/command.h"
#include "cli/experts_print.h"
#include "cli/opening.h"
#include "cli/output.h"
#include "math/blas.h"
#include "run/timing.h"

static void bench_print(const struct subject *subject, bool json_wanted, const struct timing_request *request,
                        const struct timing *timing)
{
    double prefill = (double)request->prefill / timing->prefill, decode = (double)request->decode / timing->decode;
    double memory = memory_peak();
    int threads = pool_threads(workspace_pool(model_workspace(subject->model)));
    if (!json_wanted) {
        printf("prefill %zu tokens: %.1f tokens/s\ndecode %zu tokens: %.1f tokens/s\npeak memory: %.0f MB\nthreads: "
               "%d, %s\n",
               request->prefill, prefill, request->decode, decode, memory / 1e6, threads, blas_name());
        experts_print(subject->model, stdout);
        return;
    }
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "prefill_tokens", (double)request->prefill);
    cJSON_AddNumberToObject(json, "prefill_tokens_per_s", prefill);
    cJSON_AddNumberToObject(json, "decode_tokens", (double)request->decode);
    cJSON_AddNumberToObject(json, "decode_tokens_per_s", decode);
    cJSON_AddNumberToObject(json, "peak_memory_bytes", memory);
    cJSON_AddNumberToObject(json, "threads", threads);
    cJSON_AddStringToObject(json, "blas", blas_name());
    experts_json(subject->model, true, json);
    json_print(json, false);
}

static int run(struct arguments *arguments)
{
    struct subject subject = {0};
    struct timing timing;
    struct error error = {0};
    const struct timing_request request = {.prefill = arguments->prefill ? arguments->prefill : 512,
                                           .decode = arguments->decode_tokens ? arguments->decode_tokens : 64,
                                           .repeats = arguments->repeats ? arguments->repeats : 5};
    bool good = arguments_open(arguments, arguments->positional[0], MISSING_FAIL, false, &subject, &error) &&
                subject_load(&subject, &error) && timing_take(&subject, &request, &timing, &error);
    if (good)
        bench_print(&subject, arguments->json, &request, &timing);
    subject_free(&subject);
    return good ? EXIT_PASS : command_error("bench", &error);
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
