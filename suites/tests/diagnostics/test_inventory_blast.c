/* What absent experts do to the tokens. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden/golden.h"
#include "inventory/blast.h"
#include "inventory_fixture.h"
#include "store/overlay.h"
#include "store_fixtures.h"

TestSuite(blast, .timeout = 60);

static const struct finding *blast_of(struct store *store, const struct model_config *of, struct golden **goldens,
                                      size_t count, struct findings *findings)
{
    struct error error = {0};
    struct census census;
    *findings = (struct findings){0};
    cr_assert(census_take(store, of, NULL, &census, &error), "%s", error_text(&error));
    cr_assert(blast_check(&census, goldens, count, findings, &error), "%s", error_text(&error));
    census_free(&census);
    return head_of(findings, "inventory.blast");
}

static void drop_experts(struct store *store, int layer, int first, int last)
{
    struct error error = {0};
    for (int expert = first; expert <= last; expert++) {
        char name[128];
        snprintf(name, sizeof name, "model.layers.%d.mlp.experts.%d.down_proj.weight", layer, expert);
        cr_assert(overlay_drop(store, name, &error), "%s", error_text(&error));
    }
}

/* C(n, k) */
static double choose(int n, int k)
{
    double result = 1;
    for (int i = 0; i < k; i++)
        result = result * (n - i) / (i + 1);
    return n < k ? 0 : result;
}

/* The routing of gold in one layer, counted anew: a token's experts are those that fewer than k have larger logits
 * than. Of those of first .. last: how many tokens chose any, and how often. */
static void count_gold(struct golden *golden, const struct model_config *of, int layer, int first, int last,
                       double *tokens, double *hit, double *lost)
{
    struct error error = {0};
    char path[64];
    *tokens = *hit = *lost = 0;
    snprintf(path, sizeof path, "model.layers.%d.mlp.gate", layer);
    for (size_t c = 0; c < golden_case_count(golden); c++) {
        const struct golden_tensor *tensor = golden_find(golden, c, path);
        cr_assert(tensor && tensor->width == (size_t)of->experts);
        float *logits = malloc(tensor->rows * tensor->width * sizeof *logits);
        cr_assert(golden_read_rows(golden, tensor, 0, tensor->rows, logits, &error), "%s", error_text(&error));
        for (size_t row = 0; row < tensor->rows; row++) {
            const float *values = logits + row * tensor->width;
            int met = 0;
            for (int expert = first; expert <= last; expert++) {
                int larger = 0;
                for (int other = 0; other < of->experts; other++)
                    larger += values[other] > values[expert];
                met += larger < of->experts_per_token;
            }
            *tokens += 1;
            *hit += met > 0;
            *lost += met;
        }
        free(logits);
    }
}

Test(blast, uniform_and_measured_routing)
{
    struct error error = {0};
    struct store *base = open_store(NANO "thinker"), *store = overlay_new(base, &error);
    struct golden *golden = golden_open(NANO "thinker.golden.safetensors", &error);
    struct model_config *nano = config_read(NANO "thinker/config.json", &error);
    struct findings findings;
    cr_assert(golden && nano && store, "%s", error_text(&error));
    drop_experts(store, 2, 4, 5);
    const struct finding *head = blast_of(store, nano, &golden, 1, &findings);
    int experts = nano->experts, k = nano->experts_per_token;
    double expected = 1 - choose(experts - 2, k) / choose(experts, k), tokens, hit, lost;
    count_gold(golden, nano, 2, 4, 5, &tokens, &hit, &lost);
    cr_expect(hit > 0 && hit < tokens, "the case tells nothing");
    cr_expect_float_eq(head->measured, expected, 1e-12);
    cr_expect_float_eq(fact(head, "uniform_tokens"), expected, 1e-12);
    cr_expect_float_eq(fact(head, "uniform_layers_per_token"), expected, 1e-12);
    cr_expect_float_eq(fact(head, "uniform_calls"), 2.0 / experts / nano->layers, 1e-12);
    cr_expect(fact(head, "tokens") == tokens);
    cr_expect_float_eq(fact(head, "measured_tokens"), hit / tokens, 1e-12);
    cr_expect_float_eq(fact(head, "measured_layers_per_token"), hit / tokens, 1e-12);
    cr_expect_float_eq(fact(head, "measured_calls"), lost / tokens / k / nano->layers, 1e-12);
    cr_expect_eq(head->verdict, VERDICT_FAIL);
    cr_expect_eq(head->series_count, 1);
    cr_expect_eq(head->series[0].curve_count, 2);
    findings_free(&findings);
    /* a second layer, all of whose experts are absent */
    drop_experts(store, 4, 0, experts - 1);
    head = blast_of(store, nano, NULL, 0, &findings);
    cr_expect_float_eq(head->measured, 1, 1e-12);
    cr_expect_float_eq(fact(head, "uniform_layers_per_token"), 1 + expected, 1e-12);
    cr_expect(isnan(fact(head, "tokens")));
    findings_free(&findings);
    golden_free(golden);
    free(nano);
    store_free(store);
    store_free(base);
}

Test(blast, what_every_token_meets)
{
    struct error error = {0};
    struct store *base = open_store(NANO "qwen3"), *store = overlay_new(base, &error);
    struct model_config *nano = config_read(NANO "qwen3/config.json", &error);
    struct findings findings;
    cr_assert(nano && store, "%s", error_text(&error));
    const struct finding *head = blast_of(store, nano, NULL, 0, &findings);
    cr_expect(head->verdict == VERDICT_PASS && head->measured == 0);
    findings_free(&findings);
    cr_assert(overlay_drop(store, "model.layers.1.self_attn.k_norm.weight", &error), "%s", error_text(&error));
    head = blast_of(store, nano, NULL, 0, &findings);
    cr_expect(head->verdict == VERDICT_FAIL && head->measured == 1);
    cr_expect(strstr(head->message, "the attention of layer 1"), "%s", head->message);
    findings_free(&findings);
    free(nano);
    store_free(store);
    store_free(base);
}
