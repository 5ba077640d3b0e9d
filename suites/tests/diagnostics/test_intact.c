/* Weight health says nothing of models that are as they were made: of chance, of few and small experts, of many
 * experts, of pruned weights; and of the same with a fault in them it does. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixtures.h"
#include "health/weights_health.h"

static void make(void)
{
    scratch_make();
}

TestSuite(health_intact, .init = make, .fini = scratch_remove, .timeout = 120);

#define TENSORS_MAX 12000

/* A model of Gaussian values, which a test may change before it is looked at. */
static struct random_model {
    int layers, hidden, experts, width; /* no experts: a dense llama */
    struct plain_tensor tensors[TENSORS_MAX];
    size_t count;
    uint64_t state;
} model;

/* Irwin and Hall: a sum of twelve uniform values. */
static float gaussian(void)
{
    double sum = -6;
    for (int i = 0; i < 12; i++) {
        model.state = model.state * 6364136223846793005u + 1442695040888963407u;
        sum += (double)(model.state >> 40) * 0x1p-24;
    }
    return (float)sum;
}

static void add(float mean, float deviation, int rows, int columns, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

static void add(float mean, float deviation, int rows, int columns, const char *format, ...)
{
    char *name, *shape;
    va_list arguments;
    size_t count = (size_t)(rows ? rows : 1) * (size_t)columns;
    float *values = malloc(count * sizeof *values);
    va_start(arguments, format);
    cr_assert(vasprintf(&name, format, arguments) > 0);
    va_end(arguments);
    cr_assert((rows ? asprintf(&shape, "[%d,%d]", rows, columns) : asprintf(&shape, "[%d]", columns)) > 0);
    cr_assert(values && model.count < TENSORS_MAX);
    for (size_t i = 0; i < count; i++)
        values[i] = mean + deviation * gaussian();
    model.tensors[model.count++] = (struct plain_tensor){name, "F32", shape, values, count * sizeof *values};
}

static void add_mlp(const char *prefix, int width)
{
    add(0, 0.02F, width, model.hidden, "%s.gate_proj.weight", prefix);
    add(0, 0.02F, width, model.hidden, "%s.up_proj.weight", prefix);
    add(0, 0.02F, model.hidden, width, "%s.down_proj.weight", prefix);
}

static void add_layer(int layer)
{
    char prefix[64], mlp[96];
    snprintf(prefix, sizeof prefix, "model.layers.%d", layer);
    snprintf(mlp, sizeof mlp, "%s.mlp", prefix);
    add(1, 0.1F, 0, model.hidden, "%s.input_layernorm.weight", prefix);
    add(1, 0.1F, 0, model.hidden, "%s.post_attention_layernorm.weight", prefix);
    add(0, 0.02F, model.hidden, model.hidden, "%s.self_attn.q_proj.weight", prefix);
    add(0, 0.02F, model.hidden / 2, model.hidden, "%s.self_attn.k_proj.weight", prefix);
    add(0, 0.02F, model.hidden / 2, model.hidden, "%s.self_attn.v_proj.weight", prefix);
    add(0, 0.02F, model.hidden, model.hidden, "%s.self_attn.o_proj.weight", prefix);
    if (!model.experts) {
        add_mlp(mlp, model.width);
        return;
    }
    add(1, 0.1F, 0, model.hidden / 4, "%s.self_attn.q_norm.weight", prefix);
    add(1, 0.1F, 0, model.hidden / 4, "%s.self_attn.k_norm.weight", prefix);
    add(0, 0.02F, model.experts, model.hidden, "%s.mlp.gate.weight", prefix);
    for (int expert = 0; expert < model.experts; expert++) {
        snprintf(mlp, sizeof mlp, "%s.mlp.experts.%d", prefix, expert);
        add_mlp(mlp, model.width);
    }
}

static void build(uint64_t seed, int layers, int hidden, int experts, int width)
{
    model =
        (struct random_model){.layers = layers, .hidden = hidden, .experts = experts, .width = width, .state = seed};
    add(0, 0.02F, 128, hidden, "model.embed_tokens.weight");
    add(1, 0.1F, 0, hidden, "model.norm.weight");
    for (int layer = 0; layer < layers; layer++)
        add_layer(layer);
}

static void write_config(void)
{
    char text[1024];
    snprintf(text, sizeof text,
             "{\"model_type\":\"%s\",\"num_hidden_layers\":%d,\"hidden_size\":%d,\"vocab_size\":128,"
             "\"intermediate_size\":%d,\"moe_intermediate_size\":%d,\"num_experts\":%d,\"num_experts_per_tok\":2,"
             "\"norm_topk_prob\":true,\"decoder_sparse_step\":1,\"mlp_only_layers\":[],\"num_attention_heads\":4,"
             "\"num_key_value_heads\":2,\"head_dim\":%d,\"rms_norm_eps\":1e-6,\"rope_theta\":10000,"
             "\"hidden_act\":\"silu\",\"max_position_embeddings\":512,\"tie_word_embeddings\":true}",
             model.experts ? "qwen3_moe" : "llama", model.layers, model.hidden, model.width, model.width, model.experts,
             model.hidden / 4);
    write_text(scratch("model/config.json"), text);
}

/* How many places a check names, whatever their verdict; of all checks: NULL. Frees the model. */
static size_t told(const char *check)
{
    const struct subject_options options = {.model = scratch("model")};
    struct subject subject = {0};
    struct findings findings = {0};
    struct error error = {0};
    size_t places = 0;
    write_config();
    write_tensors(scratch("model/model.safetensors"), model.tensors, model.count, NULL);
    for (size_t i = 0; i < model.count; i++) {
        free((void *)model.tensors[i].name);
        free((void *)model.tensors[i].shape);
        free((void *)model.tensors[i].data);
    }
    struct pool *pool = pool_new(2, &error);
    cr_assert(subject_open(&options, &subject, &error), "%s", error_text(&error));
    cr_assert(pool && weights_check_health(&subject, pool, &findings, &error), "%s", error_text(&error));
    for (size_t i = 0; i < findings.count; i++) {
        const struct finding *finding = &findings.items[i];
        if (finding->summary || (check && strcmp(finding->check, check) != 0))
            continue;
        places++;
        if (!check)
            fprintf(stderr, "%s: %s\n", finding->check, finding->message);
    }
    findings_free(&findings);
    subject_free(&subject);
    pool_free(pool);
    return places;
}

/* The values of a tensor. */
static float *values_of(const char *name)
{
    for (size_t i = 0; i < model.count; i++)
        if (strcmp(model.tensors[i].name, name) == 0)
            return (float *)model.tensors[i].data;
    cr_assert_fail("no tensor %s", name);
    return NULL;
}

Test(health_intact, few_small_experts_have_no_structure_but_chance)
{
    for (uint64_t seed = 1; seed <= 4; seed++) {
        build(seed, 24, 64, 16, 32);
        cr_expect_eq(told(NULL), 0, "seed %d", (int)seed);
    }
}

Test(health_intact, of_many_experts_some_fit_another_row_by_chance)
{
    build(1, 2, 32, 800, 4);
    cr_expect_eq(told(NULL), 0);
}

/* Half of all values, and nearly all of some rows, as pruning by magnitude leaves them. */
static void prune(const char *name, size_t rows, size_t columns)
{
    float *values = values_of(name);
    for (size_t row = 0; row < rows; row++) {
        float limit = row % 50 == 7 ? 0.06F : 0.013F;
        for (size_t i = 0; i < columns; i++)
            if (fabsf(values[row * columns + i]) < limit)
                values[row * columns + i] = 0;
    }
}

static void build_pruned(void)
{
    char name[96];
    build(1, 8, 256, 0, 512);
    for (int layer = 0; layer < 8; layer++) {
        snprintf(name, sizeof name, "model.layers.%d.mlp.up_proj.weight", layer);
        prune(name, 512, 256);
        snprintf(name, sizeof name, "model.layers.%d.mlp.down_proj.weight", layer);
        prune(name, 256, 512);
    }
}

Test(health_intact, pruned_values_are_no_hole)
{
    build_pruned();
    cr_expect_eq(told("weights.constant"), 0);
}

/* Neurons 64 to 79 of a layer, and head 2 of another. */
static void take_out(bool readers)
{
    float *up = values_of("model.layers.3.mlp.up_proj.weight"),
          *gate = values_of("model.layers.3.mlp.gate_proj.weight");
    float *down = values_of("model.layers.3.mlp.down_proj.weight");
    float *q = values_of("model.layers.4.self_attn.q_proj.weight"),
          *o = values_of("model.layers.4.self_attn.o_proj.weight");
    memset(up + (size_t)64 * 256, 0, (size_t)16 * 256 * sizeof *up);
    memset(gate + (size_t)64 * 256, 0, (size_t)16 * 256 * sizeof *gate);
    memset(q + (size_t)128 * 256, 0, (size_t)64 * 256 * sizeof *q);
    for (size_t row = 0; readers && row < 256; row++) {
        memset(down + row * 512 + 64, 0, 16 * sizeof *down);
        memset(o + row * 256 + 128, 0, 64 * sizeof *o);
    }
}

Test(health_intact, neurons_and_heads_that_were_taken_out_are_no_hole)
{
    build(1, 8, 256, 0, 512);
    take_out(true);
    cr_expect_eq(told("weights.constant"), 0);
}

Test(health_intact, rows_that_are_zero_on_one_side_only_are)
{
    build(1, 8, 256, 0, 512);
    take_out(false);
    cr_expect_eq(told("weights.constant"), 3);
}

Test(health_intact, a_page_of_zeros_is_one)
{
    build(1, 8, 256, 0, 512);
    memset(values_of("model.layers.3.mlp.up_proj.weight") + (size_t)64 * 256 + 100, 0, 4096);
    cr_expect_eq(told("weights.constant"), 1);
}

Test(health_intact, values_whose_squares_are_nothing_are_too_small_all_the_same)
{
    build(1, 2, 64, 0, 128); /* too few layers for peers */
    float *up = values_of("model.layers.1.mlp.up_proj.weight");
    for (size_t i = 0; i < (size_t)128 * 64; i++)
        up[i] *= 0x1p-120F;
    cr_expect_eq(told("weights.magnitude"), 1);
}
