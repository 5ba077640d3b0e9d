/* Names of tensors, and extractions, a file for each tensor. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "store/overlay.h"
#include "store_fixtures.h"
#include "work.h"

#define NANO ASSAY_SOURCE_DIR "/golden/nano/"

/* --- names --- */

Test(names, canonical_spelling)
{
    static const struct {
        const char *disk, *canonical;
    } rows[] = {
        {"model.layers.0.mlp.gate.weight", NULL},
        {"lm_head.weight", NULL},
        {"thinker.model.layers.1.input_layernorm.weight", "model.layers.1.input_layernorm.weight"},
        {"thinker.lm_head.weight", "lm_head.weight"},
        {"thinker.model.norm.weight", "model.norm.weight"},
        {"model.language_model.layers.2.self_attn.q_norm.weight", "model.layers.2.self_attn.q_norm.weight"},
        {"thinker.model.language_model.norm.weight", "model.norm.weight"},
        {"model.text_model.layers.2.self_attn.q_proj.weight", "model.layers.2.self_attn.q_proj.weight"},
        {"language_model.model.layers.0.mlp.up_proj.weight", "model.layers.0.mlp.up_proj.weight"},
        {"language_model.lm_head.weight", "lm_head.weight"},
        {"layers.3.self_attn.q_proj.bias", "model.layers.3.self_attn.q_proj.bias"},
        {"norm.weight", "model.norm.weight"},
        {"embed_tokens.weight", "model.embed_tokens.weight"},
        {"model.layers.4.block_sparse_moe.gate.weight", "model.layers.4.mlp.gate.weight"},
        {"model.layers.4.block_sparse_moe.experts.7.w1.weight", "model.layers.4.mlp.experts.7.gate_proj.weight"},
        {"model.layers.4.block_sparse_moe.experts.7.w2.weight", "model.layers.4.mlp.experts.7.down_proj.weight"},
        {"model.layers.4.block_sparse_moe.experts.7.w3.weight", "model.layers.4.mlp.experts.7.up_proj.weight"},
        {"something.else", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *expected = rows[i].canonical ? rows[i].canonical : rows[i].disk;
        write_one(scratch("name.safetensors"), rows[i].disk, "abcd");
        struct store *store = open_store(scratch("name.safetensors"));
        const struct tensor *tensor = store_find(store, expected);
        cr_expect(tensor && !tensor->other, "%s: not found as %s but as %s", rows[i].disk, expected,
                  store_at(store, 0)->name);
        cr_expect_str_eq(store_at(store, 0)->disk_name, rows[i].disk);
        store_free(store);
    }
}

Test(names, other_components_come_last_and_are_no_part_of_the_text_model)
{
    static const char *const others[] = {"thinker.audio_tower.layers.0.fc1.weight",
                                         "audio_tower.conv1.weight",
                                         "thinker.model.audio_tower.layers.0.fc1.weight",
                                         "thinker.model.visual.blocks.0.attn.qkv.weight",
                                         "model.vision_model.encoder.layers.0.mlp.fc1.weight",
                                         "model.connector.modality_projection.proj.weight",
                                         "model.image_newline",
                                         "visual.blocks.0.attn.qkv.weight",
                                         "thinker.visual.merger.weight",
                                         "talker.model.layers.0.mlp.gate.weight",
                                         "code2wav.x",
                                         "token2wav.x",
                                         "model.visual.patch_embed.weight",
                                         "vision_tower.x",
                                         "multi_modal_projector.x"};
    enum { OTHERS = sizeof others / sizeof *others };
    struct plain_tensor tensors[OTHERS + 2];
    for (size_t i = 0; i < OTHERS; i++)
        tensors[i] = (struct plain_tensor){others[i], "U8", "[4]", "wxyz", 4};
    tensors[OTHERS] = (struct plain_tensor){"thinker.model.norm.weight", "U8", "[4]", "abcd", 4};
    tensors[OTHERS + 1] = (struct plain_tensor){"thinker.lm_head.weight", "U8", "[4]", "efgh", 4};
    write_tensors(scratch("others.safetensors"), tensors, OTHERS + 2, NULL);
    struct store *store = open_store(scratch("others.safetensors"));
    struct error error = {0};
    struct store *overlay = overlay_new(store, &error);
    cr_assert_eq(store_count(store), OTHERS + 2);
    for (size_t i = 0; i < OTHERS + 2; i++) {
        const struct tensor *tensor = store_at(store, i);
        cr_expect_eq(tensor->other, i >= 2, "tensor %zu, %s", i, tensor->name);
        cr_expect(!tensor->other || !store_find(store, tensor->name), "%s", tensor->name);
        char out[2][4];
        cr_expect(store_read(store, tensor, out[0], &error) &&
                      store_read(overlay, store_at(overlay, i), out[1], &error) && memcmp(out[0], out[1], 4) == 0,
                  "%s: %s", tensor->name, error_text(&error));
    }
    cr_expect_eq(store_problem_count(store), 0);
    store_free(overlay);
    store_free(store);
}

Test(names, two_spellings_of_one_name_are_a_problem)
{
    static const struct plain_tensor both[] = {{"model.norm.weight", "U8", "[4]", "abcd", 4},
                                               {"norm.weight", "U8", "[4]", "efgh", 4}};
    write_tensors(scratch("twice.safetensors"), both, 2, NULL);
    struct store *store = open_store(scratch("twice.safetensors"));
    expect_problem(store, "'model.norm.weight' occurs twice", "twice.safetensors", NULL);
    expect_values(store, "model.norm.weight", "abcd", 4);
    store_free(store);
}

Test(names, a_name_without_end_is_refused)
{
    char name[20001];
    static const char suffix[] = ".block_sparse_moe.w2.weight";
    static const size_t lengths[] = {400, 480, 500, 511, 512, 600, 20000};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        memset(name, 'n', lengths[i]);
        memcpy(name, "layers.", 7);
        memcpy(name + lengths[i] - strlen(suffix), suffix, strlen(suffix) + 1);
        write_one(scratch("long.safetensors"), name, "abcd");
        struct error error = {0};
        struct store *store = store_open(scratch("long.safetensors"), &error);
        cr_expect_eq(store != NULL, lengths[i] + strlen("model.") < 512, "%zu: %s", lengths[i], error_text(&error));
        cr_expect(store || strstr(error_text(&error), "name of more than"), "%s", error_text(&error));
        store_free(store);
        error_clear(&error);
    }
}

/* --- extractions --- */

Test(extraction, holds_what_the_original_holds)
{
    struct store *original = open_store(NANO "thinker"), *extracted = open_store(NANO "thinker-extraction");
    cr_expect_str_eq(store_format(original), "checkpoint");
    cr_expect_str_eq(store_format(extracted), "extraction");
    cr_expect(store_problem_count(original) == 0 && store_problem_count(extracted) == 0);
    size_t text = 0;
    for (size_t i = 0; i < store_count(original); i++) {
        const struct tensor *there = store_at(original, i);
        if (there->other)
            continue;
        text++;
        const struct tensor *here = store_find(extracted, there->name);
        cr_assert(here, "'%s' is not in the extraction", there->name);
        cr_expect(here->dtype == there->dtype && here->rank == there->rank && here->bytes == there->bytes &&
                      memcmp(here->shape, there->shape, (size_t)there->rank * sizeof *here->shape) == 0,
                  "'%s' differs in dtype or shape", there->name);
        unsigned char *values = values_of(original, there->name);
        expect_values(extracted, there->name, values, (size_t)there->bytes);
        free(values);
    }
    cr_expect_eq(store_count(extracted), text);
    cr_expect_gt(text, 100);
    store_free(original);
    store_free(extracted);
}

Test(extraction, bad_files_are_problems)
{
    write_one(scratch("e/norms/thinker_norms_layer_00.safetensors"), "thinker.model.layers.0.input_layernorm.weight",
              "abcd");
    write_text(scratch("e/norms/README.md"), "notes");
    write_text(scratch("e/experts/thinker_expert_000_layer_00.safetensors"), "");
    write_text(scratch("e/stray.safetensors"), "not looked at");
    struct store *store = open_store(scratch("e"));
    cr_expect_str_eq(store_format(store), "extraction");
    expect_problem(store, scratch("e/experts/thinker_expert_000_layer_00.safetensors"), "is empty", NULL);
    expect_values(store, "model.layers.0.input_layernorm.weight", "abcd", 4);
    store_free(store);
    unlink(scratch("e/norms/thinker_norms_layer_00.safetensors"));
    expect_not_opened(scratch("e"), "thinker_expert_000_layer_00.safetensors");
    write_text(scratch("manifest/extraction_manifest.json"), "{}");
    expect_not_opened(scratch("manifest"), "holds no tensor that can be read");
}

Test(extraction, the_same_tensor_in_two_files_is_a_problem)
{
    write_one(scratch("e/norms/a.safetensors"), "thinker.model.norm.weight", "abcd");
    write_one(scratch("e/norms/b.safetensors"), "model.norm.weight", "efgh");
    struct store *store = open_store(scratch("e"));
    expect_problem(store, "'model.norm.weight' occurs twice", "norms/a.safetensors", "norms/b.safetensors");
    expect_values(store, "model.norm.weight", "abcd", 4);
    store_free(store);
}

static size_t work_of_files(int files)
{
    for (int i = 0; i < files; i++) {
        char name[64];
        snprintf(name, sizeof name, "thinker.model.layers.%d.mlp.experts.%d.up_proj.weight", i / 128, i % 128);
        write_one(scratch("e/experts/thinker_expert_%03d_layer_%02d.safetensors", i % 128, i / 128), name, "abcd");
    }
    size_t before = work_done();
    struct store *store = open_store(scratch("e"));
    size_t work = work_done() - before;
    cr_expect_eq(store_count(store), (size_t)files);
    store_free(store);
    return work;
}

Test(extraction, thousands_of_files_cost_no_square)
{
    size_t few = work_of_files(500), many = work_of_files(2000);
    cr_expect_leq(2 * many, 9 * few, "%zu blocks for 500 files, %zu for 2,000", few, many);
}
