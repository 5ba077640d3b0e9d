/* What judges: the comparator, the limits, routing ties, blame, divergences, and perplexity against sums taken by hand.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "activations/layers.h"
#include "activations/logits.h"
#include "activations/perplexity.h"
#include "base/file.h"
#include "diagnostics/check.h"
#include "golden/dump.h"
#include "inventory/inventory.h"
#include "limits/comparator.h"
#include "limits/limits.h"
#include "math/distribution.h"
#include "model/family.h"
#include "store/safetensors.h"

#define NANO ASSAY_SOURCE_DIR "/golden/nano/"

Test(comparator, judges_and_never_passes_what_is_not_finite)
{
    const float inf = INFINITY, nan = NAN;
    const struct {
        const char *what;
        float subject[3], gold[3];
        double relative; /* NAN: infinite is expected */
        bool within;     /* a limit of 0.1 */
    } rows[] = {
        {"equal", {1, 2, 3}, {1, 2, 3}, 0, true},
        {"close", {1, 2, 3.1f}, {1, 2, 3}, 0.1 / sqrt(14), true},
        {"far", {1, 2, 6}, {1, 2, 3}, 3 / sqrt(14), false},
        {"NaN in the subject", {1, nan, 3}, {1, 2, 3}, NAN, false},
        {"NaN in gold", {1, 2, 3}, {1, nan, 3}, NAN, false},
        {"infinity in the subject", {1, 2, inf}, {1, 2, 3}, NAN, false},
        {"infinities of opposite sign", {1, 2, -inf}, {1, 2, inf}, NAN, false},
        {"the same infinity", {1, 2, inf}, {1, 2, inf}, 0, true},
        {"gold all zero, subject too", {0, 0, 0}, {0, 0, 0}, 0, true},
        {"gold all zero, subject not", {0, 1e-30f, 0}, {0, 0, 0}, NAN, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct comparison comparison = {0};
        comparison_add(&comparison, rows[i].subject, rows[i].gold, 3);
        double relative = comparison_relative(&comparison);
        bool same = isnan(rows[i].relative) ? isinf(relative) != 0 : fabs(relative - rows[i].relative) < 1e-6;
        cr_assert(same, "%s: relative error %g", rows[i].what, relative);
        cr_assert_eq(comparison_within(&comparison, 0.1), rows[i].within, "%s: within 0.1?", rows[i].what);
    }
    struct comparison broken = {0};
    comparison_add(&broken, &nan, &(const float){1}, 1);
    cr_assert(!comparison_within(&broken, INFINITY), "NaN is within no limit");
    struct comparison nothing = {0};
    cr_assert(!comparison_within(&nothing, 1e9), "nothing compared is nothing passed");
    cr_assert(!comparison_within(&nothing, INFINITY) && !comparison_within(&nothing, NAN), "whatever the limit");
}

static double carriers(const float *subject, const float *gold, size_t count)
{
    struct comparison comparison = {0};
    comparison_add(&comparison, subject, gold, count);
    return comparison_carriers(&comparison);
}

Test(comparator, counts_the_values_that_carry_an_error)
{
    enum { COUNT = 4096 };
    static float gold[COUNT], subject[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        gold[i] = i % 2 ? 1 : -1;
        subject[i] = gold[i] + (i % 4 < 2 ? 0.01f : -0.01f);
    }
    double alike = carriers(subject, gold, COUNT);
    cr_expect_float_eq(alike, COUNT, 1, "all alike: %g", alike);
    for (size_t i = 0; i < COUNT; i++)
        subject[i] = gold[i] * 1.01f;
    double factor = carriers(subject, gold, COUNT);
    cr_expect_float_eq(factor, 1, 0.01, "a factor that all have in common: %g", factor);
    memcpy(subject, gold, sizeof gold);
    subject[7] += 0.5f;
    subject[8] += 0.01f;
    double one = carriers(subject, gold, COUNT);
    cr_expect(one > 0.9 && one <= 3.01, "one value: %g", one);
    gold[7] = 1000;
    for (size_t i = 0; i < COUNT; i++)
        subject[i] = gold[i] + (i % 4 < 2 ? 0.01f : -0.01f);
    double large = carriers(subject, gold, COUNT);
    cr_expect(large > 0.9 && large <= 3.1, "one large value of gold: %g", large);
    cr_expect_eq(carriers(gold, gold, 5), 5, "no error");
}

Test(comparator, worst_place_counts_over_calls)
{
    const float gold[4] = {1, 1, 1, 1}, first[4] = {1, 1.5f, 1, 1}, second[4] = {1, 1, 1, 3};
    struct comparison a = {0}, b = {0}, one = {0};
    comparison_add(&a, first, gold, 4);
    comparison_add(&b, second, gold, 4);
    comparison_add(&one, first, gold, 4);
    comparison_add(&one, second, gold, 4);
    comparison_merge(&a, &b);
    cr_assert(a.worst == 7 && one.worst == 7 && a.largest == 2 && a.worst_subject == 3 && a.worst_gold == 1,
              "worst %zu and %zu, largest %g", a.worst, one.worst, a.largest);
    cr_assert(a.count == 8 && fabs(comparison_relative(&a) - comparison_relative(&one)) < 1e-15, "merged as added");
    cr_assert(fabs(comparison_cosine(&a) - one.product / sqrt(one.gold2 * one.subject2)) < 1e-15, "cosine");
}

Test(run, the_rows_of_a_part_that_gold_holds)
{
    static float values[8];
    static const struct {
        size_t first, rows;     /* of the part */
        size_t from, count;     /* of gold */
        size_t begin, together; /* 0: none */
    } rows[] = {{0, 4, 0, 4, 0, 4}, {0, 4, 2, 9, 2, 2}, {2, 2, 0, 3, 2, 1}, {1, 3, 2, 1, 2, 1},
                {0, 2, 2, 2, 0, 0}, {3, 1, 0, 3, 0, 0}, {1, 2, 1, 0, 0, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct part part = {.values = values, .first = rows[i].first, .rows = rows[i].rows, .width = 2}, within;
        bool any = part_within(&part, rows[i].from, rows[i].count, &within);
        cr_assert_eq(any, rows[i].together > 0, "row %zu", i);
        cr_assert(!any || (within.first == rows[i].begin && within.rows == rows[i].together &&
                           within.values == values + 2 * (rows[i].begin - rows[i].first)),
                  "row %zu: %zu rows from %zu on", i, within.rows, within.first);
    }
}

Test(limits, are_multiples_of_noise_or_marked_fallbacks)
{
    struct limits limits;
    struct error error = {0};
    const char *cause = NULL;
    cr_assert(limits_init(&limits, &error));
    struct accuracy accuracy = {.noise = 3e-7, .rounding = NAN, .dtype = "float64"};
    cr_assert(fabs(limits_tolerance(&limits, &accuracy, &cause) - 3e-6) < 1e-18 && !strstr(cause, "fallback"), "%s",
              cause);
    accuracy.noise = 0;
    cr_assert(limits_tolerance(&limits, &accuracy, NULL) <= 0, "no noise: exact");
    static const char *const dtypes[] = {"float64", "float32", "float16", "bfloat16", "something"};
    double last = 0;
    for (size_t i = 0; i < 5; i++) {
        accuracy = (struct accuracy){.noise = NAN, .rounding = NAN, .dtype = dtypes[i]};
        double tolerance = limits_tolerance(&limits, &accuracy, &cause);
        cr_assert(tolerance > 0 && tolerance < 0.1 && strstr(cause, "fallback"), "%s: %g, %s", dtypes[i], tolerance,
                  cause);
        cr_assert(i == 4 || tolerance >= last, "coarser dtypes are allowed more");
        last = tolerance;
    }
    accuracy = (struct accuracy){.noise = 1e-7, .rounding = 0.01, .dtype = "bfloat16"};
    cr_assert(fabs(limits_tolerance(&limits, &accuracy, &cause) - 0.04) < 1e-15 && strstr(cause, "measured"), "%s",
              cause);
    accuracy.alone = true;
    cr_assert(fabs(limits_tolerance(&limits, &accuracy, NULL) - 0.02) < 1e-15, "a module alone is judged more sharply");
    accuracy.rounding = 7;
    cr_assert(limits_tolerance(&limits, &accuracy, &cause) <= 1 && strstr(cause, "ceiling"), "%s", cause);
    accuracy.rounding = NAN;
    cr_assert(limits_tolerance(&limits, &accuracy, &cause) >= 0.08 && strstr(cause, "fallback"),
              "noise of float32 says nothing of bfloat16: %s", cause);
    accuracy = (struct accuracy){.noise = 1e-7, .rounding = 0.01, .dtype = "float64"};
    cr_assert(limits_tolerance(&limits, &accuracy, NULL) < 2e-6, "few bits only where there are few");
    for (int i = 0; i < LIMIT_COUNT; i++)
        cr_assert(limit_parse(limit_name((enum limit)i)) == (enum limit)i && limits.rows[i].cause[0],
                  "every limit has a cause");
    cr_assert_eq(limit_parse("layers.frobs"), LIMIT_COUNT);
    limits_free(&limits);
}

Test(logits, log_sum_exp_and_largest)
{
    const float plain[3] = {0, logf(2), logf(5)}, large[2] = {1000, 1000}, broken[3] = {1, NAN, 2},
                equal[3] = {4, 7, 7};
    cr_assert(fabs(log_sum_exp(plain, 3) - log(8)) < 1e-6 && fabs(log_sum_exp(large, 2) - 1000 - log(2)) < 1e-9);
    cr_assert(isnan(log_sum_exp(broken, 3)), "NaN must show");
    cr_assert(largest_index(equal, 3) == 1 && largest_index(broken, 3) == 2);
}

#define ROUTED_MAX 40

/* A dump of one case with router logits of `count` tokens over four experts, in a new file. */
static struct golden *router_gold(const struct model_config *config, const float *logits, size_t count,
                                  const char *dtype, const char *path)
{
    static const int ids[ROUTED_MAX] = {1, 2};
    const struct golden_case one = {.id = "case", .ids = ids, .count = count, .perplexity = NAN};
    struct dump_options options = {.producer = "test", .dtype = dtype};
    struct row rows[ROUTED_MAX];
    struct error error = {0};
    for (size_t i = 0; i < count; i++)
        rows[i] = (struct row){0, (int)i};
    options.points[POINT_ROUTER] = true;
    struct dump *dump = dump_create(path, config, &one, 1, &options, &error);
    cr_assert(dump, "%s", error_text(&error));
    struct activation activation = {
        .point = POINT_ROUTER, .values = (float *)logits, .rows = count, .width = 4, .row_of = rows};
    struct probe probe = dump_probe(dump);
    cr_assert(probe.see(probe.context, &activation, &error) && dump_commit(dump, &error), "%s", error_text(&error));
    struct golden *golden = golden_open(path, &error);
    cr_assert(golden, "%s", error_text(&error));
    return golden;
}

static double fact(const struct finding *finding, const char *name)
{
    for (size_t i = 0; i < finding->fact_count; i++)
        if (strcmp(finding->facts[i].name, name) == 0)
            return finding->facts[i].number;
    return NAN;
}

/* What is found when a router of one layer gives these logits [count, 4] where gold has the others; those that the
 * pass goes on with are left in `subject`. */
static struct findings see_router(float *subject, const float *gold, size_t count, const char *dtype,
                                  const struct limits *limits)
{
    struct model_config *config = calloc(1, sizeof *config);
    struct error error = {0};
    struct findings findings = {0};
    char path[64];
    snprintf(path, sizeof path, "/tmp/assay-tie-%ld.safetensors", (long)getpid());
    config->layers = 1;
    config->experts = 4;
    config->experts_per_token = 2;
    config->sparse[0] = true;
    struct golden *golden = router_gold(config, gold, count, dtype, path);
    struct layers *layers = layers_new(golden, config, limits, &error);
    const struct part part = {.point = POINT_ROUTER,
                              .layer = 0,
                              .path = "model.layers.0.mlp.gate",
                              .values = subject,
                              .rows = count,
                              .width = 4};
    cr_assert(layers && layers_see(layers, MODE_PROPAGATED, 0, &part, &error), "%s", error_text(&error));
    cr_assert(layers_report(layers, &findings, "not run", &error));
    layers_free(layers);
    golden_free(golden);
    free(config);
    unlink(path);
    return findings;
}

static const struct finding *whole(const struct findings *findings, const char *check)
{
    for (size_t i = 0; i < findings->count; i++)
        if (findings->items[i].summary && strcmp(findings->items[i].check, check) == 0)
            return &findings->items[i];
    cr_assert_fail("no finding %s", check);
    return NULL;
}

Test(layers, a_tie_is_forced_and_a_real_difference_is_not)
{
    const float gold[8] = {2, 1, 0.99999f, 0, 2, 1, 0.5f, 0};
    float subject[8] = {2, 0.99999f, 1, 0, 2, 0.5f, 1, 0}; /* the first token a tie, the second another choice */
    struct error error = {0};
    struct limits limits;
    cr_assert(limits_init(&limits, &error));
    struct findings findings = see_router(subject, gold, 2, "float32", &limits);
    cr_assert(memcmp(subject, gold, 4 * sizeof *gold) == 0, "gold's choice is forced on the tie");
    cr_assert(subject[5] == 0.5f && subject[6] == 1, "a real difference stays");
    cr_assert(fact(&findings.items[0], "routing_ties") == 1, "the report counts the tie");
    cr_assert(findings.items[0].verdict == VERDICT_FAIL, "the second token fails it");
    const struct finding *ties = whole(&findings, "layers.ties");
    cr_assert(ties->verdict == VERDICT_PASS && fact(ties, "forced") == 1 && fact(ties, "routings") == 2);
    findings_free(&findings);
    limits_free(&limits);
}

Test(layers, what_a_suite_allows_heals_no_routing)
{
    static const enum limit loose[] = {LIMIT_RELATIVE, LIMIT_FALLBACK_FLOAT32, LIMIT_NOISE_MULTIPLE, LIMIT_CEILING};
    const float gold[8] = {2, 1, 0.99999f, 0, 2, 1, 0.5f, 0};
    struct error error = {0};
    for (size_t i = 0; i < sizeof loose / sizeof *loose; i++) {
        float subject[8] = {2, 0.99999f, 1, 0, 2, 0.5f, 1, 0};
        struct limits limits;
        cr_assert(limits_init(&limits, &error) && limits_set(&limits, loose[i], 1.3, "a test", &error));
        struct findings findings = see_router(subject, gold, 2, "float32", &limits);
        cr_assert(subject[1] == 1 && subject[2] == 0.99999f, "a tie is one still");
        cr_assert(subject[5] == 0.5f && subject[6] == 1, "%s: another choice stays another", limit_name(loose[i]));
        cr_assert(fact(&findings.items[0], "routing_ties") == 1);
        cr_assert(loose[i] != LIMIT_RELATIVE || findings.items[0].verdict == VERDICT_PASS, "the error is allowed");
        findings_free(&findings);
        limits_free(&limits);
    }
}

Test(layers, more_ties_than_chance_explains_fail)
{
    float gold[4 * ROUTED_MAX], subject[4 * ROUTED_MAX];
    struct error error = {0};
    struct limits limits;
    cr_assert(limits_init(&limits, &error) && limits_set(&limits, LIMIT_RELATIVE, 1.3, "a test", &error));
    for (size_t every = 1; every < 16; every *= 4) { /* that token in so many is turned; gold's margin: 0 to 0.3 */
        for (size_t i = 0; i < ROUTED_MAX; i++) {
            float margin = 0.3f * (float)i / ROUTED_MAX, row[4] = {2, 1, 1 - margin, -2};
            memcpy(gold + 4 * i, row, sizeof row);
            memcpy(subject + 4 * i, row, sizeof row);
            subject[4 * i + 1] = row[i % every ? 1 : 2];
            subject[4 * i + 2] = row[i % every ? 2 : 1];
        }
        struct findings findings = see_router(subject, gold, ROUTED_MAX, "bfloat16", &limits);
        const struct finding *ties = whole(&findings, "layers.ties");
        cr_assert(memcmp(subject, gold, sizeof gold) == 0, "all are near enough");
        cr_assert(ties->verdict == (every == 1 ? VERDICT_FAIL : VERDICT_PASS), "every %zu: %g of %g", every,
                  ties->measured, ties->limit);
        cr_assert(findings.items[0].verdict == VERDICT_PASS && ties->where.layer == 0);
        cr_assert_eq(findings.items[findings.count - 1].verdict, every == 1 ? VERDICT_FAIL : VERDICT_PASS);
        findings_free(&findings);
    }
    limits_free(&limits);
}

struct sum {
    const int *ids;
    size_t scored; /* first target in the window that counts */
    size_t count;
    double nll;
    size_t tokens;
};

static bool sum_see(void *context, const struct activation *activation, struct error *error)
{
    struct sum *sum = context;
    (void)error;
    for (size_t row = 0; activation->point == POINT_HEAD && row < activation->rows; row++) {
        size_t target = (size_t)activation->row_of[row].token + 1;
        const float *logits = activation->values + row * activation->width;
        double total = 0;
        if (target < sum->scored || target >= sum->count)
            continue;
        for (size_t i = 0; i < activation->width; i++)
            total += exp((double)logits[i]);
        sum->nll += log(total) - (double)logits[sum->ids[target]];
        sum->tokens++;
    }
    return true;
}

/* The rule of the guide, written down once more: each window alone through the engine. */
static double perplexity_by_hand(struct model *model, const struct ids *ids, size_t context, size_t stride,
                                 size_t *tokens)
{
    struct error error = {0};
    double nll = 0;
    size_t end = 0;
    *tokens = 0;
    for (size_t begin = 0; end < ids->count; begin += stride) {
        size_t count = ids->count - begin < context ? ids->count - begin : context;
        struct sum sum = {.ids = ids->data + begin, .scored = end > begin ? end - begin : 1, .count = count};
        struct probe probe = {.see = sum_see, .context = &sum};
        struct sequence sequence = {.ids = ids->data + begin, .count = count};
        cr_assert(model_forward(model, &sequence, 1, &probe, &error), "%s", error_text(&error));
        nll += sum.nll;
        *tokens += sum.tokens;
        end = begin + count;
    }
    return exp(nll / (double)*tokens);
}

Test(perplexity, windows_add_up_as_by_hand)
{
    static const char text[] = "The cat sat on the mat, and the dog looked at it; then both of them went home.";
    struct subject_options options = {.model = NANO "qwen3_moe", .engine = {.exact = true}};
    struct subject subject;
    struct error error = {0};
    struct limits limits;
    struct ids ids = {0};
    char path[64];
    snprintf(path, sizeof path, "/tmp/assay-text-%ld", (long)getpid());
    cr_assert(file_write(path, text, strlen(text), &error) && limits_init(&limits, &error) &&
                  subject_open(&options, &subject, &error) && subject_load(&subject, &error) &&
                  tokenizer_encode(subject.tokenizer, text, strlen(text), true, &ids, &error),
              "%s", error_text(&error));
    static const size_t windows[][2] = {{8, 4}, {8, 8}, {8, 1}, {7, 3}, {2, 1}, {10000, 5000}};
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        size_t context = windows[i][0], stride = windows[i][1], tokens = 0;
        double expected = perplexity_by_hand(subject.model, &ids, context, stride, &tokens);
        struct check_request request = {
            .subject = &subject, .limits = &limits, .text = path, .context = context, .stride = stride};
        struct findings findings = {0};
        request.wanted[DIAGNOSTIC_PERPLEXITY] = true;
        cr_assert(check_run(&request, &findings, &error), "%s", error_text(&error));
        double found = fact(&findings.items[0], "perplexity");
        cr_assert(fabs(found / expected - 1) < 1e-5, "context %zu, stride %zu: %.9g, by hand %.9g", context, stride,
                  found, expected);
        /* windows that do not overlap cannot score their first tokens: the rest of the numbers must agree with that */
        cr_assert(stride < context ? tokens == ids.count - 1 : tokens < ids.count - 1, "%zu tokens scored", tokens);
        findings_free(&findings);
    }
    ids_free(&ids);
    limits_free(&limits);
    subject_free(&subject);
    unlink(path);
}

#define TOKENS 6

/* A dump of one case of TOKENS tokens with these values at these points, in a new file; floats follow each other as the
 * points do in a pass. */
static struct golden *point_gold(const struct model_config *config, const enum point *points, size_t count,
                                 const float *values, const char *path)
{
    static const int ids[TOKENS] = {1, 0, 1, 1, 0, 1};
    const struct golden_case one = {.id = "case", .ids = ids, .count = TOKENS, .perplexity = NAN};
    struct dump_options options = {.producer = "test", .dtype = "float32"};
    struct row rows[TOKENS];
    struct error error = {0};
    for (int token = 0; token < TOKENS; token++)
        rows[token] = (struct row){0, token};
    for (size_t i = 0; i < count; i++)
        options.points[points[i]] = true;
    struct dump *dump = dump_create(path, config, &one, 1, &options, &error);
    cr_assert(dump, "%s", error_text(&error));
    for (int layer = 0; layer < (point_in_layer(points[0]) ? config->layers : 1); layer++) {
        for (size_t i = 0; i < count; i++) {
            struct activation activation = {.point = points[i],
                                            .layer = point_in_layer(points[i]) ? layer : -1,
                                            .values = (float *)values,
                                            .rows = TOKENS,
                                            .width = point_width(config, points[i], NULL),
                                            .row_of = rows};
            struct probe probe = dump_probe(dump);
            cr_assert(probe.see(probe.context, &activation, &error), "%s", error_text(&error));
            values += TOKENS * activation.width;
        }
    }
    cr_assert(dump_commit(dump, &error), "%s", error_text(&error));
    struct golden *golden = golden_open(path, &error);
    cr_assert(golden, "%s", error_text(&error));
    return golden;
}

static struct part part_of(enum point point, int layer, float *values, size_t width)
{
    static char path[POINT_PATH];
    return (struct part){.point = point,
                         .layer = layer,
                         .path = point_path(point, layer, path),
                         .values = values,
                         .rows = TOKENS,
                         .width = width};
}

static void see_layers(struct layers *layers, float *values)
{
    struct error error = {0};
    for (int layer = 0; layer < 3; layer++) {
        struct part part = part_of(POINT_LAYER, layer, values + layer * TOKENS * 2, 2);
        cr_assert(layers_see(layers, MODE_PROPAGATED, 0, &part, &error), "%s", error_text(&error));
    }
}

Test(layers, the_first_bad_layer_is_not_the_worst_one)
{
    static const enum point points[] = {POINT_LAYER};
    static const struct {
        float scale[3];
        int first, worst;
        double measured;
        size_t places;
    } rows[] = {
        {{1, 1, 1}, -1, -1, 0, 0}, {{1, 1.01f, 1.5f}, 1, 2, 0.5, 2}, {{1.25f, 1, 1}, 0, 0, 0.25, 1},
        {{1, 1, 0}, 2, 2, 1, 1},   {{1, NAN, 3}, 1, 1, INFINITY, 2}, {{INFINITY, NAN, 3}, 0, 0, INFINITY, 3},
    };
    float gold[3 * TOKENS * 2], subject[3 * TOKENS * 2];
    struct model_config *config = calloc(1, sizeof *config);
    struct error error = {0};
    struct limits limits;
    char path[64];
    snprintf(path, sizeof path, "/tmp/assay-first-%ld.safetensors", (long)getpid());
    config->layers = 3;
    config->hidden = 2;
    for (size_t i = 0; i < sizeof gold / sizeof *gold; i++)
        gold[i] = (float)(i % 7) - 2.5f;
    struct golden *golden = point_gold(config, points, 1, gold, path);
    cr_assert(limits_init(&limits, &error));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct layers *layers = layers_new(golden, config, &limits, &error);
        struct findings findings = {0};
        for (size_t k = 0; k < sizeof gold / sizeof *gold; k++)
            subject[k] = gold[k] * rows[i].scale[k / (TOKENS * 2)];
        see_layers(layers, subject);
        cr_assert(layers_report(layers, &findings, "not run", &error));
        const struct finding *finding = &findings.items[0];
        double first = fact(finding, "first_bad_layer");
        cr_assert(rows[i].first < 0 ? isnan(first) : first == rows[i].first, "row %zu: first bad layer %g", i, first);
        cr_assert_eq(finding->verdict, rows[i].first < 0 ? VERDICT_PASS : VERDICT_FAIL);
        cr_assert(rows[i].worst < 0 || finding->where.layer == rows[i].worst, "row %zu: worst in %d", i,
                  finding->where.layer);
        cr_assert(finding->measured == rows[i].measured || fabs(finding->measured - rows[i].measured) < 1e-6,
                  "row %zu: %g", i, finding->measured);
        cr_assert_eq(findings.count, rows[i].places + 2, "row %zu: a summary of each mode and the places", i);
        findings_free(&findings);
        layers_free(layers);
    }
    limits_free(&limits);
    golden_free(golden);
    free(config);
    unlink(path);
}

/* Which experts each token takes, and what is said when the tokens of `bad` come out wrong. */
Test(layers, experts_are_blamed_when_the_routing_allows)
{
    static const enum point points[] = {POINT_POST_NORM, POINT_ROUTER, POINT_MLP};
    static const int taken[TOKENS][2] = {{0, 1}, {0, 2}, {1, 3}, {2, 3}, {0, 3}, {1, 2}};
    static const struct {
        bool bad[TOKENS];
        int expert;
        const char *says;
    } rows[] = {
        {{false, false, true, true, true, false}, 3, "expert 3"},
        {{true, true, false, false, true, false}, 0, "expert 0"},
        {{true, true, true, true, true, false}, -1, "experts 0, 3"},
        {{false, false, false, false, false, true}, -1, "the feed-forward weights"},
        {{false, false, false, false, true, true}, -1, "the feed-forward weights"},
    };
    float gold[TOKENS * (2 + 4 + 2)] = {0}, subject[TOKENS * (2 + 4 + 2)];
    float *routed = gold + TOKENS * 2, *norm = subject, *logits = norm + TOKENS * 2, *values = logits + TOKENS * 4;
    struct model_config *config = calloc(1, sizeof *config);
    struct error error = {0};
    struct limits limits;
    char path[64];
    snprintf(path, sizeof path, "/tmp/assay-blame-%ld.safetensors", (long)getpid());
    config->layers = 1;
    config->norms = WEIGHT_BIT(WEIGHT_POST_NORM);
    config->hidden = 2;
    config->experts = 4;
    config->experts_per_token = 2;
    config->sparse[0] = true;
    for (size_t token = 0; token < TOKENS; token++)
        routed[token * 4 + (size_t)taken[token][0]] = 2, routed[token * 4 + (size_t)taken[token][1]] = 1;
    for (size_t i = TOKENS * 6; i < TOKENS * 8; i++)
        gold[i] = (float)i;
    struct golden *golden = point_gold(config, points, 3, gold, path);
    cr_assert(limits_init(&limits, &error));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct layers *layers = layers_new(golden, config, &limits, &error);
        struct findings findings = {0};
        memcpy(subject, gold, sizeof gold);
        for (size_t token = 0; token < TOKENS; token++)
            values[token * 2] *= rows[i].bad[token] ? 1.5f : 1;
        struct part part = part_of(POINT_POST_NORM, 0, norm, 2);
        cr_assert(layers_see(layers, MODE_ISOLATED, 0, &part, &error), "%s", error_text(&error));
        part = part_of(POINT_ROUTER, 0, logits, 4);
        cr_assert(layers_see(layers, MODE_ISOLATED, 0, &part, &error), "%s", error_text(&error));
        part = part_of(POINT_MLP, 0, values, 2);
        cr_assert(layers_see(layers, MODE_ISOLATED, 0, &part, &error), "%s", error_text(&error));
        cr_assert(memcmp(subject, gold, sizeof gold) == 0, "gold goes on into the pass");
        cr_assert(layers_report(layers, &findings, NULL, &error));
        const struct finding *place = &findings.items[findings.count - 1];
        cr_assert(!place->summary && place->where.layer == 0 && strcmp(place->where.module, "model.layers.0.mlp") == 0);
        cr_assert(place->where.expert == rows[i].expert, "row %zu: expert %d", i, place->where.expert);
        cr_assert(strstr(place->message, rows[i].says), "row %zu: %s", i, place->message);
        findings_free(&findings);
        layers_free(layers);
    }
    limits_free(&limits);
    golden_free(golden);
    free(config);
    unlink(path);
}

/* Of {0, 0} from softmax({d, 0}). */
static double kl_of(double d)
{
    return log(exp(d) + 1) - d / 2 - log(2);
}

Test(logits, percentiles_are_those_of_the_divergences)
{
    static const enum point points[] = {POINT_HEAD};
    static const float shifts[TOKENS] = {0.8f, 0, 0.4f, 0.1f, 0.2f, 0.6f};
    float gold[TOKENS * 2] = {0}, subject[TOKENS * 2] = {0};
    struct model_config *config = calloc(1, sizeof *config);
    struct findings findings = {0};
    struct error error = {0};
    struct limits limits;
    char path[64];
    snprintf(path, sizeof path, "/tmp/assay-kl-%ld.safetensors", (long)getpid());
    config->layers = 1;
    config->vocabulary = 2;
    struct golden *golden = point_gold(config, points, 1, gold, path);
    cr_assert(limits_init(&limits, &error));
    double sum = 0;
    for (size_t token = 0; token < TOKENS; token++) {
        subject[token * 2] = shifts[token];
        sum += kl_of((double)shifts[token]);
    }
    struct part part = part_of(POINT_HEAD, -1, subject, 2);
    struct logits *logits = logits_new(golden, &limits, &error);
    cr_assert(logits_see(logits, 0, &part, &error) && logits_report(logits, &findings, &error), "%s",
              error_text(&error));
    const struct finding *kl = &findings.items[0];
    double third = kl_of(0.2), fourth = kl_of(0.4), fifth = kl_of(0.6), last = kl_of(0.8);
    cr_assert_str_eq(kl->check, "logits.kl");
    cr_assert_float_eq(kl->measured, sum / TOKENS, 1e-7);
    cr_assert_float_eq(fact(kl, "median"), (third + fourth) / 2, 1e-7);
    cr_assert_float_eq(fact(kl, "p90"), (fifth + last) / 2, 1e-7);
    cr_assert_float_eq(fact(kl, "p99"), fifth + 0.95 * (last - fifth), 1e-7);
    cr_assert_float_eq(fact(kl, "max"), last, 1e-7);
    cr_assert(fact(kl, "positions") == TOKENS && kl->where.token == 0 && kl->verdict == VERDICT_FAIL);
    findings_free(&findings);
    logits_free(logits);

    subject[2 * 2 + 1] = NAN;
    logits = logits_new(golden, &limits, &error);
    cr_assert(logits_see(logits, 0, &part, &error) && logits_report(logits, &findings, &error));
    kl = &findings.items[0];
    cr_assert(isinf(kl->measured) && isinf(fact(kl, "max")) && kl->where.token == 2 && kl->verdict == VERDICT_FAIL);
    cr_assert_float_eq(fact(kl, "median"), (third + fifth) / 2, 1e-7, "one broken position leaves the median alone");
    findings_free(&findings);
    logits_free(logits);
    limits_free(&limits);
    golden_free(golden);
    free(config);
    unlink(path);
}

#define MANY 300

/* MANY experts whose gate has a wrong dtype and whose up has a wrong shape; nothing else. */
static struct store *wrong_experts(const char *path)
{
    struct error error = {0};
    struct safetensors_entry *entries = calloc(2 * MANY, sizeof *entries);
    for (int i = 0; i < 2 * MANY; i++) {
        entries[i] = (struct safetensors_entry){.dtype = i % 2 ? DTYPE_F32 : DTYPE_U8, .rank = 2, .shape = {2, 2}};
        entries[i].shape[0] = i % 2 ? 3 : 2;
        cr_assert(asprintf(&entries[i].name, "model.layers.0.mlp.experts.%d.%s_proj.weight", i / 2,
                           i % 2 ? "up" : "gate") > 0);
    }
    struct safetensors_writer *writer = safetensors_create(path, entries, 2 * MANY, NULL, &error);
    cr_assert(writer, "%s", error_text(&error));
    for (size_t i = 0; i < 2 * MANY; i++) {
        const char zeros[24] = {0};
        cr_assert(safetensors_put(writer, i, 0, zeros, i % 2 ? 24 : 4, &error), "%s", error_text(&error));
        free(entries[i].name);
    }
    free(entries);
    cr_assert(safetensors_commit(writer, &error), "%s", error_text(&error));
    struct store *store = store_open(path, &error);
    cr_assert(store, "%s", error_text(&error));
    return store;
}

Test(inventory, all_wrong_tensors_are_counted_and_the_first_listed)
{
    struct model_config *config = calloc(1, sizeof *config);
    struct error error = {0};
    struct findings findings = {0};
    char path[64];
    snprintf(path, sizeof path, "/tmp/assay-wrong-%ld.safetensors", (long)getpid());
    *config = (struct model_config){.family = family_find("qwen3_moe"),
                                    .layers = 1,
                                    .experts = MANY,
                                    .experts_per_token = 1,
                                    .hidden = 2,
                                    .moe_intermediate = 2,
                                    .sparse[0] = true};
    struct store *store = wrong_experts(path);
    cr_assert(inventory_check(store, config, &findings, &error), "%s", error_text(&error));
    static const char *const checks[] = {"inventory.shape", "inventory.dtype"};
    for (size_t check = 0; check < 2; check++) {
        size_t places = 0;
        for (size_t i = 0; i < findings.count; i++) {
            const struct finding *finding = &findings.items[i];
            if (strcmp(finding->check, checks[check]) != 0)
                continue;
            places += !finding->summary;
            if (finding->summary)
                cr_expect(finding->measured == MANY && finding->verdict == VERDICT_FAIL &&
                              strstr(finding->message, "300 tensors (44 of them are not listed); the first: "),
                          "%s: %g, %s", checks[check], finding->measured, finding->message);
            else
                cr_expect(finding->where.layer == 0 && finding->where.expert == (int)places - 1);
        }
        cr_expect_eq(places, 256, "%s: %zu places", checks[check], places);
    }
    findings_free(&findings);
    store_free(store);
    free(config);
    unlink(path);
}
