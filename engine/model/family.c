#include "model/family.h"

#include <string.h>

#include "store/architecture.h"

#define QK_NORMS (WEIGHT_BIT(WEIGHT_Q_NORM) | WEIGHT_BIT(WEIGHT_K_NORM))

/* Sources: the configuration and modelling classes of the same names in Hugging Face transformers 5.23. */
static const struct family families[] = {
    {.name = "qwen3_omni_moe",
     .part = "thinker",
     .model_types = {"qwen3_omni_moe_text", "qwen3_omni_moe_thinker", "qwen3_omni_moe"},
     .norms = QK_NORMS,
     .bias = BIAS_ATTENTION_KEY,
     .experts = EXPERTS_BY_STEP,
     .window = WINDOW_NEVER,
     .absent = {.vocabulary = 3584,
                .hidden = 2048,
                .intermediate = 18944,
                .layers = 28,
                .heads = 28,
                .kv_heads = 4,
                .moe_intermediate = 768,
                .experts = 128,
                .experts_per_token = 8,
                .norm_topk = true,
                .context = 32768,
                .epsilon = 1e-6,
                .theta = 1e6}},
    {.name = "qwen3_moe",
     .model_types = {"qwen3_moe"},
     .norms = QK_NORMS,
     .bias = BIAS_ATTENTION_KEY,
     .experts = EXPERTS_BY_STEP,
     .window = WINDOW_SWITCHED,
     .absent = {.vocabulary = 151936,
                .hidden = 2048,
                .intermediate = 6144,
                .layers = 24,
                .heads = 32,
                .kv_heads = 4,
                .moe_intermediate = 768,
                .experts = 128,
                .experts_per_token = 8,
                .context = 32768,
                .epsilon = 1e-6,
                .theta = 1e4}},
    {.name = "qwen3",
     .model_types = {"qwen3"},
     .norms = QK_NORMS,
     .bias = BIAS_ATTENTION_KEY,
     .window = WINDOW_UPPER,
     .absent = {.vocabulary = 151936,
                .hidden = 4096,
                .intermediate = 22016,
                .layers = 32,
                .heads = 32,
                .kv_heads = 32,
                .head_dim = 128,
                .context = 32768,
                .epsilon = 1e-6,
                .theta = 1e4}},
    {.name = "qwen2",
     .model_types = {"qwen2"},
     .bias = BIAS_QKV_ALWAYS,
     .window = WINDOW_UPPER,
     .absent = {.vocabulary = 151936,
                .hidden = 4096,
                .intermediate = 22016,
                .layers = 32,
                .heads = 32,
                .kv_heads = 32,
                .context = 32768,
                .epsilon = 1e-6,
                .theta = 1e4}},
    {.name = "qwen2_moe",
     .model_types = {"qwen2_moe"},
     .bias = BIAS_QKV_KEY,
     .experts = EXPERTS_BY_STEP,
     .shared_expert = true,
     .window = WINDOW_ALTERNATING,
     .absent = {.vocabulary = 151936,
                .hidden = 2048,
                .intermediate = 5632,
                .layers = 24,
                .heads = 16,
                .kv_heads = 16,
                .moe_intermediate = 1408,
                .experts = 60,
                .experts_per_token = 4,
                .shared_intermediate = 5632,
                .context = 32768,
                .epsilon = 1e-6,
                .theta = 1e4}},
    {.name = "llama",
     .model_types = {"llama"},
     .bias = BIAS_ATTENTION_KEY,
     .mlp_bias_key = true,
     .window = WINDOW_NEVER,
     .absent = {.vocabulary = 32000,
                .hidden = 4096,
                .intermediate = 11008,
                .layers = 32,
                .heads = 32,
                .context = 2048,
                .epsilon = 1e-6,
                .theta = 1e4}},
    {.name = "mixtral",
     .model_types = {"mixtral"},
     .bias = BIAS_NEVER,
     .experts = EXPERTS_ALWAYS,
     .topk_always_normed = true,
     .window = WINDOW_ALWAYS,
     .absent = {.vocabulary = 32000,
                .hidden = 4096,
                .intermediate = 14336,
                .layers = 32,
                .heads = 32,
                .kv_heads = 8,
                .experts = 8,
                .experts_per_token = 2,
                .norm_topk = true,
                .context = 131072,
                .epsilon = 1e-5,
                .theta = 1e6}},
};

#define FAMILIES (sizeof families / sizeof *families)

const struct family *family_find(const char *model_type)
{
    for (size_t i = 0; i < FAMILIES; i++)
        for (size_t k = 0; k < 4 && families[i].model_types[k]; k++)
            if (strcmp(families[i].model_types[k], model_type) == 0)
                return &families[i];
    return NULL;
}

void family_list(struct buffer *out)
{
    for (size_t i = 0; i < FAMILIES; i++) {
        buffer_format(out, "%s%s", i ? ", " : "", families[i].name);
        if (families[i].part)
            buffer_format(out, " (%s)", families[i].part);
    }
}
