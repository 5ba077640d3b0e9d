/* The perplexity of gold's own cases. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "activations/logits.h"
#include "golden/dump.h"
#include "limits/limits.h"
#include "math/distribution.h"

#define ABSURD 64

/* The verdict on the perplexity of one token, of which gold thinks as these logits say, when the subject's are all so
 * many times gold's. */
static enum verdict judge_token(const float *gold, int id, double factor)
{
    const int ids[2] = {0, id};
    struct model_config *config = calloc(1, sizeof *config);
    const struct golden_case one = {
        .id = "case", .ids = ids, .count = 2, .perplexity = exp(log_sum_exp(gold, ABSURD) - (double)gold[id])};
    struct dump_options options = {.producer = "test", .dtype = "float32", .points[POINT_HEAD] = true};
    struct row rows[2] = {{0, 0}, {0, 1}};
    float values[2 * ABSURD], scaled[2 * ABSURD];
    struct error error = {0};
    struct limits limits;
    struct findings findings = {0};
    char path[64];
    snprintf(path, sizeof path, "/tmp/assay-absurd-%ld.safetensors", (long)getpid());
    config->layers = 1;
    config->vocabulary = ABSURD;
    for (size_t i = 0; i < 2 * ABSURD; i++) {
        values[i] = gold[i % ABSURD];
        scaled[i] = (float)((double)values[i] * factor);
    }
    struct dump *dump = dump_create(path, config, &one, 1, &options, &error);
    cr_assert(dump, "%s", error_text(&error));
    struct activation activation = {
        .point = POINT_HEAD, .layer = -1, .values = values, .rows = 2, .width = ABSURD, .row_of = rows};
    struct probe probe = dump_probe(dump);
    cr_assert(probe.see(probe.context, &activation, &error) && dump_commit(dump, &error), "%s", error_text(&error));
    struct golden *golden = golden_open(path, &error);
    cr_assert(golden && limits_init(&limits, &error), "%s", error_text(&error));
    struct logits *logits = logits_new(golden, &limits, &error);
    const struct part part = {
        .point = POINT_HEAD, .layer = -1, .path = "lm_head", .values = scaled, .rows = 2, .width = ABSURD};
    cr_assert(logits && logits_see(logits, 0, &part, &error) && logits_report(logits, &findings, &error), "%s",
              error_text(&error));
    enum verdict verdict = VERDICT_SKIP;
    for (size_t i = 0; i < findings.count; i++)
        if (findings.items[i].summary && strcmp(findings.items[i].check, "perplexity") == 0)
            verdict = findings.items[i].verdict;
    findings_free(&findings);
    logits_free(logits);
    limits_free(&limits);
    golden_free(golden);
    free(config);
    unlink(path);
    return verdict;
}

/* A state that is off along itself moves each logit by as much of itself: within what its precision allows, no matter
 * how unlikely the token is. */
Test(logits, perplexity_of_what_gold_finds_absurd)
{
    struct error error = {0};
    struct limits limits;
    float gold[ABSURD];
    cr_assert(limits_init(&limits, &error));
    double allowed = limits.rows[LIMIT_FALLBACK_FLOAT32].value;
    limits_free(&limits);
    for (size_t i = 0; i < ABSURD; i++)
        gold[i] = 1;
    gold[3] = -20;
    gold[5] = 6;
    cr_expect_eq(judge_token(gold, 3, 1 + 0.9 * allowed), VERDICT_PASS);
    cr_expect_eq(judge_token(gold, 3, 1 + 1.5 * allowed), VERDICT_FAIL);
    cr_expect_eq(judge_token(gold, 5, 1 + 0.5 * allowed), VERDICT_PASS);
    cr_expect_eq(judge_token(gold, 5, 1 + 20 * allowed), VERDICT_FAIL);
}
