/* The configuration rung: what config.json says, against what transformers makes of it. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/progress.h"
#include "fixtures.h"
#include "model/config_difference.h"
#include "model/model_internal.h"
#include "model/routing.h"
#include "work.h"

/* A configuration that stands under all rows of a table, and where in it their members go. */
enum base { BARE, QWEN2, QWEN3, LLAMA, MIXTRAL, QWEN2_MOE, QWEN3_MOE, TEXT, OUTER, ROOT, ALONE, BASES };

#define SMALL                                                                                                          \
    "'vocab_size': 50, 'hidden_size': 24, 'intermediate_size': 20, 'num_attention_heads': 4, 'num_key_value_heads': 2"
#define FOUR "'num_hidden_layers': 4, " SMALL
#define EXPERTS "'num_experts': 6, 'num_experts_per_tok': 2, 'moe_intermediate_size': 10"
#define THINKER_TEXT "'text_config': {'model_type': 'qwen3_omni_moe_text', " FOUR ", " EXPERTS "}"
#define THINKER                                                                                                        \
    "{'model_type': 'qwen3_omni_moe', 'thinker_config': {'model_type': 'qwen3_omni_moe_thinker', " THINKER_TEXT "}}"
#define THINKER_FIELDS                                                                                                 \
    "type qwen3_omni_moe_text vocab 50 hidden 24 heads 4/2x6 dense 0 experts 6/2x10+0 eps 1e-06 bias 000 norms 1 "     \
    "topk 1 "                                                                                                          \
    "tied 0 sparse 1111 window 0,0,0,0 rope e587006c"

static const struct base_row {
    const char *json;
    const char *path[2];
    const char *fields; /* see fields_of */
} base_rows[BASES] = {
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
};

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
    {ALONE, "", ""},
    {ALONE, "'tie_word_embeddings': true", "tied 1"},
    /* what transformers 5.23 itself fails on, read leniently: head_dim null as absent, and "mrope" as older files spell
       it */
    {QWEN3_MOE, "'head_dim': null", ""},
    {TEXT, "'rope_theta': 1000000, 'rope_scaling': {'mrope_section': [1,1,1], 'type': 'mrope'}", ""},
};

static cJSON *parse(const char *text)
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

/* The base with the members set; free with cJSON_Delete. */
static cJSON *build(enum base base, const char *members)
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

/* FNV-1a of the rotary frequencies, bit for bit. */
static unsigned rope_hash(const struct model_config *config)
{
    size_t count = (size_t)config->head_dim / 2;
    float *frequencies = malloc(count * sizeof *frequencies);
    rope_frequencies(config, frequencies);
    unsigned hash = 2166136261u;
    for (size_t i = 0; i < count * sizeof *frequencies; i++)
        hash = (hash ^ ((unsigned char *)frequencies)[i]) * 16777619u;
    free(frequencies);
    return hash;
}

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
    buffer_format(&text, " rope %08x", rope_hash(config));
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

/* What must be refused, and two things that the message must name besides the file. */
static const struct refused_row {
    enum base base;
    const char *members;
    const char *key;
    const char *value;
} refused_rows[] = {
    {BARE, "", "model_type", ""},
    {BARE, "'num_hidden_layers': 1e300, 'hidden_size': [8]", "model_type", ""},
    {BARE, "'model_type': 3", "model_type", "string"},
    {QWEN2, "'hidden_act': 1", "hidden_act", "string"},
    {LLAMA, "'rope_parameters': {'rope_type': 7}", "rope_type", "string"},
    {LLAMA, "'is_causal': 'no'", "is_causal", "true or false"},
    {LLAMA, "'rope_parameters': [1]", "rope_parameters", "object"},
    {LLAMA, "'rope_scaling': 2", "rope_scaling", "object"},
    {LLAMA, "'rope_theta': 0", "rope_theta", "0"},
    {LLAMA, "'rope_theta': -1", "rope_theta", "-1"},
    {LLAMA, "'rope_theta': 'big'", "rope_theta", "number"},
    {LLAMA, "'rope_theta': 1e999", "rope_theta", "finite"},
    {LLAMA, "'rope_scaling': {'rope_type': 'linear', 'factor': 0}", "factor", "0"},
    {LLAMA, "'rope_scaling': {'rope_type': 'llama3', 'factor': 8.0, 'low_freq_factor': 4.0, 'high_freq_factor': 4.0}",
     "high_freq_factor", "low_freq_factor"},
    {LLAMA,
     "'rope_scaling': {'rope_type': 'llama3', 'factor': 8.0, 'low_freq_factor': 1.0, 'high_freq_factor': 4.0, "
     "'original_max_position_embeddings': 1.5}",
     "original_max_position_embeddings", "whole"},
    {TEXT, "'rope_parameters': {'mrope_section': [1,1,1,1]}", "mrope_section", "three"},
    {TEXT, "'rope_parameters': {'mrope_section': ['a',1,1]}", "mrope_section", "three"},
    {LLAMA, "'vocab_size': 0", "vocab_size", "whole"},
    {LLAMA, "'vocab_size': -50", "vocab_size", "whole"},
    {LLAMA, "'vocab_size': 1e15", "vocab_size", "whole"},
    {LLAMA, "'vocab_size': '50'", "vocab_size", "whole"},
    {LLAMA, "'vocab_size': [50]", "vocab_size", "whole"},
    {LLAMA, "'vocab_size': true", "vocab_size", "whole"},
    {LLAMA, "'hidden_size': 24.5", "hidden_size", "whole"},
    {LLAMA, "'hidden_size': {}", "hidden_size", "whole"},
    {LLAMA, "'intermediate_size': 0", "intermediate_size", "whole"},
    {LLAMA, "'num_hidden_layers': 0", "num_hidden_layers", "whole"},
    {LLAMA, "'num_hidden_layers': 100000", "num_hidden_layers", "1024"},
    {LLAMA, "'num_attention_heads': 0", "num_attention_heads", "whole"},
    {LLAMA, "'num_attention_heads': 1e6", "num_attention_heads", "65536"},
    {LLAMA, "'num_key_value_heads': 0", "num_key_value_heads", "whole"},
    {LLAMA, "'num_key_value_heads': 3", "num_attention_heads 4", "num_key_value_heads 3"},
    {LLAMA, "'num_key_value_heads': 8", "num_attention_heads 4", "num_key_value_heads 8"},
    {LLAMA, "'head_dim': 0", "head_dim", "whole"},
    {LLAMA, "'head_dim': '6'", "head_dim", "whole"},
    {LLAMA, "'num_attention_heads': 48, 'num_key_value_heads': 48", "head_dim", "0"},
    {LLAMA, "'max_position_embeddings': -1", "max_position_embeddings", "whole"},
    {LLAMA, "'rms_norm_eps': -1e-6", "rms_norm_eps", "-1e-06"},
    {LLAMA, "'rms_norm_eps': 2", "rms_norm_eps", "2"},
    {LLAMA, "'rms_norm_eps': '1e-6'", "rms_norm_eps", "number"},
    {LLAMA, "'attention_bias': 1", "attention_bias", "true or false"},
    {LLAMA, "'mlp_bias': 'no'", "mlp_bias", "true or false"},
    {LLAMA, "'tie_word_embeddings': 0", "tie_word_embeddings", "true or false"},
    {OUTER, "'tie_word_embeddings': 'yes'", "tie_word_embeddings", "true or false"},
    {QWEN2, "'use_sliding_window': 1", "use_sliding_window", "true or false"},
    {QWEN2, "'use_sliding_window': true, 'sliding_window': -4", "sliding_window", "whole"},
    {QWEN2, "'use_sliding_window': true, 'max_window_layers': 'all'", "max_window_layers", "whole"},
    {QWEN2, "'use_sliding_window': true, 'layer_types': ['sliding_attention']", "layer_types", "4 layers"},
    {QWEN2, "'layer_types': 'full_attention'", "layer_types", "array"},
    {MIXTRAL, "'sliding_window': 2.5", "sliding_window", "whole"},
    {QWEN2_MOE, "'qkv_bias': 1", "qkv_bias", "true or false"},
    {QWEN3_MOE, "'num_experts': -6", "num_experts", "whole"},
    {QWEN3_MOE, "'num_experts': 65536, 'num_hidden_layers': 1024", "num_experts", "65536"},
    {QWEN3_MOE, "'num_attention_heads': 65536, 'num_key_value_heads': 1, 'head_dim': 65536", "head_dim", "65536"},
    {QWEN3_MOE, "'num_experts': 70000", "num_experts", "65536"},
    {QWEN3_MOE, "'num_experts_per_tok': 7", "num_experts_per_tok 7", "6"},
    {QWEN3_MOE, "'num_experts_per_tok': 0", "num_experts_per_tok", "whole"},
    {QWEN3_MOE, "'moe_intermediate_size': 0", "moe_intermediate_size", "whole"},
    {QWEN3_MOE, "'decoder_sparse_step': 0", "decoder_sparse_step", "whole"},
    {QWEN3_MOE, "'norm_topk_prob': 'true'", "norm_topk_prob", "true or false"},
    {QWEN3_MOE, "'mlp_only_layers': 2", "mlp_only_layers", "array"},
    {QWEN3_MOE, "'mlp_only_layers': ['2']", "mlp_only_layers", "layers"},
    {TEXT, "'hidden_size': -1", "hidden_size", "whole"},
};

Test(configuration, invalid_values_are_refused_by_file_and_key)
{
    for (size_t i = 0; i < sizeof refused_rows / sizeof *refused_rows; i++) {
        const struct refused_row *row = &refused_rows[i];
        struct error error = {0};
        cJSON *root = build(row->base, row->members);
        struct model_config *config = config_parse("some/config.json", root, &error);
        const char *text = error_text(&error);
        cr_expect_null(config, "row %zu was accepted: %s", i, row->members);
        cr_expect(config || (strstr(text, "some/config.json") && strstr(text, row->key) && strstr(text, row->value)),
                  "row %zu, %s: message \"%s\" lacks \"%s\" or \"%s\"", i, row->members, text, row->key, row->value);
        error_clear(&error);
        free(config);
        cJSON_Delete(root);
    }
}

Test(configuration, only_an_object_is_a_configuration)
{
    static const char *const texts[] = {"[]", "3", "null", "'qwen2'", "true"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct error error = {0};
        cJSON *root = parse(texts[i]);
        cr_expect_null(config_parse("some/config.json", root, &error), "%s", texts[i]);
        cr_expect(strstr(error_text(&error), "some/config.json"), "%s", error_text(&error));
        error_clear(&error);
        cJSON_Delete(root);
    }
    struct error error = {0};
    cr_expect_null(config_read("/no/such/config.json", &error));
    cr_expect(strstr(error_text(&error), "/no/such/config.json"), "%s", error_text(&error));
    error_clear(&error);
}

static struct model_config *config_of(enum base base, const char *members)
{
    struct error error = {0};
    cJSON *root = build(base, members);
    struct model_config *config = config_parse("test", root, &error);
    cr_assert(config, "%s: %s", members, error_text(&error));
    cJSON_Delete(root);
    return config;
}

/* What is known, but is not computed: the reason names two things; and the shape of the model is read all the same. */
static const struct refused_row uncomputed_rows[] = {
    {BARE, "'hidden_size': 24", "model_type", ""},
    {BARE, "'model_type': 'gpt2'", "gpt2", "not a family"},
    {BARE, "'model_type': 'gpt2'", "qwen3_omni_moe (thinker), qwen3_moe", "llama, mixtral"}, /* what it could be */
    {QWEN2, "'hidden_act': 'gelu'", "hidden_act", "gelu"},
    {LLAMA, "'head_dim': 5", "head_dim 5", "odd"},
    {LLAMA, "'rope_scaling': {'rope_type': 'yarn', 'factor': 4.0}", "rope", "yarn"},
    {LLAMA, "'rope_scaling': {'type': 'dynamic', 'factor': 4.0}", "rope", "dynamic"},
    {LLAMA, "'rope_parameters': {'rope_type': 'longrope'}", "rope", "longrope"},
    {LLAMA, "'rope_scaling': {'rope_type': 'linear'}", "factor", "linear"},
    {LLAMA, "'rope_scaling': {'rope_type': 'llama3', 'low_freq_factor': 1.0, 'high_freq_factor': 4.0}", "factor",
     "llama3"},
    {LLAMA, "'rope_scaling': {'rope_type': 'llama3', 'factor': 8.0, 'high_freq_factor': 4.0}", "low_freq_factor",
     "llama3"},
    {LLAMA, "'rope_scaling': {'rope_type': 'llama3', 'factor': 8.0, 'low_freq_factor': 1.0}", "high_freq_factor",
     "llama3"},
    {LLAMA, "'rope_scaling': {'rope_type': 'linear', 'factor': 2.0}, 'partial_rotary_factor': 0.5",
     "partial_rotary_factor", "0.5"},
    {LLAMA, "'rope_parameters': {'rope_type': 'linear', 'factor': 2.0, 'partial_rotary_factor': 0.5}",
     "partial_rotary_factor", "0.5"},
    {QWEN2, "'use_sliding_window': true, 'layer_types': ['linear_attention', 'a', 'b', 'c']", "layer_types",
     "linear_attention"},
    {BARE, "'model_type': 'omni', 'text_config': {'model_type': 'someone_new'}", "someone_new", "not a family"},
    {LLAMA, "'rope_scaling': {'rope_type': 'longrope', 'factor': [1, 2], 'low_freq_factor': 'x'}", "rope", "longrope"},
    {QWEN2, "'use_sliding_window': true, 'layer_types': [1, 2, 3, 4]", "layer_types", ""},
};

Test(configuration, what_cannot_be_computed_is_read_and_says_why)
{
    for (size_t i = 0; i < sizeof uncomputed_rows / sizeof *uncomputed_rows; i++) {
        const struct refused_row *row = &uncomputed_rows[i];
        struct error error = {0};
        struct model_config *config = config_of(row->base, row->members);
        cr_expect(strstr(config->unsupported, row->key) && strstr(config->unsupported, row->value),
                  "row %zu, %s: reason \"%s\" lacks \"%s\" or \"%s\"", i, row->members, config->unsupported, row->key,
                  row->value);
        cr_expect(!config_computes(config, "here", &error) && strstr(error_text(&error), row->key));
        cr_expect(!config->family || (config->hidden && config->heads && config->layers), "row %zu", i);
        error_clear(&error);
        free(config);
    }
}

/* Sizes that are spelled in one of the usual ways; what is none, or too large, is not taken. */
Test(configuration, of_an_unknown_family_what_is_usual_is_taken)
{
    static const struct {
        const char *members;
        int layers, hidden, vocabulary, experts;
    } rows[] = {
        {"'model_type': 'gpt2', 'n_layer': 3, 'n_embd': 24, 'vocab_size': 50", 3, 24, 50, 0},
        {"'model_type': 'x', 'num_hidden_layers': 2, 'hidden_size': 8, 'n_routed_experts': 6", 2, 8, 0, 6},
        {"'model_type': 'x', 'num_hidden_layers': 1025, 'hidden_size': -4, 'vocab_size': 'many', 'num_experts': 1.5", 0,
         0, 0, 0},
        {"'hidden_size': 8, 'num_hidden_layers': 1e300, 'vocab_size': null", 0, 8, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct model_config *config = config_of(BARE, rows[i].members);
        struct buffer text = {0};
        cr_expect_null(config->family);
        cr_expect(config->layers == rows[i].layers && config->hidden == rows[i].hidden &&
                      config->vocabulary == rows[i].vocabulary && config->experts == rows[i].experts,
                  "row %zu: %d %d %d %d", i, config->layers, config->hidden, config->vocabulary, config->experts);
        config_summary(config, &text);
        cr_expect(text.size && !strstr(text.data, " 0"), "row %zu: %s", i, text.data ? text.data : "");
        buffer_free(&text);
        free(config);
    }
}

/* Each difference is named as config.json spells it, with what it does. */
Test(configuration, differences_are_named)
{
    static const struct {
        enum base base;
        const char *here, *there;
        enum difference_kind kind;
        const char *expected; /* "": no difference */
    } rows[] = {
        {QWEN2, "", "", DIFFERS_NOTHING, ""},
        {QWEN2, "'rope_theta': 10000.0", "'rope_parameters': {'rope_theta': 10000.0, 'rope_type': 'default'}",
         DIFFERS_NOTHING, ""},
        {QWEN2, "'torch_dtype': 'float32'", "'dtype': 'bfloat16'", DIFFERS_NOTHING, ""},
        {QWEN2, "'hidden_size': 24", "'hidden_size': 32", DIFFERS_FUNCTION, "hidden_size is 24 here and 32 there"},
        {QWEN2, "", "'rms_norm_eps': 1e-5", DIFFERS_FUNCTION, "rms_norm_eps is 1e-06 here and 1e-05 there"},
        {QWEN2, "'use_sliding_window': true, 'sliding_window': 3, 'max_window_layers': 1", "", DIFFERS_FUNCTION,
         "sliding_window of layer 1 and 2 more is 3 here and none there"},
        {QWEN2, "'intermediate_size': 40", "", DIFFERS_FUNCTION, "intermediate_size is 40 here"},
        {QWEN2, "'num_hidden_layers': 2", "", DIFFERS_SIZE, "num_hidden_layers is 2 here and 4 there"},
        {QWEN2, "'vocab_size': 60", "", DIFFERS_SIZE, "vocab_size is 60 here"},
        {QWEN3_MOE, "'mlp_only_layers': [2]", "", DIFFERS_FUNCTION,
         "mixture of experts of layer 2 is false here and true there"},
        {QWEN3_MOE, "'norm_topk_prob': true", "", DIFFERS_FUNCTION, "norm_topk_prob is true here and false there"},
        {QWEN3_MOE, "'num_experts': 5", "", DIFFERS_SIZE, "num_experts is 5 here"},
        {QWEN3_MOE, "'intermediate_size': 40", "", DIFFERS_NOTHING, "intermediate_size is 40 here and"},
        {QWEN3_MOE, "'model_type': 'qwen3_omni_moe_text', 'norm_topk_prob': true", "'norm_topk_prob': true",
         DIFFERS_NOTHING, "model_type is qwen3_omni_moe_text here and qwen3_moe there"},
        {OUTER, "'tie_word_embeddings': true", "", DIFFERS_PERHAPS, "tie_word_embeddings is true here and false there"},
        {LLAMA, "'rope_scaling': {'rope_type': 'yarn', 'factor': 4.0}", "", DIFFERS_FUNCTION,
         "rope_type is yarn here and default there"},
        {LLAMA, "'rope_scaling': {'rope_type': 'yarn', 'factor': 4.0}",
         "'rope_scaling': {'rope_type': 'longrope', 'factor': 4.0}", DIFFERS_FUNCTION,
         "rope_type is yarn here and longrope there"},
        {LLAMA, "'rope_scaling': {'rope_type': 'yarn', 'factor': 4.0}",
         "'rope_scaling': {'rope_type': 'yarn', 'factor': 8.0}", DIFFERS_FUNCTION, "rope factor is 4 here and 8 there"},
        {LLAMA, "'rope_scaling': {'rope_type': 'linear', 'factor': 4.0}",
         "'rope_scaling': {'rope_type': 'linear', 'factor': 2.0}", DIFFERS_FUNCTION,
         "rope factor is 4 here and 2 there"},
        {LLAMA, "'attention_bias': true", "", DIFFERS_FUNCTION, "bias of q, k and v is true here and false there"},
        {BARE, "'model_type': 'gpt2'", "'model_type': 'bloom'", DIFFERS_PERHAPS,
         "model_type is gpt2 here and bloom there"},
        {BARE, "'model_type': 'gpt2', 'n_embd': 8", "'model_type': 'gpt2'", DIFFERS_NOTHING, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct model_config *here = config_of(rows[i].base, rows[i].here),
                            *there = config_of(rows[i].base, rows[i].there);
        struct config_difference found[CONFIG_DIFFERENCES_MAX];
        size_t count = config_differences(here, there, found);
        bool named = !*rows[i].expected && !count;
        for (size_t k = 0; k < count; k++) {
            struct buffer text = {0};
            config_difference_text(&found[k], &text);
            named =
                named || (*rows[i].expected && strstr(text.data, rows[i].expected) && found[k].kind == rows[i].kind);
            buffer_free(&text);
        }
        cr_expect(named, "row %zu: %zu differences, the first: %s", i, count, count ? found[0].name : "");
        free(here);
        free(there);
    }
}

/* Work that grows with the product of what a file says */

Test(configuration, big_lists_of_layers_are_read_once)
{
    struct error error = {0};
    cJSON *root = build(QWEN3_MOE, "'num_hidden_layers': 1024, 'mlp_only_layers': [1, 2.5, -3, 5000]");
    cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "mlp_only_layers");
    for (int i = 0; i < 200000; i++)
        cJSON_InsertItemInArray(list, 0, cJSON_CreateNumber(3));
    size_t before = work_done();
    struct model_config *config = config_parse("config.json", root, &error);
    cr_assert(config, "%s", error_text(&error));
    cr_expect_leq(work_done() - before, 20 * 200000);
    for (int layer = 0; layer < 1024; layer++)
        cr_expect_eq(config->sparse[layer], layer != 1 && layer != 3, "layer %d", layer);
    free(config);
    cJSON_Delete(root);
}

/* routing */

Test(routing, chooses_the_largest_and_the_first_of_equals)
{
    static const struct {
        float logits[6];
        int chosen[6];
    } rows[] = {
        {{1, 3, 2, 6, 5, 4}, {3, 4, 5, 1, 2, 0}},
        {{1, 1, 1, 1, 1, 1}, {0, 1, 2, 3, 4, 5}},
        {{0, -0.0f, 2, 0, 2, -1}, {2, 4, 0, 1, 3, 5}},
        {{NAN, 1, NAN, -INFINITY, INFINITY, 1}, {4, 1, 5, 3, 0, 2}},
        {{NAN, NAN, NAN, NAN, NAN, NAN}, {0, 1, 2, 3, 4, 5}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int k = 1; k <= 6; k++) {
            int chosen[6];
            routing_choose(rows[i].logits, 6, k, chosen);
            cr_expect(memcmp(chosen, rows[i].chosen, (size_t)k * sizeof *chosen) == 0, "row %zu, %d of them", i, k);
        }
}

Test(routing, equal_logits_take_no_longer)
{
    enum { ALL = 4096 };
    float *logits = calloc(ALL, sizeof *logits);
    int *chosen = calloc(ALL, sizeof *chosen);
    size_t before = work_done();
    routing_choose(logits, ALL, ALL, chosen);
    size_t equal = work_done() - before;
    for (int i = 0; i < ALL; i++)
        cr_assert_eq(chosen[i], i);
    for (int i = 0; i < ALL; i++)
        logits[i] = (float)(i * 1237 % ALL);
    before = work_done();
    routing_choose(logits, ALL, ALL, chosen);
    cr_expect_leq(equal, 2 * (work_done() - before));
    free(logits);
    free(chosen);
}
