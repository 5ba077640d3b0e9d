/* Which tensors a configuration calls for: one table, read by the engine that computes with them and by the inventory
 * that counts them. */
#ifndef ASSAY_MODEL_WEIGHTS_H
#define ASSAY_MODEL_WEIGHTS_H

#include "math/linear.h"
#include "model/config.h"
#include "store/store.h"

enum weight {
    WEIGHT_EMBEDDING,
    WEIGHT_INPUT_NORM,
    WEIGHT_Q,
    WEIGHT_Q_BIAS,
    WEIGHT_K,
    WEIGHT_K_BIAS,
    WEIGHT_V,
    WEIGHT_V_BIAS,
    WEIGHT_O,
    WEIGHT_O_BIAS,
    WEIGHT_Q_NORM,
    WEIGHT_K_NORM,
    WEIGHT_POST_NORM,
    WEIGHT_ROUTER,
    WEIGHT_EXPERT_GATE,
    WEIGHT_EXPERT_UP,
    WEIGHT_EXPERT_DOWN,
    WEIGHT_SHARED_GATE,
    WEIGHT_SHARED_UP,
    WEIGHT_SHARED_DOWN,
    WEIGHT_SHARED_SWITCH,
    WEIGHT_GATE,
    WEIGHT_GATE_BIAS,
    WEIGHT_UP,
    WEIGHT_UP_BIAS,
    WEIGHT_DOWN,
    WEIGHT_DOWN_BIAS,
    WEIGHT_FINAL_NORM,
    WEIGHT_HEAD,
    WEIGHT_COUNT
};

/* One tensor that the configuration calls for. */
struct expected {
    enum weight weight;
    int layer;  /* -1: none */
    int expert; /* -1: none */
    int rank;   /* 1 or 2 */
    uint64_t shape[2];
    char name[160];         /* canonical */
    bool optional;          /* used if it is there: the head of a model whose head is tied */
    const char *substitute; /* name of a tensor that stands in for it; NULL: none */
};

/* The tensor, or its substitute; NULL when neither is there.
 *
 * A tied head follows the original's rule (transformers, tie_weights): a head that is stored all the same is used, and
 * an embedding that is not stored is the head. */
const struct tensor *weights_find(const struct store *store, const struct expected *expected);

/* Calls `visit` for every expected tensor: embedding, layers in order, experts in order, final norm, head (also one
 * that is optional). Stops early, with false, when it returns false. */
typedef bool expected_visit(void *context, const struct expected *expected);
bool weights_each(const struct model_config *config, expected_visit *visit, void *context);

/* The canonical name of a weight of that layer and expert (-1: none). False: it does not fit. */
bool expected_name(enum weight weight, int layer, int expert, char *out, size_t size);

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

/* NULL when the engine can compute with the tensor, else why not (out holds the sentence). */
const char *weight_refusal(const struct expected *expected, const struct tensor *tensor, char out[512]);

#endif
