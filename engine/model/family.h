/* A family is a row: which model types it answers to, how its configuration is spelled, which switches of the one
 * forward pass it turns. */
#ifndef ASSAY_MODEL_FAMILY_H
#define ASSAY_MODEL_FAMILY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "model/switches.h"

enum family_bias {
    BIAS_NEVER,
    BIAS_ATTENTION_KEY, /* q, k, v and o where "attention_bias" says so */
    BIAS_APART,         /* q, k and v unless "attention_bias" denies it, o where "attention_out_bias" says so */
    BIAS_QKV_ALWAYS,
    BIAS_ALWAYS,
    BIAS_QKV_KEY,        /* q, k and v unless "qkv_bias" denies it */
    BIAS_QKV_ATTENTION,  /* q, k and v where "attention_bias" says so */
    BIAS_QKV_NOT_DENIED, /* q, k and v unless "attention_bias" denies it */
    BIAS_NOT_DENIED,     /* q, k, v and o unless "attention_bias" denies it */
    BIAS_KEY,            /* q, k, v and o where "bias" says so */
    BIAS_USE_KEY,        /* q, k, v and o where "use_bias" says so */
    BIAS_USE_NOT_DENIED  /* q, k, v and o unless "use_bias" denies it */
};

/* Key/value heads. */
enum family_kv {
    KV_BY_KEY,   /* "num_key_value_heads" */
    KV_AS_HEADS, /* as many as heads */
    KV_OF_FALCON /* "num_kv_heads" if "new_decoder_architecture", else one unless "multi_query" denies it */
};

/* What the feed-forward block reads: what attention made of the stream, or what attention reads, side by side with it.
 */
enum family_blocks {
    BLOCKS_IN_TURN,
    BLOCKS_SIDE_BY_SIDE,
    BLOCKS_NOT_DENIED, /* side by side unless "use_parallel_residual" denies it */
    BLOCKS_OF_FALCON   /* side by side unless "parallel_attn" denies it, and then of one norm, unless
                          "new_decoder_architecture" has two */
};

enum family_experts {
    EXPERTS_NEVER,
    EXPERTS_ALWAYS,
    EXPERTS_BY_STEP,     /* "decoder_sparse_step" and "mlp_only_layers" choose the layers */
    EXPERTS_LISTED,      /* in those that "mlp_layer_types" calls sparse; without it in all but the first */
    EXPERTS_BEHIND_FIRST /* in all layers but the first "first_k_dense_replace" */
};

/* Which layers look back only over "sliding_window" tokens. */
enum family_window {
    WINDOW_NEVER,
    WINDOW_ALWAYS,      /* wherever "sliding_window" is a number */
    WINDOW_TYPED,       /* wherever "sliding_window" is a number, but for layers that "layer_types" calls others */
    WINDOW_SWITCHED,    /* all layers, if "use_sliding_window" */
    WINDOW_UPPER,       /* if "use_sliding_window": "layer_types", else layers from "max_window_layers" on */
    WINDOW_ALTERNATING, /* if "use_sliding_window": "layer_types", else even layers below "max_window_layers" */
    WINDOW_PATTERN,     /* "layer_types", else all but every "sliding_window_pattern"-th layer */
    WINDOW_UNROTATED    /* if "use_sliding_window": "layer_types", else layers that are not rotated */
};

/* Which layers rotate queries and keys, and by which frequencies. */
enum family_rotation {
    ROTATES_ALWAYS,
    ROTATES_NEVER,
    ROTATES_BY_LIST,  /* those of which "no_rope_layers" holds 1, else all but every "no_rope_layer_interval"-th */
    ROTATES_WINDOWED, /* those with a window */
    ROTATES_WINDOWED_OR_ALL, /* those with a window; all where the file gives none */
    ROTATES_LOCALLY          /* all; those with a window by frequencies of their own, which nothing scales */
};

/* A number of the configuration that values are multiplied or bounded by, and what it is where the file does not say.
 */
enum number_use {
    NUMBER_NONE,
    EMBEDDING_TIMES,
    RESIDUAL_TIMES,  /* outputs of blocks, before they are added */
    ATTENTION_TIMES, /* scores, in the place of 1 / sqrt(head_dim) */
    ATTENTION_ROOT,  /* scores are divided by its root, in the place of head_dim's */
    ATTENTION_CAP,   /* of scores, softly; null is none */
    LOGITS_TIMES,
    LOGITS_DIVIDED,
    LOGITS_CAP,
    GATE_SLOPE,       /* the activation is x / (1 + exp(-slope x)) ... */
    GATE_LIMIT,       /* of a branch bounded above by the limit, and the other is bounded on both sides */
    LOGITS_CAP_ALONE, /* where the text model is not a part of a whole, whose class does not read it */
    NUMBER_COUNT
};
#define FAMILY_NUMBERS 4
#define FAMILY_TYPES 4
#define FAMILY_REFUSED 3

struct family {
    const char *name;
    const char *part; /* of the original that is computed; NULL: all of it */
    const char *model_types[FAMILY_TYPES];
    const char *gold;     /* of golden/nano, by the original class of it; NULL: none, it was proved on random models */
    const char *typed;    /* the family that it is where "layer_types" is given, unless it is a part; NULL: itself */
    uint64_t norms;       /* WEIGHT_BIT of those that not every family has */
    uint64_t block_norms; /* of these, the norms of a block's output */
    bool position_table;  /* positions are embedded: a row of a matrix for each */
    bool norm_biases;     /* its norms are torch.nn.LayerNorm, with biases */
    struct switches switches; /* what it does otherwise than most */
    enum family_bias bias;
    const char *mlp_bias_key; /* NULL: there are no such biases */
    const char *epsilon_key;  /* NULL: "rms_norm_eps" */
    struct {
        const char *hidden, *layers, *heads, *context; /* used where they are there, else as most spell them */
        const char *intermediate;                      /* alone */
    } spelled;
    const char *activation_key; /* NULL: "hidden_act"; "": none is read */
    bool gelu_is_tanh;          /* "gelu" of an old file is "gelu_pytorch_tanh" */
    bool gateless;              /* a dense block has two matrices: down(activation(up(x))) */
    enum family_blocks blocks;
    enum family_kv kv;
    bool embedding_by_root;       /* embeddings are multiplied by the root of hidden_size */
    bool head_dim_divided;        /* "head_dim" is not read: it is hidden_size / num_attention_heads */
    bool longrope_by_older_names; /* the rope types "yarn" and "su" are "longrope" */
    double rotated_share; /* of a head, where "partial_rotary_factor" does not say; 0: that is read for scaled ropes
                             only */
    enum family_rotation rotation;
    struct {
        const char *key; /* computed only where it is absent, null or as usual */
        bool usual;
    } refused[FAMILY_REFUSED];
    bool rope_alpha; /* "alpha" of the rope type "dynamic" makes a theta of it, whatever the length of a sequence */
    struct {
        enum number_use use;
        const char *key;
        double absent;
    } numbers[FAMILY_NUMBERS];
    enum family_experts experts;
    bool shared_expert;
    bool shared_open;        /* ... without a switch; "n_shared_experts" of them are one */
    bool expert_bias;        /* router and experts have biases */
    bool sinks;              /* of each head a score that takes its share of the probabilities, and no value */
    bool choice_bias;        /* experts are chosen by their scores and a bias */
    bool linear_layers;      /* those that "layer_types" calls so, else all but every "full_attention_interval"-th */
    bool gated_heads;        /* what a head makes is multiplied by a sigmoid, which is made beside its query */
    bool latents;            /* keys and values are made of "kv_lora_rank" values, queries of "q_lora_rank" or of all */
    bool mixed_scale;        /* of scores: by yarn's "mscale_all_dim", squared */
    bool choice_method;      /* whether experts are chosen from groups is said by "topk_method" */
    bool halves_key;         /* "rope_interleave" false: the rotation pairs halves of a head */
    bool next_layers;        /* "num_nextn_predict_layers" more layers may be stored, which its class does not load */
    bool choice_groups;      /* from "topk_group" of "n_group" groups, and weighted by "routed_scaling_factor" */
    const char *qk_norm_key; /* says whether there are norms of queries and keys; NULL: the family does */
    const char *share_key;   /* in the place of "partial_rotary_factor" beside the rope; NULL: that */
    const char *theta_key;   /* the same of "rope_theta" */
    const char *rotary_key;  /* an older spelling of how many values of a head are rotated; NULL: there is none */
    bool topk_fixed;         /* "norm_topk_prob" is not read */
    bool tied_inside;        /* a part may be tied by its own configuration, too */
    enum family_window window;
    bool pattern_key;       /* "sliding_window_pattern" is read */
    bool query_temperature; /* "llama_4_scaling_beta" of the rope */
    /* What the original's configuration class takes for an absent key. 0 for kv_heads: as many as heads; for head_dim:
     * hidden / heads; for intermediate: 4 * hidden. */
    struct {
        int vocabulary, hidden, intermediate, layers, heads, kv_heads, head_dim, context;
        int query_latent, latent, rotated, unrotated,
            value_dim; /* "q_lora_rank", "kv_lora_rank", "qk_rope_head_dim" ... */
        int linear_heads, linear_value_dim, linear_key_heads, linear_key_dim,
            linear_taps;          /* "linear_num_value_heads" ... */
        int groups, groups_taken; /* "n_group", "topk_group"; 0: 1 */
        double route_scale;       /* "routed_scaling_factor"; 0: 1 */
        int moe_intermediate, experts, experts_per_token, shared_intermediate, shared_experts, first_dense;
        int window, window_layers; /* "sliding_window", 0 for none, and "max_window_layers" */
        int pattern;               /* "sliding_window_pattern" */
        int original_context;      /* "original_max_position_embeddings"; 0: as the context */
        bool norm_topk;
        bool tied;
        bool mlp_bias;
        double epsilon, theta;
        double latent_epsilon;  /* of the norms of latents, which no key says */
        double local_theta;     /* "rope_local_base_freq" */
        const char *activation; /* NULL: "silu" */
        const char *rope;       /* "rope_parameters"; NULL: none */
    } absent;
};

/* NULL when no row answers to it. */
const struct family *family_find(const char *model_type);

/* Whether the head of a whole, of which a family is the part that writes, is the embedding where the file does not say.
 */
bool family_whole_tied(const char *model_type);

/* The families in their order; NULL behind the last. */
const struct family *family_at(size_t index);

/* Appends the names of all families, for messages: "qwen3_omni_moe (thinker), qwen3_moe ...". */
void family_list(struct buffer *out);

#endif
