/* What judges: the comparator, the limits, routing ties, and perplexity against sums taken by hand. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "diagnostics/check.h"
#include "diagnostics/comparator.h"
#include "diagnostics/layers.h"
#include "diagnostics/limits.h"
#include "diagnostics/logits.h"
#include "diagnostics/perplexity.h"
#include "golden/dump.h"

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
    struct comparison nothing = {0};
    cr_assert(!comparison_within(&nothing, 1e9), "nothing compared is nothing passed");
    cr_assert(!comparison_within(&nothing, INFINITY) && !comparison_within(&nothing, NAN), "whatever the limit");
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

Test(limits, are_multiples_of_noise_or_marked_fallbacks)
{
    struct limits limits;
    struct error error = {0};
    const char *cause = NULL;
    cr_assert(limits_init(&limits, &error));
    cr_assert(fabs(limits_tolerance(&limits, 3e-7, "float64", &cause) - 3e-6) < 1e-18 && !strstr(cause, "fallback"),
              "%s", cause);
    cr_assert(limits_tolerance(&limits, 0, "float64", NULL) <= 0, "no noise: exact");
    static const char *const dtypes[] = {"float64", "float32", "float16", "bfloat16", "something"};
    double last = 0;
    for (size_t i = 0; i < 5; i++) {
        double tolerance = limits_tolerance(&limits, NAN, dtypes[i], &cause);
        cr_assert(tolerance > 0 && tolerance < 0.1 && strstr(cause, "fallback"), "%s: %g, %s", dtypes[i], tolerance,
                  cause);
        cr_assert(i == 4 || tolerance >= last, "coarser dtypes are allowed more");
        last = tolerance;
    }
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

/* A dump of one case with router logits of two tokens, in a new file. */
static struct golden *router_gold(const struct model_config *config, const float *logits, const char *path)
{
    static const int ids[] = {1, 2};
    const struct golden_case one = {.id = "case", .ids = ids, .count = 2, .perplexity = NAN};
    struct dump_options options = {.producer = "test", .dtype = "float32"};
    const struct row rows[] = {{0, 0}, {0, 1}};
    struct error error = {0};
    options.points[POINT_ROUTER] = true;
    struct dump *dump = dump_create(path, config, &one, 1, &options, &error);
    cr_assert(dump, "%s", error_text(&error));
    struct activation activation = {
        .point = POINT_ROUTER, .values = (float *)logits, .rows = 2, .width = 4, .row_of = rows};
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

Test(layers, a_tie_is_forced_and_a_real_difference_is_not)
{
    const float gold[8] = {2, 1, 0.99999f, 0, 2, 1, 0.5f, 0};
    float subject[8] = {2, 0.99999f, 1, 0, 2, 0.5f, 1, 0}; /* the first token a tie, the second another choice */
    struct model_config *config = calloc(1, sizeof *config);
    struct error error = {0};
    struct limits limits;
    char path[64];
    snprintf(path, sizeof path, "/tmp/assay-tie-%ld.safetensors", (long)getpid());
    config->layers = 1;
    config->experts = 4;
    config->experts_per_token = 2;
    config->sparse[0] = true;
    struct golden *golden = router_gold(config, gold, path);
    cr_assert(limits_init(&limits, &error));
    struct layers *layers = layers_new(golden, config, &limits, &error);
    const struct part part = {
        .point = POINT_ROUTER, .layer = 0, .path = "model.layers.0.mlp.gate", .values = subject, .rows = 2, .width = 4};
    cr_assert(layers && layers_see(layers, MODE_PROPAGATED, 0, &part, &error), "%s", error_text(&error));
    cr_assert(memcmp(subject, gold, 4 * sizeof *gold) == 0, "gold's choice is forced on the tie");
    cr_assert(subject[5] == 0.5f && subject[6] == 1, "a real difference stays");
    struct findings findings = {0};
    cr_assert(layers_report(layers, &findings, "not run", &error));
    cr_assert(fact(&findings.items[0], "routing_ties") == 1, "the report counts the tie");
    cr_assert(findings.items[0].verdict == VERDICT_FAIL, "the second token fails it");
    findings_free(&findings);
    layers_free(layers);
    limits_free(&limits);
    golden_free(golden);
    free(config);
    unlink(path);
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
