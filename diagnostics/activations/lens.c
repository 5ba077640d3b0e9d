#include "activations/lens.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "activations/logits.h"
#include "activations/rounding.h"
#include "math/distribution.h"
#include "text/script.h"

/* A row of the one call of model_lens. */
struct lens_row {
    size_t which;
    int layer;
    bool gold;
};

struct lens {
    const struct model_config *config;
    size_t top;
    struct lens_case *cases;
    size_t count, capacity;
    /* while it computes: */
    const struct limits *limits;
    struct lens_row *rows;
    float *values; /* [rows, hidden] */
    size_t row_count;
};

struct lens *lens_new(const struct model_config *config, size_t top, struct error *error)
{
    struct lens *lens = calloc(1, sizeof *lens);
    if (!lens) {
        error_memory(error, "lens");
        return NULL;
    }
    lens->config = config;
    lens->top = top < (size_t)config->vocabulary ? top : (size_t)config->vocabulary;
    return lens;
}

void lens_free(struct lens *lens)
{
    if (!lens)
        return;
    for (size_t i = 0; i < lens->count; i++) {
        free(lens->cases[i].points);
        free(lens->cases[i].gold);
        free(lens->cases[i].residuals);
    }
    free(lens->cases);
    free(lens->rows);
    free(lens->values);
    free(lens);
}

/* A tensor of gold that holds the case's last token in rows of that width; NULL: none. */
static const struct golden_tensor *gold_last(const struct lens_case *one, const char *path, size_t width)
{
    const struct golden_tensor *tensor = one->golden ? golden_find(one->golden, one->case_index, path) : NULL;
    bool good = tensor && tensor->kind != GOLDEN_STATISTICS && tensor->rows && tensor->width == width &&
                tensor->first + tensor->rows == one->count;
    return good ? tensor : NULL;
}

static bool read_last(const struct lens_case *one, const struct golden_tensor *tensor, float *out, struct error *error)
{
    return golden_read_rows(one->golden, tensor, tensor->rows - 1, 1, out, error);
}

static bool take_gold_answer(const struct lens *lens, struct lens_case *one, struct error *error)
{
    size_t vocabulary = (size_t)lens->config->vocabulary;
    const struct golden_case *golden_case = golden_case_at(one->golden, one->case_index);
    const struct golden_tensor *tensor = gold_last(one, "lm_head", vocabulary);
    if (golden_case->greedy_count && golden_case->greedy[0] >= 0 && (size_t)golden_case->greedy[0] < vocabulary) {
        one->answer = golden_case->greedy[0];
        one->answer_of = ANSWER_GREEDY;
        return true;
    }
    if (!tensor)
        return true;
    float *logits = malloc(vocabulary * sizeof *logits);
    bool good = (logits || error_memory(error, "lens")) && read_last(one, tensor, logits, error);
    if (good) {
        one->answer = (int)largest_index(logits, vocabulary);
        one->answer_of = ANSWER_GOLD;
    }
    free(logits);
    return good;
}

bool lens_add(struct lens *lens, const char *id, size_t count, const struct golden *golden, size_t case_index,
              struct error *error)
{
    size_t layers = (size_t)lens->config->layers, hidden = (size_t)lens->config->hidden;
    if (!array_grow(lens->cases, lens->count, lens->capacity))
        return error_memory(error, "lens");
    struct lens_case *one = &lens->cases[lens->count++];
    *one = (struct lens_case){.id = id,
                              .count = count,
                              .golden = golden,
                              .case_index = case_index,
                              .answer = -1,
                              .answer_of = ANSWER_OWN,
                              .first_different = -1,
                              .points = calloc(layers, sizeof *one->points),
                              .gold = calloc(layers, sizeof *one->gold),
                              .residuals = malloc(layers * hidden * sizeof *one->residuals)};
    if (!one->points || !one->gold || !one->residuals)
        return error_memory(error, "lens");
    return !golden || take_gold_answer(lens, one, error);
}

void lens_see(struct lens *lens, size_t which, const struct part *part)
{
    struct part last;
    if (part->point != POINT_LAYER || which >= lens->count ||
        !part_within(part, lens->cases[which].count - 1, 1, &last))
        return;
    struct lens_case *one = &lens->cases[which];
    memcpy(one->residuals + (size_t)part->layer * part->width, last.values, part->width * sizeof *last.values);
    one->points[part->layer].seen = true;
}

static double rank_of(const float *logits, size_t count, size_t answer)
{
    size_t ahead = 0;
    for (size_t i = 0; i < count; i++)
        ahead += logits[i] > logits[answer] || (i < answer && logits[i] >= logits[answer]);
    return (double)ahead + 1;
}

/* What does not depend on the answer; returns the logarithm of the sum of exp. */
static double point_fill(const struct lens *lens, struct lens_point *point, const float *logits, size_t count)
{
    size_t top[LENS_TOP_MAX];
    double sum = log_sum_exp(logits, count);
    point->finite = isfinite(sum);
    point->rank = point->log_probability = NAN;
    if (!point->finite)
        return sum;
    largest_indices(logits, count, lens->top, top);
    for (size_t i = 0; i < lens->top; i++)
        point->top[i] = (struct lens_token){(int)top[i], exp((double)logits[top[i]] - sum)};
    return sum;
}

/* Noise that was taken up once is carried on; what the head adds is in the noise of gold's logits. */
static double gold_tolerance(const struct lens *lens, const struct lens_case *one, int layer)
{
    char path[POINT_PATH];
    const struct golden_tensor *tensor = gold_last(one, "lm_head", (size_t)lens->config->vocabulary);
    struct accuracy accuracy = gold_accuracy(one->golden, tensor, false);
    for (int i = 0; i <= layer; i++) {
        tensor = golden_find(one->golden, one->case_index, point_path(POINT_LAYER, i, path));
        struct accuracy there = gold_accuracy(one->golden, tensor, false);
        accuracy.noise = fmax(accuracy.noise, there.noise);
        accuracy.rounding = fmax(accuracy.rounding, there.rounding);
    }
    return limits_tolerance(lens->limits, &accuracy, NULL);
}

/* The logits are those that gold's residual stream gives. */
static void compare_tops(const struct lens *lens, struct lens_case *one, int layer, const float *logits, size_t count)
{
    const struct lens_point *mine = &one->points[layer], *gold = &one->gold[layer];
    double square = 0;
    if (!mine->seen || !gold->finite)
        return;
    one->compared++;
    if (mine->finite && mine->top[0].id == gold->top[0].id)
        return;
    for (size_t i = 0; i < count; i++)
        square += (double)logits[i] * (double)logits[i];
    double apart = logits_apart(gold_tolerance(lens, one, layer), square, count);
    if (mine->finite && (double)logits[gold->top[0].id] - (double)logits[mine->top[0].id] <= apart) {
        one->near_ties++;
        return;
    }
    one->differ++;
    one->first_different = layer; /* rows come from the last layer to the first */
}

static bool lens_take_rows(void *context, size_t first, size_t rows, float *logits, struct error *error)
{
    const struct lens *lens = context;
    size_t vocabulary = (size_t)lens->config->vocabulary;
    (void)error;
    for (size_t i = 0; i < rows; i++) {
        const struct lens_row *row = &lens->rows[first + i];
        const float *values = logits + i * vocabulary;
        struct lens_case *one = &lens->cases[row->which];
        struct lens_point *point = row->gold ? &one->gold[row->layer] : &one->points[row->layer];
        double sum = point_fill(lens, point, values, vocabulary);
        if (one->answer < 0 && row->layer == lens->config->layers - 1 && !row->gold && point->finite)
            one->answer = point->top[0].id;
        if (point->finite && one->answer >= 0) {
            point->rank = rank_of(values, vocabulary, (size_t)one->answer);
            point->log_probability = (double)values[one->answer] - sum;
        }
        if (row->gold)
            compare_tops(lens, one, row->layer, values, vocabulary);
    }
    return true;
}

static float *add_row(struct lens *lens, size_t which, int layer, bool gold)
{
    lens->rows[lens->row_count] = (struct lens_row){.which = which, .layer = layer, .gold = gold};
    return lens->values + lens->row_count++ * (size_t)lens->config->hidden;
}

static bool add_gold_row(struct lens *lens, size_t which, int layer, struct error *error)
{
    char path[POINT_PATH];
    struct lens_case *one = &lens->cases[which];
    const struct golden_tensor *tensor =
        gold_last(one, point_path(POINT_LAYER, layer, path), (size_t)lens->config->hidden);
    if (!tensor || tensor->kind != GOLDEN_VALUES)
        return true;
    one->gold[layer].seen = true;
    return read_last(one, tensor, add_row(lens, which, layer, true), error);
}

/* The subject's last layer comes first, which may say what the answer is; gold's rows come last, and are compared with
 * what was found of the subject's. */
static bool lay_out(struct lens *lens, struct error *error)
{
    size_t hidden = (size_t)lens->config->hidden, most = 2 * lens->count * (size_t)lens->config->layers;
    lens->rows = malloc((most + 1) * sizeof *lens->rows);
    lens->values = malloc((most * hidden + 1) * sizeof *lens->values);
    if (!lens->rows || !lens->values)
        return error_memory(error, "lens");
    for (int layer = lens->config->layers - 1; layer >= 0; layer--)
        for (size_t i = 0; i < lens->count; i++)
            if (lens->cases[i].points[layer].seen)
                memcpy(add_row(lens, i, layer, false), lens->cases[i].residuals + (size_t)layer * hidden,
                       hidden * sizeof *lens->values);
    for (int layer = lens->config->layers - 1; lens->limits && layer >= 0; layer--)
        for (size_t i = 0; i < lens->count; i++)
            if (!add_gold_row(lens, i, layer, error))
                return false;
    return true;
}

bool lens_compute(struct lens *lens, struct model *model, const struct limits *limits, struct error *error)
{
    lens->limits = limits;
    bool good = lay_out(lens, error) && model_lens(model, lens->values, lens->row_count, lens_take_rows, lens, error);
    for (size_t i = 0; i < lens->count; i++) {
        free(lens->cases[i].residuals);
        lens->cases[i].residuals = NULL;
    }
    free(lens->rows);
    free(lens->values);
    lens->rows = NULL;
    lens->values = NULL;
    lens->row_count = 0;
    return good;
}

size_t lens_count(const struct lens *lens)
{
    return lens->count;
}

size_t lens_layers(const struct lens *lens)
{
    return (size_t)lens->config->layers;
}

size_t lens_top(const struct lens *lens)
{
    return lens->top;
}

const struct lens_case *lens_at(const struct lens *lens, size_t index)
{
    return &lens->cases[index];
}

static bool is_top(const struct lens_point *point)
{
    return point->seen && point->rank <= 1; /* not for NaN */
}

int lens_first_layer(const struct lens_point *points, size_t layers)
{
    size_t layer = layers;
    while (layer > 0 && is_top(&points[layer - 1]))
        layer--;
    return layer < layers ? (int)layer : -1;
}

int lens_first_top(const struct lens_point *points, size_t layers)
{
    for (size_t layer = 0; layer < layers; layer++)
        if (is_top(&points[layer]))
            return (int)layer;
    return -1;
}

const char *lens_token_text(struct tokenizer *tokenizer, int id, struct buffer *out)
{
    struct error error = {0};
    size_t before = out->size;
    if (tokenizer && id >= 0 && (size_t)id < tokenizer_size(tokenizer) &&
        !tokenizer_decode(tokenizer, &id, 1, false, out, &error)) {
        error_clear(&error);
        return NULL;
    }
    const char *script = out->size > before ? script_of(out->data + before, out->size - before) : "none";
    if (out->size == before)
        buffer_format(out, "<token %d>", id);
    return out->failed ? NULL : script;
}
