/* The engine: one forward pass for all families, layer by layer over a ragged batch. */
#ifndef ASSAY_MODEL_MODEL_H
#define ASSAY_MODEL_MODEL_H

#include "math/linear.h"
#include "model/config.h"
#include "model/probe.h"
#include "store/store.h"

/* What to do about a tensor that the configuration calls for and the store does not have, or has in a shape or dtype
 * that cannot be computed with. */
enum missing {
    MISSING_FAIL,    /* refuse, listing all of them */
    MISSING_DEFAULT, /* what a careless loader does: a norm becomes ones, anything else adds nothing */
    MISSING_ZERO     /* zeros */
};

struct model_options {
    int threads;          /* 0: one for each processor */
    uint64_t memory;      /* bytes of weights that may stay resident between passes of one generation; 0:
                             MODEL_MEMORY_DEFAULT, or a third of the memory of the machine if that is less */
    size_t cache_experts; /* experts of the whole model that may stay among them; 0: as many as fit `memory` */
    enum missing missing;
    bool exact; /* products and sums in double (workspace_exact): for comparisons */
    /* Which blocks of a pass are run: first_block .. end_block - 1, block 0 being the embedding, block L + 1 layer L,
     * the last one the final norm and the head. end_block 0: all. Where the first is not the embedding, the pass begins
     * with zeros, shown as the output of the block before: a probe puts there what it is to go on from. Weights of
     * other blocks are not read, and may be absent with another `missing` than MISSING_FAIL. */
    int first_block, end_block;
};
/* How many blocks there are. */
#define MODEL_BLOCKS(config) ((config)->layers + 2)
#define MODEL_MEMORY_DEFAULT ((uint64_t)8 << 30)

struct model;

/* `store` and `config` are borrowed and must outlive the model. Refuses a configuration that cannot be computed. */
struct model *model_open(const struct store *store, const struct model_config *config,
                         const struct model_options *options, struct error *error);
void model_free(struct model *model);

const struct model_config *model_config_of(const struct model *model);
/* Of those that a pass runs. */
int model_layers(const struct model *model);
struct workspace *model_workspace(struct model *model);

/* Keep weights in memory, as far as `memory` allows and the machine has it, from now on: for passes that repeat. Off at
 * first, so that a single pass holds no more than a stripe of one matrix and the experts at work. Turned off, what is
 * in memory stays and is used.
 *
 * How `memory` is shared: matrices that are no expert's come first, each with its first use, and stay. What all of them
 * together leave of it, used already or not, is for experts, of which the least recently used make room for others
 * (expert_cache.h); where they leave nothing, no expert is kept. Bytes count as they are allocated (up to 127 more than
 * a tensor has), and their sum never exceeds `memory`. What does not fit, an expert or another, is read as it is used.
 * Norms and biases, widened, and what the threads work with are beside it.
 *
 * What is in memory was read from files that were as their headers were read: a file that changes later fails the next
 * reading of it, by its name, but takes back nothing that was read before. */
void model_keep_weights(struct model *model, bool keep);

/* How experts were come by since the model was opened. A use is one expert of one layer at work in one pass, for
 * however many tokens. */
struct expert_counts {
    uint64_t experts;    /* that the configuration calls for */
    uint64_t hits;       /* uses of experts that were in memory */
    uint64_t misses;     /* uses of experts that had to be read; those that are absent are neither */
    uint64_t evicted;    /* times that one was dropped from memory to make room for another */
    uint64_t read;       /* bytes of experts read from their files */
    uint64_t kept;       /* in memory now */
    uint64_t kept_bytes; /* that they take there */
};

/* Of one layer, or of all when `layer` is -1. All 0 where there are no experts. They do not depend on the number of
 * threads. */
struct expert_counts model_expert_counts(const struct model *model, int layer);

/* Keys and values of one sequence, so that later passes go on where earlier ones ended. Float32,
 * 2 * layers * kv_heads * head_dim * 4 bytes for each token of `capacity`. NULL with the reason where attention goes in
 * both directions: what a token sees of itself changes with those that come. */
struct kv;
struct kv *kv_new(const struct model_config *config, size_t capacity, struct error *error);
size_t kv_length(const struct kv *kv);
void kv_clear(struct kv *kv);
void kv_free(struct kv *kv);

/* Whether all tokens of a sequence are rotated alike in one of another length. Where they are not (a dynamic rope
 * beyond the context, longrope across the original one), what was computed of the shorter is no part of the longer:
 * keys and values are to be cleared, and the sequence given from its beginning. */
bool model_same_rotation(const struct model_config *config, size_t length, size_t other);

/* One sequence of a pass: `count` >= 1 token ids. With `kv` they follow what that holds, and are added to it; without,
 * they begin at position 0 and leave nothing behind. */
struct sequence {
    const int *ids;
    size_t count;
    struct kv *kv;
    size_t whole;       /* tokens that it has in the end, where more of it is to come; 0: it ends here */
    size_t logits_from; /* logits are wanted for this token of the pass and all after it; `count`: for none */
    double rounding;    /* relative error (root mean square) that each step is given, as arithmetic of few bits would
                           make it (dither): for what that costs this model. 0: none */
    uint64_t chance;    /* sequences of another one are rounded otherwise */
};

/* One pass over all sequences: every weight is read once, the head once for each block of rows whose logits are wanted.
 * Ids outside the vocabulary are an error. All results go to the probes. On an error the contents of kv are as before.
 */
bool model_forward(struct model *model, const struct sequence *sequences, size_t count, const struct probe *probe,
                   struct error *error);

/* Takes logits [rows, vocabulary], which it may change: of the rows from `first` on. */
typedef bool lens_take(void *context, size_t first, size_t rows, float *logits, struct error *error);

/* What the model would say if it ended where these rows [rows, hidden] of the residual stream (POINT_LAYER) were seen:
 * final norm and head, as a pass applies them. The rows of all layers together cost one read of the head for each block
 * of rows. (nostalgebraist: interpreting GPT: the logit lens, 2020.) */
bool model_lens(struct model *model, const float *residuals, size_t rows, lens_take *take, void *context,
                struct error *error);

#endif
