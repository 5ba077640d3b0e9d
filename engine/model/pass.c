#include "model/pass.h"

#include <math.h>

#include "base/numbers.h"
#include "math/kernels.h"

bool pass_show(const struct pass *pass, enum point point, int layer, float *values, size_t rows,
               const struct row *row_of, struct error *error)
{
    char path[POINT_PATH];
    struct activation activation = {.point = point, .layer = layer, .values = values, .rows = rows, .row_of = row_of};
    activation.path = point_path(point, layer, path);
    activation.width = point_width(pass->model->config, point, &activation.heads);
    for (const struct probe *probe = pass->probe; probe; probe = probe->next)
        if (!probe->see(probe->context, &activation, error))
            return error_context(error, "%s", activation.path);
    return true;
}

void pass_round_here(const struct pass *pass, int sequence, float *values, size_t count, int steps, uint64_t which)
{
    double rounding = pass->sequences ? pass->sequences[sequence].rounding : 0;
    if (rounding > 0)
        dither(values, count, rounding * sqrt(steps),
               mix_u64(pass->roundings) ^ mix_u64(~which) ^ mix_u64(pass->sequences[sequence].chance));
}

void pass_round(struct pass *pass, float *values, size_t width, int steps)
{
    pass->roundings++;
    for (size_t i = 0; i < pass->count; i++)
        pass_round_here(pass, (int)i, values + pass->first[i] * width, pass->sequences[i].count * width, steps, i);
}

bool pass_linear(struct pass *pass, int layer, const float *in, const struct projection *projections, size_t count,
                 struct error *error)
{
    struct linear_part parts[LINEAR_PARTS_MAX] = {0};
    for (size_t i = 0; i < count; i++) {
        const struct projection *projection = &projections[i];
        parts[i] = (struct linear_part){.out = projection->out};
        if (!model_matrix(pass->model, projection->weight, layer, &parts[i].weight, error))
            return false;
        if (projection->bias != WEIGHT_COUNT &&
            !model_vector(pass->model, projection->bias, layer, &parts[i].bias, error))
            return false;
        parts[i].ldo = parts[i].weight.rows;
    }
    if (!linear(pass->model->workspace, in, parts[0].weight.columns, pass->rows, parts, count, error))
        return false;
    for (size_t i = 0; i < count; i++)
        pass_round(pass, parts[i].out, parts[i].ldo, 1);
    return true;
}

struct norm_job {
    const float *in, *gain, *bias; /* NULL: no bias */
    float *out;
    size_t rows, width, period;
    double epsilon;
    const struct switches *switches;
};

#define NORM_ROWS 32

/* As departures have it: by another root, around the mean, with another gain, repeated. */
static void norm_departed(const struct norm_job *job, const float *in, float *out)
{
    bool centred = job->switches->norm == NORM_CENTRED, summed = job->switches->norm == NORM_ROOT_SUM;
    double mean = 0, squares = 0;
    for (size_t i = 0; centred && i < job->width; i++)
        mean += (double)in[i] / (double)job->width;
    for (size_t i = 0; i < job->width; i++)
        squares += ((double)in[i] - mean) * ((double)in[i] - mean);
    double scale = 1 / sqrt(squares / (summed ? 1 : (double)job->width) + job->epsilon);
    for (size_t i = 0; i < job->width; i++)
        out[i] =
            (float)(((double)in[i] - mean) * scale * ((double)job->gain[i % job->period] + job->switches->gain_offset) +
                    (job->bias ? (double)job->bias[i] : 0));
}

/* Families have these three kinds, in the original's own steps. */
static void norm_row(const struct norm_job *job, const float *in, float *out)
{
    const struct switches *switches = job->switches;
    if (job->period != job->width || switches->norm == NORM_ROOT_SUM ||
        (switches->norm == NORM_CENTRED ? switches->gain_offset != 0 : job->bias != NULL))
        norm_departed(job, in, out);
    else if (job->bias)
        layer_norm_biased(in, job->gain, job->bias, job->epsilon, out, job->width);
    else if (switches->norm == NORM_CENTRED)
        layer_norm(in, job->gain, job->epsilon, out, job->width);
    else
        rms_norm(in, job->gain, (float)switches->gain_offset, job->epsilon, out, job->width);
}

static void norm_task(void *context, size_t task, int thread)
{
    (void)thread;
    const struct norm_job *job = context;
    for (size_t row = task * NORM_ROWS; row < job->rows && row < (task + 1) * NORM_ROWS; row++)
        norm_row(job, job->in + row * job->width, job->out + row * job->width);
}

static double norm_epsilon(const struct model_config *config, enum weight gain)
{
    enum dimension width = weight_rows[gain].rows;
    bool latent = width == DIM_Q_LATENT || width == DIM_KV_LATENT;
    return latent && config->latent_epsilon > 0 ? config->latent_epsilon : config->norm_epsilon;
}

bool pass_norm(struct pass *pass, enum weight gain, int layer, const float *in, float *out, size_t rows, size_t width,
               size_t period, struct error *error)
{
    const struct model_config *config = pass->model->config;
    struct norm_job job = {.in = in,
                           .out = out,
                           .rows = rows,
                           .width = width,
                           .period = period,
                           .epsilon = norm_epsilon(config, gain),
                           .switches = &config->switches};
    enum weight bias = norm_bias(gain);
    if (!model_vector(pass->model, gain, layer, &job.gain, error) ||
        (bias != WEIGHT_NONE && config_calls_for(config, bias, layer) &&
         !model_vector(pass->model, bias, layer, &job.bias, error)))
        return false;
    pool_run(workspace_pool(pass->model->workspace), (rows + NORM_ROWS - 1) / NORM_ROWS, norm_task, &job);
    if (pass->rows)
        pass_round(pass, out, rows / pass->rows * width, 2);
    return true;
}
