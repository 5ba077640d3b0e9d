#include <math.h>
#include <stdlib.h>

#include "model/pass.h"

/* In float32 step by step, as the original computes them (transformers, compute_default_rope_parameters and
 * modeling_rope_utils.py): at position 1,000 one bit of a frequency is an angle of 1e-4, so a more exact formula would
 * be a different one. (The vector pow of torch is itself off by one bit for about one frequency in a hundred, on some
 * processors and not on others; that is not repeated here.) */
void rope_frequencies(const struct model_config *config, float *out)
{
    int half = config->head_dim / 2;
    for (int i = 0; i < half; i++) {
        float exponent = (float)(2 * i) / (float)config->head_dim;
        float power = (float)pow((double)(float)config->rope_theta, (double)exponent);
        out[i] = 1.0f / power;
    }
    if (config->rope_kind == ROPE_LINEAR)
        for (int i = 0; i < half; i++)
            out[i] /= (float)config->rope_factor;
    if (config->rope_kind != ROPE_LLAMA3)
        return;
    float factor = (float)config->rope_factor, context = (float)config->rope_original_context;
    double low = config->rope_low_factor, high = config->rope_high_factor;
    float longest = (float)(config->rope_original_context / low),
          shortest = (float)(config->rope_original_context / high);
    for (int i = 0; i < half; i++) {
        float wavelength = (float)(2 * M_PI) / out[i];
        float scaled = wavelength > longest ? out[i] / factor : out[i];
        if (!(wavelength < shortest) && !(wavelength > longest)) {
            float smooth = (context / wavelength - (float)low) / (float)(high - low);
            scaled = (1 - smooth) * scaled / factor + smooth * scaled;
        }
        out[i] = scaled;
    }
}

bool rope_prepare(struct pass *pass, struct error *error)
{
    size_t half = (size_t)pass->model->config->head_dim / 2;
    float *frequencies = malloc(half * sizeof *frequencies);
    pass->cosines = malloc((pass->rows * half + 1) * sizeof *pass->cosines);
    pass->sines = malloc((pass->rows * half + 1) * sizeof *pass->sines);
    if (!frequencies || !pass->cosines || !pass->sines) {
        free(frequencies);
        return error_memory(error, "rotary embedding");
    }
    rope_frequencies(pass->model->config, frequencies);
    for (size_t row = 0; row < pass->rows; row++) {
        const struct sequence *sequence = &pass->sequences[pass->row_of[row].sequence];
        size_t past = sequence->kv ? kv_length(sequence->kv) : 0;
        float position = (float)(past + (size_t)pass->row_of[row].token);
        for (size_t i = 0; i < half; i++) {
            float angle = position * frequencies[i];
            pass->cosines[row * half + i] = (float)cos((double)angle);
            pass->sines[row * half + i] = (float)sin((double)angle);
        }
    }
    free(frequencies);
    return true;
}

struct rotate_job {
    const struct pass *pass;
    float *values;
    size_t heads;
};

#define ROTATE_ROWS 16

static void rotate_task(void *context, size_t task, int thread)
{
    (void)thread;
    const struct rotate_job *job = context;
    size_t half = (size_t)job->pass->model->config->head_dim / 2;
    for (size_t row = task * ROTATE_ROWS; row < job->pass->rows && row < (task + 1) * ROTATE_ROWS; row++) {
        const float *cosines = job->pass->cosines + row * half, *sines = job->pass->sines + row * half;
        for (size_t head = 0; head < job->heads; head++) {
            float *low = job->values + (row * job->heads + head) * 2 * half, *high = low + half;
            for (size_t i = 0; i < half; i++) {
                float a = low[i], b = high[i];
                low[i] = a * cosines[i] - b * sines[i];
                high[i] = b * cosines[i] + a * sines[i];
            }
        }
    }
}

void rope_rotate(const struct pass *pass, float *values, size_t heads)
{
    struct rotate_job job = {.pass = pass, .values = values, .heads = heads};
    pool_run(workspace_pool(pass->model->workspace), (pass->rows + ROTATE_ROWS - 1) / ROTATE_ROWS, rotate_task, &job);
}
