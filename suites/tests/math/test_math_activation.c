/* Activations and caps, against what PyTorch makes of them in float64, and the norms of some families. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "math/activation.h"
#include "math/kernels.h"

/* ACT2FN of transformers 5.23 at -3, -0.5, 0.75 and 2. */
static const struct {
    const char *name;
    double values[4];
} rows[] = {
    {"silu", {-0.142277619533, -0.188770334399, 0.509384024382, 1.76159415596}},
    {"swish", {-0.142277619533, -0.188770334399, 0.509384024382, 1.76159415596}},
    {"gelu", {-0.00404969409489, -0.154268769363, 0.580029485717, 1.9544997361}},
    {"gelu_python", {-0.00404969409489, -0.154268769363, 0.580029485717, 1.9544997361}},
    {"gelu_pytorch_tanh", {-0.00363739208177, -0.154285990175, 0.579960555166, 1.95459769409}},
    {"gelu_new", {-0.00363739208177, -0.154285990175, 0.579960555166, 1.95459769409}},
    {"gelu_fast", {-0.00363739208186, -0.154285990175, 0.579960555165, 1.95459769409}},
    {"quick_gelu", {-0.0180713097078, -0.149611563394, 0.586390057535, 1.93565862314}},
    {"relu", {0, 0, 0.75, 2}},
    {"relu2", {0, 0, 0.5625, 4}},
    {"sigmoid", {0.0474258731776, 0.377540668798, 0.679178699175, 0.880797077978}},
    {"tanh", {-0.995054753687, -0.46211715726, 0.635148952387, 0.964027580076}},
    {"mish", {-0.145647461276, -0.220743774652, 0.610018335218, 1.94395895953}},
};

static const float at[4] = {-3, -0.5f, 0.75f, 2};

Test(arithmetic, activations_are_those_of_the_original)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum activation_function function;
        float values[4], with[4] = {2, -1, 0.5f, 3}, both[4];
        cr_assert(activation_find(rows[i].name, &function), "%s", rows[i].name);
        for (int k = 0; k < 4; k++)
            values[k] = both[k] = at[k];
        activate(function, values, NULL, 4);
        activate(function, both, with, 4);
        for (int k = 0; k < 4; k++) {
            double limit = 3e-7 * fabs(rows[i].values[k]) + 1e-9;
            cr_expect(fabs((double)values[k] - rows[i].values[k]) <= limit, "%s(%g) is %.9g, not %.9g", rows[i].name,
                      (double)at[k], (double)values[k], rows[i].values[k]);
            cr_expect(fabs((double)both[k] - rows[i].values[k] * (double)with[k]) <= 4 * limit, "%s(%g)", rows[i].name,
                      (double)at[k]);
        }
        float nan = NAN;
        activate(function, &nan, NULL, 1);
        cr_expect(isnan(nan), "%s of NaN is %g", rows[i].name, (double)nan);
    }
    enum activation_function none;
    cr_expect(!activation_find("xielu", &none));
}

Test(arithmetic, a_cap_bounds_softly)
{
    float values[] = {0, 1, -100, 3, INFINITY, NAN}, same[] = {1, -100};
    soft_cap(values, 3, 6);
    const double expected[] = {0, 0.9645382, -3, 2.2847824, 3};
    for (int i = 0; i < 5; i++)
        cr_expect(fabs((double)values[i] - expected[i]) <= 1e-6, "value %d is %g", i, (double)values[i]);
    cr_expect(isnan(values[5]));
    soft_cap(same, 0, 2);
    cr_expect(same[0] >= 1 && same[0] <= 1 && same[1] <= -100);
}

Test(arithmetic, gains_beside_one)
{
    float x[] = {1, -2, 3, 0.5f}, gain[] = {0.5f, -1, 0, 2}, whole[] = {1.5f, 0, 1, 3}, out[4], other[4];
    rms_norm(x, gain, 1, 1e-6, out, 4);
    rms_norm(x, whole, 0, 1e-6, other, 4);
    for (int i = 0; i < 4; i++)
        cr_expect(out[i] >= other[i] && out[i] <= other[i], "value %d: %g, not %g", i, (double)out[i],
                  (double)other[i]);
}

Test(arithmetic, layer_norm_is_around_the_mean)
{
    static const size_t counts[] = {1, 3, 7, 8, 32, 33, 100, 1000};
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        float x[1000], gain[1000], out[1000];
        double mean = 0, variance = 0;
        for (size_t i = 0; i < counts[k]; i++) {
            x[i] = 5 + (float)((i * 37) % 101) / 7;
            gain[i] = (float)((i * 13) % 17) / 5 - 1;
            mean += (double)x[i] / (double)counts[k];
        }
        for (size_t i = 0; i < counts[k]; i++)
            variance += ((double)x[i] - mean) * ((double)x[i] - mean) / (double)counts[k];
        layer_norm(x, gain, 1e-5, out, counts[k]);
        for (size_t i = 0; i < counts[k]; i++) {
            double expected = ((double)x[i] - mean) / sqrt(variance + 1e-5) * (double)gain[i];
            cr_assert(fabs((double)out[i] - expected) <= 2e-5, "%zu values, value %zu: %g, not %g", counts[k], i,
                      (double)out[i], expected);
        }
        layer_norm(x, gain, 1e-5, x, counts[k]); /* in place */
        cr_expect(memcmp(x, out, counts[k] * sizeof *x) == 0);
    }
}

/* By hand: of -2, 0, 2 the mean is 0 and the variance 8/3. */
Test(arithmetic, layer_norm_adds_its_bias)
{
    float x[3] = {98, 100, 102};
    const float gain[3] = {1, 2, -3}, bias[3] = {0.5f, -1, 4};
    const double unit = 2 / sqrt(8.0 / 3 + 1), expected[3] = {0.5 - unit, -1, 4 - 3 * unit};
    layer_norm_biased(x, gain, bias, 1, x, 3);
    for (int i = 0; i < 3; i++)
        cr_expect_float_eq((double)x[i], expected[i], 1e-6, "value %d: %g", i, (double)x[i]);
}
