#include "model/config_difference.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "math/activation.h"
#include "model/model_internal.h"
#include "store/architecture.h"

struct list {
    struct config_difference *items;
    size_t count;
};

/* As a person writes it, with all the digits that it has: "1000000", "1e-06". */
static void spell_number(char text[64], double value)
{
    int digits = 6;
    if (value == floor(value) && fabs(value) < 1e15)
        snprintf(text, 64, "%.0f", value);
    else
        do
            snprintf(text, 64, "%.*g", digits, value);
        while (strtod(text, NULL) != value && digits++ < 17);
}

static void spell_switch(char text[64], double value)
{
    snprintf(text, 64, "%s", value > 0 ? "true" : "false");
}

static void spell_window(char text[64], double value)
{
    if (value > 0)
        spell_number(text, value);
    else
        snprintf(text, 64, "none");
}

static void spell_activation(char text[64], double value)
{
    snprintf(text, 64, "%s", activation_name((enum activation_function)value));
}

static void spell_rotation(char text[64], double value)
{
    snprintf(text, 64, "%s", value > ROTATED_LOCALLY ? "none" : value > ROTATED ? "local" : "as of all");
}

typedef void spelling(char text[64], double value);

static struct config_difference *add(struct list *list, enum difference_kind kind, const char *name)
{
    assert(list->count < CONFIG_DIFFERENCES_MAX);
    struct config_difference *difference = &list->items[list->count++];
    *difference = (struct config_difference){.kind = kind};
    snprintf(difference->name, sizeof difference->name, "%s", name);
    return difference;
}

static void compare_texts(struct list *list, enum difference_kind kind, const char *name, const char *here,
                          const char *there)
{
    if (strcmp(here, there) == 0)
        return;
    struct config_difference *difference = add(list, kind, name);
    snprintf(difference->here, sizeof difference->here, "%s", here);
    snprintf(difference->there, sizeof difference->there, "%s", there);
}

static void compare(struct list *list, enum difference_kind kind, const char *name, spelling *spell, double here,
                    double there)
{
    if (!(here < there) && !(here > there))
        return;
    struct config_difference *difference = add(list, kind, name);
    spell(difference->here, here);
    spell(difference->there, there);
}

/* Numbers that are float32 in the original's arithmetic, and in GGUF files. (A double made of the rounded value
 * would not do: GCC 12 drops both conversions where it makes vectors of them.) */
static void compare_float(struct list *list, const char *name, double here, double there)
{
    if ((float)here < (float)there || (float)here > (float)there)
        compare(list, DIFFERS_FUNCTION, name, spell_number, here, there);
}

/* All that is computed of a rope whatever the length of a sequence: where no frequency lies between those that are
 * divided and those that are not, several contexts make the same, and a file that keeps only the divisors does not tell
 * which it was. */
static bool same_frequencies(const struct model_config *a, const struct model_config *b)
{
    size_t count = (size_t)a->rotary_dim / 2;
    float *here = malloc((count + 1) * sizeof *here), *there = malloc((count + 1) * sizeof *there);
    bool same = here && there && a->rotary_dim == b->rotary_dim;
    if (same) {
        rope_frequencies(a, 0, here);
        rope_frequencies(b, 0, there);
        same = memcmp(here, there, count * sizeof *here) == 0;
    }
    free(here);
    free(there);
    return same;
}

static const char *name_of(const struct model_config *config)
{
    return *config->model_type ? config->model_type : "not given";
}

/* Some layer has no experts, in one of the two. */
static bool any_dense(const struct model_config *a, const struct model_config *b)
{
    for (int layer = 0; layer < a->layers && layer < b->layers; layer++)
        if (!a->sparse[layer] || !b->sparse[layer])
            return true;
    return false;
}

static double multiplier_of_scores(const struct model_config *config)
{
    return config->attention_multiplier > 0 ? config->attention_multiplier : 1 / sqrt((double)config->head_dim);
}

static int beside_one(const struct model_config *config)
{
    return config->gains_whole || config->own_switches.gain_offset;
}

/* What holds of every layer. What is of experts computes nothing where one of the two has
 * none, which is told by itself; nor what is of dense layers where neither has one. */
static void compare_sizes(struct list *list, const struct model_config *a, const struct model_config *b)
{
    bool experts = a->experts && b->experts;
    const enum difference_kind if_dense = any_dense(a, b) ? DIFFERS_FUNCTION : DIFFERS_NOTHING,
                               if_experts = experts ? DIFFERS_FUNCTION : DIFFERS_NOTHING;
    const struct {
        enum difference_kind kind;
        const char *name;
        int here, there;
        spelling *spell;
    } rows[] = {
        {DIFFERS_SIZE, "vocab_size", a->vocabulary, b->vocabulary, spell_number},
        {DIFFERS_FUNCTION, "hidden_size", a->hidden, b->hidden, spell_number},
        {DIFFERS_SIZE, "num_hidden_layers", a->layers, b->layers, spell_number},
        {DIFFERS_FUNCTION, "num_attention_heads", a->heads, b->heads, spell_number},
        {DIFFERS_FUNCTION, "num_key_value_heads", a->kv_heads, b->kv_heads, spell_number},
        {DIFFERS_FUNCTION, "head_dim", a->head_dim, b->head_dim, spell_number},
        {DIFFERS_FUNCTION, "v_head_dim", a->value_dim, b->value_dim, spell_number},
        {DIFFERS_FUNCTION, "gates of heads", a->gated_heads, b->gated_heads, spell_switch},
        {DIFFERS_FUNCTION, "linear_num_value_heads", a->linear.heads, b->linear.heads, spell_number},
        {DIFFERS_FUNCTION, "linear_value_head_dim", a->linear.value_dim, b->linear.value_dim, spell_number},
        {DIFFERS_FUNCTION, "linear_num_key_heads", a->linear.key_heads, b->linear.key_heads, spell_number},
        {DIFFERS_FUNCTION, "linear_key_head_dim", a->linear.key_dim, b->linear.key_dim, spell_number},
        {DIFFERS_FUNCTION, "linear_conv_kernel_dim", a->linear.taps, b->linear.taps, spell_number},
        {DIFFERS_FUNCTION, "q_lora_rank", a->query_latent, b->query_latent, spell_number},
        {DIFFERS_FUNCTION, "kv_lora_rank", a->latent, b->latent, spell_number},
        {if_dense, "intermediate_size", a->intermediate, b->intermediate, spell_number},
        {experts ? DIFFERS_SIZE : DIFFERS_FUNCTION, "num_experts", a->experts, b->experts, spell_number},
        {if_experts, "num_experts_per_tok", a->experts_per_token, b->experts_per_token, spell_number},
        {if_experts, "moe_intermediate_size", a->moe_intermediate, b->moe_intermediate, spell_number},
        {if_experts, "shared_expert_intermediate_size", a->shared_intermediate, b->shared_intermediate, spell_number},
        {if_experts, "sigmoid scores of experts", a->own_switches.scores, b->own_switches.scores, spell_switch},
        {if_experts, "a bias of the choice of experts", a->choice_bias, b->choice_bias, spell_switch},
        {if_experts, "biases of router and experts", a->expert_bias, b->expert_bias, spell_switch},
        {DIFFERS_FUNCTION, "sinks of attention", a->sinks, b->sinks, spell_switch},
        {if_experts, "n_group", a->choice_groups, b->choice_groups, spell_number},
        {if_experts, "topk_group", a->choice_groups_taken, b->choice_groups_taken, spell_number},
        {if_experts, "a switch of the shared expert", a->shared_switch, b->shared_switch, spell_switch},
        {if_experts, "norm_topk_prob", a->norm_topk, b->norm_topk, spell_switch},
        {DIFFERS_PERHAPS, "tie_word_embeddings", a->tied, b->tied, spell_switch},
        {DIFFERS_FUNCTION, "bias of q, k and v", a->qkv_bias, b->qkv_bias, spell_switch},
        {DIFFERS_FUNCTION, "bias of o", a->o_bias, b->o_bias, spell_switch},
        {DIFFERS_FUNCTION, "attention in both directions", a->both_directions, b->both_directions, spell_switch},
        {if_dense, "mlp_bias", a->mlp_bias, b->mlp_bias, spell_switch},
        {if_dense, "a feed-forward block without a gate", a->gateless, b->gateless, spell_switch},
        {DIFFERS_FUNCTION, "both blocks side by side", a->parallel_blocks, b->parallel_blocks, spell_switch},
        {DIFFERS_FUNCTION, "LayerNorm in the place of RMSNorm", a->own_switches.norm, b->own_switches.norm,
         spell_switch},
        {DIFFERS_FUNCTION, "biases of norms", a->norm_biases, b->norm_biases, spell_switch},
        {DIFFERS_FUNCTION, "gains of norms beside 1", beside_one(a), beside_one(b), spell_switch},
        {DIFFERS_FUNCTION, "norms of queries and keys over all heads", a->head_gains_wide, b->head_gains_wide,
         spell_switch},
        {DIFFERS_FUNCTION, "hidden_act", a->own_switches.activation, b->own_switches.activation, spell_activation},
        {DIFFERS_FUNCTION, "rotation of neighbouring pairs", a->own_switches.pairs, b->own_switches.pairs,
         spell_switch},
        {DIFFERS_FUNCTION, "values of a head that are rotated", a->rotary_dim, b->rotary_dim, spell_number},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        compare(list, rows[i].kind, rows[i].name, rows[i].spell, rows[i].here, rows[i].there);
}

/* What is no whole number, and embedded positions. */
static void compare_numbers(struct list *list, const struct model_config *a, const struct model_config *b)
{
    compare_float(list, "rms_norm_eps", a->norm_epsilon, b->norm_epsilon);
    if (a->experts && b->experts)
        compare_float(list, "routed_scaling_factor", a->route_scale, b->route_scale);
    compare_float(list, "scale of embeddings", a->embedding_scale, b->embedding_scale);
    compare_float(list, "embedding_multiplier", a->embedding_multiplier, b->embedding_multiplier);
    compare_float(list, "residual_multiplier", a->residual_multiplier, b->residual_multiplier);
    compare_float(list, "multiplier of scores", multiplier_of_scores(a), multiplier_of_scores(b));
    compare_float(list, "cap of scores", a->attention_cap, b->attention_cap);
    compare_float(list, "multiplier of logits", a->logits_multiplier, b->logits_multiplier);
    compare_float(list, "cap of logits", a->logits_cap, b->logits_cap);
    compare_float(list, "swiglu_alpha", a->gate_slope, b->gate_slope);
    compare_float(list, "swiglu_limit", a->gate_limit, b->gate_limit);
    compare(list, DIFFERS_FUNCTION, "embedded positions", spell_switch, a->position_table, b->position_table);
    if (a->position_table && b->position_table)
        compare(list, DIFFERS_SIZE, "positions", spell_number, a->context, b->context);
}

/* Norms that not every family has. */
static void compare_norms(struct list *list, const struct model_config *a, const struct model_config *b)
{
#define WEIGHT_NAME(id, scope, name, ...) name,
    static const char *const names[] = {WEIGHT_ROWS(WEIGHT_NAME)};
#undef WEIGHT_NAME
    char text[64];
    for (int weight = 0; weight < WEIGHT_COUNT; weight++)
        if ((a->norms ^ b->norms) & WEIGHT_BIT(weight)) {
            compare(list, DIFFERS_FUNCTION, names[weight], spell_switch, (a->norms & WEIGHT_BIT(weight)) != 0,
                    (b->norms & WEIGHT_BIT(weight)) != 0);
        } else {
            snprintf(text, sizeof text, "%s behind its block", names[weight]);
            compare(list, DIFFERS_FUNCTION, text, spell_switch, (a->block_norms & WEIGHT_BIT(weight)) != 0,
                    (b->block_norms & WEIGHT_BIT(weight)) != 0);
        }
}

/* A number for each frequency: the first that differs. */
static void compare_divisors(struct list *list, const char *name, const struct model_config *a, const float *here,
                             const struct model_config *b, const float *there)
{
    char text[64];
    for (int i = 0; i < a->rotary_dim / 2 && i < b->rotary_dim / 2 && i < ROPE_DIVISORS_MAX; i++)
        if (here[i] < there[i] || here[i] > there[i]) {
            snprintf(text, sizeof text, "%s of frequency %d", name, i);
            compare(list, DIFFERS_FUNCTION, text, spell_number, (double)here[i], (double)there[i]);
            return;
        }
}

/* What one kind of rope uses besides the factor and the context. */
static void compare_kind(struct list *list, const struct model_config *a, const struct model_config *b)
{
    if (a->rope_kind == ROPE_LLAMA3) {
        compare_float(list, "rope low_freq_factor", a->rope_low_factor, b->rope_low_factor);
        compare_float(list, "rope high_freq_factor", a->rope_high_factor, b->rope_high_factor);
    }
    if (a->rope_kind == ROPE_DYNAMIC)
        compare(list, DIFFERS_FUNCTION, "max_position_embeddings", spell_number, a->context, b->context);
    if (a->rope_kind == ROPE_YARN) {
        compare_float(list, "rope beta_fast", a->rope_beta_fast, b->rope_beta_fast);
        compare_float(list, "rope beta_slow", a->rope_beta_slow, b->rope_beta_slow);
        compare(list, same_frequencies(a, b) ? DIFFERS_NOTHING : DIFFERS_FUNCTION, "rope truncate", spell_switch,
                a->rope_truncate, b->rope_truncate);
    }
    if (a->rope_kind == ROPE_LONGROPE) {
        compare_divisors(list, "short_factor", a, a->rope_short, b, b->rope_short);
        compare_divisors(list, "long_factor", a, a->rope_long, b, b->rope_long);
    }
    compare_float(list, "rope attention_factor", a->rope_strength, b->rope_strength);
}

/* The context that a rope or the temperature of queries is counted in. */
static void compare_context(struct list *list, const struct model_config *a, const struct model_config *b)
{
    bool counted = a->rope_kind == ROPE_LONGROPE || fabs(a->query_beta) > 0;
    if (counted || a->rope_kind == ROPE_LLAMA3 || a->rope_kind == ROPE_YARN)
        compare(list, !counted && same_frequencies(a, b) ? DIFFERS_NOTHING : DIFFERS_FUNCTION,
                "original_max_position_embeddings", spell_number, a->rope_original_context, b->rope_original_context);
}

/* What a type of frequencies does not use is compared for none that has another type. */
static void compare_rotation(struct list *list, const struct model_config *a, const struct model_config *b)
{
    compare_float(list, "rope_theta", a->rope_theta, b->rope_theta);
    if (a->rope_local_theta > 0 && b->rope_local_theta > 0)
        compare_float(list, "rope_theta of layers with a window", a->rope_local_theta, b->rope_local_theta);
    compare_texts(list, DIFFERS_FUNCTION, "rope_type", a->rope_type, b->rope_type);
    compare_float(list, "llama_4_scaling_beta", a->query_beta, b->query_beta);
    if (a->rope_kind == b->rope_kind) {
        if (a->rope_kind != ROPE_DEFAULT && a->rope_kind != ROPE_LONGROPE)
            compare_float(list, "rope factor", a->rope_factor, b->rope_factor);
        compare_kind(list, a, b);
        compare_context(list, a, b);
    }
    /* the three positions of a token of a text are equal, whatever frequencies each of them turns */
    if (memcmp(a->mrope_section, b->mrope_section, sizeof a->mrope_section) != 0) {
        struct config_difference *difference = add(list, DIFFERS_NOTHING, "mrope_section");
        snprintf(difference->here, sizeof difference->here, "[%d, %d, %d]", a->mrope_section[0], a->mrope_section[1],
                 a->mrope_section[2]);
        snprintf(difference->there, sizeof difference->there, "[%d, %d, %d]", b->mrope_section[0], b->mrope_section[1],
                 b->mrope_section[2]);
    }
}

/* One difference for all layers that both have: what it is in the first of them that differs. */
static void compare_layers(struct list *list, const char *name, spelling *spell, int layers,
                           double value(const struct model_config *config, int layer), const struct model_config *a,
                           const struct model_config *b)
{
    int first = -1, count = 0;
    for (int layer = 0; layer < layers; layer++) {
        bool differs = value(a, layer) < value(b, layer) || value(a, layer) > value(b, layer);
        first = differs && first < 0 ? layer : first;
        count += differs;
    }
    if (first < 0)
        return;
    char text[64];
    snprintf(text, sizeof text, count > 1 ? "%s of layer %d and %d more" : "%s of layer %d", name, first, count - 1);
    compare(list, DIFFERS_FUNCTION, text, spell, value(a, first), value(b, first));
}

static double layer_sparse(const struct model_config *config, int layer)
{
    return config->sparse[layer];
}

static double layer_rotation(const struct model_config *config, int layer)
{
    return config->rotation[layer];
}

static double layer_window(const struct model_config *config, int layer)
{
    return config->window[layer];
}

size_t config_differences(const struct model_config *a, const struct model_config *b,
                          struct config_difference differences[CONFIG_DIFFERENCES_MAX])
{
    struct list list = {.items = differences};
    bool known = a->family && b->family;
    int layers = a->layers < b->layers ? a->layers : b->layers;
    if (a->family != b->family || !a->family)
        compare_texts(&list, known ? DIFFERS_NOTHING : DIFFERS_PERHAPS, "model_type", name_of(a), name_of(b));
    if (!known)
        return list.count; /* what else is known of one of them is a guess */
    compare_sizes(&list, a, b);
    compare_numbers(&list, a, b);
    compare_norms(&list, a, b);
    compare_rotation(&list, a, b);
    compare_layers(&list, "mixture of experts", spell_switch, layers, layer_sparse, a, b);
    compare_layers(&list, "sliding_window", spell_window, layers, layer_window, a, b);
    compare_layers(&list, "rotation", spell_rotation, layers, layer_rotation, a, b);
    return list.count;
}

void config_difference_text(const struct config_difference *difference, struct buffer *out)
{
    buffer_format(out, "%s is %s here and %s there", difference->name, difference->here, difference->there);
}
