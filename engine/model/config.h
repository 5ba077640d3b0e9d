/* What config.json says, in one shape for all families. */
#ifndef ASSAY_MODEL_CONFIG_H
#define ASSAY_MODEL_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/json.h"
#include "model/switches.h"
#include "store/quantisation.h"

#define CONFIG_LAYERS_MAX 1024
#define CHOICE_GROUPS_MAX 64

/* What makes logits of a model's last values. */
enum config_head {
    HEAD_LOGITS,   /* its head, or the embedding that is tied to one */
    HEAD_BORROWED, /* the embedding, though the class that was saved has no head */
    HEAD_NONE,     /* nothing: the class that was saved has no head */
    HEAD_LEFT_OUT  /* nothing: it was saved without the head that its class has */
};

enum rope_kind {
    ROPE_DEFAULT,
    ROPE_LINEAR,
    ROPE_DYNAMIC, /* by the length of the sequence, where that is beyond the context */
    ROPE_LLAMA3,
    ROPE_YARN,
    ROPE_LONGROPE, /* two lists of divisors: for sequences within the original context, and beyond it */
    ROPE_OTHER     /* cannot be computed */
};

#define ROPE_DIVISORS_MAX 512

enum rotation { ROTATED, ROTATED_LOCALLY, ROTATED_NOT };

struct family;

/* What is known of a model, whether or not it can be computed. */
struct model_config {
    const struct family *family; /* NULL: none of the table. Then nothing is expected, and sizes that the file does not
                                    spell in a known way are 0 */
    char unsupported[512];       /* why it cannot be computed, a sentence without its full stop; "": it can be */
    char model_type[64];         /* of the text model, as the file spells it; "": it does not say */
    char made_as[64];            /* the original's class that was saved: "Qwen3ForCausalLM"; "": it does not say */
    char dtype[32];              /* of the weights, as the file spells it: "bfloat16"; "": it does not say */
    struct quantisation quantisation; /* what the file says of it, whether or not the weights are so */
    int vocabulary;
    int hidden;
    int layers;
    int next_layers; /* behind the layers, that predict further tokens: stored, and not computed */
    int heads;
    int kv_heads;
    int head_dim;
    int value_dim;  /* of heads that are made of latents: their values; head_dim are those of a query, of a key */
    int rotary_dim; /* of a head, its first so many values are rotated; its last where there are latents */
    int query_latent, latent; /* values that queries, and keys and values, are made of; 0: of the whole width */
    bool gated_heads; /* what a head makes of values is multiplied by a sigmoid, which is made beside its query */
    struct {
        int heads, value_dim;   /* of values; */
        int key_heads, key_dim; /* of queries and keys: each of them serves as many heads of values as any other */
        int taps;               /* of the convolution in front of them */
    } linear;                   /* attention whose layers keep a state in the place of keys and values; 0: none */
    double latent_epsilon;      /* of the norms of these; 0: norm_epsilon */
    int intermediate;           /* of a dense layer */
    int experts;                /* 0: dense model */
    int experts_per_token;
    int moe_intermediate;                   /* of one expert */
    int shared_intermediate;                /* of the shared expert; 0: none */
    bool expert_bias;                       /* router and experts have biases */
    bool shared_switch;                     /* the shared expert is multiplied by a switch of its own */
    bool choice_bias;                       /* experts are chosen by their scores and biases of their own */
    int choice_groups, choice_groups_taken; /* and only from so many of so many groups; 1, 1: there are none */
    double route_scale;                     /* the weights of the chosen experts are multiplied by it */
    const float *choice_biases; /* [layers][experts], as the model's files have them, borrowed; NULL: not known */
    int context;                /* max_position_embeddings: what the model was made for, not a limit of the engine */
    double norm_epsilon;
    uint64_t norms;         /* WEIGHT_BIT of those that not every family has */
    uint64_t block_norms;   /* of these, the norms of a block's output: it is normed before it is added to the stream */
    bool position_table;    /* an embedding of positions is added to that of tokens; there are no more than `context` */
    bool norm_biases;       /* norms add a bias */
    bool head_gains_wide;   /* the norms of queries and keys have a gain for each value of all heads */
    bool gateless;          /* a dense block has two matrices: down(activation(up(x))) */
    bool parallel_blocks;   /* the feed-forward block reads what attention reads, not what it made of it */
    double embedding_scale; /* of embeddings, within their module, or 1 ... */
    double embedding_multiplier, residual_multiplier,
        logits_multiplier;       /* ... and behind it; 1: nothing is multiplied */
    double attention_multiplier; /* of scores; 0: 1 / sqrt(head_dim) */
    double gate_limit;           /* of a feed-forward block's branches; 0: they are not bounded */
    double gate_slope;           /* the activation is x / (1 + exp(-slope x)); 0: it is that of the switches */
    bool sinks;                  /* of each head: a score that takes its share of the probabilities, and no value */
    double attention_cap, logits_cap; /* scores and logits are bounded by it, softly; 0: they are not */
    bool qkv_bias;
    bool o_bias;
    bool mlp_bias;
    bool gains_whole;      /* of norms, though the family's stand beside 1: the file holds them with it */
    bool biases_open;      /* which of these there are is told by the tensors alone, one by one */
    bool norm_topk;        /* the weights of the chosen experts are made to sum to one */
    bool tied;             /* the head is the embedding */
    enum config_head head; /* as headless_settle finds it */
    bool both_directions;  /* a token sees those behind it as well: it predicts none of them */
    enum rope_kind rope_kind;
    char rope_type[32]; /* its name; of one that cannot be computed, as the file spells it */
    double rope_theta;
    double rope_local_theta; /* of layers that are rotated locally, by the default kind; 0: there is none */
    double rope_factor;
    double rope_low_factor;  /* llama3 */
    double rope_high_factor; /* llama3 */
    int rope_original_context;
    double rope_beta_fast, rope_beta_slow; /* yarn: rotations within the original context that bound what is mixed */
    bool rope_truncate;                    /* yarn: these bounds are whole frequencies */
    float rope_short[ROPE_DIVISORS_MAX];   /* longrope */
    float rope_long[ROPE_DIVISORS_MAX];
    double rope_strength;              /* cosines and sines are multiplied by it */
    double query_beta;                 /* 0: none. Queries are multiplied by 1 + query_beta * log(1 + floor(position /
                                          rope_original_context)) */
    int mrope_section[3];              /* 0, 0, 0: no mRoPE */
    bool sparse[CONFIG_LAYERS_MAX];    /* the layer has experts */
    bool is_linear[CONFIG_LAYERS_MAX]; /* its attention is linear */
    int kind[CONFIG_LAYERS_MAX]; /* of an unknown family: layers of one kind are alike by what the file says of each */
    int window[CONFIG_LAYERS_MAX]; /* a token sees that many tokens, itself included, and in both directions that many
                                      on either side; 0: all */
    enum rotation rotation[CONFIG_LAYERS_MAX]; /* of queries and keys */
    struct switches own_switches;              /* as the family and the file have them */
    struct switches switches; /* as the family and the file have them, and the variants that were asked for */
};

/* The configurations that lie in each other, the outermost first and the text model's last, as those of multimodal
 * models do: itself, its "thinker_config", and of the last of them the "text_config". Returns how many. */
#define CONFIG_LEVELS 3
size_t config_levels(const cJSON *config, const cJSON *levels[CONFIG_LEVELS]);

/* Reads `path`, finds the text model in it (`thinker_config`, `text_config`, or flat) and checks every number. What the
 * engine does not compute - a family, a rope type, an activation - is no error: `unsupported` says so. Owned by the
 * caller, free with free(). */
struct model_config *config_read(const char *path, struct error *error);

/* The same from parsed JSON; `name` is for messages. */
struct model_config *config_parse(const char *name, const cJSON *root, struct error *error);

/* False, with the reason, for a model that cannot be computed; `name` is for the message. */
bool config_computes(const struct model_config *config, const char *name, struct error *error);

/* Some layer has experts. */
bool config_is_sparse(const struct model_config *config);

/* False, with the reason, for a model that has no head. */
bool config_predicts(const struct model_config *config, struct error *error);

/* False, with the reason, for a model that writes no text: it has no head, or attends in both directions and is to be
 * given whole. */
bool config_writes(const struct model_config *config, struct error *error);

/* "qwen3_moe, 5 layers, hidden 40, ...", for people. */
void config_summary(const struct model_config *config, struct buffer *out);

#endif
