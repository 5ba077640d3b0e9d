/* A probe sees every named activation, may change it, and the forward pass knows none of them. */
#ifndef ASSAY_MODEL_PROBE_H
#define ASSAY_MODEL_PROBE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "model/config.h"

/* Where the forward pass calls its probes, in the order of the pass. */
enum point {
    POINT_EMBEDDING,  /* model.embed_tokens [rows, hidden] */
    POINT_INPUT_NORM, /* .input_layernorm [rows, hidden] */
    POINT_Q_NORM,     /* .self_attn.q_norm [rows, heads, head_dim]; families with q/k-norm only */
    POINT_K_NORM,     /* .self_attn.k_norm [rows, kv_heads, head_dim] */
    POINT_ATTENTION,  /* .self_attn [rows, hidden] */
    POINT_POST_NORM,  /* .post_attention_layernorm [rows, hidden] */
    POINT_ROUTER,     /* .mlp.gate [rows, experts]: router logits; layers with experts only */
    POINT_MLP,        /* .mlp [rows, hidden] */
    POINT_LAYER,      /* model.layers.N [rows, hidden] */
    POINT_FINAL_NORM, /* model.norm [rows, hidden] */
    POINT_HEAD,       /* lm_head [rows, vocabulary], in blocks of rows, for the rows whose logits are wanted */
    POINT_COUNT
};

/* Which token a row is. */
struct row {
    int sequence; /* index into the sequences of this pass */
    int token;    /* index into the ids of that sequence in this pass */
};

/* `values` may be changed in place: the pass goes on with what it finds there. Valid during the call only. */
struct activation {
    enum point point;
    int layer; /* -1: none */
    const char *path;
    float *values;
    size_t rows;
    size_t heads; /* 0: rows x width; else rows x heads x (width / heads) */
    size_t width; /* floats in one row */
    const struct row *row_of;
};

struct probe {
    /* False ends the pass with the error. */
    bool (*see)(void *context, const struct activation *activation, struct error *error);
    void *context;
    const struct probe *next; /* called after this one; NULL: none */
};

/* The path as a PyTorch forward hook would name it; `path` holds at least POINT_PATH bytes. Returns it. */
#define POINT_PATH 96
const char *point_path(enum point point, int layer, char *path);

/* True when the configuration has that point in that layer (-1 for points outside layers). */
bool point_exists(const struct model_config *config, enum point point, int layer);

/* Floats in one row, and heads (0: not per head). */
size_t point_width(const struct model_config *config, enum point point, size_t *heads);

bool point_in_layer(enum point point);

#endif
