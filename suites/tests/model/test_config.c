/* The configuration rung: what is refused, and what is told of a configuration. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/progress.h"
#include "config_fixture.h"
#include "fixtures.h"
#include "model/config_difference.h"
#include "model/family.h"
#include "model/model_internal.h"
#include "model/routing.h"
#include "work.h"

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
    {BARE, "'model_type': 'gpt9'", "gpt9", "not a family"},
    {BARE, "'model_type': 'gpt9'", "gpt9", "assay families"}, /* which it could be */
    {QWEN2, "'hidden_act': 'xielu'", "hidden_act", "xielu"},
    {LLAMA, "'head_dim': 5", "head_dim 5", "odd"},
    {LLAMA, "'rope_parameters': {'rope_type': 'proportional'}", "rope", "proportional"},
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
    {LLAMA, "'rope_scaling': {'rope_type': 'proportional', 'factor': [1, 2], 'low_freq_factor': 'x'}", "rope",
     "proportional"},
    {QWEN2, "'use_sliding_window': true, 'layer_types': [1, 2, 3, 4]", "layer_types", ""},
    {LLAMA, "'model_type': 'gemma2', 'use_bidirectional_attention': true", "use_bidirectional_attention", "gemma2"},
    {LLAMA, "'model_type': 'cohere', 'use_qk_norm': true", "use_qk_norm", "cohere"},
    {LLAMA, "'model_type': 'falcon', 'alibi': true", "alibi", "falcon"},
    {LLAMA, "'model_type': 'gpt2', 'scale_attn_by_inverse_layer_idx': true", "with", "scale_attn_by_inverse_layer_idx"},
    {LLAMA, "'model_type': 'gpt2', 'scale_attn_weights': false", "without", "scale_attn_weights"},
    {LLAMA, "'model_type': 'gpt2', 'add_cross_attention': true", "with", "add_cross_attention"},
    {LLAMA, "'model_type': 'falcon', 'new_decoder_architecture': true, 'parallel_attn': false", "parallel_attn",
     "true"},
    {LLAMA, "'model_type': 'falcon', 'new_decoder_architecture': true, 'num_ln_in_parallel_attn': 3", "3", "true"},
    {LLAMA, "'model_type': 'falcon', 'num_ln_in_parallel_attn': 2", "num_ln_in_parallel_attn", "false"},
    {LLAMA, "'model_type': 'exaone4', 'sliding_window_pattern': 'LLLG'", "sliding_window_pattern", "layer_types"},
    {LLAMA, "'model_type': 'glm4', 'head_dim': 6, 'partial_rotary_factor': 0.5", "partial_rotary_factor 0.5", "are 3"},
    {LLAMA, "'model_type': 'gemma3_text', 'rope_parameters': {'rope_theta': 1e6}", "rope_parameters",
     "sliding_attention"},
    {LLAMA,
     "'model_type': 'gemma3_text', 'rope_parameters': {'sliding_attention': {'rope_type': 'linear', 'factor': 2}}",
     "linear", "sliding_attention"},
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
        {"'model_type': 'gpt9', 'n_layer': 3, 'n_embd': 24, 'vocab_size': 50", 3, 24, 50, 0},
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
        {BARE, "'model_type': 'gpt9'", "'model_type': 'bloom'", DIFFERS_PERHAPS,
         "model_type is gpt9 here and bloom there"},
        {BARE, "'model_type': 'gpt9', 'n_embd': 8", "'model_type': 'gpt9'", DIFFERS_NOTHING, ""},
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

/* Scores of DeepSeek-V3: by hand, of six experts in three groups of two, of which two are taken. */
Test(routing, scores_are_sigmoids_with_biases_in_the_groups_that_are_taken)
{
    struct model_config *config = calloc(1, sizeof *config);
    const float logits[6] = {0, 0, 2, -2, 1, 1}, bias[6] = {0, 0.5f, 0, 0.25f, -1, 0};
    float scores[6];
    int chosen[3];
    config->experts = 6;
    config->choice_groups = config->choice_groups_taken = 1;
    routing_scores(config, bias, logits, scores);
    cr_expect(memcmp(scores, logits, sizeof scores) == 0 && routing_slope(config) >= 1);
    config->switches.scores = SCORES_SIGMOID;
    const double all[6] = {0.5, 1, 0.880797, 0.369203, -0.268941, 0.731059};
    routing_scores(config, bias, logits, scores);
    for (int e = 0; e < 6; e++)
        cr_expect_float_eq((double)scores[e], all[e], 1e-6, "expert %d: %g", e, (double)scores[e]);
    routing_choose(scores, 6, 3, chosen);
    cr_expect(chosen[0] == 1 && chosen[1] == 2 && chosen[2] == 5);
    config->choice_groups = 3;
    config->choice_groups_taken = 2; /* their sums are 1.5, 1.25 and 0.46 */
    routing_scores(config, bias, logits, scores);
    for (int e = 0; e < 6; e++)
        cr_expect(e < 4 ? fabs((double)scores[e] - all[e]) < 1e-6 : isinf(scores[e]), "expert %d", e);
    config->choice_groups_taken = 1;
    routing_scores(config, NULL, logits, scores); /* without biases 1, 1 and 1.46 */
    for (int e = 0; e < 6; e++)
        cr_expect(e < 4 ? isinf(scores[e]) : scores[e] > 0.7f, "expert %d", e);
    const float masked[6] = {-INFINITY, 0, 0, 0, 0, NAN};
    config->choice_groups = 1;
    routing_scores(config, bias, masked, scores);
    cr_expect(isinf(scores[0]) && isnan(scores[5]) && scores[1] >= 1);
    free(config);
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

/* The page for users lists what the table of families has, in its order. */
Test(configuration, readme_lists_the_families)
{
    struct error error = {0};
    struct buffer list = {0}, page = {0};
    family_list(&list);
    cr_assert(file_read(ASSAY_SOURCE_DIR "/engine/README.md", 1 << 20, &page, &error), "%s", error_text(&error));
    for (char *at = page.data; *at; at++)
        *at = *at == '\n' ? ' ' : *at;
    cr_expect(strstr(page.data, list.data), "engine/README.md lacks \"%s\"", list.data);
    buffer_free(&list);
    buffer_free(&page);
}
