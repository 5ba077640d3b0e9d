#include "engine_fixture.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "limits/comparator.h"

const struct nano nanos[NANOS] = {
    {"thinker", "thinker"},
    {"thinker-extraction", "thinker"},
    {"qwen3_moe", "qwen3_moe"},
    {"qwen3", "qwen3"},
    {"llama", "llama"},
    {"qwen2", "qwen2"},
    {"qwen2_window", "qwen2_window"},
    {"qwen2_moe", "qwen2_moe"},
    {"mixtral", "mixtral"},
    {"mistral", "mistral"},
    {"seed_oss", "seed_oss"},
    {"qwen3_vl_moe", "qwen3_vl_moe"},
    {"ministral3", "ministral3"},
    {"longrope", "longrope"},
    {"dynamic", "dynamic"},
    {"gemma2", "gemma2"},
    {"gemma3", "gemma3"},
    {"granite", "granite"},
    {"olmo3", "olmo3"},
    {"smollm3", "smollm3"},
    {"exaone4", "exaone4"},
    {"glm4", "glm4"},
    {"cohere2", "cohere2"},
    {"phi3", "phi3"},
    {"arcee", "arcee"},
    {"granitemoe", "granitemoe"},
    {"olmoe", "olmoe"},
    {"hunyuan_v1_dense", "hunyuan_v1_dense"},
    {"glm4_moe", "glm4_moe"},
    {"minimax_m2", "minimax_m2"},
    {"gpt_oss", "gpt_oss"},
    {"deepseek_v2", "deepseek_v2"},
    {"qwen3_next", "qwen3_next"},
    {"deepseek_v3", "deepseek_v3"},
    {"starcoder2", "starcoder2"},
    {"gpt_neox", "gpt_neox"},
    {"falcon", "falcon"},
    {"gpt2", "gpt2"},
};

size_t place_of(enum point point, int layer)
{
    return (size_t)(layer + 1) * POINT_COUNT + (size_t)point;
}

enum point place_point(size_t place)
{
    return (enum point)(place % POINT_COUNT);
}

int place_layer(size_t place)
{
    return (int)(place / POINT_COUNT) - 1;
}

bool place_exists(const struct bench *bench, size_t place)
{
    return point_exists(bench->config, place_point(place), place_layer(place));
}

/* All NaN. */
static struct trace *trace_new(const struct bench *bench)
{
    struct trace *trace = calloc(1, sizeof *trace);
    trace->places = bench->places;
    trace->values = calloc(bench->places, sizeof *trace->values);
    for (size_t place = 0; place < bench->places; place++) {
        if (!place_exists(bench, place))
            continue;
        size_t count = bench->first[bench->cases] * point_width(bench->config, place_point(place), NULL);
        trace->values[place] = malloc(count * sizeof(float));
        for (size_t i = 0; i < count; i++)
            trace->values[place][i] = NAN;
    }
    return trace;
}

void trace_free(struct trace *trace)
{
    for (size_t place = 0; trace && place < trace->places; place++)
        free(trace->values[place]);
    if (trace)
        free(trace->values);
    free(trace);
}

static void bench_read_gold(struct bench *bench)
{
    struct error error = {0};
    bench->gold = trace_new(bench);
    for (size_t place = 0; place < bench->places; place++) {
        char path[POINT_PATH];
        if (!bench->gold->values[place])
            continue;
        size_t width = point_width(bench->config, place_point(place), NULL);
        point_path(place_point(place), place_layer(place), path);
        for (size_t i = 0; i < bench->cases; i++) {
            const struct golden_tensor *tensor = golden_find(bench->golden, i, path);
            cr_assert(tensor, "%s: gold lacks %s", bench->name, path);
            cr_assert(golden_read_rows(bench->golden, tensor, 0, tensor->rows,
                                       bench->gold->values[place] + bench->first[i] * width, &error),
                      "%s", error_text(&error));
        }
    }
}

void bench_load(struct bench *bench)
{
    struct error error = {0};
    model_free(bench->model);
    bench->model = model_open(bench->weights, bench->config, &bench->options, &error);
    cr_assert(bench->model, "%s: %s", bench->name, error_text(&error));
}

struct bench bench_open(const char *weights, const char *model)
{
    struct bench bench = {.name = weights, .options = {.threads = 2, .exact = true}};
    struct error error = {0};
    char path[512];
    cr_assert(blas_prove(&error), "%s", error_text(&error));
    snprintf(path, sizeof path, "%s/golden/nano/%s", ASSAY_SOURCE_DIR, weights);
    bench.store = store_open(path, &error);
    cr_assert(bench.store, "%s", error_text(&error));
    snprintf(path, sizeof path, "%s/golden/nano/%s/config.json", ASSAY_SOURCE_DIR, model);
    bench.config = config_read(path, &error);
    cr_assert(bench.config, "%s", error_text(&error));
    snprintf(path, sizeof path, "%s/golden/nano/%s.golden.safetensors", ASSAY_SOURCE_DIR, model);
    bench.golden = golden_open(path, &error);
    cr_assert(bench.golden, "%s", error_text(&error));
    bench.weights = bench.store;
    bench.cases = golden_case_count(bench.golden);
    bench.first = calloc(bench.cases + 1, sizeof *bench.first);
    for (size_t i = 0; i < bench.cases; i++)
        bench.first[i + 1] = bench.first[i] + golden_case_at(bench.golden, i)->count;
    bench.places = place_of(POINT_COUNT - 1, bench.config->layers - 1) + 1;
    bench_read_gold(&bench);
    bench_load(&bench);
    return bench;
}

void bench_close(struct bench *bench)
{
    model_free(bench->model);
    trace_free(bench->gold);
    golden_free(bench->golden);
    free(bench->first);
    free(bench->config);
    store_free(bench->store);
}

struct recorder {
    const struct bench *bench;
    struct trace *trace;
    enum splice splice;
    const size_t *members; /* sequence of the pass -> case */
    const size_t *passed;  /* tokens of each case in earlier passes */
};

static bool recorder_see(void *context, const struct activation *activation, struct error *error)
{
    const struct recorder *recorder = context;
    size_t place = place_of(activation->point, activation->layer), width = activation->width;
    bool splice =
        recorder->splice == SPLICE_POINTS || (recorder->splice == SPLICE_LAYERS && activation->point == POINT_LAYER);
    if (!recorder->trace->values[place])
        return error_set(error, "a place that the configuration does not have");
    for (size_t row = 0; row < activation->rows; row++) {
        size_t which = recorder->members[activation->row_of[row].sequence];
        size_t at = recorder->bench->first[which] + recorder->passed[which] + (size_t)activation->row_of[row].token;
        memcpy(recorder->trace->values[place] + at * width, activation->values + row * width, width * sizeof(float));
        if (splice)
            memcpy(activation->values + row * width, recorder->bench->gold->values[place] + at * width,
                   width * sizeof(float));
    }
    return true;
}

/* Cases of `members`, `count` of them, in one batch. */
static void bench_feed(const struct bench *bench, const struct feed *feed, const size_t *members, size_t count,
                       struct trace *trace)
{
    struct error error = {0};
    struct kv **kv = calloc(bench->cases, sizeof(struct kv *));
    size_t *passed = calloc(bench->cases, sizeof *passed), *now = calloc(count, sizeof *now), left = count;
    struct sequence *sequences = calloc(count, sizeof *sequences);
    while (left) {
        size_t going = 0;
        for (size_t i = 0; i < count; i++) {
            const struct golden_case *which = golden_case_at(bench->golden, members[i]);
            size_t rest = which->count - passed[members[i]];
            if (!rest)
                continue;
            if ((feed->chunk || feed->cached) && !kv[members[i]])
                kv[members[i]] = kv_new(bench->config, which->count, &error);
            sequences[going] = (struct sequence){.ids = which->ids + passed[members[i]],
                                                 .count = feed->chunk && feed->chunk < rest ? feed->chunk : rest,
                                                 .kv = kv[members[i]],
                                                 .whole = which->count};
            now[going++] = members[i];
        }
        struct recorder recorder = {
            .bench = bench, .trace = trace, .splice = feed->splice, .members = now, .passed = passed};
        struct probe probe = {.see = recorder_see, .context = &recorder};
        cr_assert(model_forward(bench->model, sequences, going, &probe, &error), "%s: %s", bench->name,
                  error_text(&error));
        for (size_t i = 0; i < going; i++) {
            passed[now[i]] += sequences[i].count;
            left -= passed[now[i]] == golden_case_at(bench->golden, now[i])->count;
        }
    }
    for (size_t i = 0; i < bench->cases; i++)
        kv_free(kv[i]);
    free(kv);
    free(passed);
    free(now);
    free(sequences);
}

struct trace *bench_run(const struct bench *bench, struct feed feed)
{
    struct trace *trace = trace_new(bench);
    size_t *members = calloc(bench->cases, sizeof *members);
    for (size_t i = 0; i < bench->cases; i++)
        members[i] = feed.reversed ? bench->cases - 1 - i : i;
    for (size_t i = 0; feed.alone && i < bench->cases; i++)
        bench_feed(bench, &feed, &members[i], 1, trace);
    if (!feed.alone)
        bench_feed(bench, &feed, members, bench->cases, trace);
    free(members);
    return trace;
}

double trace_distance(const struct bench *bench, const struct trace *subject, const struct trace *gold, size_t place,
                      size_t which)
{
    struct comparison comparison = {0};
    size_t width = point_width(bench->config, place_point(place), NULL), at = bench->first[which] * width;
    comparison_add(&comparison, subject->values[place] + at, gold->values[place] + at,
                   (bench->first[which + 1] - bench->first[which]) * width);
    return comparison_relative(&comparison);
}

bool trace_same_bits(const struct bench *bench, const struct trace *a, const struct trace *b)
{
    for (size_t place = 0; place < bench->places; place++)
        if (a->values[place] && memcmp(a->values[place], b->values[place],
                                       bench->first[bench->cases] *
                                           point_width(bench->config, place_point(place), NULL) * sizeof(float)) != 0)
            return false;
    return true;
}

bool trace_equal(const struct bench *bench, const struct trace *a, const struct trace *b)
{
    for (size_t place = 0; place < bench->places; place++) {
        size_t count = bench->first[bench->cases] * point_width(bench->config, place_point(place), NULL);
        for (size_t i = 0; a->values[place] && i < count; i++)
            if (!(a->values[place][i] >= b->values[place][i] && a->values[place][i] <= b->values[place][i]))
                return false;
    }
    return true;
}
