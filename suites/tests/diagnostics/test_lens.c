/* What the model would say after every layer, and how sure it is of what it writes: against transformers' own numbers.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "activations/lens.h"
#include "activations/logits.h"
#include "base/json.h"
#include "diagnostics/check.h"
#include "faults/fault.h"
#include "math/distribution.h"
#include "run/generate.h"

#define NANO ASSAY_SOURCE_DIR "/golden/nano/"
#define VECTORS ASSAY_SOURCE_DIR "/suites/data/lens/cases.json"

/* With exact sums: what float32 sums come to depends on the processor. */
static struct subject open_nano(const char *name)
{
    struct subject subject = {0};
    struct error error = {0};
    char path[512];
    snprintf(path, sizeof path, NANO "%s", name);
    struct subject_options options = {.model = path, .engine = {.threads = 2, .exact = true}};
    cr_assert(subject_open(&options, &subject, &error) && subject_load(&subject, &error), "%s", error_text(&error));
    return subject;
}

static cJSON *read_vectors(void)
{
    struct error error = {0};
    cJSON *vectors = json_read(VECTORS, (size_t)1 << 20, &error);
    cr_assert(vectors, "%s", error_text(&error));
    return vectors;
}

static double number_at(const cJSON *object, const char *key, size_t index)
{
    const cJSON *item = cJSON_GetArrayItem(json_member(object, key), (int)index);
    cr_assert(cJSON_IsNumber(item), "%s[%zu]", key, index);
    return item->valuedouble;
}

Test(logits, entropy_of_a_distribution)
{
    const float even[4] = {7, 7, 7, 7}, sure[2] = {0, 1000}, halves[3] = {0, logf(2), logf(5)}, broken[2] = {1, NAN};
    double log_sum, expected = -(log(1 / 8.) / 8 + log(2 / 8.) * 2 / 8 + log(5 / 8.) * 5 / 8);
    cr_expect(fabs(logits_entropy(even, 4, &log_sum) - log(4)) < 1e-12 && fabs(log_sum - 7 - log(4)) < 1e-12);
    cr_expect(fabs(logits_entropy(sure, 2, &log_sum)) < 1e-12 && fabs(log_sum - 1000) < 1e-12);
    cr_expect(fabs(logits_entropy(halves, 3, &log_sum) - expected) < 1e-6 && fabs(log_sum - log(8)) < 1e-6);
    cr_expect(isnan(logits_entropy(broken, 2, &log_sum)));
}

#define STEPS 8

static struct generation written(struct subject *subject, const struct sampler_options *sampler)
{
    static char prompt[] = "Hello world";
    char *prompts[] = {prompt};
    struct error error = {0};
    struct generation generation = {0};
    const struct generation_request request = {
        .prompts = prompts, .count = 1, .most = STEPS, .sampler = *sampler, .seed = 3};
    cr_assert(generate(subject, &request, &generation, &error), "%s", error_text(&error));
    cr_assert_eq(generation.ids.count, STEPS);
    return generation;
}

Test(generate, is_as_sure_of_every_token_as_the_original)
{
    cJSON *vectors = read_vectors();
    const cJSON *item;
    cJSON_ArrayForEach(item, json_member(vectors, "models"))
    {
        struct subject subject = open_nano(json_member(item, "model")->valuestring);
        struct generation generation =
            written(&subject, &(struct sampler_options){.top_p = 1, .repetition_penalty = 1});
        const cJSON *one = cJSON_GetArrayItem(json_member(item, "cases"), 0);
        for (size_t i = 0; i < generation.prompt.count; i++)
            cr_assert_eq(generation.prompt.data[i], (int)number_at(one, "ids", i));
        for (size_t i = 0; i < STEPS; i++) {
            cr_expect_eq(generation.ids.data[i], (int)number_at(one, "greedy", i));
            cr_expect_float_eq(generation.steps[i].log_probability, number_at(one, "greedy_log_probability", i), 1e-5);
            cr_expect_float_eq(generation.steps[i].entropy, number_at(one, "greedy_entropy", i), 1e-5);
        }
        generations_free(&generation, 1);
        subject_free(&subject);
    }
    cJSON_Delete(vectors);
}

/* The logits of one pass over prompt and text. */
struct sureness {
    const int *ids;
    size_t first;
    struct generation_step steps[STEPS];
};

static bool sureness_see(void *context, const struct activation *activation, struct error *error)
{
    struct sureness *sureness = context;
    (void)error;
    for (size_t row = 0; activation->point == POINT_HEAD && row < activation->rows; row++) {
        size_t token = (size_t)activation->row_of[row].token;
        const float *logits = activation->values + row * activation->width;
        double sum = log_sum_exp(logits, activation->width), entropy = 0;
        for (size_t i = 0; i < activation->width; i++)
            entropy -= exp((double)logits[i] - sum) * ((double)logits[i] - sum);
        sureness->steps[token - sureness->first] = (struct generation_step){
            .log_probability = (double)logits[sureness->ids[token + 1]] - sum, .entropy = entropy};
    }
    return true;
}

/* Whatever the sampler does to the logits, these are the model's own. */
Test(generate, sampled_tokens_have_the_log_probability_of_the_raw_logits)
{
    struct subject subject = open_nano("mixtral");
    struct generation generation = written(
        &subject, &(struct sampler_options){.temperature = 2, .top_k = 40, .top_p = 0.9, .repetition_penalty = 1.5});
    struct error error = {0};
    struct ids ids = {0};
    cr_assert(ids_append(&ids, generation.prompt.data, generation.prompt.count) &&
              ids_append(&ids, generation.ids.data, STEPS));
    struct sureness sureness = {.ids = ids.data, .first = generation.prompt.count - 1};
    struct probe probe = {.see = sureness_see, .context = &sureness};
    const struct sequence sequence = {.ids = ids.data, .count = ids.count - 1, .logits_from = sureness.first};
    cr_assert(model_forward(subject.model, &sequence, 1, &probe, &error), "%s", error_text(&error));
    for (size_t i = 0; i < STEPS; i++) {
        cr_expect_float_eq(generation.steps[i].log_probability, sureness.steps[i].log_probability, 1e-5);
        cr_expect_float_eq(generation.steps[i].entropy, sureness.steps[i].entropy, 1e-5);
    }
    generations_free(&generation, 1);
    ids_free(&ids);
    subject_free(&subject);
}

/* The lens */

static bool lens_ride(void *context, size_t which, const struct part *part, struct error *error)
{
    (void)error;
    lens_see(context, which, part);
    return true;
}

#define TOP 3

/* Of one case, in pieces of `chunk` tokens. */
static struct lens *lens_of(struct subject *subject, const struct ids *ids, size_t chunk)
{
    struct error error = {0};
    struct lens *lens = lens_new(subject->config, TOP, &error);
    struct run *run = run_new(subject->model, &error);
    struct rider seat = {.see = lens_ride, .context = lens};
    cr_assert(lens_add(lens, "case", ids->count, NULL, 0, &error) &&
                  run_add(run, ids->data, ids->count, ids->count, seat, &error) &&
                  run_execute(run, "lens", chunk, &error) && lens_compute(lens, subject->model, NULL, &error),
              "%s", error_text(&error));
    run_free(run);
    return lens;
}

static void expect_case(struct subject *subject, const cJSON *expected, size_t chunk)
{
    struct ids ids = {0};
    for (const cJSON *id = json_member(expected, "ids")->child; id; id = id->next)
        cr_assert(ids_push(&ids, id->valueint));
    struct lens *lens = lens_of(subject, &ids, chunk);
    const struct lens_case *one = lens_at(lens, 0);
    const cJSON *layers = json_member(expected, "layers");
    cr_assert_eq(lens_layers(lens), (size_t)cJSON_GetArraySize(layers));
    cr_expect_eq(one->answer, json_member(expected, "answer")->valueint);
    cr_expect_eq(one->answer_of, ANSWER_OWN);
    for (size_t layer = 0; layer < lens_layers(lens); layer++) {
        const cJSON *row = cJSON_GetArrayItem(layers, (int)layer);
        const struct lens_point *point = &one->points[layer];
        cr_expect(point->seen && point->finite);
        cr_expect_float_eq(point->rank, json_member(row, "rank")->valuedouble, 0.1, "layer %zu: rank %g", layer,
                           point->rank);
        cr_expect_float_eq(point->log_probability, json_member(row, "log_probability")->valuedouble, 2e-5);
        for (size_t i = 0; i < TOP; i++) {
            cr_expect_eq(point->top[i].id, (int)number_at(row, "top", i), "layer %zu: token %zu", layer, i);
            cr_expect_float_eq(log(point->top[i].probability), number_at(row, "top_log_probability", i), 2e-5);
        }
    }
    lens_free(lens);
    ids_free(&ids);
}

Test(lens, is_that_of_the_original)
{
    static const size_t chunks[] = {0, 1, 3};
    cJSON *vectors = read_vectors();
    const cJSON *item, *one;
    cJSON_ArrayForEach(item, json_member(vectors, "models"))
    {
        struct subject subject = open_nano(json_member(item, "model")->valuestring);
        for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++)
            cJSON_ArrayForEach(one, json_member(item, "cases")) expect_case(&subject, one, chunks[i]);
        subject_free(&subject);
    }
    cJSON_Delete(vectors);
}

/* The last token's logits of a pass. */
struct last_logits {
    float *logits;
    size_t token;
};

static bool last_see(void *context, const struct activation *activation, struct error *error)
{
    struct last_logits *last = context;
    (void)error;
    for (size_t row = 0; activation->point == POINT_HEAD && row < activation->rows; row++)
        if ((size_t)activation->row_of[row].token == last->token)
            memcpy(last->logits, activation->values + row * activation->width,
                   activation->width * sizeof *last->logits);
    return true;
}

Test(lens, at_the_last_layer_says_what_the_head_says)
{
    static const char *const names[] = {"thinker", "qwen3", "llama", "qwen2_window", "mixtral", "qwen2_moe"};
    static int data[] = {39, 68, 347, 78, 272, 316, 75, 67, 12};
    struct ids ids = {.data = data, .count = sizeof data / sizeof *data};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct subject subject = open_nano(names[i]);
        struct error error = {0};
        size_t width = (size_t)subject.config->vocabulary;
        struct last_logits last = {.logits = malloc(width * sizeof(float)), .token = ids.count - 1};
        struct probe probe = {.see = last_see, .context = &last};
        const struct sequence sequence = {.ids = data, .count = ids.count};
        cr_assert(model_forward(subject.model, &sequence, 1, &probe, &error), "%s", error_text(&error));
        struct lens *lens = lens_of(&subject, &ids, 0);
        const struct lens_case *one = lens_at(lens, 0);
        const struct lens_point *point = &one->points[lens_layers(lens) - 1];
        double expected = (double)last.logits[one->answer] - log_sum_exp(last.logits, width);
        cr_expect_eq(one->answer, (int)largest_index(last.logits, width), "%s", names[i]);
        cr_expect(memcmp(&point->log_probability, &expected, sizeof expected) == 0, "%s: %.17g, not %.17g", names[i],
                  point->log_probability, expected);
        cr_expect(point->rank <= 1 && lens_first_layer(one->points, lens_layers(lens)) >= 0);
        lens_free(lens);
        free(last.logits);
        subject_free(&subject);
    }
}

Test(lens, first_layer_and_first_top)
{
    static const struct {
        double ranks[5];
        int layer, top;
    } rows[] = {{{9, 4, 1, 1, 1}, 2, 2},    {{1, 4, 1, 2, 1}, 4, 0},   {{1, 1, 1, 1, 1}, 0, 0},
                {{1, 1, 1, 1, 2}, -1, 0},   {{3, 3, 3, 3, 2}, -1, -1}, {{1, 1, 1, 1, NAN}, -1, 0},
                {{NAN, 1, NAN, 1, 1}, 3, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct lens_point points[5] = {0};
        for (size_t layer = 0; layer < 5; layer++)
            points[layer] = (struct lens_point){.seen = true, .finite = true, .rank = rows[i].ranks[layer]};
        cr_expect(lens_first_layer(points, 5) == rows[i].layer && lens_first_top(points, 5) == rows[i].top, "row %zu",
                  i);
    }
}

/* Findings `lens` of a nano model with a fault (NULL: none) against its gold. */
static struct findings judged(const char *name, const char *fault, const char *limit, double value)
{
    struct subject subject = {0};
    struct error error = {0};
    struct findings findings = {0};
    struct limits limits;
    char path[512], gold[512];
    snprintf(path, sizeof path, NANO "%s", name);
    snprintf(gold, sizeof gold, NANO "%s.golden.safetensors", name);
    struct subject_options options = {.model = path,
                                      .engine = {.threads = 2, .exact = true, .missing = MISSING_DEFAULT}};
    struct golden *golden = golden_open(gold, &error);
    struct check_request request = {.subject = &subject, .goldens = &golden, .golden_count = 1, .limits = &limits};
    request.wanted[DIAGNOSTIC_LENS] = true;
    cr_assert(golden && limits_init(&limits, &error), "%s", error_text(&error));
    cr_assert(!limit || (limits_set(&limits, limit_parse(limit), value, "a test", &error) &&
                         limits_set(&limits, LIMIT_CEILING, value, "a test", &error)));
    cr_assert(subject_open(&options, &subject, &error) &&
                  faults_lay(&subject, NULL, 0, &fault, fault != NULL, &error) &&
                  check_run(&request, &findings, &error),
              "%s", error_text(&error));
    golden_free(golden);
    limits_free(&limits);
    subject_free(&subject);
    return findings;
}

static double fact(const struct finding *finding, const char *name)
{
    for (size_t i = 0; i < finding->fact_count; i++)
        if (strcmp(finding->facts[i].name, name) == 0)
            return finding->facts[i].number;
    cr_assert_fail("no %s", name);
    return NAN;
}

static const struct finding *summary_of(const struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        if (strcmp(findings->items[i].check, "lens") == 0 && findings->items[i].summary)
            return &findings->items[i];
    cr_assert_fail("no summary");
    return NULL;
}

/* The earliest layer of any case where the lens is not gold's; -1: none. */
static int leaves_at(const struct findings *findings)
{
    int first = -1;
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        if (strcmp(finding->check, "lens") != 0 || finding->summary)
            continue;
        int layer = (int)fact(finding, "first_different_layer");
        first = layer >= 0 && (first < 0 || layer < first) ? layer : first;
    }
    return first;
}

Test(lens, of_an_intact_model_is_golds)
{
    static const char *const names[] = {"thinker", "qwen3", "llama", "mixtral", "qwen2_window"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct findings findings = judged(names[i], NULL, NULL, 0);
        const struct finding *summary = summary_of(&findings);
        cr_expect(summary->verdict == VERDICT_PASS && summary->has_measured && summary->measured <= 0, "%s", names[i]);
        cr_expect_eq(leaves_at(&findings), -1);
        for (size_t k = 0; k < findings.count; k++) {
            const struct finding *finding = &findings.items[k];
            if (strcmp(finding->check, "lens") != 0 || finding->summary)
                continue;
            const struct series *ranks = &finding->series[0];
            cr_assert(ranks->curve_count == 2 && strcmp(ranks->curves[1].name, "gold") == 0 && ranks->log_y);
            cr_expect_eq(finding->series_count, finding->series_count == 1 ? 1 : 3);
            for (size_t layer = 0; layer < ranks->points; layer++)
                cr_expect_float_eq(ranks->curves[0].values[layer], ranks->curves[1].values[layer], 0.1);
            cr_expect(fact(finding, "first_layer") >= 0);
            cr_expect_float_eq(fact(finding, "first_layer"), fact(finding, "gold_first_layer"), 0.1);
        }
        findings_free(&findings);
    }
}

/* Where a fault begins, there the lens leaves gold's (of four cases one at least); it warns and never fails. */
Test(lens, leaves_golds_where_the_model_breaks)
{
    static const struct {
        const char *name, *fault;
        int layer;
    } rows[] = {{"thinker", "swap-layers:1,2", 1},  {"thinker", "swap-layers:2,4", 2},
                {"thinker", "missing-norms:1", 1},  {"thinker", "missing-norms:2", 2},
                {"llama", "swap-layers:0,3", 0},    {"llama", "missing-norms:2", 2},
                {"qwen3", "random-attention:1", 1}, {"mixtral", "missing-norms:1", 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct findings findings = judged(rows[i].name, rows[i].fault, NULL, 0);
        const struct finding *summary = summary_of(&findings);
        cr_expect(summary->verdict == VERDICT_WARN && summary->measured > 0, "%s: %s", rows[i].name, rows[i].fault);
        cr_expect(strstr(summary->message, "differs from gold's from layer"), "%s", summary->message);
        cr_expect(leaves_at(&findings) == rows[i].layer, "%s, %s: at layer %d", rows[i].name, rows[i].fault,
                  leaves_at(&findings));
        cr_expect(findings_verdict(&findings) == VERDICT_WARN, "never a failure");
        findings_free(&findings);
    }
}

/* What gold cannot tell apart is a near-tie: here nothing can be, so everything is. */
Test(lens, near_ties_are_told_and_not_counted)
{
    struct findings findings = judged("thinker", "swap-layers:1,2", "layers.noise_multiple", 1e12);
    const struct finding *summary = summary_of(&findings);
    cr_expect(summary->verdict == VERDICT_PASS && summary->measured <= 0 && fact(summary, "near_ties") > 0, "%s",
              summary->message);
    findings_free(&findings);
    findings = judged("thinker", "swap-layers:1,2", "lens.top1", 1e3);
    cr_expect(summary_of(&findings)->verdict == VERDICT_PASS && summary_of(&findings)->measured > 0, "the limit");
    findings_free(&findings);
}

Test(lens, logits_that_are_not_finite_warn)
{
    struct findings findings = judged("llama", "nan:model.norm.weight", NULL, 0);
    const struct finding *summary = summary_of(&findings);
    cr_expect_eq(summary->verdict, VERDICT_WARN);
    for (size_t i = 0; i < findings.count; i++) {
        if (strcmp(findings.items[i].check, "lens") != 0 || findings.items[i].summary)
            continue;
        const struct series *ranks = &findings.items[i].series[0];
        for (size_t layer = 0; layer < ranks->points; layer++)
            cr_expect(isnan(ranks->curves[0].values[layer]));
    }
    findings_free(&findings);
}

/* A head that is absent says nothing: all tokens are equally likely, and the first of equals is the most likely. */
Test(lens, of_equals_the_first_is_the_most_likely)
{
    struct findings findings = judged("llama", "missing:lm_head.weight", NULL, 0);
    struct error error = {0};
    struct golden *golden = golden_open(NANO "llama.golden.safetensors", &error);
    for (size_t i = 0, which = 0; i < findings.count; i++) {
        const struct finding *finding = &findings.items[i];
        if (strcmp(finding->check, "lens") != 0 || finding->summary)
            continue;
        double expected = golden_case_at(golden, which++)->greedy[0] + 1;
        for (size_t layer = 0; layer < finding->series[0].points; layer++)
            cr_expect_float_eq(finding->series[0].curves[0].values[layer], expected, 0.1);
    }
    golden_free(golden);
    findings_free(&findings);
}
