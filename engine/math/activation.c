#include "math/activation.h"

#include <math.h>
#include <string.h>

#include "math/kernels.h"

static double silu(double x)
{
    return x / (1 + exp(-x));
}

static double gelu(double x)
{
    return x * 0.5 * erfc(-x / sqrt(2));
}

static double relu(double x)
{
    return x > 0 ? x : x - x; /* NaN stays */
}

static double gelu_tanh(double x)
{
    return 0.5 * x * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

static double quick_gelu(double x)
{
    return x / (1 + exp(-1.702 * x));
}

static double relu2(double x)
{
    return relu(x) * relu(x);
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double mish(double x)
{
    return x * tanh(x > 30 ? x : log1p(exp(x)));
}

static double (*const functions[ACTIVATION_COUNT])(double) = {
    [ACTIVATION_SILU] = silu,
    [ACTIVATION_GELU] = gelu,
    [ACTIVATION_RELU] = relu,
    [ACTIVATION_GELU_TANH] = gelu_tanh,
    [ACTIVATION_QUICK_GELU] = quick_gelu,
    [ACTIVATION_RELU2] = relu2,
    [ACTIVATION_SIGMOID] = sigmoid,
    [ACTIVATION_TANH] = tanh,
    [ACTIVATION_MISH] = mish,
};

static const struct name_row {
    const char *name;
    enum activation_function activation;
} name_rows[] = {
    {"silu", ACTIVATION_SILU},
    {"swish", ACTIVATION_SILU},
    {"gelu", ACTIVATION_GELU},
    {"gelu_python", ACTIVATION_GELU},
    {"gelu_pytorch_tanh", ACTIVATION_GELU_TANH},
    {"gelu_new", ACTIVATION_GELU_TANH},
    {"gelu_fast", ACTIVATION_GELU_TANH}, /* with its constant cut to ten digits */
    {"quick_gelu", ACTIVATION_QUICK_GELU},
    {"relu", ACTIVATION_RELU},
    {"relu2", ACTIVATION_RELU2},
    {"sigmoid", ACTIVATION_SIGMOID},
    {"tanh", ACTIVATION_TANH},
    {"mish", ACTIVATION_MISH},
};

#define NAMES (sizeof name_rows / sizeof *name_rows)

bool activation_find(const char *name, enum activation_function *out)
{
    for (size_t i = 0; i < NAMES; i++)
        if (strcmp(name_rows[i].name, name) == 0) {
            *out = name_rows[i].activation;
            return true;
        }
    return false;
}

const char *activation_name(enum activation_function activation)
{
    size_t i = 0;
    while (name_rows[i].activation != activation)
        i++;
    return name_rows[i].name;
}

void activation_list(struct buffer *out)
{
    for (size_t i = 0; i < NAMES; i++)
        buffer_format(out, "%s%s", !i ? "" : i + 1 == NAMES ? " and " : ", ", name_rows[i].name);
}

void activate(enum activation_function activation, float *values, const float *with, size_t count)
{
    if (activation == ACTIVATION_SILU && with) {
        silu_multiply(values, with, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        double value = functions[activation]((double)values[i]);
        values[i] = (float)(with ? value * (double)with[i] : value);
    }
}

void activate_bounded(float *values, const float *with, double slope, double offset, double limit, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double gate = (double)values[i], up = (double)with[i];
        if (limit > 0) { /* NaN stays */
            gate = gate > limit ? limit : gate;
            up = up > limit ? limit : up < -limit ? -limit : up;
        }
        values[i] = (float)(gate / (1 + exp(-slope * gate)) * (up + offset));
    }
}

void soft_cap(float *x, double cap, size_t count)
{
    for (size_t i = 0; cap > 0 && i < count; i++)
        x[i] = (float)(cap * tanh((double)x[i] / cap));
}
