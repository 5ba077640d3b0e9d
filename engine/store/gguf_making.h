/* While the metadata of a GGUF file is made a config.json: what is known of its architecture, and how values are asked
 * for. */
#ifndef ASSAY_STORE_GGUF_MAKING_H
#define ASSAY_STORE_GGUF_MAKING_H

#include "store/gguf_internal.h"

#define GGUF_KEY 128
#define GGUF_LAYERS_MAX 1024 /* as the reader of the configuration has it */

/* What follows from an architecture, or from whether a tensor is there: as llama.cpp has it (src/models). */
struct gguf_architecture {
    const char *name;
    const char *model_type, *sparse_type;    /* without and with experts; NULL: such are not known */
    const char *warm_type;                   /* where queries have a temperature; NULL: they have none */
    const char *windowed_type;               /* where some layer has a window; NULL: as without */
    const char *bias_keys[2], *mlp_bias_key; /* NULL: the family has none to set */
    const char *activation_key, *activation; /* NULL: "hidden_act", "silu" */
    bool norm_topk;                          /* where the metadata does not say: what llama.cpp does */
    bool expert_sizes;                       /* experts have sizes of their own */
    bool centred;                            /* LayerNorm, with an epsilon of another name */
    bool whole_gains;                        /* of norms, where the original's stand beside 1: the converter adds it */
    bool no_window;          /* said, for the family has one where nothing is said; one in the metadata is not read */
    unsigned pattern;        /* each layer of that many has no window, where the metadata does not say; 0: no windows */
    unsigned window;         /* where the metadata does not say; 0: then there is none */
    unsigned windowed_depth; /* the only number of layers that have windows; 0: any */
    bool needs_window;
    unsigned wide_depth; /* with that many layers scores are divided by the root of hidden_size / heads, not of the size
                            of a head; 0: nothing is said of either */
    bool yarn_keys;      /* llama.cpp reads all keys of yarn; else the factor and the context only */
    bool yarn_untruncated; /* the original's bounds of yarn are no whole frequencies, which llama.cpp makes of them */
    bool longrope;         /* llama.cpp reads the tensors of it, if the type is longrope */
    bool longrope_untyped; /* ... whatever the type is */
    bool part_rotated;     /* of a head as many values as the metadata says */
    bool local_rope;       /* layers with a window have frequencies that nothing scales */
    double local_theta;    /* of these, where the metadata does not say; 0: as of the others, whatever it says */
    bool sections_refused; /* with sections of positions it pairs other values */
    bool rotates_if_tuned; /* "rope.scaling.finetuned" false: nothing is rotated */
    unsigned
        normed_depth; /* from that many layers on queries and keys are normed, which the family has not; 0: never */
};

struct making {
    const struct gguf *gguf; /* the metadata */
    const struct store *store;
    struct map tensors;                  /* of the store, by their names on disk */
    const struct gguf_architecture *row; /* NULL: none that is known */
    char name[64];                       /* of the architecture */
    uint64_t experts;
    double temperature; /* of queries; 0: none */
    uint64_t window;    /* 0: no layer has one */
    cJSON *json;
    struct error *error;
};

/* gguf_making.c: below "ARCHITECTURE."; an absent key leaves `*value` alone. */
const char *making_key(const struct making *making, const char *key, char out[GGUF_KEY]);
bool making_whole(const struct making *making, const char *key, uint64_t *value);
bool making_real(const struct making *making, const char *key, double *value);
/* By its name on disk; NULL: there is none. */
const struct tensor *making_find(const struct making *making, const char *disk_name);
/* The error of a key that must be there. False. */
bool making_lacks(const struct making *making, const char *key);
/* All digits: cJSON rounds to 15. Not finite: a string, which the reader refuses. */
void making_add_real(cJSON *json, const char *key, double value);
/* The first reason is kept; the document says it, whoever reads it. */
void making_refuse(const struct making *making, const char *format, ...) ASSAY_PRINTF(2, 3);
/* A number that changes what is computed, and that no family of this engine has. */
void making_refuse_number(const struct making *making, const char *key, double value, const char *instead);

/* gguf_rows.c: NULL: the name is not known. */
const struct gguf_architecture *gguf_architecture_find(const char *name);

/* gguf_rope.c: the rotary embedding. */
bool making_rope(struct making *making);

/* gguf_layers.c: factors, caps, and which layers have a window. The window is found before the type of the model. */
bool making_find_window(struct making *making);
bool making_layers(struct making *making);

#endif
