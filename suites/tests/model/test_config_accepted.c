/* What config.json says, against what transformers makes of it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_fixture.h"
#include "model/model_internal.h"

/* Members to set ('-' removes one), and the fields that then differ from the base's. Made with transformers 5.23 from
 * the modules that its model classes build for the same JSON (widths of the projections, their biases, the layers that
 * have experts, the masks they are given, the bits of inv_freq), not by the engine; with ATEN_CPU_CAPABILITY=default,
 * since the vector pow of torch is a bit off for one frequency in a hundred. */
static const struct accepted_row {
    enum base base;
    const char *members;
    const char *fields;
} accepted_rows[] = {
    {BARE,
     "'model_type': 'qwen3_omni_moe', 'thinker_config': {'model_type': 'qwen3_omni_moe_thinker', 'text_config': "
     "{'model_type': 'qwen3_omni_moe_text', 'num_hidden_layers': 3, 'head_dim': 128}}",
     "type qwen3_omni_moe_text vocab 3584 hidden 2048 heads 28/4x128 dense 0 experts 128/8x768+0 eps 1e-06 bias 000 "
     "norms 1 "
     "topk 1 tied 0 sparse 111 window 0,0,0 rope fa3dbee4"},
    {LLAMA, "'partial_rotary_factor': 0.5", ""},
    {LLAMA, "'rope_parameters': {'rope_type': 'default', 'partial_rotary_factor': 0.5}", ""},
    {BARE, "'model_type': 'qwen2', 'num_hidden_layers': 3",
     "type qwen2 vocab 151936 hidden 4096 heads 32/32x128 dense 22016 experts 0/0x0+0 eps 1e-06 bias 100 norms 0 topk "
     "0 "
     "tied 0 sparse 000 window 0,0,0 rope 4789d9f7"},
    {BARE, "'model_type': 'qwen3', 'num_hidden_layers': 3",
     "type qwen3 vocab 151936 hidden 4096 heads 32/32x128 dense 22016 experts 0/0x0+0 eps 1e-06 bias 000 norms 1 topk "
     "0 "
     "tied 0 sparse 000 window 0,0,0 rope 4789d9f7"},
    {BARE, "'model_type': 'llama', 'num_hidden_layers': 3",
     "type llama vocab 32000 hidden 4096 heads 32/32x128 dense 11008 experts 0/0x0+0 eps 1e-06 bias 000 norms 0 topk 0 "
     "tied 0 sparse 000 window 0,0,0 rope 4789d9f7"},
    {BARE, "'model_type': 'mixtral', 'num_hidden_layers': 3",
     "type mixtral vocab 32000 hidden 4096 heads 32/8x128 dense 0 experts 8/2x14336+0 eps 1e-05 bias 000 norms 0 topk "
     "1 "
     "tied 0 sparse 111 window 0,0,0 rope fa3dbee4"},
    {BARE, "'model_type': 'qwen2_moe', 'num_hidden_layers': 3",
     "type qwen2_moe vocab 151936 hidden 2048 heads 16/16x128 dense 0 experts 60/4x1408+5632 eps 1e-06 bias 100 norms "
     "0 "
     "topk 0 tied 0 sparse 111 window 0,0,0 rope 4789d9f7"},
    {BARE, "'model_type': 'qwen3_moe', 'num_hidden_layers': 3",
     "type qwen3_moe vocab 151936 hidden 2048 heads 32/4x64 dense 0 experts 128/8x768+0 eps 1e-06 bias 000 norms 1 "
     "topk 0 "
     "tied 0 sparse 111 window 0,0,0 rope d97fd827"},
    {QWEN2, "", ""},
    {QWEN2, "'head_dim': 10", "heads 4/2x10 rope ca24d70c"},
    {QWEN2, "'num_key_value_heads': null", "heads 4/4x6"},
    {QWEN2, "'num_key_value_heads': '-', 'num_attention_heads': 32, 'hidden_size': 64",
     "hidden 64 heads 32/32x2 rope 1b587698"},
    {QWEN2, "'use_sliding_window': true, 'sliding_window': 5, 'max_window_layers': 2", "window 0,0,5,5"},
    {QWEN2, "'use_sliding_window': true, 'sliding_window': 5", ""},
    {QWEN2, "'use_sliding_window': false, 'sliding_window': 5, 'max_window_layers': 0", ""},
    {QWEN2, "'use_sliding_window': true, 'max_window_layers': 1", "window 0,4096,4096,4096"},
    {QWEN2,
     "'use_sliding_window': true, 'sliding_window': 7, 'max_window_layers': 0, 'layer_types': ['full_attention', "
     "'sliding_attention', 'full_attention', 'sliding_attention']",
     "window 0,7,0,7"},
    {QWEN2, "'use_sliding_window': true, 'sliding_window': null, 'max_window_layers': 1", ""},
    {QWEN2, "'tie_word_embeddings': true, 'rope_theta': 12345.5", "tied 1 rope e36edb10"},
    {QWEN2, "'attention_bias': false", ""},
    {QWEN2, "'qkv_bias': false", ""},
    {QWEN3, "", ""},
    {QWEN3, "'head_dim': 6", "heads 4/2x6 rope b8605c20"},
    {QWEN3, "'attention_bias': true", "bias 110"},
    {QWEN3, "'use_sliding_window': true, 'sliding_window': 3, 'max_window_layers': 3", "window 0,0,0,3"},
    {QWEN3, "'rope_parameters': {'rope_type': 'linear', 'factor': 2.5, 'rope_theta': 5000.0}", "rope 3d6591a7"},
    {QWEN3, "'rope_scaling': {'type': 'linear', 'factor': 4}, 'rope_theta': 1000000", "rope 3e63b756"},
    {QWEN3, "'rope_scaling': {}, 'rope_parameters': {'rope_type': 'linear', 'factor': 2.5, 'rope_theta': 5000.0}",
     "rope 3d6591a7"},
    {QWEN3, "'rope_scaling': null, 'rope_parameters': {'rope_theta': 777.0}", "rope c5c75b2c"},
    {QWEN3, "'rope_parameters': {'rope_theta': 777.0, 'rope_type': 'default'}, 'rope_theta': 333.0", "rope c5c75b2c"},
    {QWEN3, "'rope_scaling': {'rope_type': 'linear', 'factor': 2.0, 'rope_theta': 50.0}, 'rope_theta': 333.0",
     "rope a41c738f"},
    {QWEN3, "'rope_scaling': {'type': 'default', 'rope_type': 'linear', 'factor': 2.0}", "rope 29df9c6c"},
    {QWEN3,
     "'rope_scaling': {'rope_type': 'linear', 'factor': 2.0}, 'rope_parameters': {'rope_theta': 99.0, "
     "'rope_type': 'default'}",
     "rope 29df9c6c"},
    {LLAMA, "", ""},
    {LLAMA, "'num_key_value_heads': '-'", "heads 4/4x6"},
    {LLAMA, "'num_key_value_heads': null, 'head_dim': null", "heads 4/4x6"},
    {LLAMA, "'head_dim': 8", "heads 4/2x8 rope f2ded8c6"},
    {LLAMA, "'attention_bias': true", "bias 110"},
    {LLAMA, "'mlp_bias': true", "bias 001"},
    {LLAMA, "'rms_norm_eps': 1e-05", "eps 1e-05"},
    {LLAMA,
     "'rope_parameters': {'rope_type': 'llama3', 'factor': 8.0, 'low_freq_factor': 1.0, 'high_freq_factor': 4.0, "
     "'original_max_position_embeddings': 16, 'rope_theta': 500000.0}, 'max_position_embeddings': 128",
     "rope 9f16ad30"},
    {LLAMA,
     "'rope_scaling': {'rope_type': 'llama3', 'factor': 8.0, 'low_freq_factor': 1.0, 'high_freq_factor': 4.0, "
     "'original_max_position_embeddings': 16}, 'rope_theta': 500000.0, 'max_position_embeddings': 128",
     "rope 9f16ad30"},
    {LLAMA,
     "'rope_scaling': {'rope_type': 'llama3', 'factor': 8.0, 'low_freq_factor': 1.0, 'high_freq_factor': 4.0}, "
     "'rope_theta': 5000.0, 'max_position_embeddings': 64",
     "rope 9f4874c6"},
    {LLAMA,
     "'rope_scaling': {'rope_type': 'llama3', 'factor': 8.0, 'low_freq_factor': 1.0, 'high_freq_factor': 4.0}, "
     "'rope_theta': 5000.0",
     "rope 6463f4d8"},
    {LLAMA,
     "'rope_scaling': {'rope_type': 'llama3', 'factor': 8.0, 'low_freq_factor': 1.0, 'high_freq_factor': 4.0, "
     "'original_max_position_embeddings': 16}, 'rope_theta': 5000.0, 'original_max_position_embeddings': 32",
     "rope 9f4874c6"},
    {LLAMA,
     "'rope_parameters': {'rope_type': 'linear', 'factor': 3.0, 'rope_theta': 10000.0}, 'tie_word_embeddings': true",
     "tied 1 rope f8329147"},
    {LLAMA, "'qkv_bias': true", ""},
    {LLAMA, "'use_sliding_window': true, 'sliding_window': 3", ""},
    {MIXTRAL, "", ""},
    {MIXTRAL, "'head_dim': 10", "heads 4/2x10 rope 7155f25f"},
    {MIXTRAL, "'head_dim': null", ""},
    {MIXTRAL, "'sliding_window': 6", "window 6,6,6"},
    {MIXTRAL, "'num_key_value_heads': '-', 'num_attention_heads': 8, 'hidden_size': 32",
     "hidden 32 heads 8/8x4 rope c53c4e18"},
    {MIXTRAL, "'num_local_experts': 5, 'num_experts_per_tok': 1", "experts 5/1x20+0"},
    {MIXTRAL, "'norm_topk_prob': false", ""},
    {MIXTRAL, "'attention_bias': true", ""},
    {MIXTRAL, "'num_experts': 5", "experts 5/2x20+0"},
    {MIXTRAL, "'moe_intermediate_size': 7", ""},
    {QWEN2_MOE, "", ""},
    {QWEN2_MOE, "'qkv_bias': false", "bias 000"},
    {QWEN2_MOE, "'norm_topk_prob': true", "topk 1"},
    {QWEN2_MOE, "'mlp_only_layers': [1,3]", "dense 20 sparse 1010"},
    {QWEN2_MOE, "'decoder_sparse_step': 2", "dense 20 sparse 0101"},
    {QWEN2_MOE, "'decoder_sparse_step': 2, 'mlp_only_layers': [3]", "dense 20 sparse 0100"},
    {QWEN2_MOE, "'use_sliding_window': true, 'sliding_window': 4", "window 4,0,4,0"},
    {QWEN2_MOE, "'use_sliding_window': true, 'sliding_window': 4, 'max_window_layers': 2", "window 4,0,0,0"},
    {QWEN2_MOE,
     "'use_sliding_window': true, 'sliding_window': 4, 'layer_types': ['full_attention', 'sliding_attention', "
     "'full_attention', 'sliding_attention']",
     "window 0,4,0,4"},
    {QWEN2_MOE,
     "'use_sliding_window': false, 'sliding_window': 4, 'layer_types': ['full_attention', 'full_attention', "
     "'full_attention', 'full_attention']",
     ""},
    {QWEN2_MOE, "'mlp_only_layers': null", ""},
    {QWEN2_MOE, "'attention_bias': false", ""},
    {QWEN2_MOE, "'num_key_value_heads': '-', 'num_attention_heads': 16, 'hidden_size': 32",
     "hidden 32 heads 16/16x2 rope 1b587698"},
    {QWEN3_MOE, "", ""},
    {QWEN3_MOE, "'head_dim': 10", "heads 4/2x10 rope ca24d70c"},
    {QWEN3_MOE, "'norm_topk_prob': true", "topk 1"},
    {QWEN3_MOE, "'decoder_sparse_step': 3", "dense 20 sparse 0010"},
    {QWEN3_MOE, "'mlp_only_layers': [0,2]", "dense 20 sparse 0101"},
    {QWEN3_MOE, "'attention_bias': true", "bias 110"},
    {QWEN3_MOE, "'use_sliding_window': true, 'sliding_window': 6", "window 6,6,6,6"},
    {QWEN3_MOE, "'use_sliding_window': true, 'sliding_window': null", ""},
    {QWEN3_MOE, "'use_sliding_window': true", "window 4096,4096,4096,4096"},
    {QWEN3_MOE, "'sliding_window': 6", ""},
    {QWEN3_MOE, "'num_key_value_heads': '-', 'num_attention_heads': 8, 'hidden_size': 32",
     "hidden 32 heads 8/4x4 rope ab7aaa44"},
    {QWEN3_MOE, "'num_experts': 0", "dense 20 experts 0/0x0+0 sparse 0000"},
    {QWEN3_MOE, "'num_local_experts': 5, 'num_experts': '-'", "experts 5/2x10+0"},
    {QWEN3_MOE, "'use_sliding_window': true, 'sliding_window': 6, 'max_window_layers': 2", "window 6,6,6,6"},
    {QWEN3_MOE,
     "'use_sliding_window': true, 'sliding_window': 6, 'layer_types': ['full_attention', 'full_attention', "
     "'full_attention', 'full_attention']",
     "window 6,6,6,6"},
    {TEXT, "", ""},
    {TEXT, "'head_dim': 10", "heads 4/2x10 rope 7155f25f"},
    {TEXT, "'norm_topk_prob': false", "topk 0"},
    {TEXT, "'mlp_only_layers': [1], 'decoder_sparse_step': 2", "dense 20 sparse 0001"},
    {TEXT, "'attention_bias': true", "bias 110"},
    {TEXT,
     "'rope_scaling': {'mrope_interleaved': true, 'interleaved': true, 'mrope_section': [1,1,1], "
     "'rope_type': 'default', 'type': 'default'}, 'rope_theta': 1000000",
     ""},
    {TEXT, "'rope_parameters': {'mrope_section': [1,1,1], 'rope_type': 'default', 'rope_theta': 2000000.0}",
     "rope cab74c6c"},
    {TEXT, "'tie_word_embeddings': true", ""},
    {OUTER, "'tie_word_embeddings': true", "tied 1"},
    {ROOT, "'tie_word_embeddings': true", ""},
    {TEXT, "'sliding_window': 5, 'use_sliding_window': true", ""},
    {TEXT, "'shared_expert_intermediate_size': 12", ""},
    {TEXT, "'num_key_value_heads': '-', 'num_attention_heads': 8, 'hidden_size': 32",
     "hidden 32 heads 8/4x4 rope c53c4e18"},
    {LLAMA, "'num_hidden_layers': 1, 'head_dim': 64, 'rope_theta': 500000.0",
     "heads 4/2x64 sparse 0 window 0 rope 83a39b7e"},
    {LLAMA, "'head_dim': 24, 'rope_theta': 10000000.0", "heads 4/2x24 rope b3ab0030"},
    {MIXTRAL, "'sliding_window': 6, 'use_sliding_window': false", "window 6,6,6"},
    {QWEN2, "'num_key_value_heads': 4", "heads 4/4x6"},
    {BARE, "'model_type': 'mistral', 'num_hidden_layers': 3",
     "type mistral vocab 32000 hidden 4096 heads 32/8x128 dense 14336 experts 0/0x0+0 eps 1e-06 bias 000 norms 0 topk "
     "0 "
     "tied 0 sparse 000 window 4096,4096,4096 rope 4789d9f7"},
    {LLAMA, "'model_type': 'mistral'", "type mistral window 4096,4096,4096"},
    {LLAMA, "'model_type': 'mistral', 'sliding_window': null", "type mistral"},
    {LLAMA, "'model_type': 'mistral', 'sliding_window': 5, 'use_sliding_window': false", "type mistral window 5,5,5"},
    {LLAMA,
     "'model_type': 'mistral', 'head_dim': 6, 'rope_theta': 1e4, 'sliding_window': 5, 'layer_types': "
     "['full_attention', 'sliding_attention', 'full_attention']",
     "type mistral window 0,5,0"},
    {BARE,
     "'model_type': 'mistral3', 'text_config': {'model_type': 'mistral', 'num_hidden_layers': 3, " SMALL ", "
     "'sliding_window': 5, 'layer_types': ['full_attention', 'sliding_attention', 'full_attention']}",
     "type mistral vocab 50 hidden 24 heads 4/2x6 dense 20 experts 0/0x0+0 eps 1e-06 bias 000 norms 0 topk 0 tied 1 "
     "sparse 000 window 5,5,5 rope b8605c20"},
    {LLAMA, "'model_type': 'ministral', 'head_dim': 6, 'rope_theta': 1e4", "type ministral window 4096,4096,4096"},
    {LLAMA, "'model_type': 'ministral', 'head_dim': 6, 'rope_theta': 1e4, 'sliding_window': null", "type ministral"},
    {BARE, "'model_type': 'seed_oss', 'num_hidden_layers': 3",
     "type seed_oss vocab 155136 hidden 4096 heads 80/8x128 dense 27648 experts 0/0x0+0 eps 1e-06 bias 100 norms 0 "
     "topk 0 tied 0 sparse 000 window 0,0,0 rope 4789d9f7"},
    {LLAMA, "'model_type': 'seed_oss', 'attention_bias': false, 'attention_out_bias': true",
     "type seed_oss heads 4/2x128 bias 010 rope 4789d9f7"},
    {LLAMA, "'model_type': 'seed_oss', 'head_dim': null, 'mlp_bias': true", "type seed_oss bias 101"},
    {LLAMA, "'model_type': 'qwen2_vl'", "type qwen2_vl eps 1e-05 bias 100 rope e587006c"},
    {LLAMA,
     "'model_type': 'qwen2_vl', 'tie_word_embeddings': true, 'rope_scaling': {'type': 'mrope', 'mrope_section': "
     "[1,1,1]}, 'use_sliding_window': true, 'max_window_layers': 1",
     "type qwen2_vl eps 1e-05 bias 100 tied 1 window 0,4096,4096 rope e587006c"},
    {BARE, "'model_type': 'qwen2_vl', 'text_config': {'model_type': 'qwen2_vl_text', 'num_hidden_layers': 3}",
     "type qwen2_vl_text vocab 152064 hidden 8192 heads 64/8x128 dense 29568 experts 0/0x0+0 eps 1e-05 bias 100 "
     "norms 0 topk 0 tied 0 sparse 000 window 0,0,0 rope fa3dbee4"},
    {LLAMA, "'model_type': 'qwen2_5_vl'", "type qwen2_5_vl eps 1e-05 bias 100 rope e587006c"},
    {BARE,
     "'model_type': 'qwen2_5_vl', 'text_config': {'model_type': 'qwen2_5_vl_text', 'num_hidden_layers': 3, " SMALL ", "
     "'tie_word_embeddings': true, 'use_sliding_window': true, 'sliding_window': 7, 'layer_types': "
     "['full_attention', 'sliding_attention', 'full_attention']}",
     "type qwen2_5_vl_text vocab 50 hidden 24 heads 4/2x6 dense 20 experts 0/0x0+0 eps 1e-05 bias 100 norms 0 topk 0 "
     "tied 1 sparse 000 window 0,7,0 rope e587006c"},
    {BARE, "'model_type': 'qwen2_5_vl', 'text_config': {'model_type': 'qwen2_5_vl_text', 'num_hidden_layers': 3}",
     "type qwen2_5_vl_text vocab 152064 hidden 8192 heads 64/8x128 dense 29568 experts 0/0x0+0 eps 1e-05 bias 100 "
     "norms 0 topk 0 tied 0 sparse 000 window 0,0,0 rope fa3dbee4"},
    {BARE,
     "'model_type': 'qwen2_5_omni', 'thinker_config': {'model_type': 'qwen2_5_omni_thinker', 'text_config': "
     "{'model_type': 'qwen2_5_omni_text', 'num_hidden_layers': 3}}",
     "type qwen2_5_omni_text vocab 152064 hidden 3584 heads 28/4x128 dense 18944 experts 0/0x0+0 eps 1e-06 bias 100 "
     "norms 0 topk 0 tied 0 sparse 000 window 0,0,0 rope fa3dbee4"},
    {BARE,
     "'model_type': 'qwen2_5_omni_thinker', 'text_config': {'model_type': 'qwen2_5_omni_text', 'num_hidden_layers': "
     "3, " SMALL ", 'use_sliding_window': true, 'max_window_layers': 2, 'tie_word_embeddings': true}",
     "type qwen2_5_omni_text vocab 50 hidden 24 heads 4/2x6 dense 20 experts 0/0x0+0 eps 1e-06 bias 100 norms 0 topk 0 "
     "tied 0 sparse 000 window 0,0,32768 rope e587006c"},
    {BARE, "'model_type': 'qwen3_vl', 'text_config': {'model_type': 'qwen3_vl_text', 'num_hidden_layers': 3}",
     "type qwen3_vl_text vocab 151936 hidden 4096 heads 32/32x128 dense 22016 experts 0/0x0+0 eps 1e-06 bias 000 "
     "norms 1 topk 0 tied 0 sparse 000 window 0,0,0 rope 7db6831e"},
    {VL,
     "'head_dim': 6, 'rope_scaling': {'mrope_section': [1,1,1], 'mrope_interleaved': true, 'rope_type': 'default'}, "
     "'rope_theta': 5000000, 'attention_bias': true, 'tie_word_embeddings': true",
     "heads 4/2x6 bias 110 rope a1965b07"},
    {BARE, "'model_type': 'qwen3_vl_moe', 'text_config': {'model_type': 'qwen3_vl_moe_text', 'num_hidden_layers': 3}",
     "type qwen3_vl_moe_text vocab 151936 hidden 2048 heads 16/16x128 dense 0 experts 60/4x1408+0 eps 1e-06 bias 000 "
     "norms 1 topk 1 tied 0 sparse 111 window 0,0,0 rope 7db6831e"},
    {VL, "'model_type': 'qwen3_vl_moe_text', " EXPERTS ", 'mlp_only_layers': [1], 'norm_topk_prob': false",
     "type qwen3_vl_moe_text heads 4/2x6 experts 6/2x10+0 topk 1 sparse 101 rope 6f483099"},
    {ALONE, "", ""},
    {ALONE, "'tie_word_embeddings': true", "tied 1"},
    /* what transformers 5.23 itself fails on, read leniently: head_dim null as absent, and "mrope" as older files spell
       it */
    {QWEN3_MOE, "'head_dim': null", ""},
    {TEXT, "'rope_theta': 1000000, 'rope_scaling': {'mrope_section': [1,1,1], 'type': 'mrope'}", ""},
};

/* "type qwen2 vocab 50 hidden 24 heads Q/KVxDIM dense D experts N/KxI+SHARED eps E bias QKV,O,MLP norms N topk N tied N
 * sparse LAYERS window LAYERS rope HASH": what a computation can see of a configuration. Owned by the caller. */
static char *fields_of(const struct model_config *config)
{
    struct buffer text = {0};
    bool dense = false, sparse = false;
    for (int layer = 0; layer < config->layers; layer++) {
        dense = dense || !config->sparse[layer];
        sparse = sparse || config->sparse[layer];
    }
    buffer_format(&text, "type %s vocab %d hidden %d heads %d/%dx%d dense %d", config->model_type, config->vocabulary,
                  config->hidden, config->heads, config->kv_heads, config->head_dim, dense ? config->intermediate : 0);
    buffer_format(&text, " experts %d/%dx%d+%d eps %g bias %d%d%d norms %d topk %d tied %d sparse ",
                  sparse ? config->experts : 0, sparse ? config->experts_per_token : 0,
                  sparse ? config->moe_intermediate : 0, sparse ? config->shared_intermediate : 0, config->norm_epsilon,
                  config->qkv_bias, config->o_bias, dense && config->mlp_bias,
                  config_calls_for(config, WEIGHT_Q_NORM, 0), sparse && config->norm_topk, config->tied);
    for (int layer = 0; layer < config->layers; layer++)
        buffer_text(&text, config->sparse[layer] ? "1" : "0");
    for (int layer = 0; layer < config->layers; layer++)
        buffer_format(&text, "%s%d", layer ? "," : " window ", config->window[layer]);
    buffer_format(&text, " rope %08x", rope_hash(config, 0));
    return buffer_take(&text);
}

/* `base` with the values of the fields named in `changes`. Owned by the caller. */
static char *fields_changed(const char *base, const char *changes)
{
    struct buffer text = {0};
    char *copy = strdup(*base ? base : changes), *save = NULL;
    for (char *name = strtok_r(copy, " ", &save); name; name = strtok_r(NULL, " ", &save)) {
        char *value = strtok_r(NULL, " ", &save), mark[32];
        snprintf(mark, sizeof mark, "%s ", name);
        const char *change = strstr(changes, mark);
        while (change && change > changes && change[-1] != ' ')
            change = strstr(change + 1, mark);
        change = change ? change + strlen(mark) : value;
        buffer_format(&text, "%s%s %.*s", text.size ? " " : "", name, (int)strcspn(change, " "), change);
    }
    free(copy);
    return buffer_take(&text);
}

Test(configuration, what_transformers_reads_is_what_we_read)
{
    for (size_t i = 0; i < sizeof accepted_rows / sizeof *accepted_rows; i++) {
        const struct accepted_row *row = &accepted_rows[i];
        struct error error = {0};
        cJSON *root = build(row->base, row->members);
        struct model_config *config = config_parse("test", root, &error);
        cr_expect(config, "row %zu, %s: %s", i, row->members, error_text(&error));
        if (config) {
            char *found = fields_of(config), *expected = fields_changed(base_rows[row->base].fields, row->fields);
            cr_expect_str_eq(found, expected, "row %zu, %s:\nfound    %s\nexpected %s", i, row->members, found,
                             expected);
            free(found);
            free(expected);
        }
        error_clear(&error);
        free(config);
        cJSON_Delete(root);
    }
}
