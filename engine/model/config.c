#include "model/config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "math/activation.h"
#include "model/config_source.h"
#include "model/config_unknown.h"
#include "model/family.h"
#include "store/architecture.h"

#define CONFIG_FILE_MAX ((size_t)16 << 20)
#define EXPERTS_LIMIT (1 << 18) /* in all layers together; the largest known model has 23,424 */

static void family_unknown(struct model_config *config)
{
    if (*config->model_type)
        config_cannot(config, "%s is not a family that assay computes (assay families lists them)", config->model_type);
    else
        config_cannot(config, "the configuration names no \"model_type\", so its family is not known");
}

static bool parse_family(struct model_config *config, const struct config_source *source, struct error *error)
{
    const char *type = NULL, *unsupported = NULL; /* what a reader of another format could not put in other words */
    if (!json_get_string(source->text, source->name, "model_type", &type, error))
        return false;
    if (!type && !json_get_string(source->outer, source->name, "model_type", &type, error))
        return false;
    if (!json_get_string(source->text, source->name, "assay_unsupported", &unsupported, error))
        return false;
    config->family = type ? family_find(type) : NULL;
    if (config->family && config->family->typed && source->text == source->root &&
        json_member(source->text, "layer_types"))
        config->family = family_find(config->family->typed);
    snprintf(config->model_type, sizeof config->model_type, "%s", type ? type : "");
    if (!config->family)
        family_unknown(config);
    if (unsupported)
        config_cannot(config, "%s", unsupported);
    return true;
}

/* Which class was saved: the first of them, as the original takes it. */
static void take_class(struct model_config *config, const struct config_source *source)
{
    const cJSON *first = cJSON_GetArrayItem(json_member(source->root, "architectures"), 0);
    if (cJSON_IsString(first))
        snprintf(config->made_as, sizeof config->made_as, "%s", first->valuestring);
}

/* The innermost that says it. Newer files call it "dtype"; a value that is no name says nothing. */
static void take_dtype(struct model_config *config, const struct config_source *source)
{
    const cJSON *const places[] = {source->text, source->outer, source->root};
    static const char *const keys[] = {"dtype", "torch_dtype"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
            const cJSON *value = json_member(places[i], keys[k]);
            if (!cJSON_IsString(value) || *config->dtype)
                continue;
            const char *name = value->valuestring;
            static const char module[] = "torch."; /* as some tools print it */
            name += strncmp(name, module, strlen(module)) == 0 ? strlen(module) : 0;
            snprintf(config->dtype, sizeof config->dtype, "%s", name);
        }
}

/* The innermost that says it counts; outer ones add what it leaves open. */
static void take_quantisation(struct model_config *config, const struct config_source *source)
{
    const cJSON *const places[] = {source->text, source->outer, source->root};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        quantisation_take("config.json", places[i], &config->quantisation);
}

/* The family's own spelling where the file has it, else the usual one. */
static const char *size_key(const cJSON *text, const char *own, const char *usual)
{
    return own && json_member(text, own) ? own : usual;
}

static bool parse_sizes(struct model_config *config, const struct config_source *source, struct error *error)
{
    const struct family *family = config->family;
    const cJSON *text = source->text;
    const char *inner = family->spelled.intermediate;
    config->vocabulary = family->absent.vocabulary;
    config->hidden = family->absent.hidden;
    config->intermediate = family->absent.intermediate;
    config->layers = family->absent.layers;
    config->heads = family->absent.heads;
    config->context = family->absent.context;
    config->next_layers = family->next_layers;
    if (family->next_layers &&
        !json_get_int(source->text, source->name, "num_nextn_predict_layers", 0, 16, &config->next_layers, error))
        return false;
    const struct {
        const char *key;
        int maximum;
        int *value;
    } sizes[] = {{"vocab_size", SIZE_LIMIT, &config->vocabulary},
                 {size_key(text, family->spelled.hidden, "hidden_size"), SIZE_LIMIT, &config->hidden},
                 {inner ? inner : "intermediate_size", SIZE_LIMIT, &config->intermediate},
                 {size_key(text, family->spelled.layers, "num_hidden_layers"), CONFIG_LAYERS_MAX, &config->layers},
                 {size_key(text, family->spelled.heads, "num_attention_heads"), 65536, &config->heads},
                 {size_key(text, family->spelled.context, "max_position_embeddings"), 1 << 30, &config->context}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (!json_get_int(text, source->name, sizes[i].key, 1, sizes[i].maximum, sizes[i].value, error))
            return false;
    config->intermediate = config->intermediate ? config->intermediate : 4 * config->hidden;
    return true;
}

/* What keys and values are made of, and queries unless the file says null; heads of which a part is rotated. */
static bool parse_latents(struct model_config *config, const struct config_source *source, struct error *error)
{
    const struct family *family = config->family;
    const cJSON *text = source->text;
    int rotated = family->absent.rotated, unrotated = family->absent.unrotated;
    bool none = cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(text, "q_lora_rank"));
    config->latent = family->absent.latent;
    config->query_latent = none ? 0 : family->absent.query_latent;
    config->latent_epsilon = family->absent.latent_epsilon;
    config->value_dim = family->absent.value_dim;
    if (!json_get_int(text, source->name, "kv_lora_rank", 1, SIZE_LIMIT, &config->latent, error) ||
        !json_get_int(text, source->name, "q_lora_rank", 1, SIZE_LIMIT, &config->query_latent, error) ||
        !json_get_int(text, source->name, "qk_rope_head_dim", 2, 65536, &rotated, error) ||
        !json_get_int(text, source->name, "qk_nope_head_dim", 1, 65536, &unrotated, error) ||
        !json_get_int(text, source->name, "v_head_dim", 1, 65536, &config->value_dim, error))
        return false;
    if (config->kv_heads != config->heads)
        config_cannot(config, "num_key_value_heads %d is not num_attention_heads, %d, which heads made of latents need",
                      config->kv_heads, config->heads);
    config->rotary_dim = rotated;
    config->head_dim = rotated + unrotated;
    return true;
}

static bool parse_heads(struct model_config *config, const struct config_source *source, struct error *error)
{
    const cJSON *dim = config->family->head_dim_divided || config->family->latents
                           ? NULL
                           : cJSON_GetObjectItemCaseSensitive(source->text, "head_dim");
    config->head_dim = dim || config->family->head_dim_divided || !config->family->absent.head_dim
                           ? config->hidden / config->heads
                           : config->family->absent.head_dim;
    if (!config_take_kv_heads(config, source, error) ||
        (dim && !json_get_int(source->text, source->name, "head_dim", 1, 65536, &config->head_dim, error)))
        return false;
    if (config->heads % config->kv_heads)
        return error_set(error, "%s: num_attention_heads %d is no multiple of num_key_value_heads %d", source->name,
                         config->heads, config->kv_heads);
    if (config->head_dim < 1)
        return error_set(error, "%s: head_dim is absent, and hidden_size divided by num_attention_heads is %d",
                         source->name, config->head_dim);
    config->value_dim = config->rotary_dim = config->head_dim;
    if (config->family->latents && !parse_latents(config, source, error))
        return false;
    if (config->family->rotation == ROTATES_NEVER)
        config->rotary_dim = 0;
    if (config->rotary_dim % 2)
        config_cannot(config, "head_dim %d%s is odd, and a rotary embedding takes an even one", config->head_dim,
                      dim ? "" : " (hidden_size divided by num_attention_heads, for the key is absent)");
    if ((long long)config->heads * (config->head_dim + config->value_dim) > 2 * (long long)SIZE_LIMIT)
        return error_set(error, "%s: num_attention_heads %d times head_dim %d is more than the %d that are allowed",
                         source->name, config->heads, config->head_dim, SIZE_LIMIT);
    return true;
}

/* As the original asks for it: absent it is true, and null is not. */
static bool parse_directions(struct model_config *config, const struct config_source *source, struct error *error)
{
    bool causal = !cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(source->text, "is_causal"));
    if (!json_get_bool(source->text, source->name, "is_causal", &causal, error))
        return false;
    config->both_directions = !causal;
    return true;
}

/* Which keys say that there are biases, NULL for none, and what is so where they do not. */
static const struct bias_row {
    const char *qkv_key, *o_key;
    bool qkv, o;
} bias_rows[] = {
    [BIAS_NEVER] = {NULL, NULL, false, false},
    [BIAS_ATTENTION_KEY] = {"attention_bias", "attention_bias", false, false},
    [BIAS_APART] = {"attention_bias", "attention_out_bias", true, false},
    [BIAS_QKV_ALWAYS] = {NULL, NULL, true, false},
    [BIAS_ALWAYS] = {NULL, NULL, true, true},
    [BIAS_QKV_KEY] = {"qkv_bias", NULL, true, false},
    [BIAS_QKV_ATTENTION] = {"attention_bias", NULL, false, false},
    [BIAS_QKV_NOT_DENIED] = {"attention_bias", NULL, true, false},
    [BIAS_NOT_DENIED] = {"attention_bias", "attention_bias", true, true},
    [BIAS_KEY] = {"bias", "bias", false, false},
    [BIAS_USE_KEY] = {"use_bias", "use_bias", false, false},
    [BIAS_USE_NOT_DENIED] = {"use_bias", "use_bias", true, true},
};

static bool parse_biases(struct model_config *config, const struct config_source *source, struct error *error)
{
    const struct family *family = config->family;
    const struct bias_row *row = &bias_rows[family->bias];
    const cJSON *text = source->text;
    config->qkv_bias = row->qkv;
    config->o_bias = row->o;
    config->mlp_bias = family->absent.mlp_bias;
    if ((row->qkv_key && !json_get_bool(text, source->name, row->qkv_key, &config->qkv_bias, error)) ||
        (row->o_key && !json_get_bool(text, source->name, row->o_key, &config->o_bias, error)) ||
        (family->mlp_bias_key && !json_get_bool(text, source->name, family->mlp_bias_key, &config->mlp_bias, error)) ||
        !json_get_bool(text, source->name, "assay_biases_open", &config->biases_open, error))
        return false;
    config->biases_open = config->biases_open && (row->qkv_key || row->o_key || family->mlp_bias_key);
    return true;
}

static bool parse_tied(struct model_config *config, const struct config_source *source, struct error *error)
{
    const char *type = "";
    bool inside = false;
    if (!json_get_string(source->outer, source->name, "model_type", &type, error))
        return false;
    config->tied = source->outer != source->text ? family_whole_tied(type) : config->family->absent.tied;
    if (!json_get_bool(source->outer, source->name, "tie_word_embeddings", &config->tied, error) ||
        !json_get_bool(source->text, source->name, "tie_word_embeddings", &inside, error))
        return false;
    config->tied = config->tied || (inside && config->family->tied_inside);
    return true;
}

static bool parse_activation(struct model_config *config, const struct config_source *source, struct error *error)
{
    const struct family *family = config->family;
    const char *key = family->activation_key ? family->activation_key : "hidden_act";
    const char *name = family->absent.activation ? family->absent.activation : "silu";
    enum activation_function activation = ACTIVATION_SILU;
    if (*key && !json_get_string(source->text, source->name, key, &name, error))
        return false;
    if (family->gelu_is_tanh && strcmp(name, "gelu") == 0)
        name = "gelu_pytorch_tanh";
    if (!activation_find(name, &activation)) {
        struct buffer names = {0};
        activation_list(&names);
        config_cannot(config, "assay does not compute %s \"%s\"; it computes %s", key, name,
                      names.data ? names.data : "");
        buffer_free(&names);
    }
    config->switches.activation = (int)activation;
    return true;
}

static bool parse_switches(struct model_config *config, const struct config_source *source, struct error *error)
{
    const struct family *family = config->family;
    const char *epsilon = family->epsilon_key ? family->epsilon_key : "rms_norm_eps";
    config->norm_epsilon = family->absent.epsilon;
    config->norms = family->norms;
    config->block_norms = family->block_norms;
    config->norm_biases = family->norm_biases;
    config->position_table = family->position_table;
    config->switches = family->switches;
    /* as GGUF files have them: 1 has been added */
    if (!json_get_bool(source->text, source->name, "assay_gains_whole", &config->gains_whole, error))
        return false;
    config->switches.gain_offset = config->gains_whole ? 0 : config->switches.gain_offset;
    config->head_gains_wide = family->switches.head_norm == HEAD_NORM_WIDE;
    config->gateless = family->gateless;
    bool qk_norms = !family->qk_norm_key;
    bool neighbours = true;
    if (family->halves_key && !config_take_truth(source, "rope_interleave", true, &neighbours, error))
        return false;
    config->switches.pairs = neighbours ? config->switches.pairs : PAIRS_HALVES;
    if (!parse_biases(config, source, error) || !parse_tied(config, source, error) ||
        (family->qk_norm_key && !json_get_bool(source->text, source->name, family->qk_norm_key, &qk_norms, error)) ||
        !json_get_double(source->text, source->name, epsilon, &config->norm_epsilon, error) ||
        !parse_activation(config, source, error))
        return false;
    if (!qk_norms)
        config->norms &= ~(WEIGHT_BIT(WEIGHT_Q_NORM) | WEIGHT_BIT(WEIGHT_K_NORM));
    if (!(config->norm_epsilon >= 0 && config->norm_epsilon < 1))
        return error_set(error, "%s: %s %g should be at least 0 and below 1", source->name, epsilon,
                         config->norm_epsilon);
    config->own_switches = config->switches;
    return config_take_blocks(config, source, error) && config_take_numbers(config, source, error);
}

/* `in[layer]` for the layers that the list, NULL or an array of numbers, names. */
static bool parse_layers(const cJSON *list, const char *name, const char *key, bool in[CONFIG_LAYERS_MAX],
                         struct error *error)
{
    const cJSON *item;
    if (list && !cJSON_IsArray(list))
        return error_set(error, "%s: \"%s\" should be an array", name, key);
    cJSON_ArrayForEach(item, list)
    {
        if (!cJSON_IsNumber(item))
            return error_set(error, "%s: \"%s\" should hold nothing but numbers of layers", name, key);
        double layer = item->valuedouble;
        if (layer >= 0 && layer < CONFIG_LAYERS_MAX && !(layer > floor(layer)))
            in[(int)layer] = true;
    }
    return true;
}

/* Groups of experts, and what their weights are multiplied by. */
static bool parse_choice(struct model_config *config, const struct config_source *source, struct error *error)
{
    const cJSON *text = source->text;
    config->choice_bias = config->family->choice_bias;
    const struct family *family = config->family;
    const char *method = "greedy";
    config->choice_groups = config->choice_groups_taken = 1;
    config->route_scale = family->absent.route_scale > 0 ? family->absent.route_scale : 1;
    if (!family->choice_groups)
        return true;
    if (!json_get_double(text, source->name, "routed_scaling_factor", &config->route_scale, error) ||
        (family->choice_method && !json_get_string(text, source->name, "topk_method", &method, error)))
        return false;
    if (family->choice_method && strcmp(method, "group_limited_greedy") != 0) {
        if (strcmp(method, "greedy") != 0)
            config_cannot(config,
                          "assay does not compute topk_method \"%s\" of %s; it computes greedy and "
                          "group_limited_greedy",
                          method, config->model_type);
        return true;
    }
    config->choice_groups = family->absent.groups ? family->absent.groups : 1;
    config->choice_groups_taken = family->absent.groups_taken ? family->absent.groups_taken : 1;
    if (!json_get_int(text, source->name, "n_group", 1, CHOICE_GROUPS_MAX, &config->choice_groups, error) ||
        !json_get_int(text, source->name, "topk_group", 1, CHOICE_GROUPS_MAX, &config->choice_groups_taken, error))
        return false;
    if (config->experts % config->choice_groups || config->choice_groups_taken > config->choice_groups)
        return error_set(error, "%s: %d experts do not lie in n_group %d groups of which topk_group %d are taken",
                         source->name, config->experts, config->choice_groups, config->choice_groups_taken);
    if (config->experts_per_token > config->experts / config->choice_groups * config->choice_groups_taken)
        config_cannot(config, "num_experts_per_tok %d is more than the experts in topk_group %d of n_group %d groups",
                      config->experts_per_token, config->choice_groups_taken, config->choice_groups);
    return true;
}

static bool parse_shared(struct model_config *config, const struct config_source *source, struct error *error)
{
    const struct family *family = config->family;
    int count = family->absent.shared_experts;
    config->shared_intermediate = family->absent.shared_intermediate;
    config->shared_switch = !family->shared_open;
    if (!family->shared_expert)
        return true;
    if (!family->shared_open)
        return json_get_int(source->text, source->name, "shared_expert_intermediate_size", 1, SIZE_LIMIT,
                            &config->shared_intermediate, error);
    if (!json_get_int(source->text, source->name, "n_shared_experts", 0, 64, &count, error))
        return false;
    config->shared_intermediate = count * config->moe_intermediate;
    return true;
}

static bool parse_expert_sizes(struct model_config *config, const struct config_source *source, struct error *error)
{
    const struct family *family = config->family;
    const cJSON *text = source->text;
    config->experts = family->absent.experts;
    config->experts_per_token = family->absent.experts_per_token;
    config->moe_intermediate = family->absent.moe_intermediate ? family->absent.moe_intermediate : config->intermediate;
    config->norm_topk = family->absent.norm_topk;
    config->expert_bias = family->expert_bias;
    if (!json_get_int(text, source->name, "num_local_experts", 0, 65536, &config->experts, error) ||
        !json_get_int(text, source->name, "num_experts", 0, 65536, &config->experts, error) ||
        !json_get_int(text, source->name, "n_routed_experts", 0, 65536, &config->experts, error) ||
        !json_get_int(text, source->name, "num_experts_per_tok", 1, 65536, &config->experts_per_token, error))
        return false;
    if (family->absent.moe_intermediate &&
        !json_get_int(text, source->name, "moe_intermediate_size", 1, SIZE_LIMIT, &config->moe_intermediate, error))
        return false;
    if (!family->topk_fixed &&
        !config_take_truth(source, "norm_topk_prob", family->absent.norm_topk, &config->norm_topk, error))
        return false;
    if (config->experts && config->experts_per_token < 1)
        config_cannot(config, "\"num_experts_per_tok\" is absent");
    if (config->experts && config->experts_per_token > config->experts)
        return error_set(error, "%s: num_experts_per_tok %d is more than the number of experts, %d", source->name,
                         config->experts_per_token, config->experts);
    if ((long long)config->experts * config->layers > EXPERTS_LIMIT)
        return error_set(error,
                         "%s: num_experts %d in each of %d layers makes more than the %d experts that are allowed",
                         source->name, config->experts, config->layers, EXPERTS_LIMIT);
    return true;
}

/* Layers without experts, of a list of "dense" and "sparse"; without one the first. */
static bool parse_listed(const struct model_config *config, const cJSON *list, const char *name,
                         bool dense[CONFIG_LAYERS_MAX], struct error *error)
{
    const cJSON *item;
    int layer = 0;
    if (config->family->experts != EXPERTS_LISTED)
        return true;
    dense[0] = !list;
    if (list && cJSON_GetArraySize(list) != config->layers)
        return error_set(error,
                         "%s: \"mlp_layer_types\" should be an array with \"dense\" or \"sparse\" for each of %d "
                         "layers",
                         name, config->layers);
    cJSON_ArrayForEach(item, list)
    {
        dense[layer++] = !cJSON_IsString(item) || strcmp(item->valuestring, "sparse") != 0;
    }
    return true;
}

static bool parse_experts(struct model_config *config, const struct config_source *source, struct error *error)
{
    const struct family *family = config->family;
    const cJSON *text = source->text;
    int step = 1, first = family->absent.first_dense;
    bool dense[CONFIG_LAYERS_MAX] = {false};
    if (family->experts == EXPERTS_NEVER)
        return true;
    if (!parse_expert_sizes(config, source, error) || !parse_shared(config, source, error) ||
        !parse_choice(config, source, error) ||
        !json_get_int(text, source->name, "decoder_sparse_step", 1, SIZE_LIMIT, &step, error) ||
        !json_get_int(text, source->name, "first_k_dense_replace", 0, SIZE_LIMIT, &first, error) ||
        !parse_listed(config, json_member(text, "mlp_layer_types"), source->name, dense, error) ||
        !parse_layers(json_member(text, "mlp_only_layers"), source->name, "mlp_only_layers", dense, error))
        return false;
    for (int layer = 0; layer < config->layers; layer++) {
        bool here = family->experts == EXPERTS_ALWAYS         ? true
                    : family->experts == EXPERTS_BEHIND_FIRST ? layer >= first
                    : family->experts == EXPERTS_LISTED       ? !dense[layer]
                                                              : (layer + 1) % step == 0 && !dense[layer];
        config->sparse[layer] = config->experts > 0 && here;
    }
    return true;
}

static bool parse_all(struct model_config *config, const struct config_source *source, struct error *error)
{
    if (!parse_family(config, source, error))
        return false;
    if (!config->family && !config_take_usual(config, source->text))
        return error_memory(error, source->name);
    if (!*config->model_type && !config->layers && !config->hidden)
        return error_set(
            error, "%s: has neither a \"model_type\" nor the sizes of a model, so it is not the configuration of one",
            source->name);
    if (!config->family)
        return true;
    return parse_sizes(config, source, error) && parse_heads(config, source, error) &&
           parse_switches(config, source, error) && parse_directions(config, source, error) &&
           parse_experts(config, source, error) && config_take_rotation(config, source, error) &&
           config_take_linear(config, source, error) && config_take_windows(config, source, error) &&
           config_take_rope(config, source, error);
}

struct model_config *config_parse(const char *name, const cJSON *root, struct error *error)
{
    struct model_config *config = calloc(1, sizeof *config);
    if (!config) {
        error_memory(error, name);
        return NULL;
    }
    if (cJSON_IsObject(root)) {
        struct config_source source = config_source_find(name, root);
        take_class(config, &source);
        take_dtype(config, &source);
        take_quantisation(config, &source);
        if (parse_all(config, &source, error))
            return config;
    } else {
        error_set(error, "%s: not a JSON object", name);
    }
    free(config);
    return NULL;
}

struct model_config *config_read(const char *path, struct error *error)
{
    cJSON *root = json_read(path, CONFIG_FILE_MAX, error);
    struct model_config *config = root ? config_parse(path, root, error) : NULL;
    cJSON_Delete(root);
    return config;
}

bool config_is_sparse(const struct model_config *config)
{
    for (int layer = 0; layer < config->layers; layer++)
        if (config->sparse[layer])
            return true;
    return false;
}

bool config_computes(const struct model_config *config, const char *name, struct error *error)
{
    return !*config->unsupported || error_set(error, "%s: %s", name, config->unsupported);
}

bool config_predicts(const struct model_config *config, struct error *error)
{
    if (config->head == HEAD_NONE)
        return error_set(error,
                         "the model has no head over the vocabulary (\"architectures\" names %s, and there is no "
                         "'lm_head.weight'): it makes no logits, so it predicts no token and writes no text",
                         config->made_as);
    if (config->head == HEAD_LEFT_OUT)
        return error_set(error,
                         "the model was saved without its head (there is no 'lm_head.weight', and its tensors are "
                         "named as those of a base model): it makes no logits, so it predicts no token and writes no "
                         "text");
    return true;
}

bool config_writes(const struct model_config *config, struct error *error)
{
    if (config->both_directions)
        return error_set(
            error, "the model attends in both directions (\"is_causal\" of config.json, or \"attention.causal\" of a "
                   "GGUF file, is false): a token sees those after it, so it predicts none and writes no text");
    return config_predicts(config, error);
}

static void summary_of_unknown(const struct model_config *config, struct buffer *out)
{
    buffer_text(out, *config->model_type ? config->model_type : "a model without \"model_type\"");
    if (config->layers)
        buffer_format(out, ", %d layers", config->layers);
    if (config->hidden)
        buffer_format(out, ", hidden %d", config->hidden);
    if (config->experts)
        buffer_format(out, ", %d experts", config->experts);
    if (config->vocabulary)
        buffer_format(out, ", vocabulary %d", config->vocabulary);
}

void config_summary(const struct model_config *config, struct buffer *out)
{
    if (!config->family) {
        summary_of_unknown(config, out);
        return;
    }
    buffer_format(out, "%s, %d layers, hidden %d, %d heads over %d key/value heads of %d", config->model_type,
                  config->layers, config->hidden, config->heads, config->kv_heads, config->head_dim);
    if (config->experts)
        buffer_format(out, ", %d experts with %d for each token", config->experts, config->experts_per_token);
    buffer_format(out, ", vocabulary %d%s%s", config->vocabulary,
                  config->head >= HEAD_NONE ? ", no head over it"
                  : config->tied            ? ", tied head"
                                            : "",
                  config->both_directions ? ", attention in both directions" : "");
}
