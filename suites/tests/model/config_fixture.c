#include "config_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/model_internal.h"

#define THINKER_TEXT "'text_config': {'model_type': 'qwen3_omni_moe_text', " FOUR ", " EXPERTS "}"
#define THINKER                                                                                                        \
    "{'model_type': 'qwen3_omni_moe', 'thinker_config': {'model_type': 'qwen3_omni_moe_thinker', " THINKER_TEXT "}}"
#define THINKER_FIELDS                                                                                                 \
    "type qwen3_omni_moe_text vocab 50 hidden 24 heads 4/2x6 dense 0 experts 6/2x10+0 eps 1e-06 bias 000 norms 1 "     \
    "topk 1 "                                                                                                          \
    "tied 0 sparse 1111 window 0,0,0,0 rope e587006c"

const struct base_row base_rows[BASES] = {
    [BARE] = {"{}", {0}, ""},
    [QWEN2] =
        {"{'model_type': 'qwen2', " FOUR "}",
         {0},
         "type qwen2 vocab 50 hidden 24 heads 4/2x6 dense 20 experts 0/0x0+0 eps 1e-06 bias 100 norms 0 topk 0 tied 0 "
         "sparse 0000 window 0,0,0,0 rope b8605c20"},
    [QWEN3] = {"{'model_type': 'qwen3', " FOUR "}",
               {0},
               "type qwen3 vocab 50 hidden 24 heads 4/2x128 dense 20 experts 0/0x0+0 eps 1e-06 bias 000 norms 1 topk 0 "
               "tied 0 "
               "sparse 0000 window 0,0,0,0 rope 4789d9f7"},
    [LLAMA] =
        {"{'model_type': 'llama', 'num_hidden_layers': 3, " SMALL "}",
         {0},
         "type llama vocab 50 hidden 24 heads 4/2x6 dense 20 experts 0/0x0+0 eps 1e-06 bias 000 norms 0 topk 0 tied 0 "
         "sparse 000 window 0,0,0 rope b8605c20"},
    [MIXTRAL] =
        {"{'model_type': 'mixtral', 'num_hidden_layers': 3, " SMALL "}",
         {0},
         "type mixtral vocab 50 hidden 24 heads 4/2x6 dense 0 experts 8/2x20+0 eps 1e-05 bias 000 norms 0 topk 1 "
         "tied 0 sparse 111 window 0,0,0 rope e587006c"},
    [QWEN2_MOE] =
        {"{'model_type': 'qwen2_moe', 'shared_expert_intermediate_size': 14, " FOUR ", " EXPERTS "}",
         {0},
         "type qwen2_moe vocab 50 hidden 24 heads 4/2x6 dense 0 experts 6/2x10+14 eps 1e-06 bias 100 norms 0 topk 0 "
         "tied 0 sparse 1111 window 0,0,0,0 rope b8605c20"},
    [QWEN3_MOE] =
        {"{'model_type': 'qwen3_moe', " FOUR ", " EXPERTS "}",
         {0},
         "type qwen3_moe vocab 50 hidden 24 heads 4/2x6 dense 0 experts 6/2x10+0 eps 1e-06 bias 000 norms 1 topk 0 "
         "tied 0 sparse 1111 window 0,0,0,0 rope b8605c20"},
    [TEXT] = {THINKER, {"thinker_config", "text_config"}, THINKER_FIELDS},
    [OUTER] = {THINKER, {"thinker_config"}, THINKER_FIELDS},
    [ROOT] = {THINKER, {0}, THINKER_FIELDS},
    [ALONE] = {"{'model_type': 'qwen3_omni_moe_thinker', " THINKER_TEXT "}", {0}, THINKER_FIELDS},
    [VL] = {"{'model_type': 'qwen3_vl', 'text_config': {'model_type': 'qwen3_vl_text', 'num_hidden_layers': 3, " SMALL
            "}}",
            {"text_config"},
            "type qwen3_vl_text vocab 50 hidden 24 heads 4/2x128 dense 20 experts 0/0x0+0 eps 1e-06 bias 000 norms 1 "
            "topk 0 tied 0 sparse 000 window 0,0,0 rope 7db6831e"},
};

cJSON *parse(const char *text)
{
    char *copy = strdup(text);
    for (char *at = copy; *at; at++)
        *at = *at == '\'' ? '"' : *at;
    struct error error = {0};
    cJSON *json = json_parse("test", copy, strlen(copy), &error);
    cr_assert(json, "%s: %s", text, error_text(&error));
    free(copy);
    return json;
}

cJSON *build(enum base base, const char *members)
{
    cJSON *root = parse(base_rows[base].json), *object = root, *item;
    for (size_t i = 0; i < 2 && base_rows[base].path[i]; i++)
        object = cJSON_GetObjectItemCaseSensitive(object, base_rows[base].path[i]);
    char text[1024];
    snprintf(text, sizeof text, "{%s}", members);
    cJSON *set = parse(text);
    cJSON_ArrayForEach(item, set)
    {
        cJSON_DeleteItemFromObjectCaseSensitive(object, item->string);
        if (!cJSON_IsString(item) || strcmp(item->valuestring, "-") != 0)
            cJSON_AddItemToObject(object, item->string, cJSON_Duplicate(item, true));
    }
    cJSON_Delete(set);
    return root;
}

unsigned rope_hash(const struct model_config *config, size_t length)
{
    size_t count = (size_t)config->head_dim / 2;
    float *frequencies = malloc(count * sizeof *frequencies);
    rope_frequencies(config, length, frequencies);
    unsigned hash = 2166136261u;
    for (size_t i = 0; i < count * sizeof *frequencies; i++)
        hash = (hash ^ ((unsigned char *)frequencies)[i]) * 16777619u;
    free(frequencies);
    return hash;
}
