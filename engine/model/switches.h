/* The switches of the forward pass: where implementations of one architecture part ways. All zero is what most families
 * do; a family's row (family.h) may turn some, its configuration others, and a variant (variant.h) departs from that.
 */
#ifndef ASSAY_MODEL_SWITCHES_H
#define ASSAY_MODEL_SWITCHES_H

/* The rotation pairs element i with i + head_dim / 2; or 2 i with 2 i + 1. */
enum { PAIRS_HALVES, PAIRS_NEIGHBOURS };
/* None: nothing is rotated. */
enum { POSITIONS_COUNTED, POSITIONS_NONE, POSITIONS_BFLOAT16 };
/* Norms of queries and keys: in front of the rotation; not at all; behind it; over all heads at once. */
enum { HEAD_NORM_BEFORE, HEAD_NORM_NONE, HEAD_NORM_AFTER, HEAD_NORM_WIDE };
/* A norm divides by the root of the mean of squares; of their sum; of the variance, having taken the mean away. */
enum { NORM_ROOT_MEAN, NORM_ROOT_SUM, NORM_CENTRED };
/* Of the router. */
enum { SCORES_SOFTMAX, SCORES_SIGMOID };
/* Weights of the chosen experts sum to one; or do not. */
enum { TOPK_AS_CONFIGURED, TOPK_NORMED, TOPK_RAW };
/* x + f(norm(x)); norm(x + f(x)) */
enum { ORDER_PRE, ORDER_POST };
/* A token sees itself and what is before it; everything; one token more; one less, unless it is the first. */
enum { MASK_CAUSAL, MASK_NONE, MASK_AHEAD, MASK_BEHIND };
/* The key/value head of query head h: h / group; h % kv_heads. */
enum { GROUPS_REPEATED, GROUPS_TILED };
/* Scores are multiplied by 1 / sqrt(head_dim); 1; 1 / head_dim; 1 / sqrt(hidden). */
enum { SCALE_HEAD, SCALE_NONE, SCALE_TWICE, SCALE_HIDDEN };
#define WINDOW_NOWHERE (-1)

struct switches {
    int pairs;
    int sections; /* 1: frequencies start again in each section of mRoPE */
    int positions;
    int positions_end; /* above 0: positions from there on are as the last before it */
    int query_ahead;   /* queries are rotated so many positions further than their keys */
    int stale_cache;   /* 1: what follows a cache is one position too early */
    int head_norm;
    int gain_offset; /* 1: a norm multiplies by 1 + gain */
    int norm;
    int no_final_norm;
    int pooled_routing; /* 1: all tokens of a sequence take the route of their mean */
    int scores;
    int topk;
    int experts_first, experts_end; /* end above 0: only these are chosen from */
    int scalar_experts;             /* 1: an expert's output is its mean, everywhere */
    int activation;                 /* enum activation_function (math/activation.h) */
    int up_offset;                  /* 1: the branch without the activation is 1 more */
    int unbounded;                  /* 1: branches are not bounded */
    int activation_on_up;           /* 1: gate(x) * silu(up(x)) */
    int order;
    int no_attention_residual, no_mlp_residual; /* 1: the block's output takes the place of the stream */
    int mask;
    int groups;
    int scale;
    int no_sinks; /* 1: heads' sinks take no share */
    int window;   /* of every layer; 0: as configured; WINDOW_NOWHERE */
};

#endif
