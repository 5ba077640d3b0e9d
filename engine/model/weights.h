/* Which tensors a configuration calls for, and all that is to be said of them: one table, read by the engine that
 * computes with them, by the inventory that counts them and by whoever judges them. */
#ifndef ASSAY_MODEL_WEIGHTS_H
#define ASSAY_MODEL_WEIGHTS_H

#include "math/linear.h"
#include "model/config.h"
#include "store/architecture.h"
#include "store/store.h"

/* What the columns of the table (store/architecture.h) may say. */
enum weight_scope { OF_BEGIN, OF_LAYER, OF_EXPERT, OF_END };
enum dimension {
    DIM_NONE,
    DIM_ONE,
    DIM_HIDDEN,
    DIM_VOCABULARY,
    DIM_CONTEXT,
    DIM_Q,
    DIM_KV,
    DIM_ATTENDED,          /* what heads make of values */
    DIM_Q_LATENT,          /* of what queries are made of, where that is not the whole width */
    DIM_KV_LATENT,         /* of what keys and values are made of; ... */
    DIM_KV_LATENT_ROTATED, /* with what of a key is rotated, and is of all heads */
    DIM_KV_UP,             /* keys without that, and values, head by head */
    DIM_HEADS,
    DIM_Q_GATED,     /* queries, head by head, and behind each head's what its output is multiplied by, if it is */
    DIM_LINEAR_QKVZ, /* of linear attention: queries, keys, values and what outputs are multiplied by */
    DIM_LINEAR_QKV,
    DIM_LINEAR_BA,
    DIM_LINEAR_TAPS,
    DIM_LINEAR_HEADS,
    DIM_LINEAR_HEAD,
    DIM_LINEAR_VALUE,
    DIM_Q_GAIN, /* of norms of queries and keys: head_dim, or where one norm is over all heads, their width */
    DIM_K_GAIN,
    DIM_INNER,
    DIM_EXPERTS,
    DIM_EXPERT,
    DIM_SHARED
};
enum weight_condition {
    WHEN_ALWAYS,
    WHEN_Q_WHOLE, /* queries, keys and values are made of the whole width */
    WHEN_KV_WHOLE,
    WHEN_Q_LATENT, /* or of less */
    WHEN_Q_LATENT_BIAS,
    WHEN_KV_LATENT,
    WHEN_KV_LATENT_BIAS,
    WHEN_QKV_BIAS,
    WHEN_O_BIAS,
    WHEN_LINEAR,
    WHEN_SINKS,
    WHEN_NORM,
    WHEN_NORM_BIAS,
    WHEN_POSITIONS,
    WHEN_SPARSE,
    WHEN_SPARSE_BIAS,
    WHEN_SHARED,
    WHEN_SWITCH,
    WHEN_CHOICE,
    WHEN_DENSE,
    WHEN_DENSE_BIAS,
    WHEN_GATED,
    WHEN_GATED_BIAS,
    WHEN_HEAD
};
enum weight_part { PART_MATRIX, PART_BIAS, PART_GAIN };
enum weight_module {
    MODULE_ATTENTION,
    MODULE_ROUTER,
    MODULE_EXPERTS,
    MODULE_SHARED,
    MODULE_DENSE,
    MODULE_NORMS,
    MODULE_ENDS
};
enum weight_unit { UNIT_NONE, UNIT_NEURONS, UNIT_HEAD_ROWS, UNIT_HEAD_COLUMNS };

struct weight_row {
    enum weight_scope scope;
    const char *name;
    enum dimension rows, columns;
    enum weight_condition when;
    enum weight_part part;
    enum weight_module module;
    enum weight through, reader, partner; /* WEIGHT_NONE */
    enum weight_unit unit;
    bool tells;
};
/* The last row is that of WEIGHT_NONE, of which nothing is to be said. */
extern const struct weight_row weight_rows[WEIGHT_COUNT + 1];

/* The weights of one expert stand together: three matrices, and behind them their biases. Of these an expert of this
 * configuration has the first so many. */
#define EXPERT_MATRICES 3
int expert_weights(const struct model_config *config);

/* What a norm multiplies by is its gain and this. */
int weight_gain_offset(const struct model_config *config, enum weight weight);

/* 0: DIM_NONE. */
uint64_t config_dimension(const struct model_config *config, enum dimension which);

/* Does the configuration call for it in that layer (-1: outside layers)? */
bool config_calls_for(const struct model_config *config, enum weight weight, int layer);

/* One tensor that the configuration calls for. */
struct expected {
    enum weight weight;
    int layer;  /* -1: none */
    int expert; /* -1: none */
    int rank;   /* 1 or 2 */
    uint64_t shape[2];
    char name[160]; /* canonical */
    bool optional;  /* used if it is there: a head that may be the embedding, a bias that only its tensor tells of */
    const char *substitute; /* name of a tensor that stands in for it; NULL: none */
};

/* The tensor, or its substitute; NULL when neither is there.
 *
 * A tied head follows the original's rule (transformers, tie_weights): a head that is stored all the same is used, and
 * an embedding that is not stored is the head. */
const struct tensor *weights_find(const struct store *store, const struct expected *expected);

/* Calls `visit` for every expected tensor: embedding, layers in order, experts in order, final norm, head (also one
 * that is optional); none for a family that is not known. Stops early, with false, when it returns false. */
typedef bool expected_visit(void *context, const struct expected *expected);
bool weights_each(const struct model_config *config, expected_visit *visit, void *context);
/* The same without those of layers outside of first .. end - 1. */
bool weights_each_in(const struct model_config *config, int first, int end, expected_visit *visit, void *context);

/* The canonical name of a weight of that layer and expert (-1: none). False: it does not fit. */
bool expected_name(enum weight weight, int layer, int expert, char *out, size_t size);

/* The bias of the norm that has this gain; WEIGHT_NONE: there is no such tensor. */
enum weight norm_bias(enum weight gain);

/* "input_layernorm", "experts.gate_proj": the class of a weight, for grouping. */
const char *weight_class(enum weight weight);

/* Appends a sentence that lists all of the tensors, grouped by class with ranges of layers and experts:
 * "input_layernorm.weight of layers 1, 5, 9; mlp.experts of layer 1: experts 76-127, of layer 5: 97-127;
 * mlp.experts.up_proj.weight of layer 17: expert 81". */
struct expected_list {
    struct expected *items;
    size_t count;
    size_t capacity;
};
bool expected_list_add(struct expected_list *list, const struct expected *expected);
void expected_list_text(const struct expected_list *list, struct buffer *out);
void expected_list_free(struct expected_list *list);

/* What the original ignores too: tables of rotary frequencies and causal masks that old checkpoints store. */
bool tensor_is_ignored(const struct tensor *tensor);

/* Of a layer behind those that are computed, which predicts further tokens (multi-token prediction), as the original
 * ignores it too. */
bool tensor_is_beyond(const struct model_config *config, const struct tensor *tensor);

/* Can the engine compute with the tensor? The error is of ERROR_SHAPE or ERROR_DTYPE. */
bool weight_fits(const struct expected *expected, const struct tensor *tensor, struct error *error);

#endif
