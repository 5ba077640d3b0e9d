#include <math.h>
#include <stdlib.h>

#include "model/pass.h"
#include "values/values.h"

/* Where the frequencies began that element i is one of. */
static int section_begin(const struct model_config *config, int i)
{
    int begin = 0;
    for (int section = 0; config->switches.sections && section < 3; section++) {
        int end = begin + config->mrope_section[section];
        if (i < end)
            break;
        begin = end;
    }
    return begin;
}

/* In float32 step by step, as the original computes them (transformers, compute_default_rope_parameters and
 * modeling_rope_utils.py): at position 1,000 one bit of a frequency is an angle of 1e-4, so a more exact formula would
 * be a different one. (The vector pow of torch is itself off by one bit for about one frequency in a hundred, on some
 * processors and not on others; that is not repeated here.) */
void rope_frequencies(const struct model_config *config, float *out)
{
    int half = config->head_dim / 2;
    for (int i = 0; i < half; i++) {
        float exponent = (float)(2 * (i - section_begin(config, i))) / (float)config->head_dim;
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

static float rounded(float value)
{
    round_values(DTYPE_BF16, &value, &value, 1);
    return value;
}

/* The position that a row is rotated by. */
static float rope_position(const struct pass *pass, size_t row)
{
    const struct switches *switches = &pass->model->config->switches;
    const struct sequence *sequence = &pass->sequences[pass->row_of[row].sequence];
    size_t past = sequence->kv ? kv_length(sequence->kv) : 0, position = past + (size_t)pass->row_of[row].token;
    if (switches->stale_cache && past)
        position--;
    if (switches->positions_end && position >= (size_t)switches->positions_end)
        position = (size_t)switches->positions_end - 1;
    if (switches->positions == POSITIONS_NONE)
        return 0;
    return switches->positions == POSITIONS_BFLOAT16 ? rounded((float)position) : (float)position;
}

/* Cosines and sines of the rows, each moved on by `ahead`. */
static void rope_angles(const struct pass *pass, const float *frequencies, int ahead, float *cosines, float *sines)
{
    size_t half = (size_t)pass->model->config->head_dim / 2;
    for (size_t row = 0; row < pass->rows; row++) {
        float position = rope_position(pass, row) + (float)ahead;
        for (size_t i = 0; i < half; i++) {
            float angle = position * frequencies[i];
            cosines[row * half + i] = (float)cos((double)angle);
            sines[row * half + i] = (float)sin((double)angle);
        }
    }
}

bool rope_prepare(struct pass *pass, struct error *error)
{
    size_t half = (size_t)pass->model->config->head_dim / 2, size = pass->rows * half;
    int ahead = pass->model->config->switches.query_ahead;
    float *frequencies = malloc(half * sizeof *frequencies);
    pass->cosines = malloc(((ahead ? 2 : 1) * size + 1) * sizeof *pass->cosines);
    pass->sines = malloc(((ahead ? 2 : 1) * size + 1) * sizeof *pass->sines);
    if (!frequencies || !pass->cosines || !pass->sines) {
        free(frequencies);
        return error_memory(error, "rotary embedding");
    }
    rope_frequencies(pass->model->config, frequencies);
    rope_angles(pass, frequencies, 0, pass->cosines, pass->sines);
    pass->of_queries = ahead ? size : 0;
    if (ahead)
        rope_angles(pass, frequencies, ahead, pass->cosines + size, pass->sines + size);
    free(frequencies);
    return true;
}

struct rotate_job {
    const struct pass *pass;
    float *values;
    size_t heads;
    const float *cosines, *sines;
    size_t pair, step; /* element i of the first of a pair lies at i * step, that of the other `pair` behind it */
};

#define ROTATE_ROWS 16

static void rotate_task(void *context, size_t task, int thread)
{
    (void)thread;
    const struct rotate_job *job = context;
    size_t half = (size_t)job->pass->model->config->head_dim / 2;
    for (size_t row = task * ROTATE_ROWS; row < job->pass->rows && row < (task + 1) * ROTATE_ROWS; row++) {
        const float *cosines = job->cosines + row * half, *sines = job->sines + row * half;
        for (size_t head = 0; head < job->heads; head++) {
            float *low = job->values + (row * job->heads + head) * 2 * half, *high = low + job->pair;
            for (size_t i = 0; i < half; i++) {
                float a = low[i * job->step], b = high[i * job->step];
                low[i * job->step] = a * cosines[i] - b * sines[i];
                high[i * job->step] = b * cosines[i] + a * sines[i];
            }
        }
    }
}

void rope_rotate(const struct pass *pass, float *values, size_t heads, bool queries)
{
    const struct model_config *config = pass->model->config;
    size_t from = queries ? pass->of_queries : 0;
    bool neighbours = config->switches.pairs == PAIRS_NEIGHBOURS;
    struct rotate_job job = {.pass = pass,
                             .values = values,
                             .heads = heads,
                             .cosines = pass->cosines + from,
                             .sines = pass->sines + from,
                             .pair = neighbours ? 1 : (size_t)config->head_dim / 2,
                             .step = neighbours ? 2 : 1};
    pool_run(workspace_pool(pass->model->workspace), (pass->rows + ROTATE_ROWS - 1) / ROTATE_ROWS, rotate_task, &job);
}
