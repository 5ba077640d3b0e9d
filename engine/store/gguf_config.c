/* The metadata of a GGUF file as the config.json that its model came with. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wording.h"
#include "store/gguf_internal.h"

#define KEY 128
#define LAYERS_MAX 1024 /* as the reader of the configuration has it */

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

/* What follows from an architecture, or from whether a tensor is there. */
static const struct architecture_row {
    const char *name;
    const char *model_type, *sparse_type;    /* without and with experts; NULL: such are not known */
    const char *warm_type;                   /* where queries have a temperature; NULL: they have none */
    const char *bias_keys[2], *mlp_bias_key; /* NULL: the family has none to set */
    bool norm_topk;                          /* where the metadata does not say: what llama.cpp does */
    bool expert_sizes;                       /* experts have sizes of their own */
    bool no_window;                          /* said, for the family has one where nothing is said */
    bool yarn_keys; /* llama.cpp reads all keys of yarn; else the factor and the context only */
    bool longrope;  /* llama.cpp reads the tensors of it */
} architecture_rows[] = {
    {.name = "llama",
     .model_type = "llama",
     .sparse_type = "mixtral",
     .bias_keys = {"attention_bias"},
     .mlp_bias_key = "mlp_bias",
     .norm_topk = true,
     .longrope = true},
    {.name = "mistral3",
     .model_type = "mistral",
     .warm_type = "ministral3",
     .no_window = true,
     .yarn_keys = true,
     .longrope = true},
    {.name = "qwen2", .model_type = "qwen2"},
    {.name = "qwen2moe", .sparse_type = "qwen2_moe", .bias_keys = {"qkv_bias"}, .expert_sizes = true},
    {.name = "qwen2vl", .model_type = "qwen2_vl"},
    {.name = "qwen3", .model_type = "qwen3", .bias_keys = {"attention_bias"}},
    {.name = "qwen3moe",
     .sparse_type = "qwen3_moe",
     .bias_keys = {"attention_bias"},
     .norm_topk = true,
     .expert_sizes = true},
    {.name = "qwen3vl", .model_type = "qwen3_vl", .bias_keys = {"attention_bias"}},
    {.name = "qwen3vlmoe",
     .sparse_type = "qwen3_vl_moe",
     .bias_keys = {"attention_bias"},
     .norm_topk = true,
     .expert_sizes = true},
    {.name = "seed_oss", .model_type = "seed_oss", .bias_keys = {"attention_bias", "attention_out_bias"}},
};

struct making {
    const struct gguf *gguf; /* the metadata */
    const struct store *store;
    struct map tensors;                 /* of the store, by their names on disk */
    const struct architecture_row *row; /* NULL: none of those */
    char name[64];                      /* of the architecture */
    uint64_t experts;
    double temperature; /* of queries; 0: none */
    cJSON *json;
    struct error *error;
};

static const char *key_of(const struct making *making, const char *key, char out[KEY])
{
    snprintf(out, KEY, "%s.%s", making->name, key);
    return out;
}

static bool get_whole(const struct making *making, const char *key, uint64_t *value)
{
    char text[KEY];
    return gguf_get_whole(making->gguf, key_of(making, key, text), UINT32_MAX, value, making->error);
}

static bool get_real(const struct making *making, const char *key, double *value)
{
    char text[KEY];
    return gguf_get_real(making->gguf, key_of(making, key, text), value, making->error);
}

static const struct tensor *find(const struct making *making, const char *disk_name)
{
    size_t index = map_find(&making->tensors, disk_name, strlen(disk_name));
    return index == MAP_ABSENT ? NULL : &making->store->tensors[index];
}

static bool has(const struct making *making, const char *disk_name)
{
    return find(making, disk_name) != NULL;
}

static bool lacks(const struct making *making, const char *key)
{
    return error_set(making->error, "%s: no metadata '%s.%s', which the configuration needs", making->gguf->path,
                     making->name, key);
}

/* All digits: cJSON rounds to 15. Not finite: a string, which the reader refuses. */
static void add_real(cJSON *json, const char *key, double value)
{
    char text[40];
    snprintf(text, sizeof text, isfinite(value) ? "%.17g" : "\"%g\"", value);
    cJSON_AddRawToObject(json, key, text);
}

/* The first reason is kept; the document says it, whoever reads it. */
static void note_unsupported(const struct making *making, const char *format, ...) ASSAY_PRINTF(2, 3);

static void note_unsupported(const struct making *making, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (!json_member(making->json, "assay_unsupported"))
        cJSON_AddStringToObject(making->json, "assay_unsupported", text);
}

/* A number that changes what is computed, and that no family of this engine has. */
static void note_number(const struct making *making, const char *key, double value, const char *instead)
{
    note_unsupported(making, "assay does not compute the metadata '%s.%s', which is %g%s", making->name, key, value,
                     instead);
}

static bool make_sizes(struct making *making)
{
    for (size_t i = 0; i < sizeof size_rows / sizeof *size_rows; i++) {
        const struct size_row *row = &size_rows[i];
        uint64_t value = UINT64_MAX;
        if (!get_whole(making, row->key, &value))
            return false;
        if (value != UINT64_MAX)
            cJSON_AddNumberToObject(making->json, row->to, (double)value);
        else if (row->need == NEEDED || (row->need == WITH_EXPERTS && making->experts))
            return lacks(making, row->key);
    }
    return true;
}

/* Written out where the file relies on a default: those of config.json are others. */
static bool make_heads(struct making *making)
{
    uint64_t heads = 0, hidden = 0, kv_heads = UINT64_MAX, key = UINT64_MAX, value = UINT64_MAX;
    double epsilon = NAN;
    if (!get_whole(making, "attention.head_count", &heads) || !get_whole(making, "embedding_length", &hidden) ||
        !get_whole(making, "attention.head_count_kv", &kv_heads) || !get_whole(making, "attention.key_length", &key) ||
        !get_whole(making, "attention.value_length", &value) ||
        !get_real(making, "attention.layer_norm_rms_epsilon", &epsilon))
        return false;
    if (isnan(epsilon))
        return lacks(making, "attention.layer_norm_rms_epsilon");
    if (!heads)
        return lacks(making, "attention.head_count");
    key = key == UINT64_MAX ? hidden / heads : key;
    if (value != UINT64_MAX && value != key)
        return error_set(making->error,
                         "%s: the metadata 'attention.key_length' is %llu and 'attention.value_length' %llu; assay "
                         "computes only where they are equal",
                         making->gguf->path, (unsigned long long)key, (unsigned long long)value);
    cJSON_AddNumberToObject(making->json, "num_key_value_heads", (double)(kv_heads == UINT64_MAX ? heads : kv_heads));
    cJSON_AddNumberToObject(making->json, "head_dim", (double)key);
    add_real(making->json, "rms_norm_eps", epsilon);
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
    if (!get_whole(making, key, &value))
        return false;
    if (value)
        cJSON_AddNumberToObject(making->json, to, (double)value);
    return value || lacks(making, key);
}

/* Layers without experts among those that have them. */
static void make_dense_layers(struct making *making, uint64_t layers)
{
    cJSON *dense = cJSON_AddArrayToObject(making->json, "mlp_only_layers");
    for (uint64_t layer = 0; layer < layers && layer < LAYERS_MAX; layer++) {
        char up[KEY], router[KEY];
        snprintf(up, sizeof up, "blk.%llu.ffn_up.weight", (unsigned long long)layer);
        snprintf(router, sizeof router, "blk.%llu.ffn_gate_inp.weight", (unsigned long long)layer);
        if (has(making, up) && !has(making, router))
            cJSON_AddItemToArray(dense, cJSON_CreateNumber((double)layer));
    }
}

static bool make_experts(struct making *making)
{
    bool norm = making->row->norm_topk;
    char key[KEY];
    uint64_t layers = 0;
    if (!making->experts)
        return true;
    if (!get_whole(making, "block_count", &layers) ||
        !gguf_get_bool(making->gguf, key_of(making, "expert_weights_norm", key), &norm, making->error))
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
    static const char *const attention[] = {".attn_q.bias", ".attn_k.bias", ".attn_v.bias", ".attn_output.bias"};
    static const char *const mlp[] = {".ffn_gate.bias", ".ffn_up.bias", ".ffn_down.bias"};
    const struct architecture_row *row = making->row;
    bool some = row->bias_keys[0] && any_layer_has(making, attention, 4);
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
    char key[KEY];
    bool causal = true;
    if (!gguf_get_bool(making->gguf, key_of(making, "attention.causal", key), &causal, making->error))
        return false;
    if (!causal)
        cJSON_AddFalseToObject(making->json, "is_causal");
    cJSON_AddStringToObject(making->json, "hidden_act", "silu");
    cJSON_AddBoolToObject(making->json, "tie_word_embeddings", !has(making, "output.weight"));
    if (making->row->no_window)
        cJSON_AddNullToObject(making->json, "sliding_window");
    make_biases(making);
    return true;
}

/* --- rotary embedding --- */

#define DIVISORS_MAX 65536
#define LOW 1.0 /* low_freq_factor and high_freq_factor of every model that has such factors */
#define HIGH 4.0

struct llama3 {
    double factor, context;
};

/* What the frequency of wavelength `wave` is divided by. transformers, modeling_rope_utils.py,
 * _compute_llama3_parameters. */
static double llama3_divisor(const struct llama3 *rope, double wave)
{
    if (wave < rope->context / HIGH)
        return 1;
    if (wave > rope->context / LOW)
        return rope->factor;
    double smooth = (rope->context / wave - LOW) / (HIGH - LOW);
    return 1 / ((1 - smooth) / rope->factor + smooth);
}

static double wave_of(double theta, size_t index, size_t count)
{
    return 2 * M_PI * pow(theta, (double)index / (double)count);
}

/* Where none lies between, as with heads of a few values, any context does that leaves each frequency on its side. */
static double llama3_between(const float *divisors, size_t count, double theta, double factor)
{
    double whole = 0, divided = INFINITY; /* the longest wave that stays, the shortest that is divided by the factor */
    for (size_t i = 0; i < count; i++) {
        double wave = wave_of(theta, i, count);
        if ((double)divisors[i] < factor * 0.999)
            whole = fmax(whole, wave);
        else
            divided = fmin(divided, wave);
    }
    return round(whole > 0 ? sqrt(HIGH * whole * LOW * divided) : LOW * divided / 2);
}

/* A file keeps of the llama3 rope only what came out: a divisor for each frequency. The factor is the largest of them;
 * the original context follows from one between; and then all of them must follow from both. */
static bool llama3_find(const float *divisors, size_t count, double theta, struct llama3 *rope)
{
    *rope = (struct llama3){.factor = 1};
    for (size_t i = 0; i < count; i++)
        rope->factor = (double)divisors[i] > rope->factor ? (double)divisors[i] : rope->factor;
    for (size_t i = 0; i < count && !(rope->context > 0); i++) {
        double divisor = (double)divisors[i], smooth = (1 / divisor - 1 / rope->factor) / (1 - 1 / rope->factor);
        if (divisor > 1.001 && divisor < rope->factor * 0.999)
            rope->context = round(wave_of(theta, i, count) * (smooth * (HIGH - LOW) + LOW));
    }
    if (!(rope->context > 0) && rope->factor > 1.001)
        rope->context = llama3_between(divisors, count, theta, rope->factor);
    bool good = rope->context > 0 && rope->context < 1e9;
    for (size_t i = 0; good && i < count; i++) {
        double expected = llama3_divisor(rope, wave_of(theta, i, count));
        good = fabs((double)divisors[i] - expected) <= 1e-4 * expected; /* float32 arithmetic, and a rounded context */
    }
    return good;
}

static void make_llama3(struct making *making, cJSON *rope, double theta, const float *divisors, size_t count)
{
    struct llama3 llama3;
    if (!llama3_find(divisors, count, theta, &llama3)) {
        note_unsupported(making,
                         "assay does not compute the divisors that tensor 'rope_freqs.weight' holds; it computes "
                         "those of llama3 with low_freq_factor 1 and high_freq_factor 4");
        return;
    }
    cJSON_AddStringToObject(rope, "rope_type", "llama3");
    add_real(rope, "factor", llama3.factor);
    add_real(rope, "low_freq_factor", LOW);
    add_real(rope, "high_freq_factor", HIGH);
    cJSON_AddNumberToObject(rope, "original_max_position_embeddings", llama3.context);
}

static bool make_divided(struct making *making, cJSON *rope, double theta, const struct tensor *tensor)
{
    float *divisors = malloc((size_t)tensor->bytes + 1);
    bool good = (divisors || error_memory(making->error, making->gguf->path)) &&
                store_read(making->store, tensor, divisors, making->error);
    if (good)
        make_llama3(making, rope, theta, divisors, (size_t)tensor->columns);
    free(divisors);
    return good;
}

/* Numbers of yarn that llama.cpp reads of some architectures only, and what it takes in their place elsewhere. It
 * reads no "yarn_attn_factor" of any that are computed here: the factor follows from the others (llama-context.cpp). */
static const struct yarn_row {
    const char *key, *to; /* NULL: what is not usual cannot be computed */
    double usual;
} yarn_rows[] = {
    {"rope.scaling.yarn_beta_fast", "beta_fast", 32},
    {"rope.scaling.yarn_beta_slow", "beta_slow", 1},
    {"rope.scaling.yarn_log_multiplier", "mscale_all_dim", 0},
    {"rope.scaling.yarn_ext_factor", NULL, 1},
};

static bool make_yarn(struct making *making, cJSON *rope)
{
    for (size_t i = 0; i < sizeof yarn_rows / sizeof *yarn_rows; i++) {
        const struct yarn_row *row = &yarn_rows[i];
        double value = row->usual;
        if (!get_real(making, row->key, &value))
            return false;
        if (row->to && making->row->yarn_keys)
            add_real(rope, row->to, value);
        else if (value >= 0 && (value < row->usual || value > row->usual))
            note_number(making, row->key, value, "; llama.cpp does not read it of this architecture");
    }
    if (making->row->yarn_keys)
        add_real(rope, "mscale", 1);
    return true;
}

/* The tensor's numbers, as an array. */
static bool add_numbers(const struct making *making, cJSON *rope, const char *key, const char *disk_name)
{
    const struct tensor *tensor = find(making, disk_name);
    if (!tensor || tensor->dtype != DTYPE_F32 || tensor->rank != 1 || tensor->columns > DIVISORS_MAX)
        return true; /* whoever reads the configuration misses it */
    float *numbers = malloc((size_t)tensor->bytes + 1);
    cJSON *list = cJSON_AddArrayToObject(rope, key);
    bool good = ((numbers && list) || error_memory(making->error, making->gguf->path)) &&
                store_read(making->store, tensor, numbers, making->error);
    for (uint64_t i = 0; good && i < tensor->columns; i++)
        cJSON_AddItemToArray(list, cJSON_CreateNumber((double)numbers[i]));
    free(numbers);
    return good;
}

static bool make_longrope(struct making *making, cJSON *rope, double strength)
{
    add_real(rope, "attention_factor", strength);
    return add_numbers(making, rope, "short_factor", "rope_factors_short.weight") &&
           add_numbers(making, rope, "long_factor", "rope_factors_long.weight");
}

/* As llama.cpp reads them (llama-model.cpp): the type is linear where the file names none, the factor has an older
 * name, and 0 is none. `strength` multiplies cosines and sines. */
static bool make_scaling(struct making *making, cJSON *rope, double theta, double strength)
{
    const struct tensor *divisors = find(making, "rope_freqs.weight");
    struct gguf_text type = {.data = "linear", .size = 6};
    char key[KEY];
    double factor = 0;
    if (!get_real(making, "rope.scale_linear", &factor) || !get_real(making, "rope.scaling.factor", &factor) ||
        !gguf_get_text(making->gguf, key_of(making, "rope.scaling.type", key), &type, making->error))
        return false;
    bool linear = gguf_text_is(type, "linear"), none = gguf_text_is(type, "none"), yarn = gguf_text_is(type, "yarn");
    bool longrope = gguf_text_is(type, "longrope") && making->row->longrope;
    bool scaled = !none && (factor < 0 || factor > 0) && (factor < 1 || factor > 1);
    if (!longrope && !(strength >= 1 && strength <= 1))
        note_number(making, "rope.scaling.attn_factor", strength, "");
    if (!longrope && divisors && divisors->dtype == DTYPE_F32 && divisors->rank == 1 &&
        divisors->columns <= DIVISORS_MAX) {
        if (scaled)
            note_number(making, "rope.scaling.factor", factor, " beside the divisors of tensor 'rope_freqs.weight'");
        return make_divided(making, rope, theta, divisors);
    }
    if (!linear && !none && !yarn && !longrope)
        note_unsupported(making, "assay does not compute the metadata '%s.rope.scaling.type', which is \"%.*s\"",
                         making->name, (int)(type.size < 100 ? type.size : 100), type.data);
    if (longrope && scaled)
        note_number(making, "rope.scaling.factor", factor, " beside the type longrope");
    cJSON_AddStringToObject(rope, "rope_type", yarn ? "yarn" : longrope ? "longrope" : scaled ? "linear" : "default");
    if (scaled || yarn)
        add_real(rope, "factor", scaled ? factor : 1);
    return yarn ? make_yarn(making, rope) : !longrope || make_longrope(making, rope, strength);
}

/* What yarn, longrope and the temperature of queries count in. */
static bool make_context(struct making *making, cJSON *rope)
{
    const cJSON *whole = json_member(making->json, "max_position_embeddings"), *type = json_member(rope, "rope_type");
    uint64_t context = whole ? (uint64_t)whole->valuedouble : 0;
    if (!get_whole(making, "rope.scaling.original_context_length", &context))
        return false;
    bool counts = cJSON_IsString(type) && strcmp(type->valuestring, "linear") != 0;
    if (!json_member(rope, "original_max_position_embeddings") && context && counts)
        cJSON_AddNumberToObject(rope, "original_max_position_embeddings", (double)context);
    if (fabs(making->temperature) > 0)
        add_real(rope, "llama_4_scaling_beta", making->temperature);
    return true;
}

static bool make_rope(struct making *making)
{
    double theta = 10000, strength = 1;
    uint64_t rotated = 0;
    cJSON *rope = cJSON_AddObjectToObject(making->json, "rope_parameters");
    const cJSON *head = json_member(making->json, "head_dim");
    if (!get_real(making, "rope.freq_base", &theta) || !get_whole(making, "rope.dimension_count", &rotated) ||
        !get_real(making, "rope.scaling.attn_factor", &strength))
        return false;
    add_real(rope, "rope_theta", theta);
    if (rotated && head && rotated != (uint64_t)head->valuedouble)
        note_number(making, "rope.dimension_count", (double)rotated, "; it rotates whole heads");
    return make_scaling(making, rope, theta, strength) && make_context(making, rope);
}

/* --- all of it --- */

/* NULL: none that is known. */
static const char *type_of(const struct making *making)
{
    if (!making->row)
        return NULL;
    if (making->experts)
        return making->row->sparse_type;
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
    for (size_t i = 0; i < sizeof architecture_rows / sizeof *architecture_rows; i++)
        if (strcmp(architecture_rows[i].name, making->name) == 0)
            making->row = &architecture_rows[i];
    if (!get_whole(making, "expert_count", &making->experts))
        return false;
    if (making->row && making->row->warm_type && !get_real(making, "attention.temperature_scale", &making->temperature))
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

/* Factors: 0 and 1 stand for none. */
static bool note_factors(const struct making *making)
{
    static const char *const keys[] = {"attention.scale",         "logit_scale",          "residual_scale",
                                       "embedding_scale",         "expert_weights_scale", "attn_logit_softcapping",
                                       "final_logit_softcapping", "attention.clamp_kqv"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        double value = 0;
        if (!get_real(making, keys[i], &value))
            return false;
        if (!(value >= 0 && value <= 0) && !(value >= 1 && value <= 1))
            note_number(making, keys[i], value, "");
    }
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
    return make_switches(making) && note_factors(making) && make_sizes(making) && make_heads(making) &&
           make_vocabulary(making) && make_experts(making) && make_rope(making) && make_end(making);
}

char *gguf_config(const struct store *store, const struct gguf *gguf, struct error *error)
{
    struct making making = {.gguf = gguf, .store = store, .json = cJSON_CreateObject(), .error = error};
    bool good = (making.json || error_memory(error, gguf->path)) && make_all(&making);
    char *text = good ? cJSON_Print(making.json) : NULL;
    if (good && !text)
        error_memory(error, gguf->path);
    cJSON_Delete(making.json);
    map_free(&making.tensors);
    return text;
}
