#include "golden_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "base/json.h"

#define CASES                                                                                                          \
    "[{\"id\":\"a\",\"ids\":[1,2]},{\"id\":\"b\",\"ids\":[3],\"prompt\":\"p\",\"greedy\":[4,5],\"perplexity\":2.5}]"

const char *write_golden(const struct entry *changes, size_t count, const struct plain_tensor *tensors,
                         size_t tensor_count)
{
    cJSON *metadata = cJSON_CreateObject();
    cJSON_AddStringToObject(metadata, "assay.golden", "1");
    cJSON_AddStringToObject(metadata, "producer", "test 1.0");
    cJSON_AddStringToObject(metadata, "dtype", "float64");
    cJSON_AddStringToObject(metadata, "cases", CASES);
    for (size_t i = 0; i < count; i++) {
        cJSON_DeleteItemFromObject(metadata, changes[i].key);
        if (changes[i].text)
            cJSON_AddStringToObject(metadata, changes[i].key, changes[i].text);
    }
    char *text = cJSON_PrintUnformatted(metadata);
    const char *path = scratch("golden.safetensors");
    write_tensors(path, tensors, tensor_count, text);
    cJSON_free(text);
    cJSON_Delete(metadata);
    return path;
}

struct golden *open_golden(const char *path)
{
    struct error error = {0};
    struct golden *golden = golden_open(path, &error);
    cr_assert(golden, "%s", error_text(&error));
    return golden;
}

struct model_config *nano_config(const char *model)
{
    struct error error = {0};
    char path[512];
    snprintf(path, sizeof path, NANO "%s/config.json", model);
    struct model_config *config = config_read(path, &error);
    cr_assert(config, "%s", error_text(&error));
    return config;
}
