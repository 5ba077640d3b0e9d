#include "model/pass.h"

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

bool pass_linear(struct pass *pass, int layer, const float *in, const struct projection *projections, size_t count,
                 struct error *error)
{
    struct linear_part parts[LINEAR_PARTS_MAX];
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
    return linear(pass->model->workspace, in, parts[0].weight.columns, pass->rows, parts, count, error);
}

struct norm_job {
    const float *in, *gain;
    float *out;
    size_t rows, width;
    double epsilon;
};

#define NORM_ROWS 32

static void norm_task(void *context, size_t task, int thread)
{
    (void)thread;
    const struct norm_job *job = context;
    for (size_t row = task * NORM_ROWS; row < job->rows && row < (task + 1) * NORM_ROWS; row++)
        rms_norm(job->in + row * job->width, job->gain, job->epsilon, job->out + row * job->width, job->width);
}

bool pass_norm(struct pass *pass, enum weight gain, int layer, const float *in, float *out, size_t rows, size_t width,
               struct error *error)
{
    struct norm_job job = {
        .in = in, .out = out, .rows = rows, .width = width, .epsilon = pass->model->config->norm_epsilon};
    if (!model_vector(pass->model, gain, layer, &job.gain, error))
        return false;
    pool_run(workspace_pool(pass->model->workspace), (rows + NORM_ROWS - 1) / NORM_ROWS, norm_task, &job);
    return true;
}
