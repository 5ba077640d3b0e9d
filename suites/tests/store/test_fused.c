#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/progress.h"
#include "store/overlay.h"
#include "store_fixtures.h"
#include "work.h"

static void make(void)
{
    scratch_make();
}

TestSuite(fused, .init = make, .fini = scratch_remove, .timeout = 60);

struct fused_case {
    const char *dtype;
    size_t element;
    unsigned experts, intermediate, hidden;
    bool transposed;
    bool in_turn; /* rows of gate and up, as where they have biases (gpt_oss) */
};

/* Every element of every projection is another number, so that no mix-up goes unseen. */
static uint32_t element_of(const struct fused_case *c, unsigned expert, unsigned projection, unsigned row,
                           unsigned column)
{
    unsigned columns = projection == 2 ? c->intermediate : c->hidden;
    return 1 + ((expert * 3 + projection) * c->intermediate * c->hidden) + row * columns + column;
}

static const char *const projections[] = {"gate_proj", "up_proj", "down_proj"};

static unsigned char *expert_matrix(const struct fused_case *c, unsigned expert, unsigned projection, size_t *size)
{
    unsigned rows = projection == 2 ? c->hidden : c->intermediate,
             columns = projection == 2 ? c->intermediate : c->hidden;
    *size = rows * columns * c->element;
    unsigned char *values = malloc(*size);
    for (unsigned row = 0; row < rows; row++)
        for (unsigned column = 0; column < columns; column++) {
            uint32_t value = element_of(c, expert, projection, row, column);
            memcpy(values + (row * columns + column) * c->element, &value, c->element);
        }
    return values;
}

/* gate_up and down as the fused tensors hold them. */
static void put_fused(const struct fused_case *c, unsigned char *gate_up, unsigned char *down)
{
    for (unsigned expert = 0; expert < c->experts; expert++)
        for (unsigned projection = 0; projection < 3; projection++)
            for (unsigned i = 0; i < c->intermediate; i++)
                for (unsigned h = 0; h < c->hidden; h++) {
                    size_t packed = c->in_turn ? 2 * i + projection : (projection == 1 ? c->intermediate : 0) + i,
                           width = 2 * c->intermediate, at;
                    if (projection < 2)
                        at = c->transposed ? (expert * c->hidden + h) * width + packed
                                           : (expert * width + packed) * c->hidden + h;
                    else
                        at = c->transposed ? (expert * c->intermediate + i) * c->hidden + h
                                           : (expert * c->hidden + h) * c->intermediate + i;
                    uint32_t value = projection < 2 ? element_of(c, expert, projection, i, h)
                                                    : element_of(c, expert, projection, h, i);
                    memcpy((projection < 2 ? gate_up : down) + at * c->element, &value, c->element);
                }
}

static const char *write_fused(const struct fused_case *c, const char *gate_up_name, const char *down_name)
{
    size_t one = (size_t)c->experts * c->intermediate * c->hidden * c->element;
    unsigned char *gate_up = malloc(2 * one), *down = malloc(one);
    put_fused(c, gate_up, down);
    char shape[3][64];
    unsigned i = c->intermediate, h = c->hidden;
    snprintf(shape[0], 64, "[%u,%u,%u]", c->experts, c->transposed ? h : 2 * i, c->transposed ? 2 * i : h);
    snprintf(shape[1], 64, "[%u,%u,%u]", c->experts, c->transposed ? i : h, c->transposed ? h : i);
    snprintf(shape[2], 64, "[%u,%u]", c->experts, 2 * i);
    size_t bias_bytes = 2 * (size_t)c->experts * i * sizeof(float);
    float *biases = malloc(bias_bytes);
    for (unsigned k = 0; k < 2 * c->experts * i; k++)
        biases[k] = (float)k;
    const struct plain_tensor tensors[] = {
        {"model.norm.weight", "F32", "[1]", NULL, 4},
        {gate_up_name, c->dtype, shape[0], gate_up, 2 * one},
        {down_name, c->dtype, shape[1], down, one},
        {"model.layers.7.mlp.experts.gate_up_proj_bias", "F32", shape[2], biases, bias_bytes}};
    const char *path = scratch("fused.safetensors");
    write_tensors(path, tensors, c->in_turn ? 4 : down_name ? 3 : 2, NULL);
    free(biases);
    free(gate_up);
    free(down);
    return path;
}

static void expect_view(const struct store *store, const struct fused_case *c, unsigned expert, unsigned projection)
{
    char name[128];
    snprintf(name, sizeof name, "model.layers.7.mlp.experts.%u.%s.weight", expert, projections[projection]);
    const struct tensor *tensor = store_find(store, name);
    cr_assert(tensor, "no '%s'", name);
    size_t size;
    unsigned char *expected = expert_matrix(c, expert, projection, &size), *got = malloc(size + 1);
    uint64_t rows = projection == 2 ? c->hidden : c->intermediate,
             columns = projection == 2 ? c->intermediate : c->hidden;
    cr_assert(tensor->rank == 2 && tensor->shape[0] == rows && tensor->shape[1] == columns && tensor->rows == rows &&
                  tensor->columns == columns && tensor->bytes == size && !tensor->other,
              "'%s' is [%llu, %llu], %llu bytes", name, (unsigned long long)tensor->shape[0],
              (unsigned long long)tensor->shape[1], (unsigned long long)tensor->bytes);
    cr_expect_str_eq(dtype_name(tensor->dtype), c->dtype);
    uint64_t step = rows > 16 ? rows / 3 - 1 : 1;
    for (uint64_t first = 0; first <= rows; first += step)
        for (uint64_t count = 0; count <= rows - first; count += step) {
            struct error error = {0};
            size_t row = columns * c->element;
            memset(got, 0xEE, size + 1);
            cr_assert(store_read_rows(store, tensor, first, count, got, &error), "%s", error_text(&error));
            cr_assert(memcmp(got, expected + first * row, count * row) == 0 && got[count * row] == 0xEE,
                      "'%s' rows %llu + %llu", name, (unsigned long long)first, (unsigned long long)count);
        }
    free(expected);
    free(got);
}

static const unsigned fused_sizes[][3] = {/* experts, intermediate, hidden */
                                          {3, 2, 5}, {2, 4, 8}, {3, 4, 4}, {1, 1, 1},
                                          {5, 3, 2}, {2, 1, 2}, {4, 2, 2}, {2, 5, 3}};

Test(fused, both_orientations_read_as_the_experts_one_by_one)
{
    static const char *const dtypes[] = {"F32", "F16", "BF16"};
    for (size_t size = 0; size < sizeof fused_sizes / sizeof *fused_sizes; size++)
        for (size_t kind = 0; kind < 6; kind++) {
            struct fused_case c = {dtypes[kind / 2],
                                   kind / 2 ? 2 : 4,
                                   fused_sizes[size][0],
                                   fused_sizes[size][1],
                                   fused_sizes[size][2],
                                   kind % 2,
                                   false};
            const char *path = write_fused(&c, "thinker.model.layers.7.mlp.experts.gate_up_proj",
                                           "thinker.model.layers.7.mlp.experts.down_proj");
            struct store *store = open_store(path);
            cr_assert_eq(store_count(store), 1 + 3 * c.experts);
            cr_assert_eq(store_problem_count(store), 0);
            for (unsigned expert = 0; expert < c.experts; expert++)
                for (unsigned projection = 0; projection < 3; projection++)
                    expect_view(store, &c, expert, projection);
            cr_expect(!store_find(store, "model.layers.7.mlp.experts.gate_up_proj"), "the fused tensor is still there");
            store_free(store);
        }
}

/* Of gate_up's rows, in either orientation, and of the biases each second is gate's. */
Test(fused, rows_that_lie_in_turn_are_told_apart)
{
    for (size_t size = 0; size < sizeof fused_sizes / sizeof *fused_sizes; size++)
        for (int transposed = 0; transposed < 2; transposed++) {
            struct fused_case c = {"BF16",     2,   fused_sizes[size][0], fused_sizes[size][1], fused_sizes[size][2],
                                   transposed, true};
            struct store *store = open_store(write_fused(&c, "thinker.model.layers.7.mlp.experts.gate_up_proj",
                                                         "thinker.model.layers.7.mlp.experts.down_proj"));
            cr_assert_eq(store_count(store), 1 + 5 * c.experts);
            for (unsigned i = 0; i < 3 * c.experts; i++)
                expect_view(store, &c, i / 3, i % 3);
            for (unsigned i = 0; i < 2 * c.experts; i++) {
                char name[128];
                struct error error = {0};
                float values[16];
                snprintf(name, sizeof name, "model.layers.7.mlp.experts.%u.%s.bias", i / 2, projections[i % 2]);
                const struct tensor *bias = store_find(store, name);
                cr_assert(bias && bias->rank == 1 && bias->columns == c.intermediate, "no '%s'", name);
                cr_assert(store_read(store, bias, values, &error), "%s", error_text(&error));
                for (unsigned k = 0; k < c.intermediate; k++)
                    cr_expect(fabsf(values[k] - (float)(i / 2 * 2 * c.intermediate + 2 * k + i % 2)) <= 0,
                              "'%s', %u: %g", name, k, (double)values[k]);
            }
            store_free(store);
        }
}

/* Larger than what is read at a time. */
Test(fused, many_rows_that_lie_in_turn_are_read_whole)
{
    for (int transposed = 0; transposed < 2; transposed++) {
        struct fused_case c = {"BF16", 2, 2, 1500, 400, transposed, true};
        struct store *store = open_store(
            write_fused(&c, "model.layers.7.mlp.experts.gate_up_proj", "model.layers.7.mlp.experts.down_proj"));
        for (unsigned i = 0; i < 6; i++)
            expect_view(store, &c, i / 3, i % 3);
        store_free(store);
    }
}

/* Lines are read in blocks, over short gaps and not over long ones. */
Test(fused, large_transposed_experts_are_read_whole)
{
    static const struct fused_case cases[] = {{"F32", 4, 2, 1500, 170, true, false},
                                              {"BF16", 2, 2, 1500, 170, true, false},
                                              {"F8_E4M3", 1, 2, 1500, 170, true, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct store *store = open_store(
            write_fused(&cases[i], "model.layers.7.mlp.experts.gate_up_proj", "model.layers.7.mlp.experts.down_proj"));
        for (unsigned expert = 0; expert < 2; expert++)
            for (unsigned projection = 0; projection < 3; projection++)
                expect_view(store, &cases[i], expert, projection);
        store_free(store);
    }
}

Test(fused, views_are_read_and_changed_through_an_overlay)
{
    struct fused_case c = {"BF16", 2, 3, 2, 5, true, false};
    struct store *store = open_store(
        write_fused(&c, "model.layers.7.mlp.experts.gate_up_proj.weight", "model.layers.7.mlp.experts.down_proj"));
    struct error error = {0};
    struct store *overlay = overlay_new(store, &error);
    cr_assert(overlay_drop(overlay, "model.layers.7.mlp.experts.1.up_proj.weight", &error), "%s", error_text(&error));
    cr_expect_eq(store_count(overlay), 9);
    for (unsigned expert = 0; expert < 3; expert++)
        for (unsigned projection = 0; projection < 3; projection++)
            if (expert != 1 || projection != 1)
                expect_view(overlay, &c, expert, projection);
    expect_view(store, &c, 1, 1);
    store_free(overlay);
    store_free(store);
}

/* Without its partner a fused tensor is taken as linear layers store it. */
Test(fused, a_lonely_gate_up_is_cut)
{
    struct fused_case c = {"F32", 4, 3, 2, 5, false, false};
    struct store *store = open_store(write_fused(&c, "model.layers.7.mlp.experts.gate_up_proj", NULL));
    cr_assert_eq(store_count(store), 1 + 2 * 3);
    expect_view(store, &c, 2, 0);
    expect_view(store, &c, 2, 1);
    cr_expect(!store_find(store, "model.layers.7.mlp.experts.0.down_proj.weight"));
    store_free(store);
}

Test(fused, the_partner_is_that_of_the_same_layer)
{
    /* layer 1 is transposed, layer 11 is not: neither may decide for the other */
    struct fused_case c[2] = {{"F32", 4, 2, 2, 3, true, false}, {"F32", 4, 2, 2, 3, false, false}};
    static const char *const layers[] = {"1", "11"};
    struct plain_tensor tensors[4];
    char names[4][64], shapes[4][32];
    unsigned char *data[4];
    for (int i = 0; i < 2; i++) {
        data[2 * i] = malloc(96), data[2 * i + 1] = malloc(48);
        put_fused(&c[i], data[2 * i], data[2 * i + 1]);
        snprintf(names[2 * i], 64, "model.layers.%s.mlp.experts.gate_up_proj", layers[i]);
        snprintf(names[2 * i + 1], 64, "model.layers.%s.mlp.experts.down_proj", layers[i]);
        strcpy(shapes[2 * i], c[i].transposed ? "[2,3,4]" : "[2,4,3]");
        strcpy(shapes[2 * i + 1], c[i].transposed ? "[2,2,3]" : "[2,3,2]");
        tensors[2 * i] = (struct plain_tensor){names[2 * i], "F32", shapes[2 * i], data[2 * i], 96};
        tensors[2 * i + 1] = (struct plain_tensor){names[2 * i + 1], "F32", shapes[2 * i + 1], data[2 * i + 1], 48};
    }
    write_tensors(scratch("layers.safetensors"), tensors, 4, NULL);
    struct store *store = open_store(scratch("layers.safetensors"));
    cr_assert_eq(store_count(store), 12);
    for (int i = 0; i < 12; i++)
        cr_expect_eq(store_at(store, (size_t)i)->transposed, !strstr(store_at(store, (size_t)i)->name, "layers.11."),
                     "%s", store_at(store, (size_t)i)->name);
    size_t size;
    unsigned char *expected = expert_matrix(&c[0], 1, 1, &size);
    expect_values(store, "model.layers.1.mlp.experts.1.up_proj.weight", expected, size);
    expect_values(store, "model.layers.11.mlp.experts.1.up_proj.weight", expected, size);
    free(expected);
    for (int i = 0; i < 4; i++)
        free(data[i]);
    store_free(store);
}

/* What is no fused pair stays as the file has it, to be reported by name. */
Test(fused, what_cannot_be_cut_stays_whole)
{
    static const struct plain_tensor rows[] = {
        {"model.layers.0.mlp.experts.gate_up_proj", "F32", "[2,3,5]", NULL, 120}, /* no even number of rows */
        {"model.layers.0.mlp.experts.gate_up_proj", "F32", "[4,6]", NULL, 96},    /* no axis of experts */
        {"model.layers.0.mlp.experts.gate_up_proj", "F32", "[0,4,6]", NULL, 0},
        {"model.layers.0.mlp.experts.gate_up_proj", "F32", "[60000,4,0]", NULL, 0}, /* of no bytes: no 120,000 views */
        {"model.layers.0.mlp.experts.gate_up_proj", "F4", "[2,2,2]", NULL, 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_tensors(scratch("odd.safetensors"), &rows[i], 1, NULL);
        struct store *store = open_store(scratch("odd.safetensors"));
        cr_expect(store_count(store) == 1 && store_find(store, rows[i].name), "row %zu: %zu tensors", i,
                  store_count(store));
        store_free(store);
    }
    static const struct plain_tensor talker = {"talker.model.layers.0.mlp.experts.gate_up_proj", "F32", "[2,4,5]", NULL,
                                               160};
    write_tensors(scratch("talker.safetensors"), &talker, 1, NULL);
    struct store *store = open_store(scratch("talker.safetensors"));
    cr_expect(store_count(store) == 1 && store_at(store, 0)->other);
    store_free(store);
}

/* One byte of the file for each view of 300: the axis of experts and their sum are bounded. */
Test(fused, more_experts_than_any_model_has_are_refused)
{
    struct error error = {0};
    struct plain_tensor tensors[300] = {{"model.layers.0.mlp.experts.gate_up_proj", "U8", "[4097,2,1]", NULL, 8194}};
    char names[300][64];
    write_tensors(scratch("wide.safetensors"), tensors, 1, NULL);
    cr_expect_not(store_open(scratch("wide.safetensors"), &error));
    cr_expect(
        strstr(error_text(&error), "wide.safetensors: tensor 'model.layers.0.mlp.experts.gate_up_proj' holds 4097"),
        "%s", error_text(&error));
    error_clear(&error);
    for (int i = 0; i < 300; i++) {
        snprintf(names[i], sizeof names[i], "model.layers.%d.mlp.experts.gate_up_proj", i);
        tensors[i] = (struct plain_tensor){names[i], "U8", "[4096,2,1]", NULL, 8192};
    }
    write_tensors(scratch("wide.safetensors"), tensors, 300, NULL);
    cr_expect_not(store_open(scratch("wide.safetensors"), &error));
    cr_expect(strstr(error_text(&error), "more than 2000000 tensors") && strstr(error_text(&error), "layers.244."),
              "%s", error_text(&error));
    error_clear(&error);
    write_tensors(scratch("wide.safetensors"), tensors, 1, NULL);
    struct store *store = open_store(scratch("wide.safetensors"));
    cr_expect_eq(store_count(store), 8192);
    store_free(store);
}

/* Looking for the partner of each must not take the square of their number. */
static size_t work_of_fused(int count)
{
    struct plain_tensor *tensors = calloc((size_t)count, sizeof *tensors);
    char(*names)[64] = calloc((size_t)count, sizeof *names);
    for (int i = 0; i < count; i++) {
        snprintf(names[i], sizeof *names, "model.layers.%d.mlp.experts.gate_up_proj", i);
        tensors[i] = (struct plain_tensor){names[i], "U8", "[1,2,2]", NULL, 4};
    }
    write_tensors(scratch("many.safetensors"), tensors, (size_t)count, NULL);
    size_t before = work_done();
    struct store *store = open_store(scratch("many.safetensors"));
    size_t work = work_done() - before;
    cr_expect_eq(store_count(store), 2 * (size_t)count);
    store_free(store);
    free(names);
    free(tensors);
    return work;
}

Test(fused, many_fused_tensors_cost_no_square)
{
    size_t few = work_of_fused(5000), many = work_of_fused(20000);
    cr_expect_leq(2 * many, 9 * few, "%zu blocks for 5,000 tensors, %zu for 20,000", few, many);
}

Test(fused, a_file_that_shrank_is_an_error_that_names_it)
{
    struct fused_case c = {"F32", 4, 2, 2, 3, true, false};
    struct store *store =
        open_store(write_fused(&c, "model.layers.7.mlp.experts.gate_up_proj", "model.layers.7.mlp.experts.down_proj"));
    const struct tensor *tensor = store_find(store, "model.layers.7.mlp.experts.1.down_proj.weight");
    struct error error = {0};
    char out[24];
    cr_assert_eq(truncate(tensor->file, (off_t)tensor->offset + 1), 0);
    cr_expect_not(store_read(store, tensor, out, &error));
    cr_expect(strstr(error_text(&error), tensor->file) && strstr(error_text(&error), "experts.down_proj"), "%s",
              error_text(&error));
    error_clear(&error);
    store_free(store);
}

/* Matrices that lie joined in one, row behind row. */

#define LINE 3 /* values in a row */

static void expect_rows(const struct store *store, const char *name, const float *expected, uint64_t rows)
{
    const struct tensor *tensor = store_find(store, name);
    cr_assert(tensor, "no '%s'", name);
    cr_expect(tensor->rows == rows && tensor->columns == LINE, "'%s' has %llu rows", name,
              (unsigned long long)tensor->rows);
    expect_values(store, name, expected, rows * LINE * sizeof *expected);
}

Test(fused, joined_matrices_are_views_of_their_rows)
{
    float values[14 * LINE];
    for (size_t i = 0; i < 14 * LINE; i++)
        values[i] = (float)i;
    const struct plain_tensor tensors[] = {
        {"model.layers.2.self_attn.qkv_proj.weight", "F32", "[14,3]", values, sizeof values},
        {"model.layers.2.self_attn.o_proj.weight", "F32", "[3,8]", NULL, 96},
        {"model.layers.2.mlp.gate_up_proj.weight", "F32", "[6,3]", values, 72}};
    const char *path = scratch("joined.safetensors");
    write_tensors(path, tensors, 3, NULL);
    struct store *store = open_store(path);
    expect_rows(store, "model.layers.2.self_attn.q_proj.weight", values, 8);
    expect_rows(store, "model.layers.2.self_attn.k_proj.weight", values + 8 * LINE, 3);
    expect_rows(store, "model.layers.2.self_attn.v_proj.weight", values + 11 * LINE, 3);
    expect_rows(store, "model.layers.2.mlp.gate_proj.weight", values, 3);
    expect_rows(store, "model.layers.2.mlp.up_proj.weight", values + 3 * LINE, 3);
    cr_expect(!store_find(store, "model.layers.2.self_attn.qkv_proj.weight"));
    store_free(store);
}

/* Two heads of two rows each, of one matrix and of its bias; beside it a configuration (NULL: none). */
static struct store *open_by_heads(const char *config)
{
    static float values[12 * LINE];
    for (size_t i = 0; i < 12 * LINE; i++)
        values[i] = (float)i;
    const struct plain_tensor tensors[] = {
        {"gpt_neox.layers.2.attention.query_key_value.weight", "F32", "[12,3]", values, sizeof values},
        {"gpt_neox.layers.2.attention.query_key_value.bias", "F32", "[12]", values, 48},
        {"gpt_neox.layers.2.attention.dense.weight", "F32", "[3,4]", NULL, 48}};
    const char *beside = scratch("heads/config.json"), *weights = scratch("heads/model.safetensors");
    unlink(beside);
    if (config)
        write_text(beside, config);
    write_tensors(weights, tensors, 3, NULL);
    return open_store(weights);
}

/* Of falcon's three layouts two are told by their groups: all heads under one key, and two groups, as of the other. */
Test(fused, groups_of_heads_are_told_by_the_configuration)
{
    static const struct {
        const char *config;
        float second; /* the first value of the query's second row but one */
    } rows[] = {
        {"{\"model_type\": \"falcon\"}", 2 * LINE},
        {"{\"model_type\": \"falcon\", \"multi_query\": true, \"num_attention_heads\": 2}", 2 * LINE},
        {"{\"model_type\": \"falcon\", \"multi_query\": null, \"num_attention_heads\": 2}", 6 * LINE},
        {"{\"model_type\": \"falcon\", \"multi_query\": false, \"num_attention_heads\": 2}", 6 * LINE},
        {"{\"model_type\": \"falcon\", \"new_decoder_architecture\": true, \"num_kv_heads\": 2}", 6 * LINE},
        {"{\"model_type\": \"falcon\", \"new_decoder_architecture\": true, \"num_attention_heads\": 2}", 6 * LINE},
        {"{\"model_type\": \"whole\", \"text_config\": {\"model_type\": \"gpt_neox\", \"num_attention_heads\": 2}}",
         6 * LINE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct store *store = open_by_heads(rows[i].config);
        unsigned char *values = values_of(store, "model.layers.2.self_attn.q_proj.weight");
        float found = ((float *)(void *)values)[2 * LINE];
        cr_expect(found >= rows[i].second && found <= rows[i].second, "%s: %g", rows[i].config, (double)found);
        free(values);
        store_free(store);
    }
}

Test(fused, matrices_joined_head_by_head_are_views_of_bands)
{
    static const int firsts[] = {0, 2, 4};
    static const char letters[] = "qkv";
    struct store *store = open_by_heads("{\"model_type\": \"gpt_neox\", \"num_attention_heads\": 2}");
    for (int part = 0; part < 3; part++) {
        float rows[4 * LINE], biases[4], two[2 * LINE];
        char name[64];
        struct error error = {0};
        for (int row = 0; row < 4; row++) {
            int at = firsts[part] + row / 2 * 6 + row % 2;
            biases[row] = (float)at;
            for (int i = 0; i < LINE; i++)
                rows[row * LINE + i] = (float)(at * LINE + i);
        }
        snprintf(name, sizeof name, "model.layers.2.self_attn.%c_proj.weight", letters[part]);
        expect_rows(store, name, rows, 4);
        cr_assert(store_read_rows(store, store_find(store, name), 1, 2, two, &error), "%s", error_text(&error));
        cr_expect(memcmp(two, rows + LINE, sizeof two) == 0, "%s: some of its rows", name);
        snprintf(name, sizeof name, "model.layers.2.self_attn.%c_proj.bias", letters[part]);
        expect_values(store, name, biases, sizeof biases);
    }
    store_free(store);
}

Test(fused, heads_that_no_configuration_tells_stay_joined)
{
    static const char *const configs[] = {
        NULL,
        "{\"model_type\": \"made_up_9\", \"num_attention_heads\": 2}",
        "{\"model_type\": \"gpt_neox\", \"num_attention_heads\": 3}",
        "{\"model_type\": \"gpt_neox\", \"num_attention_heads\": \"2\"}",
        "{\"model_type\": \"gpt_neox\", \"num_attention_heads\": -2}",
        "{\"model_type\": \"gpt_neox\"}",
    };
    for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
        struct store *store = open_by_heads(configs[i]);
        cr_expect(store_find(store, "model.layers.2.self_attn.query_key_value.weight"), "configuration %zu", i);
        cr_expect(!store_find(store, "model.layers.2.self_attn.q_proj.weight"), "configuration %zu", i);
        store_free(store);
    }
}

/* As gpt2's modules have it: [columns, rows]. The values are 0, 1, 2 ... in the order of the file. */
static struct store *open_conv1d(const char *shape)
{
    static float values[18];
    for (size_t i = 0; i < 18; i++)
        values[i] = (float)i;
    const struct plain_tensor tensors[] = {
        {"transformer.h.2.attn.c_attn.weight", "F32", shape, values, 12 * sizeof *values},
        {"transformer.h.2.attn.c_attn.bias", "F32", "[6]", values, 6 * sizeof *values},
        {"transformer.h.2.attn.c_proj.weight", "F32", "[2,2]", values, 4 * sizeof *values},
        {"transformer.h.2.mlp.c_fc.weight", "F32", "[2,3]", values, 6 * sizeof *values},
        {"transformer.h.2.attn.bias", "U8", "[1,1,2,2]", NULL, 4},
    };
    const char *path = scratch("conv1d.safetensors");
    write_tensors(path, tensors, 5, NULL);
    return open_store(path);
}

Test(fused, matrices_that_lie_the_other_way_around_are_turned)
{
    static const float k[] = {2, 8, 3, 9}, v[] = {4, 10, 5, 11}, o[] = {0, 2, 1, 3}, up[] = {0, 3, 1, 4, 2, 5},
                       v_bias[] = {4, 5};
    struct store *store = open_conv1d("[2,6]");
    const struct tensor *tensor = store_find(store, "model.layers.2.mlp.up_proj.weight");
    cr_assert(tensor && tensor->rows == 3 && tensor->columns == 2 && tensor->shape[0] == 3 && tensor->shape[1] == 2);
    expect_values(store, "model.layers.2.self_attn.k_proj.weight", k, sizeof k);
    expect_values(store, "model.layers.2.self_attn.v_proj.weight", v, sizeof v);
    expect_values(store, "model.layers.2.self_attn.v_proj.bias", v_bias, sizeof v_bias);
    expect_values(store, "model.layers.2.self_attn.o_proj.weight", o, sizeof o);
    expect_values(store, "model.layers.2.mlp.up_proj.weight", up, sizeof up);
    store_free(store);
}

Test(fused, matrices_of_linear_layers_of_these_names_stay_as_they_lie)
{
    static const float o[] = {0, 1, 2, 3};
    struct store *store = open_conv1d("[6,2]");
    cr_expect(store_find(store, "model.layers.2.self_attn.c_attn.weight"));
    cr_expect(store_find(store, "model.layers.2.self_attn.c_attn.bias"));
    expect_values(store, "model.layers.2.self_attn.o_proj.weight", o, sizeof o);
    store_free(store);
}

Test(fused, what_does_not_come_out_even_stays_as_it_is)
{
    static const struct {
        const char *shape, *o_shape; /* NULL: there is none */
        size_t bytes, o_bytes;
    } rows[] = {{"[13,3]", "[3,8]", 156, 96},    {"[14,3]", NULL, 168, 0},  {"[14,3]", "[3,14]", 168, 168},
                {"[14,3]", "[3,99]", 168, 1188}, {"[0,3]", "[3,8]", 0, 96}, {"[14,3]", "[24]", 168, 96}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct plain_tensor tensors[] = {
            {"model.layers.2.self_attn.qkv_proj.weight", "F32", rows[i].shape, NULL, rows[i].bytes},
            {"model.layers.2.mlp.gate_up_proj.weight", "F32", "[5,3]", NULL, 60},
            {"model.layers.2.self_attn.o_proj.weight", "F32", rows[i].o_shape, NULL, rows[i].o_bytes}};
        const char *path = scratch("joined.safetensors");
        write_tensors(path, tensors, rows[i].o_shape ? 3 : 2, NULL);
        struct store *store = open_store(path);
        cr_expect(store_find(store, "model.layers.2.self_attn.qkv_proj.weight"), "row %zu", i);
        cr_expect(!store_find(store, "model.layers.2.self_attn.q_proj.weight"), "row %zu", i);
        cr_expect(store_find(store, "model.layers.2.mlp.gate_up_proj.weight"), "row %zu", i);
        store_free(store);
        unlink(path);
    }
}

/* Rows of a matrix that is put together from blocks and scales, in turn and not. */
Test(fused, rows_in_turn_of_what_is_put_together)
{
    enum { WIDTH = 32, INNER = 3, ROWS = 2 * INNER };
    unsigned char blocks[ROWS * WIDTH / 2], scales[ROWS];
    float biases[ROWS] = {0};
    uint16_t rows[2][ROWS][WIDTH];
    for (size_t i = 0; i < sizeof blocks; i++)
        blocks[i] = (unsigned char)(i * 37 + 11);
    for (size_t i = 0; i < sizeof scales; i++)
        scales[i] = (unsigned char)(120 + i);
    const struct plain_tensor tensors[] = {
        {"model.layers.7.mlp.experts.gate_up_proj_blocks", "U8", "[1,6,1,16]", blocks, sizeof blocks},
        {"model.layers.7.mlp.experts.gate_up_proj_scales", "U8", "[1,6,1]", scales, sizeof scales},
        {"model.layers.7.mlp.experts.gate_up_proj_bias", "F32", "[1,6]", biases, sizeof biases}};
    for (size_t in_turn = 0; in_turn < 2; in_turn++) {
        write_tensors(scratch("model.safetensors"), tensors, 2 + in_turn, NULL);
        struct store *store = open_store(scratch("model.safetensors"));
        for (size_t part = 0; part < 2; part++) {
            char name[128];
            struct error error = {0};
            snprintf(name, sizeof name, "model.layers.7.mlp.experts.0.%s.weight", projections[part]);
            const struct tensor *tensor = store_find(store, name);
            cr_assert(tensor && tensor->dtype == DTYPE_BF16 && tensor->rows == INNER && tensor->columns == WIDTH,
                      "no '%s'", name);
            for (size_t row = 0; row < INNER; row++)
                cr_assert(store_read_rows(store, tensor, row, 1,
                                          rows[in_turn][in_turn ? 2 * row + part : part * INNER + row], &error),
                          "%s", error_text(&error));
            uint16_t all[INNER][WIDTH];
            cr_assert(store_read(store, tensor, all, &error), "%s", error_text(&error));
            for (size_t row = 0; row < INNER; row++)
                cr_expect_arr_eq(all[row], rows[in_turn][in_turn ? 2 * row + part : part * INNER + row], sizeof *all);
        }
        store_free(store);
    }
    cr_expect_arr_eq(rows[0], rows[1], sizeof *rows);
}
