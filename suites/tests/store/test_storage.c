/* Matrices that are stored as several tensors, against what the original packages make of them
 * (scripts/make_storage_cases.py). */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "store/overlay.h"
#include "store_fixtures.h"
#include "values/values.h"

#define CASES ASSAY_SOURCE_DIR "/suites/data/storage"

static void make(void)
{
    scratch_make();
}

TestSuite(storage, .init = make, .fini = scratch_remove, .timeout = 120);

static struct names cases(const char *folder)
{
    struct names names = {0};
    struct error error = {0};
    cr_assert(folder_list(folder, &names, &error), "%s", error_text(&error));
    cr_assert(names.count > 0);
    return names;
}

static float *wide_of(const struct store *store, const struct tensor *tensor, uint64_t first, uint64_t count)
{
    struct error error = {0};
    float *wide = malloc((size_t)(count * tensor->columns) * sizeof *wide + 1);
    void *raw = malloc((size_t)tensor->bytes + 1);
    cr_assert(store_read_wide(store, tensor, first, count, raw, wide, &error), "%s", error_text(&error));
    free(raw);
    return wide;
}

/* Bit for bit; any NaN for a NaN. */
static void expect_same(const char *of, const float *mine, const float *expected, size_t columns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (isnan(mine[i]) && isnan(expected[i]))
            continue;
        cr_assert(memcmp(&mine[i], &expected[i], sizeof *mine) == 0, "%s: row %zu, column %zu is %a, not %a", of,
                  i / columns, i % columns, (double)mine[i], (double)expected[i]);
    }
}

/* All rows at once, and each by itself. */
static void expect_matrix(const char *of, const struct store *store, const struct tensor *mine,
                          const struct store *expected, const struct tensor *theirs)
{
    cr_assert(mine, "%s: %s is absent: %s", of, theirs->name,
              store_problem_count(store) ? store_problem(store, 0) : "nothing tells why");
    cr_assert(tensor_storage(mine), "%s: %s", of, mine->name);
    cr_assert(tensor_same_kind(mine, theirs), "%s: %s is of dtype %s", of, mine->name, dtype_name(mine->dtype));
    float *all = wide_of(store, mine, 0, mine->rows), *wanted = wide_of(expected, theirs, 0, theirs->rows);
    size_t columns = (size_t)mine->columns;
    expect_same(mine->name, all, wanted, columns, (size_t)mine->rows * columns);
    for (uint64_t row = 0; row < mine->rows; row++) {
        uint64_t rows = row + 3 <= mine->rows ? 3 : 1;
        float *some = wide_of(store, mine, row, rows);
        expect_same(mine->name, some, wanted + row * columns, columns, (size_t)rows * columns);
        free(some);
    }
    free(all);
    free(wanted);
}

Test(storage, every_edge_is_what_the_original_makes_of_it)
{
    struct names names = cases(CASES "/edges");
    for (size_t i = 0; i < names.count; i++) {
        char path[512];
        snprintf(path, sizeof path, CASES "/edges/%s/model.safetensors", names.items[i]);
        struct store *store = open_store(path);
        snprintf(path, sizeof path, CASES "/edges/%s/expected.safetensors", names.items[i]);
        struct store *expected = open_store(path);
        cr_expect_eq(store_problem_count(store), 0, "%s: %s", path,
                     store_problem_count(store) ? store_problem(store, 0) : "");
        cr_expect_eq(store_count(store), store_count(expected), "%s: %zu tensors", path, store_count(store));
        for (size_t k = 0; k < store_count(expected); k++) {
            const struct tensor *theirs = store_at(expected, k);
            expect_matrix(path, store, store_find(store, theirs->name), expected, theirs);
        }
        store_free(store);
        store_free(expected);
    }
    names_free(&names);
}

static void digest_of(const struct store *store, const struct tensor *tensor, char hex[SHA256_TEXT])
{
    struct error error = {0};
    unsigned char digest[SHA256_BYTES], *values = values_of(store, tensor->name);
    struct sha256 *sha = sha256_new(&error);
    cr_assert(sha && sha256_update(sha, values, (size_t)tensor->bytes) && sha256_take(sha, digest));
    sha256_text(digest, hex);
    sha256_free(sha);
    free(values);
}

/* Read from an overlay too, which is how every subject is read. */
Test(storage, the_matrices_of_a_model_are_tensors_like_others)
{
    struct names names = cases(CASES "/models");
    for (size_t i = 0; i < names.count; i++) {
        char path[512];
        struct error error = {0};
        snprintf(path, sizeof path, CASES "/models/%s", names.items[i]);
        struct store *store = open_store(path), *overlay = overlay_new(store, &error);
        snprintf(path, sizeof path, CASES "/models/%s/expected.json", names.items[i]);
        cJSON *json = json_read(path, 1 << 20, &error);
        cr_assert(json && overlay, "%s", error_text(&error));
        for (const cJSON *item = json->child; item; item = item->next) {
            const struct tensor *tensor = store_find(overlay, item->string);
            char hex[SHA256_TEXT];
            cr_assert(tensor, "%s: %s is absent: %s", path, item->string,
                      store_problem_count(store) ? store_problem(store, 0) : "nothing tells why");
            cr_expect_str_eq(dtype_name(tensor->dtype), json_member(item, "dtype")->valuestring, "%s", path);
            digest_of(overlay, tensor, hex);
            cr_expect_str_eq(hex, json_member(item, "sha256")->valuestring, "%s: %s", path, item->string);
        }
        cJSON_Delete(json);
        store_free(overlay);
        store_free(store);
    }
    names_free(&names);
}

/* --- what does not belong together --- */

/* Matrices that are right, which tell how the model is stored. */
static const struct plain_tensor right[] = {
    {"model.b.qweight", "I32", "[1, 8]", NULL, 32},      {"model.b.qzeros", "I32", "[1, 1]", NULL, 4},
    {"model.b.scales", "F16", "[1, 8]", NULL, 16},       {"model.c.weight", "I8", "[4, 4]", NULL, 16},
    {"model.c.weight_scale", "F32", "[4, 1]", NULL, 16}, {"model.c.weight_zero_point", "I8", "[4, 1]", NULL, 4},
    {"model.d.weight", "F8_E4M3", "[4, 4]", NULL, 16},   {"model.d.weight_scale_inv", "F32", "[1, 1]", NULL, 4},
};
#define RIGHT (sizeof right / sizeof *right)

/* `tensors` beside these, and what a problem of the store says of them. */
static void expect_told(const struct plain_tensor *tensors, size_t count, const char *config, const char *a,
                        const char *b)
{
    struct plain_tensor all[RIGHT + 8];
    memcpy(all, right, sizeof right);
    memcpy(all + RIGHT, tensors, count * sizeof *tensors);
    write_text(scratch("told/config.json"), config);
    write_tensors(scratch("told/model.safetensors"), all, RIGHT + count, NULL);
    struct store *store = open_store(scratch("told"));
    cr_assert_eq(store_problem_count(store), 1, "%zu problems about %s", store_problem_count(store), tensors[0].name);
    const char *problem = store_problem(store, 0), *name = store_problem_announced(store, 0);
    cr_expect(strstr(problem, a) && strstr(problem, b), "%s", problem);
    cr_expect(name && strcmp(name, "model.a.weight") == 0 && !store_find(store, name), "%s", problem);
    for (size_t i = 0; i < store_count(store); i++)
        cr_expect(tensor_storage(store_at(store, i)), "%s is left", store_at(store, i)->name);
    store_free(store);
}

#define FP8_SAID "{\"quantization_config\": {\"quant_method\": \"fp8\"}}"

static const struct {
    struct plain_tensor tensors[4];
    size_t count;
    const char *config, *says[2];
} told_rows[] = {
    {{{"model.a.weight", "F8_E4M3", "[4, 4]", NULL, 16}},
     1,
     FP8_SAID,
     {"weight is there", "weight_scale_inv is absent"}},
    {{{"model.a.weight_scale_inv", "F32", "[1, 1]", NULL, 4}},
     1,
     "{}",
     {"weight_scale_inv is there", "weight is absent"}},
    {{{"model.a.weight", "F8_E4M3", "[4, 4]", NULL, 16}, {"model.a.weight_scale_inv", "F32", "[3, 1]", NULL, 12}},
     2,
     "{}",
     {"model.a.weight_scale_inv", "3 x 1 scales"}},
    {{{"model.a.weight", "F8_E4M3", "[4, 4]", NULL, 16}, {"model.a.weight_scale_inv", "I32", "[1, 1]", NULL, 4}},
     2,
     "{}",
     {"model.a.weight_scale_inv", "I32"}},
    {{{"model.a.weight", "F8_E4M3", "[4, 4]", NULL, 16}, {"model.a.weight_scale_inv", "F32", "[0, 1]", NULL, 0}},
     2,
     "{}",
     {"model.a.weight_scale_inv", "no values"}},
    {{{"model.a.weight", "F8_E4M3", "[4, 4]", NULL, 16}, {"model.a.weight_scale_inv", "F32", "[1, 1, 1, 7]", NULL, 28}},
     2,
     "{}",
     {"model.a.weight_scale_inv", "[1, 1, 1, 7]"}},
    {{{"model.a.weight", "I8", "[4, 4]", NULL, 16},
      {"model.a.weight_scale", "F32", "[4, 1]", NULL, 16},
      {"model.a.weight_zero_point", "I8", "[3, 1]", NULL, 3}},
     3,
     "{}",
     {"model.a.weight_zero_point", "[4, 1]"}},
    {{{"model.a.qweight", "I32", "[1, 8]", NULL, 32}, {"model.a.qzeros", "I32", "[1, 1]", NULL, 4}},
     2,
     "{}",
     {"qweight, qzeros are there", "scales is absent"}},
    {{{"model.a.qweight", "I32", "[1, 8]", NULL, 32},
      {"model.a.qzeros", "I32", "[1, 3]", NULL, 12},
      {"model.a.scales", "F16", "[1, 8]", NULL, 16}},
     3,
     "{\"quantization_config\": {\"quant_method\": \"gptq\"}}",
     {"model.a.qzeros", "[1, 3]"}},
    {{{"model.a.qweight", "I32", "[1, 8]", NULL, 32},
      {"model.a.qzeros", "I32", "[0, 1]", NULL, 0},
      {"model.a.scales", "F16", "[1, 8]", NULL, 16}},
     3,
     "{}",
     {"model.a.qzeros", "no values"}},
    {{{"model.a.qweight", "I32", "[1, 8]", NULL, 32},
      {"model.a.qzeros", "I32", "[3, 1]", NULL, 12},
      {"model.a.scales", "F16", "[3, 8]", NULL, 48}},
     3,
     "{}",
     {"model.a.scales", "3 groups"}},
};

Test(storage, a_part_that_is_absent_or_of_another_shape_is_named)
{
    for (size_t i = 0; i < sizeof told_rows / sizeof *told_rows; i++)
        expect_told(told_rows[i].tensors, told_rows[i].count, told_rows[i].config, told_rows[i].says[0],
                    told_rows[i].says[1]);
}

/* FP8 without scales is a plain type where nothing says that there are scales. */
Test(storage, what_is_no_part_is_left_alone)
{
    static const struct plain_tensor tensors[] = {{"model.a.weight", "F8_E4M3", "[2, 2]", "\x38\x40\xb8\x08", 4},
                                                  {"model.b.weight", "BF16", "[2, 2]", NULL, 8},
                                                  {"model.b.weight_scale", "F32", "[1]", NULL, 4}};
    static const float expected[] = {1, 2, -1, 0x1p-6f};
    write_tensors(scratch("alone.safetensors"), tensors, 3, NULL);
    struct store *store = open_store(scratch("alone.safetensors"));
    cr_expect_eq(store_count(store), 3);
    cr_expect_eq(store_problem_count(store), 0);
    const struct tensor *tensor = store_find(store, "model.a.weight");
    float *wide = wide_of(store, tensor, 0, 2);
    cr_expect(!tensor_storage(tensor) && memcmp(wide, expected, sizeof expected) == 0);
    free(wide);
    store_free(store);
}

/* Values are looked at as they are read. */
Test(storage, a_group_that_there_is_not_is_an_error)
{
    static const struct plain_tensor tensors[] = {{"model.a.qweight", "I32", "[1, 8]", NULL, 32},
                                                  {"model.a.qzeros", "I32", "[1, 1]", NULL, 4},
                                                  {"model.a.scales", "F16", "[1, 8]", NULL, 16},
                                                  {"model.a.g_idx", "I32", "[8]", NULL, 32}};
    struct error error = {0};
    float wide[64];
    char raw[128];
    write_tensors(scratch("groups.safetensors"), tensors, 4, NULL);
    struct store *store = open_store(scratch("groups.safetensors"));
    const struct tensor *tensor = store_find(store, "model.a.weight");
    cr_assert(tensor && !store_read_wide(store, tensor, 2, 3, raw, wide, &error));
    cr_expect(strstr(error_text(&error), "model.a.g_idx") && strstr(error_text(&error), "group"), "%s",
              error_text(&error));
    error_clear(&error);
    store_free(store);
}

Test(storage, a_part_that_all_others_have_is_missed)
{
    static const struct plain_tensor tensors[] = {
        {"model.a.qweight", "I32", "[1, 8]", NULL, 32}, {"model.a.qzeros", "I32", "[1, 1]", NULL, 4},
        {"model.a.scales", "F16", "[1, 8]", NULL, 16},  {"model.b.qweight", "I32", "[1, 8]", NULL, 32},
        {"model.b.qzeros", "I32", "[1, 1]", NULL, 4},   {"model.b.scales", "F16", "[1, 8]", NULL, 16},
        {"model.b.g_idx", "I32", "[8]", NULL, 32}};
    write_tensors(scratch("alike.safetensors"), tensors, 7, NULL);
    struct store *store = open_store(scratch("alike.safetensors"));
    expect_problem(store, "model.a.weight", "g_idx is absent", "the other matrices");
    store_free(store);
    struct plain_tensor other[8];
    memcpy(other, tensors, sizeof tensors);
    other[7] = (struct plain_tensor){"model.a.g_idx", "I32", "[9]", NULL, 36};
    write_tensors(scratch("other.safetensors"), other, 8, NULL);
    store = open_store(scratch("other.safetensors"));
    expect_problem(store, "model.a.g_idx", "[9]", "[1, 8]");
    store_free(store);
}

/* What packs words otherwise, as AWQ's gemv does, is not called broken: it stays as it is, and whoever looks sees that.
 */
Test(storage, another_layout_under_the_same_names_is_left_alone)
{
    static const struct plain_tensor tensors[] = {{"model.a.qweight", "I32", "[64, 8]", NULL, 2048},
                                                  {"model.a.qzeros", "I32", "[64, 1]", NULL, 256},
                                                  {"model.a.scales", "F16", "[64, 12]", NULL, 1536}};
    write_tensors(scratch("gemv.safetensors"), tensors, 3, NULL);
    struct store *store = open_store(scratch("gemv.safetensors"));
    cr_expect(store_count(store) == 3 && !store_problem_count(store));
    store_free(store);
}

/* MLX tells of some modules by themselves how large their groups are; 64 of 4 bits would fill as many words. */
Test(storage, a_module_may_have_groups_of_its_own)
{
    static const struct plain_tensor tensors[] = {{"model.a.weight", "U32", "[2, 16]", NULL, 128},
                                                  {"model.a.scales", "BF16", "[2, 2]", NULL, 8},
                                                  {"model.a.biases", "BF16", "[2, 2]", NULL, 8}};
    static const struct {
        const char *config;
        uint64_t columns;
    } rows[] = {
        {"{\"quantization\": {\"group_size\": 64, \"bits\": 4}}", 128},
        {"{\"quantization\": {\"group_size\": 64, \"bits\": 4, \"model.a\": {\"group_size\": 32, \"bits\": 8}}}", 64},
        {"{\"quantization\": {\"group_size\": 128, \"bits\": 2}}", 256},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_text(scratch("own/config.json"), rows[i].config);
        write_tensors(scratch("own/model.safetensors"), tensors, 3, NULL);
        struct store *store = open_store(scratch("own"));
        const struct tensor *tensor = store_find(store, "model.a.weight");
        cr_expect(tensor && tensor_storage(tensor) && tensor->columns == rows[i].columns, "row %zu", i);
        store_free(store);
    }
}

/* Queries, keys and values joined in one quantised matrix. */
Test(storage, joined_matrices_are_cut_from_what_was_put_together)
{
    static const float scales[8] = {1, 2, 4, 8, 16, 32, 64, 128};
    static const struct plain_tensor tensors[] = {
        {"model.layers.0.self_attn.qkv_proj.weight", "F8_E4M3", "[8, 4]", NULL, 32},
        {"model.layers.0.self_attn.qkv_proj.weight_scale_inv", "F32", "[8, 1]", scales, sizeof scales},
        {"model.layers.0.self_attn.o_proj.weight", "BF16", "[4, 4]", NULL, 32}};
    static const struct {
        const char *name;
        uint64_t first, rows;
    } parts[] = {{"q_proj", 0, 4}, {"k_proj", 4, 2}, {"v_proj", 6, 2}};
    write_tensors(scratch("joined.safetensors"), tensors, 3, NULL);
    struct store *store = open_store(scratch("joined.safetensors"));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char name[64];
        snprintf(name, sizeof name, "model.layers.0.self_attn.%s.weight", parts[i].name);
        const struct tensor *tensor = store_find(store, name);
        cr_assert(tensor && tensor_storage(tensor) && tensor->rows == parts[i].rows, "%s", name);
        float *wide = wide_of(store, tensor, 0, tensor->rows);
        for (size_t k = 0; k < tensor->rows * 4; k++) {
            unsigned char code = (unsigned char)(parts[i].first * 4 + k); /* as write_tensors fills it */
            float value;
            widen(DTYPE_F8_E4M3, &code, &value, 1);
            cr_expect(fabsf(wide[k] - value * scales[parts[i].first + k / 4]) <= 0, "%s: value %zu", name, k);
        }
        free(wide);
    }
    store_free(store);
}
