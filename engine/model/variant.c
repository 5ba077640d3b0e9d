#include "model/variant.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/numbers.h"
#include "math/activation.h"
#include "store/architecture.h"

/* What of a model a departure needs to change anything. */
enum need {
    NEEDS_NOTHING,
    NEEDS_PRE_NORM,
    NEEDS_HEAD_NORM,
    NEEDS_SECTIONS,
    NEEDS_ROTATION,
    NEEDS_GROUPS,
    NEEDS_WINDOW,
    NEEDS_SINKS,
    NEEDS_ACTIVATION, /* one of those that can be exchanged */
    NEEDS_BOUNDED,    /* branches of a feed-forward block that are */
    NEEDS_CAUSAL,
    NEEDS_EXPERTS,
    NEEDS_NORMED, /* weights of the chosen experts, and more than one of them */
    NEEDS_RAW,
    NEED_COUNT
};

/* `at` becomes `value`, or what the argument says; with a range `at` its first and the int behind it its end. */
struct variant {
    struct variant_row row;
    size_t at; /* an int of struct model_config */
    int value;
    enum need needs;
};

#define SWITCH(name) offsetof(struct model_config, switches.name)
#define OF(id) (1u << POINT_##id)
#define NORMS                                                                                                          \
    (OF(INPUT_NORM) | OF(Q_NORM) | OF(K_NORM) | OF(ATTENTION_OUT_NORM) | OF(POST_NORM) | OF(MLP_IN_NORM) |             \
     OF(MLP_OUT_NORM) | OF(MLP_OUT_NORM_GLM) | OF(FINAL_NORM))
#define HEAD_NORMS (OF(Q_NORM) | OF(K_NORM))

#define ROTATION "right for the first token, worse and worse further on; the text begins well and dissolves"

/* clang-format off */
#define ROW(name, arguments, at, value, need, points, does, symptom, mistake) \
    {{name, arguments, does, symptom, mistake, points}, at, value, NEEDS_##need}

/* In the order of the forward pass. */
static const struct variant variants[] = {
    ROW("gain-plus-one", "", SWITCH(gain_offset), 1, NOTHING, NORMS,
        "a norm multiplies by 1 + its gain, as gemma's do",
        "every norm's output is too large, by a constant in each channel",
        "a norm of another family, or a converter that adds the 1 which the family does not have"),
    ROW("sum-norm", "", SWITCH(norm), NORM_ROOT_SUM, NOTHING, NORMS,
        "a norm divides by the root of the sum of squares, not of their mean",
        "every norm's output is too small by one factor, the root of the width",
        "an L2 normalisation taken for RMSNorm"),
    ROW("layer-norm", "", SWITCH(norm), NORM_CENTRED, NOTHING, NORMS,
        "a norm takes the mean away first: LayerNorm in the place of RMSNorm",
        "small at first, then every layer adds to it",
        "torch.nn.LayerNorm without a bias in the place of RMSNorm"),
    ROW("post-norm", "", SWITCH(order), ORDER_POST, PRE_NORM, OF(INPUT_NORM) | OF(POST_NORM) | OF(LAYER),
        "the norms come after the blocks, over the residual sum: norm(x + f(x))",
        "wrong from the first layer's attention on",
        "the order of the first transformers in the place of pre-norm"),
    ROW("no-qk-norm", "", SWITCH(head_norm), HEAD_NORM_NONE, HEAD_NORM, HEAD_NORMS,
        "queries and keys are not normalised",
        "attention far too sharp or too flat, in every layer",
        "an implementation of an older family, whose attention has no q_norm and k_norm"),
    ROW("qk-norm-after-rotation", "", SWITCH(head_norm), HEAD_NORM_AFTER, HEAD_NORM, HEAD_NORMS | OF(ATTENTION),
        "queries and keys are normalised after the rotation, with gains that no longer meet their channels",
        "the first token is right, attention of later ones is not",
        "the norm called one line too late"),
    ROW("qk-norm-whole", "", SWITCH(head_norm), HEAD_NORM_WIDE, HEAD_NORM, HEAD_NORMS,
        "queries and keys are normalised over all heads at once",
        "heads of large values too strong, those of small ones too weak",
        "the norm called before the values are cut into heads, as OLMo 2 does"),
    ROW("interleaved-rotation", "", SWITCH(pairs), PAIRS_NEIGHBOURS, ROTATION, OF(ATTENTION),
        "the rotation pairs element 2i with 2i + 1, not i with i + head_dim / 2",
        ROTATION,
        "GPT-J's pairs in the place of NeoX's, or rows that a converter permuted or did not"),
    ROW("sections-restart", "", SWITCH(sections), 1, SECTIONS, OF(ATTENTION),
        "the frequencies start again in each section of mRoPE",
        ROTATION,
        "mRoPE sections taken for rotary embeddings of their own"),
    ROW("no-rotation", "", SWITCH(positions), POSITIONS_NONE, NOTHING, OF(POSITIONS) | OF(ATTENTION),
        "nothing is rotated: attention does not know where tokens are",
        "the first token is right; word order does not count",
        "the rotary embedding left out, or its table all of position 0"),
    ROW("frozen-positions", "N", SWITCH(positions_end), 0, NOTHING, OF(POSITIONS) | OF(ATTENTION),
        "positions stop: token N and all after it have the position of token N - 1",
        "right for the first N tokens, wrong after them",
        "a position that does not grow while decoding, or a table that is too short"),
    ROW("query-ahead", "N", SWITCH(query_ahead), 0, ROTATION, OF(ATTENTION),
        "queries are rotated N positions further than keys",
        "wrong from the first token that sees more than itself; a token is taken for one N further off",
        "positions counted from 1 in one place and from 0 in another"),
    ROW("bfloat16-positions", "", SWITCH(positions), POSITIONS_BFLOAT16, NOTHING, OF(POSITIONS) | OF(ATTENTION),
        "positions are rounded to bfloat16",
        "right up to position 256, then tokens share positions, more and more of them",
        "a position tensor in the model's dtype"),
    ROW("stale-cache-position", "", SWITCH(stale_cache), 1, NOTHING, OF(POSITIONS) | OF(ATTENTION),
        "tokens after a cache are one position too early",
        "prefill is right, every decoded token is not",
        "the cache's length read before the new token is added"),
    ROW("no-causal-mask", "", SWITCH(mask), MASK_NONE, CAUSAL, OF(ATTENTION),
        "every token sees those after it as well",
        "logits of a prompt are too good to be true; decoding is right",
        "the mask left out"),
    ROW("mask-ahead", "", SWITCH(mask), MASK_AHEAD, CAUSAL, OF(ATTENTION),
        "a token sees one token too many, the one after it",
        "the model copies what it is asked to predict; the last token is right",
        "a mask off by one (tril with diagonal 1)"),
    ROW("mask-behind", "", SWITCH(mask), MASK_BEHIND, CAUSAL, OF(ATTENTION),
        "a token does not see itself",
        "wrong from the second token on",
        "a mask off by one (tril with diagonal -1)"),
    ROW("no-window", "", SWITCH(window), WINDOW_NOWHERE, WINDOW, OF(ATTENTION),
        "the sliding window is ignored",
        "right up to the window's length, wrong after it",
        "sliding_window not read"),
    ROW("window-everywhere", "N", SWITCH(window), 0, NOTHING, OF(ATTENTION),
        "all layers see only the last N tokens",
        "right up to the window's length, wrong after it",
        "use_sliding_window, layer_types or max_window_layers not read"),
    ROW("tiled-kv-heads", "", SWITCH(groups), GROUPS_TILED, GROUPS, OF(ATTENTION),
        "query head h takes key/value head h % kv_heads, not h / group",
        "attention wrong in every layer, from the second token on",
        "repeat in the place of repeat_interleave"),
    ROW("no-attention-scale", "", SWITCH(scale), SCALE_NONE, NOTHING, OF(ATTENTION),
        "scores are not divided by the root of head_dim",
        "attention far too sharp in every layer",
        "the scale left out"),
    ROW("double-attention-scale", "", SWITCH(scale), SCALE_TWICE, NOTHING, OF(ATTENTION),
        "scores are divided by head_dim, the root of it twice",
        "attention too flat in every layer",
        "queries scaled, and scores once more"),
    ROW("hidden-attention-scale", "", SWITCH(scale), SCALE_HIDDEN, NOTHING, OF(ATTENTION),
        "scores are divided by the root of hidden_size",
        "attention too flat in every layer",
        "the width of the model in the place of the head's"),
    ROW("no-sinks", "", SWITCH(no_sinks), 1, SINKS, OF(ATTENTION),
        "the sinks of the heads take no share of the probabilities",
        "every head attends too much, most of all where it should attend to nothing",
        "an attention function of a library that was not given the sinks"),
    ROW("no-attention-residual", "", SWITCH(no_attention_residual), 1, NOTHING, OF(POST_NORM) | OF(LAYER),
        "attention's output takes the place of the residual stream",
        "wrong from the first layer's second norm on",
        "a residual sum left out"),
    ROW("pooled-routing", "", SWITCH(pooled_routing), 1, EXPERTS, OF(MLP),
        "experts are chosen once for a sequence, by the mean of its tokens",
        "a sequence of one token is right; others take experts that suit none of them",
        "hidden states averaged over the sequence before the router"),
    ROW("masked-experts", "A-B", SWITCH(experts_first), 0, EXPERTS, OF(MLP),
        "the router chooses among experts A to B only",
        "tokens that need other experts are wrong",
        "a router cut or masked to the experts that were at hand"),
    ROW("sigmoid-router", "", SWITCH(scores), SCORES_SIGMOID, EXPERTS, OF(MLP),
        "each expert's score is a sigmoid of its own, not a softmax over all",
        "weights of experts wrong, their choice right",
        "DeepSeek's router in the place of Mixtral's"),
    ROW("experts-per-token", "N", offsetof(struct model_config, experts_per_token), 0, EXPERTS, OF(MLP),
        "N experts are taken for each token",
        "every token's mixture has too few or too many parts",
        "num_experts_per_tok not read"),
    ROW("normed-topk", "", SWITCH(topk), TOPK_NORMED, RAW, OF(MLP),
        "weights of the chosen experts are made to sum to one (a softmax after top-k does the same)",
        "the output of experts is too large by a factor, another for each token",
        "norm_topk_prob not read, or a softmax after top-k"),
    ROW("raw-topk", "", SWITCH(topk), TOPK_RAW, NORMED, OF(MLP),
        "weights of the chosen experts are not made to sum to one",
        "the output of experts is too small by a factor, another for each token",
        "norm_topk_prob not read, or the division left out"),
    ROW("scalar-experts", "", SWITCH(scalar_experts), 1, EXPERTS, OF(MLP),
        "an expert's output is its mean, in every channel",
        "the output of experts is the same number in all channels",
        "the expert's output summed or averaged over the wrong axis"),
    ROW("plain-gate", "", SWITCH(up_offset), 0, BOUNDED, OF(MLP),
        "the branch without the activation is taken as it is, not one more",
        "the feed-forward block wrong in every layer",
        "SwiGLU of another family, which adds no 1"),
    ROW("unbounded-gate", "", SWITCH(unbounded), 1, BOUNDED, OF(MLP),
        "the branches of a feed-forward block are not bounded",
        "right but for large activations: a few tokens and channels are far off",
        "swiglu_limit not read"),
    ROW("gelu", "", SWITCH(activation), ACTIVATION_GELU, ACTIVATION, OF(MLP),
        "the activation is GELU",
        "the feed-forward block wrong in every layer, by little",
        "hidden_act not read"),
    ROW("relu", "", SWITCH(activation), ACTIVATION_RELU, ACTIVATION, OF(MLP),
        "the activation is ReLU",
        "the feed-forward block wrong in every layer",
        "hidden_act not read"),
    ROW("activation-on-up", "", SWITCH(activation_on_up), 1, ACTIVATION, OF(MLP),
        "the activation is on the other branch: gate(x) * silu(up(x))",
        "the feed-forward block wrong in every layer",
        "gate and up taken for each other, by name or in a fused matrix"),
    ROW("no-mlp-residual", "", SWITCH(no_mlp_residual), 1, NOTHING, OF(LAYER),
        "the feed-forward block's output takes the place of the residual stream",
        "wrong from the first layer's output on",
        "a residual sum left out"),
    ROW("no-final-norm", "", SWITCH(no_final_norm), 1, NOTHING, OF(FINAL_NORM),
        "the head is applied to the residual stream without the final norm",
        "logits too large or too small; the order of tokens half right",
        "the final norm left out"),
};
/* clang-format on */
#define VARIANTS (sizeof variants / sizeof *variants)

const struct variant_row *variant_at(size_t index)
{
    return index < VARIANTS ? &variants[index].row : NULL;
}

static const struct variant *variant_find(const char *spec)
{
    size_t length = strcspn(spec, ":");
    for (size_t i = 0; i < VARIANTS; i++)
        if (strlen(variants[i].row.name) == length && strncmp(variants[i].row.name, spec, length) == 0)
            return &variants[i];
    return NULL;
}

const struct variant_row *variant_of(const char *spec)
{
    const struct variant *variant = variant_find(spec);
    return variant ? &variant->row : NULL;
}

static bool is_range(const struct variant *variant)
{
    return strcmp(variant->row.arguments, "A-B") == 0;
}

/* The numbers behind the colon; false: they are not what the row takes. */
static bool variant_numbers(const struct variant *variant, const char *spec, int numbers[2])
{
    const char *colon = strchr(spec, ':');
    long long value = 0;
    numbers[0] = variant->value;
    if (!*variant->row.arguments || !colon)
        return !*variant->row.arguments == !colon;
    if (is_range(variant))
        return range_parse(colon + 1, 1 << 20, &numbers[0], &numbers[1]);
    bool good = number_parse(colon + 1, 1, 1 << 30, &value);
    numbers[0] = (int)value;
    return good;
}

const char *variant_judge(const char *spec)
{
    static char message[256];
    const struct variant *variant = variant_find(spec);
    int numbers[2];
    if (!variant)
        snprintf(message, sizeof message, "there is no variant '%.60s'; \"assay faults\" lists them", spec);
    else if (variant_numbers(variant, spec, numbers))
        return NULL;
    else if (!*variant->row.arguments)
        snprintf(message, sizeof message, "the variant %s takes no arguments", variant->row.name);
    else
        snprintf(message, sizeof message, "the variant is written %s:%s, with whole numbers, not '%.60s'",
                 variant->row.name, variant->row.arguments, spec);
    return message;
}

static bool has_window(const struct model_config *config)
{
    for (int layer = 0; layer < config->layers; layer++)
        if (config->window[layer])
            return true;
    return false;
}

static bool has_rotation(const struct model_config *config)
{
    for (int layer = 0; layer < config->layers; layer++)
        if (config->rotation[layer] != ROTATED_NOT)
            return true;
    return false;
}

/* What a model lacks for it, as a sentence goes on; NULL: nothing. */
static const char *lacks(enum need need, const struct model_config *config)
{
    static const char *const texts[NEED_COUNT] = {
        [NEEDS_PRE_NORM] = "its norms do not stand before each of two blocks and nowhere else",
        [NEEDS_HEAD_NORM] = "it has no norms of queries and keys",
        [NEEDS_SECTIONS] = "it has no mRoPE",
        [NEEDS_ROTATION] = "none of its layers rotates queries and keys",
        [NEEDS_GROUPS] = "its key/value heads are not shared, or there is only one",
        [NEEDS_WINDOW] = "none of its layers has a sliding window",
        [NEEDS_SINKS] = "its heads have no sinks",
        [NEEDS_ACTIVATION] = "its activation is one that has numbers of its own",
        [NEEDS_BOUNDED] = "the branches of its feed-forward blocks are not bounded",
        [NEEDS_CAUSAL] = "it attends in both directions",
        [NEEDS_EXPERTS] = "it has no experts",
        [NEEDS_NORMED] = "the weights of its experts do not sum to one",
        [NEEDS_RAW] = "the weights of its experts sum to one already",
    };
    const uint64_t pre_norms = WEIGHT_BIT(WEIGHT_INPUT_NORM) | WEIGHT_BIT(WEIGHT_POST_NORM);
    bool experts = config_is_sparse(config);
    const bool has[NEED_COUNT] = {
        [NEEDS_NOTHING] = true,
        [NEEDS_PRE_NORM] = !config->block_norms && (config->norms & pre_norms) == pre_norms,
        [NEEDS_HEAD_NORM] = config->norms & WEIGHT_BIT(WEIGHT_Q_NORM),
        [NEEDS_SECTIONS] = config->mrope_section[0] + config->mrope_section[1] + config->mrope_section[2] > 0,
        [NEEDS_ROTATION] = has_rotation(config),
        [NEEDS_GROUPS] = config->kv_heads > 1 && config->heads > config->kv_heads,
        [NEEDS_WINDOW] = has_window(config),
        [NEEDS_SINKS] = config->sinks,
        [NEEDS_ACTIVATION] = !(config->gate_slope > 0),
        [NEEDS_BOUNDED] = config->gate_limit > 0,
        [NEEDS_CAUSAL] = !config->both_directions,
        [NEEDS_EXPERTS] = experts,
        [NEEDS_NORMED] = experts && config->norm_topk,
        [NEEDS_RAW] = experts && !config->norm_topk,
    };
    return has[need] ? NULL : experts || need < NEEDS_EXPERTS ? texts[need] : texts[NEEDS_EXPERTS];
}

bool variant_applies(const struct variant_row *row, const struct model_config *config)
{
    const struct variant *variant = variant_find(row->name);
    bool fixed = variant && !*variant->row.arguments; /* else it depends on the argument */
    return variant && !lacks(variant->needs, config) &&
           !(fixed && *(const int *)((const char *)config + variant->at) == variant->value);
}

bool variant_routes(const char *spec)
{
    const struct variant *variant = variant_find(spec);
    return variant && variant->needs >= NEEDS_EXPERTS;
}

bool variant_leaks(const char *spec)
{
    const struct variant *variant = variant_find(spec);
    return variant && variant->at == SWITCH(mask) && variant->value != MASK_BEHIND;
}

/* The first of the specs before `count` that sets the same as the one at `count`; NULL: none. */
static const char *rival(const char *const *specs, size_t count)
{
    const struct variant *variant = variant_find(specs[count]);
    for (size_t i = 0; i < count; i++)
        if (variant_find(specs[i])->at == variant->at)
            return specs[i];
    return NULL;
}

static bool variant_set(const char *spec, struct model_config *config, struct error *error)
{
    const struct variant *variant = variant_find(spec);
    const char *why = lacks(variant->needs, config);
    int numbers[2] = {0}, *at = (int *)((char *)config + variant->at);
    variant_numbers(variant, spec, numbers);
    if (why)
        return error_set(error, "the variant %s changes nothing of this model: %s", spec, why);
    if (variant->needs == NEEDS_EXPERTS && (numbers[0] > config->experts || numbers[1] >= config->experts))
        return error_set(error, "the variant %s calls for more experts than the model has, %d", spec, config->experts);
    if (*at == numbers[0] && !is_range(variant))
        return error_set(error, "the variant %s changes nothing of this model: that is what it computes", spec);
    *at = numbers[0];
    if (is_range(variant))
        at[1] = numbers[1] + 1;
    return true;
}

bool variants_set(const char *const *specs, size_t count, struct model_config *config, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        const char *wrong = variant_judge(specs[i]), *other = wrong ? NULL : rival(specs, i);
        if (wrong)
            return error_set(error, "%s", wrong);
        if (other)
            return error_set(error, "the variants %s and %s exclude each other", other, specs[i]);
        if (!variant_set(specs[i], config, error))
            return false;
    }
    return true;
}
