/* The inside of an open dump, for the files of this folder. */
#ifndef ASSAY_GOLDEN_INTERNAL_H
#define ASSAY_GOLDEN_INTERNAL_H

#include "base/file.h"
#include "base/map.h"
#include "golden/golden.h"
#include "golden/spelling.h"
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
    size_t stored_width; /* of a row, where the tensor holds only its first values (golden_restrict); 0: as it does */
    struct golden_statistics statistics;
    double *row_rounding; /* [rows]; NULL: of no row */
    enum spelled spelled; /* SPELLED_STATE and SPELLED_LAYER: golden_settle gives it a path, from `number` */
    int number;
};

void golden_place_free(struct golden_place *place);

struct golden {
    char *path;
    const struct golden_reader *reader;
    int descriptor; /* of golden->path; -1: a folder */
    struct file_state state;
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
    bool deeper;  /* see golden_is_deeper */
    cJSON *metadata;
    /* borrowed from the metadata or static; NULL: absent */
    const char *producer;
    const char *dtype;
    const char *rounded, *coarsest; /* static; see golden_rounded and golden_dtype */
    const char *config;
    const char *tokenizer_sha256;
    const char *weights_sha256;
    struct names notes; /* see golden_note */
};

/* One kind of dump: what a reader gives, as a row of golden_readers.h. `open` fills a golden that has its path. */
struct golden_reader {
    bool (*recognises)(const char *path);
    bool (*open)(struct golden *golden, struct error *error);
    /* golden_read_rows; the rows were checked */
    bool (*read_rows)(const struct golden *golden, size_t index, size_t first, size_t count, float *out,
                      struct error *error);
};

void golden_case_free(struct golden_case_data *data);

#endif
