/* The architecture, as two tables: the tensors of a text model, and where the forward pass shows what it computes. A
 * row says all there is to say of its kind; every layer of the house takes the columns that it knows. A row that lacks
 * one does not compile, nor does a table that does not fit together (weights.c and probe.c of the model). They lie here
 * because the store is the lowest that needs one of their columns: how GGUF spells the names.
 *
 * To add a norm: its row in WEIGHT_ROWS, its row in POINT_ROWS, and the families that have it (family.c). What it
 * norms, and who reads it, follows from the order of the points (point_flows in probe.h). */
#ifndef ASSAY_STORE_ARCHITECTURE_H
#define ASSAY_STORE_ARCHITECTURE_H

#include <stdint.h>

/* clang-format off */

/* In the order in which a configuration is told.
 *
 * weight     WEIGHT_...
 * scope      BEGIN, END: of the model; LAYER: name below model.layers.N.; EXPERT: below model.layers.N.mlp.experts.E.
 * name       canonical
 * GGUF       how GGUF spells it, below blk.N. for a layer, up to ".weight" or ".bias"; a bias like its matrix
 * order      ... and how it lays the rows: PLAIN; HEADS, KV_HEADS: interleaved by llama; LIFTED: a vector of a matrix
 * rows, columns   shape; NONE columns: a vector
 * when       the configuration calls for it. NORM: where the family has this norm (family.h); NORM_BIAS: where it has the
 *            norm whose gain is the row before, and its norms have biases; POSITIONS: where positions are embedded, too;
 *            HEAD: where it has one; GATED: where a dense block has two branches
 * part       MATRIX, BIAS, or GAIN: of a norm
 * module     what it is a part of; in their order the original makes, and so writes, the tensors of a layer
 * through    a norm of that place makes its input, in families that have one there (weight_through): INPUT_NORM, before
 *            attention; POST_NORM, before the feed-forward block. NONE: no norm does, or it is a row that tells nothing
 * reader     the matrix whose columns are the rows of this one: what is written here is read there
 * partner    the matrix with which its rows were trained together,
 * unit       ... and what of the partner fits a row: a NEURONS column; HEAD_ROWS, HEAD_COLUMNS: by heads
 * tells      its size tells of the gain that it is read through, for all that share that */
#define WEIGHT_ROWS(ROW)                                                                                              \
    ROW(EMBEDDING, BEGIN, "model.embed_tokens.weight", "token_embd", PLAIN, VOCABULARY, HIDDEN, ALWAYS,               \
        MATRIX, ENDS, NONE, NONE, NONE, NONE, false)                                                                  \
    ROW(POSITIONS, BEGIN, "model.embed_positions.weight", "position_embd", PLAIN, CONTEXT, HIDDEN, POSITIONS,         \
        MATRIX, ENDS, NONE, NONE, NONE, NONE, false)                                                                  \
    ROW(INPUT_NORM, LAYER, "input_layernorm.weight", "attn_norm", PLAIN, HIDDEN, NONE, NORM,                          \
        GAIN, NORMS, NONE, NONE, NONE, NONE, false)                                                                   \
    ROW(INPUT_NORM_BIAS, LAYER, "input_layernorm.bias", "attn_norm", PLAIN, HIDDEN, NONE, NORM_BIAS,                  \
        BIAS, NORMS, NONE, NONE, NONE, NONE, false)                                                                   \
    ROW(Q_LATENT, LAYER, "self_attn.q_a_proj.weight", "attn_q_a", PLAIN, Q_LATENT, HIDDEN, Q_LATENT,                  \
        MATRIX, ATTENTION, INPUT_NORM, Q_UP, NONE, NONE, true)                                                        \
    ROW(Q_LATENT_BIAS, LAYER, "self_attn.q_a_proj.bias", "attn_q_a", PLAIN, Q_LATENT, NONE, Q_LATENT_BIAS,            \
        BIAS, ATTENTION, NONE, NONE, NONE, NONE, false)                                                               \
    ROW(Q_LATENT_NORM, LAYER, "self_attn.q_a_layernorm.weight", "attn_q_a_norm", PLAIN, Q_LATENT, NONE, Q_LATENT,     \
        GAIN, ATTENTION, NONE, NONE, NONE, NONE, false)                                                               \
    ROW(Q_UP, LAYER, "self_attn.q_b_proj.weight", "attn_q_b", PLAIN, Q, Q_LATENT, Q_LATENT,                           \
        MATRIX, ATTENTION, Q_LATENT_NORM, NONE, NONE, NONE, true)                                                     \
    ROW(KV_LATENT, LAYER, "self_attn.kv_a_proj_with_mqa.weight", "attn_kv_a_mqa", PLAIN, KV_LATENT_ROTATED, HIDDEN,   \
        KV_LATENT, MATRIX, ATTENTION, INPUT_NORM, NONE, NONE, NONE, false)                                            \
    ROW(KV_LATENT_BIAS, LAYER, "self_attn.kv_a_proj_with_mqa.bias", "attn_kv_a_mqa", PLAIN, KV_LATENT_ROTATED, NONE,  \
        KV_LATENT_BIAS, BIAS, ATTENTION, NONE, NONE, NONE, NONE, false)                                               \
    ROW(KV_LATENT_NORM, LAYER, "self_attn.kv_a_layernorm.weight", "attn_kv_a_norm", PLAIN, KV_LATENT, NONE,           \
        KV_LATENT, GAIN, ATTENTION, NONE, NONE, NONE, NONE, false)                                                    \
    ROW(KV_UP, LAYER, "self_attn.kv_b_proj.weight", "attn_kv_b", PLAIN, KV_UP, KV_LATENT, KV_LATENT,                  \
        MATRIX, ATTENTION, KV_LATENT_NORM, NONE, NONE, NONE, true)                                                    \
    ROW(Q, LAYER, "self_attn.q_proj.weight", "attn_q", HEADS, Q_GATED, HIDDEN, Q_WHOLE,                                      \
        MATRIX, ATTENTION, INPUT_NORM, O, NONE, NONE, true)                                                           \
    ROW(Q_BIAS, LAYER, "self_attn.q_proj.bias", "attn_q", HEADS, Q_GATED, NONE, QKV_BIAS,                                   \
        BIAS, ATTENTION, NONE, NONE, NONE, NONE, false)                                                               \
    ROW(K, LAYER, "self_attn.k_proj.weight", "attn_k", KV_HEADS, KV, HIDDEN, KV_WHOLE,                                    \
        MATRIX, ATTENTION, INPUT_NORM, O, Q, HEAD_ROWS, false)                                                        \
    ROW(K_BIAS, LAYER, "self_attn.k_proj.bias", "attn_k", KV_HEADS, KV, NONE, QKV_BIAS,                               \
        BIAS, ATTENTION, NONE, NONE, NONE, NONE, false)                                                               \
    ROW(V, LAYER, "self_attn.v_proj.weight", "attn_v", PLAIN, KV, HIDDEN, KV_WHOLE,                                     \
        MATRIX, ATTENTION, INPUT_NORM, O, O, HEAD_COLUMNS, false)                                                     \
    ROW(V_BIAS, LAYER, "self_attn.v_proj.bias", "attn_v", PLAIN, KV, NONE, QKV_BIAS,                                  \
        BIAS, ATTENTION, NONE, NONE, NONE, NONE, false)                                                               \
    ROW(O, LAYER, "self_attn.o_proj.weight", "attn_output", PLAIN, HIDDEN, ATTENDED, ALWAYS,                                 \
        MATRIX, ATTENTION, NONE, NONE, NONE, NONE, false)                                                             \
    ROW(O_BIAS, LAYER, "self_attn.o_proj.bias", "attn_output", PLAIN, HIDDEN, NONE, O_BIAS,                           \
        BIAS, ATTENTION, NONE, NONE, NONE, NONE, false)                                                               \
    ROW(SINKS, LAYER, "self_attn.sinks", "attn_sinks", PLAIN, HEADS, NONE, SINKS,                                     \
        BIAS, ATTENTION, NONE, NONE, NONE, NONE, false)                                                               \
    ROW(LINEAR_QKVZ, LAYER, "linear_attn.in_proj_qkvz.weight", "ssm_in", PLAIN, LINEAR_QKVZ, HIDDEN, LINEAR,            \
        MATRIX, ATTENTION, INPUT_NORM, NONE, NONE, NONE, true)                                                        \
    ROW(LINEAR_BA, LAYER, "linear_attn.in_proj_ba.weight", "ssm_ba", PLAIN, LINEAR_BA, HIDDEN, LINEAR,                \
        MATRIX, ATTENTION, INPUT_NORM, NONE, NONE, NONE, false)                                                       \
    ROW(LINEAR_CONV, LAYER, "linear_attn.conv1d.weight", "ssm_conv1d", PLAIN, LINEAR_QKV, LINEAR_TAPS, LINEAR,        \
        MATRIX, ATTENTION, NONE, NONE, NONE, NONE, false)                                                             \
    ROW(LINEAR_STEP, LAYER, "linear_attn.dt_bias", "ssm_dt", PLAIN, LINEAR_HEADS, NONE, LINEAR,                       \
        BIAS, ATTENTION, NONE, NONE, NONE, NONE, false)                                                               \
    ROW(LINEAR_DECAY, LAYER, "linear_attn.A_log", "ssm_a", PLAIN, LINEAR_HEADS, NONE, LINEAR,                         \
        BIAS, ATTENTION, NONE, NONE, NONE, NONE, false)                                                               \
    ROW(LINEAR_NORM, LAYER, "linear_attn.norm.weight", "ssm_norm", PLAIN, LINEAR_HEAD, NONE, LINEAR,                  \
        GAIN, ATTENTION, NONE, NONE, NONE, NONE, false)                                                               \
    ROW(LINEAR_OUT, LAYER, "linear_attn.out_proj.weight", "ssm_out", PLAIN, HIDDEN, LINEAR_VALUE, LINEAR,             \
        MATRIX, ATTENTION, NONE, NONE, NONE, NONE, false)                                                             \
    ROW(Q_NORM, LAYER, "self_attn.q_norm.weight", "attn_q_norm", PLAIN, Q_GAIN, NONE, NORM,                             \
        GAIN, ATTENTION, NONE, NONE, NONE, NONE, false)                                                               \
    ROW(K_NORM, LAYER, "self_attn.k_norm.weight", "attn_k_norm", PLAIN, K_GAIN, NONE, NORM,                             \
        GAIN, ATTENTION, NONE, NONE, NONE, NONE, false)                                                               \
    ROW(ATTENTION_OUT_NORM, LAYER, "post_self_attn_layernorm.weight", "post_attention_norm", PLAIN, HIDDEN, NONE, NORM,\
        GAIN, NORMS, NONE, NONE, NONE, NONE, false)                                                                   \
    ROW(POST_NORM, LAYER, "post_attention_layernorm.weight", "ffn_norm", PLAIN, HIDDEN, NONE, NORM,                   \
        GAIN, NORMS, NONE, NONE, NONE, NONE, false)                                                                   \
    ROW(POST_NORM_BIAS, LAYER, "post_attention_layernorm.bias", "ffn_norm", PLAIN, HIDDEN, NONE, NORM_BIAS,           \
        BIAS, NORMS, NONE, NONE, NONE, NONE, false)                                                                   \
    ROW(MLP_IN_NORM, LAYER, "pre_feedforward_layernorm.weight", "pre_ffw_norm", PLAIN, HIDDEN, NONE, NORM,            \
        GAIN, NORMS, NONE, NONE, NONE, NONE, false)                                                                   \
    ROW(ROUTER, LAYER, "mlp.gate.weight", "ffn_gate_inp", PLAIN, EXPERTS, HIDDEN, SPARSE,                             \
        MATRIX, ROUTER, POST_NORM, NONE, NONE, NONE, true)                                                            \
    ROW(ROUTER_BIAS, LAYER, "mlp.gate.bias", "ffn_gate_inp", PLAIN, EXPERTS, NONE, SPARSE_BIAS,                       \
        BIAS, ROUTER, NONE, NONE, NONE, NONE, false)                                                                  \
    ROW(CHOICE_BIAS, LAYER, "mlp.gate.e_score_correction_bias", "exp_probs_b", PLAIN, EXPERTS, NONE, CHOICE,          \
        BIAS, ROUTER, NONE, NONE, NONE, NONE, false)                                                                  \
    ROW(EXPERT_GATE, EXPERT, "gate_proj.weight", "ffn_gate_exps", PLAIN, EXPERT, HIDDEN, SPARSE,                      \
        MATRIX, EXPERTS, POST_NORM, EXPERT_DOWN, EXPERT_DOWN, NEURONS, false)                                         \
    ROW(EXPERT_UP, EXPERT, "up_proj.weight", "ffn_up_exps", PLAIN, EXPERT, HIDDEN, SPARSE,                            \
        MATRIX, EXPERTS, POST_NORM, EXPERT_DOWN, EXPERT_DOWN, NEURONS, true)                                          \
    ROW(EXPERT_DOWN, EXPERT, "down_proj.weight", "ffn_down_exps", PLAIN, HIDDEN, EXPERT, SPARSE,                      \
        MATRIX, EXPERTS, NONE, NONE, NONE, NONE, false)                                                               \
    ROW(EXPERT_GATE_BIAS, EXPERT, "gate_proj.bias", "ffn_gate_exps", PLAIN, EXPERT, NONE, SPARSE_BIAS,                \
        BIAS, EXPERTS, NONE, NONE, NONE, NONE, false)                                                                 \
    ROW(EXPERT_UP_BIAS, EXPERT, "up_proj.bias", "ffn_up_exps", PLAIN, EXPERT, NONE, SPARSE_BIAS,                      \
        BIAS, EXPERTS, NONE, NONE, NONE, NONE, false)                                                                 \
    ROW(EXPERT_DOWN_BIAS, EXPERT, "down_proj.bias", "ffn_down_exps", PLAIN, HIDDEN, NONE, SPARSE_BIAS,                \
        BIAS, EXPERTS, NONE, NONE, NONE, NONE, false)                                                                 \
    ROW(SHARED_GATE, LAYER, "mlp.shared_expert.gate_proj.weight", "ffn_gate_shexp", PLAIN, SHARED, HIDDEN, SHARED,    \
        MATRIX, SHARED, POST_NORM, SHARED_DOWN, SHARED_DOWN, NEURONS, false)                                          \
    ROW(SHARED_UP, LAYER, "mlp.shared_expert.up_proj.weight", "ffn_up_shexp", PLAIN, SHARED, HIDDEN, SHARED,          \
        MATRIX, SHARED, POST_NORM, SHARED_DOWN, SHARED_DOWN, NEURONS, false)                                          \
    ROW(SHARED_DOWN, LAYER, "mlp.shared_expert.down_proj.weight", "ffn_down_shexp", PLAIN, HIDDEN, SHARED, SHARED,    \
        MATRIX, SHARED, NONE, NONE, NONE, NONE, false)                                                                \
    ROW(SHARED_SWITCH, LAYER, "mlp.shared_expert_gate.weight", "ffn_gate_inp_shexp", LIFTED, ONE, HIDDEN, SWITCH,     \
        MATRIX, SHARED, NONE, NONE, NONE, NONE, false)                                                                \
    ROW(GATE, LAYER, "mlp.gate_proj.weight", "ffn_gate", PLAIN, INNER, HIDDEN, GATED,                                 \
        MATRIX, DENSE, POST_NORM, DOWN, DOWN, NEURONS, false)                                                         \
    ROW(GATE_BIAS, LAYER, "mlp.gate_proj.bias", "ffn_gate", PLAIN, INNER, NONE, GATED_BIAS,                           \
        BIAS, DENSE, NONE, NONE, NONE, NONE, false)                                                                   \
    ROW(UP, LAYER, "mlp.up_proj.weight", "ffn_up", PLAIN, INNER, HIDDEN, DENSE,                                       \
        MATRIX, DENSE, POST_NORM, DOWN, DOWN, NEURONS, true)                                                          \
    ROW(UP_BIAS, LAYER, "mlp.up_proj.bias", "ffn_up", PLAIN, INNER, NONE, DENSE_BIAS,                                 \
        BIAS, DENSE, NONE, NONE, NONE, NONE, false)                                                                   \
    ROW(DOWN, LAYER, "mlp.down_proj.weight", "ffn_down", PLAIN, HIDDEN, INNER, DENSE,                                 \
        MATRIX, DENSE, NONE, NONE, NONE, NONE, false)                                                                 \
    ROW(DOWN_BIAS, LAYER, "mlp.down_proj.bias", "ffn_down", PLAIN, HIDDEN, NONE, DENSE_BIAS,                          \
        BIAS, DENSE, NONE, NONE, NONE, NONE, false)                                                                   \
    ROW(MLP_OUT_NORM, LAYER, "post_feedforward_layernorm.weight", "post_ffw_norm", PLAIN, HIDDEN, NONE, NORM,         \
        GAIN, NORMS, NONE, NONE, NONE, NONE, false)                                                                   \
    ROW(MLP_OUT_NORM_GLM, LAYER, "post_mlp_layernorm.weight", "post_mlp_norm", PLAIN, HIDDEN, NONE, NORM,             \
        GAIN, NORMS, NONE, NONE, NONE, NONE, false)                                                                   \
    ROW(FINAL_NORM, END, "model.norm.weight", "output_norm", PLAIN, HIDDEN, NONE, ALWAYS,                             \
        GAIN, ENDS, NONE, NONE, NONE, NONE, false)                                                                    \
    ROW(FINAL_NORM_BIAS, END, "model.norm.bias", "output_norm", PLAIN, HIDDEN, NONE, NORM_BIAS,                       \
        BIAS, ENDS, NONE, NONE, NONE, NONE, false)                                                                    \
    ROW(HEAD, END, "lm_head.weight", "output", PLAIN, VOCABULARY, HIDDEN, HEAD,                                       \
        MATRIX, ENDS, FINAL_NORM, NONE, NONE, NONE, true)

/* In the order of the forward pass.
 *
 * point      POINT_...
 * path       below model.layers.N, or whole
 * place      BEFORE_LAYERS, IN_LAYER, BEHIND_LAYERS
 * weight     what makes it, if one tensor does; it exists where the configuration calls for that. INPUT, what the first
 *            layer reads, exists where that is not the embedding itself
 * width      floats in a row; Q, KV: by heads
 * step       what the pass does for it: NORM, ATTENTION, MLP; SUM: nothing; OWN: elsewhere, where it is shown as well
 * to         into which values of the pass: STREAM, the residual stream; NORMED; BLOCK, the output of attention or MLP.
 *            What lies there is shown. A norm of a block's output (family.h) stays in BLOCK
 * also       what it is computed from, besides weights and the values that the step reads (point_flows in probe.h).
 *            BEFORE: the output of the layer before, or the embeddings
 * tensors    what a person looks for when it is wrong
 * curve      its name in a figure over layers */
#define POINT_ROWS(ROW)                                                                                               \
    ROW(EMBEDDING, "model.embed_tokens", BEFORE_LAYERS, EMBEDDING, HIDDEN, OWN, NONE,                                 \
        0, "embed_tokens.weight", "")                                                                                 \
    ROW(POSITIONS, "model.embed_positions", BEFORE_LAYERS, POSITIONS, HIDDEN, OWN, NONE,                              \
        0, "embed_positions.weight", "")                                                                              \
    ROW(INPUT, "model.input", BEFORE_LAYERS, NONE, HIDDEN, OWN, NONE,                                                 \
        OF(EMBEDDING) | OF(POSITIONS), "what embeddings are multiplied by, or what is added", "")                     \
    ROW(INPUT_NORM, ".input_layernorm", IN_LAYER, INPUT_NORM, HIDDEN, NORM, NORMED,                                   \
        0, "input_layernorm.weight", "input norm")                                                                    \
    ROW(Q_LATENT_NORM, ".self_attn.q_a_layernorm", IN_LAYER, Q_LATENT_NORM, Q_LATENT, OWN, NONE,                      \
        0, "q_a_proj or q_a_layernorm", "norm of q's latent")                                                         \
    ROW(KV_LATENT_NORM, ".self_attn.kv_a_layernorm", IN_LAYER, KV_LATENT_NORM, KV_LATENT, OWN, NONE,                  \
        0, "kv_a_proj_with_mqa or kv_a_layernorm", "norm of k and v's latent")                                        \
    ROW(Q_NORM, ".self_attn.q_norm", IN_LAYER, Q_NORM, Q, OWN, NONE,                                                  \
        0, "q_proj or q_norm", "q norm")                                                                              \
    ROW(K_NORM, ".self_attn.k_norm", IN_LAYER, K_NORM, KV, OWN, NONE,                                                 \
        0, "k_proj or k_norm", "k norm")                                                                              \
    ROW(LINEAR_NORM, ".self_attn.norm", IN_LAYER, LINEAR_NORM, LINEAR_VALUE, OWN, NONE,                               \
        0, "in_proj_qkvz, in_proj_ba, conv1d, dt_bias, A_log or norm", "gated norm")                                  \
    ROW(ATTENTION, ".self_attn", IN_LAYER, NONE, HIDDEN, ATTENTION, BLOCK,                                            \
        OF(Q_NORM) | OF(K_NORM) | OF(Q_LATENT_NORM) | OF(KV_LATENT_NORM) | OF(LINEAR_NORM),              \
        "the attention's projections", "attention")                                          \
    ROW(ATTENTION_OUT_NORM, ".post_self_attn_layernorm", IN_LAYER, ATTENTION_OUT_NORM, HIDDEN, NORM, NORMED,          \
        0, "post_self_attn_layernorm.weight", "norm behind attention")                                                \
    ROW(POST_NORM, ".post_attention_layernorm", IN_LAYER, POST_NORM, HIDDEN, NORM, NORMED,                            \
        0, "post_attention_layernorm.weight", "post-attention norm")                                                  \
    ROW(MLP_IN_NORM, ".pre_feedforward_layernorm", IN_LAYER, MLP_IN_NORM, HIDDEN, NORM, NORMED,                       \
        0, "pre_feedforward_layernorm.weight", "pre-feed-forward norm")                                               \
    ROW(ROUTER, ".mlp.gate", IN_LAYER, ROUTER, EXPERTS, OWN, NONE,                                                    \
        0, "mlp.gate.weight", "router")                                                                               \
    ROW(MLP, ".mlp", IN_LAYER, NONE, HIDDEN, MLP, BLOCK,                                                              \
        OF(ROUTER), "the feed-forward weights", "feed-forward")                                                       \
    ROW(MLP_OUT_NORM, ".post_feedforward_layernorm", IN_LAYER, MLP_OUT_NORM, HIDDEN, NORM, NORMED,                    \
        0, "post_feedforward_layernorm.weight", "post-feed-forward norm")                                             \
    ROW(MLP_OUT_NORM_GLM, ".post_mlp_layernorm", IN_LAYER, MLP_OUT_NORM_GLM, HIDDEN, NORM, NORMED,                    \
        0, "post_mlp_layernorm.weight", "norm behind feed-forward")                                                   \
    ROW(LAYER, "", IN_LAYER, NONE, HIDDEN, SUM, STREAM,                                                               \
        0, "the residual sum", "layer output")                                                                        \
    ROW(FINAL_NORM, "model.norm", BEHIND_LAYERS, FINAL_NORM, HIDDEN, OWN, NONE,                                       \
        OF(BEFORE), "norm.weight", "")                                                                                \
    ROW(HEAD, "lm_head", BEHIND_LAYERS, HEAD, VOCABULARY, OWN, NONE,                                                  \
        OF(FINAL_NORM), "the head", "")

/* clang-format on */

enum weight {
#define WEIGHT_OF(id, ...) WEIGHT_##id,
    WEIGHT_ROWS(WEIGHT_OF)
#undef WEIGHT_OF
        WEIGHT_COUNT,
    WEIGHT_NONE = WEIGHT_COUNT
};

enum point {
#define POINT_OF(id, ...) POINT_##id,
    POINT_ROWS(POINT_OF)
#undef POINT_OF
        POINT_COUNT
};

/* A set of weights is 64 bits. */
#define WEIGHT_BIT(weight) ((uint64_t)1 << (weight))

#endif
