/* Vector kernels over float32. Each has a plain twin in reference.h, and a test that holds one against the other. */
#ifndef ASSAY_MATH_KERNELS_H
#define ASSAY_MATH_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sum of a[i] * b[i]; the second takes it in double. */
float dot(const float *a, const float *b, size_t count);
float dot_exact(const float *a, const float *b, size_t count);

/* No NaN and no infinity among them. */
bool all_finite(const float *x, size_t count);

/* out[i] += scale * x[i] */
void add_scaled(float *out, const float *x, float scale, size_t count);

/* out[i] = (offset + gain[i]) * (x[i] / sqrt(mean(x^2) + epsilon)); out may be x. Root mean square layer normalisation,
 * https://arxiv.org/abs/1910.07467, rounded to float32 after each step as transformers' ...RMSNorm does, even in its
 * float64 runs, and summed in its order (norm.c). Gemma's families have an offset of 1, the others 0. */
void rms_norm(const float *x, const float *gain, float offset, double epsilon, float *out, size_t count);

/* The same around the mean: out[i] = gain[i] * ((x[i] - mean(x)) / sqrt(variance(x) + epsilon)), as CohereLayerNorm of
 * transformers does it in float32 steps. Out may be x. */
void layer_norm(const float *x, const float *gain, double epsilon, float *out, size_t count);

/* out[i] = gain[i] * ((x[i] - mean(x)) / sqrt(variance(x) + epsilon)) + bias[i], in double, as torch.nn.LayerNorm has
 * it in a float64 run. Out may be x. https://arxiv.org/abs/1607.06450 */
void layer_norm_biased(const float *x, const float *gain, const float *bias, double epsilon, float *out, size_t count);

/* x[i] = exp(x[i] - max) / sum of them, in place. All of -inf gives NaN, as does any NaN. */
void softmax(float *x, size_t count);
/* ... beside one value more, of which nothing is kept: x[i] = exp(x[i]) / (sum_k exp(x[k]) + exp(sink)) */
void softmax_sink(float *x, size_t count, float sink);

/* gate[i] = silu(gate[i]) * up[i], silu(v) = v / (1 + exp(-v)) */
void silu_multiply(float *gate, const float *up, size_t count);

/* x[i] *= 1 + relative * sqrt(3) * u, u of -1 .. 1 by chance, the same for the same seed: what rounding to a type whose
 * relative error is `relative` (root mean square) does to values, without regard for what they are. */
void dither(float *x, size_t count, double relative, uint64_t seed);

/* x[i] = exp(x[i]), within 2 units in the last place; results below 3e-38 become 0. */
void exponential(float *x, size_t count);

#endif
