/* What says how a model is built and how it is judged: configurations, suites, rules; and the texts that are judged. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "model/config_difference.h"
#include "place.h"
#include "quality/quality.h"
#include "run/chat.h"
#include "run/subject.h"
#include "suites/suite.h"
#include "target.h"

#define NANO "golden/nano/llama"

/* The weights of a small model under this configuration. */
static void load_under(const char *path)
{
    struct error error = {0};
    struct subject subject;
    const struct subject_options options = {
        .model = ASSAY_SOURCE_DIR "/" NANO, .config = path, .engine = {.missing = MISSING_DEFAULT, .threads = 1}};
    if (subject_open(&options, &subject, &error))
        subject_load(&subject, &error);
    subject_free(&subject);
    error_clear(&error);
}

void fuzz_config(const uint8_t *data, size_t size)
{
    struct error error = {0};
    struct buffer text = {0};
    const char *path = place_file("config.json", data, size);
    struct model_config *config = config_read(path, &error);
    if (config) {
        config_summary(config, &text);
        struct config_difference differences[CONFIG_DIFFERENCES_MAX];
        (void)config_differences(config, config, differences);
        load_under(path);
    }
    free(config);
    buffer_free(&text);
    error_clear(&error);
}

/* The tokenizer_config.json beside a tokenizer: which template, and which tokens it knows by name. */
void fuzz_chat(const uint8_t *data, size_t size)
{
    struct error error = {0};
    struct subject subject;
    struct ids ids = {0};
    struct buffer text = {0};
    place_copy("chat/tokenizer.json", NANO "/tokenizer.json");
    place_file("chat/tokenizer_config.json", data, size);
    const struct subject_options options = {
        .model = ASSAY_SOURCE_DIR "/" NANO,
        .tokenizer = place("chat"),
        .engine = {.missing = MISSING_DEFAULT, .threads = 1},
    };
    if (subject_open(&options, &subject, &error))
        subject_chat(&subject, "Be brief.", "Hello?", &ids, &text, &error);
    subject_free(&subject);
    ids_free(&ids);
    buffer_free(&text);
    error_clear(&error);
}

void fuzz_suite(const uint8_t *data, size_t size)
{
    struct error error = {0};
    struct suite suite;
    suite_open(place_file("suite.json", data, size), &suite, &error);
    suite_free(&suite);
    error_clear(&error);
}

void fuzz_rules(const uint8_t *data, size_t size)
{
    struct error error = {0};
    struct quality *quality = quality_open(place_file("rules.json", data, size), &error);
    quality_free(quality);
    error_clear(&error);
}

/* What a line of a file of texts, or a suite, says is expected. */
void fuzz_expects(const uint8_t *data, size_t size)
{
    static const char text[] = "The quick brown fox, caf\xC3\xA9 42.";
    struct error error = {0};
    struct expects expects = {0};
    cJSON *json = json_parse("line", (const char *)data, size, &error);
    if (json && expects_parse("line", json, &expects, &error))
        for (size_t i = 0; i < expects.matches.count; i++)
            pattern_list_find(&expects.matches, i, text, sizeof text - 1);
    expects_free(&expects);
    cJSON_Delete(json);
    error_clear(&error);
}

void fuzz_text(const uint8_t *data, size_t size)
{
    static struct quality *quality;
    struct error error = {0};
    struct judgement judgement = {0};
    if (!quality)
        quality = quality_open(NULL, &error);
    if (quality &&
        quality_judge(quality,
                      &(struct quality_text){.text = (const char *)data, .size = size, .prompt = "What is it?"},
                      &judgement, &error))
        for (size_t i = 0; i < judgement.hit_count; i++)
            (void)strlen(judgement.hits[i].rule);
    judgement_free(&judgement);
    error_clear(&error);
}
