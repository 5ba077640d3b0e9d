/* What a key that a file does not have stands for, against what the original's configuration classes take it for. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/json.h"
#include "config_fixture.h"
#include "model/config_difference.h"
#include "model/family.h"

static struct model_config *config_of(const cJSON *root)
{
    struct error error = {0};
    struct model_config *config = config_parse("test", root, &error);
    cr_assert(config, "%s", error_text(&error));
    return config;
}

/* All that the two differ in, as text. */
static void differences_text(const struct model_config *a, const struct model_config *b, struct buffer *out)
{
    struct config_difference differences[CONFIG_DIFFERENCES_MAX];
    size_t count = config_differences(a, b, differences);
    buffer_text(out, "");
    for (size_t i = 0; i < count; i++) {
        config_difference_text(&differences[i], out);
        buffer_text(out, "; ");
    }
}

Test(configuration, absent_keys_are_what_the_original_takes_them_for)
{
    struct error error = {0};
    cJSON *rows = json_read(ASSAY_SOURCE_DIR "/suites/data/config_defaults.json", 1 << 20, &error), *row;
    cr_assert(rows && cJSON_GetArraySize(rows) >= 25, "%s", error_text(&error));
    cJSON_ArrayForEach(row, rows)
    {
        const char *type = cJSON_GetObjectItem(row, "model_type")->valuestring;
        cJSON *bare = cJSON_CreateObject();
        cJSON_AddStringToObject(bare, "model_type", type);
        struct model_config *here = config_of(bare), *there = config_of(row);
        struct buffer text = {0};
        differences_text(here, there, &text);
        cr_expect_str_empty(text.data, "%s, bare and whole: %s", type, text.data);
        /* the sizes that glm4_moe's class takes by default make heads of 42 values, of which it would rotate 21, and
         * deepseek_v2's chooses no expert */
        bool computed = strcmp(type, "glm4_moe") != 0 && strcmp(type, "deepseek_v2") != 0;
        cr_expect_str_eq(here->unsupported, there->unsupported, "%s", type);
        cr_expect(!*here->unsupported == computed, "%s: %s", type, here->unsupported);
        cr_expect_eq(here->context, there->context, "%s", type);
        buffer_free(&text);
        free(here);
        free(there);
        cJSON_Delete(bare);
    }
    cJSON_Delete(rows);
}

/* Keys of a family, each of which makes another model of it. */
static const struct {
    const char *base, *members, *says;
} key_rows[] = {
    {"gemma2", "'query_pre_attn_scalar': 64", "multiplier of scores"},
    {"gemma2", "'attn_logit_softcapping': null", "cap of scores is 50 here and 0 there"},
    {"gemma2", "'final_logit_softcapping': 20", "cap of logits"},
    {"gemma2", "'hidden_activation': 'gelu'", "hidden_act is gelu_pytorch_tanh here and gelu there"},
    {"gemma2", "'layer_types': ['full_attention', 'full_attention', 'full_attention', 'full_attention']",
     "sliding_window of layer 0 and 1 more"},
    {"gemma3_text", "'sliding_window_pattern': 2", "sliding_window of layer 1 and 1 more"},
    {"gemma3_text", "'rope_local_base_freq': 20000", "rope_theta of layers with a window"},
    {"gemma3_text", "'rope_theta': 20000", "rope_theta is 1000000 here and 20000 there"},
    {"gemma3_text", "'rope_scaling': {'rope_type': 'linear', 'factor': 8}", "rope_type is default here and linear"},
    {"gemma", "'hidden_act': 'gelu'", ""},
    {"gemma", "'hidden_act': 'silu'", "hidden_act"},
    {"deepseek_v3", "'q_lora_rank': null", "q_lora_rank is 1536 here and 0 there"},
    {"deepseek_v3", "'v_head_dim': 64", "v_head_dim is 128 here and 64 there"},
    {"deepseek_v3", "'qk_nope_head_dim': 64", "head_dim is 192 here and 128 there"},
    {"deepseek_v3", "'head_dim': 64", ""},
    {"deepseek_v3", "'rope_interleave': false", "rotation of neighbouring pairs"},
    {"deepseek_v3", "'rope_scaling': {'type': 'yarn', 'factor': 40, 'mscale': 1, 'mscale_all_dim': 1}",
     "multiplier of scores is 0.07216878364870323 here and 0.1352337788608801 there"},
    {"deepseek_v3", "'n_group': 1, 'topk_group': 1", "n_group is 8 here and 1 there"},
    {"glm4_moe_lite", "'mlp_layer_types': ['sparse', 'dense', 'sparse', 'sparse']", "layer 0"},
    {"gpt_oss", "'swiglu_limit': 3", "swiglu_limit is 7 here and 3 there"},
    {"gpt_oss", "'hidden_act': 'gelu'", ""},
    {"gpt_oss", "'attention_bias': false", "bias of q, k and v"},
    {"granite", "'embedding_multiplier': 12", "embedding_multiplier is 1 here and 12 there"},
    {"granite", "'residual_multiplier': 0.5", "residual_multiplier"},
    {"granite", "'attention_multiplier': 0.5", "multiplier of scores is 1 here"},
    {"granite", "'logits_scaling': 4", "multiplier of logits is 1 here and 0.25 there"},
    {"olmo3", "'rope_parameters': {'full_attention': {'rope_type': 'default', 'rope_theta': 1e4}}", "rope_theta is"},
    {"smollm3", "'no_rope_layer_interval': 2", "rotation of layer 1 is as of all here and none there"},
    {"smollm3", "'no_rope_layers': [0, 1, 1, 1]", "rotation of layer 0 and 1 more is as of all here and none there"},
    {"smollm3", "'use_sliding_window': true, 'sliding_window': 8", "sliding_window of layer 3 is none here and 8"},
    {"exaone4", "'sliding_window_pattern': 2", "rotation of layer 1 is as of all here and none there"},
    {"exaone4",
     "'sliding_window': null, 'layer_types': ['full_attention', 'full_attention', 'full_attention', "
     "'full_attention']",
     "rotation of layer 3 is none here and as of all there"},
    {"glm4", "'partial_rotary_factor': 1", "values of a head that are rotated is 64 here and 128 there"},
    {"glm4", "'attention_bias': false", "bias of q, k and v"},
    {"cohere2", "'logit_scale': 1", "multiplier of logits"},
    {"cohere2", "'head_dim': 64", ""},
    {"cohere2", "'layer_norm_eps': 1e-6", "eps"},
    {"phi3", "'rope_scaling': {'type': 'yarn', 'short_factor': [SHORT], 'long_factor': [SHORT]}", "longrope"},
    {"ernie4_5", "'use_bias': true", "mlp_bias"},
    {"starcoder2", "'use_bias': false",
     "bias of o is true here and false there; mlp_bias is true here and false there"},
    {"starcoder2", "'norm_epsilon': 1e-6", "eps"},
    {"starcoder2", "'sliding_window': 8", "sliding_window of layer 0 and 3 more"},
    {"gpt_neox", "'use_parallel_residual': false", "both blocks side by side is true here and false there"},
    {"gpt_neox", "'attention_bias': false", "bias of o is true here and false there"},
    {"gpt_neox", "'rotary_pct': 1", "values of a head that are rotated is 24 here and 96 there"},
    {"gpt_neox", "'rope_parameters': {'partial_rotary_factor': 0.5}", "rotated is 24 here and 48 there"},
    {"gpt_neox", "'rotary_emb_base': 1000", "rope_theta is 10000 here and 1000 there"},
    {"gpt_neox", "'num_key_value_heads': 8, 'head_dim': 8, 'rope_theta': 9, 'partial_rotary_factor': 1", ""},
    {"falcon", "'parallel_attn': false", "both blocks side by side is true here and false there"},
    {"falcon", "'parallel_attn': null", "post_attention_layernorm.weight is false here and true there"},
    {"falcon", "'new_decoder_architecture': true", "num_key_value_heads is 1 here and 71 there"},
    {"falcon", "'new_decoder_architecture': true, 'num_ln_in_parallel_attn': 1, 'num_kv_heads': 1", ""},
    {"falcon", "'new_decoder_architecture': true, 'num_kv_heads': 1", "post_attention_layernorm.weight is false here"},
    {"falcon", "'multi_query': false", "num_key_value_heads is 1 here and 71 there"},
    {"falcon", "'num_kv_heads': 71", ""},
    {"falcon", "'n_embed': 9088", "intermediate_size is 18176 here and 36352 there"},
    {"falcon", "'ffn_hidden_size': 64, 'intermediate_size': 8", "intermediate_size is 18176 here and 64 there"},
    {"falcon", "'bias': true", "mlp_bias is false here and true there"},
    {"gpt2", "'n_embd': 1536", "intermediate_size is 3072 here and 6144 there"},
    {"gpt2", "'n_inner': 8, 'intermediate_size': 16", "intermediate_size is 3072 here and 8 there"},
    {"gpt2", "'n_head': 6", "num_key_value_heads is 12 here and 6 there"},
    {"gpt2", "'num_attention_heads': 6, 'n_head': 12, 'scale_attn_weights': true, 'n_layer': 4", ""},
    {"gpt2", "'hidden_size': 1536", "hidden_size is 768 here and 1536 there"},
    {"gpt2", "'n_positions': 64", "positions is 1024 here and 64 there"},
    {"gpt2",
     "'rope_theta': 5, 'rope_scaling': {'type': 'x'}, 'num_key_value_heads': 3, 'reorder_and_upcast_attn': true", ""},
    {"arcee", "'hidden_act': 'relu'", "hidden_act is relu2 here and relu there"},
};

/* Of the family, with four layers, and these members; SHORT: 48 ones. */
static struct model_config *config_with(const char *type, const char *members)
{
    struct buffer text = {0};
    buffer_format(&text, "{'model_type': '%s', 'num_hidden_layers': 4%s", type, *members ? ", " : "");
    for (const char *at = members, *ones; *at; at = ones ? ones + strlen("SHORT") : at + strlen(at)) {
        ones = strstr(at, "SHORT");
        buffer_append(&text, at, ones ? (size_t)(ones - at) : strlen(at));
        for (int i = 0; ones && i < 48; i++)
            buffer_text(&text, i ? ",1" : "1");
    }
    buffer_text(&text, "}");
    cJSON *root = parse(text.data);
    struct model_config *config = config_of(root);
    cJSON_Delete(root);
    buffer_free(&text);
    return config;
}

Test(configuration, what_a_family_reads_makes_another_model)
{
    for (size_t i = 0; i < sizeof key_rows / sizeof *key_rows; i++) {
        struct model_config *here = config_with(key_rows[i].base, ""),
                            *there = config_with(key_rows[i].base, key_rows[i].members);
        struct buffer text = {0};
        differences_text(here, there, &text);
        if (*key_rows[i].says)
            cr_expect(strstr(text.data, key_rows[i].says), "%s, %s: '%s' lacks '%s'", key_rows[i].base,
                      key_rows[i].members, text.data, key_rows[i].says);
        else
            cr_expect_str_empty(text.data, "%s, %s: %s", key_rows[i].base, key_rows[i].members, text.data);
        buffer_free(&text);
        free(here);
        free(there);
    }
}
