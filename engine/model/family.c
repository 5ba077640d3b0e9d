#include "model/family.h"

#include <string.h>

#include "store/architecture.h"

#define QK_NORMS (WEIGHT_BIT(WEIGHT_Q_NORM) | WEIGHT_BIT(WEIGHT_K_NORM))

#define MISTRAL                                                                                                        \
    {                                                                                                                  \
        .vocabulary = 32000, .hidden = 4096, .intermediate = 14336, .layers = 32, .heads = 32, .kv_heads = 8,          \
        .context = 131072, .window = 4096, .epsilon = 1e-6, .theta = 1e4                                               \
    }

#define QWEN2_VL                                                                                                       \
    {                                                                                                                  \
        .vocabulary = 152064, .hidden = 8192, .intermediate = 29568, .layers = 80, .heads = 64, .kv_heads = 8,         \
        .context = 32768, .window = 4096, .window_layers = 80, .epsilon = 1e-5, .theta = 1e6                           \
    }

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
                .window = 4096,
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
                .window = 4096,
                .window_layers = 28,
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
                .window = 4096,
                .window_layers = 28,
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
                .window = 4096,
                .window_layers = 28,
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
    {.name = "mistral",
     .model_types = {"mistral", "mistral3"},
     .typed = "ministral",
     .bias = BIAS_NEVER,
     .window = WINDOW_ALWAYS,
     .absent = MISTRAL},
    {.name = "ministral", .model_types = {"ministral"}, .bias = BIAS_NEVER, .window = WINDOW_TYPED, .absent = MISTRAL},
    {.name = "ministral3",
     .model_types = {"ministral3"},
     .bias = BIAS_NEVER,
     .window = WINDOW_ALWAYS,
     .query_temperature = true,
     .absent = {.vocabulary = 131072,
                .hidden = 4096,
                .intermediate = 14336,
                .layers = 34,
                .heads = 32,
                .kv_heads = 8,
                .head_dim = 128,
                .context = 262144,
                .epsilon = 1e-5,
                .theta = 1e4,
                .rope = "{\"rope_type\": \"yarn\", \"rope_theta\": 1000000.0, \"factor\": 16.0, "
                        "\"original_max_position_embeddings\": 16384, \"beta_fast\": 32.0, \"beta_slow\": 1.0, "
                        "\"mscale_all_dim\": 1.0, \"mscale\": 1.0, \"llama_4_scaling_beta\": 0.1}"}},
    {.name = "qwen2_vl",
     .part = "text",
     .model_types = {"qwen2_vl_text", "qwen2_vl"},
     .bias = BIAS_QKV_ALWAYS,
     .window = WINDOW_UPPER,
     .tied_inside = true,
     .absent = QWEN2_VL},
    {.name = "qwen2_5_vl",
     .part = "text",
     .model_types = {"qwen2_5_vl_text", "qwen2_5_vl"},
     .bias = BIAS_QKV_ALWAYS,
     .window = WINDOW_UPPER,
     .tied_inside = true,
     .absent = QWEN2_VL},
    {.name = "qwen2_5_omni",
     .part = "thinker",
     .model_types = {"qwen2_5_omni_text", "qwen2_5_omni_thinker", "qwen2_5_omni"},
     .bias = BIAS_QKV_ALWAYS,
     .window = WINDOW_UPPER,
     .absent = {.vocabulary = 152064,
                .hidden = 3584,
                .intermediate = 18944,
                .layers = 28,
                .heads = 28,
                .kv_heads = 4,
                .context = 32768,
                .window = 32768,
                .window_layers = 28,
                .epsilon = 1e-6,
                .theta = 1e6}},
    {.name = "qwen3_vl",
     .part = "text",
     .model_types = {"qwen3_vl_text", "qwen3_vl"},
     .norms = QK_NORMS,
     .bias = BIAS_ATTENTION_KEY,
     .window = WINDOW_NEVER,
     .absent = {.vocabulary = 151936,
                .hidden = 4096,
                .intermediate = 22016,
                .layers = 32,
                .heads = 32,
                .kv_heads = 32,
                .head_dim = 128,
                .context = 128000,
                .epsilon = 1e-6,
                .theta = 5e5}},
    {.name = "qwen3_vl_moe",
     .part = "text",
     .model_types = {"qwen3_vl_moe_text", "qwen3_vl_moe"},
     .norms = QK_NORMS,
     .bias = BIAS_ATTENTION_KEY,
     .experts = EXPERTS_BY_STEP,
     .topk_always_normed = true,
     .window = WINDOW_NEVER,
     .absent = {.vocabulary = 151936,
                .hidden = 2048,
                .intermediate = 5632,
                .layers = 24,
                .heads = 16,
                .kv_heads = 16,
                .moe_intermediate = 1408,
                .experts = 60,
                .experts_per_token = 4,
                .norm_topk = true,
                .context = 128000,
                .epsilon = 1e-6,
                .theta = 5e5}},
    {.name = "seed_oss",
     .model_types = {"seed_oss"},
     .bias = BIAS_APART,
     .mlp_bias_key = true,
     .window = WINDOW_NEVER,
     .absent = {.vocabulary = 155136,
                .hidden = 4096,
                .intermediate = 27648,
                .layers = 64,
                .heads = 80,
                .kv_heads = 8,
                .head_dim = 128,
                .context = 524288,
                .epsilon = 1e-6,
                .theta = 1e4}},
};

#define FAMILIES (sizeof families / sizeof *families)

static const struct whole_row {
    const char *model_type;
    bool tied;
} whole_rows[] = {
    {"mistral3", true},
};

const struct family *family_find(const char *model_type)
{
    for (size_t i = 0; i < FAMILIES; i++)
        for (size_t k = 0; k < 4 && families[i].model_types[k]; k++)
            if (strcmp(families[i].model_types[k], model_type) == 0)
                return &families[i];
    return NULL;
}

bool family_whole_tied(const char *model_type)
{
    for (size_t i = 0; i < sizeof whole_rows / sizeof *whole_rows; i++)
        if (strcmp(whole_rows[i].model_type, model_type) == 0)
            return whole_rows[i].tied;
    return false;
}

void family_list(struct buffer *out)
{
    for (size_t i = 0; i < FAMILIES; i++) {
        buffer_format(out, "%s%s", i ? ", " : "", families[i].name);
        if (families[i].part)
            buffer_format(out, " (%s)", families[i].part);
    }
}
