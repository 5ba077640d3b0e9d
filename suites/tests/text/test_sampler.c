/* Sampling: the processors against those of transformers, the generator against its definition, and draws against their
 * probabilities. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "base/json.h"
#include "text/sampler.h"

#define CASES ASSAY_SOURCE_DIR "/suites/data/sampler/cases.json"
#define WIDTH_MAX 64

static double number(const cJSON *object, const char *key)
{
    const cJSON *item = json_member(object, key);
    cr_assert(cJSON_IsNumber(item), "%s", key);
    return item->valuedouble;
}

static void check_case(const cJSON *row, size_t index)
{
    const cJSON *options = json_member(row, "options"), *item;
    const struct sampler_options given = {.temperature = number(options, "temperature"),
                                          .top_k = (size_t)number(options, "top_k"),
                                          .top_p = number(options, "top_p"),
                                          .min_p = number(options, "min_p"),
                                          .repetition_penalty = number(options, "repetition_penalty")};
    float logits[WIDTH_MAX];
    int history[WIDTH_MAX];
    size_t width = 0, count = 0, at = 0;
    struct error error = {0};
    cJSON_ArrayForEach(item, json_member(row, "logits")) logits[width++] = (float)item->valuedouble;
    cJSON_ArrayForEach(item, json_member(row, "history")) history[count++] = item->valueint;
    struct sampler *sampler = sampler_new(&given, &error);
    cr_assert(sampler && sampler_process(sampler, history, count, logits, width, &error), "%s", error_text(&error));
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(row, "scores"))
    {
        bool kept = cJSON_IsNumber(item);
        cr_expect_eq(kept, isfinite(logits[at]) != 0, "case %zu, token %zu: %g", index, at, (double)logits[at]);
        if (kept)
            cr_expect(fabs((double)logits[at] - item->valuedouble) <= 1e-6 * fabs(item->valuedouble),
                      "case %zu, token %zu: %.9g, not %.9g", index, at, (double)logits[at], item->valuedouble);
        at++;
    }
    cr_expect_eq(at, width);
    sampler_free(sampler);
}

Test(sampler, processors_are_those_of_transformers)
{
    struct error error = {0};
    cJSON *root = json_read(CASES, (size_t)1 << 20, &error);
    cr_assert(root, "%s", error_text(&error));
    size_t index = 0;
    const cJSON *row;
    cJSON_ArrayForEach(row, json_member(root, "cases")) check_case(row, index++);
    cr_expect(index >= 100, "%zu cases", index);
    cJSON_Delete(root);
}

/* The first values of xoshiro256** from the state 1, 2, 3, 4, worked out by hand from its definition:
 * rotl(2 * 5, 7) * 9 = 11520; then s1 = 0 ^ ..., and so on. */
Test(sampler, the_generator_is_xoshiro)
{
    struct sampler_stream stream = {{1, 2, 3, 4}};
    static const uint64_t expected[] = {11520, 0, 1509978240, 1215971899390074240u};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        cr_expect_eq(sampler_random(&stream), expected[i], "value %zu", i);
    struct sampler_stream a, b, c;
    sampler_seed(&a, 7, 0);
    sampler_seed(&b, 7, 0);
    sampler_seed(&c, 7, 1);
    double first = sampler_uniform(&a);
    cr_expect(first >= 0 && first < 1 && fabs(first - sampler_uniform(&b)) < 1e-18 &&
              fabs(first - sampler_uniform(&c)) > 1e-9);
}

Test(sampler, draws_follow_the_probabilities)
{
    const struct sampler_options options = {.temperature = 1, .top_p = 1, .repetition_penalty = 1};
    static const double shares[] = {0.5, 0.1, 0.25, 0.15};
    struct error error = {0};
    struct sampler *sampler = sampler_new(&options, &error);
    struct sampler_stream stream;
    enum { DRAWS = 40000 };
    size_t counts[4] = {0};
    sampler_seed(&stream, 1, 0);
    for (size_t i = 0; i < DRAWS; i++) {
        float logits[4];
        int next = -1;
        for (size_t k = 0; k < 4; k++)
            logits[k] = (float)log(shares[k]);
        cr_assert(sampler_next(sampler, &stream, NULL, 0, logits, 4, &next, &error) && next >= 0 && next < 4);
        counts[next]++;
    }
    for (size_t k = 0; k < 4; k++) {
        double deviation = sqrt(shares[k] * (1 - shares[k]) * DRAWS);
        cr_expect(fabs((double)counts[k] - shares[k] * DRAWS) < 5 * deviation, "token %zu: %zu", k, counts[k]);
    }
    sampler_free(sampler);
}

Test(sampler, greedy_and_what_cannot_be_drawn)
{
    const struct sampler_options greedy = {.top_k = 1, .top_p = 0.1, .repetition_penalty = 1};
    struct error error = {0};
    struct sampler *sampler = sampler_new(&greedy, &error);
    struct sampler_stream stream;
    float logits[3] = {1, 3, 3}, broken[3] = {1, NAN, 3}, endless[2] = {INFINITY, 0};
    int next = -1;
    sampler_seed(&stream, 1, 0);
    cr_expect(sampler_next(sampler, &stream, NULL, 0, logits, 3, &next, &error) && next == 1, "the first among equals");
    cr_expect(!sampler_next(sampler, &stream, NULL, 0, broken, 3, &next, &error));
    error_clear(&error);
    cr_expect(!sampler_next(sampler, &stream, NULL, 0, endless, 2, &next, &error));
    error_clear(&error);
    sampler_free(sampler);
}
