/* A family is a row: which model types it answers to, how its configuration is spelled, which switches of the one
 * forward pass it turns. */
#ifndef ASSAY_MODEL_FAMILY_H
#define ASSAY_MODEL_FAMILY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

enum family_bias {
    BIAS_NEVER,
    BIAS_ATTENTION_KEY, /* q, k, v and o where "attention_bias" says so */
    BIAS_APART,         /* q, k and v unless "attention_bias" denies it, o where "attention_out_bias" says so */
    BIAS_QKV_ALWAYS,
    BIAS_QKV_KEY /* q, k and v unless "qkv_bias" denies it */
};

enum family_experts {
    EXPERTS_NEVER,
    EXPERTS_ALWAYS,
    EXPERTS_BY_STEP /* "decoder_sparse_step" and "mlp_only_layers" choose the layers */
};

/* Which layers look back only over "sliding_window" tokens. */
enum family_window {
    WINDOW_NEVER,
    WINDOW_ALWAYS,     /* wherever "sliding_window" is a number */
    WINDOW_TYPED,      /* wherever "sliding_window" is a number, but for layers that "layer_types" calls others */
    WINDOW_SWITCHED,   /* all layers, if "use_sliding_window" */
    WINDOW_UPPER,      /* if "use_sliding_window": "layer_types", else layers from "max_window_layers" on */
    WINDOW_ALTERNATING /* if "use_sliding_window": "layer_types", else even layers below "max_window_layers" */
};

struct family {
    const char *name;
    const char *part; /* of the original that is computed; NULL: all of it */
    const char *model_types[4];
    const char *typed; /* the family that it is where "layer_types" is given, unless it is a part; NULL: itself */
    unsigned norms;    /* WEIGHT_BIT of those that not every family has */
    enum family_bias bias;
    bool mlp_bias_key;
    enum family_experts experts;
    bool shared_expert;
    bool topk_always_normed;
    bool tied_inside; /* a part may be tied by its own configuration, too */
    enum family_window window;
    bool query_temperature; /* "llama_4_scaling_beta" of the rope */
    /* What the original's configuration class takes for an absent key. 0 for kv_heads: as many as heads; for head_dim:
     * hidden / heads. */
    struct {
        int vocabulary, hidden, intermediate, layers, heads, kv_heads, head_dim, context;
        int moe_intermediate, experts, experts_per_token, shared_intermediate;
        int window, window_layers; /* "sliding_window", 0 for none, and "max_window_layers" */
        bool norm_topk;
        double epsilon, theta;
        const char *rope; /* "rope_parameters"; NULL: none */
    } absent;
};

/* NULL when no row answers to it. */
const struct family *family_find(const char *model_type);

/* Whether the head of a whole, of which a family is the part that writes, is the embedding where the file does not say.
 */
bool family_whole_tied(const char *model_type);

/* Appends the names of all families, for messages: "qwen3_omni_moe (thinker), qwen3_moe ...". */
void family_list(struct buffer *out);

#endif
