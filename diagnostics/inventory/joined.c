#include "inventory/joined.h"

#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"
#include "base/wording.h"

#define W(weight) WEIGHT_BIT(WEIGHT_##weight)

/* What is joined by those who join. */
static const struct group_row {
    uint64_t weights;
    const char *words;
    const char *hints[5]; /* one of them in a name tells that it is this group */
} group_rows[] = {
    {W(Q) | W(K) | W(V), "q_proj, k_proj and v_proj", {"qkv", "query_key_value", "c_attn", "in_proj", "pack"}},
    {W(Q_BIAS) | W(K_BIAS) | W(V_BIAS),
     "the biases of q_proj, k_proj and v_proj",
     {"qkv", "query_key_value", "c_attn"}},
    {W(K) | W(V), "k_proj and v_proj", {"kv", "key_value"}},
    {W(Q) | W(K), "q_proj and k_proj", {"qk", "query_key"}},
    {W(GATE) | W(UP), "gate_proj and up_proj", {"gate_up", "up_gate", "gateup", "w13", "fc1"}},
    {W(GATE_BIAS) | W(UP_BIAS), "the biases of gate_proj and up_proj", {"gate_up", "up_gate", "gateup", "w13", "fc1"}},
    {W(SHARED_GATE) | W(SHARED_UP), "the shared expert's gate_proj and up_proj", {"gate_up", "up_gate", "gateup"}},
    {W(EXPERT_GATE) | W(EXPERT_UP) | W(EXPERT_DOWN), "all projections", {NULL}},
    {W(EXPERT_GATE) | W(EXPERT_UP), "gate_proj and up_proj", {"gate_up", "up_gate", "gateup", "w13", "fc1"}},
    {W(EXPERT_GATE), "gate_proj", {"gate", "w1"}},
    {W(EXPERT_UP), "up_proj", {"up", "w3", "v1"}},
    {W(EXPERT_DOWN), "down_proj", {"down", "w2"}},
};

#define GROUPS (sizeof group_rows / sizeof *group_rows)
#define ALL_GROUPS (GROUPS + WEIGHT_COUNT) /* single weights behind them */
#define EXPERT_WEIGHTS (W(EXPERT_GATE) | W(EXPERT_UP) | W(EXPERT_DOWN))

static uint64_t group_weights(size_t group)
{
    return group < GROUPS ? group_rows[group].weights : WEIGHT_BIT(group - GROUPS);
}

struct joining {
    const struct census *census;
    struct joined *joined;
    size_t tensors[ALL_GROUPS]; /* that hold the group */
    const struct tensor *first[ALL_GROUPS];
};

typedef void item_visit(void *context, size_t item);

/* Of a group all items in the layers from .. to; false: some of them are not absent, or taken already, or there is
 * none. */
static bool each_of(const struct joining *joining, uint64_t weights, int from, int to, item_visit *visit, void *context)
{
    const struct census *census = joining->census;
    bool any = false;
    for (int layer = from; layer <= to; layer++)
        for (int weight = 0; weight < WEIGHT_COUNT; weight++) {
            bool of_experts = weight_rows[weight].scope == OF_EXPERT;
            if (!(weights >> weight & 1) || !config_calls_for(census->config, (enum weight)weight, layer))
                continue;
            for (int expert = of_experts ? 0 : -1; expert < (of_experts ? census->config->experts : 0); expert++) {
                const struct census_item *item = census_find(census, (enum weight)weight, layer, expert);
                size_t at = item ? (size_t)(item - census->items) : 0;
                if (!item || !item->absent || joining->joined->held[at])
                    return false;
                visit(context, at);
                any = true;
            }
        }
    return any;
}

/* What the group is as one. */
struct whole {
    const struct census *census;
    uint64_t elements;
    const struct expected *last;
};

static void add_item(void *context, size_t item)
{
    struct whole *whole = context;
    const struct expected *expected = whole->census->items[item].expected;
    whole->elements += expected->shape[0] * (expected->rank == 2 ? expected->shape[1] : 1);
    whole->last = expected;
}

static void hold_item(void *context, size_t item)
{
    ((bool *)context)[item] = true;
}

static uint64_t elements_of(const struct tensor *tensor)
{
    uint64_t elements = 1;
    for (int i = 0; i < tensor->rank; i++)
        if (!multiply_u64(elements, tensor->shape[i], &elements))
            return 0;
    return tensor->rank ? elements : 0;
}

static bool shares_axis(const struct tensor *tensor, const struct expected *expected)
{
    for (int i = 0; i < tensor->rank; i++)
        for (int k = 0; k < expected->rank; k++)
            if (tensor->shape[i] == expected->shape[k])
                return true;
    return false;
}

/* A tensor of its scope is absent that has its very shape: it may be that one, under another name. */
static bool may_be_one(const struct joining *joining, const struct tensor *tensor, int from, int to)
{
    for (int weight = 0; weight < WEIGHT_COUNT; weight++)
        for (int layer = from; layer <= to; layer++) {
            const struct census_item *item = weight_rows[weight].scope == OF_LAYER
                                                 ? census_find(joining->census, (enum weight)weight, layer, -1)
                                                 : NULL;
            if (item && item->absent && tensor_same_shape(tensor, item->expected))
                return true;
        }
    return false;
}

/* An axis more, of that many. */
static bool is_stacked(const struct tensor *tensor, const struct expected *expected, int layers)
{
    bool axis = false;
    for (int i = 0; i < tensor->rank; i++)
        axis = axis || tensor->shape[i] == (uint64_t)layers;
    return axis && tensor->rank > expected->rank;
}

/* 0: it does not fit; 1: by size; 2: by name too. */
static int fits(const struct joining *joining, const struct tensor *tensor, size_t group, int from, int to)
{
    uint64_t weights = group_weights(group);
    struct whole whole = {.census = joining->census};
    int layer, expert;
    if (!each_of(joining, weights, from, to, add_item, &whole) || whole.elements != elements_of(tensor) ||
        !shares_axis(tensor, whole.last) || tensor_same_shape(tensor, whole.last) ||
        (from < to && !is_stacked(tensor, whole.last, to - from + 1)))
        return 0;
    if (group >= GROUPS) /* alone in its layer, and only laid out otherwise: by its rank at least */
        return tensor->rank != whole.last->rank;
    const char *name = name_place(tensor->name, &layer, &expert);
    for (size_t i = 0; i < 5 && group_rows[group].hints[i]; i++)
        if (strcasestr(name, group_rows[group].hints[i]))
            return 2;
    return !may_be_one(joining, tensor, from, to);
}

static void join(struct joining *joining, const struct tensor *tensor, bool *holds)
{
    int layer, expert, last = joining->census->config->layers - 1, best_fit = 0;
    size_t best = 0;
    tensor_place(tensor, &layer, &expert);
    if (expert >= 0 || layer > last || !dtype_computes(tensor->dtype))
        return;
    int from = layer < 0 ? 0 : layer, to = layer < 0 ? last : layer;
    for (size_t group = 0; group < ALL_GROUPS; group++) {
        int fit = fits(joining, tensor, group, from, to);
        if (fit > best_fit) {
            best = group;
            best_fit = fit;
        }
    }
    if (!best_fit)
        return;
    each_of(joining, group_weights(best), from, to, hold_item, joining->joined->held);
    *holds = true;
    joining->joined->tensors++;
    joining->first[best] = joining->tensors[best]++ ? joining->first[best] : tensor;
}

/* "'model.layers.0.mlp.w1' [12, 24, 40] for gate_proj of all 12 experts" */
static void group_text(const struct joining *joining, size_t group, struct buffer *out)
{
    char shape[TENSOR_SHAPE_TEXT];
    const struct tensor *tensor = joining->first[group];
    int layer, expert;
    tensor_place(tensor, &layer, &expert);
    buffer_format(out, "'%s' %s for %s", tensor->disk_name, shape_text(tensor->shape, tensor->rank, shape),
                  group < GROUPS ? group_rows[group].words : weight_class((enum weight)(group - GROUPS)));
    if (group_weights(group) & EXPERT_WEIGHTS)
        buffer_format(out, " of all %d experts", joining->census->config->experts);
    if (layer < 0)
        buffer_format(out, " of all %d layers", joining->census->config->layers);
    else if (joining->tensors[group] > 1)
        buffer_format(out, ", and so in %zu layers", joining->tensors[group]);
}

static void joined_text(struct joining *joining)
{
    struct joined *joined = joining->joined;
    struct buffer text = {0};
    const char *comma = "";
    buffer_format(&text, "%zu tensor%s of %s hold%s them, joined or stacked: ", joined->tensors,
                  text_plural(joined->tensors), joined->tensors > 1 ? "other names" : "another name",
                  joined->tensors > 1 ? "" : "s");
    for (size_t group = 0; group < ALL_GROUPS; group++) {
        if (!joining->tensors[group])
            continue;
        buffer_text(&text, comma);
        group_text(joining, group, &text);
        comma = "; ";
    }
    buffer_text(&text, "; cut them apart under the names that the configuration calls for");
    joined->text = buffer_take(&text);
}

bool joined_find(const struct census *census, const struct tensor *const *extra, size_t count, struct joined *joined)
{
    struct joining joining = {.census = census, .joined = joined};
    *joined = (struct joined){.held = calloc(census->count + 1, sizeof *joined->held),
                              .holds = calloc(count + 1, sizeof *joined->holds)};
    if (!joined->held || !joined->holds)
        return false;
    for (size_t i = 0; census->absent && i < count; i++)
        join(&joining, extra[i], &joined->holds[i]);
    if (joined->tensors)
        joined_text(&joining);
    return !joined->tensors || joined->text;
}

void joined_free(struct joined *joined)
{
    free(joined->held);
    free(joined->holds);
    free(joined->text);
    *joined = (struct joined){0};
}
