/* The feed-forward block: dense, or a router over experts with or without a shared one. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "math/activation.h"
#include "math/kernels.h"
#include "model/expert_cache.h"
#include "model/pass.h"
#include "model/routing.h"

/* Roundings of the original: activation and product; in an expert the two linear layers before them, and behind them
 * the product with its weight. */
#define SILU_STEPS 2
#define EXPERT_IN_STEPS 4
#define EXPERT_OUT_STEPS 2
#define SUM_STEPS(k) (((int)(k) + 1) / 2) /* a sum of k, that grows: each is rounded as it is then */

/* out[rows, hidden] = down(silu(gate(x)) * up(x)) with whole matrices, all threads on each; down(silu(up(x))) where
 * there is no gate. */
struct dense_weights {
    enum weight gate, gate_bias, up, up_bias, down, down_bias;
    size_t inner;
    bool gateless;
};

struct activation_job {
    const struct model_config *config;
    float *gate;
    const float *up;
    size_t count; /* floats in a task */
    size_t total;
};

/* gate = activation(gate) * up; `gate` is what the block's first matrix made, and `up` NULL where it has one only */
static void activate_branches(const struct model_config *config, float *gate, const float *up, size_t count)
{
    const struct switches *switches = &config->switches;
    if (config->gate_slope > 0 && up) {
        activate_bounded(gate, up, config->gate_slope, switches->up_offset,
                         switches->unbounded ? 0 : config->gate_limit, count);
        return;
    }
    if (!switches->activation_on_up || !up) {
        activate((enum activation_function)switches->activation, gate, up, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        float other = up[i];
        activate((enum activation_function)switches->activation, &other, gate + i, 1);
        gate[i] = other;
    }
}

static void activation_task(void *context, size_t task, int thread)
{
    (void)thread;
    struct activation_job *job = context;
    size_t first = task * job->count, count = job->total - first < job->count ? job->total - first : job->count;
    activate_branches(job->config, job->gate + first, job->up ? job->up + first : NULL, count);
}

static bool dense_forward(struct pass *pass, int layer, const float *in, const struct dense_weights *weights,
                          float *out, struct error *error)
{
    size_t inner = weights->inner;
    bool gated = !weights->gateless;
    float *gate = malloc(pass->rows * inner * sizeof *gate),
          *up = gated ? malloc(pass->rows * inner * sizeof *up) : NULL;
    bool good = (gate && (up || !gated)) || error_memory(error, "feed-forward block");
    const struct projection inwards[] = {{weights->gate, weights->gate_bias, gate},
                                         {weights->up, weights->up_bias, gated ? up : gate}};
    const struct projection outwards = {weights->down, weights->down_bias, out};
    good = good && pass_linear(pass, layer, in, gated ? inwards : inwards + 1, gated ? 2 : 1, error);
    if (good) {
        struct activation_job job = {
            .config = pass->model->config, .gate = gate, .up = up, .count = 8192, .total = pass->rows * inner};
        pool_run(workspace_pool(pass->model->workspace), (job.total + job.count - 1) / job.count, activation_task,
                 &job);
        pass_round(pass, gate, inner, SILU_STEPS);
        good = pass_linear(pass, layer, gate, &outwards, 1, error);
    }
    free(gate);
    free(up);
    return good;
}

/* The experts chosen for every row, and the rows of every expert. */
struct routing {
    size_t k;      /* chosen for each row */
    int *expert;   /* [rows, k], increasing in each row */
    float *weight; /* [rows, k] */
    size_t *first; /* [experts + 1]: where an expert's entries begin in `entry` */
    size_t *entry; /* [rows * k]: row * k + place in the row, grouped by expert */
    int *order;    /* experts at work that have rows, those with most first */
    size_t busy;
};

static bool routing_allocate(struct routing *routing, size_t rows, size_t experts, size_t k, struct error *error)
{
    routing->k = k;
    routing->expert = malloc(rows * k * sizeof *routing->expert);
    routing->weight = malloc(rows * k * sizeof *routing->weight);
    routing->entry = malloc(rows * k * sizeof *routing->entry);
    routing->first = calloc(experts + 2, sizeof *routing->first);
    routing->order = malloc(experts * sizeof *routing->order);
    return (routing->expert && routing->weight && routing->entry && routing->first && routing->order) ||
           error_memory(error, "routing");
}

static void routing_free(struct routing *routing)
{
    free(routing->expert);
    free(routing->weight);
    free(routing->entry);
    free(routing->first);
    free(routing->order);
}

/* What a row of logits chooses, and the weights of the chosen. */
struct route {
    const struct model_config *config;
    const float *bias; /* of the choice; NULL: none */
    float *scores;     /* scratch, [experts], twice */
};

/* The experts of one row; then softmax over all of them, or the sigmoid of each, and the weights of the chosen,
 * renormalised and scaled if the configuration says so. A row of NaN chooses the first experts with weights of NaN. */
static void route_row(const struct route *route, const float *logits, int *expert, float *weight)
{
    const struct model_config *config = route->config;
    int experts = config->experts, k = config->experts_per_token, topk = config->switches.topk;
    bool normed = topk ? topk == TOPK_NORMED : config->norm_topk;
    float *probabilities = route->scores + experts;
    routing_scores(config, route->bias, logits, route->scores);
    routing_choose(route->scores, experts, k, expert);
    for (int i = 1; i < k; i++) /* increasing: the order in which the original adds them up */
        for (int at = i; at > 0 && expert[at - 1] > expert[at]; at--) {
            int swap = expert[at];
            expert[at] = expert[at - 1];
            expert[at - 1] = swap;
        }
    memcpy(probabilities, logits, (size_t)experts * sizeof *probabilities);
    if (config->switches.scores == SCORES_SIGMOID)
        activate(ACTIVATION_SIGMOID, probabilities, NULL, (size_t)experts);
    else
        softmax(probabilities, (size_t)experts);
    double sum = 0;
    for (int i = 0; i < k; i++) {
        weight[i] = probabilities[expert[i]];
        sum += (double)weight[i];
    }
    for (int i = 0; i < k; i++)
        weight[i] = (float)((double)weight[i] / (normed ? sum : 1) * config->route_scale);
}

static int order_compare(const void *a, const void *b, void *context)
{
    const size_t *first = context;
    int x = *(const int *)a, y = *(const int *)b;
    size_t rows_x = first[x + 1] - first[x], rows_y = first[y + 1] - first[y];
    if (rows_x != rows_y)
        return rows_x > rows_y ? -1 : 1;
    return x < y ? -1 : 1;
}

static void routing_group(struct routing *routing, size_t rows, size_t experts)
{
    size_t *first = routing->first;
    for (size_t i = 0; i < rows * routing->k; i++)
        first[routing->expert[i] + 2]++;
    for (size_t e = 0; e < experts; e++)
        first[e + 2] += first[e + 1];
    for (size_t i = 0; i < rows * routing->k; i++)
        routing->entry[first[routing->expert[i] + 1]++] = i;
}

/* Experts from .. to - 1 come next. */
static void routing_order(struct routing *routing, size_t from, size_t to)
{
    routing->busy = 0;
    for (size_t e = from; e < to; e++)
        if (routing->first[e + 1] > routing->first[e])
            routing->order[routing->busy++] = (int)e;
    qsort_r(routing->order, routing->busy, sizeof *routing->order, order_compare, routing->first);
}

/* Departures from each token's own choice: all tokens of a sequence take that of their mean; some experts are no
 * choice.
 */
static void routing_depart(const struct pass *pass, float *logits, size_t experts)
{
    const struct switches *switches = &pass->model->config->switches;
    for (size_t i = 0; switches->pooled_routing && i < pass->count; i++)
        for (size_t e = 0; e < experts; e++) {
            size_t count = pass->sequences[i].count;
            float *first = logits + pass->first[i] * experts + e;
            double mean = 0;
            for (size_t token = 0; token < count; token++)
                mean += (double)first[token * experts] / (double)count;
            for (size_t token = 0; token < count; token++)
                first[token * experts] = (float)mean;
        }
    for (size_t row = 0; switches->experts_end && row < pass->rows; row++)
        for (size_t e = 0; e < experts; e++)
            if (e < (size_t)switches->experts_first || e >= (size_t)switches->experts_end)
                logits[row * experts + e] = -INFINITY;
}

static bool routing_fill(struct pass *pass, int layer, const float *in, struct routing *routing, struct error *error)
{
    const struct model_config *config = pass->model->config;
    size_t experts = (size_t)config->experts;
    float *logits = malloc((pass->rows + 2) * experts * sizeof *logits);
    struct route route = {.config = config, .scores = logits ? logits + pass->rows * experts : NULL};
    bool good = logits || error_memory(error, "router");
    const struct projection router = {WEIGHT_ROUTER, WEIGHT_ROUTER_BIAS, logits};
    good = good && pass_linear(pass, layer, in, &router, 1, error) &&
           pass_show(pass, POINT_ROUTER, layer, logits, pass->rows, pass->row_of, error);
    if (good)
        routing_depart(pass, logits, experts);
    if (good && config->choice_bias)
        good = model_vector(pass->model, WEIGHT_CHOICE_BIAS, layer, &route.bias, error);
    for (size_t row = 0; good && row < pass->rows; row++)
        route_row(&route, logits + row * experts, routing->expert + row * routing->k,
                  routing->weight + row * routing->k);
    if (good)
        routing_group(routing, pass->rows, experts);
    free(logits);
    return good;
}

#define PART_FLOATS ((size_t)32 << 20) /* of parts held at once, unless one expert has more: 128 MB */
#define BLOCK_FLOATS ((size_t)8 << 20) /* of one thread's scratch for a block of an expert's rows: 32 MB */
#define BLOCK_ROWS_MIN ((size_t)256)   /* fewer would not be worth widening the weights for */
#define BLOCK_ROWS_MAX ((size_t)1024)

struct expert_job {
    struct pass *pass;
    int layer;
    const float *in; /* [rows, hidden] */
    const struct routing *routing;
    float *parts;       /* [entries, hidden]: what each chosen expert adds to a row, in the order of `routing->entry` */
    size_t first_entry; /* of the experts at work: the first part's */
    pthread_mutex_t lock;
    struct error error;
};

/* What an expert computed for an entry of the routing, rounded as its sequence asks. */
static void expert_round(const struct expert_job *job, size_t entry, float *values, size_t count, int steps)
{
    pass_round_here(job->pass, job->pass->row_of[entry / job->routing->k].sequence, values, count, steps,
                    16 * (uint64_t)entry + (uint64_t)steps);
}

static void fill_mean(float *values, size_t count)
{
    double mean = 0;
    for (size_t i = 0; i < count; i++)
        mean += (double)values[i] / (double)count;
    for (size_t i = 0; i < count; i++)
        values[i] = (float)mean;
}

/* Gate, up and down, and their biases; NULL: there are none. */
struct expert_weights {
    struct matrix matrices[EXPERT_MATRICES];
    const float *biases[EXPERT_MATRICES];
};

static bool expert_take(const struct expert_job *job, int expert, size_t times, struct expert_weights *out,
                        struct error *error)
{
    struct model *model = job->pass->model;
    *out = (struct expert_weights){0};
    for (int i = 0; model->config->expert_bias && i < EXPERT_MATRICES; i++)
        if (!model_expert_vector(model, (enum weight)(WEIGHT_EXPERT_GATE_BIAS + i), job->layer, expert, &out->biases[i],
                                 error))
            return false;
    return expert_cache_take(model->cache, job->layer, expert, times, out->matrices, error);
}

/* down(silu(gate(x)) * up(x)) for `rows` rows of one expert, each times its weight. */
static bool expert_block(const struct expert_job *job, const struct expert_weights *expert, const size_t *entries,
                         size_t rows, float *parts, int thread, struct error *error)
{
    const struct matrix *weights = expert->matrices;
    struct workspace *workspace = job->pass->model->workspace;
    size_t hidden = weights[0].columns, inner = weights[0].rows;
    float *x = workspace_floats(workspace, thread, 2, rows * hidden);
    float *gate = workspace_floats(workspace, thread, 3, rows * inner);
    float *up = workspace_floats(workspace, thread, 4, rows * inner);
    if (!x || !gate || !up)
        return error_memory(error, "experts");
    for (size_t i = 0; i < rows; i++)
        memcpy(x + i * hidden, job->in + entries[i] / job->routing->k * hidden, hidden * sizeof *x);
    if (!linear_here(workspace, thread, x, hidden, rows, &weights[0], expert->biases[0], gate, inner, error) ||
        !linear_here(workspace, thread, x, hidden, rows, &weights[1], expert->biases[1], up, inner, error))
        return false;
    activate_branches(job->pass->model->config, gate, up, rows * inner);
    for (size_t i = 0; i < rows; i++)
        expert_round(job, entries[i], gate + i * inner, inner, EXPERT_IN_STEPS);
    if (!linear_here(workspace, thread, gate, inner, rows, &weights[2], expert->biases[2], parts, hidden, error))
        return false;
    for (size_t i = 0; i < rows; i++) {
        float *part = parts + i * hidden, weight = job->routing->weight[entries[i]];
        if (job->pass->model->config->switches.scalar_experts)
            fill_mean(part, hidden);
        for (size_t h = 0; h < hidden; h++)
            part[h] = weight * part[h];
        expert_round(job, entries[i], part, hidden, EXPERT_OUT_STEPS);
    }
    return true;
}

/* Rows are cut into blocks of about the same size, so that none is too short for a matrix product. */
static size_t block_rows(size_t rows, size_t width)
{
    size_t most = BLOCK_FLOATS / width;
    most = most < BLOCK_ROWS_MIN ? BLOCK_ROWS_MIN : most > BLOCK_ROWS_MAX ? BLOCK_ROWS_MAX : most;
    size_t blocks = (rows + most - 1) / most;
    return (rows + blocks - 1) / blocks;
}

static bool expert_run(struct expert_job *job, int expert, int thread, struct error *error)
{
    struct model *model = job->pass->model;
    const size_t *first = &job->routing->first[expert];
    size_t hidden = (size_t)model->config->hidden;
    size_t rows = first[1] - first[0], block = block_rows(rows, hidden + 2 * (size_t)model->config->moe_intermediate);
    struct expert_weights weights;
    if (!expert_take(job, expert, (rows + block - 1) / block, &weights, error))
        return false;
    for (size_t row = 0; row < rows; row += block)
        if (!expert_block(job, &weights, job->routing->entry + first[0] + row, rows - row < block ? rows - row : block,
                          job->parts + (first[0] + row - job->first_entry) * hidden, thread, error))
            return false;
    return true;
}

static void expert_task(void *context, size_t task, int thread)
{
    struct expert_job *job = context;
    struct error error = {0};
    if (expert_run(job, job->routing->order[task], thread, &error))
        return;
    pthread_mutex_lock(&job->lock);
    if (!job->error.text)
        job->error = error;
    else
        error_clear(&error);
    pthread_mutex_unlock(&job->lock);
}

/* The end of the experts that work together from `from` on: at least one, then as many as their parts fit. */
static size_t experts_end(const struct routing *routing, size_t experts, size_t hidden, size_t from)
{
    size_t to = from + 1;
    while (to < experts && (routing->first[to + 1] - routing->first[from]) * hidden <= PART_FLOATS)
        to++;
    return to;
}

/* Room for the parts of any experts that work together. */
static float *parts_new(const struct routing *routing, size_t experts, size_t hidden)
{
    size_t most = 0;
    for (size_t from = 0, to; from < experts; from = to) {
        to = experts_end(routing, experts, hidden, from);
        size_t entries = routing->first[to] - routing->first[from];
        most = entries > most ? entries : most;
    }
    return malloc(most * hidden * sizeof(float));
}

/* Experts from .. to - 1 add their parts to the rows. */
static bool experts_work(struct expert_job *job, struct routing *routing, size_t from, size_t to, struct error *error)
{
    struct model *model = job->pass->model;
    size_t hidden = (size_t)model->config->hidden;
    job->first_entry = routing->first[from];
    routing_order(routing, from, to);
    expert_cache_begin(model->cache, job->layer, routing->order, routing->busy, model->keep);
    pool_run(workspace_pool(model->workspace), routing->busy, expert_task, job);
    expert_cache_end(model->cache, job->layer, routing->order, routing->busy);
    if (job->error.text) {
        *error = job->error;
        return false;
    }
    for (size_t i = job->first_entry; i < routing->first[to]; i++) /* a row meets its experts in increasing order */
        add_scaled(job->pass->block + routing->entry[i] / routing->k * hidden,
                   job->parts + (i - job->first_entry) * hidden, 1, hidden);
    return true;
}

static bool experts_forward(struct pass *pass, int layer, const float *in, struct error *error)
{
    const struct model_config *config = pass->model->config;
    size_t hidden = (size_t)config->hidden, experts = (size_t)config->experts;
    struct routing routing = {0};
    struct expert_job job = {.pass = pass, .layer = layer, .in = in, .routing = &routing};
    bool good = routing_allocate(&routing, pass->rows, experts, (size_t)config->experts_per_token, error) &&
                routing_fill(pass, layer, in, &routing, error);
    if (good && !(job.parts = parts_new(&routing, experts, hidden)))
        good = error_memory(error, "experts");
    memset(pass->block, 0, pass->rows * hidden * sizeof *pass->block);
    pthread_mutex_init(&job.lock, NULL);
    for (size_t from = 0, to; good && from < experts; from = to) {
        to = experts_end(&routing, experts, hidden, from);
        good = experts_work(&job, &routing, from, to, error);
    }
    if (good)
        pass_round(pass, pass->block, hidden, SUM_STEPS(routing.k));
    pthread_mutex_destroy(&job.lock);
    free(job.parts);
    routing_free(&routing);
    return good;
}

/* block += sigmoid(switch(x)) * shared(x), as in qwen2_moe; or without the switch. */
static bool shared_forward(struct pass *pass, int layer, const float *in, struct error *error)
{
    const struct model_config *config = pass->model->config;
    size_t hidden = (size_t)config->hidden;
    const struct dense_weights weights = {WEIGHT_SHARED_GATE,
                                          WEIGHT_COUNT,
                                          WEIGHT_SHARED_UP,
                                          WEIGHT_COUNT,
                                          WEIGHT_SHARED_DOWN,
                                          WEIGHT_COUNT,
                                          (size_t)config->shared_intermediate,
                                          false};
    float *shared = malloc(pass->rows * hidden * sizeof *shared), *open = malloc(pass->rows * sizeof *open);
    bool good = (shared && open) || error_memory(error, "shared expert");
    const struct projection gate = {WEIGHT_SHARED_SWITCH, WEIGHT_COUNT, open};
    good = good && dense_forward(pass, layer, in, &weights, shared, error) &&
           (!config->shared_switch || pass_linear(pass, layer, in, &gate, 1, error));
    for (size_t row = 0; good && row < pass->rows; row++)
        add_scaled(pass->block + row * hidden, shared + row * hidden,
                   config->shared_switch ? (float)(1 / (1 + exp(-(double)open[row]))) : 1, hidden);
    free(shared);
    free(open);
    return good;
}

bool mlp_forward(struct pass *pass, int layer, const float *in, struct error *error)
{
    const struct model_config *config = pass->model->config;
    if (config->sparse[layer])
        return experts_forward(pass, layer, in, error) &&
               (!config->shared_intermediate || shared_forward(pass, layer, in, error));
    const struct dense_weights weights = {WEIGHT_GATE,
                                          WEIGHT_GATE_BIAS,
                                          WEIGHT_UP,
                                          WEIGHT_UP_BIAS,
                                          WEIGHT_DOWN,
                                          WEIGHT_DOWN_BIAS,
                                          (size_t)config->intermediate,
                                          config->gateless};
    return dense_forward(pass, layer, in, &weights, pass->block, error);
}
