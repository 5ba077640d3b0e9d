/* The inside of the engine, shared by the files of this folder. */
#ifndef ASSAY_MODEL_INTERNAL_H
#define ASSAY_MODEL_INTERNAL_H

#include "model/model.h"
#include "model/slot.h"
#include "model/weights.h"

struct expert_cache;

struct model {
    const struct store *store;
    const struct model_config *config;
    struct model_options options;
    struct workspace *workspace;
    struct slot *slots;         /* model and layer weights: [WEIGHT_COUNT][layers or 1] */
    struct slot *experts;       /* [layers][experts][3], or NULL */
    struct expert_cache *cache; /* of these; NULL: no layer has experts */
    bool keep;
    uint64_t kept; /* bytes of `slots` in memory */
};

struct slot *model_slot(struct model *model, enum weight weight, int layer, int expert);

/* The matrix of a slot that is no expert's; loads it into memory when weights are kept and fit. Not from several
 * threads. */
bool model_matrix(struct model *model, enum weight weight, int layer, struct matrix *out, struct error *error);

/* Is the embedding the head too, for want of another? */
bool embedding_is_head(struct model *model);

/* The embedding, to look rows up. A pass needs few of them, so this never loads it; it is in memory only where it is
 * the head too. */
struct matrix model_embedding(struct model *model);

/* A norm or bias as floats, borrowed; `*out` NULL when the configuration has none. Not from several threads. */
bool model_vector(struct model *model, enum weight weight, int layer, const float **out, struct error *error);
/* The same of an expert; from several threads, of different experts. */
bool model_expert_vector(struct model *model, enum weight weight, int layer, int expert, const float **out,
                         struct error *error);

struct pass;

/* attention.c: pass->block = attention(in), of [rows, hidden] floats; shows q_norm, k_norm. */
bool attention_forward(struct pass *pass, int layer, const float *in, struct error *error);
/* latent.c: the same where keys and values are made of latents; shows the norms of these. */
bool latent_forward(struct pass *pass, int layer, const float *in, struct error *error);
/* linear_attention.c: the same of layers that keep a state; shows the gated norm. */
bool linear_attention_forward(struct pass *pass, int layer, const float *in, struct error *error);

/* experts.c: pass->block = mlp(in), dense or with experts; shows mlp.gate. */
bool mlp_forward(struct pass *pass, int layer, const float *in, struct error *error);

/* rope.c: the position that a row is rotated by, or whose embedding it has. */
float pass_position(const struct pass *pass, size_t row);
/* cosines and sines for the rows of the pass. */
bool rope_prepare(struct pass *pass, struct error *error);
/* Rotates `heads` heads of `width` floats in every row, queries or keys, as that layer does: of the first rotary_dim
 * elements i with i + rotary_dim / 2, unless a switch says otherwise; of the last where heads are made of latents. */
void rope_rotate(const struct pass *pass, int layer, float *values, size_t heads, size_t width, bool queries);
/* inverse frequencies, rotary_dim / 2 of them, of a sequence of so many tokens; of layers that are rotated locally */
void rope_frequencies(const struct model_config *config, size_t length, float *out);
void rope_local_frequencies(const struct model_config *config, float *out);
/* Tokens that it has as a whole, as far as it says. */
size_t sequence_length(const struct sequence *sequence);

/* kv.c: where layer's keys and values of a sequence lie: [kv_heads][capacity][head_dim]. Of heads that are made of
 * latents these alone, with what of a key is rotated: keys [capacity][latent + rotary_dim], and values NULL. */
struct kv_view {
    float *keys;
    float *values;
    size_t capacity;
    size_t length; /* tokens of earlier passes */
};
struct kv_view kv_layer(struct kv *kv, int layer);
/* Of a layer whose attention is linear: its state, [heads][key_dim][value_dim], and behind that the last taps - 1
 * inputs of its convolution, [taps - 1][channels]; of no meaning before the first pass. `next`: where a pass leaves it,
 * from which on it counts at kv_advance. */
float *kv_state(struct kv *kv, int layer, bool next);
size_t kv_room(const struct kv *kv);
/* Of the sequence that these are the keys and values of, as it said; 0: not yet. */
size_t kv_whole(const struct kv *kv);
void kv_advance(struct kv *kv, size_t count, size_t whole);

#endif
