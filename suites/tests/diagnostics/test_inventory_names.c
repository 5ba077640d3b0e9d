/* Tensors under other names, and where the original had its tensors. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inventory/inventory.h"
#include "inventory/inventory_names.h"
#include "inventory_fixture.h"
#include "store/overlay.h"
#include "store/safetensors.h"
#include "store_fixtures.h"
#include "work.h"

static void make(void)
{
    scratch_make();
}

TestSuite(names, .init = make, .fini = scratch_remove, .timeout = 600);
TestSuite(origin, .init = make, .fini = scratch_remove, .timeout = 60);

/* --- names --- */

/* A name that is not the expected one, and the one that it must be taken for; NULL: for none. */
static const struct name_row {
    const char *absent[4]; /* dropped from the model */
    const char *found;
    const char *shape;
    size_t bytes;
    const char *wanted;
} name_rows[] = {
    {{"model.layers.3.mlp.experts.7.gate_proj.weight"},
     "model.layers.3.mlp.expert.7.gate.weight",
     "[8, 64]",
     1024,
     "model.layers.3.mlp.experts.7.gate_proj.weight"},
    {{"model.layers.3.mlp.experts.7.gate_proj.weight", "model.layers.3.mlp.experts.7.up_proj.weight",
      "model.layers.3.mlp.experts.7.down_proj.weight"},
     "model.layers.3.moe.experts.7.w3",
     "[8, 64]",
     1024,
     "model.layers.3.mlp.experts.7.up_proj.weight"},
    {{"model.layers.3.mlp.experts.7.up_proj.weight", "model.layers.3.mlp.experts.8.up_proj.weight"},
     "model.layers.3.mlp.experts.8.up.weight",
     "[8, 64]",
     1024,
     "model.layers.3.mlp.experts.8.up_proj.weight"},
    {{"model.layers.3.self_attn.q_proj.weight", "model.layers.3.self_attn.k_proj.weight"},
     "model.layers.3.self_attention.q_proj.weight",
     "[64, 64]",
     8192,
     "model.layers.3.self_attn.q_proj.weight"},
    {{"model.layers.3.self_attn.q_proj.weight", "model.layers.3.self_attn.o_proj.weight"},
     "model.layers.3.attention.wo",
     "[64, 64]",
     8192,
     "model.layers.3.self_attn.o_proj.weight"},
    {{"model.layers.3.input_layernorm.weight", "model.layers.3.post_attention_layernorm.weight"},
     "model.layers.3.post_attention_layernorm.gamma",
     "[64]",
     128,
     "model.layers.3.post_attention_layernorm.weight"},
    {{"model.layers.3.input_layernorm.weight"},
     "module.decoder.layers.3.input_layernorm.weight",
     "[64]",
     128,
     "model.layers.3.input_layernorm.weight"},
    {{"model.layers.3.input_layernorm.weight"},
     "transformer.h.3.input_layernorm_1.weight",
     "[64]",
     128,
     "model.layers.3.input_layernorm.weight"},
    {{"model.layers.47.mlp.gate.weight", "model.layers.12.mlp.gate.weight"},
     "model.layers.48.mlp.gate.weight",
     "[128, 64]",
     16384,
     "model.layers.47.mlp.gate.weight"},
    {{"model.layers.3.mlp.gate.weight"},
     "model.layers.3.mlp.router.weight",
     "[128, 64]",
     16384,
     "model.layers.3.mlp.gate.weight"},
    {{"model.embed_tokens.weight"}, "embeddings.weight", "[1536, 64]", 196608, "model.embed_tokens.weight"},
    {{"lm_head.weight"}, "output.weight", "[1536, 64]", 196608, "lm_head.weight"},
    {{"model.layers.3.mlp.gate.weight"}, "model.layers.3.rotary.table", "[7]", 14, NULL},
    {{"model.layers.3.mlp.gate.weight"}, "model.layers.30.something.entirely.else", "[7]", 14, NULL},
};

static void expect_name(size_t index)
{
    const struct name_row *row = &name_rows[index];
    const struct plain_tensor plain = {row->found, "BF16", row->shape, NULL, row->bytes};
    struct error error = {0};
    struct census census;
    struct misnames misnames;
    const char *path = scratch("extra-%zu.safetensors", index);
    write_tensors(path, &plain, 1, NULL);
    struct store *extra = open_store(path), *store = overlay_new(model, &error);
    for (size_t i = 0; i < 4 && row->absent[i]; i++)
        cr_assert(overlay_drop(store, row->absent[i], &error), "%s", error_text(&error));
    cr_assert(census_take(store, config, NULL, &census, &error), "%s", error_text(&error));
    const struct tensor *tensors[] = {store_at(extra, 0)};
    cr_assert(misnames_find(&census, tensors, 1, &misnames));
    const char *found = misnames.count ? census.items[misnames.items[0].item].expected->name : "nothing";
    const char *wanted = row->wanted ? row->wanted : "nothing";
    cr_expect_str_eq(found, wanted, "'%s' is taken for %s, not %s", row->found, found, wanted);
    misnames_free(&misnames);
    census_free(&census);
    store_free(store);
    store_free(extra);
}

Test(names, the_nearest_expected_name_is_found)
{
    open_model();
    for (size_t i = 0; i < sizeof name_rows / sizeof *name_rows; i++)
        expect_name(i);
    close_model();
}

/* The whole model, `to` in place of `from` in its names. */
static struct store *renamed_model(const char *path, const char *from, const char *to)
{
    size_t count = store_text_count(model);
    struct error error = {0};
    struct safetensors_entry *entries = calloc(count, sizeof *entries);
    for (size_t i = 0; i < count; i++) {
        const struct tensor *tensor = store_at(model, i);
        const char *at = strstr(tensor->name, from);
        entries[i] = (struct safetensors_entry){.dtype = tensor->dtype, .rank = tensor->rank};
        memcpy(entries[i].shape, tensor->shape, sizeof entries[i].shape);
        int length =
            at ? asprintf(&entries[i].name, "%.*s%s%s", (int)(at - tensor->name), tensor->name, to, at + strlen(from))
               : asprintf(&entries[i].name, "%s", tensor->name);
        cr_assert(length > 0);
    }
    struct safetensors_writer *writer = safetensors_create(path, entries, count, NULL, &error);
    cr_assert(writer, "%s", error_text(&error));
    for (size_t i = 0; i < count; i++) {
        const struct tensor *tensor = store_at(model, i);
        void *bytes = calloc(tensor->bytes, 1);
        cr_assert(safetensors_put(writer, i, 0, bytes, (size_t)tensor->bytes, &error), "%s", error_text(&error));
        free(bytes);
        free(entries[i].name);
    }
    free(entries);
    cr_assert(safetensors_commit(writer, &error), "%s", error_text(&error));
    return open_store(path);
}

static void inspect(const struct store *store, struct findings *findings)
{
    struct error error = {0};
    const struct inventory_request request = {.store = store, .config = config, .origin = origin, .causes = true};
    *findings = (struct findings){0};
    cr_assert(inventory_inspect(&request, findings, &error), "%s", error_text(&error));
}

/* Some 15,000 blocks for each of 18,867 tensors; to hold each name against each would be a hundred times as many. */
enum { WORK_OF_RENAMING = 1000000000 };

static void expect_renaming(const char *from, const char *to, const char *words, double misnamed)
{
    struct findings findings;
    struct store *store = renamed_model(scratch("renamed.safetensors"), from, to);
    size_t before = work_done();
    inspect(store, &findings);
    size_t work = work_done() - before;
    const struct finding *head = head_of(&findings, "inventory.misnamed");
    cr_expect(head->measured == misnamed, "%g are misnamed, not %g: %s", head->measured, misnamed, head->message);
    cr_expect(strstr(words, ";") || strstr(fact_text(head, "renaming"), words), "no '%s' in '%s'", words,
              fact_text(head, "renaming"));
    const struct finding *pattern = head_of(&findings, "inventory.pattern");
    cr_expect_str_eq(fact_text(pattern, "pattern"), "misnamed", "%s", pattern->message);
    cr_expect(strstr(pattern->message, words) && fact(pattern, "unexplained") == 0, "%s", pattern->message);
    cr_expect_leq(work, WORK_OF_RENAMING, "%zu blocks", work);
    findings_free(&findings);
    store_free(store);
}

Test(names, a_whole_model_of_other_names_is_one_renaming)
{
    open_model();
    expect_renaming(".weight", ".gamma", "'gamma' for 'weight' in all 18867 of them", 18867);
    expect_renaming(".self_attn.", ".self_attention.", "'self_attention' for 'self_attn' in all 288 of them", 288);
    expect_renaming("model.layers.", "backbone.model.block.", "'backbone.model.block' for 'model.layers'", 18864);
    expect_renaming("_layernorm.weight", "_layernorm.module.weight", "'module' too many in all 96", 96);
    expect_renaming(".mlp.experts.", ".experts.", "'mlp' left out", 18432);
    expect_renaming("model.layers.0.", "model.layers.48.", "'48' for '0' in all 393 of them; counting from 1 shifts",
                    393);
    close_model();
}

/* --- origin --- */

Test(origin, experts_of_a_fused_tensor_lie_where_that_does)
{
    struct error error = {0};
    struct origin *fused = NULL;
    struct origin_place place;
    const char *index = scratch("model.safetensors.index.json");
    write_text(index,
               "{\"weight_map\": {\"model.language_model.layers.2.mlp.experts.gate_up_proj\": \"b-10.safetensors\","
               "\"model.language_model.layers.2.mlp.experts.down_proj\": \"b-9.safetensors\","
               "\"model.visual.x\": \"b-1.safetensors\", \"lm_head.weight\": \"b-2.safetensors\"}}");
    cr_assert(origin_open(index, NULL, &fused, &error) && fused, "%s", error_text(&error));
    cr_expect_eq(origin_shard_count(fused), 4);
    cr_expect(origin_find(fused, "model.layers.2.mlp.experts.5.up_proj.weight", &place));
    cr_expect_str_eq(origin_shard_name(fused, place.shard), "b-10.safetensors");
    cr_expect_eq(place.shard, 3, "numbers count as numbers");
    cr_expect(!place.read);
    cr_expect(origin_find(fused, "model.layers.2.mlp.experts.5.down_proj.weight", &place));
    cr_expect_str_eq(origin_shard_name(fused, place.shard), "b-9.safetensors");
    cr_expect(origin_find(fused, "lm_head.weight", &place) && place.shard == 1);
    cr_expect(!origin_find(fused, "model.layers.3.mlp.experts.5.down_proj.weight", &place));
    cr_expect(!origin_find(fused, "model.layers.2.mlp.experts.5.gate_proj.bias", &place));
    cr_expect(!origin_find(fused, "model.visual.x", &place));
    origin_free(fused);
}

Test(origin, what_is_no_index_is_refused)
{
    static const struct {
        const char *text, *needle;
    } rows[] = {
        {"", "index.json"},
        {"[]", "weight_map"},
        {"{\"weight_map\": {}}", "weight_map"},
        {"{\"weight_map\": {\"lm_head.weight\": 3}}", "lm_head.weight"},
        {"{\"weight_map\": {\"lm_head.weight\": \"\"}}", "lm_head.weight"},
        {"{\"weight_map\": {\"lm_head.weight\": \"a/\"}}", "lm_head.weight"},
        {"{\"weight_map\": {\"a\": \"b\", \"a\": \"c\"}}", "\"a\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = {0};
        struct origin *none = NULL;
        const char *path = scratch("%zu/model.safetensors.index.json", i);
        write_text(path, rows[i].text);
        cr_expect(!origin_open(path, NULL, &none, &error) && !none, "row %zu was read", i);
        cr_expect(strstr(error_text(&error), rows[i].needle), "row %zu: %s", i, error_text(&error));
        cr_expect(strstr(error_text(&error), path), "row %zu: %s", i, error_text(&error));
        error_clear(&error);
    }
    struct error error = {0};
    struct origin *none = NULL;
    cr_expect(!origin_open(scratch("nothing.json"), NULL, &none, &error));
    error_clear(&error);
    write_text(scratch("bare/config.json"), "{}");
    cr_expect(origin_open(scratch("bare"), NULL, &none, &error) && !none, "%s", error_text(&error));
}

Test(origin, without_an_index_every_file_is_a_shard)
{
    struct error error = {0};
    struct origin *files = NULL;
    struct origin_place place;
    struct store *store = open_store(NANO "thinker-extraction");
    cr_assert(origin_open(NANO "thinker-extraction", store, &files, &error) && files, "%s", error_text(&error));
    cr_expect(origin_find(files, "model.layers.2.mlp.experts.5.up_proj.weight", &place) && place.read);
    cr_expect_str_eq(origin_shard_name(files, place.shard), "thinker_expert_005_layer_02.safetensors");
    origin_free(files);
    store_free(store);
}
