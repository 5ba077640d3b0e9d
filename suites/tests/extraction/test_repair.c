#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extraction/repair.h"
#include "store_fixtures.h"
#include "values/values.h"

static void make(void)
{
    scratch_make();
}

TestSuite(repair, .init = make, .fini = scratch_remove, .timeout = 120);

/* A source, and a folder "x" that is held against it. */
struct bench {
    struct store *store;
    struct pool *pool;
    struct repair_request request;
    struct repair *repair;
};

static void bench_open(struct bench *bench, const struct plain_tensor *tensors, size_t count)
{
    struct error error = {0};
    write_tensors(scratch("source/model.safetensors"), tensors, count, NULL);
    *bench = (struct bench){.store = open_store(scratch("source/model.safetensors")), .pool = pool_new(1, &error)};
    bench->request = (struct repair_request){.extract = {.store = bench->store,
                                                         .folder = strdup(scratch("x")),
                                                         .model = "small",
                                                         .layers = 2,
                                                         .experts = 4,
                                                         .first_layer = -1,
                                                         .last_layer = -1,
                                                         .pool = bench->pool},
                                             .experts_per_token = 1};
    for (int i = 0; i < BLOCK_COUNT; i++)
        bench->request.extract.blocks[i] = true;
}

static const struct repair_plan *bench_plan(struct bench *bench)
{
    struct error error = {0};
    repair_free(bench->repair);
    bench->repair = repair_new(&bench->request, &error);
    cr_assert(bench->repair, "%s", error_text(&error));
    return repair_plan(bench->repair);
}

/* Carries it out; then nothing is to do. */
static void bench_run(struct bench *bench)
{
    struct error error = {0};
    struct passport original = {0}, passport = {0};
    cr_assert(repair_run(bench->repair, &error), "%s", error_text(&error));
    cr_assert(repair_original(bench->repair, &original, &error), "%s", error_text(&error));
    cr_assert(passport_read(scratch("x"), &passport, &error) == PASSPORT_READ, "%s", error_text(&error));
    cr_expect(passport.complete && passport.follows);
    if (!repair_plan(bench->repair)->converted)
        cr_expect_str_eq(passport.root, original.root);
    passport_free(&original);
    passport_free(&passport);
    bench_plan(bench);
    cr_expect(repair_idle(bench->repair));
}

static void bench_close(struct bench *bench)
{
    repair_free(bench->repair);
    free((char *)bench->request.extract.folder);
    store_free(bench->store);
    pool_free(bench->pool);
}

#define IN "model.layers.0.input_layernorm.weight"
#define POST "model.layers.0.post_attention_layernorm.weight"
#define NORMS "norms/thinker_norms_layer_00.safetensors"

/* --- conversions --- */

static const float ones[4] = {1, 1, 1, 1};

/* The source holds four values of one dtype, the folder four of another: is the folder right? */
static bool is_right(const char *there, const void *source, size_t source_bytes, const char *here, const void *mine,
                     size_t bytes)
{
    struct bench bench;
    const struct plain_tensor original[] = {{IN, there, "[4]", source, source_bytes}, {POST, "F32", "[4]", ones, 16}};
    const struct plain_tensor held[] = {{IN, here, "[4]", mine, bytes}, {POST, "F32", "[4]", ones, 16}};
    bench_open(&bench, original, 2);
    write_tensors(scratch("x/" NORMS), held, 2, NULL);
    const struct repair_plan *plan = bench_plan(&bench);
    bool right = !plan->file_count;
    cr_expect_eq(plan->converted, right && strcmp(here, there) != 0);
    cr_expect_eq(plan->bytes, right ? 0 : source_bytes);
    bench_run(&bench);
    bench_close(&bench);
    return right;
}

/* Of a float the BF16 that is `steps` above its truncation. */
static uint16_t bf16(float value, int steps)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)((bits >> 16) + (uint32_t)steps);
}

Test(repair, rounding_to_a_dtype_is_right_and_more_is_not)
{
    const float values[4] = {1.2345678f, -3e-39f, 1e30f, -7.7f};
    for (int steps = -1; steps <= 2; steps++) {
        uint16_t rounded[4];
        for (int i = 0; i < 4; i++)
            rounded[i] = bf16(values[i], i == 0 ? steps : 0);
        cr_expect_eq(is_right("F32", values, 16, "BF16", rounded, 8), steps == 0 || steps == 1, "%d steps", steps);
    }
    const float limits[4] = {INFINITY, 0, NAN, 1};
    const uint16_t kept[4] = {0x7F80, 0x8000, 0x7FC0, 0x3F80}, finite[4] = {0x7F7F, 0, 0x7FC0, 0x3F80},
                   not_zero[4] = {0x7F80, 1, 0x7FC0, 0x3F80}, no_nan[4] = {0x7F80, 0, 0x7F80, 0x3F80};
    cr_expect(is_right("F32", limits, 16, "BF16", kept, 8));
    cr_expect(!is_right("F32", limits, 16, "BF16", finite, 8));
    cr_expect(!is_right("F32", limits, 16, "BF16", not_zero, 8));
    cr_expect(!is_right("F32", limits, 16, "BF16", no_nan, 8));
    const uint16_t half[4] = {0x3CF0, 0x8000, 0x7C00, 0xC7B3}; /* 1e30 became infinite */
    cr_expect(!is_right("F32", values, 16, "F16", half, 8));
    const float small[4] = {1.2345678f, -3e-8f, 65504, -7.7f};
    const uint16_t rounded[4] = {0x3CF0, 0x8001, 0x7BFF, 0xC7B3}, off[4] = {0x3CF2, 0x8001, 0x7BFF, 0xC7B3};
    cr_expect(is_right("F32", small, 16, "F16", rounded, 8));
    cr_expect(!is_right("F32", small, 16, "F16", off, 8));
}

Test(repair, widening_loses_nothing)
{
    const uint16_t source[4] = {bf16(1.5f, 0), bf16(-2.75f, 0), bf16(NAN, 0), bf16(INFINITY, 0)};
    float wide[4];
    widen(DTYPE_BF16, source, wide, 4);
    cr_expect(is_right("BF16", source, 8, "F32", wide, 16));
    wide[1] = nextafterf(wide[1], 0);
    cr_expect(!is_right("BF16", source, 8, "F32", wide, 16));
    widen(DTYPE_BF16, source, wide, 4);
    wide[2] = 1;
    cr_expect(!is_right("BF16", source, 8, "F32", wide, 16));
    widen(DTYPE_BF16, source, wide, 4);
    wide[0] = NAN;
    cr_expect(!is_right("BF16", source, 8, "F32", wide, 16));
    wide[0] = INFINITY;
    cr_expect(!is_right("BF16", source, 8, "F32", wide, 16));
}

Test(repair, a_type_that_is_not_computed_with_is_no_conversion)
{
    const unsigned char bytes[4] = {1, 2, 3, 4};
    cr_expect(!is_right("F32", ones, 16, "F8_E4M3", bytes, 4));
    cr_expect(!is_right("F8_E4M3", bytes, 4, "F32", ones, 16));
    cr_expect(is_right("F8_E4M3", bytes, 4, "F8_E4M3", bytes, 4));
}

/* --- what stays, and what is written --- */

static const float twos[4] = {2, 2, 2, 2}, threes[4] = {3, 3, 3, 3};

#define EXPERT(e) "model.layers.1.mlp.experts." #e ".gate_proj.weight"
static const struct plain_tensor small[] = {{IN, "F32", "[4]", ones, 16},
                                            {POST, "F32", "[4]", twos, 16},
                                            {"model.norm.weight", "F32", "[4]", threes, 16},
                                            {EXPERT(0), "F32", "[1,4]", ones, 16},
                                            {EXPERT(1), "F32", "[1,4]", twos, 16},
                                            {"model.embed_tokens.weight", "F32", "[2,2]", ones, 16},
                                            {"lm_head.weight", "F32", "[2,2]", twos, 16}};
#define SMALL (sizeof small / sizeof *small)

static bool plan_has(const struct repair_plan *plan, const char *path, const char *why)
{
    for (size_t i = 0; i < plan->file_count; i++)
        if (strcmp(plan->files[i].path, path) == 0)
            return strstr(plan->files[i].why, why) != NULL;
    return false;
}

static bool aside_has(const struct repair_plan *plan, const char *path)
{
    for (size_t i = 0; i < plan->aside_count; i++)
        if (strcmp(plan->aside[i].path, path) == 0)
            return true;
    return false;
}

Test(repair, one_file_of_everything_is_right_too)
{
    struct bench bench;
    bench_open(&bench, small, SMALL);
    write_tensors(scratch("x/embeddings/all.safetensors"), small, SMALL, "{\"who\": \"somebody\"}");
    const struct repair_plan *plan = bench_plan(&bench);
    cr_expect(plan->file_count == 0 && plan->right_files == 1 && plan->right_tensors == SMALL && !plan->aside_count);
    bench_run(&bench);
    size_t size;
    char *map = read_bytes(scratch("x/expert_availability_map.json"), &size);
    cr_expect(strncmp(map, "{\n  \"1\": [0, 1]\n}\n", size) == 0, "%.*s", (int)size, map);
    free(map);
    bench_close(&bench);
}

/* A file in the place of the norms that holds all, with one of the norms wrong: its place is written to, so what else
 * it holds is written too, each to its own place. */
Test(repair, a_place_that_is_written_to_gives_up_what_else_was_there)
{
    struct bench bench;
    struct plain_tensor held[SMALL];
    memcpy(held, small, sizeof small);
    held[1].data = threes;
    bench_open(&bench, small, SMALL);
    write_tensors(scratch("x/norms/thinker_norms_layer_00.safetensors"), held, 3, NULL);
    write_tensors(scratch("x/embeddings/rest.safetensors"), held + 3, SMALL - 3, NULL);
    const struct repair_plan *plan = bench_plan(&bench);
    cr_expect(plan->file_count == 2 && plan->right_files == 1);
    cr_expect(plan_has(plan, NORMS, "1 of 2 tensors are wrong"));
    cr_expect(plan_has(plan, "final_norm/thinker_final_norm.safetensors", "absent"));
    bench_run(&bench);
    bench_close(&bench);
}

Test(repair, a_tensor_that_is_there_twice_stays_where_it_belongs)
{
    struct bench bench;
    bench_open(&bench, small, SMALL);
    write_tensors(scratch("x/embeddings/all.safetensors"), small, SMALL, NULL);
    write_tensors(scratch("x/" NORMS), small, 2, NULL);
    const struct repair_plan *plan = bench_plan(&bench);
    cr_expect(aside_has(plan, "embeddings/all.safetensors") && !aside_has(plan, NORMS));
    cr_expect(plan->right_files == 1 && plan->file_count == 5, "%zu files", plan->file_count);
    cr_expect_eq(plan->bytes, 0, "what is set aside is right, and copied");
    bench_run(&bench);
    cr_expect(file_exists(scratch("x/set_aside/embeddings/all.safetensors")));
    bench_close(&bench);
}

Test(repair, one_name_spelled_in_two_ways_in_one_file_is_not_right)
{
    struct bench bench;
    struct plain_tensor held[SMALL + 1];
    memcpy(held, small, sizeof small);
    held[SMALL] = (struct plain_tensor){"thinker.model.norm.weight", "F32", "[4]", threes, 16};
    bench_open(&bench, small, SMALL);
    write_tensors(scratch("x/embeddings/all.safetensors"), held, SMALL + 1, NULL);
    const struct repair_plan *plan = bench_plan(&bench);
    cr_expect(plan->right_files == 0 && aside_has(plan, "embeddings/all.safetensors"));
    bench_run(&bench);
    bench_close(&bench);
}

Test(repair, a_file_of_another_expert_than_its_name_says)
{
    struct bench bench;
    bench_open(&bench, small, SMALL);
    write_tensors(scratch("x/embeddings/rest.safetensors"), small + 5, 2, NULL);
    write_tensors(scratch("x/experts/thinker_expert_000_layer_01.safetensors"), small + 4, 1, NULL);
    write_tensors(scratch("x/experts/expert_1.safetensors"), small + 3, 1,
                  NULL); /* says nothing of a layer or expert */
    const struct repair_plan *plan = bench_plan(&bench);
    cr_expect(plan_has(plan, "experts/thinker_expert_001_layer_01.safetensors", "absent"));
    cr_expect(aside_has(plan, "experts/thinker_expert_000_layer_01.safetensors"), "expert 0 is elsewhere, and right");
    cr_expect(!aside_has(plan, "experts/expert_1.safetensors"));
    bench_run(&bench);
    bench_close(&bench);
}

/* Each tensor has the same bytes here, so that the share of tokens decides. */
Test(repair, the_order_is_that_of_the_effect_for_each_byte)
{
    static const char *const expected[] = {
        "final_norm/thinker_final_norm.safetensors",
        "lm_head/thinker_lm_head.safetensors",
        "norms/thinker_norms_layer_00.safetensors",
        "embeddings/thinker_embeddings.safetensors",       /* one row of two */
        "experts/thinker_expert_000_layer_01.safetensors", /* one expert of four */
        "experts/thinker_expert_001_layer_01.safetensors",
    };
    struct bench bench;
    bench_open(&bench, small, SMALL);
    write_text(scratch("x/extraction_manifest.json"), "{}");
    const struct repair_plan *plan = bench_plan(&bench);
    cr_assert_eq(plan->file_count, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < plan->file_count; i++)
        cr_expect_str_eq(plan->files[i].path, expected[i]);
    cr_expect_float_eq(plan->files[0].effect, 1.0 / 16, 1e-12);
    cr_expect_float_eq(plan->files[3].effect, 0.5 / 16, 1e-12);
    cr_expect_float_eq(plan->files[5].effect, 0.25 / 16, 1e-12);
    bench_run(&bench);
    bench_close(&bench);
}
