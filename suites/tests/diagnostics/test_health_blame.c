/* To whom weight health lays a fault. */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixtures.h"
#include "health/health.h"
#include "health_fixture.h"
#include "run/subject.h"

#define FAULTS_MAX 64

struct told {
    struct findings findings;
    char *specs[FAULTS_MAX];
    size_t count;
};

static void fault_put(struct told *told, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void fault_put(struct told *told, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    cr_assert(told->count < FAULTS_MAX && vasprintf(&told->specs[told->count++], format, arguments) >= 0);
    va_end(arguments);
}

/* With all the faults that were put; frees them. */
static void tell(struct told *told, const char *model)
{
    struct error error = {0};
    struct scan scan = {0};
    struct pool *pool = threads(2);
    struct subject subject = open_model(model, (const char *const *)told->specs, told->count);
    cr_assert(scan_weights(subject.store, subject.config, pool, &scan, &error) &&
                  health_report(&scan, &told->findings, &error),
              "%s", error_text(&error));
    scan_free(&scan);
    subject_free(&subject);
    pool_free(pool);
    for (size_t i = 0; i < told->count; i++)
        free(told->specs[i]);
    told->count = 0;
}

static const struct finding *summary_of(const struct told *told, const char *check)
{
    for (size_t i = 0; i < told->findings.count; i++)
        if (told->findings.items[i].summary && strcmp(told->findings.items[i].check, check) == 0)
            return &told->findings.items[i];
    cr_assert_fail("%s", check);
    abort();
}

/* Places by the check (NULL: any) at that tensor (NULL: anywhere). */
static size_t places(const struct told *told, const char *check, const char *tensor)
{
    size_t count = 0;
    for (size_t i = 0; i < told->findings.count; i++) {
        const struct finding *finding = &told->findings.items[i];
        count += !finding->summary && (!check || strcmp(finding->check, check) == 0) &&
                 (!tensor || (finding->where.tensor && strcmp(finding->where.tensor, tensor) == 0));
    }
    return count;
}

Test(health, a_norm_is_named_and_not_what_reads_through_it)
{
    static const struct {
        const char *fault, *tensor, *check;
    } rows[] = {
        {"scale:%s,8", "model.layers.20.input_layernorm.weight", "weights.magnitude"},
        {"scale:%s,0.1", "model.layers.30.post_attention_layernorm.weight", "weights.magnitude"},
        {"shuffle:%s", "model.layers.20.input_layernorm.weight", "weights.structure"},
        {"initialise:%s", "model.layers.9.post_attention_layernorm.weight", "weights.constant"},
        {"nan:%s", "model.layers.20.input_layernorm.weight", "weights.finite"},
        {"byte-swap:%s", "model.layers.20.input_layernorm.weight", "weights.bytes"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct told told = {0};
        char fault[200];
        const char *mark = strstr(rows[i].fault, "%s");
        snprintf(fault, sizeof fault, "%.*s%s%s", (int)(mark - rows[i].fault), rows[i].fault, rows[i].tensor, mark + 2);
        fault_put(&told, "%s", fault);
        tell(&told, MODEL("thinker-48"));
        cr_expect(places(&told, rows[i].check, rows[i].tensor) == 1 && places(&told, NULL, NULL) == 1,
                  "%s: %zu places, %zu at it", fault, places(&told, NULL, NULL), places(&told, NULL, rows[i].tensor));
        findings_free(&told.findings);
    }
}

static void expect_no_claims(const struct told *told, const char *model)
{
    for (int i = 0; i < 2; i++) {
        const struct series *series = summary_of(told, i ? "weights.structure" : "weights.pairs")->series;
        cr_assert(series && strcmp(series->curves[1].name, "tensors that can be compared with their peers") == 0);
        for (size_t p = 0; p < series->points; p++)
            cr_expect(series->curves[1].values[p] == 0, "%s: %s", model, series->labels[p]);
    }
}

/* Random values are random in any order: nothing can be told of them, and nothing is. */
Test(health, of_a_model_without_structure_nothing_is_claimed)
{
    static const char *const models[] = {MODEL("nano/qwen2"), MODEL("nano/llama"), MODEL("nano/qwen3")};
    for (size_t m = 0; m < 3; m++) {
        struct told told = {0};
        fault_put(&told, "shuffle:model.layers.1.mlp.up_proj.weight");
        tell(&told, models[m]);
        cr_expect(places(&told, NULL, NULL) == 0, "%s", models[m]);
        expect_no_claims(&told, models[m]);
        findings_free(&told.findings);
    }
}

/* Nor are peers enough by themselves, of which there are many here. */
Test(health, of_many_random_layers_nothing_is_claimed)
{
    enum { FIRST = 2, LAYERS = 40 };
    static const struct {
        const char *name;
        bool rows_heads;
        bool key;
    } weights[] = {{"q_proj", true, false}, {"k_proj", true, true}, {"v_proj", true, true}, {"o_proj", false, false}};
    struct error error = {0};
    struct told told = {0};
    struct scan scan = {0};
    struct model_config *config = config_read(MODEL("thinker-48/config.json"), &error);
    struct plain_tensor tensors[4 * LAYERS];
    static char shapes_of[4][32];
    struct pool *pool = threads(2);
    cr_assert(config && config->layers >= FIRST + LAYERS + 2);
    for (int i = 0; i < 4 * LAYERS; i++) {
        size_t kind = (size_t)i % 4, heads = (size_t)(weights[kind].key ? config->kv_heads : config->heads);
        size_t inner = heads * (size_t)config->head_dim, hidden = (size_t)config->hidden;
        snprintf(shapes_of[kind], sizeof *shapes_of, "[%zu, %zu]", weights[kind].rows_heads ? inner : hidden,
                 weights[kind].rows_heads ? hidden : inner);
        char *name = NULL;
        cr_assert(asprintf(&name, "model.layers.%d.self_attn.%s.weight", FIRST + i / 4, weights[kind].name) > 0);
        tensors[i] = (struct plain_tensor){name, "F32", shapes_of[kind], gaussians(inner * hidden, 0.03),
                                           inner * hidden * sizeof(float)};
    }
    free(config);
    struct store *store = store_under(MODEL("thinker-48/config.json"), tensors, 4 * LAYERS, &config);
    cr_assert(scan_weights(store, config, pool, &scan, &error) && health_report(&scan, &told.findings, &error), "%s",
              error_text(&error));
    cr_expect(examined_of(&scan, tensors[0].name)->weight == WEIGHT_Q);
    cr_expect(places(&told, NULL, NULL) == 0);
    expect_no_claims(&told, "random layers");
    for (int i = 0; i < 4 * LAYERS; i++) {
        free((char *)tensors[i].name);
        free((void *)tensors[i].data);
    }
    findings_free(&told.findings);
    scan_free(&scan);
    store_free(store);
    free(config);
    pool_free(pool);
}

Test(health, experts_of_one_layer_that_are_anothers_are_named_and_doubled_layers_excused)
{
    struct told told = {0};
    fault_put(&told, "foreign-experts:1,2");
    tell(&told, MODEL("nano/thinker"));
    cr_expect_eq(places(&told, "weights.identical", NULL), 72);
    cr_expect(summary_of(&told, "weights.identical")->verdict == VERDICT_FAIL);
    findings_free(&told.findings);
    told = (struct told){0};
    fault_put(&told, "foreign-experts:1,0");
    fault_put(&told, "foreign-experts:3,2");
    tell(&told, MODEL("nano/thinker"));
    cr_expect_eq(places(&told, "weights.identical", NULL), 0, "four of five layers");
    cr_expect(summary_of(&told, "weights.identical")->verdict == VERDICT_PASS);
    findings_free(&told.findings);
}

Test(health, copies_of_most_are_excused_and_one_pair_is_named)
{
    struct told told = {0};
    for (int expert = 1; expert < 12; expert++)
        fault_put(&told,
                  "copy:model.layers.2.mlp.experts.%d.gate_proj.weight,"
                  "model.layers.2.mlp.experts.0.gate_proj.weight",
                  expert);
    tell(&told, MODEL("nano/thinker"));
    cr_expect(places(&told, "weights.identical", NULL) == 0);
    const struct finding *excused = summary_of(&told, "weights.identical");
    cr_expect(excused->verdict == VERDICT_PASS);
    cr_assert(excused->fact_count == 1 && strcmp(excused->facts[0].name, "copies_by_design") == 0);
    cr_expect(excused->facts[0].number == 12);
    findings_free(&told.findings);
    told = (struct told){0};
    fault_put(&told, "copy:model.layers.2.mlp.experts.4.gate_proj.weight,"
                     "model.layers.2.mlp.experts.0.gate_proj.weight");
    tell(&told, MODEL("nano/thinker"));
    cr_expect(places(&told, "weights.identical", "model.layers.2.mlp.experts.4.gate_proj.weight") == 1);
    cr_expect(places(&told, "weights.identical", "model.layers.2.mlp.experts.0.gate_proj.weight") == 1);
    cr_expect(places(&told, NULL, NULL) == 2 && summary_of(&told, "weights.identical")->verdict == VERDICT_FAIL);
    findings_free(&told.findings);
}

/* The gains of the first `layers` layers, and where `final` is set the last one, become ones. */
static void ones_in(struct told *told, int layers, bool final)
{
    for (int layer = 0; layer < layers; layer++) {
        fault_put(told, "constant:model.layers.%d.input_layernorm.weight,1", layer);
        fault_put(told, "constant:model.layers.%d.post_attention_layernorm.weight,1", layer);
    }
    if (final)
        fault_put(told, "constant:model.norm.weight,1");
    tell(told, MODEL("nano/qwen2"));
}

Test(health, ones_in_all_gains_warn_and_in_some_fail)
{
    struct error error = {0};
    struct model_config *config = config_read(MODEL("nano/qwen2/config.json"), &error);
    struct told all = {0}, one = {0};
    ones_in(&all, config->layers, true);
    cr_expect(summary_of(&all, "weights.constant")->verdict == VERDICT_WARN && places(&all, NULL, NULL) == 0);
    ones_in(&one, 1, false);
    cr_expect(summary_of(&one, "weights.constant")->verdict == VERDICT_FAIL);
    cr_expect(places(&one, "weights.constant", "model.layers.0.input_layernorm.weight") == 1);
    cr_expect(places(&one, "weights.constant", "model.layers.0.post_attention_layernorm.weight") == 1);
    cr_expect(places(&one, NULL, NULL) == 2);
    findings_free(&all.findings);
    findings_free(&one.findings);
    free(config);
}

/* Turns the bytes of every value around. */
static void bytes_turn(const struct grid *grid)
{
    size_t width = dtype_width(grid->dtype);
    unsigned char *raw = grid->raw;
    for (size_t i = 0; i < grid->rows * grid->columns * width; i += width)
        for (size_t k = 0; k < width / 2; k++) {
            unsigned char byte = raw[i + k];
            raw[i + k] = raw[i + width - 1 - k];
            raw[i + width - 1 - k] = byte;
        }
}

#define LIKE 5

/* One of that many tensors of a kind, in layer 2, holds its bytes in reverse order. */
static void try_turned(enum dtype dtype, size_t rows, const char *shape, const char *weight)
{
    struct error error = {0};
    struct told told = {0};
    struct scan scan = {0};
    struct model_config *config;
    struct pool *pool = threads(2);
    struct plain_tensor tensors[LIKE];
    struct grid grids[LIKE];
    for (int i = 0; i < LIKE; i++) {
        float *values = gaussians(rows * 40, rows > 1 ? 0.03 : 0.2);
        for (size_t k = 0; rows == 1 && k < 40; k++)
            values[k] += 1;
        const char *name = scratch("model.layers.%d.%s.weight", i, weight);
        grids[i] = grid_of(dtype, rows, 40, values);
        tensors[i] = (struct plain_tensor){strrchr(name, '/') + 1, dtype_name(dtype), shape, grids[i].raw,
                                           rows * 40 * dtype_width(dtype)};
        free(values);
    }
    bytes_turn(&grids[2]);
    struct store *store = odd_store(tensors, LIKE, &config);
    cr_assert(scan_weights(store, config, pool, &scan, &error) && health_report(&scan, &told.findings, &error), "%s",
              error_text(&error));
    cr_expect(places(&told, "weights.bytes", tensors[2].name) == 1 &&
                  places(&told, NULL, NULL) == places(&told, NULL, tensors[2].name),
              "%s of %s", dtype_name(dtype), weight);
    for (int i = 0; i < LIKE; i++)
        grid_free(&grids[i]);
    findings_free(&told.findings);
    scan_free(&scan);
    store_free(store);
    free(config);
    pool_free(pool);
}

/* Any order of the bits of an F16 gives a number of a common size, so its exponents tell less than those of others. */
Test(health, bytes_in_reverse_order_are_named_in_every_dtype)
{
    for (size_t d = 0; d < 3; d++) {
        try_turned(dtypes[d], 96, "[96, 40]", "self_attn.q_proj");
        try_turned(dtypes[d], 1, "[40]", "input_layernorm");
    }
}
