/* What stands between the matrices of a feed-forward block, and caps. */
#ifndef ASSAY_MATH_ACTIVATION_H
#define ASSAY_MATH_ACTIVATION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

/* The functions of transformers (activations.py, ACT2FN). */
enum activation_function {
    ACTIVATION_SILU,       /* x / (1 + exp(-x)) */
    ACTIVATION_GELU,       /* x * Phi(x) */
    ACTIVATION_RELU,       /* max(x, 0) */
    ACTIVATION_GELU_TANH,  /* x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) */
    ACTIVATION_QUICK_GELU, /* x / (1 + exp(-1.702 x)) */
    ACTIVATION_RELU2,      /* max(x, 0)^2 */
    ACTIVATION_SIGMOID,
    ACTIVATION_TANH,
    ACTIVATION_MISH, /* x * tanh(log(1 + exp(x))) */
    ACTIVATION_COUNT
};

/* False: none is called so. Some have several names: "silu" is "swish" too. */
bool activation_find(const char *name, enum activation_function *out);

/* The first name of it. */
const char *activation_name(enum activation_function activation);

/* Appends all names: "silu, swish, gelu ..." */
void activation_list(struct buffer *out);

/* values[i] = f(values[i]) * with[i]; `with` NULL: without that factor. NaN stays NaN. */
void activate(enum activation_function activation, float *values, const float *with, size_t count);

/* values = g / (1 + exp(-slope g)) * (u + offset), where g is `values` bounded above by the limit and u `with` bounded
 * on both sides; limit 0: neither is. (gpt-oss, https://arxiv.org/abs/2508.10925, section 2.2) */
void activate_bounded(float *values, const float *with, double slope, double offset, double limit, size_t count);

/* x[i] = cap * tanh(x[i] / cap); nothing where the cap is 0. */
void soft_cap(float *x, double cap, size_t count);

#endif
