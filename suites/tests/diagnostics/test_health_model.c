/* Weight health reads a model once: the same whatever the threads and strips, and what cannot be read is told. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixtures.h"
#include "health/health.h"
#include "health/judge.h"
#include "health_fixture.h"
#include "run/subject.h"

/* Fields, for there is padding between them. */
static const struct field {
    const char *name;
    size_t at, size;
} fields[] = {
#define FIELD(name)                                                                                                    \
    {                                                                                                                  \
#name, offsetof(struct measure, name), sizeof((struct measure *)NULL)->name                                    \
    }
    FIELD(rows),
    FIELD(columns),
    FIELD(count),
    FIELD(nonfinite),
    FIELD(first_nonfinite),
    FIELD(zeros),
    FIELD(sum),
    FIELD(absolute),
    FIELD(squares),
    FIELD(fourth),
    FIELD(smallest),
    FIELD(largest),
    FIELD(peak),
    FIELD(peak_at),
    FIELD(equals),
    FIELD(run),
    FIELD(run_at),
    FIELD(run_value),
    FIELD(row_squares),
    FIELD(row_fourth),
    FIELD(row_count),
    FIELD(neighbours),
    FIELD(neighbour_count),
    FIELD(column_squares),
    FIELD(column_fourth),
    FIELD(gain_correlation),
    FIELD(effective_squares),
    FIELD(sampled),
    FIELD(hash),
};

static void expect_same_scan(const struct scan *a, const struct scan *b)
{
    size_t experts = (size_t)a->config->experts;
    cr_assert(a->count == b->count && a->count > 0);
    for (size_t i = 0; i < a->count; i++) {
        const char *one = (const char *)&a->tensors[i].measure, *other = (const char *)&b->tensors[i].measure;
        for (size_t f = 0; f < sizeof fields / sizeof *fields; f++)
            cr_expect(memcmp(one + fields[f].at, other + fields[f].at, fields[f].size) == 0, "%s of %s", fields[f].name,
                      a->tensors[i].tensor->name);
        const struct pairing *left = &a->tensors[i].pairing, *right = &b->tensors[i].pairing;
        cr_expect(left->with == right->with && left->count == right->count && left->least_at == right->least_at &&
                  memcmp(&left->mean, &right->mean, sizeof left->mean) == 0 &&
                  memcmp(&left->least, &right->least, sizeof left->least) == 0);
    }
    for (int layer = 0; layer < a->config->layers; layer++) {
        cr_assert(!a->affinity[layer] == !b->affinity[layer]);
        if (a->affinity[layer])
            cr_expect(memcmp(a->affinity[layer], b->affinity[layer], experts * experts * sizeof(float)) == 0,
                      "the experts of layer %d", layer);
    }
    cr_expect(memcmp(a->embedding.rms, b->embedding.rms, (size_t)a->embedding.rows * sizeof(float)) == 0);
}

Test(health, threads_change_no_measure)
{
    static const char *const models[] = {MODEL("thinker-48"), MODEL("nano/qwen2_moe")};
    static const int counts[] = {1, 2, 3, 5};
    for (size_t m = 0; m < 2; m++) {
        struct error error = {0};
        struct subject subject = open_model(models[m], NULL, 0);
        struct scan scans[4] = {0};
        for (size_t i = 0; i < 4; i++) {
            struct pool *pool = threads(counts[i]);
            cr_assert(scan_weights(subject.store, subject.config, pool, &scans[i], &error), "%s", error_text(&error));
            pool_free(pool);
            expect_same_scan(&scans[0], &scans[i]);
        }
        for (size_t i = 0; i < 4; i++)
            scan_free(&scans[i]);
        subject_free(&subject);
    }
}

Test(health, a_file_that_ends_too_early_is_an_error)
{
    struct error error = {0};
    size_t size;
    char *bytes = read_bytes(MODEL("nano/qwen2/model.safetensors"), &size);
    for (int count = 1; count <= 3; count += 2) {
        struct scan scan = {0};
        struct pool *pool = threads(count);
        write_bytes(scratch("model.safetensors"), bytes, size);
        struct store *store = store_open(scratch("model.safetensors"), &error);
        struct model_config *config = config_read(MODEL("nano/qwen2/config.json"), &error);
        cr_assert(store && config, "%s", error_text(&error));
        cr_assert(truncate(scratch("model.safetensors"), (off_t)(size / 2)) == 0);
        cr_expect_not(scan_weights(store, config, pool, &scan, &error));
        cr_expect(strstr(error_text(&error), "model.safetensors") && strstr(error_text(&error), "tensor '"), "%s",
                  error_text(&error));
        scan_free(&scan);
        error_clear(&error);
        store_free(store);
        free(config);
        pool_free(pool);
    }
    free(bytes);
}

Test(health, what_cannot_be_widened_is_passed_over)
{
    struct error error = {0};
    struct scan scan = {0};
    struct findings findings = {0};
    struct model_config *config;
    struct pool *pool = threads(2);
    float *values = gaussians(408 * 40, 0.02);
    values[3 * 40 + 7] = NAN;
    struct plain_tensor tensors[] = {
        {"model.embed_tokens.weight", "F32", "[408, 40]", values, 408 * 40 * 4},
        {"model.layers.0.input_layernorm.weight", "I64", "[40]", NULL, 320},
        {"model.layers.0.self_attn.q_proj.weight", "F32", "[96, 40]", values + 400, 96 * 40 * 4},
        {"model.layers.0.self_attn.k_proj.weight", "I64", "[32, 40]", NULL, 32 * 40 * 8},
        {"model.layers.1.mlp.gate.weight", "F32", "[0, 40]", NULL, 0},
        {"model.layers.1.empty.weight", "F32", "[40, 0]", NULL, 0},
        {"model.layers.1.single.weight", "F32", "[]", values, 4},
    };
    struct store *store = odd_store(tensors, sizeof tensors / sizeof *tensors, &config);
    cr_assert(scan_weights(store, config, pool, &scan, &error), "%s", error_text(&error));
    cr_expect(scan.count == sizeof tensors / sizeof *tensors);
    cr_expect_not(examined_of(&scan, tensors[1].name)->read || examined_of(&scan, tensors[3].name)->read);
    cr_expect_not(examined_of(&scan, tensors[4].name)->read || examined_of(&scan, tensors[5].name)->read);
    cr_expect(examined_of(&scan, tensors[2].name)->read && examined_of(&scan, tensors[6].name)->read);
    cr_expect(isnan(examined_of(&scan, tensors[2].name)->measure.gain_correlation));
    cr_expect(examined_of(&scan, tensors[0].name)->measure.first_nonfinite == 3 * 40 + 7);
    for (size_t row = 0; row < 408; row++) {
        double squares = 0;
        for (size_t i = 0; i < 40; i++)
            squares += (double)values[row * 40 + i] * (double)values[row * 40 + i];
        expect_near("row profile", (double)scan.embedding.rms[row], sqrt(squares / 40), 1e-6);
    }
    cr_assert(health_report(&scan, &findings, &error), "%s", error_text(&error));
    findings_free(&findings);
    scan_free(&scan);
    store_free(store);
    free(config);
    free(values);
    pool_free(pool);
}

/* Eight megabytes and more: the sums, a run and the rows are those of one pass. */
Test(health, strips_of_a_large_tensor_come_to_the_whole)
{
    struct error error = {0};
    struct model_config *config;
    enum { ROWS = 60000, COLUMNS = 40, CUT = (8 << 20) / (COLUMNS * 4) };
    float *values = gaussians(ROWS * COLUMNS, 0.02), *rms = malloc(ROWS * sizeof *rms);
    for (size_t i = CUT * COLUMNS - 123; i < CUT * COLUMNS + 200; i++)
        values[i] = 0.25f;
    for (size_t i = 777; i < 777 + 250; i++)
        values[i] = -0.25f;
    values[59999 * COLUMNS + 3] = NAN;
    struct plain_tensor tensors[] = {
        {"model.embed_tokens.weight", "F32", "[60000, 40]", values, ROWS * COLUMNS * sizeof *values}};
    struct store *store = odd_store(tensors, 1, &config);
    struct grid grid = {DTYPE_F32, ROWS, COLUMNS, values, values};
    struct naive naive = naive_of(&grid, NULL);
    measure_of(&grid, ROWS, 100, NULL, rms);
    for (int count = 1; count <= 3; count++) {
        struct scan scan = {0};
        struct pool *pool = threads(count);
        cr_assert(scan_weights(store, config, pool, &scan, &error), "%s", error_text(&error));
        const struct measure *measure = &scan.tensors[0].measure;
        expect_measure(&grid, measure, NULL, true);
        cr_expect(measure->run == 323 && measure->run_at == CUT * COLUMNS - 123 && naive.run == 323);
        cr_expect(measure->neighbour_count == naive.neighbour_count - 1); /* rows beside the cut do not meet */
        cr_expect(memcmp(scan.embedding.rms, rms, ROWS * sizeof *rms) == 0);
        scan_free(&scan);
        pool_free(pool);
    }
    store_free(store);
    free(config);
    free(values);
    free(rms);
}

Test(health, of_no_tensors_nothing_is_told)
{
    struct error error = {0};
    struct scan scan = {0};
    struct findings findings = {0};
    struct model_config *config;
    struct pool *pool = threads(2);
    struct plain_tensor tensors[] = {{"visual.v", "F32", "[4]", NULL, 16}};
    struct store *store = odd_store(tensors, 1, &config);
    cr_assert(scan_weights(store, config, pool, &scan, &error), "%s", error_text(&error));
    cr_expect(scan.count == 0 && !scan.embedding.tensor);
    cr_assert(health_report(&scan, &findings, &error), "%s", error_text(&error));
    for (size_t i = 0; i < findings.count; i++)
        cr_expect(findings.items[i].verdict != VERDICT_FAIL);
    findings_free(&findings);
    scan_free(&scan);
    store_free(store);
    free(config);
    pool_free(pool);
}

/* The index of the twin, PAIR_NONE: none. */
static size_t twin_of(const struct judging *judging, const struct scan *scan, const char *name)
{
    return judging->twins[examined_of(scan, name) - scan->tensors];
}

Test(health, the_same_bytes_in_another_shape_are_no_twin)
{
    struct error error = {0};
    struct scan scan = {0};
    struct ranks ranks = {0};
    struct judging judging = {0};
    struct model_config *config;
    struct pool *pool = threads(2);
    float *values = gaussians(64, 0.02);
    struct plain_tensor tensors[] = {
        {"model.a", "F32", "[4, 16]", values, 256},  {"model.b", "F32", "[16, 4]", values, 256},
        {"model.c", "F32", "[64]", values, 256},     {"model.d", "F32", "[1, 64]", values, 256},
        {"model.e", "BF16", "[8, 16]", values, 256}, {"model.f", "F16", "[8, 16]", values, 256},
        {"model.g", "F32", "[2, 32]", values, 256},  {"model.h", "F32", "[2, 32]", values, 256},
        {"model.i", "F32", "[5, 5]", values, 100},   {"model.j", "F32", "[5, 5]", values, 100},
    };
    struct store *store = odd_store(tensors, sizeof tensors / sizeof *tensors, &config);
    cr_assert(scan_weights(store, config, pool, &scan, &error), "%s", error_text(&error));
    cr_assert(ranks_new(&scan, &ranks, &error) && judging_new(&ranks, &judging, &error), "%s", error_text(&error));
    for (size_t i = 0; i < 6; i++)
        cr_expect(twin_of(&judging, &scan, tensors[i].name) == PAIR_NONE, "%s", tensors[i].name);
    cr_expect(twin_of(&judging, &scan, "model.g") == (size_t)(examined_of(&scan, "model.h") - scan.tensors));
    cr_expect(twin_of(&judging, &scan, "model.h") == (size_t)(examined_of(&scan, "model.g") - scan.tensors));
    cr_expect(twin_of(&judging, &scan, "model.i") == PAIR_NONE); /* 25 values may agree by chance */
    judging_free(&judging);
    ranks_free(&ranks);
    scan_free(&scan);
    store_free(store);
    free(config);
    free(values);
    pool_free(pool);
}
