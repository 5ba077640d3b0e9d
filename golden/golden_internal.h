/* The inside of an open dump, for the files of this folder. */
#ifndef ASSAY_GOLDEN_INTERNAL_H
#define ASSAY_GOLDEN_INTERNAL_H

#include "base/map.h"
#include "golden/golden.h"
#include "store/safetensors.h"

struct golden_case_data {
    struct golden_case public;
    char *id;
    char *prompt;
    int *ids;
    int *greedy;
};

/* Where the values of a tensor lie. */
struct golden_place {
    char *name; /* CASE/MODULE_PATH */
    char *file; /* NULL: golden->path */
    enum dtype dtype;
    uint64_t offset;
    struct golden_statistics statistics;
};

struct golden {
    char *path;
    const struct golden_reader *reader;
    int descriptor; /* of golden->path; -1: a folder */
    struct golden_case_data *cases;
    size_t case_count, case_capacity;
    struct golden_tensor *tensors;
    struct golden_place *places; /* beside tensors */
    size_t tensor_count, tensor_capacity, place_capacity;
    struct map case_of;
    struct map tensor_of;
    bool has_noise;
    struct golden_text text;
    bool has_text;
    bool windows; /* see golden_begin_windows */
    cJSON *metadata;
    /* borrowed from the metadata or static; NULL: absent */
    const char *producer;
    const char *dtype;
    const char *config;
    const char *tokenizer_sha256;
    const char *weights_sha256;
};

/* One kind of dump. `open` fills a golden that has its path; the first row of the table is tried where no row
 * recognises the path, so that its error is the one to be told. */
struct golden_reader {
    bool (*recognises)(const char *path);
    bool (*open)(struct golden *golden, struct error *error);
    /* golden_read_rows; the rows were checked */
    bool (*read_rows)(const struct golden *golden, size_t index, size_t first, size_t count, float *out,
                      struct error *error);
};

extern const struct golden_reader golden_native, golden_npy, golden_debug_tree, golden_logits_base, golden_llama_debug;

/* Takes the ids over (`*ids` is empty afterwards, also on failure). A second case of that id is an error. */
bool golden_add_case(struct golden *golden, const char *id, struct ids *ids, struct error *error);

/* Adds a tensor of case `case_index`; its rows begin at token 0. `place.file` is taken over, `place.name` made here.
 * A second tensor of that name is an error. */
bool golden_add_tensor(struct golden *golden, const struct golden_tensor *tensor, const char *path,
                       struct golden_place place, struct error *error);

/* `name` as this project spells module paths: without "thinker." and "language_model.". Borrowed from `buffer`. */
const char *golden_module_path(const char *name, struct buffer *buffer);

/* Opens golden->path. */
bool golden_open_file(struct golden *golden, struct error *error);

/* The `read_rows` of dumps that hold plain arrays in the dtype of their place. */
bool golden_read_plain(const struct golden *golden, size_t index, size_t first, size_t count, float *out,
                       struct error *error);

/* Appends `count` token ids of `dtype` (I32 or I64, little-endian) at `offset` of the file. */
bool golden_read_ids(const char *path, uint64_t offset, enum dtype dtype, uint64_t count, struct ids *ids,
                     struct error *error);

#define GOLDEN_IDS_MAX ((size_t)1 << 24) /* of one case */

#endif
