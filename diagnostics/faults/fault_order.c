/* Faults of order: rows that a converter laid for another layout of heads or of a fused matrix than its reader has. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults/fault_catalogue.h"
#include "faults/fault_held.h"

#define PARTS_MAX 3

/* Matrices of one width, or vectors, as one: the rows of the first, then those of the next. */
struct stack {
    struct held parts[PARTS_MAX];
    size_t count;
    uint64_t rows;         /* of all */
    uint64_t unit;         /* rows that stay together: those of a head; 1: none do */
    uint64_t groups, each; /* of heads: groups of `each` query heads with one key and one value head */
};

/* Where the row of the result comes from. */
typedef uint64_t stack_order(const struct stack *stack, uint64_t row);

static uint64_t part_rows(const struct held *held)
{
    return held->tensor->rank >= 2 ? held->tensor->rows : held->count;
}

static char *stack_row(const struct stack *stack, char *const *values, uint64_t row)
{
    size_t part = 0;
    for (; row >= part_rows(&stack->parts[part]); part++)
        row -= part_rows(&stack->parts[part]);
    const struct held *held = &stack->parts[part];
    return values[part] + row * held_row(held->tensor) * held->width;
}

static bool stack_read(const struct fault_site *site, const struct tensor *const *tensors, size_t count,
                       struct stack *stack, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        const struct tensor *tensor = tensors[i];
        stack->count++;
        if (!held_read(site, tensor, &stack->parts[i], error))
            return false;
        if (held_row(tensor) != held_row(tensors[0]) || stack->parts[i].dtype != stack->parts[0].dtype)
            return error_set(error, "fault %s: tensors '%s' and '%s' differ in columns or dtype", site->spec,
                             tensors[0]->name, tensor->name);
        stack->rows += part_rows(&stack->parts[i]);
    }
    return true;
}

static bool stack_put(struct fault_site *site, struct stack *stack, stack_order *order, struct error *error)
{
    char *before[PARTS_MAX] = {NULL}, *after[PARTS_MAX] = {NULL};
    size_t bytes = held_row(stack->parts[0].tensor) * stack->parts[0].width;
    bool good = true;
    for (size_t i = 0; good && i < stack->count; i++) {
        after[i] = stack->parts[i].values;
        good = (before[i] = held_copy(&stack->parts[i], error)) != NULL;
    }
    for (uint64_t row = 0; good && row < stack->rows; row++)
        memcpy(stack_row(stack, after, row), stack_row(stack, before, order(stack, row)), bytes);
    for (size_t i = 0; good && i < stack->count; i++)
        good = held_put(site, &stack->parts[i], error) && fault_count_change(site, stack->parts[i].tensor, error);
    for (size_t i = 0; i < stack->count; i++)
        free(before[i]);
    return good;
}

static bool reorder(struct fault_site *site, const struct tensor *const *tensors, size_t count, struct stack layout,
                    stack_order *order, struct error *error)
{
    bool good = stack_read(site, tensors, count, &layout, error);
    if (good && layout.rows % layout.unit)
        good = error_set(error, "fault %s: the %llu rows of '%s' are no whole heads of %llu", site->spec,
                         (unsigned long long)layout.rows, tensors[0]->name, (unsigned long long)layout.unit);
    good = good && stack_put(site, &layout, order, error);
    for (size_t i = 0; i < layout.count; i++)
        free(layout.parts[i].values);
    return good;
}

/* --- the halves of a head --- */

/* i of its first half and i of its second lie side by side. */
static uint64_t pairs_from_halves(const struct stack *stack, uint64_t row)
{
    uint64_t in = row % stack->unit;
    return row - in + in % 2 * (stack->unit / 2) + in / 2;
}

static uint64_t halves_from_pairs(const struct stack *stack, uint64_t row)
{
    uint64_t in = row % stack->unit, half = stack->unit / 2;
    return row - in + (in < half ? 2 * in : 2 * (in - half) + 1);
}

static bool lay_heads(struct fault_site *site, const struct fault_arguments *arguments, stack_order *order,
                      struct error *error)
{
    struct stack layout = {.unit = (uint64_t)site->config->head_dim};
    if (layout.unit % 2)
        return error_set(error, "fault %s: heads of %d have no halves", site->spec, site->config->head_dim);
    return reorder(site, &arguments->tensor, 1, layout, order, error);
}

static bool lay_pair_heads(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    return lay_heads(site, arguments, pairs_from_halves, error);
}

static bool lay_halve_heads(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    return lay_heads(site, arguments, halves_from_pairs, error);
}

#define ROTATED "attention is wrong wherever it looks back: the first token is right, the text dissolves further on"

const struct fault_kind fault_pair_heads = {
    {"pair-heads", "TENSOR",
     "Puts the rows of each head in the order for rotation of neighbours: row i of the first half, row i of the "
     "second, row i + 1 of the first",
     ROTATED,
     "a conversion that permutes q_proj and k_proj, as the one to GGUF does for llama, where its reader takes "
     "them as they are"},
    lay_pair_heads};

const struct fault_kind fault_halve_heads = {
    {"halve-heads", "TENSOR",
     "The reverse: rows of a head that are in the order for neighbours are put in the order for halves", ROTATED,
     "a conversion that undoes a permutation which its input did not have, or undoes it twice"},
    lay_halve_heads};

/* --- two matrices in one --- */

static uint64_t neighbours_from_stack(const struct stack *stack, uint64_t row)
{
    uint64_t half = stack->rows / 2;
    return row < half ? 2 * row : 2 * (row - half) + 1;
}

static uint64_t stack_from_neighbours(const struct stack *stack, uint64_t row)
{
    return row % 2 * (stack->rows / 2) + row / 2;
}

static bool lay_pair(struct fault_site *site, const struct fault_arguments *arguments, stack_order *order,
                     struct error *error)
{
    const struct tensor *const tensors[] = {arguments->tensor, arguments->other};
    if (!tensor_same_shape(arguments->tensor, arguments->other))
        return error_set(error, "fault %s: tensors '%s' and '%s' differ in shape", site->spec, tensors[0]->name,
                         tensors[1]->name);
    return reorder(site, tensors, 2, (struct stack){.unit = 1}, order, error);
}

static bool lay_cut_as_pairs(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    return lay_pair(site, arguments, neighbours_from_stack, error);
}

static bool lay_cut_as_stack(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    return lay_pair(site, arguments, stack_from_neighbours, error);
}

#define FUSED                                                                                                          \
    "both matrices hold halves of both: the feed-forward block wrong in every channel, statistics as they were"

const struct fault_kind fault_cut_as_pairs = {{"cut-as-pairs", "TENSOR,OTHER",
                                               "Cuts two matrices that were stacked in one as if their rows lay in "
                                               "turn: even rows to the first, odd to the other",
                                               FUSED, "gate_up_proj of gpt-oss' layout taken for that of others"},
                                              lay_cut_as_pairs};

const struct fault_kind fault_cut_as_stack = {
    {"cut-as-stack", "TENSOR,OTHER", "The reverse: two matrices whose rows lay in turn in one are cut in its middle",
     FUSED, "gate_up_proj of gpt-oss' layout cut as others are"},
    lay_cut_as_stack};

/* --- queries, keys and values in one --- */

/* Head `head` of a matrix by groups, each group's query heads, its key and its value head, in one that is stacked. */
static uint64_t stacked_head(const struct stack *stack, uint64_t head)
{
    uint64_t group = head / (stack->each + 2), in = head % (stack->each + 2), queries = stack->groups * stack->each;
    return in < stack->each    ? group * stack->each + in
           : in == stack->each ? queries + group
                               : queries + stack->groups + group;
}

static uint64_t grouped_head(const struct stack *stack, uint64_t head)
{
    uint64_t queries = stack->groups * stack->each;
    if (head < queries)
        return head / stack->each * (stack->each + 2) + head % stack->each;
    head -= queries;
    return head % stack->groups * (stack->each + 2) + stack->each + head / stack->groups;
}

static uint64_t groups_from_stack(const struct stack *stack, uint64_t row)
{
    return grouped_head(stack, row / stack->unit) * stack->unit + row % stack->unit;
}

static uint64_t stack_from_groups(const struct stack *stack, uint64_t row)
{
    return stacked_head(stack, row / stack->unit) * stack->unit + row % stack->unit;
}

/* Weights or biases of one layer; biases that are not there are none. */
static bool reorder_qkv(struct fault_site *site, int layer, const char *part, stack_order *order, struct error *error)
{
    static const char *const names[PARTS_MAX] = {"q", "k", "v"};
    const struct model_config *config = site->config;
    const struct tensor *tensors[PARTS_MAX];
    const struct stack layout = {.unit = (uint64_t)config->head_dim,
                                 .groups = (uint64_t)config->kv_heads,
                                 .each = (uint64_t)(config->heads / config->kv_heads)};
    uint64_t rows = 0;
    for (int i = 0; i < PARTS_MAX; i++) {
        char name[FAULT_TEXT];
        snprintf(name, sizeof name, "model.layers.%d.self_attn.%s_proj.%s", layer, names[i], part);
        if (!(tensors[i] = store_find(site->below, name)))
            return strcmp(part, "bias") == 0 ||
                   error_set(error, "fault %s: %s has no tensor '%s'", site->spec, store_path(site->below), name);
        rows += tensors[i]->rank >= 2 ? tensors[i]->rows : tensors[i]->columns;
    }
    if (rows != layout.groups * (layout.each + 2) * layout.unit)
        return error_set(error, "fault %s: q, k and v of layer %d have %llu rows, not those of %d and twice %d heads",
                         site->spec, layer, (unsigned long long)rows, config->heads, config->kv_heads);
    return reorder(site, tensors, PARTS_MAX, layout, order, error);
}

static bool lay_qkv(struct fault_site *site, const struct fault_arguments *arguments, stack_order *order,
                    struct error *error)
{
    bool layers[CONFIG_LAYERS_MAX] = {false};
    if (!fault_layers(site, arguments->text, layers, error))
        return false;
    for (int layer = 0; layer < site->config->layers; layer++)
        if (layers[layer] &&
            (!reorder_qkv(site, layer, "weight", order, error) || !reorder_qkv(site, layer, "bias", order, error)))
            return false;
    return true;
}

static bool lay_qkv_as_groups(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    return lay_qkv(site, arguments, groups_from_stack, error);
}

static bool lay_qkv_as_stack(struct fault_site *site, const struct fault_arguments *arguments, struct error *error)
{
    return lay_qkv(site, arguments, stack_from_groups, error);
}

#define QKV "attention wrong in every layer, from the second token on; each matrix healthy by itself"

const struct fault_kind fault_qkv_as_groups = {
    {"qkv-as-groups", "LAYERS",
     "Cuts q, k and v that were stacked in one matrix by groups: the query heads of a group, its key, its value head",
     QKV, "qkv_proj of phi or qwen taken for query_key_value of falcon or gpt-neox"},
    lay_qkv_as_groups};

const struct fault_kind fault_qkv_as_stack = {
    {"qkv-as-stack", "LAYERS", "The reverse: q, k and v that lay by groups in one matrix are cut as if stacked", QKV,
     "query_key_value of falcon or gpt-neox taken for qkv_proj of phi or qwen"},
    lay_qkv_as_stack};
