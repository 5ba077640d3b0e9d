/* Reading values: rows, shapes, files that change, and many files with few descriptors. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/pool.h"
#include "store/layout.h"
#include "store_fixtures.h"

Test(reading, rows_outside_are_refused)
{
    struct store *store = open_three();
    const struct tensor *tensor = store_find(store, "model.a");
    static const uint64_t ranges[][2] = {{0, 5},          {4, 1},          {5, 0},
                                         {UINT64_MAX, 1}, {1, UINT64_MAX}, {UINT64_MAX, UINT64_MAX}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        struct error error = {0};
        char out[16];
        cr_expect_not(store_read_rows(store, tensor, ranges[i][0], ranges[i][1], out, &error), "row %zu", i);
        cr_expect(strstr(error_text(&error), "'model.a' has 4 rows"), "%s", error_text(&error));
        error_clear(&error);
    }
    store_free(store);
}

Test(reading, shapes_are_seen_as_matrices)
{
    static const struct {
        struct plain_tensor tensor;
        uint64_t rows, columns;
    } rows[] = {
        {{"t", "U8", "[]", NULL, 1}, 1, 1},     {{"t", "U8", "[5]", NULL, 5}, 1, 5},
        {{"t", "U8", "[2,3]", NULL, 6}, 2, 3},  {{"t", "F32", "[2,3,4]", NULL, 96}, 2, 12},
        {{"t", "U8", "[0]", NULL, 0}, 1, 0},    {{"t", "U8", "[0,3]", NULL, 0}, 0, 3},
        {{"t", "U8", "[3,0]", NULL, 0}, 3, 0},  {{"t", "F4", "[3,4]", NULL, 6}, 3, 4},
        {{"t", "F4", "[4,3]", NULL, 6}, 1, 12}, {{"t", "F6_E2M3", "[2,2]", NULL, 3}, 1, 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_tensors(scratch("t.safetensors"), &rows[i].tensor, 1, NULL);
        struct store *store = open_store(scratch("t.safetensors"));
        const struct tensor *tensor = store_find(store, "t");
        cr_expect(
            tensor->rows == rows[i].rows && tensor->columns == rows[i].columns && tensor->bytes == rows[i].tensor.bytes,
            "%s %s: %d x %d", rows[i].tensor.dtype, rows[i].tensor.shape, (int)tensor->rows, (int)tensor->columns);
        unsigned char out[100];
        struct error error = {0};
        memset(out, 0xEE, sizeof out);
        cr_expect(store_read(store, tensor, out, &error), "%s", error_text(&error));
        for (size_t k = 0; k < sizeof out; k++)
            cr_assert_eq(out[k], k < tensor->bytes ? k % 251 : 0xEE, "%s %s: byte %zu", rows[i].tensor.dtype,
                         rows[i].tensor.shape, k);
        store_free(store);
    }
}

Test(reading, a_file_that_shrank_or_went_is_an_error_that_names_it)
{
    struct store *store = open_three();
    const struct tensor *tensor = store_find(store, "model.c");
    for (int gone = 0; gone < 2; gone++) {
        struct error error = {0};
        char out[2];
        cr_assert_eq(gone ? unlink(tensor->file) : truncate(tensor->file, (off_t)tensor->offset + 1), 0);
        cr_expect_not(store_read(store, tensor, out, &error));
        cr_expect(strstr(error_text(&error), tensor->file) && strstr(error_text(&error), "'model.c'"), "%s",
                  error_text(&error));
        error_clear(&error);
    }
    store_free(store);
}

static void expect_changed(const struct store *store, const char *how)
{
    struct error error = {0};
    char out[2];
    const struct tensor *tensor = store_find(store, "model.c");
    cr_expect_not(store_read(store, tensor, out, &error), "%s", how);
    cr_expect(strstr(error_text(&error), tensor->file) &&
                  strstr(error_text(&error), "changed while it was being read") && strstr(error_text(&error), how),
              "%s: %s", how, error_text(&error));
    error_clear(&error);
}

/* The header that was read is not the one of these values, though their number is the same. Kept open or not: the file
 * is read once before. */
Test(reading, a_file_that_changes_after_its_header_was_read_is_an_error_that_names_it)
{
    for (int before = 0; before < 2; before++) {
        struct store *store = open_three();
        const char *path = scratch("three.safetensors");
        if (before)
            expect_values(store, "model.c", "xy", 2);
        struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
        cr_assert_eq(utimensat(AT_FDCWD, path, times, 0), 0);
        expect_changed(store, "it was written to");
        store_free(store);
        store = open_three();
        if (before)
            expect_values(store, "model.c", "xy", 2);
        FILE *file = fopen(path, "a");
        fputc('x', file);
        fclose(file);
        expect_changed(store, "it has grown");
        store_free(store);
    }
    struct store *store = open_three();
    size_t size = 0;
    char *bytes = read_bytes(scratch("three.safetensors"), &size);
    write_bytes(scratch("other.safetensors"), bytes, size);
    free(bytes);
    cr_assert_eq(rename(scratch("other.safetensors"), scratch("three.safetensors")), 0);
    expect_changed(store, "another file has taken its place");
    cr_assert(unlink(scratch("three.safetensors")) == 0 && mkfifo(scratch("three.safetensors"), 0600) == 0);
    struct error error = {0};
    char out[2];
    cr_expect_not(store_read(store, store_find(store, "model.c"), out, &error));
    cr_expect(strstr(error_text(&error), "not a regular file"), "%s", error_text(&error));
    error_clear(&error);
    store_free(store);
}

#define MANY_FILES 200 /* more than are kept open */

static size_t descriptors_open(void)
{
    struct names names = {0};
    struct error error = {0};
    cr_assert(folder_list("/proc/self/fd", &names, &error), "%s", error_text(&error));
    size_t count = names.count;
    names_free(&names);
    return count;
}

static void read_many(void *context, size_t task, int thread)
{
    (void)thread;
    const struct store *store = context;
    struct error error = {0};
    char name[32], expected[5], out[5] = "";
    size_t which = task * 7 / 3 % MANY_FILES;
    snprintf(name, sizeof name, "model.t%zu", which);
    snprintf(expected, sizeof expected, "%04zu", which);
    if (!store_read(store, store_find(store, name), out, &error) || strcmp(out, expected) != 0)
        cr_expect_fail("%s is %s: %s", name, out, error_text(&error));
    error_clear(&error);
}

Test(reading, many_files_from_several_threads_with_few_descriptors)
{
    for (size_t i = 0; i < MANY_FILES; i++) {
        char values[5], name[32];
        snprintf(values, sizeof values, "%04zu", i);
        snprintf(name, sizeof name, "model.t%zu", i);
        write_one(scratch("many/%zu.safetensors", i), name, values);
    }
    static const rlim_t limits[] = {1024, 40};
    for (size_t i = 0; i < 2; i++) {
        struct rlimit limit;
        cr_assert(getrlimit(RLIMIT_NOFILE, &limit) == 0);
        limit.rlim_cur = limits[i];
        cr_assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        size_t before = descriptors_open();
        struct error error = {0};
        struct store *store = open_store(scratch("many"));
        struct pool *pool = pool_new(8, &error);
        cr_assert(pool, "%s", error_text(&error));
        pool_run(pool, 20000, read_many, store);
        cr_expect_leq(descriptors_open(), before + 64, "%zu descriptors are open", descriptors_open());
        pool_free(pool);
        store_free(store);
        cr_expect_eq(descriptors_open(), before);
    }
}

Test(reading, dtype_names_go_both_ways)
{
    for (int i = 0; i < DTYPE_SAFETENSORS; i++) {
        enum dtype back = DTYPE_COUNT;
        cr_expect(dtype_parse(dtype_name((enum dtype)i), &back) && (int)back == i, "%s", dtype_name((enum dtype)i));
        cr_expect(dtype_bits((enum dtype)i) > 0);
        cr_expect_eq(dtype_width((enum dtype)i) != 0, i <= (int)DTYPE_BF16,
                     "values are narrowed to F32, F16 and BF16 only");
    }
    enum dtype unused;
    for (int i = DTYPE_SAFETENSORS; i < DTYPE_COUNT; i++) {
        enum dtype dtype = (enum dtype)i;
        cr_expect(!dtype_parse(dtype_name(dtype), &unused), "no safetensors file holds %s", dtype_name(dtype));
        cr_expect(dtype_block(dtype) > 1 && dtype_row_bytes(dtype, dtype_block(dtype)) == dtype_bits(dtype) / 8);
        cr_expect_eq(dtype_computes(dtype),
                     dtype != DTYPE_Q8_1 && dtype != DTYPE_Q8_K && dtype != DTYPE_Q1_0 && dtype != DTYPE_NVFP4, "%s",
                     dtype_name(dtype));
    }
    cr_expect(!dtype_parse("F33", &unused) && !dtype_parse("", &unused));
}

Test(reading, shape_text_fits)
{
    char text[TENSOR_SHAPE_TEXT];
    const uint64_t huge[TENSOR_RANK_MAX] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX,
                                            UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    cr_expect_str_eq(shape_text((const uint64_t[]){576, 1536}, 2, text), "[576, 1536]");
    cr_expect_str_eq(shape_text(huge, 0, text), "[]");
    shape_text(huge, TENSOR_RANK_MAX, text);
    cr_expect(text[strlen(text) - 1] == ']', "%s", text);
}

Test(reading, shapes_are_the_same_or_not)
{
    struct tensor a = {.dtype = DTYPE_F32, .rank = 2, .shape = {4, 8}}, b = {.rank = 2, .shape = {4, 8, 9}};
    b.dtype = DTYPE_BF16;
    cr_expect(tensor_same_shape(&a, &b) && !tensor_same_kind(&a, &b));
    b.dtype = DTYPE_F32;
    cr_expect(tensor_same_kind(&a, &b));
    b.shape[1] = 4;
    cr_expect(!tensor_same_shape(&a, &b) && !tensor_same_kind(&a, &b));
    b = (struct tensor){.dtype = DTYPE_F32, .rank = 1, .shape = {4}};
    cr_expect(!tensor_same_shape(&a, &b));
    a.rank = b.rank = 0;
    cr_expect(tensor_same_shape(&a, &b), "two scalars");
}

static const struct {
    const char *canonical, *path, *name;
    enum block block;
    int layer, expert;
} layout_rows[] = {
    {"model.layers.17.mlp.experts.81.gate_proj.weight", "experts/thinker_expert_081_layer_17.safetensors",
     "thinker.model.layers.17.mlp.experts.81.gate_proj.weight", BLOCK_EXPERTS, 17, 81},
    {"model.layers.100.mlp.experts.1000.up_proj.weight", "experts/thinker_expert_1000_layer_100.safetensors",
     "thinker.model.layers.100.mlp.experts.1000.up_proj.weight", BLOCK_EXPERTS, 100, 1000},
    {"model.layers.3.mlp.gate.weight", "routers/thinker_router_layer_03.safetensors",
     "thinker.model.layers.3.mlp.gate.weight", BLOCK_ROUTERS, 3, -1},
    {"model.layers.3.mlp.gate_proj.weight", "mlp/thinker_mlp_layer_03.safetensors",
     "thinker.model.layers.3.mlp.gate_proj.weight", BLOCK_MLP, 3, -1},
    {"model.layers.3.mlp.shared_expert.up_proj.weight", "mlp/thinker_mlp_layer_03.safetensors",
     "thinker.model.layers.3.mlp.shared_expert.up_proj.weight", BLOCK_MLP, 3, -1},
    {"model.layers.3.self_attn.q_proj.bias", "attention/thinker_attention_layer_03.safetensors",
     "thinker.model.layers.3.self_attn.q_proj.bias", BLOCK_ATTENTION, 3, -1},
    {"model.layers.3.post_attention_layernorm.weight", "norms/thinker_norms_layer_03.safetensors",
     "thinker.model.layers.3.post_attention_layernorm.weight", BLOCK_NORMS, 3, -1},
    {"model.layers.3.something.new", "mlp/thinker_mlp_layer_03.safetensors", "thinker.model.layers.3.something.new",
     BLOCK_MLP, 3, -1},
    {"model.layers.3.mlp.experts.x.up", "mlp/thinker_mlp_layer_03.safetensors",
     "thinker.model.layers.3.mlp.experts.x.up", BLOCK_MLP, 3, -1},
    {"model.embed_tokens.weight", "embeddings/thinker_embeddings.safetensors", "embed_tokens.weight", BLOCK_EMBEDDINGS,
     -1, -1},
    {"lm_head.weight", "lm_head/thinker_lm_head.safetensors", "lm_head.weight", BLOCK_LM_HEAD, -1, -1},
    {"model.norm.weight", "final_norm/thinker_final_norm.safetensors", "thinker.model.norm.weight", BLOCK_FINAL_NORM,
     -1, -1},
    {"model.layers.x.norm", "embeddings/thinker_embeddings.safetensors", "thinker.model.layers.x.norm",
     BLOCK_EMBEDDINGS, -1, -1},
    {"score.weight", "embeddings/thinker_embeddings.safetensors", "score.weight", BLOCK_EMBEDDINGS, -1, -1},
    /* of other architectures */
    {"transformer.h.5.attn.c_attn.weight", "attention/thinker_attention_layer_05.safetensors",
     "transformer.h.5.attn.c_attn.weight", BLOCK_ATTENTION, 5, -1},
    {"transformer.h.5.ln_1.bias", "norms/thinker_norms_layer_05.safetensors", "transformer.h.5.ln_1.bias", BLOCK_NORMS,
     5, -1},
    {"encoder.block.1.layer.0.SelfAttention.q.weight", "attention/thinker_attention_layer_01.safetensors",
     "encoder.block.1.layer.0.SelfAttention.q.weight", BLOCK_ATTENTION, 1, -1},
    {"encoder.block.1.layer.0.layer_norm.weight", "norms/thinker_norms_layer_01.safetensors",
     "encoder.block.1.layer.0.layer_norm.weight", BLOCK_NORMS, 1, -1},
    {"model.encoder.layers.2.fc1.weight", "mlp/thinker_mlp_layer_02.safetensors",
     "thinker.model.encoder.layers.2.fc1.weight", BLOCK_MLP, 2, -1},
    {"backbone.layers.2.mixer.A_log", "mlp/thinker_mlp_layer_02.safetensors", "backbone.layers.2.mixer.A_log",
     BLOCK_MLP, 2, -1},
    {"blk.3.ffn_gate_inp_s.weight", "mlp/thinker_mlp_layer_03.safetensors", "blk.3.ffn_gate_inp_s.weight", BLOCK_MLP, 3,
     -1},
    {"model.layers.3.feed_forward.router.weight", "routers/thinker_router_layer_03.safetensors",
     "thinker.model.layers.3.feed_forward.router.weight", BLOCK_ROUTERS, 3, -1},
    {"model.layers.3.feed_forward.experts.7.w1.bias", "experts/thinker_expert_007_layer_03.safetensors",
     "thinker.model.layers.3.feed_forward.experts.7.w1.bias", BLOCK_EXPERTS, 3, 7},
    {"experts.7.weight", "embeddings/thinker_embeddings.safetensors", "experts.7.weight", BLOCK_EMBEDDINGS, -1, -1},
    {"h.1234567.x", "embeddings/thinker_embeddings.safetensors", "h.1234567.x", BLOCK_EMBEDDINGS, -1, -1},
};

Test(store, the_place_in_a_path_and_what_is_behind_an_expert)
{
    static const struct {
        const char *path;
        int layer, expert;
    } paths[] = {{"model.layers.3", 3, -1},
                 {"model.layers.3.mlp", 3, -1},
                 {"model.layers.3.mlp.experts.7", 3, 7},
                 {"blk.12", 12, -1},
                 {"model.norm", -1, -1},
                 {"3", -1, -1},
                 {"", -1, -1}};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        int layer, expert;
        path_place(paths[i].path, &layer, &expert);
        cr_expect(layer == paths[i].layer && expert == paths[i].expert, "%s: %d, %d", paths[i].path, layer, expert);
    }
    int layer, expert;
    cr_expect_str_eq(name_place("model.layers.3", &layer, &expert), "model.layers.3");
    cr_expect_eq(layer, -1, "the last word of a tensor's name is the parameter");
    cr_expect_str_eq(name_behind_expert("mlp.experts.7.up.weight", 7), "up.weight");
    cr_expect_str_eq(name_behind_expert("experts.7.up", 7), "up");
    cr_expect_str_eq(name_behind_expert("myexperts.7.experts.7.up", 7), "up");
    cr_expect_null(name_behind_expert("myexperts.7.up", 7));
    cr_expect_null(name_behind_expert("mlp.experts.70.up", 7));
}

Test(store, the_layout_of_an_extraction)
{
    for (size_t i = 0; i < sizeof layout_rows / sizeof *layout_rows; i++) {
        struct layout_place place;
        cr_assert(layout_place(layout_rows[i].canonical, &place), "%s", layout_rows[i].canonical);
        cr_expect_str_eq(place.path, layout_rows[i].path);
        cr_expect_str_eq(place.name, layout_rows[i].name);
        cr_expect(place.block == layout_rows[i].block && place.layer == layout_rows[i].layer &&
                      place.expert == layout_rows[i].expert,
                  "%s", layout_rows[i].canonical);
    }
    for (int i = 0; i < BLOCK_COUNT; i++)
        cr_expect_eq(block_parse(block_name((enum block)i)), i);
    cr_expect_eq(block_parse("nothing"), BLOCK_COUNT);
}
