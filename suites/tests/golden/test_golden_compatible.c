/* What of a dump is for a model. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "golden_fixture.h"
#include "store/overlay.h"

static void make(void)
{
    scratch_make();
}

TestSuite(compatible, .init = make, .fini = scratch_remove, .timeout = 60);

/* What of the dump is left for a subject of that configuration: tensors that golden_find finds, and what is said of the
 * rest. */
static void expect_left(struct golden *golden, const struct model_config *config, size_t cases, size_t found,
                        const char *needle, bool other)
{
    struct error error = {0};
    struct buffer list = {0};
    bool is_other = false;
    size_t left = 0;
    cr_assert(golden_restrict(golden, config, &list, &is_other, &error), "%s", error_text(&error));
    for (size_t i = 0; i < golden_tensor_count(golden); i++) {
        const struct golden_tensor *tensor = golden_tensor_at(golden, i);
        left += golden_find(golden, tensor->case_index, tensor->path) == tensor;
    }
    cr_expect(golden_case_count(golden) == cases && left == found, "%zu cases, %zu tensors", golden_case_count(golden),
              left);
    cr_expect(*needle ? list.data && strstr(list.data, needle) : !list.size, "\"%s\" is not in: %s", needle,
              list.size ? list.data : "");
    cr_expect_eq(is_other, other, "%s", needle);
    buffer_free(&list);
}

Test(compatible, the_bundled_gold_is_whole_for_its_own_model)
{
    static const char *const models[] = {"thinker", "qwen3_moe", "llama", "mixtral"};
    for (size_t i = 0; i < COUNT(models); i++) {
        char path[512];
        snprintf(path, sizeof path, NANO "%s.golden.safetensors", models[i]);
        struct golden *golden = open_golden(path);
        struct model_config *config = nano_config(models[i]);
        expect_left(golden, config, golden_case_count(golden), golden_tensor_count(golden), "", false);
        free(config);
        golden_free(golden);
    }
}

Test(compatible, what_the_subject_has_not_is_left_out)
{
    struct model_config *config =
        nano_config("qwen3"); /* vocabulary 408, hidden 32, 6 heads of 24, 2 of them for keys */
    static const struct {
        const char *cases, *needle;
        size_t left;
    } rows[] = {
        {"[{\"id\":\"a\",\"ids\":[0,407]}]", "", 1},
        {"[{\"id\":\"a\",\"ids\":[0,408]}]", "1 case of gold with token ids that this model does not have ('a')", 0},
        {"[{\"id\":\"a\",\"ids\":[2147483647]},{\"id\":\"c\",\"ids\":[1]}]", "('a')", 1},
        {"[{\"id\":\"a\",\"ids\":[0],\"greedy\":[1,408]}]", "", 1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct golden *golden = open_golden(write_golden(&(struct entry){"cases", rows[i].cases}, 1, NULL, 0));
        expect_left(golden, config, rows[i].left, 0, rows[i].needle, false);
        if (i == 3)
            cr_expect_eq(golden_case_at(golden, 0)->greedy_count, 1, "cut before the id that it has not");
        golden_free(golden);
    }
    static const struct {
        struct plain_tensor tensor;
        size_t found;
        const char *needle;
        bool other;
    } widths[] = {
        {{"b/model.norm", "F16", "[1,32]", NULL, 64}, 1, "", false},
        {{"b/model.norm", "F16", "[1,31]", NULL, 62},
         0,
         "'model.norm' has 31 values for each token in gold, 32 here)",
         true},
        {{"b/lm_head", "F16", "[1,408]", NULL, 816}, 1, "", false},
        {{"b/lm_head", "F16", "[1,400]", NULL, 800}, 1, "", false},
        {{"b/lm_head", "F16", "[1,416]", NULL, 832}, 1, "gold's logits of token ids from 408 to 415", false},
        {{"b/model.layers.4.self_attn.q_norm", "F16", "[1,6,24]", NULL, 288}, 1, "", false},
        {{"b/model.layers.4.self_attn.q_norm", "F16", "[1,2,24]", NULL, 96},
         0,
         "has 48 values for each token in gold, 144 here",
         true},
        {{"b/model.layers.4.mlp", "F16", "[1,44]", NULL, 88}, 0, "'mlp' has 44 values", true},
        {{"b/model.layers.9.mlp", "F16", "[1,44]", NULL, 88}, 1, "gold's layers 5 to 9", false},
        {{"b/some.module.of.another.kind", "F16", "[1,7]", NULL, 14}, 1, "", false},
    };
    for (size_t i = 0; i < COUNT(widths); i++) {
        struct golden *golden = open_golden(write_golden(NULL, 0, &widths[i].tensor, 1));
        expect_left(golden, config, golden_case_count(golden), widths[i].found, widths[i].needle, widths[i].other);
        golden_free(golden);
    }
    free(config);
}

/* Of rows that are cut the first values are read, row by row. */
Test(compatible, logits_of_the_ids_that_both_have)
{
    struct model_config *config = nano_config("qwen3");
    struct golden *whole = open_golden(NANO "qwen3.golden.safetensors"),
                  *cut = open_golden(NANO "qwen3.golden.safetensors");
    config->vocabulary = 400;
    struct buffer list = {0};
    struct error error = {0};
    bool other;
    cr_assert(golden_restrict(cut, config, &list, &other, &error) && golden_case_count(cut), "%s", error_text(&error));
    size_t same = golden_same_case(whole, golden_case_at(cut, 0));
    const struct golden_tensor *all = golden_find(whole, same, "lm_head"), *some = golden_find(cut, 0, "lm_head");
    cr_assert(all && some && all->width == 408 && some->width == 400 && some->rows == all->rows && some->rows > 1);
    float *a = malloc(all->rows * 408 * sizeof *a), *b = malloc(all->rows * 400 * sizeof *b);
    cr_assert(a && b && golden_read_rows(whole, all, 0, all->rows, a, &error) &&
              golden_read_rows(cut, some, 0, all->rows, b, &error));
    for (size_t row = 0; row < all->rows; row++)
        cr_expect(memcmp(a + row * 408, b + row * 400, 400 * sizeof *b) == 0, "row %zu", row);
    free(a);
    free(b);
    buffer_free(&list);
    golden_free(whole);
    golden_free(cut);
    free(config);
}

Test(compatible, a_configuration_that_is_none_is_an_error)
{
    struct golden *golden = open_golden(write_golden(&(struct entry){"config", "{\"model_type\":"}, 1, NULL, 0));
    struct error error = {0};
    cr_expect_null(golden_config(golden, &error));
    cr_expect(strstr(error_text(&error), "metadata \"config\""), "%s", error_text(&error));
    error_clear(&error);
    golden_free(golden);
}

/* SHA-256 over name, dtype, shape and values in the order of the names, whatever the layout on disk. */
Test(compatible, the_hash_of_the_weights)
{
    struct error error = {0};
    char here[65], there[65];
    struct store *base = open_three();
    struct sha256 *sha = sha256_new(&error);
    static const char hashed[] = "model.a\0U8\0"
                                 "4,2\0"
                                 "aAbBcCdD"
                                 "model.b\0U8\0"
                                 "4\0"
                                 "efgh"
                                 "model.c\0U8\0"
                                 "2\0"
                                 "xy";
    sha256_update(sha, hashed, sizeof hashed - 1);
    cr_assert(sha256_finish(sha, there) && store_sha256(base, here, &error), "%s", error_text(&error));
    cr_expect_str_eq(here, there);
    struct store *overlay = overlay_new(base, &error);
    cr_assert(overlay_replace(overlay, "model.c", DTYPE_U8, 1, (const uint64_t[]){2}, "xz", &error) &&
              store_sha256(overlay, there, &error));
    cr_expect_str_neq(here, there, "one changed byte");
    cr_assert(overlay_replace(overlay, "model.c", DTYPE_U8, 1, (const uint64_t[]){2}, "xy", &error) &&
              store_sha256(overlay, there, &error));
    cr_expect_str_eq(here, there, "computed anew after a change");
    cr_assert(overlay_drop(overlay, "model.c", &error) && store_sha256(overlay, there, &error));
    cr_expect_str_neq(here, there, "one dropped tensor");
    write_text(store_at(base, 0)->file, "no longer what was opened");
    cr_expect(store_sha256(base, there, &error), "read a second time: %s", error_text(&error));
    cr_expect_str_eq(here, there);
    store_free(overlay);
    store_free(base);
    struct store *original = open_store(NANO "thinker"), *extracted = open_store(NANO "thinker-extraction");
    cr_assert(store_sha256(original, here, &error) && store_sha256(extracted, there, &error), "%s", error_text(&error));
    cr_expect_str_eq(here, there, "an extraction has other weights than its original");
    store_free(original);
    store_free(extracted);
}

Test(compatible, gold_without_a_configuration_shows_its_layers)
{
    static const struct plain_tensor tensors[] = {{"b/model.layers.2.mlp.gate", "F32", "[1,12]", NULL, 48},
                                                  {"b/model.layers.4", "F32", "[1,3]", NULL, 12},
                                                  {"b/model.layers.99999999.mlp.gate", "F32", "[1,12]", NULL, 48},
                                                  {"b/model.layers.-3.mlp.gate", "F32", "[1,12]", NULL, 48}};
    struct golden *golden = open_golden(write_golden(NULL, 0, tensors, 4));
    struct error error = {0};
    struct model_config *config = golden_config(golden, &error);
    cr_assert(config, "%s", error_text(&error));
    cr_expect(config->layers == 5 && config->experts == 12 && config->sparse[2] && !config->sparse[1] &&
              !config->sparse[4]);
    free(config);
    golden_free(golden);
}
