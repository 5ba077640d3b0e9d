/* The inventory of families that are not known: layers and experts beside each other. */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inventory/alike.h"
#include "inventory/inventory.h"
#include "inventory_fixture.h"
#include "store_fixtures.h"
#include "work.h"

TestSuite(unknown_inventory, .timeout = 60);

/* --- a model of tensors that hold nothing of interest --- */

#define MOST 8192
static struct plain_tensor tensors[MOST];
static size_t tensor_count;

static void put(const char *shape, size_t values, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void put(const char *shape, size_t values, const char *format, ...)
{
    char *name;
    va_list arguments;
    va_start(arguments, format);
    cr_assert(tensor_count < MOST && vasprintf(&name, format, arguments) > 0);
    va_end(arguments);
    tensors[tensor_count++] = (struct plain_tensor){name, "F32", shape, NULL, 4 * values};
}

static struct plain_tensor *find(const char *name)
{
    for (size_t i = 0; i < tensor_count; i++)
        if (strcmp(tensors[i].name, name) == 0)
            return &tensors[i];
    cr_assert(false, "no %s", name);
    return NULL;
}

/* All whose names begin so; `*` in it is nothing special. */
static void drop(const char *prefix)
{
    size_t kept = 0, before = tensor_count;
    for (size_t i = 0; i < tensor_count; i++)
        if (strncmp(tensors[i].name, prefix, strlen(prefix)) != 0)
            tensors[kept++] = tensors[i];
        else
            free((char *)(size_t)tensors[i].name);
    tensor_count = kept;
    cr_assert(kept < before, "no %s", prefix);
}

/* What the inventory of the model says; "": it passes, else the verdict and the path or tensor of each place. */
static const char *judge(const char *json, const char *check)
{
    static char said[4096];
    struct error error = {0};
    struct findings findings = {0};
    const char *path = scratch("m/model.safetensors"), *file = scratch("m/config.json");
    write_tensors(path, tensors, tensor_count, NULL);
    write_text(file, json);
    struct store *store = open_store(path);
    struct model_config *of = config_read(file, &error);
    cr_assert(of && !of->family, "%s", error_text(&error));
    const struct inventory_request request = {.store = store, .config = of, .causes = true};
    cr_assert(inventory_inspect(&request, &findings, &error), "%s", error_text(&error));
    cr_expect_eq(head_of(&findings, "inventory.computable")->verdict, VERDICT_WARN);
    cr_expect_eq(head_of(&findings, "inventory.extra")->verdict, VERDICT_SKIP);
    *said = '\0';
    for (size_t i = 0; i < findings.count; i++) {
        const struct finding *finding = &findings.items[i];
        if (finding->summary || strcmp(finding->check, check) != 0)
            continue;
        size_t size = strlen(said);
        snprintf(said + size, sizeof said - size, "%s%s %s", size ? ", " : "", verdict_name(finding->verdict),
                 finding->where.tensor);
    }
    enum verdict head = head_of(&findings, check)->verdict;
    cr_expect_eq(head, strstr(said, "fail ") ? VERDICT_FAIL : *said ? VERDICT_WARN : VERDICT_PASS, "%s", said);
    findings_free(&findings);
    store_free(store);
    free(of);
    return said;
}

static void clear(void)
{
    for (size_t i = 0; i < tensor_count; i++)
        free((char *)(size_t)tensors[i].name);
    tensor_count = 0;
}

#define GPT "{\"model_type\": \"gpt9\", \"n_layer\": 6}"

static void make_gpt(int layers)
{
    clear();
    put("[5,4]", 20, "transformer.wte.weight");
    for (int layer = 0; layer < layers; layer++) {
        put("[4]", 4, "transformer.blocks.%d.ln_a.weight", layer);
        put("[4,12]", 48, "transformer.blocks.%d.attn.Wqkv.weight", layer);
        put("[12]", 12, "transformer.blocks.%d.attn.Wqkv.bias", layer);
        put("[4,4]", 16, "transformer.blocks.%d.attn.out_proj.weight", layer);
        put("[4,8]", 32, "transformer.blocks.%d.mlp.fc_in.weight", layer);
    }
}

Test(unknown_inventory, a_layer_lacks_what_its_peers_have)
{
    scratch_make();
    make_gpt(6);
    cr_expect_str_eq(judge(GPT, "inventory.absent"), "");
    cr_expect_str_eq(judge(GPT, "inventory.shape"), "");
    drop("transformer.blocks.3.attn.Wqkv.bias");
    cr_expect_str_eq(judge(GPT, "inventory.absent"), "fail transformer.blocks.3.attn.Wqkv.bias");
    make_gpt(6);
    drop("transformer.blocks.0.attn");
    cr_expect_str_eq(judge(GPT, "inventory.absent"), "fail transformer.blocks.0.attn");
    make_gpt(6);
    drop("transformer.blocks.2.");
    cr_expect_str_eq(judge(GPT, "inventory.absent"), "fail transformer.blocks.2");
    make_gpt(4);
    cr_expect_str_eq(judge(GPT, "inventory.absent"), "fail transformer.blocks.4, fail transformer.blocks.5");
    make_gpt(7); /* a block that predicts further tokens lies behind the others */
    cr_expect_str_eq(judge(GPT, "inventory.absent"), "");
    clear();
    scratch_remove();
}

/* Of two layers nobody knows which is right; of several that lack the same nobody knows whether it is meant. */
Test(unknown_inventory, what_may_be_made_so_is_a_warning)
{
    scratch_make();
    make_gpt(2);
    drop("transformer.blocks.1.mlp");
    cr_expect_str_eq(judge("{\"model_type\": \"gpt9\"}", "inventory.absent"), "warn transformer.blocks.1.mlp");
    make_gpt(6);
    drop("transformer.blocks.1.mlp");
    drop("transformer.blocks.4.mlp");
    cr_expect_str_eq(judge(GPT, "inventory.absent"), "warn transformer.blocks.1.mlp, warn transformer.blocks.4.mlp");
    cr_expect_str_eq(
        judge("{\"model_type\": \"gpt9\", \"n_layer\": 6, \"kinds\": [1, 0, 1, 1, 0, 1]}", "inventory.absent"), "");
    cr_expect_str_eq(judge("{\"model_type\": \"gpt9\", \"n_layer\": 6, \"pattern\": \"M-MM-M\"}", "inventory.absent"),
                     "");
    /* a list that says of each layer something else tells no kinds */
    cr_expect_str_eq(
        judge("{\"model_type\": \"gpt9\", \"n_layer\": 6, \"list\": [1, 2, 3, 4, 5, 6]}", "inventory.absent"),
        "warn transformer.blocks.1.mlp, warn transformer.blocks.4.mlp");
    clear();
    scratch_remove();
}

#define MIX "{\"model_type\": \"mix9\", \"num_hidden_layers\": 5, \"n_routed_experts\": 4}"

static void make_mixture(void)
{
    static const char *const parts[] = {"gate_proj", "up_proj", "down_proj"};
    clear();
    for (int layer = 0; layer < 5; layer++) {
        put("[4]", 4, "model.layers.%d.input_layernorm.weight", layer);
        put("[4,4]", 16, "model.layers.%d.self_attn.q_a_proj.weight", layer);
        for (int part = 0; part < 3; part++) {
            if (!layer)
                put("[6,4]", 24, "model.layers.0.mlp.%s.weight", parts[part]);
            for (int expert = 0; layer && expert < 4; expert++)
                put("[2,4]", 8, "model.layers.%d.mlp.experts.%d.%s.weight", layer, expert, parts[part]);
        }
        if (layer)
            put("[4,4]", 16, "model.layers.%d.mlp.gate.weight", layer);
    }
}

Test(unknown_inventory, experts_and_a_dense_first_layer)
{
    scratch_make();
    make_mixture();
    cr_expect_str_eq(judge(MIX, "inventory.absent"), "");
    cr_expect_str_eq(judge(MIX, "inventory.shape"), "");
    drop("model.layers.0.input_layernorm");
    cr_expect_str_eq(judge(MIX, "inventory.absent"), "fail model.layers.0.input_layernorm");
    make_mixture();
    drop("model.layers.2.mlp.experts.1.up_proj");
    cr_expect_str_eq(judge(MIX, "inventory.absent"), "fail model.layers.2.mlp.experts.1.up_proj");
    make_mixture();
    drop("model.layers.2.mlp.experts.3.");
    cr_expect_str_eq(judge(MIX, "inventory.absent"), "fail model.layers.2.mlp.experts.3");
    make_mixture();
    for (int layer = 1; layer < 5; layer++) {
        char name[64];
        snprintf(name, sizeof name, "model.layers.%d.mlp.experts.1.", layer);
        drop(name);
    }
    cr_expect_str_eq(judge(MIX, "inventory.absent"),
                     "fail model.layers.1.mlp.experts.1, fail model.layers.2.mlp.experts.1, "
                     "fail model.layers.3.mlp.experts.1, fail model.layers.4.mlp.experts.1");
    clear();
    scratch_remove();
}

/* Layers of several kinds have other tensors in the place of those that they lack; a first layer may have one more. */
Test(unknown_inventory, healthy_architectures_of_several_kinds_pass)
{
    scratch_make();
    clear();
    for (int layer = 0; layer < 8; layer++) {
        put("[4]", 4, "backbone.layers.%d.norm.weight", layer);
        if (layer % 4 == 3) {
            put("[4,4]", 16, "backbone.layers.%d.mixer.q_proj.weight", layer);
            put("[4,4]", 16, "backbone.layers.%d.mixer.o_proj.weight", layer);
        } else {
            put("[4,8]", 32, "backbone.layers.%d.mixer.in_proj.weight", layer);
            put("[8]", 8, "backbone.layers.%d.mixer.A_log", layer);
        }
    }
    for (int stack = 0; stack < 2; stack++)
        for (int block = 0; block < 3; block++) {
            const char *name = stack ? "decoder" : "encoder";
            if (!block)
                put("[4,2]", 8, "%s.block.0.layer.0.SelfAttention.relative_attention_bias.weight", name);
            for (int part = 0; part < 2 + stack; part++) {
                const char *module = part == 1 + stack ? "DenseReluDense.wi"
                                     : part            ? "EncDecAttention.q"
                                                       : "SelfAttention.q";
                put("[4,4]", 16, "%s.block.%d.layer.%d.%s.weight", name, block, part, module);
                put("[4]", 4, "%s.block.%d.layer.%d.layer_norm.weight", name, block, part);
            }
        }
    put("[4]", 4, "mm_projector.0.weight");
    put("[9]", 9, "mm_projector.2.weight");
    const char *config_text = "{\"model_type\": \"all9\", \"num_layers\": 3}";
    cr_expect_str_eq(judge(config_text, "inventory.absent"), "");
    cr_expect_str_eq(judge(config_text, "inventory.shape"), "");
    drop("decoder.block.1.layer.1.EncDecAttention");
    cr_expect_str_eq(judge(config_text, "inventory.absent"), "fail decoder.block.1.layer.1.EncDecAttention");
    clear();
    scratch_remove();
}

static void reshape(const char *name, const char *shape, size_t values)
{
    struct plain_tensor *tensor = find(name);
    tensor->shape = shape;
    tensor->bytes = 4 * values;
}

Test(unknown_inventory, shapes_and_dtypes_that_peers_do_not_have)
{
    scratch_make();
    make_gpt(6);
    reshape("transformer.blocks.4.attn.out_proj.weight", "[4,3]", 12);
    cr_expect_str_eq(judge(GPT, "inventory.shape"), "fail transformer.blocks.4.attn.out_proj.weight");
    reshape("transformer.blocks.4.mlp.fc_in.weight", "[4,7]", 28);
    reshape("transformer.blocks.4.ln_a.weight", "[3]", 3); /* a layer that is so all over was made so */
    cr_expect_str_eq(judge(GPT, "inventory.shape"),
                     "warn transformer.blocks.4.attn.out_proj.weight, warn transformer.blocks.4.ln_a.weight, "
                     "warn transformer.blocks.4.mlp.fc_in.weight");
    make_gpt(6);
    for (int layer = 0; layer < 6; layer += 2) { /* wider in every other layer */
        char name[64];
        snprintf(name, sizeof name, "transformer.blocks.%d.mlp.fc_in.weight", layer);
        reshape(name, "[4,9]", 36);
    }
    cr_expect_str_eq(judge(GPT, "inventory.shape"), "");
    cr_expect_str_eq(judge(GPT, "inventory.dtype"), "");
    find("transformer.blocks.1.ln_a.weight")->dtype = "I32";
    cr_expect_str_eq(judge(GPT, "inventory.dtype"), "");
    find("transformer.blocks.1.ln_a.weight")->dtype = "BF16";
    find("transformer.blocks.1.ln_a.weight")->bytes = 8;
    cr_expect_str_eq(judge(GPT, "inventory.dtype"), "warn transformer.blocks.1.ln_a.weight");
    clear();
    scratch_remove();
}

static size_t work_of(int layers, bool same)
{
    struct error error = {0};
    struct alike alike;
    clear();
    for (int layer = 0; layer < layers; layer++)
        put("[1]", 1, "h.%d.x%d.weight", layer, same ? 0 : layer);
    write_tensors(scratch("model.safetensors"), tensors, tensor_count, NULL);
    write_text(scratch("config.json"), GPT);
    struct store *store = open_store(scratch("model.safetensors"));
    struct model_config *of = config_read(scratch("config.json"), &error);
    size_t before = work_done();
    cr_assert(alike_take(store, of, &alike));
    size_t work = work_done() - before;
    alike_free(&alike);
    free(of);
    store_free(store);
    return work;
}

/* Names can be anything: no two layers alike must not cost the square of all. */
Test(unknown_inventory, work_grows_with_the_names)
{
    scratch_make();
    cr_expect_leq(work_of(8000, false), 6 * work_of(2000, false));
    cr_expect_leq(work_of(8000, true), 6 * work_of(2000, true));
    clear();
    scratch_remove();
}
