/* Golden dumps: activations, logits and continuations that the original implementation produced. Our own format is one
 * safetensors file, tensors named CASE/MODULE_PATH, everything else in the metadata. Read as well:
 * - arrays named by module path, or as spelling.h has it, beside token ids: .npy files in a folder, or a .npz or
 *   .safetensors file; or a folder of such folders or files, one for each case;
 * - what transformers' model_addition_debugger_context writes: NAME_debug_tree_FULL_TENSORS.json or _SUMMARY.json, or
 *   the folder that holds them;
 * - the base file of llama-perplexity --kl-divergence-base: log-probabilities, a case for each window;
 * - the logits of llama-debug --save-logits: llamacpp-NAME.bin, with its -tokens.bin or -prompt.txt. */
#ifndef ASSAY_GOLDEN_GOLDEN_H
#define ASSAY_GOLDEN_GOLDEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/config.h"
#include "store/store.h"
#include "text/tokenizer.h"

struct golden_case {
    const char *id;
    const int *ids;
    size_t count;       /* at least 1 */
    const char *prompt; /* NULL: unknown */
    const int *greedy;  /* what greedy decoding appends; NULL: unknown */
    size_t greedy_count;
    double perplexity; /* of the case's own ids, first one not predicted; NaN: unknown */
};

enum golden_kind {
    GOLDEN_VALUES,
    GOLDEN_LOG_PROBABILITIES, /* of the next token, in nats; those near the least of a row may be larger than they were
                               */
    GOLDEN_STATISTICS,        /* nothing but the statistics below */
};

/* A number as it was printed: within `half` of what it was. NaN: not given. */
struct golden_number {
    double value, half;
};

/* Over all values of a tensor; the deviation divides by count - 1. */
struct golden_statistics {
    struct golden_number mean, deviation, least, most;
};

/* One tensor of the dump: [rows, ...]. */
struct golden_tensor {
    const char *path; /* module path, without the case */
    size_t case_index;
    enum golden_kind kind;
    size_t first; /* token of the case that the first row belongs to */
    size_t rows;  /* first + rows <= case->count */
    size_t width; /* values in one row */
    double noise; /* relative L2 distance of the original's float32 run from its float64 run; NaN: unknown */
    /* What arithmetic of as few bits as golden_dtype has costs the subject there, relative L2: end to end, and with
     * golden input. NaN: nobody has measured it (golden_set_rounding). */
    double rounding, rounding_alone;
};

/* Perplexity of a text as the original computes it, over sliding windows. */
struct golden_text {
    char sha256[65];
    size_t context, stride, tokens;
    double perplexity;
};

struct golden;

/* Opens a dump and checks everything but the values: required metadata, cases, ids, and that every tensor belongs to a
 * case and has a row for each of its tokens. */
struct golden *golden_open(const char *path, struct error *error);

/* Whether the path looks like a dump of any kind: what golden_open would read or refuse with a reason. */
bool golden_recognises(const char *path);
void golden_free(struct golden *golden);

const char *golden_path(const struct golden *golden);
const char *golden_producer(const struct golden *golden);

/* Reads some values of every tensor to see which bits they use, for golden_rounded. */
bool golden_measure_precision(struct golden *golden, struct error *error);
/* The type that most values were rounded to, "bfloat16" or "float16", whatever they are stored as; NULL: to none of
 * these, or not measured. */
const char *golden_rounded(const struct golden *golden);
const char *golden_arithmetic(const struct golden *golden); /* the dtype of the run, as the dump says: "float64" */
/* How finely a subject can be compared: by the type of the fewest bits among gold's arithmetic, what its values were
 * rounded to, and what golden_coarsen says of the subject (a static name of torch's). */
const char *golden_dtype(const struct golden *golden);
void golden_coarsen(struct golden *golden, const char *dtype); /* to no more than that type, if it is not so already */
void golden_set_rounding(struct golden *golden, const struct golden_tensor *tensor, bool alone, double relative);
/* The same, end to end, of one row of a tensor, where that may be far from what it is on the whole: where a router
 * chose otherwise, it costs one token much. */
bool golden_set_row_rounding(struct golden *golden, const struct golden_tensor *tensor, size_t row, double relative,
                             struct error *error);
double golden_row_rounding(const struct golden *golden, const struct golden_tensor *tensor, size_t row); /* NaN: none */
bool golden_has_noise(const struct golden *golden);

size_t golden_case_count(const struct golden *golden);
const struct golden_case *golden_case_at(const struct golden *golden, size_t index);

/* The case of the other dump with the same ids under the same name; SIZE_MAX when there is none. */
size_t golden_same_case(const struct golden *golden, const struct golden_case *wanted);

size_t golden_tensor_count(const struct golden *golden);
const struct golden_tensor *golden_tensor_at(const struct golden *golden, size_t index);
/* NULL when the dump does not hold it. */
const struct golden_tensor *golden_find(const struct golden *golden, size_t case_index, const char *path);

const struct golden_statistics *golden_statistics(const struct golden *golden, const struct golden_tensor *tensor);

/* Does any of its tensors hold that kind? */
bool golden_holds(const struct golden *golden, enum golden_kind kind);

/* Rows first .. first + count - 1 of the tensor (row 0 is that of token tensor->first) as float32. An error for
 * GOLDEN_STATISTICS. Safe from several threads. */
bool golden_read_rows(const struct golden *golden, const struct golden_tensor *tensor, size_t first, size_t count,
                      float *out, struct error *error);

/* llama-perplexity computes every window with the tokenizer's BOS, where that adds one, in place of the first token,
 * and keeps the token of the text in its file. Puts `bos` there if the dump is such a file; else does nothing. */
void golden_begin_windows(struct golden *golden, int bos);
/* The same with the BOS of the tokenizer (NULL: none), if gold's first window begins so too. */
bool golden_begin_as(struct golden *golden, struct tokenizer *tokenizer, struct error *error);

/* The configuration that the dump records; where it records none, one with just the layers and sizes that its tensors
 * show. Owned by the caller, free with free(). */
struct model_config *golden_config(const struct golden *golden, struct error *error);
bool golden_records_config(const struct golden *golden);

/* NULL: the dump holds none. */
const struct golden_text *golden_perplexity_text(const struct golden *golden);

/* What a dump is compared with, for what its names alone do not say. */
struct golden_beside {
    int layers;                 /* of the model; 0: not known */
    const struct store *store;  /* its weights; NULL: what it computed is a dump, */
    const struct golden *other; /* this one */
    bool apart; /* hidden state 0 is not what the embedding of tokens puts out, but what the first layer reads of it */
};

/* Gives every tensor the path of the module that it came from, where the dump calls it by a number ("hidden_states.3",
 * "layer_3") or counts layers from 1; and finds out whether what calls itself the last layer's output lies behind the
 * final norm, as the last of transformers' hidden states does: then it is model.norm. Before anything is compared. An
 * error where a number may mean one layer as well as another. */
bool golden_settle(struct golden *golden, const struct golden_beside *beside, struct error *error);

/* What was done to understand the dump, a clause each: "logits is lm_head". */
size_t golden_note_count(const struct golden *golden);
const char *golden_note_at(const struct golden *golden, size_t index);

/* Every token id lies within the vocabulary. */
bool golden_ids_fit(const struct golden *golden, int vocabulary, struct error *error);

/* The same, and every tensor that the engine has a probe for is as wide as the configuration makes it. A dump that does
 * not fit its own configuration (golden_config) contradicts itself. */
bool golden_fits(const struct golden *golden, const struct model_config *config, struct error *error);

/* Drops the cases whose ids match none of the globs (fnmatch(3)); none may be left. */
bool golden_choose(struct golden *golden, const char *const *globs, size_t count, struct error *error);

/* Restricts the dump to what can be compared with a subject of that configuration, and appends to `list` what it leaves
 * out, for people: cases with ids that it has not are dropped, and continuations cut at the first of them; of its
 * logits those of the ids that both have are left, and perplexities are unknown where that is less than all;
 * golden_find finds no tensor any more that is of another width.
 * `*other`: some are, of which more than rows of experts or of the vocabulary are there or not. Whoever compares with a
 * dump asks this first: both are looked up by what the other says. */
bool golden_restrict(struct golden *golden, const struct model_config *config, struct buffer *list, bool *other,
                     struct error *error);
/* It was restricted, and holds layers behind the subject's last: what lies behind those was not computed from what the
 * subject's last layer should put out. */
bool golden_is_deeper(const struct golden *golden);

/* Of tokenizer.json; NULL: the dump does not record it. */
const char *golden_tokenizer_sha256(const struct golden *golden);

/* Of the weights that the dump was made from, as store_sha256 makes it; NULL: not recorded. */
const char *golden_weights_sha256(const struct golden *golden);

#endif
