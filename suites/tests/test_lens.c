/* What the model would say after every layer, and how sure it is of what it writes: against transformers' own numbers.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "diagnostics/generate.h"
#include "diagnostics/logits.h"

#define NANO ASSAY_SOURCE_DIR "/golden/nano/"
#define VECTORS ASSAY_SOURCE_DIR "/suites/data/lens/cases.json"

static struct subject open_nano(const char *name, bool exact)
{
    struct subject subject = {0};
    struct error error = {0};
    char path[512];
    snprintf(path, sizeof path, NANO "%s", name);
    struct subject_options options = {.model = path, .engine = {.threads = 2, .exact = exact}};
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
        struct subject subject = open_nano(json_member(item, "model")->valuestring, false);
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
    struct subject subject = open_nano("mixtral", true);
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
