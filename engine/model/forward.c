#include <stdlib.h>
#include <string.h>

#include "math/activation.h"
#include "math/kernels.h"
#include "model/expert_cache.h"
#include "model/pass.h"

#define LOGIT_FLOATS ((size_t)48 << 20) /* of logits held at once: 192 MB */

static bool pass_begin(struct pass *pass, struct error *error)
{
    size_t hidden = (size_t)pass->model->config->hidden;
    pass->first = malloc((pass->count + 1) * sizeof *pass->first);
    if (!pass->first)
        return error_memory(error, "sequences");
    for (size_t i = 0; i < pass->count; i++) {
        const struct sequence *sequence = &pass->sequences[i];
        pass->first[i] = pass->rows;
        pass->rows += sequence->count;
        if (!sequence->count)
            return error_set(error, "sequence %zu is empty", i);
        if (pass->model->config->position_table && sequence_length(sequence) > (size_t)pass->model->config->context)
            return error_set(error, "sequence %zu has %zu tokens, and the model has embeddings of %d positions", i,
                             sequence_length(sequence), pass->model->config->context);
        if (sequence->kv && sequence->count > kv_room(sequence->kv))
            return error_set(error, "sequence %zu: %zu tokens do not fit the cache, which has room for %zu more", i,
                             sequence->count, kv_room(sequence->kv));
        if (sequence->kv && kv_length(sequence->kv) &&
            !model_same_rotation(pass->model->config, kv_whole(sequence->kv), sequence_length(sequence)))
            return error_set(error,
                             "sequence %zu: the cache is of a sequence of %zu tokens, which are rotated otherwise than "
                             "those of one of %zu",
                             i, kv_whole(sequence->kv), sequence_length(sequence));
    }
    pass->first[pass->count] = pass->rows;
    pass->row_of = malloc(pass->rows * sizeof *pass->row_of);
    pass->x = malloc(pass->rows * hidden * sizeof *pass->x);
    pass->normed = malloc(pass->rows * hidden * sizeof *pass->normed);
    pass->block = malloc(pass->rows * hidden * sizeof *pass->block);
    if (!pass->row_of || !pass->x || !pass->normed || !pass->block)
        return error_memory(error, "activations");
    for (size_t i = 0; i < pass->count; i++)
        for (size_t token = 0; token < pass->sequences[i].count; token++)
            pass->row_of[pass->first[i] + token] = (struct row){.sequence = (int)i, .token = (int)token};
    return rope_prepare(pass, error);
}

static void pass_end(struct pass *pass)
{
    free(pass->first);
    free(pass->row_of);
    free(pass->x);
    free(pass->normed);
    free(pass->block);
    free(pass->cosines);
    free(pass->sines);
}

static void scale_values(float *values, double times, size_t count)
{
    for (size_t i = 0; times != 1 && i < count; i++)
        values[i] *= (float)times;
}

/* Adds the embedding of each row's position to the stream. */
static bool forward_positions(struct pass *pass, struct error *error)
{
    struct model *model = pass->model;
    size_t hidden = (size_t)model->config->hidden, context = (size_t)model->config->context;
    struct matrix matrix;
    int *positions = malloc((pass->rows + 1) * sizeof *positions);
    bool good =
        (positions || error_memory(error, "positions")) && model_matrix(model, WEIGHT_POSITIONS, -1, &matrix, error);
    for (size_t row = 0; good && row < pass->rows; row++) {
        size_t position = (size_t)pass_position(pass, row);
        positions[row] = (int)(position < context ? position : context - 1); /* those that a switch rounds up */
    }
    good = good && matrix_rows(&matrix, positions, pass->rows, pass->normed, error) &&
           pass_show(pass, POINT_POSITIONS, -1, pass->normed, pass->rows, pass->row_of, error);
    if (good) {
        add_scaled(pass->x, pass->normed, 1, pass->rows * hidden);
        pass_round(pass, pass->x, hidden, 1);
    }
    free(positions);
    return good;
}

/* Shows what the stream is before a block (1: the first layer): the embedding, or the output of the layer before. Some
 * families multiply embeddings by a number when their module has made them, or add to them. */
static bool forward_begin(struct pass *pass, int block, struct error *error)
{
    bool first = block < 2;
    const struct model_config *config = pass->model->config;
    bool good = pass_show(pass, first ? POINT_EMBEDDING : POINT_LAYER, first ? -1 : block - 2, pass->x, pass->rows,
                          pass->row_of, error);
    if (!good || !first || !input_is_apart(config))
        return good;
    scale_values(pass->x, config->embedding_multiplier, pass->rows * (size_t)config->hidden);
    return (!config->position_table || forward_positions(pass, error)) &&
           pass_show(pass, POINT_INPUT, -1, pass->x, pass->rows, pass->row_of, error);
}

static bool forward_embedding(struct pass *pass, struct error *error)
{
    struct matrix matrix = model_embedding(pass->model);
    size_t hidden = (size_t)pass->model->config->hidden;
    int vocabulary = pass->model->config->vocabulary;
    for (size_t i = 0; i < pass->count; i++) {
        const struct sequence *sequence = &pass->sequences[i];
        for (size_t token = 0; token < sequence->count; token++)
            if (sequence->ids[token] < 0 || sequence->ids[token] >= vocabulary)
                return error_set(error, "token %zu of sequence %zu has id %d, outside the vocabulary of %d tokens",
                                 token, i, sequence->ids[token], vocabulary);
        if (!matrix_rows(&matrix, sequence->ids, sequence->count, pass->x + pass->first[i] * hidden, error))
            return false;
    }
    scale_values(pass->x, pass->model->config->embedding_scale, pass->rows * hidden);
    pass_round(pass, pass->x, hidden, 1);
    return forward_begin(pass, 1, error);
}

/* The pass begins behind the block before `block`, whose output somebody else has. */
static bool forward_input(struct pass *pass, int block, struct error *error)
{
    memset(pass->x, 0, pass->rows * (size_t)pass->model->config->hidden * sizeof *pass->x);
    return forward_begin(pass, block, error);
}

/* The block's output, times the model's multiplier, is added to the stream: attention's, or at last that of the
 * feed-forward block. */
static bool forward_sum(struct pass *pass, bool last, int layer, struct error *error)
{
    const struct model_config *config = pass->model->config;
    const struct switches *switches = &config->switches;
    size_t hidden = (size_t)config->hidden, count = pass->rows * hidden;
    if (last ? switches->no_mlp_residual : switches->no_attention_residual)
        memset(pass->x, 0, count * sizeof *pass->x);
    add_scaled(pass->x, pass->block, (float)config->residual_multiplier, count);
    pass_round(pass, pass->x, hidden, 1);
    return switches->order != ORDER_POST || pass_norm(pass, last ? WEIGHT_POST_NORM : WEIGHT_INPUT_NORM, layer, pass->x,
                                                      pass->x, pass->rows, hidden, hidden, error);
}

/* In front of a block: with the norms behind the blocks, nothing. */
static bool forward_norm(struct pass *pass, enum weight gain, int layer, const float *in, float *out,
                         struct error *error)
{
    size_t hidden = (size_t)pass->model->config->hidden;
    if (pass->model->config->switches.order == ORDER_POST) {
        memcpy(out, in, pass->rows * hidden * sizeof *out);
        return true;
    }
    return pass_norm(pass, gain, layer, in, out, pass->rows, hidden, hidden, error);
}

/* One step of a layer, as the table of points has it, and what it shows. */
static bool forward_point(struct pass *pass, enum point point, const struct point_flow *flow, int layer,
                          struct error *error)
{
    const struct point_row *row = &point_rows[point];
    float *const values[VALUES_COUNT] = {
        [VALUES_STREAM] = pass->x, [VALUES_NORMED] = pass->normed, [VALUES_BLOCK] = pass->block};
    bool good = !flow->sum || forward_sum(pass, point == POINT_LAYER, layer, error);
    switch (row->step) {
    case STEP_NORM:
        good = good && forward_norm(pass, row->weight, layer, values[flow->from], values[flow->to], error);
        break;
    case STEP_ATTENTION:
        good = good && attention_forward(pass, layer, values[flow->from], error);
        break;
    case STEP_MLP:
        good = good && mlp_forward(pass, layer, values[flow->from], error);
        break;
    case STEP_SUM:
        break;
    case STEP_OWN:
    case STEP_COUNT:
        return true;
    }
    return good && pass_show(pass, point, layer, values[flow->to], pass->rows, pass->row_of, error);
}

static bool forward_layer(struct pass *pass, int layer, struct error *error)
{
    struct point_flow flows[POINT_COUNT];
    point_flows(pass->model->config, layer, flows);
    for (int point = 0; point < POINT_COUNT; point++)
        if (point_exists(pass->model->config, (enum point)point, layer) &&
            !forward_point(pass, (enum point)point, &flows[point], layer, error))
            return false;
    return true;
}

static bool row_wants_logits(const struct pass *pass, size_t row)
{
    return (size_t)pass->row_of[row].token >= pass->sequences[pass->row_of[row].sequence].logits_from;
}

/* Packs the rows whose logits are wanted to the front of `normed`; returns how many. */
static size_t head_rows(struct pass *pass, struct row *row_of)
{
    size_t hidden = (size_t)pass->model->config->hidden, wanted = 0;
    for (size_t row = 0; row < pass->rows; row++) {
        if (!row_wants_logits(pass, row))
            continue;
        row_of[wanted] = pass->row_of[row];
        memmove(pass->normed + wanted++ * hidden, pass->normed + row * hidden, hidden * sizeof *pass->normed);
    }
    return wanted;
}

/* What some families do with logits: times a number, and then bounded by a cap, softly. */
static void head_finish(const struct model_config *config, float *logits, size_t count)
{
    scale_values(logits, config->logits_multiplier, count);
    soft_cap(logits, config->logits_cap, count);
}

/* The head over normed rows [rows, hidden], in blocks of rows. */
static bool head_each(struct model *model, const float *normed, size_t rows, lens_take *take, void *context,
                      struct error *error)
{
    const struct model_config *config = model->config;
    size_t hidden = (size_t)config->hidden, vocabulary = (size_t)config->vocabulary, block = LOGIT_FLOATS / vocabulary;
    block = block < 1 ? 1 : block < rows ? block : rows;
    float *logits = malloc((block * vocabulary + 1) * sizeof *logits);
    struct linear_part head = {.out = logits, .ldo = vocabulary};
    bool good = logits || error_memory(error, "logits");
    enum weight weight = embedding_is_head(model) ? WEIGHT_EMBEDDING : WEIGHT_HEAD;
    good = good && model_matrix(model, weight, -1, &head.weight, error);
    for (size_t row = 0; good && row < rows; row += block) {
        size_t some = rows - row < block ? rows - row : block;
        good = linear(model->workspace, normed + row * hidden, hidden, some, &head, 1, error);
        if (good)
            head_finish(config, logits, some * vocabulary);
        good = good && take(context, row, some, logits, error);
    }
    free(logits);
    return good;
}

struct shown {
    const struct pass *pass;
    const struct row *row_of;
};

static bool head_show(void *context, size_t first, size_t rows, float *logits, struct error *error)
{
    const struct shown *shown = context;
    size_t width = (size_t)shown->pass->model->config->vocabulary;
    for (size_t row = 0; row < rows; row++)
        pass_round_here(shown->pass, shown->row_of[first + row].sequence, logits + row * width, width, 1, first + row);
    return pass_show(shown->pass, POINT_HEAD, -1, logits, rows, shown->row_of + first, error);
}

static bool final_norm(struct pass *pass, const float *in, float *out, size_t rows, struct error *error)
{
    size_t hidden = (size_t)pass->model->config->hidden;
    if (!pass->model->config->switches.no_final_norm)
        return pass_norm(pass, WEIGHT_FINAL_NORM, -1, in, out, rows, hidden, hidden, error);
    memcpy(out, in, rows * hidden * sizeof *out);
    return true;
}

static bool forward_head(struct pass *pass, struct error *error)
{
    if (!final_norm(pass, pass->x, pass->normed, pass->rows, error) ||
        !pass_show(pass, POINT_FINAL_NORM, -1, pass->normed, pass->rows, pass->row_of, error))
        return false;
    if (!point_exists(pass->model->config, POINT_HEAD, -1))
        return true;
    struct row *row_of = malloc(pass->rows * sizeof *row_of);
    if (!row_of)
        return error_memory(error, "logits");
    struct shown shown = {.pass = pass, .row_of = row_of};
    size_t wanted = head_rows(pass, row_of);
    bool good = head_each(pass->model, pass->normed, wanted, head_show, &shown, error);
    free(row_of);
    return good;
}

bool model_lens(struct model *model, const float *residuals, size_t rows, lens_take *take, void *context,
                struct error *error)
{
    size_t hidden = (size_t)model->config->hidden;
    struct pass pass = {.model = model};
    float *normed = malloc((rows * hidden + 1) * sizeof *normed);
    bool good = config_predicts(model->config, error) && (normed || error_memory(error, "lens")) &&
                final_norm(&pass, residuals, normed, rows, error) &&
                head_each(model, normed, rows, take, context, error);
    free(normed);
    return good;
}

bool model_forward(struct model *model, const struct sequence *sequences, size_t count, const struct probe *probe,
                   struct error *error)
{
    struct pass pass = {.model = model, .sequences = sequences, .count = count, .probe = probe};
    if (model->cache)
        expert_cache_pass(model->cache);
    int layers = model->config->layers, first = model->options.first_block, end = model->options.end_block;
    bool good =
        pass_begin(&pass, error) && (first ? forward_input(&pass, first, error) : forward_embedding(&pass, error));
    for (int block = first ? first : 1; good && block < end && block <= layers; block++)
        good = forward_layer(&pass, block - 1, error);
    good = good && (end <= layers + 1 || forward_head(&pass, error));
    for (size_t i = 0; good && i < count; i++)
        if (sequences[i].kv)
            kv_advance(sequences[i].kv, sequences[i].count, sequence_length(&sequences[i]));
    pass_end(&pass);
    return good;
}
