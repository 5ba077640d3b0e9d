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

/* base^(2 i / rotary_dim), in float32 as everything here. */
static float rope_power(const struct model_config *config, float base, int i)
{
    float exponent = (float)(2 * (i - section_begin(config, i))) / (float)config->rotary_dim;
    return (float)pow((double)base, (double)exponent);
}

static void scale_llama3(const struct model_config *config, float *out)
{
    int half = config->rotary_dim / 2;
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

/* The frequency, as a real number, that turns so often within the original context. */
static double yarn_place(const struct model_config *config, double rotations)
{
    double turns = config->rope_original_context / (rotations * 2 * M_PI);
    return config->rotary_dim * log(turns) / (2 * log(config->rope_theta));
}

/* Frequencies that turn often stay, those that turn seldom are divided by the factor, those between are mixed. */
static void scale_yarn(const struct model_config *config, float *out)
{
    double low = yarn_place(config, config->rope_beta_fast), high = yarn_place(config, config->rope_beta_slow);
    if (config->rope_truncate) {
        low = floor(low);
        high = ceil(high);
    }
    low = low > 0 ? low : 0;
    high = high < config->rotary_dim - 1 ? high : config->rotary_dim - 1;
    if (!(low < high) && !(low > high))
        high += 0.001;
    for (int i = 0; i < config->rotary_dim / 2; i++) {
        float power = rope_power(config, (float)config->rope_theta, i);
        float ramp = ((float)i - (float)low) / (float)(high - low);
        float kept = 1 - (ramp < 0 ? 0 : ramp > 1 ? 1 : ramp);
        float divided = 1 / ((float)config->rope_factor * power), whole = 1 / power;
        out[i] = divided * (1 - kept) + whole * kept;
    }
}

/* The base that a sequence beyond the context has: its wavelengths are longer, the more the slower they are. */
static float dynamic_base(const struct model_config *config, size_t length)
{
    float base = (float)config->rope_theta, factor = (float)config->rope_factor;
    double exponent = (double)config->rotary_dim / (config->rotary_dim - 2);
    if (length <= (size_t)config->context)
        return base;
    float stretch = factor * (float)length / (float)config->context - (float)(config->rope_factor - 1);
    return base * (float)pow((double)stretch, exponent);
}

/* In float32 step by step, as the original computes them (transformers, compute_default_rope_parameters and
 * modeling_rope_utils.py): at position 1,000 one bit of a frequency is an angle of 1e-4, so a more exact formula would
 * be a different one. (The vector pow of torch is itself off by one bit for about one frequency in a hundred, on some
 * processors and not on others; that is not repeated here.) */
void rope_frequencies(const struct model_config *config, size_t length, float *out)
{
    int half = config->rotary_dim / 2;
    bool beyond = length > (size_t)config->rope_original_context;
    float base = (float)config->rope_theta;
    if (config->rope_kind == ROPE_DYNAMIC)
        base = dynamic_base(config, length);
    for (int i = 0; i < half; i++)
        out[i] = 1.0f / rope_power(config, base, i);
    switch (config->rope_kind) {
    case ROPE_LINEAR:
        for (int i = 0; i < half; i++)
            out[i] /= (float)config->rope_factor;
        break;
    case ROPE_LLAMA3:
        scale_llama3(config, out);
        break;
    case ROPE_YARN:
        scale_yarn(config, out);
        break;
    case ROPE_LONGROPE:
        for (int i = 0; i < half; i++)
            out[i] = 1.0f / ((beyond ? config->rope_long : config->rope_short)[i] * rope_power(config, base, i));
        break;
    case ROPE_DEFAULT:
    case ROPE_DYNAMIC:
    case ROPE_OTHER:
        break;
    }
}

void rope_local_frequencies(const struct model_config *config, float *out)
{
    for (int i = 0; i < config->rotary_dim / 2; i++)
        out[i] = 1.0f / rope_power(config, (float)config->rope_local_theta, i);
}

/* Sequences of which lengths have the same frequencies: these have the same number. */
static size_t rope_stage(const struct model_config *config, size_t length)
{
    size_t context = (size_t)config->context;
    switch (config->rope_kind) {
    case ROPE_DYNAMIC:
        return length > context ? length : context;
    case ROPE_LONGROPE:
        return length > (size_t)config->rope_original_context;
    default:
        return 0;
    }
}

bool model_same_rotation(const struct model_config *config, size_t length, size_t other)
{
    return rope_stage(config, length) == rope_stage(config, other);
}

static float rounded(float value)
{
    round_values(DTYPE_BF16, &value, &value, 1);
    return value;
}

float pass_position(const struct pass *pass, size_t row)
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

/* What queries at a position are multiplied by. */
static float rope_temperature(const struct model_config *config, float position)
{
    float times = floorf(position / (float)config->rope_original_context);
    return config->query_beta > 0 || config->query_beta < 0
               ? 1 + (float)config->query_beta * (float)log((double)(1 + times))
               : 1;
}

/* Of queries, or of keys; of layers that are rotated locally, whose frequencies nothing scales. */
struct rope_side {
    int ahead;
    bool queries;
    float strength;
    float *cosines, *sines;
};

/* Cosines and sines of the rows of a sequence, each moved on by `ahead`. */
static void rope_angles(const struct pass *pass, size_t which, const float *frequencies, const struct rope_side *side)
{
    const struct model_config *config = pass->model->config;
    size_t half = (size_t)config->rotary_dim / 2;
    for (size_t row = pass->first[which]; row < pass->first[which + 1]; row++) {
        float position = pass_position(pass, row), moved = position + (float)side->ahead;
        float times = side->strength * (side->queries ? rope_temperature(config, position) : 1);
        for (size_t i = 0; i < half; i++) {
            float angle = moved * frequencies[i];
            side->cosines[row * half + i] = (float)cos((double)angle) * times;
            side->sines[row * half + i] = (float)sin((double)angle) * times;
        }
    }
}

size_t sequence_length(const struct sequence *sequence)
{
    size_t so_far = (sequence->kv ? kv_length(sequence->kv) : 0) + sequence->count;
    return sequence->whole > so_far ? sequence->whole : so_far;
}

/* The tables of the pass: of keys, of queries where those are rotated otherwise, and of both again for layers that are
 * rotated locally. */
static void rope_fill(const struct pass *pass, float *frequencies, float *local)
{
    const struct model_config *config = pass->model->config;
    for (size_t i = 0, last = 0; i < pass->count; i++) {
        size_t length = sequence_length(&pass->sequences[i]);
        if (!i || !model_same_rotation(config, length, last))
            rope_frequencies(config, length, frequencies);
        last = length;
        for (int table = 0; table < 4; table++) {
            bool queries = table & 1, locally = table & 2;
            size_t at = (queries ? pass->of_queries : 0) + (locally ? pass->of_local : 0);
            const struct rope_side side = {queries ? config->switches.query_ahead : 0, queries,
                                           locally ? 1 : (float)config->rope_strength, pass->cosines + at,
                                           pass->sines + at};
            if ((!queries || pass->of_queries) && (!locally || pass->of_local))
                rope_angles(pass, i, locally ? local : frequencies, &side);
        }
    }
}

bool rope_prepare(struct pass *pass, struct error *error)
{
    const struct model_config *config = pass->model->config;
    size_t half = (size_t)config->rotary_dim / 2, size = pass->rows * half;
    bool apart = config->switches.query_ahead || config->query_beta > 0 || config->query_beta < 0;
    pass->of_queries = apart ? size : 0;
    pass->of_local = config->rope_local_theta > 0 ? (apart ? 2 : 1) * size : 0;
    size_t all = (apart ? 2 : 1) * size + pass->of_local;
    float *frequencies = malloc((2 * half + 1) * sizeof *frequencies);
    pass->cosines = malloc((all + 1) * sizeof *pass->cosines);
    pass->sines = malloc((all + 1) * sizeof *pass->sines);
    if (!frequencies || !pass->cosines || !pass->sines) {
        free(frequencies);
        return error_memory(error, "rotary embedding");
    }
    if (pass->of_local)
        rope_local_frequencies(config, frequencies + half);
    rope_fill(pass, frequencies, frequencies + half);
    free(frequencies);
    return true;
}

struct rotate_job {
    const struct pass *pass;
    float *values;
    size_t heads;
    const float *cosines, *sines;
    size_t width, at;  /* of a head, and of it where the rotated part begins */
    size_t pair, step; /* element i of the first of a pair lies at i * step, that of the other `pair` behind it */
};

#define ROTATE_ROWS 16

static void rotate_task(void *context, size_t task, int thread)
{
    (void)thread;
    const struct rotate_job *job = context;
    size_t half = (size_t)job->pass->model->config->rotary_dim / 2;
    for (size_t row = task * ROTATE_ROWS; row < job->pass->rows && row < (task + 1) * ROTATE_ROWS; row++) {
        const float *cosines = job->cosines + row * half, *sines = job->sines + row * half;
        for (size_t head = 0; head < job->heads; head++) {
            float *low = job->values + (row * job->heads + head) * job->width + job->at, *high = low + job->pair;
            for (size_t i = 0; i < half; i++) {
                float a = low[i * job->step], b = high[i * job->step];
                low[i * job->step] = a * cosines[i] - b * sines[i];
                high[i * job->step] = b * cosines[i] + a * sines[i];
            }
        }
    }
}

void rope_rotate(const struct pass *pass, int layer, float *values, size_t heads, size_t width, bool queries)
{
    const struct model_config *config = pass->model->config;
    bool neighbours = config->switches.pairs == PAIRS_NEIGHBOURS, locally = config->rotation[layer] == ROTATED_LOCALLY;
    size_t from = (queries ? pass->of_queries : 0) + (locally ? pass->of_local : 0);
    struct rotate_job job = {.pass = pass,
                             .values = values,
                             .heads = heads,
                             .cosines = pass->cosines + from,
                             .sines = pass->sines + from,
                             .width = width,
                             .at = config->latent ? width - (size_t)config->rotary_dim : 0,
                             .pair = neighbours ? 1 : (size_t)config->rotary_dim / 2,
                             .step = neighbours ? 2 : 1};
    pool_run(workspace_pool(pass->model->workspace), (pass->rows + ROTATE_ROWS - 1) / ROTATE_ROWS, rotate_task, &job);
}
