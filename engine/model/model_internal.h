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

/* The activations of one pass. Rows are the tokens of all sequences, one after the other. */
struct pass {
    struct model *model;
    const struct sequence *sequences;
    size_t count;
    size_t *first; /* row of each sequence's first token; count + 1 of them */
    size_t rows;
    struct row *row_of;
    const struct probe *probe;
    float *x;       /* [rows, hidden]: the residual stream */
    float *normed;  /* [rows, hidden] */
    float *block;   /* [rows, hidden]: output of attention or experts */
    float *cosines; /* [rows, head_dim / 2] */
    float *sines;
};

/* Shows an activation to the probes. `rows` rows, which are those of `row_of`. */
bool pass_show(const struct pass *pass, enum point point, int layer, float *values, size_t rows,
               const struct row *row_of, struct error *error);

/* Linear layers of one input, by their slots: out[rows, weight's rows] = in[rows, weight's columns] * weight^T + bias,
 * packed. */
struct projection {
    enum weight weight;
    enum weight bias; /* WEIGHT_COUNT: none */
    float *out;
};
bool pass_linear(struct pass *pass, int layer, const float *in, const struct projection *projections, size_t count,
                 struct error *error);

/* norm over rows of `width` floats, `rows` of them: out may be in. */
bool pass_norm(struct pass *pass, enum weight gain, int layer, const float *in, float *out, size_t rows, size_t width,
               struct error *error);

/* attention.c: pass->block = attention(pass->normed); shows q_norm, k_norm. */
bool attention_forward(struct pass *pass, int layer, struct error *error);

/* experts.c: pass->block = mlp(pass->normed), dense or with experts; shows mlp.gate. */
bool mlp_forward(struct pass *pass, int layer, struct error *error);

/* rope.c: cosines and sines for the rows of the pass. */
bool rope_prepare(struct pass *pass, struct error *error);
/* Rotates `heads` heads of head_dim floats in every row: element i with i + head_dim / 2. */
void rope_rotate(const struct pass *pass, float *values, size_t heads);
/* inverse frequencies, head_dim / 2 of them */
void rope_frequencies(const struct model_config *config, float *out);

/* kv.c: where layer's keys and values of a sequence lie: [kv_heads][capacity][head_dim]. */
struct kv_view {
    float *keys;
    float *values;
    size_t capacity;
    size_t length; /* tokens of earlier passes */
};
struct kv_view kv_layer(struct kv *kv, int layer);
size_t kv_room(const struct kv *kv);
void kv_advance(struct kv *kv, size_t count);

#endif
