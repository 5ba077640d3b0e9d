/* The metadata of a GGUF file as the config.json that its model came with. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wording.h"
#include "store/gguf_making.h"

enum need { NEEDED, WITH_EXPERTS, MAY_BE };

/* Whole numbers, below "ARCHITECTURE.". */
static const struct size_row {
    const char *key, *to;
    enum need need;
} size_rows[] = {
    {"block_count", "num_hidden_layers", NEEDED},
    {"embedding_length", "hidden_size", NEEDED},
    {"attention.head_count", "num_attention_heads", NEEDED},
    {"feed_forward_length", "intermediate_size", NEEDED},
    {"context_length", "max_position_embeddings", MAY_BE},
    {"expert_used_count", "num_experts_per_tok", WITH_EXPERTS},
};

static bool make_sizes(struct making *making)
{
    for (size_t i = 0; i < sizeof size_rows / sizeof *size_rows; i++) {
        const struct size_row *row = &size_rows[i];
        uint64_t value = UINT64_MAX;
        if (!making_whole(making, row->key, &value))
            return false;
        if (value != UINT64_MAX)
            cJSON_AddNumberToObject(making->json, row->to, (double)value);
        else if (row->need == NEEDED || (row->need == WITH_EXPERTS && making->experts))
            return making_lacks(making, row->key);
    }
    return true;
}

/* Written out where the file relies on a default: those of config.json are others. */
static bool make_heads(struct making *making)
{
    const char *epsilon_key =
        making->row->centred ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon";
    uint64_t heads = 0, hidden = 0, kv_heads = UINT64_MAX, key = UINT64_MAX, value = UINT64_MAX;
    double epsilon = NAN;
    if (!making_whole(making, "attention.head_count", &heads) || !making_whole(making, "embedding_length", &hidden) ||
        !making_whole(making, "attention.head_count_kv", &kv_heads) ||
        !making_whole(making, "attention.key_length", &key) ||
        !making_whole(making, "attention.value_length", &value) || !making_real(making, epsilon_key, &epsilon))
        return false;
    if (isnan(epsilon))
        return making_lacks(making, epsilon_key);
    if (!heads)
        return making_lacks(making, "attention.head_count");
    key = key == UINT64_MAX ? hidden / heads : key;
    if (value != UINT64_MAX && value != key)
        return error_set(making->error,
                         "%s: the metadata 'attention.key_length' is %llu and 'attention.value_length' %llu; assay "
                         "computes only where they are equal",
                         making->gguf->path, (unsigned long long)key, (unsigned long long)value);
    cJSON_AddNumberToObject(making->json, "num_key_value_heads", (double)(kv_heads == UINT64_MAX ? heads : kv_heads));
    cJSON_AddNumberToObject(making->json, "head_dim", (double)key);
    making_add_real(making->json, making->row->centred ? "layer_norm_eps" : "rms_norm_eps", epsilon);
    return true;
}

/* The number that the key gives, else the rows of the first tensor whose name ends so. */
static bool make_size_or_rows(struct making *making, const char *key, const char *ending, const char *to)
{
    const struct tensor *found = NULL;
    for (size_t i = 0; !found && i < making->store->count; i++) {
        if (text_ends_with(making->store->tensors[i].disk_name, ending))
            found = &making->store->tensors[i];
    }
    uint64_t value = found && found->rank >= 2 ? found->shape[found->rank - 2] : 0;
    if (!making_whole(making, key, &value))
        return false;
    if (value)
        cJSON_AddNumberToObject(making->json, to, (double)value);
    return value || making_lacks(making, key);
}

/* Layers without experts among those that have them. */
static void make_dense_layers(struct making *making, uint64_t layers)
{
    cJSON *dense = cJSON_AddArrayToObject(making->json, "mlp_only_layers");
    for (uint64_t layer = 0; layer < layers && layer < GGUF_LAYERS_MAX; layer++) {
        char up[GGUF_KEY], router[GGUF_KEY];
        snprintf(up, sizeof up, "blk.%llu.ffn_up.weight", (unsigned long long)layer);
        snprintf(router, sizeof router, "blk.%llu.ffn_gate_inp.weight", (unsigned long long)layer);
        if (making_find(making, up) && !making_find(making, router))
            cJSON_AddItemToArray(dense, cJSON_CreateNumber((double)layer));
    }
}

static bool make_experts(struct making *making)
{
    bool norm = making->row->norm_topk;
    char key[GGUF_KEY];
    uint64_t layers = 0;
    if (!making->experts)
        return true;
    if (!making_whole(making, "block_count", &layers) ||
        !gguf_get_bool(making->gguf, making_key(making, "expert_weights_norm", key), &norm, making->error))
        return false;
    cJSON_AddNumberToObject(making->json, "num_experts", (double)making->experts);
    cJSON_AddBoolToObject(making->json, "norm_topk_prob", norm);
    make_dense_layers(making, layers);
    if (making->row->expert_sizes &&
        !make_size_or_rows(making, "expert_feed_forward_length", ".ffn_up_exps.weight", "moe_intermediate_size"))
        return false;
    return strcmp(making->row->sparse_type, "qwen2_moe") != 0 ||
           make_size_or_rows(making, "expert_shared_feed_forward_length", ".ffn_up_shexp.weight",
                             "shared_expert_intermediate_size");
}

/* Is there such a tensor in any layer? */
static bool any_layer_has(const struct making *making, const char *const *names, size_t count)
{
    for (size_t i = 0; i < making->store->count; i++) {
        const char *name = making->store->tensors[i].disk_name;
        for (size_t k = 0; strncmp(name, "blk.", 4) == 0 && k < count; k++)
            if (text_ends_with(name, names[k]))
                return true;
    }
    return false;
}

/* llama.cpp adds each bias that it finds, in whatever layers; no metadata speaks of them. */
static void make_biases(struct making *making)
{
    static const char *const attention[] = {".attn_q.bias", ".attn_k.bias", ".attn_v.bias", ".attn_output.bias",
                                            ".attn_qkv.bias"};
    static const char *const mlp[] = {".ffn_gate.bias", ".ffn_up.bias", ".ffn_down.bias"};
    const struct gguf_architecture *row = making->row;
    bool some = row->bias_keys[0] && any_layer_has(making, attention, 5);
    bool some_mlp = row->mlp_bias_key && !making->experts && any_layer_has(making, mlp, 3);
    for (size_t i = 0; i < 2 && row->bias_keys[i]; i++)
        cJSON_AddBoolToObject(making->json, row->bias_keys[i], some);
    if (row->mlp_bias_key && !making->experts)
        cJSON_AddBoolToObject(making->json, row->mlp_bias_key, some_mlp);
    if (some || some_mlp)
        cJSON_AddTrueToObject(making->json, "assay_biases_open");
}

static bool make_switches(struct making *making)
{
    char key[GGUF_KEY];
    bool causal = true;
    if (!gguf_get_bool(making->gguf, making_key(making, "attention.causal", key), &causal, making->error))
        return false;
    if (!causal)
        cJSON_AddFalseToObject(making->json, "is_causal");
    const struct gguf_architecture *row = making->row;
    cJSON_AddStringToObject(making->json, row->activation_key ? row->activation_key : "hidden_act",
                            row->activation ? row->activation : "silu");
    if (row->whole_gains)
        cJSON_AddTrueToObject(making->json, "assay_gains_whole");
    cJSON_AddBoolToObject(making->json, "tie_word_embeddings", !making_find(making, "output.weight"));
    make_biases(making);
    return true;
}

/* --- all of it --- */

/* NULL: none that is known. */
static const char *type_of(const struct making *making)
{
    if (!making->row)
        return NULL;
    if (making->experts)
        return making->row->sparse_type;
    if (making->window && making->row->windowed_type)
        return making->row->windowed_type;
    return fabs(making->temperature) > 0 ? making->row->warm_type : making->row->model_type;
}

static bool make_architecture(struct making *making)
{
    struct gguf_text name = {0};
    if (!gguf_get_text(making->gguf, "general.architecture", &name, making->error))
        return false;
    if (!name.size || name.size >= sizeof making->name || memchr(name.data, '\0', name.size) ||
        utf8_check(name.data, name.size) < name.size)
        return error_set(making->error, "%s: no metadata 'general.architecture'", making->gguf->path);
    memcpy(making->name, name.data, name.size);
    making->row = gguf_architecture_find(making->name);
    if (!making_whole(making, "expert_count", &making->experts))
        return false;
    if (making->row && making->row->warm_type &&
        !making_real(making, "attention.temperature_scale", &making->temperature))
        return false;
    if (making->row && !making_find_window(making))
        return false;
    const char *type = type_of(making);
    char other[128];
    snprintf(other, sizeof other, "%s%s", making->name,
             !making->row      ? ""
             : making->experts ? " with experts"
                               : " without experts");
    if (!type)
        making->row = NULL;
    cJSON_AddStringToObject(making->json, "model_type", type ? type : other);
    return true;
}

static bool make_vocabulary(struct making *making)
{
    return make_size_or_rows(making, "vocab_size", "token_embd.weight", "vocab_size");
}

static bool is_end_name(struct gguf_text token)
{
    static const char *const names[] = {"<|im_end|>",
                                        "<|eot_id|>",
                                        "<|eom_id|>",
                                        "<|end|>",
                                        "<|return|>",
                                        "<|call|>",
                                        "<|endoftext|>",
                                        "</s>",
                                        "<eos>",
                                        "<EOT>",
                                        "[EOT]",
                                        "[EOS]",
                                        "_<EOT>",
                                        "<end_of_turn>",
                                        "<turn|>",
                                        "[e~[",
                                        "<|flush|>",
                                        "<|end_of_text|>",
                                        "<|calls|>",
                                        "<end_of_utterance>",
                                        "<\xef\xbd\x9c"
                                        "end\xe2\x96\x81of\xe2\x96\x81sentence\xef\xbd\x9c>"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (gguf_text_is(token, names[i]))
            return true;
    return false;
}

/* What ends a text: the token that the metadata numbers, else those whose names say so, as llama.cpp has it. */
static bool make_end(struct making *making)
{
    uint64_t id = UINT64_MAX;
    const struct gguf_value *tokens = NULL;
    if (!gguf_get_whole(making->gguf, "tokenizer.ggml.eos_token_id", UINT32_MAX, &id, making->error) ||
        !gguf_get_array(making->gguf, "tokenizer.ggml.tokens", GGUF_STRING, &tokens, making->error))
        return false;
    if (id != UINT64_MAX) {
        cJSON_AddNumberToObject(making->json, "eos_token_id", (double)id);
        return true;
    }
    cJSON *ends = cJSON_AddArrayToObject(making->json, "eos_token_id");
    size_t at = tokens ? tokens->at : 0;
    for (uint64_t i = 0; tokens && i < tokens->count; i++)
        if (is_end_name(gguf_next_text(making->gguf, &at)))
            cJSON_AddItemToArray(ends, cJSON_CreateNumber((double)i));
    return true;
}

/* What follows from how many layers there are, and layers that predict further tokens. */
static bool make_depth(struct making *making)
{
    uint64_t layers = 0, further = 0;
    if (!making_whole(making, "block_count", &layers) || !making_whole(making, "nextn_predict_layers", &further))
        return false;
    if (further)
        making_refuse_number(making, "nextn_predict_layers", (double)further, "");
    if (making->row->normed_depth && layers >= making->row->normed_depth)
        cJSON_AddTrueToObject(making->json, "use_qk_norm");
    return true;
}

static bool make_index(struct making *making)
{
    for (size_t i = 0; i < making->store->count; i++) {
        const char *name = making->store->tensors[i].disk_name;
        if (!map_add(&making->tensors, name, strlen(name), i, NULL))
            return error_memory(making->error, making->gguf->path);
    }
    return true;
}

/* Any other architecture is only named: whoever reads the document refuses it. */
static bool make_all(struct making *making)
{
    if (!make_index(making) || !make_architecture(making))
        return false;
    if (!making->row)
        return true;
    return make_switches(making) && make_sizes(making) && make_heads(making) && make_depth(making) &&
           making_layers(making) && make_vocabulary(making) && make_experts(making) && making_rope(making) &&
           make_end(making);
}

char *gguf_config(const struct store *store, const struct gguf *gguf, struct error *error)
{
    struct making making = {.gguf = gguf, .store = store, .json = cJSON_CreateObject(), .error = error};
    bool good = (making.json || error_memory(error, gguf->path)) && make_all(&making);
    char *text = good ? json_document(making.json, true) : NULL;
    if (good && !text)
        error_memory(error, gguf->path);
    cJSON_Delete(making.json);
    map_free(&making.tensors);
    return text;
}
