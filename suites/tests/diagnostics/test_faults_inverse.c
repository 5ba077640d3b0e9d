/* Every row of the catalogue changes something of a real model, and those that undo each other undo each other. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults/fault.h"
#include "faults_fixture.h"
#include "store_fixtures.h"
#include "values/values.h"

#define NANO ASSAY_SOURCE_DIR "/golden/nano/"

static struct store *nano_open(const char *model)
{
    char path[512];
    struct error error = {0};
    snprintf(path, sizeof path, NANO "%s", model);
    struct store *store = open_store(path);
    snprintf(path, sizeof path, NANO "%s/config.json", model);
    config = config_read(path, &error);
    cr_assert(config, "%s", error_text(&error));
    return store;
}

static struct store *lay(const struct store *store, const char *const *specs, size_t count)
{
    struct error error = {0};
    struct store *laid = faults_over(store, config, &(struct fault_means){.original = store}, specs, count, &error);
    cr_assert(laid, "%s", error_text(&error));
    return laid;
}

/* Tensors whose values are others; NULL in `store`: one that is there no more counts too. */
static size_t changed(const struct store *before, const struct store *after)
{
    size_t count = 0;
    for (size_t i = 0; i < store_text_count(before); i++) {
        const struct tensor *a = store_at(before, i), *b = store_find(after, a->name);
        if (!b || !tensor_same_shape(a, b)) {
            count++;
            continue;
        }
        float *x = widened(before, a->name), *y = widened(after, a->name);
        count += memcmp(x, y, (size_t)(a->rows * a->columns) * sizeof *x) != 0;
        free(x);
        free(y);
    }
    return count;
}

#define LAYER "model.layers.2."
#define EXPERT_3 LAYER "mlp.experts.3."

static const struct {
    const char *name, *arguments;
    size_t changes;
} rows[] = {
    {"missing-norms", "1,3", 4},
    {"missing-experts", "2/3-4", 6},
    {"incomplete-expert", "2,3", 2},
    {"missing", LAYER "mlp.gate.weight", 1},
    {"random-attention", "2", 4},
    {"swap-experts", "2,3,4", 6},
    {"swap-layers", "1,2", 90},
    {"swap-tensors", LAYER "self_attn.k_proj.weight," LAYER "self_attn.v_proj.weight", 2},
    {"copy", LAYER "self_attn.k_proj.weight," LAYER "self_attn.v_proj.weight", 1},
    {"shift-experts", "2,1", 36},
    {"duplicate-layer", "2,1", 45},
    {"foreign-experts", "2,1", 36},
    {"foreign-router", "2,1", 1},
    {"tied-head", "", 1},
    {"nan", LAYER "mlp.gate.weight", 1},
    {"inf", LAYER "mlp.gate.weight", 1},
    {"zero-page", LAYER "mlp.gate.weight", 1},
    {"zeros", LAYER "mlp.gate.weight", 1},
    {"constant", LAYER "mlp.gate.weight,1", 1},
    {"initialise", LAYER "mlp.gate.weight", 1},
    {"scale", LAYER "mlp.gate.weight,2", 1},
    {"add", LAYER "input_layernorm.weight,-1", 1},
    {"lost-scales", EXPERT_3 "up_proj.weight", 1},
    {"zero-point", EXPERT_3 "up_proj.weight,1", 1},
    {"adapter", EXPERT_3 "up_proj.weight,0.5", 1},
    {"byte-swap", LAYER "mlp.gate.weight", 1},
    {"misread", LAYER "mlp.gate.weight", 1},
    {"transpose", LAYER "mlp.gate.weight", 1},
    {"transpose-back", LAYER "mlp.gate.weight", 1},
    {"pair-heads", LAYER "self_attn.q_proj.weight", 1},
    {"halve-heads", LAYER "self_attn.k_proj.weight", 1},
    {"cut-as-pairs", EXPERT_3 "gate_proj.weight," EXPERT_3 "up_proj.weight", 2},
    {"cut-as-stack", EXPERT_3 "gate_proj.weight," EXPERT_3 "up_proj.weight", 2},
    {"qkv-as-groups", "2-3", 6},
    {"qkv-as-stack", "2", 3},
    {"shuffle", LAYER "mlp.gate.weight", 1},
    {"permute-rows", LAYER "mlp.gate.weight", 1},
    {"shift-rows", "model.embed_tokens.weight,1", 1},
    {"resize-rows", "lm_head.weight,400", 1},
    {"exchange-rows", LAYER "self_attn.k_proj.weight," LAYER "self_attn.v_proj.weight", 2},
    {"swap-router-rows", "2,3,4", 1},
};
#define ROW_COUNT (sizeof rows / sizeof *rows)

/* Depends on shards, or takes what is there already: tests of their own. */
static bool has_its_own_test(const char *name)
{
    return strcmp(name, "one-shard-per-layer") == 0 || strcmp(name, "restore") == 0 || strcmp(name, "solve") == 0;
}

Test(faults_inverse, every_row_changes_just_so_many_tensors)
{
    struct store *store = nano_open("thinker");
    const struct fault_row *row;
    for (size_t k = 0; (row = fault_at(k)); k++) {
        size_t i = 0;
        char spec[256];
        while (i < ROW_COUNT && strcmp(rows[i].name, row->name) != 0)
            i++;
        cr_expect(i < ROW_COUNT || has_its_own_test(row->name), "nothing tries %s", row->name);
        cr_expect(*row->symptom && *row->mistake, "%s", row->name);
        if (i == ROW_COUNT)
            continue;
        snprintf(spec, sizeof spec, "%s%s%s", row->name, *rows[i].arguments ? ":" : "", rows[i].arguments);
        struct store *laid = lay(store, (const char *const[]){spec}, 1);
        cr_expect_eq(changed(store, laid), rows[i].changes, "%s changes %zu tensors, not %zu", spec,
                     changed(store, laid), rows[i].changes);
        store_free(laid);
    }
    store_free(store);
    free(config);
}

static void expect_undone(const char *model, const char *const specs[2])
{
    struct store *store = nano_open(model), *once = lay(store, specs, 1), *twice = lay(store, specs, 2);
    cr_expect(changed(store, once) > 0, "%s: %s", model, specs[0]);
    cr_expect_eq(changed(store, twice), 0, "%s: %s is not undone by %s", model, specs[0], specs[1]);
    store_free(once);
    store_free(twice);
    store_free(store);
    free(config);
}

Test(faults_inverse, what_undoes_each_other)
{
    static const char *const pairs[][2] = {
        {"pair-heads:*.q_proj.weight", "halve-heads:*.q_proj.weight"},
        {"halve-heads:*.k_proj.weight", "pair-heads:*.k_proj.weight"},
        {"pair-heads:*.self_attn.[qk]_proj.*", "halve-heads:*.self_attn.[qk]_proj.*"},
        {"qkv-as-groups:0-2", "qkv-as-stack:0-2"},
        {"qkv-as-stack:1", "qkv-as-groups:1"},
        {"swap-layers:0,1", "swap-layers:0,1"},
        {"swap-tensors:*.k_proj.weight,*.v_proj.weight", "swap-tensors:*.k_proj.weight,*.v_proj.weight"},
        {"byte-swap:model.norm.weight", "byte-swap:model.norm.weight"},
        {"scale:model.norm.weight,4", "scale:model.norm.weight,0.25"},
        {"transpose:model.embed_tokens.weight", "transpose:model.embed_tokens.weight"},
    };
    static const char *const dense[][2] = {
        {"cut-as-pairs:*.gate_proj.weight,*.up_proj.weight", "cut-as-stack:*.gate_proj.weight,*.up_proj.weight"},
        {"cut-as-stack:*.gate_proj.weight,*.up_proj.weight", "cut-as-pairs:*.gate_proj.weight,*.up_proj.weight"},
        {"pair-heads:*.q_proj.bias", "halve-heads:*.q_proj.bias"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (strncmp(pairs[i][0], "transpose", 9) != 0) {
            expect_undone("thinker", pairs[i]);
            expect_undone("qwen2", pairs[i]);
        }
    for (size_t i = 0; i < sizeof dense / sizeof *dense; i++)
        expect_undone("qwen2", dense[i]);
    expect_undone("thinker", (const char *const[]){"shift-experts:2,1", "shift-experts:2,-1"});
}

/* Row by row, of a layout that is known. */
Test(faults_inverse, heads_and_groups_lie_as_said)
{
    struct store *store = nano_open("qwen2");
    struct store *paired = lay(store, (const char *const[]){"pair-heads:model.layers.0.self_attn.q_proj.weight"}, 1);
    struct store *grouped = lay(store, (const char *const[]){"qkv-as-stack:0"}, 1);
    const struct tensor *q = store_find(store, "model.layers.0.self_attn.q_proj.weight");
    size_t columns = (size_t)q->columns, head = (size_t)config->head_dim, bytes = columns * sizeof(float);
    float *before = widened(store, q->name), *after = widened(paired, q->name), *cut = widened(grouped, q->name),
          *keys = widened(store, "model.layers.0.self_attn.k_proj.weight");
    for (size_t i = 0; i < head / 2; i++) {
        size_t second = head + i; /* of the second head */
        cr_expect(memcmp(after + (head + 2 * i) * columns, before + second * columns, bytes) == 0);
        cr_expect(memcmp(after + (head + 2 * i + 1) * columns, before + (second + head / 2) * columns, bytes) == 0);
    }
    size_t each = (size_t)(config->heads / config->kv_heads);
    cr_assert(config->kv_heads > 1 && each * head < (size_t)q->rows);
    cr_expect(memcmp(cut, before, each * head * bytes) == 0, "the first group's queries stay");
    cr_expect(memcmp(cut + each * head * columns, keys, head * bytes) == 0, "its key comes next");
    free(before);
    free(after);
    free(cut);
    free(keys);
    store_free(paired);
    store_free(grouped);
    store_free(store);
    free(config);
}
