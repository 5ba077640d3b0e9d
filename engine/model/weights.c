#include "model/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"
#include "base/wording.h"

const struct weight_row weight_rows[WEIGHT_COUNT + 1] = {[WEIGHT_NONE] = {.scope = OF_END,
                                                                          .name = "",
                                                                          .module = MODULE_ENDS,
                                                                          .through = WEIGHT_NONE,
                                                                          .reader = WEIGHT_NONE,
                                                                          .partner = WEIGHT_NONE},
#define AS_ROW(id, scope_, name_, gguf, order, rows_, columns_, when_, part_, module_, through_, reader_, partner_,    \
               unit_, tells_)                                                                                          \
    [WEIGHT_##id] = {.scope = OF_##scope_,                                                                             \
                     .name = name_,                                                                                    \
                     .rows = DIM_##rows_,                                                                              \
                     .columns = DIM_##columns_,                                                                        \
                     .when = WHEN_##when_,                                                                             \
                     .part = PART_##part_,                                                                             \
                     .module = MODULE_##module_,                                                                       \
                     .through = WEIGHT_##through_,                                                                     \
                     .reader = WEIGHT_##reader_,                                                                       \
                     .partner = WEIGHT_##partner_,                                                                     \
                     .unit = UNIT_##unit_,                                                                             \
                     .tells = tells_},
                                                         WEIGHT_ROWS(AS_ROW)
#undef AS_ROW
};

/* --- what holds the table together --- */

/* ALL(IF_...): the bits of the weights whose rows are so. */
#define BIT_IF(condition, weight) | ((condition) ? WEIGHT_BIT((weight) % WEIGHT_COUNT) : 0)
#define IF_GAIN(id, scope, name, gguf, order, rows, columns, when, part, ...)                                          \
    BIT_IF(PART_##part == PART_GAIN, WEIGHT_##id)
#define IF_OPTIONAL(id, scope, name, gguf, order, rows, columns, when, ...)                                            \
    BIT_IF(WHEN_##when == WHEN_NORM, WEIGHT_##id)
#define IF_NORM_BIAS(id, scope, name, gguf, order, rows, columns, when, ...)                                           \
    BIT_IF(WHEN_##when == WHEN_NORM_BIAS, WEIGHT_##id)
#define IF_UNSPELLED(id, scope, name, gguf, ...) BIT_IF(sizeof(name) == 1 || sizeof(gguf) == 1, WEIGHT_##id)
#define THROUGH(id, scope, name, gguf, order, rows, columns, when, part, module, through, ...)                         \
    BIT_IF(WEIGHT_##through != WEIGHT_NONE, WEIGHT_##through)
#define TOLD_OF(id, scope, name, gguf, order, rows, columns, when, part, module, through, reader, partner, unit,       \
                tells)                                                                                                 \
    BIT_IF((tells) && WEIGHT_##through != WEIGHT_NONE, WEIGHT_##through)
#define TELLS_OF_NONE(id, scope, name, gguf, order, rows, columns, when, part, module, through, reader, partner, unit, \
                      tells)                                                                                           \
    BIT_IF((tells) && WEIGHT_##through == WEIGHT_NONE, WEIGHT_##id)
#define IF_UNPAIRED(id, scope, name, gguf, order, rows, columns, when, part, module, through, reader, partner, unit,   \
                    tells)                                                                                             \
    BIT_IF((WEIGHT_##partner == WEIGHT_NONE) != (UNIT_##unit == UNIT_NONE), WEIGHT_##id)
#define ALL(of) (UINT64_C(0) WEIGHT_ROWS(of))

_Static_assert(WEIGHT_COUNT <= 64, "sets of weights are 64 bits");
_Static_assert(WEIGHT_EXPERT_DOWN - WEIGHT_EXPERT_GATE + 1 == EXPERT_MATRICES &&
                   WEIGHT_EXPERT_GATE_BIAS - WEIGHT_EXPERT_GATE == EXPERT_MATRICES &&
                   WEIGHT_EXPERT_DOWN_BIAS - WEIGHT_EXPERT_DOWN == EXPERT_MATRICES,
               "the three projections of an expert stand together, and behind them their biases");
_Static_assert(!ALL(IF_UNSPELLED), "a weight without a canonical name, or that GGUF cannot spell");
_Static_assert(!(ALL(IF_OPTIONAL) & ~ALL(IF_GAIN)), "a family may have or lack norms only");
_Static_assert(!(ALL(IF_NORM_BIAS) >> 1 & ~ALL(IF_GAIN)), "a norm's bias that does not stand behind its gain");
_Static_assert(!(ALL(THROUGH) & ~ALL(IF_GAIN)), "a weight that is read through one that is no gain");
_Static_assert(ALL(TOLD_OF) == ALL(THROUGH), "a gain of which no weight that is read through it tells");
_Static_assert(!ALL(TELLS_OF_NONE), "a weight that tells of a gain, but is read through none");
_Static_assert(!ALL(IF_UNPAIRED), "a partner without what fits of it, or the reverse");

int weight_gain_offset(const struct model_config *config, enum weight weight)
{
    return weight_rows[weight].when == WHEN_LINEAR ? 0 : config->switches.gain_offset;
}

int expert_weights(const struct model_config *config)
{
    return config->expert_bias ? 2 * EXPERT_MATRICES : EXPERT_MATRICES;
}

uint64_t config_dimension(const struct model_config *config, enum dimension which)
{
    const int sizes[] = {[DIM_NONE] = 0,
                         [DIM_ONE] = 1,
                         [DIM_HIDDEN] = config->hidden,
                         [DIM_VOCABULARY] = config->vocabulary,
                         [DIM_Q_LATENT] = config->query_latent,
                         [DIM_KV_LATENT] = config->latent,
                         [DIM_KV_LATENT_ROTATED] = config->latent + config->rotary_dim,
                         [DIM_LINEAR_QKVZ] = config->linear.key_heads * 2 * config->linear.key_dim +
                                             config->linear.heads * 2 * config->linear.value_dim,
                         [DIM_LINEAR_QKV] = config->linear.key_heads * 2 * config->linear.key_dim +
                                            config->linear.heads * config->linear.value_dim,
                         [DIM_LINEAR_BA] = 2 * config->linear.heads,
                         [DIM_LINEAR_TAPS] = config->linear.taps,
                         [DIM_LINEAR_HEADS] = config->linear.heads,
                         [DIM_LINEAR_HEAD] = config->linear.value_dim,
                         [DIM_LINEAR_VALUE] = config->linear.heads * config->linear.value_dim,
                         [DIM_HEADS] = config->heads,
                         [DIM_CONTEXT] = config->context,
                         [DIM_INNER] = config->intermediate,
                         [DIM_EXPERTS] = config->experts,
                         [DIM_EXPERT] = config->moe_intermediate,
                         [DIM_SHARED] = config->shared_intermediate};
    bool wide = config->head_gains_wide;
    if (which == DIM_Q_GAIN || which == DIM_K_GAIN)
        return wide ? config_dimension(config, which == DIM_Q_GAIN ? DIM_Q : DIM_KV) : (uint64_t)config->head_dim;
    if (which == DIM_Q)
        return (uint64_t)config->heads * (uint64_t)config->head_dim;
    if (which == DIM_Q_GATED)
        return (uint64_t)config->heads * (uint64_t)config->head_dim * (config->gated_heads ? 2 : 1);
    if (which == DIM_ATTENDED)
        return (uint64_t)config->heads * (uint64_t)(config->latent ? config->value_dim : config->head_dim);
    if (which == DIM_KV_UP)
        return (uint64_t)config->heads * (uint64_t)(config->head_dim - config->rotary_dim + config->value_dim);
    if (which == DIM_KV)
        return (uint64_t)config->kv_heads * (uint64_t)config->head_dim;
    return (uint64_t)sizes[which];
}

bool config_calls_for(const struct model_config *config, enum weight weight, int layer)
{
    bool sparse = layer >= 0 && config->sparse[layer], linear = layer >= 0 && config->is_linear[layer];
    if (weight_rows[weight].module == MODULE_ATTENTION && linear)
        return weight_rows[weight].when == WHEN_LINEAR;
    switch (weight_rows[weight].when) {
    case WHEN_ALWAYS:
        return true;
    case WHEN_Q_WHOLE:
        return !config->query_latent;
    case WHEN_KV_WHOLE:
        return !config->latent;
    case WHEN_Q_LATENT:
        return config->query_latent;
    case WHEN_Q_LATENT_BIAS:
        return config->query_latent && config->qkv_bias;
    case WHEN_KV_LATENT:
        return config->latent;
    case WHEN_KV_LATENT_BIAS:
        return config->latent && config->qkv_bias;
    case WHEN_QKV_BIAS:
        return config->qkv_bias && !config->latent;
    case WHEN_O_BIAS:
        return config->o_bias;
    case WHEN_LINEAR:
        return linear;
    case WHEN_SINKS:
        return config->sinks;
    case WHEN_NORM:
        return config->norms >> weight & 1;
    case WHEN_NORM_BIAS:
        return config->norm_biases && config_calls_for(config, weight - 1, layer);
    case WHEN_POSITIONS:
        return config->position_table;
    case WHEN_SPARSE:
        return sparse;
    case WHEN_SPARSE_BIAS:
        return sparse && config->expert_bias;
    case WHEN_SHARED:
        return sparse && config->shared_intermediate > 0;
    case WHEN_SWITCH:
        return sparse && config->shared_intermediate > 0 && config->shared_switch;
    case WHEN_CHOICE:
        return sparse && config->choice_bias;
    case WHEN_DENSE:
        return !sparse;
    case WHEN_DENSE_BIAS:
        return !sparse && config->mlp_bias;
    case WHEN_GATED:
        return !sparse && !config->gateless;
    case WHEN_GATED_BIAS:
        return !sparse && !config->gateless && config->mlp_bias;
    case WHEN_HEAD:
        return config->head < HEAD_NONE;
    }
    return false;
}

enum weight norm_bias(enum weight gain)
{
    return weight_rows[gain + 1].when == WHEN_NORM_BIAS ? gain + 1 : WEIGHT_NONE;
}

bool expected_name(enum weight weight, int layer, int expert, char *out, size_t size)
{
    const char *name = weight_rows[weight].name;
    int length = expert >= 0  ? snprintf(out, size, "model.layers.%d.mlp.experts.%d.%s", layer, expert, name)
                 : layer >= 0 ? snprintf(out, size, "model.layers.%d.%s", layer, name)
                              : snprintf(out, size, "%s", name);
    return length >= 0 && (size_t)length < size;
}

/* Whether there is such a bias a key of the configuration says, not the family. */
static bool is_keyed_bias(const struct weight_row *row)
{
    return row->when == WHEN_QKV_BIAS || row->when == WHEN_O_BIAS || row->when == WHEN_DENSE_BIAS ||
           row->when == WHEN_GATED_BIAS;
}

static bool visit_row(const struct model_config *config, enum weight weight, int layer, int expert,
                      expected_visit *visit, void *context)
{
    const struct weight_row *row = &weight_rows[weight];
    struct expected expected = {.weight = weight, .layer = layer, .expert = expert, .rank = row->columns ? 2 : 1};
    expected.optional = (weight == WEIGHT_HEAD && config->tied) || (is_keyed_bias(row) && config->biases_open);
    expected.substitute = weight == WEIGHT_EMBEDDING && config->tied ? weight_rows[WEIGHT_HEAD].name : NULL;
    expected.shape[0] = config_dimension(config, row->rows);
    expected.shape[1] = config_dimension(config, row->columns);
    expected_name(weight, layer, expert, expected.name, sizeof expected.name);
    return visit(context, &expected);
}

static bool visit_experts(const struct model_config *config, int layer, expected_visit *visit, void *context)
{
    for (int expert = 0; expert < config->experts; expert++)
        for (int weight = 0; weight < expert_weights(config); weight++)
            if (!visit_row(config, (enum weight)(WEIGHT_EXPERT_GATE + weight), layer, expert, visit, context))
                return false;
    return true;
}

static bool visit_layer(const struct model_config *config, int layer, expected_visit *visit, void *context)
{
    for (int weight = 0; weight < WEIGHT_COUNT; weight++) {
        const struct weight_row *row = &weight_rows[weight];
        if (weight == WEIGHT_EXPERT_GATE && config->sparse[layer] && !visit_experts(config, layer, visit, context))
            return false;
        if (row->scope == OF_LAYER && config_calls_for(config, (enum weight)weight, layer) &&
            !visit_row(config, (enum weight)weight, layer, -1, visit, context))
            return false;
    }
    return true;
}

/* In front of the layers, or behind them. */
static bool visit_ends(const struct model_config *config, enum weight_scope scope, expected_visit *visit, void *context)
{
    for (int weight = 0; weight < WEIGHT_COUNT; weight++)
        if (weight_rows[weight].scope == scope && config_calls_for(config, (enum weight)weight, -1) &&
            !visit_row(config, (enum weight)weight, -1, -1, visit, context))
            return false;
    return true;
}

bool weights_each(const struct model_config *config, expected_visit *visit, void *context)
{
    return weights_each_in(config, 0, config->layers, visit, context);
}

bool weights_each_in(const struct model_config *config, int first, int end, expected_visit *visit, void *context)
{
    if (!config->family)
        return true;
    if (!visit_ends(config, OF_BEGIN, visit, context))
        return false;
    for (int layer = first; layer < end; layer++)
        if (!visit_layer(config, layer, visit, context))
            return false;
    return visit_ends(config, OF_END, visit, context);
}

const struct tensor *weights_find(const struct store *store, const struct expected *expected)
{
    const struct tensor *tensor = store_find(store, expected->name);
    return tensor || !expected->substitute ? tensor : store_find(store, expected->substitute);
}

const char *weight_class(enum weight weight)
{
#define CLASS_BEGIN ""
#define CLASS_LAYER ""
#define CLASS_EXPERT "mlp.experts."
#define CLASS_END ""
#define AS_CLASS(id, scope, name, ...) [WEIGHT_##id] = CLASS_##scope name,
    static const char *const classes[] = {WEIGHT_ROWS(AS_CLASS)};
    return classes[weight];
}

bool expected_list_add(struct expected_list *list, const struct expected *expected)
{
    return array_push(list->items, list->count, list->capacity, *expected);
}

void expected_list_free(struct expected_list *list)
{
    free(list->items);
    *list = (struct expected_list){0};
}

/* The layers of a class, in increasing order. */
static size_t collect_layers(const struct expected_list *list, enum weight weight, int *out)
{
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].weight == weight)
            out[count++] = list->items[i].layer;
    return count;
}

/* All three matrices of one expert stand side by side from `i` on. */
static bool whole_expert(const struct expected_list *list, size_t i)
{
    if (i + EXPERT_MATRICES > list->count)
        return false;
    const struct expected *items = list->items + i;
    for (int k = 0; k < EXPERT_MATRICES; k++)
        if (items[k].weight != (enum weight)(WEIGHT_EXPERT_GATE + k) || items[k].layer != items->layer ||
            items[k].expert != items->expert)
            return false;
    return true;
}

/* The item is of the class: WEIGHT_COUNT: the first of a whole expert; else of an expert that is not wholly listed. */
static bool in_class(const struct expected_list *list, size_t i, enum weight weight)
{
    if (weight == WEIGHT_COUNT)
        return whole_expert(list, i);
    const struct expected *item = &list->items[i];
    size_t before = (size_t)(weight - WEIGHT_EXPERT_GATE);
    bool whole = i >= before && whole_expert(list, i - before) && list->items[i - before].expert == item->expert &&
                 list->items[i - before].layer == item->layer;
    return item->weight == weight && !whole;
}

/* The experts of a class, layer by layer; the list is in the order of layers and experts. */
static void experts_text(const struct expected_list *list, enum weight weight, int *experts, struct buffer *out)
{
    const char *name = weight == WEIGHT_COUNT ? "mlp.experts" : weight_class(weight);
    size_t count = 0;
    int layer = -1;
    bool first = true;
    for (size_t i = 0; i <= list->count; i++) {
        const struct expected *item = i < list->count ? &list->items[i] : NULL;
        if (item && !in_class(list, i, weight))
            continue;
        if (count && (!item || item->layer != layer)) {
            if (first || weight != WEIGHT_COUNT)
                buffer_format(out, "%s%s of layer %d: expert%s ", out->size ? "; " : "", name, layer,
                              count > 1 ? "s" : "");
            else
                buffer_format(out, ", of layer %d: ", layer);
            numbers_ranges(out, experts, count);
            count = 0;
            first = false;
        }
        if (item) {
            layer = item->layer;
            experts[count++] = item->expert;
        }
    }
}

void expected_list_text(const struct expected_list *list, struct buffer *out)
{
    int *scratch = malloc((list->count ? list->count : 1) * sizeof *scratch);
    struct buffer text = {0};
    for (int weight = 0; scratch && weight < WEIGHT_COUNT; weight++) {
        const struct weight_row *row = &weight_rows[weight];
        size_t count = collect_layers(list, (enum weight)weight, scratch);
        if (!count)
            continue;
        if (weight == WEIGHT_EXPERT_GATE)
            experts_text(list, WEIGHT_COUNT, scratch, &text);
        if (row->scope == OF_EXPERT) {
            experts_text(list, (enum weight)weight, scratch, &text);
            continue;
        }
        buffer_format(&text, "%s%s", text.size ? "; " : "", weight_class((enum weight)weight));
        if (row->scope == OF_LAYER) {
            buffer_format(&text, " of layer%s ", count > 1 ? "s" : "");
            numbers_ranges(&text, scratch, count);
        }
    }
    if (text.data)
        buffer_append(out, text.data, text.size);
    buffer_free(&text);
    free(scratch);
}

bool tensor_is_ignored(const struct tensor *tensor)
{
    static const struct {
        const char *ending;
        int rank; /* 0: any */
    } rows[] = {{".rotary_emb.inv_freq", 0},
                {".attn.masked_bias", 0},
                {".attention.masked_bias", 0},
                {".attn.bias", 4},
                {".attention.bias", 4}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (text_ends_with(tensor->name, rows[i].ending) && (!rows[i].rank || rows[i].rank == tensor->rank))
            return true;
    return false;
}

bool tensor_is_beyond(const struct model_config *config, const struct tensor *tensor)
{
    int layer = -1, expert;
    return config->next_layers && name_place(tensor->name, &layer, &expert) && layer >= config->layers &&
           layer < config->layers + config->next_layers;
}

/* But for axes of 1 between others: the kernels of a convolution, each of one channel, are [channels, 1, taps]. */
static bool has_shape(const struct tensor *tensor, const struct expected *expected)
{
    return expected->rank == 2 && tensor->rank == 3 && tensor->shape[1] == 1 &&
           tensor->shape[0] == expected->shape[0] && tensor->shape[2] == expected->shape[1];
}

bool weight_fits(const struct expected *expected, const struct tensor *tensor, struct error *error)
{
    char found[TENSOR_SHAPE_TEXT], wanted[TENSOR_SHAPE_TEXT];
    const char *file = tensor_file(tensor);
    if (!tensor_same_shape(tensor, expected) && !has_shape(tensor, expected))
        return error_set_kind(error, ERROR_SHAPE, "%s: tensor '%s' has shape %s, but the configuration calls for %s%s",
                              file, tensor->disk_name, shape_text(tensor->shape, tensor->rank, found),
                              shape_text(expected->shape, expected->rank, wanted),
                              tensor->bytes
                                  ? ""
                                  : ": it holds no values, as DeepSpeed's ZeRO-3 saves what it did not gather: save "
                                    "the model with zero_to_fp32.py or with stage3_gather_16bit_weights_on_model_save");
    if (dtype_computes(tensor->dtype))
        return true;
    struct buffer computed = {0};
    dtype_computed_list(&computed);
    error_set_kind(error, ERROR_DTYPE, "%s: tensor '%s' has dtype %s; this engine computes with %s", file,
                   tensor->disk_name, dtype_name(tensor->dtype), computed.data ? computed.data : "");
    buffer_free(&computed);
    return false;
}
