#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/json.h"
#include "golden/dump.h"
#include "golden/golden.h"
#include "golden_fixture.h"
#include "model/probe.h"
#include "store/overlay.h"
#include "store/safetensors.h"
#include "store_fixtures.h"

static void make(void)
{
    scratch_make();
}

TestSuite(golden, .init = make, .fini = scratch_remove, .timeout = 60);
TestSuite(dump, .init = make, .fini = scratch_remove, .timeout = 60);

/* --- the reader --- */

static const struct plain_tensor three[] = {{"a/model.norm", "F32", "[2,3]", NULL, 24},
                                            {"a/model.layers.0.self_attn.q_norm", "F32", "[2,2,2]", NULL, 32},
                                            {"b/model.norm", "F32", "[1,3]", NULL, 12}};

static void expect_refused(const char *path, const char *what, const char *needle)
{
    struct error error = {0};
    struct golden *golden = golden_open(path, &error);
    cr_expect(!golden, "%s was accepted; a refusal with \"%s\" was expected", what, needle);
    cr_expect(golden || strstr(error_text(&error), needle), "%s: \"%s\" is not in: %s", what, needle,
              error_text(&error));
    cr_expect(golden || strstr(error_text(&error), path), "%s: the message does not name the file: %s", what,
              error_text(&error));
    golden_free(golden);
    error_clear(&error);
}

Test(golden, reads_what_a_dump_says)
{
    static const char hash[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    char text[256];
    snprintf(text, sizeof text, "{\"sha256\":\"%s\",\"context\":64,\"stride\":32,\"tokens\":100,\"perplexity\":7.5}",
             hash);
    const struct entry entries[] = {{"noise", "{\"a/model.norm\":1e-6,\"b/model.norm\":null}"},
                                    {"perplexity_text", text}};
    const char *path = write_golden(entries, 2, three, 3);
    struct golden *golden = open_golden(path);
    cr_expect_str_eq(golden_path(golden), path);
    cr_expect_str_eq(golden_producer(golden), "test 1.0");
    cr_expect_str_eq(golden_dtype(golden), "float64");
    cr_expect(golden_has_noise(golden));
    cr_assert(golden_case_count(golden) == 2 && golden_tensor_count(golden) == 3);
    const struct golden_case *a = golden_case_at(golden, 0), *b = golden_case_at(golden, 1);
    cr_expect(strcmp(a->id, "a") == 0 && a->count == 2 && a->ids[0] == 1 && a->ids[1] == 2 && !a->prompt &&
              !a->greedy && !a->greedy_count && isnan(a->perplexity));
    cr_expect(strcmp(b->id, "b") == 0 && b->count == 1 && strcmp(b->prompt, "p") == 0 && b->greedy_count == 2 &&
              b->greedy[1] == 5 && fabs(b->perplexity - 2.5) < 1e-12);
    const struct golden_tensor *norm = golden_find(golden, 0, "model.norm"),
                               *q = golden_find(golden, 0, "model.layers.0.self_attn.q_norm");
    cr_assert(norm && q && golden_find(golden, 1, "model.norm"));
    cr_expect(!golden_find(golden, 1, "model.layers.0.self_attn.q_norm") && !golden_find(golden, 0, "") &&
              !golden_find(golden, 0, "x"));
    cr_expect(norm->rows == 2 && norm->width == 3 && norm->case_index == 0 && q->rows == 2 && q->width == 4);
    cr_expect(fabs(norm->noise - 1e-6) < 1e-18 && isnan(q->noise) &&
              isnan(golden_find(golden, 1, "model.norm")->noise));
    const struct golden_text *words = golden_perplexity_text(golden);
    cr_assert(words);
    cr_expect(strcmp(words->sha256, hash) == 0 && words->context == 64 && words->stride == 32 && words->tokens == 100 &&
              fabs(words->perplexity - 7.5) < 1e-12);
    golden_free(golden);
    golden_free(NULL);
    golden = open_golden(write_golden(NULL, 0, three, 3));
    cr_expect(!golden_has_noise(golden) && !golden_perplexity_text(golden) &&
              isnan(golden_tensor_at(golden, 0)->noise));
    golden_free(golden);
}

Test(golden, required_metadata_is_required)
{
    static const struct {
        struct entry entry;
        const char *needle;
    } rows[] = {
        {{"assay.golden", NULL}, "not a golden dump"},
        {{"assay.golden", "2"}, "golden format \"2\""},
        {{"assay.golden", ""}, "golden format \"\""},
        {{"producer", NULL}, "metadata \"producer\" is absent"},
        {{"dtype", NULL}, "metadata \"dtype\" is absent"},
        {{"cases", NULL}, "metadata \"cases\" is absent"},
        {{"cases", ""}, "metadata \"cases\""},
        {{"cases", "[{]"}, "metadata \"cases\""},
        {{"cases", "{}"}, "at least one case"},
        {{"cases", "[]"}, "at least one case"},
        {{"cases", "null"}, "at least one case"},
        {{"cases", "\"a\""}, "at least one case"},
        {{"noise", "{"}, "metadata \"noise\""},
        {{"noise", "[1]"}, "\"noise\" should be an object"},
        {{"noise", "1"}, "\"noise\" should be an object"},
        {{"noise", "{\"a/model.norm\":-1}"}, "noise of tensor 'a/model.norm'"},
        {{"noise", "{\"a/model.norm\":1e999}"}, "noise of tensor 'a/model.norm'"},
        {{"noise", "{\"a/model.norm\":\"small\"}"}, "noise of tensor 'a/model.norm'"},
        {{"noise", "{\"a/model.norm\":1}"}, "noise of tensor 'a/model.norm'"},
        {{"noise", "{\"a/model.norms\":1e-6}"}, "names 'a/model.norms', which the dump does not hold, and not"},
        {{"dtype", "float8"}, "\"dtype\" is \"float8\"; float64, float32, float16 or bfloat16 was expected"},
        {{"perplexity_text", "{"}, "malformed JSON"},
        {{"perplexity_text", "[]"}, "\"perplexity_text\" is incomplete"},
        {{"perplexity_text",
          "{\"sha256\":\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\",\"context\":64,"
          "\"stride\":32,\"tokens\":100}"},
         "\"perplexity_text\" is incomplete"},
        {{"perplexity_text", "{\"sha256\":\"0123\",\"context\":64,\"stride\":32,\"tokens\":100,\"perplexity\":7.5}"},
         "incomplete"},
        {{"perplexity_text", "{\"context\":1,\"stride\":32,\"tokens\":100,\"perplexity\":7.5}"}, "\"context\""},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        expect_refused(write_golden(&rows[i].entry, 1, three, 3),
                       rows[i].entry.text ? rows[i].entry.text : rows[i].entry.key, rows[i].needle);
    write_tensors(scratch("plain.safetensors"), three, 3, NULL);
    expect_refused(scratch("plain.safetensors"), "a file without metadata", "not a golden dump");
    write_text(scratch("text.safetensors"), "no safetensors file at all");
    expect_refused(scratch("text.safetensors"), "a text", "");
    expect_refused(scratch("absent.safetensors"), "an absent file", "");
}

Test(golden, malformed_cases_are_refused)
{
    static const struct {
        const char *cases, *needle;
    } rows[] = {
        {"[1]", "case 0 is not an object"},
        {"[null]", "case 0 is not an object"},
        {"[[\"a\",[1]]]", "case 0 is not an object"},
        {"[{}]", "\"id\" of case 0 should be a name"},
        {"[{\"ids\":[1]}]", "\"id\" of case 0 should be a name"},
        {"[{\"id\":\"\",\"ids\":[1]}]", "\"id\" of case 0 should be a name"},
        {"[{\"id\":\"a/b\",\"ids\":[1]}]", "without a slash"},
        {"[{\"id\":1,\"ids\":[1]}]", "\"id\" should be a string"},
        {"[{\"id\":\"a\"}]", "case 'a': \"ids\""},
        {"[{\"id\":\"a\",\"ids\":null}]", "case 'a': \"ids\""},
        {"[{\"id\":\"a\",\"ids\":[]}]", "case 'a': \"ids\""},
        {"[{\"id\":\"a\",\"ids\":\"1\"}]", "case 'a': \"ids\""},
        {"[{\"id\":\"a\",\"ids\":{\"0\":1}}]", "case 'a': \"ids\""},
        {"[{\"id\":\"a\",\"ids\":[1,-1]}]", "case 'a': entry 1 of \"ids\""},
        {"[{\"id\":\"a\",\"ids\":[1.5]}]", "case 'a': entry 0 of \"ids\""},
        {"[{\"id\":\"a\",\"ids\":[\"1\"]}]", "case 'a': entry 0 of \"ids\""},
        {"[{\"id\":\"a\",\"ids\":[1,[2]]}]", "case 'a': entry 1 of \"ids\""},
        {"[{\"id\":\"a\",\"ids\":[2147483648]}]", "case 'a': entry 0 of \"ids\""},
        {"[{\"id\":\"a\",\"ids\":[1e300]}]", "case 'a': entry 0 of \"ids\""},
        {"[{\"id\":\"a\",\"ids\":[true]}]", "case 'a': entry 0 of \"ids\""},
        {"[{\"id\":\"a\",\"ids\":[1],\"greedy\":[-1]}]", "case 'a': entry 0 of \"greedy\""},
        {"[{\"id\":\"a\",\"ids\":[1],\"greedy\":\"12\"}]", "case 'a': \"greedy\""},
        {"[{\"id\":\"a\",\"ids\":[1],\"greedy\":7}]", "case 'a': \"greedy\""},
        {"[{\"id\":\"a\",\"ids\":[1],\"greedy\":{}}]", "case 'a': \"greedy\""},
        {"[{\"id\":\"a\",\"ids\":[1],\"prompt\":1}]", "\"prompt\" should be a string"},
        {"[{\"id\":\"a\",\"ids\":[1],\"perplexity\":\"low\"}]", "\"perplexity\" should be a finite number"},
        {"[{\"id\":\"a\",\"ids\":[1],\"perplexity\":1e999}]", "\"perplexity\" should be a finite number"},
        {"[{\"id\":\"a\",\"ids\":[1]},{\"id\":\"a\",\"ids\":[1]}]", "case 'a' occurs twice"},
        {"[{\"id\":\"a\",\"ids\":[1]},{\"id\":\"\\u0061\",\"ids\":[1]}]", "case 'a' occurs twice"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        expect_refused(write_golden(&(struct entry){"cases", rows[i].cases}, 1, NULL, 0), rows[i].cases,
                       rows[i].needle);
    struct golden *golden = open_golden(write_golden(
        &(struct entry){
            "cases",
            "[{\"id\":\"a\",\"ids\":[0,2147483647],\"greedy\":[],\"prompt\":null,\"perplexity\":null,\"more\":1}]"},
        1, NULL, 0));
    cr_expect(golden_tensor_count(golden) == 0 && golden_case_at(golden, 0)->ids[1] == 2147483647);
    golden_free(golden);
}

Test(golden, every_tensor_belongs_to_a_case_and_has_its_rows)
{
    static const struct {
        struct plain_tensor tensor;
        const char *needle;
    } rows[] = {
        {{"model.norm", "F32", "[2,3]", NULL, 24}, "'model.norm' belongs to no case"},
        {{"/model.norm", "F32", "[2,3]", NULL, 24}, "belongs to no case"},
        {{"c/model.norm", "F32", "[2,3]", NULL, 24}, "'c/model.norm' belongs to no case"},
        {{"aa/model.norm", "F32", "[2,3]", NULL, 24}, "belongs to no case"},
        {{"a/model.norm", "F32", "[3,3]", NULL, 36}, "'a/model.norm' has shape [3, 3]; a row for each of the 2 tokens"},
        {{"a/model.norm", "F32", "[1,2,3]", NULL, 24}, "has shape [1, 2, 3]"},
        {{"a/model.norm", "F32", "[2]", NULL, 8}, "has shape [2]"},
        {{"a/model.norm", "F32", "[]", NULL, 4}, "has shape []"},
        {{"a/model.norm", "F32", "[2,1,1,3]", NULL, 24}, "has shape [2, 1, 1, 3]"},
        {{"a/model.norm", "F32", "[2,0]", NULL, 0}, "has shape [2, 0]"},
        {{"b/model.norm", "F32", "[2,3]", NULL, 24}, "each of the 1 tokens"},
        {{"a/model.norm", "I64", "[2,3]", NULL, 48}, "'a/model.norm' has dtype I64"},
        {{"a/model.norm", "F64", "[2,3]", NULL, 48}, "'a/model.norm' has dtype F64"},
        {{"a/model.norm", "F8_E4M3", "[2,3]", NULL, 6}, "has dtype F8_E4M3"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        expect_refused(write_golden(NULL, 0, &rows[i].tensor, 1), rows[i].tensor.name, rows[i].needle);
}

Test(golden, rows_are_read_as_float32)
{
    static const float f32[] = {1, -2, 0.5f, 4, 65504, -0.0f};
    static const uint16_t bf16[] = {0x3F80, 0xC000, 0x3F00, 0x4080, 0x477F, 0x8000},
                          f16[] = {0x3C00, 0xC000, 0x3800, 0x4400, 0x7BFF, 0x8000};
    const struct plain_tensor tensors[] = {
        {"a/x", "F32", "[2,3]", f32, 24}, {"a/y", "BF16", "[2,3]", bf16, 12}, {"a/z", "F16", "[2,3]", f16, 12}};
    struct golden *golden = open_golden(write_golden(NULL, 0, tensors, 3));
    static const char *const names[] = {"x", "y", "z"};
    struct error error = {0};
    for (int i = 0; i < 3; i++) {
        const struct golden_tensor *tensor = golden_find(golden, 0, names[i]);
        for (size_t first = 0; first <= 2; first++)
            for (size_t count = 0; count <= 2 - first; count++) {
                float out[7] = {9, 9, 9, 9, 9, 9, 9};
                cr_assert(golden_read_rows(golden, tensor, first, count, out, &error), "%s", error_text(&error));
                for (size_t k = 0; k < 7; k++) {
                    float expected = k < 3 * count ? i == 1 && first * 3 + k == 4 ? 65280 : f32[first * 3 + k] : 9;
                    cr_expect(memcmp(&out[k], &expected, 4) == 0, "%s, rows %zu + %zu, value %zu: %g", names[i], first,
                              count, k, out[k]);
                }
            }
        static const size_t outside[][2] = {{0, 3}, {2, 1}, {3, 0}, {SIZE_MAX, 1}, {1, SIZE_MAX}};
        for (size_t k = 0; k < COUNT(outside); k++) {
            float out[9];
            cr_expect_not(golden_read_rows(golden, tensor, outside[k][0], outside[k][1], out, &error));
            cr_expect(strstr(error_text(&error), "has 2 rows"), "%s", error_text(&error));
            error_clear(&error);
        }
    }
    float out[6];
    FILE *file = fopen(golden_path(golden), "r+b"); /* as another program that writes the dump anew, in its place */
    cr_assert(file && fseek(file, 0, SEEK_END) == 0 && fputc(' ', file) != EOF && fclose(file) == 0);
    cr_expect_not(golden_read_rows(golden, golden_find(golden, 0, "x"), 0, 2, out, &error));
    cr_expect(strstr(error_text(&error), "changed while it was being read"), "%s", error_text(&error));
    error_clear(&error);
    cr_assert_eq(truncate(golden_path(golden), 100), 0);
    cr_expect_not(golden_read_rows(golden, golden_find(golden, 0, "z"), 0, 2, out, &error), "the file shrank");
    cr_expect(strstr(error_text(&error), golden_path(golden)), "%s", error_text(&error));
    error_clear(&error);
    golden_free(golden);
}

Test(golden, the_bundled_dumps_open_with_finite_values_and_noise)
{
    static const char *const models[] = {"thinker", "qwen3", "qwen3_moe", "llama", "mixtral", "qwen2", "qwen2_moe"};
    for (size_t i = 0; i < COUNT(models); i++) {
        char path[512];
        snprintf(path, sizeof path, NANO "%s.golden.safetensors", models[i]);
        struct golden *golden = open_golden(path);
        struct error error = {0};
        struct model_config *config = golden_config(golden, &error);
        cr_assert(config, "%s", error_text(&error));
        cr_expect(golden_has_noise(golden) && strcmp(golden_dtype(golden), "float64") == 0);
        for (size_t k = 0; k < golden_tensor_count(golden); k++) {
            const struct golden_tensor *tensor = golden_tensor_at(golden, k);
            float *values = malloc(tensor->rows * tensor->width * sizeof *values);
            cr_assert(golden_read_rows(golden, tensor, 0, tensor->rows, values, &error), "%s", error_text(&error));
            for (size_t v = 0; v < tensor->rows * tensor->width; v++)
                cr_assert(isfinite(values[v]), "%s: %s, value %zu", path, tensor->path, v);
            cr_expect(tensor->noise < 1e-4, "%s: the noise of %s is %g", path, tensor->path, tensor->noise);
            cr_expect_eq(golden_find(golden, tensor->case_index, tensor->path), tensor);
            free(values);
        }
        free(config);
        golden_free(golden);
    }
}

/* --- the writer --- */

static const int ids_a[] = {1, 2, 3, 4, 5}, ids_b[] = {7}, greedy_b[] = {8, 9};
static const struct golden_case dump_cases[] = {{.id = "a", .ids = ids_a, .count = 5, .perplexity = NAN},
                                                {.id = "b \"quoted\"",
                                                 .ids = ids_b,
                                                 .count = 1,
                                                 .prompt = "p\n\xc3\xa4",
                                                 .greedy = greedy_b,
                                                 .greedy_count = 2,
                                                 .perplexity = 2.5}};

/* What the pretended pass computes: another number for each value. */
static float value_of(size_t sequence, size_t token, enum point point, int layer, size_t column)
{
    return (float)(sequence * 1000000 + token * 100000) + (float)(((int)point * 8 + layer + 1) * 512) + (float)column;
}

struct chunk {
    size_t first[2], count[2]; /* tokens of each case */
};

/* One pass over some tokens of both cases; the head sees them in blocks of two rows, as from the engine. */
static bool pretend_pass(const struct model_config *config, struct dump *dump, const struct chunk *chunk,
                         enum point left_out)
{
    struct probe probe = dump_probe(dump);
    struct error error = {0};
    for (int layer = -1; layer < config->layers; layer++)
        for (int point = 0; point < POINT_COUNT; point++) {
            if (!point_exists(config, (enum point)point, layer) || point == (int)left_out)
                continue;
            size_t heads, width = point_width(config, (enum point)point, &heads),
                          rows = chunk->count[0] + chunk->count[1];
            struct row row_of[8];
            float *values = malloc(rows * width * sizeof *values);
            for (size_t row = 0; row < rows; row++) {
                size_t sequence = row >= chunk->count[0], token = row - (sequence ? chunk->count[0] : 0);
                row_of[row] = (struct row){(int)sequence, (int)token};
                for (size_t column = 0; column < width; column++)
                    values[row * width + column] =
                        value_of(sequence, chunk->first[sequence] + token, (enum point)point, layer, column);
            }
            size_t block = point == POINT_HEAD ? 2 : rows;
            bool good = true;
            for (size_t row = 0; good && row < rows; row += block) {
                char path[POINT_PATH];
                struct activation activation = {.point = (enum point)point,
                                                .layer = layer,
                                                .path = point_path((enum point)point, layer, path),
                                                .values = values + row * width,
                                                .rows = rows - row < block ? rows - row : block,
                                                .heads = heads,
                                                .width = width,
                                                .row_of = row_of + row};
                good = probe.see(probe.context, &activation, &error);
            }
            free(values);
            if (!good) {
                error_clear(&error);
                return false;
            }
        }
    return true;
}

static struct dump *new_dump(const char *path, const struct model_config *config, const struct golden_case *cases)
{
    struct dump_options options = {
        .producer = "test", .dtype = "float32", .config = "{\"x\":\"\\u0000\"}", .tokenizer_sha256 = "abc"};
    for (int i = 0; i < POINT_COUNT; i++)
        options.points[i] = true;
    struct error error = {0};
    struct dump *dump = dump_create(path, config, cases, 2, &options, &error);
    cr_assert(dump, "%s", error_text(&error));
    return dump;
}

static const struct chunk whole = {{0, 0}, {5, 1}}, first_part = {{0, 0}, {3, 1}}, second_part = {{3, 1}, {2, 0}};

static void expect_dumped(const char *path, const struct model_config *config)
{
    struct golden *golden = open_golden(path);
    struct error error = {0};
    size_t expected = 0;
    for (int layer = -1; layer < config->layers; layer++)
        for (int point = 0; point < POINT_COUNT; point++)
            for (size_t sequence = 0; point_exists(config, (enum point)point, layer) && sequence < 2; sequence++) {
                char module[POINT_PATH];
                const struct golden_tensor *tensor =
                    golden_find(golden, sequence, point_path((enum point)point, layer, module));
                cr_assert(tensor, "no %s", module);
                expected++;
                size_t width = point_width(config, (enum point)point, NULL);
                cr_assert(tensor->rows == dump_cases[sequence].count && tensor->width == width);
                float *values = malloc(tensor->rows * width * sizeof *values);
                cr_assert(golden_read_rows(golden, tensor, 0, tensor->rows, values, &error), "%s", error_text(&error));
                for (size_t i = 0; i < tensor->rows * width; i++) {
                    float value = value_of(sequence, i / width, (enum point)point, layer, i % width);
                    cr_assert(memcmp(&values[i], &value, 4) == 0, "%s of case %zu, value %zu: %g, not %g", module,
                              sequence, i, values[i], value);
                }
                free(values);
            }
    cr_expect_eq(golden_tensor_count(golden), expected);
    for (size_t i = 0; i < 2; i++) {
        const struct golden_case *got = golden_case_at(golden, i), *put = &dump_cases[i];
        cr_expect(strcmp(got->id, put->id) == 0 && got->count == put->count &&
                  memcmp(got->ids, put->ids, put->count * sizeof(int)) == 0 && got->greedy_count == put->greedy_count &&
                  !got->prompt == !put->prompt && isnan(got->perplexity) == isnan(put->perplexity));
        cr_expect(!put->prompt || strcmp(got->prompt, put->prompt) == 0);
    }
    cr_expect_str_eq(golden_producer(golden), "test");
    golden_free(golden);
}

Test(dump, is_read_again_as_it_was_seen)
{
    static const char *const models[] = {"qwen3", "thinker", "llama"};
    for (size_t i = 0; i < COUNT(models); i++) {
        struct model_config *config = nano_config(models[i]);
        struct error error = {0};
        const char *path = scratch("whole.safetensors"), *parts = scratch("parts.safetensors");
        struct dump *dump = new_dump(path, config, dump_cases);
        cr_assert(pretend_pass(config, dump, &whole, POINT_COUNT));
        cr_expect_neq(access(path, F_OK), 0, "the file is there before commit");
        cr_assert(dump_commit(dump, &error), "%s", error_text(&error));
        expect_dumped(path, config);
        dump = new_dump(parts, config, dump_cases);
        cr_assert(pretend_pass(config, dump, &first_part, POINT_COUNT));
        dump_advance(dump, 0, 3);
        dump_advance(dump, 1, 1);
        cr_assert(pretend_pass(config, dump, &second_part, POINT_COUNT));
        cr_assert(dump_commit(dump, &error), "%s", error_text(&error));
        expect_dumped(parts, config);
        unlink(path);
        unlink(parts);
        free(config);
    }
}

Test(dump, an_activation_that_never_came_is_an_error)
{
    struct model_config *config = nano_config("qwen3");
    struct error error = {0};
    const char *path = scratch("dump.safetensors");
    struct dump *dump = new_dump(path, config, dump_cases);
    cr_assert(pretend_pass(config, dump, &whole, POINT_POST_NORM));
    cr_expect_not(dump_commit(dump, &error));
    cr_expect(strstr(error_text(&error), "post_attention_layernorm"), "%s", error_text(&error));
    error_clear(&error);
    dump = new_dump(path, config, dump_cases);
    cr_assert(pretend_pass(config, dump, &first_part, POINT_COUNT));
    cr_expect_not(dump_commit(dump, &error), "two tokens are missing");
    error_clear(&error);
    /* as many bytes as there should be, but the second part lies over the first */
    dump = new_dump(path, config, dump_cases);
    cr_assert(pretend_pass(config, dump, &first_part, POINT_COUNT) &&
              pretend_pass(config, dump, &second_part, POINT_COUNT));
    cr_expect_not(dump_commit(dump, &error));
    cr_expect(strstr(error_text(&error), "was not written whole"), "%s", error_text(&error));
    error_clear(&error);
    /* more tokens than the case has */
    dump = new_dump(path, config, dump_cases);
    cr_assert(pretend_pass(config, dump, &whole, POINT_COUNT));
    dump_advance(dump, 0, 4);
    cr_expect_not(pretend_pass(config, dump, &second_part, POINT_COUNT), "tokens past the end were taken");
    dump_discard(dump);
    dump_discard(NULL);
    cr_expect_neq(access(path, F_OK), 0, "a dump that was not finished is there");
    free(config);
}

Test(dump, holds_only_the_points_that_were_asked_for)
{
    struct model_config *config = nano_config("thinker");
    struct dump_options options = {.producer = "test", .dtype = "float32"};
    options.points[POINT_HEAD] = options.points[POINT_ROUTER] = true;
    struct error error = {0};
    const char *path = scratch("dump.safetensors");
    struct dump *dump = dump_create(path, config, dump_cases, 2, &options, &error);
    cr_assert(dump && pretend_pass(config, dump, &whole, POINT_COUNT) && dump_commit(dump, &error), "%s",
              error_text(&error));
    struct golden *golden = open_golden(path);
    size_t sparse = 0;
    for (int layer = 0; layer < config->layers; layer++)
        sparse += config->sparse[layer];
    cr_expect_eq(golden_tensor_count(golden), 2 * (1 + sparse));
    golden_free(golden);
    free(config);
}

/* The ids stand for the text: a prompt that is no UTF-8 has no place in JSON. */
Test(dump, a_prompt_that_is_no_utf8_is_left_out)
{
    struct model_config *config = nano_config("qwen3");
    struct golden_case cases[] = {dump_cases[0], dump_cases[1]};
    struct error error = {0};
    cases[0].prompt = "a\xff\xfe";
    const char *path = scratch("dump.safetensors");
    struct dump *dump = new_dump(path, config, cases);
    cr_assert(pretend_pass(config, dump, &whole, POINT_COUNT) && dump_commit(dump, &error), "%s", error_text(&error));
    struct golden *golden = open_golden(path);
    cr_expect(!golden_case_at(golden, 0)->prompt && golden_case_at(golden, 1)->prompt);
    golden_free(golden);
    free(config);
}
