/* What the metadata of GGUF files says that only some architectures have, and what is so where it does not say. The
 * suite is that of test_gguf.c. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "fixtures.h"
#include "store/store.h"
#include "store_fixtures.h"

enum { U32 = 4, F32 = 6, BOOL = 7, STRING = 8, ARRAY = 9 };

struct value {
    const char *key; /* below the architecture */
    int type;
    double number;
    const char *truths; /* of an array: "10" */
};

static void put(struct buffer *out, uint64_t value, size_t width)
{
    buffer_append(out, &value, width);
}

static void put_text(struct buffer *out, const char *text)
{
    put(out, strlen(text), 8);
    buffer_text(out, text);
}

static void put_value(struct buffer *out, const char *architecture, const struct value *value)
{
    char key[128];
    float real = (float)value->number;
    snprintf(key, sizeof key, "%s.%s", architecture, value->key);
    put_text(out, key);
    put(out, (uint64_t)value->type, 4);
    if (value->type == U32)
        put(out, (uint64_t)value->number, 4);
    if (value->type == F32)
        buffer_append(out, &real, sizeof real);
    if (value->type == BOOL)
        put(out, value->number > 0, 1);
    if (value->type == ARRAY) {
        put(out, BOOL, 4);
        put(out, strlen(value->truths), 8);
        for (const char *truth = value->truths; *truth; truth++)
            put(out, *truth == '1', 1);
    }
}

/* A header without tensors: heads of 6 of a model of 40. */
static struct store *open_header(const char *architecture, unsigned layers, const struct value *values, size_t count)
{
    const struct value usual[] = {{"block_count", U32, layers, NULL},
                                  {"embedding_length", U32, 40, NULL},
                                  {"attention.head_count", U32, 4, NULL},
                                  {"attention.key_length", U32, 6, NULL},
                                  {"feed_forward_length", U32, 8, NULL},
                                  {"vocab_size", U32, 8, NULL},
                                  {"attention.layer_norm_rms_epsilon", F32, 0.25, NULL},
                                  {"attention.layer_norm_epsilon", F32, 0.5, NULL}};
    struct buffer out = {0};
    buffer_text(&out, "GGUF");
    put(&out, 3, 4);
    put(&out, 0, 8);
    put(&out, 1 + sizeof usual / sizeof *usual + count, 8);
    put_text(&out, "general.architecture");
    put(&out, STRING, 4);
    put_text(&out, architecture);
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        put_value(&out, architecture, &usual[i]);
    for (size_t i = 0; i < count; i++)
        put_value(&out, architecture, &values[i]);
    write_bytes(scratch("a.gguf"), out.data, out.size);
    buffer_free(&out);
    return open_store(scratch("a.gguf"));
}

#define WORDS 8
#define SLIDES "\"sliding_attention\""
#define SEES_ALL "\"full_attention\""

static const struct row {
    const char *architecture;
    unsigned layers;
    struct value values[3];
    const char *words[WORDS]; /* in the configuration; behind '!': not there */
} said[] = {
    {"gemma",
     2,
     {{0}},
     {"\"model_type\":\t\"gemma\"", "\"hidden_act\":\t\"gelu_pytorch_tanh\"", "\"assay_gains_whole\":\ttrue",
      "\"rms_norm_eps\":\t0.25", "!sliding_window", "!query_pre_attn_scalar"}},
    {"gemma2",
     3,
     {{0}},
     {"\"hidden_activation\":\t\"gelu_pytorch_tanh\"", "\"query_pre_attn_scalar\":\t6", "\"sliding_window\":\t4096",
      "\"attn_logit_softcapping\":\t50", "\"final_logit_softcapping\":\t30", "[" SLIDES ", " SEES_ALL ", " SLIDES "]"}},
    {"gemma2",
     46, /* whose scores are divided otherwise */
     {{"attn_logit_softcapping", F32, 2, NULL}, {"attention.sliding_window", U32, 5, NULL}},
     {"\"query_pre_attn_scalar\":\t10", "\"sliding_window\":\t5", "\"attn_logit_softcapping\":\t2"}},
    {"gemma2",
     2,
     {{"rope.freq_base_swa", F32, 1000, NULL}},
     {"assay does not compute the metadata 'gemma2.rope.freq_base_swa', which is 1000"}},
    {"gemma3",
     7,
     {{"attention.sliding_window", U32, 5, NULL}},
     {"\"model_type\":\t\"gemma3_text\"", "\"query_pre_attn_scalar\":\t6", "\"final_logit_softcapping\":\t0",
      SLIDES ", " SEES_ALL ", " SLIDES "]", "\"sliding_attention\":\t{\n\t\t\t\"rope_theta\":\t10000\n",
      "\"full_attention\":\t{"}},
    {"gemma3",
     2,
     {{"attention.sliding_window", U32, 5, NULL},
      {"attention.sliding_window_pattern", ARRAY, 0, "01"},
      {"rope.freq_base_swa", F32, 1000, NULL}},
     {"[" SEES_ALL ", " SLIDES "]", "\"rope_theta\":\t1000\n"}},
    {"gemma3",
     4,
     {{"attention.sliding_window", U32, 5, NULL}, {"attention.sliding_window_pattern", U32, 2, NULL}},
     {"[" SLIDES ", " SEES_ALL ", " SLIDES ", " SEES_ALL "]"}},
    {"gemma3",
     3,
     {{"attention.sliding_window", U32, 5, NULL}, {"attention.sliding_window_pattern", ARRAY, 0, "01"}},
     {"'gemma3.attention.sliding_window_pattern' lists fewer than the 3 layers"}},
    {"gemma3", 7, {{0}}, {"\"sliding_window\":\tnull", "!layer_types"}},
    {"olmo2", 4, {{0}}, {"\"model_type\":\t\"olmo2\"", "\"sliding_window\":\tnull", "!full_attention"}},
    {"olmo2",
     4,
     {{"attention.sliding_window", U32, 5, NULL}, {"rope.freq_base_swa", F32, 1000, NULL}},
     {"\"model_type\":\t\"olmo3\"", "[" SLIDES ", " SLIDES ", " SLIDES ", " SEES_ALL "]",
      "\"sliding_attention\":\t{\n\t\t\t\"rope_theta\":\t10000\n"}},
    {"granite",
     2,
     {{"logit_scale", F32, 8, NULL}},
     {"\"logits_scaling\":\t8", "\"embedding_multiplier\":\t1", "\"residual_multiplier\":\t1",
      "\"attention_multiplier\":\t0.408248", "!assay_unsupported"}},
    {"granite",
     2,
     {{"logit_scale", F32, 8, NULL}, {"attention.scale", F32, 0.25, NULL}, {"rope.scaling.finetuned", BOOL, 0, NULL}},
     {"\"attention_multiplier\":\t0.25", "'granite.rope.scaling.finetuned', which is false: nothing is rotated"}},
    {"exaone4", 30, {{"attention.sliding_window", U32, 5, NULL}}, {"\"sliding_window\":\tnull", "!layer_types"}},
    {"exaone4", 64, {{0}}, {"\"sliding_window\":\t4096", SLIDES ", " SEES_ALL "]"}},
    {"chatglm",
     2,
     {{"rope.dimension_count", U32, 4, NULL}},
     {"\"model_type\":\t\"glm\"", "\"partial_rotary_factor\":\t0.666", "!assay_unsupported"}},
    {"glm4",
     2,
     {{"rope.dimension_sections", ARRAY, 0, "1111"}},
     {"\"partial_rotary_factor\":\t1,", "'glm4.rope.dimension_sections' of this architecture"}},
    {"command-r",
     2,
     {{0}},
     {"\"model_type\":\t\"cohere\"", "\"layer_norm_eps\":\t0.5", "\"logit_scale\":\t1", "!use_qk_norm",
      "!rms_norm_eps"}},
    {"command-r", 64, {{"logit_scale", F32, 0.5, NULL}}, {"\"logit_scale\":\t0.5", "\"use_qk_norm\":\ttrue"}},
    {"cohere2",
     2,
     {{"logit_scale", F32, 0.5, NULL}, {"attention.sliding_window", U32, 5, NULL}},
     {"\"sliding_window\":\t5", "[" SLIDES ", " SLIDES "]", "!use_qk_norm"}},
    {"phi3",
     2,
     {{"attention.sliding_window", U32, 5, NULL}, {"rope.dimension_count", U32, 4, NULL}},
     {"\"sliding_window\":\tnull", "\"partial_rotary_factor\":\t0.666", "\"rope_type\":\t\"default\""}},
    {"gpt-oss",
     3,
     {{"expert_count", U32, 4, NULL}, {"expert_used_count", U32, 2, NULL}, {"attention.sliding_window", U32, 5, NULL}},
     {"\"model_type\":\t\"gpt_oss\"", "\"num_experts\":\t4", "\"attention_bias\":\tfalse",
      "[" SLIDES ", " SEES_ALL ", " SLIDES "]", "!moe_intermediate_size"}},
    {"ernie4_5", 2, {{0}}, {"\"model_type\":\t\"ernie4_5\"", "\"use_bias\":\tfalse"}},
    {"arcee", 2, {{0}}, {"\"hidden_act\":\t\"relu2\"", "\"mlp_bias\":\tfalse"}},
    {"smollm3",
     2,
     {{"nextn_predict_layers", U32, 1, NULL}},
     {"\"model_type\":\t\"smollm3\"", "'smollm3.nextn_predict_layers', which is 1"}},
};

Test(gguf, what_only_some_architectures_say)
{
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        const struct row *row = &said[i];
        size_t count = 0;
        while (count < 3 && row->values[count].key)
            count++;
        struct store *store = open_header(row->architecture, row->layers, row->values, count);
        const char *config = store_document(store, "config.json");
        cr_assert(config, "%s: %s", row->architecture, store_problem_count(store) ? store_problem(store, 0) : "");
        for (size_t k = 0; k < WORDS && row->words[k]; k++) {
            bool absent = *row->words[k] == '!';
            cr_expect(!strstr(config, row->words[k] + absent) == absent, "%s of %u layers: %s in %s", row->architecture,
                      row->layers, row->words[k], config);
        }
        store_free(store);
    }
}

Test(gguf, what_only_some_architectures_must_say)
{
    static const struct {
        const char *architecture, *problem;
        struct value value;
    } lacking[] = {
        {"granite", "no metadata 'granite.logit_scale'", {0}},
        {"cohere2", "no metadata 'cohere2.attention.sliding_window'", {"logit_scale", F32, 1, NULL}},
        {"cohere2", "no metadata 'cohere2.logit_scale'", {"attention.sliding_window", U32, 5, NULL}},
    };
    for (size_t i = 0; i < sizeof lacking / sizeof *lacking; i++) {
        struct store *store = open_header(lacking[i].architecture, 2, &lacking[i].value, lacking[i].value.key ? 1 : 0);
        expect_problem(store, "metadata", lacking[i].problem, NULL);
        store_free(store);
    }
}

/* --- matrices that lie joined --- */

static void put_tensor(struct buffer *out, const char *name, uint64_t columns, uint64_t rows, uint64_t offset)
{
    put_text(out, name);
    put(out, rows ? 2 : 1, 4);
    put(out, columns, 8);
    if (rows)
        put(out, rows, 8);
    put(out, 0, 4); /* F32 */
    put(out, offset, 8);
}

/* Two heads of 4 over one of keys and values, in a model of 8; every row holds its number. */
static struct store *open_joined(const char *architecture)
{
    const struct value heads[] = {{"attention.head_count", U32, 2, NULL}, {"attention.head_count_kv", U32, 1, NULL}};
    struct buffer out = {0};
    buffer_text(&out, "GGUF");
    put(&out, 3, 4);
    put(&out, 3, 8);
    put(&out, 3, 8);
    put_text(&out, "general.architecture");
    put(&out, STRING, 4);
    put_text(&out, architecture);
    for (size_t i = 0; i < 2; i++)
        put_value(&out, architecture, &heads[i]);
    put_tensor(&out, "blk.0.attn_qkv.weight", 8, 16, 0);
    put_tensor(&out, "blk.0.attn_qkv.bias", 16, 0, 512);
    put_tensor(&out, "blk.0.attn_output.weight", 8, 8, 576);
    while (out.size % 32)
        buffer_char(&out, '\0');
    for (unsigned i = 0; i < 16 * 8 + 16 + 8 * 8; i++) {
        float value = (float)(i < 128 ? i / 8 : i < 144 ? i - 128 : 0);
        buffer_append(&out, &value, sizeof value);
    }
    write_bytes(scratch("%s.gguf", architecture), out.data, out.size);
    buffer_free(&out);
    return open_store(scratch("%s.gguf", architecture));
}

static void expect_rows(const struct store *store, const char *part, const char *rows, unsigned first)
{
    static const char *const endings[] = {"weight", "bias"};
    float expected[64];
    char name[80];
    for (size_t k = 0; k < 2; k++) {
        size_t count = strlen(rows), columns = k ? 1 : 8;
        for (size_t i = 0; i < count * columns; i++)
            expected[i] = (float)(first + (unsigned)(rows[i / columns] - '0'));
        snprintf(name, sizeof name, "model.layers.0.self_attn.%s.%s", part, endings[k]);
        cr_assert(store_find(store, name), "%s", name);
        expect_values(store, name, expected, count * columns * sizeof *expected);
    }
}

Test(gguf, what_lies_joined_is_cut_and_put_in_order)
{
    struct store *plain = open_joined("glm4"), *turned = open_joined("granite");
    expect_rows(plain, "q_proj", "01234567", 0);
    expect_rows(plain, "k_proj", "0123", 8);
    expect_rows(plain, "v_proj", "0123", 12);
    expect_rows(turned, "q_proj", "02134657", 0);
    expect_rows(turned, "k_proj", "0213", 8);
    expect_rows(turned, "v_proj", "0123", 12);
    store_free(plain);
    store_free(turned);
}
