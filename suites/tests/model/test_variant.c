/* Variants against gold of the original's own code, changed in the same way; and settings of the configuration. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden/golden.h"
#include "limits/comparator.h"
#include "model/model.h"
#include "model/setting.h"
#include "model/variant.h"

TestSuite(variant, .timeout = 60);
TestSuite(setting, .timeout = 60);

static struct model_config *config_of(const char *model)
{
    char path[512];
    struct error error = {0};
    snprintf(path, sizeof path, "%s/golden/nano/%s/config.json", ASSAY_SOURCE_DIR, model);
    struct model_config *config = config_read(path, &error);
    cr_assert(config, "%s", error_text(&error));
    return config;
}

/* The last rows of the final norm's output, [rows, hidden]. */
struct seen {
    float *values;
    size_t first, rows, hidden, begun;
};

static bool see(void *context, const struct activation *activation, struct error *error)
{
    struct seen *seen = context;
    (void)error;
    for (size_t row = 0; activation->point == POINT_FINAL_NORM && row < activation->rows; row++) {
        size_t token = seen->begun + (size_t)activation->row_of[row].token;
        if (token >= seen->first)
            memcpy(seen->values + (token - seen->first) * seen->hidden, activation->values + row * seen->hidden,
                   seen->hidden * sizeof *seen->values);
    }
    return true;
}

/* How far the model is from what `golden` holds of a case, computed as `variant` says (NULL: as it is), the first
 * `prefill` tokens at once and the rest one by one. */
static double distance(const char *name, const struct golden *golden, size_t which, const char *variant, size_t prefill)
{
    char path[512];
    struct error error = {0};
    const struct golden_case *of = golden_case_at(golden, which);
    const struct golden_tensor *tensor = golden_find(golden, which, "model.norm");
    struct model_config *config = config_of(name);
    cr_assert(variants_set(&variant, variant != NULL, config, &error), "%s", error_text(&error));
    snprintf(path, sizeof path, "%s/golden/nano/%s", ASSAY_SOURCE_DIR, name);
    struct store *store = store_open(path, &error);
    struct model_options options = {.threads = 2, .exact = true};
    struct model *model = store ? model_open(store, config, &options, &error) : NULL;
    struct kv *kv = model ? kv_new(config, of->count, &error) : NULL;
    cr_assert(kv && tensor, "%s", error_text(&error));
    struct seen seen = {.first = of->count - tensor->rows, .rows = tensor->rows, .hidden = tensor->width};
    size_t count = tensor->rows * tensor->width;
    float *gold = malloc(count * sizeof *gold);
    seen.values = malloc(count * sizeof *seen.values);
    const struct probe probe = {.see = see, .context = &seen};
    for (size_t step; seen.begun < of->count; seen.begun += step) {
        step = seen.begun ? 1 : prefill ? prefill : of->count;
        const struct sequence sequence = {.ids = of->ids + seen.begun, .count = step, .kv = kv, .logits_from = step};
        cr_assert(model_forward(model, &sequence, 1, &probe, &error), "%s", error_text(&error));
    }
    cr_assert(golden_read_rows(golden, tensor, 0, tensor->rows, gold, &error), "%s", error_text(&error));
    struct comparison comparison = {0};
    comparison_add(&comparison, seen.values, gold, count);
    free(gold);
    free(seen.values);
    kv_free(kv);
    model_free(model);
    store_free(store);
    free(config);
    return comparison_relative(&comparison);
}

static struct golden *gold_of(const char *model)
{
    char path[512];
    struct error error = {0};
    snprintf(path, sizeof path, "%s/suites/data/variants/%s.safetensors", ASSAY_SOURCE_DIR, model);
    struct golden *golden = golden_open(path, &error);
    cr_assert(golden, "%s", error_text(&error));
    return golden;
}

static const char *const models[] = {"qwen3_moe", "thinker", "qwen2_window", "gpt_oss"};
#define MODELS (sizeof models / sizeof *models)

/* As the original computes it, changed so; and not as it is. */
Test(variant, computes_what_the_changed_original_does)
{
    for (size_t i = 0; i < MODELS; i++) {
        struct golden *golden = gold_of(models[i]);
        for (size_t which = 0; which < golden_case_count(golden); which++) {
            const char *id = golden_case_at(golden, which)->id;
            size_t prefill = strncmp(id, "stale-cache", 11) == 0 ? 7 : 0;
            double noise = golden_find(golden, which, "model.norm")->noise;
            double with = distance(models[i], golden, which, id, prefill);
            double without = distance(models[i], golden, which, NULL, prefill);
            cr_expect(with <= 10 * noise + 1e-6, "%s: %s is %g from gold, whose noise is %g", models[i], id, with,
                      noise);
            cr_expect(without > 1e-2, "%s: %s: the reference is only %g from gold", models[i], id, without);
        }
        golden_free(golden);
    }
}

/* No row without gold. */
Test(variant, every_one_has_gold)
{
    const struct variant_row *row;
    for (size_t index = 0; (row = variant_at(index)); index++) {
        bool found = false;
        for (size_t i = 0; i < MODELS; i++) {
            struct golden *golden = gold_of(models[i]);
            for (size_t which = 0; which < golden_case_count(golden); which++) {
                const char *id = golden_case_at(golden, which)->id;
                found = found || (strncmp(id, row->name, strlen(row->name)) == 0 &&
                                  (id[strlen(row->name)] == ':' || !id[strlen(row->name)]));
            }
            golden_free(golden);
        }
        cr_expect(found, "%s has no gold", row->name);
        cr_expect(*row->does && *row->symptom && *row->mistake && row->points, "%s", row->name);
    }
    cr_expect(row == NULL);
}

/* The message that refuses the variants of the model. */
static const char *refusal(const char *model, const char *one, const char *two)
{
    static char text[512];
    const char *const specs[] = {one, two};
    struct error error = {0};
    struct model_config *config = config_of(model);
    bool good = variants_set(specs, two ? 2 : 1, config, &error);
    snprintf(text, sizeof text, "%s", good ? "" : error_text(&error));
    error_clear(&error);
    free(config);
    return text;
}

Test(variant, what_could_change_nothing_is_refused)
{
    cr_expect_str_eq(refusal("llama", "no-qk-norm", NULL),
                     "the variant no-qk-norm changes nothing of this model: it has no norms of queries and keys");
    cr_expect_str_eq(refusal("llama", "pooled-routing", NULL),
                     "the variant pooled-routing changes nothing of this model: it has no experts");
    cr_expect_str_eq(refusal("llama", "raw-topk", NULL),
                     "the variant raw-topk changes nothing of this model: it has no experts");
    cr_expect_str_eq(refusal("thinker", "normed-topk", NULL), "the variant normed-topk changes nothing of this model: "
                                                              "the weights of its experts sum to one already");
    cr_expect_str_eq(refusal("qwen3_moe", "raw-topk", NULL), "the variant raw-topk changes nothing of this model: "
                                                             "the weights of its experts do not sum to one");
    cr_expect_str_eq(refusal("qwen3", "no-window", NULL),
                     "the variant no-window changes nothing of this model: none of its layers has a sliding window");
    cr_expect_str_eq(refusal("qwen2_window", "tiled-kv-heads", NULL),
                     "the variant tiled-kv-heads changes nothing of this model: its key/value heads are not shared, or "
                     "there is only one");
    cr_expect_str_eq(refusal("qwen3", "sections-restart", NULL),
                     "the variant sections-restart changes nothing of this model: it has no mRoPE");
    cr_expect_str_eq(refusal("thinker", "experts-per-token:3", NULL),
                     "the variant experts-per-token:3 changes nothing of this model: that is what it computes");
    cr_expect_str_eq(refusal("thinker", "experts-per-token:13", NULL),
                     "the variant experts-per-token:13 calls for more experts than the model has, 12");
    cr_expect_str_eq(refusal("thinker", "masked-experts:3-12", NULL),
                     "the variant masked-experts:3-12 calls for more experts than the model has, 12");
    cr_expect_str_eq(refusal("thinker", "gelu", "relu"), "the variants gelu and relu exclude each other");
    cr_expect_str_eq(refusal("thinker", "gelu", "no-rotation"), "");
}

Test(variant, what_is_written_wrongly_is_refused)
{
    cr_expect_null(variant_judge("gelu"));
    cr_expect_null(variant_judge("masked-experts:0-7"));
    cr_expect_null(variant_judge("frozen-positions:5"));
    cr_expect_str_eq(variant_judge("gelo"), "there is no variant 'gelo'; \"assay faults\" lists them");
    cr_expect_str_eq(variant_judge("gelu:1"), "the variant gelu takes no arguments");
    static const char *const wrong[] = {"masked-experts",      "masked-experts:7-0", "masked-experts:a-b",
                                        "frozen-positions",    "frozen-positions:",  "frozen-positions:0",
                                        "frozen-positions:-1", "frozen-positions:5x"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_expect(variant_judge(wrong[i]), "%s", wrong[i]);
}

/* What the setting makes of a configuration, as the differences from what it was; or the refusal. */
static const char *set(const char *json, const char *setting, struct model_config *out)
{
    static char text[1024];
    struct error error = {0};
    cJSON *root = json_parse("config.json", json, strlen(json), &error);
    cr_assert(root, "%s", error_text(&error));
    *text = '\0';
    if (!setting_apply("config.json", setting, &root, &error)) {
        snprintf(text, sizeof text, "%s", error_text(&error));
        error_clear(&error);
    } else {
        struct model_config *config = config_parse("config.json", root, &error);
        cr_assert(config, "%s", error_text(&error));
        *out = *config;
        free(config);
    }
    cJSON_Delete(root);
    return text;
}

#define SIZES                                                                                                          \
    "\"vocab_size\": 20, \"hidden_size\": 8, \"intermediate_size\": 12, \"num_hidden_layers\": 2, "                    \
    "\"num_attention_heads\": 2, \"num_key_value_heads\": 1"

Test(setting, a_key_is_set_where_the_file_has_it)
{
    static struct model_config config;
    cr_expect_str_eq(set("{\"model_type\": \"llama\", " SIZES ", \"rope_theta\": 1e4}", "rope_theta=5e5", &config), "");
    cr_expect_float_eq(config.rope_theta, 5e5, 0);
    cr_expect_str_eq(set("{\"model_type\": \"llama\", " SIZES ", \"rope_parameters\": {\"rope_theta\": 1e4}}",
                         "rope_theta=5e5", &config),
                     "");
    cr_expect_float_eq(config.rope_theta, 5e5, 0);
    cr_expect_str_eq(set("{\"model_type\": \"llama\", " SIZES "}", "rope_parameters.rope_theta=5e5", &config), "");
    cr_expect_float_eq(config.rope_theta, 5e5, 0);
    cr_expect_str_eq(set("{\"model_type\": \"llama\", " SIZES "}", "tie_word_embeddings=true", &config), "");
    cr_expect(config.tied);
    cr_expect_str_eq(set("{\"model_type\": \"llama\", " SIZES "}", "model_type=mixtral", &config), "");
    cr_expect_str_eq(config.model_type, "mixtral");
}

/* Of a multimodal model the text model's, or that around it, whichever is read. */
Test(setting, inner_configurations)
{
    static const char json[] =
        "{\"model_type\": \"qwen3_omni_moe\", \"thinker_config\": {\"text_config\": {\"model_type\": "
        "\"qwen3_omni_moe_text\", " SIZES
        ", \"num_experts\": 4, \"num_experts_per_tok\": 2, \"norm_topk_prob\": true}}}";
    static struct model_config config;
    cr_expect_str_eq(set(json, "norm_topk_prob=false", &config), "");
    cr_expect_not(config.norm_topk);
    cr_expect_str_eq(set(json, "tie_word_embeddings=true", &config), "");
    cr_expect(config.tied);
}

Test(setting, what_changes_nothing_or_cannot_be_is_refused)
{
    static struct model_config config;
    static const char json[] = "{\"model_type\": \"llama\", " SIZES ", \"rope_theta\": 1e4, \"layers\": 3}";
    static const char *const nothing[] = {"rope_theta=10000", "rope_teta=5e5", "torch_dtype=float16", "layers=5"};
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++)
        cr_expect(strstr(set(json, nothing[i], &config), "changes nothing that is computed"), "%s", nothing[i]);
    cr_expect_str_eq(set(json, "rope_theta=-1", &config),
                     "--set rope_theta=-1: config.json: rope_theta -1 should be above 0");
    cr_expect(strstr(set(json, "rope_theta=big", &config), "rope_theta"));
    cr_expect(strstr(set(json, "vocab_size.inner=2", &config), "changes nothing that is computed"));
    cr_expect_null(setting_judge("rope_theta=1e6"));
    static const char *const wrong[] = {"rope_theta", "=5", "", ".a=1", "a.=1", "a..b=1"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_expect(setting_judge(wrong[i]), "%s", wrong[i]);
}
